//! One connection from its first frame to its end.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use station::deviation::{Deviation, Deviations};
use station::event::{EventKind, RejectReason, StationEvent};
use station::key::KeyChange;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use super::access::{Grant, Peer};
use super::call::Conversation;
use super::end::{End, end, linger, say_close, say_end};
use super::handshake::{self, Accepted};
use super::outgoing::Next;
use super::quarantine::Hold;
use super::rate::Pace;
use super::registry::{Link, Seat, Stop};
use super::server::Server;
use super::trace::Seen;
use crate::metrics::{ProtocolLabels, ReasonLabels};
use crate::pipeline::Refused;

/// tungstenite zero-fills its buffer on each read, and keeps it for each connection: OCPP messages are small.
const READ_BUFFER_BYTES: usize = 4096;
/// Between attempts to journal the end of a connection while the journal is full.
const RETRY_END: Duration = Duration::from_secs(1);

/// Serves a client from its first byte to its last.
pub(super) async fn serve<S>(server: &Server, stream: S, peer: Peer, remote: IpAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Boxed: the memory of the handshake goes when it is over.
    let handshake = Box::pin(handshake::accept(server, stream, &peer));
    let (stream, rest, accepted) = match timeout(server.config.handshake_timeout.0, handshake).await {
        Ok(Some(accepted)) => accepted,
        Ok(None) => return,
        Err(_) => {
            server.deps.metrics.refused("handshake_timeout");
            tracing::info!(
                %remote,
                "connection closed: no whole request in time (gateway.ocpp.handshake_timeout); look at the client, or at \
                 the network between"
            );
            return;
        }
    };
    let limit = server.config.max_frame_bytes.as_usize();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let mut ws = WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await;
    let Accepted { station, version, assumed, path, grant } = accepted;
    let Some(version) = version else {
        server.deps.metrics.refused("no_common_subprotocol");
        tracing::info!(%station, "closed: no common subprotocol; set the station to OCPP 1.6J, 2.0.1 or 2.1");
        say_close(
            &mut ws,
            CloseCode::Protocol,
            "no common subprotocol: ocpp1.6, ocpp2.0.1 and ocpp2.1 are spoken here",
        )
        .await;
        linger(&mut ws).await;
        return;
    };

    // Before it takes the seat: a newer connection, by the old key, must not make it forgotten.
    if let Grant::Profile { first_use: Some(hash), .. } = &grant {
        let used = EventKind::KeyChanged(Box::new(KeyChange::Used { hash: *hash }));
        let event = StationEvent::new(station.clone(), version.source(), used);
        if let Err(refused) = server.deps.pipeline.submit(vec![event]).await {
            server.deps.metrics.refused(refused.label());
            end(&mut ws, refused.into()).await;
            return;
        }
    }
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
    let setting = (server.deps.setting)(&station);
    let ping_every = server.config.ping_every(&setting);
    let strict = server.config.is_strict(&setting);
    let mut conversation = Conversation::new(station, version, path, booted, strict);
    let profile = match grant {
        Grant::Profile { profile, .. } => Some(profile),
        Grant::Quarantine { key, certificate } => {
            conversation.hold = Some(Box::new(Hold { remote: remote.to_string(), key, certificate }));
            seat.link.set_held();
            None
        }
    };
    let pace = Pace::new(server.config.max_messages_per_second, std::time::Instant::now());
    Connection { server, ws, conversation, seat, pace, ping_every, slowed: false }
        .run(remote, assumed, profile)
        .await;
}

struct Connection<'a, S> {
    server: &'a Server,
    ws: WebSocketStream<S>,
    conversation: Conversation,
    seat: Seat,
    pace: Pace,
    /// How often it is pinged; never, if zero.
    ping_every: Duration,
    /// Whether it was told that this station is slowed.
    slowed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<'_, S> {
    /// `profile`: the security profile; none of a station that waits for an operator.
    async fn run(mut self, remote: IpAddr, assumed: bool, profile: Option<u8>) {
        let deps = &self.server.deps;
        let version = self.conversation.version.subprotocol();
        let connected = match &self.conversation.hold {
            Some(hold) => hold.event(None),
            None => EventKind::Connected {
                gateway: deps.gateway_id.to_string(),
                epoch: deps.epoch,
                remote: remote.to_string(),
            },
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
        deps.metrics.profile(profile);
        open.inc();
        tracing::debug!(station = %self.conversation.station, %remote, protocol = protocol.protocol, "connected");
        deps.taps
            .saw(&self.conversation.station, || Seen::note("connected", format!("{version} from {remote}")));

        let why = self.converse().await;
        // The end is journaled before the polite part: a newer connection waits for it.
        say_end(&mut self.ws, why).await;
        let detail = format!("the connection ended before an answer came ({})", why.label());
        self.conversation.give_up(self.server, detail).await;
        deps.taps.saw(&self.conversation.station, || Seen::note("disconnected", why.label()));
        self.journal_end(why).await;
        open.dec();
        deps.metrics.disconnects.get_or_create(&ReasonLabels { reason: why.label() }).inc();
        match why.advice() {
            Some(advice) => tracing::info!(
                station = %self.conversation.station, reason = why.label(), "connection closed: {advice}"
            ),
            None => {
                tracing::debug!(station = %self.conversation.station, reason = why.label(), "disconnected");
            }
        }
        drop(self.seat);
        if why != End::Lost {
            linger(&mut self.ws).await;
        }
    }

    /// Message after message, until something ends it.
    async fn converse(&mut self) -> End {
        let (ping_every, idle_after) = (self.ping_every, self.server.config.idle_timeout.0);
        let tick = match (ping_every.is_zero(), idle_after.is_zero()) {
            (false, _) => ping_every,
            (true, false) => idle_after / 2,
            // Nothing to do; the timer must have some period.
            (true, true) => Duration::from_secs(86_400),
        };
        let mut ticks = interval_at(Instant::now() + tick, tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        // Who sends too much is not read before.
        let mut hold_until: Option<Instant> = None;
        // Looked for after each command and whenever there is a new one, so that who has none costs nothing.
        let held = self.conversation.is_held();
        let mut commands = !held && self.server.deps.board.next(&self.conversation.station).is_some();
        loop {
            let outgoing = &self.conversation.outgoing;
            let send_at =
                (commands && outgoing.is_free()).then(|| outgoing.ready_at(self.conversation.booted));
            let answer_until = outgoing.deadline();
            let step = tokio::select! {
                frame = self.ws.next(), if hold_until.is_none() => {
                    last_heard = Instant::now();
                    let was_free = self.conversation.outgoing.is_free();
                    self.conversation.outgoing.heard = true;
                    let step = self.frame(frame).await;
                    hold_until = self.slow_down();
                    commands |= !was_free && self.conversation.outgoing.is_free();
                    step
                }
                () = sleep_until(hold_until.unwrap_or(last_heard)), if hold_until.is_some() => {
                    hold_until = None;
                    ControlFlow::Continue(())
                }
                () = self.seat.link.commanded() => {
                    commands = !held;
                    ControlFlow::Continue(())
                }
                () = sleep_until(send_at.unwrap_or(last_heard)), if send_at.is_some() => {
                    let (more, step) = self.command().await;
                    commands = more;
                    step
                }
                () = sleep_until(answer_until.unwrap_or(last_heard)), if answer_until.is_some() => {
                    self.conversation.command_timed_out(self.server).await;
                    commands = true;
                    ControlFlow::Continue(())
                }
                stop = stopped(&self.seat.link) => ControlFlow::Break(stop.into()),
                _ = ticks.tick() => {
                    if self.conversation.is_released(self.server) {
                        ControlFlow::Break(End::Released)
                    } else if !idle_after.is_zero() && last_heard.elapsed() >= idle_after {
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

    /// Sends the station's next command, if there is one; says whether there may be more.
    async fn command(&mut self) -> (bool, ControlFlow<End>) {
        match self.conversation.next_command(self.server).await {
            Next::Nothing => (false, ControlFlow::Continue(())),
            Next::Later => (true, ControlFlow::Continue(())),
            Next::Send(text) => (true, self.send(Message::text(text)).await),
        }
    }

    /// Counts a frame against the station's limit; says until when the next one has to wait, if it has to.
    fn slow_down(&mut self) -> Option<Instant> {
        let wait = self.pace.took(std::time::Instant::now())?;
        let protocol = self.conversation.version.source().label();
        self.server.deps.metrics.slowed.get_or_create(&ProtocolLabels { protocol }).inc();
        if !std::mem::replace(&mut self.slowed, true) {
            tracing::warn!(
                station = %self.conversation.station,
                "a station sends more than gateway.ocpp.max_messages_per_second and is slowed: look at its log why, or \
                 raise the limit"
            );
        }
        Some(Instant::now() + wait)
    }

    async fn frame(&mut self, frame: Option<Result<Message, WsError>>) -> ControlFlow<End> {
        if let Some(frame) = &frame {
            let deps = &self.server.deps;
            deps.taps.saw(&self.conversation.station, || match frame {
                Ok(message) => Seen::frame("in", message, &deps.secret_key),
                Err(error) => Seen::note("error", error.to_string()),
            });
        }
        if self.conversation.is_released(self.server) {
            return ControlFlow::Break(End::Released);
        }
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
        let deps = &self.server.deps;
        let seen = || Seen::frame("out", &message, &deps.secret_key);
        deps.taps.saw(&self.conversation.station, seen);
        tokio::select! {
            sent = timeout(self.server.config.write_timeout.0, self.ws.send(message)) => match sent {
                Ok(Ok(())) => ControlFlow::Continue(()),
                Ok(Err(_)) => ControlFlow::Break(End::Lost),
                Err(_) => ControlFlow::Break(End::Slow),
            },
            // A newer connection must not wait for a peer that does not read.
            stop = stopped(&self.seat.link) => ControlFlow::Break(stop.into()),
        }
    }

    /// Journals the end, again and again while the journal is full: a station must not seem connected for ever.
    async fn journal_end(&self, why: End) {
        if self.conversation.is_held() {
            return;
        }
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
