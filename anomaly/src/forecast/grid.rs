//! Hours of the past on a grid of local days: day by hour of the day. A day on which clocks change has an hour that
//! is missing, or one that is the mean of two.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

/// Hours of a day.
pub(super) const DAY: usize = 24;
const HOUR_US: i64 = 3_600_000_000;
/// A hole in the whole fleet's sessions is a gap in the data if so many sessions were to be expected in it …
const EXPECTED_MIN: f64 = 20.0;
/// … and it is at least so long: holidays are quiet, but not for two days. In hours.
const GAP_MIN_H: i64 = 48;

/// A vehicle's visit: what load and occupancy are made of. Times in µs since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// When it came.
    pub from_us: i64,
    /// When it left, or until when it is known to be there.
    pub until_us: i64,
    /// How long energy flowed, from the beginning on, s.
    pub charging_s: f64,
    /// How much, Wh.
    pub energy_wh: f64,
}

/// A stretch of time, µs since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From then on.
    pub from_us: i64,
    /// Until before then.
    pub until_us: i64,
}

/// Values of hours. NaN: not known.
#[derive(Clone, Debug)]
pub struct Grid {
    zone: Tz,
    /// The first day's number in the common era.
    first_day: i32,
    values: Vec<f64>,
    /// Sum and number of the known values before each slot.
    before: Vec<(f64, u32)>,
}

/// Stretches in which the whole fleet had no session although many were to be expected: the data is missing, not the
/// load. `visits` in the order of their beginnings.
#[must_use]
pub fn gaps(visits: &[Visit]) -> Vec<Span> {
    let (Some(first), Some(last)) = (visits.first(), visits.last()) else { return Vec::new() };
    let hours = (last.from_us - first.from_us) as f64 / HOUR_US as f64;
    let per_hour = visits.len() as f64 / hours.max(1.0);
    let mut busy_until = first.from_us;
    let mut found = Vec::new();
    for visit in visits {
        let hole = visit.from_us - busy_until;
        if hole >= GAP_MIN_H * HOUR_US && per_hour * hole as f64 / HOUR_US as f64 >= EXPECTED_MIN {
            found.push(Span { from_us: busy_until, until_us: visit.from_us });
        }
        busy_until = busy_until.max(visit.until_us);
    }
    found
}

impl Grid {
    /// The mean power of each hour, W, until `now_us`; hours within `gaps` are not known. `None` without a visit.
    #[must_use]
    pub fn of_load(visits: &[Visit], gaps: &[Span], zone: Tz, now_us: i64) -> Option<Self> {
        let hours = Hours::new(visits, now_us)?;
        let mut power = vec![0.0; hours.count];
        for visit in visits {
            // A visit that charges no measurable time still gave its energy.
            let length_us = (visit.charging_s * 1e6).max(1e6);
            hours.spread(visit.from_us, visit.from_us + length_us as i64, |hour, share_us| {
                power[hour] += visit.energy_wh * share_us / length_us;
            });
        }
        Some(Self::of_hours(&power, &hours, gaps, zone))
    }

    /// The share of each hour in which fewer than `connectors` vehicles were there. `None` without a visit.
    #[must_use]
    pub fn of_free_share(
        visits: &[Visit],
        connectors: u32,
        gaps: &[Span],
        zone: Tz,
        now_us: i64,
    ) -> Option<Self> {
        let hours = Hours::new(visits, now_us)?;
        let mut changes: Vec<(i64, i64)> =
            visits.iter().flat_map(|v| [(v.from_us, 1), (v.until_us.min(now_us), -1)]).collect();
        changes.sort_unstable();
        let mut free = vec![1.0; hours.count];
        let (mut there, mut full_since) = (0_i64, None);
        for (at, change) in changes {
            there += change;
            match full_since {
                None if there >= i64::from(connectors) => full_since = Some(at),
                Some(since) if there < i64::from(connectors) => {
                    hours.spread(since, at, |hour, share_us| free[hour] -= share_us / HOUR_US as f64);
                    full_since = None;
                }
                _ => {}
            }
        }
        free.iter_mut().for_each(|share| *share = share.clamp(0.0, 1.0));
        Some(Self::of_hours(&free, &hours, gaps, zone))
    }

    fn of_hours(by_hour: &[f64], hours: &Hours, gaps: &[Span], zone: Tz) -> Self {
        let first_day = local(hours.first_us, zone).0;
        let mut sums = vec![(0.0, 0_u8); 0];
        for (at, value) in by_hour.iter().enumerate() {
            let from_us = hours.first_us + at as i64 * HOUR_US;
            if gaps.iter().any(|gap| gap.from_us < from_us + HOUR_US && from_us < gap.until_us) {
                continue;
            }
            let (day, hour) = local(from_us, zone);
            let slot = usize::try_from(day - first_day).unwrap_or(0) * DAY + hour;
            if sums.len() <= slot {
                sums.resize(slot + 1, (0.0, 0));
            }
            sums[slot].0 += value;
            sums[slot].1 += 1;
        }
        let values: Vec<f64> =
            sums.iter().map(|(sum, n)| if *n == 0 { f64::NAN } else { sum / f64::from(*n) }).collect();
        Self::new(zone, first_day, values)
    }

    fn new(zone: Tz, first_day: i32, values: Vec<f64>) -> Self {
        let mut before = Vec::with_capacity(values.len() + 1);
        let mut total = (0.0, 0);
        before.push(total);
        for value in &values {
            if value.is_finite() {
                total = (total.0 + value, total.1 + 1);
            }
            before.push(total);
        }
        Self { zone, first_day, values, before }
    }

    /// The time zone of its days.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The values, day by hour from the first day's midnight on.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The place of the hour that begins at a time. Before the grid: its first.
    #[must_use]
    pub fn slot(&self, at_us: i64) -> usize {
        let (day, hour) = local(at_us, self.zone);
        usize::try_from(day - self.first_day).map_or(0, |day| day * DAY + hour)
    }

    /// The value of the hour that begins at a time, µs since 1970, if it is known.
    #[must_use]
    pub fn value(&self, at_us: i64) -> Option<f64> {
        let (day, hour) = local(at_us, self.zone);
        let slot = usize::try_from(day - self.first_day).ok()? * DAY + hour;
        self.values.get(slot).copied().filter(|value| value.is_finite())
    }

    /// The weekday of a day of the grid, 0 is Monday.
    #[must_use]
    pub fn weekday(&self, day: usize) -> usize {
        // The first day of the common era is a Monday.
        (usize::try_from(self.first_day - 1).unwrap_or(0) + day) % 7
    }

    /// The mean of the known values in a stretch of slots; `None` if none is known.
    #[must_use]
    pub fn mean(&self, from: usize, until: usize) -> Option<f64> {
        let until = until.min(self.values.len());
        let (a, b) = (self.before[from.min(until)], self.before[until]);
        (b.1 > a.1).then(|| (b.0 - a.0) / f64::from(b.1 - a.1))
    }

    /// How many whole days are known before a slot.
    #[must_use]
    pub fn days_known(&self, until: usize) -> usize {
        self.before[until.min(self.values.len())].1 as usize / DAY
    }

    /// Its end: the first slot that is not over yet.
    #[must_use]
    pub fn end(&self) -> usize {
        self.values.len()
    }

    /// As if it ended before a slot.
    #[must_use]
    pub fn until(&self, end: usize) -> Self {
        let end = end.min(self.values.len());
        Self {
            zone: self.zone,
            first_day: self.first_day,
            values: self.values[..end].to_vec(),
            before: self.before[..=end].to_vec(),
        }
    }
}

/// The local day's number and the hour of the day.
fn local(at_us: i64, zone: Tz) -> (i32, usize) {
    let utc: DateTime<Utc> = DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    let local = utc.with_timezone(&zone);
    (local.num_days_from_ce(), local.hour() as usize)
}

/// The hours from the first visit's on, as far as they are over.
struct Hours {
    first_us: i64,
    count: usize,
}

impl Hours {
    fn new(visits: &[Visit], now_us: i64) -> Option<Self> {
        let first = visits.iter().map(|visit| visit.from_us).min()?;
        let first_us = first.div_euclid(HOUR_US) * HOUR_US;
        let count = usize::try_from((now_us - first_us).div_euclid(HOUR_US)).ok().filter(|n| *n > 0)?;
        Some(Self { first_us, count })
    }

    /// Gives each hour that a stretch touches, and how much of it, µs.
    fn spread(&self, from_us: i64, until_us: i64, mut give: impl FnMut(usize, f64)) {
        let end_us = self.first_us + self.count as i64 * HOUR_US;
        let mut at = from_us.max(self.first_us);
        let until_us = until_us.min(end_us);
        while at < until_us {
            let hour = (at - self.first_us).div_euclid(HOUR_US);
            let next = (self.first_us + (hour + 1) * HOUR_US).min(until_us);
            give(usize::try_from(hour).unwrap_or(0), (next - at) as f64);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-27 00:00 UTC, the Friday before Berlin's clocks go forward.
    const FRIDAY: i64 = 1_774_569_600_000_000;

    fn visit(hour: i64, length_h: f64, energy_wh: f64) -> Visit {
        let from_us = FRIDAY + hour * HOUR_US;
        let until_us = from_us + (length_h * 3.6e9) as i64;
        Visit { from_us, until_us, charging_s: length_h * 3600.0, energy_wh }
    }

    #[test]
    fn energy_becomes_mean_power_by_hour() {
        let visits = [visit(1, 1.5, 15_000.0), visit(2, 1.0, 2000.0)];
        let grid = Grid::of_load(&visits, &[], Tz::UTC, FRIDAY + 4 * HOUR_US + 5).expect("hours");
        assert_eq!(grid.values()[1..], [10_000.0, 7000.0, 0.0], "the fifth hour is not over");
        assert!(grid.values()[0].is_nan(), "before the first visit nothing is known");
        assert_eq!(grid.weekday(0), 4, "Friday");
        assert!(Grid::of_load(&[], &[], Tz::UTC, FRIDAY).is_none());
    }

    #[test]
    fn the_day_that_clocks_go_forward_misses_an_hour() {
        let visits = [visit(0, 24.0 * 4.0, 96_000.0)];
        let now = FRIDAY + 96 * HOUR_US;
        let grid = Grid::of_load(&visits, &[], Tz::Europe__Berlin, now).expect("hours");
        let unknown: Vec<usize> = (1..grid.end()).filter(|at| grid.values()[*at].is_nan()).collect();
        assert_eq!(unknown, [2 * DAY + 2], "Sunday, 02:00");
        assert_eq!(grid.slot(FRIDAY + 60 * HOUR_US), 2 * DAY + 14, "summer time");
        let autumn = 1_792_800_000_000_000; // 2026-10-24 00:00 UTC, the Saturday before they go back
        let visits = [Visit { from_us: autumn, until_us: autumn + 48 * HOUR_US, ..visits[0] }];
        let visits = [Visit { charging_s: 48.0 * 3600.0, energy_wh: 48_000.0, ..visits[0] }];
        let grid = Grid::of_load(&visits, &[], Tz::Europe__Berlin, autumn + 48 * HOUR_US).expect("hours");
        assert_eq!(grid.values()[DAY + 2], 1000.0, "the mean of the two hours that are called 02:00");
    }

    #[test]
    fn free_is_what_is_not_full() {
        let visits = [visit(0, 2.5, 1.0), visit(1, 1.0, 1.0)];
        let now = FRIDAY + 4 * HOUR_US;
        let one = Grid::of_free_share(&visits, 1, &[], Tz::UTC, now).expect("hours");
        assert_eq!(one.values(), [0.0, 0.0, 0.5, 1.0]);
        let two = Grid::of_free_share(&visits, 2, &[], Tz::UTC, now).expect("hours");
        assert_eq!(two.values(), [1.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_hole_in_a_busy_fleet_is_a_gap_and_in_a_quiet_one_is_not() {
        let busy: Vec<Visit> =
            (0..400).filter(|h| !(100..160).contains(h)).map(|h| visit(h, 1.0, 1.0)).collect();
        let found = gaps(&busy);
        let hole = Span { from_us: FRIDAY + 100 * HOUR_US, until_us: FRIDAY + 160 * HOUR_US };
        assert_eq!(found, [hole]);
        let grid = Grid::of_load(&busy, &found, Tz::UTC, FRIDAY + 400 * HOUR_US).expect("hours");
        assert_eq!(grid.values().iter().filter(|value| value.is_nan()).count(), 60);
        let quiet: Vec<Visit> = (0..6).map(|n| visit(n * 70, 1.0, 1.0)).collect();
        assert_eq!(gaps(&quiet), []);
    }
}
