//! Which migrations were applied. The table has no write-ahead log: what is inserted can be read at once.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::{MigrateError, Migration, execute, query};

const TABLE: &str = "ampwarden_migrations";

/// Creates the table of the applied migrations.
pub(super) async fn create(client: &Client) -> Result<(), MigrateError> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {TABLE} (version INT, name VARCHAR, checksum VARCHAR, applied_at TIMESTAMP)"
    );
    execute(client, TABLE, &sql).await
}

/// The applied migrations: version and checksum.
pub(super) async fn applied(client: &Client) -> Result<BTreeMap<i32, String>, MigrateError> {
    let rows = query(client, &format!("SELECT version, checksum FROM {TABLE}")).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [Some(version), Some(checksum)] => Some((version.parse().ok()?, checksum.clone())),
            _ => None,
        })
        .collect())
}

/// Notes that a migration was applied.
pub(super) async fn record(client: &Client, migration: &Migration) -> Result<(), MigrateError> {
    let Migration { version, name, .. } = migration;
    let checksum = migration.checksum();
    execute(client, TABLE, &format!("INSERT INTO {TABLE} VALUES ({version}, '{name}', '{checksum}', now())"))
        .await
}
