//! Framing by the book and beside it, each case with the answer and the event that it becomes.

use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::support::{Endpoint, eventually};
use crate::ocpp::Config;

const BOOT_16: &str = r#"[2,"boot","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"X"}]"#;
const BOOT_201: &str = r#"[2,"boot","BootNotification",{"reason":"PowerUp","chargingStation":{"vendorName":"Acme","model":"X"}}]"#;

struct Case {
    /// The subprotocol.
    version: &'static str,
    sent: &'static str,
    /// How the answer begins; `None` if there is none.
    answer: Option<&'static str>,
    /// What is somewhere in the answer.
    says: &'static str,
    /// What it became, with its flags.
    event: &'static str,
}

const fn case(
    version: &'static str,
    sent: &'static str,
    answer: Option<&'static str>,
    says: &'static str,
    event: &'static str,
) -> Case {
    Case { version, sent, answer, says, event }
}

const V16: &str = "ocpp1.6";
const V201: &str = "ocpp2.0.1";
const V21: &str = "ocpp2.1";

const CASES: &[Case] = &[
    // By the book.
    case(V16, r#"[2,"1","Heartbeat",{}]"#, Some(r#"[3,"1",{"currentTime":""#), "Z\"}]", "heartbeat"),
    case(
        V16,
        r#"[2,"1","Authorize",{"idTag":"A"}]"#,
        Some(r#"[3,"1",{"idTagInfo":{"status":"Accepted"}}]"#),
        "",
        "authorized",
    ),
    case(
        V16,
        r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":0,"timestamp":"2024-05-01T10:00:00Z"}]"#,
        Some(r#"[3,"1",{"idTagInfo":{"status":"Accepted"},"transactionId":"#),
        "",
        "session_started",
    ),
    case(
        V16,
        r#"[2,"1","MeterValues",{"connectorId":1,"transactionId":1,"meterValue":[{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[{"value":"5"}]}]}]"#,
        Some(r#"[3,"1",{}]"#),
        "",
        "meter_sampled",
    ),
    case(
        V16,
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError"}]"#,
        Some(r#"[3,"1",{}]"#),
        "",
        "status_changed",
    ),
    case(
        V16,
        r#"[2,"1","DataTransfer",{"vendorId":"x"}]"#,
        Some(r#"[3,"1",{"status":"UnknownVendorId"}]"#),
        "",
        "data_transferred",
    ),
    case(V201, r#"[2,"1","Heartbeat",{}]"#, Some(r#"[3,"1",{"currentTime":""#), "", "heartbeat"),
    case(
        V201,
        r#"[2,"1","TransactionEvent",{"eventType":"Started","timestamp":"2024-05-01T10:00:00Z","triggerReason":"Authorized","seqNo":0,"transactionInfo":{"transactionId":"t"},"idToken":{"idToken":"A","type":"Central"}}]"#,
        Some(r#"[3,"1",{"idTokenInfo":{"status":"Accepted"}}]"#),
        "",
        "session_started",
    ),
    case(
        V21,
        r#"[2,"1","StatusNotification",{"timestamp":"2024-05-01T10:00:00Z","connectorStatus":"Occupied","evseId":1,"connectorId":1}]"#,
        Some(r#"[3,"1",{}]"#),
        "",
        "status_changed",
    ),
    case(V21, r#"[6,"1","Heartbeat",{}]"#, None, "", "heartbeat"),
    // Not taken; what else stations send is in `quirks`.
    case(
        V16,
        r#"[2,"1","Sing",{}]"#,
        Some(r#"[4,"1","NotImplemented","action \"Sing\" is not known"#),
        ",{}]",
        "undecodable:unknown_action",
    ),
    case(
        V16,
        r#"[2,"1","Authorize",{}]"#,
        Some(r#"[4,"1","OccurenceConstraintViolation","idTag: required, but missing""#),
        r#"{"field":"idTag"}"#,
        "undecodable:invalid",
    ),
    case(
        V201,
        r#"[2,"1","Authorize",{}]"#,
        Some(r#"[4,"1","OccurrenceConstraintViolation","#),
        r#"{"field":"idToken"}"#,
        "undecodable:invalid",
    ),
    case(
        V201,
        r#"[2,"1","TransactionEvent",{"eventType":"Paused","transactionInfo":{"transactionId":"t"}}]"#,
        Some(r#"[4,"1","PropertyConstraintViolation","#),
        "Started, Updated or Ended",
        "undecodable:invalid",
    ),
];

#[tokio::test]
async fn every_frame_gets_its_answer_and_becomes_its_event() {
    let endpoint = Endpoint::start(Config::default()).await;
    for (number, case) in CASES.iter().enumerate() {
        let station = format!("CP-{number}");
        let mut client = endpoint.connect(&station, case.version).await;
        client.call(if case.version == V16 { BOOT_16 } else { BOOT_201 }).await;
        client.send(case.sent).await;
        // Whatever came before, the connection goes on: the next call is answered.
        client.send(r#"[2,"next","Heartbeat",{}]"#).await;
        let mut answers = vec![client.receive().await];
        if case.answer.is_some() {
            answers.push(client.receive().await);
        }
        let next = answers.pop().expect("the next call's answer");
        assert!(next.starts_with(r#"[3,"next","#), "{}: {next}", case.sent);
        if let Some(begin) = case.answer {
            assert!(answers[0].starts_with(begin), "{}: {}", case.sent, answers[0]);
            assert!(answers[0].contains(case.says), "{}: {}", case.sent, answers[0]);
        }
        let labels = endpoint.labels(&station);
        assert_eq!(labels[2], case.event, "{}: {labels:?}", case.sent);
        assert_eq!(labels[3], "heartbeat", "{}: {labels:?}", case.sent);
    }
    let scrape = endpoint.scrape();
    for line in [
        r#"ampwarden_messages_total{protocol="ocpp1.6",direction="in",action="Heartbeat"}"#,
        r#"ampwarden_messages_total{protocol="ocpp1.6",direction="in",action="other"}"#,
        r#"ampwarden_messages_total{protocol="ocpp2.0.1",direction="out",action="TransactionEvent"}"#,
        r#"ampwarden_call_errors_total{protocol="ocpp2.0.1",code="OccurrenceConstraintViolation"}"#,
        r#"ampwarden_call_duration_seconds_count{protocol="ocpp2.1",action="StatusNotification"}"#,
    ] {
        assert!(scrape.contains(line), "{line} is not in\n{scrape}");
    }
    assert!(!scrape.contains("Sing"), "unknown actions are no labels");
}

#[tokio::test]
async fn frames_that_cannot_be_read_close_the_connection_with_the_right_code() {
    let endpoint = Endpoint::start(Config::default()).await;
    let frame =
        |data: Data, payload: Vec<u8>| Message::Frame(Frame::message(payload, OpCode::Data(data), true));
    for (station, message, code, event) in [
        ("binary", Message::binary(vec![1, 2, 3]), CloseCode::Unsupported, "undecodable:malformed"),
        (
            "large",
            Message::text(format!(r#"[2,"1","DataTransfer",{{"data":"{}"}}]"#, "x".repeat(1 << 20))),
            CloseCode::Size,
            "undecodable:too_large",
        ),
        ("utf8", frame(Data::Text, vec![b'[', 0xff, 0xfe]), CloseCode::Invalid, "undecodable:malformed"),
        ("reserved", frame(Data::Reserved(5), vec![1]), CloseCode::Protocol, "disconnected:protocol_error"),
        ("continue", frame(Data::Continue, vec![1]), CloseCode::Protocol, "disconnected:protocol_error"),
    ] {
        let mut client = endpoint.connect(station, V16).await;
        client.ws.send(message).await.expect("is sent");
        assert_eq!(client.closed().await, code, "{station}");
        eventually("its events", || endpoint.labels(station).iter().any(|l| l.starts_with("disconnected")))
            .await;
        assert_eq!(endpoint.labels(station)[1], event);
    }
}
