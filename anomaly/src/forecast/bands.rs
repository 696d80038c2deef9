//! How wide a band must be: so wide that of the hours of the last weeks, forecast again from before, one in ten would
//! have lain below and one in ten above. By time of day, and for tomorrow and the seventh day; between them the width
//! changes evenly.

use super::DAYS_MIN;
use super::grid::{DAY, Grid};
use super::load::raw;

/// Hours of a day that share a factor.
const BLOCK_H: usize = 3;
const BLOCKS: usize = DAY / BLOCK_H;
/// Days that are forecast again.
const DAYS: usize = 28;
/// The horizons that are measured, days ahead.
const AHEAD: [usize; 2] = [1, 7];
/// What may lie below a band of 80 %, and above it. Where many hours have no load nothing lies below: then a little
/// more may lie above.
const BELOW: f64 = 0.1;
const ABOVE: f64 = 0.125;
const OUTSIDE: f64 = 0.2;
/// With fewer hours nothing is concluded.
const HOURS_MIN: usize = 30;
/// The factors that are tried: from, to before, by.
const FACTORS: (f64, f64, f64) = (0.25, 2.5, 0.05);
/// Numbers that are closer to an end than that are not beyond it, W.
const SLACK_W: f64 = 1e-9;

/// Factors on the distances of the lower and the upper end from the middle.
type Factors = [f64; 2];

/// By horizon and time of day.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bands([[Factors; BLOCKS]; AHEAD.len()]);

/// A forecast hour of the past and what came: p10, p50, p90, value.
type Tried = ([f64; 3], f64);

impl Bands {
    /// Measures the last weeks of a grid.
    pub(super) fn learn(grid: &Grid) -> Self {
        let days = grid.end() / DAY;
        Self(AHEAD.map(|ahead| {
            let mut tried: [Vec<Tried>; BLOCKS] = Default::default();
            for day in days.saturating_sub(DAYS)..days {
                let Some(now) = (day + 1).checked_sub(ahead).map(|day| day * DAY) else { continue };
                if grid.days_known(now) < DAYS_MIN {
                    continue;
                }
                for hour in 0..DAY {
                    let slot = day * DAY + hour;
                    let came = grid.values()[slot];
                    if let Some(forecast) = raw(grid, slot, now).filter(|_| came.is_finite()) {
                        tried[hour / BLOCK_H].push((forecast.quantiles_w, came));
                    }
                }
            }
            tried.map(|tried| factors(&tried))
        }))
    }

    /// The factors for an hour of the day, so many days ahead (a part of a day counts).
    pub(super) fn factors(&self, hour: usize, days_ahead: f64) -> Factors {
        let [near, far] = &self.0;
        let block = hour % DAY / BLOCK_H;
        let share = ((days_ahead - AHEAD[0] as f64) / (AHEAD[1] - AHEAD[0]) as f64).clamp(0.0, 1.0);
        std::array::from_fn(|end| near[block][end] + (far[block][end] - near[block][end]) * share)
    }
}

/// Widens or narrows a band.
pub(super) fn widen([p10, p50, p90]: [f64; 3], [low, high]: Factors) -> [f64; 3] {
    [p50 - low * (p50 - p10), p50, p50 + high * (p90 - p50)]
}

/// The smallest factors that leave little enough outside.
fn factors(tried: &[Tried]) -> Factors {
    if tried.len() < HOURS_MIN {
        return [1.0; 2];
    }
    let share = |is: &dyn Fn([f64; 3], f64) -> bool, factor: f64| {
        let count = tried.iter().filter(|(band, came)| is(widen(*band, [factor; 2]), *came)).count();
        count as f64 / tried.len() as f64
    };
    let below = |factor| share(&|[low, ..], came| came < low - SLACK_W, factor);
    let above = |factor| share(&|[.., high], came| came > high + SLACK_W, factor);
    let low = smallest(|factor| below(factor) <= BELOW);
    let may = ABOVE.min(OUTSIDE - below(low));
    [low, smallest(|factor| above(factor) <= may)]
}

fn smallest(is_enough: impl Fn(f64) -> bool) -> f64 {
    let (mut factor, most, step) = FACTORS;
    while factor < most && !is_enough(factor) {
        factor += step;
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_gets_as_wide_as_it_was_wrong() {
        let came = |spread: f64| -> Vec<Tried> {
            (0..100).map(|n| ([90.0, 100.0, 110.0], 100.0 + spread * (f64::from(n) - 49.5) / 50.0)).collect()
        };
        for (spread, factor) in [(10.0, 0.8), (20.0, 1.6)] {
            for end in factors(&came(spread)) {
                assert!((factor - 0.06..=factor + 0.06).contains(&end), "{end} instead of {factor}");
            }
        }
        assert_eq!(factors(&came(10.0)[..20]), [1.0; 2], "too few");
    }

    #[test]
    fn hours_without_load_do_not_take_the_upper_end_away() {
        let tried: Vec<Tried> =
            (0..100).map(|n| ([0.0, 0.0, 100.0], if n < 85 { 0.0 } else { 90.0 })).collect();
        assert!(factors(&tried)[1] >= 0.9);
    }
}
