//! Every message that a station may send, and what becomes of it: the one table from which decoding, answering, metric
//! labels and `docs/ocpp.md` come.

use super::answer::{Answering, Payload};
use super::error::DecodeError;
use super::message::Message;
use super::version::Version;
use super::{v16, v201};

/// One message that a station may send.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it, for the documentation.
    pub becomes: &'static str,
    /// What is answered, for the documentation.
    pub answered: &'static str,
    pub(super) handling: Handling,
}

/// What is done with a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handling {
    /// It becomes events.
    Taken { decode: fn(&mut Message<'_>) -> Result<(), DecodeError>, answer: fn(&Answering<'_>) -> Payload },
    /// It is answered with `NotSupported`, and kept in `rejected`.
    Unsupported,
}

impl Action {
    /// A message that is taken.
    pub(super) const fn taken(
        name: &'static str,
        becomes: &'static str,
        answered: &'static str,
        decode: fn(&mut Message<'_>) -> Result<(), DecodeError>,
        answer: fn(&Answering<'_>) -> Payload,
    ) -> Self {
        Self { name, becomes, answered, handling: Handling::Taken { decode, answer } }
    }

    /// A message that OCPP knows and the gateway does not support.
    pub(super) const fn unsupported(name: &'static str) -> Self {
        Self {
            name,
            becomes: "`undecodable`, kept in `rejected`",
            answered: "CALLERROR `NotSupported`",
            handling: Handling::Unsupported,
        }
    }

    /// The messages of a version.
    #[must_use]
    pub fn all(version: Version) -> &'static [Self] {
        if version.is_2x() { v201::ACTIONS } else { v16::ACTIONS }
    }

    /// The message with this name.
    #[must_use]
    pub fn find(version: Version, name: &str) -> Option<&'static Self> {
        Self::all(version).iter().find(|action| action.name == name)
    }

    /// Whether its answer may be given again to a repeated message: not where it tells the time.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        !matches!(self.name, "BootNotification" | "Heartbeat")
    }

    /// Whether it becomes events.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self.handling, Handling::Taken { .. })
    }
}

/// The tables of `docs/ocpp.md`.
#[must_use]
pub fn documentation() -> String {
    let mut text = String::new();
    for (title, version) in [("OCPP 1.6J", Version::V16), ("OCPP 2.0.1 and 2.1", Version::V201)] {
        text.push_str(&format!("### {title}\n\n| message | becomes | is answered |\n|---|---|---|\n"));
        for action in Action::all(version) {
            text.push_str(&format!("| {} | {} | {} |\n", action.name, action.becomes, action.answered));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_holds_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ocpp.md");
        let (begin, end) = ("<!-- messages: begin -->\n\n", "<!-- messages: end -->");
        let page = std::fs::read_to_string(path).expect("docs/ocpp.md is there");
        let from = page.find(begin).expect("begin mark") + begin.len();
        let to = page.find(end).expect("end mark");
        let expected = documentation();
        if page[from..to] != expected {
            std::fs::write(path, format!("{}{expected}{}", &page[..from], &page[to..]))
                .expect("can be written");
            panic!("the table in docs/ocpp.md was out of date; it is written anew: look at it and commit it");
        }
    }

    #[test]
    fn names_are_there_once() {
        for version in Version::ALL {
            let mut names: Vec<_> = Action::all(version).iter().map(|action| action.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), Action::all(version).len());
        }
    }
}
