//! Latency histograms whose buckets name a trace: from a slow bucket on a board to what was slow.

use opentelemetry::trace::TraceContextExt;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A histogram that keeps the trace of the last value of each bucket.
pub type TracedHistogram = HistogramWithExemplars<TraceLabel>;

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct TraceLabel {
    /// As the collector shows it: 32 hexadecimal digits.
    trace_id: String,
}

impl TraceLabel {
    /// The trace to which a span belongs; none where nobody traces, and for traces that are not kept.
    #[must_use]
    pub fn of(span: &Span) -> Option<Self> {
        let context = span.context();
        let context = context.span().span_context().clone();
        context.is_sampled().then(|| Self { trace_id: context.trace_id().to_string() })
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::metrics::{LATENCY_BUCKETS, MetricKind, MetricSpec, RegisterSpec, Unit, check_scrape};

    const SPEC: MetricSpec = MetricSpec {
        name: "ampwarden_test_call_duration_seconds",
        kind: MetricKind::Histogram(LATENCY_BUCKETS),
        unit: Unit::Seconds,
        labels: &["action"],
        help: "Calls",
    };

    fn scrape_of_a_call(label: Option<TraceLabel>) -> String {
        let mut registry = Registry::default();
        let calls = registry.histograms::<Vec<(&'static str, &'static str)>>(&SPEC);
        calls.get_or_create(&vec![("action", "Heartbeat")]).observe(0.003, label, None);
        let mut text = String::new();
        encode(&mut text, &registry).expect("encodes");
        assert_eq!(check_scrape(&[SPEC], &text), Vec::<String>::new());
        text
    }

    #[test]
    fn a_bucket_names_the_trace_of_its_last_value() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let (label, id) =
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                let span = tracing::info_span!("call");
                let id = span.context().span().span_context().trace_id().to_string();
                (TraceLabel::of(&span), id)
            });
        let text = scrape_of_a_call(label);
        let exemplars: Vec<&str> = text.lines().filter(|line| line.contains(" # ")).collect();
        assert_eq!(exemplars.len(), 1, "{text}");
        assert!(exemplars[0].contains(&format!("# {{trace_id=\"{id}\"}} 0.003")), "{text}");
        assert_eq!(id.len(), 32);
    }

    #[test]
    fn nothing_is_named_where_nobody_traces() {
        assert_eq!(TraceLabel::of(&tracing::info_span!("call")), None);
        assert!(!scrape_of_a_call(None).contains(" # "));
    }
}
