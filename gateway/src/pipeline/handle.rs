//! What adapters hold of the pipeline.

use station::event::StationEvent;
use station::fold::Outcome;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

/// The way into the journal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    submissions: mpsc::Sender<Submission>,
    closed: CancellationToken,
}

/// What became of a message's events, in their order; or why they were not taken.
pub type Answer = Result<Vec<Outcome>, Refused>;

/// The events of one message on their way into the journal.
#[derive(Debug)]
pub struct Submission {
    /// In the order in which they happened.
    pub events: Vec<StationEvent>,
    /// Answered when the events are synced and folded.
    pub answer: oneshot::Sender<Answer>,
    /// The message's way into the journal, for its trace.
    pub span: Span,
}

/// Why events were not taken. Whoever gets this must not acknowledge: the sender keeps its data and sends again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The journal has reached its limit, or the disk is full.
    #[error(
        "the journal is full; the store must take rows, or the limit (gateway.journal.max_bytes) must grow"
    )]
    Full,
    /// The disk could not make it durable.
    #[error("the journal could not be synced to disk")]
    NotDurable,
    /// No journal takes an event of that size.
    #[error("the message is too large to be journaled")]
    TooLarge,
    /// The gateway is going down.
    #[error("the gateway is stopping")]
    Stopping,
}

impl Pipeline {
    /// A pipeline's handle and the end that the journal's thread takes from. `depth` bounds the submissions that
    /// wait; beyond it, adapters wait, and their stations with them.
    #[must_use]
    pub fn channel(depth: usize) -> (Self, mpsc::Receiver<Submission>) {
        let (submissions, receiver) = mpsc::channel(depth);
        (Self { submissions, closed: CancellationToken::new() }, receiver)
    }

    /// Hands in the events of one message. Resolves when they are synced on disk and folded: only then may the
    /// message be acknowledged. One outcome an event, in their order.
    ///
    /// # Errors
    /// When they were not taken.
    pub async fn submit(&self, events: Vec<StationEvent>) -> Result<Vec<Outcome>, Refused> {
        if self.closed.is_cancelled() {
            return Err(Refused::Stopping);
        }
        let span = tracing::info_span!("journal", events = events.len());
        self.send(events, span.clone()).instrument(span).await
    }

    /// Makes the journal's thread look at the time, and at whether it is to end.
    pub(super) async fn wake(&self) -> Result<Vec<Outcome>, Refused> {
        self.send(Vec::new(), Span::none()).await
    }

    async fn send(&self, events: Vec<StationEvent>, span: Span) -> Result<Vec<Outcome>, Refused> {
        let (answer, answered) = oneshot::channel();
        self.submissions.send(Submission { events, answer, span }).await.map_err(|_| Refused::Stopping)?;
        answered.await.unwrap_or(Err(Refused::Stopping))
    }

    /// Takes nothing more: the journal's thread ends when it has answered what waits.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Whether [`Self::close`] was called.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.closed.clone()
    }
}

impl Refused {
    /// The name in metric labels.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "journal_full",
            Self::NotDurable => "not_durable",
            Self::TooLarge => "too_large",
            Self::Stopping => "stopping",
        }
    }
}
