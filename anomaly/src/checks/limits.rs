//! The checks' limits, as an operator sets them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::HumanDuration;

/// Limits of the checks of physics and sense.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest part by which the energy may differ from power times time.
    pub energy_tolerance_ratio: f64,
    /// Differences of energy below this many Wh are never a finding.
    pub energy_tolerance_wh: f64,
    /// More energy than this in one session is impossible, Wh.
    pub energy_max_wh: f64,
    /// Less energy than this counts as none, Wh.
    pub zero_energy_wh: f64,
    /// A session without energy is a finding from this duration on.
    pub zero_energy_after: HumanDuration,
    /// Part by which power may exceed the station's rating (meters are not exact).
    pub power_tolerance_ratio: f64,
    /// Part by which the given energy may exceed what the vehicle's battery holds (losses).
    pub battery_tolerance_ratio: f64,
    /// Idle time from which a vehicle is said to overstay.
    pub overstay_after: HumanDuration,
    /// Longest duration of a session that is believed.
    pub duration_max: HumanDuration,
    /// Energy that may flow after a session's end, Wh.
    pub after_stop_wh: f64,
    /// Part by which the busiest of three phases may lie above their mean.
    pub imbalance_ratio: f64,
    /// Part of the station's rating below which power is said to be derated.
    pub derated_ratio: f64,
    /// A session is said to be derated from this charging time on.
    pub derated_after: HumanDuration,
    /// Energy that must have moved the state of charge, as a part of the battery (or of 50 kWh where it is not known).
    pub stuck_soc_ratio: f64,
    /// Time without a sample of power, of the time in which energy flowed, from which samples are said to be missing.
    pub gaps_ratio: f64,
    /// Temperature from which a connector is said to overheat, °C.
    pub temperature_max_c: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            energy_tolerance_ratio: 0.25,
            energy_tolerance_wh: 1000.0,
            energy_max_wh: 1_000_000.0,
            zero_energy_wh: 100.0,
            zero_energy_after: HumanDuration::from_secs(30 * 60),
            power_tolerance_ratio: 0.10,
            battery_tolerance_ratio: 0.25,
            overstay_after: HumanDuration::from_secs(8 * 3600),
            duration_max: HumanDuration::from_days(14),
            after_stop_wh: 50.0,
            imbalance_ratio: 0.30,
            derated_ratio: 0.10,
            derated_after: HumanDuration::from_secs(3600),
            stuck_soc_ratio: 0.10,
            gaps_ratio: 0.5,
            temperature_max_c: 75.0,
        }
    }
}
