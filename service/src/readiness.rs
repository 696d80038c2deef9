//! Whether a process can do its work. Not to be mixed up with liveness: a store that is down makes a process
//! unready, never dead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a process waits for, each under a name, and why it is not there. Clones share one state.
#[derive(Clone, Default, Debug)]
pub struct Readiness(Arc<Mutex<BTreeMap<String, Result<(), String>>>>);

impl Readiness {
    /// Ready, as long as nothing else is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether `part` is there; if not, why, and what is done about it.
    pub fn set(&self, part: &str, state: Result<(), String>) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match parts.get_mut(part) {
            Some(known) => *known = state,
            None => {
                parts.insert(part.to_owned(), state);
            }
        }
    }

    /// Ready, or each part that is missing with its reason.
    ///
    /// # Errors
    /// The missing parts, by name.
    pub fn state(&self) -> Result<(), Vec<(String, String)>> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<(String, String)> = parts
            .iter()
            .filter_map(|(part, state)| state.as_ref().err().map(|reason| (part.clone(), reason.clone())))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_part_is_told() {
        let ready = Readiness::new();
        assert_eq!(ready.state(), Ok(()));
        let clone = ready.clone();
        clone.set("store", Err("does not answer".into()));
        clone.set("journal", Ok(()));
        assert_eq!(ready.state(), Err(vec![("store".into(), "does not answer".into())]));
        clone.set("store", Ok(()));
        assert_eq!(ready.state(), Ok(()));
    }
}
