//! Reading over the PG wire: a few connections, made when needed and again when lost.

mod connection;
mod current;
mod record;
mod registry;
mod row;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

pub use current::{ConnectorNow, StationNow};
pub use registry::{Gateway, Site, Station};
pub use row::{Param, Row};

pub(crate) use connection::{connect, text_of};

use crate::config::StoreConfig;

/// Reads from the store. Cheap to clone: clones share the connections.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

struct Shared {
    config: StoreConfig,
    /// One permit a connection; who finds none waits.
    permits: Semaphore,
    /// Connections that nobody uses right now.
    idle: Mutex<Vec<Client>>,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no connection.
    #[error("QuestDB at {address} does not answer on the PG wire: {reason}")]
    Unavailable {
        /// Host and port.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The server has turned the query down.
    #[error("QuestDB refuses the query: {reason}\n{sql}")]
    Refused {
        /// What the server says.
        reason: String,
        /// The query.
        sql: String,
    },
    /// The query ran too long, and was cancelled.
    #[error("the query ran longer than {} s (store.pg.statement_timeout), and was cancelled\n{sql}", after.as_secs_f64())]
    Timeout {
        /// How long.
        after: Duration,
        /// The query.
        sql: String,
    },
    /// A column is missing, NULL where a value must be, or of another type.
    #[error("column {column} of the answer: {reason}")]
    Column {
        /// Which.
        column: String,
        /// What is wrong.
        reason: String,
    },
}

impl Reader {
    /// A reader; it connects when it first reads.
    #[must_use]
    pub fn new(config: &StoreConfig) -> Self {
        let permits = Semaphore::new(config.pg.connections.max(1));
        Self { shared: Arc::new(Shared { config: config.clone(), permits, idle: Mutex::default() }) }
    }

    /// Runs a query, `$1` … standing for the parameters.
    ///
    /// # Errors
    /// See [`ReadError`]. A connection that was lost is made again, once, before it is given up.
    pub async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, ReadError> {
        // The semaphore is never closed.
        let _permit = self.shared.permits.acquire().await;
        if let Some(client) = self.take_idle()
            && let Some(result) = self.run(client, sql, params).await
        {
            return result;
        }
        let client = connect(&self.shared.config).await?;
        match self.run(client, sql, params).await {
            Some(result) => result,
            None => Err(self.unavailable("the connection was closed while a query ran")),
        }
    }

    /// Runs a query and reads its rows as records.
    async fn records<T: record::Record>(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<T>, ReadError> {
        self.query(sql, params).await?.iter().map(T::from_row).collect()
    }

    /// Whether the server answers a query.
    ///
    /// # Errors
    /// Why not.
    pub async fn ping(&self) -> Result<(), ReadError> {
        self.query("SELECT 1", &[]).await.map(|_| ())
    }

    /// None: the connection is gone, and the query was perhaps never seen.
    async fn run(
        &self,
        client: Client,
        sql: &str,
        params: &[Param<'_>],
    ) -> Option<Result<Vec<Row>, ReadError>> {
        let limit = self.shared.config.pg.statement_timeout.0;
        let params: Vec<_> = params.iter().map(Param::typed).collect();
        let params: Vec<_> = params
            .iter()
            .map(|(value, kind)| (value.as_ref() as &(dyn ToSql + Sync), kind.clone()))
            .collect();
        let Ok(answer) = tokio::time::timeout(limit, client.query_typed(sql, &params)).await else {
            // The connection is dropped with the client; the token makes the server stop working on the query.
            let short = self.shared.config.connect_timeout.0;
            let _ =
                tokio::time::timeout(short, client.cancel_token().cancel_query(tokio_postgres::NoTls)).await;
            return Some(Err(ReadError::Timeout { after: limit, sql: sql.to_owned() }));
        };
        match answer {
            Ok(rows) => {
                self.give_back(client);
                Some(Ok(rows.into_iter().map(Row::new).collect()))
            }
            Err(error) => match error.as_db_error() {
                Some(db) => {
                    let reason = db.message().to_owned();
                    self.give_back(client);
                    Some(Err(ReadError::Refused { reason, sql: sql.to_owned() }))
                }
                None if error.is_closed() || client.is_closed() => None,
                None => Some(Err(self.unavailable(&text_of(&error)))),
            },
        }
    }

    fn unavailable(&self, reason: &str) -> ReadError {
        ReadError::Unavailable {
            address: connection::address(&self.shared.config),
            reason: reason.to_owned(),
        }
    }

    fn take_idle(&self) -> Option<Client> {
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }

    fn give_back(&self, client: Client) {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
    }
}
