//! Load: many stations with one session each, whose meter values come at a fixed rate whatever the answers take. A
//! value's latency counts from the moment at which it was due, so that a slow gateway cannot hide behind a slow
//! client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use rand::Rng;
use station::time::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::LoadArgs;
use crate::client::{Driver, Network, World, ocpp};
use crate::clock::Clock;
use crate::error::Error;
use crate::fleet::chance::stream;
use crate::fleet::{Fleet, FleetPlan, Protocol};
use crate::hand::station;
use crate::life::{Habits, StationLife};
use crate::live::{open_ledger, print};
use crate::tally::{Latency, Summary, Tally};

/// What came of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Loaded {
    /// All counts.
    pub summary: Summary,
    /// Meter values that were acknowledged.
    pub meter_values: u64,
    /// Half of them took at most this long.
    pub p50: Duration,
    /// All but a hundredth of them took at most this long.
    pub p99: Duration,
}

/// Sends meter values at the rate that was asked for, until the time is over or `shutdown`.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn run(args: &LoadArgs, shutdown: CancellationToken) -> Result<Loaded, Error> {
    let now = Timestamp(Timestamp::from(Utc::now()).0 / 1000 * 1000);
    let plan = FleetPlan { ocpp16: 0, ocpp201: 0, mqtt: 0, ..FleetPlan::default() };
    let world = Arc::new(World {
        fleet: Arc::new(Fleet::new(plan)),
        clock: Clock::new(Instant::now(), now, now, 1.0),
        ledger: open_ledger(args.ledger.as_deref())?,
        tally: Tally::default(),
        finish: shutdown.child_token(),
        network: Network {
            ocpp_url: Some(args.ocpp.clone()),
            ocpp_password: None,
            mqtt: None,
            tls: None,
            reconnect: Duration::from_secs(1),
            call_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        },
        latency: Some(Latency::default()),
    });
    let every_us = micros(f64::from(args.stations.max(1)) / args.rate.max(0.001)).max(1000) / 1000 * 1000;
    let ramp_us = micros(args.ramp.0.as_secs_f64()).max(1);
    let mut clients = JoinSet::new();
    for index in 0..args.stations {
        let mut rng = stream(plan.seed, "load", u64::from(index), 0);
        let connects_at = Timestamp(now.0 + rng.random_range(0..ramp_us) / 1000 * 1000);
        let habits = Habits {
            begins: connects_at,
            connects_at,
            sample_every_us: every_us,
            faults_per_hour: 0.0,
            cuts_per_hour: 0.0,
            visited: false,
        };
        let station = station(&format!("{}{index:05}", args.prefix), index, Protocol::Ocpp16, 1, 11e3);
        let mut life = StationLife::new(world.fleet.clone(), Arc::new(station), habits);
        if let (Some(after), Some(lasts)) = (args.cut_after, args.cut_for) {
            let at = Timestamp(now.0 + micros(after.0.as_secs_f64()) / 1000 * 1000);
            let back = rng.random_range(0..micros(args.return_over.0.as_secs_f64()).max(1));
            life.cut(at, Timestamp(at.0 + micros(lasts.0.as_secs_f64()) + back));
        }
        let mut driver = Driver::new(world.clone(), life);
        let card = format!("04{index:012X}");
        driver.tell(false, |life, out| life.tap(&card, connects_at, false, out))?;
        clients.spawn(ocpp::run(driver, args.ocpp.clone(), None));
    }
    let until = tokio::time::Instant::now() + args.duration.0;
    let mut progress = tokio::time::interval(Duration::from_secs(5));
    progress.tick().await;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until), if !world.finish.is_cancelled() => world.finish.cancel(),
            _ = progress.tick() => print(&world.tally.summary().to_string()),
            ended = clients.join_next() => match ended {
                Some(result) => result.map_err(|error| Error::Defect(error.to_string()))??,
                None => break,
            },
        }
    }
    let latency = world.latency.as_ref();
    let loaded = Loaded {
        summary: world.tally.summary(),
        meter_values: latency.map_or(0, Latency::count),
        p50: latency.map_or(Duration::ZERO, |latency| latency.quantile(0.5)),
        p99: latency.map_or(Duration::ZERO, |latency| latency.quantile(0.99)),
    };
    print(&format!(
        "{} meter values acknowledged, from due to acknowledged: p50 {:.1} ms, p99 {:.1} ms; {}",
        loaded.meter_values,
        loaded.p50.as_secs_f64() * 1e3,
        loaded.p99.as_secs_f64() * 1e3,
        loaded.summary
    ));
    Ok(loaded)
}

#[allow(clippy::cast_possible_truncation)]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}
