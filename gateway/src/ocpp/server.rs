//! Listening, and stopping.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use service::tls::{ReloadingTls, names_of};
use station::fold::Standing;
use station::id::StationId;
use station::secret::SecretKey;
use station::setting::StationSetting;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::access::Peer;
use super::config::Config;
use super::connection;
use super::rate::{Rate, StationRate};
use super::registry::{Registry, Stop};
use super::trace::Taps;
use crate::access::Access;
use crate::commands::{self, Board};
use crate::metrics::AdapterMetrics;
use crate::pipeline::Pipeline;
use crate::socket;

/// How long the accept loop rests when the system gives no more sockets: it would burn a core otherwise.
const OUT_OF_FILES_PAUSE: Duration = Duration::from_millis(250);
/// This endpoint, in metrics of certificates.
const LISTENER: &str = "ocpp";
/// Sockets over the limit that are still answered 503; beyond, they are closed at once.
const TURNING_AWAY_MAX: usize = 1_000;
/// How long connections may take to end after they were asked to.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Says how a station stands, given whether it has a key.
type Judge = dyn Fn(&StationId, bool) -> Standing + Send + Sync;

/// What the endpoint works with.
pub struct Deps {
    /// Where events go.
    pub pipeline: Pipeline,
    /// Hashes and seals tokens.
    pub secret_key: SecretKey,
    /// This gateway's name, in `connections`.
    pub gateway_id: Arc<str>,
    /// This run of the gateway.
    pub epoch: Uuid,
    /// What operators say of a station.
    pub setting: Arc<dyn Fn(&StationId) -> StationSetting + Send + Sync>,
    /// How a station stands, given whether it has a key.
    pub standing: Arc<Judge>,
    /// Keys of stations, and those that wait for an operator.
    pub access: Arc<Access>,
    /// Whether a station's BootNotification was accepted in an earlier run. Messages of stations of which that is not
    /// known are flagged `before_boot` until they boot.
    pub booted: Arc<dyn Fn(&StationId) -> bool + Send + Sync>,
    /// Commands that wait for their stations.
    pub board: Arc<Board>,
    /// Who looks at raw frames.
    pub taps: Arc<Taps>,
    /// What is counted.
    pub metrics: AdapterMetrics,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps")
            .field("gateway_id", &self.gateway_id)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// Why the endpoint cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener is no listener.
    #[error("the OCPP listener has no address: {0}")]
    Listener(#[from] io::Error),
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) config: Config,
    pub(super) config_of_commands: commands::Config,
    pub(super) deps: Deps,
    pub(super) registry: Arc<Registry>,
    pub(super) handshakes: Rate,
    pub(super) station_handshakes: StationRate,
    open: AtomicUsize,
    draining: AtomicBool,
}

impl Server {
    /// Sockets that are open.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How a station stands.
    pub(super) fn standing(&self, station: &StationId) -> Standing {
        let has_key = self.deps.access.keys(station).is_some_and(|keys| keys.is_required());
        (self.deps.standing)(station, has_key)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Counts an open socket for as long as it lives.
struct Open(Arc<Server>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves OCPP stations until `shutdown`; then takes no new ones, closes the open ones in stages, and returns when
/// their ends are journaled. The pipeline must live for as long.
///
/// # Errors
/// When a listener is none.
pub async fn serve(
    config: Config,
    config_of_commands: commands::Config,
    listener: TcpListener,
    tls_listener: Option<(TcpListener, Arc<ReloadingTls>)>,
    deps: Deps,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let server = Arc::new(Server {
        handshakes: Rate::new(config.max_handshakes_per_second, Instant::now()),
        station_handshakes: StationRate::new(config.max_handshakes_per_station, Instant::now()),
        config,
        config_of_commands,
        registry: Registry::new(deps.metrics.seats.clone()),
        deps,
        open: AtomicUsize::new(0),
        draining: AtomicBool::new(false),
    });
    server.deps.board.on_issue({
        let registry = Arc::clone(&server.registry);
        move |station| registry.command(station)
    });
    server.deps.access.on_release({
        let server = Arc::downgrade(&server);
        move |station| {
            // Who only gave way to others in a full quarantine goes on waiting.
            if let Some(server) = server.upgrade().filter(|s| s.standing(station) != Standing::Quarantined) {
                server.registry.release(station);
            }
        }
    });
    let tasks = TaskTracker::new();
    tracing::info!("OCPP at ws://{}/{{station}}", listener.local_addr()?);
    let plain = accept_loop(&server, listener, None, &tasks);
    match tls_listener {
        None => {
            tokio::select! {
                () = plain => {}
                () = shutdown.cancelled() => {}
            }
        }
        Some((tls_listener, tls)) => {
            tracing::info!("OCPP at wss://{}/{{station}}", tls_listener.local_addr()?);
            let metrics = &server.deps.metrics;
            metrics.certificate(LISTENER, tls.expires_at_s());
            let watch = Arc::clone(&tls).watch("gateway.ocpp.tls", |good| {
                metrics.reloaded(LISTENER, good);
                metrics.certificate(LISTENER, tls.expires_at_s());
            });
            let secure = accept_loop(&server, tls_listener, Some(&tls), &tasks);
            tokio::select! {
                () = plain => {}
                () = secure => {}
                () = watch => {}
                () = shutdown.cancelled() => {}
            }
        }
    }
    drain(&server, &tasks).await;
    Ok(())
}

async fn accept_loop(
    server: &Arc<Server>,
    listener: TcpListener,
    tls: Option<&ReloadingTls>,
    tasks: &TaskTracker,
) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let tls = tls.map(|tls| TlsAcceptor::from(tls.current()));
                begin(server, stream, address.ip(), tls, tasks);
            }
            Err(error) if is_out_of_files(&error) => {
                server.deps.metrics.refused("out_of_files");
                tracing::warn!(%error, "no more sockets: raise the limit of open files (nofile)");
                tokio::time::sleep(OUT_OF_FILES_PAUSE).await;
            }
            // The client went before it was accepted.
            Err(error) => tracing::debug!(%error, "a connection was not accepted"),
        }
    }
}

/// EMFILE, ENFILE, ENOBUFS, ENOMEM.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(24 | 23 | 105 | 12))
}

fn begin(
    server: &Arc<Server>,
    stream: TcpStream,
    remote: IpAddr,
    tls: Option<TlsAcceptor>,
    tasks: &TaskTracker,
) {
    if server.open.fetch_add(1, Ordering::Relaxed) >= server.config.max_connections + TURNING_AWAY_MAX {
        server.open.fetch_sub(1, Ordering::Relaxed);
        server.deps.metrics.refused("max_connections");
        tracing::warn!(
            %remote,
            "connection closed unread: there are far more than gateway.ocpp.max_connections; raise it, or look who connects"
        );
        return;
    }
    let open = Open(server.clone());
    socket::prepare(&stream);
    match tls {
        None => {
            tasks.spawn(async move { connection::serve(&open.0, stream, Peer::default(), remote).await });
        }
        Some(tls) => {
            tasks.spawn(async move {
                let handshake = Box::pin(tls.accept(stream));
                match timeout(open.0.config.handshake_timeout.0, handshake).await {
                    Ok(Ok(stream)) => {
                        let certificates = stream.get_ref().1.peer_certificates();
                        let certificate = certificates.and_then(|chain| chain.first()).map(names_of);
                        let peer = Peer { secure: true, certificate };
                        connection::serve(&open.0, stream, peer, remote).await;
                    }
                    Ok(Err(error)) => {
                        open.0.deps.metrics.refused("tls");
                        tracing::info!(
                            %remote,
                            %error,
                            "TLS handshake failed: does the station speak TLS, does it trust the certificate's authority, and \
                             is its own certificate, if it has one, valid and of an authority in client_ca?"
                        );
                    }
                    Err(_) => {
                        open.0.deps.metrics.refused("tls");
                        tracing::info!(
                            %remote,
                            "TLS handshake not finished in time (gateway.ocpp.handshake_timeout): look at the client, or \
                             at the network between"
                        );
                    }
                }
            });
        }
    }
}

/// Closes what is open, so many a second, and waits until all ends are journaled.
async fn drain(server: &Arc<Server>, tasks: &TaskTracker) {
    server.draining.store(true, Ordering::Release);
    tasks.close();
    let per_second = server.config.drain_per_second.max(1);
    let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second);
    let open = server.registry.all();
    if !open.is_empty() {
        let seconds = u32::try_from(open.len()).unwrap_or(u32::MAX).div_ceil(per_second);
        tracing::info!(
            connections = open.len(),
            per_second,
            seconds,
            "closing connections; the grace period must be longer (gateway.ocpp.drain_per_second)"
        );
    }
    for link in open {
        pace.tick().await;
        link.stop(Stop::Shutdown);
    }
    // Those that were still shaking hands.
    for link in server.registry.all() {
        link.stop(Stop::Shutdown);
    }
    if timeout(DRAIN_LIMIT, tasks.wait()).await.is_err() {
        tracing::warn!(
            connections = server.open(),
            "connections did not end in time: they are cut; what was acknowledged is journaled"
        );
    }
}
