//! The chance that a connector is free at an hour to come, from when all were taken before.

use super::TooLittle;
use super::alike::{alike, mean};
use super::grid::{DAY, Grid};
use super::load::enough;

/// What is usual at the hour of the day, and on the whole, counts as so many alike weeks: with little history a single
/// full hour is no habit.
const WIDER_WEEKS: f64 = 2.0;

/// A chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// That at least one connector is free, 0 to 1.
    pub free_ratio: f64,
    /// How many weeks it rests on, the older ones counting less.
    pub weeks: f64,
}

/// When the connectors of one place were taken, ready to be continued.
#[derive(Clone, Debug)]
pub struct Availability {
    grid: Grid,
    by_hour: [f64; DAY],
}

impl Availability {
    /// Learns from the shares of hours in which a connector was free.
    ///
    /// # Errors
    /// If the history is too short.
    pub fn learn(grid: Grid) -> Result<Self, TooLittle> {
        enough(&grid)?;
        let all = grid.mean(0, grid.end()).unwrap_or(1.0);
        let mut by_hour = [(0.0, 0.0); DAY];
        for (slot, value) in grid.values().iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let (sum, count) = &mut by_hour[slot % DAY];
            *sum += value;
            *count += 1.0;
        }
        let by_hour = by_hour.map(|(sum, count)| (sum + WIDER_WEEKS * all) / (count + WIDER_WEEKS));
        Ok(Self { grid, by_hour })
    }

    /// The chance in the hour that begins at a time, µs since 1970.
    #[must_use]
    pub fn chance(&self, at_us: i64) -> Chance {
        self.chance_of_slot(self.grid.slot(at_us))
    }

    /// The chance in a slot of the grid.
    #[must_use]
    pub fn chance_of_slot(&self, slot: usize) -> Chance {
        let hours = alike(&self.grid, slot, self.grid.end(), false);
        let weeks: f64 = hours.iter().map(|hour| hour.weight).sum();
        let wider = self.by_hour[slot % DAY];
        let own = if hours.is_empty() { wider } else { mean(&hours) };
        Chance { free_ratio: (own * weeks + wider * WIDER_WEEKS) / (weeks + WIDER_WEEKS), weeks }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::super::Visit;
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;
    /// Monday, 2026-01-05 00:00 UTC.
    const MONDAY: i64 = 1_767_571_200_000_000;

    fn learnt(days: i64, hours: std::ops::Range<i64>) -> Result<Availability, TooLittle> {
        let visit = |day: i64| Visit {
            from_us: MONDAY + (day * 24 + hours.start) * HOUR_US,
            until_us: MONDAY + (day * 24 + hours.end) * HOUR_US,
            charging_s: 3600.0,
            energy_wh: 1000.0,
        };
        let visits: Vec<Visit> = (0..days).map(visit).collect();
        let grid = Grid::of_free_share(&visits, 1, &[], Tz::UTC, MONDAY + days * 24 * HOUR_US);
        Availability::learn(grid.expect("hours"))
    }

    #[test]
    fn habits_and_how_sure_they_are() {
        let long = learnt(100, 9..17).expect("enough");
        let at = |learnt: &Availability, hour: i64| learnt.chance(MONDAY + (100 * 24 + hour) * HOUR_US);
        assert!(at(&long, 12).free_ratio < 0.1 && at(&long, 3).free_ratio > 0.95);
        let short = learnt(16, 9..17).expect("enough");
        assert!(at(&short, 12).weeks < at(&long, 12).weeks);
        assert!(at(&short, 12).free_ratio > at(&long, 12).free_ratio, "drawn to what is usual");
        assert_eq!(learnt(5, 9..17).expect_err("short"), TooLittle::Days(4));
    }
}
