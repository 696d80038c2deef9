//! The time of the simulated world: real, or running faster from a start in the past. It never overtakes real time,
//! so that no timestamp lies in the future.

use std::time::{Duration, Instant};

use station::time::{SECOND, Timestamp};

/// Tells simulated time for moments of real time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    real_origin: Timestamp,
    start: Timestamp,
    speed: f64,
}

impl Clock {
    /// A clock that shows `start` at `origin`, when it is really `real_origin`, and runs `speed` times as fast.
    #[must_use]
    pub fn new(origin: Instant, real_origin: Timestamp, start: Timestamp, speed: f64) -> Self {
        Self { origin, real_origin, start: start.min(real_origin), speed: speed.max(0.001) }
    }

    /// What it shows at `instant`, cut to milliseconds.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.origin).as_secs_f64();
        let simulated = self.start.0.saturating_add(micros(elapsed * self.speed));
        let real = self.real_origin.0.saturating_add(micros(elapsed));
        Timestamp(simulated.min(real) / 1000 * 1000)
    }

    /// The moment of real time at which it shows `time`; far away for what lies beyond a year.
    #[must_use]
    pub fn instant(&self, time: Timestamp) -> Instant {
        let ahead = time.seconds_since(self.start) / self.speed;
        let real = time.seconds_since(self.real_origin);
        let seconds = ahead.max(real).clamp(0.0, 366.0 * 86_400.0);
        // A millisecond more, so that the clock shows it for sure.
        self.origin + Duration::from_secs_f64(seconds) + Duration::from_millis(1)
    }

    /// How much faster than real time it runs.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }
}

#[allow(clippy::cast_possible_truncation)]
fn micros(seconds: f64) -> i64 {
    (seconds * SECOND as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_fast_until_it_meets_real_time() {
        let (origin, real) = (Instant::now(), Timestamp(1_700_000_000 * SECOND));
        let clock = Clock::new(origin, real, real.plus_seconds(-3540), 60.0);
        let after = |seconds| clock.at(origin + Duration::from_secs(seconds));
        assert_eq!(after(0), real.plus_seconds(-3540));
        assert_eq!(after(30), real.plus_seconds(-3540 + 1800));
        assert_eq!(after(61), real.plus_seconds(61));
        for time in [real.plus_seconds(-100), real.plus_seconds(500)] {
            assert!(clock.at(clock.instant(time)) >= time, "the moment is not too early");
            assert!(clock.at(clock.instant(time)).seconds_since(time) < 0.1, "nor late");
        }
        let ahead = Clock::new(origin, real, real.plus_seconds(99), 1.0);
        assert_eq!(ahead.at(origin), real, "no time in the future");
    }
}
