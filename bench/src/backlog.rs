//! Ten million events in the journal of the real gateway while the store is away: how fast they go in, what memory the
//! gateway holds, how long it takes to start on that journal; then the store comes, and `drain` goes on.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use integration::Gateway;
use tokio::io::AsyncWriteExt;

use crate::machine::{self, memory_mib, process_cpu_us};
use crate::{drain, meters, publisher};

const CONNECTIONS: u64 = 16;
/// Messages of one connection that wait for their acknowledgement (`gateway.mqtt.window`).
const WINDOW: u64 = 64;

#[allow(clippy::cast_precision_loss)]
pub(crate) fn run() -> anyhow::Result<()> {
    let events = machine::number("BENCH_EVENTS", 10_000_000);
    let mut gateway = meters::gateway("http://127.0.0.1:1", 1);
    gateway.start_again();
    let pid = gateway.process().pid();
    println!("{events} meter values over {CONNECTIONS} MQTT connections at full speed, the store away");
    let (cpu, began) = (process_cpu_us(pid)?, Instant::now());
    tokio::runtime::Runtime::new()?.block_on(fill(gateway.mqtt_port(), events))?;
    let took = began.elapsed().as_secs_f64();
    let cpu = process_cpu_us(pid)? - cpu;
    let (now, most) = memory_mib(pid)?;
    println!(
        "filled:    {:.0} messages/s acknowledged, {:.1} µs CPU a message; memory {now} MiB, at most {most} MiB (goal: 200); load {}",
        events as f64 / took,
        cpu as f64 / events as f64,
        machine::load()
    );
    // As a crash would: nothing of the fold is saved while the store is away.
    gateway.kill();
    let began = Instant::now();
    gateway.start_again();
    let took = began.elapsed().as_secs_f64();
    let pid = gateway.process().pid();
    let (now, most) = memory_mib(pid)?;
    println!(
        "restarted: ready after {took:.1} s ({:.2} µs CPU an event); memory {now} MiB, at most {most} MiB; load {}",
        process_cpu_us(pid)? as f64 / events as f64,
        machine::load()
    );
    gateway.kill();
    let journal = kept(&gateway)?;
    println!(
        "on disk:   {} MiB, {:.0} bytes an event",
        bytes(&journal)? >> 20,
        bytes(&journal)? as f64 / events as f64
    );
    drain::run(&journal, events)?;
    std::fs::remove_dir_all(&journal).context("removing the journal")
}

/// Moves the journal out of the gateway's folder; its snapshots are forgotten, so that it is drained from its begin.
fn kept(gateway: &Gateway) -> anyhow::Result<PathBuf> {
    let journal = gateway.folder().with_extension("kept");
    std::fs::rename(gateway.folder().join("journal"), &journal)?;
    forget_snapshots(&journal)?;
    Ok(journal)
}

/// Removes the snapshots of a journal's folder.
pub(crate) fn forget_snapshots(journal: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(journal)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snapshot-") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn bytes(folder: &Path) -> anyhow::Result<u64> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

async fn fill(port: u16, events: u64) -> anyhow::Result<()> {
    let mut connections = tokio::task::JoinSet::new();
    for connection in 0..CONNECTIONS {
        let (mut read, mut write) = publisher::connect(port, &format!("bench-{connection}")).await?;
        connections.spawn(async move {
            let step = usize::try_from(CONNECTIONS)?;
            let mut buffer = Vec::new();
            let starts = (connection..meters::STATIONS).step_by(step).map(meters::start);
            let mut messages = starts.chain(
                (connection..events.saturating_sub(meters::STATIONS)).step_by(step).map(meters::meter),
            );
            loop {
                buffer.clear();
                let mut sent = 0;
                for (topic, payload) in messages.by_ref().take(usize::try_from(WINDOW)?) {
                    sent += 1;
                    publisher::put_publish(&mut buffer, sent, &topic, &payload);
                }
                if sent == 0 {
                    return Ok::<_, anyhow::Error>(());
                }
                write.write_all(&buffer).await?;
                publisher::acknowledgements(&mut read, usize::from(sent)).await?;
            }
        });
    }
    while let Some(done) = connections.join_next().await {
        done??;
    }
    Ok(())
}
