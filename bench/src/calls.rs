//! What a MeterValues call costs the gateway's process, journaled, folded and stored, beside a server that only parses
//! and answers (the floor), and beside PyPI's central system, which stores nothing either.

use std::time::{Duration, Instant};

use integration::servers::{Process, QuestDb, QuestDbOptions, free_port};
use store::read::Reader;

use crate::machine::{self, process_cpu_us};
use crate::{RUNS, stations};

/// Stations, each with one call under way: enough to keep both cores busy.
const STATIONS: usize = 100;
/// Rows of calls that were answered become visible within this, or the run has failed.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(300);

#[allow(clippy::cast_precision_loss)]
pub(crate) fn run() -> anyhow::Result<()> {
    let calls = machine::number("BENCH_CALLS", 200_000);
    let slow = machine::number("BENCH_SLOW_CALLS", 5_000);
    println!(
        "{calls} MeterValues calls ({} samples each) from {STATIONS} stations, as fast as they are answered; CPU µs a call of the server",
        stations::SAMPLES
    );
    println!(
        "the gateway's is counted until the last row is visible in QuestDB; PyPI's central system gets {slow}"
    );
    println!(
        "{:>4} {:>9} {:>9} {:>9} {:>15} {:>15}  load",
        "run", "floor", "gateway", "PyPI", "gateway/floor", "PyPI/gateway"
    );
    let (mut to_floor, mut to_pypi) = (Vec::new(), Vec::new());
    for run in 1..=RUNS {
        let floor = peer(&floor(), calls)?;
        let ours = gateway(STATIONS, calls, async |stations| saturate(stations, calls).await)?;
        let pypi = peer(&pypi()?, slow)?;
        println!(
            "{run:>4} {floor:>9.1} {ours:>9.1} {pypi:>9.1} {:>15.2} {:>15.1}  {}",
            ours / floor,
            pypi / ours,
            machine::load()
        );
        to_floor.push(ours / floor);
        to_pypi.push(pypi / ours);
    }
    to_floor.sort_by(f64::total_cmp);
    to_pypi.sort_by(f64::total_cmp);
    println!(
        "the middle ratios are {:.2} and {:.1}; goals: at most 3, at least 30",
        machine::quantile(&to_floor, 0.5),
        machine::quantile(&to_pypi, 0.5)
    );
    Ok(())
}

/// A server in a process of its own, and its port.
pub(crate) struct Peer {
    pub(crate) process: Process,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

fn start(program: &str, arguments: &[&str]) -> anyhow::Result<Peer> {
    let (port, folder) = (free_port(), tempfile::tempdir()?);
    let mut arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    arguments.push(port.to_string());
    let process = Process::start(program, &arguments, &folder.path().join("log"));
    Ok(Peer { process, port, _folder: folder })
}

/// This binary again, as the bare server.
pub(crate) fn floor() -> Peer {
    let own = std::env::current_exe().unwrap_or_else(|error| panic!("this binary's path: {error}"));
    start(&own.display().to_string(), &["floor"]).unwrap_or_else(|error| panic!("the bare server: {error}"))
}

fn pypi() -> anyhow::Result<Peer> {
    start(
        &integration::python().display().to_string(),
        &[concat!(env!("CARGO_MANIFEST_DIR"), "/peers/central_system.py")],
    )
}

/// CPU of a server that stores nothing, µs a call.
fn peer(server: &Peer, calls: u64) -> anyhow::Result<f64> {
    tokio::runtime::Runtime::new()?.block_on(async {
        stations::wait_for(server.port).await?;
        let stations = stations::begin(&format!("ws://127.0.0.1:{}", server.port), None, STATIONS).await?;
        let pid = server.process.pid();
        let cpu = process_cpu_us(pid)?;
        let _stations = saturate(stations, calls).await?;
        Ok(per_call(process_cpu_us(pid)? - cpu, calls))
    })
}

/// CPU of a gateway of its own, µs a call, until the rows of all `calls` that these stations make can be read. They stay
/// connected until all is counted.
pub(crate) fn gateway(
    stations: usize,
    calls: u64,
    calling: impl AsyncFnOnce(Vec<stations::Station>) -> anyhow::Result<Vec<stations::Station>>,
) -> anyhow::Result<f64> {
    let runtime = tokio::runtime::Runtime::new()?;
    let store = runtime.block_on(QuestDb::start_migrated(&QuestDbOptions::default()));
    let mut gateway = stations::gateway(&store.http(), store.pg_port());
    gateway.start_again();
    let pid = gateway.process().pid();
    runtime.block_on(async {
        let stations = stations::begin(&gateway.ocpp(), None, stations).await?;
        let cpu = process_cpu_us(pid)?;
        let _connected = calling(stations).await?;
        visible(&Reader::new(&store.config()), calls).await?;
        Ok(per_call(process_cpu_us(pid)? - cpu, calls))
    })
}

#[allow(clippy::cast_precision_loss)]
fn per_call(cpu_us: u64, calls: u64) -> f64 {
    cpu_us as f64 / calls as f64
}

/// All stations call until so many calls were answered; they stay connected.
async fn saturate(stations: Vec<stations::Station>, calls: u64) -> anyhow::Result<Vec<stations::Station>> {
    let each = calls / stations.len() as u64;
    let mut calling = tokio::task::JoinSet::new();
    for mut station in stations {
        calling.spawn(async move {
            for _ in 0..each {
                station.meter_values().await?;
            }
            Ok::<_, anyhow::Error>(station)
        });
    }
    let mut done = Vec::new();
    while let Some(station) = calling.join_next().await {
        done.push(station??);
    }
    Ok(done)
}

/// Waits until the meter values of so many calls can be read.
async fn visible(reader: &Reader, calls: u64) -> anyhow::Result<()> {
    let (calls, deadline) = (i64::try_from(calls)?, Instant::now() + VISIBLE_DEADLINE);
    let sql = "SELECT count() AS n FROM (SELECT DISTINCT event_id FROM meter_values)";
    loop {
        let seen = reader.query(sql, &[]).await?[0].get::<i64>("n")?;
        if seen >= calls {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "only {seen} of {calls} calls are visible");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
