//! The typed reads, and what the server says of itself.

use integration::servers::QuestDb;
use integration::{eventually, unique};
use station::fact::{Fact, StationNow};
use station::time::Timestamp;
use store::GatewayRow;
use store::ilp::{Batch, Writer};
use store::read::{Param, ReadError, Reader};
use uuid::Uuid;

use crate::sample::{DEADLINE, event, now, session};

#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_columns_have_the_domains_types() {
    let server = QuestDb::shared().await;
    let reader = Reader::new(&server.config());
    let (time, id) = (Timestamp(1_700_000_000_123_456), Uuid::new_v4());
    let rows = reader
        .query(
            "SELECT $1::timestamp AS t, $2::varchar AS s, $3::uuid AS u, $4::long AS l, $5::int AS i, \
             $6::double AS d, $7::boolean AS b, NULL::double AS missing, NULL::timestamp AS never",
            &[
                Param::Time(time),
                Param::Text("ü'"),
                Param::Uuid(id),
                Param::Long(i64::MAX),
                Param::Int(-7),
                Param::Double(0.5),
                Param::Bool(true),
            ],
        )
        .await
        .expect("query");
    let row = &rows[0];
    assert_eq!(row.get::<Timestamp>("t").expect("t"), time);
    assert_eq!(row.get::<String>("s").expect("s"), "ü'");
    assert_eq!(row.get::<Uuid>("u").expect("u"), id);
    assert_eq!(row.get::<i64>("l").expect("l"), i64::MAX);
    assert_eq!((row.get::<i32>("i").expect("i"), row.get::<i64>("i").expect("i")), (-7, -7));
    assert!((row.get::<f64>("d").expect("d") - 0.5).abs() < f64::EPSILON);
    assert!(row.get::<bool>("b").expect("b"));
    assert_eq!(row.get::<Option<f64>>("missing").expect("missing"), None);
    assert_eq!(row.get::<Option<Timestamp>>("never").expect("never"), None);
    for (error, text) in [
        (row.get::<f64>("missing").expect_err("NULL").to_string(), "is NULL"),
        (row.get::<f64>("nope").expect_err("no column").to_string(), "is not in the answer"),
        (row.get::<f64>("s").expect_err("text").to_string(), "its type is varchar"),
    ] {
        assert!(error.contains(text), "{error}");
    }
    let error = reader.query("SELECT nope FROM sessions", &[]).await.expect_err("no column");
    assert!(matches!(&error, ReadError::Refused { .. }) && error.to_string().contains("nope"), "{error}");
    reader.ping().await.expect("the connection is still good");
}

#[tokio::test(flavor = "multi_thread")]
async fn current_states_and_gateways() {
    let server = QuestDb::shared().await;
    let reader = Reader::new(&server.config());
    let (station, gateway, now) = (unique("station"), unique("gateway"), now());
    let mut batch = Batch::new();
    let row = StationNow {
        station: station.clone(),
        state: "faulted",
        last_seen_at: now,
        updated_at: now,
        ..Default::default()
    };
    batch.push_station_now(1, &row);
    for (seconds, state) in [(-20, "running"), (-10, "running"), (-1, "stopped")] {
        let row = GatewayRow {
            ts: now.plus_seconds(seconds),
            gateway: gateway.clone(),
            epoch: Uuid::from_u128(5),
            state,
            version: "0.1.0".into(),
            connections: 3,
            journal_events: 0,
        };
        batch.push_gateway(2, &row);
    }
    Writer::new(&server.config()).send(&mut batch).expect("sent");
    eventually(DEADLINE, || async {
        let stations = reader.station_now().await.map_err(|e| e.to_string())?;
        let found = stations.iter().find(|s| s.station == station).ok_or("no station")?;
        assert_eq!((found.state.as_str(), found.last_seen_at, found.site.clone()), ("faulted", now, None));
        let gateways = reader.gateways(now.plus_seconds(-60)).await.map_err(|e| e.to_string())?;
        let found = gateways.iter().find(|g| g.gateway == gateway).ok_or("no gateway")?;
        assert_eq!((found.state.as_str(), found.ts), ("stopped", now.plus_seconds(-1)));
        Ok::<_, String>(())
    })
    .await;
    assert!(reader.gateways(now).await.expect("gateways").iter().all(|g| g.gateway != gateway));
    reader.connector_now().await.expect("connectors");
    reader.stations().await.expect("stations");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_readers_than_connections_wait_for_each_other() {
    let server = QuestDb::shared().await;
    let mut config = server.config();
    config.pg.connections = 2;
    let reader = Reader::new(&config);
    let reads: Vec<_> = (0..40)
        .map(|_| {
            tokio::spawn({
                let reader = reader.clone();
                async move { reader.ping().await }
            })
        })
        .collect();
    for read in reads {
        read.await.expect("no panic").expect("answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_of_itself() {
    let server = QuestDb::shared().await;
    let reader = Reader::new(&server.config());
    let parameters = store::server::parameters(&reader).await.expect("parameters");
    assert_eq!(parameters.get("cairo.commit.mode").map(String::as_str), Some("sync"));
    assert_eq!(parameters.get("line.auto.create.new.columns").map(String::as_str), Some("false"));
    let station = unique("station");
    let mut batch = Batch::new();
    batch.push_fact(1, &event(&station));
    batch.push_fact(2, &Fact::Session(Box::new(session(&station, "t"))));
    let before = store::server::wal_tables(&reader).await.expect("tables");
    Writer::new(&server.config()).send(&mut batch).expect("sent");
    let after = store::server::wal_tables(&reader).await.expect("tables");
    for table in ["events", "sessions"] {
        let txn = |tables: &[store::server::WalTable]| {
            tables.iter().find(|t| t.table == table).map(|t| t.sequencer_txn)
        };
        assert!(txn(&after) > txn(&before), "{table}");
    }
    assert!(after.iter().all(|table| !table.suspended && table.error.is_none()), "{after:?}");
}
