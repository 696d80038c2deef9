//! The service's metrics, each declared once.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use service::metrics::{HistogramFamily, LATENCY_BUCKETS, MetricKind, MetricSpec, RegisterSpec, Unit};
use std::sync::atomic::AtomicU64;

use crate::severity::Severity;

macro_rules! specs {
    ($($name:ident = $text:literal, $kind:expr, $unit:ident, [$($label:literal),*], $help:literal;)*) => {
        $(const $name: MetricSpec = MetricSpec {
            name: $text, kind: $kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
        };)*

        /// All metrics of the anomaly service.
        pub const METRICS: &[MetricSpec] = &[$($name),*];
    };
}

/// Training takes from a tenth of a second to minutes.
const TRAINING_BUCKETS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// One session takes microseconds.
const SCORING_BUCKETS: &[f64] =
    &[0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001, 0.01, 0.1];

specs! {
    SCORES = "ampwarden_anomaly_scores_total", MetricKind::Counter, None, ["severity", "partial"],
        "Scores that were written to the store";
    FINDINGS = "ampwarden_anomaly_findings_total", MetricKind::Counter, None, ["kind"],
        "Scores that were written, by their most important finding, without those that have none";
    LAG = "ampwarden_anomaly_score_lag_seconds", MetricKind::Histogram(LATENCY_BUCKETS), Seconds, [],
        "From the journaling of a session's last event to its score in the store, for sessions that have just ended";
    SCORING = "ampwarden_anomaly_scoring_duration_seconds", MetricKind::Histogram(SCORING_BUCKETS), Seconds, [],
        "How long the scoring of one session took, checks, model and reasons together";
    WAITING = "ampwarden_anomaly_sessions_waiting", MetricKind::Gauge, None, [],
        "Ended sessions that wait for their meter values before they are scored";
    BACKLOG = "ampwarden_anomaly_rescore_sessions_left", MetricKind::Gauge, None, [],
        "Stored sessions that the look through the whole store has still to reach";
    QUEUED = "ampwarden_anomaly_scores_queued", MetricKind::Gauge, None, [],
        "Scores that wait to be written";
    DROPPED = "ampwarden_anomaly_scores_dropped_total", MetricKind::Counter, None, [],
        "Scores that found the queue to the store full; their sessions are found and scored again";
    REFUSED = "ampwarden_anomaly_rows_refused_total", MetricKind::Counter, None, ["table"],
        "Rows that the store refused for what is in them";
    REJECTED = "ampwarden_anomaly_sessions_rejected_total", MetricKind::Counter, None, ["reason"],
        "Stored sessions that a training could not use";
    STORE_UP = "ampwarden_anomaly_store_up", MetricKind::Gauge, None, [],
        "Whether the store answers (1) or not (0)";
    MODEL = "ampwarden_anomaly_model_info", MetricKind::Gauge, None, ["model"],
        "The model that scores; 1";
    MODEL_TRAINED = "ampwarden_anomaly_model_trained_timestamp_seconds", MetricKind::Gauge, Seconds, [],
        "When the model that scores was trained, Unix time; 0 if the checks work alone";
    MODEL_SESSIONS = "ampwarden_anomaly_model_sessions", MetricKind::Gauge, None, [],
        "How many sessions the model that scores has learnt from";
    TRAINING = "ampwarden_anomaly_training_duration_seconds", MetricKind::Histogram(TRAINING_BUCKETS), Seconds, [],
        "How long trainings took, reading included";
    TRAININGS = "ampwarden_anomaly_trainings_total", MetricKind::Counter, None, ["outcome"],
        "Trainings by outcome: activated, refused (worse than the active model), too_few, failed";
    FEATURE_DRIFT = "ampwarden_anomaly_feature_drift", MetricKind::Gauge, None, ["feature"],
        "How far a feature of the newest sessions has moved from what the model has learnt from: population stability index; from 0.25 on it is another distribution";
    SCORE_DRIFT = "ampwarden_anomaly_score_drift", MetricKind::Gauge, None, [],
        "How far the model's scores of the newest sessions have moved from what its history promises: population stability index";
    FORECASTS = "ampwarden_anomaly_forecasts_total", MetricKind::Counter, None, ["outcome"],
        "Rounds of forecasts of all places: made, failed";
    FORECASTING = "ampwarden_anomaly_forecast_duration_seconds", MetricKind::Histogram(TRAINING_BUCKETS), Seconds, [],
        "How long a round of forecasts took, reading included";
    FORECAST_MADE = "ampwarden_anomaly_forecast_made_timestamp_seconds", MetricKind::Gauge, Seconds, [],
        "When forecasts were last made and handed to the writer, Unix time; 0 before the first";
    FORECAST_PLACES = "ampwarden_anomaly_forecast_places", MetricKind::Gauge, None, ["state"],
        "Fleet, sites and stations that were forecast, and those whose history is too short or stopped";
    FORECAST_ERROR = "ampwarden_anomaly_forecast_error_ratio", MetricKind::Gauge, Ratio, ["scope"],
        "Weighted absolute error of the day-ahead medians over the last 24 hours: 0.4 says that the hours were 40 % off \
         on average; absent until such hours came";
    CALLS = "ampwarden_anomaly_grpc_calls_total", MetricKind::Counter, None, ["method", "code"],
        "gRPC calls answered";
    CALL = "ampwarden_anomaly_grpc_call_duration_seconds", MetricKind::Histogram(LATENCY_BUCKETS), Seconds, ["method"],
        "How long gRPC calls took (Train: until its first answer)";
}

macro_rules! labels {
    ($($name:ident { $($field:ident),* })*) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub(crate) struct $name { $(pub(crate) $field: &'static str),* }
    )*};
}

labels! {
    ScoreLabels { severity, partial }
    KindLabels { kind }
    TableLabels { table }
    ReasonLabels { reason }
    FeatureLabels { feature }
    OutcomeLabels { outcome }
    CallLabels { method, code }
    ScopeLabels { scope }
    StateLabels { state }
    MethodLabels { method }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ModelLabels {
    pub(crate) model: String,
}

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) scores: Family<ScoreLabels, Counter>,
    pub(crate) findings: Family<KindLabels, Counter>,
    pub(crate) lag: Histogram,
    pub(crate) scoring: Histogram,
    pub(crate) waiting: Gauge,
    pub(crate) backlog: Gauge,
    pub(crate) queued: Gauge,
    pub(crate) dropped: Counter,
    pub(crate) refused: Family<TableLabels, Counter>,
    pub(crate) rejected: Family<ReasonLabels, Counter>,
    pub(crate) store_up: Gauge,
    model: Family<ModelLabels, Gauge>,
    model_trained: Gauge<f64, AtomicU64>,
    model_sessions: Gauge,
    pub(crate) training: Histogram,
    pub(crate) trainings: Family<OutcomeLabels, Counter>,
    pub(crate) forecasts: Family<OutcomeLabels, Counter>,
    pub(crate) forecasting: Histogram,
    pub(crate) forecast_made: Gauge<f64, AtomicU64>,
    pub(crate) forecast_places: Family<StateLabels, Gauge>,
    pub(crate) forecast_error: Family<ScopeLabels, Gauge<f64, AtomicU64>>,
    pub(crate) feature_drift: Family<FeatureLabels, Gauge<f64, AtomicU64>>,
    pub(crate) score_drift: Gauge<f64, AtomicU64>,
    pub(crate) calls: Family<CallLabels, Counter>,
    pub(crate) call: HistogramFamily<MethodLabels>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            scores: registry.counter(&SCORES),
            findings: registry.counter(&FINDINGS),
            lag: registry.histogram(&LAG),
            scoring: registry.histogram(&SCORING),
            waiting: registry.gauge(&WAITING),
            backlog: registry.gauge(&BACKLOG),
            queued: registry.gauge(&QUEUED),
            dropped: registry.counter(&DROPPED),
            refused: registry.counter(&REFUSED),
            rejected: registry.counter(&REJECTED),
            store_up: registry.gauge(&STORE_UP),
            model: registry.gauge(&MODEL),
            model_trained: registry.gauge(&MODEL_TRAINED),
            model_sessions: registry.gauge(&MODEL_SESSIONS),
            training: registry.histogram(&TRAINING),
            trainings: registry.counter(&TRAININGS),
            forecasts: registry.counter(&FORECASTS),
            forecasting: registry.histogram(&FORECASTING),
            forecast_made: registry.gauge(&FORECAST_MADE),
            forecast_places: registry.gauge(&FORECAST_PLACES),
            forecast_error: registry.gauge(&FORECAST_ERROR),
            feature_drift: registry.gauge(&FEATURE_DRIFT),
            score_drift: registry.gauge(&SCORE_DRIFT),
            calls: registry.counter(&CALLS),
            call: registry.histograms(&CALL),
        };
        // Series that alerts ask for exist from the start: what is absent looks like what never happened.
        for severity in Severity::ALL {
            for partial in ["false", "true"] {
                let labels = ScoreLabels { severity: severity.label(), partial };
                drop(metrics.scores.get_or_create(&labels));
            }
        }
        for outcome in ["made", "failed"] {
            drop(metrics.forecasts.get_or_create(&OutcomeLabels { outcome }));
        }
        metrics
    }

    /// Says which model scores now; no other does.
    pub(crate) fn model(&self, name: &str, trained_at_us: i64, sessions: u64) {
        self.model.clear();
        self.model.get_or_create(&ModelLabels { model: name.to_owned() }).set(1);
        self.model_trained.set(trained_at_us as f64 / 1e6);
        self.model_sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
    }

    pub(crate) fn outcome(&self, outcome: &'static str) {
        self.trainings.get_or_create(&OutcomeLabels { outcome }).inc();
    }
}
