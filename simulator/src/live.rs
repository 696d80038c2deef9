//! A living fleet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use rand::Rng;
use service::config::SecretString;
use service::tls::{ClientTlsConfig, client_config};
use station::time::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::{FleetArgs, LiveArgs, NetworkArgs};
use crate::client::{ClientError, Driver, MqttTarget, Network, World, mqtt, ocpp};
use crate::clock::Clock;
use crate::error::Error;
use crate::fleet::chance::stream;
use crate::fleet::{Fleet, Protocol, Station};
use crate::ledger::Ledger;
use crate::life::{Habits, StationLife};
use crate::tally::{Summary, Tally};

/// A fast fleet without a start begins this long ago, so that it does not meet real time soon.
const FAST_START_S: i64 = 24 * 3600;
/// How long clients may take to say what is left.
const DRAIN: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Lets a fleet live until `shutdown`, or for as long as was asked for. Sessions that still run then are ended in
/// order.
///
/// # Errors
/// When an argument is wrong, or the ledger cannot be written.
pub async fn run(
    fleet: &FleetArgs,
    live: &LiveArgs,
    network: &NetworkArgs,
    shutdown: CancellationToken,
) -> Result<Summary, Error> {
    let mut plan = fleet.plan();
    let reached = network_of(network)?;
    if reached.ocpp_url.is_none() && reached.mqtt.is_none() {
        return Err(Error::Nowhere);
    }
    if reached.mqtt.is_none() {
        plan.mqtt = 0;
    }
    let fleet = Arc::new(Fleet::new(plan));
    let clock = clock_of(live)?;
    let start = clock.at(Instant::now());
    let world = Arc::new(World {
        fleet,
        clock,
        ledger: open_ledger(network.ledger.as_deref())?,
        tally: Tally::default(),
        finish: shutdown.child_token(),
        network: reached,
        latency: None,
    });

    let mut clients = JoinSet::new();
    for station in &world.fleet.stations {
        spawn(&mut clients, &world, station, live, start);
    }
    let until = live.duration.map(|duration| {
        clock.instant(start.plus_seconds(i64::try_from(duration.0.as_secs()).unwrap_or(i64::MAX)))
    });
    let mut progress = tokio::time::interval(PROGRESS_EVERY);
    progress.tick().await;
    loop {
        tokio::select! {
            () = at(until), if !world.finish.is_cancelled() => world.finish.cancel(),
            _ = progress.tick(), if !live.quiet => tell(&world),
            ended = clients.join_next() => match ended {
                // The first that cannot go on takes the others with it: the books would be wrong.
                Some(result) => {
                    let result = result.map_err(|error| Error::Defect(error.to_string()))?;
                    if result.is_err() {
                        world.finish.cancel();
                    }
                    result?;
                }
                None => break,
            },
        }
    }
    let summary = world.tally.summary();
    if !live.quiet {
        print(&format!("done: {summary}"));
    }
    Ok(summary)
}

fn tell(world: &World) {
    print(&format!("{} {}", world.clock.at(Instant::now()), world.tally.summary()));
    if let Some(why) = world.tally.take_failure() {
        print(&format!("  a station could not connect: {why}"));
    }
}

fn spawn(
    clients: &mut JoinSet<Result<(), ClientError>>,
    world: &Arc<World>,
    station: &Arc<Station>,
    live: &LiveArgs,
    start: Timestamp,
) {
    let mut rng = stream(world.fleet.plan.seed, "return", station.stream_number(), 0);
    let spread: f64 = rng.random();
    let (begins, connects_at) = if rng.random::<f64>() < live.buffered {
        let cut_off_s = rng.random_range(25 * 60..55 * 60);
        let back = live.return_over.0.as_secs_f64() * spread.powi(2);
        (start.plus_seconds(-cut_off_s), later(start, back))
    } else {
        let connects_at = later(start, live.ramp.0.as_secs_f64() * spread * world.clock.speed());
        (connects_at, connects_at)
    };
    let habits = Habits {
        begins,
        connects_at,
        sample_every_us: whole_millis(live.meter_every.0),
        faults_per_hour: live.breakdowns,
        cuts_per_hour: live.cuts,
        visited: true,
    };
    let (world, station) = (world.clone(), station.clone());
    match (station.protocol, world.network.ocpp_url.clone(), world.network.mqtt.clone()) {
        (Protocol::Mqtt, _, Some(target)) => {
            clients.spawn(async move { mqtt::run(driver(world, station, habits), target).await });
        }
        (Protocol::Ocpp16 | Protocol::Ocpp201, Some(url), _) => {
            clients.spawn(async move { ocpp::run(driver(world, station, habits), url, None).await });
        }
        _ => {}
    }
}

fn driver(world: Arc<World>, station: Arc<Station>, habits: Habits) -> Driver {
    let life = StationLife::new(world.fleet.clone(), station, habits);
    Driver::new(world, life)
}

#[allow(clippy::cast_possible_truncation)]
fn later(start: Timestamp, seconds: f64) -> Timestamp {
    Timestamp(start.0 + (seconds * 1e3) as i64 * 1000)
}

/// A time between meter values: whole milliseconds, 1 at least.
pub(crate) fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 1000).clamp(1, i64::MAX / 1000) * 1000
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

fn clock_of(live: &LiveArgs) -> Result<Clock, Error> {
    let real = Timestamp::from(Utc::now());
    let start = match &live.start {
        Some(text) => parse_time("--start", text)?,
        None if (live.speed - 1.0).abs() > f64::EPSILON => real.plus_seconds(-FAST_START_S),
        None => real,
    };
    Ok(Clock::new(Instant::now(), real, start, live.speed))
}

pub(crate) fn parse_time(name: &'static str, text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text, &mut station::deviation::Deviations::default()).ok_or_else(|| Error::Argument {
        name,
        value: text.to_owned(),
        wanted: "a time such as 2026-03-01T08:00:00Z",
    })
}

pub(crate) fn open_ledger(path: Option<&std::path::Path>) -> Result<Ledger, Error> {
    match path {
        None => Ok(Ledger::none()),
        Some(path) => Ledger::append_to(path).map_err(|source| Error::File {
            path: path.to_owned(),
            doing: "opened",
            source,
        }),
    }
}

/// Reads the network's arguments.
pub(crate) fn network_of(args: &NetworkArgs) -> Result<Network, Error> {
    let secure = args.mqtt_tls || args.ocpp.as_deref().is_some_and(|url| url.starts_with("wss:"));
    let tls = if secure {
        Some(client_config(&ClientTlsConfig { ca: args.ca.clone(), ..ClientTlsConfig::default() })?)
    } else {
        None
    };
    Ok(Network {
        ocpp_url: args.ocpp.clone(),
        ocpp_password: args.ocpp_password.clone().map(SecretString::new),
        mqtt: args.mqtt.as_deref().map(|text| mqtt_target(text, args)).transpose()?,
        tls,
        reconnect: args.reconnect.0,
        call_timeout: CALL_TIMEOUT,
        drain: DRAIN,
    })
}

fn mqtt_target(text: &str, args: &NetworkArgs) -> Result<MqttTarget, Error> {
    let wrong = || Error::Argument {
        name: "--mqtt",
        value: text.to_owned(),
        wanted: "HOST:PORT, e.g. localhost:1883",
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || host.contains('/') {
        return Err(wrong());
    }
    let credentials = args.mqtt_user.clone().map(|user| {
        let password = args.mqtt_password.clone().unwrap_or_default();
        (user, SecretString::new(password))
    });
    Ok(MqttTarget { host: host.trim_matches(['[', ']']).to_owned(), port, tls: args.mqtt_tls, credentials })
}

/// Prints a line for whoever watches.
#[allow(clippy::print_stdout)] // A terminal mode: its progress is its output.
pub(crate) fn print(line: &str) {
    println!("{line}");
}
