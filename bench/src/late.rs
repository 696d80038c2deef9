//! How soon fresh meter values are visible in QuestDB while stations that were cut off deliver 30 days of old ones: with
//! the slow lane, and with all rows of a batch sent at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use integration::servers::{QuestDb, QuestDbOptions};
use station::time::Timestamp;
use store::read::Reader;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::machine::{self, quantile};
use crate::{meters, publisher};

const DAYS: i64 = 30;
/// Stations that come back.
const OLD_STATIONS: i64 = 30;
/// Messages of one of them for each day.
const A_DAY: i64 = 24;
/// A fresh value comes so often.
const FRESH_EVERY: Duration = Duration::from_millis(50);
/// Values before the old ones come.
const QUIET: usize = 100;

pub(crate) fn run() -> anyhow::Result<()> {
    println!(
        "{OLD_STATIONS} stations deliver {DAYS} days of {A_DAY} meter values each at once, while another sends one each {} ms",
        FRESH_EVERY.as_millis()
    );
    println!(
        "{:<22} {:>8} {:>10} {:>10} {:>10} {:>13} {:>14}  load",
        "fresh values visible", "values", "p50 ms", "p95 ms", "most ms", "acked in s", "all visible s"
    );
    for (name, late_after) in [("at once", "36500d"), ("slow lane", "1h")] {
        tokio::runtime::Runtime::new()?.block_on(one(name, late_after))?;
    }
    Ok(())
}

async fn one(name: &str, late_after: &str) -> anyhow::Result<()> {
    let server = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let mut gateway = meters::gateway(&server.http(), server.pg_port());
    gateway.set("AMPWARDEN__GATEWAY__WRITER__LATE_AFTER", late_after);
    tokio::task::block_in_place(|| gateway.start_again());
    let reader = Reader::new(&server.config());

    let stop = CancellationToken::new();
    let acknowledged = Arc::new(Mutex::new(VecDeque::new()));
    let sender = tokio::spawn(fresh(gateway.mqtt_port(), Arc::clone(&acknowledged), stop.clone()));
    let watcher = tokio::spawn(watch(reader.clone(), acknowledged, stop.clone()));
    let seen = |watched: &Watched| watched.lock().unwrap_or_else(PoisonError::into_inner).len();
    let (watched, watching) = watcher.await?;
    while seen(&watched) < QUIET {
        tokio::time::sleep(FRESH_EVERY).await;
    }
    // The first ones wait until the server is warm.
    let mut quiet = watched.lock().unwrap_or_else(PoisonError::into_inner).split_off(QUIET / 2);
    tell(&format!("{name}: nothing else"), &mut quiet, None);

    watched.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let began = Instant::now();
    let total = old(gateway.mqtt_port()).await?;
    let acked = began.elapsed();
    let sql = "SELECT count() AS n FROM meter_values WHERE station != 'FRESH'";
    while reader.query(sql, &[]).await?[0].get::<i64>("n")? < total {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(600), "the old values are not visible");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let visible = began.elapsed();
    let mut during = std::mem::take(&mut *watched.lock().unwrap_or_else(PoisonError::into_inner));
    tell(&format!("{name}: old ones"), &mut during, Some((acked, visible)));
    stop.cancel();
    sender.await??;
    watching.await??;
    Ok(())
}

fn tell(name: &str, took: &mut [Duration], old: Option<(Duration, Duration)>) {
    took.sort_unstable();
    let ms = |part| quantile(took, part).as_millis();
    let (acked, visible) = old.map_or_else(Default::default, |(acked, visible)| {
        (format!("{:.1}", acked.as_secs_f64()), format!("{:.1}", visible.as_secs_f64()))
    });
    println!(
        "{name:<22} {:>8} {:>10} {:>10} {:>10} {acked:>13} {visible:>14}  {}",
        took.len(),
        ms(0.5),
        ms(0.95),
        ms(1.0),
        machine::load()
    );
}

/// Sends a value each [`FRESH_EVERY`]; the register counts them. Notes when each was acknowledged.
async fn fresh(
    port: u16,
    acknowledged: Arc<Mutex<VecDeque<(i64, Instant)>>>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (mut read, mut write) = publisher::connect(port, "bench-fresh").await?;
    let mut every = tokio::time::interval(FRESH_EVERY);
    for n in 1.. {
        if stop.run_until_cancelled(every.tick()).await.is_none() {
            break;
        }
        let mut packet = Vec::new();
        publisher::put_publish(&mut packet, 1, "stations/FRESH/meter", &value(now(), n));
        write.write_all(&packet).await?;
        publisher::acknowledgements(&mut read, 1).await?;
        acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push_back((n, Instant::now()));
    }
    Ok(())
}

type Watched = Arc<Mutex<Vec<Duration>>>;

/// Looks how many of them are visible, and how long each took.
async fn watch(
    reader: Reader,
    acknowledged: Arc<Mutex<VecDeque<(i64, Instant)>>>,
    stop: CancellationToken,
) -> (Watched, tokio::task::JoinHandle<anyhow::Result<()>>) {
    let watched = Watched::default();
    let took = Arc::clone(&watched);
    let task = tokio::spawn(async move {
        let sql = "SELECT max(energy_wh) AS n FROM meter_values WHERE ts > dateadd('h', -1, now()) AND station = 'FRESH'";
        while !stop.is_cancelled() {
            let rows = reader.query(sql, &[]).await?;
            #[allow(clippy::cast_possible_truncation)]
            let visible = rows[0].get::<Option<f64>>("n")?.unwrap_or(0.0) as i64;
            note(&acknowledged, visible, &took);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    });
    (watched, task)
}

/// Those up to `visible` are there by now.
fn note(acknowledged: &Mutex<VecDeque<(i64, Instant)>>, visible: i64, took: &Mutex<Vec<Duration>>) {
    let now = Instant::now();
    let mut waiting = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    while waiting.front().is_some_and(|(n, _)| *n <= visible) {
        let at = waiting.pop_front().map_or(now, |(_, at)| at);
        took.lock().unwrap_or_else(PoisonError::into_inner).push(now.duration_since(at));
    }
}

/// What was not delivered for 30 days, of all stations in turns and each at another day; gives how many values.
async fn old(port: u16) -> anyhow::Result<i64> {
    const WINDOW: usize = 64;
    let (mut read, mut write) = publisher::connect(port, "bench-old").await?;
    let begin = now().plus_seconds(-DAYS * 86_400 + 3_600);
    let values = (0..DAYS * A_DAY).flat_map(|at| (0..OLD_STATIONS).map(move |station| (at, station)));
    let values: Vec<(i64, i64)> = values.collect();
    for window in values.chunks(WINDOW) {
        let mut buffer = Vec::new();
        for (id, (at, station)) in (1..).zip(window) {
            let day = (at / A_DAY + station) % DAYS;
            let time = begin.plus_seconds(day * 86_400 + at % A_DAY * 3_000 + station);
            let topic = format!("stations/OLD-{station}/meter");
            publisher::put_publish(&mut buffer, id, &topic, &value(time, *at));
        }
        write.write_all(&buffer).await?;
        publisher::acknowledgements(&mut read, window.len()).await?;
    }
    Ok(i64::try_from(values.len())?)
}

fn value(time: Timestamp, register: i64) -> String {
    format!(
        r#"{{"connector":1,"timestamp":"{}","energy_wh":{register},"power_w":7000.5,"current_a":16.1,"voltage_v":231.4}}"#,
        time.to_rfc3339()
    )
}

fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_micros())
}
