//! COPOD: Li, Zhao, Botta, Ionescu, Hu: "COPOD: Copula-Based Outlier Detection", ICDM 2020 (arXiv 2009.09463). Each
//! column counts with the larger of its skewness-corrected tail and the mean of both, as in the authors' own code
//! (PyOD).

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::ecdf::Ecdf;

/// The learnt distributions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Copod(Ecdf);

impl Copod {
    /// Learns from rows of finite values.
    #[must_use]
    pub fn learn(rows: ArrayView2<'_, f64>) -> Self {
        Self(Ecdf::learn(rows))
    }

    /// How far out a row lies, in nats: 0 or more. A value that is not known (NaN) adds nothing.
    #[must_use]
    pub fn score(&self, row: &[f64]) -> f64 {
        self.0.surprises(row).map(|s| s.skewed.max(0.5 * (s.left + s.right))).sum()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn scores_are_those_of_the_formula() {
        let rows = array![[1.0], [2.0], [3.0], [10.0]];
        let copod = Copod::learn(rows.view());
        assert!((copod.score(&[10.0]) - 4f64.ln()).abs() < 1e-12, "the long tail");
        assert!((copod.score(&[1.0]) - 0.5 * 4f64.ln()).abs() < 1e-12, "the short one counts half");
    }
}
