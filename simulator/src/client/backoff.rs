//! Waits between attempts to connect: doubling, with jitter, so that a fleet does not come back in step.

use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Longest wait.
const MOST: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    attempts: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, attempts: 0 }
    }

    /// The first wait is exact; later ones are doubled and spread over ± a half.
    pub(super) fn next(&mut self, rng: &mut ChaCha8Rng) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.attempts.min(16)).min(MOST.max(self.first));
        let wait = if self.attempts == 0 { doubled } else { doubled.mul_f64(rng.random_range(0.5..1.5)) };
        self.attempts += 1;
        wait
    }

    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::chance::stream;

    #[test]
    fn waits_grow_up_to_a_limit_and_begin_again() {
        let mut rng = stream(1, "backoff", 0, 0);
        let mut backoff = Backoff::new(Duration::from_secs(5));
        assert_eq!(backoff.next(&mut rng), Duration::from_secs(5));
        let waits: Vec<_> = (0..10).map(|_| backoff.next(&mut rng)).collect();
        assert!(waits[0] >= Duration::from_secs(5) && waits[0] <= Duration::from_secs(15));
        assert!(waits.iter().all(|wait| *wait <= MOST.mul_f64(1.5)));
        assert!(waits[9] >= Duration::from_secs(30));
        backoff.reset();
        assert_eq!(backoff.next(&mut rng), Duration::from_secs(5));
    }
}
