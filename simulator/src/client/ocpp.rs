//! A station that speaks OCPP over a websocket: one call at a time; what is not answered is said again, under the
//! same id, on the next connection.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use base64::Engine;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as Frame};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::ClientError;
use super::backoff::Backoff;
use super::driver::Driver;
use super::hand::{self, Command};
use super::message::Message;
use super::{ocpp_answer, ocpp_call};
use crate::fleet::Protocol;
use crate::tally::count;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// 128 KiB, the default, would be 640 MB for 5,000 stations.
const READ_BUFFER_BYTES: usize = 4096;
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a connection is over.
enum Gone {
    /// Everything is said.
    Finished,
    /// It broke, by accident or on purpose.
    Broken(String),
}

/// Lives at `url` (without the station's id) until the world finishes. `commands`: what somebody does by hand.
///
/// # Errors
/// When the books cannot be written.
pub async fn run(
    mut driver: Driver,
    url: String,
    mut commands: Option<mpsc::Receiver<Command>>,
) -> Result<(), ClientError> {
    let world = driver.world.clone();
    let first = world.clock.instant(driver.life.connects_at());
    if !wait(&mut driver, first, &mut commands).await? {
        return Ok(());
    }
    let mut backoff = Backoff::new(world.network.reconnect);
    // Who is cut off when the world finishes tries once more: sessions shall end, and what waits shall be said.
    let mut last = false;
    loop {
        if let Some(until) = driver.cut_until.take() {
            last = !wait(&mut driver, world.clock.instant(until), &mut commands).await?;
        }
        let attempt = tokio::select! {
            () = world.finish.cancelled(), if !driver.has_booted => return Ok(()),
            attempt = connect(&driver, &url) => attempt,
        };
        let why = match attempt {
            Ok(socket) => {
                count(&world.tally.connects);
                world.tally.connected.fetch_add(1, Ordering::Relaxed);
                hand::narrate(driver.narrates, || format!("connected to {url}"));
                let gone = converse(&mut driver, socket, &mut commands, &mut backoff).await;
                world.tally.connected.fetch_sub(1, Ordering::Relaxed);
                match gone? {
                    Gone::Finished => return Ok(()),
                    Gone::Broken(why) => why,
                }
            }
            Err(why) => {
                world.tally.connect_failed(&why);
                why
            }
        };
        tracing::debug!(station = %driver.station().id, why, "not connected");
        if last || (world.finish.is_cancelled() && !driver.has_booted) {
            return Ok(());
        }
        if driver.cut_until.is_none() {
            let pause = backoff.next(&mut driver.rng);
            hand::narrate(driver.narrates, || format!("{why}; trying again in {:.0} s", pause.as_secs_f64()));
            last = !wait(&mut driver, Instant::now() + pause, &mut commands).await?;
        }
    }
}

/// Waits without a connection. False when the world finishes meanwhile.
async fn wait(
    driver: &mut Driver,
    until: Instant,
    commands: &mut Option<mpsc::Receiver<Command>>,
) -> Result<bool, ClientError> {
    let world = driver.world.clone();
    loop {
        tokio::select! {
            () = world.finish.cancelled() => return Ok(false),
            () = tokio::time::sleep_until(until.into()) => {
                driver.live(false)?;
                return Ok(true);
            }
            command = hand::next(commands), if driver.has_booted => hand::apply(driver, command, false)?,
        }
    }
}

async fn connect(driver: &Driver, url: &str) -> Result<Socket, String> {
    let network = &driver.world.network;
    let station = driver.station();
    let address = format!("{}/{}", url.trim_end_matches('/'), percent_encoded(&station.id));
    let mut request =
        address.as_str().into_client_request().map_err(|error| format!("{address}: {error}"))?;
    let subprotocol = if station.protocol == Protocol::Ocpp201 { "ocpp2.0.1" } else { "ocpp1.6" };
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    if let Some(password) = &network.ocpp_password {
        let credentials = format!("{}:{}", station.id, password.expose());
        let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials));
        let value = HeaderValue::try_from(value).map_err(|error| format!("the password: {error}"))?;
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(1 << 20));
    let tls = network.tls.clone().map(Connector::Rustls);
    let attempt = connect_async_tls_with_config(request, Some(config), true, tls);
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(WsError::Http(response))) => {
            Err(format!("{address}: the gateway answers {}", response.status()))
        }
        Ok(Err(error)) => Err(format!("{address}: {error}")),
        Err(_) => Err(format!("{address}: no answer for {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

/// What is under way on one connection.
struct Conversation {
    socket: Socket,
    /// The one call that is not answered yet, and until when it may be.
    asked: Option<(Message, Instant)>,
    /// Nothing is sent before this.
    hold_until: Instant,
    last_sent: Instant,
    /// Once the world finishes: until when to go on.
    ends_at: Option<Instant>,
}

async fn converse(
    driver: &mut Driver,
    socket: Socket,
    commands: &mut Option<mpsc::Receiver<Command>>,
    backoff: &mut Backoff,
) -> Result<Gone, ClientError> {
    let now = Instant::now();
    let mut talk = Conversation { socket, asked: None, hold_until: now, last_sent: now, ends_at: None };
    driver.live(false)?;
    let gone = match talk.until_gone(driver, commands, backoff).await {
        Ok(gone) => Ok(gone),
        Err(Trouble::Client(error)) => Err(error),
        Err(Trouble::Socket(error)) => Ok(Gone::Broken(format!("the connection broke: {error}"))),
    };
    driver.put_back(talk.asked.take().map(|(message, _)| message).into_iter());
    gone
}

/// What ends a conversation.
enum Trouble {
    Client(ClientError),
    Socket(WsError),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<WsError> for Trouble {
    fn from(error: WsError) -> Self {
        Self::Socket(error)
    }
}

impl Conversation {
    async fn until_gone(
        &mut self,
        driver: &mut Driver,
        commands: &mut Option<mpsc::Receiver<Command>>,
        backoff: &mut Backoff,
    ) -> Result<Gone, Trouble> {
        let world = driver.world.clone();
        loop {
            if self.ends_at.is_none() {
                driver.live(true)?;
            }
            if driver.cut_until.is_some() {
                return Ok(Gone::Broken("cut off".into()));
            }
            self.speak(driver).await?;
            let now = Instant::now();
            if let Some(ends_at) = self.ends_at
                && ((self.asked.is_none() && driver.is_quiet()) || now >= ends_at)
            {
                self.socket.close(None).await?;
                return Ok(Gone::Finished);
            }
            if let Some((message, deadline)) = &self.asked
                && now >= *deadline
            {
                return Ok(Gone::Broken(format!("{} was not answered", message.action())));
            }
            tokio::select! {
                () = world.finish.cancelled(), if self.ends_at.is_none() => {
                    driver.shut_down()?;
                    self.ends_at = Some(Instant::now() + world.network.drain);
                }
                () = tokio::time::sleep_until(self.wakes_at(driver).into()) => {}
                frame = self.socket.next() => match frame {
                    Some(frame) => {
                        if self.hear(driver, frame?).await? {
                            backoff.reset();
                        }
                    }
                    None => return Ok(Gone::Broken("the gateway closed the connection".into())),
                },
                command = hand::next(commands), if driver.has_booted && self.ends_at.is_none() => {
                    hand::apply(driver, command, true)?;
                }
            }
        }
    }

    fn wakes_at(&self, driver: &Driver) -> Instant {
        let call = self.asked.as_ref().map(|(_, deadline)| *deadline);
        let hold = (self.hold_until > Instant::now()).then_some(self.hold_until);
        let heartbeat = self.last_sent + driver.heartbeat_every;
        let life = if self.ends_at.is_some() { None } else { Some(driver.next_wake()) };
        [call, hold, life, self.ends_at].into_iter().flatten().fold(heartbeat, Instant::min)
    }

    /// Sends the next call, if none is under way.
    async fn speak(&mut self, driver: &mut Driver) -> Result<(), Trouble> {
        let now = Instant::now();
        if self.asked.is_some() || now < self.hold_until {
            return Ok(());
        }
        if now >= self.last_sent + driver.heartbeat_every && driver.is_quiet() && self.ends_at.is_none() {
            driver.heartbeat()?;
        }
        self.last_sent = self.last_sent.max(now.checked_sub(driver.heartbeat_every).unwrap_or(now));
        let Some(message) = driver.take()? else { return Ok(()) };
        let frame = match &message.encoded {
            Some(encoded) => format!("[2,\"{}\",\"{}\",{}]", message.id, encoded.action, encoded.payload),
            None => return Ok(()),
        };
        hand::narrate(driver.narrates, || format!("→ {frame}"));
        self.asked = Some((message, now + driver.world.network.call_timeout));
        self.last_sent = now;
        self.socket.send(Frame::text(frame)).await?;
        Ok(())
    }

    /// Takes a frame. True if it is the answer to our call.
    async fn hear(&mut self, driver: &mut Driver, frame: Frame) -> Result<bool, Trouble> {
        let Frame::Text(text) = frame else { return Ok(false) };
        hand::narrate(driver.narrates, || format!("← {text}"));
        let Ok(Value::Array(parts)) = serde_json::from_str::<Value>(&text) else {
            tracing::warn!(station = %driver.station().id, "the gateway sent something that is not an OCPP frame");
            return Ok(false);
        };
        let text_at = |place: usize| parts.get(place).and_then(Value::as_str).unwrap_or_default();
        let payload = |place: usize| parts.get(place).unwrap_or(&Value::Null);
        let kind = parts.first().and_then(Value::as_i64);
        if kind == Some(2) {
            let answer = ocpp_call::answer(driver, text_at(1), text_at(2), payload(3))?;
            hand::narrate(driver.narrates, || format!("→ {answer}"));
            self.socket.send(Frame::text(answer)).await?;
            return Ok(false);
        }
        let Some((message, deadline)) = self.asked.take() else { return Ok(false) };
        if text_at(1) != message.id {
            // An answer to a call of an earlier connection: not ours any more.
            self.asked = Some((message, deadline));
            return Ok(false);
        }
        let then = match kind {
            Some(3) => ocpp_answer::result(driver, &message, payload(2))?,
            _ => ocpp_answer::error(driver, &message, text_at(2), text_at(3))?,
        };
        if let ocpp_answer::Then::Again(pause) = then {
            driver.put_back(std::iter::once(message));
            self.hold_until = Instant::now() + pause;
        }
        Ok(true)
    }
}

/// Ids may hold what URLs may not.
fn percent_encoded(id: &str) -> String {
    id.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

#[cfg(test)]
mod tests;
