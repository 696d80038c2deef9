//! The life of one station, pure: given the time, it tells what the station has to say. It knows nothing of
//! connections but whether there is one.

mod connector;
pub mod saying;

use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use station::event::{ConnectorStatus, Severity};
use station::time::Timestamp;
use uuid::Uuid;

use crate::fleet::chance::{stream, weighted};
use crate::fleet::{Fleet, Station};
use connector::ConnectorLife;
pub use saying::{Ended, Saying, StopReason, What};

/// A time that does not come.
pub(crate) const NEVER: Timestamp = Timestamp(i64::MAX);

/// How a station lives.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Habits {
    /// From when on it lives.
    pub begins: Timestamp,
    /// When it connects for the first time. What lies between is told then, with its own timestamps.
    pub connects_at: Timestamp,
    /// Microseconds between two meter values, whole milliseconds.
    pub sample_every_us: i64,
    /// Faults of connectors, an hour and station.
    pub faults_per_hour: f64,
    /// Broken connections, an hour and station.
    pub cuts_per_hour: f64,
    /// Whether vehicles come by themselves. Otherwise everything is done by hand.
    pub visited: bool,
}

/// The life of one station.
#[derive(Debug)]
pub struct StationLife {
    fleet: Arc<Fleet>,
    station: Arc<Station>,
    habits: Habits,
    connectors: Vec<ConnectorLife>,
    rng: ChaCha8Rng,
    boots_at: Timestamp,
    next_fault: Timestamp,
    next_cut: Timestamp,
    /// A cut that somebody planned: when, and until when.
    planned_cut: Option<(Timestamp, Timestamp)>,
}

/// What every step of a connector may use.
struct Around<'a> {
    fleet: &'a Fleet,
    station: &'a Station,
    online: bool,
    sample_every_us: i64,
    out: &'a mut Vec<Saying>,
}

impl Around<'_> {
    fn say(&mut self, at: Timestamp, what: What) {
        self.out.push(Saying { at, what });
    }
}

impl StationLife {
    /// A station that begins to live.
    #[must_use]
    pub fn new(fleet: Arc<Fleet>, station: Arc<Station>, habits: Habits) -> Self {
        let mut rng = stream(fleet.plan.seed, "life", station.stream_number(), habits.begins.0 as u64);
        let connectors = (1..=station.connectors)
            .map(|number| ConnectorLife::new(&fleet, &station, number, &habits))
            .collect();
        Self {
            boots_at: habits.connects_at,
            next_fault: after(&mut rng, habits.connects_at, habits.faults_per_hour),
            next_cut: after(&mut rng, habits.connects_at, habits.cuts_per_hour),
            planned_cut: None,
            fleet,
            station,
            habits,
            connectors,
            rng,
        }
    }

    /// Whose life.
    #[must_use]
    pub fn station(&self) -> &Arc<Station> {
        &self.station
    }

    /// Its connection will break at `at`, and come back after `until`.
    pub fn cut(&mut self, at: Timestamp, until: Timestamp) {
        self.planned_cut = Some((at, until));
    }

    /// When it first connects.
    #[must_use]
    pub fn connects_at(&self) -> Timestamp {
        self.habits.connects_at
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_due(&self) -> Timestamp {
        let connectors = self.connectors.iter().map(ConnectorLife::due).min().unwrap_or(NEVER);
        let cut = self.planned_cut.map_or(NEVER, |(at, _)| at);
        connectors.min(self.boots_at).min(self.next_fault).min(self.next_cut).min(cut)
    }

    /// Lives until `now`, and tells what there is to say, in the order in which it happened.
    pub fn advance(&mut self, now: Timestamp, online: bool, out: &mut Vec<Saying>) {
        loop {
            let due = self.next_due();
            if due > now {
                return;
            }
            if due == self.boots_at {
                self.boots_at = NEVER;
                self.boot(due, out);
            } else if let Some((_, until)) = self.planned_cut.take_if(|(at, _)| *at == due) {
                out.push(Saying { at: due, what: What::Cut { until } });
            } else if due == self.next_cut {
                self.next_cut = after(&mut self.rng, due, self.habits.cuts_per_hour);
                let until = due.plus_seconds(self.rng.random_range(3..150));
                out.push(Saying { at: due, what: What::Cut { until } });
            } else if due == self.next_fault {
                self.next_fault = after(&mut self.rng, due, self.habits.faults_per_hour);
                self.random_fault(due, online, out);
            } else if let Some(place) = self.connectors.iter().position(|c| c.due() == due) {
                let sample_every_us = self.habits.sample_every_us;
                let mut around =
                    Around { fleet: &self.fleet, station: &self.station, online, sample_every_us, out };
                let power_fails = self.connectors[place].step(&mut around);
                if power_fails {
                    self.power_loss(due, out);
                }
            }
        }
    }

    fn boot(&mut self, at: Timestamp, out: &mut Vec<Saying>) {
        let mut say = |what| out.push(Saying { at, what });
        say(What::Boot);
        say(What::Status { connector: 0, status: ConnectorStatus::Available, error: None });
        for connector in &self.connectors {
            say(What::Status { connector: connector.number(), status: connector.status(), error: None });
        }
        let data = format!("{{\"selfTest\":\"passed\",\"connectors\":{}}}", self.connectors.len());
        say(What::Data { message: "selfTest".into(), data });
    }

    fn power_loss(&mut self, at: Timestamp, out: &mut Vec<Saying>) {
        let until = at.plus_seconds(self.rng.random_range(45..400));
        let lost =
            self.connectors.iter_mut().filter_map(|connector| connector.lose_power(at, until)).collect();
        out.push(Saying { at, what: What::PowerLoss { until, lost } });
        self.boots_at = until;
        // Without power nothing else can break.
        for next in [&mut self.next_fault, &mut self.next_cut] {
            *next = (*next).max(until.plus_seconds(1));
        }
    }

    fn random_fault(&mut self, at: Timestamp, online: bool, out: &mut Vec<Saying>) {
        let place = self.rng.random_range(0..self.connectors.len());
        let code = *weighted(
            &mut self.rng,
            &[
                ("GroundFailure", 2.0),
                ("OverCurrentFailure", 2.0),
                ("ConnectorLockFailure", 3.0),
                ("EVCommunicationError", 3.0),
                ("PowerSwitchFailure", 1.0),
                ("HighTemperature", 1.0),
            ],
        );
        let until = at.plus_seconds(self.rng.random_range(30..600));
        self.with(place, online, out, |connector, around| connector.fault(at, code, until, around));
    }

    fn with<T>(
        &mut self,
        place: usize,
        online: bool,
        out: &mut Vec<Saying>,
        act: impl FnOnce(&mut ConnectorLife, &mut Around<'_>) -> T,
    ) -> T {
        let sample_every_us = self.habits.sample_every_us;
        let mut around = Around { fleet: &self.fleet, station: &self.station, online, sample_every_us, out };
        act(&mut self.connectors[place], &mut around)
    }

    /// The gateway refused a card: whoever it belongs to does not charge (any more).
    pub fn refuse(&mut self, token: &str, now: Timestamp, out: &mut Vec<Saying>) {
        for place in 0..self.connectors.len() {
            if self.connectors[place].token() == Some(token) {
                self.with(place, true, out, |c, around| c.stop(now, StopReason::DeAuthorized, around));
            }
        }
    }

    /// Ends what runs, in order, because the station is about to be shut down. Nobody comes any more.
    pub fn shut_down(&mut self, now: Timestamp, out: &mut Vec<Saying>) {
        self.next_fault = NEVER;
        self.next_cut = NEVER;
        for place in 0..self.connectors.len() {
            self.with(place, true, out, |c, around| c.stop(now, StopReason::Reboot, around));
            self.connectors[place].rest();
        }
    }

    /// The station starts anew by command: what runs ends in order.
    pub fn reset(&mut self, now: Timestamp, out: &mut Vec<Saying>) {
        for place in 0..self.connectors.len() {
            self.with(place, true, out, |c, around| c.stop(now, StopReason::Reboot, around));
        }
    }

    /// Whether this card charges here, or is about to.
    #[must_use]
    pub fn charges(&self, card: &str) -> bool {
        self.connectors.iter().any(|connector| connector.token() == Some(card))
    }

    /// Whether somebody could start a session.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.connectors.iter().any(|connector| connector.is_free() || connector.waits_for_card())
    }

    /// A command ends the session with this id of ours.
    pub fn stop_session(&mut self, session: Uuid, now: Timestamp, out: &mut Vec<Saying>) -> bool {
        let place = self.connectors.iter().position(|c| c.session() == Some(session));
        if let Some(place) = place {
            self.with(place, true, out, |c, around| c.stop(now, StopReason::Remote, around));
        }
        place.is_some()
    }
}

/// What people do at a station by hand.
impl StationLife {
    /// A card is shown: it ends its own session; otherwise it starts one, at the first connector where that goes.
    /// Tells what came of it.
    pub fn tap(&mut self, card: &str, now: Timestamp, online: bool, out: &mut Vec<Saying>) -> String {
        if let Some(place) = self.connectors.iter().position(|c| c.token() == Some(card)) {
            let number = self.connectors[place].number();
            self.with(place, online, out, |c, around| c.stop(now, StopReason::Local, around));
            return format!("card {card} ends its session at connector {number}");
        }
        let plugged = self.connectors.iter().position(ConnectorLife::waits_for_card);
        let free = || self.connectors.iter().position(ConnectorLife::is_free);
        // Who comes to a connector where a session has ended first pulls the plug of the one before.
        let left = || self.connectors.iter().position(ConnectorLife::is_leaving);
        let Some(place) = plugged.or_else(free).or_else(left) else {
            return "no connector is free".into();
        };
        let number = self.connectors[place].number();
        self.with(place, online, out, |c, around| {
            if c.is_leaving() {
                c.unplug(now, around);
            }
            if c.is_free() {
                c.plug(now, around);
            }
            c.card(now, card, around);
        });
        format!("card {card} starts a session at connector {number}")
    }

    /// A vehicle is plugged in.
    pub fn plug(&mut self, number: u8, now: Timestamp, out: &mut Vec<Saying>) -> String {
        self.at(number, |life, place| {
            if life.connectors[place].is_free() {
                life.with(place, true, out, |c, around| c.plug(now, around));
                format!("a vehicle is plugged in at connector {number}; now tap a card")
            } else {
                format!("connector {number} is not free")
            }
        })
    }

    /// The plug is pulled.
    pub fn unplug(&mut self, number: u8, now: Timestamp, out: &mut Vec<Saying>) -> String {
        self.at(number, |life, place| {
            life.with(place, true, out, |c, around| c.unplug(now, around));
            format!("connector {number} is unplugged")
        })
    }

    /// The session at a connector is ended.
    pub fn stop(&mut self, number: u8, now: Timestamp, out: &mut Vec<Saying>) -> String {
        self.at(number, |life, place| {
            let running = life.connectors[place].session().is_some();
            life.with(place, true, out, |c, around| c.stop(now, StopReason::Local, around));
            if running {
                format!("the session at connector {number} ends")
            } else {
                format!("no session runs at connector {number}")
            }
        })
    }

    /// A connector breaks, until it is cleared.
    pub fn break_connector(
        &mut self,
        number: u8,
        code: &str,
        now: Timestamp,
        out: &mut Vec<Saying>,
    ) -> String {
        self.at(number, |life, place| {
            life.with(place, true, out, |c, around| c.fault(now, code, NEVER, around));
            format!("connector {number} is faulted: {code}")
        })
    }

    /// A connector is repaired.
    pub fn clear(&mut self, number: u8, now: Timestamp, out: &mut Vec<Saying>) -> String {
        self.at(number, |life, place| {
            life.with(place, true, out, |c, around| c.repair(now, around));
            format!("connector {number} is cleared")
        })
    }

    /// What is going on, one line a connector.
    pub fn describe(&mut self, now: Timestamp) -> String {
        self.connectors.iter_mut().map(|c| c.describe(now)).collect::<Vec<_>>().join("\n")
    }

    fn at(&mut self, number: u8, act: impl FnOnce(&mut Self, usize) -> String) -> String {
        match self.connectors.iter().position(|c| c.number() == number) {
            Some(place) => act(self, place),
            None => format!("there is no connector {number}; this station has {}", self.connectors.len()),
        }
    }
}

/// When something that happens `per_hour` times an hour happens next.
#[allow(clippy::cast_possible_truncation)]
fn after(rng: &mut ChaCha8Rng, from: Timestamp, per_hour: f64) -> Timestamp {
    let wait: f64 = Exp1.sample(rng);
    if per_hour <= 0.0 { NEVER } else { from.plus_seconds((wait / per_hour * 3600.0) as i64 + 1) }
}

/// How bad a fault with this OCPP 1.6 error code is.
fn severity(code: &str) -> Severity {
    match code {
        "GroundFailure" | "OverCurrentFailure" | "HighTemperature" | "PowerSwitchFailure" => {
            Severity::Critical
        }
        _ => Severity::Warning,
    }
}

#[cfg(test)]
mod tests;
