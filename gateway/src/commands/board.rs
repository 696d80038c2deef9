//! What the rest of the gateway sees of the commands in the fold that answers: the API, the connections, the metrics.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use station::command::{CommandEnd, CommandState};
use station::event::{EventKind, Source, StationEvent};
use station::fold::{Command, Commands, Fold, Settings};
use station::id::StationId;
use station::time::Timestamp;
use uuid::Uuid;

use super::lists;

/// A command whose connection could not note its end is given up so long after it was sent: longer than any answer is
/// waited for.
const GIVEN_UP_AFTER_S: i64 = 900;
/// Ends that time brings in one round.
const DUE_MAX: usize = 1_000;
/// Stations that are sent their lists of tokens in one round.
const LISTS_MAX: usize = 100;
/// How often it is looked whether a token became valid or expired.
const TURNS_EVERY_S: i64 = 60;

type Hook = Box<dyn Fn(&StationId) + Send + Sync>;

/// Commands by station, as they are journaled.
#[derive(Default)]
pub struct Board {
    state: Mutex<State>,
    hook: OnceLock<Hook>,
    /// The settings in force: lists of tokens are made of them.
    settings: ArcSwap<Settings>,
}

#[derive(Default)]
struct State {
    stations: HashMap<StationId, Commands>,
    /// Those of which commands are open.
    open: HashSet<StationId>,
    /// Whose command it is.
    ids: HashMap<Uuid, StationId>,
    /// By which way a station was last heard.
    sources: HashMap<StationId, Source>,
    /// Stations that are connected.
    connected: HashSet<StationId>,
    /// When it was last looked when a token last became valid or expired, and when that was.
    turned: (Timestamp, Timestamp),
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `hook` is called when a command is issued. Once.
    pub fn on_issue(&self, hook: impl Fn(&StationId) + Send + Sync + 'static) {
        let _ = self.hook.set(Box::new(hook));
    }

    /// Takes all that a fold knows.
    pub(crate) fn fill(&self, fold: &Fold) {
        let mut state = self.state();
        for (station, commands) in fold.commands() {
            state.update(station, commands.clone());
        }
        state.sources.extend(fold.sources().map(|(station, source)| (station.clone(), source)));
    }

    /// Follows a folded event; gives the command of which it was a step that the command took.
    pub(crate) fn follow(&self, fold: &Fold, event: &StationEvent, taken: bool) -> Option<Arc<Command>> {
        let id = match &event.kind {
            EventKind::Connected { .. } | EventKind::Booted(_) => {
                let mut state = self.state();
                if matches!(event.kind, EventKind::Connected { .. }) {
                    state.connected.insert(event.station.clone());
                }
                if state.sources.get(&event.station) != Some(&event.source) {
                    state.sources.insert(event.station.clone(), event.source);
                }
                return None;
            }
            EventKind::Disconnected { reason, .. } => {
                if reason != "replaced" {
                    self.state().connected.remove(&event.station);
                }
                return None;
            }
            _ if !taken => return None,
            EventKind::CommandIssued(issue) => issue.command,
            EventKind::CommandSent { command, .. } | EventKind::CommandEnded { command, .. } => *command,
            EventKind::CommandAnswered(answer) => answer.command,
            _ => return None,
        };
        let commands = fold.commands_of(&event.station)?.clone();
        let command = commands.find(id).cloned();
        self.state().update(&event.station, commands);
        if let (EventKind::CommandIssued(_), Some(hook)) = (&event.kind, self.hook.get()) {
            hook(&event.station);
        }
        command
    }

    /// The way by which a station was last heard; none if it never was.
    #[must_use]
    pub fn source(&self, station: &StationId) -> Option<Source> {
        self.state().sources.get(station).copied()
    }

    /// The commands of a station that are open or were lately.
    #[must_use]
    pub fn of(&self, station: &StationId) -> Commands {
        self.state().stations.get(station).cloned().unwrap_or_default()
    }

    /// A command that is open or was lately, and whose it is.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<(StationId, Arc<Command>)> {
        let state = self.state();
        let station = state.ids.get(&id)?;
        Some((station.clone(), state.stations.get(station)?.find(id)?.clone()))
    }

    /// The command that is to be sent to a station now.
    #[must_use]
    pub fn next(&self, station: &StationId) -> Option<Arc<Command>> {
        let state = self.state();
        state.stations.get(station)?.open().find(|command| command.state == CommandState::Queued).cloned()
    }

    /// Open commands by state: queued, sent.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, usize); 2] {
        let state = self.state();
        let count = |wanted: CommandState| {
            let of = |station| state.stations.get(station).into_iter().flat_map(Commands::open);
            let fits = |command: &&Arc<Command>| command.state == wanted;
            (wanted.label(), state.open.iter().flat_map(of).filter(fits).count())
        };
        [count(CommandState::Queued), count(CommandState::Sent)]
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// New settings are in force.
    pub(crate) fn set_settings(&self, settings: Arc<Settings>) {
        self.settings.store(settings);
    }

    /// Commands for stations whose list of tokens is behind the settings, if lists are to be sent by themselves.
    pub(crate) fn lists_due(&self, now: Timestamp) -> Vec<StationEvent> {
        let settings = self.settings.load();
        if !lists::is_on(&settings) {
            return Vec::new();
        }
        let mut state = self.state();
        if state.turned.0 <= now.plus_seconds(-TURNS_EVERY_S) {
            state.turned = (now, lists::last_turn(&settings, now));
        }
        let none = Commands::default();
        let of = |station: &StationId| {
            let commands = state.stations.get(station).unwrap_or(&none);
            let source = state.sources.get(station).copied()?;
            lists::due(station, commands, &settings, source, (now, state.turned.1))
        };
        state.connected.iter().filter_map(of).take(LISTS_MAX).flatten().collect()
    }

    /// Events for commands whose time is over.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<StationEvent> {
        let given_up = now.plus_seconds(-GIVEN_UP_AFTER_S);
        self.ends(|command| match command.state {
            CommandState::Queued if command.expires_at <= now => {
                Some((CommandEnd::Expired, "its time was over before it could be sent"))
            }
            CommandState::Sent if command.sent_at.is_some_and(|at| at < given_up) => {
                Some((CommandEnd::Unknown, "no answer came"))
            }
            _ => None,
        })
    }

    /// Events for commands that an earlier run of the gateway sent, and of which it saw no answer.
    pub(crate) fn left_open(&self) -> Vec<StationEvent> {
        self.ends(|command| {
            let sent = command.state == CommandState::Sent;
            sent.then_some((CommandEnd::Unknown, "the gateway ended before an answer came"))
        })
    }

    fn ends(&self, end: impl Fn(&Command) -> Option<(CommandEnd, &'static str)>) -> Vec<StationEvent> {
        let state = self.state();
        let of = |station| {
            let commands: Option<(&StationId, &Commands)> = state.stations.get_key_value(station);
            commands.into_iter().flat_map(|(station, commands)| commands.open().map(move |c| (station, c)))
        };
        let ended = state.open.iter().flat_map(of).filter_map(|(station, command)| {
            let (end, detail) = end(command)?;
            let kind = EventKind::CommandEnded { command: command.id, end, detail: detail.to_owned() };
            Some(StationEvent::new(station.clone(), Source::Gateway, kind))
        });
        ended.take(DUE_MAX).collect()
    }
}

impl State {
    fn update(&mut self, station: &StationId, commands: Commands) {
        if let Some(old) = self.stations.get(station) {
            for command in old.all() {
                self.ids.remove(&command.id);
            }
        }
        self.ids.extend(commands.all().map(|command| (command.id, station.clone())));
        if commands.open_count() == 0 {
            self.open.remove(station);
        } else {
            self.open.insert(station.clone());
        }
        self.stations.insert(station.clone(), commands);
    }
}
