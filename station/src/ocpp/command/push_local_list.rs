//! Bring a station's list of tokens to what the settings say. Which message that takes is known only when it is sent
//! ([`crate::fold::LocalList::plan`]); the list's version and limits are asked for before.

use serde::Deserialize;
use serde_json::json;

use super::request::Rendering;
use super::{CommandError, Kind, Message, Request};
use crate::ocpp::Version;

pub(super) const KIND: Kind = Kind {
    name: "push_local_list",
    v16: Some("GetConfiguration, GetLocalListVersion, SendLocalList"),
    v2: Some("GetVariables, GetLocalListVersion, SendLocalList"),
    parameters: "none: the list is that of the registered tokens, whole or what changed (docs/tokens.md)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters {} = rendering.read()?;
    // Only checked: when it is sent, it is a `send_local_list`.
    rendering.message("SendLocalList", &json!({}))
}

/// Whether this command stands for a list that is made when it is sent.
#[must_use]
pub fn is_push(command: &str) -> bool {
    command == KIND.name
}

/// The command itself.
#[must_use]
pub fn push() -> Request {
    Request::Named { command: KIND.name.to_owned(), parameters: json!({}) }
}

/// The commands that go before it: how much the station takes, and which list it has.
#[must_use]
pub fn before_push(version: Option<Version>) -> Vec<Request> {
    let named = |command: &str, parameters| Request::Named { command: command.to_owned(), parameters };
    let limits = version.map(|version| {
        let keys = match version {
            Version::V16 => json!(["SendLocalListMaxLength", "LocalAuthListMaxLength"]),
            Version::V201 | Version::V21 => json!(["LocalAuthListCtrlr.ItemsPerMessage"]),
        };
        named("get_configuration", json!({ "keys": keys }))
    });
    limits.into_iter().chain([named("get_local_list_version", json!({}))]).collect()
}

/// What takes its place when it is sent.
#[must_use]
pub fn as_sent(parameters: serde_json::Value) -> Request {
    Request::Named { command: super::send_local_list::KIND.name.to_owned(), parameters }
}

#[cfg(test)]
mod tests {
    use super::super::{check, testing::refused};
    use super::*;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn what_goes_before_exists_in_each_version() {
        for version in [None, Some(V16), Some(V201)] {
            let before = before_push(version);
            assert_eq!(before.len(), if version.is_some() { 2 } else { 1 });
            for request in before.iter().chain([&push()]) {
                assert_eq!(check(request, version), Ok(()), "{request:?}");
            }
        }
        assert!(refused(V16, KIND.name, r#"{"version":1}"#).contains("unknown field"));
    }
}
