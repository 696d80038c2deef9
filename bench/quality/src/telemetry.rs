//! What the sets do not have: the power of each session's vehicle, the meter, samples, heat and charge, simulated so that
//! they fit the session's own energy and time as real meters would.

use std::collections::HashMap;

use anomaly::session::{Meter, Session};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::sessions::{Known, normal};

/// What vehicles draw from AC stations, W.
const CLASSES: [f64; 5] = [2300.0, 3600.0, 7200.0, 11_000.0, 22_000.0];
/// What stations are rated for, W.
const RATINGS: [f64; 3] = [7400.0, 11_000.0, 22_000.0];
/// Batteries and models of vehicles by class.
const VEHICLES: [(&str, f64); 5] =
    [("hybrid", 14e3), ("city", 30e3), ("compact", 58e3), ("saloon", 77e3), ("van", 100e3)];

/// A session, and what a rule needs to know of it to change it.
#[derive(Clone, Debug)]
pub struct Complete {
    /// As the product sees it.
    pub session: Session,
    /// What its vehicle draws, W.
    pub power_w: f64,
}

/// Completes sessions in the order of time.
#[must_use]
pub fn complete(known: &[Known], seed: u64) -> Vec<Complete> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut meters: HashMap<&str, f64> = HashMap::new();
    let ratings = ratings(known);
    let vehicles = vehicles(known, &mut random);
    known
        .iter()
        .map(|known| {
            // A user's vehicle; where no users are known each session has one of its own.
            let class = match &known.user {
                Some(user) => vehicles.get(user.as_str()).copied().unwrap_or(CLASSES[1]),
                None => class(known).max(CLASSES[random.random_range(1..3)]),
            };
            let rated = ratings.get(known.station.as_str()).copied().unwrap_or(RATINGS[0]);
            let class = class.min(rated);
            let meter = meters.entry(known.station.as_str()).or_insert_with(|| random.random_range(1e5..9e5));
            let session = session(known, class, rated, *meter, &mut random);
            *meter += known.energy_wh;
            Complete { session, power_w: class }
        })
        .collect()
}

/// The smallest class that explains a session.
fn class(known: &Known) -> f64 {
    let needed = known.energy_wh / known.duration_s * 3600.0 / 0.92;
    CLASSES.into_iter().find(|class| *class >= needed).unwrap_or(CLASSES[4])
}

/// Each user's vehicle: one class for all sessions, often the smallest that explains them.
fn vehicles<'a>(known: &'a [Known], random: &mut ChaCha8Rng) -> HashMap<&'a str, f64> {
    let mut vehicles: HashMap<&str, f64> = HashMap::new();
    for known in known {
        if let Some(user) = &known.user {
            let vehicle = vehicles.entry(user).or_insert_with(|| CLASSES[random.random_range(1..3)]);
            *vehicle = vehicle.max(class(known));
        }
    }
    vehicles
}

/// The smallest rating that explains all of a station's sessions.
fn ratings(known: &[Known]) -> HashMap<&str, f64> {
    let mut ratings: HashMap<&str, f64> = HashMap::new();
    for known in known {
        let needed = known.energy_wh / known.duration_s * 3600.0 / 0.92;
        let rating = RATINGS.into_iter().find(|rating| *rating >= needed).unwrap_or(RATINGS[2]);
        let entry = ratings.entry(known.station.as_str()).or_insert(rating);
        *entry = entry.max(rating);
    }
    ratings
}

fn session(known: &Known, class: f64, rated: f64, meter: f64, random: &mut ChaCha8Rng) -> Session {
    let duration = known.duration_s;
    // The last part of a charge tapers: the mean is below the vehicle's power.
    let mean = (class * random.random_range(0.88..0.98)).max(known.energy_wh / duration * 3600.0);
    let charging = (known.energy_wh / mean * 3600.0).min(duration);
    let peak = class.max(mean) * (1.0 + 0.01 * normal(random));
    let season = (known.started_s as f64 / (365.25 * 86_400.0) * std::f64::consts::TAU).cos();
    let heat = 14.0 - 9.0 * season + 10.0 * class / 11_000.0 + 3.0 * normal(random);
    let (vehicle, battery) = VEHICLES[CLASSES.iter().position(|c| *c >= class - 1.0).unwrap_or(0)];
    let gained = known.energy_wh * 0.9 / battery * (1.0 + 0.02 * normal(random));
    let full = random.random_range(0.7..1.0_f64);
    let percent = |ratio: f64| (ratio * 100.0).round() / 100.0;
    // Not all vehicles say it, and none says what cannot be.
    let says = known.user.as_ref().map_or_else(
        || random.random_bool(0.5),
        |user| user.bytes().map(u32::from).sum::<u32>().is_multiple_of(2),
    );
    let charge = (says && gained < 0.9)
        .then(|| (percent((full - gained).max(0.01)), percent(full.max(gained + 0.01))));
    Session {
        station: known.station.clone(),
        site: Some(known.site.clone()),
        user: known.user.clone(),
        vehicle: known.user.as_ref().map(|_| vehicle.to_owned()),
        ts_us: known.started_s * 1_000_000,
        started_us: known.started_s * 1_000_000,
        #[allow(clippy::cast_possible_truncation)]
        ended_us: Some(known.started_s * 1_000_000 + (duration * 1e6) as i64),
        time_zone: Some(known.time_zone.to_owned()),
        duration_s: Some(duration),
        charging_s: Some(charging),
        idle_s: Some(duration - charging),
        energy_wh: Some(known.energy_wh),
        meter_start_wh: Some(meter),
        meter_stop_wh: Some(meter + known.energy_wh),
        max_power_w: Some(peak),
        mean_power_w: Some(mean),
        rated_power_w: Some(rated),
        soc_start_ratio: charge.map(|(from, _)| from),
        soc_end_ratio: charge.map(|(_, to)| to),
        battery_wh: charge.map(|_| battery),
        temperature_c: Some(heat),
        meter: Some(Meter {
            rows: (duration / 300.0) as i64 + 2,
            power_rows: (duration / 300.0) as i64 + 2,
            max_power_w: Some(peak),
            power_energy_wh: Some(known.energy_wh * (1.0 + 0.008 * normal(random))),
            power_covered_s: Some(duration * random.random_range(0.97..1.0)),
            max_temperature_c: Some(heat),
            after_end_wh: None,
            imbalance_ratio: (class >= 11_000.0).then(|| (0.03 + 0.015 * normal(random)).abs()),
        }),
        samples: (duration / 300.0) as i32 + 2,
        ..Session::default()
    }
}
