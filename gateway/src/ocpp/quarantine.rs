//! A station that nobody registered, and that waits for an operator: its boots are answered `Pending` and kept, and
//! nothing else is (OCPP 1.6, 4.2; OCPP 2.0.1, B02: every other call gets `SecurityError`).

use station::event::{Boot, EventKind, Quarantined, StationEvent};
use station::fold::Standing;
use station::key::KeyHash;
use station::ocpp::frame::call_result;
use station::ocpp::{self, Answering, Call, ErrorCode, Frame};

use super::call::{Conversation, Reply, now};
use super::server::Server;
use crate::pipeline::Refused;

/// A station that waits asks again so often, s.
const ASK_AGAIN_S: u32 = 60;

/// What a station that waits showed when it connected.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) remote: String,
    pub(super) key: Option<KeyHash>,
    pub(super) certificate: bool,
}

impl Hold {
    /// What is journaled of it.
    pub(super) fn event(&self, boot: Option<Boot>) -> EventKind {
        EventKind::Quarantined(Box::new(Quarantined {
            remote: self.remote.clone(),
            key: self.key,
            certificate: self.certificate,
            boot,
        }))
    }
}

impl Conversation {
    /// Whether the station waits for an operator.
    pub(super) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// Whether it waits for an operator and need not any more.
    pub(super) fn is_released(&self, server: &Server) -> bool {
        self.is_held() && server.standing(&self.station) != Standing::Quarantined
    }

    /// Takes a message of a station that waits; gives what is to be sent.
    ///
    /// # Errors
    /// When the journal did not take a boot: then nothing may be sent.
    pub(super) async fn take_held(&self, server: &Server, hold: &Hold, text: &str) -> Result<Reply, Refused> {
        let call = match Frame::parse(text, self.version) {
            Ok(Frame::Call(call)) => call,
            // Nothing was asked.
            Ok(Frame::Answer(_) | Frame::ResultError(_)) => return Ok(None),
            Err(error) => {
                let refused = |code| self.error(server, &error.raw_id, code, &error.detail, "");
                return Ok(error.code.map(refused));
            }
        };
        if call.action != "BootNotification" {
            let why = "this station is not registered: it waits until an operator admits it";
            let refused = self.error(server, call.raw_id, ErrorCode::SecurityError, why, "");
            return Ok(call.wants_answer.then_some(refused));
        }
        match ocpp::decode(self.version, &self.station, &call, &server.deps.secret_key) {
            Ok(events) => self.boot_held(server, hold, &call, events).await,
            Err(error) => {
                Ok(Some(self.error(server, call.raw_id, error.code, &error.to_string(), &error.field)))
            }
        }
    }

    async fn boot_held(
        &self,
        server: &Server,
        hold: &Hold,
        call: &Call<'_>,
        events: Vec<StationEvent>,
    ) -> Result<Reply, Refused> {
        let Some((mut event, boot)) = events.into_iter().find_map(|event| match event.kind.clone() {
            EventKind::Booted(boot) => Some((event, boot)),
            _ => None,
        }) else {
            return Ok(None);
        };
        event.kind = hold.event(Some(boot));
        self.submit(server, vec![event]).await?;
        let answering = Answering {
            payload: call.payload,
            outcomes: &[],
            now: now(),
            heartbeat_interval_s: ASK_AGAIN_S,
            key: &server.deps.secret_key,
            pending: true,
        };
        Ok(Some(match ocpp::answer(self.version, &call.action, &answering) {
            Ok(payload) => call_result(call.raw_id, &payload),
            Err(code) => self.error(server, call.raw_id, code, "the message could not be processed", ""),
        }))
    }
}
