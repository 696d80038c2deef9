//! Between the API's messages and our own types.

use prost_types::Timestamp as ProtoTime;
use proto::anomaly::v1 as api;
use station::time::Timestamp;
use tonic::Status;
use uuid::Uuid;

use super::errors::{Violations, invalid};
use super::list::StoredScore;
use crate::evaluation::Evaluation;
use crate::models::{Artefact, Drift, Verdict};
use crate::score::{Baseline, Reason, Scored};
use crate::session::Session;
use crate::severity::Severity;

/// Numbers beyond this (a terawatt-hour, 30,000 years) are mistakes.
const ABSURD: f64 = 1e12;
/// Longest text that is taken, in bytes.
const TEXT_MAX: usize = 256;

/// Reads `sessions/{uuid}` and what may follow it.
#[allow(clippy::result_large_err)]
pub(crate) fn session_id(field: &str, name: &str, suffix: &str) -> Result<Uuid, Status> {
    name.strip_prefix("sessions/")
        .and_then(|rest| rest.strip_suffix(suffix))
        .and_then(|id| Uuid::try_parse(id).ok())
        .ok_or_else(|| {
            invalid(field, format!("must read sessions/{{uuid}}{suffix}, but is \"{}\"", cut(name)))
        })
}

/// So much of a text as belongs in an error.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Checks and takes a session that a request brings along. All that is wrong is named at once.
#[allow(clippy::result_large_err)]
pub(crate) fn session(message: api::Session) -> Result<Session, Status> {
    let mut wrong = Violations::default();
    if message.station.trim().is_empty() {
        wrong.add("session.station", "must not be empty");
    }
    for (field, text) in [
        ("station", &message.station),
        ("site", &message.site),
        ("token_hash", &message.token_hash),
        ("time_zone", &message.time_zone),
        ("vehicle_model", &message.vehicle_model),
        ("charger_type", &message.charger_type),
    ] {
        if text.len() > TEXT_MAX {
            wrong.add(format!("session.{field}"), format!("is longer than {TEXT_MAX} bytes"));
        }
        if text.contains(char::is_control) {
            wrong.add(format!("session.{field}"), "has control characters");
        }
    }
    let id = match message.name.as_str() {
        "" => None,
        name => session_id("session.name", name, "")
            .map_err(|status| wrong.add("session.name", status.message().to_owned()))
            .ok(),
    };
    for (field, value, negative) in [
        ("duration_s", message.duration_s, false),
        ("charging_s", message.charging_s, false),
        ("idle_s", message.idle_s, false),
        ("energy_wh", message.energy_wh, false),
        // Backward meters and impossible states of charge are what stations report: findings.
        ("meter_start_wh", message.meter_start_wh, true),
        ("meter_stop_wh", message.meter_stop_wh, true),
        ("max_power_w", message.max_power_w, true),
        ("mean_power_w", message.mean_power_w, true),
        ("rated_power_w", message.rated_power_w, false),
        ("soc_start_ratio", message.soc_start_ratio, true),
        ("soc_end_ratio", message.soc_end_ratio, true),
        ("battery_wh", message.battery_wh, false),
        ("temperature_c", message.temperature_c, true),
    ] {
        let field = format!("session.{field}");
        match value {
            Some(v) if !v.is_finite() => wrong.add(field, format!("must be a finite number, but is {v}")),
            Some(v) if v.abs() > ABSURD => wrong.add(field, format!("is absurd: {v}")),
            Some(v) if v < 0.0 && !negative => wrong.add(field, format!("must not be negative, but is {v}")),
            _ => {}
        }
    }
    let started = time(&mut wrong, "session.start_time", message.start_time);
    let ended = time(&mut wrong, "session.end_time", message.end_time);
    if message.start_time.is_none() {
        wrong.add("session.start_time", "must be set");
    }
    if let (Some(started), Some(ended)) = (started, ended)
        && ended < started
    {
        wrong.add("session.end_time", "is before session.start_time");
    }
    if !message.time_zone.is_empty() && message.time_zone.parse::<chrono_tz::Tz>().is_err() {
        wrong.add("session.time_zone", format!("\"{}\" is no time zone", cut(&message.time_zone)));
    }
    if message.duration_s.is_none() && message.end_time.is_none() {
        wrong.add("session.duration_s", "must be set if session.end_time is not");
    }
    wrong.result()?;
    let started = started.unwrap_or_default();
    let text = |text: String| (!text.is_empty()).then_some(text);
    Ok(Session {
        id,
        revision: 0,
        station: message.station,
        site: text(message.site),
        user: text(message.token_hash),
        vehicle: text(message.vehicle_model),
        ts_us: started.0,
        started_us: started.0,
        ended_us: ended.map(|t| t.0),
        time_zone: text(message.time_zone),
        duration_s: message.duration_s.or_else(|| ended.map(|ended| ended.seconds_since(started))),
        charging_s: message.charging_s,
        idle_s: message.idle_s,
        energy_wh: message.energy_wh,
        meter_start_wh: message.meter_start_wh,
        meter_stop_wh: message.meter_stop_wh,
        max_power_w: message.max_power_w,
        mean_power_w: message.mean_power_w,
        rated_power_w: message.rated_power_w,
        soc_start_ratio: message.soc_start_ratio,
        soc_end_ratio: message.soc_end_ratio,
        battery_wh: message.battery_wh,
        temperature_c: message.temperature_c,
        inferred: message.end_inferred,
        start_missing: message.start_missing,
        meter_backwards: message.meter_backwards,
        clock_wrong: false,
        energy_from_power: false,
        meter: None,
        samples: 0,
    })
}

/// Reads a time; one that makes no sense is a violation.
pub(super) fn time(wrong: &mut Violations, field: &str, value: Option<ProtoTime>) -> Option<Timestamp> {
    let value = value?;
    // The range of google.protobuf.Timestamp: years 1 to 9999.
    let good = (-62_135_596_800..=253_402_300_799).contains(&value.seconds)
        && (0..1_000_000_000).contains(&value.nanos);
    if !good {
        wrong.add(field, "is outside the years 1 to 9999");
        return None;
    }
    Some(Timestamp(value.seconds * 1_000_000 + i64::from(value.nanos) / 1000))
}

/// A time as the API has it.
pub(crate) fn to_time(time: Timestamp) -> ProtoTime {
    ProtoTime {
        seconds: time.0.div_euclid(1_000_000),
        nanos: i32::try_from(time.0.rem_euclid(1_000_000) * 1000).unwrap_or(0),
    }
}

fn to_severity(severity: Severity) -> api::Severity {
    match severity {
        Severity::Normal => api::Severity::Normal,
        Severity::Info => api::Severity::Info,
        Severity::Warning => api::Severity::Warning,
        Severity::Critical => api::Severity::Critical,
    }
}

fn to_reason(reason: Reason) -> api::Reason {
    let baseline = match reason.baseline {
        Baseline::Rule => api::Baseline::Rule,
        Baseline::Fleet => api::Baseline::Fleet,
        Baseline::Site => api::Baseline::Site,
        Baseline::Station => api::Baseline::Station,
        Baseline::User => api::Baseline::User,
        Baseline::Vehicle => api::Baseline::Vehicle,
    };
    api::Reason {
        feature: reason.feature,
        display_name: reason.display_name,
        observed_value: reason.observed_value,
        unit: reason.unit,
        usual_low_value: reason.usual_low_value,
        usual_high_value: reason.usual_high_value,
        baseline: baseline.into(),
        baseline_id: reason.baseline_id,
        share: reason.share,
        text: reason.text,
    }
}

/// A quantity against one usual, with the number of sessions that it is drawn from.
pub(crate) fn to_contribution((reason, sessions): (Reason, u32)) -> api::Contribution {
    let reason = to_reason(reason);
    api::Contribution {
        baseline: reason.baseline,
        feature: reason.feature,
        display_name: reason.display_name,
        observed_value: reason.observed_value,
        unit: reason.unit,
        usual_low_value: reason.usual_low_value,
        usual_high_value: reason.usual_high_value,
        baseline_id: reason.baseline_id,
        session_count: i64::from(sessions),
        share: reason.share,
    }
}

fn to_cluster(model: &str, cluster: impl std::fmt::Display) -> String {
    format!("models/{model}/clusters/{cluster}")
}

/// A fresh score.
pub(crate) fn to_score(session: &Session, scored: Scored, now: Timestamp) -> api::Score {
    let name = session.id.map(|id| format!("sessions/{id}")).unwrap_or_default();
    let (cluster, cluster_display_name) = match scored.cluster {
        Some((at, words)) => (to_cluster(&scored.model, at), words),
        None => Default::default(),
    };
    api::Score {
        name: if name.is_empty() { String::new() } else { format!("{name}/score") },
        session: name,
        session_revision: session.revision,
        model: format!("models/{}", scored.model),
        score: scored.score,
        severity: to_severity(scored.severity).into(),
        kind: scored.kind.to_owned(),
        text: scored.text,
        reasons: scored.reasons.into_iter().map(to_reason).collect(),
        cluster,
        cluster_display_name,
        partial: scored.partial,
        station: session.station.clone(),
        site: session.site.clone().unwrap_or_default(),
        session_end_time: session.ended_us.map(|us| to_time(Timestamp(us))),
        score_time: Some(to_time(now)),
    }
}

/// A stored score.
pub(crate) fn to_stored_score(row: StoredScore) -> api::Score {
    let name = format!("sessions/{}", row.session_id);
    let severity = Severity::from_label(&row.severity).map_or(api::Severity::Unspecified, to_severity);
    api::Score {
        name: format!("{name}/score"),
        session: name,
        session_revision: row.revision,
        score: row.score,
        severity: severity.into(),
        kind: row.kind,
        text: row.text,
        reasons: row.reasons.into_iter().map(to_reason).collect(),
        cluster: row.cluster.map(|at| to_cluster(&row.model, at)).unwrap_or_default(),
        cluster_display_name: row.cluster_name.unwrap_or_default(),
        partial: row.partial,
        station: row.station,
        site: row.site.unwrap_or_default(),
        session_end_time: row.ended_at.map(to_time),
        score_time: Some(to_time(row.scored_at)),
        model: format!("models/{}", row.model),
    }
}

/// A model that is on disk.
pub(crate) fn to_model(artefact: &Artefact, verdict: Verdict, active: bool) -> api::Model {
    let model = &artefact.model;
    let clusters = model.clusters();
    let state = match (active, &verdict.refused) {
        (true, _) => api::model::State::Active,
        (false, Some(_)) => api::model::State::Refused,
        (false, None) => api::model::State::Archived,
    };
    let detail = match verdict.refused {
        Some(why) => format!("Refused: {why}. {}", model.clusters_text()),
        None => model.clusters_text(),
    };
    api::Model {
        name: format!("models/{}", artefact.name),
        state: state.into(),
        create_time: Some(to_time(Timestamp(model.trained_at_us))),
        session_count: count(model.sessions),
        rejected_session_count: count(model.rejected),
        cluster_count: i32::try_from(clusters.clusters.len()).unwrap_or(0),
        silhouette: clusters.silhouette,
        checksum_sha256: artefact.checksum.clone(),
        detail,
        evaluation: verdict.evaluation.map(to_evaluation),
    }
}

/// What an evaluation says.
pub(crate) fn to_evaluation(evaluation: Evaluation) -> api::Evaluation {
    api::Evaluation {
        session_count: count(evaluation.sessions),
        auroc: evaluation.auroc,
        average_precision: evaluation.average_precision,
        info_ratio: evaluation.info_ratio,
        warning_ratio: evaluation.warning_ratio,
        faults: evaluation
            .faults
            .into_iter()
            .map(|fault| api::evaluation::Fault {
                fault: fault.fault,
                session_count: count(fault.sessions),
                auroc: fault.auroc,
            })
            .collect(),
    }
}

/// How far sessions have moved, what has moved most first.
pub(crate) fn to_drift(drift: Drift) -> api::Drift {
    let mut features: Vec<api::drift::Feature> = drift
        .features
        .into_iter()
        .map(|(feature, stability_index)| api::drift::Feature {
            feature: feature.label().to_owned(),
            display_name: feature.words().to_owned(),
            stability_index,
        })
        .collect();
    features.sort_by(|a, b| b.stability_index.total_cmp(&a.stability_index));
    api::Drift { session_count: count(drift.sessions as u64), score_stability_index: drift.score, features }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A model's groups.
pub(crate) fn to_clusters(artefact: &Artefact) -> Vec<api::Cluster> {
    let model = &artefact.model;
    let names = model.cluster_names();
    model
        .clusters()
        .clusters
        .iter()
        .enumerate()
        .map(|(at, cluster)| api::Cluster {
            name: to_cluster(&artefact.name, at),
            display_name: names.get(at).cloned().unwrap_or_default(),
            session_count: count(cluster.sessions),
            share: cluster.share,
            center: model
                .cluster_center(at)
                .into_iter()
                .map(|(feature, value)| api::FeatureValue {
                    feature: feature.label().to_owned(),
                    display_name: feature.words().to_owned(),
                    value,
                    unit: feature.unit().to_owned(),
                })
                .collect(),
        })
        .collect()
}
