//! Rows that QuestDB refuses in the middle of a batch, a suspended table, a missing table and a missing column.

use std::process::Command;
use std::time::Duration;

use integration::servers::{QuestDb, QuestDbOptions, get};
use integration::{Gateway, eventually, eventually_blocking};
use store::read::Reader;

use crate::fleet::{Fleet, MQTT, compare};
use crate::store::{wait_until_down, wait_until_up};

/// Freed as soon as allowed, in small pieces.
const WRITER: &str = r#"journal.segment_bytes = "64KiB"
writer = { snapshot_every = "500ms", retain = "1s" }"#;
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn refused_rows_suspended_tables_and_missing_columns_cost_nothing_else() {
    // Only in this mode a table can be suspended by hand.
    let settings = vec![("dev.mode.enabled".to_owned(), "true".to_owned())];
    let store = QuestDb::start_migrated(&QuestDbOptions { settings, ..Default::default() }).await;
    let gateway = Gateway::start(&store, &format!("{MQTT}\n{WRITER}"));
    let fleet = Fleet::start(&gateway, "240", if crate::long() { "12h" } else { "3h" }, &[]);

    refused_rows(&gateway, &store, &fleet).await;
    a_suspended_table(&gateway, &store, &fleet);
    a_missing_table(&gateway, &store, &fleet);
    a_missing_column(&gateway, &store, &fleet);

    let ledger = fleet.ledger();
    compare(&gateway, &store, &ledger, "refused rows, a suspended table, a missing table and column").await;
    let books = gateway.books().unwrap();
    assert_eq!(books["rejected"]["refused_by_store"], BAD.len(), "{books}");
}

/// Connectors that the column cannot hold once it is narrower than ampwarden has it.
const BAD: [u32; 5] = [40_000, 50_000, 60_000, 70_000, 80_000];

/// Rows with a value that the column cannot hold lie among those of the fleet.
async fn refused_rows(gateway: &Gateway, store: &QuestDb, fleet: &Fleet) {
    fleet.wait_for(100);
    store.sql("ALTER TABLE meter_values ALTER COLUMN connector TYPE SHORT");
    for connector in BAD {
        fleet.wait_for(20);
        let payload = format!(r#"{{"connector":{connector},"power_w":1000,"energy_wh":{connector}}}"#);
        let sent = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &gateway.mqtt_port().to_string(), "-q", "1"])
            .args(["-i", "BAD-1", "-t", "stations/BAD-1/meter", "-m", &payload])
            .output()
            .unwrap();
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    }
    let reader = Reader::new(&store.config());
    eventually(DEADLINE, || async {
        let sql = "SELECT payload FROM rejected WHERE station = 'BAD-1' AND reason = 'refused_by_store'";
        let rows = reader.query(sql, &[]).await.map_err(|error| error.to_string())?;
        let kept = |connector: &u32| {
            rows.iter().any(|row| {
                let payload: Option<String> = row.get("payload").unwrap();
                payload.is_some_and(|payload| payload.contains(&connector.to_string()))
            })
        };
        if rows.len() == BAD.len() && BAD.iter().all(kept) {
            Ok(())
        } else {
            Err(format!("{} rows of {} are kept", rows.len(), BAD.len()))
        }
    })
    .await;
    store.sql("ALTER TABLE meter_values ALTER COLUMN connector TYPE INT");
}

/// It answers 204, shows nothing, and is told by a metric; what it took is not freed from the journal.
fn a_suspended_table(gateway: &Gateway, store: &QuestDb, fleet: &Fleet) {
    let begun = first_segment(gateway);
    eventually_blocking(DEADLINE, || {
        if first_segment(gateway) > begun { Ok(()) } else { Err("nothing is freed while all is well") }
    });
    eventually_blocking(DEADLINE, || {
        // A change of the table that is being applied when this comes resumes it.
        store.sql("ALTER TABLE meter_values SUSPEND WAL");
        match metric(gateway, "ampwarden_store_suspended_tables") {
            Ok(1.0) => Ok(()),
            other => Err(format!("suspended tables: {other:?}; {}", store.sql("SELECT * FROM wal_tables()"))),
        }
    });
    // What is freed from here on was written before.
    let kept_from = gateway.books().unwrap()["received"].as_u64().unwrap();
    fleet.wait_for(1_000);
    let freed = first_segment(gateway);
    assert!(freed <= kept_from, "freed up to {freed}; the table is suspended since {kept_from}");
    assert_eq!(gateway.books().unwrap()["store_up"], true, "it goes on taking rows");
    store.sql("ALTER TABLE meter_values RESUME WAL");
    eventually_blocking(DEADLINE, || match metric(gateway, "ampwarden_store_suspended_tables") {
        Ok(0.0) if first_segment(gateway) > kept_from => Ok(()),
        other => Err(format!("suspended: {other:?}; the journal begins with {}", first_segment(gateway))),
    });
}

fn a_missing_table(gateway: &Gateway, store: &QuestDb, fleet: &Fleet) {
    store.sql("RENAME TABLE connector_status TO away");
    held(gateway, fleet, "connector_status");
    store.sql("RENAME TABLE away TO connector_status");
    wait_until_up(gateway);
}

fn a_missing_column(gateway: &Gateway, store: &QuestDb, fleet: &Fleet) {
    store.sql("ALTER TABLE sessions DROP COLUMN samples");
    held(gateway, fleet, "samples");
    store.sql("ALTER TABLE sessions ADD COLUMN samples INT");
    wait_until_up(gateway);
}

/// The line is held, and it is said why.
fn held(gateway: &Gateway, fleet: &Fleet, what: &str) {
    wait_until_down(gateway);
    fleet.wait_for(300);
    let books = eventually_blocking(DEADLINE, || {
        let books = gateway.books()?;
        if books["in_journal"].as_u64() >= Some(200) { Ok(books) } else { Err(books.to_string()) }
    });
    let trouble = books["store_trouble"].as_str().unwrap_or_default();
    assert!(trouble.contains("schema does not fit") && trouble.contains(what), "{books}");
    let refused: u64 = books["rejected"]["refused_by_store"].as_u64().unwrap();
    assert_eq!(refused, BAD.len() as u64, "nothing is taken out for it: {books}");
}

/// The first event that the journal holds.
fn first_segment(gateway: &Gateway) -> u64 {
    let files = std::fs::read_dir(gateway.folder().join("journal")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
    let firsts = names.filter_map(|name| name.strip_suffix(".journal").and_then(|first| first.parse().ok()));
    firsts.min().unwrap()
}

fn metric(gateway: &Gateway, name: &str) -> Result<f64, String> {
    let page = get(&gateway.admin("/metrics"))?;
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.ok_or_else(|| format!("no {name}"))
}
