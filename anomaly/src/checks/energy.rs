//! Checks of energy.

use super::{Check, Found, Limits};
use crate::session::Session;
use crate::severity::Severity;
use crate::words::quantity;

pub(super) const OUT_OF_RANGE: Check = Check {
    name: "energy_out_of_range",
    words: "Impossible energy",
    rule: "Energy is negative, or larger than any vehicle can take.",
    run: |session, limits| {
        let energy = session.energy_wh?;
        let text = if energy < -limits.zero_energy_wh {
            format!("The station reports negative energy: {}.", quantity(energy, "Wh"))
        } else if energy > limits.energy_max_wh {
            format!("The station reports {}, more than any vehicle can take.", quantity(energy, "Wh"))
        } else {
            return None;
        };
        Some(Found {
            severity: Severity::Critical,
            observed: energy,
            unit: "Wh",
            low: Some(0.0),
            high: Some(limits.energy_max_wh),
            text,
        })
    },
};

pub(super) const ABOVE_RATING: Check = Check {
    name: "energy_above_rating",
    words: "More energy than the station can give",
    rule: "Energy is larger than the station's rated power could have given in the session's duration.",
    run: |session, limits| {
        let energy = session.energy_wh?;
        let rated = session.rated_power_w.filter(|w| *w > 0.0)?;
        let time = session.duration_s.filter(|s| *s >= 0.0)?;
        let possible = rated * time / 3600.0 * (1.0 + limits.power_tolerance_ratio);
        (energy > possible + limits.energy_tolerance_wh).then(|| Found {
            severity: Severity::Critical,
            observed: energy,
            unit: "Wh",
            low: None,
            high: Some(possible),
            text: format!(
                "{} in {} is more than this station can give: its rating is {}.",
                quantity(energy, "Wh"),
                quantity(time, "s"),
                quantity(rated, "W")
            ),
        })
    },
};

pub(super) const CONTRADICTS_POWER: Check = Check {
    name: "energy_contradicts_power",
    words: "Energy does not fit power and time",
    rule: "Energy differs from the integral of the measured power (or from mean power times charging time) by more \
           than the tolerance, or exceeds the largest power times the duration.",
    run: contradicts_power,
};

fn contradicts_power(session: &Session, limits: &Limits) -> Option<Found> {
    let energy = session.energy_wh.filter(|_| !session.energy_from_power)?;
    let expected = expected_energy(session)?;
    let tolerance = |wh: f64| (wh * limits.energy_tolerance_ratio).max(limits.energy_tolerance_wh);
    let low = expected.low.map(|wh| (wh - tolerance(wh)).max(0.0));
    let high = expected.high + tolerance(expected.high);
    if energy <= high && low.is_none_or(|low| energy >= low) {
        return None;
    }
    Some(Found {
        severity: Severity::Warning,
        observed: energy,
        unit: "Wh",
        low,
        high: Some(high),
        text: format!(
            "The station reports {}, but {} {}.",
            quantity(energy, "Wh"),
            expected.basis,
            quantity(if energy > high { expected.high } else { expected.low.unwrap_or(0.0) }, "Wh")
        ),
    })
}

/// What the energy should be, without tolerance.
struct Expected {
    low: Option<f64>,
    high: f64,
    basis: &'static str,
}

/// What the energy should be, by the best that is known of the power.
fn expected_energy(session: &Session) -> Option<Expected> {
    let duration = session.duration_s.filter(|s| *s >= 60.0)?;
    let sampled = || {
        let meter = session.meter?;
        let (measured, covered) = (meter.power_energy_wh?, meter.power_covered_s?);
        // Where there are no samples power may have been anything between nothing and the largest.
        let dark_h = (duration - covered).max(0.0) / 3600.0;
        (meter.power_rows >= 5 && covered >= 0.5 * duration).then(|| Expected {
            low: Some(measured),
            high: measured + dark_h * session.peak_power_w().unwrap_or(0.0),
            basis: "the measured power adds up to",
        })
    };
    let mean = || {
        let power = session.mean_power_w?;
        let energy = power * session.charging_s.unwrap_or(duration).min(duration) / 3600.0;
        Some(Expected { low: Some(energy), high: energy, basis: "mean power times charging time gives" })
    };
    let largest = || {
        let high = session.peak_power_w()? * duration / 3600.0;
        Some(Expected { low: None, high, basis: "even the largest power would have given only" })
    };
    sampled().or_else(mean).or_else(largest)
}

pub(super) const METER_CONTRADICTS: Check = Check {
    name: "energy_contradicts_meter",
    words: "Energy does not fit the meter",
    rule: "Energy differs from the meter reading at the end minus that at the start.",
    run: |session, limits| {
        let energy = session.energy_wh?;
        let counted = session.meter_stop_wh? - session.meter_start_wh?;
        let tolerance = (counted.abs() * 0.02).max(limits.zero_energy_wh);
        (counted >= 0.0 && (energy - counted).abs() > tolerance).then(|| Found {
            severity: Severity::Warning,
            observed: energy,
            unit: "Wh",
            low: Some(counted - tolerance),
            high: Some(counted + tolerance),
            text: format!(
                "The session's energy is {}, but its meter moved by {}.",
                quantity(energy, "Wh"),
                quantity(counted, "Wh")
            ),
        })
    },
};

pub(super) const ABOVE_BATTERY: Check = Check {
    name: "energy_above_battery",
    words: "More energy than the battery holds",
    rule: "Energy is larger than what the vehicle's battery holds, with losses.",
    run: |session, limits| {
        let energy = session.energy_wh?;
        let battery = session.battery_wh.filter(|wh| *wh > 1000.0)?;
        let high = battery * (1.0 + limits.battery_tolerance_ratio);
        (energy > high).then(|| Found {
            severity: Severity::Warning,
            observed: energy,
            unit: "Wh",
            low: None,
            high: Some(high),
            text: format!(
                "{} went into a vehicle whose battery holds {}.",
                quantity(energy, "Wh"),
                quantity(battery, "Wh")
            ),
        })
    },
};

pub(super) const ZERO: Check = Check {
    name: "zero_energy",
    words: "Long session without energy",
    rule: "No energy in a session that is longer than the limit.",
    run: |session, limits| {
        let energy = session.energy_wh?;
        let duration = session.duration_s?;
        let limit = limits.zero_energy_after.0.as_secs_f64();
        (energy.abs() < limits.zero_energy_wh && duration >= limit).then(|| Found {
            severity: Severity::Warning,
            observed: energy,
            unit: "Wh",
            low: Some(limits.zero_energy_wh),
            high: None,
            text: format!(
                "The vehicle was connected for {} and got {}.",
                quantity(duration, "s"),
                if energy < 1.0 {
                    "no energy".to_owned()
                } else {
                    format!("only {}", quantity(energy, "Wh"))
                }
            ),
        })
    },
};
