//! Replays a CSV file of whole sessions over MQTT: each row becomes a JSON object with the column names as keys, a
//! new random start within the last day, and the end that follows from its duration.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rumqttc::{AsyncClient, Event, EventLoop, Outgoing, Packet, QoS};
use serde_json::{Map, Value, json};
use station::time::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::args::{NetworkArgs, ReplayArgs};
use crate::client::mqtt::options;
use crate::client::{ClientError, MqttTarget, Network};
use crate::error::Error;
use crate::fleet::chance::stream;
use crate::ledger::{Ledger, Line, MessageLine, SessionLine};
use crate::live::{network_of, open_ledger};

const START: &str = "Charging Start Time";
const END: &str = "Charging End Time";
const DURATION: &str = "Charging Duration (hours)";
const ENERGY: &str = "Energy Consumed (kWh)";
/// How long the last publications may take to be acknowledged.
const DRAIN: Duration = Duration::from_secs(30);
const RECONNECT: Duration = Duration::from_secs(1);

/// What was published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Rows that were acknowledged.
    pub acknowledged: u32,
}

/// A row as it is published.
#[derive(Clone, PartialEq, Debug)]
struct Record {
    id: String,
    fields: Map<String, Value>,
    started_at: Timestamp,
    ended_at: Timestamp,
}

/// Publishes rows until there were as many as was asked for, or `shutdown`.
///
/// # Errors
/// When the file cannot be read or the ledger cannot be written.
pub async fn run(
    args: &ReplayArgs,
    network: &NetworkArgs,
    seed: u64,
    shutdown: CancellationToken,
) -> Result<Replayed, Error> {
    let path = args.replay.as_deref().ok_or(Error::Nowhere)?;
    let reached = network_of(network)?;
    let target = reached.mqtt.clone().ok_or(Error::Nowhere)?;
    let rows = read(path)?;
    let ledger = open_ledger(network.ledger.as_deref())?;
    let bar = ProgressBar::new(u64::from(args.count));
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} published to {prefix} {wide_bar} {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(args.topic.clone());
    let mut player = Player {
        topic: &args.topic,
        every: args.every.0,
        count: args.count,
        rows: &rows,
        rng: stream(seed, "replay", Utc::now().timestamp_micros() as u64, 0),
        ledger,
        bar,
        made: 0,
        unacknowledged: VecDeque::new(),
        done: Replayed::default(),
    };
    let mut next = Instant::now();
    loop {
        let finished = player.connection(&target, &reached, &mut next, &shutdown).await?;
        if finished || shutdown.is_cancelled() {
            break;
        }
        player.bar.set_message(format!("no connection to {}:{}", target.host, target.port));
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(RECONNECT) => {}
        }
    }
    player.bar.finish_with_message(format!("{} acknowledged", player.done.acknowledged));
    Ok(player.done)
}

struct Player<'a> {
    topic: &'a str,
    every: Duration,
    count: u32,
    rows: &'a [Map<String, Value>],
    rng: ChaCha8Rng,
    ledger: Ledger,
    bar: ProgressBar,
    made: u32,
    /// With the packet's number on this connection, once it is on its way. At most one more than fit in the client's
    /// queue wait here: a new row is made only when its time has come.
    unacknowledged: VecDeque<(Record, Option<u16>)>,
    done: Replayed,
}

impl Player<'_> {
    /// One connection's worth. True when everything is acknowledged.
    async fn connection(
        &mut self,
        target: &MqttTarget,
        network: &Network,
        next: &mut Instant,
        shutdown: &CancellationToken,
    ) -> Result<bool, Error> {
        let id = format!("replay-{:08x}", self.rng.random::<u32>());
        // All rows may be under way at once where the broker is slow: the queue holds them.
        let capacity = self.count as usize + 8;
        let (client, mut events) = AsyncClient::new(options(&id, target, network), capacity);
        for (_, packet) in &mut self.unacknowledged {
            *packet = None;
        }
        for place in 0..self.unacknowledged.len() {
            self.publish(&client, place);
        }
        let mut deadline: Option<Instant> = None;
        loop {
            if self.made == self.count && self.unacknowledged.is_empty() {
                self.say_goodbye(&client, &mut events).await;
                return Ok(true);
            }
            let mut poll = std::pin::pin!(events.poll());
            let event = loop {
                let waits = self.made < self.count && deadline.is_none();
                tokio::select! {
                    event = &mut poll => break event,
                    () = tokio::time::sleep_until((*next).into()), if waits => {
                        *next += self.every;
                        let record = record(&self.rows[self.made as usize % self.rows.len()], &mut self.rng);
                        self.made += 1;
                        self.unacknowledged.push_back((record, None));
                        self.publish(&client, self.unacknowledged.len() - 1);
                    }
                    () = shutdown.cancelled(), if deadline.is_none() => {
                        self.count = self.made;
                        deadline = Some(Instant::now() + DRAIN);
                        if self.unacknowledged.is_empty() {
                            return Ok(true);
                        }
                    }
                    () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now).into()), if deadline.is_some() => {
                        return Ok(true);
                    }
                }
            };
            match event {
                Err(error) => {
                    tracing::debug!(%error, "not connected");
                    return Ok(false);
                }
                Ok(Event::Outgoing(Outgoing::Publish(packet))) => {
                    if let Some((_, number)) =
                        self.unacknowledged.iter_mut().find(|(_, number)| number.is_none())
                    {
                        *number = Some(packet);
                    }
                }
                Ok(Event::Incoming(Packet::PubAck(ack))) => {
                    let place = self.unacknowledged.iter().position(|(_, number)| *number == Some(ack.pkid));
                    if let Some((record, _)) = place.and_then(|place| self.unacknowledged.remove(place)) {
                        self.acknowledged(&record)?;
                    }
                }
                Ok(_) => {}
            }
        }
    }

    fn publish(&self, client: &AsyncClient, place: usize) {
        let payload = Value::Object(self.unacknowledged[place].0.fields.clone()).to_string();
        // The queue holds all; if the client is gone, the next connection publishes it.
        if let Err(error) = client.try_publish(self.topic, QoS::AtLeastOnce, false, payload) {
            tracing::debug!(%error, "not published yet");
        }
    }

    fn acknowledged(&mut self, record: &Record) -> Result<(), Error> {
        self.done.acknowledged += 1;
        self.bar.inc(1);
        let text =
            |name: &str| record.fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let energy_kwh = record.fields.get(ENERGY).and_then(Value::as_f64).unwrap_or_default();
        let at = Timestamp::from(Utc::now()).to_rfc3339();
        self.bar.set_message(format!(
            "{} at {}: {energy_kwh:.2} kWh",
            text("User ID"),
            text("Charging Station ID")
        ));
        let message = MessageLine {
            station: text("Charging Station ID"),
            protocol: "mqtt".into(),
            message_id: record.id.clone(),
            action: "record".into(),
            token: Some(text("User ID")),
            timestamp: Some(record.started_at.to_rfc3339()),
            sent: 1,
            acknowledged_at: at.clone(),
            ..MessageLine::default()
        };
        let energy_wh = whole(energy_kwh * 1e3);
        let session = SessionLine {
            station: text("Charging Station ID"),
            protocol: "mqtt".into(),
            session: record.id.clone(),
            token: text("User ID"),
            started_at: record.started_at.to_rfc3339(),
            ended_at: record.ended_at.to_rfc3339(),
            meter_stop_wh: energy_wh,
            energy_wh,
            acknowledged_at: Some(at),
            ..SessionLine::default()
        };
        for line in [Line::Message(message), Line::Session(session)] {
            self.ledger.write(&line).map_err(ClientError::from)?;
        }
        Ok(())
    }

    async fn say_goodbye(&self, client: &AsyncClient, events: &mut EventLoop) {
        if client.try_disconnect().is_ok() {
            let goodbye = async { while events.poll().await.is_ok() {} };
            let _ = tokio::time::timeout(Duration::from_secs(2), goodbye).await;
        }
    }
}

/// The rows of a file, numbers as numbers.
fn read(path: &Path) -> Result<Vec<Map<String, Value>>, Error> {
    let csv_error = |source| Error::Csv { path: path.to_owned(), source };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(csv_error)?;
    let names: Vec<String> = reader
        .headers()
        .map_err(csv_error)?
        .iter()
        // The layout is also seen without the degree sign.
        .map(|name| if name == "Temperature (C)" { "Temperature (°C)" } else { name }.to_owned())
        .collect();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(csv_error)?;
        let fields = names.iter().zip(row.iter()).map(|(name, text)| (name.clone(), value(name, text)));
        rows.push(fields.collect());
    }
    if rows.is_empty() { Err(Error::Empty(path.to_owned())) } else { Ok(rows) }
}

fn value(name: &str, text: &str) -> Value {
    match text.parse::<f64>() {
        _ if text.is_empty() => Value::Null,
        Ok(number) if number.is_finite() && !name.ends_with("ID") => json!(number),
        _ => json!(text),
    }
}

fn record(row: &Map<String, Value>, rng: &mut ChaCha8Rng) -> Record {
    let hours = row.get(DURATION).and_then(Value::as_f64).unwrap_or(1.0).clamp(0.01, 48.0);
    let ago = rng.random_range(0..86_400);
    let ended_at = Timestamp(Utc::now().timestamp() * 1_000_000).plus_seconds(-ago);
    let started_at = ended_at.plus_seconds(-whole(hours * 3600.0));
    let id = uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string();
    let mut fields = row.clone();
    fields.insert("id".into(), json!(id));
    fields.insert(START.into(), json!(started_at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()));
    fields.insert(END.into(), json!(ended_at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()));
    Record { id, fields, started_at, ended_at }
}

#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_objects_with_new_times() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        let text = "User ID,Charging Station ID,Charging Start Time,Charging End Time,Energy Consumed (kWh),Charging \
                    Duration (hours),Charging Cost (USD),Temperature (C)\n\
                    77,Station_391,2024-01-01 00:00:00,2024-01-01 00:39:00,60.7,0.5,,27.9\n";
        std::fs::write(&path, text).expect("writes");
        let rows = read(&path).expect("reads");
        let record = record(&rows[0], &mut stream(1, "test", 0, 0));
        let fields = &record.fields;
        assert_eq!(fields["User ID"], "77", "ids stay text");
        assert_eq!(fields["Energy Consumed (kWh)"].as_f64(), Some(60.7));
        assert_eq!(fields["Temperature (°C)"].as_f64(), Some(27.9));
        assert!(fields["Charging Cost (USD)"].is_null());
        assert_eq!(fields["id"], record.id.as_str());
        assert!((record.ended_at.seconds_since(record.started_at) - 1800.0).abs() < 1e-9);
        assert!(fields[START].as_str().expect("text").starts_with("20"));
        std::fs::write(&path, "User ID\n").expect("writes");
        assert!(matches!(read(&path), Err(Error::Empty(_))));
    }
}
