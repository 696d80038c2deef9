//! Visits: who comes to which connector, when, with what, and until when.

use chrono::NaiveDate;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use station::time::{SECOND, Timestamp};

use super::chance::{normal, stream};
use super::charge::{Arrival, Charge};
use super::label::Label;
use super::user::{User, user};
use super::{Fleet, Profile, Station};

/// Users that belong to one connector; the last two of them go elsewhere from day to day.
const USERS_PER_CONNECTOR: u64 = 8;
const ROVING_USERS: u64 = 2;
/// Wh a metre, to tell how far somebody drove: 170 Wh/km.
const USE_WH_PER_M: f64 = 0.17;

/// One vehicle's stay at a connector, as it is planned. What really flows is up to [`Charge`].
#[derive(Clone, PartialEq, Debug)]
pub struct Visit {
    /// Connector, from 1.
    pub connector: u8,
    /// When the plug goes in.
    pub arrives_at: Timestamp,
    /// When the plug goes out at the latest.
    pub departs_at: Timestamp,
    /// Seconds for which the vehicle stays once it has what it wants; none if its driver has other things to do.
    pub leaves_after_full_s: Option<i64>,
    /// Seconds between plug and start of the session.
    pub card_after_s: i64,
    /// Who.
    pub user: User,
    /// State of charge (0–1) at arrival.
    pub soc: f64,
    /// Metres driven since the last charge.
    pub distance_m: f64,
    /// °C outside.
    pub outside_c: f64,
    /// Whether it ends by the card (otherwise by the vehicle's plug).
    pub ends_by_card: bool,
    /// What is wrong with it.
    pub label: Option<Label>,
    /// The seed of what flows.
    pub seed: u64,
}

/// What came of a visit, without playing it live.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// Start of the session.
    pub started_at: Timestamp,
    /// End of the session.
    pub ended_at: Timestamp,
    /// Wh, whole numbers.
    pub energy_wh: f64,
    /// Seconds during which energy flowed.
    pub charging_s: f64,
    /// W.
    pub max_power_w: f64,
    /// State of charge at the end, 0–1.
    pub soc_end: f64,
}

impl Visit {
    /// When the session starts.
    #[must_use]
    pub fn starts_at(&self) -> Timestamp {
        self.arrives_at.plus_seconds(self.card_after_s)
    }

    /// Lets energy begin to flow at `at`.
    #[must_use]
    pub fn charge(&self, fleet: &Fleet, station: &Station, at: Timestamp, register_wh: f64) -> Charge {
        let arrival = Arrival {
            vehicle: self.user.vehicle,
            soc: self.soc,
            wants_soc: self.user.wants_soc,
            outside_c: self.outside_c,
        };
        let rng = stream(self.seed, "charge", 0, 0);
        Charge::begin(at, register_wh, arrival, station, fleet.site_of(station), self.label, rng)
    }

    /// When the session ends, if the vehicle was full at `full_at`.
    #[must_use]
    pub fn ends_at(&self, full_at: Option<Timestamp>) -> Timestamp {
        match (full_at, self.leaves_after_full_s) {
            (Some(full), Some(stay)) => full.plus_seconds(stay).min(self.departs_at),
            _ => self.departs_at,
        }
    }

    /// Plays the visit to its end.
    #[must_use]
    pub fn outcome(&self, fleet: &Fleet, station: &Station) -> Outcome {
        let started_at = self.starts_at();
        let mut charge = self.charge(fleet, station, started_at, 0.0);
        while charge.full_at().is_none() && charge.at() < self.departs_at {
            charge.advance(charge.at().plus_seconds(60).min(self.departs_at));
        }
        let ended_at = self.ends_at(charge.full_at());
        let flowed_until = charge.full_at().unwrap_or(ended_at).min(ended_at);
        let zero = charge.max_power_w() <= 0.0;
        Outcome {
            started_at,
            ended_at,
            energy_wh: charge.register_wh().floor(),
            charging_s: if zero { 0.0 } else { flowed_until.seconds_since(started_at).round() },
            max_power_w: charge.max_power_w().round(),
            soc_end: charge.soc().min(1.0),
        }
    }
}

/// All visits to one connector on one planning day (see [`super::Site::day_begins`]), in order, none overlapping.
/// They follow from the seed, the connector and the date alone: history and live fleet agree.
#[must_use]
pub fn visits_of_day(fleet: &Fleet, station: &Station, connector: u8, date: NaiveDate) -> Vec<Visit> {
    let site = fleet.site_of(station);
    let begin = site.day_begins(date);
    let end = site.day_begins(date.succ_opt().unwrap_or(date));
    let day_number = date.signed_duration_since(NaiveDate::default()).num_days().unsigned_abs();
    let mut rng =
        stream(fleet.plan.seed, "day", station.stream_number() << 8 | u64::from(connector), day_number);
    let weather = normal(&mut stream(fleet.plan.seed, "weather", station.site as u64, day_number), 0.0, 1.0);
    // Thinning: candidates at the highest rate, each kept with the share of the rate at its own hour.
    let most = (0..48)
        .map(|half| site.arrivals_per_hour(begin.plus_seconds(half * 1800), station.is_dc()))
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut visits: Vec<Visit> = Vec::new();
    let mut at = begin;
    loop {
        let wait: f64 = Exp1.sample(&mut rng);
        at = at.plus_seconds(to_seconds(wait / most * 3600.0).max(1));
        if at >= end.plus_seconds(-1200) {
            return visits;
        }
        let kept = rng.random::<f64>() < site.arrivals_per_hour(at, station.is_dc()) / most;
        let free = visits.last().is_none_or(|last| at >= last.departs_at.plus_seconds(180));
        if kept && free {
            let mut visit = visit(fleet, station, connector, at, day_number, weather, &mut rng);
            visit.departs_at = visit.departs_at.min(end.plus_seconds(-240));
            // Who leaves when the vehicle is full frees the connector for the next.
            if visit.leaves_after_full_s.is_some() {
                visit.departs_at = visit.outcome(fleet, station).ended_at;
            }
            visits.push(visit);
        }
    }
}

/// Short stops one after the other in `[from, to)`: what a busy connector saw while its station was cut off.
#[must_use]
pub fn quick_stops(
    fleet: &Fleet,
    station: &Station,
    connector: u8,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Visit> {
    let site = fleet.site_of(station);
    let number = station.stream_number() << 8 | u64::from(connector);
    let mut rng = stream(fleet.plan.seed, "quick", number, (from.0 / SECOND) as u64);
    let date = site.day_of(from);
    let day_number = date.signed_duration_since(NaiveDate::default()).num_days().unsigned_abs();
    let mut visits = Vec::new();
    let mut at = from.plus_seconds(rng.random_range(5..240));
    loop {
        let stay = rng.random_range(6 * 60..22 * 60);
        if at.plus_seconds(stay + 60) >= to {
            return visits;
        }
        let mut visit = visit(fleet, station, connector, at, day_number, 0.0, &mut rng);
        visit.departs_at = at.plus_seconds(stay);
        visit.leaves_after_full_s = Some(0);
        visit.departs_at = visit.outcome(fleet, station).ended_at;
        at = visit.departs_at.plus_seconds(rng.random_range(90..400));
        visits.push(visit);
    }
}

fn visit(
    fleet: &Fleet,
    station: &Station,
    connector: u8,
    at: Timestamp,
    day_number: u64,
    weather: f64,
    rng: &mut ChaCha8Rng,
) -> Visit {
    let site = fleet.site_of(station);
    let fast = station.is_dc();
    let user =
        user(fleet.plan.seed, station.site, user_number(fleet, station, connector, day_number, rng), fast);
    let soc = normal(rng, user.comes_with_soc, 0.1).clamp(0.05, user.wants_soc - 0.08);
    let hours = match site.profile {
        Profile::Residential if rng.random_bool(0.75) => {
            // Until the next morning, whenever they came.
            let local = site.local(at);
            let now = f64::from(chrono::Timelike::num_seconds_from_midnight(&local)) / 3600.0;
            let until = normal(rng, 7.4, 0.8);
            (until - now).rem_euclid(24.0)
        }
        Profile::Workplace if rng.random_bool(0.7) => normal(rng, 7.8, 1.0),
        Profile::Residential | Profile::Workplace => normal(rng, 2.2, 0.8),
        Profile::Public => normal(rng, 1.3, 0.6),
    };
    let mut departs_at = at.plus_seconds(to_seconds(hours.max(0.2) * 3600.0));
    let courteous = match site.profile {
        Profile::Public => 0.6,
        Profile::Workplace => 0.25,
        Profile::Residential => 0.05,
    };
    let mut leaves_after_full_s = if fast {
        Some(rng.random_range(60..600))
    } else {
        rng.random_bool(courteous).then(|| rng.random_range(120..1800))
    };
    if fast {
        departs_at = departs_at.min(at.plus_seconds(rng.random_range(25 * 60..75 * 60)));
    }
    let label = (rng.random::<f64>() < fleet.plan.faults).then(|| Label::any(rng));
    if label == Some(Label::LongIdle) {
        leaves_after_full_s = None;
        departs_at = departs_at.plus_seconds(rng.random_range(6 * 3600..9 * 3600));
    }
    // Somewhere near where most end up after driving to `soc`.
    let distance_m = (user.wants_soc - soc).max(0.05) * user.vehicle.battery_wh / USE_WH_PER_M;
    Visit {
        connector,
        arrives_at: at,
        departs_at,
        leaves_after_full_s,
        card_after_s: rng.random_range(8..40),
        distance_m: distance_m.round(),
        outside_c: site.outside_c(at, weather),
        ends_by_card: rng.random_bool(0.7),
        soc,
        user,
        label,
        seed: rng.random(),
    }
}

/// Which of the site's users comes. Every day the roving ones of a connector come to another; the mapping is one to
/// one, so that nobody is in two places on one day.
fn user_number(
    fleet: &Fleet,
    station: &Station,
    connector: u8,
    day_number: u64,
    rng: &mut ChaCha8Rng,
) -> u64 {
    let slot = u64::from(station.first_slot) + u64::from(connector) - 1;
    let connectors = u64::from(fleet.connectors[station.site]).max(1);
    let place = rng.random_range(0..USERS_PER_CONNECTOR);
    // A commuter comes nearly every day: the first places are taken more often.
    let place = if rng.random_bool(0.4) { place / 2 } else { place };
    let home =
        if place >= USERS_PER_CONNECTOR - ROVING_USERS { (slot + day_number) % connectors } else { slot };
    home * USERS_PER_CONNECTOR + place
}

#[allow(clippy::cast_possible_truncation)]
fn to_seconds(seconds: f64) -> i64 {
    seconds as i64
}
