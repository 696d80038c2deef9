//! How fast the gateway brings its journal into QuestDB (synced commits, deduplication, as in production), beside the
//! bare client library with the same rows, batches and a server of the same settings.

use std::path::Path;
use std::time::{Duration, Instant};

use gateway::pipeline::WriterConfig;
use integration::servers::{QuestDb, QuestDbOptions};
use station::fact::{Key, MeterValue};

use crate::backlog::forget_snapshots;
use crate::machine::{self, memory_mib, process_cpu_us};
use crate::{RUNS, bare, meters};

/// Rows of each run's begin that do not count: the server compiles its code.
const WARM_UP: u64 = 100_000;

struct Drained {
    rows_per_s: f64,
    cpu_us: f64,
    most_mib: u64,
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn run(journal: &Path, events: u64) -> anyhow::Result<()> {
    let rows = machine::number("BENCH_DRAIN_ROWS", 1_000_000).min(events * 8 / 10);
    println!("drain: {rows} rows after the first {WARM_UP}, a fresh server each time");
    println!(
        "{:>4} {:>14} {:>12} {:>7} {:>15} {:>15}  load",
        "run", "gateway rows/s", "bare rows/s", "ratio", "CPU µs an event", "memory at most"
    );
    let facts = bare::rows(journal, rows + WARM_UP)?;
    let mut ratios = Vec::new();
    for run in 1..=RUNS {
        // Which of the two comes first changes: what else the machine does changes, too.
        let (ours, bare) = if run % 2 == 1 {
            let ours = gateway(journal, rows)?;
            (ours, peer(&facts)?)
        } else {
            let bare = peer(&facts)?;
            (gateway(journal, rows)?, bare)
        };
        let ratio = ours.rows_per_s / bare;
        println!(
            "{run:>4} {:>14.0} {bare:>12.0} {ratio:>7.2} {:>15.1} {:>11} MiB  {}",
            ours.rows_per_s,
            ours.cpu_us,
            ours.most_mib,
            machine::load()
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("the middle ratio is {:.2}; goal: at least 0.70", machine::quantile(&ratios, 0.5));
    Ok(())
}

fn server() -> anyhow::Result<QuestDb> {
    Ok(tokio::runtime::Runtime::new()?.block_on(QuestDb::start_migrated(&QuestDbOptions::default())))
}

/// A gateway drains the journal from its begin.
#[allow(clippy::cast_precision_loss)]
fn gateway(journal: &Path, rows: u64) -> anyhow::Result<Drained> {
    let store = server()?;
    let mut gateway = meters::gateway(&store.http(), store.pg_port());
    let folder = gateway.folder().join("journal");
    std::fs::rename(journal, &folder)?;
    gateway.start_again();
    let pid = gateway.process().pid();
    let stored = || {
        let books = gateway.books().map_err(anyhow::Error::msg)?;
        Ok::<_, anyhow::Error>(books["stored"].as_u64().unwrap_or(0))
    };
    let until = |at_least: u64| {
        let deadline = Instant::now() + Duration::from_secs(1_800);
        loop {
            let stored = stored()?;
            if stored >= at_least {
                return Ok(stored);
            }
            anyhow::ensure!(Instant::now() < deadline, "only {stored} events were stored");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let first = until(WARM_UP)?;
    let (began, cpu) = (Instant::now(), process_cpu_us(pid)?);
    let last = until(first + rows)?;
    let (took, cpu) = (began.elapsed().as_secs_f64(), process_cpu_us(pid)? - cpu);
    let (_, most_mib) = memory_mib(pid)?;
    gateway.kill();
    std::fs::rename(&folder, journal)?;
    forget_snapshots(journal)?;
    // Nearly every event makes one row: the stations' session starts are few.
    let events = (last - first) as f64;
    Ok(Drained { rows_per_s: events / took, cpu_us: cpu as f64 / events, most_mib })
}

/// The bare client writes the same rows; rows/s.
#[allow(clippy::cast_precision_loss)]
fn peer(facts: &[(Key, MeterValue)]) -> anyhow::Result<f64> {
    let store = server()?;
    let batch = WriterConfig::default().batch_rows;
    let (warm_up, rows) = facts.split_at(usize::try_from(WARM_UP)?.min(facts.len()));
    bare::write(&store.http(), warm_up, batch)?;
    let took = bare::write(&store.http(), rows, batch)?;
    Ok(rows.len() as f64 / took.as_secs_f64())
}
