//! Lists of tokens for stations that are offline.

use serde_json::{Value, json};

use super::*;
use crate::command::{CommandAnswer, CommandIssue, CommandResult};
use crate::ocpp::Version::{self, V16, V201};
use crate::setting::TokenStatus;

fn key() -> SecretKey {
    SecretKey::new(b"test")
}

/// A fold with a station that takes what it is sent.
struct Lists {
    play: Play,
    version: Version,
    /// What the station has: card and status.
    has: std::collections::BTreeMap<String, String>,
}

impl Lists {
    fn new(version: Version) -> Self {
        let mut play = Play::new(version.source());
        // The card that every play begins with has no sealed text.
        play.set(Setting::Token(TokenSetting {
            sealed: card("A").sealed,
            token_hash: card("A").hash,
            ..TokenSetting::default()
        }));
        Self { play, version, has: std::collections::BTreeMap::new() }
    }

    fn token(&mut self, plain: &str, setting: TokenSetting) {
        let token = card(plain);
        self.play.set(Setting::Token(TokenSetting {
            token_hash: token.hash,
            sealed: token.sealed,
            ..setting
        }));
    }

    fn list(&self) -> LocalList {
        self.play.fold.commands_of(&self.play.station).map(|c| c.list().clone()).unwrap_or_default()
    }

    fn plan(&self) -> Result<Plan, ListError> {
        self.list().plan(self.play.fold.settings(), self.play.now, self.version, &key())
    }

    /// A command that the station answers so.
    fn command(&mut self, message: &str, list: Option<ListSent>, status: &str, answer: &Value) {
        let command = Uuid::from_u128(self.play.next << 64);
        let event = |kind| StationEvent::new(StationId::new("CP1").unwrap(), Source::Ocpp16, kind);
        self.play.event(event(EventKind::CommandIssued(Box::new(CommandIssue {
            command,
            name: "x".into(),
            request: "{}".into(),
            digest: 0,
            author: "test".into(),
            expires_at: Timestamp(i64::MAX),
        }))));
        let list = list.map(Box::new);
        self.play.event(event(EventKind::CommandSent { command, message: message.into(), list }));
        let result = if status == "Accepted" { CommandResult::Accepted } else { CommandResult::Rejected };
        let status = Some(status.to_owned());
        let answered = CommandAnswer { command, result, status, detail: None };
        let mut event = event(EventKind::CommandAnswered(Box::new(answered)));
        event.payload = Some(answer.to_string());
        self.play.event(event);
    }

    fn says_version(&mut self, version: i32) {
        let name = if self.version == V16 { "listVersion" } else { "versionNumber" };
        self.command("GetLocalListVersion", None, "Accepted", &json!({ name: version }));
    }

    /// Sends what is due; gives version, whether it was the whole list, and how many tokens it names.
    fn push(&mut self) -> Option<(i32, bool, usize)> {
        let Plan::Send(parameters, sent) = self.plan().unwrap() else { return None };
        let said = (sent.version, sent.full, parameters["tokens"].as_array().unwrap().len());
        assert_eq!(parameters["version"], sent.version);
        assert_eq!(parameters["update"] == "Full", sent.full);
        if sent.full {
            self.has.clear();
        }
        for token in parameters["tokens"].as_array().unwrap() {
            let name = token["token"].as_str().unwrap().to_owned();
            match token["status"].as_str() {
                Some(status) => drop(self.has.insert(name, status.to_owned())),
                None => assert!(self.has.remove(&name).is_some(), "{name} is removed, and was not there"),
            }
        }
        self.command("SendLocalList", Some(sent), "Accepted", &json!({"status": "Accepted"}));
        Some(said)
    }

    fn has(&self) -> String {
        self.has.iter().map(|(token, status)| format!("{token}:{status}")).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn the_whole_list_goes_first_and_then_what_changed() {
    let mut lists = Lists::new(V201);
    lists.token("B", TokenSetting { status: TokenStatus::Blocked, ..TokenSetting::default() });
    lists.token("C", TokenSetting { valid_until: Some(T0), ..TokenSetting::default() });
    lists.token("E", TokenSetting { valid_from: Some(T0.plus_seconds(100)), ..TokenSetting::default() });
    lists.token(
        "D",
        TokenSetting {
            valid_until: Some(T0.plus_seconds(50)),
            group_sealed: Some(card("G").sealed),
            token_type: Some("ISO15693".into()),
            ..TokenSetting::default()
        },
    );
    lists.play.now = T0.plus_seconds(1);
    lists.says_version(0);
    let Plan::Send(parameters, _) = lists.plan().unwrap() else { panic!() };
    let d = parameters["tokens"].as_array().unwrap().iter().find(|t| t["token"] == "D").unwrap();
    let until = T0.plus_seconds(50).to_rfc3339();
    let expected = json!({"token": "D", "token_type": "ISO15693", "status": "Accepted", "group": "G",
        "group_type": "Central", "until": until});
    assert_eq!(*d, expected);
    assert_eq!(lists.push(), Some((1, true, 3)));
    assert_eq!(lists.has(), "A:Accepted B:Blocked D:Accepted");
    assert_eq!(lists.plan(), Ok(Plan::Complete { version: 1 }));
    let behind = |lists: &Lists, turned: i64| {
        lists.list().is_behind(lists.play.fold.settings(), T0.plus_seconds(turned))
    };
    assert!(!behind(&lists, 0) && behind(&lists, 2));

    lists.token("B", TokenSetting::default());
    lists.token("N", TokenSetting::default());
    assert!(behind(&lists, 0));
    assert_eq!(lists.push(), Some((2, false, 2)));
    // Time alone takes one away, and brings another.
    lists.play.now = T0.plus_seconds(200);
    assert_eq!(lists.push(), Some((3, false, 2)));
    assert_eq!(lists.has(), "A:Accepted B:Accepted E:Accepted N:Accepted");
    assert_eq!(lists.push(), None);
}

#[test]
fn a_station_with_a_list_of_somebody_else_gets_the_whole_one() {
    let mut lists = Lists::new(V16);
    lists.says_version(7);
    assert_eq!(lists.push(), Some((8, true, 1)));
    lists.says_version(8);
    assert_eq!(lists.push(), None);
    lists.says_version(0);
    assert_eq!(lists.push(), Some((9, true, 1)), "it was replaced, or lost what it had");
    lists.command("SendLocalList", None, "Accepted", &json!({"status": "Accepted"}));
    assert_eq!(
        lists.push(),
        Some((10, true, 1)),
        "somebody sent one by hand, of which the version is not known"
    );
    lists.token("B", TokenSetting::default());
    let Ok(Plan::Send(_, sent)) = lists.plan() else { panic!() };
    assert!(!sent.full);
    lists.command("SendLocalList", Some(sent), "VersionMismatch", &json!({"status": "VersionMismatch"}));
    lists.says_version(3);
    assert_eq!(lists.push(), Some((4, true, 2)));
    lists.says_version(-1);
    assert_eq!(lists.plan(), Err(ListError::Unsupported));
}

#[test]
fn a_long_list_goes_in_parts_of_the_length_that_the_station_takes() {
    let mut lists = Lists::new(V16);
    for n in 0..9 {
        lists.token(&format!("T{n}"), TokenSetting::default());
    }
    lists.token("LONGER-THAN-TWENTY-CHARACTERS", TokenSetting::default());
    let limits = json!({"configurationKey": [
        {"key": "SendLocalListMaxLength", "readonly": true, "value": "4"},
        {"key": "LocalAuthListMaxLength", "readonly": true, "value": "11"}]});
    lists.command("GetConfiguration", None, "Accepted", &limits);
    lists.says_version(0);
    assert_eq!(lists.push(), Some((1, true, 4)));
    assert!(lists.list().is_partial());
    // What changes in between waits for the rest: the parts bring one moment's list.
    lists.token("T0", TokenSetting { status: TokenStatus::Blocked, ..TokenSetting::default() });
    assert_eq!(lists.push(), Some((2, false, 4)));
    assert_eq!(lists.push(), Some((3, false, 2)));
    assert!(!lists.list().is_partial());
    assert_eq!(lists.has.len(), 10);
    assert!(lists.has.values().all(|status| status == "Accepted"), "{}", lists.has());
    assert_eq!(lists.push(), Some((4, false, 1)));
    assert_eq!(lists.has["T0"], "Blocked");

    for n in 0..2 {
        lists.token(&format!("U{n}"), TokenSetting::default());
    }
    assert_eq!(lists.plan(), Err(ListError::TooMany { max: 11, tokens: 13 }));

    let mut lists = Lists::new(V201);
    for n in 0..3 {
        lists.token(&format!("T{n}"), TokenSetting::default());
    }
    let limits = json!({"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "3",
        "component": {"name": "LocalAuthListCtrlr"}, "variable": {"name": "ItemsPerMessage"}}]});
    lists.command("GetVariables", None, "Accepted", &limits);
    assert_eq!(lists.push(), Some((1, true, 3)));
    assert_eq!(lists.push(), Some((2, false, 1)));
}
