//! How the sockets of stations are set.

use socket2::SockRef;
use tokio::net::TcpStream;

/// What the system keeps of answers that a peer does not read. Answers are small; left to itself the system keeps up to
/// 4 MiB for each of thousands of peers.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Sets a socket for small answers that somebody waits for. A system that refuses it is slower, not wrong.
pub(crate) fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_send_buffer_size(SEND_BUFFER_BYTES);
}
