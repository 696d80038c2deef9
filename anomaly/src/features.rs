//! What is measured of a session: its own values, and how they stand against what is usual for its user, station,
//! site and the fleet. Context matters more than the algorithm that reads it.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::session::Session;
use crate::usual::{Measure, Scope, Usual};

macro_rules! features {
    ($($(#[doc = $doc:literal])* $name:ident = $label:literal, $words:literal, $unit:literal;)*) => {
        /// One column of what the models see.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[repr(usize)]
        pub enum Feature { $($(#[doc = $doc])* $name,)* }

        impl Feature {
            /// All, in the order of the columns.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in answers and rows.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// The name in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// The unit of its values.
            #[must_use]
            pub fn unit(self) -> &'static str {
                match self { $(Self::$name => $unit,)* }
            }
        }
    };
}

features! {
    /// Energy given.
    Energy = "energy_wh", "Energy", "Wh";
    /// From begin to end.
    Duration = "duration_s", "Duration", "s";
    /// How long energy flowed.
    Charging = "charging_s", "Charging time", "s";
    /// How long the vehicle stood there without charging.
    Idle = "idle_s", "Idle time", "s";
    /// Mean power while charging.
    MeanPower = "mean_power_w", "Mean power", "W";
    /// Largest power.
    MaxPower = "max_power_w", "Maximum power", "W";
    /// Energy, as a part of what the largest power would have given in the time.
    EnergyAgainstPower = "energy_against_power_ratio", "Energy against power and time", "ratio";
    /// Idle time as a part of the whole.
    IdleShare = "idle_ratio", "Idle part of the session", "ratio";
    /// Hour of the begin at the site.
    Hour = "start_hour", "Hour of the start", "h";
    /// Weekday of the begin at the site; Monday is 0.
    Weekday = "start_weekday", "Weekday of the start", "";
    /// Hottest temperature.
    Temperature = "temperature_c", "Temperature", "°C";
    /// Energy that the battery took for what was given: state of charge × battery ÷ energy.
    BatteryAgainstEnergy = "battery_against_energy_ratio", "Battery gain against energy", "ratio";
    /// Energy against the power that was measured and its time.
    EnergyAgainstMeasured = "energy_against_measured_ratio", "Energy against measured power", "ratio";
    /// How far the busiest of three phases lies above their mean.
    Imbalance = "phase_imbalance_ratio", "Imbalance of the phases", "ratio";
    /// How rarely the user begins at that hour.
    HourOfUser = "start_hour_of_user", "Hour of the start against this user's usual", "";
    /// Energy against the user's usual.
    EnergyOfUser = "energy_of_user_ratio", "Energy against this user's usual", "ratio";
    /// Energy against the station's usual.
    EnergyOfStation = "energy_of_station_ratio", "Energy against this station's usual", "ratio";
    /// Energy against the site's usual.
    EnergyOfSite = "energy_of_site_ratio", "Energy against this site's usual", "ratio";
    /// Energy against what is usual for the vehicle model.
    EnergyOfVehicle = "energy_of_vehicle_ratio", "Energy against this vehicle model's usual", "ratio";
    /// Temperature against the station's usual.
    TemperatureOfStation = "temperature_of_station_ratio", "Temperature against this station's usual", "ratio";
    /// Energy in the user's own deviations from the usual.
    EnergySpreadOfUser = "energy_spread_of_user", "Energy against this user's habit", "";
    /// Duration in the user's own deviations from the usual.
    DurationSpreadOfUser = "duration_spread_of_user", "Duration against this user's habit", "";
    /// Idle time in the user's own deviations from the usual.
    IdleSpreadOfUser = "idle_spread_of_user", "Idle time against this user's habit", "";
    /// Duration against the user's usual.
    DurationOfUser = "duration_of_user_ratio", "Duration against this user's usual", "ratio";
    /// Duration against the station's usual.
    DurationOfStation = "duration_of_station_ratio", "Duration against this station's usual", "ratio";
    /// Duration against the site's usual.
    DurationOfSite = "duration_of_site_ratio", "Duration against this site's usual", "ratio";
    /// Idle time against the user's usual.
    IdleOfUser = "idle_of_user_ratio", "Idle time against this user's usual", "ratio";
    /// Idle time against the station's usual.
    IdleOfStation = "idle_of_station_ratio", "Idle time against this station's usual", "ratio";
    /// Mean power against the user's usual.
    PowerOfUser = "mean_power_of_user_ratio", "Mean power against this user's usual", "ratio";
    /// Mean power against the station's usual.
    PowerOfStation = "mean_power_of_station_ratio", "Mean power against this station's usual", "ratio";
    /// Mean power against the site's usual.
    PowerOfSite = "mean_power_of_site_ratio", "Mean power against this site's usual", "ratio";
    /// Mean power against what is usual for the vehicle model.
    PowerOfVehicle = "mean_power_of_vehicle_ratio", "Mean power against this vehicle model's usual", "ratio";
}

/// Nobody is so steady that less than a tenth more would be a deviation.
const STEADIEST: f64 = 0.1;

/// How many features there are.
pub const COUNT: usize = Feature::ALL.len();

/// One session as the models see it; NaN stands for what is not known.
pub type Row = [f64; COUNT];

impl Feature {
    /// The measure and the scope that a ratio compares; `None` for a session's own values.
    #[must_use]
    pub fn context(self) -> Option<(Measure, Scope)> {
        Some(match self {
            Self::EnergyOfUser => (Measure::Energy, Scope::User),
            Self::EnergyOfStation => (Measure::Energy, Scope::Station),
            Self::TemperatureOfStation => (Measure::Temperature, Scope::Station),
            Self::EnergySpreadOfUser => (Measure::Energy, Scope::User),
            Self::DurationSpreadOfUser => (Measure::Duration, Scope::User),
            Self::IdleSpreadOfUser => (Measure::Idle, Scope::User),
            Self::EnergyOfSite => (Measure::Energy, Scope::Site),
            Self::EnergyOfVehicle => (Measure::Energy, Scope::Vehicle),
            Self::DurationOfUser => (Measure::Duration, Scope::User),
            Self::DurationOfStation => (Measure::Duration, Scope::Station),
            Self::DurationOfSite => (Measure::Duration, Scope::Site),
            Self::IdleOfUser => (Measure::Idle, Scope::User),
            Self::IdleOfStation => (Measure::Idle, Scope::Station),
            Self::PowerOfVehicle => (Measure::MeanPower, Scope::Vehicle),
            Self::PowerOfUser => (Measure::MeanPower, Scope::User),
            Self::PowerOfStation => (Measure::MeanPower, Scope::Station),
            Self::PowerOfSite => (Measure::MeanPower, Scope::Site),
            _ => return None,
        })
    }

    /// The feature that shows a ratio's own value to people.
    #[must_use]
    pub fn shown_as(self) -> Self {
        match self.context() {
            Some((measure, _)) => measure.feature(),
            None if self == Self::HourOfUser => Self::Hour,
            None => self,
        }
    }

    /// The value as the models see it → the value as people see it.
    #[must_use]
    pub fn to_natural(self, value: f64) -> f64 {
        match self.context() {
            Some(_) => value.exp(),
            None => self.measure().map_or(value, |measure| measure.to_natural(value)),
        }
    }

    /// The measure on whose logarithmic scale a session's own value lies; none for those that are taken as they are.
    fn measure(self) -> Option<Measure> {
        Some(match self {
            Self::Energy => Measure::Energy,
            Self::Duration | Self::Charging => Measure::Duration,
            Self::Idle => Measure::Idle,
            Self::MeanPower | Self::MaxPower => Measure::MeanPower,
            _ => return None,
        })
    }

    /// Differences below this, on the models' scale, mean nothing: meters and clocks are not better.
    #[must_use]
    pub fn accuracy(self) -> f64 {
        match self {
            Self::Hour | Self::Weekday => 0.0,
            Self::Temperature => 2.0,
            Self::TemperatureOfStation => 0.002,
            Self::EnergySpreadOfUser | Self::DurationSpreadOfUser | Self::IdleSpreadOfUser => 0.25,
            Self::IdleShare | Self::EnergyAgainstPower | Self::EnergyAgainstMeasured => 0.03,
            Self::Imbalance => 0.05,
            // Hours that few sessions tell apart.
            Self::HourOfUser => 0.3,
            // A twentieth, on a logarithmic scale.
            _ => 0.05,
        }
    }

    /// Whether it is held against how much its scope varies: what is odd for one user is another's habit.
    #[must_use]
    pub fn is_in_deviations(self) -> bool {
        matches!(self, Self::EnergySpreadOfUser | Self::DurationSpreadOfUser | Self::IdleSpreadOfUser)
    }

    /// Whether hour or weekday: unusual only together with others, never a reason alone, and without a lower or
    /// upper end.
    #[must_use]
    pub fn is_cyclic(self) -> bool {
        matches!(self, Self::Hour | Self::Weekday)
    }
}

/// A quantity on the scale on which sessions differ by factors: the logarithm of 1 + value ÷ the measure's scale.
fn logarithm(value: Option<f64>, measure: Measure) -> f64 {
    value.filter(|v| v.is_finite()).map_or(f64::NAN, |v| (v.max(0.0) / measure.scale()).ln_1p())
}

/// Hour (with its fraction) and weekday (Monday is 0) at the site.
#[must_use]
pub fn local_hour_and_weekday(started_us: i64, time_zone: Option<&str>) -> (f64, f64) {
    let utc: DateTime<Utc> = DateTime::from_timestamp_micros(started_us).unwrap_or_default();
    let zone: Tz = time_zone.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC);
    let local = utc.with_timezone(&zone);
    let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
    (hour, f64::from(local.weekday().num_days_from_monday()))
}

/// The session's value of a measure on the models' scale; NaN if it is not known.
#[must_use]
pub fn measure(session: &Session, measure: Measure) -> f64 {
    let value = match measure {
        Measure::Energy => session.energy_wh,
        Measure::Duration => session.duration_s,
        Measure::Idle => session.idle_s,
        Measure::MeanPower => session.power_w(),
        Measure::Temperature => session.hottest_c(),
    };
    logarithm(value, measure)
}

/// Measures a session against what is usual. `own` says that the session itself is part of that history and is to
/// be left out of it, so that training sees sessions as they will be seen when they are new.
#[must_use]
pub fn extract(session: &Session, usual: &Usual, own: bool) -> Row {
    let mut row = [f64::NAN; COUNT];
    let (hour, weekday) = local_hour_and_weekday(session.started_us, session.time_zone.as_deref());
    for (column, feature) in row.iter_mut().zip(Feature::ALL) {
        *column = match feature {
            Feature::Energy => measure(session, Measure::Energy),
            Feature::Duration => measure(session, Measure::Duration),
            Feature::Charging => logarithm(session.charging_s, Measure::Duration),
            Feature::Idle => measure(session, Measure::Idle),
            Feature::MeanPower => measure(session, Measure::MeanPower),
            Feature::MaxPower => logarithm(session.peak_power_w(), Measure::MeanPower),
            Feature::EnergyAgainstPower => energy_against_power(session),
            Feature::IdleShare => match (session.idle_s, session.duration_s) {
                (Some(idle), Some(whole)) if whole > 0.0 => (idle / whole).clamp(0.0, 1.0),
                _ => f64::NAN,
            },
            Feature::Hour => hour,
            Feature::Weekday => weekday,
            Feature::Temperature => session.hottest_c().unwrap_or(f64::NAN),
            Feature::BatteryAgainstEnergy => battery_against_energy(session),
            Feature::EnergyAgainstMeasured => energy_against_measured(session),
            Feature::Imbalance => session.meter.and_then(|m| m.imbalance_ratio).unwrap_or(f64::NAN),
            Feature::HourOfUser => usual.hours().surprise(session, own),
            _ => match feature.context() {
                Some((measured, scope)) => {
                    let value = measure(session, measured);
                    let away = value - usual.median(session, scope, measured, own.then_some(value));
                    if feature.is_in_deviations() {
                        away / usual.spread(session, scope, measured).max(STEADIEST)
                    } else {
                        away
                    }
                }
                None => f64::NAN,
            },
        };
    }
    row
}

fn energy_against_power(session: &Session) -> f64 {
    match (session.energy_wh, session.peak_power_w(), session.flowing_s()) {
        (Some(energy), Some(power), Some(time)) if power > 100.0 && time >= 60.0 => {
            (energy / (power * time / 3600.0)).clamp(-1.0, 10.0)
        }
        _ => f64::NAN,
    }
}

fn energy_against_measured(session: &Session) -> f64 {
    match (session.energy_wh, session.measured_wh()) {
        (Some(energy), Some(measured)) if measured > 200.0 && !session.energy_from_power => {
            (energy / measured).clamp(0.0, 5.0)
        }
        _ => f64::NAN,
    }
}

fn battery_against_energy(session: &Session) -> f64 {
    match (session.soc_start_ratio, session.soc_end_ratio, session.battery_wh, session.energy_wh) {
        (Some(from), Some(to), Some(battery), Some(energy)) if energy > 500.0 => {
            ((to - from) * battery / energy).clamp(-10.0, 10.0)
        }
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session {
            station: "CP-1".into(),
            user: Some("u".into()),
            // Monday 2026-03-02 23:30 UTC
            started_us: 1_772_494_200_000_000,
            duration_s: Some(7200.0),
            idle_s: Some(3600.0),
            charging_s: Some(3600.0),
            energy_wh: Some(7000.0),
            max_power_w: Some(7400.0),
            ..Session::default()
        }
    }

    #[test]
    fn hour_and_weekday_are_the_sites() {
        assert_eq!(local_hour_and_weekday(session().started_us, None), (23.5, 0.0));
        assert_eq!(local_hour_and_weekday(session().started_us, Some("Europe/Oslo")), (0.5, 1.0));
        assert_eq!(local_hour_and_weekday(session().started_us, Some("Nowhere/Land")), (23.5, 0.0));
    }

    #[test]
    fn own_values_and_context() {
        let usual = Usual::learn(&vec![session(); 40]);
        let row = extract(&session(), &usual, false);
        assert!((Feature::Energy.to_natural(row[Feature::Energy as usize]) - 7000.0).abs() < 1e-6);
        assert!((row[Feature::EnergyAgainstPower as usize] - 7000.0 / 7400.0).abs() < 1e-9);
        assert!((row[Feature::IdleShare as usize] - 0.5).abs() < 1e-9);
        assert!(row[Feature::EnergyOfUser as usize].abs() < 1e-9, "as usual for the user");
        assert!(row[Feature::Temperature as usize].is_nan(), "not known");

        let twice = Session { energy_wh: Some(14_000.0), ..session() };
        let row = extract(&twice, &usual, false);
        let ratio = Feature::EnergyOfUser.to_natural(row[Feature::EnergyOfUser as usize]);
        assert!((ratio - 2.0).abs() < 0.05, "{ratio}");
    }

    #[test]
    fn a_session_does_not_count_as_its_own_history() {
        let odd = Session { user: Some("once".into()), energy_wh: Some(70_000.0), ..session() };
        let mut history = vec![session(); 40];
        history.push(odd.clone());
        let usual = Usual::learn(&history);
        let seen = extract(&odd, &usual, true)[Feature::EnergyOfUser as usize];
        assert!((Feature::EnergyOfUser.to_natural(seen) - 10.0).abs() < 0.5, "{seen}");
    }
}
