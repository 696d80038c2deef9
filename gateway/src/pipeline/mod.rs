//! From decoded events to synced, folded and answered ones.

mod handle;

pub use handle::{Pipeline, Refused, Submission};
