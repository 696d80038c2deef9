//! Reads the store, again and again, and leaves what it found for the scrape.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use service::metrics::RegisterSpec;
use service::readiness::Readiness;
use std::sync::Arc;
use store::read::{ReadError, Reader};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::connection::{Gateways, Silence};
use crate::metrics as m;
use crate::scrape::{Scrape, unix_now};
use crate::tables::{Tables, Writes};

/// How reads of the store went.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    results: Family<ReadResult, Counter>,
    duration: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReadResult {
    result: &'static str,
}

impl Reads {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let reads =
            Self { results: registry.counter(&m::READS), duration: registry.histogram(&m::READ_DURATION) };
        for result in ["ok", "failed"] {
            let _ = reads.results.get_or_create(&ReadResult { result });
        }
        reads
    }

    fn count(&self, result: &'static str) {
        self.results.get_or_create(&ReadResult { result }).inc();
    }
}

/// The loop that reads the store.
pub(crate) struct Poll {
    pub(crate) config: Config,
    pub(crate) reader: Reader,
    pub(crate) scrape: Scrape,
    pub(crate) reads: Reads,
    pub(crate) ready: Readiness,
}

impl Poll {
    /// Reads until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.config.interval.0);
        // A read that takes longer than the interval must not be followed by several at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut gateways = Gateways::default();
        let mut writes = Writes::default();
        let mut failing = false;
        let limits = self.config.limits();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let began = Instant::now();
            let read = tokio::select! {
                () = shutdown.cancelled() => return,
                read = tokio::time::timeout(self.config.timeout.0, Tables::read(&self.reader, &limits)) => read,
            };
            self.reads.duration.observe(began.elapsed().as_secs_f64());
            let failure = match read {
                Ok(Ok(tables)) => {
                    self.take(tables, &mut gateways, &mut writes);
                    None
                }
                Ok(Err(error)) => {
                    let up = !matches!(error, ReadError::Unavailable { .. } | ReadError::Timeout { .. });
                    Some((error.to_string(), up))
                }
                Err(_) => Some((
                    format!(
                        "the store was not read within {} s (exporter.timeout)",
                        self.config.timeout.0.as_secs_f64()
                    ),
                    false,
                )),
            };
            match failure {
                None => {
                    if failing {
                        tracing::info!("the store is read again");
                    }
                    failing = false;
                    self.reads.count("ok");
                    self.ready.set("store", Ok(()));
                }
                Some((reason, store_up)) => {
                    if !failing {
                        tracing::warn!("{reason}; tried again every {:?}", self.config.interval.0);
                    }
                    failing = true;
                    self.reads.count("failed");
                    self.ready.set("store", Err(reason));
                    gateways.store_lost();
                    writes.store_lost();
                    self.scrape.update(|seen| {
                        seen.store_up = store_up;
                        seen.takes_writes = false;
                    });
                }
            }
        }
    }

    fn take(&self, tables: Tables, gateways: &mut Gateways, writes: &mut Writes) {
        let now = unix_now();
        let takes_writes = writes.observe(&tables.wal);
        gateways.observe(now, takes_writes, &tables.heartbeats());
        let silence = Silence {
            gateway_s: self.config.gateway_timeout.0.as_secs_f64(),
            broker_s: self.config.broker_timeout.0.as_secs_f64(),
        };
        let snapshot = Arc::new(tables.into_snapshot(now, gateways, &silence));
        self.scrape.update(|seen| {
            seen.snapshot = Some(snapshot);
            seen.store_up = true;
            seen.takes_writes = takes_writes;
        });
    }
}
