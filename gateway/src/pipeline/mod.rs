//! From decoded events to synced, folded, answered and stored ones.
//!
//! Two threads, one journal between them. [`front`] journals what adapters hand in, folds it and answers; [`writer`]
//! follows at the store's pace with a fold of its own, whose state is saved with its position. Memory does not grow
//! while the store is away: what waits, waits on the disk.

pub mod audit;
mod batch;
mod books;
pub mod clock;
mod front;
mod handle;
mod heartbeat;
mod late;
mod refill;
mod snapshot;
mod status;
mod trace;
mod watch;
mod writer;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use service::readiness::Readiness;
use station::event::{EventKind, Source, StationEvent};
use station::id::StationId;
use store::StoreConfig;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use books::Books;
pub use front::Published;
pub use handle::{Answer, Pipeline, Refused, Submission};
pub use heartbeat::Identity;
pub use snapshot::Snapshot;
pub use status::{Status, StoreState};
pub use writer::WriterConfig;

use crate::journal::{Journal, JournalConfig, JournalError, Reader};
use crate::metrics::{AdapterMetrics, PipelineMetrics};

/// Messages that may wait for the journal's thread; beyond it their connections wait, and their stations with them.
const SUBMISSIONS: usize = 1_024;

/// How often the journal's thread is woken when nothing comes.
const WAKE_EVERY: Duration = Duration::from_secs(1);

/// What the pipeline needs.
#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// The journal.
    pub journal: JournalConfig,
    /// The writer.
    pub writer: WriterConfig,
    /// The store.
    pub store: StoreConfig,
    /// A session of which nothing was heard for so long is inferred ended.
    pub session_silence: Duration,
}

/// Why the pipeline does not start.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its folder, the snapshots, or a thread.
    #[error("the journal's folder {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The running pipeline.
pub struct Running {
    /// The way in.
    pub pipeline: Pipeline,
    /// What it publishes.
    pub status: Arc<Status>,
    /// Stations that had booted before this run.
    pub booted: HashSet<StationId>,
    front: JoinHandle<()>,
    writer: JoinHandle<()>,
    heartbeat: JoinHandle<()>,
    stop_writer: CancellationToken,
    failed: CancellationToken,
}

/// Opens the journal, brings the folds up to date, and starts the threads. Blocks for as long as folding the journal
/// takes (a million events in some seconds).
///
/// # Errors
/// When the journal or its folder cannot be used.
pub fn start(
    config: &PipelineConfig,
    identity: &Identity,
    metrics: &PipelineMetrics,
    adapters: &AdapterMetrics,
    ready: &Readiness,
) -> Result<Running, PipelineError> {
    let folder = config.journal.folder.clone();
    let in_folder = |source| PipelineError::Folder { path: folder.clone(), source };
    let mut journal = Journal::open(config.journal.clone())?;
    let (snapshot, damaged) = Snapshot::load(&folder).map_err(in_folder)?;
    (0..damaged).for_each(|_| metrics.damaged("snapshot"));
    if journal.cut_bytes() > 0 {
        metrics.damaged("tail");
    }
    let begins = journal.progress().segments().first().copied();
    let snapshot = snapshot.unwrap_or_else(|| Snapshot::without(begins.unwrap_or(1)));
    snapshot::keep_room(&folder, &journal.progress());
    let position = snapshot.books.position;
    journal.continue_after(position);
    tracing::info!(
        position,
        journaled = journal.next() - 1,
        "the journal is open; folding what is beyond the snapshot"
    );

    let published = Arc::new(Published::default());
    let progress = journal.progress();
    let status = Arc::new(Status::new(
        Arc::clone(&progress),
        config.journal.max_bytes.0,
        &snapshot,
        Arc::clone(&published),
    ));
    let (pipeline, receiver) = Pipeline::channel(SUBMISSIONS);
    let followed = Arc::new(trace::Followed::default());
    let mut front = front::Front {
        journal,
        config: config.journal.clone(),
        fold: snapshot.fold.clone(),
        receiver,
        published,
        ready: ready.clone(),
        metrics: metrics.clone(),
        session_silence: config.session_silence,
        closing: pipeline.closing(),
        followed: Arc::clone(&followed),
        trouble: None,
        room_for: 0,
    };
    front.catch_up(position).map_err(in_folder)?;
    let mut left_open = left_open(&front, identity);
    left_open.extend(status.published.commands.left_open());
    let booted = front.fold.booted().cloned().collect();

    let stop_writer = CancellationToken::new();
    let passed = Arc::new(watch::Passed::default());
    let (refill_sender, refill) = tokio::sync::watch::channel(0);
    let snapshot_doubt = snapshot.unsure_from;
    let ilp = store::ilp::Writer::new(&config.store);
    let writer = writer::Writer {
        config: config.writer.clone(),
        folder: folder.clone(),
        reader: Reader::new(folder.clone(), progress, position + 1),
        dirty: snapshot.fold.stations().cloned().collect::<HashSet<_>>(),
        state: snapshot,
        status: Arc::clone(&status),
        passed: Arc::clone(&passed),
        metrics: metrics.clone(),
        stop: stop_writer.clone(),
        refill,
        followed,
        refilling: None,
        ahead: None,
        late: late::Late::new(),
        folded: position,
        doubt: refill::Doubt::new(snapshot_doubt),
        request_timeout: config.store.request_timeout.0,
        now_trouble: None,
        asked: Instant::now(),
        now_written: Instant::now(),
        saved: Instant::now(),
        saved_position: None,
    };
    tokio::spawn(watch::run(
        store::read::Reader::new(&config.store),
        Arc::clone(&status),
        passed,
        refill_sender,
        stop_writer.clone(),
    ));
    let heartbeat = heartbeat::Heartbeat {
        ilp: heartbeat::sender(&config.store),
        identity: identity.clone(),
        status: Arc::clone(&status),
        adapters: adapters.clone(),
        stop: stop_writer.clone(),
    };
    let failed = CancellationToken::new();
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let defect = Defect(failed.clone());
        let run = move || {
            let _defect = defect;
            run();
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(in_folder)
    };
    let running = Running {
        front: spawn("journal", Box::new(move || front.run()))?,
        writer: spawn("writer", Box::new(move || writer.run(ilp)))?,
        heartbeat: spawn("heartbeat", Box::new(move || heartbeat.run()))?,
        pipeline: pipeline.clone(),
        status,
        booted,
        stop_writer,
        failed: failed.clone(),
    };
    tokio::spawn(async move {
        if !left_open.is_empty() && pipeline.submit(left_open).await.is_err() {
            tracing::warn!(
                "connections and commands that the last run left open could not be noted as ended"
            );
        }
        // The journal's thread looks at the time, and whether there is room again, whenever something comes: this
        // wakes it when nothing does.
        loop {
            tokio::time::sleep(WAKE_EVERY).await;
            if pipeline.submit(Vec::new()).await == Err(Refused::Stopping) {
                break;
            }
        }
    });
    Ok(running)
}

/// Tells when the thread that holds it ends by a panic.
struct Defect(CancellationToken);

impl Drop for Defect {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.cancel();
        }
    }
}

/// Connections that this gateway's last run could not close are over.
fn left_open(front: &front::Front, identity: &Identity) -> Vec<StationEvent> {
    front
        .fold
        .connections_of(&identity.gateway)
        .filter(|(_, epoch)| *epoch != identity.epoch)
        .map(|(station, epoch): (_, Uuid)| {
            StationEvent::new(
                station.clone(),
                Source::Gateway,
                EventKind::Disconnected {
                    gateway: identity.gateway.clone(),
                    epoch,
                    reason: "gateway_restarted".to_owned(),
                },
            )
        })
        .collect()
}

impl Running {
    /// Cancelled when a thread has ended by a defect: nothing is acknowledged or written any more, and only a new
    /// start helps.
    #[must_use]
    pub fn failed(&self) -> CancellationToken {
        self.failed.clone()
    }

    /// Stops: takes nothing more, answers what waits, writes what the drain time allows, saves the state. Adapters
    /// must have ended before.
    pub async fn stop(self) {
        self.pipeline.close();
        // Wakes the journal's thread, which sees that it is to end.
        let _ = self.pipeline.wake().await;
        let Self { front, writer, heartbeat, stop_writer, .. } = self;
        let stopped = tokio::task::spawn_blocking(move || {
            let front = front.join();
            stop_writer.cancel();
            [front, writer.join(), heartbeat.join()].into_iter().all(|thread| thread.is_ok())
        });
        if !matches!(stopped.await, Ok(true)) {
            tracing::error!(
                "a thread of the pipeline ended by a defect; the journal has everything that was acknowledged"
            );
        }
    }
}
