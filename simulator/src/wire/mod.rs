//! Sayings in the words of each protocol.

pub mod mqtt;
pub mod ocpp16;
pub mod ocpp201;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use station::time::Timestamp;
use uuid::Uuid;

use crate::fleet::{Protocol, Station};
use crate::life::Saying;
use crate::life::What;

/// A saying in a protocol's words.
#[derive(Clone, PartialEq, Debug)]
pub struct Encoded {
    /// OCPP's action; MQTT: the topic's last part.
    pub action: &'static str,
    /// JSON.
    pub payload: String,
}

/// Puts one station's sayings into its protocol's words; keeps what the protocol wants remembered.
#[derive(Debug, Default)]
pub struct Writer {
    /// OCPP 1.6: the ids that the gateway gave to our sessions.
    transactions: HashMap<Uuid, i32>,
    /// OCPP 2.0.1: the next seqNo of each transaction.
    sequences: HashMap<Uuid, i32>,
    /// OCPP 2.0.1: the next eventId.
    event: i32,
}

impl Writer {
    /// The saying in the protocol's words; none if the protocol has none for it. Called once a message: repetitions
    /// send the same bytes again. `offline` tells whether the message had to wait for a connection.
    ///
    /// # Errors
    /// Only if a value cannot be written as JSON, which would be a defect.
    pub fn encode(
        &mut self,
        station: &Station,
        saying: &Saying,
        message_id: &str,
        offline: bool,
    ) -> Result<Option<Encoded>, serde_json::Error> {
        match station.protocol {
            Protocol::Ocpp16 => ocpp16::encode(self, station, saying),
            Protocol::Ocpp201 => ocpp201::encode(self, station, saying, offline),
            Protocol::Mqtt => mqtt::encode(station, saying, message_id),
        }
    }

    /// The gateway gave this id to a session of ours.
    pub fn learn_transaction(&mut self, session: Uuid, id: i32) {
        self.transactions.insert(session, id);
    }

    /// The id that the gateway gave to a session of ours.
    #[must_use]
    pub fn transaction(&self, session: Uuid) -> Option<i32> {
        self.transactions.get(&session).copied()
    }

    /// The session to which the gateway gave this id.
    #[must_use]
    pub fn session_of(&self, transaction: i64) -> Option<Uuid> {
        self.transactions.iter().find(|(_, id)| i64::from(**id) == transaction).map(|(session, _)| *session)
    }

    /// Forgets a session that is over.
    pub fn forget(&mut self, session: Uuid) {
        self.transactions.remove(&session);
        self.sequences.remove(&session);
    }

    fn next_sequence(&mut self, session: Uuid) -> i32 {
        let next = self.sequences.entry(session).or_insert(0);
        *next += 1;
        *next - 1
    }

    fn next_event(&mut self) -> i32 {
        self.event += 1;
        self.event
    }
}

impl What {
    /// Whether this protocol has words for it at all: what it has none for is never queued.
    #[must_use]
    pub fn is_said_in(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Ocpp16 => ocpp16::says(self),
            Protocol::Ocpp201 => ocpp201::says(self),
            Protocol::Mqtt => mqtt::says(self),
        }
    }
}

/// For types that write their times with all the digits they have: cut to milliseconds, some stations' partners
/// choke on more.
fn milliseconds(at: Timestamp) -> DateTime<Utc> {
    Timestamp(at.0 / 1000 * 1000).to_utc()
}

#[cfg(test)]
mod tests;
