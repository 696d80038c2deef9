//! How connections leave when the gateway stops: one after the other, so that not all come back at once.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Who may go now.
#[derive(Debug)]
pub(super) struct Leaving {
    shutdown: CancellationToken,
    turns: Semaphore,
    told: CancellationToken,
}

impl Leaving {
    /// Begins with `shutdown`.
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, turns: Semaphore::new(0), told: CancellationToken::new() }
    }

    /// Resolves when the gateway stops.
    pub(super) async fn begun(&self) {
        self.shutdown.cancelled().await;
    }

    /// Resolves when it is the caller's turn to go.
    pub(super) async fn turn(&self) {
        self.begun().await;
        if let Ok(turn) = self.turns.acquire().await {
            turn.forget();
        }
    }

    /// Resolves when all have had their turn.
    pub(super) async fn all_told(&self) {
        self.told.cancelled().await;
    }

    /// Gives so many turns a second, until all connections have had one.
    pub(super) async fn lead_out(&self, connections: &TaskTracker, per_second: u32) {
        let per_second = per_second.max(1);
        if !connections.is_empty() {
            tracing::info!(
                connections = connections.len(),
                per_second,
                "closing MQTT connections; the grace period must be longer (gateway.mqtt.drain_per_second)"
            );
        }
        let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second);
        for _ in 0..connections.len() {
            pace.tick().await;
            self.turns.add_permits(1);
        }
        self.turns.close();
        self.told.cancel();
    }
}
