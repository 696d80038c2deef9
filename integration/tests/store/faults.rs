//! What the writer and the reader do when the server is not as it should be, on a server of their own.

use integration::eventually;
use integration::servers::{QuestDb, QuestDbOptions};
use service::config::HumanDuration;
use station::fact::{Fact, Key};
use store::StoreConfig;
use store::ilp::{Batch, SendError, Writer};
use store::read::{ReadError, Reader};
use store::server::{restart_epoch, wal_tables};

use crate::sample::{DEADLINE, event, key, meter_value, rows, select};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_fails_and_comes_back() {
    // Only in this mode a table can be suspended by hand.
    let settings = vec![("dev.mode.enabled".to_owned(), "true".to_owned())];
    let mut server = QuestDb::start_migrated(&QuestDbOptions { settings, ..Default::default() }).await;
    let config = StoreConfig { request_timeout: HumanDuration::from_secs(3), ..server.config() };
    let mut writer = Writer::new(&config);
    let reader = Reader::new(&config);

    rows_that_are_refused(&server, &mut writer).await;
    a_suspended_table(&server, &mut writer, &reader).await;
    the_schema_does_not_fit(&server, &mut writer).await;

    // Stopped: what waits stays in the batch, and goes out after the restart.
    let before = restart_epoch(&reader).await.expect("epoch");
    assert_eq!(restart_epoch(&reader).await.expect("epoch"), before);
    let mut batch = Batch::new();
    let key = key("restarted");
    batch.push_fact(1, &Fact::MeterValue(key, meter_value(None)));
    server.stop();
    let error = writer.send(&mut batch).expect_err("stopped");
    assert!(matches!(error, SendError::Unavailable { table: "meter_values", .. }), "{error}");
    let error = reader.ping().await.expect_err("stopped");
    assert!(matches!(error, ReadError::Unavailable { .. }), "{error}");
    assert_eq!(batch.rows(), 1);
    server.start_again();
    assert_eq!(writer.send(&mut batch).expect("sent").rows(), 1);
    reader.ping().await.expect("connects again");
    assert!(restart_epoch(&reader).await.expect("epoch") > before);
    rows(&server, "SELECT ts FROM meter_values WHERE station = 'restarted'", 1).await;

    // Killed: what was acknowledged is there. (The connections that the pools hold are dead.)
    let mut batch = Batch::new();
    batch.push_fact(1, &event("killed"));
    writer.send(&mut batch).expect("sent");
    server.kill();
    server.start_again();
    rows(&server, "SELECT ts FROM events WHERE station = 'killed'", 1).await;
    assert_eq!(reader.station_now().await.expect("connects again"), []);

    // Frozen: neither hangs.
    server.freeze();
    let mut batch = Batch::new();
    batch.push_fact(1, &event("frozen"));
    let error = writer.send(&mut batch).expect_err("frozen");
    assert!(matches!(error, SendError::Unavailable { .. }), "{error}");
    let hasty = Reader::new(&StoreConfig { connect_timeout: HumanDuration::from_secs(1), ..config.clone() });
    let error = hasty.ping().await.expect_err("frozen");
    assert!(matches!(error, ReadError::Unavailable { .. }), "{error}");
    server.thaw();
    // The frozen server may have got the rows all the same: they are the same rows.
    writer.send(&mut batch).expect("sent");
    rows(&server, "SELECT ts FROM events WHERE station = 'frozen'", 1).await;
    a_query_that_runs_too_long(&config).await;
}

/// Rows with a value that the column cannot hold are taken out, and nothing else. The column is made narrower than
/// ampwarden has it: no row that passes the encoder is refused by a schema that fits.
async fn rows_that_are_refused(server: &QuestDb, writer: &mut Writer) {
    select(server, "ALTER TABLE meter_values ALTER COLUMN evse TYPE SHORT").expect("altered");
    eventually(DEADLINE, || async {
        let table =
            select(server, "SELECT type FROM table_columns('meter_values') WHERE \"column\" = 'evse'")?;
        if table[0]["type"] == "SHORT" { Ok(()) } else { Err(format!("{table:?}")) }
    })
    .await;
    let bad = [0_u64, 7, 1_500, 1_501, 2_999];
    let mut batch = Batch::new();
    let first = key("refused");
    for tag in 0..3_000_u64 {
        let evse = if bad.contains(&tag) { 40_000 } else { 1 };
        let n = i32::try_from(tag).expect("small");
        let mut value = meter_value(None);
        // Bytes and characters that look like line ends must not shift the server's count of lines.
        value.power_w = Some(f64::from_bits(0x400a_0a0a_0a0a_0a0a));
        value.phase = Some("L1 \n , = \\".into());
        let key = Key { n, evse: Some(evse), ..first.clone() };
        batch.push_fact(tag, &Fact::MeterValue(key, value));
    }
    batch.push_fact(9_000, &event("refused"));
    let sent = writer.send(&mut batch).expect("sent");
    let mut tags: Vec<u64> = sent.refused.iter().map(|refused| refused.tag).collect();
    tags.sort_unstable();
    assert_eq!(tags, bad, "{:?}", sent.refused);
    assert!(sent.refused[0].reason.contains("column: evse"), "{:?}", sent.refused[0]);
    assert_eq!(sent.rows(), 3_000 - bad.len() + 1);
    assert!(batch.is_empty());
    let sql = "SELECT n FROM meter_values WHERE station = 'refused'";
    let stored = rows(server, sql, 3_000 - bad.len()).await;
    assert!(stored.iter().all(|row| !bad.contains(&row["n"].as_u64().expect("n"))));
    rows(server, "SELECT ts FROM events WHERE station = 'refused'", 1).await;
    select(server, "ALTER TABLE meter_values ALTER COLUMN evse TYPE INT").expect("altered");
}

/// A suspended table answers 204 as well: only `wal_tables` tells.
async fn a_suspended_table(server: &QuestDb, writer: &mut Writer, reader: &Reader) {
    select(server, "ALTER TABLE rejected SUSPEND WAL").expect("suspended");
    let mut batch = Batch::new();
    let rejected = station::fact::Rejected {
        source: "import",
        reason: "invalid",
        detail: "d".into(),
        origin: "f.csv:7".into(),
        payload: None,
    };
    batch.push_fact(1, &Fact::Rejected(key("suspended"), rejected));
    assert_eq!(writer.send(&mut batch).expect("204").rows(), 1);
    let table = |tables: Vec<store::server::WalTable>| tables.into_iter().find(|t| t.table == "rejected");
    let found = table(wal_tables(reader).await.expect("tables")).expect("rejected");
    assert!(found.suspended && found.writer_txn < found.sequencer_txn, "{found:?}");
    select(server, "ALTER TABLE rejected RESUME WAL").expect("resumed");
    rows(server, "SELECT ts FROM rejected WHERE station = 'suspended'", 1).await;
    let found = table(wal_tables(reader).await.expect("tables")).expect("rejected");
    assert!(!found.suspended && found.writer_txn == found.sequencer_txn, "{found:?}");
}

/// A missing column or table holds the line: taking rows out would lose them all.
async fn the_schema_does_not_fit(server: &QuestDb, writer: &mut Writer) {
    select(server, "ALTER TABLE events DROP COLUMN payload").expect("dropped");
    let mut batch = Batch::new();
    eventually(DEADLINE, || {
        batch.clear();
        batch.push_fact(1, &event("held"));
        batch.push_fact(2, &event("held"));
        let result = writer.send(&mut batch);
        async move {
            match result {
                Err(SendError::Schema { table: "events", reason }) if reason.contains("column: payload") => {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        }
    })
    .await;
    assert_eq!(batch.rows(), 2);
    select(server, "ALTER TABLE events ADD COLUMN payload VARCHAR").expect("added");
    let mut sent = 0;
    eventually(DEADLINE, || {
        let result = writer.send(&mut batch).map(|now| sent += now.rows());
        async move { result }
    })
    .await;
    assert_eq!(sent, 2);

    select(server, "DROP TABLE profiles").expect("dropped");
    let profile = store::ProfileRow {
        scope: "user".into(),
        id: "held".into(),
        sessions: 1,
        energy_mean_wh: None,
        duration_mean_s: None,
        power_mean_w: None,
        stations: None,
        users: None,
        preferred_period: None,
        text: String::new(),
        model: "m".into(),
        updated_at: crate::sample::now(),
    };
    batch.push_profile(3, &profile);
    let error = writer.send(&mut batch).expect_err("no table");
    assert!(matches!(error, SendError::Schema { table: "profiles", .. }), "{error}");
    assert!(error.to_string().contains("ampwarden migrate"), "{error}");
}

async fn a_query_that_runs_too_long(config: &StoreConfig) {
    let mut hasty = config.clone();
    hasty.pg.statement_timeout = HumanDuration::from_millis(300);
    let reader = Reader::new(&hasty);
    let sql = "SELECT count() FROM (SELECT a.x FROM long_sequence(1000000000) a CROSS JOIN long_sequence(1000) b WHERE a.x % 7 = b.x % 5)";
    let error = reader.query(sql, &[]).await.expect_err("too long");
    assert!(matches!(error, ReadError::Timeout { .. }), "{error}");
    reader.ping().await.expect("another connection");
}
