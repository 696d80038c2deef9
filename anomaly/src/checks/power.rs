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
