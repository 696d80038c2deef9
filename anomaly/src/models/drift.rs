//! How far the present is from what was learnt: population stability indexes. Below 0.1 nothing has changed, from 0.25 on
//! the model speaks of another fleet.

use serde::{Deserialize, Serialize};

use crate::features::{COUNT, Feature, Row};
use crate::usual::quantile;

/// Known values are divided into so many parts of equal size.
const PARTS: usize = 10;
/// Fewer sessions than this tell nothing: chance alone moves the index by about `PARTS` ÷ sessions.
pub const DRIFT_SESSIONS_MIN: usize = 100;

/// One column, divided.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Bins {
    /// Upper ends of all parts but the last, rising.
    edges: Vec<f64>,
    /// The share of rows in each part; last, that of rows in which the value is not known.
    shares: Vec<f64>,
}

/// What the columns were like when a model was trained.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Reference {
    columns: Vec<Bins>,
}

/// How far columns and scores have moved.
#[derive(Clone, PartialEq, Debug)]
pub struct Drift {
    /// Sessions that were compared.
    pub sessions: usize,
    /// Each feature's index.
    pub features: Vec<(Feature, f64)>,
    /// The index of the model's scores.
    pub score: f64,
}

impl Bins {
    fn learn(values: &[f64]) -> Self {
        let mut known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        known.sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f64> = if known.is_empty() {
            Vec::new()
        } else {
            (1..PARTS).map(|part| quantile(&known, part as f64 / PARTS as f64)).collect()
        };
        edges.dedup();
        let mut bins = Self { edges, shares: Vec::new() };
        bins.shares = bins.shares_of(values);
        bins
    }

    /// For values whose distribution is known to be even between 0 and 1.
    fn even() -> Self {
        let edges = (1..PARTS).map(|part| part as f64 / PARTS as f64).collect();
        let mut shares = vec![1.0 / PARTS as f64; PARTS];
        shares.push(0.0);
        Self { edges, shares }
    }

    fn shares_of(&self, values: &[f64]) -> Vec<f64> {
        let mut counts = vec![0.0; self.edges.len() + 2];
        let unknown = counts.len() - 1;
        for value in values {
            let at = if value.is_finite() { self.edges.partition_point(|e| e < value) } else { unknown };
            counts[at] += 1.0;
        }
        let all = values.len().max(1) as f64;
        counts.into_iter().map(|count| count / all).collect()
    }

    fn index(&self, values: &[f64]) -> f64 {
        // Half a session stands in for none: the logarithm of nothing is not a number.
        let least = 0.5 / values.len().max(1) as f64;
        let now = self.shares_of(values);
        self.shares
            .iter()
            .zip(now)
            .map(|(was, is)| (was.max(least), is.max(least)))
            .map(|(was, is)| (is - was) * (is / was).ln())
            .sum()
    }
}

impl Reference {
    /// Remembers what the rows of a training are like.
    pub(super) fn learn(rows: &[Row]) -> Self {
        let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<f64>>();
        Self { columns: (0..COUNT).map(|at| Bins::learn(&column(at))).collect() }
    }

    /// How far other rows, and the shares of the history that are as unusual as they, have moved.
    pub(super) fn drift(&self, rows: &[Row], shares: &[f64]) -> Drift {
        let features = Feature::ALL
            .iter()
            .zip(&self.columns)
            .map(|(feature, bins)| {
                let values: Vec<f64> = rows.iter().map(|row| row[*feature as usize]).collect();
                (*feature, bins.index(&values))
            })
            .collect();
        Drift { sessions: rows.len(), features, score: Bins::even().index(shares) }
    }

    /// Whether one that was read from a file has the right shape.
    pub(super) fn is_sound(&self) -> bool {
        self.columns.len() == COUNT
            && self.columns.iter().all(|bins| {
                bins.shares.len() == bins.edges.len() + 2 && bins.edges.iter().all(|edge| edge.is_finite())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_tells_the_same_from_the_moved_and_the_vanished() {
        let values = |from: f64| (0..1000).map(|i| from + f64::from(i * 7919 % 1000)).collect::<Vec<f64>>();
        let bins = Bins::learn(&values(0.0));
        assert!(bins.index(&values(0.0)) < 0.001);
        assert!(bins.index(&values(30.0)) < 0.1, "a little is noise");
        assert!(bins.index(&values(300.0)) > 0.25);
        assert!(bins.index(&vec![f64::NAN; 1000]) > 1.0, "what is not reported any more");
        assert!(Bins::learn(&[f64::NAN; 100]).index(&[f64::NAN; 100]) < 0.001);
        // Most are 0: the parts are fewer, and the index still works.
        let mostly_zero: Vec<f64> = (0..1000).map(|i| if i % 10 == 0 { f64::from(i) } else { 0.0 }).collect();
        let bins = Bins::learn(&mostly_zero);
        assert!(bins.index(&mostly_zero) < 0.001 && bins.index(&values(1.0)) > 0.25);
        assert!(Bins::even().index(&(0..1000).map(|i| f64::from(i) / 1000.0).collect::<Vec<_>>()) < 0.01);
    }
}
