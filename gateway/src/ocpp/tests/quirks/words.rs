//! Words, texts and the types of fields.

use super::{Quirk, V16, V21, V201, quirk};

const OK: Option<&str> = Some(r#"[3,"1",{}]"#);
const STATUS: &str = "OCPP 1.6, 6.47";
const TYPES: &str = "seen: numbers for texts and the reverse";

pub(super) const QUIRKS: &[Quirk] = &[
    quirk(
        ("a status of the vendor", STATUS, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Napping","errorCode":"NoError","timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 unknown info=Napping", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("an error code of the vendor", STATUS, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Faulted","errorCode":"E-77","timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 faulted error=E-77", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("no error code", STATUS, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 available", "field_missing"),
    )
    .strict("OccurenceConstraintViolation"),
    quirk(
        ("no status", STATUS, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError"}]"#,
        Some(r#"[4,"1","OccurenceConstraintViolation","status: required, but missing",{"field":"status"}]"#),
        ("rejected invalid: status: required, but missing", ""),
    ),
    quirk(
        ("a long story as info", "OCPP 1.6, 6.47: 50 characters", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Faulted","errorCode":"OtherError","info":"the contactor of the second phase did not open when it was told to","timestamp":"{now}"}]"#,
        OK,
        ("info=the contactor of the second phase did not open when it was told to", "text_too_long"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a connector's number as text", TYPES, V16),
        r#"[2,"1","StatusNotification",{"connectorId":"1","status":"Available","errorCode":"NoError","timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 available", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a connector's number with a fraction", TYPES, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1.0,"status":"Available","errorCode":"NoError","timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 available", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a list of connectors", TYPES, V16),
        r#"[2,"1","StatusNotification",{"connectorId":[1,2],"status":"Available","errorCode":"NoError"}]"#,
        Some(
            r#"[4,"1","TypeConstraintViolation","connectorId: expected a whole number, found a list",{"field":"connectorId"}]"#,
        ),
        ("rejected invalid: connectorId", ""),
    ),
    quirk(
        ("a connector's number beyond 32 bits", "seen: unsigned minus one", V16),
        r#"[2,"1","StatusNotification",{"connectorId":4294967295,"status":"Available","errorCode":"NoError"}]"#,
        Some(r#"[4,"1","PropertyConstraintViolation","connectorId"#),
        ("rejected invalid: connectorId", ""),
    ),
    quirk(
        ("a field that no schema knows", STATUS, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","temperature":41,"timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 available", "field_unknown"),
    )
    .strict("FormationViolation"),
    quirk(
        ("null for a field that is left out", "seen: serialisers that write every field", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","info":null,"vendorId":null,"timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 available", ""),
    ),
    quirk(
        ("empty texts for fields that are left out", "seen: serialisers that write every field", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","info":"","vendorErrorCode":"","timestamp":"{now}"}]"#,
        OK,
        ("connector_status 1 available", ""),
    ),
    quirk(
        ("1.6's word for a status in 2.0.1", "seen: 1.6 firmware upgraded to 2.0.1", V201),
        r#"[2,"1","StatusNotification",{"timestamp":"{now}","connectorStatus":"Preparing","evseId":1,"connectorId":1}]"#,
        OK,
        ("connector_status 1.1 preparing", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a card's number as a number", TYPES, V16),
        r#"[2,"1","Authorize",{"idTag":4711}]"#,
        Some(r#"[3,"1",{"idTagInfo":{"status":"Invalid"}}]"#),
        ("events authorized", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a card longer than 20 characters", "OCPP 1.6, 7.27", V16),
        r#"[2,"1","Authorize",{"idTag":"04A1B2C3D4E5F60718293A4B5C6D"}]"#,
        Some(r#"[3,"1",{"idTagInfo""#),
        ("events authorized", "text_too_long"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a blank card", "seen: readers that read nothing", V16),
        r#"[2,"1","Authorize",{"idTag":"   "}]"#,
        Some(r#"[4,"1","OccurenceConstraintViolation","idTag: required, but missing""#),
        ("rejected invalid: idTag", ""),
    ),
    quirk(
        ("a list of cards", TYPES, V16),
        r#"[2,"1","Authorize",{"idTag":["04A1B2"]}]"#,
        Some(r#"[4,"1","TypeConstraintViolation","idTag: expected text, found a list""#),
        ("rejected invalid: idTag", ""),
    ),
    quirk(
        ("a bare card in 2.0.1", "seen: 1.6 firmware upgraded to 2.0.1", V201),
        r#"[2,"1","Authorize",{"idToken":"04A1B2"}]"#,
        Some(r#"[3,"1",{"idTokenInfo":{"status":"Unknown"}}]"#),
        ("events authorized", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a kind of card of the vendor", "OCPP 2.0.1, 3.43; open in 2.1", V201),
        r#"[2,"1","Authorize",{"idToken":{"idToken":"04A1B2","type":"Fob"}}]"#,
        Some(r#"[3,"1",{"idTokenInfo""#),
        ("events authorized", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("no kind of card", "OCPP 2.0.1, 2.28", V201),
        r#"[2,"1","Authorize",{"idToken":{"idToken":"04A1B2"}}]"#,
        Some(r#"[3,"1",{"idTokenInfo""#),
        ("events authorized", "field_missing"),
    )
    .strict("OccurrenceConstraintViolation"),
    quirk(
        ("a boot that says nothing", "OCPP 1.6, 6.3: vendor and model are required", V16),
        r#"[2,"1","BootNotification",{}]"#,
        Some(r#"[3,"1",{"currentTime":""#),
        ("station_reports", "field_missing"),
    )
    .strict("OccurenceConstraintViolation"),
    quirk(
        ("a model's name that is too long", "OCPP 1.6, 6.3: 20 characters", V16),
        r#"[2,"1","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"Fast Charger 9000 with two cables"}]"#,
        Some(r#"[3,"1",{"currentTime":""#),
        ("station_reports vendor=Acme model=Fast Charger 9000 with two cables", "text_too_long"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a reason of the vendor to boot", "OCPP 2.0.1, 3.10", V201),
        r#"[2,"1","BootNotification",{"reason":"Thunder","chargingStation":{"vendorName":"Acme","model":"X"}}]"#,
        Some(r#"[3,"1",{"currentTime":""#),
        ("station_reports vendor=Acme model=X reason=Thunder", "vendor_word"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a text for the station", "OCPP 2.0.1, 1.8.1", V201),
        r#"[2,"1","BootNotification",{"reason":"PowerUp","chargingStation":"Acme X"}]"#,
        Some(r#"[4,"1","TypeConstraintViolation","chargingStation"#),
        ("rejected invalid: chargingStation", ""),
    ),
    quirk(
        ("the station of 1.6 under 2.0.1", "seen: 1.6 firmware upgraded to 2.0.1", V201),
        r#"[2,"1","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"X"}]"#,
        Some(r#"[3,"1",{"currentTime":""#),
        ("station_reports", "field_missing,field_unknown"),
    )
    .strict("OccurrenceConstraintViolation"),
    quirk(
        ("data without a vendor", "OCPP 1.6, 6.17", V16),
        r#"[2,"1","DataTransfer",{"data":"x"}]"#,
        Some(r#"[3,"1",{"status":"UnknownVendorId"}]"#),
        ("events data_transferred: Data of", "field_missing"),
    )
    .strict("OccurenceConstraintViolation"),
    quirk(
        ("an object as data in 1.6", "OCPP 1.6, 6.17: data is text", V16),
        r#"[2,"1","DataTransfer",{"vendorId":"x","data":{"a":[1]}}]"#,
        Some(r#"[3,"1",{"status":"UnknownVendorId"}]"#),
        ("events data_transferred: Data of x", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("events without any", "OCPP 2.0.1, 1.41.1", V201),
        r#"[2,"1","NotifyEvent",{"generatedAt":"{now}","seqNo":0}]"#,
        Some(r#"[4,"1","OccurrenceConstraintViolation","eventData"#),
        ("rejected invalid: eventData", ""),
    ),
    quirk(
        ("true as text", TYPES, V21),
        r#"[2,"1","NotifyDERAlarm",{"controlType":"HVMustTrip","timestamp":"{now}","alarmEnded":"true"}]"#,
        OK,
        ("events fault_reported: Fault DER/HVMustTrip cleared", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a request for a certificate without one", "security whitepaper, 5.8", V16),
        r#"[2,"1","SignCertificate",{}]"#,
        Some(r#"[3,"1",{"status":"Rejected"}]"#),
        ("events data_transferred: Data of OCPP: SignCertificate", "field_missing"),
    )
    .strict("OccurenceConstraintViolation"),
    quirk(
        ("needs of a vehicle that name no EVSE", "OCPP 2.0.1, 1.40.1", V201),
        r#"[2,"1","NotifyEVChargingNeeds",{"chargingNeeds":{"requestedEnergyTransfer":"DC"}}]"#,
        Some(r#"[3,"1",{"status":"Rejected""#),
        ("events data_transferred: Data of OCPP: NotifyEVChargingNeeds", "field_missing"),
    )
    .strict("OccurrenceConstraintViolation"),
];
