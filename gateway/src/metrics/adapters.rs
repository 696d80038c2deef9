//! Metrics of the protocols: connections, messages, calls.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use service::metrics::{HistogramFamily, LATENCY_BUCKETS, MetricKind, MetricSpec, RegisterSpec, Unit};
use station::event::Source;

const CONNECTIONS: MetricSpec = MetricSpec {
    name: "ampwarden_connections",
    kind: MetricKind::Gauge,
    unit: Unit::None,
    labels: &["protocol"],
    help: "Open connections of stations",
};
const SEATS: MetricSpec = MetricSpec {
    name: "ampwarden_connection_seats",
    kind: MetricKind::Gauge,
    unit: Unit::None,
    labels: &[],
    help: "Places of OCPP stations that are taken: by a connection, by one that waits for the end of the one before it, or by an end that is not journaled yet",
};
const CONNECTS: MetricSpec = MetricSpec {
    name: "ampwarden_connects_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["protocol"],
    help: "Connections of stations that were accepted",
};
const DISCONNECTS: MetricSpec = MetricSpec {
    name: "ampwarden_disconnects_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["reason"],
    help: "Connections of stations that ended, by reason",
};
const MESSAGES: MetricSpec = MetricSpec {
    name: "ampwarden_messages_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["protocol", "direction", "action"],
    help: "Messages, by protocol, direction (in, out) and action; unknown actions are `other`",
};
const CALL_DURATION: MetricSpec = MetricSpec {
    name: "ampwarden_call_duration_seconds",
    kind: MetricKind::Histogram(LATENCY_BUCKETS),
    unit: Unit::Seconds,
    labels: &["protocol", "action"],
    help: "Time from a message's arrival to its acknowledgement, sync included",
};
const CALL_ERRORS: MetricSpec = MetricSpec {
    name: "ampwarden_call_errors_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["protocol", "code"],
    help: "Messages answered with an error, by its code",
};
const REFUSED: MetricSpec = MetricSpec {
    name: "ampwarden_refused_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["reason"],
    help: "Connections and messages that were refused unacknowledged, by reason; who was refused keeps its data",
};
const SLOWED: MetricSpec = MetricSpec {
    name: "ampwarden_slowed_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["protocol"],
    help: "Messages after which their sender had to wait, because it sends more than one may",
};
const UNEXPECTED_ANSWERS: MetricSpec = MetricSpec {
    name: "ampwarden_unexpected_answers_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["protocol"],
    help: "Answers of stations to calls that were not sent, or were answered before; they are kept in `rejected`",
};
const PROFILES: MetricSpec = MetricSpec {
    name: "ampwarden_profile_connects_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["profile"],
    help: "OCPP connections that were accepted, by security profile (0 to 3) or `quarantine`",
};
const RELOADS: MetricSpec = MetricSpec {
    name: "ampwarden_tls_reloads_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["listener", "outcome"],
    help: "Certificate files that changed on disk and were read again: `taken`, or `failed` and the old ones stay in force",
};
const BROKER_UP: MetricSpec = MetricSpec {
    name: "ampwarden_mqtt_broker_up",
    kind: MetricKind::Gauge,
    unit: Unit::None,
    labels: &[],
    help: "Whether the external MQTT broker is connected and subscribed (absent where none is configured)",
};
const CERTIFICATE: MetricSpec = MetricSpec {
    name: "ampwarden_certificate_not_after_timestamp_seconds",
    kind: MetricKind::Gauge,
    unit: Unit::Seconds,
    labels: &["endpoint"],
    help: "Until when the certificates are valid that an endpoint (ocpp, mqtt) shows to new connections",
};

pub(super) const METRICS: &[MetricSpec] = &[
    CONNECTIONS,
    SEATS,
    CONNECTS,
    DISCONNECTS,
    MESSAGES,
    CALL_DURATION,
    CALL_ERRORS,
    REFUSED,
    SLOWED,
    UNEXPECTED_ANSWERS,
    PROFILES,
    RELOADS,
    BROKER_UP,
    CERTIFICATE,
];

/// `protocol`: [`station::event::Source::label`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[allow(missing_docs)]
pub struct ProtocolLabels {
    pub protocol: &'static str,
}

/// A protocol's message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[allow(missing_docs)]
pub struct ActionLabels {
    pub protocol: &'static str,
    /// `in` or `out`.
    pub direction: &'static str,
    pub action: &'static str,
}

/// A protocol's call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[allow(missing_docs)]
pub struct CallLabels {
    pub protocol: &'static str,
    pub action: &'static str,
}

/// A protocol's error.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[allow(missing_docs)]
pub struct CodeLabels {
    pub protocol: &'static str,
    pub code: &'static str,
}

/// What became of a listener's new files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    listener: &'static str,
    outcome: &'static str,
}

/// A security profile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProfileLabels {
    profile: &'static str,
}

/// The label of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[allow(missing_docs)]
pub struct ReasonLabels {
    pub reason: &'static str,
}

/// Handles of the protocols' metrics. Cheap to clone.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct AdapterMetrics {
    pub connections: Family<ProtocolLabels, Gauge>,
    pub seats: Gauge,
    pub connects: Family<ProtocolLabels, Counter>,
    pub disconnects: Family<ReasonLabels, Counter>,
    pub messages: Family<ActionLabels, Counter>,
    pub call_duration: HistogramFamily<CallLabels>,
    pub call_errors: Family<CodeLabels, Counter>,
    pub refused: Family<ReasonLabels, Counter>,
    pub slowed: Family<ProtocolLabels, Counter>,
    unexpected_answers: Family<ProtocolLabels, Counter>,
    profiles: Family<ProfileLabels, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    broker_up: Family<Vec<(&'static str, &'static str)>, Gauge>,
    certificates: Family<Vec<(&'static str, &'static str)>, Gauge>,
}

impl AdapterMetrics {
    /// Registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            connections: registry.gauge(&CONNECTIONS),
            seats: registry.gauge(&SEATS),
            connects: registry.counter(&CONNECTS),
            disconnects: registry.counter(&DISCONNECTS),
            messages: registry.counter(&MESSAGES),
            call_duration: registry.histograms(&CALL_DURATION),
            call_errors: registry.counter(&CALL_ERRORS),
            refused: registry.counter(&REFUSED),
            slowed: registry.counter(&SLOWED),
            unexpected_answers: registry.counter(&UNEXPECTED_ANSWERS),
            profiles: registry.counter(&PROFILES),
            reloads: registry.counter(&RELOADS),
            broker_up: registry.gauge(&BROKER_UP),
            certificates: registry.gauge(&CERTIFICATE),
        }
    }

    /// Open connections, over all protocols.
    #[must_use]
    pub fn open_connections(&self) -> i64 {
        let of = |source: &Source| {
            self.connections.get(&ProtocolLabels { protocol: source.label() }).map_or(0, |g| g.get())
        };
        Source::ALL.iter().map(of).sum()
    }

    /// Says whether the external broker is connected.
    pub fn broker_is_up(&self, up: bool) {
        self.broker_up.get_or_create(&Vec::new()).set(i64::from(up));
    }

    /// Says until when an endpoint's certificate is valid, Unix seconds.
    pub fn certificate(&self, endpoint: &'static str, valid_until: i64) {
        self.certificates.get_or_create(&vec![("endpoint", endpoint)]).set(valid_until);
    }

    /// Counts an answer that nobody waited for.
    pub fn unexpected_answer(&self, source: Source) {
        self.unexpected_answers.get_or_create(&ProtocolLabels { protocol: source.label() }).inc();
    }

    /// Counts an OCPP connection by its security profile; none: its station waits for an operator.
    pub fn profile(&self, profile: Option<u8>) {
        let profile = match profile {
            Some(0) => "0",
            Some(1) => "1",
            Some(2) => "2",
            Some(_) => "3",
            None => "quarantine",
        };
        self.profiles.get_or_create(&ProfileLabels { profile }).inc();
    }

    /// Counts that the files of a listener's certificate were read again.
    pub fn reloaded(&self, listener: &'static str, good: bool) {
        let outcome = if good { "taken" } else { "failed" };
        self.reloads.get_or_create(&ReloadLabels { listener, outcome }).inc();
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabels { reason }).inc();
    }
}
