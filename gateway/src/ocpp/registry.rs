//! Which station is connected where. The newest connection wins: stations reconnect while their old socket still looks
//! open.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use station::id::StationId;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Why a connection is asked to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Stop {
    /// The station has a newer one.
    Replaced = 1,
    /// The gateway stops.
    Shutdown = 2,
    /// It was in quarantine, and need not be any more.
    Released = 3,
}

/// What others hold of a connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    stop: AtomicU8,
    stopping: Notify,
    gone: AtomicBool,
    leaving: Notify,
    stuck: AtomicBool,
    commanded: Notify,
    held: AtomicBool,
}

impl Link {
    /// Tells the connection that there is a command for its station.
    fn command(&self) {
        self.commanded.notify_one();
    }

    /// Resolves when there may be a command for the station. For the connection's own task only.
    pub(super) async fn commanded(&self) {
        self.commanded.notified().await;
    }

    /// The connection's station waits for an operator.
    pub(super) fn set_held(&self) {
        self.held.store(true, Ordering::Release);
    }

    /// Asks the connection to end; the first reason counts.
    pub(super) fn stop(&self, why: Stop) {
        let _ = self.stop.compare_exchange(0, why as u8, Ordering::AcqRel, Ordering::Acquire);
        self.stopping.notify_one();
    }

    /// Why the connection is to end, if it is.
    pub(super) fn stop_reason(&self) -> Option<Stop> {
        match self.stop.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Stop::Replaced),
            3 => Some(Stop::Released),
            _ => Some(Stop::Shutdown),
        }
    }

    /// Resolves when the connection is to end. For the connection's own task only.
    pub(super) async fn stopped(&self) -> Stop {
        loop {
            if let Some(why) = self.stop_reason() {
                return why;
            }
            self.stopping.notified().await;
        }
    }

    /// The connection's end cannot be journaled now, or it waits for one whose end cannot: a newer one would only wait
    /// as well.
    pub(super) fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Release);
    }

    /// The connection's last event is journaled: a newer one may begin.
    fn leave(&self) {
        self.gone.store(true, Ordering::Release);
        self.leaving.notify_waiters();
    }

    /// Resolves when the connection's last event is journaled.
    async fn left(&self) {
        loop {
            let leaving = self.leaving.notified();
            if self.gone.load(Ordering::Acquire) {
                return;
            }
            leaving.await;
        }
    }
}

/// After how long waiting for an older connection's end counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(1);

/// A station's place in the registry; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) link: Arc<Link>,
    station: StationId,
    registry: Arc<Registry>,
    previous: Option<Arc<Link>>,
}

impl Seat {
    /// Waits until the connection before this one has journaled its end: otherwise the station would seem to have
    /// gone after it came.
    pub(super) async fn previous_left(&mut self) {
        if let Some(previous) = self.previous.take()
            && timeout(STUCK_AFTER, previous.left()).await.is_err()
        {
            self.link.set_stuck(true);
            previous.left().await;
            self.link.set_stuck(false);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.give_back(&self.station, &self.link);
    }
}

/// All connections.
#[derive(Debug)]
pub(super) struct Registry {
    links: Mutex<HashMap<StationId, Arc<Link>>>,
    booted: Mutex<HashSet<u64>>,
    hasher: RandomState,
    /// How many places are taken.
    seats: Gauge,
}

/// Stations whose boot is remembered (8 bytes each); beyond, all are forgotten, and messages before the next boot are
/// flagged although they need not be.
const BOOTED_MAX: usize = 1_000_000;

impl Registry {
    pub(super) fn new(seats: Gauge) -> Arc<Self> {
        let hasher = RandomState::new();
        Arc::new(Self { links: Mutex::default(), booted: Mutex::default(), hasher, seats })
    }

    fn links(&self) -> MutexGuard<'_, HashMap<StationId, Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the station's place, and asks whoever has it to end.
    pub(super) fn take(self: &Arc<Self>, station: &StationId) -> Seat {
        let link = Arc::new(Link::default());
        self.seats.inc();
        let previous = self.links().insert(station.clone(), link.clone());
        if let Some(previous) = &previous {
            previous.stop(Stop::Replaced);
        }
        Seat { link, station: station.clone(), registry: self.clone(), previous }
    }

    fn give_back(&self, station: &StationId, link: &Arc<Link>) {
        let mut links = self.links();
        if links.get(station).is_some_and(|current| Arc::ptr_eq(current, link)) {
            links.remove(station);
        }
        drop(links);
        self.seats.dec();
        link.leave();
    }

    /// Whether a new connection of the station would have to wait for one whose end cannot be journaled now.
    pub(super) fn is_stuck(&self, station: &StationId) -> bool {
        self.links().get(station).is_some_and(|link| link.stuck.load(Ordering::Acquire))
    }

    /// Tells a station's connection, if it has one, that there is a command.
    pub(super) fn command(&self, station: &StationId) {
        if let Some(link) = self.links().get(station) {
            link.command();
        }
    }

    /// Ends a station's connection if it was taken while the station waited for an operator.
    pub(super) fn release(&self, station: &StationId) {
        if let Some(link) = self.links().get(station).filter(|link| link.held.load(Ordering::Acquire)) {
            link.stop(Stop::Released);
        }
    }

    /// All connections that are open now.
    pub(super) fn all(&self) -> Vec<Arc<Link>> {
        self.links().values().cloned().collect()
    }

    fn booted_key(&self, station: &StationId) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(station.as_str().as_bytes());
        hasher.finish()
    }

    /// Notes that a station's BootNotification was accepted.
    pub(super) fn note_boot(&self, station: &StationId) {
        let key = self.booted_key(station);
        let mut booted = self.booted.lock().unwrap_or_else(PoisonError::into_inner);
        if booted.len() >= BOOTED_MAX {
            booted.clear();
        }
        booted.insert(key);
    }

    /// Whether a station's BootNotification was accepted since the gateway started.
    pub(super) fn has_booted(&self, station: &StationId) -> bool {
        let key = self.booted_key(station);
        self.booted.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station() -> StationId {
        StationId::new("CP-1").expect("valid")
    }

    #[tokio::test]
    async fn the_newest_wins_and_waits_for_the_old_ones_end() {
        let registry = Registry::new(Gauge::default());
        let old = registry.take(&station());
        let mut new = registry.take(&station());
        assert_eq!(old.link.stopped().await, Stop::Replaced);
        let left = tokio::spawn(async move {
            new.previous_left().await;
            new
        });
        drop(old);
        let new = left.await.expect("no panic");
        assert_eq!(registry.all().len(), 1, "the old one's end does not give back the new one's place");
        drop(new);
        assert!(registry.all().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn three_at_once_leave_in_their_order() {
        let registry = Registry::new(Gauge::default());
        let mut seats: Vec<Seat> = (0..3).map(|_| registry.take(&station())).collect();
        let third = seats.pop();
        let second = seats.pop();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [(1, seats.pop()), (2, second), (3, third)]
            .into_iter()
            .rev()
            .map(|(number, seat)| {
                let order = order.clone();
                tokio::spawn(async move {
                    let mut seat = seat.expect("there");
                    seat.previous_left().await;
                    order.lock().expect("no panic").push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(*order.lock().expect("no panic"), [1, 2, 3]);
    }

    #[test]
    fn boots_are_remembered() {
        let registry = Registry::new(Gauge::default());
        assert!(!registry.has_booted(&station()));
        registry.note_boot(&station());
        assert!(registry.has_booted(&station()));
    }
}
