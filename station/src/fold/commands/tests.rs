//! The ways that a command can take.

use super::super::{Fold, Rows};
use super::*;
use crate::command::{CommandResult, id_of_key};
use crate::event::{Source, StationEvent};
use crate::id::{EventId, StationId};
use crate::key::{KeyChange, KeyHash};

struct Play {
    fold: Fold,
    rows: Vec<Fact>,
    now: i64,
}

fn station() -> StationId {
    StationId::new("CP-1").expect("valid")
}

impl Play {
    fn new() -> Self {
        Self { fold: Fold::default(), rows: Vec::new(), now: 1_790_000_000_000_000 }
    }

    fn say(&mut self, kind: EventKind) -> bool {
        self.now += 1_000_000;
        let mut event = StationEvent::new(station(), Source::Api, kind);
        event.event_id = EventId(Uuid::from_u128(u128::try_from(self.now).expect("positive")));
        event.received_at = Timestamp(self.now);
        event.payload = Some(r#"{"a":1}"#.to_owned());
        let mut rows = Rows::wanted();
        let outcome = self.fold.apply(&event, &mut rows);
        let verdict = if outcome.command_taken { Verdict::Stored } else { Verdict::Duplicate };
        assert_eq!(outcome.verdict, verdict);
        assert_eq!(rows.facts.len(), if outcome.command_taken { 2 } else { 0 });
        assert!(rows.touched.is_empty(), "a command says nothing of the station");
        self.rows.extend(rows.facts);
        outcome.command_taken
    }

    fn issue(&mut self, id: u128) -> bool {
        self.say(EventKind::CommandIssued(Box::new(CommandIssue {
            command: Uuid::from_u128(id),
            name: "reset".into(),
            request: "{}".into(),
            digest: 7,
            author: "ops".into(),
            expires_at: Timestamp(self.now + 60_000_000),
        })))
    }

    fn send(&mut self, id: u128) -> bool {
        self.say(EventKind::CommandSent { command: Uuid::from_u128(id), message: "Reset".into(), list: None })
    }

    fn answer(&mut self, id: u128, result: CommandResult) -> bool {
        self.say(EventKind::CommandAnswered(Box::new(CommandAnswer {
            command: Uuid::from_u128(id),
            result,
            status: Some("Word".into()),
            detail: None,
        })))
    }

    fn end(&mut self, id: u128, end: CommandEnd) -> bool {
        self.say(EventKind::CommandEnded { command: Uuid::from_u128(id), end, detail: "why".into() })
    }

    fn command(&self, id: u128) -> Option<Arc<Command>> {
        self.fold.commands_of(&station())?.find(Uuid::from_u128(id)).cloned()
    }

    fn state(&self, id: u128) -> Option<CommandState> {
        self.command(id).map(|command| command.state)
    }

    fn steps(&self) -> Vec<&'static str> {
        let step = |fact: &Fact| match fact {
            Fact::Command(_, row) => Some(row.state),
            _ => None,
        };
        self.rows.iter().filter_map(step).collect()
    }
}

#[test]
fn a_command_goes_its_way() {
    let mut play = Play::new();
    assert!(play.issue(1) && play.send(1) && play.answer(1, CommandResult::Accepted));
    let command = play.command(1).expect("known");
    assert_eq!(command.state, CommandState::Accepted);
    assert_eq!((command.status.as_deref(), command.late), (Some("Word"), false));
    assert_eq!((command.request.as_deref(), command.answer.as_deref()), (None, Some(r#"{"a":1}"#)));
    assert_eq!(play.steps(), ["queued", "sent", "accepted"]);
    assert_eq!(play.fold.now(&station()), None, "a station that was never heard has no state");
}

#[test]
fn no_step_is_taken_twice_or_out_of_turn() {
    let mut play = Play::new();
    assert!(!play.send(1) && !play.answer(1, CommandResult::Accepted) && !play.end(1, CommandEnd::Expired));
    assert!(play.issue(1));
    assert!(!play.issue(1), "the same key is the same command");
    assert!(!play.answer(1, CommandResult::Accepted) && !play.end(1, CommandEnd::Unknown), "it was not sent");
    assert!(play.send(1));
    assert!(!play.send(1), "never twice");
    for end in [CommandEnd::Expired, CommandEnd::Cancelled, CommandEnd::Failed] {
        assert!(!play.end(1, end), "it was sent");
    }
    assert!(play.answer(1, CommandResult::Rejected));
    assert!(!play.answer(1, CommandResult::Accepted) && !play.end(1, CommandEnd::Unknown), "it has ended");
    assert!(!play.issue(1), "still the same");
    assert_eq!(play.steps(), ["queued", "sent", "rejected"]);
}

#[test]
fn a_late_answer_corrects_what_was_unknown() {
    let mut play = Play::new();
    assert!(play.issue(1) && play.send(1) && play.end(1, CommandEnd::Unknown));
    assert_eq!(play.state(1), Some(CommandState::Unknown));
    assert!(play.answer(1, CommandResult::Failed));
    let command = play.command(1).expect("known");
    assert_eq!((command.state, command.late, command.detail.as_deref()), (CommandState::Failed, true, None));
    assert!(!play.answer(1, CommandResult::Accepted), "once");
}

#[test]
fn what_is_kept_is_bounded() {
    let mut play = Play::new();
    for id in 0..COMMANDS_OPEN_MAX as u128 {
        assert!(play.issue(id));
    }
    assert!(play.issue(1_000));
    let refused = play.command(1_000).expect("kept");
    assert_eq!(refused.state, CommandState::Failed);
    assert!(refused.detail.as_deref().is_some_and(|detail| detail.contains("256 commands")));
    for id in 0..COMMANDS_OPEN_MAX as u128 {
        assert!(play.end(id, CommandEnd::Cancelled));
    }
    let commands = play.fold.commands_of(&station()).expect("known");
    assert_eq!((commands.open_count(), commands.all().count()), (0, ENDED_KEPT));
    assert!(play.issue(0), "forgotten, the store knows it");
}

#[test]
fn a_key_names_one_command_of_one_station() {
    let other = StationId::new("CP-2").expect("valid");
    assert_eq!(id_of_key(&station(), "a"), id_of_key(&station(), "a"));
    assert_ne!(id_of_key(&station(), "a"), id_of_key(&station(), "b"));
    assert_ne!(id_of_key(&station(), "a"), id_of_key(&other, "a"));
}

/// Changes the station's keys, outside what `say` checks.
fn change_key(play: &mut Play, change: KeyChange) -> Verdict {
    play.now += 1_000_000;
    let mut event = StationEvent::new(station(), Source::Api, EventKind::KeyChanged(Box::new(change)));
    event.received_at = Timestamp(play.now);
    let mut rows = Rows::wanted();
    let outcome = play.fold.apply(&event, &mut rows);
    assert!(rows.touched.is_empty(), "a key says nothing of the station");
    assert_eq!(rows.facts.len(), usize::from(outcome.verdict == Verdict::Stored));
    outcome.verdict
}

#[test]
fn a_key_that_a_command_tells_goes_with_the_command_unless_the_station_took_it() {
    let hash = KeyHash([7; 32]);
    let set = |id: u128| KeyChange::Set {
        hash,
        author: "ops".into(),
        at_once: false,
        command: Some(Uuid::from_u128(id)),
    };
    let accepted = |play: &Play| play.fold.keys_of(&station()).is_some();
    for (result, stays) in
        [(CommandResult::Accepted, true), (CommandResult::Rejected, false), (CommandResult::Failed, false)]
    {
        let mut play = Play::new();
        assert_eq!(change_key(&mut play, set(1)), Verdict::Stored);
        assert!(play.issue(1) && play.send(1) && accepted(&play));
        assert!(play.answer(1, result));
        assert_eq!(accepted(&play), stays, "{result:?}");
    }
    for (end, stays) in
        [(CommandEnd::Unknown, true), (CommandEnd::Expired, false), (CommandEnd::Cancelled, false)]
    {
        let mut play = Play::new();
        change_key(&mut play, set(1));
        play.issue(1);
        if end == CommandEnd::Unknown {
            play.send(1);
        }
        play.say(EventKind::CommandEnded { command: Uuid::from_u128(1), end, detail: "x".into() });
        assert_eq!(accepted(&play), stays, "{end:?}");
    }
    let mut play = Play::new();
    change_key(&mut play, set(1));
    assert_eq!(change_key(&mut play, set(1)), Verdict::Duplicate);
    assert_eq!(change_key(&mut play, KeyChange::Used { hash }), Verdict::Stored);
    assert_eq!(change_key(&mut play, KeyChange::Used { hash }), Verdict::Duplicate);
}
