//! The exporter against a real QuestDB that it loses and finds again.

use std::time::Duration;

use exporter::{Config, Listeners};
use integration::eventually;
use integration::servers::{QuestDb, QuestDbOptions};
use service::config::HumanDuration;
use station::event::ConnectorStatus;
use station::fact::{ConnectorNow, StationNow};
use station::time::Timestamp;
use store::GatewayRow;
use store::ilp::{Batch, Writer};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(60);
const ODD: &str = "Säule \"7\" \\ {x}";
const FIRST: Uuid = Uuid::from_u128(1);
const SECOND: Uuid = Uuid::from_u128(2);

fn now() -> Timestamp {
    chrono::Utc::now().into()
}

fn station(id: &str) -> StationNow {
    StationNow {
        station: id.into(),
        site: Some("oslo".into()),
        connected: true,
        gateway: Some("gw-1".into()),
        epoch: Some(FIRST),
        protocol: Some("ocpp1.6"),
        state: "charging",
        connectors: 1,
        active_sessions: 1,
        power_w: 7_400.0,
        last_seen_at: now(),
        updated_at: now(),
        ..StationNow::default()
    }
}

fn beat(writer: &mut Writer, epoch: Uuid) {
    let mut batch = Batch::new();
    let row = GatewayRow {
        ts: now(),
        gateway: "gw-1".into(),
        epoch,
        state: "running",
        version: "0.1.0".into(),
        connections: 2,
        journal_events: 0,
    };
    batch.push_gateway(0, &row);
    writer.send(&mut batch).expect("heartbeat");
}

/// Scrapes until each of `samples` has its value; None: it is not there.
async fn scraped(address: &str, mut between: impl FnMut(), samples: &[(&str, Option<f64>)]) {
    eventually(DEADLINE, || {
        between();
        let text = scrape(address);
        async move {
            let text = text?;
            for (sample, expected) in samples {
                let found =
                    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok());
                if found != *expected {
                    return Err(format!("{sample} is {found:?}, not {expected:?}, in\n{text}"));
                }
            }
            Ok(())
        }
    })
    .await;
}

fn scrape(address: &str) -> Result<String, String> {
    let mut answer =
        ureq::get(format!("http://{address}/metrics")).call().map_err(|error| error.to_string())?;
    answer.body_mut().read_to_string().map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gone_station_is_told_apart_from_one_of_which_nothing_is_known() {
    let mut server = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let admin = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = admin.local_addr().expect("address").to_string();
    let config = Config {
        interval: HumanDuration::from_millis(100),
        timeout: HumanDuration::from_secs(5),
        gateway_timeout: HumanDuration::from_secs(3),
        snapshot_max_age: HumanDuration::from_secs(5),
        ..Config::default()
    };
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(exporter::run(config, server.config(), Listeners { admin }, shutdown.clone()));

    let mut writer = Writer::new(&server.config());
    let mut batch = Batch::new();
    batch.push_station_now(0, &station("CP-1"));
    batch.push_station_now(0, &station(ODD));
    let connector = ConnectorNow {
        station: "CP-1".into(),
        site: Some("oslo".into()),
        evse: 1,
        connector: 1,
        status: ConnectorStatus::Charging.label(),
        error_code: None,
        vendor_error_code: None,
        since: now(),
        updated_at: now(),
    };
    batch.push_connector_now(0, &connector);
    writer.send(&mut batch).expect("rows");

    let connected = r#"ampwarden_station_connected{station="CP-1",site="oslo"}"#;
    let known = r#"ampwarden_station_connection_state_known{station="CP-1",site="oslo"}"#;
    let odd = r#"ampwarden_station_connected{station="Säule \"7\" \\ {x}",site="oslo"}"#;
    scraped(
        &address,
        || beat(&mut writer, FIRST),
        &[
            (connected, Some(1.0)),
            (known, Some(1.0)),
            (odd, Some(1.0)),
            (r#"ampwarden_stations{site="oslo",state="charging"}"#, Some(2.0)),
            (r#"ampwarden_connectors{site="oslo",status="charging"}"#, Some(1.0)),
            (r#"ampwarden_power_watts{site="oslo"}"#, Some(14_800.0)),
            ("ampwarden_exporter_store_up", Some(1.0)),
        ],
    )
    .await;

    // The gateway falls silent while the store takes writes: its stations are gone.
    let gone = [
        (connected, Some(0.0)),
        (known, Some(1.0)),
        (r#"ampwarden_stations{site="oslo",state="offline"}"#, Some(2.0)),
    ];
    scraped(&address, || {}, &gone).await;
    // It is heard again: they are back. It has restarted: its connections of before are gone.
    scraped(&address, || beat(&mut writer, FIRST), &[(connected, Some(1.0)), (known, Some(1.0))]).await;
    scraped(&address, || beat(&mut writer, SECOND), &gone).await;

    // The store goes away: nothing is known, at once; later nothing is shown but that.
    server.kill();
    scraped(
        &address,
        || {},
        &[("ampwarden_exporter_store_up", Some(0.0)), (connected, Some(0.0)), (known, Some(0.0))],
    )
    .await;
    scraped(&address, || {}, &[("ampwarden_exporter_store_up", Some(0.0)), (connected, None), (known, None)])
        .await;
    assert!(scrape(&address).expect("scrape").contains("ampwarden_exporter_snapshot_age_seconds "));

    // It is back: the new run vouches for who reconnected to it.
    server.start_again();
    let mut writer = Writer::new(&server.config());
    let mut batch = Batch::new();
    batch.push_station_now(0, &StationNow { epoch: Some(SECOND), ..station("CP-1") });
    writer.send(&mut batch).expect("rows");
    scraped(
        &address,
        || beat(&mut writer, SECOND),
        &[
            (connected, Some(1.0)),
            (known, Some(1.0)),
            (odd, Some(0.0)),
            ("ampwarden_exporter_store_up", Some(1.0)),
        ],
    )
    .await;

    shutdown.cancel();
    running.await.expect("no panic").expect("ends well");
}
