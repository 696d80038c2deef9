//! QuestDB is killed while it writes, stopped, frozen, killed together with the gateway, and put back to an older copy.

use std::time::{Duration, Instant};

use integration::servers::{CommitMode, QuestDb, QuestDbOptions};
use integration::{Gateway, eventually_blocking};

use crate::fleet::{Fleet, MQTT, compare};

/// Segments, snapshots and looks at the store are many, so that each harm falls among them.
const WRITER: &str = r#"journal.segment_bytes = "256KiB"
writer = { snapshot_every = "2s", drain = "1s" }"#;

/// Until the gateway knows that its store is away.
pub(crate) fn wait_until_down(gateway: &Gateway) {
    eventually_blocking(Duration::from_secs(120), || {
        let books = gateway.books()?;
        if books["store_up"] == false { Ok(()) } else { Err(format!("the store is up: {books}")) }
    });
}

/// Until the store takes rows.
pub(crate) fn wait_until_up(gateway: &Gateway) {
    eventually_blocking(Duration::from_secs(120), || {
        let books = gateway.books()?;
        if books["store_up"] == true { Ok(()) } else { Err(format!("the store is away: {books}")) }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_killed_frozen_or_put_back_gets_everything() {
    let long = crate::long();
    let modes: &[CommitMode] =
        if long { &[CommitMode::Sync, CommitMode::NoSync] } else { &[CommitMode::Sync] };
    for mode in modes {
        harm(&QuestDbOptions { commit_mode: *mode, ..Default::default() }, long).await;
    }
}

async fn harm(options: &QuestDbOptions, long: bool) {
    let kills = if long { 10 } else { 1 };
    let frozen_for = Duration::from_secs(if long { 60 } else { 3 });
    let copy_age = Duration::from_secs(if long { 60 } else { 5 });

    let mut store = QuestDb::start_migrated(options).await;
    let mut gateway = Gateway::start(&store, &format!("{MQTT}\n{WRITER}"));
    let fleet = Fleet::start(&gateway, "240", if long { "24h" } else { "3h" }, &[]);

    for kill in 0..kills {
        fleet.wait_for(150 + 17 * (kill % 10));
        store.kill();
        fleet.wait_for(100);
        store.start_again();
    }

    let frozen = Instant::now();
    store.freeze();
    fleet.wait_for(300);
    wait_until(frozen + frozen_for);
    store.thaw();

    // Falls back under a gateway that runs.
    let (copy, taken) = (store.copy(), Instant::now());
    fleet.wait_for(500);
    wait_until(taken + copy_age);
    store.kill();
    store.put_back(&copy);
    store.start_again();

    // Falls back while the gateway is away, too, and then is away when the gateway is back, and ends once more before
    // it has written anything.
    let (copy, taken) = (store.copy(), Instant::now());
    fleet.wait_for(500);
    wait_until(taken + copy_age);
    gateway.kill();
    store.kill();
    store.put_back(&copy);
    gateway.start_again();
    fleet.wait_for(200);
    wait_until_down(&gateway);
    gateway.stop();
    gateway.start_again();
    fleet.wait_for(100);
    store.start_again();

    let ledger = fleet.ledger();
    assert!(ledger.messages.len() > 2_000, "too little traffic: {} messages", ledger.messages.len());
    compare(
        &gateway,
        &store,
        &ledger,
        &format!("{kills} kills, a freeze, two old copies, {:?}", options.commit_mode),
    )
    .await;
}

/// The store is stopped while a quarter of a million events come.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_away_gets_what_came_meanwhile() {
    let events = if crate::long() { 240_000 } else { 3_000 };
    let mut store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let gateway = Gateway::start(&store, &format!("{MQTT}\n{WRITER}"));
    let _ = gateway.command(&["settings", "set", "unknown_tokens", "accept"]);
    store.stop();
    let fleet = Fleet::load(&gateway, 3_000);
    fleet.wait_for(events);
    let ledger = fleet.end();
    let books = gateway.books().unwrap();
    assert!(books["in_journal"].as_u64().unwrap() >= events as u64, "{books}");
    store.start_again();
    compare(&gateway, &store, &ledger, &format!("stopped while {events} events came")).await;
}

/// How long a harm lasts is part of it.
fn wait_until(end: Instant) {
    eventually_blocking(Duration::from_secs(120), || {
        if Instant::now() >= end { Ok(()) } else { Err("too early") }
    });
}
