//! Whether a call costs more when the same 2,000 calls a second come from more stations: CPU of the gateway a call,
//! until the last row is visible.

use std::time::Duration;

use tokio::time::Instant;

use crate::machine;
use crate::{RUNS, calls};

const STATIONS: [usize; 3] = [10, 1_000, 10_000];

pub(crate) fn run() -> anyhow::Result<()> {
    let rate = machine::number("BENCH_CALL_RATE", 2_000);
    let seconds = machine::number("BENCH_SECONDS", 20);
    println!("{rate} MeterValues calls/s for {seconds} s, open loop; CPU µs a call of the gateway");
    println!(
        "{:>4} {:>12} {:>12} {:>12} {:>18}  load",
        "run", "10 stations", "1,000", "10,000", "10,000 beside 10"
    );
    let mut growth = Vec::new();
    for run in 1..=RUNS {
        let mut cpu = Vec::new();
        for stations in STATIONS {
            cpu.push(one(stations, rate, rate * seconds)?);
        }
        let ratio = cpu[2] / cpu[0];
        println!(
            "{run:>4} {:>12.1} {:>12.1} {:>12.1} {ratio:>18.2}  {}",
            cpu[0],
            cpu[1],
            cpu[2],
            machine::load()
        );
        growth.push(ratio);
    }
    growth.sort_by(f64::total_cmp);
    println!("the middle ratio is {:.2}; goal: at most 1.20", machine::quantile(&growth, 0.5));
    Ok(())
}

fn one(count: usize, rate: u64, calls: u64) -> anyhow::Result<f64> {
    calls::gateway(count, calls, async |stations| {
        let began = Instant::now();
        let mut calling = tokio::task::JoinSet::new();
        for (number, mut station) in stations.into_iter().enumerate() {
            let mine = (number as u64..calls).step_by(count);
            calling.spawn(async move {
                for n in mine {
                    tokio::time::sleep_until(began + Duration::from_nanos(n * 1_000_000_000 / rate)).await;
                    station.meter_values().await?;
                }
                Ok::<_, anyhow::Error>(station)
            });
        }
        let mut connected = Vec::new();
        while let Some(station) = calling.join_next().await {
            connected.push(station??);
        }
        Ok(connected)
    })
}
