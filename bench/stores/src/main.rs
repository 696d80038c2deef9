//! Our journal beside fjall and redb, doing what the gateway's journal does: append in groups, each synced before it
//! returns; be read in order; give up what is old. Run it with `cargo run --release` in this folder; the figures are in
//! docs/adr/0001. RocksDB is left out: it is minutes of C++ to build.
#![allow(clippy::print_stdout)]

extern crate self as service;

/// As `service::config`: sizes and times of the journal's settings.
#[path = "../../../service/src/config"]
#[allow(dead_code)]
mod config {
    mod bytes;
    mod duration;
    pub use bytes::HumanBytes;
    pub use duration::HumanDuration;
}
#[path = "../../../gateway/src/journal/mod.rs"]
#[allow(dead_code, unused_imports)]
mod journal;
mod store;

use std::fs;
use std::path::Path;
use std::time::Instant;

use store::{Kind, Store};

const EVENT_BYTES: usize = 512;
/// For the volume: so many events, so many a group.
const EVENTS: u64 = 1_000_000;
const GROUP: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let load = || fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("one group of {EVENT_BYTES} B events, synced; µs (load {})", load().trim());
    println!("{:>8} {:>6} {:>8} {:>8} {:>14}", "store", "group", "p50", "p99", "CPU µs/event");
    for group in [1, 10, 100] {
        for run in 0..3 {
            for kind in Kind::ALL {
                let folder = tempfile::tempdir()?;
                let mut store = Store::open(kind, folder.path())?;
                let (mut took, cpu) = (Vec::new(), cpu_us()?);
                for n in 0..500_u64 {
                    let events = events(n * group, group as usize);
                    let began = Instant::now();
                    store.append(n * group, &events)?;
                    took.push(began.elapsed().as_micros());
                }
                let cpu = (cpu_us()? - cpu) as f64 / (500 * group) as f64;
                took.sort_unstable();
                println!(
                    "{:>8} {group:>6} {:>8} {:>8} {cpu:>14.1}  run {run}",
                    kind.name(),
                    took[250],
                    took[495]
                );
            }
        }
    }
    println!("\n{EVENTS} such events in groups of {GROUP} (load {})", load().trim());
    println!(
        "{:>8} {:>10} {:>9} {:>10} {:>10} {:>10} {:>10} {:>12} {:>10}",
        "store", "events/s", "CPU µs", "written", "on disk", "reads/s", "free 90 %", "on disk then", "memory"
    );
    for run in 0..3 {
        for kind in Kind::ALL {
            if run == 0 || kind != Kind::Floor {
                volume(kind)?;
            }
        }
    }
    Ok(())
}

fn volume(kind: Kind) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut store = Store::open(kind, folder.path())?;
    let (cpu, written, began) = (cpu_us()?, written_mib()?, Instant::now());
    for n in (0..EVENTS).step_by(GROUP) {
        store.append(n, &events(n, GROUP))?;
    }
    let rate = EVENTS as f64 / began.elapsed().as_secs_f64();
    let cpu = (cpu_us()? - cpu) as f64 / EVENTS as f64;
    let (written, on_disk) = (written_mib()? - written, mib(folder.path())?);
    let began = Instant::now();
    let read = store.read_all()? as f64 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    store.free(EVENTS / 10 * 9)?;
    let freed = began.elapsed().as_secs_f64();
    println!(
        "{:>8} {rate:>10.0} {cpu:>9.1} {written:>6} MiB {on_disk:>6} MiB {read:>10.0} {freed:>8.2} s {:>8} MiB {:>6} MiB",
        kind.name(),
        mib(folder.path())?,
        memory_mib()?,
    );
    Ok(())
}

/// Payloads that do not compress better than events do: half of each is new.
fn events(first: u64, count: usize) -> Vec<Vec<u8>> {
    (first..)
        .take(count)
        .map(|n| {
            let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut event = vec![7; EVENT_BYTES];
            for chunk in event[..EVENT_BYTES / 2].chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                chunk.copy_from_slice(&state.to_le_bytes());
            }
            event
        })
        .collect()
}

/// CPU time of this process with its background threads, µs.
fn cpu_us() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    Ok((fields[11].parse::<u64>()? + fields[12].parse::<u64>()?) * 10_000)
}

/// What this process caused to be written to disks.
fn written_mib() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/self/io")?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(bytes.unwrap_or("0").parse::<u64>()? >> 20)
}

fn memory_mib() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(kib.unwrap_or("0").trim().trim_end_matches(" kB").parse::<u64>()? >> 10)
}

/// Blocks that are in use: files that are larger than what is in them count by what is in them.
fn mib(folder: &Path) -> anyhow::Result<u64> {
    fn blocks(folder: &Path) -> std::io::Result<u64> {
        use std::os::unix::fs::MetadataExt;
        let mut sum = 0;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let data = entry.metadata()?;
            sum += if data.is_dir() { blocks(&entry.path())? } else { data.blocks() };
        }
        Ok(sum)
    }
    Ok(blocks(folder)? / 2_048)
}
