//! Distance to the k-th nearest row of a reference set (Ramaswamy, Rastogi, Shim: "Efficient Algorithms for Mining
//! Outliers from Large Data Sets", SIGMOD 2000): finds what lies apart from all that was seen, in any direction.

use ndarray::{Array2, ArrayView2, Axis};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The reference rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Neighbours {
    columns: usize,
    k: usize,
    /// One row after another.
    reference: Vec<f64>,
}

impl Neighbours {
    /// Keeps at most `most` of the rows, drawn by chance; distances are to the `k`-th nearest of them. Rows are finite,
    /// and their columns on comparable scales.
    #[must_use]
    pub fn keep(rows: ArrayView2<'_, f64>, k: usize, most: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let kept: Array2<f64> = if rows.nrows() <= most {
            rows.to_owned()
        } else {
            let mut chosen = index::sample(&mut random, rows.nrows(), most).into_vec();
            chosen.sort_unstable();
            rows.select(Axis(0), &chosen)
        };
        Self { columns: rows.ncols(), k: k.max(1), reference: kept.iter().copied().collect() }
    }

    /// Euclidean distance to the k-th nearest reference row; of a row that is itself among them it is left out once if
    /// `own` says so. 0 without a reference.
    #[must_use]
    pub fn distance(&self, row: &[f64], own: bool) -> f64 {
        self.nearest(row, own).last().map_or(0.0, |(squared, _)| squared.sqrt())
    }

    /// The k nearest reference rows, the nearest first: squared distance and number.
    fn nearest(&self, row: &[f64], own: bool) -> Vec<(f64, usize)> {
        let mut nearest: Vec<(f64, usize)> = Vec::with_capacity(self.k + 1);
        let mut own = own;
        for (at, other) in self.reference.chunks_exact(self.columns.max(1)).enumerate() {
            let limit = if nearest.len() < self.k { f64::INFINITY } else { nearest[self.k - 1].0 };
            let squared: f64 = row.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
            if own && squared == 0.0 {
                own = false;
                continue;
            }
            if squared < limit {
                let place = nearest.partition_point(|(s, _)| *s <= squared);
                nearest.insert(place, (squared, at));
                nearest.truncate(self.k);
            }
        }
        nearest
    }

    /// Adds to `credit`, one value a column, how much of the squared distance lies along it; gives the distance.
    pub fn explain(&self, row: &[f64], credit: &mut [f64]) -> f64 {
        let nearest = self.nearest(row, false);
        let Some((squared, _)) = nearest.last() else { return 0.0 };
        // The differences to all k: the k-th alone may differ by chance where the others do not.
        for (_, at) in &nearest {
            let other = &self.reference[at * self.columns..][..self.columns];
            for (credit, (a, b)) in credit.iter_mut().zip(row.iter().zip(other)) {
                *credit += (a - b) * (a - b) / nearest.len() as f64;
            }
        }
        squared.sqrt()
    }

    /// Whether a file that was read has the right shape.
    #[must_use]
    pub fn is_sound(&self, columns: usize) -> bool {
        self.columns == columns
            && self.k > 0
            && columns > 0
            && self.reference.len().is_multiple_of(columns)
            && self.reference.iter().all(|v| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn distances_are_to_the_kth_and_not_to_itself() {
        let rows = array![[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [3.0, 4.0]];
        let neighbours = Neighbours::keep(rows.view(), 2, 100, 1);
        assert!((neighbours.distance(&[0.0, 0.0], true) - 3.0).abs() < 1e-12);
        assert!((neighbours.distance(&[0.0, 0.0], false) - 1.0).abs() < 1e-12);
        let mut credit = [0.0; 2];
        let distance = neighbours.explain(&[3.0, 50.0], &mut credit);
        assert!((distance - 50.0).abs() < 1e-12, "{distance}");
        assert!(credit[1] > 100.0 * credit[0], "{credit:?}");
    }

    #[test]
    fn the_reference_is_bounded() {
        let rows = Array2::from_shape_fn((1000, 3), |(row, column)| (row * 3 + column) as f64);
        let neighbours = Neighbours::keep(rows.view(), 5, 64, 1);
        assert_eq!(neighbours.reference.len(), 64 * 3);
        assert!(neighbours.is_sound(3) && !neighbours.is_sound(2));
        assert_eq!(neighbours, Neighbours::keep(rows.view(), 5, 64, 1), "the same seed keeps the same rows");
        assert_eq!(Neighbours::keep(Array2::zeros((0, 3)).view(), 5, 64, 1).distance(&[0.0; 3], false), 0.0);
    }
}
