//! A thousand stations that vanish at once leave nothing behind: no task, no place, no socket, no memory.

use futures_util::future::join_all;
use integration::station::{DEADLINE, Station, metric, open_files, resident_mib};
use integration::{Gateway, eventually};
use serde_json::json;

use crate::without_store;

const STATIONS: usize = 1_000;
/// What the allocator may keep between two waves.
const GROWTH_MIB: u64 = 24;

/// Tasks, places of stations, open connections, open files.
#[derive(PartialEq, Debug)]
struct Counts {
    tasks: f64,
    seats: f64,
    connections: f64,
    files: usize,
}

fn counts(gateway: &Gateway) -> Counts {
    Counts {
        tasks: metric(gateway, "ampwarden_tasks"),
        seats: metric(gateway, "ampwarden_connection_seats"),
        connections: metric(gateway, "ampwarden_connections{protocol=\"ocpp1.6\"}"),
        files: open_files(gateway),
    }
}

/// Connects all, and lets them boot; every second one has asked something when it goes.
async fn wave(gateway: &Gateway) -> Vec<Station> {
    join_all((0..STATIONS).map(|number| async move {
        let mut station = Station::connect(gateway, &format!("VANISH-{number}")).await;
        station.boot(false).await;
        if number % 2 == 0 {
            station.send("last", "Heartbeat", &json!({})).await.unwrap();
        }
        station
    }))
    .await
}

/// Waits until there is no more than there was.
async fn nothing_is_left(gateway: &Gateway, before: &Counts) {
    eventually(2 * DEADLINE, || async {
        let now = counts(gateway);
        // The scrape itself has a connection and a task of its own, or two.
        let back = now.tasks <= before.tasks + 4.0
            && now.seats == 0.0
            && now.connections == 0.0
            && now.files <= before.files + 4;
        if back { Ok(()) } else { Err(format!("{now:?} now, {before:?} before")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_stations_that_vanish_at_once_leave_nothing_behind() {
    let mut gateway = without_store("max_handshakes_per_second = 5000, max_handshakes_per_station = 100");
    let before = counts(&gateway);
    // The first wave shows what is kept of each station that was ever seen.
    let stations = wave(&gateway).await;
    let most = counts(&gateway);
    #[allow(clippy::cast_precision_loss)]
    let all = STATIONS as f64;
    // A task each; what else runs comes and goes.
    assert!(most.seats >= all && most.connections >= all && most.tasks >= all, "{most:?}");
    stations.into_iter().for_each(Station::vanish);
    nothing_is_left(&gateway, &before).await;
    let memory = resident_mib(&gateway);
    for _ in 0..2 {
        let stations = wave(&gateway).await;
        stations.into_iter().for_each(Station::vanish);
        nothing_is_left(&gateway, &before).await;
    }
    let now = resident_mib(&gateway);
    println!("{before:?}; at most {most:?}; memory {memory} MiB after the first wave, {now} after the third");
    assert!(now <= memory + GROWTH_MIB, "{memory} MiB after the first wave, {now} after the third");
    // Nobody's place is stuck: all may come again.
    let mut again = Station::connect(&gateway, "VANISH-0").await;
    again.call("h", "Heartbeat", &json!({})).await;
    gateway.stop();
}
