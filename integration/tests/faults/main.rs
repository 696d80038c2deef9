//! The fault suite: harm is done while unacknowledged traffic is in flight, and then the fleet's own ledger is compared
//! with QuestDB, row by row: nothing acknowledged is missing, nothing is there twice, the books balance.
//!
//! `make test` runs the short form; `make faults` the long one (`AMPWARDEN_FAULTS=long`).
// Helpers of tests fail the test as well; figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod clients;
mod clocks;
mod damage;
mod deep;
mod disk;
mod fleet;
mod full;
mod kill;
mod late;
mod letters;
mod network;
mod power;
mod rows;
mod store;
mod storm;

/// A time so many days ago, for fleets that live fast: their own time must stay in the past, and younger than 30 days.
fn days_ago(days: i64) -> String {
    (chrono::Utc::now() - chrono::Duration::days(days)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether the long form is wanted.
fn long() -> bool {
    std::env::var_os("AMPWARDEN_FAULTS").is_some_and(|form| form == "long")
}
