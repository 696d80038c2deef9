//! Why a client's connection ended, and what is said of it.

use rumqttc::v5::mqttbytes::v5::DisconnectReasonCode as Reason;

use super::codec::PacketError;
use crate::pipeline::Refused;

/// Why a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// The client said so.
    Disconnected,
    /// Without a word.
    Closed,
    /// No first packet in time.
    ConnectTimeout,
    /// Nothing was heard for 1.5 times its keep-alive.
    KeepAlive,
    /// It did not read its acknowledgements.
    NotReading,
    /// A newer connection has its client id.
    Replaced,
    /// What it sent is no packet.
    Malformed(PacketError),
    /// A packet that does not belong there.
    Protocol,
    /// Not with this user and password, or not for this station.
    Denied,
    /// The journal did not take a message, which is therefore not acknowledged.
    Refused(Refused),
    /// The gateway is going down.
    Shutdown,
}

impl Ended {
    /// The name in rows and metric labels; the fold knows `replaced`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Closed => "closed",
            Self::ConnectTimeout => "connect_timeout",
            Self::KeepAlive => "keep_alive",
            Self::NotReading => "not_reading",
            Self::Replaced => "replaced",
            Self::Malformed(PacketError::TooLarge) => "too_large",
            Self::Malformed(PacketError::Version) => "version",
            Self::Malformed(PacketError::Malformed) => "malformed",
            Self::Protocol => "protocol",
            Self::Denied => "denied",
            Self::Refused(_) => "refused",
            Self::Shutdown => "shutdown",
        }
    }

    /// What to do about it, where the client or the way to it is at fault.
    pub(super) fn advice(self) -> Option<&'static str> {
        match self {
            Self::ConnectTimeout => Some(
                "no CONNECT in time (gateway.mqtt.connect_timeout): look at the client, or at the network between",
            ),
            Self::KeepAlive => {
                Some("silent for 1.5 times its keep-alive: look at the client, or at the network between")
            }
            Self::NotReading => Some("it did not read its acknowledgements: look at the client"),
            Self::Protocol => Some("a packet that does not belong there: look at the client's library"),
            _ => None,
        }
    }

    /// What MQTT 5 clients are told.
    pub(super) fn reason(self) -> Option<Reason> {
        match self {
            Self::Disconnected | Self::Closed | Self::ConnectTimeout | Self::NotReading => None,
            Self::KeepAlive => Some(Reason::KeepAliveTimeout),
            Self::Replaced => Some(Reason::SessionTakenOver),
            Self::Malformed(PacketError::TooLarge) => Some(Reason::PacketTooLarge),
            Self::Malformed(_) => Some(Reason::MalformedPacket),
            Self::Protocol => Some(Reason::ProtocolError),
            Self::Denied => Some(Reason::NotAuthorized),
            Self::Refused(Refused::Stopping) | Self::Shutdown => Some(Reason::ServerShuttingDown),
            Self::Refused(_) => Some(Reason::ServerBusy),
        }
    }
}
