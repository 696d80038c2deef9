//! The fault suite: harm is done while unacknowledged traffic is in flight, and then the fleet's own ledger is compared
//! with QuestDB, row by row: nothing acknowledged is missing, nothing is there twice, the books balance.
//!
//! `make test` runs the short form; `make faults` the long one (`AMPWARDEN_FAULTS=long`).
// Helpers of tests fail the test as well; figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod clients;
mod clocks;
mod fleet;
mod kill;
mod station;
mod storm;
mod letters;

/// Whether the long form is wanted.
fn long() -> bool {
    std::env::var_os("AMPWARDEN_FAULTS").is_some_and(|form| form == "long")
}
