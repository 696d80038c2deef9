//! Compares the live schema with what rows write.

use std::collections::BTreeMap;
use std::fmt;

use super::{MigrateError, query};
use crate::config::StoreConfig;
use crate::read::connect;
use crate::rows::TABLES;
use crate::schema::Kind;

/// Where the live schema does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// A table is missing.
    Table(&'static str),
    /// A column is missing.
    Column {
        /// Where.
        table: &'static str,
        /// Which.
        column: &'static str,
        /// Of which type it should be.
        wanted: Kind,
    },
    /// A column has another type.
    Type {
        /// Where.
        table: &'static str,
        /// Which.
        column: &'static str,
        /// The type that rows write.
        wanted: Kind,
        /// The type that it has.
        found: String,
    },
    /// Replaying would make rows twice.
    NoDedup(&'static str),
    /// A materialized view is not kept up to date any more.
    InvalidView {
        /// Which.
        view: String,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "table {table} is missing: run `ampwarden migrate`"),
            Self::Column { table, column, wanted } => {
                write!(f, "column {table}.{column} ({wanted}) is missing: run `ampwarden migrate`")
            }
            Self::Type { table, column, wanted, found } => {
                write!(
                    f,
                    "column {table}.{column} is {found}, rows write {wanted}: it was not made by ampwarden"
                )
            }
            Self::NoDedup(table) => write!(
                f,
                "table {table} has no DEDUP keys: replayed rows would be there twice; recreate it with \
                 `ampwarden migrate`"
            ),
            Self::InvalidView { view, reason } => write!(
                f,
                "the view {view} is not kept up to date ({reason}): run REFRESH MATERIALIZED VIEW {view} FULL"
            ),
        }
    }
}

/// Compares the live schema with what rows write. Empty: it fits.
///
/// # Errors
/// When the server cannot be asked.
pub async fn check_schema(config: &StoreConfig) -> Result<Vec<Mismatch>, MigrateError> {
    let client = connect(config).await?;
    let mut found = Vec::new();
    let tables: BTreeMap<String, bool> = query(&client, "SELECT table_name, dedup FROM tables()")
        .await?
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [Some(name), dedup] => Some((name.clone(), dedup.as_deref() == Some("t"))),
            _ => None,
        })
        .collect();
    for table in TABLES {
        let Some(&dedup) = tables.get(table.name) else {
            found.push(Mismatch::Table(table.name));
            continue;
        };
        if !dedup {
            found.push(Mismatch::NoDedup(table.name));
        }
        let sql = format!("SELECT \"column\", type FROM table_columns('{}')", table.name);
        let live: BTreeMap<String, String> = query(&client, &sql)
            .await?
            .into_iter()
            .filter_map(|row| match row.as_slice() {
                [Some(name), Some(kind)] => Some((name.clone(), kind.clone())),
                _ => None,
            })
            .collect();
        let columns = table.columns.iter().map(|column| (column.name, column.kind));
        for (column, wanted) in columns.chain([("ts", Kind::Time)]) {
            match live.get(column) {
                None => found.push(Mismatch::Column { table: table.name, column, wanted }),
                Some(kind) if kind != wanted.sql() => {
                    found.push(Mismatch::Type { table: table.name, column, wanted, found: kind.clone() });
                }
                Some(_) => {}
            }
        }
    }
    let views = "SELECT view_name, view_status, invalidation_reason FROM materialized_views()";
    for row in query(&client, views).await? {
        if let [Some(view), Some(status), reason] = row.as_slice()
            && status != "valid"
        {
            let reason = reason.clone().unwrap_or_else(|| status.clone());
            found.push(Mismatch::InvalidView { view: view.clone(), reason });
        }
    }
    Ok(found)
}
