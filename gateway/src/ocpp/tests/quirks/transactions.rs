//! Transactions: ids that were never given, starts that are sent again, ends that never come.

use super::{Quirk, V16, V201, quirk};

pub(super) const START: &str =
    r#"[2,"s","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":1000,"timestamp":"{earlier}"}]"#;
const STARTED: &str = r#"[2,"s","TransactionEvent",{"eventType":"Started","timestamp":"{earlier}","triggerReason":"Authorized","seqNo":0,"transactionInfo":{"transactionId":"t"},"evse":{"id":1,"connectorId":1}}]"#;
const STOP: &str = r#"[2,"e","StopTransaction",{"transactionId":{tx},"meterStop":3000,"timestamp":"{now}"}]"#;
const IDS: &str = "seen: stations that never got an id, or lost it";
const OK: Option<&str> = Some(r#"[3,"1",{}]"#);
const STARTED_OK: Option<&str> = Some(r#"[3,"1",{"idTagInfo":{"status":"Invalid"},"transactionId":"#);

pub(super) const QUIRKS: &[Quirk] = &[
    quirk(
        ("transaction minus one", IDS, V16),
        r#"[2,"1","StopTransaction",{"transactionId":-1,"meterStop":3000,"timestamp":"{now}"}]"#,
        OK,
        ("sessions ended energy_wh=2000", "transaction_id_unknown"),
    ).after(&[START]),
    quirk(
        ("samples of transaction nought", IDS, V16),
        r#"[2,"1","StopTransaction",{"transactionId":{tx},"meterStop":3000,"timestamp":"{now}","reason":"Other"}]"#,
        OK,
        ("sessions ended energy_wh=2000 reason=Other", "transaction_id_unknown"),
    )
    .after(&[
        START,
        r#"[2,"m","MeterValues",{"connectorId":1,"transactionId":0,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"1500"}]}]}]"#,
    ]),
    quirk(
        ("the largest transaction that there is", IDS, V16),
        r#"[2,"1","StopTransaction",{"transactionId":9223372036854775807,"idTag":"A","meterStop":3000,"timestamp":"{now}","reason":"Remote"}]"#,
        Some(r#"[3,"1",{"idTagInfo""#),
        ("sessions ended energy_wh=2000 reason=Remote", "transaction_id_unknown"),
    ).after(&[START]),
    quirk(
        ("no transaction", "OCPP 1.6, 6.49", V16),
        r#"[2,"1","StopTransaction",{"meterStop":3000,"timestamp":"{now}"}]"#,
        OK,
        ("sessions ended energy_wh=2000", "field_missing"),
    )
    .strict("OccurenceConstraintViolation").after(&[START]),
    quirk(
        ("the transaction as text", "seen: numbers for texts and the reverse", V16),
        r#"[2,"1","StopTransaction",{"transactionId":"{tx}","meterStop":3000,"timestamp":"{now}"}]"#,
        OK,
        ("sessions ended energy_wh=2000", "type_mismatch"),
    )
    .strict("TypeConstraintViolation").after(&[START]),
    quirk(
        ("a start sent again with the same id", "OCPP-J 1.6, 4.1.4: the same message, the same answer", V16),
        r#"[2,"s","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":1000,"timestamp":"{earlier}"}]"#,
        Some(r#"[3,"s",{"idTagInfo":{"status":"Invalid"},"transactionId":{tx}}]"#),
        ("", ""),
    ).after(&[START]),
    quirk(
        ("a start sent again with a new id", "OCPP 1.6, 4.8: stations retry; some under a new id", V16),
        r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":1000,"timestamp":"{earlier}"}]"#,
        Some(r#"[3,"1",{"idTagInfo":{"status":"Invalid"},"transactionId":{tx}}]"#),
        ("", ""),
    ).after(&[START]),
    quirk(
        ("a start sent again with a new time", "seen: stations that stamp each attempt", V16),
        r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":1000,"timestamp":"{now}"}]"#,
        Some(r#"[3,"1",{"idTagInfo":{"status":"Invalid"},"transactionId":{tx}}]"#),
        ("", "start_retried"),
    ).after(&[START]),
    quirk(
        ("a start without a connector", "seen: stations that have only one", V16),
        r#"[2,"1","StartTransaction",{"idTag":"A","meterStart":1000,"timestamp":"{now}"}]"#,
        STARTED_OK,
        ("sessions open", "field_missing"),
    )
    .strict("OccurenceConstraintViolation"),
    quirk(
        ("a start without a card", "seen: stations that charge for all", V16),
        r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"","meterStart":1000,"timestamp":"{now}"}]"#,
        STARTED_OK,
        ("sessions open", ""),
    ),
    quirk(
        ("a start whose meter is a text", "seen: numbers for texts and the reverse", V16),
        r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":"1000.5","timestamp":"{now}"}]"#,
        STARTED_OK,
        ("sessions open", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a start whose end was lost in a power cut", "seen: the next start on the connector tells", V16),
        r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"B","meterStart":2500,"timestamp":"{now}"}]"#,
        STARTED_OK,
        ("sessions ended energy_wh=0 inferred", ""),
    ).after(&[START]),
    quirk(
        ("a stop without a start", "seen: starts that were lost", V16),
        r#"[2,"1","StopTransaction",{"transactionId":77,"meterStop":3000,"timestamp":"{now}"}]"#,
        OK,
        ("sessions ended reason=Local partial", "stop_without_start"),
    ),
    quirk(
        ("a stop sent twice with new ids", "seen: stations that did not hear the answer", V16),
        r#"[2,"1","StopTransaction",{"transactionId":{tx},"meterStop":3000,"timestamp":"{now}"}]"#,
        OK,
        ("", ""),
    ).after(&[START, STOP]),
    quirk(
        ("a reason of the vendor to stop", "OCPP 1.6, 7.36", V16),
        r#"[2,"1","StopTransaction",{"transactionId":{tx},"meterStop":3000,"timestamp":"{now}","reason":"Bored"}]"#,
        OK,
        ("sessions ended energy_wh=2000 reason=Bored", "vendor_word"),
    )
    .strict("PropertyConstraintViolation").after(&[START]),
    quirk(
        ("a stop without a meter", "OCPP 1.6, 6.49", V16),
        r#"[2,"1","StopTransaction",{"transactionId":{tx},"timestamp":"{now}"}]"#,
        OK,
        ("sessions ended", "field_missing"),
    )
    .strict("OccurenceConstraintViolation").after(&[START]),
    quirk(
        ("a meter that ran backwards", "seen: meters that were exchanged or reset", V16),
        r#"[2,"1","StopTransaction",{"transactionId":{tx},"meterStop":900,"timestamp":"{now}"}]"#,
        OK,
        ("sessions ended", "meter_backwards"),
    ).after(&[START]),
    quirk(
        ("samples of the whole transaction at its end", "OCPP 1.6, 4.10: transactionData", V16),
        r#"[2,"1","StopTransaction",{"transactionId":{tx},"meterStop":3000,"timestamp":"{now}","transactionData":[{"timestamp":"{now}","sampledValue":[{"value":"3000","context":"Transaction.End"}]}]}]"#,
        OK,
        ("meter_values - Transaction.End Outlet - energy_wh=3000 of session", ""),
    ).after(&[START]),
    quirk(
        ("samples that name no transaction", "seen: samples of the clock during a session", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"1500"}]}]}]"#,
        OK,
        ("energy_wh=1500 of session", ""),
    ).after(&[START]),
    quirk(
        ("a status before the boot", "seen: StatusNotification sent first", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 available", "before_boot"),
    )
    .strict("SecurityError").after(&["no boot"]),
    quirk(
        ("an end without a start, in 2.x", "OCPP 2.0.1, E04: starts may be lost offline", V201),
        r#"[2,"1","TransactionEvent",{"eventType":"Ended","timestamp":"{now}","triggerReason":"EVDeparted","seqNo":4,"transactionInfo":{"transactionId":"gone"},"evse":{"id":1,"connectorId":1}}]"#,
        OK,
        ("sessions ended reason=Local partial", "stop_without_start"),
    ),
    quirk(
        ("a word for a transaction's event that does not exist", "OCPP 2.0.1, 3.78", V201),
        r#"[2,"1","TransactionEvent",{"eventType":"Paused","timestamp":"{now}","triggerReason":"EVDeparted","seqNo":4,"transactionInfo":{"transactionId":"t"}}]"#,
        Some(r#"[4,"1","PropertyConstraintViolation","#),
        ("rejected invalid: eventType", ""),
    ),
    quirk(
        ("a transaction's number as a number", "OCPP 2.0.1, 2.48: it is text", V201),
        r#"[2,"1","TransactionEvent",{"eventType":"Started","timestamp":"{now}","triggerReason":"Authorized","seqNo":0,"transactionInfo":{"transactionId":5},"evse":{"id":1,"connectorId":1}}]"#,
        OK,
        ("sessions open", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("no transaction, in 2.x", "OCPP 2.0.1, 1.64.1", V201),
        r#"[2,"1","TransactionEvent",{"eventType":"Started","timestamp":"{now}","triggerReason":"Authorized","seqNo":0,"evse":{"id":1}}]"#,
        Some(r#"[4,"1","OccurrenceConstraintViolation","transactionInfo"#),
        ("rejected invalid: transactionInfo", ""),
    ),
    quirk(
        ("an update after the end", "OCPP 2.0.1, E: seqNo says the order; queues mix it up", V201),
        r#"[2,"1","TransactionEvent",{"eventType":"Updated","timestamp":"{now}","triggerReason":"MeterValuePeriodic","seqNo":1,"offline":true,"transactionInfo":{"transactionId":"t"},"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":2000}]}]}]"#,
        OK,
        ("energy_wh=2000 of session", ""),
    ).after(&[STARTED, r#"[2,"e","TransactionEvent",{"eventType":"Ended","timestamp":"{now}","triggerReason":"EVDeparted","seqNo":2,"transactionInfo":{"transactionId":"t"}}]"#]),
    quirk(
        ("no energy register at all", "seen: DC stations that send power only", V201),
        r#"[2,"1","TransactionEvent",{"eventType":"Ended","timestamp":"{now}","triggerReason":"EVDeparted","seqNo":2,"transactionInfo":{"transactionId":"t"},"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":7200,"measurand":"Power.Active.Import"}]}]}]"#,
        OK,
        ("sessions ended energy_wh=3600", "energy_from_power"),
    ).after(&[STARTED, r#"[2,"u","TransactionEvent",{"eventType":"Updated","timestamp":"{earlier}","triggerReason":"MeterValuePeriodic","seqNo":1,"transactionInfo":{"transactionId":"t"},"meterValue":[{"timestamp":"{earlier}","sampledValue":[{"value":7200,"measurand":"Power.Active.Import"}]}]}]"#]),
];
