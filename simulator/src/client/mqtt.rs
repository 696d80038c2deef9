//! A station that speaks our JSON over MQTT, QoS 1: what has no PUBACK is published again, with the same id in it,
//! on the next connection.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS, TlsConfiguration, Transport,
};

use super::backoff::Backoff;
use super::driver::Driver;
use super::message::Message;
use super::{ClientError, MqttTarget, Network};
use crate::tally::count;

/// Publications without a PUBACK at one time. A station is no fire hose; more would only be repeated after a break.
const IN_FLIGHT: usize = 10;
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Why a connection is over.
enum Gone {
    Finished,
    Broken(String),
}

/// A connection's set-up.
pub(crate) fn options(id: &str, target: &MqttTarget, network: &Network) -> MqttOptions {
    let mut options = MqttOptions::new(id, &target.host, target.port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_session(true).set_inflight(IN_FLIGHT as u16);
    // 1 MiB, as much as the gateway takes.
    options.set_max_packet_size(1 << 20, 1 << 20);
    if let Some((user, password)) = &target.credentials {
        options.set_credentials(user, password.expose());
    }
    if let (true, Some(tls)) = (target.tls, &network.tls) {
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())));
    }
    options
}

/// Lives at `target` until the world finishes.
///
/// # Errors
/// When the books cannot be written.
pub async fn run(mut driver: Driver, target: MqttTarget) -> Result<(), ClientError> {
    let world = driver.world.clone();
    let mut backoff = Backoff::new(world.network.reconnect);
    let mut next = world.clock.instant(driver.life.connects_at());
    loop {
        if let Some(until) = driver.cut_until.take() {
            next = next.max(world.clock.instant(until));
        }
        let last = tokio::select! {
            () = world.finish.cancelled() => true,
            () = tokio::time::sleep_until(next.into()) => false,
        };
        if last && !driver.has_booted {
            return Ok(());
        }
        driver.live(false)?;
        let options = options(&driver.station().id, &target, &world.network);
        let (client, events) = AsyncClient::new(options, IN_FLIGHT);
        let mut talk = Conversation { client, in_flight: VecDeque::new(), connected: false, ends_at: None };
        let gone = talk.until_gone(&mut driver, events, &mut backoff).await;
        if talk.connected {
            world.tally.connected.fetch_sub(1, Ordering::Relaxed);
        }
        driver.put_back(talk.in_flight.drain(..).map(|published| published.message));
        match gone? {
            Gone::Finished => return Ok(()),
            Gone::Broken(why) => {
                tracing::debug!(station = %driver.station().id, why, "not connected");
                // Who is cut off when the world finishes tries once more: what waits shall be said.
                if last {
                    return Ok(());
                }
                if !talk.connected {
                    world.tally.connect_failed(&format!("{}:{}: {why}", target.host, target.port));
                }
            }
        }
        next = Instant::now();
        if driver.cut_until.is_none() {
            next += backoff.next(&mut driver.rng);
        }
    }
}

struct Conversation {
    client: AsyncClient,
    in_flight: VecDeque<Published>,
    connected: bool,
    ends_at: Option<Instant>,
}

struct Published {
    message: Message,
    /// Known once it is on its way.
    packet: Option<u16>,
    deadline: Instant,
}

impl Conversation {
    async fn until_gone(
        &mut self,
        driver: &mut Driver,
        mut events: EventLoop,
        backoff: &mut Backoff,
    ) -> Result<Gone, ClientError> {
        let world = driver.world.clone();
        let mut beats_at = Instant::now() + driver.heartbeat_every;
        loop {
            // Polled to its end before it is polled anew: dropping it half-way could tear a packet.
            let mut poll = pin!(events.poll());
            let event = loop {
                if self.connected {
                    if self.ends_at.is_none() {
                        driver.live(true)?;
                    }
                    if driver.cut_until.is_some() {
                        return Ok(Gone::Broken("cut off".into()));
                    }
                    let now = Instant::now();
                    if now >= beats_at && self.ends_at.is_none() {
                        beats_at = now + driver.heartbeat_every;
                        driver.heartbeat()?;
                    }
                    if !self.publish(driver)? {
                        return Ok(Gone::Broken("the client is gone".into()));
                    }
                    if self.ends_at.is_some_and(|at| now >= at)
                        || (self.ends_at.is_some() && self.in_flight.is_empty() && driver.is_quiet())
                    {
                        break None;
                    }
                    if self.in_flight.front().is_some_and(|oldest| now >= oldest.deadline) {
                        return Ok(Gone::Broken("a publication was not acknowledged".into()));
                    }
                }
                let life = driver.next_wake();
                let oldest = self.in_flight.front().map(|oldest| oldest.deadline);
                let wake = match self.ends_at {
                    Some(ends_at) => [oldest].into_iter().flatten().fold(ends_at, Instant::min),
                    None => [oldest].into_iter().flatten().fold(life.min(beats_at), Instant::min),
                };
                tokio::select! {
                    event = &mut poll => break Some(event),
                    () = tokio::time::sleep_until(wake.into()), if self.connected => {}
                    () = world.finish.cancelled(), if self.connected && self.ends_at.is_none() => {
                        driver.shut_down()?;
                        self.ends_at = Some(Instant::now() + world.network.drain);
                    }
                }
            };
            match event {
                None => break,
                Some(Err(error)) => return Ok(Gone::Broken(error.to_string())),
                Some(Ok(event)) => {
                    if self.happened(driver, event)? {
                        backoff.reset();
                    }
                }
            }
        }
        if self.client.try_disconnect().is_ok() {
            // Until the packet is out, or two seconds at most.
            let goodbye = async { while events.poll().await.is_ok() {} };
            let _ = tokio::time::timeout(Duration::from_secs(2), goodbye).await;
        }
        Ok(Gone::Finished)
    }

    /// Publishes as much as may be in flight. False if the client takes nothing any more.
    fn publish(&mut self, driver: &mut Driver) -> Result<bool, ClientError> {
        while self.in_flight.len() < IN_FLIGHT {
            let Some(message) = driver.take()? else { break };
            let Some(encoded) = &message.encoded else { continue };
            let topic = format!("stations/{}/{}", driver.station().id, encoded.action);
            let payload = encoded.payload.clone();
            let deadline = Instant::now() + driver.world.network.call_timeout;
            let taken = self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).is_ok();
            self.in_flight.push_back(Published { message, packet: None, deadline });
            if !taken {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes an event. True if something was acknowledged.
    fn happened(&mut self, driver: &mut Driver, event: Event) -> Result<bool, ClientError> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.connected = true;
                count(&driver.world.tally.connects);
                driver.world.tally.connected.fetch_add(1, Ordering::Relaxed);
            }
            Event::Outgoing(Outgoing::Publish(packet)) => {
                // They go out in the order in which they were handed in.
                if let Some(next) = self.in_flight.iter_mut().find(|published| published.packet.is_none()) {
                    next.packet = Some(packet);
                }
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                let place = self.in_flight.iter().position(|published| published.packet == Some(ack.pkid));
                if let Some(published) = place.and_then(|place| self.in_flight.remove(place)) {
                    driver.acknowledge(&published.message)?;
                    return Ok(true);
                }
            }
            _ => {}
        }
        Ok(false)
    }
}
