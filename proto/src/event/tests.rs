use station::deviation::{Deviation, Deviations};
use station::event::{
    Boot, ChargingState, CommandAnswer, CommandEnd, CommandIssue, CommandResult, ConnectorStatus, EventKind,
    Fault, ListSent, Mark, Quarantined, RejectReason, SessionEnd, SessionRecord, SessionStart, Severity,
    Source, StationEvent, Status,
};
use station::id::{EventId, SessionId, StationId};
use station::key::{KeyChange, KeyHash};
use station::measurand::{Context, Location, Measurand, Reading, Sample};
use station::secret::SecretKey;
use station::setting::{Setting, SettingChange, Tariff};
use station::time::Timestamp;
use uuid::Uuid;

use super::{EventError, decode, encode, v1};

fn reading(measurand: Measurand, value: f64, unit: &str) -> Reading {
    Reading {
        measurand,
        context: Context::Periodic,
        location: Location::Outlet,
        phase: Some("L1".to_owned()),
        value: Some(value),
        text: None,
        unit: unit.to_owned(),
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn kinds() -> Vec<EventKind> {
    let token = SecretKey::new(b"key").token("04A1B2");
    let odd = Reading {
        measurand: Measurand::Other("X.Fan".to_owned()),
        context: Context::Other("Sometimes".to_owned()),
        location: Location::Other("Roof".to_owned()),
        phase: None,
        value: None,
        text: text("fast"),
        unit: String::new(),
    };
    let mut kinds = vec![
        EventKind::Booted(Boot::default()),
        EventKind::Booted(Boot {
            vendor: text(""),
            model: text("Säule"),
            serial: text("1"),
            firmware: text("2.0"),
            reason: text("PowerUp"),
        }),
        EventKind::Heartbeat,
        EventKind::Authorized { token: token.clone() },
        EventKind::SessionStarted(SessionStart::default()),
        EventKind::SessionUpdated {
            transaction: "t".to_owned(),
            charging_state: None,
            token: Some(token.clone()),
            sequence: Some(-1),
        },
        EventKind::MeterSampled { transaction: None, samples: Vec::new() },
        EventKind::MeterSampled {
            transaction: text("77"),
            samples: vec![
                Sample {
                    station_ts: Some(Timestamp(-5)),
                    deviations: Deviations::from_iter([Deviation::UnitUnknown]),
                    readings: vec![reading(Measurand::PowerImport, 7400.0, "furlong"), odd],
                },
                Sample::default(),
            ],
        },
        EventKind::SessionEnded(SessionEnd {
            transaction: text("i64"),
            token: Some(token.clone()),
            meter_stop_wh: Some(f64::MAX),
            reason: text("Local"),
            sequence: Some(i64::MAX),
        }),
        EventKind::SessionRecorded(Box::default()),
        EventKind::SessionRecorded(Box::new(SessionRecord {
            token: Some(token),
            started_at: Timestamp(1),
            ended_at: Timestamp(2),
            energy_wh: Some(1.5),
            charging_s: Some(2.5),
            max_power_w: Some(3.5),
            mean_power_w: Some(4.5),
            cost: Some("13.087716791774506".parse().expect("a decimal")),
            currency: text("USD"),
            site: text("Houston"),
            vehicle_model: text("BMW i3"),
            battery_wh: Some(5.5),
            soc_start_ratio: Some(0.25),
            soc_end_ratio: Some(0.75),
            temperature_c: Some(-6.5),
            distance_m: Some(7.5),
            vehicle_age_years: Some(8.5),
            charger_type: text("Level 2"),
            user_type: text("Commuter"),
            stop_reason: text("Local"),
        })),
        EventKind::FirmwareStatus { status: "Installed".to_owned() },
        EventKind::SecurityEvent { name: "TamperDetected".to_owned(), info: None },
        EventKind::Connected { gateway: "g".to_owned(), epoch: Uuid::from_u128(7), remote: "::1".to_owned() },
        EventKind::Disconnected {
            gateway: "g".to_owned(),
            epoch: Uuid::from_u128(7),
            reason: "closed".to_owned(),
        },
        EventKind::SettingChanged(Box::new(SettingChange {
            author: "ops".to_owned(),
            revision: u64::MAX,
            setting: Setting::Tariff(Tariff {
                tariff: "day".to_owned(),
                currency: "EUR".to_owned(),
                per_kwh: "0.4299".parse().expect("a decimal"),
                valid_from: Some(Timestamp(9)),
                ..Tariff::default()
            }),
        })),
        EventKind::DataTransferred { vendor_id: "v".to_owned(), message: None, data: text("{}") },
        EventKind::CommandIssued(Box::new(CommandIssue {
            command: Uuid::from_u128(8),
            name: "reset".to_owned(),
            request: "{}".to_owned(),
            digest: u64::MAX,
            author: "ops".to_owned(),
            expires_at: Timestamp(5),
        })),
        EventKind::CommandSent { command: Uuid::from_u128(8), message: "Reset".to_owned(), list: None },
        EventKind::CommandSent {
            command: Uuid::from_u128(8),
            message: "SendLocalList".to_owned(),
            list: Some(Box::new(ListSent {
                version: i32::MAX,
                full: true,
                mark: Mark { changes: u64::MAX, at: Timestamp(-5) },
                through: Some("f".repeat(32)),
            })),
        },
        EventKind::CommandEnded {
            command: Uuid::from_u128(8),
            end: CommandEnd::Expired,
            detail: "too late".to_owned(),
        },
        EventKind::KeyChanged(Box::new(KeyChange::Set {
            hash: KeyHash([7; 32]),
            author: "ops".to_owned(),
            at_once: false,
            command: Some(Uuid::from_u128(8)),
        })),
        EventKind::KeyChanged(Box::new(KeyChange::Set {
            hash: KeyHash([8; 32]),
            author: "ops".to_owned(),
            at_once: true,
            command: None,
        })),
        EventKind::KeyChanged(Box::new(KeyChange::Used { hash: KeyHash([9; 32]) })),
        EventKind::KeyChanged(Box::new(KeyChange::Removed { author: "ops".to_owned() })),
        EventKind::Quarantined(Box::new(Quarantined {
            remote: "::1".to_owned(),
            key: Some(KeyHash([1; 32])),
            certificate: true,
            boot: Some(Boot { vendor: text("Acme"), ..Boot::default() }),
        })),
        EventKind::Tick,
        EventKind::SessionEndInferred { session_id: SessionId(Uuid::from_u128(8)) },
    ];
    for state in [
        ChargingState::Charging,
        ChargingState::EvConnected,
        ChargingState::SuspendedEv,
        ChargingState::SuspendedEvse,
        ChargingState::Idle,
    ] {
        kinds.push(EventKind::SessionStarted(SessionStart {
            charging_state: Some(state),
            ..SessionStart::default()
        }));
    }
    for status in ConnectorStatus::ALL {
        kinds.push(EventKind::StatusChanged(Status {
            status,
            error_code: text("GroundFailure"),
            vendor_error_code: None,
            vendor_id: text("x"),
            info: None,
        }));
    }
    for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
        kinds.push(EventKind::FaultReported(Fault {
            code: "E7".to_owned(),
            text: None,
            cleared: true,
            severity,
        }));
    }
    for result in CommandResult::ALL {
        kinds.push(EventKind::CommandAnswered(Box::new(CommandAnswer {
            command: Uuid::from_u128(8),
            result,
            status: text("Accepted"),
            detail: None,
        })));
    }
    for reason in RejectReason::ALL {
        kinds.push(EventKind::Undecodable { reason, detail: "no JSON".to_owned(), origin: "a/b".to_owned() });
    }
    kinds.push(EventKind::MeterSampled {
        transaction: None,
        samples: vec![Sample {
            readings: Measurand::ALL
                .iter()
                .map(|measurand| reading(measurand.clone(), 1.0, measurand.base_unit().expect("known")))
                .collect(),
            ..Sample::default()
        }],
    });
    kinds
}

fn events() -> impl Iterator<Item = StationEvent> {
    let station = StationId::new("Säule 7").expect("valid");
    kinds().into_iter().enumerate().map(move |(at, kind)| StationEvent {
        event_id: EventId(Uuid::from_u128(at as u128)),
        evse: (at % 2 == 0).then_some(-1),
        connector: (at % 3 == 0).then_some(0),
        station_ts: (at % 5 == 0).then_some(Timestamp(i64::MIN)),
        received_at: Timestamp(1_700_000_000_000_000),
        message_id: (at % 2 == 1).then(|| "m".to_owned()),
        digest: u64::MAX - at as u64,
        deviations: Deviations(1 << (at % 20)),
        payload: (at % 7 == 0).then(|| "{}".to_owned()),
        ..StationEvent::new(station.clone(), Source::ALL[at % Source::ALL.len()], kind)
    })
}

fn encoded(event: &StationEvent) -> Vec<u8> {
    let mut buffer = Vec::new();
    encode(event, &mut buffer);
    buffer
}

#[test]
fn every_kind_comes_back_as_it_was() {
    let mut labels = std::collections::BTreeSet::new();
    for event in events() {
        assert_eq!(decode(&encoded(&event)).as_ref(), Ok(&event));
        labels.insert(event.kind.label());
    }
    assert_eq!(labels.len(), 25, "each kind is in the test: {labels:?}");
}

#[test]
fn encoding_appends() {
    let event = events().next().expect("one");
    let mut buffer = b"before".to_vec();
    encode(&event, &mut buffer);
    assert_eq!(&buffer[..6], b"before");
    assert_eq!(decode(&buffer[6..]), Ok(event));
}

/// Cut-off bytes give an error or (where the cut falls between fields, and only trailing ones are lost) another
/// event; altered ones likewise. Nothing panics.
#[test]
fn cut_and_altered_bytes_do_not_panic() {
    for event in events() {
        let bytes = encoded(&event);
        for cut in 0..bytes.len() {
            assert_ne!(decode(&bytes[..cut]).as_ref(), Ok(&event), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut altered = bytes.clone();
                altered[at] ^= flip;
                let _ = decode(&altered);
            }
        }
    }
}

#[test]
fn what_a_newer_version_wrote_is_named() {
    use prost::Message as _;
    let event = events().next().expect("one");
    let newer = |change: fn(&mut v1::StationEvent)| {
        let mut message = v1::StationEvent::decode(encoded(&event).as_slice()).expect("an event");
        change(&mut message);
        decode(&message.encode_to_vec()).expect_err("unknown").to_string()
    };
    assert!(newer(|m| m.kind = None).contains("kind is unknown"));
    assert!(newer(|m| m.source = 99).contains("99 is no source"));
    assert!(newer(|m| m.event_id = vec![1, 2]).contains("event_id has 2 bytes"));
    assert!(newer(|m| m.station = "a/b".to_owned()).contains("slash"));
    assert_eq!(decode(&[]), Err(EventError::Uuid { field: "event_id", length: 0 }));
}

/// Numbers follow from places in `ALL`: whoever puts a variant in the middle finds out here.
#[test]
fn numbers_mean_the_same_on_both_sides() {
    fn screaming(debug: &str) -> String {
        let mut name = String::new();
        for c in debug.chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
        }
        name
    }
    fn same<T: std::fmt::Debug>(all: &[T], prefix: &str, name: impl Fn(i32) -> Option<&'static str>) {
        for (at, value) in all.iter().enumerate() {
            let expected = format!("{prefix}_{}", screaming(&format!("{value:?}")));
            assert_eq!(name(i32::try_from(at).expect("few") + 1), Some(expected.as_str()));
        }
        assert_eq!(
            name(i32::try_from(all.len()).expect("few") + 1),
            None,
            "{prefix} has more numbers than words"
        );
    }
    same(&Source::ALL, "SOURCE", |n| Some(v1::Source::try_from(n).ok()?.as_str_name()));
    same(&ConnectorStatus::ALL, "CONNECTOR_STATUS", |n| {
        Some(v1::ConnectorStatus::try_from(n).ok()?.as_str_name())
    });
    same(&RejectReason::ALL, "REJECT_REASON", |n| Some(v1::RejectReason::try_from(n).ok()?.as_str_name()));
    same(&CommandResult::ALL, "COMMAND_RESULT", |n| Some(v1::CommandResult::try_from(n).ok()?.as_str_name()));
    same(&CommandEnd::ALL, "COMMAND_END", |n| Some(v1::CommandEnd::try_from(n).ok()?.as_str_name()));
    same(Measurand::ALL, "MEASURAND", |n| Some(v1::Measurand::try_from(n).ok()?.as_str_name()));
    same(Context::ALL, "CONTEXT", |n| Some(v1::Context::try_from(n).ok()?.as_str_name()));
    same(Location::ALL, "LOCATION", |n| Some(v1::Location::try_from(n).ok()?.as_str_name()));
}
