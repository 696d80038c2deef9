//! The load of an hour to come.

use super::alike::{alike, mean, quantiles};
use super::bands::{Bands, widen};
use super::grid::{DAY, Grid};
use super::{DAYS_MIN, STALE_DAYS, TooLittle};

/// The mean power of an hour to come, W.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadForecast {
    /// What is to be expected on average: what sums of many hours come to.
    pub mean_w: f64,
    /// Below the first lies one hour in ten, below the second half of them, above the third one in ten.
    pub quantiles_w: [f64; 3],
}

/// What the load of one place was, ready to be continued.
#[derive(Clone, Debug)]
pub struct LoadModel {
    grid: Grid,
    bands: Bands,
    rated_w: Option<f64>,
}

/// Without calibration or bounds. `None` where no alike hour is known.
pub(super) fn raw(grid: &Grid, slot: usize, now: usize) -> Option<LoadForecast> {
    let mut hours = alike(grid, slot, now, true);
    if hours.is_empty() {
        return None;
    }
    let mean_w = mean(&hours);
    Some(LoadForecast { mean_w, quantiles_w: quantiles(&mut hours, [0.1, 0.5, 0.9]) })
}

/// Whether a history is long and fresh enough.
pub(super) fn enough(grid: &Grid) -> Result<(), TooLittle> {
    let days = grid.days_known(grid.end());
    if days < DAYS_MIN {
        return Err(TooLittle::Days(days));
    }
    Ok(())
}

impl LoadModel {
    /// Learns from the hours up to now. `rated_w` is what all connectors there can give together, if it is known.
    ///
    /// # Errors
    /// If the history is too short, or stopped weeks ago.
    pub fn learn(grid: Grid, rated_w: Option<f64>) -> Result<Self, TooLittle> {
        enough(&grid)?;
        let idle =
            grid.values().iter().rev().take_while(|value| value.is_nan() || **value <= 0.0).count() / DAY;
        if idle >= STALE_DAYS {
            return Err(TooLittle::Stale(idle));
        }
        let bands = Bands::learn(&grid);
        Ok(Self { grid, bands, rated_w: rated_w.filter(|rated| *rated > 0.0) })
    }

    /// The same bands on another history of the place: a later one, between two measurements.
    #[must_use]
    pub fn with(self, grid: Grid) -> Self {
        Self { grid, ..self }
    }

    /// The hours that it has learnt from.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The load of the hour that begins at a time, µs since 1970. `None` for an hour of the week that is not known.
    #[must_use]
    pub fn forecast(&self, at_us: i64) -> Option<LoadForecast> {
        self.forecast_slot(self.grid.slot(at_us))
    }

    /// One quantile of the load of an hour, W; `share` from 0 to 1.
    #[must_use]
    pub fn quantile(&self, at_us: i64, share: f64) -> Option<f64> {
        let (slot, now) = (self.grid.slot(at_us), self.grid.end());
        let mut hours = alike(&self.grid, slot, now, true);
        if hours.is_empty() {
            return None;
        }
        let [wanted, middle] = quantiles(&mut hours, [share, 0.5]);
        let [low, high] = self.factors(slot);
        let factor = if share < 0.5 { low } else { high };
        Some(self.bound(middle + factor * (wanted - middle)))
    }

    /// The load of a slot of the grid.
    #[must_use]
    pub fn forecast_slot(&self, slot: usize) -> Option<LoadForecast> {
        let now = self.grid.end();
        let LoadForecast { mean_w, quantiles_w } = raw(&self.grid, slot, now)?;
        let quantiles_w = widen(quantiles_w, self.factors(slot)).map(|watts| self.bound(watts));
        Some(LoadForecast { mean_w: self.bound(mean_w), quantiles_w })
    }

    fn factors(&self, slot: usize) -> [f64; 2] {
        let days_ahead = (slot + 1).saturating_sub(self.grid.end()) as f64 / DAY as f64;
        self.bands.factors(slot, days_ahead)
    }

    /// No load is negative, or more than the connectors can give.
    fn bound(&self, watts: f64) -> f64 {
        watts.clamp(0.0, self.rated_w.unwrap_or(f64::INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::super::{Visit, gaps};
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;
    /// Monday, 2026-01-05 00:00 UTC.
    const MONDAY: i64 = 1_767_571_200_000_000;

    /// On working days from 08:00 to 12:00 some 20 kW, from `base` on; some of it by chance.
    fn visits(base: i64, days: i64) -> Vec<Visit> {
        let at = |day: i64| {
            let vary = (day * 7919 % 101) as f64 / 101.0;
            let from_us = base + (day * 24 + 8) * HOUR_US;
            let energy_wh = 60_000.0 + 40_000.0 * vary;
            Visit { from_us, until_us: from_us + 4 * HOUR_US, charging_s: 14_400.0, energy_wh }
        };
        (0..days).filter(|day| day % 7 < 5).map(at).collect()
    }

    fn model(days: i64, rated_w: Option<f64>) -> Result<LoadModel, TooLittle> {
        let grid = Grid::of_load(&visits(MONDAY, days), &[], Tz::UTC, MONDAY + days * 24 * HOUR_US);
        LoadModel::learn(grid.ok_or(TooLittle::Nothing)?, rated_w)
    }

    #[test]
    fn habits_go_on() {
        let model = model(70, None).expect("enough");
        let at = |hour: i64| model.forecast(MONDAY + (70 * 24 + hour) * HOUR_US).expect("known");
        let [p10, p50, p90] = at(9).quantiles_w;
        assert!((15_000.0..19_000.0).contains(&p10), "{p10}");
        assert!((18_000.0..22_000.0).contains(&p50), "{p50}");
        assert!((21_000.0..26_000.0).contains(&p90), "{p90}");
        assert_eq!(at(3).quantiles_w, [0.0; 3], "never at night");
        assert_eq!(at(5 * 24 + 8).quantiles_w, [0.0; 3], "never on a Saturday");
        let mean = at(24 + 10).mean_w;
        assert!((16_000.0..22_000.0).contains(&mean), "{mean}");
    }

    #[test]
    fn no_forecast_leaves_what_is_possible() {
        let model = model(70, Some(18_000.0)).expect("enough");
        let forecast = model.forecast(MONDAY + (70 * 24 + 9) * HOUR_US).expect("known");
        assert_eq!(forecast.quantiles_w[1..], [18_000.0, 18_000.0]);
        for hour in 0..168 {
            let forecast = model.forecast(MONDAY + (70 * 24 + hour) * HOUR_US).expect("known");
            let [p10, p50, p90] = forecast.quantiles_w;
            assert!(0.0 <= p10 && p10 <= p50 && p50 <= p90 && p90 <= 18_000.0, "{forecast:?}");
        }
    }

    #[test]
    fn too_little_is_said() {
        assert_eq!(model(0, None).expect_err("none"), TooLittle::Nothing);
        assert_eq!(
            model(10, None).expect_err("short"),
            TooLittle::Days(9),
            "from the first session's hour on"
        );
        assert_eq!(model(16, None).err(), None);
        let ended = Grid::of_load(&visits(MONDAY, 70), &[], Tz::UTC, MONDAY + 110 * 24 * HOUR_US);
        assert_eq!(LoadModel::learn(ended.expect("hours"), None).expect_err("stale"), TooLittle::Stale(42));
    }

    #[test]
    fn clocks_that_change_move_no_habit() {
        // Berlin at 08:00 is 07:00 UTC in winter and 06:00 in summer: 12 weeks to the end of May.
        let zone = Tz::Europe__Berlin;
        let summer_from = MONDAY + 83 * 24 * HOUR_US; // 2026-03-29
        let mut visits = visits(MONDAY - HOUR_US, 100);
        for visit in visits.iter_mut().filter(|visit| visit.from_us > summer_from) {
            visit.from_us -= HOUR_US;
            visit.until_us -= HOUR_US;
        }
        let grid = Grid::of_load(&visits, &gaps(&visits), zone, MONDAY + 100 * 24 * HOUR_US);
        let model = LoadModel::learn(grid.expect("hours"), None).expect("enough");
        let at = |hour: i64| model.forecast(MONDAY + (105 * 24 + hour) * HOUR_US).expect("known").quantiles_w;
        assert!(at(6)[1] > 15_000.0 && at(9)[1] > 15_000.0);
        assert_eq!((at(5)[1], at(10)[1]), (0.0, 0.0), "as in winter, by the clock on the wall");
    }
}
