//! Stations that connected without being registered, and wait for an operator. Nothing else is kept of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rows::Origin;
use super::{Fold, Outcome, Rows, log};
use crate::event::{Boot, Quarantined, Severity, Source};
use crate::id::StationId;
use crate::key::KeyHash;
use crate::setting::Setting;
use crate::time::Timestamp;

/// Stations that wait at most; of more, the one that was heard longest ago is forgotten.
pub const QUARANTINE_MAX: usize = 1_000;

/// Those that wait, by their ids.
pub type Quarantine = BTreeMap<StationId, Held>;

/// A station that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// By which way it came last.
    pub source: Source,
    /// From where.
    pub remote: String,
    /// When it came first.
    pub first_at: Timestamp,
    /// When it was heard last.
    pub last_at: Timestamp,
    /// How often it connected.
    pub connections: u64,
    /// Hash of the key that it presented last.
    pub key: Option<KeyHash>,
    /// Whether it showed a certificate of its own.
    pub certificate: bool,
    /// What it said of itself last.
    pub boot: Option<Boot>,
}

impl Fold {
    /// Stations that wait for an operator.
    #[must_use]
    pub fn quarantine(&self) -> &Arc<Quarantine> {
        &self.quarantine
    }

    /// A station came that nobody registered.
    pub(super) fn quarantined(
        &mut self,
        origin: &Origin<'_>,
        quarantined: &Quarantined,
        rows: &mut Rows,
    ) -> Outcome {
        let event = origin.event;
        let at = event.received_at;
        let quarantine = Arc::make_mut(&mut self.quarantine);
        let held = quarantine.entry(event.station.clone()).or_insert_with(|| Held {
            source: event.source,
            remote: String::new(),
            first_at: at,
            last_at: at,
            connections: 0,
            key: None,
            certificate: false,
            boot: None,
        });
        held.source = event.source;
        held.remote.clone_from(&quarantined.remote);
        held.last_at = at;
        held.key = quarantined.key;
        held.certificate = quarantined.certificate;
        match &quarantined.boot {
            Some(boot) => held.boot = Some(boot.clone()),
            None => held.connections += 1,
        }
        if quarantine.len() > QUARANTINE_MAX
            && let Some(oldest) =
                quarantine.iter().min_by_key(|(_, held)| held.last_at).map(|(id, _)| id.clone())
        {
            quarantine.remove(&oldest);
        }
        log(rows, origin, Severity::Warning, || match &quarantined.boot {
            None => {
                format!("Not registered: connected from {}, and waits for an operator", quarantined.remote)
            }
            Some(boot) => {
                let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
                format!(
                    "Not registered: {} {}, firmware {}, waits for an operator",
                    part(&boot.vendor),
                    part(&boot.model),
                    part(&boot.firmware)
                )
            }
        });
        Outcome::default()
    }

    /// A station does not wait any more.
    pub(super) fn release(&mut self, station: &StationId) {
        if self.quarantine.contains_key(station) {
            Arc::make_mut(&mut self.quarantine).remove(station);
        }
    }

    /// A station that is registered does not wait any more.
    pub(super) fn release_registered(&mut self, setting: &Setting) {
        if let Setting::Station(setting) = setting
            && !setting.retired
            && let Ok(station) = StationId::new(&setting.station)
        {
            self.release(&station);
        }
    }
}
