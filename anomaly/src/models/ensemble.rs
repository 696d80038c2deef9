//! Five scorers as one: an isolation forest, the sum of tail probabilities and the largest of them, the robust
//! Mahalanobis distance and the nearest neighbours see different things, and whoever is most alarmed is heard most. The weighting is fixed: it is the same
//! for every history, and was not fitted to any.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::forest::Forest;
use super::mahalanobis::Mahalanobis;
use super::neighbours::Neighbours;
use super::tails::Tails;
use crate::usual::quantile;

/// How much each scorer weighs: forest, tails, Mahalanobis, neighbours, largest tail.
const WEIGHTS: [f64; SCORERS] = [1.0, 1.0, 2.0, 0.5, 1.0];
/// Of the mean of the scorers' surprises: 1 would be their plain mean, infinity the largest. High, because a session is
/// odd if it is odd in one view, and the others' silence does not excuse it.
const POWER: i32 = 6;
/// So many reference rows have the neighbours, and the distance is to the so manieth.
const REFERENCE_ROWS: usize = 2000;
const NEIGHBOURS: usize = 5;
/// At most so many rows calibrate the scorers.
const CALIBRATION_ROWS: usize = 20_000;
/// A column that is known in fewer of the rows is not learnt by the scorers that need whole rows.
const KNOWN_MIN: f64 = 0.8;
/// A value is held at most so many scales from the middle by the neighbours.
const SCALED_MAX: f64 = 12.0;

/// How many scorers there are.
pub const SCORERS: usize = 5;

/// What is known of a column besides its values.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Column {
    /// Differences below this mean nothing.
    pub accuracy: f64,
    /// Without a lower and an upper end (hours, weekdays): unusual only together with others.
    pub cyclic: bool,
}

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Trees of the forest.
    pub trees: usize,
    /// Rows per tree.
    pub sample: usize,
    /// What chance begins with.
    pub seed: u64,
}

/// The trained scorers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ensemble {
    columns: Vec<Column>,
    /// What stands in for values that are not known.
    medians: Vec<f64>,
    scales: Vec<f64>,
    /// The columns that the Mahalanobis distance sees.
    whole: Vec<usize>,
    forest: Forest,
    tails: Tails,
    robust: Mahalanobis,
    neighbours: Neighbours,
    calibrations: [Calibration; SCORERS],
}

impl Ensemble {
    /// Learns from rows; NaN stands for what is not known.
    #[must_use]
    pub fn learn(rows: ArrayView2<'_, f64>, columns: &[Column], growth: Growth) -> Self {
        let flat: Vec<f64> = rows.iter().copied().collect();
        let tails = Tails::learn(&flat, columns.len());
        let known: Vec<Vec<f64>> = rows.columns().into_iter().map(|column| known(column.iter())).collect();
        let medians: Vec<f64> = known.iter().map(|values| finite(quantile(values, 0.5))).collect();
        let scales: Vec<f64> =
            known.iter().zip(columns).map(|(values, column)| scale(values, column)).collect();
        let whole: Vec<usize> = (0..columns.len())
            .filter(|at| !columns[*at].cyclic && is_whole(&known[*at], rows.nrows(), columns[*at].accuracy))
            .collect();
        let mut ensemble = Self {
            columns: columns.to_vec(),
            medians,
            scales,
            whole,
            forest: Forest::grow(&[], columns.len(), 0, 0, growth.seed),
            tails,
            robust: Mahalanobis::learn(Array2::zeros((0, 0)).view(), &[], growth.seed),
            neighbours: Neighbours::keep(
                Array2::zeros((0, columns.len())).view(),
                NEIGHBOURS,
                0,
                growth.seed,
            ),
            calibrations: std::array::from_fn(|_| Calibration::learn(Vec::new())),
        };
        let each = |prepare: &dyn Fn(&[f64]) -> Vec<f64>| -> Vec<f64> {
            flat.chunks_exact(columns.len().max(1)).flat_map(prepare).collect()
        };
        let filled = each(&|row| ensemble.filled(row));
        let forest = Forest::grow(&filled, columns.len(), growth.trees, growth.sample, growth.seed);
        let robust = each(&|row| ensemble.chosen(row));
        let errors: Vec<f64> = ensemble.whole.iter().map(|at| columns[*at].accuracy).collect();
        let robust = Mahalanobis::learn(shaped(robust, ensemble.whole.len()).view(), &errors, growth.seed);
        let scaled = shaped(each(&|row| ensemble.scaled(row)), columns.len());
        let neighbours = Neighbours::keep(scaled.view(), NEIGHBOURS, REFERENCE_ROWS, growth.seed);
        ensemble.forest = forest;
        ensemble.robust = robust;
        ensemble.neighbours = neighbours;

        let step = rows.nrows().div_ceil(CALIBRATION_ROWS).max(1);
        let raw: Vec<[f64; SCORERS]> = flat
            .chunks_exact(columns.len().max(1))
            .step_by(step)
            .map(|row| ensemble.scores(row, true))
            .collect();
        ensemble.calibrations =
            std::array::from_fn(|at| Calibration::learn(raw.iter().map(|scores| scores[at]).collect()));
        ensemble
    }

    /// How unusual a row is, in nats: e⁻ˣ is about the share of the rows that one of the scorers would call as unusual.
    /// `own` says that the row is one of those that were learnt from.
    #[must_use]
    pub fn score(&self, row: &[f64], own: bool) -> f64 {
        combined(&self.surprises(&self.scores(row, own)))
    }

    /// Adds to `credit`, one value a column, what it contributed to the score (they add up to it at most); gives the
    /// score.
    pub fn explain(&self, row: &[f64], credit: &mut [f64]) -> f64 {
        let count = self.columns.len();
        let mut parts = vec![vec![0.0; count]; SCORERS];
        let filled = self.filled(row);
        let forest = self.forest.explain(&filled, &mut parts[0]);
        for (column, part) in parts[1].iter_mut().enumerate() {
            *part = self.excess(column, row[column]);
        }
        let tails = parts[1].iter().sum();
        let mut whole = vec![0.0; self.whole.len()];
        let robust = self.robust.explain(&self.chosen(row), &mut whole);
        for (at, part) in self.whole.iter().zip(&whole) {
            parts[2][*at] = *part;
        }
        let neighbours = self.neighbours.explain(&self.scaled(row), &mut parts[3]);
        let largest = parts[1].iter().copied().fold(0.0, f64::max);
        parts[4] = parts[1].iter().map(|part| if *part < largest { 0.0 } else { *part }).collect();
        let surprises = self.surprises(&[forest, tails, robust, neighbours, largest]);
        let score = combined(&surprises);
        let voices: Vec<f64> =
            surprises.iter().zip(WEIGHTS).map(|(surprise, weight)| weight * surprise.powi(POWER)).collect();
        let all: f64 = voices.iter().sum();
        for (part, voice) in parts.iter().zip(&voices) {
            // What was not known cannot be a reason, nor what made the row less unusual.
            let part = |column: usize| if row[column].is_finite() { part[column].max(0.0) } else { 0.0 };
            let sum: f64 = (0..count).map(part).sum();
            if sum > 0.0 && all > 0.0 {
                for (column, credit) in credit.iter_mut().enumerate() {
                    *credit += score * voice / all * part(column) / sum;
                }
            }
        }
        score
    }

    /// How far out each known value lies in its column, in nats above what is usual.
    #[must_use]
    pub fn excess(&self, column: usize, value: f64) -> f64 {
        // Hours and weekdays have no tails.
        if self.columns[column].cyclic {
            return 0.0;
        }
        // Drawn towards the middle by what meters and clocks may err.
        let (median, accuracy) = (self.tails.median(column), self.columns[column].accuracy);
        let drawn = if (value - median).abs() <= accuracy {
            median
        } else {
            value - accuracy.copysign(value - median)
        };
        self.tails.excess(column, drawn).0
    }

    /// The middle 80 % of a column.
    #[must_use]
    pub fn usual_range(&self, column: usize) -> Option<(f64, f64)> {
        self.tails.usual_range(column)
    }

    /// The row without gaps, in steps of what meters and clocks may err: the forest must not cut between two values
    /// that are the same.
    #[must_use]
    pub fn filled(&self, row: &[f64]) -> Vec<f64> {
        row.iter()
            .zip(self.medians.iter().zip(&self.columns))
            .map(|(value, (median, column))| {
                let value = if value.is_finite() { *value } else { *median };
                if column.accuracy > 0.0 {
                    (value / column.accuracy).round() * column.accuracy
                } else {
                    value
                }
            })
            .collect()
    }

    fn chosen(&self, row: &[f64]) -> Vec<f64> {
        self.whole.iter().map(|at| if row[*at].is_finite() { row[*at] } else { self.medians[*at] }).collect()
    }

    fn scaled(&self, row: &[f64]) -> Vec<f64> {
        row.iter()
            .enumerate()
            .map(|(at, value)| {
                if self.columns[at].cyclic || !value.is_finite() {
                    return 0.0;
                }
                ((value - self.medians[at]) / self.scales[at]).clamp(-SCALED_MAX, SCALED_MAX)
            })
            .collect()
    }

    fn scores(&self, row: &[f64], own: bool) -> [f64; SCORERS] {
        let excess = || row.iter().enumerate().map(|(column, value)| self.excess(column, *value));
        [
            self.forest.score(&self.filled(row)),
            excess().sum(),
            self.robust.distance(&self.chosen(row)),
            self.neighbours.distance(&self.scaled(row), own),
            excess().fold(0.0, f64::max),
        ]
    }

    fn surprises(&self, scores: &[f64; SCORERS]) -> [f64; SCORERS] {
        std::array::from_fn(|at| -self.calibrations[at].share(scores[at]).ln())
    }

    /// Whether one that was read from a file has the right shape.
    #[must_use]
    pub fn is_sound(&self, columns: usize) -> bool {
        self.columns.len() == columns
            && self.medians.len() == columns
            && self.scales.len() == columns
            && self.scales.iter().all(|v| v.is_finite() && *v > 0.0)
            && self.whole.iter().all(|at| *at < columns)
            && self.tails.is_sound(columns)
            && self.forest.is_sound()
            && self.forest.columns() == columns
            && self.robust.is_sound(self.whole.len())
            && self.neighbours.is_sound(columns)
            && self.calibrations.iter().all(Calibration::is_sound)
    }
}

/// The weighted power mean of the scorers' surprises.
fn combined(surprises: &[f64; SCORERS]) -> f64 {
    let sum: f64 = surprises.iter().zip(WEIGHTS).map(|(s, weight)| weight * s.max(0.0).powi(POWER)).sum();
    (sum / WEIGHTS.iter().sum::<f64>()).powf(1.0 / f64::from(POWER))
}

fn known<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let mut known: Vec<f64> = values.copied().filter(|v| v.is_finite()).collect();
    known.sort_unstable_by(f64::total_cmp);
    known
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// The scale of a column's known values, never finer than its accuracy.
fn scale(sorted: &[f64], column: &Column) -> f64 {
    let spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.349;
    let wide = (quantile(sorted, 0.95) - quantile(sorted, 0.05)) / 3.29;
    let count = sorted.len().max(1) as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let deviation = (sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
    let scale =
        [spread, wide, deviation].into_iter().find(|v| *v > 1e-12).unwrap_or(0.0).max(column.accuracy);
    if scale > 0.0 { scale } else { 1.0 }
}

/// Whether a column is known often enough, and more than half of its values differ.
fn is_whole(sorted: &[f64], rows: usize, accuracy: f64) -> bool {
    sorted.len() as f64 >= KNOWN_MIN * rows as f64
        && quantile(sorted, 0.75) - quantile(sorted, 0.25) > accuracy
}

fn shaped(values: Vec<f64>, columns: usize) -> Array2<f64> {
    let rows = values.len() / columns.max(1);
    Array2::from_shape_vec((rows, columns), values).unwrap_or_else(|_| Array2::zeros((0, columns)))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const GROWTH: Growth = Growth { trees: 50, sample: 128, seed: 1 };

    /// The second column follows the first; the third is mostly unknown.
    fn rows() -> Array2<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut rows = Array2::zeros((1000, 3));
        for mut row in rows.rows_mut() {
            row[0] = random.random_range(-1.0..1.0);
            row[1] = row[0] + random.random_range(-0.05..0.05);
            row[2] = if random.random_bool(0.1) { random.random_range(0.0..1.0) } else { f64::NAN };
        }
        rows
    }

    #[test]
    fn what_one_scorer_sees_is_enough() {
        let ensemble = Ensemble::learn(rows().view(), &[Column::default(); 3], GROWTH);
        assert!(ensemble.is_sound(3) && !ensemble.is_sound(2));
        assert_eq!(ensemble.whole, [0, 1], "what is mostly unknown cannot be part of a covariance");
        let usual = ensemble.score(&[0.5, 0.5, f64::NAN], false);
        // Within both ranges, but not together: only distances see that.
        let together = ensemble.score(&[0.5, -0.5, f64::NAN], false);
        let far = ensemble.score(&[0.5, 0.5, 9.0], false);
        assert!(usual < 2.5 && together > 5.0 && far > 5.0, "{usual} {together} {far}");
    }

    #[test]
    fn reasons_add_up_to_the_score() {
        let ensemble = Ensemble::learn(rows().view(), &[Column::default(); 3], GROWTH);
        let mut credit = [0.0; 3];
        let row = [0.2, 0.2, 7.0];
        let score = ensemble.explain(&row, &mut credit);
        assert!((score - ensemble.score(&row, false)).abs() < 1e-9);
        assert!((credit.iter().sum::<f64>() - score).abs() < 1e-9, "{credit:?} of {score}");
        assert!(credit[2] > 0.8 * score, "{credit:?} of {score}");
        let mut credit = [0.0; 3];
        ensemble.explain(&[0.9, -0.9, f64::NAN], &mut credit);
        assert_eq!(credit[2], 0.0, "what is not known is no reason");
    }

    #[test]
    fn surprises_read_as_rates() {
        let rows = rows();
        let ensemble = Ensemble::learn(rows.view(), &[Column::default(); 3], GROWTH);
        let scores: Vec<f64> =
            rows.rows().into_iter().map(|row| ensemble.score(&row.to_vec(), true)).collect();
        let above = scores.iter().filter(|s| **s > 100f64.ln()).count();
        assert!(above <= 30, "{above} of 1,000 rows are called 1 in 100");
    }
}
