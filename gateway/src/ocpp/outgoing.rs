//! Calls to a station: one at a time, in the order of its commands; and what becomes of its answers.

use std::time::Duration;

use serde_json::Value;
use station::command::CommandState;
use station::event::{
    CommandAnswer, CommandEnd, CommandResult, EventKind, ListSent, RejectReason, StationEvent,
};
use station::fold::{Command, Plan};
use station::ocpp::command::{Message, Request, action_label, as_sent, is_push, meaning, render, seal};
use station::ocpp::frame::{call, call_result_error};
use station::ocpp::{Answer, ErrorCode, Version};
use tokio::time::Instant;
use uuid::Uuid;

use super::call::{Conversation, Reply, now};
use super::server::Server;
use crate::commands::next_part;
use crate::pipeline::Refused;

/// A station that says nothing gets its first command so long after it connected.
const QUIET: Duration = Duration::from_secs(2);
/// A station that never boots gets its first command so long after it connected.
const NEVER_BOOTED: Duration = Duration::from_secs(30);
/// How long a command waits that the journal did not take.
const RETRY: Duration = Duration::from_secs(1);

/// What is known of calls to a station.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The call that is not answered, until when an answer is waited for, and what it asks.
    outstanding: Option<(Uuid, Instant, &'static str)>,
    connected: Instant,
    /// Whether the station said something on this connection.
    pub(super) heard: bool,
    /// Not before.
    not_before: Option<Instant>,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self { outstanding: None, connected: Instant::now(), heard: false, not_before: None }
    }

    /// Whether a call may be sent.
    pub(super) fn is_free(&self) -> bool {
        self.outstanding.is_none()
    }

    /// Until when the answer of the outstanding call is waited for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.outstanding.map(|(_, until, _)| until)
    }

    /// From when on the next command may be sent.
    pub(super) fn ready_at(&self, booted: bool) -> Instant {
        let ready = match (booted, self.heard) {
            (true, true) => self.connected,
            (true, false) => self.connected + QUIET,
            (false, _) => self.connected + NEVER_BOOTED,
        };
        self.not_before.map_or(ready, |before| before.max(ready))
    }
}

/// A command that is to be sent now.
enum Ready {
    /// This is its message, and what it brings the station's list of tokens to.
    Message(Message, Option<Box<ListSent>>),
    /// The station has what it asks for.
    NotNeeded(String),
}

/// What is to be done about a station's next command.
pub(super) enum Next {
    /// There is none.
    Nothing,
    /// It cannot be journaled now.
    Later,
    /// To be sent now.
    Send(String),
}

impl Conversation {
    /// Notes the station's next command as sent, and gives what is to be sent. Commands that cannot be sent end.
    pub(super) async fn next_command(&mut self, server: &Server) -> Next {
        while let Some(command) = server.deps.board.next(&self.station) {
            let step = match self.message_of(server, &command) {
                _ if command.expires_at <= now() => {
                    let detail = "its time was over before it could be sent".to_owned();
                    self.end_command(server, command.id, CommandEnd::Expired, detail).await.map(|_| None)
                }
                Ok(Ready::Message(message, list)) => self.note_sent(server, &command, message, list).await,
                Ok(Ready::NotNeeded(detail)) => {
                    self.end_command(server, command.id, CommandEnd::NotNeeded, detail).await.map(|()| None)
                }
                Err(detail) => {
                    self.end_command(server, command.id, CommandEnd::Failed, detail).await.map(|_| None)
                }
            };
            match step {
                Ok(Some(text)) => return Next::Send(text),
                Ok(None) => {}
                Err(refused) => {
                    tracing::warn!(
                        station = %self.station, command = %command.id, %refused,
                        "a command cannot be journaled and waits"
                    );
                    self.outgoing.not_before = Some(Instant::now() + RETRY);
                    return Next::Later;
                }
            }
        }
        Next::Nothing
    }

    fn message_of(&self, server: &Server, command: &Command) -> Result<Ready, String> {
        let kept = command.request.as_deref().unwrap_or_default();
        let plain = server.deps.secret_key.open_payload(kept).map_err(|error| error.to_string())?;
        let mut request = Request::from_json(&plain).ok_or("what was asked for cannot be read")?;
        let mut list = None;
        if is_push(request.name()) {
            let board = &server.deps.board;
            let (commands, settings) = (board.of(&self.station), board.settings());
            let plan = commands.list().plan(&settings, now(), self.version, &server.deps.secret_key);
            match plan.map_err(|error| error.to_string())? {
                Plan::Complete { version } => {
                    let detail = format!("the station has this list already: its version is {version}");
                    return Ok(Ready::NotNeeded(detail));
                }
                Plan::Send(parameters, sent) => {
                    request = as_sent(parameters);
                    list = Some(Box::new(sent));
                }
            }
        }
        let message = render(&request, self.version, number_of(command.id));
        message.map(|message| Ready::Message(message, list)).map_err(|error| error.to_string())
    }

    /// Journals that a command's message is about to be sent. None if it may not be sent any more.
    async fn note_sent(
        &mut self,
        server: &Server,
        command: &Command,
        message: Message,
        list: Option<Box<ListSent>>,
    ) -> Result<Option<String>, Refused> {
        let id = command.id.to_string();
        let text = call(&id, &message.action, &message.payload);
        let kind = EventKind::CommandSent { command: command.id, message: message.action.to_string(), list };
        let mut event = StationEvent::new(self.station.clone(), self.version.source(), kind);
        let mut payload = message.payload;
        seal(&mut payload, &server.deps.secret_key);
        event.payload = Some(payload.to_string());
        event.message_id = Some(id);
        let taken = self.submit(server, vec![event]).await?.iter().any(|outcome| outcome.command_taken);
        if !taken {
            return Ok(None);
        }
        let label = action_label(&message.action);
        self.count(server, label, "out");
        let until = Instant::now() + server.config_of_commands.call_timeout();
        self.outgoing.outstanding = Some((command.id, until, label));
        Ok(Some(text))
    }

    /// No answer came in time: whether the station did it is not known.
    pub(super) async fn command_timed_out(&mut self, server: &Server) {
        let waited = server.config_of_commands.call_timeout().as_secs_f64();
        self.give_up(server, format!("no answer came within {waited} s")).await;
    }

    /// The outstanding command, if there is one, will not be answered on this connection.
    pub(super) async fn give_up(&mut self, server: &Server, detail: String) {
        let Some((id, ..)) = self.outgoing.outstanding.take() else { return };
        if let Err(refused) = self.end_command(server, id, CommandEnd::Unknown, detail).await {
            // The board gives it up later.
            tracing::warn!(station = %self.station, command = %id, %refused, "the end of a command was not journaled");
        }
    }

    async fn end_command(
        &self,
        server: &Server,
        command: Uuid,
        end: CommandEnd,
        detail: String,
    ) -> Result<(), Refused> {
        let kind = EventKind::CommandEnded { command, end, detail };
        let event = StationEvent::new(self.station.clone(), self.version.source(), kind);
        self.submit(server, vec![event]).await.map(|_| ())
    }

    /// Takes an answer: of the outstanding command, of one that was given up, or of none that is known.
    pub(super) async fn answered(
        &mut self,
        server: &Server,
        text: &str,
        answer: &Answer<'_>,
    ) -> Result<Reply, Refused> {
        let id = Uuid::parse_str(&answer.id).ok();
        let outstanding = self.outgoing.outstanding.filter(|(known, ..)| Some(*known) == id);
        let given_up = |id: &Uuid| {
            let commands = server.deps.board.of(&self.station);
            commands.find(*id).is_some_and(|command| command.state == CommandState::Unknown)
        };
        let (Some(command), true) = (id, outstanding.is_some() || id.as_ref().is_some_and(given_up)) else {
            return self.unexpected(server, text, answer).await;
        };
        let label = outstanding.map_or("other", |(_, _, label)| label);
        self.count(server, label, "in");
        let (answer, payload, reply) = self.read(server, command, answer);
        let mut event = StationEvent::new(
            self.station.clone(),
            self.version.source(),
            EventKind::CommandAnswered(Box::new(answer)),
        );
        event.message_id = Some(command.to_string());
        event.payload = payload;
        match self.submit(server, vec![event.clone()]).await {
            Err(Refused::TooLarge) => {
                event.payload = None;
                self.submit(server, vec![event]).await?;
            }
            other => drop(other?),
        }
        if outstanding.is_some() {
            self.outgoing.outstanding = None;
        }
        let commands = server.deps.board.of(&self.station);
        let answered = commands.find(command);
        if let Some(next) = answered.and_then(|a| next_part(&self.station, a, &commands, now())) {
            self.submit(server, vec![next]).await?;
        }
        Ok(reply)
    }

    /// What an answer means, what is kept of it, and what the station is told if it cannot be read.
    fn read(
        &self,
        server: &Server,
        command: Uuid,
        answer: &Answer<'_>,
    ) -> (CommandAnswer, Option<String>, Reply) {
        match &answer.result {
            Err(error) => {
                let mut details = Value::from(error.description.as_ref());
                seal(&mut details, &server.deps.secret_key);
                let detail = details.as_str().filter(|text| !text.is_empty()).map(short);
                let status = Some(short(&error.code));
                (CommandAnswer { command, result: CommandResult::Failed, status, detail }, None, None)
            }
            Ok(payload) => match serde_json::from_str::<Value>(payload) {
                Ok(mut value @ (Value::Object(_) | Value::Null)) => {
                    let (result, status) = meaning(&value);
                    seal(&mut value, &server.deps.secret_key);
                    let status = status.as_deref().map(short);
                    (CommandAnswer { command, result, status, detail: None }, Some(value.to_string()), None)
                }
                _ => {
                    let why = "the answer's payload is not an object";
                    let code = ErrorCode::FormatViolation;
                    let reply = (self.version == Version::V21)
                        .then(|| call_result_error(&command.to_string(), code, why));
                    let status = Some(code.spelling(self.version).to_owned());
                    let detail = Some(why.to_owned());
                    (CommandAnswer { command, result: CommandResult::Failed, status, detail }, None, reply)
                }
            },
        }
    }

    /// An answer to a call that was not sent, or so long ago that nobody remembers it: counted, and kept.
    async fn unexpected(
        &mut self,
        server: &Server,
        text: &str,
        answer: &Answer<'_>,
    ) -> Result<Reply, Refused> {
        self.count(server, "other", "in");
        server.deps.metrics.unexpected_answer(self.version.source());
        let detail = "an answer to a call that was not sent, or was answered before".to_owned();
        let event = self.undecodable(server, RejectReason::Malformed, detail, Some(&answer.id), Some(text));
        match self.submit(server, vec![event]).await {
            Ok(_) | Err(Refused::TooLarge) => Ok(None),
            Err(refused) => Err(refused),
        }
    }
}

/// A number for requests that want one: the same for the same command, from 1 to 2³¹−1.
fn number_of(id: Uuid) -> i32 {
    let bytes = id.as_bytes();
    let number = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) & 0x7fff_ffff;
    i32::try_from(number).unwrap_or(1).max(1)
}

/// Words of stations have no end of their own.
fn short(text: &(impl AsRef<str> + ?Sized)) -> String {
    text.as_ref().chars().take(255).collect()
}
