//! The journal's append beside a bare write and fdatasync of the same bytes.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use gateway::journal::{Journal, JournalConfig};

use crate::RUNS;
use crate::machine::{quantile, thread_cpu_ns};

const EVENTS: usize = 512;
const EVENT_BYTES: usize = 512;
const GROUPS: [usize; 3] = [1, 10, 100];

struct Measured {
    cpu_us_per_event: f64,
    p50_us: u128,
    p99_us: u128,
}

pub(crate) fn run() -> anyhow::Result<()> {
    println!(
        "journal: append and sync of {EVENT_BYTES} B events, beside a bare write and fdatasync (the floor)"
    );
    println!(
        "{:>6} {:>6} {:>22} {:>22} {:>10}",
        "group", "run", "journal p50/p99 µs", "floor p50/p99 µs", "CPU ratio"
    );
    for group in GROUPS {
        for run in 1..=RUNS {
            let ours = ours(group)?;
            let floor = floor(group)?;
            println!(
                "{group:>6} {run:>6} {:>22} {:>22} {:>10.2}",
                format!("{}/{}", ours.p50_us, ours.p99_us),
                format!("{}/{}", floor.p50_us, floor.p99_us),
                ours.cpu_us_per_event / floor.cpu_us_per_event,
            );
        }
    }
    Ok(())
}

fn ours(group: usize) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir()?;
    let config = JournalConfig { folder: folder.path().join("journal"), ..JournalConfig::default() };
    let mut journal = Journal::open(config)?;
    let payloads = vec![vec![7_u8; EVENT_BYTES]; group];
    measure(group, || Ok(journal.append(&payloads).map(drop)?))
}

fn floor(group: usize) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir()?;
    let mut file = File::create(folder.path().join("floor"))?;
    let bytes = vec![7_u8; EVENT_BYTES * group];
    measure(group, || {
        file.write_all(&bytes)?;
        Ok(file.sync_data()?)
    })
}

#[allow(clippy::cast_precision_loss)]
fn measure(group: usize, mut append: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Measured> {
    let mut took = Vec::new();
    let before = thread_cpu_ns()?;
    for _ in 0..EVENTS / group.min(16) {
        let began = Instant::now();
        append()?;
        took.push(began.elapsed().as_micros());
    }
    let cpu = thread_cpu_ns()? - before;
    let events = took.len() * group;
    took.sort_unstable();
    Ok(Measured {
        cpu_us_per_event: cpu as f64 / 1e3 / events as f64,
        p50_us: quantile(&took, 0.5),
        p99_us: quantile(&took, 0.99),
    })
}
