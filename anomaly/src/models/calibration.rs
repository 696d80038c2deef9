//! From a raw score to a rarity: which share of the history is at least as unusual. Beyond the history an
//! exponential tail goes on.

use serde::{Deserialize, Serialize};

use crate::usual::quantile;

/// How many points of the distribution are kept in its body and in its upper hundredth.
const POINTS: usize = 512;

/// A history of n sessions supports no claim rarer than 1 in so many times n, whatever the tail says.
const BEYOND: f64 = 100.0;

/// The distribution of raw scores over the history.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Calibration {
    /// Rising raw scores.
    scores: Vec<f64>,
    /// The share of the history with at least that score, falling.
    shares: Vec<f64>,
    /// By how much a raw score must rise for the share to fall to 1/e, beyond the history.
    slope: f64,
    /// Rarer is not claimed.
    rarest: f64,
}

impl Calibration {
    /// Learns from the raw scores of the history.
    #[must_use]
    pub fn learn(mut raw: Vec<f64>) -> Self {
        raw.retain(|v| v.is_finite());
        raw.sort_unstable_by(f64::total_cmp);
        if raw.is_empty() {
            return Self { scores: vec![0.0], shares: vec![1.0], slope: 1.0, rarest: 0.1 };
        }
        let count = raw.len() as f64;
        let mut shares: Vec<f64> = (0..POINTS).map(|i| 1.0 - 0.99 * i as f64 / POINTS as f64).collect();
        shares.extend((0..=POINTS).map(|i| 0.01 * (1.0 - i as f64 / POINTS as f64)));
        for share in &mut shares {
            *share = share.max(1.0 / count);
        }
        shares.dedup();
        let mut scores: Vec<f64> = shares.iter().map(|share| with_share(&raw, *share)).collect();
        // The last point is the largest of the history, with the share of one session in all.
        if let Some(last) = scores.last_mut() {
            *last = raw[raw.len() - 1];
        }
        // Mean excess over the 95th percentile: the maximum likelihood slope of an exponential tail.
        let edge = quantile(&raw, 0.95);
        let beyond: Vec<f64> = raw.iter().filter(|v| **v > edge).map(|v| v - edge).collect();
        let mean = beyond.iter().sum::<f64>() / (beyond.len().max(1) as f64);
        let span = raw[raw.len() - 1] - raw[0];
        Self { scores, shares, slope: mean.max(span / 100.0).max(1e-9), rarest: 1.0 / (BEYOND * count) }
    }

    /// The share of the history that is at least as unusual, above 0.
    #[must_use]
    pub fn share(&self, raw: f64) -> f64 {
        let last = self.scores.len() - 1;
        if raw > self.scores[last] {
            return (self.shares[last] * (-(raw - self.scores[last]) / self.slope).exp()).max(self.rarest);
        }
        let above = self.scores.partition_point(|s| *s < raw);
        if above == 0 {
            return self.shares[0].min(1.0);
        }
        let (low, high) = (self.scores[above - 1], self.scores[above]);
        let part = if high > low { (raw - low) / (high - low) } else { 1.0 };
        let (s_low, s_high) = (self.shares[above - 1], self.shares[above]);
        (s_low + (s_high - s_low) * part).max(self.rarest)
    }

    /// Whether a file that was read has the right shape.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.scores.is_empty()
            && self.scores.len() == self.shares.len()
            && self.slope > 0.0
            && self.rarest > 0.0
    }
}

/// The score that a share of the sorted scores reaches at least, interpolated.
fn with_share(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let at = ((1.0 - share) * sorted.len() as f64).clamp(0.0, last as f64);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let below = at as usize;
    sorted[below] + (sorted[(below + 1).min(last)] - sorted[below]) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_reads_as_a_rate() {
        let raw: Vec<f64> = (0..10_000).map(|i| f64::from(i) / 10_000.0).collect();
        let calibration = Calibration::learn(raw.clone());
        for (value, expected) in [(0.5, 0.5), (0.9, 0.1), (0.99, 0.01), (0.999, 0.001)] {
            let share = calibration.share(value);
            assert!((share / expected - 1.0).abs() < 0.05, "{value}: {share}");
        }
        let alerts = raw.iter().filter(|v| calibration.share(**v) <= 0.001).count();
        assert!((8..=12).contains(&alerts), "{alerts} in 10,000 at 1 in 1,000");
    }

    #[test]
    fn beyond_the_history_it_goes_on_falling() {
        let calibration = Calibration::learn((0..1000).map(f64::from).collect());
        let shares: Vec<f64> = [990.0, 999.0, 1010.0, 1050.0, 1e9].map(|v| calibration.share(v)).into();
        assert!(shares.windows(2).all(|w| w[0] > w[1]), "{shares:?}");
        assert!(shares[4] > 0.0);
    }

    #[test]
    fn equal_scores_are_usual() {
        let calibration = Calibration::learn(vec![3.0; 100]);
        assert!((calibration.share(3.0) - 1.0).abs() < 1e-9);
        assert!(Calibration::learn(Vec::new()).share(0.0) > 0.9);
    }
}
