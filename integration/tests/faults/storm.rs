//! Thousands of stations drop at once and come back within 10 s, each with what it could not say meanwhile. And the
//! other way round: the gateway goes, in stages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use integration::servers::{QuestDb, QuestDbOptions, get};
use integration::{Gateway, eventually};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::fleet::{Fleet, compare};
use integration::station::{STORE_FILES, Station, metric, open_files, quantile, resident_mib, total};

/// Stations that do nothing but ask how long a Heartbeat takes.
const PROBES: u32 = 10;
/// What a debug build may need at most, whoever comes back: measured 60 to 90.
const MEMORY_MIB: u64 = 300;

const CONNECTIONS: &str = "ampwarden_connections{protocol=\"ocpp1.6\"}";

/// Sends Heartbeats, one after the other, until `over`; gives when each was sent and how long it took.
async fn probe(mut station: Station, over: Arc<AtomicBool>) -> Vec<(Instant, Duration)> {
    let mut took = Vec::new();
    let mut beat = tokio::time::interval(Duration::from_millis(200));
    while !over.load(Ordering::Relaxed) {
        beat.tick().await;
        let sent = Instant::now();
        station.call(&took.len().to_string(), "Heartbeat", &json!({})).await;
        took.push((sent, sent.elapsed()));
    }
    took
}

/// Looks at liveness and memory until `over`; gives how often, and the most memory.
fn watch(gateway: &Gateway, over: Arc<AtomicBool>) -> JoinHandle<(u64, u64)> {
    let (livez, status) = (gateway.admin("/livez"), format!("/proc/{}/status", gateway.process().pid()));
    tokio::task::spawn_blocking(move || {
        let (mut looks, most) = (0, AtomicU64::new(0));
        while !over.load(Ordering::Relaxed) {
            get(&livez).unwrap_or_else(|error| panic!("liveness failed in the storm: {error}"));
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let kib =
                text.lines().find_map(|l| l.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
            most.fetch_max(kib.unwrap_or(0) / 1024, Ordering::Relaxed);
            looks += 1;
            std::thread::park_timeout(Duration::from_millis(100));
        }
        (looks, most.into_inner())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_stations_that_come_back_is_weathered() {
    let (stations, rate, ramp, cut_for) =
        if crate::long() { ("5000", "1000", "12s", "30s") } else { ("1000", "400", "3s", "6s") };
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let gateway = Gateway::start(&store, "");
    let over = Arc::new(AtomicBool::new(false));
    let watching = watch(&gateway, over.clone());
    let mut probes = Vec::new();
    for number in 0..PROBES {
        let station = Station::connect(&gateway, &format!("PROBE-{number}")).await;
        probes.push(tokio::spawn(probe(station, over.clone())));
    }
    let (files_before, memory_before) = (open_files(&gateway), resident_mib(&gateway));

    let ocpp = gateway.ocpp();
    let fleet = Fleet::run(&[
        "simulate",
        "load",
        "--ocpp",
        &ocpp,
        "--stations",
        stations,
        "--rate",
        rate,
        "--ramp",
        ramp,
        "--cut-after",
        if crate::long() { "18s" } else { "5s" },
        "--cut-for",
        cut_for,
        "--duration",
        "10m",
        "--return-over",
        "10s",
    ]);
    let all = f64::from(stations.parse::<u32>().unwrap() + PROBES);
    let connected = |enough: fn(f64, f64) -> bool| {
        let gateway = &gateway;
        eventually(Duration::from_secs(120), move || async move {
            let now = metric(gateway, CONNECTIONS);
            if enough(now, all) { Ok(Instant::now()) } else { Err(format!("{now} of {all} are connected")) }
        })
    };
    // Counted, not seen in between: however slow the machine is, a storm is not overlooked.
    eventually(Duration::from_secs(120), || async {
        let lost = total(&gateway, "ampwarden_disconnects_total")?;
        if lost >= 0.9 * all { Ok(()) } else { Err(format!("{lost} of {all} have dropped")) }
    })
    .await;
    let back_from = connected(|now, all| now > all / 10.0).await;
    let back = connected(|now, all| now >= all).await;
    let ledger = fleet.finish();
    let flushed = Instant::now();
    eventually(Duration::from_secs(60), || async {
        let files = open_files(&gateway);
        if files <= files_before + STORE_FILES {
            Ok(())
        } else {
            Err(format!("{files} files are open, {files_before} were"))
        }
    })
    .await;
    let memory_after = resident_mib(&gateway);
    over.store(true, Ordering::Relaxed);
    let (mut quiet, mut storm) = (Vec::new(), Vec::new());
    for probe in probes {
        for (sent, took) in probe.await.unwrap() {
            if sent >= back_from && sent <= flushed { storm.push(took) } else { quiet.push(took) }
        }
    }
    let (looks, memory) = watching.await.unwrap();
    assert!(memory < MEMORY_MIB, "{memory} MiB in the storm");
    let refused: f64 = ["handshake_rate", "station_handshake_rate", "max_connections"]
        .map(|reason| metric(&gateway, &format!("ampwarden_refused_total{{reason=\"{reason}\"}}")))
        .iter()
        .sum();
    println!(
        "storm: {stations} stations back in {:.1} s ({refused} turned away and came again); {} Heartbeats in the flush: \
         p50 {:?}, p99 {:?}, max {:?} (otherwise p99 {:?}); liveness green {looks} times; memory {memory_before} MiB \
         before, {memory} at most, {memory_after} after",
        back.duration_since(back_from).as_secs_f64(),
        storm.len(),
        quantile(&mut storm, 0.5),
        quantile(&mut storm, 0.99),
        quantile(&mut storm, 1.0),
        quantile(&mut quiet, 0.99),
    );
    assert!(ledger.messages.len() > 3_000, "too little traffic: {} messages", ledger.messages.len());
    compare(&gateway, &store, &ledger, &format!("a storm of {stations} stations")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_lets_its_stations_go_in_stages() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let mut gateway = Gateway::start(
        &store,
        r#"
ocpp = { listen = "127.0.0.1:{ocpp}", drain_per_second = 5 }
mqtt = { listen = "127.0.0.1:{mqtt}", anonymous = true, drain_per_second = 5 }
"#,
    );
    let fleet = Fleet::start(&gateway, "120", "40m", &[]);
    // 40 of OCPP and 20 of MQTT, shortly after the gateway has gone in 8 s.
    let connections = || total(&gateway, "ampwarden_connections");
    eventually(Duration::from_secs(60), || async {
        let now = connections()?;
        if now >= 50.0 { Ok(()) } else { Err(format!("{now} are connected")) }
    })
    .await;
    gateway.process().signal("TERM");
    let (mut stages, mut not_ready) = (Vec::new(), false);
    while gateway.process().is_running() {
        if let Ok(now) = connections()
            && stages.last() != Some(&now)
        {
            stages.push(now);
        }
        not_ready |= get(&gateway.admin("/readyz")).is_err_and(|error| error.contains("stopping"));
    }
    assert!(not_ready, "readiness must fail, and say that it is stopping");
    assert!(stages.len() > 5, "not in stages: {stages:?}");
    assert_eq!(gateway.process().exit_code(), Some(0), "{}", gateway.process().log());
    let said = |text: &str| gateway.process().log().contains(text);
    assert!(!said("did not end in time"), "{}", gateway.process().log());
    println!("drain: connections seen while it stopped: {stages:?}");
    gateway.start_again();
    let ledger = fleet.ledger();
    compare(&gateway, &store, &ledger, "an orderly stop").await;
}
