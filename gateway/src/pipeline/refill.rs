//! Writes again what the journal retains, after the store has restarted or fallen back: rows that it had answered
//! with 204 and lost. Those that it still has are replaced by themselves.

use std::io;

use station::fold::Rows;
use store::ilp::{Batch, SendError};

use super::front::fold;
use super::snapshot::Snapshot;
use super::writer::Writer;
use crate::journal::Reader;

/// Why a refill was not finished. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum RefillError {
    #[error(transparent)]
    Journal(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] SendError),
}

impl Writer {
    /// Folds the retained segments again, from the oldest snapshot, which lies before them, and writes their rows. Neither the
    /// position nor the books move. Returns the number of events.
    pub(super) fn refill(&mut self) -> Result<u64, RefillError> {
        let base = Snapshot::load_oldest(&self.folder)?.unwrap_or_default();
        let mut state = base.fold;
        let from = base.books.position + 1;
        let mut reader = Reader::new(self.folder.clone(), std::sync::Arc::clone(&self.status.journal), from);
        let (mut batch, mut rows, mut bytes) = (Batch::new(), Rows::wanted(), Vec::new());
        let mut events = 0;
        while reader.next() <= self.state.books.position {
            let Some(sequence) = reader.read(&mut bytes, &mut |_| {})? else { break };
            if sequence > self.state.books.position {
                break;
            }
            if let Ok(event) = proto::event::decode(&bytes) {
                rows.facts.clear();
                fold(&mut state, &event, &mut rows);
                rows.facts.iter().for_each(|fact| batch.push_fact(sequence, fact));
            }
            events += 1;
            if batch.rows() >= self.config.batch_rows {
                self.ilp.send(&mut batch)?;
            }
        }
        self.ilp.send(&mut batch)?;
        self.dirty.extend(self.state.fold.stations().cloned());
        Ok(events)
    }
}
