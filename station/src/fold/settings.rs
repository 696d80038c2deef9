//! The settings that are in force, with their history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::{Authorization, Terms};
use crate::event::StationEvent;
use crate::id::{EventId, StationId};
use crate::setting::{
    Collection, Setting, SettingChange, Site, StationSetting, Tariff, TokenSetting, TokenStatus,
};
use crate::time::Timestamp;

/// How many revisions of a setting are kept here; the store keeps all.
const REVISIONS_KEPT: usize = 1_000;

/// All settings. Kept on the gateway's disk with the fold's state, so that authorising goes on while the store is
/// down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    collections: BTreeMap<Collection, BTreeMap<String, Vec<Revision>>>,
    /// Changes so far.
    #[serde(default)]
    changes: u64,
    /// The number of the last change of a token.
    #[serde(default)]
    tokens_changed: u64,
}

/// How a station stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// An operator registered it.
    Registered,
    /// Nobody did, and it may connect.
    Admitted,
    /// Nobody did, and it waits for an operator.
    Quarantined,
    /// Nobody did, and it is turned away.
    Refused,
}

/// One revision of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Its number among all changes of all settings, from 1; 0 for those of before they were counted.
    #[serde(default)]
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The event that made it.
    pub event_id: EventId,
    /// What it made.
    pub change: SettingChange,
}

impl Settings {
    /// Takes a change into force. Whether its revision is the expected one was checked before it was journaled.
    pub(super) fn apply(&mut self, event: &StationEvent, change: &SettingChange) {
        let revisions = self
            .collections
            .entry(change.setting.collection())
            .or_default()
            .entry(change.setting.key().to_owned())
            .or_default();
        self.changes += 1;
        if change.setting.collection() == Collection::Tokens {
            self.tokens_changed = self.changes;
        }
        revisions.push(Revision {
            number: self.changes,
            at: event.received_at,
            event_id: event.event_id,
            change: change.clone(),
        });
        if revisions.len() > REVISIONS_KEPT {
            revisions.remove(0);
        }
    }

    /// The current revision of a setting.
    #[must_use]
    pub fn get(&self, collection: Collection, key: &str) -> Option<&Revision> {
        self.history(collection, key).last()
    }

    /// All kept revisions of a setting, oldest first.
    #[must_use]
    pub fn history(&self, collection: Collection, key: &str) -> &[Revision] {
        self.collections.get(&collection).and_then(|keys| keys.get(key)).map_or(&[], Vec::as_slice)
    }

    /// The current revisions of a collection, in the order of their keys.
    pub fn list(&self, collection: Collection) -> impl Iterator<Item = (&str, &Revision)> {
        self.collections
            .get(&collection)
            .into_iter()
            .flatten()
            .filter_map(|(key, revisions)| revisions.last().map(|last| (key.as_str(), last)))
    }

    /// What operators say of a station.
    #[must_use]
    pub fn station(&self, station: &StationId) -> Option<&StationSetting> {
        match &self.get(Collection::Stations, station.as_str())?.change.setting {
            Setting::Station(setting) => Some(setting),
            _ => None,
        }
    }

    /// What operators say of a site.
    #[must_use]
    pub fn site(&self, site: &str) -> Option<&Site> {
        match &self.get(Collection::Sites, site)?.change.setting {
            Setting::Site(setting) => Some(setting),
            _ => None,
        }
    }

    /// What operators say of a token.
    #[must_use]
    pub fn token(&self, hash: &str) -> Option<&TokenSetting> {
        match &self.get(Collection::Tokens, hash)?.change.setting {
            Setting::Token(setting) => Some(setting),
            _ => None,
        }
    }

    /// What operators said of a token when so many changes had been made.
    pub(super) fn token_after(&self, hash: &str, changes: u64) -> Option<&TokenSetting> {
        let revision = self.history(Collection::Tokens, hash).iter().rev().find(|r| r.number <= changes)?;
        match &revision.change.setting {
            Setting::Token(setting) => Some(setting),
            _ => None,
        }
    }

    /// All tokens, in the order of their hashes.
    pub fn tokens(&self) -> impl Iterator<Item = &TokenSetting> {
        self.list(Collection::Tokens).filter_map(|(_, revision)| match &revision.change.setting {
            Setting::Token(setting) => Some(setting),
            _ => None,
        })
    }

    /// Changes so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The number of the last change of a token.
    #[must_use]
    pub fn tokens_changed(&self) -> u64 {
        self.tokens_changed
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, key: &str) -> bool {
        self.value(key).and_then(serde_json::Value::as_bool) == Some(true)
    }

    /// A single value, as JSON.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&serde_json::Value> {
        match &self.get(Collection::Settings, key)?.change.setting {
            Setting::Value(setting) => Some(&setting.value),
            _ => None,
        }
    }

    /// How a station stands: whether an operator registered it, and if not, what is done with such ones. Who has a key was
    /// given it by an operator.
    #[must_use]
    pub fn standing_of(&self, station: &StationId, has_key: bool) -> Standing {
        let registered = self.station(station).map_or(has_key, |setting| !setting.retired);
        match self.word("unknown_stations") {
            _ if registered => Standing::Registered,
            Some("refuse") => Standing::Refused,
            Some("quarantine") => Standing::Quarantined,
            _ => Standing::Admitted,
        }
    }

    /// The tariff in force at a moment: a site's own before one for all; of those, the one that came into force last.
    #[must_use]
    pub fn tariff_at(&self, site: Option<&str>, at: Timestamp) -> Option<(&Tariff, u64)> {
        let in_force = |of_site: Option<&str>| {
            self.collections
                .get(&Collection::Tariffs)
                .into_iter()
                .flat_map(BTreeMap::values)
                .flatten()
                .filter_map(|revision| match &revision.change.setting {
                    Setting::Tariff(tariff) if tariff.site.as_deref() == of_site => Some((
                        tariff.valid_from.unwrap_or(revision.at),
                        revision.at,
                        tariff,
                        revision.change.revision,
                    )),
                    _ => None,
                })
                .filter(|(from, ..)| *from <= at)
                .max_by_key(|(from, made, ..)| (*from, *made))
                .map(|(_, _, tariff, revision)| (tariff, revision))
        };
        site.and_then(|site| in_force(Some(site))).or_else(|| in_force(None))
    }

    /// Whether a token may begin a session at a station now, as far as station and token tell.
    #[must_use]
    pub fn authorize(&self, station: &StationId, token_hash: &str, now: Timestamp) -> Authorization {
        if self.in_maintenance(station) {
            return Authorization::Maintenance;
        }
        self.standing(token_hash, now)
    }

    /// How a token stands now, wherever it is shown.
    #[must_use]
    pub fn standing(&self, token_hash: &str, now: Timestamp) -> Authorization {
        match self.token(token_hash) {
            Some(token) => token.standing(now),
            None if self.word("unknown_tokens") == Some("accept") => Authorization::Accepted,
            None => Authorization::Unknown,
        }
    }

    /// Whether a token may have only one session at a time. A token that nobody registered may have many: where all may
    /// charge, stations send the same one for everybody.
    #[must_use]
    pub fn charges_alone(&self, token_hash: &str) -> bool {
        self.token(token_hash).is_some_and(|token| !token.concurrent)
            && self.word("concurrent_sessions") != Some("accept")
    }

    /// What a station is told of a token beyond whether it may charge.
    #[must_use]
    pub fn terms(&self, token_hash: &str) -> Option<Terms> {
        let token = self.token(token_hash)?;
        let terms = Terms { valid_until: token.valid_until, group_sealed: token.group_sealed.clone() };
        (terms != Terms::default()).then_some(terms)
    }

    /// Whether two tokens are the same card or of one group; the card after which a group is named is of it.
    #[must_use]
    pub fn same_group(&self, one: &str, other: &str) -> bool {
        let group = |hash: &str| self.token(hash).and_then(|t| t.group_hash.as_deref());
        one == other
            || group(one).is_some_and(|g| g == other || Some(g) == group(other))
            || group(other) == Some(one)
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.value(key).and_then(serde_json::Value::as_str)
    }

    fn in_maintenance(&self, station: &StationId) -> bool {
        let setting = self.station(station);
        self.value("maintenance").and_then(serde_json::Value::as_bool) == Some(true)
            || setting.is_some_and(|s| s.maintenance)
            || setting.and_then(|s| self.site(s.site.as_deref()?)).is_some_and(|s| s.maintenance)
    }
}

impl TokenSetting {
    /// Whether it may charge now, as far as itself tells.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Authorization {
        if self.status == TokenStatus::Blocked {
            Authorization::Blocked
        } else if self.valid_until.is_some_and(|until| until < now) {
            Authorization::Expired
        } else if self.valid_from.is_some_and(|from| from > now) {
            Authorization::NotYetValid
        } else {
            Authorization::Accepted
        }
    }
}
