//! QuestDB: migrations, rows, the ILP writer, the PG-wire reader.
//!
//! Writing goes over HTTP in the line protocol ([`ilp`]), synchronously, one thread a [`ilp::Writer`]; reading goes
//! over the PG wire ([`read`]), asynchronously. [`schema`] and [`rows`] say which columns are written, [`migrate`]
//! makes the tables, [`server`] looks at the server itself, [`audit`] compares what should be in it with what is.

pub mod audit;
pub mod config;
pub mod ilp;
pub mod migrate;
pub mod read;
pub mod rows;
pub mod schema;
pub mod server;

pub use config::{PgConfig, StoreConfig};
pub use rows::{ForecastRow, GatewayRow, HourRow, ModelRow, ProfileRow, ScoreRow};
