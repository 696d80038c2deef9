//! Limits of things a second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use station::id::StationId;

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

/// Lets so many of each station through in a second.
#[derive(Debug)]
pub(super) struct StationRate {
    per_second: u32,
    /// This second's; stations that were not let through are not in it, so that it has at most as many as [`Rate`]
    /// lets through.
    state: Mutex<(HashMap<StationId, u32>, Instant)>,
}

impl StationRate {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second: per_second.max(1), state: Mutex::new((HashMap::new(), now)) }
    }

    /// Whether one more of the station may pass; `all` says whether one more of all may, and is only asked then.
    ///
    /// # Errors
    /// Whose limit is reached.
    pub(super) fn take(
        &self,
        station: &StationId,
        now: Instant,
        all: impl FnOnce() -> bool,
    ) -> Result<(), Limit> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (passed, since) = &mut *state;
        if now.saturating_duration_since(*since) >= Duration::from_secs(1) {
            passed.clear();
            *since = now;
        }
        if passed.get(station).is_some_and(|count| *count >= self.per_second) {
            return Err(Limit::Station);
        }
        if !all() {
            return Err(Limit::All);
        }
        *passed.entry(station.clone()).or_default() += 1;
        Ok(())
    }
}

/// Whose limit is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Limit {
    Station,
    All,
}

/// How fast one connection may speak. After a quiet second it may say a second's worth at once; then its messages are
/// taken at the rate, and the rest waits in its socket: nothing is refused.
#[derive(Clone, Debug)]
pub struct Pace {
    per_second: f64,
    /// Below zero: so much was taken ahead of its time.
    left: f64,
    at: Instant,
}

impl Pace {
    /// `per_second` messages; 0: as many as it likes.
    #[must_use]
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: per_second, at: now }
    }

    /// Counts a message that was taken. Gives how long the next one has to wait, if it has to.
    pub fn took(&mut self, now: Instant) -> Option<Duration> {
        if self.per_second <= 0.0 {
            return None;
        }
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + gained).min(self.per_second) - 1.0;
        self.at = now;
        (self.left < 0.0).then(|| Duration::from_secs_f64(-self.left / self.per_second))
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn one_station_does_not_use_up_what_all_may() {
        let start = Instant::now();
        let all = Rate::new(3, start);
        let rate = StationRate::new(2, start);
        let station = |name: &str| StationId::new(name).expect("valid");
        let take = |name: &str, ms| {
            let now = start + Duration::from_millis(ms);
            rate.take(&station(name), now, || all.take(now))
        };
        let hammering: Vec<_> = (0..10).map(|_| take("A", 0)).collect();
        assert_eq!(hammering.iter().filter(|taken| taken.is_ok()).count(), 2);
        assert_eq!(hammering[9], Err(Limit::Station));
        assert_eq!(take("B", 1), Ok(()));
        assert_eq!(take("C", 2), Err(Limit::All));
        assert_eq!(take("A", 1_000), Ok(()), "a second later");
    }

    #[test]
    fn a_flood_is_slowed_to_the_rate_and_a_quiet_second_is_credit() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(2, start);
        let waits: Vec<Option<u128>> = [0, 0, 0, 500, 9_000, 9_000, 9_000]
            .into_iter()
            .map(|ms| Some(pace.took(at(ms))?.as_millis()))
            .collect();
        assert_eq!(waits, [None, None, Some(500), Some(500), None, None, Some(500)]);
        let mut free = Pace::new(0, start);
        assert!((0..1_000).all(|_| free.took(start).is_none()), "0 is no limit");
    }
}
