//! How often sessions break each rule: where vehicles stay overnight an overstay says nothing, elsewhere it does.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::checks::{self, CHECKS, Check, Limits};
use crate::session::Session;

/// A site's own share weighs as much as the fleet's from so many sessions on.
const SHRINKAGE_SESSIONS: f64 = 20.0;

/// Sessions, and those of them that break each rule.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Counts {
    sessions: f64,
    broken: HashMap<String, f64>,
}

/// The counts of the fleet and of its sites.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Broken {
    fleet: Counts,
    sites: HashMap<String, Counts>,
}

impl Counts {
    fn count(&mut self, found: &[checks::Finding]) {
        self.sessions += 1.0;
        for finding in found {
            *self.broken.entry(finding.check.name.to_owned()).or_default() += 1.0;
        }
    }
}

impl Broken {
    pub(super) fn learn(history: &[Session], limits: &Limits) -> Self {
        let mut broken = Self::default();
        for session in history {
            let found = checks::run(session, limits);
            broken.fleet.count(&found);
            if let Some(site) = &session.site {
                broken.sites.entry(site.clone()).or_default().count(&found);
            }
        }
        debug_assert!(broken.fleet.broken.len() <= CHECKS.len());
        broken
    }

    /// The share of sessions that break the rule, at the session's site as far as its history goes; 0 if none did.
    pub(super) fn share(&self, check: &Check, session: &Session) -> f64 {
        let of = |counts: &Counts| counts.broken.get(check.name).copied().unwrap_or(0.0);
        let fleet = of(&self.fleet) / self.fleet.sessions.max(1.0);
        match session.site.as_ref().and_then(|site| self.sites.get(site)) {
            Some(site) => (of(site) + SHRINKAGE_SESSIONS * fleet) / (site.sessions + SHRINKAGE_SESSIONS),
            None => fleet,
        }
    }
}
