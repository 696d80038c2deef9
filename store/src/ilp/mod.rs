//! Writing rows: batches by table, and the writer that sends them.

mod answer;
mod batch;
pub(crate) mod line;
mod writer;

pub use batch::{Batch, Refused};
pub use line::Cell;
pub use writer::{SendError, Sent, SentTable, Writer};
