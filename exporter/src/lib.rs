//! The exporter: reads current states from the store every few seconds and shows them to Prometheus: sums over the
//! fleet by site, and series of their own for a bounded number of stations. It writes nothing and holds nothing: any
//! number of them may run, and any may be down.

mod config;
mod connection;
mod fleet;
mod metrics;
mod places;
mod poll;
mod scrape;
mod snapshot;
mod tables;

use std::sync::Arc;

use prometheus_client::registry::Registry;
use service::readiness::Readiness;
use store::StoreConfig;
use store::read::Reader;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use metrics::METRICS;

/// The ports that the exporter serves, bound.
#[derive(Debug)]
pub struct Listeners {
    /// Metrics and probes.
    pub admin: TcpListener,
}

/// Why the exporter ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting makes no sense.
    #[error("{0}")]
    Config(String),
    /// The admin port failed.
    #[error("the exporter's admin port (exporter.admin.listen) failed: {0}")]
    Admin(#[source] std::io::Error),
}

/// Runs the exporter until `shutdown`. A store that does not answer is waited for, and said so on `/readyz`.
///
/// # Errors
/// For settings that make no sense, and when the admin port fails.
pub async fn run(
    config: Config,
    store: StoreConfig,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    config.check()?;
    let ready = Readiness::new();
    ready.set("store", Err("not read yet".into()));
    let scrape = scrape::Scrape::new(config.limits(), scrape::unix_now);
    let mut registry = Registry::default();
    service::metrics::register_process(&mut registry);
    let reads = poll::Reads::register(&mut registry);
    registry.register_collector(Box::new(scrape.clone()));

    let poll = poll::Poll { config, reader: Reader::new(&store), scrape, reads, ready: ready.clone() };
    let polling = tokio::spawn(poll.run(shutdown.clone()));
    let served = service::admin::serve(listeners.admin, Arc::new(registry), ready, shutdown.clone()).await;
    shutdown.cancel();
    if let Err(error) = polling.await {
        tracing::error!("the exporter's poll ended by itself: {error}");
    }
    served.map_err(Error::Admin)
}
