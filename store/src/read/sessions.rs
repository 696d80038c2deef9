//! Sessions, for scoring and learning.

use std::collections::HashMap;

use station::id::SessionId;
use station::time::{SECOND, Timestamp};

use super::record::{Record, record};
use super::{Param, ReadError, Reader};

/// How long before its last change a session may have begun to be found by a look over a limited time: the 30 days
/// that a station's clock may be behind, and a day for the session. Longer ones are found by the look over all.
const LONGEST_BACK_S: i64 = 31 * 86_400;

record! {
    /// A row of `sessions`.
    Session {
        ts: Timestamp,
        session_id: SessionId,
        station: String,
        site: Option<String>,
        evse: Option<i32>,
        connector: Option<i32>,
        transaction_id: Option<String>,
        token_hash: Option<String>,
        vehicle_model: Option<String>,
        user_type: Option<String>,
        charger_type: Option<String>,
        state: String,
        started_at: Timestamp,
        ended_at: Option<Timestamp>,
        duration_s: Option<f64>,
        charging_s: Option<f64>,
        idle_s: Option<f64>,
        energy_wh: Option<f64>,
        meter_start_wh: Option<f64>,
        meter_stop_wh: Option<f64>,
        max_power_w: Option<f64>,
        mean_power_w: Option<f64>,
        soc_start_ratio: Option<f64>,
        soc_end_ratio: Option<f64>,
        battery_wh: Option<f64>,
        temperature_c: Option<f64>,
        cost: Option<f64>,
        currency: Option<String>,
        tariff: Option<String>,
        tariff_revision: Option<i64>,
        stop_reason: Option<String>,
        inferred: bool,
        partial: bool,
        revision: i32,
        samples: i32,
        source: Option<String>,
        received_at: Timestamp,
        updated_at: Timestamp,
        flags: Option<String>,
    }
}

impl Session {
    /// The span in which the rows of its meter values lie: samples with an implausible time of their own stand at
    /// the time when they were received, which is not after the session's last change.
    fn span(&self) -> (Timestamp, Timestamp) {
        let first = self.ts.min(self.started_at);
        let last = self.updated_at.max(self.ended_at.unwrap_or(self.updated_at));
        (first.plus_seconds(-3_600), last.plus_seconds(3_600))
    }
}

impl Reader {
    /// Ended sessions, changed since `since`, whose present revision `model` has not scored, the oldest change first,
    /// at most `limit`. Level-triggered: whatever came late or was forgotten is found. Over a limited time it looks
    /// at sessions that began at most 31 days before `since`; with none, at all.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn sessions_ended_unscored(
        &self,
        model: &str,
        since: Option<Timestamp>,
        limit: i64,
    ) -> Result<Vec<Session>, ReadError> {
        self.sessions_by_score(model, since, limit, "x.revision IS NULL").await
    }

    /// Ended sessions, changed since `since`, whose present revision `model` has scored only in part, because not all
    /// of their samples were visible. Otherwise as [`Self::sessions_ended_unscored`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn sessions_scored_in_part(
        &self,
        model: &str,
        since: Option<Timestamp>,
        limit: i64,
    ) -> Result<Vec<Session>, ReadError> {
        self.sessions_by_score(model, since, limit, "x.partial").await
    }

    async fn sessions_by_score(
        &self,
        model: &str,
        since: Option<Timestamp>,
        limit: i64,
        condition: &str,
    ) -> Result<Vec<Session>, ReadError> {
        let since = since.unwrap_or_default();
        let began = Timestamp(since.0.saturating_sub(LONGEST_BACK_S * SECOND).max(0));
        let columns =
            Session::COLUMNS.split(", ").map(|name| format!("s.{name}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT {columns} FROM (SELECT * FROM sessions WHERE ts >= $1 AND state = 'ended' AND updated_at >= $2) s \
             LEFT JOIN (SELECT session_id, revision, partial FROM session_scores WHERE ts >= $3 AND model = $4) x \
             ON s.session_id = x.session_id AND s.revision = x.revision \
             WHERE {condition} ORDER BY updated_at LIMIT $5"
        );
        let params = [
            Param::Time(began),
            Param::Time(since),
            Param::Time(began),
            Param::Text(model),
            Param::Long(limit),
        ];
        self.records(&sql, &params).await
    }

    /// The last `limit` ended sessions that began before `until`, in the order in which they began.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn sessions_history(&self, until: Timestamp, limit: i64) -> Result<Vec<Session>, ReadError> {
        let columns = Session::COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM sessions WHERE ts < $1 AND state = 'ended' ORDER BY ts DESC LIMIT $2"
        );
        let mut sessions: Vec<Session> =
            self.records(&sql, &[Param::Time(until), Param::Long(limit)]).await?;
        sessions.reverse();
        Ok(sessions)
    }

    /// One session.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, ReadError> {
        let columns = Session::COLUMNS;
        let sql = format!("SELECT {columns} FROM sessions WHERE session_id = $1");
        Ok(self.records(&sql, &[Param::Uuid(id.0)]).await?.pop())
    }

    /// How many meter values of each of these sessions are visible. A session is whole when that is its `samples`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn visible_samples(&self, sessions: &[Session]) -> Result<HashMap<SessionId, i64>, ReadError> {
        let mut counts = HashMap::with_capacity(sessions.len());
        for some in sessions.chunks(200) {
            let Some((from, to)) = some.iter().map(Session::span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            else {
                continue;
            };
            // The list is ours (ids in hexadecimal digits), and QuestDB takes no array parameter here.
            let ids = some.iter().map(|s| format!("'{}'", s.session_id)).collect::<Vec<_>>().join(", ");
            let sql = format!(
                "SELECT session_id, count() AS samples FROM meter_values \
                 WHERE ts BETWEEN $1 AND $2 AND session_id IN ({ids}) GROUP BY session_id"
            );
            for row in self.query(&sql, &[Param::Time(from), Param::Time(to)]).await? {
                counts.insert(row.get("session_id")?, row.get("samples")?);
            }
        }
        Ok(counts)
    }

    /// The meter values of a session, by time. Its times limit which partitions are read.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn meter_values_of(&self, session: &Session) -> Result<Vec<super::MeterValue>, ReadError> {
        let (from, to) = session.span();
        let columns = super::MeterValue::COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM meter_values \
             WHERE ts BETWEEN $1 AND $2 AND station = $3 AND session_id = $4 ORDER BY ts"
        );
        let params = [
            Param::Time(from),
            Param::Time(to),
            Param::Text(&session.station),
            Param::Uuid(session.session_id.0),
        ];
        self.records(&sql, &params).await
    }
}
