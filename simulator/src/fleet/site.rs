//! Places: where stations stand, when people come and how long they stay.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use station::time::Timestamp;

/// A place with stations.
#[derive(Clone, PartialEq, Debug)]
pub struct Site {
    /// The id: `oslo`.
    pub id: &'static str,
    /// The beginning of its stations' ids: `OSL`.
    pub code: &'static str,
    /// For people.
    pub name: &'static str,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Where its days begin and end.
    pub time_zone: Tz,
    /// ISO 4217.
    pub currency: &'static str,
    /// What the grid gives, kW.
    pub grid_limit_kw: f64,
    /// Who comes, and when.
    pub profile: Profile,
    /// V between phase and neutral.
    pub phase_voltage: f64,
    /// Whether there is only one phase (North America).
    pub single_phase: bool,
    /// °C, mean of the year.
    pub climate_mean_c: f64,
    /// °C, half of what lies between January and July (negative south of the equator).
    pub climate_swing_c: f64,
}

/// Who comes to a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Employees: mornings of working days.
    Workplace,
    /// Anybody: shops, streets, motorways.
    Public,
    /// Those who live there: evenings to mornings.
    Residential,
}

/// The three sites of every fleet.
#[must_use]
pub fn sites() -> [Site; 3] {
    [
        Site {
            id: "oslo",
            code: "OSL",
            name: "Oslo Fjordbyen",
            latitude: 59.9075,
            longitude: 10.7530,
            time_zone: chrono_tz::Europe::Oslo,
            currency: "NOK",
            grid_limit_kw: 400.0,
            profile: Profile::Residential,
            phase_voltage: 230.0,
            single_phase: false,
            climate_mean_c: 6.5,
            climate_swing_c: 11.0,
        },
        Site {
            id: "denver",
            code: "DEN",
            name: "Denver Tech Campus",
            latitude: 39.6483,
            longitude: -104.8925,
            time_zone: chrono_tz::America::Denver,
            currency: "USD",
            grid_limit_kw: 500.0,
            profile: Profile::Workplace,
            phase_voltage: 240.0,
            single_phase: true,
            climate_mean_c: 10.5,
            climate_swing_c: 12.0,
        },
        Site {
            id: "jakarta",
            code: "JKT",
            name: "Jakarta Selatan Mall",
            latitude: -6.2607,
            longitude: 106.8106,
            time_zone: chrono_tz::Asia::Jakarta,
            currency: "IDR",
            grid_limit_kw: 900.0,
            profile: Profile::Public,
            phase_voltage: 230.0,
            single_phase: false,
            climate_mean_c: 28.0,
            climate_swing_c: -0.7,
        },
    ]
}

impl Site {
    /// The local date and time.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> DateTime<Tz> {
        at.to_utc().with_timezone(&self.time_zone)
    }

    /// When the planning day of `date` begins: at noon where people stay overnight, otherwise at four in the morning.
    /// No visit crosses it, so that each day follows from its own seed alone.
    #[must_use]
    pub fn day_begins(&self, date: NaiveDate) -> Timestamp {
        let hour = if self.profile == Profile::Residential { 12 } else { 4 };
        let local = NaiveDateTime::from(date) + chrono::TimeDelta::hours(hour);
        let utc = match self.time_zone.from_local_datetime(&local).earliest() {
            Some(time) => time.with_timezone(&Utc),
            // No zone of ours skips these hours; UTC is a usable answer for any other.
            None => local.and_utc(),
        };
        Timestamp::from(utc)
    }

    /// The planning day that holds `at`.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> NaiveDate {
        let date = self.local(at).date_naive();
        if at >= self.day_begins(date) { date } else { date.pred_opt().unwrap_or(date) }
    }

    /// Arrivals an hour at one free connector.
    #[must_use]
    pub fn arrivals_per_hour(&self, at: Timestamp, fast: bool) -> f64 {
        let local = self.local(at);
        let weekend = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
        let hour = local.hour() as usize;
        let (shape, weekday_factor, weekend_factor) = match self.profile {
            Profile::Workplace => (&WORKPLACE, 1.0, 0.05),
            Profile::Public => (&PUBLIC, 1.0, 1.25),
            Profile::Residential => (&RESIDENTIAL, 1.0, 0.9),
        };
        // Those who come for fast charging come all day, and leave soon.
        let speed = match (fast, self.profile) {
            (true, Profile::Public) => 2.2,
            (true, _) => 1.2,
            (false, _) => 1.0,
        };
        shape[hour] * speed * if weekend { weekend_factor } else { weekday_factor }
    }

    /// °C outside: seasons, the time of day, and the weather of the day (`weather`: standard deviations).
    #[must_use]
    pub fn outside_c(&self, at: Timestamp, weather: f64) -> f64 {
        let local = self.local(at);
        let season = (f64::from(local.ordinal0()) - 196.0) / 365.25 * std::f64::consts::TAU;
        let clock =
            (f64::from(local.hour() * 60 + local.minute()) / 60.0 - 15.0) / 24.0 * std::f64::consts::TAU;
        self.climate_mean_c + self.climate_swing_c * season.cos() + 4.0 * clock.cos() + 2.5 * weather
    }
}

/// Arrivals an hour, by the hour of the day.
const WORKPLACE: [f64; 24] = [
    0.0, 0.0, 0.0, 0.0, 0.01, 0.05, 0.25, 0.6, 0.7, 0.35, 0.12, 0.1, 0.2, 0.25, 0.12, 0.08, 0.05, 0.03, 0.02,
    0.01, 0.01, 0.0, 0.0, 0.0,
];
const PUBLIC: [f64; 24] = [
    0.06, 0.04, 0.03, 0.03, 0.05, 0.1, 0.2, 0.35, 0.45, 0.5, 0.6, 0.7, 0.75, 0.7, 0.65, 0.65, 0.75, 0.85,
    0.9, 0.8, 0.6, 0.4, 0.25, 0.12,
];
const RESIDENTIAL: [f64; 24] = [
    0.03, 0.02, 0.01, 0.01, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.08, 0.09, 0.12, 0.22, 0.35,
    0.4, 0.35, 0.28, 0.2, 0.15, 0.1, 0.06,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_holds_its_own_moments_even_when_clocks_change() {
        for site in sites() {
            for date in ["2025-03-09", "2025-03-30", "2025-07-01", "2025-10-26", "2025-11-02"] {
                let date: NaiveDate = date.parse().expect("a date");
                let begin = site.day_begins(date);
                assert_eq!(site.day_of(begin), date, "{} {date}", site.id);
                assert_eq!(site.day_of(Timestamp(begin.0 - 1)), date.pred_opt().expect("a day before"));
                let hours =
                    site.day_begins(date.succ_opt().expect("a day after")).seconds_since(begin) / 3600.0;
                assert!((23.0..=25.0).contains(&hours), "{} {date}: {hours} h", site.id);
            }
        }
    }

    #[test]
    fn it_is_warmer_in_summer_where_there_is_one() {
        let at = |text: &str| Timestamp::parse(text, &mut Default::default()).expect("a time");
        let [oslo, _, jakarta] = sites();
        let (january, july) = (at("2025-01-15T12:00:00Z"), at("2025-07-15T12:00:00Z"));
        assert!(oslo.outside_c(july, 0.0) - oslo.outside_c(january, 0.0) > 15.0);
        assert!((jakarta.outside_c(july, 0.0) - jakarta.outside_c(january, 0.0)).abs() < 3.0);
    }
}
