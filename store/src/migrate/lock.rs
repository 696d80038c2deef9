//! A lock in the database that a dead holder does not keep for ever.
//!
//! QuestDB has no advisory locks, but it creates a table for one of several callers only. So the lock is a table for
//! each term of office, `ampwarden_migration_lock_<term>`, that its holder creates and writes signs of life into.
//! Who waits watches the newest term's table: when it says `released`, or shows no new sign of life for [`LEASE`]
//! (by the watcher's own clock, as it watches: clocks are not compared), the watcher tries to create the next
//! term's table, which one of all watchers can. Older tables are dropped, the newest never, so that terms only grow.
//!
//! What it cannot do: a holder that was paused for longer than the lease (a frozen machine) and then goes on has lost
//! its term without knowing; it asks before each statement, so that at most the statement that it was about to send
//! runs beside the new holder's. Statements can be run twice, so that this does no harm. Nor does it hold across two
//! databases: replicas take no migrations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::Client;

use super::{MigrateError, execute, query};
use crate::config::StoreConfig;
use crate::read::connect;

/// A holder that gives no sign of life for so long is taken for dead.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// How often a holder gives a sign of life, and a waiter looks for one.
const BEAT: Duration = Duration::from_secs(1);

const PREFIX: &str = "ampwarden_migration_lock_";
const RELEASED: &str = "released";

/// The lock, held.
pub(super) struct Lock {
    lost: Arc<AtomicBool>,
    stop: tokio::sync::oneshot::Sender<()>,
    beating: JoinHandle<()>,
}

impl Lock {
    /// Waits for the lock.
    pub(super) async fn acquire(config: &StoreConfig, client: &Client) -> Result<Self, MigrateError> {
        let mut watched: Option<(u64, Option<String>, Instant)> = None;
        loop {
            let newest = newest_term(client).await?;
            let next = match newest {
                None => Some(1),
                Some(term) => {
                    let sign = last_sign(client, term).await?;
                    match &watched {
                        _ if sign.as_deref() == Some(RELEASED) => Some(term + 1),
                        Some((seen_term, seen, since)) if *seen_term == term && *seen == sign => {
                            (since.elapsed() >= LEASE).then_some(term + 1)
                        }
                        _ => {
                            tracing::info!(term, "another migration runs; waiting for it");
                            watched = Some((term, sign, Instant::now()));
                            None
                        }
                    }
                }
            };
            if let Some(term) = next
                && create_term(client, term).await?
            {
                if let Some(old) = newest {
                    drop_term(client, old).await;
                }
                return Self::hold(config, term).await;
            }
            if next.is_none() {
                tokio::time::sleep(BEAT).await;
            }
        }
    }

    /// Gives signs of life on a connection of its own, so that a long statement does not look like death.
    async fn hold(config: &StoreConfig, term: u64) -> Result<Self, MigrateError> {
        let client = connect(config).await?;
        let lost = Arc::new(AtomicBool::new(false));
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let flag = Arc::clone(&lost);
        let beating = tokio::spawn(async move {
            let mut last_beat = Instant::now();
            let mut number = 0_u64;
            loop {
                number += 1;
                let beaten = beat(&client, term, &number.to_string()).await.is_ok();
                let newest = newest_term(&client).await;
                if beaten && matches!(newest, Ok(Some(newest)) if newest == term) {
                    last_beat = Instant::now();
                } else if last_beat.elapsed() >= LEASE || matches!(newest, Ok(Some(newest)) if newest > term)
                {
                    flag.store(true, Ordering::Release);
                    return;
                }
                tokio::select! {
                    _ = &mut stopped => break,
                    () = tokio::time::sleep(BEAT) => {}
                }
            }
            if let Err(error) = beat(&client, term, RELEASED).await {
                tracing::warn!(%error, "the migration lock could not be released; others wait {} s", LEASE.as_secs());
            }
        });
        Ok(Self { lost, stop, beating })
    }

    /// Whether the lock is still held.
    pub(super) fn check(&self) -> Result<(), MigrateError> {
        if self.lost.load(Ordering::Acquire) { Err(MigrateError::LockLost) } else { Ok(()) }
    }

    /// Lets the next one run.
    pub(super) async fn release(self) {
        let _ = self.stop.send(());
        let _ = self.beating.await;
    }
}

async fn newest_term(client: &Client) -> Result<Option<u64>, MigrateError> {
    let rows =
        query(client, &format!("SELECT table_name FROM tables() WHERE table_name LIKE '{PREFIX}%'")).await?;
    Ok(rows.iter().filter_map(|row| row.first()?.as_deref()?.strip_prefix(PREFIX)?.parse().ok()).max())
}

/// The holder's last sign of life; none if it gave none yet, or the table cannot be read: it is just being made
/// ("of unknown format"), or dropped by the next holder.
async fn last_sign(client: &Client, term: u64) -> Result<Option<String>, MigrateError> {
    match query(client, &format!("SELECT sign FROM {PREFIX}{term} LIMIT -1")).await {
        Ok(rows) => Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten())),
        Err(MigrateError::Statement { .. }) if !client.is_closed() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it was us who created the table.
async fn create_term(client: &Client, term: u64) -> Result<bool, MigrateError> {
    let created =
        execute(client, "migration lock", &format!("CREATE TABLE {PREFIX}{term} (sign VARCHAR)")).await;
    let Err(error) = created else { return Ok(true) };
    // Somebody else did, or does just now; otherwise something is wrong.
    tokio::time::sleep(BEAT).await;
    if newest_term(client).await? >= Some(term) { Ok(false) } else { Err(error) }
}

/// An old term's table is of no use; if it cannot be dropped (somebody reads it just now), it does no harm either.
async fn drop_term(client: &Client, term: u64) {
    let _ = execute(client, "migration lock", &format!("DROP TABLE IF EXISTS {PREFIX}{term}")).await;
}

async fn beat(client: &Client, term: u64, sign: &str) -> Result<(), MigrateError> {
    execute(client, "migration lock", &format!("INSERT INTO {PREFIX}{term} VALUES ('{sign}')")).await
}
