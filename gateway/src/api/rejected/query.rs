//! Reading the table `rejected`, page by page.

use std::fmt::Write as _;

use service::problem::Problem;
use station::time::Timestamp;
use store::read::{Param, ReadError, Reader, Row};
use uuid::Uuid;

use super::{Filter, Letter};

const COLUMNS: &str =
    "SELECT ts, event_id, n, station, source, reason, detail, origin, payload, received_at FROM rejected";

/// In which order letters are given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

/// One page, and where the next one begins. Letters that come meanwhile neither shift a page nor are given twice:
/// the place is a time, and how many letters of just that time were given.
pub(super) async fn page(
    reader: &Reader,
    filter: &Filter,
    order: Order,
    limit: u32,
) -> Result<(Vec<Letter>, Option<String>), Problem> {
    let after = filter.after.as_deref().map(place).transpose()?;
    let mut sql = format!("{COLUMNS} WHERE ts >= $1 AND ts <= $2");
    let (mut from, mut to) =
        (filter.since.unwrap_or_default(), filter.until.unwrap_or(Timestamp(253_402_300_799_000_000)));
    let skip = after.map_or(0, |(_, skip)| skip);
    let direction = match order {
        Order::NewestFirst => {
            to = after.map_or(to, |(ts, _)| to.min(ts));
            "DESC"
        }
        Order::OldestFirst => {
            from = after.map_or(from, |(ts, _)| from.max(ts));
            "ASC"
        }
    };
    let mut params = vec![Param::Time(from), Param::Time(to)];
    for (column, value) in
        [("station", &filter.station), ("reason", &filter.reason), ("source", &filter.source)]
    {
        if let Some(value) = value {
            params.push(Param::Text(value));
            let _ = write!(sql, " AND {column} = ${}", params.len());
        }
    }
    let _ = write!(sql, " ORDER BY ts {direction}, event_id, n LIMIT {skip}, {}", skip + limit);
    let rows = reader.query(&sql, &params).await.map_err(|error| unavailable(&error))?;
    let letters: Vec<Letter> =
        rows.iter().map(letter).collect::<Result<_, _>>().map_err(|error| unavailable(&error))?;
    let next = match rows.last() {
        Some(last) if rows.len() == limit as usize => {
            let ts: Timestamp = last.get("ts").map_err(|error| unavailable(&error))?;
            let mut same = 0;
            for row in &rows {
                same += u32::from(row.get::<Timestamp>("ts").map_err(|error| unavailable(&error))? == ts);
            }
            let before = after.filter(|(t, _)| *t == ts).map_or(0, |(_, skip)| skip);
            Some(format!("{}.{}", ts.0, before + same))
        }
        _ => None,
    };
    Ok((letters, next))
}

/// What is kept of one event; a problem if there is nothing.
pub(super) async fn of_event(reader: &Reader, id: Uuid) -> Result<Vec<Letter>, Problem> {
    let sql = format!("{COLUMNS} WHERE event_id = $1 ORDER BY n");
    let rows = reader.query(&sql, &[Param::Uuid(id)]).await.map_err(|error| unavailable(&error))?;
    if rows.is_empty() {
        return Err(Problem::not_found(format!(
            "no rejected event has the id {id}; letters are shown some moments after they came, and for as long as \
             the table's TTL"
        )));
    }
    rows.iter().map(letter).collect::<Result<_, _>>().map_err(|error| unavailable(&error))
}

fn letter(row: &Row) -> Result<Letter, ReadError> {
    let received: Timestamp = row.get("received_at")?;
    let text = |column: &str| row.get::<Option<String>>(column).map(Option::unwrap_or_default);
    Ok(Letter {
        event_id: row.get("event_id")?,
        n: row.get("n")?,
        ts: row.get::<Timestamp>("ts")?.to_rfc3339(),
        received_at: received.to_rfc3339(),
        station: text("station")?,
        source: text("source")?,
        reason: text("reason")?,
        detail: text("detail")?,
        origin: text("origin")?,
        payload: row.get("payload")?,
        received,
    })
}

/// A place between two letters, as `next` gave it.
fn place(text: &str) -> Result<(Timestamp, u32), Problem> {
    text.split_once('.')
        .and_then(|(ts, skip)| Some((Timestamp(ts.parse().ok()?), skip.parse().ok()?)))
        .ok_or_else(|| Problem::bad_request("`after` must be what `next` was in the answer before"))
}

fn unavailable(error: &ReadError) -> Problem {
    Problem::unavailable(format!("the store cannot be asked: {error}"))
}
