//! The endpoint over real sockets, with a pipeline whose other end the test holds.

use std::sync::Arc;

use bytes::BytesMut;
use prometheus_client::registry::Registry;
use rumqttc::mqttbytes::v4;
use rumqttc::mqttbytes::{self as bytes4, QoS};
use rumqttc::v5::mqttbytes::{QoS as QoS5, v5};
use service::config::{HumanBytes, HumanDuration};
use service::readiness::Readiness;
use sha2::{Digest, Sha256};
use station::event::{EventKind, RejectReason, StationEvent};
use station::fold::Outcome;
use station::secret::SecretKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::metrics::AdapterMetrics;
use crate::pipeline::{Pipeline, Refused, Submission};

/// Longer than anything here takes, shorter than anybody's patience.
const DEADLINE: Duration = Duration::from_secs(20);

struct Endpoint {
    address: std::net::SocketAddr,
    journal: mpsc::Receiver<Submission>,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
}

impl Endpoint {
    async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (pipeline, journal) = Pipeline::channel(64);
        let shutdown = CancellationToken::new();
        let deps = Deps {
            pipeline,
            secret_key: Arc::new(SecretKey::new(b"key")),
            metrics: AdapterMetrics::register(&mut Registry::default()),
            readiness: Readiness::new(),
            gateway_id: "g1".to_owned(),
            epoch: Uuid::from_u128(1),
        };
        let stop = shutdown.clone();
        let server = tokio::spawn(async move {
            serve_endpoint(config, Some(listener), None, deps, stop).await.expect("served");
        });
        Self { address, journal, shutdown, server }
    }

    async fn submission(&mut self) -> Submission {
        timeout(DEADLINE, self.journal.recv()).await.expect("in time").expect("open")
    }

    /// Takes the next submission and answers that it is stored.
    async fn stored(&mut self) -> Vec<StationEvent> {
        let submission = self.submission().await;
        let outcomes = submission.events.iter().map(|_| Outcome::default()).collect();
        let _ = submission.answer.send(Ok(outcomes));
        submission.events
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.expect("connected"), input: BytesMut::new() }
    }

    /// A client of MQTT 3.1.1 that was let in.
    async fn client(&self, id: &str) -> Client {
        let mut client = self.connect().await;
        client.send(v4::Packet::Connect(v4::Connect::new(id))).await;
        let answer = client.receive().await;
        assert!(matches!(answer, v4::Packet::ConnAck(a) if a.code == v4::ConnectReturnCode::Success));
        client
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        let drained = async {
            while let Some(s) = self.journal.recv().await {
                let _ = s.answer.send(Ok(Vec::new()));
            }
        };
        timeout(DEADLINE, async { tokio::join!(self.server, drained) })
            .await
            .expect("ends")
            .0
            .expect("no panic");
    }
}

struct Client {
    stream: TcpStream,
    input: BytesMut,
}

impl Client {
    async fn send(&mut self, packet: v4::Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).expect("written");
        self.stream.write_all(&bytes).await.expect("sent");
    }

    async fn send5(&mut self, packet: v5::Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, None).expect("written");
        self.stream.write_all(&bytes).await.expect("sent");
    }

    async fn publish(&mut self, qos: QoS, pkid: u16, topic: &str, payload: &str) {
        self.send(v4::Packet::Publish(v4::Publish { pkid, ..v4::Publish::new(topic, qos, payload) })).await;
    }

    async fn receive(&mut self) -> v4::Packet {
        loop {
            match v4::Packet::read(&mut self.input, 1 << 20) {
                Ok(packet) => return packet,
                Err(bytes4::Error::InsufficientBytes(_)) => {
                    assert!(self.more().await, "the connection was closed");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn receive5(&mut self) -> v5::Packet {
        loop {
            match v5::Packet::read(&mut self.input, None) {
                Ok(packet) => return packet,
                Err(rumqttc::v5::mqttbytes::Error::InsufficientBytes(_)) => {
                    assert!(self.more().await, "the connection was closed");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn more(&mut self) -> bool {
        timeout(DEADLINE, self.stream.read_buf(&mut self.input)).await.expect("in time").unwrap_or(0) > 0
    }

    /// Everything until the connection ends, as packets.
    async fn rest(&mut self) -> Vec<v4::Packet> {
        while self.more().await {}
        std::iter::from_fn(|| v4::Packet::read(&mut self.input, 1 << 20).ok()).collect()
    }

    /// Sends a ping and waits for its answer: whatever was sent before is dealt with.
    async fn ping(&mut self) {
        self.send(v4::Packet::PingReq).await;
        assert_eq!(self.receive().await, v4::Packet::PingResp);
    }
}

fn open() -> Config {
    Config { anonymous: true, presence: false, ..Config::default() }
}

fn labels(events: &[StationEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.label()).collect()
}

#[tokio::test]
async fn a_message_is_acknowledged_after_the_journal_has_it() {
    let mut endpoint = Endpoint::start(open()).await;
    let mut client = endpoint.client("c").await;
    client.publish(QoS::AtLeastOnce, 7, "stations/S1/heartbeat", "{}").await;
    let submission = endpoint.submission().await;
    assert_eq!(labels(&submission.events), ["heartbeat"]);
    assert_eq!(submission.events[0].station.as_str(), "S1");
    // The journal has not answered: a ping is answered, the message is not.
    client.ping().await;
    submission.answer.send(Ok(vec![Outcome::default()])).expect("awaited");
    assert_eq!(client.receive().await, v4::Packet::PubAck(v4::PubAck::new(7)));
    endpoint.stop().await;
}

#[tokio::test]
async fn acknowledgements_come_in_the_order_of_the_messages() {
    let mut endpoint = Endpoint::start(open()).await;
    let mut client = endpoint.client("c").await;
    for pkid in 1..=50 {
        client.publish(QoS::AtLeastOnce, pkid, &format!("stations/S{pkid}/heartbeat"), "").await;
    }
    let mut submissions = Vec::new();
    for _ in 0..50 {
        submissions.push(endpoint.submission().await);
    }
    for (at, submission) in submissions.iter().enumerate() {
        assert_eq!(submission.events[0].station.as_str(), format!("S{}", at + 1), "handed in in order");
    }
    for submission in submissions.into_iter().rev() {
        submission.answer.send(Ok(vec![Outcome::default()])).expect("awaited");
    }
    for pkid in 1..=50 {
        assert_eq!(client.receive().await, v4::Packet::PubAck(v4::PubAck::new(pkid)));
    }
    endpoint.stop().await;
}

#[tokio::test]
async fn a_full_window_is_not_read_past() {
    let mut endpoint = Endpoint::start(Config { window: 2, ..open() }).await;
    let mut client = endpoint.client("c").await;
    for pkid in 1..=3 {
        client.publish(QoS::AtLeastOnce, pkid, "stations/S/heartbeat", "").await;
    }
    let first = endpoint.submission().await;
    let second = endpoint.submission().await;
    assert!(endpoint.journal.try_recv().is_err(), "the third waits");
    first.answer.send(Ok(vec![Outcome::default()])).expect("awaited");
    let _third = endpoint.submission().await;
    drop(second);
    endpoint.stop().await;
}

#[tokio::test]
async fn what_the_journal_refuses_is_not_acknowledged_and_nothing_overtakes_it() {
    let mut endpoint = Endpoint::start(open()).await;
    let mut client = endpoint.client("c").await;
    client.publish(QoS::AtLeastOnce, 1, "stations/S/heartbeat", "").await;
    client.publish(QoS::AtLeastOnce, 2, "stations/S/boot", "{}").await;
    endpoint.submission().await.answer.send(Err(Refused::Full)).expect("awaited");
    assert_eq!(client.rest().await, [], "closed without an acknowledgement");
    endpoint.stop().await;
}

#[tokio::test]
async fn qos_2_is_handed_in_once() {
    let mut endpoint = Endpoint::start(open()).await;
    let mut client = endpoint.client("c").await;
    let topic = "stations/S/boot";
    client.publish(QoS::ExactlyOnce, 9, topic, "{}").await;
    // Again, while it is on its way, and after it was acknowledged.
    client.publish(QoS::ExactlyOnce, 9, topic, "{}").await;
    let submission = endpoint.submission().await;
    client.ping().await;
    submission.answer.send(Ok(vec![Outcome::default()])).expect("awaited");
    assert_eq!(client.receive().await, v4::Packet::PubRec(v4::PubRec::new(9)));
    client.publish(QoS::ExactlyOnce, 9, topic, "{}").await;
    assert_eq!(client.receive().await, v4::Packet::PubRec(v4::PubRec::new(9)));
    for _ in 0..2 {
        client.send(v4::Packet::PubRel(v4::PubRel::new(9))).await;
        assert_eq!(client.receive().await, v4::Packet::PubComp(v4::PubComp::new(9)));
    }
    assert!(endpoint.journal.try_recv().is_err());
    // Released: the id means a new message.
    client.publish(QoS::ExactlyOnce, 9, topic, "{}").await;
    assert_eq!(labels(&endpoint.stored().await), ["booted"]);
    endpoint.stop().await;
}

#[tokio::test]
async fn qos_0_is_handed_in_although_its_sender_has_gone() {
    let mut endpoint = Endpoint::start(open()).await;
    let mut client = endpoint.client("c").await;
    for _ in 0..5 {
        client.publish(QoS::AtMostOnce, 0, "stations/S/heartbeat", "").await;
    }
    client.send(v4::Packet::Disconnect).await;
    drop(client);
    for _ in 0..5 {
        assert_eq!(labels(&endpoint.stored().await), ["heartbeat"]);
    }
    endpoint.stop().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_kept_and_acknowledged() {
    let mut endpoint = Endpoint::start(open()).await;
    let mut client = endpoint.client("c").await;
    for (pkid, topic, expected) in
        [(1, "elsewhere", RejectReason::UnknownTopic), (2, "stations/S/boot", RejectReason::Malformed)]
    {
        client.publish(QoS::AtLeastOnce, pkid, topic, "{{").await;
        let events = endpoint.stored().await;
        assert!(matches!(events[0].kind, EventKind::Undecodable { reason, .. } if reason == expected));
        assert_eq!(client.receive().await, v4::Packet::PubAck(v4::PubAck::new(pkid)));
    }
    // Too large for the journal: the beginning of it is kept.
    client.publish(QoS::AtLeastOnce, 3, "stations/S/boot", "{}").await;
    endpoint.submission().await.answer.send(Err(Refused::TooLarge)).expect("awaited");
    let events = endpoint.stored().await;
    assert!(matches!(events[0].kind, EventKind::Undecodable { reason: RejectReason::TooLarge, .. }));
    assert_eq!(client.receive().await, v4::Packet::PubAck(v4::PubAck::new(3)));
    endpoint.stop().await;
}

#[tokio::test]
async fn connections_become_events_of_their_stations() {
    let mut endpoint = Endpoint::start(Config { presence: true, ..open() }).await;
    let mut first = endpoint.client("c").await;
    first.publish(QoS::AtLeastOnce, 1, "stations/S/heartbeat", "").await;
    assert_eq!(labels(&endpoint.stored().await), ["connected", "heartbeat"]);
    first.receive().await;
    first.publish(QoS::AtLeastOnce, 2, "stations/S/heartbeat", "").await;
    assert_eq!(labels(&endpoint.stored().await), ["heartbeat"]);
    first.receive().await;
    // The same client id again: the older connection goes first.
    let (mut second, events) = {
        let address = endpoint.address;
        let connecting = async move {
            let stream = TcpStream::connect(address).await.expect("connected");
            let mut client = Client { stream, input: BytesMut::new() };
            client.send(v4::Packet::Connect(v4::Connect::new("c"))).await;
            client.receive().await;
            client
        };
        tokio::join!(connecting, endpoint.stored())
    };
    assert!(matches!(&events[0].kind, EventKind::Disconnected { reason, .. } if reason == "replaced"));
    assert_eq!(first.rest().await, []);
    second.publish(QoS::AtLeastOnce, 1, "stations/S/heartbeat", "").await;
    assert_eq!(labels(&endpoint.stored().await), ["connected", "heartbeat"]);
    second.receive().await;
    second.send(v4::Packet::Disconnect).await;
    let events = endpoint.stored().await;
    assert!(matches!(&events[0].kind, EventKind::Disconnected { reason, .. } if reason == "disconnected"));
    endpoint.stop().await;
}

#[tokio::test]
async fn users_need_their_password_and_their_own_station() {
    let password_hash = hex::encode(Sha256::digest(b"secret"));
    let users = vec![User { name: "S1".to_owned(), password_hash }];
    let config = Config { users, station_is: StationIs::User, anonymous: false, ..open() };
    let mut endpoint = Endpoint::start(config).await;
    let login = |password: &str| {
        let mut connect = v4::Connect::new("c");
        connect.set_login("S1", password);
        v4::Packet::Connect(connect)
    };
    for connect in [v4::Packet::Connect(v4::Connect::new("c")), login("wrong")] {
        let mut client = endpoint.connect().await;
        client.send(connect).await;
        let answers = client.rest().await;
        assert!(
            matches!(&answers[..], [v4::Packet::ConnAck(a)] if a.code == v4::ConnectReturnCode::NotAuthorized),
            "{answers:?}"
        );
    }
    let mut client = endpoint.connect().await;
    client.send(login("secret")).await;
    client.receive().await;
    client.publish(QoS::AtLeastOnce, 1, "stations/S1/heartbeat", "").await;
    endpoint.stored().await;
    assert_eq!(client.receive().await, v4::Packet::PubAck(v4::PubAck::new(1)));
    client.publish(QoS::AtLeastOnce, 2, "stations/S2/heartbeat", "").await;
    assert_eq!(client.rest().await, [], "another's station");
    endpoint.stop().await;
}

#[tokio::test]
async fn mqtt_5_clients_are_told_the_limits_and_the_reasons() {
    let mut endpoint = Endpoint::start(Config { station_is: StationIs::ClientId, ..open() }).await;
    let mut client = endpoint.connect().await;
    let connect =
        v5::Connect { keep_alive: 0, client_id: "S1".to_owned(), clean_start: true, properties: None };
    client.send5(v5::Packet::Connect(connect, None, None)).await;
    let v5::Packet::ConnAck(accepted) = client.receive5().await else { panic!("no answer") };
    let told = accepted.properties.expect("limits");
    assert_eq!((accepted.code, accepted.session_present), (v5::ConnectReturnCode::Success, false));
    assert_eq!((told.receive_max, told.max_packet_size), (Some(64), Some(1 << 20)));
    assert_eq!(told.server_keep_alive, Some(600));

    let publish = |pkid, qos, topic: &str| {
        v5::Packet::Publish(v5::Publish { pkid, ..v5::Publish::new(topic, qos, "{}", None) })
    };
    client.send5(publish(1, QoS5::AtLeastOnce, "stations/S1/boot")).await;
    endpoint.stored().await;
    assert!(
        matches!(client.receive5().await, v5::Packet::PubAck(a) if a.reason == v5::PubAckReason::Success)
    );
    client.send5(publish(2, QoS5::AtLeastOnce, "stations/S2/boot")).await;
    assert!(
        matches!(client.receive5().await, v5::Packet::PubAck(a) if a.reason == v5::PubAckReason::NotAuthorized)
    );
    client.send5(publish(3, QoS5::ExactlyOnce, "stations/S1/boot")).await;
    endpoint.stored().await;
    assert!(
        matches!(client.receive5().await, v5::Packet::PubRec(a) if a.reason == v5::PubRecReason::Success)
    );
    client.send5(v5::Packet::PubRel(v5::PubRel::new(3, None))).await;
    assert!(matches!(client.receive5().await, v5::Packet::PubComp(_)));
    let filter = v5::Filter::new("stations/S1/commands/#", QoS5::AtLeastOnce);
    let subscribe = v5::Subscribe { pkid: 4, filters: vec![filter], properties: None };
    client.send5(v5::Packet::Subscribe(subscribe)).await;
    let v5::Packet::SubAck(answer) = client.receive5().await else { panic!("no answer") };
    assert_eq!(answer.return_codes, [v5::SubscribeReasonCode::NotAuthorized]);

    client.send5(publish(5, QoS5::AtLeastOnce, "stations/S1/boot")).await;
    endpoint.submission().await.answer.send(Err(Refused::Full)).expect("awaited");
    let v5::Packet::Disconnect(farewell) = client.receive5().await else { panic!("no reason") };
    assert_eq!(farewell.reason_code, v5::DisconnectReasonCode::ServerBusy);
    endpoint.stop().await;
}

#[tokio::test]
async fn whatever_is_no_mqtt_ends_its_own_connection_only() {
    let endpoint = Endpoint::start(Config { max_packet_bytes: HumanBytes(1_000), ..open() }).await;
    let mut witness = endpoint.client("witness").await;
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        &[0x10, 18, 0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, 2, 0, 60, 0, 4, b'a', b'b', b'c', b'd'],
        &[0x30, 0],
        &[0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4, b'M', b'Q', b'T', b'T', 4],
    ] {
        let mut client = endpoint.connect().await;
        client.stream.write_all(bytes).await.expect("sent");
        assert_eq!(client.rest().await, [], "{bytes:?}");
    }
    for bytes in [&[0x32, 5, 0, 9, b'a', b'b', b'c'][..], &[0x3f, 2, 0, 0], &[0x20, 2, 0, 0], &[0x00, 0]] {
        let mut client = endpoint.client("odd").await;
        client.stream.write_all(bytes).await.expect("sent");
        assert_eq!(client.rest().await, [], "{bytes:?}");
    }
    let mut client = endpoint.client("large").await;
    client.publish(QoS::AtLeastOnce, 1, "stations/S/boot", &"x".repeat(2_000)).await;
    assert_eq!(client.rest().await, []);
    witness.ping().await;
    endpoint.stop().await;
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let config = Config { connect_timeout: HumanDuration::from_millis(100), ..open() };
    let endpoint = Endpoint::start(config).await;
    let mut silent = endpoint.connect().await;
    assert_eq!(silent.rest().await, [], "no first packet");
    let mut client = endpoint.connect().await;
    client.send(v4::Packet::Connect(v4::Connect { keep_alive: 1, ..v4::Connect::new("c") })).await;
    client.receive().await;
    assert_eq!(client.rest().await, [], "nothing for 1.5 times its keep-alive");
    endpoint.stop().await;
}

#[tokio::test]
async fn too_many_connections_are_closed_at_once() {
    let endpoint = Endpoint::start(Config { max_connections: 1, ..open() }).await;
    let mut first = endpoint.client("a").await;
    let mut second = endpoint.connect().await;
    assert!(!second.more().await);
    first.ping().await;
    endpoint.stop().await;
}

#[tokio::test]
async fn stopping_answers_what_was_sent() {
    let mut endpoint = Endpoint::start(open()).await;
    let mut client = endpoint.client("c").await;
    client.publish(QoS::AtLeastOnce, 1, "stations/S/heartbeat", "").await;
    let submission = endpoint.submission().await;
    endpoint.shutdown.cancel();
    submission.answer.send(Ok(vec![Outcome::default()])).expect("awaited");
    assert_eq!(client.rest().await, [v4::Packet::PubAck(v4::PubAck::new(1))]);
    endpoint.stop().await;
}
