//! One connection to the PG wire.

use std::error::Error as _;

use tokio_postgres::{Client, Config, NoTls};

use super::ReadError;
use crate::config::StoreConfig;

/// Connects and lets a task of its own drive the connection; it ends with the client.
pub(crate) async fn connect(config: &StoreConfig) -> Result<Client, ReadError> {
    let unavailable = |reason: String| ReadError::Unavailable { address: address(config), reason };
    let pg = &config.pg;
    let mut settings = Config::new();
    settings
        .host(&pg.host)
        .port(pg.port)
        .user(&pg.user)
        .password(pg.password.expose())
        .dbname(&pg.database)
        .application_name("ampwarden");
    let limit = config.connect_timeout.0;
    let (client, connection) = tokio::time::timeout(limit, settings.connect(NoTls))
        .await
        .map_err(|_| unavailable(format!("no connection within {} s", limit.as_secs_f64())))?
        .map_err(|error| unavailable(text_of(&error)))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to QuestDB's PG wire ended");
        }
    });
    Ok(client)
}

/// Host and port, for messages.
pub(super) fn address(config: &StoreConfig) -> String {
    format!("{}:{}", config.pg.host, config.pg.port)
}

/// The error with its cause: tokio-postgres says only "error connecting to server" by itself.
pub(crate) fn text_of(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(db), _) => db.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
