//! The gateway as a whole: wires its parts, and ends them in order.

use std::io;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use service::auth::{ApiConfig, ApiTokens, HashError};
use service::readiness::Readiness;
use service::secret_key::{SecretKeyError, SecretsConfig};
use service::tls::ReloadingTls;
use station::secret::SecretKey;
use store::StoreConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::config::Config;
use crate::csv;
use crate::metrics::{AdapterMetrics, GatewayCollector, PipelineMetrics};
use crate::mqtt;
use crate::ocpp;
use crate::pipeline::{self, Identity, PipelineConfig, PipelineError};

/// What the gateway shares with the other processes' configuration.
#[derive(Clone, Debug)]
pub struct Shared {
    /// QuestDB.
    pub store: StoreConfig,
    /// API tokens.
    pub api: ApiConfig,
    /// The key for tokens of users.
    pub secrets: SecretsConfig,
}

/// Sockets that are bound already, so that tests can ask the system for free ports.
#[derive(Debug)]
pub struct Listeners {
    /// Metrics and probes.
    pub admin: TcpListener,
    /// HTTP API.
    pub api: TcpListener,
    /// OCPP over ws.
    pub ocpp: TcpListener,
    /// OCPP over wss, where `gateway.ocpp.tls` is set.
    pub ocpp_tls: Option<TcpListener>,
    /// The own MQTT endpoint, where `gateway.mqtt.listen` is set.
    pub mqtt: Option<TcpListener>,
    /// The same over TLS, where `gateway.mqtt.tls_listen` is set.
    pub mqtt_tls: Option<TcpListener>,
}

/// Why the gateway does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator's key.
    #[error(transparent)]
    Secret(#[from] SecretKeyError),
    /// An API token.
    #[error(transparent)]
    Token(#[from] HashError),
    /// Journal or threads.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A certificate.
    #[error(transparent)]
    Tls(#[from] service::tls::TlsError),
    /// The OCPP endpoint.
    #[error(transparent)]
    Ocpp(#[from] ocpp::Error),
    /// The security profiles.
    #[error(transparent)]
    Profiles(#[from] ocpp::ProfileError),
    /// The MQTT topics.
    #[error(transparent)]
    Topics(#[from] mqtt::ConfigError),
    /// The MQTT endpoint.
    #[error(transparent)]
    Mqtt(#[from] mqtt::EndpointError),
    /// The MQTT broker.
    #[error(transparent)]
    Broker(#[from] mqtt::BrokerError),
    /// A listener failed.
    #[error("a listener of the gateway failed: {0}")]
    Listener(#[from] io::Error),
    /// A thread ended by a defect.
    #[error(
        "a thread of the journal or the writer ended by a defect (the log has its message); the journal has everything that was acknowledged: start again"
    )]
    Defect,
    /// A part ended by a defect.
    #[error("a part of the gateway ended by a defect: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Runs until `shutdown`: then nothing new is accepted, connections are closed, the journal is synced, and what the
/// drain time allows is written.
///
/// # Errors
/// When it cannot start, or a listener fails.
pub async fn run(
    config: Config,
    shared: Shared,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    config.ocpp.check()?;
    let secret_key = Arc::new(SecretKey::new(shared.secrets.key_bytes()?));
    let tokens = Arc::new(ApiTokens::new(&shared.api)?);
    let ready = Readiness::new();
    ready.set("gateway", Err("starting: the journal is being folded".to_owned()));

    let mut registry = Registry::default();
    service::metrics::register_process(&mut registry);
    let adapter_metrics = AdapterMetrics::register(&mut registry);
    let pipeline_metrics = PipelineMetrics::register(&mut registry);
    let identity = Identity::new(config.name.clone());
    let pipeline_config = PipelineConfig {
        journal: config.journal.clone(),
        writer: config.writer.clone(),
        store: shared.store.clone(),
        session_silence: config.session_silence.0,
    };
    let running = {
        let (identity, ready, adapters) = (identity.clone(), ready.clone(), adapter_metrics.clone());
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let _entered = runtime.enter();
            pipeline::start(&pipeline_config, &identity, &pipeline_metrics, &adapters, &ready)
        })
        .await??
    };
    registry.register_collector(Box::new(GatewayCollector(Arc::clone(&running.status))));

    // Probes and metrics are served to the very end.
    let admin_stop = CancellationToken::new();
    let admin = tokio::spawn(service::admin::serve(
        listeners.admin,
        Arc::new(registry),
        ready.clone(),
        admin_stop.clone(),
    ));
    let store = store::read::Reader::new(&shared.store);
    let taps = Arc::<ocpp::Taps>::default();
    let deps = api::Deps {
        pipeline: running.pipeline.clone(),
        status: Arc::clone(&running.status),
        secret_key: Arc::clone(&secret_key),
        tokens,
        auditor: pipeline::audit::Auditor {
            folder: config.journal.folder.clone(),
            status: Arc::clone(&running.status),
            store: store.clone(),
            stop: shutdown.clone(),
            last: Arc::default(),
        },
        store,
        rules: Arc::new(config.mqtt.rules()?),
        changing: Arc::default(),
        commands: config.commands.clone(),
        taps: Arc::clone(&taps),
        stop: shutdown.clone(),
    };
    let mut parts = tokio::task::JoinSet::new();
    let more = csv::import_router(csv::ImportDeps {
        pipeline: running.pipeline.clone(),
        secret_key: Arc::clone(&secret_key),
        metrics: adapter_metrics.clone(),
    });
    parts.spawn({
        let shutdown = shutdown.clone();
        async move { api::serve(listeners.api, deps, more, shutdown).await.map_err(Error::from) }
    });
    let ocpp_tls = match (listeners.ocpp_tls, &config.ocpp.tls) {
        (Some(listener), Some(tls)) => {
            Some((listener, ReloadingTls::load(tls, config.ocpp.client_certificates())?))
        }
        _ => None,
    };
    let ocpp_deps = ocpp::Deps {
        pipeline: running.pipeline.clone(),
        secret_key: SecretKey::clone(&secret_key),
        gateway_id: identity.gateway.as_str().into(),
        epoch: identity.epoch,
        setting: {
            let status = Arc::clone(&running.status);
            Arc::new(move |station| {
                status.published.settings.load().station(station).cloned().unwrap_or_default()
            })
        },
        standing: {
            let status = Arc::clone(&running.status);
            Arc::new(move |station, has_key| status.published.settings.load().standing_of(station, has_key))
        },
        access: Arc::clone(&running.status.published.access),
        booted: {
            let booted = running.booted.clone();
            Arc::new(move |station| booted.contains(station))
        },
        board: Arc::clone(&running.status.published.commands),
        taps,
        metrics: adapter_metrics.clone(),
    };
    parts.spawn({
        let (listener, shutdown) = (listeners.ocpp, shutdown.clone());
        let (config, commands) = (config.ocpp.clone(), config.commands.clone());
        async move {
            ocpp::serve(config, commands, listener, ocpp_tls, ocpp_deps, shutdown).await.map_err(Error::from)
        }
    });
    let mqtt_deps = mqtt::Deps {
        pipeline: running.pipeline.clone(),
        secret_key: Arc::clone(&secret_key),
        metrics: adapter_metrics,
        readiness: ready.clone(),
        gateway_id: identity.gateway.clone(),
        epoch: identity.epoch,
    };
    if listeners.mqtt.is_some() || listeners.mqtt_tls.is_some() {
        let (config, deps, shutdown) = (config.mqtt.clone(), mqtt_deps.clone(), shutdown.clone());
        let (plain, tls) = (listeners.mqtt, listeners.mqtt_tls);
        parts.spawn(async move {
            mqtt::serve_endpoint(config, plain, tls, deps, shutdown).await.map_err(Error::from)
        });
    }
    if config.mqtt.broker.is_some() {
        let (config, shutdown) = (config.mqtt.clone(), shutdown.clone());
        parts.spawn(async move { mqtt::run_broker(config, mqtt_deps, shutdown).await.map_err(Error::from) });
    }
    ready.set("gateway", Ok(()));
    tracing::info!(gateway = identity.gateway, epoch = %identity.epoch, "the gateway is ready");

    let mut result = Ok(());
    let failed = running.failed();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = failed.cancelled() => {
            result = Err(Error::Defect);
            shutdown.cancel();
        }
        // A part that ends by itself has failed: the rest is ended in order, too.
        Some(ended) = parts.join_next() => {
            result = ended.map_err(Error::from).and_then(|r| r);
            shutdown.cancel();
        }
    }
    ready.set("gateway", Err("stopping".to_owned()));
    while let Some(ended) = parts.join_next().await {
        result = result.and(ended.map_err(Error::from).and_then(|r| r));
    }
    running.stop().await;
    admin_stop.cancel();
    admin.await??;
    result
}
