//! The gRPC server: the API, health and reflection, behind TLS and tokens.

mod access;
mod convert;
mod errors;
mod filter;
mod forecast;
mod list;
mod models;
mod page;
mod profile;
mod service;
mod sessions;

use std::net::IpAddr;
use std::sync::Arc;

use ::service::auth::{ApiConfig, ApiTokens};
use arc_swap::{ArcSwap, ArcSwapOption};
use proto::anomaly::v1::anomaly_service_server::AnomalyServiceServer;
use store::read::Reader;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use crate::Error;
use crate::activation::Activator;
use crate::config::GrpcConfig;
use crate::forecast::History;
use crate::metrics::Metrics;
use crate::models::Folder;
use crate::places::Places;
use crate::score::Scorer;
use crate::training::Trainer;
pub(crate) use access::Access;

/// What the API answers from.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) access: Arc<Access>,
    pub(crate) reader: Reader,
    pub(crate) scorer: Arc<ArcSwap<Scorer>>,
    pub(crate) places: Arc<dyn Fn() -> Arc<Places> + Send + Sync>,
    pub(crate) folder: Folder,
    pub(crate) activator: Arc<Activator>,
    pub(crate) trainer: Arc<Trainer>,
    pub(crate) metrics: Metrics,
    pub(crate) forecasts: Arc<ArcSwapOption<History>>,
    /// One evaluation on request at a time: each takes a processor for a while.
    pub(crate) judging: Arc<Mutex<()>>,
    /// Ends what would otherwise go on for as long as its caller likes.
    pub(crate) shutdown: CancellationToken,
}

/// Who may call: anybody on this machine if there are no tokens, else who has one.
pub(crate) fn access(api: &ApiConfig, address: IpAddr) -> Result<Access, Error> {
    if api.tokens.is_empty() && api.anonymous.is_empty() {
        if address.is_loopback() {
            return Ok(Access::Open);
        }
        return Err(Error::Config(format!(
            "anomaly.grpc.listen is {address}, which others reach, but there are no tokens: make one with \
             `ampwarden token new`, put it under api.tokens, or listen on 127.0.0.1"
        )));
    }
    Ok(Access::Tokens(ApiTokens::new(api)?))
}

/// Serves until `shutdown`; calls that are running are finished.
pub(crate) async fn serve(
    config: &GrpcConfig,
    listener: TcpListener,
    api: Api,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let limit = config.message_max.as_usize();
    let anomaly = AnomalyServiceServer::new(api)
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit.max(4 << 20));
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<AnomalyServiceServer<Api>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(Error::Reflection)?;

    let mut server = Server::builder()
        .timeout(config.deadline.0)
        .concurrency_limit_per_connection(config.calls_max as usize)
        .http2_keepalive_interval(Some(std::time::Duration::from_secs(30)));
    if let Some(tls) = &config.tls {
        server = server.tls_config(tls_config(tls)?).map_err(Error::Grpc)?;
    }
    let stop = shutdown.clone();
    server
        .add_service(health_service)
        .add_service(reflection)
        .add_service(anomaly)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async move {
            stop.cancelled().await;
            health.set_not_serving::<AnomalyServiceServer<Api>>().await;
        })
        .await
        .map_err(Error::Grpc)
}

fn tls_config(config: &::service::tls::TlsConfig) -> Result<ServerTlsConfig, Error> {
    // Checked first by what also serves the other ports: its errors name file and reason.
    ::service::tls::server_config(config)?;
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|error| Error::Config(format!("{}: {error}", path.display())))
    };
    let identity = Identity::from_pem(read(&config.certificate)?, read(&config.key)?);
    let mut tls = ServerTlsConfig::new().identity(identity);
    if let Some(authority) = &config.client_ca {
        tls = tls.client_ca_root(Certificate::from_pem(read(authority)?));
    }
    Ok(tls)
}
