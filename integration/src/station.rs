//! A station in the test's own process, for what neither a fleet nor a station in Python does; and what the gateway
//! says of itself.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::{Gateway, eventually, servers};

/// No answer takes longer, or the test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A connected station.
pub struct Station {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Station {
    /// Connects by OCPP 1.6; while the gateway turns it away or is not there, again.
    pub async fn connect(gateway: &Gateway, id: &str) -> Self {
        Self::connect_as(gateway, id, "ocpp1.6").await
    }

    /// Connects by this subprotocol; while the gateway turns it away or is not there, again.
    pub async fn connect_as(gateway: &Gateway, id: &str, subprotocol: &str) -> Self {
        eventually(DEADLINE, || Self::attempt(gateway, id, subprotocol)).await
    }

    /// Connects once, by OCPP 1.6.
    ///
    /// # Errors
    /// When it is turned away.
    pub async fn try_connect(gateway: &Gateway, id: &str) -> Result<Self, WsError> {
        Self::attempt(gateway, id, "ocpp1.6").await
    }

    async fn attempt(gateway: &Gateway, id: &str, subprotocol: &str) -> Result<Self, WsError> {
        let mut request = format!("{}/{id}", gateway.ocpp()).into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", subprotocol.parse()?);
        let attempt = tokio_tungstenite::connect_async(request);
        Ok(Self { ws: in_time(attempt).await?.0 })
    }

    /// Sends a call, and does not wait.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn send(&mut self, id: &str, action: &str, payload: &Value) -> Result<(), WsError> {
        self.send_text(&format!(r#"[2,"{id}","{action}",{payload}]"#)).await
    }

    /// Sends a text.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn send_text(&mut self, text: &str) -> Result<(), WsError> {
        self.ws.send(Message::text(text)).await
    }

    /// The next message that comes: its elements.
    ///
    /// # Errors
    /// When the connection has ended.
    ///
    /// # Panics
    /// When it is no list.
    pub async fn message(&mut self) -> Result<Vec<Value>, WsError> {
        loop {
            match in_time(self.ws.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")));
                }
                // The socket itself may stay open for as long as the end cannot be journaled.
                Some(Ok(Message::Close(_))) | None => return Err(WsError::ConnectionClosed),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
            }
        }
    }

    /// The next answer: its message id, and its payload.
    ///
    /// # Errors
    /// When the connection has ended.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn answer(&mut self) -> Result<(String, Value), WsError> {
        let mut parts = self.message().await?;
        assert_eq!(parts[0], 3, "{parts:?}");
        let payload = parts.remove(2);
        Ok((parts[1].as_str().unwrap_or_default().to_owned(), payload))
    }

    /// Sends a call, and gives the payload of its answer.
    ///
    /// # Panics
    /// When another answer comes, or none.
    pub async fn call(&mut self, id: &str, action: &str, payload: &Value) -> Value {
        let sent = self.send(id, action, payload).await;
        assert!(sent.is_ok(), "{action} was not sent: {sent:?}");
        match self.answer().await {
            Ok((answered, payload)) => {
                assert_eq!(answered, id, "answers come in order");
                payload
            }
            Err(error) => panic!("no answer to {action}: {error}"),
        }
    }

    /// Boots, as a station of OCPP 1.6 or of 2.x.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn boot(&mut self, is_2x: bool) {
        let payload = if is_2x {
            serde_json::json!({"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "X"}})
        } else {
            serde_json::json!({"chargePointVendor": "Acme", "chargePointModel": "X"})
        };
        let answer = self.call("boot", "BootNotification", &payload).await;
        assert_eq!(answer["status"], "Accepted", "{answer}");
    }

    /// Goes without a word.
    pub fn vanish(self) {
        drop(self);
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(DEADLINE, what).await.unwrap_or_else(|_| panic!("nothing came within {DEADLINE:?}"))
}

/// A metric of the gateway as it stands on its page, with labels (`name{label="x"}`); 0 where it is not there.
///
/// # Panics
/// When the page is not there.
#[must_use]
pub fn metric(gateway: &Gateway, name: &str) -> f64 {
    let page = servers::get(&gateway.admin("/metrics")).unwrap_or_else(|error| panic!("{error}"));
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(0.0)
}

/// The sum of a family's series on the gateway's page of metrics.
///
/// # Errors
/// When the page is not there.
pub fn total(gateway: &Gateway, family: &str) -> Result<f64, String> {
    let page = servers::get(&gateway.admin("/metrics"))?;
    let of =
        |line: &str| line.strip_prefix(family)?.strip_prefix('{')?.split_once("} ")?.1.parse::<f64>().ok();
    Ok(page.lines().filter_map(of).sum())
}

/// Resident memory of the gateway's process, MiB.
#[must_use]
pub fn resident_mib(gateway: &Gateway) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", gateway.process().pid())).unwrap_or_default();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    kib.map_or(0, |kib: u64| kib / 1024)
}

/// Connections to the store and the like, which a gateway opens when there is something to write.
pub const STORE_FILES: usize = 8;

/// Open files of the gateway's process.
#[must_use]
pub fn open_files(gateway: &Gateway) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", gateway.process().pid())).map_or(0, Iterator::count)
}

/// The value that the share `part` of all do not exceed.
pub fn quantile(values: &mut [Duration], part: f64) -> Duration {
    values.sort_unstable();
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (values.len().saturating_sub(1) as f64 * part).round() as usize;
    values.get(at).copied().unwrap_or_default()
}
