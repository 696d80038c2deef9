//! What the commands' tests share.

use super::{Request, render};
use crate::ocpp::Version;

fn request(command: &str, parameters: &str) -> Request {
    Request::Named {
        command: command.to_owned(),
        parameters: serde_json::from_str(parameters).expect("JSON"),
    }
}

/// The message's action and its payload as text, fields in the order of their names.
pub(super) fn rendered(version: Version, command: &str, parameters: &str) -> (&'static str, String) {
    let message = render(&request(command, parameters), version, 7)
        .unwrap_or_else(|error| panic!("{command} {parameters}: {error}"));
    let std::borrow::Cow::Borrowed(action) = message.action else { panic!("a name of its own") };
    (action, message.payload.to_string())
}

/// Why it is refused.
pub(super) fn refused(version: Version, command: &str, parameters: &str) -> String {
    render(&request(command, parameters), version, 7).expect_err(parameters).to_string()
}
