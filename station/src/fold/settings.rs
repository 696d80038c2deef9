//! The settings that are in force, with their history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::Authorization;
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
}

/// One revision of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
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
        revisions.push(Revision { at: event.received_at, event_id: event.event_id, change: change.clone() });
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

    /// A single value, as JSON.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&serde_json::Value> {
        match &self.get(Collection::Settings, key)?.change.setting {
            Setting::Value(setting) => Some(&setting.value),
            _ => None,
        }
    }

    /// Whether a station that is not registered may connect.
    #[must_use]
    pub fn admits(&self, station: &StationId) -> bool {
        self.station(station).is_some_and(|s| !s.retired)
            || self.value("unknown_stations").and_then(serde_json::Value::as_str) != Some("refuse")
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

    /// Whether a token may charge at a station now.
    #[must_use]
    pub fn authorize(&self, station: &StationId, token_hash: &str, now: Timestamp) -> Authorization {
        if self.in_maintenance(station) {
            return Authorization::Blocked;
        }
        match self.token(token_hash) {
            Some(token) if token.status == TokenStatus::Blocked => Authorization::Blocked,
            Some(token) if token.valid_until.is_some_and(|until| until < now) => Authorization::Expired,
            Some(_) => Authorization::Accepted,
            None if self.value("unknown_tokens").and_then(serde_json::Value::as_str) == Some("accept") => {
                Authorization::Accepted
            }
            None => Authorization::Invalid,
        }
    }

    /// Whether two tokens are the same card or of one group.
    #[must_use]
    pub fn same_group(&self, one: &str, other: &str) -> bool {
        let group = |hash: &str| self.token(hash).and_then(|t| t.group_hash.clone());
        one == other || group(one).is_some_and(|g| Some(g) == group(other))
    }

    fn in_maintenance(&self, station: &StationId) -> bool {
        let setting = self.station(station);
        self.value("maintenance").and_then(serde_json::Value::as_bool) == Some(true)
            || setting.is_some_and(|s| s.maintenance)
            || setting.and_then(|s| self.site(s.site.as_deref()?)).is_some_and(|s| s.maintenance)
    }
}
