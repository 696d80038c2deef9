//! Framing only, against a socket in the test; what a gateway makes of it is tested with the gateway.

use std::sync::Arc;

use serde_json::json;
use service::config::HumanDuration;
use station::time::Timestamp;
use tokio::net::TcpListener;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::client::{Network, World};
use crate::clock::Clock;
use crate::fleet::{Fleet, FleetPlan};
use crate::ledger::{Ledger, Line};
use crate::life::{Habits, StationLife};
use crate::tally::Tally;

const PATIENCE: Duration = Duration::from_secs(20);

struct Fixture {
    listener: TcpListener,
    world: Arc<World>,
    folder: tempfile::TempDir,
    commands: mpsc::Sender<Command>,
    client: tokio::task::JoinHandle<Result<(), ClientError>>,
}

async fn fixture(protocol: Protocol) -> Fixture {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let real = Timestamp(Timestamp::from(chrono::Utc::now()).0 / 1000 * 1000);
    let world = Arc::new(World {
        fleet: Arc::new(Fleet::new(FleetPlan { ocpp16: 0, ocpp201: 0, mqtt: 0, ..FleetPlan::default() })),
        // An hour in a minute, so that a session has something to say soon.
        clock: Clock::new(Instant::now(), real, real.plus_seconds(-86_400), 60.0),
        ledger: Ledger::append_to(&folder.path().join("ledger")).expect("opens"),
        tally: Tally::default(),
        finish: CancellationToken::new(),
        network: Network {
            ocpp_url: None,
            ocpp_password: Some(service::config::SecretString::new("secret")),
            mqtt: None,
            tls: None,
            reconnect: "20ms".parse::<HumanDuration>().expect("a duration").0,
            call_timeout: PATIENCE,
            drain: PATIENCE,
        },
        latency: None,
    });
    let now = world.clock.at(Instant::now());
    let habits = Habits {
        begins: now,
        connects_at: now,
        sample_every_us: 30_000_000,
        faults_per_hour: 0.0,
        cuts_per_hour: 0.0,
        visited: false,
    };
    let station = Arc::new(crate::hand::station("Säule 7", 0, protocol, 1, 22e3));
    let driver = Driver::new(world.clone(), StationLife::new(world.fleet.clone(), station, habits));
    let (commands, receiver) = mpsc::channel(4);
    let client = tokio::spawn(run(driver, url, Some(receiver)));
    Fixture { listener, world, folder, commands, client }
}

type Peer = WebSocketStream<TcpStream>;

async fn accept(fixture: &Fixture, subprotocol: &'static str) -> Peer {
    let (stream, _) = tokio::time::timeout(PATIENCE, fixture.listener.accept())
        .await
        .expect("in time")
        .expect("a connection");
    #[allow(clippy::result_large_err)] // The callback's type is tungstenite's.
    let check = move |request: &Request, mut response: Response| {
        assert_eq!(request.uri().path(), "/S%C3%A4ule%207");
        assert_eq!(request.headers()["sec-websocket-protocol"], subprotocol);
        assert_eq!(request.headers()["authorization"], "Basic U8OkdWxlIDc6c2VjcmV0");
        response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(subprotocol));
        Ok(response)
    };
    accept_hdr_async(stream, check).await.expect("a handshake")
}

/// The next call: id, action, payload.
async fn call(peer: &mut Peer) -> (String, String, Value) {
    loop {
        let frame = tokio::time::timeout(PATIENCE, peer.next())
            .await
            .expect("in time")
            .expect("open")
            .expect("a frame");
        if let Frame::Text(text) = frame {
            let parts: Vec<Value> = serde_json::from_str(&text).expect("an array");
            assert_eq!((parts.len(), &parts[0]), (4, &json!(2)), "{text}");
            let text_at = |place: usize| parts[place].as_str().expect("text").to_owned();
            return (text_at(1), text_at(2), parts[3].clone());
        }
    }
}

async fn answer(peer: &mut Peer, id: &str, payload: Value) {
    peer.send(Frame::text(json!([3, id, payload]).to_string())).await.expect("sends");
}

async fn accept_boot(peer: &mut Peer) {
    let (id, action, _) = call(peer).await;
    assert_eq!(action, "BootNotification");
    answer(peer, &id, json!({"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300}))
        .await;
}

/// Answers calls until one with this action comes, which it leaves unanswered.
async fn until(peer: &mut Peer, wanted: &str) -> (String, Value) {
    loop {
        let (id, action, payload) = call(peer).await;
        if action == wanted {
            return (id, payload);
        }
        answer(peer, &id, json!({"idTagInfo": {"status": "Accepted"}, "status": "Accepted"})).await;
    }
}

#[tokio::test]
async fn what_was_not_answered_is_said_again_under_the_same_id() {
    let fixture = fixture(Protocol::Ocpp16).await;
    let mut peer = accept(&fixture, "ocpp1.6").await;
    accept_boot(&mut peer).await;
    fixture.commands.send(Command::Tap("04A1".into())).await.expect("taken");
    let (first, payload) = until(&mut peer, "StartTransaction").await;
    assert_eq!(payload["idTag"], "04A1");
    drop(peer);

    let mut peer = accept(&fixture, "ocpp1.6").await;
    let (again, same) = until(&mut peer, "StartTransaction").await;
    assert_eq!((&again, &same), (&first, &payload), "no second boot, the same message");
    answer(&mut peer, &again, json!({"transactionId": 4711, "idTagInfo": {"status": "Accepted"}})).await;
    let (id, values) = until(&mut peer, "MeterValues").await;
    assert_eq!(values["transactionId"], 4711);

    // The gateway is in trouble for a moment: said again, under the same id.
    let error = json!([4, id, "InternalError", "the journal is full", {}]);
    peer.send(Frame::text(error.to_string())).await.expect("sends");
    let (again, _) = until(&mut peer, "MeterValues").await;
    assert_eq!(again, id);
    answer(&mut peer, &again, json!({})).await;

    fixture.world.finish.cancel();
    let (id, stop) = until(&mut peer, "StopTransaction").await;
    assert_eq!((&stop["transactionId"], &stop["reason"]), (&json!(4711), &json!("Reboot")));
    answer(&mut peer, &id, json!({})).await;
    let (id, _, _) = call(&mut peer).await;
    answer(&mut peer, &id, json!({})).await;
    tokio::time::timeout(PATIENCE, fixture.client)
        .await
        .expect("in time")
        .expect("no panic")
        .expect("no error");

    let lines = Ledger::read(&fixture.folder.path().join("ledger")).expect("reads");
    let starts: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Message(message) if message.action == "StartTransaction" => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(starts.len(), 1, "one acknowledgement, one line");
    assert_eq!((starts[0].sent, starts[0].transaction_id, &starts[0].message_id), (2, Some(4711), &first));
    let sessions: Vec<_> =
        lines.iter().filter_map(|line| if let Line::Session(s) = line { Some(s) } else { None }).collect();
    assert_eq!(sessions.len(), 1);
    assert_eq!(
        sessions[0].energy_wh,
        stop["meterStop"].as_i64().expect("Wh") - payload["meterStart"].as_i64().expect("Wh")
    );
}

#[tokio::test]
async fn a_refused_card_ends_its_session_and_calls_are_answered() {
    let fixture = fixture(Protocol::Ocpp201).await;
    let mut peer = accept(&fixture, "ocpp2.0.1").await;
    accept_boot(&mut peer).await;
    peer.send(Frame::text(
        r#"[2,"c1","RequestStartTransaction",{"idToken":{"idToken":"04B2","type":"Central"}}]"#,
    ))
    .await
    .expect("sends");
    let mut accepted = false;
    let mut types = Vec::new();
    while types.last().is_none_or(|kind| kind != "Ended") {
        let frame = tokio::time::timeout(PATIENCE, peer.next())
            .await
            .expect("in time")
            .expect("open")
            .expect("a frame");
        let Frame::Text(text) = frame else { continue };
        let parts: Vec<Value> = serde_json::from_str(&text).expect("an array");
        if parts[0] == 3 {
            assert_eq!((&parts[1], &parts[2]["status"]), (&json!("c1"), &json!("Accepted")));
            accepted = true;
            continue;
        }
        let mut status = "Accepted";
        if parts[2] == "TransactionEvent" {
            types.push(parts[3]["eventType"].as_str().expect("a type").to_owned());
            status = "Blocked";
            if types.last().is_some_and(|kind| kind == "Ended") {
                assert_eq!(parts[3]["transactionInfo"]["stoppedReason"], "DeAuthorized");
            }
        }
        answer(&mut peer, parts[1].as_str().expect("an id"), json!({"idTokenInfo": {"status": status}}))
            .await;
    }
    assert!(accepted);
    assert_eq!(types.first().map(String::as_str), Some("Started"));
    fixture.world.finish.cancel();
    drop(peer);
    tokio::time::timeout(PATIENCE, fixture.client)
        .await
        .expect("in time")
        .expect("no panic")
        .expect("no error");
}
