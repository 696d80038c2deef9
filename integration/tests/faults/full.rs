//! Full disks and a full journal under load, then room again: no operator, no loss.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use integration::servers::{QuestDb, QuestDbOptions, get};
use integration::{Gateway, eventually_blocking};

use crate::fleet::{Fleet, MQTT, compare};

const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_for() {
    let base = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(&base.path().join("small"), "24m") else {
        println!("left out: only root may mount a small disk");
        return;
    };
    let (store, mut gateway) = prepare().await;
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__FOLDER", disk.0.join("journal").display());
    gateway.start_again();
    let fleet = fleet(&gateway);
    fleet.wait_for(200);

    // Full, while nothing can be freed; then whoever filled it takes his away.
    store.freeze();
    let filler = disk.fill();
    refuses(&gateway, &fleet, "the disk ");
    fs::remove_file(&filler).unwrap();
    takes(&gateway, &fleet);

    // Full again; now only what the store takes makes room. For that a snapshot must be saved on the full disk.
    let held = gateway.metric("ampwarden_journal_bytes").unwrap().unwrap();
    eventually_blocking(DEADLINE, || {
        let now = gateway.metric("ampwarden_journal_bytes")?.unwrap();
        if now > held + 700e3 { Ok(()) } else { Err(format!("{now} bytes in the journal")) }
    });
    let filler = disk.fill();
    refuses(&gateway, &fleet, "the disk ");
    store.thaw();
    takes(&gateway, &fleet);
    assert!(filler.exists());
    fs::remove_file(&filler).unwrap();

    let ledger = fleet.finish();
    compare(&gateway, &store, &ledger, "the disk was full twice").await;
    gateway.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_journal_waits_for_the_store() {
    let (store, mut gateway) = prepare().await;
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__MAX_BYTES", "1 MiB");
    gateway.start_again();
    let fleet = fleet(&gateway);
    fleet.wait_for(200);
    store.freeze();
    refuses(&gateway, &fleet, "gateway.journal.max_bytes");
    // Killed while it is full, it is full again, and no worse.
    gateway.kill();
    gateway.launch();
    refuses(&gateway, &fleet, "gateway.journal.max_bytes");
    store.thaw();
    takes(&gateway, &fleet);
    let ledger = fleet.finish();
    compare(&gateway, &store, &ledger, "the journal was full").await;
}

async fn prepare() -> (QuestDb, Gateway) {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let writer = "writer = { snapshot_every = \"1s\", linger = \"5ms\", retain = \"1s\" }";
    let mut gateway = Gateway::prepare(&store.http(), store.pg_port(), &format!("{MQTT}\n{writer}"));
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__SEGMENT_BYTES", "64 KiB");
    (store, gateway)
}

fn fleet(gateway: &Gateway) -> Fleet {
    Fleet::start(gateway, "900", "400h", &["--start", &crate::days_ago(20)])
}

/// It refuses, and says why; it lives; and nobody is told that something was taken.
fn refuses(gateway: &Gateway, fleet: &Fleet, why: &str) {
    eventually_blocking(DEADLINE, || match get(&gateway.admin("/readyz")) {
        Err(answer) if answer.contains("503") && answer.contains(why) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // What was answered before is noted by now, or soon.
    let refused = unacknowledged(gateway);
    eventually_blocking(DEADLINE, || {
        let now = unacknowledged(gateway);
        if now > refused + 5.0 { Ok(()) } else { Err(format!("{now} messages refused")) }
    });
    let noted = fleet.noted();
    eventually_blocking(DEADLINE, || {
        let now = unacknowledged(gateway);
        if now > refused + 40.0 { Ok(()) } else { Err(format!("{now} messages refused")) }
    });
    assert_eq!(fleet.noted(), noted, "something was acknowledged");
    let ready = get(&gateway.admin("/readyz")).unwrap_err();
    assert!(ready.contains(why), "{ready}");
    get(&gateway.admin("/livez")).unwrap();
}

/// It takes again, by itself.
fn takes(gateway: &Gateway, fleet: &Fleet) {
    eventually_blocking(DEADLINE, || get(&gateway.admin("/readyz")));
    fleet.wait_for(200);
}

fn unacknowledged(gateway: &Gateway) -> f64 {
    let refused = gateway.metric("ampwarden_unacknowledged_total{reason=\"journal_full\"}");
    refused.ok().flatten().unwrap_or(0.0)
}

/// A small disk.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// None, where that is not allowed.
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()))
    }

    /// Writes a file that takes all the room there is.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        for bytes in [64 << 10, 4 << 10, 1] {
            let block = vec![1; bytes];
            while file.write_all(&block).is_ok() {}
        }
        path
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
