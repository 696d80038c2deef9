//! The gateway's own MQTT endpoint: accepts connections, with and without TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service::tls::{ClientCertificates, ReloadingTls};
use station::event::Source;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Deps;
use super::clients::Clients;
use super::config::{Config, ConfigError};
use super::connection::{Shared, serve};
use super::leaving::Leaving;
use super::messages::Messages;
use crate::socket;

/// This endpoint, in metrics of certificates.
const LISTENER: &str = "mqtt";
/// Out of file handles, accepting again at once would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How long connections may take to end after they were asked to.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Why the endpoint cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificate.
    #[error("gateway.mqtt.tls: {0}")]
    Tls(#[from] service::tls::TlsError),
}

/// Serves stations until `shutdown`, and then until what they sent is answered.
///
/// # Errors
/// When the configuration cannot be used.
pub async fn serve_endpoint(
    config: Config,
    plain: Option<TcpListener>,
    tls: Option<TcpListener>,
    deps: Deps,
    shutdown: CancellationToken,
) -> Result<(), EndpointError> {
    config.check()?;
    let certificate = match (&tls, &config.tls) {
        (Some(_), Some(tls)) => Some(ReloadingTls::load(tls, ClientCertificates::Required)?),
        (Some(_), None) => return Err(ConfigError::NoCertificate.into()),
        (None, _) => None,
    };
    let server = Server {
        connections: Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS))),
        shared: Arc::new(Shared {
            messages: Messages {
                rules: config.rules()?,
                source: Source::MqttEndpoint,
                key: deps.secret_key,
                pipeline: deps.pipeline,
                metrics: deps.metrics,
            },
            config,
            clients: Clients::default(),
            gateway_id: deps.gateway_id,
            epoch: deps.epoch,
        }),
        tasks: TaskTracker::new(),
        leaving: Arc::new(Leaving::new(shutdown)),
    };
    tokio::join!(
        async {
            if let Some(listener) = plain {
                server.accept(listener, None).await;
            }
        },
        async {
            if let (Some(listener), Some(tls)) = (tls, &certificate) {
                let metrics = &server.shared.messages.metrics;
                metrics.certificate(LISTENER, tls.expires_at_s());
                let watch = Arc::clone(tls).watch("gateway.mqtt.tls", |good| {
                    metrics.reloaded(LISTENER, good);
                    metrics.certificate(LISTENER, tls.expires_at_s());
                });
                tokio::select! {
                    () = server.accept(listener, Some(tls)) => {}
                    () = watch => {}
                }
            }
        }
    );
    server.tasks.close();
    let (tasks, per_second) = (&server.tasks, server.shared.config.drain_per_second);
    tokio::join!(server.leaving.lead_out(tasks, per_second), async {
        // Counted from the last one's turn.
        server.leaving.all_told().await;
        if timeout(DRAIN_LIMIT, tasks.wait()).await.is_err() {
            tracing::warn!(
                connections = tasks.len(),
                "MQTT connections did not end in time: they are cut; what was acknowledged is journaled"
            );
        }
    });
    Ok(())
}

struct Server {
    shared: Arc<Shared>,
    connections: Arc<Semaphore>,
    tasks: TaskTracker,
    leaving: Arc<Leaving>,
}

impl Server {
    async fn accept(&self, listener: TcpListener, tls: Option<&ReloadingTls>) {
        loop {
            let accepted = tokio::select! {
                () = self.leaving.begun() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, remote)) => {
                    self.start(stream, remote, tls.map(|tls| TlsAcceptor::from(tls.current())));
                }
                Err(error) => self.not_accepted(&error).await,
            }
        }
    }

    fn start(&self, stream: TcpStream, remote: SocketAddr, acceptor: Option<TlsAcceptor>) {
        let metrics = &self.shared.messages.metrics;
        let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() else {
            metrics.refused("too_many_connections");
            tracing::warn!(%remote, "MQTT connection closed: there are gateway.mqtt.max_connections already");
            return;
        };
        let (shared, leaving) = (Arc::clone(&self.shared), Arc::clone(&self.leaving));
        self.tasks.spawn(async move {
            socket::prepare(&stream);
            match acceptor {
                None => {
                    serve(&shared, stream, remote.ip(), &leaving).await;
                }
                Some(acceptor) => {
                    match timeout(shared.config.connect_timeout.0, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            serve(&shared, stream, remote.ip(), &leaving).await;
                        }
                        Ok(Err(error)) => {
                            shared.messages.metrics.refused("tls");
                            tracing::info!(
                                %remote,
                                "TLS handshake failed: {error}; does the client speak TLS, and trust the certificate's authority?"
                            );
                        }
                        Err(_) => {
                            shared.messages.metrics.refused("tls");
                            tracing::info!(
                                %remote,
                                "TLS handshake not finished in time (gateway.mqtt.connect_timeout): look at the client, or \
                                 at the network between"
                            );
                        }
                    }
                }
            }
            drop(permit);
        });
    }

    async fn not_accepted(&self, error: &io::Error) {
        self.shared.messages.metrics.refused("accept");
        tracing::error!(
            "MQTT connections cannot be accepted: {error}; are there enough file handles (nofile)?"
        );
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
