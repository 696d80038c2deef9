//! The thread that makes events durable: it takes what adapters hand in, journals it in groups, folds it, and answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use service::readiness::Readiness;
use station::event::{EventKind, RejectReason, Source, StationEvent};
use station::fold::{Fold, Outcome, Rows, Settings, Totals, UnknownTokens, Verdict};
use station::id::EventId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use uuid::Uuid;

use super::handle::{Answer, Refused, Submission};
use super::trace::context_of;
use super::{clock, snapshot};
use crate::access::Access;
use crate::commands::Board;
use crate::journal::{AppendError, Journal, JournalConfig, Reader};
use crate::metrics::PipelineMetrics;

/// Events in one group at most: bounds how long the first of them waits for the last to be encoded.
const GROUP_EVENTS: usize = 4_096;
/// How often ticks and silent sessions are looked for.
const CLOCK_EVERY: Duration = Duration::from_secs(10);
/// How often commands are looked for whose time is over.
const COMMANDS_EVERY: Duration = Duration::from_secs(1);
/// Ticks and inferred ends in one round: the rest waits for the next.
const CLOCK_EVENTS: usize = 1_000;
/// After a failure the disk is tried again at most so often.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Bytes that protobuf adds to an event at most stay far below the journal's limit for a record.
const EVENT_MAX_BYTES: usize = 4 << 20;

/// What the rest of the gateway sees of the fold that answers.
#[derive(Debug, Default)]
pub struct Published {
    /// The settings in force.
    pub settings: ArcSwap<Settings>,
    /// Cards that were shown lately and that nobody registered.
    pub unknown_tokens: ArcSwap<UnknownTokens>,
    /// The totals, at most a second old.
    pub totals: ArcSwap<Totals>,
    /// Commands that are open or were lately.
    pub commands: Arc<Board>,
    /// Keys of stations, and those that wait for an operator.
    pub access: Arc<Access>,
}

/// The journal's thread.
pub(super) struct Front {
    pub(super) journal: Journal,
    pub(super) config: JournalConfig,
    pub(super) fold: Fold,
    pub(super) receiver: mpsc::Receiver<Submission>,
    pub(super) published: Arc<Published>,
    pub(super) ready: Readiness,
    pub(super) metrics: PipelineMetrics,
    pub(super) session_silence: Duration,
    pub(super) closing: CancellationToken,
    pub(super) followed: Arc<super::trace::Followed>,
    /// Why the journal takes nothing.
    pub(super) trouble: Option<Trouble>,
    /// The event up to which room was set aside for a snapshot.
    pub(super) room_for: u64,
}

/// Why the journal takes nothing, and when it was last tried.
#[derive(Debug)]
pub(super) struct Trouble {
    refused: Refused,
    tried: Instant,
}

/// One group: what is journaled by one sync.
#[derive(Default)]
struct Group {
    payloads: Vec<Vec<u8>>,
    events: Vec<StationEvent>,
    bytes: usize,
    waiting: Vec<Waiting>,
}

/// A message within a group.
struct Waiting {
    /// How many of the events are its.
    events: usize,
    answer: oneshot::Sender<Answer>,
    span: Span,
}

impl Front {
    /// Brings the fold from the snapshot's position to the journal's end.
    pub(super) fn catch_up(&mut self, position: u64) -> std::io::Result<()> {
        let mut reader = Reader::new(self.config.folder.clone(), self.journal.progress(), position + 1);
        let (mut bytes, mut rows) = (Vec::new(), Rows::ignored());
        let mut folded = 0_u64;
        // Damage is told and counted by the writer, which reads the same records.
        while reader.read(&mut bytes, &mut |_| {})?.is_some() {
            if let Ok(event) = proto::event::decode(&bytes) {
                let _ = catch_unwind(AssertUnwindSafe(|| self.fold.apply(&event, &mut rows)));
            }
            folded += 1;
            if folded.is_multiple_of(1_000_000) {
                tracing::info!(folded, "folding the journal");
            }
        }
        self.publish();
        self.published.commands.fill(&self.fold);
        self.published.access.fill(&self.fold);
        Ok(())
    }

    /// Runs until every handle is gone.
    pub(super) fn run(mut self) {
        let mut clock_at = Instant::now();
        let mut steps = clock::Steps::new(clock::now(), clock_at);
        let mut published_at = Instant::now();
        let mut commands_at = Instant::now();
        let mut closing = false;
        while let Some(first) = self.receiver.blocking_recv() {
            let mut group = Group::default();
            self.add(&mut group, first);
            self.fill(&mut group);
            if clock_at.elapsed() >= CLOCK_EVERY {
                clock_at = Instant::now();
                if let Some(step) = steps.look(clock::now(), clock_at) {
                    tracing::warn!(
                        seconds = step / 1_000_000,
                        "the clock of this machine was set; times of receipt have a step: look at its time service"
                    );
                }
                self.add_clock_events(&mut group, &mut steps);
            }
            if commands_at.elapsed() >= COMMANDS_EVERY {
                commands_at = Instant::now();
                let (board, now) = (&self.published.commands, clock::now());
                self.add_events(&mut group, board.due(now));
                self.add_events(&mut group, board.lists_due(now));
            }
            self.commit(group);
            if published_at.elapsed() >= Duration::from_secs(1) {
                published_at = Instant::now();
                self.publish();
            }
            if !closing && self.closing.is_cancelled() {
                // What waits is answered; nothing more comes in.
                closing = true;
                self.receiver.close();
            }
        }
        self.publish();
        self.journal.progress().close();
    }

    /// Takes what else is waiting, and waits a little for more if the configuration says so.
    fn fill(&mut self, group: &mut Group) {
        let deadline = Instant::now() + self.config.group_wait.0;
        while group.events.len() < GROUP_EVENTS && group.bytes < self.config.group_bytes.as_usize() {
            match self.receiver.try_recv() {
                Ok(submission) => self.add(group, submission),
                Err(mpsc::error::TryRecvError::Empty) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_micros(200));
                }
                Err(_) => break,
            }
        }
    }

    fn add(&self, group: &mut Group, submission: Submission) {
        let now = clock::now();
        let start = group.events.len();
        let bytes_before = group.bytes;
        for mut event in submission.events {
            // What is replayed brings the id that it has at every replay.
            if !event.event_id.is_replay() {
                event.event_id = EventId(Uuid::now_v7());
            }
            event.received_at = now;
            let mut payload = Vec::with_capacity(256);
            proto::event::encode(&event, &mut payload);
            group.bytes += payload.len();
            group.payloads.push(payload);
            group.events.push(event);
        }
        if group.payloads[start..].iter().any(|p| p.len() > EVENT_MAX_BYTES) {
            group.payloads.truncate(start);
            group.events.truncate(start);
            group.bytes = bytes_before;
            self.metrics.refused(Refused::TooLarge);
            let _ = submission.answer.send(Err(Refused::TooLarge));
            return;
        }
        group.waiting.push(Waiting {
            events: group.events.len() - start,
            answer: submission.answer,
            span: submission.span,
        });
    }

    /// Time makes events, too: journaled like any other, so that folding needs no clock.
    fn add_clock_events(&mut self, group: &mut Group, steps: &mut clock::Steps) {
        let now = clock::now();
        let silent_before = steps.certainly_before(self.session_silence);
        let (tick_before, tick_after) = (now.plus_seconds(-60), now.plus_seconds(60));
        let inferred = self.fold.silent_sessions(silent_before).map(|(station, session_id)| {
            StationEvent::new(station.clone(), Source::Gateway, EventKind::SessionEndInferred { session_id })
        });
        let ticks = self
            .fold
            .stations_to_tick(tick_before, tick_after)
            .map(|station| StationEvent::new(station.clone(), Source::Gateway, EventKind::Tick));
        let events: Vec<StationEvent> = inferred.chain(ticks).take(CLOCK_EVENTS).collect();
        self.add_events(group, events);
    }

    /// Adds events of the gateway's own, of which nobody awaits the outcome.
    fn add_events(&self, group: &mut Group, events: Vec<StationEvent>) {
        if !events.is_empty() {
            let (answer, _) = oneshot::channel();
            self.add(group, Submission { events, answer, span: Span::none() });
        }
    }

    /// Journals the group, folds it, and answers: in this order.
    fn commit(&mut self, group: Group) {
        let first = match self.make_durable(&group) {
            Ok(first) => first,
            Err(refused) => {
                for waiting in group.waiting {
                    self.metrics.refused(refused);
                    let _ = waiting.answer.send(Err(refused));
                }
                return;
            }
        };
        let mut rows = Rows::ignored();
        let mut outcomes: Vec<Outcome> =
            group.events.iter().map(|event| fold(&mut self.fold, event, &mut rows)).collect();
        for (event, outcome) in group.events.iter().zip(&outcomes) {
            self.metrics.deviations(event.source, outcome.deviations);
            // Before the answers: whoever asked for a command finds it. A connection that is told of one here sends it
            // by way of this thread, after this group.
            if let Some(command) = self.published.commands.follow(&self.fold, event, outcome.command_taken) {
                self.metrics.command(&command);
            }
            self.published.access.follow(&self.fold, event);
        }
        if group.events.iter().any(|e| matches!(e.kind, EventKind::SettingChanged(_))) {
            // Before the answers: whoever changed a setting finds it changed.
            self.publish();
        }
        if !Arc::ptr_eq(&self.published.unknown_tokens.load(), self.fold.unknown_tokens()) {
            self.published.unknown_tokens.store(Arc::clone(self.fold.unknown_tokens()));
        }
        self.published.access.follow_quarantine(&self.fold);
        let mut next = first;
        for Waiting { events, answer, span } in group.waiting {
            next += events as u64;
            self.followed.journaled(next.saturating_sub(1), context_of(&span));
            let rest = outcomes.split_off(events);
            let outcomes = std::mem::replace(&mut outcomes, rest);
            // Whoever does not wait any more (its connection is gone) gets the answer when it sends again.
            let _ = answer.send(Ok(outcomes));
        }
    }

    /// Appends the group's events to the journal, if it takes any. After a failure it is asked first whether there is
    /// room: otherwise a full disk would take the small messages and refuse the large ones.
    fn make_durable(&mut self, group: &Group) -> Result<u64, Refused> {
        let began = Instant::now();
        if let Some(trouble) = &self.trouble {
            if trouble.tried.elapsed() < TRY_AGAIN {
                return Err(trouble.refused);
            }
            self.keep_room();
            if let Err(error) = self.journal.check_room() {
                return Err(self.refuse(&error));
            }
        } else if self.journal.next() >= self.room_for + snapshot::ROOM_EVENTS {
            self.keep_room();
        }
        let first = match self.journal.append(&group.payloads) {
            Ok(first) => first,
            Err(error) => return Err(self.refuse(&error)),
        };
        if !group.payloads.is_empty() {
            self.metrics.synced(group.events.len(), began.elapsed());
        }
        if self.trouble.take().is_some() {
            tracing::info!("the journal takes events again");
            self.ready.set("journal", Ok(()));
        }
        Ok(first)
    }

    /// The state grows while the store is away and no snapshot is saved; its place on the disk grows with it.
    fn keep_room(&mut self) {
        self.room_for = self.journal.next();
        snapshot::keep_room(self.journal.folder(), &self.journal.progress());
    }

    fn refuse(&mut self, error: &AppendError) -> Refused {
        let refused = match error {
            AppendError::Full(_) => Refused::Full,
            AppendError::Disk(_) => Refused::NotDurable,
        };
        if self.trouble.as_ref().is_none_or(|trouble| trouble.refused != refused) {
            tracing::error!(%error, "nothing is acknowledged until the journal takes events again");
        }
        self.ready.set("journal", Err(error.to_string()));
        self.trouble = Some(Trouble { refused, tried: Instant::now() });
        refused
    }

    fn publish(&self) {
        self.published.settings.store(Arc::clone(self.fold.settings()));
        self.published.commands.set_settings(Arc::clone(self.fold.settings()));
        self.published.unknown_tokens.store(Arc::clone(self.fold.unknown_tokens()));
        self.published.totals.store(Arc::new(self.fold.totals().clone()));
    }
}

/// Folds one event. A defect that shows as a panic costs this event, not the gateway; both folds fail alike on it.
pub(super) fn fold(fold: &mut Fold, event: &StationEvent, rows: &mut Rows) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| fold.apply(event, rows))).unwrap_or_else(|_| {
        tracing::error!(event_id = %event.event_id, kind = event.kind.label(), "the fold failed on an event; it is kept in `rejected`");
        Outcome { verdict: Verdict::Rejected(RejectReason::FoldFailed), ..Outcome::default() }
    })
}
