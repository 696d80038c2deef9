//! The life of a schema, on a server of its own.

use integration::servers::{CommitMode, QuestDb, QuestDbOptions};
use service::config::HumanDuration;
use store::StoreConfig;
use store::migrate::{MIGRATIONS, MigrateError, Mismatch, check_schema, run};

use crate::sample::select;

fn with_ttl(config: &StoreConfig, table: &str, ttl: &str) -> StoreConfig {
    let ttl: HumanDuration = ttl.parse().expect("duration");
    StoreConfig { ttl: [(table.to_owned(), ttl)].into(), ..config.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_schema() {
    let server = QuestDb::start(&QuestDbOptions { commit_mode: CommitMode::NoSync, ..Default::default() });
    let config = server.config();

    // Nothing is there: everything is said to be missing.
    let missing = check_schema(&config).await.expect("checked");
    assert!(missing.contains(&Mismatch::Table("meter_values")), "{missing:?}");

    // Of several runs at once, one does the work, and the others wait for it.
    let runs: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn({
                let config = config.clone();
                async move { run(&config).await }
            })
        })
        .collect();
    let mut applied = Vec::new();
    for run in runs {
        applied.extend(run.await.expect("no panic").expect("migrated").applied);
    }
    assert_eq!(applied, MIGRATIONS.iter().map(|m| m.name).collect::<Vec<_>>(), "each once");
    assert_eq!(check_schema(&config).await.expect("checked"), []);
    let recorded = select(&server, "SELECT version FROM ampwarden_migrations").expect("history");
    assert_eq!(recorded.len(), MIGRATIONS.len());

    // Again: nothing to do.
    assert_eq!(run(&config).await.expect("migrated").applied, Vec::<&str>::new());

    times_to_live(&server, &config).await;
    a_dead_holder(&server, &config).await;

    // What is missing or different is named.
    select(&server, "ALTER TABLE events DROP COLUMN payload").expect("dropped");
    select(&server, "ALTER TABLE events ALTER COLUMN evse TYPE LONG").expect("altered");
    integration::eventually(crate::sample::DEADLINE, || async {
        let found = check_schema(&config).await.map_err(|e| e.to_string())?;
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "column events.evse is LONG, rows write INT: it was not made by ampwarden",
            "column events.payload (VARCHAR) is missing: run `ampwarden migrate`",
        ];
        if texts == expected { Ok(()) } else { Err(format!("{texts:?}")) }
    })
    .await;

    // A migration that was edited after it was applied, and a database from the future.
    let changed = "INSERT INTO ampwarden_migrations VALUES (1, 'x', 'other', now())";
    select(&server, changed).expect("inserted");
    assert!(matches!(run(&config).await, Err(MigrateError::Changed { version: 1, .. })));
    select(&server, "TRUNCATE TABLE ampwarden_migrations").expect("truncated");
    for migration in MIGRATIONS {
        let (version, checksum) = (migration.version, migration.checksum());
        let sql = format!("INSERT INTO ampwarden_migrations VALUES ({version}, 'x', '{checksum}', now())");
        select(&server, &sql).expect("inserted");
    }
    select(&server, "INSERT INTO ampwarden_migrations VALUES (999, 'x', 'y', now())").expect("inserted");
    assert!(matches!(run(&config).await, Err(MigrateError::Newer { database: 999, .. })));
}

async fn times_to_live(server: &QuestDb, config: &StoreConfig) {
    let ttl_of = |table: &str| {
        let sql = format!("SELECT ttlValue, ttlUnit FROM tables() WHERE table_name = '{table}'");
        let row = select(server, &sql).expect("tables").remove(0);
        (row["ttlValue"].as_i64().expect("number"), row["ttlUnit"].as_str().unwrap_or_default().to_owned())
    };
    for (table, ttl, expected) in [
        ("meter_values", "800d", (800, "DAY")),
        ("sessions", "400d", (14, "MONTH")),
        ("connector_power_1m", "500d", (500, "DAY")),
        ("meter_values", "0s", (0, "")),
    ] {
        let set = run(&with_ttl(config, table, ttl)).await.expect("migrated").ttl;
        assert_eq!(set.len(), 1, "{set:?}");
        // It goes through the table's log, and is in force soon.
        integration::eventually(crate::sample::DEADLINE, || async {
            let (number, unit) = ttl_of(table);
            if number == expected.0 && (number == 0 || unit == expected.1) {
                Ok(())
            } else {
                Err(format!("{table}: {number} {unit}"))
            }
        })
        .await;
        assert_eq!(run(&with_ttl(config, table, ttl)).await.expect("migrated").ttl, Vec::<String>::new());
    }
    for (table, ttl, reason) in [
        ("meter_values", "30d", "at least 35d"),
        ("tariffs", "400d", "kept for ever"),
        ("station_now", "400d", "kept for ever"),
        ("nothing", "400d", "there is no such table"),
    ] {
        let error = run(&with_ttl(config, table, ttl)).await.expect_err("refused").to_string();
        assert!(error.starts_with(&format!("store.ttl.{table} = ")) && error.contains(reason), "{error}");
    }
}

/// A holder that died gives no more sign of life; somebody else takes over.
async fn a_dead_holder(server: &QuestDb, config: &StoreConfig) {
    select(server, "CREATE TABLE ampwarden_migration_lock_700 (sign VARCHAR)").expect("created");
    select(server, "INSERT INTO ampwarden_migration_lock_700 VALUES ('5')").expect("inserted");
    run(config).await.expect("migrated");
    let locks =
        select(server, "SELECT table_name FROM tables() WHERE table_name LIKE 'ampwarden_migration_lock_%'");
    let names: Vec<String> = locks
        .expect("locks")
        .iter()
        .map(|row| row["table_name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(names.contains(&"ampwarden_migration_lock_701".to_owned()), "{names:?}");
    assert!(!names.contains(&"ampwarden_migration_lock_700".to_owned()), "{names:?}");
}
