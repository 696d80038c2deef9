//! Which hours of the past tell of one to come, and how much each counts.

use super::grid::{DAY, Grid};

/// What is older is not asked: it would count less than a tenth. In days.
const BACK_DAYS: usize = 26 * 7;
/// After so many days an hour counts half.
const HALF_LIFE_DAYS: f64 = 56.0;
/// What another day of the same kind (working day or weekend) counts beside the same weekday.
const SAME_KIND: f64 = 0.3;
/// What the hours before and after count beside the same.
const BESIDE: f64 = 0.3;
/// The level is that of the last week: all weekdays once.
const LEVEL_HOURS: usize = 7 * DAY;
/// How far levels may scale an hour.
const SCALE: (f64, f64) = (0.5, 2.0);

/// An hour of the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Alike {
    pub(super) value: f64,
    pub(super) weight: f64,
}

/// The hours alike to `slot` among those that are known before `now` (a slot as well). With `scaled` they are brought
/// to the present level.
pub(super) fn alike(grid: &Grid, slot: usize, now: usize, scaled: bool) -> Vec<Alike> {
    let (day, hour) = (slot / DAY, slot % DAY);
    let (weekday, today) = (grid.weekday(day), now / DAY);
    let level = level(grid, now);
    let mut found = Vec::with_capacity(BACK_DAYS * 2);
    for past in today.saturating_sub(BACK_DAYS)..=today {
        let same = grid.weekday(past) == weekday;
        if !same && (grid.weekday(past) >= 5) != (weekday >= 5) {
            continue;
        }
        let age = today.saturating_sub(past) as f64;
        let weight = if same { 1.0 } else { SAME_KIND } * (-age / HALF_LIFE_DAYS).exp2();
        let scale = if scaled { scale(level, self::level(grid, past * DAY)) } else { 1.0 };
        for (at, weight) in [
            (Some(hour), weight),
            (hour.checked_sub(1), weight * BESIDE),
            (Some(hour + 1).filter(|next| *next < DAY), weight * BESIDE),
        ] {
            let Some(at) = at.map(|hour| past * DAY + hour).filter(|at| *at < now) else { continue };
            if let Some(value) = grid.values().get(at).filter(|value| value.is_finite()) {
                found.push(Alike { value: value * scale, weight });
            }
        }
    }
    found
}

fn level(grid: &Grid, before: usize) -> Option<f64> {
    grid.mean(before.saturating_sub(LEVEL_HOURS), before)
}

/// Half of the difference in level, in logarithms: the whole would follow every odd week.
fn scale(now: Option<f64>, then: Option<f64>) -> f64 {
    match (now, then) {
        (Some(now), Some(then)) if now > 0.0 => (now / then.max(0.1 * now)).sqrt().clamp(SCALE.0, SCALE.1),
        (Some(_), Some(then)) if then > 0.0 => SCALE.0,
        _ => 1.0,
    }
}

/// The weighted mean; NaN of nothing.
pub(super) fn mean(hours: &[Alike]) -> f64 {
    let weight: f64 = hours.iter().map(|hour| hour.weight).sum();
    hours.iter().map(|hour| hour.value * hour.weight).sum::<f64>() / weight
}

/// Weighted quantiles, between the middles of the hours' weights. NaN of nothing.
pub(super) fn quantiles<const N: usize>(hours: &mut [Alike], shares: [f64; N]) -> [f64; N] {
    hours.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
    let all: f64 = hours.iter().map(|hour| hour.weight).sum();
    shares.map(|share| {
        let wanted = share * all;
        let (mut below, mut before): (f64, Option<(f64, f64)>) = (0.0, None);
        for hour in &*hours {
            let middle = below + 0.5 * hour.weight;
            if middle >= wanted {
                return before.map_or(hour.value, |(at, value)| {
                    value + (hour.value - value) * (wanted - at) / (middle - at).max(f64::MIN_POSITIVE)
                });
            }
            before = Some((middle, hour.value));
            below += hour.weight;
        }
        before.map_or(f64::NAN, |(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_follow_the_weights() {
        let of = |values: &[(f64, f64)]| {
            let mut hours: Vec<Alike> =
                values.iter().map(|(value, weight)| Alike { value: *value, weight: *weight }).collect();
            quantiles(&mut hours, [0.1, 0.5, 0.9])
        };
        assert_eq!(of(&[(3.0, 1.0)]), [3.0; 3]);
        assert_eq!(of(&[(2.0, 1.0), (1.0, 1.0), (3.0, 1.0)])[1], 2.0);
        assert_eq!(of(&[(0.0, 8.0), (10.0, 1.0), (20.0, 1.0)])[..2], [0.0, 10.0 / 4.5]);
        assert!(of(&[])[0].is_nan());
    }

    #[test]
    fn levels_scale_by_half_and_within_bounds() {
        assert_eq!(scale(Some(400.0), Some(100.0)), 2.0);
        assert_eq!(scale(Some(225.0), Some(100.0)), 1.5);
        assert_eq!(scale(Some(100.0), Some(0.0)), 2.0);
        assert_eq!(scale(Some(0.0), Some(100.0)), 0.5);
        assert_eq!(scale(None, Some(100.0)), 1.0);
    }
}
