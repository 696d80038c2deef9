//! What endpoint and broker have in common: a message becomes events, and those are handed in.

use std::sync::Arc;
use std::time::Instant;

use service::metrics::TraceLabel;
use station::event::{EventKind, RejectReason, Source, StationEvent};
use station::mqtt::{Rules, decode, undecodable};
use station::secret::SecretKey;
use tracing::Instrument;

use crate::metrics::{ActionLabels, AdapterMetrics, CallLabels, CodeLabels};
use crate::pipeline::{Pipeline, Refused};

/// How much is kept of a message that is too large for the journal, in bytes.
const KEPT_BYTES: usize = 65_536;

/// Decodes messages and hands them in.
#[derive(Debug)]
pub(super) struct Messages {
    pub(super) rules: Rules,
    pub(super) source: Source,
    pub(super) key: Arc<SecretKey>,
    pub(super) pipeline: Pipeline,
    pub(super) metrics: AdapterMetrics,
}

impl Messages {
    /// Resolves when the message is synced on disk and folded. `before` goes in first, in the same submission.
    pub(super) async fn take(
        &self,
        before: Option<StationEvent>,
        topic: &str,
        payload: &[u8],
    ) -> Result<(), Refused> {
        let arrived = Instant::now();
        let (protocol, action) = (self.source.label(), self.rules.action(topic));
        self.metrics.messages.get_or_create(&ActionLabels { protocol, direction: "in", action }).inc();
        let mut events: Vec<StationEvent> = before.clone().into_iter().collect();
        events.extend(decode(&self.rules, &self.key, self.source, topic, payload));
        for event in &events {
            if let EventKind::Undecodable { reason, detail, .. } = &event.kind {
                self.metrics.call_errors.get_or_create(&CodeLabels { protocol, code: reason.label() }).inc();
                tracing::warn!(station = %event.station, topic, reason = reason.label(), "rejected: {detail}");
            }
        }
        let span = tracing::info_span!("mqtt_message", action);
        let taken = match self.pipeline.submit(events).instrument(span.clone()).await {
            // It would come again for ever: what can be kept of it is, so that it can be acknowledged.
            Err(Refused::TooLarge) => {
                let kept = &payload[..payload.len().min(KEPT_BYTES)];
                let detail = format!(
                    "{} bytes are too much for the journal; only the first {} are kept",
                    payload.len(),
                    kept.len()
                );
                let event = undecodable(&self.key, self.source, topic, kept, RejectReason::TooLarge, &detail);
                self.pipeline.submit(before.into_iter().chain([event]).collect()).await
            }
            taken => taken,
        };
        match taken {
            Ok(_) => {
                let labels = CallLabels { protocol, action };
                let took = arrived.elapsed().as_secs_f64();
                let duration = self.metrics.call_duration.get_or_create(&labels);
                duration.observe(took, TraceLabel::of(&span), None);
                Ok(())
            }
            Err(refused) => {
                self.metrics.refused(refused.label());
                Err(refused)
            }
        }
    }
}
