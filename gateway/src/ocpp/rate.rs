//! A limit of things a second.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lets `per_second` through in a second, and as many at once after a quiet second.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Rate {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, state: Mutex::new((per_second, now)) }
    }

    /// Whether one more may pass.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, at) = *state;
        let left =
            (left + now.saturating_duration_since(at).as_secs_f64() * self.per_second).min(self.per_second);
        let passes = left >= 1.0;
        *state = (if passes { left - 1.0 } else { left }, now);
        passes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_a_second() {
        let start = Instant::now();
        let rate = Rate::new(2, start);
        let at = |ms| start + Duration::from_millis(ms);
        let passed: Vec<bool> =
            [0, 1, 2, 400, 600, 5_000, 5_001, 5_002].into_iter().map(|ms| rate.take(at(ms))).collect();
        assert_eq!(passed, [true, true, false, false, true, true, true, false]);
    }
}
