//! The Cholesky factor of a covariance: distances and determinants without an inverse.

use serde::{Deserialize, Serialize};

/// Lower triangular L with L·Lᵀ = covariance + ridge.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Cholesky {
    columns: usize,
    /// Row by row, zeros above the diagonal.
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factorises a symmetric matrix of which the lower half is given. `ridge`, one value a column, is added to the
    /// diagonal; where rounding leaves less than that, that is taken.
    pub(super) fn of(mut matrix: Vec<f64>, ridge: &[f64]) -> Self {
        let columns = ridge.len();
        for i in 0..columns {
            for j in 0..=i {
                let inner: f64 = (0..j).map(|k| matrix[i * columns + k] * matrix[j * columns + k]).sum();
                let value = matrix[i * columns + j] - inner;
                matrix[i * columns + j] = if i == j {
                    (value + ridge[i]).max(ridge[i]).sqrt()
                } else {
                    value / matrix[j * columns + j]
                };
            }
            matrix[i * columns + i + 1..(i + 1) * columns].fill(0.0);
        }
        Self { columns, lower: matrix }
    }

    /// vᵀ · matrix⁻¹ · v
    pub(super) fn squared(&self, vector: &[f64]) -> f64 {
        self.forward(vector).iter().map(|v| v * v).sum()
    }

    /// matrix⁻¹ · v
    pub(super) fn solve(&self, vector: &[f64]) -> Vec<f64> {
        let mut solved = self.forward(vector);
        for i in (0..self.columns).rev() {
            let inner: f64 =
                (i + 1..self.columns).map(|k| self.lower[k * self.columns + i] * solved[k]).sum();
            solved[i] = (solved[i] - inner) / self.lower[i * self.columns + i];
        }
        solved
    }

    /// L⁻¹ · v
    fn forward(&self, vector: &[f64]) -> Vec<f64> {
        let mut solved: Vec<f64> = Vec::with_capacity(self.columns);
        for (i, value) in vector.iter().take(self.columns).enumerate() {
            let row = &self.lower[i * self.columns..=i * self.columns + i];
            let inner: f64 = row.iter().zip(&solved).map(|(l, s)| l * s).sum();
            solved.push((value - inner) / row[i]);
        }
        solved
    }

    /// The logarithm of the determinant of the matrix.
    pub(super) fn log_determinant(&self) -> f64 {
        (0..self.columns).map(|i| 2.0 * self.lower[i * self.columns + i].ln()).sum()
    }

    /// Multiplies the matrix.
    pub(super) fn scale(&mut self, factor: f64) {
        self.lower.iter_mut().for_each(|v| *v *= factor.sqrt());
    }

    /// Whether one that was read from a file has the right shape.
    pub(super) fn is_sound(&self, columns: usize) -> bool {
        self.columns == columns
            && self.lower.len() == columns * columns
            && self.lower.iter().all(|v| v.is_finite())
            && (0..columns).all(|i| self.lower[i * columns + i] > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_inverted() {
        // [[4, 2], [2, 3]] has the inverse [[3, -2], [-2, 4]] / 8.
        let mut factor = Cholesky::of(vec![4.0, 0.0, 2.0, 3.0], &[0.0, 0.0]);
        let solved = factor.solve(&[1.0, 1.0]);
        assert!((solved[0] - 0.125).abs() < 1e-12 && (solved[1] - 0.25).abs() < 1e-12, "{solved:?}");
        assert!((factor.squared(&[1.0, 1.0]) - 0.375).abs() < 1e-12);
        assert!((factor.log_determinant() - 8f64.ln()).abs() < 1e-12);
        factor.scale(4.0);
        assert!((factor.squared(&[1.0, 1.0]) - 0.375 / 4.0).abs() < 1e-12);
    }
}
