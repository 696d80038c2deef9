//! What a client sends to the MQTT endpoint. The first byte says in which pieces it arrives.

use bytes::BytesMut;

use crate::mqtt_codec::{Incoming, Outgoing, PacketError, Version, read, version, write};

const MAX_BYTES: u32 = 1_024;

pub(crate) fn run(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    let at_once = conversation(stream, stream.len().max(1));
    let in_pieces = conversation(stream, usize::from(*piece % 16) + 1);
    assert_eq!(at_once, in_pieces, "what is read depends on how it arrives");
}

/// The packets of a stream that arrives so many bytes at a time, and the error that ends it.
fn conversation(stream: &[u8], piece: usize) -> (Vec<Incoming>, Option<PacketError>) {
    let (mut bytes, mut packets, mut spoken) = (BytesMut::new(), Vec::new(), None);
    for piece in stream.chunks(piece) {
        bytes.extend_from_slice(piece);
        loop {
            let spoken = match spoken {
                Some(spoken) => spoken,
                None => match version(&bytes) {
                    Ok(Some(found)) => *spoken.insert(found),
                    Ok(None) => break,
                    Err(error) => return (packets, Some(error)),
                },
            };
            let before = bytes.len();
            match read(spoken, &mut bytes, MAX_BYTES) {
                Ok(Some(packet)) => {
                    assert!(bytes.len() < before, "a packet of nothing");
                    answer(spoken, &packet);
                    packets.push(packet);
                }
                Ok(None) => {
                    assert_eq!(bytes.len(), before, "bytes are lost before their packet is whole");
                    // Nothing may make the endpoint wait for more than its limit.
                    assert!(before <= MAX_BYTES as usize + 5, "{before} bytes wait");
                    break;
                }
                Err(error) => return (packets, Some(error)),
            }
        }
    }
    (packets, None)
}

fn answer(version: Version, packet: &Incoming) {
    let answer = match packet {
        Incoming::Publish(publish) => Outgoing::PubAck { packet: publish.packet, allowed: true },
        Incoming::PubRel { packet } => Outgoing::PubComp { packet: *packet, known: true },
        Incoming::Subscribe { packet, filters } => Outgoing::SubAck { packet: *packet, filters: *filters },
        Incoming::Unsubscribe { packet, filters } => {
            Outgoing::UnsubAck { packet: *packet, filters: *filters }
        }
        _ => Outgoing::Pong,
    };
    write(version, &answer, &mut BytesMut::new());
}
