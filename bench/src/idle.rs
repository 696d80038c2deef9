//! What 15,000 connected stations that say nothing cost: memory a connection, after a boot and one meter value each,
//! beside a server that only parses and answers.

use std::time::Duration;

use crate::machine::{self, memory_kib};
use crate::{calls, stations};

/// After the last call the allocator's and the kernel's bookkeeping settles.
const SETTLE: Duration = Duration::from_secs(10);

pub(crate) fn run() -> anyhow::Result<()> {
    let connections = usize::try_from(machine::number("BENCH_CONNECTIONS", 15_000))?;
    println!("{connections} idle OCPP connections, after a boot and one MeterValues each; the store away");
    println!("{:<28} {:>12} {:>12} {:>18}  load", "server", "before MiB", "after MiB", "KiB a connection");
    let floor = calls::floor();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(stations::wait_for(floor.port))?;
    runtime.block_on(one(
        "parses and answers",
        &format!("ws://127.0.0.1:{}", floor.port),
        floor.process.pid(),
        connections,
    ))?;
    drop(floor);
    let mut gateway = stations::gateway("http://127.0.0.1:1", 1);
    gateway.start_again();
    let pid = gateway.process().pid();
    runtime.block_on(one("gateway", &gateway.ocpp(), pid, connections))?;
    println!("goal: at most 12 KiB a connection");
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
async fn one(name: &str, server: &str, pid: u32, connections: usize) -> anyhow::Result<()> {
    let (before, _) = memory_kib(pid)?;
    let mut idle = tokio::task::JoinSet::new();
    for mut station in stations::begin(server, connections).await? {
        station.meter_values().await?;
        idle.spawn(station.idle());
    }
    tokio::time::sleep(SETTLE).await;
    let (after, _) = memory_kib(pid)?;
    println!(
        "{name:<28} {:>12} {:>12} {:>18.1}  {}",
        before / 1024,
        after / 1024,
        after.saturating_sub(before) as f64 / connections as f64,
        machine::load()
    );
    Ok(())
}
