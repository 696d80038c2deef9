//! Reading the table `commands`: a row for each step of a command.

use serde_json::Value;
use service::problem::Problem;
use station::id::StationId;
use station::time::Timestamp;
use store::read::{Param, ReadError, Reader, Row};
use uuid::Uuid;

use super::CommandView;

const COLUMNS: &str = "SELECT ts, command_id, station, command, state, message, author, issued_at, expires_at, \
                       status, detail, late, payload FROM commands";

/// A command, if the store knows it.
pub(super) async fn find(reader: &Reader, id: Uuid) -> Result<Option<CommandView>, Problem> {
    let sql = format!("{COLUMNS} WHERE command_id = $1 ORDER BY ts");
    let rows = reader.query(&sql, &[Param::Uuid(id)]).await.map_err(|error| unavailable(&error))?;
    Ok(views(&rows)?.pop())
}

/// The last commands of a station, newest first.
pub(super) async fn of_station(
    reader: &Reader,
    station: &StationId,
    limit: u32,
) -> Result<Vec<CommandView>, Problem> {
    let station = Param::Text(station.as_str());
    // A step is never older than its command, which was issued with its first step.
    let sql = format!(
        "SELECT ts FROM commands WHERE station = $1 AND state = 'queued' ORDER BY ts DESC LIMIT {limit}"
    );
    let issued = reader.query(&sql, &[station]).await.map_err(|error| unavailable(&error))?;
    let Some(first) = issued.last() else { return Ok(Vec::new()) };
    let first: Timestamp = first.get("ts").map_err(|error| unavailable(&error))?;
    let sql = format!("{COLUMNS} WHERE station = $1 AND ts >= $2 AND issued_at >= $2 ORDER BY ts");
    let rows =
        reader.query(&sql, &[station, Param::Time(first)]).await.map_err(|error| unavailable(&error))?;
    let mut views = views(&rows)?;
    views.reverse();
    Ok(views)
}

/// Commands from their steps, which come in order.
fn views(rows: &[Row]) -> Result<Vec<CommandView>, Problem> {
    let mut views: Vec<CommandView> = Vec::new();
    for row in rows {
        let id: Uuid = row.get("command_id").map_err(|error| unavailable(&error))?;
        let known = views.iter_mut().find(|view| view.id == id);
        let step = step(row, id).map_err(|error| unavailable(&error))?;
        match known {
            Some(view) => *view = after(view, step),
            None => views.push(step),
        }
    }
    Ok(views)
}

/// One step, with what it brought: what was asked, or what was answered.
fn step(row: &Row, id: Uuid) -> Result<CommandView, ReadError> {
    let text = |column: &str| row.get::<Option<String>>(column);
    let state = text("state")?.unwrap_or_default();
    let at = row.get::<Timestamp>("ts")?.to_rfc3339();
    let payload: Option<Value> = text("payload")?.and_then(|text| serde_json::from_str(&text).ok());
    let is = |wanted: &str| state == wanted;
    let (queued, sent) = (is("queued"), is("sent"));
    Ok(CommandView {
        id,
        station: text("station")?.unwrap_or_default(),
        command: text("command")?.unwrap_or_default(),
        request: payload.clone().filter(|_| queued),
        message: text("message")?,
        status: text("status")?,
        detail: text("detail")?,
        answer: payload.filter(|_| !queued && !sent),
        late: row.get("late")?,
        author: text("author")?.unwrap_or_default(),
        issued_at: row.get::<Timestamp>("issued_at")?.to_rfc3339(),
        expires_at: row.get::<Timestamp>("expires_at")?.to_rfc3339(),
        sent_at: sent.then(|| at.clone()),
        ended_at: (!queued && !sent).then_some(at),
        state,
    })
}

fn after(before: &CommandView, step: CommandView) -> CommandView {
    CommandView {
        request: step.request.or_else(|| before.request.clone()),
        sent_at: step.sent_at.or_else(|| before.sent_at.clone()),
        ..step
    }
}

fn unavailable(error: &ReadError) -> Problem {
    Problem::unavailable(format!("the store cannot be asked: {error}"))
}
