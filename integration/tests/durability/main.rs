//! Nothing that was acknowledged is lost, and nothing is there twice, whatever is killed.
// Helpers of tests fail the test as well; figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use integration::ledger::Ledger;
use integration::servers::{Process, QuestDb, QuestDbOptions};
use integration::{Gateway, binary, eventually_blocking};
use store::read::Reader;

const MQTT: &str = r#"mqtt = { listen = "127.0.0.1:{mqtt}", anonymous = true }"#;

/// A fleet in a process of its own, with its ledger.
fn fleet(gateway: &Gateway, ledger: &Path, log: &Path) -> Process {
    let arguments = [
        "simulate",
        "--ocpp",
        &gateway.ocpp(),
        "--mqtt",
        &format!("127.0.0.1:{}", gateway.mqtt_port()),
        "--ocpp16",
        "30",
        "--ocpp201",
        "10",
        "--mqtt-stations",
        "20",
        "--speed",
        "120",
        "--duration",
        "2h",
        "--meter-every",
        "60s",
        "--reconnect",
        "200ms",
        "--seed",
        "11",
        "--quiet",
        "--ledger",
        &ledger.display().to_string(),
    ]
    .map(str::to_owned);
    Process::start(&binary().display().to_string(), &arguments, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_killed_ten_times_under_load_loses_nothing() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let mut gateway = Gateway::start(&store, MQTT);
    let folder = tempfile::tempdir().unwrap();
    let (path, log) = (folder.path().join("ledger.jsonl"), folder.path().join("fleet.log"));
    let fleet = fleet(&gateway, &path, &log);

    let lines = || std::fs::read_to_string(&path).map_or(0, |text| text.lines().count());
    for kill in 0..10_usize {
        // At different moments of the traffic, not of the clock.
        let before = lines();
        eventually_blocking(Duration::from_secs(60), || {
            let now = lines();
            if now >= before + 40 + 17 * kill || !fleet.is_running() {
                Ok(())
            } else {
                Err(format!("{now} lines"))
            }
        });
        gateway.kill();
        gateway.start_again();
    }
    fleet.wait_until_gone();

    let books = gateway.settled_books(Duration::from_secs(60));
    let ledger = Ledger::read(&path);
    assert!(ledger.messages.len() > 1_000, "too little traffic: {} messages", ledger.messages.len());
    assert!(ledger.sessions.len() > 20, "too few sessions: {}", ledger.sessions.len());
    assert_eq!(ledger.refused, 0, "messages were refused\n{}", fleet.log());
    let reader = Reader::new(&store.config());
    // Rows are visible when they are applied, a moment after the answer.
    let differences = integration::eventually(Duration::from_secs(30), || async {
        let differences = ledger.differences(&reader).await;
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    })
    .await;
    let () = differences;
    println!(
        "10 kills: {} acknowledged messages, {} sessions, books {books}",
        ledger.messages.len(),
        ledger.sessions.len()
    );
}
