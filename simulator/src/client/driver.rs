//! One station as its client sees it: a life, what it still has to say, and the books.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use station::time::Timestamp;

use super::message::{Message, now_text, session_line};
use super::{ClientError, World};
use crate::fleet::chance::stream;
use crate::fleet::{Protocol, Station};
use crate::ledger::{Line, RefusedLine};
use crate::life::{Saying, StationLife, What};
use crate::tally::count;
use crate::wire::Writer;

/// What a station keeps while it is cut off. Beyond it the oldest meter values are thrown away, as real stations do;
/// starts and stops are always kept.
const OUTBOX_MESSAGES: usize = 10_000;
/// Heartbeats when the gateway does not say how often.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// One station as its client sees it.
#[derive(Debug)]
pub struct Driver {
    pub(super) world: Arc<World>,
    pub(super) life: StationLife,
    pub(super) writer: Writer,
    pub(super) rng: ChaCha8Rng,
    pub(super) heartbeat_every: Duration,
    /// Until when the connection is broken on purpose.
    pub(super) cut_until: Option<Timestamp>,
    /// Whether to print what is said and heard.
    pub(super) narrates: bool,
    /// Whether the gateway has accepted it at least once: nobody plays with a station that is still starting.
    pub(super) has_booted: bool,
    outbox: VecDeque<Message>,
    /// The boot notification goes before everything else, and nothing goes before it is accepted.
    boot: Option<Message>,
    booting: bool,
    shut_down: bool,
    sayings: Vec<Saying>,
}

impl Driver {
    /// Drives a life.
    #[must_use]
    pub fn new(world: Arc<World>, life: StationLife) -> Self {
        let station = life.station();
        let begun = world.clock.at(Instant::now()).0 as u64;
        let rng = stream(world.fleet.plan.seed, "client", station.stream_number(), begun);
        Self {
            world,
            life,
            writer: Writer::default(),
            rng,
            heartbeat_every: HEARTBEAT,
            cut_until: None,
            narrates: false,
            has_booted: false,
            outbox: VecDeque::new(),
            boot: None,
            booting: false,
            shut_down: false,
            sayings: Vec::new(),
        }
    }

    /// Prints what is said and heard, for somebody who plays by hand.
    #[must_use]
    pub fn narrating(mut self) -> Self {
        self.narrates = true;
        self
    }

    pub(super) fn station(&self) -> &Arc<Station> {
        self.life.station()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.world.clock.at(Instant::now())
    }

    /// Lives until now; what there is to say waits in the outbox.
    pub(super) fn live(&mut self, online: bool) -> Result<(), ClientError> {
        let now = self.now();
        self.tell(online, |life, out| life.advance(now, online, out))
    }

    /// Lets something happen to the station, and puts what it has to say in the outbox.
    pub(crate) fn tell<T>(
        &mut self,
        online: bool,
        act: impl FnOnce(&mut StationLife, &mut Vec<Saying>) -> T,
    ) -> Result<T, ClientError> {
        let mut sayings = std::mem::take(&mut self.sayings);
        let told = act(&mut self.life, &mut sayings);
        for saying in sayings.drain(..) {
            self.queue(saying, online)?;
        }
        self.sayings = sayings;
        Ok(told)
    }

    fn queue(&mut self, saying: Saying, online: bool) -> Result<(), ClientError> {
        match &saying.what {
            What::Cut { until } => self.cut_until = Some(*until),
            What::PowerLoss { until, lost } => {
                self.cut_until = Some(*until);
                for ended in lost {
                    let line = session_line(ended, self.life.station(), &self.writer, false);
                    self.world.ledger.write(&line)?;
                }
            }
            what if !what.is_said_in(self.station().protocol) => {}
            What::Boot => self.boot = Some(self.message(saying, !online)),
            _ => {
                let message = self.message(saying, !online);
                self.outbox.push_back(message);
                self.throw_away();
            }
        }
        Ok(())
    }

    fn message(&mut self, saying: Saying, offline: bool) -> Message {
        let id = uuid::Builder::from_random_bytes(self.rng.random()).into_uuid().to_string();
        Message { id, saying, offline, sent: 0, encoded: None }
    }

    fn throw_away(&mut self) {
        if self.outbox.len() > OUTBOX_MESSAGES
            && let Some(oldest) =
                self.outbox.iter().position(|message| matches!(message.saying.what, What::Meter { .. }))
        {
            self.outbox.remove(oldest);
            count(&self.world.tally.dropped);
        }
    }

    /// The next message to send, written out. It comes back by [`Self::acknowledge`], [`Self::refuse`] or
    /// [`Self::put_back`].
    pub(super) fn take(&mut self) -> Result<Option<Message>, ClientError> {
        loop {
            let next = if self.boot.is_some() {
                self.booting = true;
                self.boot.take()
            } else if self.booting {
                None
            } else {
                self.outbox.pop_front()
            };
            let Some(mut message) = next else { return Ok(None) };
            if message.encoded.is_none() {
                let station = self.life.station();
                message.encoded =
                    self.writer.encode(station, &message.saying, &message.id, message.offline)?;
            }
            if message.encoded.is_some() {
                message.sent += 1;
                count(&self.world.tally.sent);
                return Ok(Some(message));
            }
        }
    }

    /// Whether nothing is left to say.
    pub(super) fn is_quiet(&self) -> bool {
        self.boot.is_none() && !self.booting && self.outbox.is_empty()
    }

    /// The connection broke: what was not acknowledged, in the order in which it was sent, waits for the next one.
    pub(super) fn put_back(&mut self, unacknowledged: impl DoubleEndedIterator<Item = Message>) {
        for message in unacknowledged.rev() {
            if matches!(message.saying.what, What::Boot) {
                self.booting = false;
                // Unless it has started anew since.
                self.boot.get_or_insert(message);
            } else if message.keeps() {
                self.outbox.push_front(message);
            }
        }
        self.outbox.retain(|message| message.keeps());
    }

    /// A message was acknowledged: into the books with it.
    pub(super) fn acknowledge(&mut self, message: &Message) -> Result<(), ClientError> {
        let (world, station) = (&self.world, self.life.station());
        world.ledger.write(&Line::Message(message.line(station, &self.writer)))?;
        count(&world.tally.acknowledged);
        match &message.saying.what {
            What::Boot => {
                self.booting = false;
                self.has_booted = true;
            }
            What::Meter { .. } => {
                if let Some(latency) = &world.latency {
                    latency.note(
                        Instant::now().saturating_duration_since(world.clock.instant(message.saying.at)),
                    );
                }
            }
            What::Start { .. } => count(&world.tally.sessions_started),
            What::Stop(ended) => {
                world.ledger.write(&session_line(ended, station, &self.writer, true))?;
                count(&world.tally.sessions_ended);
                world
                    .tally
                    .energy_wh
                    .fetch_add((ended.meter_stop_wh - ended.meter_start_wh).max(0), Ordering::Relaxed);
                self.writer.forget(ended.session);
            }
            _ => {}
        }
        Ok(())
    }

    /// A message was refused for good: into the books with it.
    pub(super) fn refuse(&mut self, message: &Message, error: String) -> Result<(), ClientError> {
        let station = self.station().id.clone();
        tracing::warn!(%station, action = message.action(), error, "the gateway refused a message");
        count(&self.world.tally.refused);
        if matches!(message.saying.what, What::Boot) {
            self.booting = false;
        }
        let line = RefusedLine {
            station,
            message_id: message.id.clone(),
            action: message.action().into(),
            error,
            refused_at: now_text(),
        };
        Ok(self.world.ledger.write(&Line::Refused(line))?)
    }

    /// The gateway does not know (any more) that the station has booted.
    pub(super) fn boot_again(&mut self) {
        if self.boot.is_none() && !self.booting {
            let saying = Saying { at: self.now(), what: What::Boot };
            self.boot = Some(self.message(saying, false));
        }
    }

    /// Says that the station lives.
    pub(super) fn heartbeat(&mut self) -> Result<(), ClientError> {
        let saying = Saying { at: self.now(), what: What::Heartbeat };
        self.queue(saying, true)
    }

    /// Ends what runs, once.
    pub(super) fn shut_down(&mut self) -> Result<(), ClientError> {
        if std::mem::replace(&mut self.shut_down, true) {
            return Ok(());
        }
        let now = self.now();
        self.tell(true, |life, out| life.shut_down(now, out))
    }

    /// When the life goes on.
    pub(super) fn next_wake(&self) -> Instant {
        self.world.clock.instant(self.life.next_due())
    }

    /// Which protocol is spoken.
    pub(super) fn protocol(&self) -> Protocol {
        self.station().protocol
    }
}
