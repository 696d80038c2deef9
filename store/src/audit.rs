//! Whether rows are in the store as they should be: what was to be written beside what can be read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use station::fact::Fact;
use station::time::Timestamp;
use uuid::Uuid;

use crate::ilp::Cell;
use crate::ilp::line::{Cells, Line};
use crate::read::{Param, ReadError, Reader, Row};
use crate::rows;
use crate::schema::{Column, Kind, Table};

/// Rows that one query asks for.
const ROWS_AT_ONCE: usize = 500;
/// And what they may hold.
const BYTES_AT_ONCE: usize = 4 << 20;
/// One query looks at so much of a table at most, in microseconds: what lies between the rows is read as well.
const SPAN_US: i64 = 3_600_000_000;

/// A row as the store should have it.
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    /// What it is found by.
    pub key: RowKey,
    table: &'static Table,
    cells: Cells,
}

/// What a row is found by: its time, and the columns that are its identity.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RowKey {
    /// Its table.
    pub table: &'static str,
    /// Its designated timestamp.
    pub ts: Timestamp,
    /// `event_id 0199… n 3`, `session_id …`, `site …`
    pub id: String,
}

/// A row as the store has it: a cell for each column of its table.
#[derive(Clone, PartialEq, Debug)]
pub struct Found(Vec<Option<Cell>>);

/// A column that is not as it should be.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Its name.
    pub column: &'static str,
    /// What should be there; none is NULL.
    pub expected: Option<Cell>,
    /// What is there.
    pub found: Option<Cell>,
}

/// A row that cannot be written for what is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Impossible {
    /// The table where it should have gone.
    pub table: &'static str,
    /// Why.
    pub reason: String,
}

impl Expected {
    /// The rows that a fact makes.
    #[must_use]
    pub fn of(fact: &Fact) -> Vec<Result<Self, Impossible>> {
        let mut expected = Vec::with_capacity(1);
        rows::of_fact(fact, &mut |table, encode| {
            let mut cells = Cells::default();
            expected.push(match encode(&mut Line::as_cells(&mut cells)) {
                Ok(()) => Ok(Self::new(table, cells)),
                Err(error) => Err(Impossible { table: table.name, reason: error.to_string() }),
            });
        });
        expected
    }

    fn new(table: &'static Table, cells: Cells) -> Self {
        let find = |name| cells.named.iter().find(|(named, _)| *named == name).map(|(_, cell)| cell);
        let key = RowKey { table: table.name, ts: cells.ts, id: id_of(table, find) };
        Self { key, table, cells }
    }

    /// Whether rows of its table are replaced by later ones of the same key: only the last one stays.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        !identity(self.table).contains(&"event_id")
    }

    /// What it holds, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = |cell: &Cell| if let Cell::Text(text) = cell { text.len() } else { 0 };
        256 + self.cells.named.iter().map(|(_, cell)| 32 + text(cell)).sum::<usize>()
    }

    /// What is otherwise in the store. Empty: it is as it should be.
    #[must_use]
    pub fn differences(&self, found: &Found) -> Vec<Difference> {
        let expected = |name| self.cells.named.iter().find(|(named, _)| *named == name).map(|(_, cell)| cell);
        self.table
            .columns
            .iter()
            .zip(&found.0)
            .filter(|(column, found)| expected(column.name) != found.as_ref())
            .map(|(column, found)| Difference {
                column: column.name,
                expected: expected(column.name).cloned(),
                found: found.clone(),
            })
            .collect()
    }
}

/// Looks for rows in the store; those that are not there are not in the answer. The rows are put into another order.
///
/// # Errors
/// See [`ReadError`].
pub async fn find(reader: &Reader, rows: &mut [&Expected]) -> Result<HashMap<RowKey, Found>, ReadError> {
    rows.sort_unstable_by_key(|row| (row.key.table, row.key.ts));
    let mut found = HashMap::with_capacity(rows.len());
    let mut rest = &*rows;
    while let Some(first) = rest.first() {
        let mut bytes = 0;
        let together = rest.iter().take(ROWS_AT_ONCE).take_while(|row| {
            bytes += row.bytes();
            row.key.table == first.key.table
                && row.key.ts.0 - first.key.ts.0 <= SPAN_US
                && (bytes <= BYTES_AT_ONCE || row.key == first.key)
        });
        let (chunk, after) = rest.split_at(together.count().max(1));
        find_some(reader, chunk, &mut found).await?;
        rest = after;
    }
    Ok(found)
}

/// Rows of one table.
async fn find_some(
    reader: &Reader,
    chunk: &[&Expected],
    found: &mut HashMap<RowKey, Found>,
) -> Result<(), ReadError> {
    let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { return Ok(()) };
    let table = first.table;
    let by = identity(table)[0];
    let ids: BTreeSet<String> = chunk
        .iter()
        .filter_map(|row| row.cells.named.iter().find(|(name, _)| *name == by))
        .map(|(_, cell)| format!("'{}'", cell.to_string().replace('\'', "''")))
        .collect();
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let sql = format!(
        "SELECT ts, {} FROM {} WHERE ts >= $1 AND ts <= $2 AND {by} IN ({})",
        columns.join(", "),
        table.name,
        ids.into_iter().collect::<Vec<_>>().join(", ")
    );
    for row in reader.query(&sql, &[Param::Time(first.key.ts), Param::Time(last.key.ts)]).await? {
        let cells: Vec<Option<Cell>> =
            table.columns.iter().map(|column| cell(&row, column)).collect::<Result<_, _>>()?;
        let of = |name| {
            table.columns.iter().position(|column| column.name == name).and_then(|at| cells[at].as_ref())
        };
        let key = RowKey { table: table.name, ts: row.get("ts")?, id: id_of(table, of) };
        found.insert(key, Found(cells));
    }
    Ok(())
}

/// How often the store has refused rows of these events, by event and table. `from` and `to` are when the first and
/// the last of them were journaled.
///
/// # Errors
/// See [`ReadError`].
pub async fn refused(
    reader: &Reader,
    events: &BTreeSet<Uuid>,
    (from, to): (Timestamp, Timestamp),
) -> Result<HashMap<(Uuid, String), usize>, ReadError> {
    let mut refused = HashMap::new();
    let events: Vec<String> = events.iter().map(|id| format!("'{id}'")).collect();
    for ids in events.chunks(ROWS_AT_ONCE) {
        let sql = format!(
            "SELECT event_id, origin FROM rejected WHERE ts >= $1 AND ts <= $2 AND reason = 'refused_by_store' \
             AND event_id IN ({})",
            ids.join(", ")
        );
        for row in reader.query(&sql, &[Param::Time(from), Param::Time(to)]).await? {
            *refused.entry((row.get("event_id")?, row.get("origin")?)).or_default() += 1;
        }
    }
    Ok(refused)
}

/// Before which time each table has forgotten rows by now; tables that forget nothing are not in it.
///
/// # Errors
/// See [`ReadError`].
pub async fn forgotten_before(
    reader: &Reader,
    now: Timestamp,
) -> Result<BTreeMap<String, Timestamp>, ReadError> {
    let rows =
        reader.query("SELECT table_name, ttlValue, ttlUnit FROM tables() WHERE ttlValue > 0", &[]).await?;
    rows.iter()
        .map(|row| {
            let (value, unit): (i64, String) = (row.get("ttlValue")?, row.get("ttlUnit")?);
            Ok((row.get("table_name")?, before(now, value, &unit)))
        })
        .collect()
}

fn before(now: Timestamp, value: i64, unit: &str) -> Timestamp {
    let months = |months: i64| {
        let months = chrono::Months::new(u32::try_from(months).unwrap_or(u32::MAX));
        now.to_utc().checked_sub_months(months).map_or(Timestamp(0), |t| Timestamp(t.timestamp_micros()))
    };
    match unit {
        "HOUR" => now.plus_seconds(value.saturating_mul(-3_600)),
        "WEEK" => now.plus_seconds(value.saturating_mul(-7 * 86_400)),
        "MONTH" => months(value),
        "YEAR" => months(value.saturating_mul(12)),
        _ => now.plus_seconds(value.saturating_mul(-86_400)),
    }
}

/// Columns that, with the time, tell a row from the others of its table; the first one narrows a search.
fn identity(table: &Table) -> &'static [&'static str] {
    match table.name {
        "sessions" => &["session_id"],
        "sites" => &["site"],
        "stations" => &["station"],
        _ => &["event_id", "n"],
    }
}

fn id_of<'c>(table: &Table, cell: impl Fn(&'static str) -> Option<&'c Cell>) -> String {
    let parts = identity(table).iter().map(|name| match cell(name) {
        Some(cell) => format!("{name} {cell}"),
        None => format!("{name} NULL"),
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn cell(row: &Row, column: &Column) -> Result<Option<Cell>, ReadError> {
    let name = column.name;
    Ok(match column.kind {
        Kind::Symbol | Kind::Text => row.get::<Option<String>>(name)?.map(Cell::Text),
        Kind::Uuid => row.get::<Option<Uuid>>(name)?.map(Cell::Uuid),
        Kind::Int | Kind::Long => row.get::<Option<i64>>(name)?.map(Cell::Long),
        Kind::Double => row.get::<Option<f64>>(name)?.map(Cell::Double),
        Kind::Bool => row.get::<Option<bool>>(name)?.map(Cell::Bool),
        Kind::Time => row.get::<Option<Timestamp>>(name)?.map(Cell::Time),
    })
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(id) => id.fmt(f),
            Self::Long(number) => number.fmt(f),
            Self::Double(number) => number.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
            Self::Time(time) => {
                f.write_str(&time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_to_live_is_counted_as_the_store_does() {
        let now = Timestamp(1_774_958_400_000_000); // 2026-03-31T12:00:00Z
        let text = |value, unit| before(now, value, unit).to_rfc3339();
        assert_eq!(text(400, "DAY"), "2025-02-24T12:00:00.000Z");
        assert_eq!(text(1, "MONTH"), "2026-02-28T12:00:00.000Z");
        assert_eq!(text(2, "WEEK"), "2026-03-17T12:00:00.000Z");
    }
}
