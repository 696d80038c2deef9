//! OCPP 1.6 stations by hand, for measurements: a library's validation would be measured, too.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::{SinkExt, StreamExt};
use integration::Gateway;
use serde_json::{Value, json};
use station::time::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

/// Sampled values of a MeterValues call.
pub(crate) const SAMPLES: usize = 5;
/// Handshakes at a time: more would wait in the kernel's queue, and be lost there.
const HANDSHAKES: usize = 64;
/// A server that was just started is tried again for so long.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A gateway for so many stations, which writes to a store. It is not started yet.
pub(crate) fn gateway(store_http: &str, store_pg_port: u16) -> Gateway {
    let mut gateway = Gateway::prepare(store_http, store_pg_port, "");
    // The measurements connect their stations at once; admission is not what they are about.
    gateway.set("AMPWARDEN__GATEWAY__OCPP__MAX_HANDSHAKES_PER_SECOND", 100_000);
    gateway
}

/// A connected station.
pub(crate) struct Station {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    name: String,
    /// The one that the server gave.
    transaction: i64,
    calls: u64,
    began: Timestamp,
}

impl Station {
    /// Connects, boots and begins a transaction.
    async fn begin(server: &str, tls: Option<Connector>, number: usize) -> anyhow::Result<Self> {
        let name = format!("CP-{number:06}");
        let mut request = format!("{server}/{name}").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", "ocpp1.6".parse()?);
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let (ws, _) = connect_async_tls_with_config(request, Some(config), true, tls)
            .await
            .with_context(|| format!("{server}/{name}"))?;
        let began = Timestamp(chrono::Utc::now().timestamp_micros());
        let mut station = Self { ws, name, transaction: 0, calls: 0, began };
        station
            .call(
                "BootNotification",
                &json!({"chargePointVendor": "Bench", "chargePointModel": "B1"}).to_string(),
            )
            .await?;
        let start = json!({"connectorId": 1, "idTag": format!("B{number:08}"), "meterStart": 0,
            "timestamp": began.to_rfc3339()});
        let answer = station.call("StartTransaction", &start.to_string()).await?;
        station.transaction = answer["transactionId"].as_i64().unwrap_or(1);
        Ok(station)
    }

    /// Sends meter values, and waits for the answer. No two have the same time.
    pub(crate) async fn meter_values(&mut self) -> anyhow::Result<()> {
        let n = i64::try_from(self.calls).unwrap_or(i64::MAX);
        let payload = format!(
            concat!(
                r#"{{"connectorId":1,"transactionId":{},"meterValue":[{{"timestamp":"{}","sampledValue":["#,
                r#"{{"value":"{}.5","measurand":"Energy.Active.Import.Register","unit":"Wh"}},"#,
                r#"{{"value":"{}.25","measurand":"Power.Active.Import","unit":"W"}},"#,
                r#"{{"value":"16.1","measurand":"Current.Import","unit":"A"}},"#,
                r#"{{"value":"231.4","measurand":"Voltage","unit":"V"}},"#,
                r#"{{"value":"{}","measurand":"SoC","unit":"Percent"}}]}}]}}"#
            ),
            self.transaction,
            Timestamp(self.began.0 + n * 1_000).to_rfc3339(),
            n * 3,
            7_000 + n % 100,
            20 + n / 200 % 80,
        );
        self.call("MeterValues", &payload).await?;
        Ok(())
    }

    async fn call(&mut self, action: &str, payload: &str) -> anyhow::Result<Value> {
        self.calls += 1;
        let id = self.calls;
        self.ws.send(Message::text(format!(r#"[2,"{id}","{action}",{payload}]"#))).await?;
        loop {
            match self.ws.next().await.with_context(|| format!("{} was cut off", self.name))?? {
                Message::Text(text) => {
                    let (kind, answered, payload): (u8, String, Value) = serde_json::from_str(&text)
                        .with_context(|| format!("{action} was answered: {text}"))?;
                    anyhow::ensure!(kind == 3 && answered == id.to_string(), "{action} was answered: {text}");
                    return Ok(payload);
                }
                Message::Close(frame) => anyhow::bail!("{} was closed: {frame:?}", self.name),
                _ => {}
            }
        }
    }

    /// Answers pings until the task is given up.
    pub(crate) async fn idle(mut self) {
        while let Some(Ok(_)) = self.ws.next().await {}
    }
}

/// Connects so many stations, all with a transaction; by `wss` with whom they trust.
pub(crate) async fn begin(
    server: &str,
    tls: Option<Connector>,
    stations: usize,
) -> anyhow::Result<Vec<Station>> {
    let permits = std::sync::Arc::new(Semaphore::new(HANDSHAKES));
    let mut beginning = tokio::task::JoinSet::new();
    for number in 0..stations {
        let (server, tls) = (server.to_owned(), tls.clone());
        let permits = std::sync::Arc::clone(&permits);
        beginning.spawn(async move {
            let _permit = permits.acquire().await?;
            Station::begin(&server, tls, number).await
        });
    }
    let mut all = Vec::with_capacity(stations);
    while let Some(station) = beginning.join_next().await {
        all.push(station??);
    }
    Ok(all)
}

/// Waits until somebody listens.
pub(crate) async fn wait_for(port: u16) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + START_DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "nobody listens on port {port}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
