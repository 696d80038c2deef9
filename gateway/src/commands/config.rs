//! Settings of commands.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::HumanDuration;
use station::fold::COMMANDS_OPEN_MAX;

/// The longest time that an answer is waited for.
const CALL_TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// Commands to stations.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a command waits to be sent, if its request does not say it.
    pub expires_in: HumanDuration,
    /// The longest that a request may say.
    pub max_expires_in: HumanDuration,
    /// How long a station may take to answer, up to 10m. What is not answered by then is `unknown`, and the next
    /// command is sent.
    pub call_timeout: HumanDuration,
    /// Commands of one station that may wait or be unanswered, up to 256; more are answered 429.
    pub max_open: usize,
}

impl Default for Config {
    fn default() -> Self {
        let seconds = |seconds| HumanDuration(Duration::from_secs(seconds));
        Self {
            expires_in: seconds(300),
            max_expires_in: seconds(7 * 86_400),
            call_timeout: seconds(30),
            max_open: 16,
        }
    }
}

impl Config {
    /// How long an answer is waited for.
    #[must_use]
    pub fn call_timeout(&self) -> Duration {
        self.call_timeout.0.clamp(Duration::from_millis(1), CALL_TIMEOUT_MAX)
    }

    /// Open commands of one station.
    #[must_use]
    pub fn max_open(&self) -> usize {
        self.max_open.min(COMMANDS_OPEN_MAX)
    }
}
