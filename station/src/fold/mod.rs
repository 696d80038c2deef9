//! The fold: the events of a station, in their order, into its state, and into rows.
//!
//! It has no clock and no randomness. The same events give the same state, answers and rows, so that a replay of the
//! journal is harmless and two folds (one that answers stations, one that writes rows) never disagree.

mod commands;
mod cost;
mod duplicates;
mod keys;
mod local_list;
mod meter;
mod outcome;
mod quarantine;
mod records;
mod ring;
mod rows;
mod session;
mod sessions;
mod settings;
mod station;
mod tokens;
mod totals;
mod transaction;
mod unknown;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::rows::Origin;
use self::station::{Connection, Station};
use crate::deviation::{Deviation, Deviations};
use crate::event::{ConnectorStatus, EventKind, Severity, StationEvent};
use crate::fact::{self, Fact};
use crate::id::{SessionId, StationId};
use crate::key::{KeyChange, StationKeys};
use crate::setting::Setting;
use crate::time::Timestamp;

pub use commands::{COMMANDS_OPEN_MAX, Command, Commands};
pub use cost::{cost, minor_units};
pub use local_list::{ListError, LocalList, Plan};
pub use outcome::{Authorization, Outcome, Terms, Verdict};
pub use quarantine::{Held, QUARANTINE_MAX, Quarantine};
pub use rows::Rows;
pub use settings::{Revision, Settings, Standing};
pub use totals::{SiteTotals, Totals};
pub use unknown::{UnknownToken, UnknownTokens};

/// A station's time counts if it is at most this far in the past. It must be shorter than every TTL of the store:
/// QuestDB answers 204 to a row older than the TTL, and forgets it.
pub const LATE_LIMIT_S: i64 = 30 * 86_400;
/// A station's time counts if it is at most this far in the future.
pub const EARLY_LIMIT_S: i64 = 600;
/// Steps back of the gateway's clock by at most this are taken for a fault of that clock, and stations are believed as
/// before the step. Beyond it, what was before is taken for the fault.
const STEP_BACK_LIMIT_S: i64 = 26 * 3_600;
/// State of all stations, the settings in force, and the totals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fold {
    settings: Arc<Settings>,
    stations: HashMap<StationId, Station>,
    totals: Totals,
    #[serde(default)]
    charging: tokens::Charging,
    #[serde(default)]
    unknown: Arc<UnknownTokens>,
    /// The latest time of receipt: the gateway's clock may step back.
    #[serde(default)]
    latest: Timestamp,
    /// Stations that wait for an operator.
    #[serde(default)]
    quarantine: Arc<Quarantine>,
}

/// The rows of a station's current state.
#[derive(Clone, Debug, PartialEq)]
pub struct Now {
    /// `station_now`
    pub station: fact::StationNow,
    /// `connector_now`
    pub connectors: Vec<fact::ConnectorNow>,
    /// `session_now`
    pub sessions: Vec<fact::SessionNow>,
}

impl Fold {
    /// Folds one event. Events of one station must come in the order of the journal.
    pub fn apply(&mut self, event: &StationEvent, rows: &mut Rows) -> Outcome {
        rows.begin();
        let latest = self.latest(event.received_at);
        let (ts, deviations) = effective_time(event, latest);
        if let EventKind::SettingChanged(change) = &event.kind {
            Arc::make_mut(&mut self.settings).apply(event, change);
            if let Setting::Token(token) = &change.setting
                && self.unknown.find(&token.token_hash).is_some()
            {
                Arc::make_mut(&mut self.unknown).take(&token.token_hash);
            }
            self.release_registered(&change.setting);
            let origin = Origin { event, ts, latest, site: None, deviations };
            rows.push(&origin, |key| Fact::Setting(key, change.clone()));
            let text = format!(
                "{} set {} {} (revision {})",
                change.author,
                change.setting.collection().label(),
                change.setting.key(),
                change.revision
            );
            log(rows, &origin, Severity::Info, || text);
            return Outcome::default();
        }
        let settings = Arc::clone(&self.settings);
        let site = settings.station(&event.station).and_then(|s| s.site.as_deref());
        let origin = Origin { event, ts, latest, site, deviations };
        if let EventKind::Undecodable { reason, detail, origin: from } = &event.kind {
            rows.push(&origin, |key| rejected(key, event, *reason, detail, from));
            return Outcome { verdict: Verdict::Rejected(*reason), ..Outcome::default() };
        }
        if let EventKind::Quarantined(quarantined) = &event.kind {
            return self.quarantined(&origin, quarantined, rows);
        }
        match &event.kind {
            EventKind::Connected { .. } => self.release(&event.station),
            EventKind::KeyChanged(change) if !matches!(**change, KeyChange::Removed { .. }) => {
                self.release(&event.station);
            }
            _ => {}
        }
        let station = self.stations.entry(event.station.clone()).or_default();
        let odd = deviations.union(event.said_odd());
        let mut folding = Folding {
            station,
            settings: &settings,
            totals: &mut self.totals,
            charging: &mut self.charging,
            unknown: &mut self.unknown,
            origin,
            rows,
            odd,
        };
        if let Some(outcome) = folding.command().or_else(|| folding.key()) {
            return outcome;
        }
        folding.rows.touch(&event.station);
        let outcome = folding.event();
        if outcome.verdict == Verdict::Stored {
            folding.remember_replay();
        }
        Outcome { deviations: folding.odd, ..outcome }
    }

    /// The time against which a station's is held: that of receipt, or a later one from before a step back.
    fn latest(&mut self, received_at: Timestamp) -> Timestamp {
        if received_at >= self.latest || received_at < self.latest.plus_seconds(-STEP_BACK_LIMIT_S) {
            self.latest = received_at;
        }
        self.latest
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Cards that were shown lately and that nobody registered.
    #[must_use]
    pub fn unknown_tokens(&self) -> &Arc<UnknownTokens> {
        &self.unknown
    }

    /// The totals.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The current state of a station, as rows. A station that only was sent commands has none.
    #[must_use]
    pub fn now(&self, station: &StationId) -> Option<Now> {
        let state = self.stations.get(station).filter(|s| s.updated_at != Timestamp::default())?;
        let site = self.settings.station(station).and_then(|s| s.site.as_deref());
        Some(Now {
            station: state.now(station, site),
            connectors: state.connectors_now(station, site),
            sessions: state.sessions_now(station),
        })
    }

    /// All stations that ever said something.
    pub fn stations(&self) -> impl Iterator<Item = &StationId> {
        self.stations.keys()
    }

    /// Stations that have booted.
    pub fn booted(&self) -> impl Iterator<Item = &StationId> {
        self.stations.iter().filter(|(_, s)| s.boot != crate::event::Boot::default()).map(|(id, _)| id)
    }

    /// Open sessions of which nothing was heard since `before`: station and session.
    pub fn silent_sessions(&self, before: Timestamp) -> impl Iterator<Item = (&StationId, SessionId)> {
        self.stations.iter().flat_map(move |(id, station)| {
            station.open.iter().filter(move |s| s.updated_at < before).map(move |s| (id, s.session_id))
        })
    }

    /// Stations with an open session, whose state was last brought up to date before `before`, or, because the clock
    /// has stepped back, after `after`.
    pub fn stations_to_tick(&self, before: Timestamp, after: Timestamp) -> impl Iterator<Item = &StationId> {
        self.stations
            .iter()
            .filter(move |(_, s)| !s.open.is_empty() && (s.updated_at < before || s.updated_at > after))
            .map(|(id, _)| id)
    }

    /// The commands of a station.
    #[must_use]
    pub fn commands_of(&self, station: &StationId) -> Option<&Commands> {
        self.stations.get(station).map(|s| &s.commands)
    }

    /// Stations with commands that are open or were lately.
    pub fn commands(&self) -> impl Iterator<Item = (&StationId, &Commands)> {
        self.stations.iter().filter(|(_, s)| !s.commands.is_empty()).map(|(id, s)| (id, &s.commands))
    }

    /// The keys of a station, if it has any.
    #[must_use]
    pub fn keys_of(&self, station: &StationId) -> Option<&StationKeys> {
        self.stations.get(station).map(|s| &s.keys).filter(|keys| !keys.is_empty())
    }

    /// Stations with keys.
    pub fn keys(&self) -> impl Iterator<Item = (&StationId, &StationKeys)> {
        self.stations.iter().filter(|(_, s)| !s.keys.is_empty()).map(|(id, s)| (id, &s.keys))
    }

    /// The way by which each station was last heard.
    pub fn sources(&self) -> impl Iterator<Item = (&StationId, crate::event::Source)> {
        self.stations.iter().filter_map(|(id, s)| Some((id, s.source?)))
    }

    /// Connections that other runs of a gateway left open: station, epoch.
    pub fn connections_of(&self, gateway: &str) -> impl Iterator<Item = (&StationId, uuid::Uuid)> {
        self.stations.iter().filter_map(move |(id, station)| {
            let connection = station.connection.as_ref()?;
            (connection.gateway == gateway).then_some((id, connection.epoch))
        })
    }
}

/// One event on its way into one station's state.
struct Folding<'a> {
    station: &'a mut Station,
    settings: &'a Settings,
    totals: &'a mut Totals,
    charging: &'a mut tokens::Charging,
    unknown: &'a mut Arc<UnknownTokens>,
    origin: Origin<'a>,
    rows: &'a mut Rows,
    /// What was odd about the event, as far as it is known.
    odd: Deviations,
}

impl Folding<'_> {
    fn event(&mut self) -> Outcome {
        let event = self.origin.event;
        let heard = !matches!(
            event.kind,
            EventKind::Tick
                | EventKind::SessionEndInferred { .. }
                | EventKind::Disconnected { .. }
                | EventKind::SessionRecorded(_)
        ) && !event.event_id.is_replay();
        if heard {
            self.station.last_seen_at = event.received_at;
            self.station.source = Some(event.source);
        }
        self.station.updated_at = event.received_at;
        if self.replayed_before() || self.seen_before() {
            return self.duplicate();
        }
        if !matches!(
            event.kind,
            EventKind::Heartbeat
                | EventKind::Booted(_)
                | EventKind::Connected { .. }
                | EventKind::Disconnected { .. }
                | EventKind::Tick
        ) {
            self.station.facts += 1;
        }
        match &event.kind {
            EventKind::Heartbeat
            | EventKind::SettingChanged(_)
            | EventKind::KeyChanged(_)
            | EventKind::Quarantined(_)
            | EventKind::Undecodable { .. }
            | EventKind::CommandIssued(_)
            | EventKind::CommandSent { .. }
            | EventKind::CommandAnswered(_)
            | EventKind::CommandEnded { .. } => Outcome::default(),
            EventKind::Tick => self.tick(),
            EventKind::Booted(boot) => self.booted(boot),
            EventKind::StatusChanged(status) => self.status_changed(status),
            EventKind::Authorized { token } => self.authorized(token),
            EventKind::SessionStarted(start) => self.session_started(start),
            EventKind::SessionUpdated { transaction, charging_state, token, .. } => {
                self.session_updated(transaction, *charging_state, token.as_ref())
            }
            EventKind::MeterSampled { transaction, samples } => {
                self.meter_sampled(transaction.as_deref(), samples)
            }
            EventKind::SessionEnded(end) => self.session_ended(end),
            EventKind::SessionEndInferred { session_id } => self.end_inferred(*session_id),
            EventKind::SessionRecorded(record) => self.session_recorded(record),
            EventKind::FaultReported(fault) => {
                self.noted(if fault.cleared { Severity::Info } else { fault.severity }, || {
                    let state = if fault.cleared { "cleared" } else { "reported" };
                    format!("Fault {} {state}: {}", fault.code, fault.text.as_deref().unwrap_or("no text"))
                })
            }
            EventKind::FirmwareStatus { status } => {
                let severity = if status.contains("Fail") { Severity::Warning } else { Severity::Info };
                self.noted(severity, || format!("Firmware: {status}"))
            }
            EventKind::SecurityEvent { name, info } => self.noted(Severity::Warning, || {
                format!("Security event {name}: {}", info.as_deref().unwrap_or("no text"))
            }),
            EventKind::DataTransferred { vendor_id, message, .. } => self.noted(Severity::Info, || {
                format!("Data of {vendor_id}: {}", message.as_deref().unwrap_or("no message id"))
            }),
            EventKind::Connected { gateway, epoch, remote } => self.connected(gateway, *epoch, remote),
            EventKind::Disconnected { gateway, epoch, reason } => self.disconnected(gateway, *epoch, reason),
        }
    }

    fn tick(&mut self) -> Outcome {
        let now = self.origin.event.received_at;
        for session in &mut self.station.open {
            session.known_until = session.known_until.max(now);
        }
        Outcome::default()
    }

    fn booted(&mut self, boot: &crate::event::Boot) -> Outcome {
        self.station.boot = boot.clone();
        let protocol = self.origin.event.source.label();
        self.rows.push(&self.origin, |key| {
            Fact::StationReport(
                key,
                fact::StationReport {
                    protocol,
                    vendor: boot.vendor.clone(),
                    model: boot.model.clone(),
                    serial: boot.serial.clone(),
                    firmware: boot.firmware.clone(),
                    boot_reason: boot.reason.clone(),
                },
            )
        });
        log(self.rows, &self.origin, Severity::Info, || {
            let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
            format!("Booted: {} {}, firmware {}", part(&boot.vendor), part(&boot.model), part(&boot.firmware))
        });
        // A session does not survive a restart of its station; if it does after all, its next message corrects it.
        self.infer_ends(|_| true);
        Outcome::default()
    }

    fn status_changed(&mut self, status: &crate::event::Status) -> Outcome {
        let event = self.origin.event;
        let ts = self.origin.ts;
        let (evse, connector) = (event.evse.unwrap_or(0), event.connector.unwrap_or(0));
        self.station.status(evse, connector, status, ts, event.received_at);
        self.rows.push(&self.origin, |key| {
            Fact::ConnectorStatus(
                key,
                fact::ConnectorStatusRow {
                    status: status.status.label(),
                    error_code: status.error_code.clone(),
                    vendor_error_code: status.vendor_error_code.clone(),
                    vendor_id: status.vendor_id.clone(),
                    info: status.info.clone(),
                },
            )
        });
        let severity =
            if status.status == ConnectorStatus::Faulted { Severity::Critical } else { Severity::Info };
        log(self.rows, &self.origin, severity, || {
            let error = status.error_code.as_ref().map(|e| format!(", error {e}")).unwrap_or_default();
            let vendor =
                status.vendor_error_code.as_ref().map(|e| format!(", vendor code {e}")).unwrap_or_default();
            format!("Connector {connector}: {}{error}{vendor}", status.status.label())
        });
        if status.status == ConnectorStatus::Available && connector > 0 {
            let place = (event.evse, event.connector);
            self.infer_ends(|s| {
                s.connector.is_some() && station::same_place(s, place.0, place.1) && s.started_at < ts
            });
        }
        Outcome::default()
    }

    fn connected(&mut self, gateway: &str, epoch: uuid::Uuid, remote: &str) -> Outcome {
        self.station.connections += 1;
        self.station.connection =
            Some(Connection { gateway: gateway.to_owned(), epoch, at: self.origin.event.received_at });
        self.connection_row("connected", gateway, epoch, None, Some(remote.to_owned()));
        self.noted(Severity::Info, || format!("Connected over {}", self.origin.event.source.label()))
    }

    fn disconnected(&mut self, gateway: &str, epoch: uuid::Uuid, reason: &str) -> Outcome {
        // "replaced" says that a newer connection is there: the station is still connected.
        if reason != "replaced"
            && self.station.connection.as_ref().is_some_and(|c| c.gateway == gateway && c.epoch == epoch)
        {
            self.station.connection = None;
        }
        self.connection_row("disconnected", gateway, epoch, Some(reason.to_owned()), None);
        self.noted(Severity::Info, || format!("Disconnected: {reason}"))
    }

    fn connection_row(
        &mut self,
        state: &'static str,
        gateway: &str,
        epoch: uuid::Uuid,
        reason: Option<String>,
        remote: Option<String>,
    ) {
        let protocol = self.origin.event.source.label();
        self.rows.push(&self.origin, |key| {
            Fact::Connection(
                key,
                fact::Connection { gateway: gateway.to_owned(), epoch, state, protocol, reason, remote },
            )
        });
    }

    /// An event that is only logged.
    fn noted(&mut self, severity: Severity, text: impl FnOnce() -> String) -> Outcome {
        log(self.rows, &self.origin, severity, text);
        Outcome::default()
    }
}

/// Whether a station's time counts.
fn plausible(station_ts: Timestamp, latest: Timestamp) -> bool {
    station_ts >= latest.plus_seconds(-LATE_LIMIT_S) && station_ts <= latest.plus_seconds(EARLY_LIMIT_S)
}

/// The time that counts for an event (DESIGN "Time"), and its deviations.
fn effective_time(event: &StationEvent, latest: Timestamp) -> (Timestamp, Deviations) {
    let mut deviations = event.deviations;
    let ts = match event.station_ts {
        Some(ts) if plausible(ts, latest) => ts,
        Some(_) => {
            deviations.add(Deviation::Clock);
            event.received_at
        }
        None => event.received_at,
    };
    (ts, deviations)
}

/// Adds a line to the searchable log.
fn log(rows: &mut Rows, origin: &Origin<'_>, severity: Severity, text: impl FnOnce() -> String) {
    rows.push(origin, |key| {
        Fact::Event(
            key,
            fact::LogEntry {
                r#type: origin.event.kind.label(),
                severity,
                text: text(),
                payload: origin.event.payload.clone(),
                source: origin.event.source.label(),
            },
        )
    });
}

/// The row of `rejected` for an event that cannot be taken.
#[must_use]
pub fn rejected(
    key: fact::Key,
    event: &StationEvent,
    reason: crate::event::RejectReason,
    detail: &str,
    origin: &str,
) -> Fact {
    Fact::Rejected(
        key,
        fact::Rejected {
            source: event.source.label(),
            reason: reason.label(),
            detail: detail.to_owned(),
            origin: origin.to_owned(),
            payload: event.payload.clone(),
        },
    )
}

/// Enough of a hash to tell two cards apart in a text.
fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

#[cfg(test)]
mod tests;
