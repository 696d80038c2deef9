//! Tests over real sockets and real servers: what they share.
//!
//! Servers start on free ports in temporary folders and end with the test process, however that ends
//! ([`servers`]). QuestDB takes about five seconds to start, so tests of one binary share one
//! ([`servers::QuestDb::shared`]) and keep apart by names of their own ([`unique`]): a test reads only rows of its
//! stations, sites, tokens and models. Only tests that stop, freeze or reconfigure a server start their own.

mod binary;
mod eventually;
mod gateway;
pub mod ledger;
pub mod servers;
pub mod station;

pub use binary::{binary, python};
pub use eventually::{eventually, eventually_blocking};
pub use gateway::{Gateway, LOOKER};

/// A name that no other test has: `prefix-1a2b3c4d`.
#[must_use]
pub fn unique(prefix: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}-{}", &random[..8])
}
