//! Makes and changes the tables. One runs, others wait.

mod history;
mod lock;
mod schema;
mod script;
mod ttl;

use tokio_postgres::Client;

pub use schema::{Mismatch, check_schema};
pub use script::{MIGRATIONS, Migration};
pub use ttl::TTL_MIN_DAYS;

use crate::config::StoreConfig;
use crate::read::{ReadError, connect, text_of};
use lock::Lock;

/// What a run did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The migrations that were applied, in their order.
    pub applied: Vec<&'static str>,
    /// Tables whose time to live was set, as `meter_values: 800 DAYS`.
    pub ttl: Vec<String>,
    /// The newest version of the schema that this program knows.
    pub version: i32,
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The server does not answer, or refuses a query.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A statement failed. What ran before it stays; run again when its cause is mended.
    #[error("{at}: QuestDB says: {reason}\n{statement}")]
    Statement {
        /// Which migration, or what else.
        at: String,
        /// What the server says.
        reason: String,
        /// The statement.
        statement: String,
    },
    /// A migration was changed after it was applied.
    #[error(
        "migration {version} ({name}) was applied with another content ({applied}, here {here}): migrations are never \
         edited, add a new one"
    )]
    Changed {
        /// Which.
        version: i32,
        /// Its name.
        name: &'static str,
        /// The applied content's checksum.
        applied: String,
        /// The checksum of what this program has.
        here: String,
    },
    /// The database is of a newer version.
    #[error("the schema is of version {database}, this program knows up to {known}: use a newer ampwarden")]
    Newer {
        /// The database's version.
        database: i32,
        /// This program's.
        known: i32,
    },
    /// A time to live that would lose rows.
    #[error("store.ttl.{table} = \"{ttl}\": {reason}")]
    Ttl {
        /// Which table.
        table: String,
        /// What was wanted.
        ttl: String,
        /// Why it is refused.
        reason: String,
    },
    /// Another run took over, because this one gave no sign of life for too long.
    #[error("another run has taken over, because this one was paused for longer than {} s; nothing was left half done", lock::LEASE.as_secs())]
    LockLost,
}

/// Brings the schema up to date and sets the times to live. Runs are kept apart by a lock in the database: others
/// wait until the one that runs is done, and go on from there; the lock of a run that died is taken over after
/// 15 s without a sign of life.
///
/// # Errors
/// See [`MigrateError`]. Statements can be run twice, so that a run that was broken off can simply be run again.
pub async fn run(config: &StoreConfig) -> Result<Report, MigrateError> {
    ttl::check(config)?;
    let client = connect(config).await?;
    let lock = Lock::acquire(config, &client).await?;
    let result = run_locked(config, &client, &lock).await;
    lock.release().await;
    result
}

async fn run_locked(config: &StoreConfig, client: &Client, lock: &Lock) -> Result<Report, MigrateError> {
    history::create(client).await?;
    let applied = history::applied(client).await?;
    let mut report = Report::default();
    for migration in MIGRATIONS {
        report.version = migration.version;
        match applied.get(&migration.version) {
            Some(checksum) if *checksum == migration.checksum() => {}
            Some(checksum) => {
                return Err(MigrateError::Changed {
                    version: migration.version,
                    name: migration.name,
                    applied: checksum.clone(),
                    here: migration.checksum(),
                });
            }
            None => {
                for statement in migration.statements() {
                    lock.check()?;
                    execute(client, &format!("migration {}", migration.name), &statement).await?;
                }
                lock.check()?;
                history::record(client, migration).await?;
                tracing::info!(migration = migration.name, "the store's schema was changed");
                report.applied.push(migration.name);
            }
        }
    }
    if let Some((&database, _)) = applied.last_key_value()
        && database > report.version
    {
        return Err(MigrateError::Newer { database, known: report.version });
    }
    report.ttl = ttl::apply(config, client, lock).await?;
    Ok(report)
}

/// Runs a statement that gives no rows.
async fn execute(client: &Client, at: &str, statement: &str) -> Result<(), MigrateError> {
    client.batch_execute(statement).await.map_err(|error| MigrateError::Statement {
        at: at.to_owned(),
        reason: text_of(&error),
        statement: statement.to_owned(),
    })
}

/// Runs a query without parameters; rows of texts, NULL as none.
async fn query(client: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, MigrateError> {
    let answer = client.simple_query(sql).await.map_err(|error| MigrateError::Statement {
        at: "reading the schema".into(),
        reason: text_of(&error),
        statement: sql.to_owned(),
    })?;
    Ok(answer
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        })
        .collect())
}
