//! An external broker: messages are acknowledged to it when they are in the journal. Its own losses are its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use rand::Rng;
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode,
    TlsConfiguration, Transport,
};
use station::event::Source;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Deps;
use super::config::{BrokerConfig, Config, ConfigError};
use super::messages::Messages;
use crate::pipeline::Refused;

/// Messages that wait to be decoded. A broker sends only so many unacknowledged messages at a time (Mosquitto: 20;
/// MQTT's own limit: 65,535), so that only QoS 0 fills it.
const QUEUE: usize = 4_096;
/// Messages that wait for the journal at a time.
const WINDOW: usize = 1_024;
/// Room for an acknowledgement of each message that can be unacknowledged, so that acknowledging never waits.
const REQUESTS: usize = 70_000;
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The part of the readiness that this is.
const READINESS: &str = "mqtt_broker";

/// Why the broker cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// TLS.
    #[error("gateway.mqtt.broker.tls: {0}")]
    Tls(#[from] service::tls::TlsError),
}

/// Takes messages from the configured broker until `shutdown`. Does nothing without one.
///
/// # Errors
/// When the configuration cannot be used. A broker that is not there is no error: it is tried again.
pub async fn run_broker(config: Config, deps: Deps, shutdown: CancellationToken) -> Result<(), BrokerError> {
    config.check()?;
    let Some(broker) = config.broker.clone() else { return Ok(()) };
    let rules = config.rules()?;
    let topics = if broker.topics.is_empty() { rules.filters() } else { broker.topics.clone() };
    let (client, events) = AsyncClient::new(options(&config, &broker)?, REQUESTS);
    let connection = Arc::new(Connection {
        client,
        number: Mutex::new(0),
        current: AtomicU64::new(0),
        give_up: Notify::new(),
    });
    let (queue, waiting) = mpsc::channel(QUEUE);
    let address = format!("{}:{}", broker.host, broker.port);
    let polling =
        Polling { connection: Arc::clone(&connection), broker, topics, address, deps: deps.clone() };
    let messages = Messages {
        rules,
        source: Source::MqttBroker,
        key: deps.secret_key,
        pipeline: deps.pipeline,
        metrics: deps.metrics,
    };
    // Two tasks, so that the journal's waiting never keeps the connection from being polled.
    let worker = tokio::spawn(async move { work(&messages, waiting, &connection).await });
    polling.run(events, queue, shutdown).await;
    // Ends when the queue, whose sending end is gone, is empty.
    let _ = worker.await;
    Ok(())
}

fn options(config: &Config, broker: &BrokerConfig) -> Result<MqttOptions, BrokerError> {
    let mut options = MqttOptions::new(&broker.client_id, &broker.host, broker.port);
    let max_bytes = config.max_packet_bytes.as_usize();
    options
        .set_clean_session(false)
        .set_manual_acks(true)
        .set_keep_alive(broker.keep_alive.0.max(Duration::from_secs(1)))
        .set_max_packet_size(max_bytes, max_bytes);
    if !broker.username.is_empty() {
        options.set_credentials(&broker.username, broker.password.expose());
    }
    if let Some(tls) = &broker.tls {
        let tls = service::tls::client_config(tls)?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
    }
    Ok(options)
}

/// What polling and working share.
struct Connection {
    client: AsyncClient,
    /// The connection's number. A message may only be acknowledged on the connection on which it came: on the next one
    /// its packet id means another message. Held while acknowledging and while counting on.
    number: Mutex<u64>,
    /// The same number, for looking without holding it.
    current: AtomicU64,
    /// The journal refused a message: only a new connection makes the broker send it again.
    give_up: Notify,
}

impl Connection {
    /// Acknowledges, if the message came on this connection.
    fn acknowledge(&self, number: u64, publish: &Publish) {
        let current = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == number {
            // There is room for as many as can be unacknowledged.
            let _ = self.client.try_ack(publish);
        }
    }

    /// Ends a connection: what waits to be acknowledged on it never will be.
    fn end(&self, events: &mut EventLoop) {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        self.current.store(*number, Ordering::Release);
        // Takes the acknowledgements out that were not sent yet.
        events.clean();
    }
}

/// A message, and the connection on which it came.
type Queued = (u64, Publish);

struct Polling {
    connection: Arc<Connection>,
    broker: BrokerConfig,
    topics: Vec<String>,
    address: String,
    deps: Deps,
}

impl Polling {
    async fn run(&self, mut events: EventLoop, queue: mpsc::Sender<Queued>, shutdown: CancellationToken) {
        self.is_up(Err(format!("the MQTT broker {} was not reached yet", self.address)));
        let mut backoff = BACKOFF_FIRST;
        while !shutdown.is_cancelled() {
            let why = tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.connection.give_up.notified() => "the journal did not take a message".to_owned(),
                why = self.poll(&mut events, &queue, &mut backoff) => why,
            };
            self.connection.end(&mut events);
            self.is_up(Err(format!("the MQTT broker {}: {why}", self.address)));
            let wait = backoff.mul_f64(rand::rng().random_range(0.5..1.0));
            tracing::warn!(broker = self.address, retry_in_ms = wait.as_millis(), "MQTT broker lost: {why}");
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = sleep(wait) => {}
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
            // Do not take more while the last connection's messages still wait.
            while queue.capacity() < QUEUE / 2 && !shutdown.is_cancelled() {
                sleep(BACKOFF_FIRST).await;
            }
        }
        self.deps.metrics.broker_is_up(false);
        if events.network.is_some() && self.connection.client.try_disconnect().is_ok() {
            let farewell = async { while events.poll().await.is_ok() {} };
            let _ = timeout(Duration::from_secs(2), farewell).await;
        }
    }

    /// Polls until the connection is lost, and says why.
    async fn poll(
        &self,
        events: &mut EventLoop,
        queue: &mpsc::Sender<Queued>,
        backoff: &mut Duration,
    ) -> String {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    if let Err(why) = self.subscribe() {
                        return why;
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                        return format!(
                            "it refuses to be subscribed to {}; see its access list",
                            self.topics.join(", ")
                        );
                    }
                    *backoff = BACKOFF_FIRST;
                    tracing::info!(
                        broker = self.address,
                        topics = self.topics.join(", "),
                        "MQTT broker connected"
                    );
                    self.is_up(Ok(()));
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    let message = (self.connection.current.load(Ordering::Acquire), publish);
                    // Waiting for longer than this would cost the keep-alive; then better no connection, and the broker
                    // keeps what it has not delivered.
                    let patience = self.broker.keep_alive.0 / 3;
                    match timeout(patience, queue.send(message)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return "the gateway is stopping".to_owned(),
                        Err(_) => {
                            self.deps.metrics.refused("broker_queue_full");
                            return "messages come faster than the journal takes them".to_owned();
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => return error.to_string(),
            }
        }
    }

    fn subscribe(&self) -> Result<(), String> {
        let qos = match self.broker.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        let filters = self.topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), qos));
        self.connection.client.try_subscribe_many(filters).map_err(|error| error.to_string())
    }

    fn is_up(&self, state: Result<(), String>) {
        self.deps.metrics.broker_is_up(state.is_ok());
        self.deps.readiness.set(READINESS, state);
    }
}

/// Hands messages in, in their order, and acknowledges them.
async fn work(messages: &Messages, mut waiting: mpsc::Receiver<Queued>, connection: &Connection) {
    let mut window = FuturesOrdered::new();
    let mut refused_on = None;
    let mut open = true;
    while open || !window.is_empty() {
        tokio::select! {
            Some(answered) = window.next(), if !window.is_empty() => {
                refused_on = settle(connection, answered).or(refused_on);
                while let Some(Some(answered)) = window.next().now_or_never() {
                    refused_on = settle(connection, answered).or(refused_on);
                }
            }
            message = waiting.recv(), if open && window.len() < WINDOW => match message {
                None => open = false,
                Some((number, publish)) => {
                    // After a refusal the rest of that connection must not overtake what was refused; what belongs to
                    // a connection that is gone will come again.
                    let stale = number != connection.current.load(Ordering::Acquire) && publish.qos != QoS::AtMostOnce;
                    if refused_on == Some(number) || stale {
                        continue;
                    }
                    window.push_back(async move {
                        let taken = messages.take(None, &publish.topic, &publish.payload).await;
                        (number, publish, taken)
                    });
                }
            },
        }
    }
}

/// Acknowledges, or gives the connection up. Says on which connection a message was refused.
fn settle(
    connection: &Connection,
    (number, publish, taken): (u64, Publish, Result<(), Refused>),
) -> Option<u64> {
    match taken {
        Ok(()) => {
            connection.acknowledge(number, &publish);
            None
        }
        Err(_) => {
            if number == connection.current.load(Ordering::Acquire) {
                connection.give_up.notify_one();
            }
            Some(number)
        }
    }
}
