//! Robust Mahalanobis distance by the minimum covariance determinant (Rousseeuw, Van Driessen: "A Fast Algorithm for
//! the Minimum Covariance Determinant Estimator", Technometrics 1999): middle and spread are those of the half of the
//! rows that lies closest together, so that outliers do not hide each other.

use ndarray::{ArrayView1, ArrayView2};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::cholesky::Cholesky;
use crate::usual::quantile;

/// Random beginnings; so many of them are followed to the end.
const STARTS: usize = 60;
const FOLLOWED: usize = 5;
/// Rows on which the beginnings are compared.
const START_ROWS: usize = 1500;
/// Most steps to the end: each lowers the determinant, and mostly ten are enough.
const STEPS_MAX: usize = 40;
/// Added to each column's variance, as a part of its own scale: columns that hardly vary, or hang together wholly.
const RIDGE: f64 = 1e-4;
/// 97.5th percentile of the standard normal distribution.
const Z_975: f64 = 1.959_963_985;

/// The learnt middle and spread.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Mahalanobis {
    middle: Vec<f64>,
    /// Of the columns, before the covariance.
    scale: Vec<f64>,
    /// Of the covariance of the scaled columns.
    factor: Cholesky,
}

/// Middle and spread of some rows.
struct Estimate {
    middle: Vec<f64>,
    factor: Cholesky,
}

impl Mahalanobis {
    /// Learns from rows of finite values. `accuracy` says by how much each column's values may err (none: not at all);
    /// that much spread is added.
    #[must_use]
    pub fn learn(rows: ArrayView2<'_, f64>, accuracy: &[f64], seed: u64) -> Self {
        let columns = rows.ncols();
        let scale: Vec<f64> = rows.columns().into_iter().map(scale).collect();
        let error = |at: usize| accuracy.get(at).map_or(0.0, |error| (error / scale[at]).powi(2));
        let ridge: Vec<f64> = (0..columns).map(|at| RIDGE + error(at)).collect();
        let scaled: Vec<f64> =
            rows.rows().into_iter().flat_map(|row| row.into_iter().zip(&scale).map(|(v, s)| v / s)).collect();
        let rows: Vec<&[f64]> = scaled.chunks_exact(columns.max(1)).collect();
        let mut best = closest_half(&rows, &ridge, seed);
        // Consistent with the normal distribution, then made efficient by taking in all but the outer 2.5 %.
        best.make_consistent(&rows);
        let limit = chi_squared(columns, Z_975);
        let inner: Vec<&[f64]> = rows.iter().copied().filter(|row| best.squared(row) <= limit).collect();
        if inner.len() > columns {
            best = Estimate::of(&inner, &ridge);
            best.make_consistent(&rows);
        }
        let middle = best.middle.iter().zip(&scale).map(|(m, s)| m * s).collect();
        Self { middle, scale, factor: best.factor }
    }

    /// The distance of a row, in standard deviations. The row must be finite.
    #[must_use]
    pub fn distance(&self, row: &[f64]) -> f64 {
        self.factor.squared(&self.away_of(row)).sqrt()
    }

    /// Adds to `credit`, one value a column, how much of the squared distance comes from it; gives the distance.
    pub fn explain(&self, row: &[f64], credit: &mut [f64]) -> f64 {
        let away = self.away_of(row);
        let solved = self.factor.solve(&away);
        let mut squared = 0.0;
        for ((credit, away), solved) in credit.iter_mut().zip(&away).zip(&solved) {
            squared += away * solved;
            *credit += away * solved;
        }
        squared.max(0.0).sqrt()
    }

    fn away_of(&self, row: &[f64]) -> Vec<f64> {
        row.iter().zip(self.middle.iter().zip(&self.scale)).map(|(v, (m, s))| (v - m) / s).collect()
    }

    /// Whether a file that was read has the right shape.
    #[must_use]
    pub fn is_sound(&self, columns: usize) -> bool {
        self.middle.len() == columns
            && self.scale.len() == columns
            && self.middle.iter().all(|v| v.is_finite())
            && self.scale.iter().all(|v| v.is_finite() && *v > 0.0)
            && self.factor.is_sound(columns)
    }
}

impl Estimate {
    fn of(rows: &[&[f64]], ridge: &[f64]) -> Self {
        let columns = ridge.len();
        let count = rows.len().max(1) as f64;
        let mut middle = vec![0.0; columns];
        for row in rows {
            middle.iter_mut().zip(*row).for_each(|(m, v)| *m += v / count);
        }
        let mut covariance = vec![0.0; columns * columns];
        let mut away = vec![0.0; columns];
        for row in rows {
            away.iter_mut().zip(row.iter().zip(&middle)).for_each(|(a, (v, m))| *a = v - m);
            for i in 0..columns {
                let (target, left) = (&mut covariance[i * columns..=i * columns + i], away[i]);
                target.iter_mut().zip(&away).for_each(|(sum, right)| *sum += left * right);
            }
        }
        covariance.iter_mut().for_each(|v| *v /= count);
        Self { middle, factor: Cholesky::of(covariance, ridge) }
    }

    fn squared(&self, row: &[f64]) -> f64 {
        let away: Vec<f64> = row.iter().zip(&self.middle).map(|(v, m)| v - m).collect();
        self.factor.squared(&away)
    }

    /// One C-step: the estimate of the `half` of the rows that lies closest to this one.
    fn next(&self, rows: &[&[f64]], half: usize, ridge: &[f64]) -> Self {
        let mut order: Vec<(f64, &[f64])> = rows.iter().map(|row| (self.squared(row), *row)).collect();
        if half < order.len() {
            order.select_nth_unstable_by(half, |a, b| a.0.total_cmp(&b.0));
            order.truncate(half);
        }
        let chosen: Vec<&[f64]> = order.into_iter().map(|(_, row)| row).collect();
        Self::of(&chosen, ridge)
    }

    /// Scales the spread so that half of the rows lie within the median of the chi-squared distribution.
    fn make_consistent(&mut self, rows: &[&[f64]]) {
        let mut squared: Vec<f64> = rows.iter().map(|row| self.squared(row)).collect();
        squared.sort_unstable_by(f64::total_cmp);
        let factor = quantile(&squared, 0.5) / chi_squared(self.middle.len(), 0.0);
        if factor.is_finite() && factor > 0.0 {
            self.factor.scale(factor);
        }
    }
}

/// The half of the rows whose covariance has the smallest determinant, as nearly as chance finds it.
fn closest_half(rows: &[&[f64]], ridge: &[f64], seed: u64) -> Estimate {
    let columns = ridge.len();
    let half = |count: usize| (count + columns).div_ceil(2).min(count);
    if rows.len() <= columns + 1 {
        return Estimate::of(rows, ridge);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let some: Vec<&[f64]> = index::sample(&mut random, rows.len(), rows.len().min(START_ROWS))
        .iter()
        .map(|at| rows[at])
        .collect();
    let mut starts: Vec<Estimate> = (0..STARTS)
        .map(|_| {
            let chosen = index::sample(&mut random, some.len(), columns + 1);
            let first: Vec<&[f64]> = chosen.iter().map(|at| some[at]).collect();
            let half = half(some.len());
            Estimate::of(&first, ridge).next(&some, half, ridge).next(&some, half, ridge)
        })
        .collect();
    starts.sort_by(|a, b| a.factor.log_determinant().total_cmp(&b.factor.log_determinant()));
    starts.truncate(FOLLOWED);
    let ends = starts.into_iter().map(|mut estimate| {
        let mut determinant = f64::INFINITY;
        for _ in 0..STEPS_MAX {
            let next = estimate.next(rows, half(rows.len()), ridge);
            let fallen = determinant - next.factor.log_determinant();
            determinant = next.factor.log_determinant();
            estimate = next;
            if fallen < 1e-9 {
                break;
            }
        }
        estimate
    });
    ends.min_by(|a, b| a.factor.log_determinant().total_cmp(&b.factor.log_determinant()))
        .unwrap_or_else(|| Estimate::of(rows, ridge))
}

/// The quantile of the chi-squared distribution for a quantile of the standard normal one (Wilson, Hilferty 1931).
fn chi_squared(degrees: usize, z: f64) -> f64 {
    let degrees = degrees.max(1) as f64;
    let part = 2.0 / (9.0 * degrees);
    degrees * (1.0 - part + z * part.sqrt()).powi(3)
}

/// A column's robust scale: from its quartiles, or from its variance where more than half of the values are equal.
fn scale(column: ArrayView1<'_, f64>) -> f64 {
    let mut sorted = column.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quartiles = (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / 1.349;
    let good = |scale: &f64| scale.is_finite() && *scale > 1e-12;
    Some(quartiles).filter(good).or_else(|| Some(column.std(0.0)).filter(good)).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::Rng;

    use super::*;

    /// Rows along a line, with some far from it but within the ranges of both columns, all in one place.
    fn rows(odd: usize) -> Array2<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        Array2::from_shape_fn((500, 2), |_| random.random_range(-1.0..1.0))
            .rows()
            .into_iter()
            .enumerate()
            .flat_map(|(at, row)| {
                if at < odd { [40.0, 10.0] } else { [50.0 + 10.0 * row[0], 50.0 + 10.0 * row[0] + row[1]] }
            })
            .collect::<ndarray::Array1<f64>>()
            .into_shape_with_order((500, 2))
            .expect("two columns")
    }

    #[test]
    fn chi_squared_quantiles() {
        assert!((chi_squared(5, Z_975) - 12.83).abs() < 0.02);
        assert!((chi_squared(10, 0.0) - 9.342).abs() < 0.01);
    }

    #[test]
    fn outliers_do_not_hide_each_other() {
        let rows = rows(100);
        let robust = Mahalanobis::learn(rows.view(), &[], 1);
        assert!(robust.is_sound(2) && !robust.is_sound(3));
        assert!(robust.distance(&[40.0, 10.0]) > 20.0);
        let inner = rows.rows().into_iter().skip(100).map(|row| robust.distance(&row.to_vec()));
        assert!(inner.fold(0.0, f64::max) < 5.0, "what lies on the line is near");
        assert_eq!(robust, Mahalanobis::learn(rows.view(), &[], 1), "the same seed gives the same answer");
    }

    #[test]
    fn the_credit_adds_up_to_the_distance() {
        let robust = Mahalanobis::learn(rows(0).view(), &[], 1);
        let mut credit = [0.0; 2];
        let distance = robust.explain(&[50.0, 58.0], &mut credit);
        assert!((distance - robust.distance(&[50.0, 58.0])).abs() < 1e-9);
        assert!((credit[0] + credit[1] - distance * distance).abs() < 1e-6, "{credit:?}");
        assert!(credit[1] > credit[0], "the second column lies off: {credit:?}");
    }

    #[test]
    fn constant_columns_and_few_rows_are_no_trouble() {
        for count in [0, 1, 3, 200] {
            let robust = Mahalanobis::learn(Array2::from_elem((count, 3), 7.0).view(), &[], 1);
            assert!(robust.distance(&[7.0; 3]).is_finite(), "{count}");
        }
    }
}
