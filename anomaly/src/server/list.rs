//! Stored scores: one, or a page of them.

use station::time::Timestamp;
use store::read::{Param, ReadError, Reader, Row};
use uuid::Uuid;

use super::filter::Filter;
use super::page::Place;
use crate::score::Reason;

/// How far back a list goes if its filter says nothing of `start_time`.
const BACK_DAYS: i64 = 30;

const COLUMNS: &str = "ts, session_id, revision, model, station, site, score, severity, kind, text, reasons, cluster, \
    cluster_name, partial, ended_at, scored_at";

/// A row of `session_scores`.
#[derive(Debug)]
pub(crate) struct StoredScore {
    pub(crate) ts: Timestamp,
    pub(crate) session_id: Uuid,
    pub(crate) revision: i32,
    pub(crate) model: String,
    pub(crate) station: String,
    pub(crate) site: Option<String>,
    pub(crate) score: f64,
    pub(crate) severity: String,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) cluster: Option<i32>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) partial: bool,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) scored_at: Timestamp,
}

fn stored(row: &Row) -> Result<StoredScore, ReadError> {
    let reasons: Option<String> = row.get("reasons")?;
    let reasons = serde_json::from_str(reasons.as_deref().unwrap_or("[]")).unwrap_or_else(|error| {
        tracing::warn!(%error, "the reasons of a stored score cannot be read; it is shown without");
        Vec::new()
    });
    Ok(StoredScore {
        ts: row.get("ts")?,
        session_id: row.get("session_id")?,
        revision: row.get("revision")?,
        model: row.get("model")?,
        station: row.get("station")?,
        site: row.get("site")?,
        score: row.get("score")?,
        severity: row.get("severity")?,
        kind: row.get("kind")?,
        text: row.get::<Option<String>>("text")?.unwrap_or_default(),
        reasons,
        cluster: row.get("cluster")?,
        cluster_name: row.get("cluster_name")?,
        partial: row.get("partial")?,
        ended_at: row.get("ended_at")?,
        scored_at: row.get("scored_at")?,
    })
}

/// The newest score of a session: of its newest revision, by the model that scored it last.
pub(crate) async fn newest(reader: &Reader, session: Uuid) -> Result<Option<StoredScore>, ReadError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session_scores WHERE session_id = $1 ORDER BY revision DESC, scored_at DESC LIMIT 1"
    );
    reader.query(&sql, &[Param::Uuid(session)]).await?.first().map(stored).transpose()
}

/// A page of the newest scores of sessions, the newest session first, and where the next begins.
pub(crate) async fn page(
    reader: &Reader,
    filter: &Filter,
    size: usize,
    from: Option<Place>,
    now: Timestamp,
) -> Result<(Vec<StoredScore>, Option<Place>), ReadError> {
    let mut params = Vec::new();
    let mut within = String::new();
    let since = [(">=", now.plus_seconds(-BACK_DAYS * 86_400))];
    let from_then_on = from.map(|place| ("<=", Timestamp(place.ts_us)));
    let times = if filter.times.is_empty() { since.as_slice() } else { filter.times.as_slice() };
    for (operator, time) in times.iter().copied().chain(from_then_on) {
        params.push(Param::Time(time));
        within = format!("{within} AND ts {operator} ${}", params.len());
    }
    let conditions = filter.sql(&mut params);
    let skip = from.map_or(0, |place| place.skip);
    let (first, last) = (skip, skip + size + 1);
    // Which row is a session's newest is decided before the filter: a score that was corrected must not come back
    // because it was worse before.
    let sql = format!(
        "SELECT {COLUMNS} FROM (SELECT {COLUMNS}, row_number() OVER (PARTITION BY session_id \
         ORDER BY revision DESC, scored_at DESC) AS place FROM session_scores WHERE 1 = 1{within}) \
         WHERE place = 1{conditions} ORDER BY ts DESC, session_id DESC LIMIT {first}, {last}"
    );
    let rows = reader.query(&sql, &params).await?;
    let mut scores: Vec<StoredScore> = rows.iter().map(stored).collect::<Result<_, _>>()?;
    let more = scores.len() > size;
    scores.truncate(size);
    let next = scores.last().filter(|_| more).map(|last| {
        let ts_us = last.ts.0;
        let same = scores.iter().rev().take_while(|score| score.ts.0 == ts_us).count();
        let before = from.filter(|place| place.ts_us == ts_us).map_or(0, |place| place.skip);
        Place { ts_us, skip: before + same }
    });
    Ok((scores, next))
}
