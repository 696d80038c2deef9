//! The gateway's clock: the one place that asks for the time of day. That may be set, forth and back; what has to
//! happen at intervals is measured by [`Instant`], which may not.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use station::time::Timestamp;

/// Smaller differences are what time services correct while the clock runs.
const STEP: Duration = Duration::from_secs(2);
/// Steps that are remembered; beyond it the oldest two count as one.
const STEPS_MAX: usize = 64;

/// Now. A clock before 1970 counts as 1970.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Notices when the clock is set.
#[derive(Debug)]
pub(super) struct Steps {
    wall: Timestamp,
    at: Instant,
    /// When it was set forward, and by how many µs.
    forward: VecDeque<(Instant, i64)>,
}

impl Steps {
    pub(super) fn new(wall: Timestamp, at: Instant) -> Self {
        Self { wall, at, forward: VecDeque::new() }
    }

    /// Compares both clocks with the last time. Gives by how many µs the time of day was set since, if it was.
    pub(super) fn look(&mut self, wall: Timestamp, at: Instant) -> Option<i64> {
        let passed = micros(at.saturating_duration_since(self.at));
        let step = wall.0.saturating_sub(self.wall.0).saturating_sub(passed);
        (self.wall, self.at) = (wall, at);
        if step.unsigned_abs() < STEP.as_micros().try_into().unwrap_or(u64::MAX) {
            return None;
        }
        if step > 0 {
            if self.forward.len() == STEPS_MAX
                && let (Some((_, oldest)), Some(next)) = (self.forward.pop_front(), self.forward.front_mut())
            {
                next.1 = next.1.saturating_add(oldest);
            }
            self.forward.push_back((at, step));
        }
        Some(step)
    }

    /// Before which time of day something must lie so that it certainly is `age` ago: time that was only set does not
    /// count.
    pub(super) fn certainly_before(&mut self, age: Duration) -> Timestamp {
        let at = self.at;
        self.forward.retain(|(when, _)| at.saturating_duration_since(*when) < age);
        let set: i64 = self.forward.iter().map(|(_, step)| *step).fold(0, i64::saturating_add);
        Timestamp(self.wall.0.saturating_sub(micros(age)).saturating_sub(set))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_makes_nothing_older() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let hour = 3_600_000_000;
        let wall = |s: i64| Timestamp(1_790_000_000_000_000 + s * 1_000_000);
        let mut steps = Steps::new(wall(0), start);
        assert_eq!(steps.look(wall(10), at(10)), None);
        assert_eq!(steps.look(wall(21), at(20)), None, "corrected while running");
        let before = steps.certainly_before(Duration::from_secs(600));
        assert_eq!(before, wall(21 - 600));
        assert_eq!(steps.look(Timestamp(wall(31).0 + 3 * hour), at(30)), Some(3 * hour));
        assert_eq!(
            steps.certainly_before(Duration::from_secs(600)),
            wall(31 - 600),
            "nothing is 3 h older now"
        );
        assert_eq!(steps.look(wall(41), at(40)), Some(-3 * hour));
        assert!(steps.certainly_before(Duration::from_secs(600)) <= wall(41 - 600));
        assert_eq!(steps.look(wall(700), at(699)), None);
        assert_eq!(steps.certainly_before(Duration::from_secs(600)), wall(100), "the step is long ago");
        for n in 0..200_u64 {
            steps.look(Timestamp(wall(700).0 + i64::try_from(n).unwrap_or(0) * hour), at(700 + n));
        }
        assert_eq!(steps.forward.len(), STEPS_MAX);
    }
}
