//! The versions of OCPP, and how one is agreed upon. The URL never picks it: what the websocket handshake negotiates
//! does (OCPP-J 1.6, 3.1.2; OCPP 2.0.1 part 4, 3.1.2).

use serde::{Deserialize, Serialize};

use crate::event::Source;

/// A version of OCPP over JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Version {
    /// OCPP 1.6J.
    #[serde(rename = "ocpp1.6")]
    V16,
    /// OCPP 2.0.1.
    #[serde(rename = "ocpp2.0.1")]
    V201,
    /// OCPP 2.1.
    #[serde(rename = "ocpp2.1")]
    V21,
}

impl Version {
    /// All, oldest first.
    pub const ALL: [Self; 3] = [Self::V16, Self::V201, Self::V21];

    /// The name of the websocket subprotocol.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::V16 => "ocpp1.6",
            Self::V201 => "ocpp2.0.1",
            Self::V21 => "ocpp2.1",
        }
    }

    /// The version of a subprotocol's name. Real stations write it in any case.
    #[must_use]
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.subprotocol().eq_ignore_ascii_case(name.trim()))
    }

    /// How events of this version came.
    #[must_use]
    pub fn source(self) -> Source {
        match self {
            Self::V16 => Source::Ocpp16,
            Self::V201 => Source::Ocpp201,
            Self::V21 => Source::Ocpp21,
        }
    }

    /// Whether it is one of OCPP 2.x, which share their messages.
    #[must_use]
    pub fn is_2x(self) -> bool {
        self != Self::V16
    }

    /// The first subprotocol of the station's list (`Sec-WebSocket-Protocol`, in its order of preference) that is
    /// spoken here, with its name as the station wrote it: that must be echoed.
    #[must_use]
    pub fn negotiate(offered: &str) -> Option<(Self, &str)> {
        offered.split(',').map(str::trim).find_map(|name| Some((Self::from_subprotocol(name)?, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stations_first_known_choice_wins() {
        for (offered, expected) in [
            ("ocpp1.6", Some((Version::V16, "ocpp1.6"))),
            ("ocpp2.0.1, ocpp1.6", Some((Version::V201, "ocpp2.0.1"))),
            ("ocpp1.6,ocpp2.0.1", Some((Version::V16, "ocpp1.6"))),
            ("ocpp9, OCPP2.1", Some((Version::V21, "OCPP2.1"))),
            ("ocpp2.0", None),
            ("ocpp1.5,soap", None),
            ("", None),
        ] {
            assert_eq!(Version::negotiate(offered), expected, "{offered}");
        }
    }
}
