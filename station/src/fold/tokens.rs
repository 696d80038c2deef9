//! Who may charge: what the fold says of a token that is shown, begins a session, or stops one.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Authorization, Folding, Outcome, log, short};
use crate::deviation::Deviation;
use crate::event::Severity;
use crate::id::SessionId;
use crate::secret::Token;

/// OCPP 2.x ReasonEnumType: a card of the station's own master group, which may stop any session (C16).
const MASTER_PASS: &str = "MasterPass";

/// Which sessions hold their token: open ones, over all stations, that were accepted. By the token's hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Charging(HashMap<String, Vec<SessionId>>);

impl Charging {
    /// Whether the token is held by another session, and not by this one.
    fn is_elsewhere(&self, hash: &str, session: SessionId) -> bool {
        self.0.get(hash).is_some_and(|held| !held.contains(&session))
    }

    pub(super) fn hold(&mut self, hash: &str, session: SessionId) {
        let held = self.0.entry(hash.to_owned()).or_default();
        if !held.contains(&session) {
            held.push(session);
        }
    }

    /// The session holds the token no more.
    pub(super) fn free(&mut self, hash: &str, session: SessionId) {
        if let Some(held) = self.0.get_mut(hash) {
            held.retain(|id| *id != session);
            if held.is_empty() {
                self.0.remove(hash);
            }
        }
    }
}

impl Folding<'_> {
    /// A station asks for a token. That it charges elsewhere matters only for a start (OCPP 1.6, 7.2; 2.0.1, 3.6): whoever
    /// charges shows the card to stop, too, and may do so during maintenance.
    pub(super) fn shown(&mut self, token: &Token) -> Outcome {
        let charges_here = |s: &super::session::Session| {
            s.token_hash.as_deref().is_some_and(|hash| self.settings.same_group(hash, &token.hash))
        };
        if self.station.open.iter().any(charges_here) {
            return self.stopping(token);
        }
        let authorization = self.judge(token);
        self.said(token, authorization)
    }

    /// A token begins a session, or says in its course whose it is. A session that has ended holds nothing.
    pub(super) fn may_charge(&mut self, token: &Token, session: SessionId) -> Outcome {
        let mut authorization = self.judge(token);
        let open = self.station.open.iter().any(|s| s.session_id == session);
        if open && authorization == Authorization::Accepted && self.settings.charges_alone(&token.hash) {
            if self.charging.is_elsewhere(&token.hash, session) {
                authorization = Authorization::ConcurrentTx;
            } else {
                self.charging.hold(&token.hash, session);
            }
        }
        self.said(token, authorization)
    }

    /// A token stops a session. The end is a fact whoever's card it was, and stations keep the answer in their caches: it
    /// tells of the card alone.
    pub(super) fn stopping(&self, token: &Token) -> Outcome {
        self.said(token, self.settings.standing(&token.hash, self.origin.event.received_at))
    }

    /// Notes it if a session goes on or ends by a card that neither began it nor is of its group.
    pub(super) fn flag_foreign(&mut self, session: SessionId, token: Option<&Token>, reason: Option<&str>) {
        let (Some(token), true) = (token, reason != Some(MASTER_PASS)) else { return };
        let settings = self.settings;
        let Some(session) = self.station.session(session) else { return };
        if session.token_hash.as_deref().is_some_and(|own| !settings.same_group(own, &token.hash)) {
            session.deviations.add(Deviation::ForeignCard);
            self.odd.add(Deviation::ForeignCard);
        }
    }

    fn judge(&mut self, token: &Token) -> Authorization {
        let event = self.origin.event;
        if self.settings.token(&token.hash).is_none() {
            Arc::make_mut(self.unknown).seen(token, event);
        }
        self.settings.authorize(&event.station, &token.hash, event.received_at)
    }

    fn said(&self, token: &Token, authorization: Authorization) -> Outcome {
        Outcome {
            authorization: Some(authorization),
            terms: self.settings.terms(&token.hash),
            ..Outcome::default()
        }
    }

    pub(super) fn authorized(&mut self, token: &Token) -> Outcome {
        let outcome = self.shown(token);
        log(self.rows, &self.origin, Severity::Info, || {
            let word = outcome.authorization.map_or("", Authorization::as_str);
            format!("Token {} shown: {word}", short(&token.hash))
        });
        outcome
    }
}
