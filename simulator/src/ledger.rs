//! The clients' own books: one JSON line for each message that was acknowledged, and one for each session at its
//! end. Whoever wants to know whether the store lost or invented something compares it with this file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A line of the ledger.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// A message that was acknowledged (OCPP: CALLRESULT; MQTT: PUBACK).
    Message(MessageLine),
    /// A session whose end was acknowledged, or whose end was never said (`no_stop`).
    Session(SessionLine),
    /// A message that was refused for good (OCPP: CALLERROR).
    Refused(RefusedLine),
}

// Not derived: with serde_json's `arbitrary_precision`, which a dependency switches on for the whole build, derived
// readers of tagged enums fail on every fraction.
impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = serde_json::Value::deserialize(deserializer)?;
        let kind = fields["kind"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "message" => serde_json::from_value(fields).map(Self::Message),
            "session" => serde_json::from_value(fields).map(Self::Session),
            "refused" => serde_json::from_value(fields).map(Self::Refused),
            _ => return Err(D::Error::custom(format!("\"{kind}\" is no kind of line in a ledger"))),
        }
        .map_err(D::Error::custom)
    }
}

/// A message that was acknowledged.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct MessageLine {
    /// Who said it.
    pub station: String,
    /// `ocpp1.6`, `ocpp2.0.1` or `mqtt`.
    pub protocol: String,
    /// OCPP's unique id; MQTT: `id` in the JSON. The same in every repetition.
    pub message_id: String,
    /// OCPP's action; MQTT: the topic's last part.
    pub action: String,
    /// Connector, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<u8>,
    /// The station's own id of the session (OCPP 2.0.1: transactionId; MQTT: session).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// OCPP 1.6: the transaction id that the gateway gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<i64>,
    /// The timestamp in the message, RFC 3339; none where the message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The status in the message, as this protocol spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Wh, the register in the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register_wh: Option<f64>,
    /// W, in the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_w: Option<f64>,
    /// The card in the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How often it was sent.
    pub sent: u32,
    /// Real time of the acknowledgement, RFC 3339.
    pub acknowledged_at: String,
}

/// A session at its end.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SessionLine {
    /// Where.
    pub station: String,
    /// `ocpp1.6`, `ocpp2.0.1` or `mqtt`; `history` for generated records.
    pub protocol: String,
    /// Connector, from 1.
    pub connector: u8,
    /// The station's own id of the session.
    pub session: String,
    /// OCPP 1.6: the transaction id that the gateway gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<i64>,
    /// The card.
    pub token: String,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub ended_at: String,
    /// Wh.
    pub meter_start_wh: i64,
    /// Wh.
    pub meter_stop_wh: i64,
    /// Wh, stop minus start.
    pub energy_wh: i64,
    /// OCPP's word.
    pub reason: String,
    /// Meter messages of the session, start and end not counted.
    pub samples: u32,
    /// W.
    pub max_power_w: f64,
    /// What was wrong with it on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Real time of the acknowledgement of its end, RFC 3339; none if its end was never said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<String>,
}

/// A message that was refused for good.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Who said it.
    pub station: String,
    /// OCPP's unique id.
    pub message_id: String,
    /// OCPP's action.
    pub action: String,
    /// OCPP's error code and description.
    pub error: String,
    /// Real time, RFC 3339.
    pub refused_at: String,
}

/// Where the lines go. Each is written and handed to the system at once, so that the file is whole up to the last
/// acknowledgement, whatever happens to whom.
#[derive(Debug, Default)]
pub struct Ledger {
    file: Option<Mutex<File>>,
}

impl Ledger {
    /// A ledger that keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Appends to `path`, which is made if it is not there.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn append_to(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { file: Some(Mutex::new(file)) })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// When the file cannot be written: the books would be wrong, so the caller stops.
    pub fn write(&self, line: &Line) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes)
    }

    /// Reads all lines of a ledger; an unfinished last line (the client itself was killed) is left out.
    ///
    /// # Errors
    /// When the file cannot be read or a line in it is not one of a ledger.
    pub fn read(path: &Path) -> io::Result<Vec<Line>> {
        let text = std::fs::read_to_string(path)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_can_be_read_even_after_a_kill() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.jsonl");
        let line = Line::Message(MessageLine {
            station: "OSL-A001".into(),
            action: "StartTransaction".into(),
            transaction_id: Some(7),
            power_w: Some(7360.5),
            ..MessageLine::default()
        });
        let ledger = Ledger::append_to(&path).expect("opens");
        ledger.write(&line).expect("writes");
        let again = Ledger::append_to(&path).expect("opens again");
        again.write(&line).expect("writes");
        let mut torn = File::options().append(true).open(&path).expect("opens");
        torn.write_all(b"{\"kind\":\"mess").expect("writes");
        assert_eq!(Ledger::read(&path).expect("reads"), [line.clone(), line]);
    }
}
