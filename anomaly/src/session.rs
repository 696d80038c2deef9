//! What is known of a session when it is scored, from the store or from a request.

use uuid::Uuid;

/// A session's values. What is not known is `None`; nothing is NaN.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Session {
    /// Identity; none where a request brings the values themselves.
    pub id: Option<Uuid>,
    /// Counts corrections.
    pub revision: i32,
    /// The station.
    pub station: String,
    /// The site.
    pub site: Option<String>,
    /// The user: the keyed hash of the token.
    pub user: Option<String>,
    /// The vehicle's model.
    pub vehicle: Option<String>,
    /// Designated timestamp of the row, microseconds since 1970 UTC.
    pub ts_us: i64,
    /// Begin, microseconds since 1970 UTC.
    pub started_us: i64,
    /// End, microseconds since 1970 UTC.
    pub ended_us: Option<i64>,
    /// IANA name of the site's zone.
    pub time_zone: Option<String>,
    /// From begin to end, s.
    pub duration_s: Option<f64>,
    /// How long energy flowed, s.
    pub charging_s: Option<f64>,
    /// How long the vehicle stood there without charging, s.
    pub idle_s: Option<f64>,
    /// Energy given, Wh.
    pub energy_wh: Option<f64>,
    /// Meter at the begin, Wh.
    pub meter_start_wh: Option<f64>,
    /// Meter at the end, Wh.
    pub meter_stop_wh: Option<f64>,
    /// Largest power, W.
    pub max_power_w: Option<f64>,
    /// Mean power while charging, W.
    pub mean_power_w: Option<f64>,
    /// What the station can give at most, W.
    pub rated_power_w: Option<f64>,
    /// State of charge at the begin, 0–1.
    pub soc_start_ratio: Option<f64>,
    /// State of charge at the end, 0–1.
    pub soc_end_ratio: Option<f64>,
    /// What the battery holds, Wh.
    pub battery_wh: Option<f64>,
    /// Hottest temperature that was reported, °C.
    pub temperature_c: Option<f64>,
    /// The end was not reported but inferred.
    pub inferred: bool,
    /// The begin was not seen.
    pub start_missing: bool,
    /// The meter reading fell while it ran.
    pub meter_backwards: bool,
    /// The station's clock was wrong while it ran.
    pub clock_wrong: bool,
    /// The energy is the integral of power, because the station sent no meter readings.
    pub energy_from_power: bool,
    /// What the session's meter values say; none where there are none.
    pub meter: Option<Meter>,
    /// How many meter values the gateway counted.
    pub samples: i32,
}

/// The meter values of a session, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Meter {
    /// How many rows were visible.
    pub rows: i64,
    /// How many of them have a total power.
    pub power_rows: i64,
    /// Largest total power, W.
    pub max_power_w: Option<f64>,
    /// The integral of the total power, Wh.
    pub power_energy_wh: Option<f64>,
    /// How much of the session the integral covers, s.
    pub power_covered_s: Option<f64>,
    /// Hottest temperature, °C.
    pub max_temperature_c: Option<f64>,
    /// Energy that flowed after the session's end, by the samples of power, Wh.
    pub after_end_wh: Option<f64>,
    /// How far the busiest of three phases that all carry power lies above their mean, as a part of it.
    pub imbalance_ratio: Option<f64>,
}

impl Session {
    /// How long energy flowed, as well as it is known, s.
    #[must_use]
    pub fn flowing_s(&self) -> Option<f64> {
        self.charging_s.filter(|s| *s > 0.0).or_else(|| {
            let whole = self.duration_s?;
            Some((whole - self.idle_s.unwrap_or(0.0)).max(0.0))
        })
    }

    /// Mean power while energy flowed, W.
    #[must_use]
    pub fn power_w(&self) -> Option<f64> {
        self.mean_power_w.or_else(|| {
            let flowing_h = self.flowing_s().filter(|s| *s >= 60.0)? / 3600.0;
            Some(self.energy_wh? / flowing_h)
        })
    }

    /// What the energy should be by the power that was measured, Wh: its integral where samples cover nearly all of the
    /// time in which energy flowed, or else mean power times that time.
    #[must_use]
    pub fn measured_wh(&self) -> Option<f64> {
        let sampled = self.meter.and_then(|meter| {
            let covered = meter.power_covered_s? >= 0.9 * self.flowing_s()?;
            (meter.power_rows >= 5 && covered).then_some(meter.power_energy_wh?)
        });
        sampled.or_else(|| Some(self.mean_power_w? * self.flowing_s()? / 3600.0))
    }

    /// The largest power that was seen, W.
    #[must_use]
    pub fn peak_power_w(&self) -> Option<f64> {
        let sampled = self.meter.and_then(|m| m.max_power_w);
        match (self.max_power_w, sampled) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }

    /// The hottest temperature that was seen, °C.
    #[must_use]
    pub fn hottest_c(&self) -> Option<f64> {
        let sampled = self.meter.and_then(|m| m.max_temperature_c);
        match (self.temperature_c, sampled) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }

    /// What a model cannot learn from: values outside all sense. The reason, or `None` for a usable session.
    #[must_use]
    pub fn unusable_for_training(&self) -> Option<&'static str> {
        let values = [
            self.duration_s,
            self.charging_s,
            self.idle_s,
            self.energy_wh,
            self.max_power_w,
            self.mean_power_w,
            self.temperature_c,
        ];
        if values.iter().flatten().any(|v| !v.is_finite()) {
            return Some("not_finite");
        }
        if self.duration_s.is_none() {
            return Some("duration_missing");
        }
        if self.duration_s.is_some_and(|s| s < 0.0) {
            return Some("duration_negative");
        }
        if self.energy_wh.is_none() {
            return Some("energy_missing");
        }
        if self.energy_wh.is_some_and(|e| !(0.0..=1e7).contains(&e)) {
            return Some("energy_impossible");
        }
        None
    }
}
