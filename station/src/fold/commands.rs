//! The commands of a station: what waits, what was sent, and how the last ones ended.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Folding, LocalList, Outcome, Verdict};
use crate::command::{CommandAnswer, CommandEnd, CommandIssue, CommandState, ListSent};
use crate::event::{EventKind, Severity};
use crate::fact::{CommandRow, Fact, LogEntry};
use crate::time::Timestamp;

/// Open commands of one station; one more ends at once as failed. What the gateway takes is a setting below this.
pub const COMMANDS_OPEN_MAX: usize = 256;
/// Ended commands of a station that are remembered, for late answers and repeated requests; the store keeps all.
const ENDED_KEPT: usize = 16;
/// Longer payloads of ended commands are not kept here; the store has them.
const PAYLOAD_KEPT_BYTES: usize = 4096;

/// A command and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Its id, and the id of its message.
    pub id: Uuid,
    /// Which command.
    pub name: String,
    /// Digest of what is asked.
    pub digest: u64,
    /// What is asked, perhaps sealed; none once it was sent.
    pub request: Option<String>,
    /// What is asked, its tokens sealed; none if it is long and the command has ended.
    pub payload: Option<String>,
    /// Who asked.
    pub author: String,
    /// When.
    pub issued_at: Timestamp,
    /// Until when it may be sent.
    pub expires_at: Timestamp,
    /// How far it is.
    pub state: CommandState,
    /// The OCPP action that was sent.
    pub message: Option<String>,
    /// When.
    pub sent_at: Option<Timestamp>,
    /// When it was answered or given up.
    pub ended_at: Option<Timestamp>,
    /// The station's word, or its error's code.
    pub status: Option<String>,
    /// Why it ended so.
    pub detail: Option<String>,
    /// The station's answer, its tokens sealed; none if it is long.
    pub answer: Option<String>,
    /// It was answered after it had been given up.
    pub late: bool,
    /// What it brings the station's list of tokens to.
    #[serde(default)]
    pub list: Option<ListSent>,
}

/// The commands of a station. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Commands {
    open: VecDeque<Arc<Command>>,
    ended: VecDeque<Arc<Command>>,
    #[serde(default)]
    list: LocalList,
}

impl Commands {
    /// The station's list of tokens.
    #[must_use]
    pub fn list(&self) -> &LocalList {
        &self.list
    }

    /// Those that are not answered, in their order.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Arc<Command>> {
        self.open.iter()
    }

    /// How many that are.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// All that are remembered: the ended ones, then the open ones.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Command>> {
        self.ended.iter().chain(&self.open)
    }

    /// The one with this id.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<&Arc<Command>> {
        self.all().find(|command| command.id == id)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.ended.is_empty()
    }

    /// What an answered command says of the station's list of tokens.
    fn note_list(&mut self, command: &Command, payload: Option<&str>) {
        let message = command.message.as_deref().unwrap_or_default();
        let accepted = command.state == CommandState::Accepted;
        match (&command.list, payload) {
            (Some(sent), _) if accepted => self.list.taken(sent),
            // A list by hand, or one that did not fit to what the station has.
            _ if message == "SendLocalList" => self.list.lost(),
            (_, Some(payload)) if accepted => self.list.answered(message, payload),
            _ => {}
        }
    }

    fn keep_ended(&mut self, mut command: Arc<Command>) {
        let ended = Arc::make_mut(&mut command);
        ended.request = None;
        ended.payload = ended.payload.take().filter(|text| text.len() <= PAYLOAD_KEPT_BYTES);
        self.ended.push_back(command);
        if self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
    }
}

impl Folding<'_> {
    /// A step of a command, if the event is one. It says nothing of the station itself.
    pub(super) fn command(&mut self) -> Option<Outcome> {
        let event = self.origin.event;
        let taken = match &event.kind {
            EventKind::CommandIssued(issue) => self.issued(issue),
            EventKind::CommandSent { command, message, list } => {
                self.sent(*command, message, list.as_deref())
            }
            EventKind::CommandAnswered(answer) => self.answered(answer),
            EventKind::CommandEnded { command, end, detail } => self.ended(*command, *end, detail),
            _ => return None,
        };
        let verdict = if taken.is_some() { Verdict::Stored } else { Verdict::Duplicate };
        if let Some(command) = &taken {
            self.step(command);
            if matches!(
                command.state,
                CommandState::Rejected
                    | CommandState::Failed
                    | CommandState::Expired
                    | CommandState::Cancelled
            ) {
                self.station.keys.forget_of(command.id);
            }
        }
        Some(Outcome { verdict, command_taken: taken.is_some(), ..Outcome::default() })
    }

    fn issued(&mut self, issue: &CommandIssue) -> Option<Arc<Command>> {
        let event = self.origin.event;
        let commands = &mut self.station.commands;
        if commands.find(issue.command).is_some() {
            return None;
        }
        let mut command = Command {
            id: issue.command,
            name: issue.name.clone(),
            digest: issue.digest,
            request: Some(issue.request.clone()),
            payload: event.payload.clone(),
            author: issue.author.clone(),
            issued_at: event.received_at,
            expires_at: issue.expires_at,
            state: CommandState::Queued,
            message: None,
            sent_at: None,
            ended_at: None,
            status: None,
            detail: None,
            answer: None,
            late: false,
            list: None,
        };
        if commands.open.len() >= COMMANDS_OPEN_MAX {
            command.state = CommandState::Failed;
            command.ended_at = Some(event.received_at);
            command.detail = Some(format!("more than {COMMANDS_OPEN_MAX} commands of this station are open"));
            let command = Arc::new(command);
            commands.keep_ended(Arc::clone(&command));
            return Some(command);
        }
        let command = Arc::new(command);
        commands.open.push_back(Arc::clone(&command));
        Some(command)
    }

    fn sent(&mut self, id: Uuid, message: &str, list: Option<&ListSent>) -> Option<Arc<Command>> {
        let at = self.origin.event.received_at;
        let command = self.station.commands.open.iter_mut().find(|command| command.id == id)?;
        if command.state != CommandState::Queued {
            return None;
        }
        let sent = Arc::make_mut(command);
        sent.state = CommandState::Sent;
        sent.message = Some(message.to_owned());
        sent.sent_at = Some(at);
        sent.request = None;
        sent.list = list.cloned();
        Some(Arc::clone(command))
    }

    fn answered(&mut self, answer: &CommandAnswer) -> Option<Arc<Command>> {
        let event = self.origin.event;
        let late = |command: &Command| command.state == CommandState::Unknown;
        let take_in = |command: &mut Command| {
            command.late = late(command);
            command.state = answer.result.state();
            command.ended_at = Some(event.received_at);
            command.status.clone_from(&answer.status);
            command.detail.clone_from(&answer.detail);
            command.answer = event.payload.clone().filter(|text| text.len() <= PAYLOAD_KEPT_BYTES);
        };
        let commands = &mut self.station.commands;
        let sent =
            |command: &Arc<Command>| command.id == answer.command && command.state == CommandState::Sent;
        if let Some(mut command) = commands.open.iter().position(sent).and_then(|at| commands.open.remove(at))
        {
            take_in(Arc::make_mut(&mut command));
            commands.note_list(&command, event.payload.as_deref());
            commands.keep_ended(Arc::clone(&command));
            return Some(command);
        }
        let command =
            commands.ended.iter_mut().find(|command| command.id == answer.command && late(command))?;
        take_in(Arc::make_mut(command));
        let command = Arc::clone(command);
        commands.note_list(&command, event.payload.as_deref());
        Some(command)
    }

    fn ended(&mut self, id: Uuid, end: CommandEnd, detail: &str) -> Option<Arc<Command>> {
        let at = self.origin.event.received_at;
        // Only what was sent can be unknown; only what was not sent can be taken back.
        let from = if end == CommandEnd::Unknown { CommandState::Sent } else { CommandState::Queued };
        let commands = &mut self.station.commands;
        let place = commands.open.iter().position(|command| command.id == id && command.state == from)?;
        let mut command = commands.open.remove(place)?;
        let ended = Arc::make_mut(&mut command);
        ended.state = end.state();
        ended.ended_at = Some(at);
        ended.detail = Some(detail.to_owned());
        commands.keep_ended(Arc::clone(&command));
        Some(command)
    }

    /// The rows of a step.
    fn step(&mut self, command: &Command) {
        let event = self.origin.event;
        self.rows.push(&self.origin, |key| {
            let row = CommandRow {
                command_id: command.id,
                command: command.name.clone(),
                state: command.state.label(),
                message: command.message.clone(),
                source: event.source.label(),
                author: command.author.clone(),
                issued_at: command.issued_at,
                expires_at: command.expires_at,
                status: command.status.clone(),
                detail: command.detail.clone(),
                late: command.late,
                payload: event.payload.clone(),
            };
            Fact::Command(key, Box::new(row))
        });
        let severity = match command.state {
            CommandState::Failed | CommandState::Expired | CommandState::Unknown => Severity::Warning,
            _ => Severity::Info,
        };
        // The payload stands in `commands`.
        self.rows.push(&self.origin, |key| {
            let by = if command.state == CommandState::Queued {
                format!(" by {}", command.author)
            } else {
                String::new()
            };
            let word = command.status.as_deref().map(|word| format!(" ({word})")).unwrap_or_default();
            let late = if command.late { ", late" } else { "" };
            let why = command.detail.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            Fact::Event(
                key,
                LogEntry {
                    r#type: event.kind.label(),
                    severity,
                    text: format!("Command {} {}{by}{word}{late}{why}", command.name, command.state.label()),
                    payload: None,
                    source: event.source.label(),
                },
            )
        });
    }
}

#[cfg(test)]
mod tests;
