//! Changes of a station's keys. They say nothing of the station itself.

use super::{Folding, Outcome, Verdict, log};
use crate::event::{EventKind, Severity};
use crate::key::KeyChange;

impl Folding<'_> {
    /// A change of the station's keys, if the event is one.
    pub(super) fn key(&mut self) -> Option<Outcome> {
        let EventKind::KeyChanged(change) = &self.origin.event.kind else { return None };
        if !self.station.keys.apply(change, self.origin.event.received_at) {
            return Some(Outcome { verdict: Verdict::Duplicate, ..Outcome::default() });
        }
        log(self.rows, &self.origin, Severity::Info, || match &**change {
            KeyChange::Set { author, at_once: true, .. } => {
                format!("Key set by {author}; others are not accepted any more")
            }
            KeyChange::Set { author, command: None, .. } => format!("Key set by {author}"),
            KeyChange::Set { author, command: Some(command), .. } => {
                format!("Key set by {author}, for command {command}")
            }
            KeyChange::Used { .. } => {
                "The new key was used; those before it are not accepted any more".to_owned()
            }
            KeyChange::Removed { author } => format!("Keys removed by {author}"),
        });
        Some(Outcome::default())
    }
}
