//! One connection from its first frame to its end.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use station::deviation::{Deviation, Deviations};
use station::event::{EventKind, RejectReason};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use super::call::Conversation;
use super::handshake::{self, Accepted};
use super::registry::{Link, Seat, Stop};
use super::server::Server;
use crate::metrics::{ProtocolLabels, ReasonLabels};
use crate::pipeline::Refused;

/// tungstenite zero-fills its buffer on each read, and keeps it for each connection: OCPP messages are small.
const READ_BUFFER_BYTES: usize = 4096;
/// How long the peer may take to close its side, once we have closed ours.
const LINGER: Duration = Duration::from_secs(2);
/// How long a last frame may take to a peer that is believed to be gone.
const LAST_WORD: Duration = Duration::from_secs(1);
/// What is read and thrown away from a peer that still sends while it is told to stop.
const DISCARD_BYTES: usize = 4 << 20;
/// Between attempts to journal the end of a connection while the journal is full.
const RETRY_END: Duration = Duration::from_secs(1);

/// Why a connection ended: `connections.reason`, and the label of `ampwarden_disconnects_total`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Closed,
    Lost,
    Idle,
    Slow,
    Replaced,
    Shutdown,
    JournalRefused,
    TooLarge,
    NotText,
    InvalidUtf8,
    ProtocolError,
}

impl End {
    fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Replaced => "replaced",
            Self::Shutdown => "shutdown",
            Self::JournalRefused => "journal_refused",
            Self::TooLarge => "too_large",
            Self::NotText => "not_text",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ProtocolError => "protocol_error",
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
        }
    }
}

/// Serves a client from its first byte to its last.
pub(super) async fn serve<S>(server: &Server, stream: S, remote: IpAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Boxed: the memory of the handshake goes when it is over.
    let handshake = Box::pin(handshake::accept(server, stream));
    let Ok(Some((stream, rest, accepted))) = timeout(server.config.handshake_timeout.0, handshake).await
    else {
        return;
    };
    let limit = server.config.max_frame_bytes.as_usize();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let mut ws = WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await;
    let Accepted { station, version, assumed, path } = accepted;
    let Some(version) = version else {
        server.deps.metrics.refused("no_common_subprotocol");
        say_close(
            &mut ws,
            CloseCode::Protocol,
            "no common subprotocol: ocpp1.6, ocpp2.0.1 and ocpp2.1 are spoken here",
        )
        .await;
        linger(&mut ws).await;
        return;
    };

    let mut seat = server.registry.take(&station);
    if server.is_draining() {
        seat.link.stop(Stop::Shutdown);
    }
    seat.previous_left().await;
    if let Some(stop) = seat.link.stop_reason() {
        drop(seat);
        end(&mut ws, stop.into()).await;
        return;
    }
    let booted = server.registry.has_booted(&station) || (server.deps.booted)(&station);
    let conversation = Conversation::new(station, version, path, booted);
    Connection { server, ws, conversation, seat }.run(remote, assumed).await;
}

struct Connection<'a, S> {
    server: &'a Server,
    ws: WebSocketStream<S>,
    conversation: Conversation,
    seat: Seat,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<'_, S> {
    async fn run(mut self, remote: IpAddr, assumed: bool) {
        let deps = &self.server.deps;
        let connected = EventKind::Connected {
            gateway: deps.gateway_id.to_string(),
            epoch: deps.epoch,
            remote: remote.to_string(),
        };
        let odd = Deviations::from_iter(assumed.then_some(Deviation::NoSubprotocol));
        if let Err(refused) = self.conversation.note(self.server, connected, odd).await {
            deps.metrics.refused(refused.label());
            drop(self.seat);
            end(&mut self.ws, refused.into()).await;
            return;
        }
        let protocol = ProtocolLabels { protocol: self.conversation.version.source().label() };
        let open = deps.metrics.connections.get_or_create_owned(&protocol);
        deps.metrics.connects.get_or_create(&protocol).inc();
        open.inc();
        tracing::debug!(station = %self.conversation.station, %remote, protocol = protocol.protocol, "connected");

        let why = self.converse().await;
        // The end is journaled before the polite part: a newer connection waits for it.
        say_end(&mut self.ws, why).await;
        self.journal_end(why).await;
        open.dec();
        deps.metrics.disconnects.get_or_create(&ReasonLabels { reason: why.label() }).inc();
        tracing::debug!(station = %self.conversation.station, reason = why.label(), "disconnected");
        drop(self.seat);
        if why != End::Lost {
            linger(&mut self.ws).await;
        }
    }

    /// Message after message, until something ends it.
    async fn converse(&mut self) -> End {
        let config = &self.server.config;
        let (ping_every, idle_after) = (config.ping_interval.0, config.idle_timeout.0);
        let tick = match (ping_every.is_zero(), idle_after.is_zero()) {
            (false, _) => ping_every,
            (true, false) => idle_after / 2,
            // Nothing to do; the timer must have some period.
            (true, true) => Duration::from_secs(86_400),
        };
        let mut ticks = interval_at(Instant::now() + tick, tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        loop {
            let step = tokio::select! {
                frame = self.ws.next() => {
                    last_heard = Instant::now();
                    self.frame(frame).await
                }
                stop = stopped(&self.seat.link) => ControlFlow::Break(stop.into()),
                _ = ticks.tick() => {
                    if !idle_after.is_zero() && last_heard.elapsed() >= idle_after {
                        ControlFlow::Break(End::Idle)
                    } else if ping_every.is_zero() {
                        ControlFlow::Continue(())
                    } else {
                        self.send(Message::Ping(Bytes::new())).await
                    }
                }
            };
            if let ControlFlow::Break(why) = step {
                return why;
            }
        }
    }

    async fn frame(&mut self, frame: Option<Result<Message, WsError>>) -> ControlFlow<End> {
        match frame {
            Some(Ok(Message::Text(text))) => match self.conversation.take(self.server, &text).await {
                Ok(None) => ControlFlow::Continue(()),
                Ok(Some(reply)) => self.send(Message::text(reply)).await,
                Err(refused) => {
                    self.server.deps.metrics.refused(refused.label());
                    ControlFlow::Break(refused.into())
                }
            },
            Some(Ok(Message::Binary(bytes))) => {
                let detail = format!("a binary frame of {} bytes; OCPP messages are text", bytes.len());
                self.reject(RejectReason::Malformed, detail, End::NotText).await
            }
            Some(Ok(Message::Close(_))) => ControlFlow::Break(End::Closed),
            Some(Ok(_)) => ControlFlow::Continue(()),
            Some(Err(WsError::Capacity(CapacityError::MessageTooLong { size, max_size }))) => {
                let detail = format!(
                    "a message of {size} bytes; at most {max_size} are taken (gateway.ocpp.max_frame_bytes)"
                );
                self.reject(RejectReason::TooLarge, detail, End::TooLarge).await
            }
            Some(Err(WsError::Utf8(_))) => {
                let detail = "a text frame that is not UTF-8".to_owned();
                self.reject(RejectReason::Malformed, detail, End::InvalidUtf8).await
            }
            Some(Err(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake))) | None => {
                ControlFlow::Break(End::Lost)
            }
            Some(Err(WsError::Protocol(error))) => {
                tracing::debug!(station = %self.conversation.station, %error, "websocket protocol violated");
                ControlFlow::Break(End::ProtocolError)
            }
            Some(Err(_)) => ControlFlow::Break(End::Lost),
        }
    }

    /// Keeps that something came which cannot be read; then the connection ends.
    async fn reject(&mut self, reason: RejectReason, detail: String, why: End) -> ControlFlow<End> {
        if let Err(refused) = self.conversation.unreadable(self.server, reason, detail).await {
            self.server.deps.metrics.refused(refused.label());
        }
        ControlFlow::Break(why)
    }

    async fn send(&mut self, message: Message) -> ControlFlow<End> {
        match timeout(self.server.config.write_timeout.0, self.ws.send(message)).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) => ControlFlow::Break(End::Lost),
            Err(_) => ControlFlow::Break(End::Slow),
        }
    }

    /// Journals the end, again and again while the journal is full: a station must not seem connected for ever.
    async fn journal_end(&self, why: End) {
        loop {
            let disconnected = EventKind::Disconnected {
                gateway: self.server.deps.gateway_id.to_string(),
                epoch: self.server.deps.epoch,
                reason: why.label().to_owned(),
            };
            match self.conversation.note(self.server, disconnected, Deviations::default()).await {
                Ok(()) => return,
                Err(Refused::Stopping) => {
                    tracing::warn!(
                        station = %self.conversation.station,
                        "the end of a connection was not journaled: the gateway is stopping; \
                         its closing row ends the epoch"
                    );
                    return;
                }
                Err(_) => {
                    self.seat.link.set_stuck(true);
                    tokio::time::sleep(RETRY_END).await;
                }
            }
        }
    }
}

async fn stopped(link: &Link) -> Stop {
    link.stopped().await
}

/// Closes a connection that was never counted as open.
async fn end<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>, why: End) {
    say_end(ws, why).await;
    linger(ws).await;
}

/// Tells the peer why the connection ends, or answers its own close.
async fn say_end<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>, why: End) {
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

async fn say_close<S: AsyncRead + AsyncWrite + Unpin>(
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
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>) {
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
    let mut buffer = vec![0; READ_BUFFER_BYTES];
    let mut discarded = 0;
    while discarded < DISCARD_BYTES {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => discarded += read,
        }
    }
}
