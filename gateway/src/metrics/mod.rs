//! The gateway's metrics, each declared once. None has a label of a station, session, user or transaction: per-station
//! series come from the exporter alone.

mod adapters;
mod pipeline;

use service::metrics::MetricSpec;

pub use adapters::{ActionLabels, AdapterMetrics, CallLabels, CodeLabels, ProtocolLabels, ReasonLabels};
pub use pipeline::{GatewayCollector, PipelineMetrics};

/// All metrics of the gateway.
#[must_use]
pub fn specs() -> Vec<MetricSpec> {
    [adapters::METRICS, pipeline::METRICS].concat()
}
