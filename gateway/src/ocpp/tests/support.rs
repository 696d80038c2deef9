//! A gateway's OCPP endpoint on a free port, and stations that connect to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prometheus_client::registry::Registry;
use service::tls::ReloadingTls;
use station::event::{EventKind, StationEvent};
use station::fold::{Authorization, Fold, Outcome, Rows, Standing};
use station::id::{EventId, StationId};
use station::ocpp::Version;
use station::secret::SecretKey;
use station::setting::{StationSetting, Strictness};
use station::time::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::metrics::AdapterMetrics;
use crate::ocpp::{Config, Deps, Error, serve};
use crate::pipeline::{Pipeline, Refused};

/// No wait in these tests is longer.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) events: Arc<Mutex<Vec<StationEvent>>>,
    /// While true, the journal is full.
    pub(super) full: Arc<AtomicBool>,
    pub(super) shutdown: CancellationToken,
    pub(super) served: JoinHandle<Result<(), Error>>,
    /// The rows that follow from what was handed to the journal.
    pub(super) rows: Arc<Mutex<Rows>>,
    registry: Registry,
}

/// Who answers in the pipeline's place.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// Every token may charge; transactions are counted from 1.
    Counted,
    /// What the fold says.
    Folded,
}

impl Endpoint {
    /// An endpoint whose answers and rows are the fold's.
    pub(super) async fn folded(config: Config) -> Self {
        Self::start_as(config, None, Fate::Folded).await
    }

    pub(super) async fn start(config: Config) -> Self {
        Self::start_with(config, None).await
    }

    pub(super) async fn start_with(config: Config, tls: Option<(TcpListener, Arc<ReloadingTls>)>) -> Self {
        Self::start_as(config, tls, Fate::Counted).await
    }

    async fn start_as(config: Config, tls: Option<(TcpListener, Arc<ReloadingTls>)>, fate: Fate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("address");
        let (pipeline, mut submissions) = Pipeline::channel(64);
        let events = Arc::new(Mutex::new(Vec::new()));
        let full = Arc::new(AtomicBool::new(false));
        let rows = Arc::new(Mutex::new(Rows::wanted()));
        let (kept, is_full, kept_rows) = (events.clone(), full.clone(), rows.clone());
        tokio::spawn(async move {
            let transactions = AtomicI32::new(0);
            let mut fold = Fold::default();
            while let Some(submission) = submissions.recv().await {
                if is_full.load(Ordering::SeqCst) {
                    let _ = submission.answer.send(Err(Refused::Full));
                    continue;
                }
                let outcomes = match fate {
                    Fate::Counted => {
                        submission.events.iter().map(|event| outcome(event, &transactions)).collect()
                    }
                    Fate::Folded => {
                        let mut rows = kept_rows.lock().expect("no panic");
                        let events = submission.events.iter().cloned();
                        events.map(|event| fold.apply(&journaled(event), &mut rows)).collect()
                    }
                };
                kept.lock().expect("no panic").extend(submission.events);
                let _ = submission.answer.send(Ok(outcomes));
            }
        });
        let mut registry = Registry::default();
        let deps = Deps {
            pipeline,
            secret_key: SecretKey::new(b"test"),
            gateway_id: "gw-1".into(),
            epoch: Uuid::from_u128(7),
            setting: Arc::new(setting_of),
            standing: Arc::new(|station, _| {
                if station.as_str().starts_with("unknown") { Standing::Refused } else { Standing::Registered }
            }),
            access: Arc::default(),
            booted: Arc::new(|station| station.as_str().starts_with("booted")),
            board: Arc::default(),
            taps: Arc::default(),
            metrics: AdapterMetrics::register(&mut registry),
        };
        // Who may connect has tests of its own.
        let config = Config { security_profiles: vec![0], ..config };
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(
            config,
            crate::commands::Config::default(),
            listener,
            tls,
            deps,
            shutdown.clone(),
        ));
        Self { address, events, full, shutdown, served, rows, registry }
    }

    /// What was handed to the journal about a station, as labels; connections with their reason.
    pub(super) fn labels(&self, station: &str) -> Vec<String> {
        let events = self.events.lock().expect("no panic");
        events
            .iter()
            .filter(|event| event.station.as_str() == station)
            .map(|event| match &event.kind {
                EventKind::Disconnected { reason, .. } => format!("disconnected:{reason}"),
                EventKind::Undecodable { reason, .. } => format!("undecodable:{}", reason.label()),
                kind => match event.deviations.to_flags() {
                    Some(flags) => format!("{}:{flags}", kind.label()),
                    None => kind.label().to_owned(),
                },
            })
            .collect()
    }

    pub(super) fn scrape(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("encodes");
        text
    }

    /// Connects a station by the book.
    pub(super) async fn connect(&self, station: &str, subprotocol: &str) -> Station {
        self.try_connect(&format!("/{station}"), Some(subprotocol)).await.expect("connects").0
    }

    /// Connects; gives the subprotocol that was agreed.
    pub(super) async fn try_connect(
        &self,
        path: &str,
        subprotocol: Option<&str>,
    ) -> Result<(Station, Option<String>), WsError> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().expect("URL");
        if let Some(subprotocol) = subprotocol {
            request.headers_mut().insert("sec-websocket-protocol", subprotocol.parse().expect("header"));
        }
        let stream = TcpStream::connect(self.address).await.expect("connects");
        // tungstenite's client insists on a subprotocol being answered; what OCPP-J wants is to see none.
        let lenient = subprotocol.is_some();
        let result = tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream)).await;
        match result {
            Ok((ws, response)) => {
                let agreed = response
                    .headers()
                    .get("sec-websocket-protocol")
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned);
                Ok((Station { ws }, agreed))
            }
            Err(error) => {
                assert!(lenient || !matches!(error, WsError::Protocol(_)), "{error}");
                Err(error)
            }
        }
    }

    /// Sends raw bytes on a new connection, and gives what comes back until the peer closes or `enough` is there.
    pub(super) async fn raw(&self, request: &[u8], enough: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        stream.write_all(request).await.expect("is written");
        let mut answer = Vec::new();
        let mut buffer = [0; 1024];
        timeout(DEADLINE, async {
            while !String::from_utf8_lossy(&answer).contains(enough) {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => answer.extend_from_slice(&buffer[..read]),
                }
            }
        })
        .await
        .expect("an answer in time");
        (stream, String::from_utf8_lossy(&answer).into_owned())
    }

    /// A raw connection after a good handshake.
    pub(super) async fn raw_station(&self, station: &str) -> TcpStream {
        let (stream, answer) = self.raw(&upgrade(&format!("/{station}"), Some("ocpp1.6")), "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        stream
    }
}

/// What operators say of stations, by their names.
fn setting_of(station: &StationId) -> StationSetting {
    let name = station.as_str();
    StationSetting {
        strictness: name.starts_with("strict").then_some(Strictness::Strict),
        ocpp_version: name.ends_with("old").then_some(Version::V201),
        ping_interval_s: name.starts_with("unpinged").then_some(0),
        ..StationSetting::default()
    }
}

/// The request of a websocket handshake.
pub(super) fn upgrade(path: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let subprotocol =
        subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocol}\r\n"
    )
    .into_bytes()
}

/// What the journal gives to an event.
fn journaled(mut event: StationEvent) -> StationEvent {
    event.event_id = EventId(Uuid::new_v4());
    event.received_at = Timestamp::from(chrono::Utc::now());
    event
}

fn outcome(event: &StationEvent, transactions: &AtomicI32) -> Outcome {
    let accepted = Some(Authorization::Accepted);
    match &event.kind {
        EventKind::SessionStarted(start) => Outcome {
            transaction_id: Some(transactions.fetch_add(1, Ordering::SeqCst) + 1),
            authorization: start.token.as_ref().and(accepted),
            ..Outcome::default()
        },
        EventKind::Authorized { .. } => Outcome { authorization: accepted, ..Outcome::default() },
        _ => Outcome::default(),
    }
}

/// Waits for a condition; says what it waited for if it does not come.
pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waited = timeout(DEADLINE, async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(waited.is_ok(), "in vain waited for: {what}");
}

/// A station's side of a connection.
pub(super) struct Station {
    pub(super) ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Station {
    pub(super) async fn send(&mut self, text: &str) {
        self.ws.send(Message::text(text)).await.expect("is sent");
    }

    /// The next text.
    pub(super) async fn receive(&mut self) -> String {
        loop {
            match timeout(DEADLINE, self.ws.next()).await.expect("in time") {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no text but {other:?}"),
            }
        }
    }

    /// Sends, and waits for the answer.
    pub(super) async fn call(&mut self, text: &str) -> String {
        self.send(text).await;
        self.receive().await
    }

    /// The code with which the gateway closes; what comes before is passed over.
    pub(super) async fn closed(&mut self) -> CloseCode {
        loop {
            match timeout(DEADLINE, self.ws.next()).await.expect("in time") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code,
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no close but {other:?}"),
            }
        }
    }

    pub(super) async fn boot(&mut self) {
        let answer = self
            .call(r#"[2,"boot","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"X"}]"#)
            .await;
        assert!(answer.contains("\"status\":\"Accepted\""), "{answer}");
    }
}
