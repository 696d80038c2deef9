//! Power cuts under OCPP and MQTT load: whatever was not synced is forgotten, and syncs fail.

use integration::Gateway;
use integration::servers::{QuestDb, QuestDbOptions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::disk::Disk;
use crate::fleet::{Fleet, MQTT, compare};

/// Cuts while one fleet lives.
const CUTS_A_FLEET: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_forget_nothing_that_was_acknowledged() {
    let cuts: usize = if crate::long() { 1_000 } else { 40 };
    let base = tempfile::tempdir().unwrap();
    let mut disk = Disk::new(base.path(), 4);
    let mut rng = StdRng::seed_from_u64(5);
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    // Small segments and frequent snapshots: files come and go all the time.
    let writer = "writer = { snapshot_every = \"300ms\", linger = \"5ms\", retain = \"1s\" }";
    let mut gateway = Gateway::prepare(&store.http(), store.pg_port(), &format!("{MQTT}\n{writer}"));
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__FOLDER", disk.folder.join("state/journal").display());
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__SEGMENT_BYTES", "32 KiB");

    let mut tally = Tally::default();
    for round in 0..cuts.div_ceil(CUTS_A_FLEET) {
        let seed = (100 + round).to_string();
        let fleet =
            Fleet::start(&gateway, "600", "400h", &["--start", &crate::days_ago(20), "--seed", &seed]);
        for _ in 0..CUTS_A_FLEET.min(cuts - tally.cuts) {
            one_life(&mut gateway, &mut disk, &mut rng, &mut tally);
            fleet.check();
        }
        for name in ["LD_PRELOAD", "POWERCUT_DIE_AT", "POWERCUT_EIO_AT", "POWERCUT_EIO_N"] {
            gateway.unset(name);
        }
        gateway.start_again();
        let ledger = fleet.finish();
        let acknowledged = ledger.messages.len();
        assert!(acknowledged > 5 * CUTS_A_FLEET.min(cuts), "too little traffic: {acknowledged} messages");
        compare(&gateway, &store, &ledger, &format!("{tally:?}")).await;
        // Closed in order: everything is on the disk.
        gateway.stop();
        disk.adopt();
    }
    assert!(tally.in_its_life > tally.cuts / 3, "most cuts came at the start: {tally:?}");
    assert!(tally.failed_syncs > tally.cuts / 20, "too few syncs failed: {tally:?}");
}

/// What was done.
#[derive(Debug, Default)]
struct Tally {
    cuts: usize,
    /// Not while the gateway was starting.
    in_its_life: usize,
    failed_syncs: usize,
}

/// The gateway lives until the power is cut, at a random one of its changes to the disk.
fn one_life(gateway: &mut Gateway, disk: &mut Disk, rng: &mut StdRng, tally: &mut Tally) {
    for (name, value) in disk.variables() {
        gateway.set(name, value);
    }
    // Some within the recovery from the cut before, most under load.
    let die_at = if rng.random_ratio(1, 4) { rng.random_range(1..16) } else { rng.random_range(16..260) };
    gateway.set("POWERCUT_DIE_AT", die_at);
    if rng.random_ratio(1, 4) {
        gateway.set("POWERCUT_EIO_AT", rng.random_range(1..100));
        gateway.set("POWERCUT_EIO_N", rng.random_range(1..4));
    } else {
        gateway.unset("POWERCUT_EIO_AT");
    }
    gateway.launch();
    gateway.wait_until_gone();
    let found = disk.cut();
    tally.cuts += 1;
    tally.in_its_life += usize::from(found.changes > 16);
    tally.failed_syncs += found.failed_syncs;
    if tally.cuts.is_multiple_of(50) {
        println!("{tally:?}");
    }
}
