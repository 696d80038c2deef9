//! One message of a station: read, decode, journal, answer.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use service::metrics::TraceLabel;
use station::deviation::{Deviation, Deviations};
use station::event::{EventKind, RejectReason, Source, StationEvent};
use station::fold::Outcome;
use station::id::StationId;
use station::ocpp::frame::{call_error, call_result};
use station::ocpp::{
    self, Action, Answering, Call, CallError, DecodeError, ErrorCode, Frame, FrameError, Undecodable, Version,
};
use station::time::Timestamp;
use tracing::Instrument;

use super::outgoing::Outgoing;
use super::quarantine::Hold;
use super::replay::Answers;
use super::server::Server;
use crate::metrics::{ActionLabels, CallLabels, CodeLabels};
use crate::pipeline::Refused;

/// Label of actions that are not known.
const OTHER: &str = "other";

/// What a connection knows of its station.
pub(super) struct Conversation {
    pub(super) station: StationId,
    pub(super) version: Version,
    pub(super) path: Box<str>,
    /// Whether a BootNotification was accepted.
    pub(super) booted: bool,
    /// Whether nothing is tolerated that is not by the book.
    strict: bool,
    answers: Answers,
    /// Our own calls.
    pub(super) outgoing: Outgoing,
    /// What it showed, if it waits for an operator.
    pub(super) hold: Option<Box<Hold>>,
}

/// What is sent for a message, if anything.
pub(super) type Reply = Option<String>;

impl Conversation {
    pub(super) fn new(
        station: StationId,
        version: Version,
        path: Box<str>,
        booted: bool,
        strict: bool,
    ) -> Self {
        Self {
            station,
            version,
            path,
            booted,
            strict,
            answers: Answers::default(),
            outgoing: Outgoing::new(),
            hold: None,
        }
    }

    fn protocol(&self) -> &'static str {
        self.version.source().label()
    }

    /// Takes a message; gives what is to be sent.
    ///
    /// # Errors
    /// When the journal did not take it: then nothing may be sent.
    pub(super) async fn take(&mut self, server: &Server, text: &str) -> Result<Reply, Refused> {
        if let Some(hold) = &self.hold {
            return self.take_held(server, hold, text).await;
        }
        let arrived = Instant::now();
        match Frame::parse(text, self.version) {
            Ok(Frame::Call(call)) => {
                let action = Action::find(self.version, &call.action);
                let label = action.map_or(OTHER, |action| action.name);
                let span = tracing::info_span!("ocpp_message", station = %self.station, action = label);
                self.count(server, label, "in");
                let reply = self.call(server, text, &call, action).instrument(span.clone()).await?;
                let labels = CallLabels { protocol: self.protocol(), action: label };
                let took = arrived.elapsed().as_secs_f64();
                let duration = server.deps.metrics.call_duration.get_or_create(&labels);
                duration.observe(took, TraceLabel::of(&span), None);
                if !call.wants_answer {
                    return Ok(None);
                }
                self.count(server, label, "out");
                Ok(Some(reply))
            }
            Ok(Frame::Answer(answer)) => self.answered(server, text, &answer).await,
            Ok(Frame::ResultError(error)) => {
                self.count(server, OTHER, "in");
                let CallError { code, description } = &error.error;
                let detail = format!("the station could not use our answer: {code}: {description}");
                tracing::info!(station = %self.station, "{detail}; look at its firmware's version, or tell us");
                let event =
                    self.undecodable(server, RejectReason::Malformed, detail, Some(&error.id), Some(text));
                self.submit(server, vec![event]).await?;
                Ok(None)
            }
            Err(error) => {
                self.count(server, OTHER, "in");
                self.not_a_message(server, text, error).await
            }
        }
    }

    async fn call(
        &mut self,
        server: &Server,
        text: &str,
        call: &Call<'_>,
        action: Option<&'static Action>,
    ) -> Result<String, Refused> {
        let mut events = match ocpp::decode(self.version, &self.station, call, &server.deps.secret_key) {
            Ok(events) => events,
            Err(error) => return self.refuse(server, text, call, &error).await,
        };
        let digest = events.first().map_or(0, |event| event.digest);
        if let Some(answer) = self.answers.get(digest, &call.id) {
            return Ok(answer.to_owned());
        }
        let is_boot = matches!(events.first(), Some(StationEvent { kind: EventKind::Booted(_), .. }));
        if !self.booted && !is_boot {
            for event in &mut events {
                event.deviations.add(Deviation::BeforeBoot);
            }
        }
        if self.strict
            && let Some(error) = ocpp::strict::violation(self.version, call, &events)
        {
            return self.refuse(server, text, call, &error).await;
        }
        let outcomes = match self.submit(server, events).await {
            Ok(outcomes) => outcomes,
            Err(Refused::TooLarge) => return self.too_large(server, call).await,
            Err(refused) => return Err(refused),
        };
        if is_boot {
            self.booted = true;
            server.registry.note_boot(&self.station);
        }
        Ok(self.answer(server, call, action, digest, &outcomes))
    }

    /// Keeps a call that is not taken, and tells the station why.
    async fn refuse(
        &mut self,
        server: &Server,
        text: &str,
        call: &Call<'_>,
        error: &DecodeError,
    ) -> Result<String, Refused> {
        tracing::debug!(%error, code = error.code.spelling(self.version), "call not taken");
        let event = self.undecodable(server, error.reason, error.to_string(), Some(&call.id), Some(text));
        self.submit(server, vec![event]).await?;
        Ok(self.error(server, call.raw_id, error.code, &error.to_string(), &error.field))
    }

    fn answer(
        &mut self,
        server: &Server,
        call: &Call<'_>,
        action: Option<&'static Action>,
        digest: u64,
        outcomes: &[Outcome],
    ) -> String {
        let heartbeat_interval = server.config.heartbeat_interval.0.as_secs();
        let answering = Answering {
            payload: call.payload,
            outcomes,
            now: now(),
            heartbeat_interval_s: u32::try_from(heartbeat_interval).unwrap_or(u32::MAX),
            key: &server.deps.secret_key,
            pending: false,
        };
        match ocpp::answer(self.version, &call.action, &answering) {
            Ok(payload) => {
                let text = call_result(call.raw_id, &payload);
                if action.is_some_and(Action::is_replayable) {
                    self.answers.keep(digest, &call.id, &text);
                }
                text
            }
            Err(code) => {
                self.error(server, call.raw_id, code, "the message was kept, but could not be processed", "")
            }
        }
    }

    /// Something that is no message: kept, and answered as far as the book allows.
    async fn not_a_message(
        &mut self,
        server: &Server,
        text: &str,
        error: FrameError,
    ) -> Result<Reply, Refused> {
        let id = error.raw_id.trim_matches('"');
        let id = (id != "-1").then_some(id);
        let event = self.undecodable(server, RejectReason::Malformed, error.to_string(), id, Some(text));
        match self.submit(server, vec![event]).await {
            Ok(_) | Err(Refused::TooLarge) => {}
            Err(refused) => return Err(refused),
        }
        Ok(error.code.map(|code| self.error(server, &error.raw_id, code, &error.detail, "")))
    }

    /// A call that no journal takes: its envelope is kept, and the station is told.
    async fn too_large(&mut self, server: &Server, call: &Call<'_>) -> Result<String, Refused> {
        let detail = format!("{}: {} bytes are more than the journal takes", call.action, call.payload.len());
        let event = self.undecodable(server, RejectReason::TooLarge, detail.clone(), Some(&call.id), None);
        self.submit(server, vec![event]).await?;
        Ok(self.error(server, call.raw_id, ErrorCode::GenericError, &detail, ""))
    }

    /// Keeps what could not even be read as text.
    pub(super) async fn unreadable(
        &mut self,
        server: &Server,
        reason: RejectReason,
        detail: String,
    ) -> Result<(), Refused> {
        if self.is_held() {
            return Ok(());
        }
        self.count(server, OTHER, "in");
        let event = self.undecodable(server, reason, detail, None, None);
        self.submit(server, vec![event]).await.map(|_| ())
    }

    /// Journals an event of the connection itself.
    ///
    /// # Errors
    /// When the journal did not take it.
    pub(super) async fn note(
        &self,
        server: &Server,
        kind: EventKind,
        deviations: Deviations,
    ) -> Result<(), Refused> {
        let mut event = StationEvent::new(self.station.clone(), self.source(), kind);
        event.deviations = deviations;
        self.submit(server, vec![event]).await.map(|_| ())
    }

    fn source(&self) -> Source {
        self.version.source()
    }

    pub(super) async fn submit(
        &self,
        server: &Server,
        events: Vec<StationEvent>,
    ) -> Result<Vec<Outcome>, Refused> {
        server.deps.pipeline.submit(events).await
    }

    pub(super) fn undecodable(
        &self,
        server: &Server,
        reason: RejectReason,
        detail: String,
        id: Option<&str>,
        text: Option<&str>,
    ) -> StationEvent {
        let message = Undecodable { reason, detail, origin: &self.path, id, text };
        ocpp::undecodable(self.version, &self.station, &server.deps.secret_key, &message)
    }

    /// Answers a call with an error, and counts it.
    pub(super) fn error(
        &self,
        server: &Server,
        raw_id: &str,
        code: ErrorCode,
        description: &str,
        field: &str,
    ) -> String {
        let labels = CodeLabels { protocol: self.protocol(), code: code.spelling(self.version) };
        server.deps.metrics.call_errors.get_or_create(&labels).inc();
        call_error(raw_id, code, self.version, description, field)
    }

    pub(super) fn count(&self, server: &Server, action: &'static str, direction: &'static str) {
        let labels = ActionLabels { protocol: self.protocol(), direction, action };
        server.deps.metrics.messages.get_or_create(&labels).inc();
    }
}

/// The time, for answers.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
