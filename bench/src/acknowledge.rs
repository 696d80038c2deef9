//! From handing an event in to its acknowledgement, with the store away: open loop, counted from the moment at which
//! each message was to be sent. Beside it the disk's own sync.

use std::sync::Arc;
use std::time::Duration;

use gateway::journal::JournalConfig;
use gateway::metrics::{AdapterMetrics, PipelineMetrics};
use gateway::pipeline::{self, Identity, PipelineConfig, WriterConfig};
use service::readiness::Readiness;
use station::event::{EventKind, Source, StationEvent};
use station::id::StationId;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::{RUNS, quantile};

const RATE: u32 = 5_000;
const SECONDS: u32 = 5;
const STATIONS: usize = 1_000;

pub(crate) fn run() -> anyhow::Result<()> {
    println!("acknowledge: {RATE} messages/s for {SECONDS} s, open loop, the store away");
    println!("{:>6} {:>24} {:>24}", "run", "acknowledged p50/p99 µs", "sync p50/p99 µs");
    for run in 1..=RUNS {
        let sync = syncs()?;
        let took = tokio::runtime::Runtime::new()?.block_on(acknowledged())?;
        let show = |sorted: &[u128]| {
            format!(
                "{}/{}",
                quantile(sorted, 0.5).unwrap_or_default(),
                quantile(sorted, 0.99).unwrap_or_default()
            )
        };
        println!("{run:>6} {:>24} {:>24}", show(&took), show(&sync));
    }
    Ok(())
}

fn syncs() -> anyhow::Result<Vec<u128>> {
    use std::io::Write;
    let folder = tempfile::tempdir_in(".")?;
    let mut file = std::fs::File::create(folder.path().join("floor"))?;
    let mut took = Vec::new();
    for _ in 0..1_000 {
        let began = std::time::Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_micros());
    }
    took.sort_unstable();
    Ok(took)
}

async fn acknowledged() -> anyhow::Result<Vec<u128>> {
    let folder = tempfile::tempdir_in(".")?;
    let config = PipelineConfig {
        journal: JournalConfig { folder: folder.path().join("journal"), ..JournalConfig::default() },
        writer: WriterConfig::default(),
        store: store::StoreConfig { http: "http://127.0.0.1:1".to_owned(), ..store::StoreConfig::default() },
        session_silence: Duration::from_secs(86_400),
    };
    let mut registry = prometheus_client::registry::Registry::default();
    let metrics = PipelineMetrics::register(&mut registry);
    let adapters = AdapterMetrics::register(&mut registry);
    let identity = Identity::new("bench".to_owned());
    let running = pipeline::start(&config, &identity, &metrics, &adapters, &Readiness::new())?;
    let stations: Vec<StationId> =
        (0..STATIONS).map(|n| StationId::new(&format!("CP{n}"))).collect::<Result<_, _>>()?;
    let took = Arc::new(Mutex::new(Vec::new()));
    let mut sends = tokio::task::JoinSet::new();
    let began = Instant::now();
    for n in 0..RATE * SECONDS {
        let due = began + Duration::from_secs(1) / RATE * n;
        tokio::time::sleep_until(due).await;
        let event =
            StationEvent::new(stations[n as usize % STATIONS].clone(), Source::Ocpp16, EventKind::Heartbeat);
        let (pipeline, took) = (running.pipeline.clone(), Arc::clone(&took));
        sends.spawn(async move {
            if pipeline.submit(vec![event]).await.is_ok() {
                took.lock().await.push(due.elapsed().as_micros());
            }
        });
    }
    while sends.join_next().await.is_some() {}
    let mut took = took.lock().await.clone();
    running.stop().await;
    anyhow::ensure!(
        took.len() as u32 == RATE * SECONDS,
        "{} messages were not acknowledged",
        RATE * SECONDS - took.len() as u32
    );
    took.sort_unstable();
    Ok(took)
}
