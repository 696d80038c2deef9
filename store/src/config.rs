//! Where the store is and how long it keeps things.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::{HumanDuration, SecretString};

/// QuestDB: where it is, and how long each table is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// QuestDB's HTTP address, where rows are written (line protocol), without a path.
    pub http: String,
    /// User for HTTP (basic authentication, `http.user` of QuestDB); none if empty.
    pub http_user: String,
    /// Password for HTTP.
    pub http_password: SecretString,
    /// How long connecting may take before the store counts as unavailable.
    pub connect_timeout: HumanDuration,
    /// How long one write request may take, answer included, before it is given up and sent again.
    pub request_timeout: HumanDuration,
    /// QuestDB's PG-wire endpoint, where rows are read and tables are made.
    pub pg: PgConfig,
    /// How long rows are kept, by table, other than the schema says: `{ meter_values = "800d" }`. At least 35 days
    /// (rows older than a table's time to live are accepted and vanish; stations may report 30 days late); `0s`
    /// keeps for ever. Applied by `ampwarden migrate`; what is taken out of here stays as it was set.
    pub ttl: BTreeMap<String, HumanDuration>,
}

/// QuestDB's PG-wire endpoint.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PgConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User; a read-only one is enough for the exporter.
    pub user: String,
    /// Password.
    pub password: SecretString,
    /// Database name (QuestDB takes any).
    pub database: String,
    /// Connections that are kept open by each process at most. QuestDB allows 64 in all unless told otherwise.
    pub connections: usize,
    /// How long one query may run before it is cancelled.
    pub statement_timeout: HumanDuration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            http: "http://127.0.0.1:9000".into(),
            http_user: String::new(),
            http_password: SecretString::default(),
            connect_timeout: HumanDuration::from_secs(5),
            request_timeout: HumanDuration::from_secs(30),
            pg: PgConfig::default(),
            ttl: BTreeMap::new(),
        }
    }
}

impl Default for PgConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8812,
            user: "admin".into(),
            password: SecretString::new("quest"),
            database: "qdb".into(),
            connections: 4,
            statement_timeout: HumanDuration::from_secs(30),
        }
    }
}

impl StoreConfig {
    /// The HTTP address without a slash at its end.
    pub(crate) fn http_base(&self) -> &str {
        self.http.trim_end_matches('/')
    }
}
