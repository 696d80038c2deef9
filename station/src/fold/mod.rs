//! The fold: the events of a station, in their order, into its state, and into rows.

mod outcome;

pub use outcome::{Authorization, Outcome, Verdict};
