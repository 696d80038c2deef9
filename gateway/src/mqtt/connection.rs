//! One connection of a client: packets in, events into the pipeline, acknowledgements out in the order of the messages.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use station::event::{EventKind, Source, StationEvent};
use station::id::StationId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use super::auth::{self, Client};
use super::clients::{Clients, Place};
use super::codec::{self, Accepted, Connect, Incoming, Outgoing, Publish, Version};
use super::config::Config;
use super::ended::Ended;
use super::leaving::Leaving;
use super::messages::Messages;
use crate::metrics::{ActionLabels, CodeLabels, ProtocolLabels, ReasonLabels};
use crate::ocpp::Pace;
use crate::pipeline::Refused;

/// How long a client may take to read its acknowledgements, and the journal to answer when a connection ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// Read at least so much at once; most packets are smaller.
const READ_BYTES: usize = 4_096;
/// Of how many stations one connection may be the presence. A bridge speaks for many; beyond this, they count as known
/// by their messages alone.
const STATIONS_MAX: usize = 10_000;

/// What all connections of the endpoint share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) messages: Messages,
    pub(super) clients: Clients,
    pub(super) gateway_id: String,
    pub(super) epoch: Uuid,
}

/// A message on its way into the journal, with what its sender gets when it is there.
type InFlight<'a> = Pin<Box<dyn Future<Output = (Option<Outgoing>, Result<(), Refused>)> + Send + 'a>>;

/// Serves one connection to its end.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    mut stream: S,
    remote: IpAddr,
    leaving: &Leaving,
) -> Ended {
    let metrics = &shared.messages.metrics;
    let protocol = Source::MqttEndpoint.label();
    let mut input = BytesMut::with_capacity(READ_BYTES);
    let hello = timeout(shared.config.connect_timeout.0, hello(shared, &mut stream, &mut input));
    let hello = tokio::select! {
        hello = hello => hello.unwrap_or(Err(Ended::ConnectTimeout)),
        () = leaving.begun() => Err(Ended::Shutdown),
    };
    let ended = match hello {
        Err(ended) => ended,
        Ok((version, connect, client)) => {
            let place = shared.clients.enter(client).await;
            metrics.connects.get_or_create(&ProtocolLabels { protocol }).inc();
            metrics.connections.get_or_create(&ProtocolLabels { protocol }).inc();
            let mut connection = Connection {
                shared,
                place,
                remote,
                version,
                deadline: Duration::ZERO,
                output: BytesMut::new(),
                window: FuturesOrdered::new(),
                exactly_once: HashMap::new(),
                stations: HashSet::new(),
                pace: Pace::new(shared.config.max_messages_per_second, std::time::Instant::now()),
                hold_until: None,
                slowed: false,
            };
            let ended = connection.run(&mut stream, &mut input, &connect, leaving).await;
            metrics.connections.get_or_create(&ProtocolLabels { protocol }).dec();
            ended
        }
    };
    if let Ended::Malformed(error) = ended {
        let code = ended.label();
        metrics.call_errors.get_or_create(&CodeLabels { protocol, code }).inc();
        tracing::warn!(%remote, "MQTT connection closed: {error}");
    }
    match ended {
        Ended::ConnectTimeout | Ended::Protocol | Ended::Malformed(_) => metrics.refused(ended.label()),
        _ => {}
    }
    if let Some(advice) = ended.advice() {
        tracing::info!(%remote, "MQTT connection closed: {advice}");
    }
    metrics.disconnects.get_or_create(&ReasonLabels { reason: ended.label() }).inc();
    let _ = timeout(PATIENCE, stream.shutdown()).await;
    ended
}

/// Reads the first packet and looks who is there.
async fn hello<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    stream: &mut S,
    input: &mut BytesMut,
) -> Result<(Version, Connect, Client), Ended> {
    let max_bytes = max_packet_bytes(&shared.config);
    let (version, packet) = loop {
        if let Some(version) = codec::version(input).map_err(Ended::Malformed)?
            && let Some(packet) = codec::read(version, input, max_bytes).map_err(Ended::Malformed)?
        {
            break (version, packet);
        }
        if read_more(stream, input).await == 0 {
            return Err(Ended::Closed);
        }
    };
    let Incoming::Connect(mut connect) = packet else { return Err(Ended::Protocol) };
    let login = connect.login.as_ref().map(|(name, password)| (name.as_str(), password.as_str()));
    let answer = match auth::login(&shared.config, login) {
        Err(denied) => {
            let name = login.map(|(name, _)| name);
            tracing::warn!(user = name, client = connect.client_id, "MQTT client turned away: {denied:?}");
            shared.messages.metrics.refused("login");
            Outgoing::Denied
        }
        Ok(user) => {
            // 3.1.1 lets clients without an id in only if they want nothing kept.
            if !connect.client_id.is_empty() || connect.clean || version == Version::V5 {
                connect.login = None;
                let client_id = match connect.client_id.as_str() {
                    "" => format!("assigned-{}", Uuid::new_v4().simple()),
                    id => id.to_owned(),
                };
                return Ok((version, connect, Client { user, client_id }));
            }
            Outgoing::BadClientId
        }
    };
    let mut output = BytesMut::new();
    codec::write(version, &answer, &mut output);
    let _ = stream.write_all_buf(&mut output).await;
    Err(Ended::Denied)
}

struct Connection<'a> {
    shared: &'a Shared,
    place: Place<'a>,
    remote: IpAddr,
    version: Version,
    /// Silence after which the client is gone.
    deadline: Duration,
    output: BytesMut,
    /// Messages that wait for the journal, in their order. Futures are polled for the first time in the order in which
    /// they were put in, and so reach the journal.
    window: FuturesOrdered<InFlight<'a>>,
    /// QoS 2 messages that were not released yet, and whether they were acknowledged.
    exactly_once: HashMap<u16, bool>,
    /// The stations for which this connection spoke.
    stations: HashSet<StationId>,
    pace: Pace,
    /// Who sends too much is not read before.
    hold_until: Option<Instant>,
    /// Whether it was told that this client is slowed.
    slowed: bool,
}

impl Connection<'_> {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        input: &mut BytesMut,
        connect: &Connect,
        leaving: &Leaving,
    ) -> Ended {
        self.accept(connect);
        let ended = match self.exchange(stream, input, leaving).await {
            Ok(ended) | Err(ended) => ended,
        };
        // What was read goes into the journal, also if its sender is gone: QoS 0 comes only once. But after a refusal
        // nothing more may, or the refused message would come after its successors.
        if !matches!(ended, Ended::Refused(_)) {
            let _ = timeout(PATIENCE, self.drain()).await;
        }
        if let Some(reason) = ended.reason() {
            self.write(&Outgoing::Disconnect(reason));
        }
        let _ = timeout(PATIENCE, stream.write_all_buf(&mut self.output)).await;
        self.say_disconnected(ended).await;
        ended
    }

    fn accept(&mut self, connect: &Connect) {
        let config = &self.shared.config;
        let longest = u16::try_from(config.keep_alive_max.0.as_secs()).unwrap_or(u16::MAX).max(1);
        let asked = connect.keep_alive_s;
        let told = (self.version == Version::V5 && (asked == 0 || asked > longest)).then_some(longest);
        let seconds = told.unwrap_or(if asked == 0 { longest } else { asked });
        self.deadline = Duration::from_millis(u64::from(seconds) * 1_500);
        if connect.will {
            tracing::debug!(
                client = self.place.client().client_id,
                "a will is ignored: nobody subscribes here"
            );
        }
        let client_id = &self.place.client().client_id;
        let assigned_client_id = connect.client_id.is_empty().then(|| client_id.clone());
        self.write(&Outgoing::Accepted(Accepted {
            assigned_client_id,
            window: config.window,
            max_packet_bytes: max_packet_bytes(config),
            keep_alive_s: told,
        }));
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        input: &mut BytesMut,
        leaving: &Leaving,
    ) -> Result<Ended, Ended> {
        let max_bytes = max_packet_bytes(&self.shared.config);
        let window = usize::from(self.shared.config.window);
        let mut silent_at = Instant::now() + self.deadline;
        loop {
            while self.window.len() < window && self.hold_until.is_none() {
                match codec::read(self.version, input, max_bytes).map_err(Ended::Malformed)? {
                    Some(packet) => self.packet(packet)?,
                    None => break,
                }
            }
            if !self.output.is_empty() {
                match timeout(PATIENCE, stream.write_all_buf(&mut self.output)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(Ended::Closed),
                    Err(_) => return Err(Ended::NotReading),
                }
            }
            // A full window is not read past: the client waits, and is not held to its keep-alive meanwhile.
            let reading = self.window.len() < window && self.hold_until.is_none();
            tokio::select! {
                biased;
                () = leaving.turn() => return Ok(Ended::Shutdown),
                () = self.place.replaced() => return Ok(Ended::Replaced),
                Some((answer, taken)) = self.window.next(), if !self.window.is_empty() => {
                    self.answered(answer, taken)?;
                    while let Some(Some((answer, taken))) = self.window.next().now_or_never() {
                        self.answered(answer, taken)?;
                    }
                    if !reading {
                        silent_at = Instant::now() + self.deadline;
                    }
                }
                () = sleep_until(self.hold_until.unwrap_or(silent_at)), if self.hold_until.is_some() => {
                    self.hold_until = None;
                    silent_at = Instant::now() + self.deadline;
                }
                read = read_more(stream, input), if reading => {
                    if read == 0 {
                        return Ok(Ended::Closed);
                    }
                    silent_at = Instant::now() + self.deadline;
                }
                () = sleep_until(silent_at), if reading => return Ok(Ended::KeepAlive),
            }
        }
    }

    fn packet(&mut self, packet: Incoming) -> Result<(), Ended> {
        match packet {
            Incoming::Publish(publish) => return self.publish(publish),
            Incoming::PubRel { packet } => {
                let known = self.exactly_once.remove(&packet).is_some();
                self.write(&Outgoing::PubComp { packet, known });
            }
            Incoming::Subscribe { packet, filters } => {
                tracing::debug!(
                    client = self.place.client().client_id,
                    "subscription refused: nothing is sent here"
                );
                self.shared.messages.metrics.refused("subscription");
                self.write(&Outgoing::SubAck { packet, filters });
            }
            Incoming::Unsubscribe { packet, filters } => self.write(&Outgoing::UnsubAck { packet, filters }),
            Incoming::Ping => self.write(&Outgoing::Pong),
            Incoming::Disconnect => return Err(Ended::Disconnected),
            Incoming::Connect(_) | Incoming::Unexpected => return Err(Ended::Protocol),
        }
        Ok(())
    }

    fn publish(&mut self, publish: Publish) -> Result<(), Ended> {
        // No alias was offered, so none may be used.
        if publish.has_alias || publish.topic.is_empty() || publish.topic.contains(['+', '#']) {
            return Err(Ended::Protocol);
        }
        let Publish { qos, packet, topic, payload, .. } = publish;
        let station = self.shared.messages.rules.station(&topic);
        let rule = self.shared.config.station_is;
        let allowed = station.as_ref().is_none_or(|s| self.place.client().may_speak_of(s.as_str(), rule));
        if !allowed {
            tracing::warn!(topic, client = self.place.client().client_id, "not this client's station");
            self.shared.messages.metrics.refused("not_its_station");
            // 3.1.1 has no word for it but the end of the connection.
            return match (self.version, qos) {
                (Version::V4, _) => Err(Ended::Denied),
                (Version::V5, 0) => Ok(()),
                (Version::V5, 1) => {
                    self.write(&Outgoing::PubAck { packet, allowed });
                    Ok(())
                }
                (Version::V5, _) => {
                    self.write(&Outgoing::PubRec { packet, allowed });
                    Ok(())
                }
            };
        }
        self.slow_down();
        let answer = match qos {
            0 => None,
            1 => Some(Outgoing::PubAck { packet, allowed }),
            _ => {
                let answer = Outgoing::PubRec { packet, allowed };
                match self.exactly_once.get(&packet) {
                    // Sent again because the acknowledgement did not arrive: it is in the journal already.
                    Some(true) => {
                        self.write(&answer);
                        return Ok(());
                    }
                    // Still on its way: its acknowledgement will come.
                    Some(false) => return Ok(()),
                    None => self.exactly_once.insert(packet, false),
                };
                Some(answer)
            }
        };
        let before = station.and_then(|station| self.connected(&station));
        let messages = &self.shared.messages;
        self.window.push_back(Box::pin(async move {
            let taken = messages.take(before, &topic, &payload).await;
            (answer, taken)
        }));
        Ok(())
    }

    /// Counts a message against the client's limit.
    fn slow_down(&mut self) {
        let Some(wait) = self.pace.took(std::time::Instant::now()) else { return };
        self.hold_until = Some(Instant::now() + wait);
        let protocol = Source::MqttEndpoint.label();
        self.shared.messages.metrics.slowed.get_or_create(&ProtocolLabels { protocol }).inc();
        if !std::mem::replace(&mut self.slowed, true) {
            tracing::warn!(
                client = self.place.client().client_id,
                "an MQTT client sends more than gateway.mqtt.max_messages_per_second and is slowed: look why, or raise \
                 the limit"
            );
        }
    }

    fn answered(&mut self, answer: Option<Outgoing>, taken: Result<(), Refused>) -> Result<(), Ended> {
        taken.map_err(Ended::Refused)?;
        if let Some(Outgoing::PubRec { packet, .. }) = answer {
            self.exactly_once.insert(packet, true);
        }
        if let Some(answer) = answer {
            self.write(&answer);
        }
        Ok(())
    }

    /// Waits for all messages that are on their way.
    async fn drain(&mut self) {
        while let Some((answer, taken)) = self.window.next().await {
            if self.answered(answer, taken).is_err() {
                return;
            }
        }
    }

    fn write(&mut self, packet: &Outgoing) {
        let action = match packet {
            Outgoing::Accepted(_) | Outgoing::Denied | Outgoing::BadClientId => "connack",
            Outgoing::PubAck { .. } => "puback",
            Outgoing::PubRec { .. } => "pubrec",
            Outgoing::PubComp { .. } => "pubcomp",
            Outgoing::SubAck { .. } => "suback",
            Outgoing::UnsubAck { .. } => "unsuback",
            Outgoing::Pong => "pingresp",
            Outgoing::Disconnect(_) => "disconnect",
        };
        let labels = ActionLabels { protocol: Source::MqttEndpoint.label(), direction: "out", action };
        self.shared.messages.metrics.messages.get_or_create(&labels).inc();
        codec::write(self.version, packet, &mut self.output);
    }

    /// The event that the station is connected, with the first message of it.
    fn connected(&mut self, station: &StationId) -> Option<StationEvent> {
        if !self.shared.config.presence
            || self.stations.contains(station)
            || self.stations.len() >= STATIONS_MAX
        {
            return None;
        }
        self.stations.insert(station.clone());
        self.place.speaks_for(station);
        let kind = EventKind::Connected {
            gateway: self.shared.gateway_id.clone(),
            epoch: self.shared.epoch,
            remote: self.remote.to_string(),
        };
        Some(StationEvent::new(station.clone(), Source::MqttEndpoint, kind))
    }

    /// The events that the stations are not connected any more. If the journal does not take them, the state stays what
    /// it was until the station connects again, or the gateway's epoch ends.
    async fn say_disconnected(&mut self, ended: Ended) {
        for station in std::mem::take(&mut self.stations) {
            let is_last = self.place.spoke_for(&station);
            let reason = if is_last { ended } else { Ended::Replaced };
            let kind = EventKind::Disconnected {
                gateway: self.shared.gateway_id.clone(),
                epoch: self.shared.epoch,
                reason: reason.label().to_owned(),
            };
            let event = StationEvent::new(station, Source::MqttEndpoint, kind);
            if self.shared.messages.pipeline.submit(vec![event]).await.is_err() {
                return;
            }
        }
    }
}

fn max_packet_bytes(config: &Config) -> u32 {
    // MQTT's own limit is 256 MiB.
    u32::try_from(config.max_packet_bytes.0).unwrap_or(u32::MAX).min(268_435_455)
}

/// Reads what is there; 0 at the end of the stream, however it ended.
async fn read_more<S: AsyncRead + Unpin>(stream: &mut S, input: &mut BytesMut) -> usize {
    if input.capacity() - input.len() < READ_BYTES {
        input.reserve(READ_BYTES);
    }
    stream.read_buf(input).await.unwrap_or(0)
}
