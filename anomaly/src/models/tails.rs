//! Tail probabilities: how far out each value lies in the distribution of its column (in the manner of ECOD, Li et
//! al. 2022), extended beyond the largest value that was seen, so that far out counts more than just outside.

use serde::{Deserialize, Serialize};

use crate::usual::quantile;

/// The grid of quantiles is this fine in the middle; the outer parts are kept finer.
const GRID: usize = 200;

/// Values that are less extreme than 1 in 10 on their side count nothing.
const USUAL: f64 = 0.1;

/// The largest surprise of one column, in nats: 1 in 10⁹. Beyond it all is equally impossible.
const SURPRISE_MAX: f64 = 20.0;

/// The distribution of one column.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Column {
    /// Probabilities of `values`, rising, 0 to 1.
    probabilities: Vec<f64>,
    /// Quantiles, rising.
    values: Vec<f64>,
    /// How many values it was drawn from.
    count: u32,
}

/// The distributions of all columns.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tails {
    columns: Vec<Column>,
}

impl Column {
    fn learn(mut values: Vec<f64>) -> Self {
        values.retain(|v| v.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        let mut probabilities: Vec<f64> = (0..=GRID).map(|i| i as f64 / GRID as f64).collect();
        for fine in 1..20 {
            // 10⁻⁰·²⁵ steps from 1 in 178 down to 1 in 5,600,000 on both sides.
            let p = 10f64.powf(-2.0 - f64::from(fine) / 4.0);
            if p * values.len() as f64 >= 1.0 {
                probabilities.extend([p, 1.0 - p]);
            }
        }
        probabilities.sort_unstable_by(f64::total_cmp);
        let values: Vec<f64> = if values.is_empty() {
            Vec::new()
        } else {
            let count = values.len();
            let grid = probabilities.iter().map(|p| quantile(&values, *p)).collect();
            return Self { probabilities, values: grid, count: u32::try_from(count).unwrap_or(u32::MAX) };
        };
        Self { probabilities: Vec::new(), values, count: 0 }
    }

    fn at(&self, p: f64) -> f64 {
        let above = self.probabilities.partition_point(|q| *q < p).min(self.values.len() - 1);
        self.values[above]
    }

    /// −ln of the probability of something at least as extreme, on the side on which the value lies, and whether
    /// that is the upper side.
    fn surprise(&self, value: f64) -> (f64, bool) {
        if self.count == 0 || !value.is_finite() {
            return (0.0, true);
        }
        let (lowest, highest) = (self.values[0], self.values[self.values.len() - 1]);
        let least = 1.0 / (f64::from(self.count) + 1.0);
        if value > highest || value < lowest {
            // Beyond what was seen: an exponential tail with the slope of the outer tenth, with a floor for columns
            // that hardly vary.
            let upper = value > highest;
            let (edge, inner, outer) = if upper {
                (value - highest, self.at(0.9), self.at(0.99))
            } else {
                (lowest - value, self.at(0.1), self.at(0.01))
            };
            let span = (highest - lowest).abs();
            let slope = ((outer - inner).abs() / 10f64.ln()).max(span / 20.0).max(1e-6);
            return ((-least.ln() + edge / slope).min(SURPRISE_MAX), upper);
        }
        // Ties: the probability of "at most" and of "at least" this value.
        let first = self.values.partition_point(|v| *v < value);
        let last = self.values.partition_point(|v| *v <= value);
        let p_below = self.interpolate(value, first);
        let at_most = if last > first { self.probabilities[last - 1] } else { p_below };
        let at_least = 1.0 - if last > first { self.probabilities[first] } else { p_below };
        if at_most < at_least { (-at_most.max(least).ln(), false) } else { (-at_least.max(least).ln(), true) }
    }

    /// The probability of a value that lies between two of the grid, `above` being the upper one.
    fn interpolate(&self, value: f64, above: usize) -> f64 {
        let above = above.min(self.values.len() - 1);
        if above == 0 {
            return self.probabilities[0];
        }
        let (low, high) = (self.values[above - 1], self.values[above]);
        let part = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 1.0 };
        let (p_low, p_high) = (self.probabilities[above - 1], self.probabilities[above]);
        p_low + (p_high - p_low) * part
    }
}

impl Tails {
    /// Learns the distribution of each column; values that are not finite are left out.
    #[must_use]
    pub fn learn(rows: &[f64], columns: usize) -> Self {
        Self {
            columns: (0..columns)
                .map(|column| Column::learn(rows.iter().skip(column).step_by(columns).copied().collect()))
                .collect(),
        }
    }

    /// How far out the value of one column is, in nats above what is usual (0 for the middle 80 %), and whether it
    /// lies on the upper side.
    #[must_use]
    pub fn excess(&self, column: usize, value: f64) -> (f64, bool) {
        let (surprise, upper) = self.columns[column].surprise(value);
        ((surprise + USUAL.ln()).max(0.0), upper)
    }

    /// The middle 80 % of a column.
    #[must_use]
    pub fn usual_range(&self, column: usize) -> Option<(f64, f64)> {
        let column = &self.columns[column];
        (column.count > 0).then(|| (column.at(USUAL), column.at(1.0 - USUAL)))
    }

    /// The median of a column; NaN for an empty one.
    #[must_use]
    pub fn median(&self, column: usize) -> f64 {
        let column = &self.columns[column];
        if column.count == 0 { f64::NAN } else { column.at(0.5) }
    }

    /// Whether a file that was read has the right shape.
    #[must_use]
    pub fn is_sound(&self, columns: usize) -> bool {
        self.columns.len() == columns
            && self
                .columns
                .iter()
                .all(|c| c.probabilities.len() == c.values.len() && (c.count > 0) != c.values.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn farther_out_counts_more() {
        let rows: Vec<f64> = (0..=1000).map(f64::from).collect();
        let tails = Tails::learn(&rows, 1);
        assert_eq!(tails.excess(0, 500.0).0, 0.0);
        assert_eq!(tails.usual_range(0), Some((100.0, 900.0)));
        let steps: Vec<f64> = [950.0, 995.0, 1000.0, 1100.0, 2000.0].map(|v| tails.excess(0, v).0).into();
        assert!(steps.windows(2).all(|w| w[0] < w[1]), "{steps:?}");
        let (low, upper) = tails.excess(0, 5.0);
        assert!(low > 2.0 && !upper, "{low}");
        assert_eq!(tails.excess(0, f64::NAN).0, 0.0, "not known is not odd");
    }

    #[test]
    fn a_value_that_most_have_is_usual() {
        let mut rows = vec![0.0; 900];
        rows.extend((0..100).map(|v| f64::from(v) + 1.0));
        let tails = Tails::learn(&rows, 1);
        assert_eq!(tails.excess(0, 0.0).0, 0.0);
        assert!(tails.excess(0, 100.0).0 > 3.0);
    }
}
