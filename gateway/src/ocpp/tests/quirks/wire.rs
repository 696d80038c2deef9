//! Websocket frames beside the book: what is tolerated, and what closes the connection.

use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::super::support::{Endpoint, eventually};
use super::V16;
use crate::ocpp::Config;

const HEARTBEAT: &str = r#"[2,"1","Heartbeat",{}]"#;

fn frame(code: OpCode, payload: impl Into<Vec<u8>>, last: bool) -> Message {
    Message::Frame(Frame::message(payload.into(), code, last))
}

fn text(payload: impl Into<Vec<u8>>, last: bool) -> Message {
    frame(OpCode::Data(Data::Text), payload, last)
}

fn more(payload: impl Into<Vec<u8>>, last: bool) -> Message {
    frame(OpCode::Data(Data::Continue), payload, last)
}

fn ping(payload: impl Into<Vec<u8>>, last: bool) -> Message {
    let mut frame = Frame::ping(payload.into());
    frame.header_mut().is_final = last;
    Message::Frame(frame)
}

/// With a bit that only an agreed extension may set.
fn compressed() -> Message {
    let mut frame = Frame::message(HEARTBEAT.as_bytes().to_vec(), OpCode::Data(Data::Text), true);
    frame.header_mut().rsv1 = true;
    Message::Frame(frame)
}

#[tokio::test]
async fn odd_frames_between_and_around_messages_are_tolerated() {
    let endpoint = Endpoint::start(Config::default()).await;
    let cases: Vec<(&str, &str, Vec<Message>)> = vec![
        (
            "a message in pieces",
            "RFC 6455, 5.4",
            vec![text("[2,\"1\",", false), more("\"Heart", false), more("beat\",{}]", true)],
        ),
        (
            "a ping between the pieces",
            "RFC 6455, 5.4: control frames may come between",
            vec![text("[2,\"1\",\"Heart", false), Message::Ping("x".into()), more("beat\",{}]", true)],
        ),
        (
            "a letter cut in two by pieces",
            "RFC 6455, 5.6: only the whole message is UTF-8",
            vec![text(&b"[2,\"1\",\"Heartbeat\",{\"a\":\"\xc3"[..], false), more(&b"\xa4\"}]"[..], true)],
        ),
        ("an empty piece", "RFC 6455, 5.4", vec![text("", false), more(HEARTBEAT, false), more("", true)]),
        (
            "a pong that nobody asked for",
            "RFC 6455, 5.5.3",
            vec![Message::Pong("x".into()), text(HEARTBEAT, true)],
        ),
        (
            "a ping with the longest payload",
            "RFC 6455, 5.5",
            vec![Message::Ping(vec![b'x'; 125].into()), text(HEARTBEAT, true)],
        ),
    ];
    for (name, source, frames) in cases {
        assert!(!source.is_empty());
        let station = name.replace(' ', "-");
        let mut client = endpoint.connect(&station, V16).await;
        for frame in frames {
            client.ws.send(frame).await.expect(name);
        }
        let answer = client.receive().await;
        assert!(answer.starts_with(r#"[3,"1","#), "{name}: {answer}");
        assert!(endpoint.labels(&station)[1].starts_with("heartbeat"), "{name}");
    }
}

#[tokio::test]
async fn what_violates_the_protocol_closes_the_connection_and_is_told() {
    let endpoint = Endpoint::start(Config::default()).await;
    let cases: Vec<(&str, &str, Message, CloseCode, &str)> = vec![
        (
            "compression that was not agreed",
            "RFC 6455, 5.2: RSV1",
            compressed(),
            CloseCode::Protocol,
            "protocol_error",
        ),
        (
            "a ping that is too long",
            "RFC 6455, 5.5: 125 bytes",
            ping(vec![b'x'; 126], true),
            CloseCode::Protocol,
            "protocol_error",
        ),
        (
            "a ping in pieces",
            "RFC 6455, 5.5: control frames are whole",
            ping("x", false),
            CloseCode::Protocol,
            "protocol_error",
        ),
        (
            "a close with a reason",
            "RFC 6455, 5.5.1: it is answered with its code",
            Message::Close(Some(CloseFrame { code: CloseCode::Away, reason: "reboot".into() })),
            CloseCode::Away,
            "closed",
        ),
    ];
    for (name, source, message, code, reason) in cases {
        assert!(!source.is_empty());
        let station = name.replace(' ', "-");
        let mut client = endpoint.connect(&station, V16).await;
        client.ws.send(message).await.expect(name);
        assert_eq!(client.closed().await, code, "{name}");
        let end = format!("disconnected:{reason}");
        eventually(name, || endpoint.labels(&station).last() == Some(&end)).await;
    }
}

/// Stations keep what they could not send, and send hours of it at once.
#[tokio::test]
async fn hours_of_buffered_messages_in_one_flush_are_answered_in_their_order() {
    const MESSAGES: usize = 500;
    let endpoint = Endpoint::folded(Config { max_messages_per_second: 100_000, ..Config::default() }).await;
    let mut client = endpoint.connect("flush", V16).await;
    client.boot().await;
    for number in 0..MESSAGES {
        let message = format!(
            r#"[2,"{number}","MeterValues",{{"connectorId":1,"meterValue":[{{"timestamp":"{}","sampledValue":[{{"value":"{number}"}}]}}]}}]"#,
            chrono::Utc::now().to_rfc3339()
        );
        client.ws.feed(Message::text(message)).await.expect("is taken");
    }
    client.ws.flush().await.expect("is sent");
    for number in 0..MESSAGES {
        assert_eq!(client.receive().await, format!(r#"[3,"{number}",{{}}]"#));
    }
    let rows = endpoint.rows.lock().expect("no panic");
    let energy: Vec<f64> = rows
        .facts
        .iter()
        .filter_map(|fact| match fact {
            station::fact::Fact::MeterValue(_, of) => of.energy_wh,
            _ => None,
        })
        .collect();
    assert_eq!(energy.len(), MESSAGES);
    assert!(energy.is_sorted(), "rows follow in the order of the messages");
}
