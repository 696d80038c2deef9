//! Empirical tail probabilities of each column: what ECOD and COPOD have in common.

use ndarray::{ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// The sorted values of one column, and to which side they are skewed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Column {
    sorted: Vec<f64>,
    skew: f64,
}

/// Each column's distribution.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Ecdf {
    columns: Vec<Column>,
}

/// How far out one value lies, in nats: −ln of the share of rows at least as far out.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Surprise {
    /// Towards the lower end.
    pub(super) left: f64,
    /// Towards the upper end.
    pub(super) right: f64,
    /// Towards the end of the longer tail; both together for a column without skew.
    pub(super) skewed: f64,
}

impl Ecdf {
    /// Learns from rows of finite values.
    pub(super) fn learn(rows: ArrayView2<'_, f64>) -> Self {
        let columns = rows
            .axis_iter(Axis(1))
            .map(|column| {
                let mut sorted = column.to_vec();
                sorted.sort_unstable_by(f64::total_cmp);
                Column { skew: skewness(&sorted), sorted }
            })
            .collect();
        Self { columns }
    }

    /// Each column's surprise. A value beyond all that were seen surprises as much as the outermost of them, and one
    /// that is not known does not surprise.
    pub(super) fn surprises(&self, row: &[f64]) -> impl Iterator<Item = Surprise> {
        self.columns.iter().zip(row).map(|(column, value)| column.surprise(*value))
    }
}

impl Column {
    fn surprise(&self, value: f64) -> Surprise {
        if self.sorted.is_empty() || !value.is_finite() {
            return Surprise::default();
        }
        let count = self.sorted.len();
        let at_most = self.sorted.partition_point(|v| *v <= value);
        let at_least = count - self.sorted.partition_point(|v| *v < value);
        let nats = |rows: usize| (count as f64 / rows.max(1) as f64).ln();
        let (left, right) = (nats(at_most), nats(at_least));
        let skewed = match self.skew {
            skew if skew < 0.0 => left,
            skew if skew > 0.0 => right,
            _ => left + right,
        };
        Surprise { left, right, skewed }
    }
}

/// The third standardised moment (its sign is what counts); 0 for a constant column.
fn skewness(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let moment = |power: i32| values.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / count;
    let variance = moment(2);
    // Rounding leaves a constant column with a variance that is tiny, not zero.
    if variance <= (f64::EPSILON * mean).powi(2) { 0.0 } else { moment(3) / variance.powf(1.5) }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn ties_count_together_on_both_sides() {
        let ecdf = Ecdf::learn(array![[1.0], [1.0], [2.0], [9.0]].view());
        let at = |value: f64| ecdf.surprises(&[value]).next().unwrap_or_default();
        assert_eq!(at(1.0), Surprise { left: 2f64.ln(), right: 0.0, skewed: 0.0 });
        assert_eq!(at(9.0), Surprise { left: 0.0, right: 4f64.ln(), skewed: 4f64.ln() });
        assert_eq!(at(99.0), at(9.0), "beyond what was seen");
        assert_eq!(at(f64::NAN), Surprise::default());
    }

    #[test]
    fn skews_have_signs() {
        assert!(skewness(&[0.0, 0.0, 0.0, 5.0]) > 0.0);
        assert!(skewness(&[0.0, 5.0, 5.0, 5.0]) < 0.0);
        assert_eq!(skewness(&[0.1; 7]), 0.0);
    }
}
