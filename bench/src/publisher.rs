//! An MQTT 3.1.1 client that publishes with QoS 1, by hand: a library's bookkeeping would be measured, too.

use anyhow::Context as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// The length of a PUBACK.
const ACK_BYTES: usize = 4;

/// Connects under a client id.
pub(crate) async fn connect(port: u16, client_id: &str) -> anyhow::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.context("the gateway's MQTT port")?;
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0];
    put_text(&mut body, client_id);
    let mut packet = Vec::new();
    put_packet(&mut packet, 0x10, &body);
    write.write_all(&packet).await?;
    let mut answer = [0; 4];
    read.read_exact(&mut answer).await?;
    anyhow::ensure!(answer == [0x20, 2, 0, 0], "the gateway refuses a client: {answer:?}");
    Ok((read, write))
}

/// Appends a PUBLISH with QoS 1.
pub(crate) fn put_publish(buffer: &mut Vec<u8>, packet_id: u16, topic: &str, payload: &str) {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 4);
    put_text(&mut body, topic);
    body.extend_from_slice(&packet_id.to_be_bytes());
    body.extend_from_slice(payload.as_bytes());
    put_packet(buffer, 0x32, &body);
}

/// Reads PUBACKs until so many have come; the ids of those that came.
pub(crate) async fn acknowledgements(read: &mut OwnedReadHalf, count: usize) -> anyhow::Result<Vec<u16>> {
    let mut bytes = vec![0; count * ACK_BYTES];
    read.read_exact(&mut bytes).await.context("the gateway closed a connection")?;
    bytes
        .chunks_exact(ACK_BYTES)
        .map(|ack| {
            anyhow::ensure!(ack[..2] == [0x40, 2], "not a PUBACK: {ack:?}");
            Ok(u16::from_be_bytes([ack[2], ack[3]]))
        })
        .collect()
}

fn put_text(buffer: &mut Vec<u8>, text: &str) {
    #[allow(clippy::cast_possible_truncation)]
    buffer.extend_from_slice(&(text.len() as u16).to_be_bytes());
    buffer.extend_from_slice(text.as_bytes());
}

fn put_packet(buffer: &mut Vec<u8>, kind: u8, body: &[u8]) {
    buffer.push(kind);
    let mut length = body.len();
    loop {
        #[allow(clippy::cast_possible_truncation)]
        let seven = (length % 128) as u8;
        length /= 128;
        buffer.push(if length > 0 { seven | 0x80 } else { seven });
        if length == 0 {
            break;
        }
    }
    buffer.extend_from_slice(body);
}
