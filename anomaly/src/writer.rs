//! Writing to the store: one thread, two lanes. Scores of sessions that have just ended go before those of the look
//! through the whole store. While the store is away the rows wait here and their senders wait or drop: scores can
//! always be made again, and the level-triggered search finds what has none.

use std::time::{Duration, Instant};

use station::id::SessionId;
use station::time::Timestamp;
use store::ilp::{Batch, SendError, Writer};
use store::{ForecastRow, HourRow, ModelRow, ScoreRow, StoreConfig};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::metrics::{KindLabels, Metrics, ScoreLabels, TableLabels};
use crate::reads::Stored;
use crate::score::{NONE, Scored};

/// Scores of sessions that have just ended, waiting. At 100 a second this bridges 40 s; beyond it they are dropped,
/// counted, and found again.
const LIVE_QUEUE: usize = 4096;
/// Scores of the look through the store, waiting. Who fills it waits: nothing is lost, only later.
const BULK_QUEUE: usize = 2048;
/// Rows in one request.
const BATCH_ROWS: usize = 1024;
/// Waiting after a failed request: from the first to the second, doubling.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// One row to be written.
#[derive(Debug)]
pub(crate) enum Item {
    /// A session's score; for one that has just ended, when its last event was journaled.
    Score(Box<ScoreRow>, Option<Timestamp>),
    /// What happened to a model.
    Model(Box<ModelRow>),
    /// What an hour to come is expected to bring.
    Forecast(Box<ForecastRow>),
    /// What an hour brought.
    Hour(Box<HourRow>),
}

/// The senders' side.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    live: mpsc::Sender<Item>,
    bulk: mpsc::Sender<Item>,
    metrics: Metrics,
}

/// The row of a score.
pub(crate) fn score_row(stored: &Stored, scored: Scored, scored_at: Timestamp) -> ScoreRow {
    let session = &stored.session;
    ScoreRow {
        ts: Timestamp(session.ts_us),
        session_id: SessionId(stored.id),
        revision: session.revision,
        model: scored.model.to_string(),
        station: session.station.clone(),
        site: session.site.clone(),
        token_hash: session.user.clone(),
        score: scored.score,
        severity: scored.severity.label().to_owned(),
        kind: scored.kind.to_owned(),
        text: scored.text,
        reasons: serde_json::to_string(&scored.reasons).unwrap_or_else(|_| "[]".to_owned()),
        cluster: scored.cluster.as_ref().and_then(|(at, _)| i32::try_from(*at).ok()),
        cluster_name: scored.cluster.map(|(_, name)| name),
        partial: scored.partial,
        ended_at: session.ended_us.map(Timestamp),
        scored_at,
    }
}

impl Lanes {
    /// Hands over the score of a session that has just ended. `false` if the queue is full: counted and dropped.
    pub(crate) fn live(&self, row: ScoreRow, updated_at: Timestamp) -> bool {
        let taken = self.live.try_send(Item::Score(Box::new(row), Some(updated_at))).is_ok();
        if taken {
            self.metrics.queued.inc();
        } else {
            self.metrics.dropped.inc();
        }
        taken
    }

    /// Hands over what is not urgent; waits for room. `false` if the writer has ended.
    pub(crate) async fn bulk(&self, item: Item) -> bool {
        let taken = self.bulk.send(item).await.is_ok();
        if taken {
            self.metrics.queued.inc();
        }
        taken
    }
}

/// Starts the writing thread. It ends after `shutdown` when both lanes are empty or the store does not take them.
pub(crate) fn start(
    config: &StoreConfig,
    metrics: &Metrics,
    shutdown: CancellationToken,
) -> std::io::Result<(Lanes, std::thread::JoinHandle<()>)> {
    let (live, live_rows) = mpsc::channel(LIVE_QUEUE);
    let (bulk, bulk_rows) = mpsc::channel(BULK_QUEUE);
    let runtime = tokio::runtime::Handle::current();
    let thread = Thread {
        writer: Writer::new(config),
        live: live_rows,
        bulk: bulk_rows,
        metrics: metrics.clone(),
        shutdown,
    };
    let handle =
        std::thread::Builder::new().name("anomaly-writer".to_owned()).spawn(move || thread.run(&runtime))?;
    Ok((Lanes { live, bulk, metrics: metrics.clone() }, handle))
}

struct Thread {
    writer: Writer,
    live: mpsc::Receiver<Item>,
    bulk: mpsc::Receiver<Item>,
    metrics: Metrics,
    shutdown: CancellationToken,
}

impl Thread {
    fn run(mut self, runtime: &tokio::runtime::Handle) {
        let mut items = Vec::with_capacity(BATCH_ROWS);
        loop {
            items.clear();
            let (live, bulk, shutdown) = (&mut self.live, &mut self.bulk, &self.shutdown);
            let first = runtime.block_on(async {
                tokio::select! {
                    biased;
                    item = live.recv() => item,
                    item = bulk.recv() => item,
                    () = shutdown.cancelled() => None,
                }
            });
            items.extend(first);
            while items.len() < BATCH_ROWS
                && let Ok(item) = live.try_recv().or_else(|_| bulk.try_recv())
            {
                items.push(item);
            }
            if items.is_empty() {
                return;
            }
            self.metrics.queued.dec_by(i64::try_from(items.len()).unwrap_or(0));
            if !self.write(&items, runtime) {
                return;
            }
        }
    }

    /// Writes until the store takes it. `false`: told to stop before it did.
    fn write(&mut self, items: &[Item], runtime: &tokio::runtime::Handle) -> bool {
        let mut batch = Batch::new();
        for (tag, item) in items.iter().enumerate() {
            match item {
                Item::Score(row, _) => batch.push_score(tag as u64, row),
                Item::Model(row) => batch.push_model(tag as u64, row),
                Item::Forecast(row) => batch.push_forecast(tag as u64, row),
                Item::Hour(row) => batch.push_hour(tag as u64, row),
            }
        }
        let mut wait = RETRY.0;
        let mut since: Option<Instant> = None;
        let mut refused = Vec::new();
        loop {
            match self.writer.send(&mut batch) {
                Ok(sent) => {
                    refused.extend(sent.refused);
                    if let Some(since) = since {
                        tracing::info!(seconds = since.elapsed().as_secs(), "the store takes scores again");
                    }
                    break;
                }
                Err(error) => {
                    if since.is_none() {
                        since = Some(Instant::now());
                        tracing::warn!(%error, "scores wait for the store");
                    }
                    if matches!(error, SendError::Schema { .. } | SendError::Denied { .. }) {
                        wait = RETRY.1;
                    }
                    let told_to_stop = runtime.block_on(async {
                        tokio::time::timeout(wait, self.shutdown.cancelled()).await.is_ok()
                    });
                    if told_to_stop {
                        return false;
                    }
                    wait = (wait * 2).min(RETRY.1);
                }
            }
        }
        let now = crate::now();
        for lost in &refused {
            tracing::error!(table = lost.table, reason = %lost.reason, "the store refuses a row for what is in it");
            self.metrics.refused.get_or_create(&TableLabels { table: lost.table }).inc();
        }
        for (tag, item) in items.iter().enumerate() {
            if refused.iter().any(|lost| lost.tag == tag as u64) {
                continue;
            }
            if let Item::Score(row, updated_at) = item {
                self.count(row, *updated_at, now);
            }
        }
        true
    }

    fn count(&self, row: &ScoreRow, updated_at: Option<Timestamp>, now: Timestamp) {
        let severity = crate::severity::Severity::from_label(&row.severity).map_or("", |s| s.label());
        let partial = if row.partial { "true" } else { "false" };
        self.metrics.scores.get_or_create(&ScoreLabels { severity, partial }).inc();
        if row.kind != NONE {
            let kind = crate::checks::CHECKS
                .iter()
                .map(|check| check.name)
                .find(|name| *name == row.kind)
                .unwrap_or(crate::score::UNUSUAL);
            self.metrics.findings.get_or_create(&KindLabels { kind }).inc();
        }
        if let Some(updated_at) = updated_at {
            self.metrics.lag.observe(now.seconds_since(updated_at).max(0.0));
        }
    }
}
