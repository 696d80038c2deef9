//! What an audit says of itself, while it runs and at its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::audit::{Difference, Expected};
use store::ilp::Cell;

/// Examples that are kept of each table.
const EXAMPLES: usize = 5;
/// Characters of a value that an example shows.
const VALUE_CHARS: usize = 120;

/// An audit, as the API gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Audit {
    /// How far it is.
    pub state: State,
    /// What it waits for, or why it has failed.
    #[schema(nullable)]
    pub detail: Option<String>,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// When it ended.
    #[schema(nullable)]
    pub ended_at: Option<String>,
    /// Number of the first event that is folded again: the journal does not retain what came before.
    pub from: u64,
    /// Number of the last event that the store had answered for when it began.
    pub to: u64,
    /// Number of the last event that was folded so far.
    pub at: u64,
    /// Events within that the journal does not give back: what follows from them is not compared.
    pub unreadable: u64,
    /// What was compared, by table.
    pub tables: BTreeMap<String, Tally>,
    /// The first rows of each table that are missing or different.
    pub examples: Vec<Example>,
}

/// How far an audit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits until the store has applied what it has answered for.
    #[default]
    Waiting,
    /// It folds and compares.
    Comparing,
    /// All was compared.
    Done,
    /// It was not brought to its end: `detail` says why.
    Failed,
}

/// Rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tally {
    /// Found as they should be.
    pub equal: u64,
    /// Not there.
    pub missing: u64,
    /// There, and otherwise.
    pub different: u64,
    /// Refused by the store when they were written, and kept in `rejected`.
    pub refused: u64,
    /// Older than the table keeps rows, and gone.
    pub forgotten: u64,
}

/// A row that is missing or different.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Example {
    /// Its table.
    pub table: String,
    /// Its time, RFC 3339.
    pub ts: String,
    /// What it is found by.
    pub key: String,
    /// Number of the event that it follows from.
    pub event: u64,
    /// What is otherwise; empty: the row is missing.
    pub columns: Vec<ColumnDifference>,
}

/// A column that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ColumnDifference {
    /// Its name.
    pub column: String,
    /// What should be there; null is NULL. Long texts are cut.
    #[schema(nullable)]
    pub expected: Option<String>,
    /// What is there.
    #[schema(nullable)]
    pub found: Option<String>,
}

impl Audit {
    /// Whether it goes on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Waiting | State::Comparing)
    }

    pub(super) fn tally(&mut self, table: &str) -> &mut Tally {
        self.tables.entry(table.to_owned()).or_default()
    }

    pub(super) fn example(&mut self, row: &Expected, event: u64, differences: &[Difference]) {
        if self.examples.iter().filter(|known| known.table == row.key.table).count() >= EXAMPLES {
            return;
        }
        let columns = differences
            .iter()
            .map(|difference| ColumnDifference {
                column: difference.column.to_owned(),
                expected: difference.expected.as_ref().map(shown),
                found: difference.found.as_ref().map(shown),
            })
            .collect();
        self.examples.push(Example {
            table: row.key.table.to_owned(),
            ts: Cell::Time(row.key.ts).to_string(),
            key: row.key.id.clone(),
            event,
            columns,
        });
    }
}

fn shown(cell: &Cell) -> String {
    let text = cell.to_string();
    match text.char_indices().nth(VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
