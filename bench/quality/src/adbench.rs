//! Classical sets whose AUROC is known (ADBench: Han et al., NeurIPS 2022): each scorer is fitted and scored on all
//! rows, with 5 seeds where chance is in it.

use std::path::Path;

use anomaly::measures::{auroc, mean};
use anomaly::models::{Column, Copod, Ecod, Ensemble, Forest, Growth, Mahalanobis, Neighbours};
use ndarray::{ArrayView2, Axis};

use crate::npz;

/// The sets, with the known AUROC of isolation forest, ECOD and COPOD where there is one.
pub const SETS: &[(&str, Option<[f64; 3]>)] = &[
    ("2_annthyroid", Some([0.827, 0.789, 0.776])),
    ("6_cardio", Some([0.932, 0.935, 0.922])),
    ("23_mammography", Some([0.859, 0.906, 0.905])),
    ("28_pendigits", Some([0.940, 0.927, 0.905])),
    ("38_thyroid", Some([0.978, 0.977, 0.939])),
    ("42_WBC", None),
    ("44_Wilt", Some([0.458, 0.394, 0.345])),
];

/// The scorers, in the order of the columns.
pub const SCORERS: [&str; 6] = ["forest", "ecod", "copod", "knn", "mahalanobis", "ensemble"];

/// Seeds over which the mean is taken.
pub const SEEDS: u64 = 5;
/// As in the reference runs.
const TREES: usize = 100;
const SAMPLE: usize = 256;
const NEIGHBOURS: usize = 5;

/// The mean AUROC of each scorer on a set.
///
/// # Errors
/// If the set cannot be read.
pub fn run(folder: &Path, set: &str, seeds: u64) -> anyhow::Result<[f64; SCORERS.len()]> {
    let (rows, odd) = npz::read(&folder.join(format!("{set}.npz")))?;
    let rows = rows.as_standard_layout();
    Ok(measure(rows.view(), &odd, seeds))
}

/// The mean AUROC of each scorer on rows.
#[must_use]
pub fn measure(rows: ArrayView2<'_, f64>, odd: &[bool], seeds: u64) -> [f64; SCORERS.len()] {
    let flat: Vec<f64> = rows.iter().copied().collect();
    let by = |score: &dyn Fn(&[f64]) -> f64| {
        let scores: Vec<f64> = flat.chunks_exact(rows.ncols()).map(score).collect();
        auroc(&scores, odd)
    };
    let over_seeds = |one: &dyn Fn(u64) -> f64| mean(&(0..seeds).map(one).collect::<Vec<f64>>());
    let ecod = Ecod::learn(rows);
    let copod = Copod::learn(rows);
    let neighbours = Neighbours::keep(rows, NEIGHBOURS, rows.len_of(Axis(0)), 0);
    [
        over_seeds(&|seed| {
            let forest = Forest::grow(&flat, rows.ncols(), TREES, SAMPLE, seed);
            by(&|row| forest.score(row))
        }),
        by(&|row| ecod.score(row)),
        by(&|row| copod.score(row)),
        by(&|row| neighbours.distance(row, true)),
        over_seeds(&|seed| {
            let robust = Mahalanobis::learn(rows, &[], seed);
            by(&|row| robust.distance(row))
        }),
        over_seeds(&|seed| {
            let growth = Growth { trees: TREES, sample: SAMPLE, seed };
            let ensemble = Ensemble::learn(rows, &vec![Column::default(); rows.ncols()], growth);
            by(&|row| ensemble.score(row, true))
        }),
    ]
}
