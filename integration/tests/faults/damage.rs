//! Damage in the journal's folder: the gateway starts, says what is damaged, keeps the rest, and starts again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use integration::Gateway;
use integration::servers::{QuestDb, QuestDbOptions};
use serde_json::Value;

use crate::fleet::{Fleet, MQTT, compare};

const HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
const ACTIVE_MIN: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_told_and_the_rest_is_kept() {
    let mut store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let writer = "writer = { snapshot_every = \"200ms\", linger = \"5ms\" }";
    let mut gateway = Gateway::start(&store, &format!("{MQTT}\n{writer}"));
    gateway.stop();
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__SEGMENT_BYTES", "32 KiB");
    gateway.start_again();
    let fleet = Fleet::start(&gateway, "600", "400h", &["--start", &crate::days_ago(20)]);
    let journal = gateway.folder().join("journal");
    integration::eventually_blocking(Duration::from_secs(60), || {
        let there = files(&journal, "snapshot-").len();
        if there > 2 { Ok(()) } else { Err(format!("{there} snapshots")) }
    });
    // From here on events are journaled and not stored: damage costs something.
    store.freeze();
    fleet.wait_for(1_000);
    let ledger = fleet.finish();
    // So that there is something to damage in the segment that was begun last.
    for kilowatts in 1..100 {
        let active = files(&journal, ".journal").pop().unwrap();
        if records(&fs::read(journal.join(active)).unwrap()).len() > ACTIVE_MIN {
            break;
        }
        let _ = gateway.command(&["limits", "set", "depot", "--grid-kw", &kilowatts.to_string()]);
    }
    gateway.kill();
    store.thaw();
    let template = gateway.folder().join("template");
    copy(&journal, &template);

    // Undamaged, nothing is missing.
    gateway.start_again();
    compare(&gateway, &store, &ledger, "before any damage").await;
    let whole = gateway.settled_books(Duration::from_secs(60));
    gateway.kill();

    for case in cases(&template) {
        copy(&template, &journal);
        (case.harm)(&journal);
        let log_before = gateway.log().len();
        gateway.start_again();
        let books = settled(&gateway);
        let log = gateway.log().split_off(log_before);
        let name = case.name;
        assert_eq!(books["lost"], case.lost, "{name}: {books}\n{log}");
        assert_eq!(books["uncounted"], case.uncounted, "{name}: {books}");
        assert_eq!(books["difference"], 0, "{name}: {books}");
        assert!(received(&books) >= received(&whole), "{name}: {books}");
        for said in case.says {
            assert!(log.contains(said), "{name}: the log does not say \"{said}\":\n{log}");
        }
        if let Some(what) = case.metric {
            let found = gateway.metric(&format!("ampwarden_damage_found_total{{what=\"{what}\"}}")).unwrap();
            assert!(found.is_some_and(|n| n >= 1.0), "{name}: no metric of damage: {found:?}");
        }
        let lost = gateway.metric("ampwarden_journal_lost_events_total").unwrap();
        assert_eq!(lost.map(|n| n.to_string()), Some(case.lost.to_string()), "{name}");
        let page = gateway.command(&["check", "books"]);
        assert!(page.contains("the books balance"), "{name}: {page}");
        assert_eq!(page.contains("lost by damage"), case.lost > 0, "{name}: {page}");
        assert_eq!(page.contains("began anew"), case.uncounted > 0, "{name}: {page}");
        // And again, as a supervisor would; nothing is counted twice.
        gateway.stop();
        gateway.start_again();
        let again = settled(&gateway);
        for state in ["lost", "uncounted", "difference"] {
            assert_eq!(again[state], books[state], "{name}: after the next start: {again}");
        }
        assert!(received(&again) >= received(&books), "{name}: after the next start: {again}");
        gateway.kill();
        println!("{name}: {books}");
    }

    // The last one is as good as new for what comes now.
    store.restart();
    gateway.start_again();
    let fleet = Fleet::start(&gateway, "600", "400h", &["--start", &crate::days_ago(10), "--seed", "12"]);
    fleet.wait_for(300);
    let ledger = fleet.finish();
    let reader = store::read::Reader::new(&store.config());
    settled(&gateway);
    integration::eventually(Duration::from_secs(60), || async {
        let differences = ledger.differences(&reader).await;
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    })
    .await;
}

/// The books, when the store has taken what there is.
fn settled(gateway: &Gateway) -> Value {
    integration::eventually_blocking(Duration::from_secs(60), || {
        let books = gateway.books()?;
        let settled = books["in_journal"] == 0 && books["store_up"] == true;
        if settled { Ok(books) } else { Err(format!("not settled: {books}")) }
    })
}

/// Events; a session whose end is lost stays open, and time goes on for it: each minute is an event, too.
fn received(books: &Value) -> u64 {
    books["received"].as_u64().unwrap()
}

/// A kind of damage, and what is to be said of it.
struct Case {
    name: &'static str,
    harm: Box<dyn Fn(&Path)>,
    lost: usize,
    uncounted: u64,
    says: &'static [&'static str],
    metric: Option<&'static str>,
}

fn cases(template: &Path) -> Vec<Case> {
    let segments = files(template, ".journal");
    let snapshots = files(template, "snapshot-");
    assert!(segments.len() > 6 && snapshots.len() > 2, "{segments:?} {snapshots:?}");
    let position = number(snapshots.last().unwrap());
    // Sealed, and not stored.
    let sealed = segments[segments.len() - 3].clone();
    assert!(number(&sealed) > position, "{sealed} is stored: {position}");
    let active = segments.last().unwrap().clone();
    let records = |name: &str| records(&fs::read(template.join(name)).unwrap());
    let in_sealed = records(&sealed);
    let half = in_sealed.len() / 2;
    let (payload, length) = (in_sealed[half].0 + RECORD_HEADER_BYTES + 3, in_sealed[half].0 + 1);
    let in_active = records(&active);
    assert!(in_active.len() > ACTIVE_MIN, "the active segment is nearly empty");
    let first_kept = number(&segments[1]) - 1;
    let newest = snapshots.last().unwrap().clone();
    let case = |name, harm: Box<dyn Fn(&Path)>, lost, says, metric| Case {
        name,
        harm,
        lost,
        uncounted: 0,
        says,
        metric,
    };
    vec![
        case(
            "torn tail",
            Box::new({
                let active = active.clone();
                move |folder| append(&folder.join(&active), &[77, 0, 0, 0, 1, 2, 3, 4, 5])
            }),
            0,
            &["torn tail"],
            Some("tail"),
        ),
        case("flipped bit in a record", flip(&sealed, payload), 1, &["damaged or missing"], Some("segment")),
        case("flipped bit in a length", flip(&sealed, length), 1, &["damaged or missing"], Some("segment")),
        case(
            "flipped bit in the active segment",
            flip(&active, in_active[1].0 + RECORD_HEADER_BYTES),
            1,
            &["damaged or missing"],
            Some("segment"),
        ),
        case("flipped bit in the header of the active segment", flip(&active, 3), 0, &["header"], None),
        case("flipped bit in the header of a sealed segment", flip(&sealed, 9), 0, &[], None),
        case(
            "truncated segment",
            Box::new({
                let (sealed, length) = (sealed.clone(), in_sealed[half].0 + 5);
                move |folder| {
                    let bytes = fs::read(folder.join(&sealed)).unwrap();
                    fs::write(folder.join(&sealed), &bytes[..length]).unwrap();
                }
            }),
            in_sealed.len() - half,
            &["damaged or missing"],
            Some("segment"),
        ),
        case(
            "missing segment",
            Box::new(move |folder| fs::remove_file(folder.join(&sealed)).unwrap()),
            in_sealed.len(),
            &["damaged or missing"],
            Some("segment"),
        ),
        case("newest snapshot damaged", flip(&newest, 100), 0, &["a snapshot is damaged"], Some("snapshot")),
        case(
            "newest snapshot lost",
            Box::new(move |folder| fs::remove_file(folder.join(&newest)).unwrap()),
            0,
            &[],
            None,
        ),
        Case {
            uncounted: first_kept,
            ..case(
                "all snapshots damaged, the oldest segment freed",
                Box::new(move |folder| {
                    fs::remove_file(folder.join(&segments[0])).unwrap();
                    for snapshot in &snapshots {
                        fs::write(folder.join(snapshot), b"AMPW").unwrap();
                    }
                }),
                0,
                &["a snapshot is damaged", "no snapshot can be read"],
                Some("snapshot"),
            )
        },
    ]
}

fn flip(name: &str, at: usize) -> Box<dyn Fn(&Path)> {
    let name = name.to_owned();
    Box::new(move |folder| {
        let path = folder.join(&name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).unwrap();
    })
}

fn append(path: &Path, more: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    bytes.extend_from_slice(more);
    fs::write(path, bytes).unwrap();
}

/// Where records begin, and their numbers.
fn records(bytes: &[u8]) -> Vec<(usize, u64)> {
    let mut at = HEADER_BYTES;
    let mut found = Vec::new();
    while at + RECORD_HEADER_BYTES <= bytes.len() {
        // The highest bit says that a group begins.
        let length = (u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) & !(1 << 31)) as usize;
        found.push((at, u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap())));
        at += RECORD_HEADER_BYTES + length;
    }
    assert_eq!(at, bytes.len());
    found
}

/// The number in the name of a segment or a snapshot.
fn number(name: &str) -> u64 {
    name.trim_start_matches("snapshot-").trim_end_matches(".journal").parse().unwrap()
}

/// Names that have that part, in order.
fn files(folder: &Path, part: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = names.filter(|name| name.contains(part)).collect();
    found.sort();
    found
}

/// Makes `to` the same as `from`.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    let paths: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|e| e.unwrap().path()).collect();
    for path in paths {
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
