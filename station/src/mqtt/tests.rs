use super::record::Mapping;
use super::*;
use crate::deviation::{Deviation, Deviations};
use crate::event::{ConnectorStatus, Severity};
use crate::measurand::Measurand;
use crate::time::Timestamp;

const NOON: Option<Timestamp> = Some(Timestamp(1_700_000_000_000_000));

fn key() -> SecretKey {
    SecretKey::new(b"key")
}

fn rules() -> Rules {
    let mapping = Mapping::preset("columns20").expect("a preset");
    Rules::new("stations", vec![("idc/fc01".to_owned(), mapping)]).expect("valid")
}

fn event(kind: &str, payload: &str) -> StationEvent {
    let topic = format!("stations/S1/{kind}");
    let mut events = decode(&rules(), &key(), Source::MqttEndpoint, &topic, payload.as_bytes());
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn flags(list: &[Deviation]) -> Deviations {
    list.iter().copied().collect()
}

#[test]
fn a_session_in_our_json() {
    let boot = event("boot", r#"{"vendor":"V","model":"M","serial":"1","firmware":"2","id":"m1"}"#);
    assert_eq!((boot.message_id.as_deref(), boot.deviations), (Some("m1"), Deviations::default()));
    assert!(matches!(boot.kind, EventKind::Booted(boot) if boot.vendor.as_deref() == Some("V")));

    let start = event(
        "start",
        r#"{"session":"a7","connector":2,"token":"04A1","meter_wh":1234,"timestamp":"2023-11-14T22:13:20Z"}"#,
    );
    assert_eq!((start.connector, start.station_ts), (Some(2), NOON));
    assert!(start.payload.as_deref().is_some_and(|p| p.contains("sealed:") && !p.contains("04A1")));
    let EventKind::SessionStarted(said) = start.kind else { panic!("{:?}", start.kind) };
    assert_eq!((said.transaction.as_deref(), said.meter_start_wh), (Some("a7"), Some(1234.0)));
    assert_eq!(said.token, Some(key().token("04A1")));

    let meter = event(
        "meter",
        r#"{"session":"a7","connector":2,"timestamp":"2023-11-14T22:13:20Z","power_w":7400,"energy_wh":2000,
            "current_a":32,"voltage_v":231,"soc_percent":55,"temperature_c":31,"phase":"L1"}"#,
    );
    assert_eq!((meter.payload, meter.deviations), (None, Deviations::default()));
    let EventKind::MeterSampled { transaction, samples } = meter.kind else { panic!() };
    assert_eq!((transaction.as_deref(), samples[0].station_ts), (Some("a7"), NOON));
    let values: Vec<_> =
        samples[0].readings.iter().map(|r| (&r.measurand, r.value, r.phase.as_deref())).collect();
    assert_eq!(
        values,
        [
            (&Measurand::EnergyImportRegister, Some(2000.0), Some("L1")),
            (&Measurand::PowerImport, Some(7400.0), Some("L1")),
            (&Measurand::CurrentImport, Some(32.0), Some("L1")),
            (&Measurand::Voltage, Some(231.0), Some("L1")),
            (&Measurand::Soc, Some(0.55), None),
            (&Measurand::Temperature, Some(31.0), None),
        ]
    );

    let stop = event(
        "stop",
        r#"{"session":"a7","meter_wh":9000,"reason":"Local","timestamp":"2023-11-14T22:13:20Z"}"#,
    );
    assert_eq!((stop.connector, stop.deviations), (None, Deviations::default()));
    assert!(matches!(stop.kind, EventKind::SessionEnded(end) if end.meter_stop_wh == Some(9000.0)));

    let fault = event(
        "fault",
        r#"{"code":"E7","severity":"critical","cleared":true,"timestamp":"2023-11-14T22:13:20Z"}"#,
    );
    assert!(
        matches!(fault.kind, EventKind::FaultReported(f) if f.cleared && f.severity == Severity::Critical)
    );
    let authorize = event("authorize", r#"{"token":"04A1","timestamp":"2023-11-14T22:13:20Z"}"#);
    assert!(matches!(authorize.kind, EventKind::Authorized { token } if token == key().token("04A1")));
    for payload in ["{}", "", " \n"] {
        let heartbeat = event("heartbeat", payload);
        assert_eq!((heartbeat.kind, heartbeat.deviations), (EventKind::Heartbeat, Deviations::default()));
    }
}

#[test]
fn odd_payloads_are_taken_and_flagged() {
    use Deviation as D;
    let at = r#""timestamp":"2023-11-14T22:13:20Z""#;
    for (kind, payload, expected) in [
        ("status", format!(r#"{{"status":"charging",{at}}}"#), flags(&[D::FieldMissing])),
        ("status", format!(r#"{{"connector":1,"status":"Dancing",{at}}}"#), flags(&[D::VendorWord])),
        (
            "status",
            r#"{"connector":"1","status":"Charging"}"#.to_owned(),
            flags(&[D::TypeMismatch, D::TimestampMissing]),
        ),
        (
            "status",
            r#"{"connector":1,"status":"Charging","timestamp":"soon"}"#.to_owned(),
            flags(&[D::TimestampMissing]),
        ),
        (
            "status",
            r#"{"connector":1,"status":"Charging","timestamp":1700000000000}"#.to_owned(),
            flags(&[D::TimestampFormat]),
        ),
        (
            "status",
            r#"{"connector":1,"status":"Charging","timestamp":"2023-11-14 22:13:20"}"#.to_owned(),
            flags(&[D::TimestampWithoutZone]),
        ),
        ("meter", format!(r#"{{"connector":1,"power_w":"7400",{at}}}"#), flags(&[D::TypeMismatch])),
        ("meter", format!(r#"{{"connector":1,"power_w":"7,4",{at}}}"#), flags(&[D::TypeMismatch])),
        ("meter", format!(r#"{{"connector":1,"soc_ratio":80,{at}}}"#), flags(&[D::UnitMismatch])),
        (
            "meter",
            format!(r#"{{"connector":1,"power_kw":7.4,"colour":"red",{at}}}"#),
            flags(&[D::FieldUnknown]),
        ),
        (
            "start",
            format!(r#"{{"connector":1,"session":7,"token":"x",{at}}}"#),
            flags(&[D::TypeMismatch, D::FieldMissing]),
        ),
        (
            "fault",
            format!(r#"{{"code":"E","severity":"bad","cleared":"true",{at}}}"#),
            flags(&[D::VendorWord, D::TypeMismatch]),
        ),
    ] {
        let event = event(kind, &payload);
        assert!(!matches!(event.kind, EventKind::Undecodable { .. }), "{payload}: {:?}", event.kind);
        assert_eq!(event.deviations, expected, "{payload}: {:?}", event.deviations.to_flags());
        if let EventKind::MeterSampled { samples, .. } = event.kind {
            assert_eq!(samples[0].deviations, expected);
        }
    }
    let unknown = event("status", r#"{"connector":1,"status":"Dancing","info":"tango"}"#);
    let EventKind::StatusChanged(status) = unknown.kind else { panic!() };
    assert_eq!((status.status, status.info.as_deref()), (ConnectorStatus::Unknown, Some("Dancing: tango")));
}

#[test]
fn what_cannot_be_used_is_kept_with_a_reason() {
    for (topic, payload, reason, expected) in [
        ("stations/S1/status", r#"{"status":"#, RejectReason::Malformed, "not JSON: EOF"),
        ("stations/S1/status", "[]", RejectReason::Malformed, "expected a JSON object"),
        ("stations/S1/status", "{}", RejectReason::Invalid, "field \"status\": required, but missing"),
        ("stations/S1/status", r#"{"status":{}}"#, RejectReason::Invalid, "expected a text, found an object"),
        (
            "stations/S1/meter",
            r#"{"power_w":"much"}"#,
            RejectReason::Invalid,
            "field \"power_w\": expected a number",
        ),
        ("stations/S1/meter", r#"{"power_w":null}"#, RejectReason::Invalid, "send at least one of"),
        (
            "stations/S1/meter",
            r#"{"connector":1.5,"power_w":1}"#,
            RejectReason::Invalid,
            "whole number from 0",
        ),
        (
            "stations/S1/sing",
            "{}",
            RejectReason::UnknownAction,
            "no kind \"sing\"; there are boot, heartbeat",
        ),
        ("elsewhere", "hello", RejectReason::UnknownTopic, "there are stations/+/+, idc/fc01"),
        ("stations//boot", "{}", RejectReason::Invalid, "the station id is empty"),
        ("idc/fc01", "", RejectReason::Malformed, "nothing is there"),
        ("idc/fc01", "[]", RejectReason::Malformed, "nothing is there"),
        ("idc/fc01", "7", RejectReason::Invalid, "the row has 1 columns, 20 belong there"),
        ("idc/fc01", r#"{"a":1}"#, RejectReason::Invalid, "no column holds station"),
    ] {
        let events = decode(&rules(), &key(), Source::MqttBroker, topic, payload.as_bytes());
        assert_eq!(events.len(), 1);
        let EventKind::Undecodable { reason: found, detail, origin } = &events[0].kind else {
            panic!("{topic} {payload}: {:?}", events[0].kind)
        };
        assert_eq!((found, origin.as_str()), (&reason, topic), "{payload}");
        assert!(detail.contains(expected), "{payload}: {detail}");
        assert!(events[0].payload.is_some());
    }
    let kept = event("start", r#"{"token":"04A1","#).payload.expect("kept");
    assert!(kept.starts_with("sealed:") && !kept.contains("04A1"), "{kept}");
    let bytes = decode(&rules(), &key(), Source::MqttBroker, "stations/S1/boot", &[0xff, 0x00]);
    assert_eq!(bytes[0].payload.as_deref(), Some("hex:ff00"));
}

#[test]
fn a_digest_is_that_of_kind_and_payload_without_its_id() {
    let plain = r#"{"connector":1,"status":"Charging"}"#;
    assert_eq!(event("status", plain).digest, event("status", plain).digest);
    assert_ne!(event("status", plain).digest, event("status", &plain.replace('1', "2")).digest);
    assert_ne!(event("boot", "{}").digest, event("heartbeat", "{}").digest);
    let with_id = |id: &str| event("status", &plain.replace('{', &format!("{{\"id\":\"{id}\","))).digest;
    assert_eq!(with_id("1"), with_id("2"));
}

#[test]
fn arbitrary_bytes_do_not_panic() {
    let start =
        br#"{"session":"a","connector":1,"token":"t","meter_wh":1,"timestamp":"2023-11-14T22:13:20Z"}"#;
    for topic in ["stations/S1/start", "stations/S1/meter", "idc/fc01", "\u{0}", "/"] {
        for at in 0..start.len() {
            let mut altered = start.to_vec();
            altered[at] ^= 0xff;
            assert!(!decode(&rules(), &key(), Source::MqttBroker, topic, &altered).is_empty());
            assert!(!decode(&rules(), &key(), Source::MqttBroker, topic, &start[..at]).is_empty());
        }
    }
}
