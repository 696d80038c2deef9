//! Connections from begin to end: who wins, who waits, what is journaled, what is left behind.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use service::config::HumanDuration;
use station::event::EventKind;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::support::{DEADLINE, Endpoint, eventually, upgrade};
use crate::ocpp::Config;

const START: &str = r#"[2,"s1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":0,"timestamp":"2024-05-01T10:00:00Z"}]"#;

#[tokio::test]
async fn the_newest_connection_wins_and_the_order_is_kept() {
    let endpoint = Endpoint::start(Config::default()).await;
    let mut old = endpoint.connect("CP-1", "ocpp1.6").await;
    old.boot().await;
    let mut new = endpoint.connect("CP-1", "ocpp1.6").await;
    assert_eq!(old.closed().await, CloseCode::Normal);
    assert!(new.call(r#"[2,"1","Heartbeat",{}]"#).await.starts_with("[3,"));
    assert_eq!(
        endpoint.labels("CP-1"),
        ["connected", "booted", "disconnected:replaced", "connected", "heartbeat"]
    );
    new.ws.close(None).await.expect("closes");
    eventually("the end", || endpoint.labels("CP-1").len() == 6).await;
    assert_eq!(endpoint.labels("CP-1")[5], "disconnected:closed");
}

#[tokio::test]
async fn a_repeated_message_gets_the_same_answer_and_is_no_second_fact() {
    let endpoint = Endpoint::start(Config::default()).await;
    let mut client = endpoint.connect("CP-1", "ocpp1.6").await;
    client.boot().await;
    let first = client.call(START).await;
    assert!(first.contains("\"transactionId\":1"), "{first}");
    assert_eq!(client.call(START).await, first);
    assert_eq!(endpoint.labels("CP-1"), ["connected", "booted", "session_started"]);
    let other = client.call(&START.replace("10:00", "11:00")).await;
    assert!(other.contains("\"transactionId\":2"), "the same id with another payload is a new call: {other}");
}

#[tokio::test]
async fn messages_before_the_boot_are_flagged_until_it_is_accepted() {
    let endpoint = Endpoint::start(Config::default()).await;
    let heartbeat = r#"[2,"1","Heartbeat",{}]"#;
    let mut client = endpoint.connect("CP-1", "ocpp1.6").await;
    client.call(heartbeat).await;
    client.boot().await;
    client.call(heartbeat).await;
    let mut again = endpoint.connect("CP-1", "ocpp1.6").await;
    again.call(heartbeat).await;
    let labels = endpoint.labels("CP-1");
    assert_eq!(labels[..4], ["connected", "heartbeat:before_boot", "booted", "heartbeat"]);
    assert_eq!(labels[6], "heartbeat", "a lost connection is no boot: {labels:?}");
    let mut known = endpoint.connect("booted-1", "ocpp1.6").await;
    known.call(heartbeat).await;
    assert_eq!(endpoint.labels("booted-1"), ["connected", "heartbeat"]);
}

#[tokio::test]
async fn what_the_journal_does_not_take_is_not_answered() {
    let config = Config { max_handshakes_per_station: 100_000, ..Config::default() };
    let endpoint = Endpoint::start(config).await;
    let mut client = endpoint.connect("CP-1", "ocpp1.6").await;
    client.boot().await;
    endpoint.full.store(true, Ordering::SeqCst);
    client.send(START).await;
    let next = timeout(DEADLINE, client.ws.next()).await.expect("in time").expect("open").expect("a frame");
    let Message::Close(Some(frame)) = next else { panic!("no close but {next:?}") };
    assert_eq!(frame.code, CloseCode::Again);
    drop(client);

    // Its end waits for the journal; meanwhile the station is told to come again later.
    let mut answer = String::new();
    timeout(DEADLINE, async {
        while !answer.starts_with("HTTP/1.1 503 ") {
            answer = endpoint.raw(&upgrade("/CP-1", Some("ocpp1.6")), "\r\n\r\n").await.1;
        }
    })
    .await
    .expect("it is told");
    assert!(answer.contains("retry-after: "), "{answer}");

    endpoint.full.store(false, Ordering::SeqCst);
    eventually("the end to be journaled", || {
        endpoint.labels("CP-1").contains(&"disconnected:journal_refused".to_owned())
    })
    .await;
    let mut again = loop {
        if let Ok((again, _)) = endpoint.try_connect("/CP-1", Some("ocpp1.6")).await {
            break again;
        }
    };
    assert!(
        again.call(START).await.contains("\"transactionId\":1"),
        "nothing was lost, nothing counted twice"
    );
    let labels = endpoint.labels("CP-1");
    assert_eq!(labels.iter().filter(|label| *label == "session_started").count(), 1, "{labels:?}");
}

#[tokio::test]
async fn stations_are_pinged_and_the_silent_ones_are_dropped() {
    let millis = |ms| HumanDuration(Duration::from_millis(ms));
    let config = Config { ping_interval: millis(20), idle_timeout: millis(400), ..Config::default() };
    let endpoint = Endpoint::start(config).await;
    let mut lively = endpoint.connect("lively", "ocpp1.6").await;
    let mut silent = endpoint.raw_station("silent").await;
    // The lively one does nothing but read, and so answers pings.
    let reader = tokio::spawn(async move {
        let mut pings = 0;
        while let Some(Ok(message)) = lively.ws.next().await {
            if matches!(message, Message::Ping(_)) {
                pings += 1;
                lively.ws.flush().await.expect("answers");
            }
            if pings == 40 {
                return lively.call(r#"[2,"1","Heartbeat",{}]"#).await;
            }
        }
        panic!("a station that answers pings was dropped after {pings}");
    });
    // The silent one sends nothing and answers no ping.
    let mut received = Vec::new();
    timeout(DEADLINE, silent.read_to_end(&mut received)).await.expect("in time").expect("is closed");
    assert!(received.starts_with(&[0x89, 0]), "it was pinged");
    eventually("the silent one's end", || endpoint.labels("silent").len() == 2).await;
    assert_eq!(endpoint.labels("silent")[1], "disconnected:idle");
    assert!(timeout(DEADLINE, reader).await.expect("in time").expect("no panic").starts_with("[3,"));
}

#[tokio::test]
async fn stopping_closes_all_and_journals_each_end() {
    let config = Config { drain_per_second: 200, ..Config::default() };
    let endpoint = Endpoint::start(config).await;
    let mut clients = Vec::new();
    for number in 0..20 {
        clients.push(endpoint.connect(&format!("CP-{number}"), "ocpp1.6").await);
    }
    eventually("all to be connected", || endpoint.events.lock().expect("no panic").len() == 20).await;
    endpoint.shutdown.cancel();
    for client in &mut clients {
        assert_eq!(client.closed().await, CloseCode::Restart);
    }
    drop(clients);
    timeout(DEADLINE, endpoint.served).await.expect("in time").expect("no panic").expect("no error");
    let events = endpoint.events.lock().expect("no panic");
    let ends = events
        .iter()
        .filter(|event| matches!(&event.kind, EventKind::Disconnected { reason, .. } if reason == "shutdown"))
        .count();
    assert_eq!(ends, 20);
}

#[tokio::test]
async fn many_that_vanish_at_once_leave_nothing_behind() {
    let endpoint = Endpoint::start(Config::default()).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let mut sockets = Vec::new();
    for number in 0..200 {
        sockets.push(endpoint.raw_station(&format!("CP-{number}")).await);
    }
    eventually("all to be connected", || endpoint.events.lock().expect("no panic").len() == 200).await;
    assert!(endpoint.scrape().contains(r#"ampwarden_connections{protocol="ocpp1.6"} 200"#));
    drop(sockets);
    eventually("all ends", || endpoint.events.lock().expect("no panic").len() == 400).await;
    eventually("no task to be left", || tasks() == before).await;
    let scrape = endpoint.scrape();
    assert!(scrape.contains(r#"ampwarden_connections{protocol="ocpp1.6"} 0"#), "{scrape}");
    assert!(scrape.contains(r#"ampwarden_disconnects_total{reason="lost"} 200"#), "{scrape}");
}

#[tokio::test]
async fn a_station_that_is_slow_in_the_handshake_is_dropped() {
    let config = Config { handshake_timeout: HumanDuration(Duration::from_millis(100)), ..Config::default() };
    let endpoint = Endpoint::start(config).await;
    let (_stream, answer) = endpoint.raw(b"GET /CP-1 HTTP/1.1\r\nHost: ", "\u{0}").await;
    assert_eq!(answer, "", "the connection is closed without an answer");
}
