//! Metrics, each declared once: a [`MetricSpec`] says name, kind, unit, labels and help; from it come the
//! registration, `docs/metrics.md` and the check that a scrape holds nothing else.
//!
//! ```
//! use prometheus_client::metrics::counter::Counter;
//! use prometheus_client::registry::Registry;
//! use service::metrics::{MetricKind, MetricSpec, RegisterSpec, Unit};
//!
//! const REQUESTS: MetricSpec = MetricSpec {
//!     name: "ampwarden_example_requests_total",
//!     kind: MetricKind::Counter,
//!     unit: Unit::None,
//!     labels: &[],
//!     help: "Requests answered",
//! };
//! let mut registry = Registry::default();
//! let requests: Counter = registry.counter(&REQUESTS);
//! requests.inc();
//! ```

mod check;
mod exemplar;
mod process;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::LazyLock;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

pub use check::{absent_from, check_scrape};
pub use exemplar::{TraceLabel, TracedHistogram};
pub use process::{METRICS as PROCESS_METRICS, register as register_process};

/// One metric family.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MetricSpec {
    /// The name as it is scraped: `ampwarden_…`, its unit, and `_total` for counters or `_info` for infos.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// The unit at the end of its name.
    pub unit: Unit,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells, without the full stop at the end.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size; the upper bounds of its buckets, in its unit.
    Histogram(&'static [f64]),
    /// 1, with what identifies something in its labels.
    Info,
}

/// Base units, as they end names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// A mere number.
    None,
    /// s
    Seconds,
    /// B
    Bytes,
    /// J
    Joules,
    /// W
    Watts,
    /// A
    Amperes,
    /// V
    Volts,
    /// °C
    Celsius,
    /// 0 to 1
    Ratio,
}

impl Unit {
    /// As it ends names; empty for none.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Joules => "joules",
            Self::Watts => "watts",
            Self::Amperes => "amperes",
            Self::Volts => "volts",
            Self::Celsius => "celsius",
            Self::Ratio => "ratio",
        }
    }

    /// The client library's word for it, which is "ratios" where Prometheus says "ratio": hence names of our own.
    fn to_client(self) -> Option<&'static prometheus_client::registry::Unit> {
        use prometheus_client::registry::Unit as Client;
        static CLIENT: LazyLock<BTreeMap<&'static str, Client>> = LazyLock::new(|| {
            [
                Unit::Seconds,
                Unit::Bytes,
                Unit::Joules,
                Unit::Watts,
                Unit::Amperes,
                Unit::Volts,
                Unit::Celsius,
                Unit::Ratio,
            ]
            .into_iter()
            .map(|unit| (unit.as_str(), Client::Other(unit.as_str().to_owned())))
            .collect()
        });
        CLIENT.get(self.as_str())
    }
}

/// Bounds for how long a call or a write takes, in seconds: 0.5 ms to 30 s.
pub const LATENCY_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl MetricSpec {
    /// The name that the client library wants: it appends the unit and `_total` or `_info` itself.
    #[must_use]
    pub fn stem(&self) -> &'static str {
        let name = match self.kind {
            MetricKind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            MetricKind::Info => self.name.strip_suffix("_info").unwrap_or(self.name),
            MetricKind::Gauge | MetricKind::Histogram(_) => self.name,
        };
        match self.unit {
            Unit::None => name,
            unit => name.strip_suffix(unit.as_str()).and_then(|n| n.strip_suffix('_')).unwrap_or(name),
        }
    }

    /// The kind in a word.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
            MetricKind::Info => "info",
        }
    }

    /// The kind as the client library calls it.
    fn metric_type(&self) -> MetricType {
        match self.kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram(_) => MetricType::Histogram,
            MetricKind::Info => MetricType::Info,
        }
    }

    /// For collectors: begins the family in a scrape; what it gives back takes the values.
    ///
    /// # Errors
    /// When the scrape's buffer takes no more.
    pub fn encode<'e>(
        &'e self,
        encoder: &'e mut DescriptorEncoder<'_>,
    ) -> Result<MetricEncoder<'e>, std::fmt::Error> {
        encoder.encode_descriptor(
            self.stem(),
            &format!("{}.", self.help),
            self.unit.to_client(),
            self.metric_type(),
        )
    }
}

/// A histogram a label set, with the buckets of its spec; its values may name their trace.
pub type HistogramFamily<L> = Family<L, TracedHistogram, Buckets>;

/// Makes histograms with the given bounds.
#[derive(Clone, Copy, Debug)]
pub struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl MetricConstructor<TracedHistogram> for Buckets {
    fn new_metric(&self) -> TracedHistogram {
        TracedHistogram::new(self.0.iter().copied())
    }
}

/// What labels must be, in short.
pub trait LabelSet: EncodeLabelSet + Clone + Hash + Eq + Debug + Send + Sync + 'static {}

impl<L: EncodeLabelSet + Clone + Hash + Eq + Debug + Send + Sync + 'static> LabelSet for L {}

/// Registration by spec. (An extension of the client's own registry, so that collectors and specs share one.)
pub trait RegisterSpec {
    /// Registers a counter: a `Counter`, a `Counter<f64, …>`, or a `Family` of them.
    fn counter<M: Metric + Clone + Default>(&mut self, spec: &MetricSpec) -> M;
    /// Registers a gauge: a `Gauge`, a `Gauge<f64, …>`, or a `Family` of them.
    fn gauge<M: Metric + Clone + Default>(&mut self, spec: &MetricSpec) -> M;
    /// Registers a histogram without labels.
    fn histogram(&mut self, spec: &MetricSpec) -> Histogram;
    /// Registers a histogram for each label set.
    fn histograms<L: LabelSet>(&mut self, spec: &MetricSpec) -> HistogramFamily<L>;
    /// Registers what identifies something.
    fn info<L: LabelSet>(&mut self, spec: &MetricSpec, labels: L);
}

impl RegisterSpec for Registry {
    fn counter<M: Metric + Clone + Default>(&mut self, spec: &MetricSpec) -> M {
        register(self, spec, M::default())
    }

    fn gauge<M: Metric + Clone + Default>(&mut self, spec: &MetricSpec) -> M {
        register(self, spec, M::default())
    }

    fn histogram(&mut self, spec: &MetricSpec) -> Histogram {
        register(self, spec, buckets(spec).new_metric())
    }

    fn histograms<L: LabelSet>(&mut self, spec: &MetricSpec) -> HistogramFamily<L> {
        register(self, spec, Family::new_with_constructor(buckets(spec)))
    }

    fn info<L: LabelSet>(&mut self, spec: &MetricSpec, labels: L) {
        Registry::register(self, spec.stem(), spec.help, Info::new(labels));
    }
}

fn register<M: Metric + Clone>(registry: &mut Registry, spec: &MetricSpec, metric: M) -> M {
    debug_assert_eq!(
        metric.metric_type().as_str(),
        spec.metric_type().as_str(),
        "{} is declared as another kind than it is registered",
        spec.name
    );
    match spec.unit.to_client() {
        Some(unit) => registry.register_with_unit(spec.stem(), spec.help, unit.clone(), metric.clone()),
        None => registry.register(spec.stem(), spec.help, metric.clone()),
    }
    metric
}

fn buckets(spec: &MetricSpec) -> Buckets {
    match spec.kind {
        MetricKind::Histogram(bounds) => Buckets(bounds),
        _ => Buckets(LATENCY_BUCKETS),
    }
}
