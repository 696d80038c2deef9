//! Rows that do not follow from events: the gateways' heartbeats, and what the anomaly service finds and learns.

use station::id::SessionId;
use station::time::Timestamp;
use uuid::Uuid;

use super::current::CONSTANT_TS;
use crate::schema::table;

/// `gateways`: a gateway's heartbeat.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct GatewayRow {
    pub ts: Timestamp,
    pub gateway: String,
    pub epoch: Uuid,
    /// `running` or `stopped` (the closing row of an epoch).
    pub state: &'static str,
    pub version: String,
    pub connections: i64,
    pub journal_events: i64,
}

/// `session_scores`: what a model finds of one revision of a session.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ScoreRow {
    /// The session's `ts`.
    pub ts: Timestamp,
    pub session_id: SessionId,
    pub revision: i32,
    pub model: String,
    pub station: String,
    pub site: Option<String>,
    pub token_hash: Option<String>,
    /// 0 (as always) to 1.
    pub score: f64,
    pub severity: String,
    pub kind: String,
    pub text: String,
    /// JSON.
    pub reasons: String,
    pub cluster: Option<i32>,
    pub cluster_name: Option<String>,
    /// Not all of its samples were visible.
    pub partial: bool,
    pub ended_at: Option<Timestamp>,
    pub scored_at: Timestamp,
}

/// `models`: what happened to a model.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ModelRow {
    pub ts: Timestamp,
    pub model: String,
    pub state: String,
    pub sessions: i64,
    pub clusters: Option<i32>,
    pub silhouette: Option<f64>,
    pub checksum: String,
    /// JSON.
    pub detail: String,
}

/// `profiles`: what is usual for a user, a station, a site or the fleet.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ProfileRow {
    pub scope: String,
    pub id: String,
    pub sessions: i64,
    pub energy_mean_wh: Option<f64>,
    pub duration_mean_s: Option<f64>,
    pub power_mean_w: Option<f64>,
    pub stations: Option<i64>,
    pub users: Option<i64>,
    pub preferred_period: Option<String>,
    pub text: String,
    pub model: String,
    pub updated_at: Timestamp,
}

table! {
    GATEWAYS, gateway: "gateways", "the gateways' heartbeats.",
    (row: &GatewayRow) at row.ts,
    symbols {
        gateway: row.gateway.as_str(),
        state: row.state,
        version: row.version.as_str(),
    }
    columns {
        epoch: uuid(row.epoch),
        connections: long(row.connections),
        journal_events: long(row.journal_events),
    }
}

table! {
    SESSION_SCORES, score: "session_scores", "what models find of sessions.",
    (row: &ScoreRow) at row.ts,
    symbols {
        model: row.model.as_str(),
        station: row.station.as_str(),
        site: row.site.as_deref(),
        token_hash: row.token_hash.as_deref(),
        severity: row.severity.as_str(),
        kind: row.kind.as_str(),
        cluster_name: row.cluster_name.as_deref(),
    }
    columns {
        session_id: uuid(row.session_id.0),
        revision: int(row.revision),
        score: double(row.score),
        text: text(row.text.as_str()),
        reasons: text(row.reasons.as_str()),
        cluster: int(row.cluster),
        partial: bool(row.partial),
        ended_at: time(row.ended_at),
        scored_at: time(row.scored_at),
    }
}

table! {
    MODELS, model: "models", "what happened to models.",
    (row: &ModelRow) at row.ts,
    symbols {
        model: row.model.as_str(),
        state: row.state.as_str(),
    }
    columns {
        sessions: long(row.sessions),
        clusters: int(row.clusters),
        silhouette: double(row.silhouette),
        checksum: text(row.checksum.as_str()),
        detail: text(row.detail.as_str()),
    }
}

table! {
    PROFILES, profile: "profiles", "what is usual.",
    (row: &ProfileRow) at CONSTANT_TS,
    symbols {
        scope: row.scope.as_str(),
        id: row.id.as_str(),
        preferred_period: row.preferred_period.as_deref(),
        model: row.model.as_str(),
    }
    columns {
        sessions: long(row.sessions),
        energy_mean_wh: double(row.energy_mean_wh),
        duration_mean_s: double(row.duration_mean_s),
        power_mean_w: double(row.power_mean_w),
        stations: long(row.stations),
        users: long(row.users),
        text: text(row.text.as_str()),
        updated_at: time(row.updated_at),
    }
}
