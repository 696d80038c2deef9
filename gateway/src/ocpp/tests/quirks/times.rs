//! Clocks and how their time is written.

use super::{Quirk, V16, V201, quirk};

const ISO: &str = "OCPP 1.6, 3.14: ISO 8601 as in RFC 3339";

pub(super) const QUIRKS: &[Quirk] = &[
    quirk(
        ("a time without a zone", "seen: clocks that know no zone; taken as UTC", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"{bare}"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "timestamp_without_zone"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("1970", "seen: clocks that were never set", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"1970-01-01T00:00:07Z"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "clock"),
    ),
    quirk(
        ("local time sent as UTC", "seen: stations east of Greenwich, hours ahead", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"{ahead}"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "clock"),
    ),
    quirk(
        ("an offset without a colon", ISO, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"{bare}+0000"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "timestamp_format"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("an offset of hours only", "seen: monta-app/ocpp-emulator, issue 5", V201),
        r#"[2,"1","StatusNotification",{"timestamp":"{bare}+00","connectorStatus":"Available","evseId":1,"connectorId":1}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1.1 available", "timestamp_format"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a space for the T", "seen: SQL's way to write a time", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"{spaced}"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "timestamp_without_zone"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("t and z in small letters", "RFC 3339, 5.6: they may be", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"{lower}"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", ""),
    ),
    quirk(
        ("a time without seconds", ISO, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"{minute}Z"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "timestamp_format"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("seconds since 1970", "seen: a number where text belongs", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":{unix}}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "timestamp_format,type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("milliseconds since 1970", "seen: JavaScript's Date.now()", V201),
        r#"[2,"1","StatusNotification",{"timestamp":{millis},"connectorStatus":"Available","evseId":1,"connectorId":1}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1.1 available", "timestamp_format,type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a time that cannot be read", ISO, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":"soon"}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available at receipt", "timestamp_missing"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("an empty time", "seen: clocks that were never set", V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError","timestamp":""}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available at receipt", "timestamp_missing"),
    )
    .strict("PropertyConstraintViolation"),
    quirk(
        ("a required time left out", "OCPP 2.0.1, 1.60.1: it is required there, and was not in 1.6", V201),
        r#"[2,"1","StatusNotification",{"connectorStatus":"Available","evseId":1,"connectorId":1}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1.1 available at receipt", "timestamp_missing,field_missing"),
    )
    .strict("OccurrenceConstraintViolation"),
    quirk(
        (
            "each sample of a message with a clock of its own",
            "seen: meters that are asked later than the station writes",
            V16,
        ),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":"5"}]},{"timestamp":"1970-01-01T00:00:00Z","sampledValue":[{"value":"6"}]}]}]"#,
        Some(r#"[3,"1",{}]"#),
        ("meter_values 1 Sample.Periodic Outlet - energy_wh=6", "clock"),
    ),
];
