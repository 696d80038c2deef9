//! What is asked, and what the commands read their parameters from.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{CommandError, Message, RAW};
use crate::ocpp::Version;
use crate::time::Timestamp;

/// What an operator asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// One of our commands.
    Named {
        /// Its name.
        command: String,
        /// A JSON object.
        parameters: Value,
    },
    /// A message in the station's own words.
    Raw {
        /// OCPP's action.
        action: String,
        /// A JSON object.
        payload: Value,
    },
}

impl Request {
    /// Its name in rows and in the API.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Named { command, .. } => command,
            Self::Raw { .. } => RAW,
        }
    }

    /// As it is kept.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Named { command, parameters } => json!({ "command": command, "parameters": parameters }),
            Self::Raw { action, payload } => json!({ "action": action, "payload": payload }),
        }
    }

    /// Reads what [`Self::to_json`] gave; none if it is no such thing.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else { return None };
        let mut text = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (command, action) = (text("command"), text("action"));
        let mut object = |name: &str| fields.remove(name).unwrap_or_else(|| Value::Object(Map::new()));
        match (command, action) {
            (Some(command), None) => Some(Self::Named { command, parameters: object("parameters") }),
            (None, Some(action)) => Some(Self::Raw { action, payload: object("payload") }),
            _ => None,
        }
    }
}

/// A command on its way to a message.
#[derive(Debug)]
pub struct Rendering<'a> {
    pub(super) command: &'static str,
    pub(super) parameters: &'a Value,
    pub(super) version: Version,
    /// For requests that want a number of their own (`requestId`, `remoteStartId`).
    pub(super) number: i32,
}

impl Rendering<'_> {
    /// The parameters as their type.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, CommandError> {
        serde_path_to_error::deserialize(self.parameters).map_err(|error| {
            let path = error.path().to_string();
            let at = if path == "." { String::new() } else { format!("{path}: ") };
            CommandError::Parameter(format!("{} of {}: {at}{}", "parameters", self.command, error.inner()))
        })
    }

    pub(super) fn is_16(&self) -> bool {
        self.version == Version::V16
    }

    /// There is nothing like it in this version; `more` begins with a blank or is empty.
    pub(super) fn no_such<T>(&self, more: &'static str) -> Result<T, CommandError> {
        Err(CommandError::Version { command: self.command, version: self.version.subprotocol(), more })
    }

    /// Something is wrong with a parameter.
    pub(super) fn wrong<T>(&self, what: impl std::fmt::Display) -> Result<T, CommandError> {
        Err(CommandError::Parameter(format!("{}: {what}", self.command)))
    }

    /// One of OCPP's words, as the version's type knows it.
    pub(super) fn word<T: DeserializeOwned>(&self, parameter: &str, word: &str) -> Result<T, CommandError> {
        serde_json::from_value(Value::from(word)).or_else(|error| self.wrong(format!("{parameter}: {error}")))
    }

    /// A text that is not empty and not longer than the version allows.
    pub(super) fn text(&self, parameter: &str, text: String, max: usize) -> Result<String, CommandError> {
        match text.chars().count() {
            0 => self.wrong(format!("{parameter} is empty")),
            n if n > max => self.wrong(format!(
                "{parameter} has {n} characters; {} allows {max}",
                self.version.subprotocol()
            )),
            _ => Ok(text),
        }
    }

    /// The message with a payload of the version's own type.
    pub(super) fn message(
        &self,
        action: &'static str,
        payload: &impl Serialize,
    ) -> Result<Message, CommandError> {
        match serde_json::to_value(payload) {
            Ok(payload) => Ok(Message { action: action.into(), payload }),
            Err(error) => self.wrong(error),
        }
    }
}

/// A time as stations read it: some choke on more than milliseconds.
pub(super) fn time(at: Timestamp) -> DateTime<Utc> {
    at.to_utc().trunc_subsecs(3)
}
