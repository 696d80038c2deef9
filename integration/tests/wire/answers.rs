//! Answers of stations to commands, over a real socket: wrong ones in 2.1, late ones on another connection, and commands
//! that wait while the journal is full.

use integration::servers::get;
use integration::station::{DEADLINE, Station};
use integration::{Gateway, eventually, unique};
use serde_json::{Value, json};

use crate::without_store;

fn command(gateway: &Gateway, station: &str, name: &str) -> Value {
    let path = format!("/v1/stations/{station}/commands");
    let body = json!({ "command": name });
    let (status, command) = gateway.ask(gateway.token(), ("POST", &path), &[], Some(&body)).unwrap();
    assert_eq!(status, 202, "{command}");
    command
}

async fn becomes(gateway: &Gateway, command: &Value, state: &str) -> Value {
    let path = format!("/v1/commands/{}", command["id"].as_str().unwrap());
    eventually(DEADLINE, || async {
        let (_, now) = gateway.ask(gateway.token(), ("GET", &path), &[], None)?;
        if now["state"] == state { Ok(now) } else { Err(format!("not {state}: {now}")) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2_1_station_is_told_that_its_answer_cannot_be_read() {
    let mut gateway = without_store("");
    let name = unique("RESULT");
    let mut station = Station::connect_as(&gateway, &name, "ocpp2.1").await;
    station.boot(true).await;
    let issued = command(&gateway, &name, "clear_cache");
    let call = station.message().await.unwrap();
    assert_eq!((&call[0], &call[1], &call[2]), (&2.into(), &issued["id"], &"ClearCache".into()));
    station.send_text(&format!("[3,{},\"Accepted\"]", issued["id"])).await.unwrap();
    let error = station.message().await.unwrap();
    assert_eq!((&error[0], &error[1], &error[2]), (&5.into(), &issued["id"], &"FormatViolation".into()));
    assert!(error[3].is_string() && error[4].is_object(), "{error:?}");
    let failed = becomes(&gateway, &issued, "failed").await;
    assert_eq!(failed["status"], "FormatViolation", "{failed}");

    // And the station may say the same of an answer of ours: it is kept, and the connection goes on.
    station.send_text(r#"[5,"boot","TypeConstraintViolation","interval is a text",{}]"#).await.unwrap();
    station.call("next", "Heartbeat", &json!({})).await;
    gateway.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_come_late_and_on_a_new_connection() {
    let mut gateway = without_store("");
    let name = unique("LATE");
    let mut station = Station::connect(&gateway, &name).await;
    station.boot(false).await;
    let issued = command(&gateway, &name, "reset");
    assert_eq!(station.message().await.unwrap()[1], issued["id"]);
    station.vanish();
    let unknown = becomes(&gateway, &issued, "unknown").await;
    assert_eq!(unknown["late"], false, "{unknown}");
    let mut station = Station::connect(&gateway, &name).await;
    station.send_text(&format!("[3,{},{{\"status\":\"Accepted\"}}]", issued["id"])).await.unwrap();
    let accepted = becomes(&gateway, &issued, "accepted").await;
    assert_eq!(accepted["late"], true, "{accepted}");
    station.call("next", "Heartbeat", &json!({})).await;
    gateway.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_outlives_a_full_journal() {
    let mut gateway = without_store("");
    gateway.stop();
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__MAX_BYTES", "1 MiB");
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__SEGMENT_BYTES", "64 KiB");
    gateway.start_again();
    let (name, filler) = (unique("WAITS"), unique("FILLS"));
    let mut station = Station::connect(&gateway, &name).await;
    station.boot(false).await;
    station.vanish();
    // It waits for a station that is away …
    let issued = command(&gateway, &name, "clear_cache");
    // … while another one fills the journal: the store is away, so nothing makes room.
    let data = json!({ "vendorId": "x", "data": "y".repeat(30_000) });
    let mut number = 0;
    eventually(DEADLINE, || {
        number += 1;
        let (gateway, filler, data) = (&gateway, &filler, &data);
        async move {
            let Ok(mut station) = Station::try_connect(gateway, filler).await else { return Ok(()) };
            for n in 0..100 {
                let id = format!("{number}-{n}");
                if station.send(&id, "DataTransfer", data).await.is_err() || station.answer().await.is_err() {
                    return Ok(());
                }
            }
            Err("the journal still takes messages".to_owned())
        }
    })
    .await;
    eventually(DEADLINE, || async {
        match get(&gateway.admin("/readyz")) {
            Ok(page) => Err(format!("it is ready with a full journal: {page}")),
            Err(_) => Ok(()),
        }
    })
    .await;
    let path = format!("/v1/commands/{}", issued["id"].as_str().unwrap());
    let (_, waiting) = gateway.ask(gateway.token(), ("GET", &path), &[], None).unwrap();
    assert_eq!(waiting["state"], "queued", "what cannot be journaled is not sent: {waiting}");
    // With room again (the operator's, here), it is sent and answered, once.
    gateway.stop();
    gateway.set("AMPWARDEN__GATEWAY__JOURNAL__MAX_BYTES", "64 MiB");
    gateway.start_again();
    let mut station = Station::connect(&gateway, &name).await;
    station.call("h", "Heartbeat", &json!({})).await;
    let call = station.message().await.unwrap();
    assert_eq!((&call[1], &call[2]), (&issued["id"], &"ClearCache".into()), "{call:?}");
    station.send_text(&format!("[3,{},{{\"status\":\"Accepted\"}}]", issued["id"])).await.unwrap();
    becomes(&gateway, &issued, "accepted").await;
    gateway.stop();
}
