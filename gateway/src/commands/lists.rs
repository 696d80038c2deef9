//! Stations' lists of tokens: what is sent by itself, and what follows a part of a list.

use station::command::{CommandIssue, CommandState};
use station::digest::digest;
use station::event::{EventKind, Source, StationEvent};
use station::fold::{Command, Commands, Settings};
use station::id::StationId;
use station::ocpp::Version;
use station::ocpp::command::{Request, before_push, is_push, push};
use station::time::Timestamp;
use uuid::Uuid;

/// The setting that has lists sent by themselves.
const SETTING: &str = "push_local_lists";
/// Who asks for those.
const AUTHOR: &str = "gateway";
/// How long they wait for their station.
const EXPIRES_IN_S: i64 = 300;
/// A station that did not take its list is sent it again after this.
const AGAIN_AFTER_S: i64 = 3_600;

/// What goes to a station whose list is behind the settings; nothing while something is on its way.
pub(super) fn due(
    station: &StationId,
    commands: &Commands,
    settings: &Settings,
    source: Source,
    (now, turned): (Timestamp, Timestamp),
) -> Option<Vec<StationEvent>> {
    let version = match source {
        Source::Ocpp16 => Version::V16,
        Source::Ocpp201 => Version::V201,
        Source::Ocpp21 => Version::V21,
        _ => return None,
    };
    if !commands.list().is_behind(settings, turned) {
        return None;
    }
    let last = commands.all().rev().find(|command| is_push(&command.name));
    let waits = last.is_some_and(|last| match last.state {
        CommandState::Accepted => false,
        state => state.is_open() || last.issued_at.plus_seconds(AGAIN_AFTER_S) > now,
    });
    if waits {
        return None;
    }
    let requests = before_push(Some(version)).into_iter().chain([push()]);
    Some(requests.map(|request| issue(station, &request, AUTHOR, now)).collect())
}

/// The next part of a list, where a part was taken, or the whole of one that did not fit.
pub(crate) fn next_part(
    station: &StationId,
    answered: &Command,
    commands: &Commands,
    now: Timestamp,
) -> Option<StationEvent> {
    let sent = answered.list.as_ref()?;
    let goes_on = match answered.state {
        CommandState::Accepted => commands.list().is_partial(),
        CommandState::Rejected => !sent.full && answered.status.as_deref() == Some("VersionMismatch"),
        _ => false,
    };
    goes_on.then(|| issue(station, &push(), &answered.author, now))
}

fn issue(station: &StationId, request: &Request, author: &str, now: Timestamp) -> StationEvent {
    let text = request.to_json().to_string();
    let issue = CommandIssue {
        command: Uuid::now_v7(),
        name: request.name().to_owned(),
        digest: digest(&[text.as_bytes()]),
        request: text.clone(),
        author: author.to_owned(),
        expires_at: now.plus_seconds(EXPIRES_IN_S),
    };
    let kind = EventKind::CommandIssued(Box::new(issue));
    let mut event = StationEvent::new(station.clone(), Source::Gateway, kind);
    event.payload = Some(text);
    event
}

/// Whether lists are sent by themselves.
pub(super) fn is_on(settings: &Settings) -> bool {
    settings.is_on(SETTING)
}

/// When a token last became valid or expired, up to `now`.
pub(super) fn last_turn(settings: &Settings, now: Timestamp) -> Timestamp {
    // A token that expires is listed until just after it.
    let turns =
        settings.tokens().flat_map(|t| [t.valid_from, t.valid_until.map(|until| Timestamp(until.0 + 1))]);
    turns.flatten().filter(|at| *at <= now).max().unwrap_or_default()
}
