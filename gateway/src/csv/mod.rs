//! Imports: whole sessions from files. The client cuts a file into pieces; the server decodes each, hands it to the
//! pipeline and says what became of every row. The session's id follows from its content, so that a piece that is sent
//! twice brings nothing twice.

mod client;
mod server;

use serde::{Deserialize, Serialize};

pub use client::{Import, ImportError, PIECE_ROWS, Piece, PostError, Progress, Summary};
pub use server::{ImportDeps, import_router, openapi};

/// What became of the rows of one piece.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportAnswer {
    /// New sessions, synced in the journal.
    pub taken: u64,
    /// Sessions that were there already.
    pub duplicate: u64,
    /// Rows that could not be taken; they are kept in `rejected`.
    pub rejected: Vec<RejectedRow>,
}

/// A row that could not be taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RejectedRow {
    /// Line in the file, from 1.
    pub line: u64,
    /// What is wrong, and what to do.
    pub reason: String,
}

#[cfg(test)]
mod tests;
