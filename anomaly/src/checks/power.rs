//! Checks of power and heat.

use super::{Check, Found};
use crate::severity::Severity;
use crate::words::quantity;

pub(super) const ABOVE_RATING: Check = Check {
    name: "power_above_rating",
    words: "Power above the rating",
    rule: "The largest power exceeds the station's rated power by more than the tolerance.",
    run: |session, limits| {
        let power = session.peak_power_w()?;
        let rated = session.rated_power_w.filter(|w| *w > 0.0)?;
        let high = rated * (1.0 + limits.power_tolerance_ratio);
        (power > high).then(|| Found {
            severity: Severity::Critical,
            observed: power,
            unit: "W",
            low: None,
            high: Some(high),
            text: format!(
                "Power reached {}, but this station is rated for {}.",
                quantity(power, "W"),
                quantity(rated, "W")
            ),
        })
    },
};

pub(super) const MEAN_ABOVE_MAX: Check = Check {
    name: "mean_power_above_max",
    words: "Mean power above the largest",
    rule: "The mean power is larger than the largest power: one of them is wrong.",
    run: |session, limits| {
        let mean = session.mean_power_w?;
        let largest = session.peak_power_w()?;
        let high = largest * (1.0 + limits.power_tolerance_ratio) + 100.0;
        (mean > high).then(|| Found {
            severity: Severity::Warning,
            observed: mean,
            unit: "W",
            low: None,
            high: Some(high),
            text: format!(
                "The mean power is {}, but the largest is said to be {}.",
                quantity(mean, "W"),
                quantity(largest, "W")
            ),
        })
    },
};

pub(super) const AFTER_STOP: Check = Check {
    name: "power_after_stop",
    words: "Power after the stop",
    rule: "Energy flowed after the session's end, by the samples of power.",
    run: |session, limits| {
        let after = session.meter?.after_end_wh?;
        (after > limits.after_stop_wh).then(|| Found {
            severity: Severity::Warning,
            observed: after,
            unit: "Wh",
            low: None,
            high: Some(limits.after_stop_wh),
            text: format!("{} flowed after the session had ended.", quantity(after, "Wh")),
        })
    },
};

pub(super) const IMBALANCE: Check = Check {
    name: "phase_imbalance",
    words: "Uneven phases",
    rule: "All three phases carry power, and the busiest lies above their mean by more than the limit.",
    run: |session, limits| {
        let ratio = session.meter?.imbalance_ratio?;
        (ratio > limits.imbalance_ratio).then(|| Found {
            severity: Severity::Warning,
            observed: ratio,
            unit: "ratio",
            low: None,
            high: Some(limits.imbalance_ratio),
            text: format!(
                "The busiest phase carried {} more than the mean of the three.",
                quantity(ratio, "ratio")
            ),
        })
    },
};

pub(super) const DERATED: Check = Check {
    name: "derated",
    words: "Far below the rating",
    rule: "Power stayed below a part of the station's rating for longer than the limit.",
    run: |session, limits| {
        let power = session.peak_power_w().filter(|w| *w > 0.0)?;
        let rated = session.rated_power_w.filter(|w| *w > 0.0)?;
        let time = session.flowing_s()?;
        let low = rated * limits.derated_ratio;
        (power < low && time >= limits.derated_after.0.as_secs_f64()).then(|| Found {
            severity: Severity::Info,
            observed: power,
            unit: "W",
            low: Some(low),
            high: None,
            text: format!(
                "In {} of charging, power reached only {}; this station is rated for {}.",
                quantity(time, "s"),
                quantity(power, "W"),
                quantity(rated, "W")
            ),
        })
    },
};

pub(super) const OVERHEATING: Check = Check {
    name: "overheating",
    words: "Overheating",
    rule: "A temperature reached the limit.",
    run: |session, limits| {
        let hottest = session.hottest_c()?;
        (hottest >= limits.temperature_max_c).then(|| Found {
            severity: Severity::Critical,
            observed: hottest,
            unit: "°C",
            low: None,
            high: Some(limits.temperature_max_c),
            text: format!(
                "A temperature of {} was measured; {} is the limit.",
                quantity(hottest, "°C"),
                quantity(limits.temperature_max_c, "°C")
            ),
        })
    },
};
