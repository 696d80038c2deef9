//! What operators ask of stations, in words that no version owns, and what each becomes in each version: the one table
//! from which requests, metric labels, the API's checks and `docs/ocpp.md` come. One command a file.

mod answer;
mod cancel_reservation;
mod change_availability;
mod clear_cache;
mod clear_charging_profile;
mod data_transfer;
mod delete_certificate;
mod get_base_report;
mod get_composite_schedule;
mod get_configuration;
mod get_installed_certificates;
mod get_local_list_version;
mod get_log;
mod install_certificate;
mod key_name;
mod place;
mod profile;
mod push_local_list;
mod raw;
mod remote_start;
mod remote_stop;
mod request;
mod reserve;
mod reset;
mod secrets;
mod send_local_list;
mod set_charging_profile;
mod set_configuration;
mod set_offline_rule;
mod station_key;
mod token;
mod trigger_message;
mod unlock_connector;
mod update_firmware;

use std::borrow::Cow;

use serde_json::Value;

pub use answer::meaning;
pub use push_local_list::{as_sent, before_push, is_push, push};
pub use request::{Rendering, Request};
pub use secrets::seal;
pub use set_offline_rule::RULES as OFFLINE_RULES;
pub use station_key::new_key;

use super::Version;

/// The name of commands in a station's own words.
pub const RAW: &str = "raw";

/// A command that operators may send.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it becomes in OCPP 1.6, for the documentation; none where 1.6 has nothing like it.
    pub v16: Option<&'static str>,
    /// What it becomes in OCPP 2.0.1 and 2.1.
    pub v2: Option<&'static str>,
    /// Its parameters, for the documentation.
    pub parameters: &'static str,
    render: fn(&Rendering<'_>) -> Result<Message, CommandError>,
}

/// A message to a station.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// OCPP's action.
    pub action: Cow<'static, str>,
    /// A JSON object.
    pub payload: Value,
}

/// Why something asked for cannot be sent: what is wrong, where, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// No such command.
    #[error(
        "there is no command \"{0}\"; docs/ocpp.md lists them, and `action` with `payload` sends any message"
    )]
    Name(String),
    /// The parameters do not fit.
    #[error("{0}")]
    Parameter(String),
    /// This version of OCPP has nothing like it.
    #[error("{command} does not exist in {version}{more}")]
    Version {
        /// Which command.
        command: &'static str,
        /// Which version.
        version: &'static str,
        /// What there is instead.
        more: &'static str,
    },
}

/// All commands.
pub const KINDS: &[Kind] = &[
    remote_start::KIND,
    remote_stop::KIND,
    change_availability::KIND,
    reset::KIND,
    unlock_connector::KIND,
    trigger_message::KIND,
    get_configuration::KIND,
    set_configuration::KIND,
    get_base_report::KIND,
    clear_cache::KIND,
    set_charging_profile::KIND,
    clear_charging_profile::KIND,
    get_composite_schedule::KIND,
    reserve::KIND,
    cancel_reservation::KIND,
    send_local_list::KIND,
    get_local_list_version::KIND,
    push_local_list::KIND,
    set_offline_rule::KIND,
    update_firmware::KIND,
    get_log::KIND,
    install_certificate::KIND,
    delete_certificate::KIND,
    get_installed_certificates::KIND,
    data_transfer::KIND,
];

impl Kind {
    /// The command with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }
}

/// The name of a command as a metric label: one of few.
#[must_use]
pub fn label(name: &str) -> &'static str {
    Kind::find(name).map_or(RAW, |kind| kind.name)
}

/// The name of a message to stations as a metric label; `other` for what only its sender knows.
#[must_use]
pub fn action_label(action: &str) -> &'static str {
    raw::ACTIONS.iter().find(|known| **known == action).copied().unwrap_or("other")
}

/// The message of a command for a version.
///
/// # Errors
/// When the parameters do not fit, or the version has nothing like it.
pub fn render(request: &Request, version: Version, number: i32) -> Result<Message, CommandError> {
    match request {
        Request::Raw { action, payload } => raw::render(action, payload),
        Request::Named { command, parameters } => {
            let kind = Kind::find(command).ok_or_else(|| CommandError::Name(command.clone()))?;
            (kind.render)(&Rendering { command: kind.name, parameters, version, number })
        }
    }
}

/// Checks a command for a station of which the version is known, or for any that could take it.
///
/// # Errors
/// When no station of that version could.
pub fn check(request: &Request, version: Option<Version>) -> Result<(), CommandError> {
    let check = |version| render(request, version, 1).map(|_| ());
    match version {
        Some(version) => check(version),
        // What is wrong with the parameters is said rather than that one version has no such command.
        None => check(Version::V201).or_else(|error| match check(Version::V16) {
            Err(CommandError::Version { .. }) => Err(error),
            other => other,
        }),
    }
}

/// The table of `docs/ocpp.md`.
#[must_use]
pub fn documentation() -> String {
    let mut text =
        "| command | OCPP 1.6J | OCPP 2.0.1 and 2.1 | parameters |\n|---|---|---|---|\n".to_owned();
    for kind in KINDS {
        let (v16, v2) = (kind.v16.unwrap_or("–"), kind.v2.unwrap_or("–"));
        text.push_str(&format!("| `{}` | {v16} | {v2} | {} |\n", kind.name, kind.parameters));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
