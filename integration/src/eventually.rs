//! Waiting for a condition, with a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Asks again and again until `check` gives `Ok`; panics with the last `Err` when `deadline` has passed.
///
/// # Panics
/// When the deadline has passed.
pub async fn eventually<T, E, F, Fut>(deadline: Duration, mut check: F) -> T
where
    E: std::fmt::Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        match check().await {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < end, "not within {deadline:?}: {error}"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// As [`eventually`], for code without a runtime.
///
/// # Panics
/// When the deadline has passed.
pub fn eventually_blocking<T, E: std::fmt::Display>(
    deadline: Duration,
    mut check: impl FnMut() -> Result<T, E>,
) -> T {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        match check() {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < end, "not within {deadline:?}: {error}"),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
