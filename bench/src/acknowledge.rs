//! Durable acknowledgement by the real gateway, over sockets: open loop, counted from the moment at which each message
//! was to be sent to its PUBACK. The store is away. Beside it the disk's own sync.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::machine::{self, quantile};
use crate::{RUNS, meters, publisher};

const CONNECTIONS: u64 = 50;

pub(crate) fn run() -> anyhow::Result<()> {
    let (rate, seconds) = (machine::number("BENCH_RATE", 5_000), machine::number("BENCH_SECONDS", 10));
    println!(
        "{rate} meter values/s for {seconds} s over {CONNECTIONS} MQTT connections, open loop, the store away; µs"
    );
    println!(
        "{:>4} {:>22} {:>18} {:>10} {:>12}  load",
        "run", "PUBACK p50/p99/max", "sync p50/p99", "p99 ratio", "CPU µs/msg"
    );
    for run in 1..=RUNS {
        let sync = machine::syncs(1_000)?;
        let mut gateway = meters::gateway("http://127.0.0.1:1", 1);
        gateway.start_again();
        let pid = gateway.process().pid();
        let runtime = tokio::runtime::Runtime::new()?;
        let cpu = machine::process_cpu_us(pid)?;
        let took = runtime.block_on(acknowledged(gateway.mqtt_port(), rate, rate * seconds))?;
        let cpu = machine::process_cpu_us(pid)? - cpu;
        gateway.kill();
        let (p99, sync_p99) = (quantile(&took, 0.99), quantile(&sync, 0.99));
        #[allow(clippy::cast_precision_loss)]
        let (ratio, cpu) = (p99 as f64 / sync_p99.max(1) as f64, cpu as f64 / took.len() as f64);
        println!(
            "{run:>4} {:>22} {:>18} {ratio:>10.2} {cpu:>12.1}  {}",
            format!("{}/{p99}/{}", quantile(&took, 0.5), quantile(&took, 1.0)),
            format!("{}/{sync_p99}", quantile(&sync, 0.5)),
            machine::load(),
        );
    }
    println!("goal: p99 at most 10,000 µs, or at most 5 times the sync's p99");
    Ok(())
}

/// Sends so many messages at a rate; how long each took, µs, sorted.
async fn acknowledged(port: u16, rate: u64, messages: u64) -> anyhow::Result<Vec<u128>> {
    let mut connections = tokio::task::JoinSet::new();
    // All are connected before the clock starts.
    let began = Instant::now() + Duration::from_secs(2);
    let due = move |n: u64| began + Duration::from_nanos(n * 1_000_000_000 / rate);
    for connection in 0..CONNECTIONS {
        let (mut read, mut write) = publisher::connect(port, &format!("bench-{connection}")).await?;
        let mine = move || (connection..messages).step_by(usize::try_from(CONNECTIONS).unwrap_or(1));
        let sending = tokio::spawn(async move {
            let mut buffer = Vec::new();
            for (id, n) in (1_u16..).zip(mine()) {
                tokio::time::sleep_until(due(n)).await;
                let (topic, payload) = meters::meter(n);
                buffer.clear();
                publisher::put_publish(&mut buffer, id, &topic, &payload);
                write.write_all(&buffer).await?;
            }
            // Kept open until all is acknowledged.
            Ok::<_, anyhow::Error>(write)
        });
        connections.spawn(async move {
            let mut took = Vec::new();
            for n in mine() {
                publisher::acknowledgements(&mut read, 1).await?;
                took.push(due(n).elapsed().as_micros());
            }
            sending.await??;
            Ok::<_, anyhow::Error>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(done) = connections.join_next().await {
        took.extend(done??);
    }
    anyhow::ensure!(took.len() as u64 == messages, "{} of {messages} were acknowledged", took.len());
    took.sort_unstable();
    Ok(took)
}
