//! What the endpoints know of who may connect: the keys of stations, and those that wait for an operator, as the fold
//! that answers has them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use arc_swap::ArcSwap;
use station::event::{EventKind, StationEvent};
use station::fold::{Fold, Quarantine};
use station::id::StationId;
use station::key::StationKeys;

type Hook = Box<dyn Fn(&StationId) + Send + Sync>;

/// Keys and quarantine, as they are journaled.
#[derive(Default)]
pub struct Access {
    keys: RwLock<HashMap<StationId, Arc<StationKeys>>>,
    quarantine: ArcSwap<Quarantine>,
    hook: OnceLock<Hook>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl Access {
    /// `hook` is called when a station does not wait any more. Once.
    pub fn on_release(&self, hook: impl Fn(&StationId) + Send + Sync + 'static) {
        let _ = self.hook.set(Box::new(hook));
    }

    /// Takes all that a fold knows.
    pub(crate) fn fill(&self, fold: &Fold) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.extend(fold.keys().map(|(station, keys)| (station.clone(), Arc::new(keys.clone()))));
        self.quarantine.store(Arc::clone(fold.quarantine()));
    }

    /// Follows a folded event.
    pub(crate) fn follow(&self, fold: &Fold, event: &StationEvent) {
        match event.kind {
            EventKind::KeyChanged(_) => self.set_keys(&event.station, fold.keys_of(&event.station)),
            // A key that a command was to tell goes with it.
            EventKind::CommandAnswered(_) | EventKind::CommandEnded { .. }
                if self.keys(&event.station).is_some() =>
            {
                self.set_keys(&event.station, fold.keys_of(&event.station));
            }
            _ => {}
        }
    }

    /// Takes the fold's quarantine, when all of a group of events is folded and its settings are in force.
    pub(crate) fn follow_quarantine(&self, fold: &Fold) {
        let old = self.quarantine.load();
        if Arc::ptr_eq(&old, fold.quarantine()) {
            return;
        }
        self.quarantine.store(Arc::clone(fold.quarantine()));
        if let Some(hook) = self.hook.get() {
            old.keys().filter(|station| !fold.quarantine().contains_key(*station)).for_each(hook);
        }
    }

    fn set_keys(&self, station: &StationId, now: Option<&StationKeys>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        match now {
            Some(now) => drop(keys.insert(station.clone(), Arc::new(now.clone()))),
            None => drop(keys.remove(station)),
        }
    }

    /// The keys of a station, if it has any.
    #[must_use]
    pub fn keys(&self, station: &StationId) -> Option<Arc<StationKeys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(station).cloned()
    }

    /// Stations that wait for an operator.
    #[must_use]
    pub fn quarantine(&self) -> Arc<Quarantine> {
        self.quarantine.load_full()
    }
}
