//! The life of one connector: free, plugged, carded, charging, leaving, broken.

use std::collections::VecDeque;

use chrono::NaiveDate;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use station::event::ConnectorStatus;
use station::time::{SECOND, Timestamp};
use uuid::Uuid;

use super::saying::{Ended, StopReason, What};
use super::{Around, Habits, NEVER, severity};
use crate::fleet::chance::stream;
use crate::fleet::charge::Charge;
use crate::fleet::label::Label;
use crate::fleet::user::{User, UserKind};
use crate::fleet::vehicle::VEHICLES;
use crate::fleet::visit::{Visit, quick_stops, visits_of_day};
use crate::fleet::{Fleet, Station};

/// °C from which the plug's own sensor reports a fault.
const TOO_HOT_C: f64 = 70.0;
/// After how long a `no_stop` session loses its power, seconds.
const POWER_FAILS_AFTER_S: i64 = 9 * 60;
/// Longest search for the next visit, days: a workplace at a weekend is empty, a year is a defect.
const SEARCH_DAYS: u32 = 21;

#[derive(Debug)]
pub(super) struct ConnectorLife {
    number: u8,
    schedule: Option<Schedule>,
    rng: ChaCha8Rng,
    /// Wh that the meter has counted before the running session.
    register_wh: f64,
    phase: Phase,
    due: Timestamp,
}

#[derive(Debug)]
enum Phase {
    /// Due: the next visit.
    Free,
    /// Due: the card.
    Plugged(Box<Visit>),
    /// Due: the start.
    Carded(Box<Visit>),
    /// Due: the next sample, or the end.
    Charging(Box<Running>),
    /// Due: the plug is pulled.
    Leaving,
    /// Due: the repair.
    Broken { code: String },
}

#[derive(Debug)]
struct Running {
    visit: Visit,
    session: Uuid,
    charge: Charge,
    started_at: Timestamp,
    meter_start_wh: i64,
    next_sample: Timestamp,
    suspended: bool,
    hot: bool,
    samples: u32,
}

/// Visits to come, planned day by day.
#[derive(Debug)]
struct Schedule {
    upcoming: VecDeque<Visit>,
    next_day: NaiveDate,
}

impl ConnectorLife {
    pub(super) fn new(fleet: &Fleet, station: &Station, number: u8, habits: &Habits) -> Self {
        let stream_number = station.stream_number() << 8 | u64::from(number);
        let mut register = stream(fleet.plan.seed, "register", stream_number, 0);
        let mut life = Self {
            number,
            schedule: None,
            rng: stream(fleet.plan.seed, "connector", stream_number, habits.begins.0 as u64),
            register_wh: register.random_range(1_000_000.0_f64..60_000_000.0).round(),
            phase: Phase::Free,
            due: NEVER,
        };
        if habits.visited {
            life.plan(fleet, station, habits);
        }
        life
    }

    /// While it was cut off, a station saw short stops; from its connection on it has the visits of its days. A
    /// vehicle that should already stand there comes as soon as the station lives.
    fn plan(&mut self, fleet: &Fleet, station: &Station, habits: &Habits) {
        let site = fleet.site_of(station);
        let mut upcoming = VecDeque::new();
        let mut free_from = habits.begins;
        if habits.begins < habits.connects_at {
            upcoming.extend(quick_stops(fleet, station, self.number, habits.begins, habits.connects_at));
            free_from = habits.connects_at;
        }
        let today = site.day_of(habits.connects_at);
        for mut visit in visits_of_day(fleet, station, self.number, today) {
            if visit.departs_at < habits.connects_at.plus_seconds(300) {
                continue;
            }
            let soonest = free_from.plus_seconds(self.rng.random_range(5..60));
            visit.arrives_at = visit.arrives_at.max(soonest);
            upcoming.push_back(visit);
        }
        self.schedule = Some(Schedule { upcoming, next_day: today.succ_opt().unwrap_or(today) });
        self.await_visit(fleet, station, habits.begins);
    }

    /// Sets the due time to the next visit's arrival. Visits that could have come only before `from` are left out.
    fn await_visit(&mut self, fleet: &Fleet, station: &Station, from: Timestamp) {
        self.phase = Phase::Free;
        self.due = NEVER;
        let Some(schedule) = &mut self.schedule else { return };
        for _ in 0..SEARCH_DAYS {
            while let Some(visit) = schedule.upcoming.front() {
                if visit.arrives_at >= from {
                    self.due = visit.arrives_at;
                    return;
                }
                schedule.upcoming.pop_front();
            }
            schedule.upcoming.extend(visits_of_day(fleet, station, self.number, schedule.next_day));
            schedule.next_day = schedule.next_day.succ_opt().unwrap_or(schedule.next_day);
        }
    }

    pub(super) fn due(&self) -> Timestamp {
        self.due
    }

    pub(super) fn number(&self) -> u8 {
        self.number
    }

    pub(super) fn is_free(&self) -> bool {
        matches!(self.phase, Phase::Free)
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving)
    }

    pub(super) fn waits_for_card(&self) -> bool {
        matches!(self.phase, Phase::Plugged(_)) && self.due == NEVER
    }

    pub(super) fn session(&self) -> Option<Uuid> {
        match &self.phase {
            Phase::Charging(running) => Some(running.session),
            _ => None,
        }
    }

    /// The card that charges here, or is about to.
    pub(super) fn token(&self) -> Option<&str> {
        match &self.phase {
            Phase::Carded(visit) => Some(&visit.user.token),
            Phase::Charging(running) => Some(&running.visit.user.token),
            _ => None,
        }
    }

    pub(super) fn status(&self) -> ConnectorStatus {
        match &self.phase {
            Phase::Free => ConnectorStatus::Available,
            Phase::Plugged(_) | Phase::Carded(_) => ConnectorStatus::Preparing,
            Phase::Charging(running) if running.suspended => ConnectorStatus::SuspendedEv,
            Phase::Charging(_) => ConnectorStatus::Charging,
            Phase::Leaving => ConnectorStatus::Finishing,
            Phase::Broken { .. } => ConnectorStatus::Faulted,
        }
    }

    /// Nobody comes any more.
    pub(super) fn rest(&mut self) {
        self.schedule = None;
        self.due = NEVER;
    }

    /// Does what is due. Tells whether the station's power fails with it.
    pub(super) fn step(&mut self, around: &mut Around<'_>) -> bool {
        let at = self.due;
        match std::mem::replace(&mut self.phase, Phase::Free) {
            Phase::Free => match self.arriving(at) {
                Some(visit) => {
                    self.say_status(at, ConnectorStatus::Preparing, around);
                    self.due = at.plus_seconds(visit.card_after_s);
                    self.phase = Phase::Plugged(Box::new(visit));
                }
                None => self.await_visit(around.fleet, around.station, at),
            },
            Phase::Plugged(visit) => self.show_card(at, visit, around),
            Phase::Carded(visit) => self.start(at, *visit, around),
            Phase::Charging(running) => return self.charge(at, running, around),
            Phase::Leaving => {
                self.say_status(at, ConnectorStatus::Available, around);
                self.await_visit(around.fleet, around.station, at);
            }
            Phase::Broken { code } => {
                self.phase = Phase::Broken { code };
                self.repair(at, around);
            }
        }
        false
    }

    /// Takes the visit whose time has come.
    fn arriving(&mut self, at: Timestamp) -> Option<Visit> {
        let upcoming = &mut self.schedule.as_mut()?.upcoming;
        if upcoming.front()?.arrives_at <= at { upcoming.pop_front() } else { None }
    }

    fn show_card(&mut self, at: Timestamp, visit: Box<Visit>, around: &mut Around<'_>) {
        if around.online {
            let token = visit.user.token.clone();
            around.say(at, What::Authorize { connector: self.number, token });
        }
        self.due = Timestamp(at.0 + self.rng.random_range(900..3_000) * 1000);
        self.phase = Phase::Carded(visit);
    }

    fn start(&mut self, at: Timestamp, visit: Visit, around: &mut Around<'_>) {
        let mut charge = visit.charge(around.fleet, around.station, at, self.register_wh);
        let reading = charge.read();
        let running = Running {
            session: uuid::Builder::from_random_bytes(self.rng.random()).into_uuid(),
            started_at: at,
            meter_start_wh: whole(reading.register_wh),
            next_sample: Timestamp(at.0 + around.sample_every_us),
            suspended: false,
            hot: false,
            samples: 0,
            charge,
            visit,
        };
        let token = running.visit.user.token.clone();
        around.say(at, What::Start { session: running.session, connector: self.number, token, reading });
        self.due = running.next_due();
        self.phase = Phase::Charging(Box::new(running));
        self.say_status(at, ConnectorStatus::Charging, around);
    }

    fn charge(&mut self, at: Timestamp, mut running: Box<Running>, around: &mut Around<'_>) -> bool {
        running.charge.advance(at);
        if running.power_fails_at() <= at {
            self.phase = Phase::Charging(running);
            return true;
        }
        if running.ends_at() <= at {
            let reason =
                if running.visit.ends_by_card { StopReason::Local } else { StopReason::EvDisconnected };
            self.phase = Phase::Charging(running);
            self.stop(at, reason, around);
            return false;
        }
        let reading = running.charge.read();
        running.samples += 1;
        running.next_sample = Timestamp(running.next_sample.0 + around.sample_every_us);
        around.say(at, What::Meter { session: running.session, connector: self.number, reading });
        if running.charge.full_at().is_some() && !running.suspended {
            running.suspended = true;
            around.say(at, What::Suspended { session: running.session, connector: self.number, reading });
            self.say_status(at, ConnectorStatus::SuspendedEv, around);
        }
        let hot = reading.temperature_c > TOO_HOT_C;
        if hot != running.hot {
            running.hot = hot;
            let status =
                if running.suspended { ConnectorStatus::SuspendedEv } else { ConnectorStatus::Charging };
            self.say_fault(at, "HighTemperature", !hot, status, around);
        }
        self.due = running.next_due();
        self.phase = Phase::Charging(running);
        false
    }

    /// Ends what runs here, or sends away who waits.
    pub(super) fn stop(&mut self, at: Timestamp, reason: StopReason, around: &mut Around<'_>) {
        match std::mem::replace(&mut self.phase, Phase::Free) {
            Phase::Charging(running) => {
                let hot = running.hot;
                let ended = self.end(at, *running, reason);
                around.say(ended.ended_at, What::Stop(Box::new(ended)));
                if hot {
                    self.say_fault(at, "HighTemperature", true, ConnectorStatus::Finishing, around);
                }
            }
            Phase::Plugged(_) | Phase::Carded(_) => {}
            other => {
                self.phase = other;
                return;
            }
        }
        self.say_status(at, ConnectorStatus::Finishing, around);
        self.phase = Phase::Leaving;
        // By hand somebody pulls the plug.
        let by_hand = self.schedule.is_none() && reason != StopReason::EvDisconnected;
        self.due = if by_hand { NEVER } else { at.plus_seconds(self.rng.random_range(8..60)) };
    }

    fn end(&mut self, at: Timestamp, mut running: Running, reason: StopReason) -> Ended {
        let at = at.max(running.charge.at());
        running.charge.advance(at);
        let reading = running.charge.read();
        self.register_wh = running.charge.register_wh();
        Ended {
            session: running.session,
            connector: self.number,
            token: running.visit.user.token,
            started_at: running.started_at,
            ended_at: at,
            meter_start_wh: running.meter_start_wh,
            meter_stop_wh: whole(reading.register_wh),
            reason,
            reading,
            samples: running.samples,
            max_power_w: running.charge.max_power_w().round(),
            // Who left before the power failed has nothing wrong.
            label: running.visit.label.filter(|label| *label != Label::NoStop),
        }
    }

    /// The station's power fails: what ran is told to nobody but the books.
    pub(super) fn lose_power(&mut self, at: Timestamp, until: Timestamp) -> Option<Ended> {
        let due = self.due;
        match std::mem::replace(&mut self.phase, Phase::Free) {
            Phase::Charging(running) => {
                let mut ended = self.end(at, *running, StopReason::PowerLoss);
                ended.label = Some(Label::NoStop);
                self.due = until.plus_seconds(1);
                Some(ended)
            }
            Phase::Free => {
                self.due = if due == NEVER { NEVER } else { due.max(until.plus_seconds(1)) };
                None
            }
            Phase::Broken { code } => {
                self.phase = Phase::Broken { code };
                self.due = due.max(until.plus_seconds(1));
                None
            }
            Phase::Plugged(_) | Phase::Carded(_) | Phase::Leaving => {
                self.due = until.plus_seconds(1);
                None
            }
        }
    }

    /// The connector breaks until `until`.
    pub(super) fn fault(&mut self, at: Timestamp, code: &str, until: Timestamp, around: &mut Around<'_>) {
        if let Phase::Charging(running) = std::mem::replace(&mut self.phase, Phase::Free) {
            let ended = self.end(at, *running, StopReason::Other);
            around.say(ended.ended_at, What::Stop(Box::new(ended)));
        }
        self.phase = Phase::Broken { code: code.to_owned() };
        self.due = until;
        let status = ConnectorStatus::Faulted;
        around.say(at, What::Status { connector: self.number, status, error: Some(code.to_owned()) });
        self.say_fault(at, code, false, status, around);
    }

    /// The connector is repaired, if it was broken.
    pub(super) fn repair(&mut self, at: Timestamp, around: &mut Around<'_>) {
        if let Phase::Broken { code } = &self.phase {
            let code = code.clone();
            self.say_fault(at, &code, true, ConnectorStatus::Available, around);
            self.say_status(at, ConnectorStatus::Available, around);
            self.await_visit(around.fleet, around.station, at);
        }
    }

    fn say_status(&self, at: Timestamp, status: ConnectorStatus, around: &mut Around<'_>) {
        around.say(at, What::Status { connector: self.number, status, error: None });
    }

    fn say_fault(
        &self,
        at: Timestamp,
        code: &str,
        cleared: bool,
        status: ConnectorStatus,
        around: &mut Around<'_>,
    ) {
        let text = if cleared { "back to normal" } else { "protection has tripped" };
        let what = What::Fault {
            connector: Some(self.number),
            code: code.to_owned(),
            text: format!("connector {}: {code}, {text}", self.number),
            cleared,
            severity: severity(code),
            status,
        };
        around.say(at, what);
    }
}

/// By hand.
impl ConnectorLife {
    pub(super) fn plug(&mut self, at: Timestamp, around: &mut Around<'_>) {
        let vehicle = VEHICLES[0].0;
        let user = User {
            token: String::new(),
            vehicle,
            vehicle_age_years: 1.0,
            kind: UserKind::Casual,
            wants_soc: 1.0,
            comes_with_soc: 0.35,
        };
        let visit = Visit {
            connector: self.number,
            arrives_at: at,
            departs_at: NEVER,
            leaves_after_full_s: None,
            card_after_s: 0,
            user,
            soc: 0.35,
            distance_m: 0.0,
            outside_c: around.fleet.site_of(around.station).outside_c(at, 0.0),
            ends_by_card: true,
            label: None,
            seed: self.rng.random(),
        };
        self.say_status(at, ConnectorStatus::Preparing, around);
        self.phase = Phase::Plugged(Box::new(visit));
        self.due = NEVER;
    }

    pub(super) fn card(&mut self, at: Timestamp, card: &str, around: &mut Around<'_>) {
        if let Phase::Plugged(mut visit) = std::mem::replace(&mut self.phase, Phase::Free) {
            card.clone_into(&mut visit.user.token);
            self.show_card(at, visit, around);
        }
    }

    pub(super) fn unplug(&mut self, at: Timestamp, around: &mut Around<'_>) {
        self.stop(at, StopReason::EvDisconnected, around);
        if matches!(self.phase, Phase::Leaving) {
            self.say_status(at, ConnectorStatus::Available, around);
            self.await_visit(around.fleet, around.station, at);
        }
    }

    pub(super) fn describe(&mut self, now: Timestamp) -> String {
        let status = self.status().label();
        match &mut self.phase {
            Phase::Charging(running) => {
                running.charge.advance(now.min(running.next_due()));
                let reading = running.charge.clone().read();
                format!(
                    "connector {}: {status}, card {}, {:.1} kW, {:.3} kWh since {}",
                    self.number,
                    running.visit.user.token,
                    reading.power_w / 1e3,
                    (reading.register_wh - running.meter_start_wh as f64) / 1e3,
                    running.started_at
                )
            }
            _ => format!("connector {}: {status}", self.number),
        }
    }
}

impl Running {
    fn ends_at(&self) -> Timestamp {
        self.visit.ends_at(self.charge.full_at()).max(self.started_at.plus_seconds(30))
    }

    fn power_fails_at(&self) -> Timestamp {
        if self.visit.label == Some(Label::NoStop) {
            self.started_at.plus_seconds(POWER_FAILS_AFTER_S)
        } else {
            NEVER
        }
    }

    fn next_due(&self) -> Timestamp {
        self.next_sample
            .min(self.ends_at().max(Timestamp(self.charge.at().0 + SECOND / 1000)))
            .min(self.power_fails_at())
    }
}

/// A meter's register in whole Wh.
#[allow(clippy::cast_possible_truncation)]
fn whole(register_wh: f64) -> i64 {
    register_wh.floor() as i64
}
