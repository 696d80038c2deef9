//! `kill -9` of the gateway at random moments, under OCPP and MQTT load.

use integration::Gateway;
use integration::servers::{QuestDb, QuestDbOptions};

use crate::fleet::{Fleet, MQTT, compare};

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_killed_under_load_loses_nothing() {
    let (kills, simulated) = if crate::long() { (100, "16h") } else { (10, "2h") };
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let mut gateway = Gateway::start(&store, MQTT);
    let fleet = Fleet::start(&gateway, "120", simulated, &[]);
    for kill in 0..kills {
        fleet.wait_for(40 + 17 * (kill % 10));
        gateway.kill();
        gateway.start_again();
    }
    let ledger = fleet.ledger();
    assert!(ledger.messages.len() > 1_000, "too little traffic: {} messages", ledger.messages.len());
    assert!(ledger.sessions.len() > 20, "too few sessions: {}", ledger.sessions.len());
    compare(&gateway, &store, &ledger, &format!("{kills} kills of the gateway")).await;
}
