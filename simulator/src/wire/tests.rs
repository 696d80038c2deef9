use rust_ocpp::v1_6::messages::meter_values::MeterValuesRequest;
use rust_ocpp::v2_0_1::messages::transaction_event::TransactionEventRequest;
use serde_json::Value;
use station::event::{ConnectorStatus, Severity};
use station::time::{SECOND, Timestamp};

use super::*;
use crate::fleet::charge::Reading;
use crate::fleet::{Fleet, FleetPlan};

const SESSION: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001);

fn reading(phases: u8) -> Reading {
    Reading {
        at: Timestamp(1_700_000_000_123_000),
        power_w: 7360.5,
        register_wh: 12_345.0,
        current_a: 10.67,
        voltage_v: [230.1, 229.8, 230.4],
        phases,
        soc_percent: (phases == 0).then_some(41.5),
        temperature_c: 31.2,
    }
}

fn said(protocol: Protocol, what: What) -> Option<(&'static str, Value)> {
    let fleet = Fleet::new(FleetPlan::default());
    let station = fleet.stations.iter().find(|s| s.protocol == protocol).expect("one");
    let mut writer = Writer::default();
    writer.learn_transaction(SESSION, 77);
    let saying = Saying { at: Timestamp(1_700_000_000 * SECOND + 123_456), what };
    let encoded = writer.encode(station, &saying, "m-1", true).expect("encodes")?;
    Some((encoded.action, serde_json::from_str(&encoded.payload).expect("JSON")))
}

#[test]
fn meter_values_in_each_protocol() {
    let meter = |phases| What::Meter { session: SESSION, connector: 2, reading: reading(phases) };

    let (action, payload) = said(Protocol::Ocpp16, meter(3)).expect("said");
    assert_eq!(
        (action, &payload["transactionId"], &payload["connectorId"]),
        ("MeterValues", &77.into(), &2.into())
    );
    assert_eq!(payload["meterValue"][0]["timestamp"], "2023-11-14T22:13:20.123Z", "cut to milliseconds");
    let request: MeterValuesRequest = serde_json::from_value(payload).expect("by the book");
    assert_eq!(request.meter_value[0].sampled_value.len(), 9);
    assert_eq!(request.meter_value[0].sampled_value[0].value, "12345");

    let (action, payload) = said(Protocol::Ocpp201, meter(0)).expect("said");
    assert_eq!(
        (action, &payload["eventType"], &payload["seqNo"]),
        ("TransactionEvent", &"Updated".into(), &0.into())
    );
    assert_eq!(payload["offline"], true);
    let text = payload.to_string();
    let request: TransactionEventRequest = serde_json::from_str(&text).expect("by the book");
    let value = &request.meter_value.expect("values")[0].sampled_value;
    assert_eq!(value[1].value.to_string(), "7360.5");
    assert_eq!(value.last().expect("a value").value.to_string(), "41.5");

    let (action, payload) = said(Protocol::Mqtt, meter(0)).expect("said");
    assert_eq!(action, "meter");
    assert_eq!(
        payload,
        serde_json::json!({"id": "m-1", "session": SESSION.to_string(), "connector": 2,
            "timestamp": "2023-11-14T22:13:20.123Z", "power_w": 7360.5, "energy_wh": 12345.0, "current_a": 10.67,
            "voltage_v": 230.1, "soc_percent": 41.5, "temperature_c": 31.2})
    );
}

#[test]
fn sequence_numbers_count_within_a_transaction() {
    let fleet = Fleet::new(FleetPlan::default());
    let station = fleet.stations.iter().find(|s| s.protocol == Protocol::Ocpp201).expect("one");
    let mut writer = Writer::default();
    let other = Uuid::from_u128(9);
    let mut sequence = |session| {
        let what = What::Meter { session, connector: 1, reading: reading(1) };
        let encoded =
            writer.encode(station, &Saying { at: Timestamp(0), what }, "m", false).expect("encodes");
        let payload: Value = serde_json::from_str(&encoded.expect("said").payload).expect("JSON");
        assert!(payload.get("offline").is_none());
        payload["seqNo"].as_i64().expect("a number")
    };
    assert_eq!([sequence(SESSION), sequence(other), sequence(SESSION), sequence(SESSION)], [0, 0, 1, 2]);
}

#[test]
fn what_is_said_and_what_is_encoded_agree() {
    let fault = |cleared, status| What::Fault {
        connector: Some(1),
        code: "HighTemperature".into(),
        text: "hot".into(),
        cleared,
        severity: Severity::Critical,
        status,
    };
    let mut all = vec![
        What::Boot,
        What::Heartbeat,
        What::Authorize { connector: 1, token: "04A1".into() },
        What::Start { session: SESSION, connector: 1, token: "04A1".into(), reading: reading(1) },
        What::Suspended { session: SESSION, connector: 1, reading: reading(1) },
        What::Data { message: "m".into(), data: "d".into() },
        What::Cut { until: Timestamp(1) },
        fault(false, ConnectorStatus::Faulted),
        fault(false, ConnectorStatus::Charging),
        fault(true, ConnectorStatus::Available),
    ];
    for status in ConnectorStatus::ALL {
        for connector in [0, 1] {
            all.push(What::Status { connector, status, error: Some("GroundFailure".into()) });
        }
    }
    for protocol in [Protocol::Ocpp16, Protocol::Ocpp201, Protocol::Mqtt] {
        for what in &all {
            // MQTT's and 1.6's encoders can write more than is said; never less.
            if what.is_said_in(protocol) {
                assert!(said(protocol, what.clone()).is_some(), "{protocol:?} {what:?}");
            }
        }
    }
    assert!(!fault(true, ConnectorStatus::Available).is_said_in(Protocol::Ocpp16));
    assert!(fault(true, ConnectorStatus::Available).is_said_in(Protocol::Ocpp201));
}
