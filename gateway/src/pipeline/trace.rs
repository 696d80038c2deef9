//! Follows a message from its socket to the store: the trace goes on where another thread writes its rows.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Messages that are followed while they wait for the store. Beyond it, those that come are not: their traces end at
/// the journal.
const FOLLOWED: usize = 4_096;

/// The sampled messages between journal and store, in the journal's order.
#[derive(Debug, Default)]
pub(super) struct Followed(Mutex<VecDeque<(u64, SpanContext)>>);

impl Followed {
    /// Notes a message whose last event has this number.
    pub(super) fn journaled(&self, sequence: u64, context: SpanContext) {
        if !context.is_sampled() {
            return;
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < FOLLOWED {
            waiting.push_back((sequence, context));
        }
    }

    /// Begins a span for each message whose events up to this number are written now; they end when they are dropped.
    pub(super) fn write(&self, up_to: u64) -> Vec<Span> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = waiting.iter().take_while(|(sequence, _)| *sequence <= up_to).count();
        let spans = waiting.drain(..written).map(|(sequence, context)| {
            let span = tracing::info_span!(parent: None, "store_write", sequence);
            // Without a layer for traces there is no context to follow, and nothing was noted.
            let _ = span.set_parent(Context::new().with_remote_span_context(context));
            span
        });
        spans.collect()
    }
}

/// The trace to which a span belongs; invalid where nobody traces.
pub(super) fn context_of(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}
