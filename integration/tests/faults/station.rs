//! A station in the test's own process, for what a fleet does not do; and what the gateway says of itself.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use integration::{Gateway, servers};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// No answer takes longer, or the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A connected OCPP 1.6 station.
pub(crate) struct Station {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Station {
    /// Connects; while the gateway turns it away or is not there, again.
    pub(crate) async fn connect(gateway: &Gateway, id: &str) -> Self {
        integration::eventually(DEADLINE, || Self::try_connect(gateway, id)).await
    }

    /// Connects once.
    pub(crate) async fn try_connect(gateway: &Gateway, id: &str) -> Result<Self, WsError> {
        let mut request = format!("{}/{id}", gateway.ocpp()).into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", "ocpp1.6".parse().unwrap());
        let attempt = tokio_tungstenite::connect_async(request);
        Ok(Self { ws: timeout(DEADLINE, attempt).await.expect("an answer in time")?.0 })
    }

    /// Sends a call, and does not wait.
    pub(crate) async fn send(&mut self, id: &str, action: &str, payload: &Value) -> Result<(), WsError> {
        self.ws.send(Message::text(format!(r#"[2,"{id}","{action}",{payload}]"#))).await
    }

    /// The next answer: its message id, and its payload.
    pub(crate) async fn answer(&mut self) -> Result<(String, Value), WsError> {
        loop {
            match timeout(DEADLINE, self.ws.next()).await.expect("an answer in time") {
                Some(Ok(Message::Text(text))) => {
                    let parts: Vec<Value> = serde_json::from_str(&text).unwrap();
                    assert_eq!(parts[0], 3, "{text}");
                    return Ok((parts[1].as_str().unwrap().to_owned(), parts[2].clone()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(WsError::ConnectionClosed),
            }
        }
    }

    /// Sends a call, and gives the payload of its answer.
    pub(crate) async fn call(&mut self, id: &str, action: &str, payload: &Value) -> Value {
        self.send(id, action, payload).await.unwrap();
        let (answered, payload) = self.answer().await.unwrap();
        assert_eq!(answered, id, "answers come in order");
        payload
    }

    /// Goes without a word.
    pub(crate) fn vanish(self) {
        drop(self);
    }
}

/// A metric of the gateway as it stands on its page, with labels (`name{label="x"}`); 0 where it is not there.
pub(crate) fn metric(gateway: &Gateway, name: &str) -> f64 {
    let page = servers::get(&gateway.admin("/metrics")).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(0.0)
}

/// Resident memory of the gateway's process, MiB.
pub(crate) fn resident_mib(gateway: &Gateway) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", gateway.process().pid())).unwrap_or_default();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    kib.map_or(0, |kib: u64| kib / 1024)
}

/// Connections to the store and the like, which a gateway opens when there is something to write.
pub(crate) const STORE_FILES: usize = 8;

/// Open files of the gateway's process.
pub(crate) fn open_files(gateway: &Gateway) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", gateway.process().pid())).map_or(0, Iterator::count)
}

/// The value that the share `part` of all do not exceed.
pub(crate) fn quantile(values: &mut [Duration], part: f64) -> Duration {
    values.sort_unstable();
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (values.len().saturating_sub(1) as f64 * part).round() as usize;
    values.get(at).copied().unwrap_or_default()
}
