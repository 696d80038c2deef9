//! Sends batches: one request a table.

use std::panic::resume_unwind;
use std::slice::IterMut;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::thread;

use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::answer::{Refusal, judge};
use super::batch::{Batch, Part, Refused};
use crate::config::StoreConfig;

/// Once a row of a table was refused, the rest of that table goes in requests of so many rows: a refusal costs
/// sending its whole request again.
const ROWS_AFTER_REFUSAL: usize = 1_000;

/// Tables that are sent side by side, each on a connection of its own. The server syncs the columns of a table one by
/// one before it answers: most of a batch's time is waiting for that.
const TABLES_AT_ONCE: usize = 4;

/// Answers are short; what is longer is cut.
const ANSWER_MAX_BYTES: u64 = 64 << 10;

/// Writes rows over HTTP. Synchronous: give it a thread of its own.
///
/// Lines are encoded by the client library's `Buffer`, but not sent by its `Sender`: no row can be taken out of what
/// that holds, and its errors are texts without status and line. This sends the same bytes with the same HTTP client.
pub struct Writer {
    /// What to make an agent from.
    http: ureq::config::Config,
    agent: Agent,
    url: String,
    ping_url: String,
    authorization: Option<String>,
    /// Rows in one request at most: half as many after one that took too long, more again after each that did not.
    /// Otherwise a slow network would carry the same request for ever, and never to its end.
    rows_at_once: AtomicUsize,
}

/// What was sent. Answered with 204 is not yet "stored": see [`crate::server::wal_tables`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// By table.
    pub tables: Vec<SentTable>,
    /// Rows that were not stored for what is in them.
    pub refused: Vec<Refused>,
}

/// What one table took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentTable {
    /// Which.
    pub table: &'static str,
    /// Rows answered with 204.
    pub rows: usize,
    /// Bytes of them.
    pub bytes: usize,
}

/// Why a batch was not sent. What is left of it stays in the batch: send it again.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No answer, or none that says anything about the rows. Try again, later and later.
    #[error("QuestDB at {url} did not take {table}: {reason}")]
    Unavailable {
        /// Where.
        url: String,
        /// Which table's rows.
        table: &'static str,
        /// What happened.
        reason: String,
    },
    /// The table is not as this version needs it. Hold, and tell an operator.
    #[error("QuestDB's schema does not fit: {reason}. Run `ampwarden migrate`; nothing is lost meanwhile")]
    Schema {
        /// Which table.
        table: &'static str,
        /// What the server says.
        reason: String,
    },
    /// User or password are wrong. Hold, and tell an operator.
    #[error("QuestDB at {url} refuses store.http_user and store.http_password: {reason}")]
    Denied {
        /// Where.
        url: String,
        /// What the server says.
        reason: String,
    },
}

/// What one of the connections did.
#[derive(Default)]
struct Lane {
    sent: Vec<SentTable>,
    refused: Vec<Refused>,
    error: Option<SendError>,
}

impl Sent {
    /// Rows answered with 204, over all tables.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

impl Writer {
    /// A writer; it connects when it first sends.
    #[must_use]
    pub fn new(config: &StoreConfig) -> Self {
        let http = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_idle_connections_per_host(TABLES_AT_ONCE)
            .timeout_connect(Some(config.connect_timeout.0))
            .timeout_global(Some(config.request_timeout.0))
            .build();
        let base = config.http_base();
        Self {
            agent: http.new_agent(),
            http,
            url: format!("{base}/write?precision=n"),
            ping_url: format!("{base}/ping"),
            rows_at_once: AtomicUsize::new(usize::MAX),
            authorization: (!config.http_user.is_empty())
                .then(|| basic_authorization(&config.http_user, config.http_password.expose())),
        }
    }

    /// Sends all rows; afterwards the batch is empty. What was answered before an error is not sent again.
    ///
    /// # Errors
    /// See [`SendError`]; the batch keeps what is left.
    pub fn send(&mut self, batch: &mut Batch) -> Result<Sent, SendError> {
        let tables = batch.parts.iter().filter(|part| !part.ends.is_empty()).count();
        let parts = Mutex::new(batch.parts.iter_mut());
        let mut error = None;
        let lanes = thread::scope(|scope| {
            let others: Vec<_> =
                (1..tables.min(TABLES_AT_ONCE)).map(|_| scope.spawn(|| self.lane(&parts))).collect();
            let mut lanes = vec![self.lane(&parts)];
            lanes.extend(
                others.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| resume_unwind(panic))),
            );
            lanes
        });
        for lane in lanes {
            batch.answered.extend(lane.sent);
            batch.refused.extend(lane.refused);
            error = error.or(lane.error);
        }
        if let Some(error) = error {
            // The server remembers a table's columns as long as a connection lasts: on the same one, a column that
            // was added since would be missing for ever.
            self.agent = self.http.new_agent();
            return Err(error);
        }
        // What earlier tries brought there is told now, too.
        Ok(Sent { tables: std::mem::take(&mut batch.answered), refused: std::mem::take(&mut batch.refused) })
    }

    /// Sends one table after the other, until there is none left or one fails.
    fn lane(&self, parts: &Mutex<IterMut<'_, Part>>) -> Lane {
        let mut lane = Lane::default();
        let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).find(|part| !part.ends.is_empty());
        while let Some(part) = next() {
            let mut sent = SentTable { table: part.table.name, rows: 0, bytes: 0 };
            let result = self.send_part(part, &mut sent, &mut lane.refused);
            lane.sent.push(sent);
            if let Err(error) = result {
                lane.error = Some(error);
                break;
            }
        }
        lane
    }

    /// Sends a table's rows, and takes them out as they are answered. Refused ones are taken out, one by one. A
    /// single-table request is one transaction: when it is refused, nothing of it was stored.
    fn send_part(
        &self,
        part: &mut Part,
        sent: &mut SentTable,
        refused: &mut Vec<Refused>,
    ) -> Result<(), SendError> {
        let table = part.table.name;
        let mut at_most = usize::MAX;
        while !part.ends.is_empty() {
            let rows = part.ends.len().min(at_most).min(self.rows_at_once.load(Relaxed));
            let lines = part.slice(0..rows);
            match self.post(lines) {
                Ok(()) => {
                    sent.rows += rows;
                    sent.bytes += lines.len();
                    part.remove_first(rows);
                    // A small table's rows say nothing of what a request may hold.
                    let more =
                        |at_once: usize| (rows >= at_once).then(|| at_once.saturating_add(at_once / 4 + 1));
                    let _ = self.rows_at_once.fetch_update(Relaxed, Relaxed, more);
                }
                Err(Refusal::Line { line, reason }) if line <= rows => {
                    if let Some(tag) = part.remove(line - 1) {
                        refused.push(Refused { tag, table, reason });
                    }
                    at_most = ROWS_AFTER_REFUSAL;
                }
                Err(refusal) => {
                    if matches!(refusal, Refusal::TooMuch(_)) {
                        self.rows_at_once.store((rows / 2).max(1), Relaxed);
                    }
                    return Err(self.error(table, refusal));
                }
            }
        }
        Ok(())
    }

    /// Whether the server answers at all.
    ///
    /// # Errors
    /// [`SendError::Unavailable`].
    pub fn ping(&mut self) -> Result<(), SendError> {
        let unavailable = |reason| SendError::Unavailable { url: self.url.clone(), table: "a ping", reason };
        let answer = self.agent.get(&self.ping_url).call().map_err(|error| unavailable(error.to_string()));
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(unavailable(format!("the answer is {}", answer.status()))),
            Err(error) => {
                self.agent = self.http.new_agent();
                Err(error)
            }
        }
    }

    fn post(&self, lines: &[u8]) -> Result<(), Refusal> {
        let mut request = self.agent.post(&self.url).header(CONTENT_TYPE, "text/plain; charset=utf-8");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let mut answer = request.send(lines).map_err(|error| unanswered(&error))?;
        // Read to its end also when it is good: only then the connection can be used again.
        let body = answer.body_mut().with_config().limit(ANSWER_MAX_BYTES).lossy_utf8(true).read_to_string();
        if answer.status().is_success() {
            return Ok(());
        }
        let body = body.map_err(|error| unanswered(&error))?;
        Err(judge(answer.status().as_u16(), &body))
    }

    fn error(&self, table: &'static str, refusal: Refusal) -> SendError {
        let url = self.url.clone();
        match refusal {
            Refusal::Schema(reason) => SendError::Schema { table, reason },
            Refusal::Denied(reason) => SendError::Denied { url, reason },
            Refusal::Unavailable(reason) | Refusal::TooMuch(reason) | Refusal::Line { reason, .. } => {
                SendError::Unavailable { url, table, reason }
            }
        }
    }
}

/// A connection that was made and then took too long: perhaps there was too much in the request for this network, or
/// this server.
fn unanswered(error: &ureq::Error) -> Refusal {
    match error {
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
            Refusal::Unavailable(error.to_string())
        }
        ureq::Error::Timeout(_) => Refusal::TooMuch(error.to_string()),
        _ => Refusal::Unavailable(error.to_string()),
    }
}

fn basic_authorization(user: &str, password: &str) -> String {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}
