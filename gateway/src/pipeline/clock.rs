//! The gateway's clock: the one place that asks for the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use station::time::Timestamp;

/// Now. A clock before 1970 counts as 1970.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
