//! Packets of MQTT 3.1.1 and 5, as the endpoint sees them, on rumqttc's codecs.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::{self as bytes4, v4};
use rumqttc::v5::mqttbytes::{self as bytes5, v5};

/// Which MQTT a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    V4,
    V5,
}

/// What clients send.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Incoming {
    Connect(Connect),
    Publish(Publish),
    PubRel {
        packet: u16,
    },
    Subscribe {
        packet: u16,
        filters: usize,
    },
    Unsubscribe {
        packet: u16,
        filters: usize,
    },
    Ping,
    Disconnect,
    /// Acknowledgements of what was never sent, and packets that only servers send.
    Unexpected,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Connect {
    pub(super) client_id: String,
    pub(super) clean: bool,
    pub(super) keep_alive_s: u16,
    pub(super) login: Option<(String, String)>,
    pub(super) will: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Publish {
    pub(super) qos: u8,
    /// 0 with QoS 0.
    pub(super) packet: u16,
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// MQTT 5: an alias stands for the topic, or is to.
    pub(super) has_alias: bool,
}

/// What the endpoint sends.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Outgoing {
    Accepted(Accepted),
    Denied,
    BadClientId,
    PubAck {
        packet: u16,
        allowed: bool,
    },
    PubRec {
        packet: u16,
        allowed: bool,
    },
    PubComp {
        packet: u16,
        known: bool,
    },
    SubAck {
        packet: u16,
        filters: usize,
    },
    UnsubAck {
        packet: u16,
        filters: usize,
    },
    Pong,
    /// MQTT 5 only; 3.1.1 has no word for it.
    Disconnect(v5::DisconnectReasonCode),
}

/// What MQTT 5 clients are told when they are let in.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Accepted {
    pub(super) assigned_client_id: Option<String>,
    pub(super) window: u16,
    pub(super) max_packet_bytes: u32,
    pub(super) keep_alive_s: Option<u16>,
}

/// Why bytes are no packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum PacketError {
    #[error("not a packet of MQTT 3.1.1 or 5")]
    Malformed,
    #[error("larger than the limit (gateway.mqtt.max_packet_bytes)")]
    TooLarge,
    #[error("neither MQTT 3.1.1 nor 5")]
    Version,
}

/// The version that a connection begins with; none while its first bytes are not all there.
pub(super) fn version(bytes: &[u8]) -> Result<Option<Version>, PacketError> {
    let Some(first) = bytes.first() else { return Ok(None) };
    if *first != 0x10 {
        return Err(PacketError::Malformed);
    }
    let Some(length) = bytes[1..].iter().take(4).position(|byte| byte & 0x80 == 0) else {
        return if bytes.len() >= 5 { Err(PacketError::Malformed) } else { Ok(None) };
    };
    let Some(name_and_level) = bytes.get(length + 2..length + 9) else { return Ok(None) };
    match name_and_level {
        [0, 4, b'M', b'Q', b'T', b'T', 4] => Ok(Some(Version::V4)),
        [0, 4, b'M', b'Q', b'T', b'T', 5] => Ok(Some(Version::V5)),
        [0, 4, b'M', b'Q', b'T', b'T', _] | [0, 6, b'M', b'Q', b'I', b's', b'd'] => Err(PacketError::Version),
        _ => Err(PacketError::Malformed),
    }
}

/// Takes the next packet out of `bytes`; none while it is not all there.
pub(super) fn read(
    version: Version,
    bytes: &mut BytesMut,
    max_bytes: u32,
) -> Result<Option<Incoming>, PacketError> {
    let before = bytes.len();
    let packet = match version {
        Version::V4 => match v4::Packet::read(bytes, max_bytes as usize) {
            Ok(packet) => return Ok(Some(from_v4(packet))),
            Err(bytes4::Error::InsufficientBytes(_)) => None,
            Err(bytes4::Error::PayloadSizeLimitExceeded(_)) => return Err(PacketError::TooLarge),
            Err(_) => return Err(PacketError::Malformed),
        },
        Version::V5 => {
            if let Some(length) = bare_disconnect(bytes) {
                let _ = bytes.split_to(length);
                return Ok(Some(Incoming::Disconnect));
            }
            match v5::Packet::read(bytes, Some(max_bytes)) {
                Ok(packet) => return from_v5(packet).map(Some),
                Err(bytes5::Error::InsufficientBytes(_)) => None,
                Err(bytes5::Error::PayloadSizeLimitExceeded { .. }) => return Err(PacketError::TooLarge),
                Err(_) => return Err(PacketError::Malformed),
            }
        }
    };
    // What was taken out was all there; the bytes were missing within it.
    if bytes.len() < before { Err(PacketError::Malformed) } else { Ok(packet) }
}

/// The length of a disconnect without reason or properties (MQTT 5, 3.14.2), which the codec does not know.
fn bare_disconnect(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0xe0, 0, ..] => Some(2),
        [0xe0, 1, _, ..] => Some(3),
        _ => None,
    }
}

fn from_v4(packet: v4::Packet) -> Incoming {
    match packet {
        v4::Packet::Connect(connect) => Incoming::Connect(Connect {
            client_id: connect.client_id,
            clean: connect.clean_session,
            keep_alive_s: connect.keep_alive,
            login: connect.login.map(|login| (login.username, login.password)),
            will: connect.last_will.is_some(),
        }),
        v4::Packet::Publish(publish) => Incoming::Publish(Publish {
            qos: publish.qos as u8,
            packet: publish.pkid,
            topic: publish.topic,
            payload: publish.payload,
            has_alias: false,
        }),
        v4::Packet::PubRel(pubrel) => Incoming::PubRel { packet: pubrel.pkid },
        v4::Packet::Subscribe(subscribe) => {
            Incoming::Subscribe { packet: subscribe.pkid, filters: subscribe.filters.len() }
        }
        v4::Packet::Unsubscribe(unsubscribe) => {
            Incoming::Unsubscribe { packet: unsubscribe.pkid, filters: unsubscribe.topics.len() }
        }
        v4::Packet::PingReq => Incoming::Ping,
        v4::Packet::Disconnect => Incoming::Disconnect,
        _ => Incoming::Unexpected,
    }
}

fn from_v5(packet: v5::Packet) -> Result<Incoming, PacketError> {
    Ok(match packet {
        v5::Packet::Connect(connect, will, login) => Incoming::Connect(Connect {
            client_id: connect.client_id,
            clean: connect.clean_start,
            keep_alive_s: connect.keep_alive,
            login: login.map(|login| (login.username, login.password)),
            will: will.is_some(),
        }),
        v5::Packet::Publish(publish) => Incoming::Publish(Publish {
            qos: publish.qos as u8,
            packet: publish.pkid,
            topic: String::from_utf8(publish.topic.to_vec()).map_err(|_| PacketError::Malformed)?,
            payload: publish.payload,
            has_alias: publish.properties.is_some_and(|p| p.topic_alias.is_some()),
        }),
        v5::Packet::PubRel(pubrel) => Incoming::PubRel { packet: pubrel.pkid },
        v5::Packet::Subscribe(subscribe) => {
            Incoming::Subscribe { packet: subscribe.pkid, filters: subscribe.filters.len() }
        }
        v5::Packet::Unsubscribe(unsubscribe) => {
            Incoming::Unsubscribe { packet: unsubscribe.pkid, filters: unsubscribe.filters.len() }
        }
        v5::Packet::PingReq(_) => Incoming::Ping,
        v5::Packet::Disconnect(_) => Incoming::Disconnect,
        _ => Incoming::Unexpected,
    })
}

/// Appends a packet to `bytes`. What the version has no word for is left out.
pub(super) fn write(version: Version, packet: &Outgoing, bytes: &mut BytesMut) {
    // Writing fails for packets without an id, which are never answered, and for those above 256 MiB.
    match version {
        Version::V4 => {
            if let Some(packet) = to_v4(packet) {
                let _ = packet.write(bytes, usize::MAX);
            }
        }
        Version::V5 => match packet {
            // The codec writes a wrong length for one without properties.
            Outgoing::Disconnect(reason) => bytes.extend_from_slice(&[0xe0, 2, *reason as u8, 0]),
            packet => {
                let _ = to_v5(packet).write(bytes, None);
            }
        },
    }
}

fn to_v4(packet: &Outgoing) -> Option<v4::Packet> {
    let connack = |code| v4::Packet::ConnAck(v4::ConnAck::new(code, false));
    Some(match packet {
        Outgoing::Accepted(_) => connack(v4::ConnectReturnCode::Success),
        Outgoing::Denied => connack(v4::ConnectReturnCode::NotAuthorized),
        Outgoing::BadClientId => connack(v4::ConnectReturnCode::BadClientId),
        Outgoing::PubAck { packet, .. } => v4::Packet::PubAck(v4::PubAck::new(*packet)),
        Outgoing::PubRec { packet, .. } => v4::Packet::PubRec(v4::PubRec::new(*packet)),
        Outgoing::PubComp { packet, .. } => v4::Packet::PubComp(v4::PubComp::new(*packet)),
        Outgoing::SubAck { packet, filters } => {
            let refused = vec![v4::SubscribeReasonCode::Failure; *filters];
            v4::Packet::SubAck(v4::SubAck::new(*packet, refused))
        }
        Outgoing::UnsubAck { packet, .. } => v4::Packet::UnsubAck(v4::UnsubAck::new(*packet)),
        Outgoing::Pong => v4::Packet::PingResp,
        Outgoing::Disconnect(_) => return None,
    })
}

fn to_v5(packet: &Outgoing) -> v5::Packet {
    let connack =
        |code, properties| v5::Packet::ConnAck(v5::ConnAck { session_present: false, code, properties });
    match packet {
        Outgoing::Accepted(accepted) => {
            connack(v5::ConnectReturnCode::Success, Some(connack_properties(accepted)))
        }
        Outgoing::Denied => connack(v5::ConnectReturnCode::NotAuthorized, None),
        Outgoing::BadClientId => connack(v5::ConnectReturnCode::ClientIdentifierNotValid, None),
        Outgoing::PubAck { packet, allowed } => {
            let reason = if *allowed { v5::PubAckReason::Success } else { v5::PubAckReason::NotAuthorized };
            v5::Packet::PubAck(v5::PubAck { pkid: *packet, reason, properties: None })
        }
        Outgoing::PubRec { packet, allowed } => {
            let reason = if *allowed { v5::PubRecReason::Success } else { v5::PubRecReason::NotAuthorized };
            v5::Packet::PubRec(v5::PubRec { pkid: *packet, reason, properties: None })
        }
        Outgoing::PubComp { packet, known } => {
            let reason =
                if *known { v5::PubCompReason::Success } else { v5::PubCompReason::PacketIdentifierNotFound };
            v5::Packet::PubComp(v5::PubComp { pkid: *packet, reason, properties: None })
        }
        Outgoing::SubAck { packet, filters } => v5::Packet::SubAck(v5::SubAck {
            pkid: *packet,
            return_codes: vec![v5::SubscribeReasonCode::NotAuthorized; *filters],
            properties: None,
        }),
        Outgoing::UnsubAck { packet, filters } => v5::Packet::UnsubAck(v5::UnsubAck {
            pkid: *packet,
            reasons: vec![v5::UnsubAckReason::NoSubscriptionExisted; *filters],
            properties: None,
        }),
        Outgoing::Pong => v5::Packet::PingResp(v5::PingResp),
        Outgoing::Disconnect(reason_code) => {
            v5::Packet::Disconnect(v5::Disconnect { reason_code: *reason_code, properties: None })
        }
    }
}

fn connack_properties(accepted: &Accepted) -> v5::ConnAckProperties {
    v5::ConnAckProperties {
        // Nothing is kept for a client that is gone.
        session_expiry_interval: Some(0),
        receive_max: Some(accepted.window),
        max_qos: None,
        retain_available: None,
        max_packet_size: Some(accepted.max_packet_bytes),
        assigned_client_identifier: accepted.assigned_client_id.clone(),
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: accepted.keep_alive_s,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u32 = 1 << 20;

    #[test]
    fn the_first_packet_tells_the_version() {
        let connect = |level: u8| [0x10, 16, 0, 4, b'M', b'Q', b'T', b'T', level, 2, 0, 60];
        assert_eq!(version(&connect(4)), Ok(Some(Version::V4)));
        assert_eq!(version(&connect(5)), Ok(Some(Version::V5)));
        assert_eq!(version(&connect(3)), Err(PacketError::Version));
        assert_eq!(
            version(&[0x10, 18, 0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3]),
            Err(PacketError::Version)
        );
        for cut in 0..9 {
            assert_eq!(version(&connect(4)[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(version(b"GET / HTTP/1.1\r\n"), Err(PacketError::Malformed));
        assert_eq!(version(&[0x10, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(PacketError::Malformed));
    }

    #[test]
    fn packets_come_whole_or_not_at_all() {
        let mut bytes = BytesMut::new();
        let publish = v4::Publish { pkid: 7, ..v4::Publish::new("a/b", bytes4::QoS::AtLeastOnce, "x") };
        v4::Packet::Publish(publish).write(&mut bytes, MAX as usize).expect("written");
        let whole = bytes.clone();
        for cut in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..cut]);
            assert_eq!(read(Version::V4, &mut part, MAX), Ok(None), "{cut}");
            assert_eq!(part.len(), cut, "nothing is taken");
        }
        let read_back = read(Version::V4, &mut bytes, MAX).expect("valid").expect("whole");
        assert!(matches!(read_back, Incoming::Publish(p) if p.topic == "a/b" && p.packet == 7 && p.qos == 1));
        assert!(bytes.is_empty());
        assert_eq!(read(Version::V4, &mut BytesMut::from(&whole[..]), 3), Err(PacketError::TooLarge));
    }

    #[test]
    fn every_kind_of_disconnect_is_read() {
        for bytes in [&[0xe0, 0][..], &[0xe0, 1, 4], &[0xe0, 2, 0, 0]] {
            let mut bytes = BytesMut::from(bytes);
            assert_eq!(read(Version::V5, &mut bytes, MAX), Ok(Some(Incoming::Disconnect)), "{bytes:?}");
        }
    }

    #[test]
    fn a_packet_that_ends_too_early_is_malformed() {
        // A publish of MQTT 5 without the length of its properties.
        let mut bytes = BytesMut::from(&[0x30, 3, 0, 1, b'a'][..]);
        assert_eq!(read(Version::V5, &mut bytes, MAX), Err(PacketError::Malformed));
    }

    #[test]
    fn what_is_written_is_as_long_as_it_says() {
        let accepted = Accepted {
            assigned_client_id: Some("a".to_owned()),
            window: 1,
            max_packet_bytes: 2,
            keep_alive_s: Some(3),
        };
        for packet in [
            Outgoing::Accepted(accepted),
            Outgoing::Denied,
            Outgoing::BadClientId,
            Outgoing::PubAck { packet: 1, allowed: true },
            Outgoing::PubAck { packet: 1, allowed: false },
            Outgoing::PubRec { packet: 1, allowed: true },
            Outgoing::PubRec { packet: 1, allowed: false },
            Outgoing::PubComp { packet: 1, known: true },
            Outgoing::PubComp { packet: 1, known: false },
            Outgoing::SubAck { packet: 1, filters: 2 },
            Outgoing::UnsubAck { packet: 1, filters: 2 },
            Outgoing::Pong,
            Outgoing::Disconnect(v5::DisconnectReasonCode::ServerBusy),
        ] {
            for version in [Version::V4, Version::V5] {
                let mut bytes = BytesMut::new();
                write(version, &packet, &mut bytes);
                let expected = bytes.get(1).map_or(0, |length| usize::from(*length) + 2);
                assert_eq!(bytes.len(), expected, "{packet:?} {version:?}");
            }
        }
    }

    /// Whatever comes, reading ends, and does not panic.
    #[test]
    fn arbitrary_bytes_are_packets_or_errors() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut byte = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_be_bytes()[3]
        };
        for _ in 0..50_000 {
            let length = usize::from(byte() % 48);
            let mut bytes: Vec<u8> = (0..length + 2).map(|_| byte()).collect();
            bytes[1] = u8::try_from(length).expect("small");
            for version in [Version::V4, Version::V5] {
                let mut bytes = BytesMut::from(bytes.as_slice());
                while matches!(read(version, &mut bytes, MAX), Ok(Some(_))) {}
            }
        }
    }
}
