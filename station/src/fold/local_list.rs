//! Which list of tokens a station has for when it is offline, and what is to be sent so that it has the one of the
//! settings. What a station has is a moment in the settings' history: nothing is kept for each token and station.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Authorization, Settings};
use crate::command::{ListSent, Mark};
use crate::ocpp::Version;
use crate::secret::SecretKey;
use crate::setting::TokenSetting;
use crate::time::Timestamp;

/// Tokens in one message, if the station did not say how many it takes.
const ITEMS: usize = 100;
/// What GetLocalListVersion says of a station that keeps no list (OCPP 1.6, 5.10).
const NO_LIST: i64 = -1;

/// What is known of a station's list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalList {
    /// The version of the last list of ours that it took; 0 for none.
    version: i32,
    /// The settings that it has; none before the first list was sent to its end.
    has: Option<Mark>,
    /// While a list is on its way in parts: the settings that the parts bring, and the last token that it has of them.
    pass: Option<(Mark, String)>,
    /// The version that the station says.
    said: Option<i64>,
    /// Tokens that it takes in one message.
    max_items: Option<usize>,
    /// Tokens that it keeps.
    max_tokens: Option<usize>,
}

/// What is to be done about a station's list.
#[derive(Debug, PartialEq)]
pub enum Plan {
    /// It has the list of the settings.
    Complete {
        /// The version that it has.
        version: i32,
    },
    /// To be sent: parameters of `send_local_list`, tokens plain, and what they bring the station to.
    Send(Value, ListSent),
}

/// Why a list cannot be sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It said so.
    #[error("the station keeps no list of tokens (it says that its version is -1)")]
    Unsupported,
    /// More than it keeps.
    #[error(
        "the station keeps {max} tokens (LocalAuthListMaxLength), and {tokens} may charge or are blocked"
    )]
    TooMany {
        /// What it keeps.
        max: usize,
        /// What there is.
        tokens: usize,
    },
    /// Sealed with another key.
    #[error("token {0}… was not sealed with the key of this installation (secrets.key)")]
    Sealed(String),
}

/// A token as a list has it.
#[derive(PartialEq)]
struct Listed<'a> {
    status: &'static str,
    until: Option<Timestamp>,
    group: Option<&'a str>,
    token_type: Option<&'a str>,
}

impl<'a> Listed<'a> {
    /// What expired or is not valid yet is not listed.
    fn of(setting: Option<&'a TokenSetting>, at: Timestamp) -> Option<Self> {
        let setting = setting?;
        let status = match setting.standing(at) {
            Authorization::Accepted => "Accepted",
            Authorization::Blocked => "Blocked",
            _ => return None,
        };
        Some(Self {
            status,
            until: setting.valid_until,
            group: setting.group_sealed.as_deref(),
            token_type: setting.token_type.as_deref(),
        })
    }
}

impl LocalList {
    /// Whether it was sent a part of a list, and others are to come.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.pass.is_some()
    }

    /// Whether it lacks what the settings say: a token was changed, or one became valid or expired by `turned`.
    #[must_use]
    pub fn is_behind(&self, settings: &Settings, turned: Timestamp) -> bool {
        let Some(has) = self.has.filter(|_| self.version > 0 && self.pass.is_none()) else { return true };
        has.changes < settings.tokens_changed() || has.at < turned
    }

    /// What is to be sent, at `now`. With a version other than that of the last list of ours the station has a list of
    /// somebody else, or none: it gets the whole one.
    ///
    /// # Errors
    /// When it cannot have the list.
    pub fn plan(
        &self,
        settings: &Settings,
        now: Timestamp,
        version: Version,
        key: &SecretKey,
    ) -> Result<Plan, ListError> {
        if self.said == Some(NO_LIST) {
            return Err(ListError::Unsupported);
        }
        let today = Mark { changes: settings.changes(), at: now };
        let ours = self.version > 0 && self.version < i32::MAX && self.said == Some(self.version.into());
        let (has, target, after) = match (&self.pass, ours) {
            (_, false) => (None, today, None),
            (Some((mark, through)), true) => (self.has, *mark, Some(through.as_str())),
            (None, true) => (self.has, today, None),
        };
        let all = settings.tokens().filter(|t| Listed::of(Some(t), now).is_some()).count();
        if let Some(max) = self.max_tokens.filter(|max| *max < all) {
            return Err(ListError::TooMany { max, tokens: all });
        }
        let most = self.max_items.unwrap_or(ITEMS).max(1);
        let (mut items, mut through) = (Vec::new(), None);
        for hash in settings.tokens().map(|t| t.token_hash.as_str()) {
            if after.is_some_and(|after| hash <= after) {
                continue;
            }
            let before = has.and_then(|has| Listed::of(settings.token_after(hash, has.changes), has.at));
            let setting = settings.token_after(hash, target.changes);
            let listed = Listed::of(setting, target.at);
            if before == listed {
                continue;
            }
            let Some(item) = item(setting, listed.as_ref(), version, key)? else { continue };
            if items.len() == most {
                through = items.last().map(|(hash, _): &(&str, Value)| (*hash).to_owned());
                break;
            }
            items.push((hash, item));
        }
        if ours && items.is_empty() {
            return Ok(Plan::Complete { version: self.version });
        }
        let known = self.said.and_then(|said| i32::try_from(said).ok()).unwrap_or(0).max(self.version).max(0);
        let sent =
            ListSent { version: known.checked_add(1).unwrap_or(1), full: !ours, mark: target, through };
        let tokens: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
        let update = if sent.full { "Full" } else { "Differential" };
        let parameters = json!({ "version": sent.version, "update": update, "tokens": tokens });
        Ok(Plan::Send(parameters, sent))
    }

    /// The station took a list.
    pub(super) fn taken(&mut self, sent: &ListSent) {
        self.version = sent.version;
        self.said = Some(sent.version.into());
        if sent.full {
            self.has = None;
        }
        match &sent.through {
            Some(through) => self.pass = Some((sent.mark, through.clone())),
            None => (self.has, self.pass) = (Some(sent.mark), None),
        }
    }

    /// The station has some other list now, or none: the next one is whole.
    pub(super) fn lost(&mut self) {
        (self.version, self.has, self.pass) = (0, None, None);
    }

    /// What a station's answer says of its list.
    pub(super) fn answered(&mut self, action: &str, payload: &str) {
        if !matches!(action, "GetLocalListVersion" | "GetConfiguration" | "GetVariables") {
            return;
        }
        let Ok(payload) = serde_json::from_str::<Value>(payload) else { return };
        if action == "GetLocalListVersion" {
            self.said = ["listVersion", "versionNumber"].iter().find_map(|name| payload[name].as_i64());
            return;
        }
        // OCPP 1.6, 9.3; OCPP 2.x, LocalAuthListCtrlr.
        let keys = payload["configurationKey"].as_array().into_iter().flatten();
        for key in keys {
            self.limit(key["key"].as_str(), &key["value"]);
        }
        for variable in payload["getVariableResult"].as_array().into_iter().flatten() {
            self.limit(variable["variable"]["name"].as_str(), &variable["attributeValue"]);
        }
    }

    fn limit(&mut self, name: Option<&str>, value: &Value) {
        let said = value.as_str().and_then(|text| text.trim().parse::<usize>().ok()).filter(|n| *n > 0);
        match (name, said) {
            (Some("SendLocalListMaxLength" | "ItemsPerMessage"), Some(n)) => self.max_items = Some(n),
            (Some("LocalAuthListMaxLength"), Some(n)) => self.max_tokens = Some(n),
            _ => {}
        }
    }
}

/// A token in the words of `send_local_list`; without a status it is removed. None where the version cannot say it.
fn item(
    setting: Option<&TokenSetting>,
    listed: Option<&Listed<'_>>,
    version: Version,
    key: &SecretKey,
) -> Result<Option<Value>, ListError> {
    let Some(setting) = setting else { return Ok(None) };
    let chars = if version == Version::V16 { 20 } else { 36 };
    let open = |sealed: &str| {
        key.open(sealed).map_err(|_| ListError::Sealed(setting.token_hash.chars().take(8).collect()))
    };
    let token = open(&setting.sealed)?;
    if token.chars().count() > chars {
        return Ok(None);
    }
    let mut item = Map::from_iter([("token".to_owned(), Value::from(token))]);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value.into());
        }
    };
    add("token_type", setting.token_type.clone());
    if let Some(listed) = listed {
        let group = listed.group.map(open).transpose()?.filter(|group| group.chars().count() <= chars);
        add("status", Some(listed.status.to_owned()));
        add("group_type", group.as_ref().map(|_| "Central".to_owned()));
        add("group", group);
        add("until", listed.until.map(|at| at.to_rfc3339()));
    }
    Ok(Some(Value::Object(item)))
}
