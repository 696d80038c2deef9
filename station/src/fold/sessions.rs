//! Sessions: how they begin, end, are corrected, and are told apart.

use super::session::{AppliedTariff, Session};
use super::station::{OPEN_MAX, same_place};
use super::{Folding, Outcome, Verdict, log, short, transaction};
use crate::deviation::{Deviation, Deviations};
use crate::event::{ChargingState, SessionEnd, SessionStart, Severity, Source};
use crate::fact::Fact;
use crate::id::SessionId;
use crate::secret::Token;
use crate::setting::Tariff;
use crate::time::Timestamp;

/// A start that is sent again with another time counts as the same for so long.
const RETRY_WITHIN_S: i64 = 600;

impl Folding<'_> {
    pub(super) fn session_started(&mut self, start: &SessionStart) -> Outcome {
        let event = self.origin.event;
        let ts = self.origin.ts;
        let facts = self.station.facts;
        let station_id = &event.station;
        let tariff_of = |site: Option<&str>| applied(self.settings.tariff_at(site, ts));
        let before = self.started_before(start);
        if let Some(session) = before.and_then(|id| self.station.session(id)) {
            let given_id = session.given_id;
            if !session.partial {
                if session.start_station_ts != event.station_ts {
                    session.deviations.add(Deviation::StartRetried);
                    self.odd.add(Deviation::StartRetried);
                    session.facts_at_start = facts;
                }
                let session_id = session.session_id;
                return Outcome {
                    verdict: Verdict::Duplicate,
                    transaction_id: given_id,
                    ..self.begun_by(start, session_id)
                };
            }
            // Its later messages came first: now its begin is known.
            session.partial = false;
            session.started_at = ts.min(session.ended_at.unwrap_or(ts));
            session.start_station_ts = event.station_ts;
            session.meter_start_wh = start.meter_start_wh.or(session.meter_start_wh);
            session.evse = session.evse.or(event.evse);
            session.connector = session.connector.or(event.connector);
            session.tariff = tariff_of(session.site.as_deref());
            let session_id = session.session_id;
            if let Some(token) = &start.token
                && let Some(other) = session.token_hash.replace(token.hash.clone())
            {
                self.charging.free(&other, session_id);
            }
            session.revision += 1;
            session.updated_at = event.received_at;
            let row = session.row(station_id);
            self.station.energy_wh += self.totals_of_live(event.source, before);
            self.rows.push_own(|| Fact::Session(Box::new(row)));
            return Outcome { transaction_id: given_id, ..self.begun_by(start, session_id) };
        }
        if event.connector.is_some() || event.evse.is_some() {
            let place = (event.evse, event.connector);
            self.infer_ends(|s| {
                (s.connector.is_some() || s.evse.is_some())
                    && same_place(s, place.0, place.1)
                    && s.started_at <= ts
            });
        }
        let session_id = SessionId::begun_by(event.event_id);
        let mut session = self.new_session(session_id, start.transaction.clone(), start.token.as_ref());
        session.meter_start_wh = start.meter_start_wh;
        if start.transaction.is_none() {
            let id = self.station.give_id(&event.station, session_id);
            session.given_id = Some(id);
            session.transaction = Some(id.to_string());
        }
        let given_id = session.given_id;
        self.open(session);
        log(self.rows, &self.origin, Severity::Info, || {
            let token = start.token.as_ref().map_or("no token", |t| short(&t.hash));
            format!("Session started by {token}")
        });
        Outcome { transaction_id: given_id, ..self.begun_by(start, session_id) }
    }

    /// What is said of the token of a start.
    pub(super) fn begun_by(&mut self, start: &SessionStart, session: SessionId) -> Outcome {
        start.token.as_ref().map_or_else(Outcome::default, |token| self.may_charge(token, session))
    }

    /// The session that this start began before, if it did.
    pub(super) fn started_before(&self, start: &SessionStart) -> Option<SessionId> {
        let event = self.origin.event;
        if let Some(transaction) = start.transaction.as_deref() {
            // Ids of the station's own making may come round again after a restart of the station.
            let same = |s: &Session| {
                s.transaction.as_deref() == Some(transaction)
                    && (s.ended_at.is_none() || s.partial || s.start_station_ts == event.station_ts)
            };
            let mut kept = self.station.open.iter().chain(self.station.ended.iter().rev());
            return kept.find(|s| same(s)).map(|s| s.session_id);
        }
        let token = start.token.as_ref().map(|t| t.hash.as_str());
        let facts = self.station.facts;
        let same = |s: &Session| {
            let content = s.given_id.is_some()
                && s.connector == event.connector
                && s.token_hash.as_deref() == token
                && s.meter_start_wh == start.meter_start_wh;
            let to_the_letter = s.start_station_ts == event.station_ts;
            let retried = s.ended_at.is_none()
                && s.facts_at_start + 1 == facts
                && event.received_at < s.received_at.plus_seconds(RETRY_WITHIN_S);
            content && ((to_the_letter && s.ended_at.is_none()) || retried)
        };
        self.station.open.iter().find(|s| same(s)).map(|s| s.session_id)
    }

    /// The ended session that this start began: only one that was recognised as sent twice is answered so.
    pub(super) fn started_and_ended(&self, start: &SessionStart) -> Option<&Session> {
        let event = self.origin.event;
        let token = start.token.as_ref().map(|t| t.hash.as_str());
        self.station.ended.iter().rev().find(|s| {
            s.given_id.is_some()
                && s.connector == event.connector
                && s.start_station_ts == event.station_ts
                && s.token_hash.as_deref() == token
                && s.meter_start_wh == start.meter_start_wh
        })
    }

    pub(super) fn session_updated(
        &mut self,
        transaction: &str,
        charging_state: Option<ChargingState>,
        token: Option<&Token>,
    ) -> Outcome {
        let event = self.origin.event;
        let session_id = self.find_or_begin(Some(transaction), self.origin.ts);
        if session_id.is_some()
            && let Some(session) = self.station.open_transaction(transaction)
        {
            if let (None, Some(token)) = (&session.token_hash, token) {
                session.token_hash = Some(token.hash.clone());
            }
            if matches!(charging_state, Some(ChargingState::Idle | ChargingState::EvConnected)) {
                session.power_w = Some(0.0);
            }
            let moved = event.evse.is_some() && event.evse != session.evse;
            if moved && self.origin.ts >= session.known_until {
                // The vehicle was plugged in elsewhere: what begins where it was does not end it.
                (session.evse, session.connector) = (event.evse, event.connector);
            } else {
                session.evse = session.evse.or(event.evse);
                session.connector = session.connector.or(event.connector);
            }
            session.updated_at = event.received_at;
            session.known_until = session.known_until.max(self.origin.ts);
        }
        if let Some(session_id) = session_id {
            self.flag_foreign(session_id, token, None);
        }
        token.map_or_else(Outcome::default, |token| self.shown_within(token, session_id))
    }

    /// What is said of a token that is shown in the course of a session: its own, or one that stops it.
    pub(super) fn shown_within(&mut self, token: &Token, session: Option<SessionId>) -> Outcome {
        let open = session.and_then(|id| self.station.open.iter().find(|s| s.session_id == id));
        match open {
            Some(session) if session.token_hash.as_deref() == Some(&token.hash) => {
                self.may_charge(token, session.session_id)
            }
            _ => self.stopping(token),
        }
    }

    pub(super) fn session_ended(&mut self, end: &SessionEnd) -> Outcome {
        let event = self.origin.event;
        let ts = self.origin.ts;
        let outcome = end.token.as_ref().map_or_else(Outcome::default, |token| self.stopping(token));
        let meant = transaction::meant(end.transaction.as_deref());

        if let Some(meant) = meant
            && self.station.open_transaction(meant).is_none()
            && let Some(session) = self.station.ended_transaction(meant)
        {
            // It was inferred ended, or its end comes again with other content: the newest word counts.
            if !session.inferred && session.ended_at == Some(ts) && session.meter_stop_wh == end.meter_stop_wh
            {
                return Outcome { verdict: Verdict::Duplicate, ..outcome };
            }
            session.revision += 1;
            session.updated_at = event.received_at;
            let known = session.deviations;
            session.end(ts, end.meter_stop_wh, end.reason.clone(), false);
            self.odd = self.odd.union(session.deviations.without(known));
            let session_id = session.session_id;
            self.station.energy_wh += self.totals_of_live(event.source, Some(session_id));
            self.session_row(meant);
            return outcome;
        }

        let by_station = event.source == Source::Ocpp201 || event.source == Source::Ocpp21;
        let found = match meant.and_then(|meant| self.station.open_transaction(meant)) {
            Some(session) => Some(session.session_id),
            None if by_station && meant.is_some() => None,
            None => self.fitting(end),
        };
        let session_id = if let Some(id) = found {
            id
        } else {
            // Its start was never seen: a partial session, and nothing else is closed.
            let id = SessionId::begun_by(event.event_id);
            let mut session = self.new_session(id, meant.map(str::to_owned), end.token.as_ref());
            session.partial = true;
            session.deviations.add(Deviation::StopWithoutStart);
            self.odd.add(Deviation::StopWithoutStart);
            self.station.open.push(session);
            id
        };
        self.flag_foreign(session_id, end.token.as_ref(), end.reason.as_deref());
        self.end(session_id, ts, end.meter_stop_wh, end.reason.clone(), false);
        if let (Some(token), Some(session)) = (&end.token, self.station.ended.back_mut())
            && session.token_hash.is_none()
        {
            session.token_hash = Some(token.hash.clone());
        }
        self.finished(session_id);
        outcome
    }

    /// The session that a stop without a usable id means (OCPP 1.6 stations send −1, 0 or numbers of their own): the
    /// only open one; else the one that fits by token and meter.
    fn fitting(&mut self, end: &SessionEnd) -> Option<SessionId> {
        let event = self.origin.event;
        let fits = |s: &Session| {
            let token = match (&s.token_hash, &end.token) {
                (Some(one), Some(other)) => self.settings.same_group(one, &other.hash),
                _ => true,
            };
            let read = s.register_wh.or(s.meter_start_wh);
            let meter = end.meter_stop_wh.zip(read).is_none_or(|(stop, read)| stop >= read);
            token && meter
        };
        let mut candidates = self
            .station
            .open
            .iter()
            .filter(|s| same_place(s, event.evse, event.connector) && s.started_at <= self.origin.ts);
        let first = candidates.next()?;
        let found = if candidates.next().is_none() {
            first.session_id
        } else {
            let mut fitting =
                self.station.open.iter().filter(|s| same_place(s, event.evse, event.connector) && fits(s));
            let first = fitting.next()?;
            if fitting.next().is_some() {
                return None;
            }
            first.session_id
        };
        let session = self.station.open.iter_mut().find(|s| s.session_id == found)?;
        if end.transaction.is_some() {
            session.deviations.add(Deviation::TransactionIdUnknown);
            self.odd.add(Deviation::TransactionIdUnknown);
        }
        Some(found)
    }

    pub(super) fn end_inferred(&mut self, session_id: SessionId) -> Outcome {
        self.infer_ends(|s| s.session_id == session_id);
        Outcome::default()
    }

    /// Ends the open sessions that `which` says, as far as they are known.
    pub(super) fn infer_ends(&mut self, which: impl Fn(&Session) -> bool) {
        let ended: Vec<SessionId> =
            self.station.open.iter().filter(|s| which(s)).map(|s| s.session_id).collect();
        let ts = self.origin.ts;
        for session_id in ended {
            let at = self.station.open.iter().find(|s| s.session_id == session_id).map_or(ts, |s| {
                // Without any sample the moment at which the end was noticed is the best that is known.
                if s.samples > 0 { s.counted_until.min(ts) } else { ts }
            });
            self.end(session_id, at, None, None, true);
            self.finished(session_id);
        }
    }

    /// The session that a message means, by its transaction; one that is not known begins as a partial one.
    pub(super) fn find_or_begin(&mut self, transaction: Option<&str>, at: Timestamp) -> Option<SessionId> {
        let event = self.origin.event;
        let Some(meant) = transaction::meant(transaction) else {
            // Clock-aligned values name no transaction: the place and the time tell.
            event.connector.or(event.evse).filter(|place| *place > 0)?;
            let session = self.station.open_at(event.evse, event.connector).filter(|s| s.started_at <= at)?;
            if transaction.is_some() {
                session.deviations.add(Deviation::TransactionIdUnknown);
                self.odd.add(Deviation::TransactionIdUnknown);
            }
            return Some(session.session_id);
        };
        if let Some(session) = self.station.open_transaction(meant) {
            return Some(session.session_id);
        }
        if let Some(session) = self.station.ended_transaction(meant) {
            let id = session.session_id;
            if session.inferred && session.ended_at.is_some_and(|ended| at > ended) {
                self.reopen(id);
            }
            return Some(id);
        }
        if meant.parse().is_ok_and(|id: i32| self.station.given_ids.contains(&id)) {
            // Of a session that ended long ago.
            return None;
        }
        let by_us = event.source == Source::Ocpp16;
        if by_us && let Some(session) = self.station.open_at(event.evse, event.connector) {
            session.deviations.add(Deviation::TransactionIdUnknown);
            self.odd.add(Deviation::TransactionIdUnknown);
            return Some(session.session_id);
        }
        let id = SessionId::begun_by(event.event_id);
        let mut session = self.new_session(id, Some(meant.to_owned()), None);
        session.partial = true;
        session.started_at = at;
        session.counted_until = at;
        self.open(session);
        Some(id)
    }

    /// Takes back an inferred end: the session goes on.
    fn reopen(&mut self, session_id: SessionId) {
        let Some(at) = self.station.ended.iter().position(|s| s.session_id == session_id) else { return };
        if let Some(mut session) = self.station.ended.remove(at) {
            session.ended_at = None;
            session.inferred = false;
            session.stop_reason = None;
            session.revision += 1;
            self.station.sessions_count -= 1;
            if let Some(token) = &session.token_hash {
                self.charging.hold(token, session_id);
            }
            self.station.open.push(session);
        }
    }

    fn new_session(
        &self,
        session_id: SessionId,
        transaction: Option<String>,
        token: Option<&Token>,
    ) -> Session {
        let event = self.origin.event;
        let ts = self.origin.ts;
        let site = self.origin.site.map(str::to_owned);
        Session {
            session_id,
            ts,
            evse: event.evse,
            connector: event.connector,
            transaction,
            given_id: None,
            token_hash: token.map(|t| t.hash.clone()),
            tariff: applied(self.settings.tariff_at(site.as_deref(), ts)),
            site,
            source: event.source,
            started_at: ts,
            start_station_ts: event.station_ts,
            ended_at: None,
            stop_reason: None,
            inferred: false,
            partial: false,
            meter_start_wh: None,
            meter_stop_wh: None,
            register_wh: None,
            integral_wh: 0.0,
            power_w: None,
            max_power_w: None,
            charging_s: 0.0,
            idle_s: 0.0,
            counted_until: ts,
            counted_wh: 0.0,
            known_until: ts,
            soc_start_ratio: None,
            soc_ratio: None,
            temperature_c: None,
            samples: 0,
            revision: 0,
            facts_at_start: self.station.facts,
            received_at: event.received_at,
            updated_at: event.received_at,
            deviations: self.origin.deviations,
            total_wh: 0.0,
            total_cost: rust_decimal::Decimal::ZERO,
        }
    }

    fn open(&mut self, session: Session) {
        if self.station.open.len() >= OPEN_MAX
            && let Some(oldest) = self.station.open.first().map(|s| s.session_id)
        {
            self.infer_ends(|s| s.session_id == oldest);
        }
        let row = self.rows.are_wanted().then(|| session.row(&self.origin.event.station));
        self.station.open.push(session);
        if let Some(row) = row {
            self.rows.push_own(|| Fact::Session(Box::new(row)));
        }
    }

    fn end(
        &mut self,
        session_id: SessionId,
        at: Timestamp,
        meter_stop_wh: Option<f64>,
        reason: Option<String>,
        inferred: bool,
    ) {
        let received_at = self.origin.event.received_at;
        if let Some(session) = self.station.close(session_id) {
            if let Some(token) = &session.token_hash {
                self.charging.free(token, session_id);
            }
            session.updated_at = received_at;
            session.deviations = session.deviations.union(Deviations(
                // What was odd about the stop is odd about the session; what was odd about an Available is not.
                if inferred { 0 } else { self.origin.deviations.0 },
            ));
            let known = session.deviations;
            session.end(at, meter_stop_wh, reason, inferred);
            self.odd = self.odd.union(session.deviations.without(known));
        }
    }

    /// Counts and writes a session that has just ended.
    fn finished(&mut self, session_id: SessionId) {
        let source = self.origin.event.source;
        self.station.sessions_count += 1;
        let new_wh = self.totals_of_live(source, Some(session_id));
        self.station.energy_wh += new_wh;
        let Some(session) = self.station.ended.iter().rev().find(|s| s.session_id == session_id) else {
            return;
        };
        self.totals.ended(session);
        let row = session.row(&self.origin.event.station);
        log(self.rows, &self.origin, Severity::Info, || {
            let how = if row.inferred { "inferred ended" } else { "ended" };
            let energy = row.energy_wh.map_or("unknown energy".to_owned(), |e| format!("{:.3} kWh", e / 1e3));
            let reason = row.stop_reason.as_deref().unwrap_or("no reason given");
            format!("Session {how}: {energy} in {:.0} s, {reason}", row.duration_s)
        });
        self.rows.push_own(|| Fact::Session(Box::new(row)));
    }

    /// Counts what is new of an ended session. Returns its new energy, Wh.
    fn totals_of_live(&mut self, source: Source, session_id: Option<SessionId>) -> f64 {
        let Some(session) = self.station.ended.iter_mut().rev().find(|s| Some(s.session_id) == session_id)
        else {
            return 0.0;
        };
        if source == Source::Import {
            return 0.0;
        }
        let new_wh = self.totals.energy(session);
        self.totals.money(session);
        new_wh
    }

    /// Writes the row of a kept ended session.
    fn session_row(&mut self, transaction: &str) {
        if let Some(session) = self.station.ended_transaction(transaction) {
            let row = session.row(&self.origin.event.station);
            self.rows.push_own(|| Fact::Session(Box::new(row)));
        }
    }
}

pub(super) fn applied(tariff: Option<(&Tariff, u64)>) -> Option<AppliedTariff> {
    tariff.map(|(tariff, revision)| AppliedTariff { tariff: tariff.clone(), revision })
}
