//! The anomaly service: scores every charging session that has ended, and says why.
//!
//! It reads facts from the store and writes what it finds there; over gRPC it is asked directly. Checks of physics and
//! sense work from the first session on; models are learnt from the stored sessions when there are enough.

mod activation;
pub mod checks;
mod config;
mod drift;
pub mod evaluation;
pub mod features;
pub mod forecast;
mod hours;
pub mod measures;
mod metrics;
pub mod models;
mod places;
mod profile;
mod reads;
pub mod score;
mod scoring;
mod server;
pub mod session;
pub mod severity;
mod training;
pub mod usual;
pub mod words;
mod writer;

use std::sync::Arc;

use ::service::auth::{ApiConfig, HashError};
use ::service::readiness::Readiness;
use ::service::tls::TlsError;
use arc_swap::{ArcSwap, ArcSwapOption};
use prometheus_client::registry::Registry;
use station::time::Timestamp;
use store::StoreConfig;
use store::read::Reader;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use config::{Config, ForecastConfig, GrpcConfig, ScoringConfig, TrainingConfig};
pub use metrics::METRICS;

use crate::activation::Activator;
use crate::forecast::Forecaster;
use crate::metrics::Metrics;
use crate::models::{Active, ArtefactError, Folder};
use crate::score::Scorer;
use crate::scoring::Scoring;
use crate::server::Api;
use crate::training::Trainer;

/// The ports that the service listens on, bound.
#[derive(Debug)]
pub struct Listeners {
    /// The gRPC API.
    pub grpc: TcpListener,
    /// Metrics and probes.
    pub admin: TcpListener,
}

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting makes no sense.
    #[error("{0}")]
    Config(String),
    /// A token's hash in the configuration cannot be read.
    #[error(transparent)]
    Token(#[from] HashError),
    /// TLS cannot be set up.
    #[error("anomaly.grpc.tls: {0}")]
    Tls(#[from] TlsError),
    /// The folder with the models cannot be used.
    #[error("anomaly.training.folder: {0}")]
    Folder(#[from] ArtefactError),
    /// The gRPC port failed.
    #[error("the gRPC port (anomaly.grpc.listen) failed: {0}")]
    Grpc(#[source] tonic::transport::Error),
    /// Reflection cannot be built.
    #[error("gRPC reflection: {0}")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The system refuses a thread or a port's address.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// The admin port failed.
    #[error("the anomaly service's admin port (anomaly.admin.listen) failed: {0}")]
    Admin(#[source] std::io::Error),
}

/// Runs the service until `shutdown`. A store that does not answer is waited for, and said so on `/readyz`.
///
/// # Errors
/// For settings that make no sense, a folder that cannot be used, and when a port fails.
pub async fn run(
    config: Config,
    store: StoreConfig,
    api: ApiConfig,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    config.check()?;
    let access = server::access(&api, listeners.grpc.local_addr()?.ip())?;
    let folder = Folder::open(&config.training.folder)?;
    let mut registry = Registry::default();
    ::service::metrics::register_process(&mut registry);
    let metrics = Metrics::register(&mut registry);
    let ready = Readiness::new();
    ready.set("store", Err("not read yet".into()));

    let scorer = first_scorer(&config, &folder)?;
    announce(&scorer, &metrics);
    let scorer = Arc::new(ArcSwap::from_pointee(scorer));
    let (lanes, writer) = writer::start(&store, &metrics, shutdown.clone())?;
    let (activated, activations) = watch::channel(0);
    let reader = Reader::new(&store);
    let scoring = Arc::new(Scoring::new(
        config.scoring.clone(),
        reader.clone(),
        Arc::clone(&scorer),
        lanes.clone(),
        metrics.clone(),
        ready.clone(),
    ));
    let activator = Arc::new(Activator {
        folder: folder.clone(),
        scorer: Arc::clone(&scorer),
        lanes: lanes.clone(),
        metrics: metrics.clone(),
        activated,
        turn: tokio::sync::Mutex::new(()),
    });
    let trainer = Arc::new(Trainer {
        config: config.training.clone(),
        training: config.training(),
        limits: config.checks.clone(),
        reader: reader.clone(),
        folder: folder.clone(),
        activator: Arc::clone(&activator),
        metrics: metrics.clone(),
        last: std::sync::Mutex::new(last_training(&folder)?),
        running: tokio::sync::Mutex::new(()),
    });
    let forecasts = Arc::new(ArcSwapOption::empty());
    let forecaster = Forecaster {
        config: config.forecast.clone(),
        reader: reader.clone(),
        lanes,
        metrics: metrics.clone(),
        history: Arc::clone(&forecasts),
    };
    let places = Arc::clone(&scoring);
    let api = Api {
        access: Arc::new(access),
        reader,
        scorer,
        places: Arc::new(move || places.places.load_full()),
        folder,
        activator,
        trainer: Arc::clone(&trainer),
        metrics,
        forecasts,
        judging: Arc::default(),
        shutdown: shutdown.clone(),
    };

    let scoring = tokio::spawn(Arc::clone(&scoring).run(activations, shutdown.clone()));
    let drift = tokio::spawn(Arc::clone(&trainer).watch_drift(shutdown.clone()));
    let training = tokio::spawn(trainer.run(shutdown.clone()));
    let forecasting = tokio::spawn(forecaster.run(shutdown.clone()));
    let admin = ::service::admin::serve(listeners.admin, Arc::new(registry), ready, shutdown.clone());
    let grpc = server::serve(&config.grpc, listeners.grpc, api, shutdown.clone());
    // Whichever ends first ends the others.
    let served = tokio::try_join!(async { ended(admin.await.map_err(Error::Admin), &shutdown) }, async {
        ended(grpc.await, &shutdown)
    },);
    shutdown.cancel();
    let tasks =
        [("scoring", scoring), ("training", training), ("drift", drift), ("forecasting", forecasting)];
    for (name, task) in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "{name} has crashed");
        }
    }
    let joined = tokio::task::spawn_blocking(move || writer.join()).await;
    if !matches!(joined, Ok(Ok(()))) {
        tracing::error!("the thread that writes to the store has crashed");
    }
    served.map(|_| ())
}

fn ended(result: Result<(), Error>, shutdown: &CancellationToken) -> Result<(), Error> {
    shutdown.cancel();
    result
}

/// Scores with the model that was active last, or else with the newest that can be used, or with the checks alone.
fn first_scorer(config: &Config, folder: &Folder) -> Result<Scorer, Error> {
    let checks = Scorer::new(config.checks.clone(), config.severity, None);
    let Some((artefact, since_us)) = folder.last_good()? else { return Ok(checks) };
    let since_us = match since_us {
        Some(since_us) => since_us,
        None => {
            let active = Active { model: artefact.name.clone(), since_us: now().0 };
            folder.set_active(&active)?;
            active.since_us
        }
    };
    Ok(checks.with(Arc::new(artefact), since_us))
}

/// The time and size of the newest training that has left a usable file.
fn last_training(folder: &Folder) -> Result<Option<(i64, u64)>, Error> {
    let newest = folder.names()?.into_iter().find_map(|name| {
        let model = folder.load(&name).ok()?.model;
        let judged = folder.verdict(&name).evaluation.map_or(0, |evaluation| evaluation.sessions);
        Some((model.trained_at_us, model.sessions + model.rejected + judged))
    });
    Ok(newest)
}

fn announce(scorer: &Scorer, metrics: &Metrics) {
    match scorer.artefact() {
        Some(artefact) => {
            let model = &artefact.model;
            tracing::info!(model = %artefact.name, sessions = model.sessions, "the last model scores");
            metrics.model(&artefact.name, model.trained_at_us, model.sessions);
        }
        None => {
            tracing::info!(version = %scorer.version(), "there is no model yet: the checks score alone");
            metrics.model(scorer.version(), 0, 0);
        }
    }
}

/// The present. Everything below takes it as an argument or from here.
fn now() -> Timestamp {
    chrono::Utc::now().into()
}
