//! A station of OCPP 1.6 that says what a drill wants, and answers what it is sent.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration::{Gateway, eventually_blocking};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

const DEADLINE: Duration = Duration::from_secs(60);
/// How long the thread listens before it looks whether something is to be said.
const TURN: Duration = Duration::from_millis(20);

/// A connected station; it goes when it is dropped.
pub(crate) struct Station {
    pub(crate) id: String,
    say: Sender<(String, Value)>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Value>>,
    received: Mutex<Vec<String>>,
    mute: Mutex<Vec<String>>,
}

impl Station {
    /// Connects it and has it boot.
    pub(crate) fn boot(gateway: &Gateway, id: &str) -> Self {
        let ws = eventually_blocking(DEADLINE, || connect(gateway, id, "ocpp1.6"));
        let (say, to_say) = channel();
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        std::thread::spawn(move || live(ws, &to_say, &of_thread));
        let station = Self { id: id.to_owned(), say, shared };
        let boot = json!({"chargePointVendor": "Drill", "chargePointModel": "By hand"});
        assert_eq!(station.call("BootNotification", &boot)["status"], "Accepted");
        station
    }

    /// Sends a call and waits for its answer: a payload, or `[code, text]` of an error.
    pub(crate) fn call(&self, action: &str, payload: &Value) -> Value {
        let id = uuid::Uuid::new_v4().to_string();
        self.say.send((id.clone(), json!([2, id, action, payload]))).unwrap();
        eventually_blocking(DEADLINE, || {
            let answer = self.shared.answers.lock().unwrap().remove(&id);
            answer.ok_or_else(|| format!("{}: no answer to {action}", self.id))
        })
    }

    /// Says how connector 1 is, since when.
    pub(crate) fn status(&self, status: &str, error: (&str, &str), since: &str) {
        let payload = json!({
            "connectorId": 1, "status": status, "errorCode": error.0, "vendorErrorCode": error.1, "timestamp": since,
        });
        self.call("StatusNotification", &payload);
    }

    /// Meters something at connector 1, of a transaction or none.
    pub(crate) fn meter(&self, transaction: Option<i64>, measurand: &str, unit: &str, value: f64) {
        let mut payload = json!({
            "connectorId": 1,
            "meterValue": [{"timestamp": ago(0), "sampledValue": [
                {"measurand": measurand, "unit": unit, "value": value.to_string(), "context": "Sample.Periodic"},
            ]}],
        });
        if let Some(transaction) = transaction {
            payload["transactionId"] = transaction.into();
        }
        self.call("MeterValues", &payload);
    }

    /// Begins a transaction; gives its id.
    pub(crate) fn start(&self) -> i64 {
        let payload = json!({"connectorId": 1, "idTag": "04A1B2C3", "meterStart": 1000, "timestamp": ago(0)});
        self.call("StartTransaction", &payload)["transactionId"].as_i64().unwrap()
    }

    /// Ends it with so much energy.
    pub(crate) fn stop(&self, transaction: i64, energy_wh: i64) {
        let payload =
            json!({"transactionId": transaction, "meterStop": 1000 + energy_wh, "timestamp": ago(0)});
        self.call("StopTransaction", &payload);
    }

    /// From now on it does not answer this action.
    pub(crate) fn ignore(&self, action: &str) {
        self.shared.mute.lock().unwrap().push(action.to_owned());
    }

    /// Waits until it was sent this action.
    pub(crate) fn wait_for(&self, action: &str) {
        eventually_blocking(DEADLINE, || {
            let received = self.shared.received.lock().unwrap();
            if received.iter().any(|a| a == action) { Ok(()) } else { Err(format!("only {received:?}")) }
        });
    }
}

/// A time so many seconds ago, as stations write it.
pub(crate) fn ago(seconds: i64) -> String {
    (chrono::Utc::now() - chrono::Duration::seconds(seconds)).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Opens a connection.
pub(crate) fn connect(gateway: &Gateway, id: &str, protocol: &str) -> Result<WebSocket<TcpStream>, String> {
    let address = gateway.ocpp();
    let stream = TcpStream::connect(address.trim_start_matches("ws://")).map_err(|e| e.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(|e| e.to_string())?;
    let mut request = format!("{address}/{id}").into_client_request().map_err(|e| e.to_string())?;
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    let (ws, _) = client(request, stream).map_err(|e| e.to_string())?;
    ws.get_ref().set_read_timeout(Some(TURN)).map_err(|e| e.to_string())?;
    Ok(ws)
}

fn live(mut ws: WebSocket<TcpStream>, to_say: &Receiver<(String, Value)>, shared: &Shared) {
    loop {
        loop {
            match to_say.try_recv() {
                Ok((_, frame)) => {
                    let _ = ws.send(Message::text(frame.to_string()));
                }
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
                // The drill is over with it.
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
            }
        }
        let text = match ws.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => return,
        };
        let Ok(Value::Array(parts)) = serde_json::from_str(&text) else { continue };
        let id = parts[1].as_str().unwrap_or_default().to_owned();
        match parts[0].as_i64() {
            Some(2) => {
                let action = parts[2].as_str().unwrap_or_default().to_owned();
                let status = if action == "UnlockConnector" { "Unlocked" } else { "Accepted" };
                if !shared.mute.lock().unwrap().contains(&action) {
                    let _ = ws.send(Message::text(json!([3, id, {"status": status}]).to_string()));
                }
                shared.received.lock().unwrap().push(action);
            }
            Some(3) => {
                shared.answers.lock().unwrap().insert(id, parts[2].clone());
            }
            _ => {
                shared.answers.lock().unwrap().insert(id, json!([parts[2], parts[3]]));
            }
        }
    }
}
