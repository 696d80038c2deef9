//! What operators set: tariffs, tokens, limits, sites, stations, and single values. A change is an event like any
//! other; the fold holds what is in force.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ocpp::Version;
use crate::time::Timestamp;

/// One change of one setting.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SettingChange {
    /// Who changed it (the API token's name).
    pub author: String,
    /// The setting's revision after the change; the first is 1.
    pub revision: u64,
    /// What it is now.
    pub setting: Setting,
}

/// A setting, whole: a change replaces all of it.
///
/// Its kind stands outside ({"site": {…}}): a tag inside would be read through a buffer, which cannot hold numbers of
/// arbitrary precision (a feature that a dependency switches on for all of `serde_json`).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// What charging costs.
    Tariff(Tariff),
    /// Who may charge.
    Token(TokenSetting),
    /// A place with stations.
    Site(Site),
    /// What is known of a station beyond what it says itself.
    Station(StationSetting),
    /// What a site may draw from the grid.
    Limit(Limit),
    /// Any other value, by its key.
    Value(ValueSetting),
}

impl Setting {
    /// The collection that it belongs to, as in the API's paths and `settings.scope`.
    #[must_use]
    pub fn collection(&self) -> Collection {
        match self {
            Self::Tariff(_) => Collection::Tariffs,
            Self::Token(_) => Collection::Tokens,
            Self::Site(_) => Collection::Sites,
            Self::Station(_) => Collection::Stations,
            Self::Limit(_) => Collection::Limits,
            Self::Value(_) => Collection::Settings,
        }
    }

    /// Its fields as JSON for people: without its kind, and of a token without what is sealed.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = match self {
            Self::Tariff(s) => serde_json::to_value(s),
            Self::Token(s) => serde_json::to_value(s),
            Self::Site(s) => serde_json::to_value(s),
            Self::Station(s) => serde_json::to_value(s),
            Self::Limit(s) => serde_json::to_value(s),
            Self::Value(s) => serde_json::to_value(s),
        }
        .unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("sealed");
            fields.remove("group_sealed");
        }
        value
    }

    /// Its key within the collection. Tokens go by their hash.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Tariff(s) => &s.tariff,
            Self::Token(s) => &s.token_hash,
            Self::Site(s) => &s.site,
            Self::Station(s) => &s.station,
            Self::Limit(s) => &s.site,
            Self::Value(s) => &s.key,
        }
    }
}

/// The kinds of settings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    /// [`Tariff`]
    Tariffs,
    /// [`TokenSetting`]
    Tokens,
    /// [`Site`]
    Sites,
    /// [`StationSetting`]
    Stations,
    /// [`Limit`]
    Limits,
    /// [`ValueSetting`]
    Settings,
}

impl Collection {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Tariffs, Self::Tokens, Self::Sites, Self::Stations, Self::Limits, Self::Settings];

    /// The name in paths, rows and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Tariffs => "tariffs",
            Self::Tokens => "tokens",
            Self::Sites => "sites",
            Self::Stations => "stations",
            Self::Limits => "limits",
            Self::Settings => "settings",
        }
    }
}

/// What charging costs, in decimal money. The tariff in force at a session's start holds for all of it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// Its name.
    #[serde(default)]
    pub tariff: String,
    /// The site where it holds; everywhere, if none. A site's own tariff goes before one for all.
    #[serde(default)]
    pub site: Option<String>,
    /// ISO 4217; its minor units decide the rounding.
    pub currency: String,
    /// Per kilowatt-hour.
    #[serde(default)]
    pub per_kwh: Decimal,
    /// Per minute from start to end.
    #[serde(default)]
    pub per_minute: Decimal,
    /// Once a session.
    #[serde(default)]
    pub per_session: Decimal,
    /// Per minute connected without energy flowing.
    #[serde(default)]
    pub per_idle_minute: Decimal,
    /// In force from here on; from the change on, if none.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
}

/// Who may charge.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSetting {
    /// Keyed hash of the card's id.
    #[serde(default)]
    pub token_hash: String,
    /// The card's id, sealed.
    #[serde(default)]
    pub sealed: String,
    /// What operators call it. Shown on boards: no personal data.
    #[serde(default)]
    pub label: Option<String>,
    /// Hash of the group's token (OCPP parentIdTag): cards of a group may stop each other's sessions.
    #[serde(default)]
    pub group_hash: Option<String>,
    /// The group's token, sealed: stations are told it.
    #[serde(default)]
    pub group_sealed: Option<String>,
    /// Whether it may charge.
    #[serde(default)]
    pub status: TokenStatus,
    /// From when on.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// Until when.
    #[serde(default)]
    pub valid_until: Option<Timestamp>,
    /// It may charge at several connectors at once.
    #[serde(default)]
    pub concurrent: bool,
    /// OCPP 2.x IdTokenEnumType, for lists that are sent to stations; `ISO14443`, if none.
    #[serde(default)]
    pub token_type: Option<String>,
}

/// Whether a token may charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenStatus {
    /// Yes.
    #[default]
    Accepted,
    /// No.
    Blocked,
}

/// A place with stations.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its id.
    #[serde(default)]
    pub site: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Degrees north.
    #[serde(default)]
    pub latitude_deg: Option<f64>,
    /// Degrees east.
    #[serde(default)]
    pub longitude_deg: Option<f64>,
    /// IANA time zone: "today" is the site's.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
    /// Nobody should be paged for it.
    #[serde(default)]
    pub maintenance: bool,
}

/// What is known of a station beyond what it says itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationSetting {
    /// Its id.
    #[serde(default)]
    pub station: String,
    /// Where it stands.
    #[serde(default)]
    pub site: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Degrees north.
    #[serde(default)]
    pub latitude_deg: Option<f64>,
    /// Degrees east.
    #[serde(default)]
    pub longitude_deg: Option<f64>,
    /// W that it can give.
    #[serde(default)]
    pub rated_power_w: Option<f64>,
    /// "Level 2", "DC Fast Charger", …
    #[serde(default)]
    pub charger_type: Option<String>,
    /// Nobody should be paged for it, and it starts no session.
    #[serde(default)]
    pub maintenance: bool,
    /// Gone for good: boards and the exporter forget it.
    #[serde(default)]
    pub retired: bool,
    /// What it speaks when it names no subprotocol; as the gateway is configured, if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocpp_version: Option<Version>,
    /// Seconds between two pings, 0 for none; as the gateway is configured, if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_interval_s: Option<u32>,
    /// How its messages are taken; as the gateway is configured, if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strictness: Option<Strictness>,
}

/// How messages are taken that are not by the book.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// What can be used is taken and flagged.
    #[default]
    Lenient,
    /// They are answered with an error, and kept in `rejected`.
    Strict,
}

/// What a site may draw from the grid.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Which site.
    #[serde(default)]
    pub site: String,
    /// W.
    pub grid_limit_w: f64,
}

/// Any other value.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueSetting {
    /// Its key; [`KNOWN_VALUES`] lists those that mean something.
    #[serde(default)]
    pub key: String,
    /// JSON.
    pub value: serde_json::Value,
}

/// The keys of [`ValueSetting`] that mean something: key, type, what it does.
pub const KNOWN_VALUES: &[(&str, &str, &str)] = &[
    (
        "unknown_tokens",
        "\"accept\" | \"refuse\"",
        "What a card gets that is not registered (default: refuse).",
    ),
    (
        "concurrent_sessions",
        "\"accept\" | \"refuse\"",
        "What a registered card gets that already charges elsewhere (default: refuse; `tokens set CARD --concurrent` lets one).",
    ),
    (
        "unknown_stations",
        "\"admit\" | \"quarantine\" | \"refuse\"",
        "Whether a station that is not registered may connect, or waits for `ampwarden stations admit` (default: admit).",
    ),
    (
        "push_local_lists",
        "true | false",
        "Stations are sent the list of tokens by themselves when it changes (default: false).",
    ),
    ("offline_known_tokens", "true | false", "Stations that are offline let cards charge that they know."),
    (
        "offline_unknown_tokens",
        "true | false",
        "Stations that are offline let cards charge that they do not know.",
    ),
    ("offline_local_list", "true | false", "Stations use the list that they are sent."),
    ("offline_cache", "true | false", "Stations remember cards that were accepted."),
    (
        "offline_pre_authorize",
        "true | false",
        "Stations let cards charge that they know before they are answered.",
    ),
    (
        "offline_stop_invalid",
        "true | false",
        "Stations stop a session whose card is refused when they are back.",
    ),
    ("maintenance", "true | false", "No station starts a session while it is true."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_survive_the_journal() {
        let change = SettingChange {
            author: "test".into(),
            revision: 1,
            setting: Setting::Site(Site {
                site: "oslo".into(),
                latitude_deg: Some(59.91),
                ..Site::default()
            }),
        };
        let text = serde_json::to_string(&change).unwrap();
        assert_eq!(serde_json::from_str::<SettingChange>(&text).unwrap(), change, "{text}");
    }

    #[test]
    fn nothing_sealed_is_shown() {
        let token = Setting::Token(TokenSetting {
            sealed: "secret".into(),
            group_sealed: Some("secret".into()),
            ..TokenSetting::default()
        });
        assert!(!token.to_json().to_string().contains("secret"));
    }
}
