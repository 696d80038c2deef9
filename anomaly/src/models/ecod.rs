//! ECOD: Li, Zhao, Hu, Botta, Ionescu, Chen: "ECOD: Unsupervised Outlier Detection Using Empirical Cumulative
//! Distribution Functions", IEEE TKDE 2022 (arXiv 2201.00382). Each column counts with the largest of its left, right
//! and skewness-corrected tails, as in the authors' own code (PyOD).

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::ecdf::Ecdf;

/// The learnt distributions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ecod(Ecdf);

impl Ecod {
    /// Learns from rows of finite values.
    #[must_use]
    pub fn learn(rows: ArrayView2<'_, f64>) -> Self {
        Self(Ecdf::learn(rows))
    }

    /// How far out a row lies, in nats: 0 or more. A value that is not known (NaN) adds nothing.
    #[must_use]
    pub fn score(&self, row: &[f64]) -> f64 {
        self.0.surprises(row).map(|s| s.left.max(s.right).max(s.skewed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn scores_are_those_of_the_formula() {
        let rows = array![[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [10.0, 7.0]];
        let ecod = Ecod::learn(rows.view());
        // Both columns are skewed to the right: 1 in 4 at least as large, twice.
        assert!((ecod.score(&[10.0, 7.0]) - 2.0 * 4f64.ln()).abs() < 1e-12);
        // The left end of the first column still counts; the second is what most have.
        assert!((ecod.score(&[1.0, 0.0]) - (4f64.ln() + (4f64 / 3.0).ln())).abs() < 1e-12);
    }
}
