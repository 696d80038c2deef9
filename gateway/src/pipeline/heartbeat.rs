//! The gateway's own heartbeat in the store: without it, "connected" of its stations would not mean anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use service::config::HumanDuration;
use store::ilp::{Batch, Writer};
use store::{GatewayRow, StoreConfig};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::clock;
use super::status::Status;
use crate::metrics::AdapterMetrics;

/// An epoch ends after 45 s of silence: four heartbeats may be lost.
const EVERY: Duration = Duration::from_secs(10);

/// Which gateway, and which run of it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its name.
    pub gateway: String,
    /// Its run: every start begins a new one.
    pub epoch: Uuid,
}

impl Identity {
    /// A new run of a gateway.
    #[must_use]
    pub fn new(gateway: String) -> Self {
        Self { gateway, epoch: Uuid::now_v7() }
    }
}

/// A heartbeat that takes longer than the next is far says nothing any more, and a gateway that ends does not wait for it.
pub(super) fn sender(config: &StoreConfig) -> Writer {
    let request_timeout = HumanDuration(config.request_timeout.0.min(EVERY / 2));
    Writer::new(&StoreConfig { request_timeout, ..config.clone() })
}

/// On a sender of its own, so that a backlog does not look like silence.
pub(super) struct Heartbeat {
    pub(super) ilp: Writer,
    pub(super) identity: Identity,
    pub(super) status: Arc<Status>,
    pub(super) adapters: AdapterMetrics,
    pub(super) stop: CancellationToken,
}

impl Heartbeat {
    pub(super) fn run(mut self) {
        let mut next = Instant::now();
        while !self.stop.is_cancelled() {
            if Instant::now() >= next {
                next = Instant::now() + EVERY;
                self.send("running");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.send("stopped");
    }

    fn send(&mut self, state: &'static str) {
        let in_journal = self.status.journal.synced().saturating_sub(self.status.books.load().position);
        let mut batch = Batch::new();
        batch.push_gateway(
            0,
            &GatewayRow {
                ts: clock::now(),
                gateway: self.identity.gateway.clone(),
                epoch: self.identity.epoch,
                state,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                connections: self.adapters.open_connections(),
                journal_events: i64::try_from(in_journal).unwrap_or(i64::MAX),
            },
        );
        if let Err(error) = self.ilp.send(&mut batch) {
            tracing::debug!(%error, "no heartbeat in the store");
        }
    }
}
