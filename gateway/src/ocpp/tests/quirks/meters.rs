//! Meter values: units, numbers and lists.

use super::transactions::START;
use super::{Quirk, V16, V201, quirk};

const OK: Option<&str> = Some(r#"[3,"1",{}]"#);
const VALUES: &str = "OCPP 1.6, 7.43";
const SEEN_UNITS: &str = "seen: units that are left from another measurand";

pub(super) const QUIRKS: &[Quirk] = &[
    quirk(
        ("power in Wh", SEEN_UNITS, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"7200","measurand":"Power.Active.Import","unit":"Wh"}]}]}]"#,
        OK,
        ("meter_values 1 Sample.Periodic Outlet - power_w=7200", "unit_mismatch"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("power in Hz", SEEN_UNITS, V201),
        r#"[2,"1","MeterValues",{"evseId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":7200,"measurand":"Power.Active.Import","unitOfMeasure":{"unit":"Hz"}}]}]}]"#,
        OK,
        ("meter_values 1.- Sample.Periodic Outlet - power_w=7200", "unit_mismatch"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("power in percent", SEEN_UNITS, V16),
        r#"[2,"1","StopTransaction",{"transactionId":{tx},"meterStop":3000,"timestamp":"{now}","transactionData":[{"timestamp":"{now}","sampledValue":[{"value":"70","measurand":"Power.Active.Import","unit":"%"}]}]}]"#,
        OK,
        ("meter_values - Sample.Periodic Outlet - power_w=70 of session", "unit_mismatch"),
    )
    .strict("PropertyConstraintViolation")
    .after(&[START]),
    quirk(
        ("a unit that nobody knows", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5","measurand":"Voltage","unit":"furlong"}]}]}]"#,
        OK,
        ("meter_values_other 1 Voltage value=5 furlong", "unit_unknown"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a measurand of the vendor", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5","measurand":"Fan.Speed","unit":"rpm"}]}]}]"#,
        OK,
        ("meter_values_other 1 Fan.Speed value=5 rpm", "unit_unknown,measurand_unknown"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a context of the vendor", "seen: lbbrhzn/ocpp, issue 361", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5","context":"Sample.Periodic.Clock"}]}]}]"#,
        OK,
        ("meter_values 1 Sample.Periodic.Clock Outlet - energy_wh=5", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a phase of the vendor", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5","measurand":"Current.Import","phase":"R","unit":"A"}]}]}]"#,
        OK,
        ("meter_values 1 Sample.Periodic Outlet R current_a=5", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a location of the vendor", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5","location":"Socket"}]}]}]"#,
        OK,
        ("meter_values 1 Sample.Periodic Socket - energy_wh=5", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a decimal comma", "seen: firmware that formats by its language", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5,25"}]}]}]"#,
        OK,
        ("energy_wh=5.25", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a number where 1.6 wants text", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":5.5}]}]}]"#,
        OK,
        ("energy_wh=5.5", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("text where 2.x wants a number", "OCPP 2.0.1, 2.47", V201),
        r#"[2,"1","MeterValues",{"evseId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5.5"}]}]}]"#,
        OK,
        ("energy_wh=5.5", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a value that is no number", "seen: error texts of the meter", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"n/a"}]}]}]"#,
        OK,
        ("meter_values_other 1 Energy.Active.Import.Register text=n/a Wh", "value_not_a_number"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("NaN as text", "seen: meters that do not answer", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"NaN","measurand":"Voltage","unit":"V"}]}]}]"#,
        OK,
        ("meter_values_other 1 Voltage text=NaN V", "value_not_a_number"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("an empty value beside a good one", "seen: evcc-io/evcc, issue 17836", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"","measurand":"Voltage"},{"value":"5"}]}]}]"#,
        OK,
        ("energy_wh=5", "field_missing"),
    )
    .strict("OccurenceConstraintViolation"),
    quirk(
        ("a list of samples without any", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[]}]}]"#,
        OK,
        ("", ""),
    )
    .strict("OccurenceConstraintViolation"),
    quirk(
        ("one meter value for a list", "seen: languages that flatten lists of one", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":{"timestamp":"{now}","sampledValue":[{"value":"5"}]}}]"#,
        OK,
        ("energy_wh=5", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("one sampled value for a list", "seen: languages that flatten lists of one", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":{"value":"5"}}]}]"#,
        OK,
        ("energy_wh=5", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("null in a list", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[null,{"timestamp":"{now}","sampledValue":[null,{"value":"5"}]}]}]"#,
        OK,
        ("energy_wh=5", ""),
    ),
    quirk(
        ("meter values left out", "OCPP 1.6, 6.31: meterValue is required", V16),
        r#"[2,"1","MeterValues",{"connectorId":1}]"#,
        Some(r#"[4,"1","OccurenceConstraintViolation","meterValue"#),
        ("rejected invalid: meterValue: required, but missing", ""),
    ),
    quirk(
        ("meter values left out, in 2.x", "OCPP 2.0.1 part 4, 4.3: another spelling of the error", V201),
        r#"[2,"1","MeterValues",{"evseId":1}]"#,
        Some(r#"[4,"1","OccurrenceConstraintViolation","meterValue"#),
        ("rejected invalid: meterValue: required, but missing", ""),
    ),
    quirk(
        ("a text for the list", VALUES, V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":"5 Wh"}]"#,
        Some(r#"[4,"1","TypeConstraintViolation","meterValue"#),
        ("rejected invalid: meterValue", ""),
    ),
    quirk(
        ("signed data", "OCPP 1.6, 7.44: a document, not a number", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"OCMF|{}|x","format":"SignedData"}]}]}]"#,
        OK,
        ("meter_values_other 1 Energy.Active.Import.Register text=OCMF|{}|x SignedData", ""),
    ),
    quirk(
        ("a unit beside its multiplier's place", "seen: 1.6 firmware upgraded to 2.0.1", V201),
        r#"[2,"1","MeterValues",{"evseId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":5,"unit":"kWh"}]}]}]"#,
        OK,
        ("energy_wh=5000", "field_unknown"),
    )
    .strict("ProtocolError"),
    quirk(
        ("a unit as text", "seen: 1.6 firmware upgraded to 2.0.1", V201),
        r#"[2,"1","MeterValues",{"evseId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":5,"unitOfMeasure":"kWh"}]}]}]"#,
        OK,
        ("energy_wh=5000", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a multiplier beyond all measure", "OCPP 2.0.1, 2.57", V201),
        r#"[2,"1","MeterValues",{"evseId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":5,"unitOfMeasure":{"unit":"Wh","multiplier":400}}]}]}]"#,
        OK,
        ("energy_wh=5", "unit_unknown"),
    ),
    quirk(
        ("EVSE 0: the main meter", "OCPP 2.0.1, 1.31.1", V201),
        r#"[2,"1","MeterValues",{"evseId":0,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":5}]}]}]"#,
        OK,
        ("meter_values 0.- Sample.Periodic Outlet - energy_wh=5", ""),
    ),
    quirk(
        ("no connector", VALUES, V16),
        r#"[2,"1","MeterValues",{"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5"}]}]}]"#,
        OK,
        ("energy_wh=5", "field_missing"),
    )
    .strict("OccurenceConstraintViolation"),
];
