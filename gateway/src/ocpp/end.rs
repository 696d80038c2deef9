//! How a connection ends: why, what the peer is told, and the polite part.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::registry::Stop;
use crate::pipeline::Refused;

/// How long the peer may take to close its side, once we have closed ours.
const LINGER: Duration = Duration::from_secs(2);
/// How long a last frame may take to a peer that is believed to be gone.
const LAST_WORD: Duration = Duration::from_secs(1);
/// What is read and thrown away from a peer that still sends while it is told to stop.
const DISCARD_BYTES: usize = 4 << 20;
/// What is read at once of what is thrown away.
const DISCARD_BUFFER_BYTES: usize = 4096;

/// Why a connection ended: `connections.reason`, and the label of `ampwarden_disconnects_total`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Closed,
    Lost,
    Idle,
    Slow,
    Replaced,
    Shutdown,
    Released,
    JournalRefused,
    TooLarge,
    NotText,
    InvalidUtf8,
    ProtocolError,
}

impl End {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Replaced => "replaced",
            Self::Shutdown => "shutdown",
            Self::Released => "released",
            Self::JournalRefused => "journal_refused",
            Self::TooLarge => "too_large",
            Self::NotText => "not_text",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ProtocolError => "protocol_error",
        }
    }

    /// What to do about it, where the station or the way to it is at fault.
    pub(super) fn advice(self) -> Option<&'static str> {
        match self {
            Self::Closed
            | Self::Lost
            | Self::Replaced
            | Self::Shutdown
            | Self::Released
            | Self::JournalRefused => None,
            Self::Idle => Some(
                "nothing was heard for gateway.ocpp.idle_timeout, not even an answer to a ping: look at the network, or \
                 raise it for stations that answer none",
            ),
            Self::Slow => Some(
                "the station did not receive its answers within gateway.ocpp.write_timeout: look at the station and at the \
                 network",
            ),
            Self::TooLarge => Some(
                "a message was larger than gateway.ocpp.max_frame_bytes: if the station needs such messages, raise it",
            ),
            Self::NotText | Self::InvalidUtf8 | Self::ProtocolError => Some(
                "what came is not OCPP over websocket: look at the station's firmware, or at a proxy between",
            ),
        }
    }

    /// What the peer is told; nothing to one that has gone.
    fn close_frame(self) -> Option<(CloseCode, &'static str)> {
        match self {
            // tungstenite answers a close by itself.
            Self::Closed | Self::Lost => None,
            Self::Idle => Some((CloseCode::Away, "nothing was heard for too long")),
            Self::Slow => Some((CloseCode::Away, "answers were not received")),
            Self::Replaced => Some((CloseCode::Normal, "replaced by a newer connection")),
            Self::Shutdown => Some((CloseCode::Restart, "the gateway is stopping")),
            Self::Released => Some((CloseCode::Restart, "the station is registered now: connect again")),
            Self::JournalRefused => {
                Some((CloseCode::Again, "cannot be journaled now; keep it and send it again"))
            }
            Self::TooLarge => Some((CloseCode::Size, "the message is too large")),
            Self::NotText => Some((CloseCode::Unsupported, "OCPP messages are text, not binary")),
            Self::InvalidUtf8 => Some((CloseCode::Invalid, "the message is not UTF-8")),
            Self::ProtocolError => Some((CloseCode::Protocol, "this is not the websocket protocol")),
        }
    }
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        if refused == Refused::Stopping { Self::Shutdown } else { Self::JournalRefused }
    }
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Replaced => Self::Replaced,
            Stop::Shutdown => Self::Shutdown,
            Stop::Released => Self::Released,
        }
    }
}

/// Closes a connection that was never counted as open.
pub(super) async fn end<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>, why: End) {
    say_end(ws, why).await;
    linger(ws).await;
}

/// Tells the peer why the connection ends, or answers its own close.
pub(super) async fn say_end<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>, why: End) {
    let _ = timeout(LAST_WORD, async {
        match why.close_frame() {
            Some((code, text)) => say_close(ws, code, text).await,
            None if why == End::Closed => {
                let _ = ws.flush().await;
            }
            None => {}
        }
    })
    .await;
}

pub(super) async fn say_close<S: AsyncRead + AsyncWrite + Unpin>(
    ws: &mut WebSocketStream<S>,
    code: CloseCode,
    text: &'static str,
) {
    let frame = CloseFrame { code, reason: text.into() };
    // A peer that has gone cannot be told.
    let _ = ws.send(Message::Close(Some(frame))).await;
}

/// Waits for the peer's side of the close. What it still sends is read and thrown away: closing a socket with unread
/// data resets it, and the peer would never see the close code.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>) {
    let _ = timeout(LINGER, async {
        let mut discarded = 0;
        loop {
            match ws.next().await {
                Some(Ok(message)) if discarded < DISCARD_BYTES => discarded += message.len(),
                Some(Err(WsError::Io(_))) | Some(Ok(_)) => return,
                Some(Err(_)) => break,
                None => return,
            }
        }
        discard(ws.get_mut()).await;
    })
    .await;
}

/// Reads what cannot be parsed any more, until the peer closes.
async fn discard<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut buffer = vec![0; DISCARD_BUFFER_BYTES];
    let mut discarded = 0;
    while discarded < DISCARD_BYTES {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => discarded += read,
        }
    }
}
