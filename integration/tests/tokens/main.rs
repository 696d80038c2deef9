//! Who may charge: every rule of tokens, as stations that are not ours (PyPI `ocpp`, which validates both directions by
//! the schemas) see it. The store is away all the time: authorising does not wait for it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod enrolment;
mod local_list;
mod rules;
#[allow(dead_code, reason = "what tests of commands share; tokens need less of it")]
#[path = "../commands/station.rs"]
mod station;

use integration::Gateway;
use serde_json::{Value, json};

use station::Station;

/// A gateway without a store.
fn gateway() -> Gateway {
    let mut gateway = Gateway::prepare("http://127.0.0.1:1", 1, r#"mqtt = { listen = "127.0.0.1:{mqtt}" }"#);
    gateway.start_again();
    gateway
}

/// A station of some version, its words, and its transactions.
struct Charger {
    station: Station,
    is_16: bool,
    now: chrono::DateTime<chrono::Utc>,
    sequence: u32,
}

impl Charger {
    fn booted(gateway: &Gateway, name: &str, protocol: &str) -> Self {
        let station = Station::booted(gateway, name, protocol);
        Self { station, is_16: protocol == "ocpp1.6", now: chrono::Utc::now(), sequence: 0 }
    }

    fn call(&mut self, action: &str, payload: &Value) -> Value {
        self.station.tell(&format!("call {action} {payload}"));
        self.station.wait_for("answered")["answer"].take()
    }

    /// What a station is told of a card: `idTagInfo` or `idTokenInfo`, whole.
    fn authorize(&mut self, card: &str) -> Value {
        let payload = if self.is_16 {
            json!({"id_tag": card})
        } else {
            json!({"id_token": {"id_token": card, "type": "ISO14443"}})
        };
        let answer = self.call("Authorize", &payload);
        self.info(&answer)
    }

    /// Begins a transaction; gives its id and what is said of the card.
    fn start(&mut self, connector: u32, card: &str) -> (Value, Value) {
        if self.is_16 {
            let at = self.moment();
            let payload =
                json!({"connector_id": connector, "id_tag": card, "meter_start": 0, "timestamp": at});
            let answer = self.call("StartTransaction", &payload);
            return (answer["transaction_id"].clone(), self.info(&answer));
        }
        let transaction = json!(integration::unique("tx"));
        let info = self.event("Started", "Authorized", &transaction, connector, card);
        (transaction, info)
    }

    /// Ends a transaction; gives what is said of the card.
    fn stop(&mut self, connector: u32, transaction: &Value, card: &str) -> Value {
        if self.is_16 {
            let at = self.moment();
            let payload =
                json!({"transaction_id": transaction, "id_tag": card, "meter_stop": 10, "timestamp": at});
            let answer = self.call("StopTransaction", &payload);
            return self.info(&answer);
        }
        self.event("Ended", "StopAuthorized", transaction, connector, card)
    }

    /// A card is shown in the course of a transaction (2.x).
    fn event(&mut self, kind: &str, trigger: &str, transaction: &Value, connector: u32, card: &str) -> Value {
        let payload = json!({
            "event_type": kind, "timestamp": self.moment(), "trigger_reason": trigger, "seq_no": self.sequence,
            "transaction_info": {"transaction_id": transaction}, "evse": {"id": connector, "connector_id": 1},
            "id_token": {"id_token": card, "type": "ISO14443"},
        });
        let answer = self.call("TransactionEvent", &payload);
        self.info(&answer)
    }

    /// Each message has a time of its own.
    fn moment(&mut self) -> String {
        self.sequence += 1;
        let at = self.now + chrono::TimeDelta::milliseconds(i64::from(self.sequence));
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }

    fn info(&self, answer: &Value) -> Value {
        answer[if self.is_16 { "id_tag_info" } else { "id_token_info" }].clone()
    }

    /// Of two words the one that its version has.
    fn word(&self, v16: &'static str, v2: &'static str) -> &'static str {
        if self.is_16 { v16 } else { v2 }
    }
}
