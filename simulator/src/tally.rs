//! What the fleet has done so far, counted for the summary and for tests.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts, shared by all clients.
#[derive(Default, Debug)]
pub struct Tally {
    /// Stations that are connected now.
    pub connected: AtomicI64,
    /// Connections that were accepted.
    pub connects: AtomicU64,
    /// Connections that did not come about.
    pub refused_connects: AtomicU64,
    /// Messages that were sent, repetitions included.
    pub sent: AtomicU64,
    /// Messages that were acknowledged.
    pub acknowledged: AtomicU64,
    /// Messages that the gateway refused for good.
    pub refused: AtomicU64,
    /// Meter values that were thrown away because a station was cut off for too long.
    pub dropped: AtomicU64,
    /// Sessions whose start was acknowledged.
    pub sessions_started: AtomicU64,
    /// Sessions whose end was acknowledged.
    pub sessions_ended: AtomicU64,
    /// Cards that the gateway did not accept.
    pub refused_cards: AtomicU64,
    /// Wh of the sessions whose end was acknowledged.
    pub energy_wh: AtomicI64,
    /// Why a connection last did not come about, until somebody has read it.
    failure: Mutex<Option<String>>,
}

/// The counts at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Summary {
    /// Stations that are connected.
    pub connected: i64,
    /// Connections that were accepted.
    pub connects: u64,
    /// Connections that did not come about.
    pub refused_connects: u64,
    /// Messages that were sent, repetitions included.
    pub sent: u64,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Messages that the gateway refused for good.
    pub refused: u64,
    /// Meter values thrown away.
    pub dropped: u64,
    /// Sessions whose start was acknowledged.
    pub sessions_started: u64,
    /// Sessions whose end was acknowledged.
    pub sessions_ended: u64,
    /// Cards that the gateway did not accept.
    pub refused_cards: u64,
    /// Wh of the sessions whose end was acknowledged.
    pub energy_wh: i64,
}

impl Tally {
    /// A connection did not come about.
    pub fn connect_failed(&self, why: &str) {
        count(&self.refused_connects);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// Why a connection last did not come about, if one has not since this was last asked.
    #[must_use]
    pub fn take_failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads the counts.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            connected: self.connected.load(Ordering::Relaxed),
            connects: self.connects.load(Ordering::Relaxed),
            refused_connects: self.refused_connects.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            acknowledged: self.acknowledged.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            sessions_started: self.sessions_started.load(Ordering::Relaxed),
            sessions_ended: self.sessions_ended.load(Ordering::Relaxed),
            refused_cards: self.refused_cards.load(Ordering::Relaxed),
            energy_wh: self.energy_wh.load(Ordering::Relaxed),
        }
    }
}

/// A histogram of times, an eighth of an octave wide each, so that quantiles are right to 5 %.
#[derive(Debug)]
pub struct Latency {
    buckets: [AtomicU64; 256],
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Latency {
    /// Notes a time.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn note(&self, time: std::time::Duration) {
        let octaves = (time.as_secs_f64() * 1e6).max(1.0).log2();
        count(&self.buckets[((octaves * 8.0) as usize).min(255)]);
    }

    /// How many times were noted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The time that the share `quantile` of all did not exceed.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn quantile(&self, quantile: f64) -> std::time::Duration {
        let wanted = self.count() as f64 * quantile;
        let mut seen = 0;
        for (place, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Ordering::Relaxed);
            if seen as f64 >= wanted {
                return std::time::Duration::from_secs_f64(((place as f64 + 0.5) / 8.0).exp2() / 1e6);
            }
        }
        std::time::Duration::ZERO
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl std::fmt::Display for Summary {
    #[allow(clippy::cast_precision_loss)]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} stations connected, sessions {} started and {} ended ({:.1} kWh), messages {} sent and {} acknowledged",
            self.connected,
            self.sessions_started,
            self.sessions_ended,
            self.energy_wh as f64 / 1e3,
            self.sent,
            self.acknowledged
        )?;
        for (count, what) in [
            (self.refused, "refused"),
            (self.dropped, "meter values dropped"),
            (self.refused_connects, "failed connects"),
            (
                self.refused_cards,
                "cards refused (`ampwarden settings set unknown_tokens accept` lets all charge)",
            ),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn quantiles_are_right_to_a_twentieth() {
        let latency = Latency::default();
        for millis in 1..=1000 {
            latency.note(Duration::from_millis(millis));
        }
        for (quantile, millis) in [(0.5, 500.0), (0.99, 990.0)] {
            let told = latency.quantile(quantile).as_secs_f64() * 1e3;
            assert!((told / millis - 1.0).abs() < 0.05, "{told} for {millis}");
        }
        assert_eq!(latency.count(), 1000);
    }
}
