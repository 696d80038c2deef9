//! Each command is received by stations of all versions, whose schemas take what is sent; its answer is told and stored.

use integration::servers::{QuestDb, QuestDbOptions};
use integration::{Gateway, eventually, unique};
use serde_json::{Value, json};
use store::read::{Param, Reader};

use crate::station::{DEADLINE, Station, ask, send, wait};

/// A command, its parameters, and the messages that it becomes.
type Asked = (&'static str, Value, Option<&'static str>, Option<&'static str>);

fn all() -> Vec<Asked> {
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    let profile = json!({
        "id": 5, "stack_level": 1, "purpose": "TxDefaultProfile", "kind": "Recurring", "recurrency": "Daily",
        "valid_from": "2026-01-01T00:00:00.123456Z", "start": "2026-01-01T00:00:00Z", "duration_s": 86400, "unit": "A",
        "min_rate": 6, "periods": [{"limit": 16}, {"start_s": 3600, "limit": 8.1, "phases": 1}]
    });
    let start = json!({"id": 6, "purpose": "TxProfile", "kind": "Relative", "unit": "W", "periods": [{"limit": 7400}]});
    let (from, to) = ("2026-05-01T10:00:00.5Z", "2027-05-01T10:00:00Z");
    let twice = |name| (Some(name), Some(name));
    let row = |name, parameters, (v16, v201): (Option<&'static str>, Option<&'static str>)| -> Asked {
        (name, parameters, v16, v201)
    };
    vec![
        row(
            "remote_start",
            json!({"token": "04A1B2", "connector": 1, "profile": start}),
            (Some("RemoteStartTransaction"), Some("RequestStartTransaction")),
        ),
        row(
            "remote_stop",
            json!({"transaction": "17"}),
            (Some("RemoteStopTransaction"), Some("RequestStopTransaction")),
        ),
        row("change_availability", json!({"operative": false}), twice("ChangeAvailability")),
        row("change_availability", json!({"operative": true, "connector": 1}), twice("ChangeAvailability")),
        row("reset", json!({}), twice("Reset")),
        row("reset", json!({"type": "hard"}), twice("Reset")),
        row("reset", json!({"type": "on_idle", "evse": 1}), (None, Some("Reset"))),
        row("unlock_connector", json!({"connector": 1}), twice("UnlockConnector")),
        row(
            "trigger_message",
            json!({"message": "StatusNotification", "connector": 1}),
            twice("TriggerMessage"),
        ),
        row(
            "trigger_message",
            json!({"message": "LogStatusNotification"}),
            (Some("ExtendedTriggerMessage"), Some("TriggerMessage")),
        ),
        row("get_configuration", json!({}), (Some("GetConfiguration"), None)),
        row(
            "get_configuration",
            json!({"keys": ["OCPPCommCtrlr.HeartbeatInterval"]}),
            (Some("GetConfiguration"), Some("GetVariables")),
        ),
        row(
            "set_configuration",
            json!({"key": "SecurityCtrlr.BasicAuthPassword", "value": "S3CRET-S3CRET-S3CRET"}),
            (Some("ChangeConfiguration"), Some("SetVariables")),
        ),
        row("get_base_report", json!({"report": "SummaryInventory"}), (None, Some("GetBaseReport"))),
        row("clear_cache", json!({}), twice("ClearCache")),
        row("set_charging_profile", json!({"connector": 1, "profile": profile}), twice("SetChargingProfile")),
        row(
            "clear_charging_profile",
            json!({"purpose": "TxDefaultProfile", "stack_level": 1, "connector": 1}),
            twice("ClearChargingProfile"),
        ),
        row("clear_charging_profile", json!({"id": 5}), twice("ClearChargingProfile")),
        row(
            "get_composite_schedule",
            json!({"duration_s": 3600, "unit": "A", "connector": 1}),
            twice("GetCompositeSchedule"),
        ),
        row(
            "reserve",
            json!({"reservation": 3, "token": "04A1B2", "group": "04FF", "until": to, "connector": 1}),
            twice("ReserveNow"),
        ),
        row("cancel_reservation", json!({"reservation": 3}), twice("CancelReservation")),
        row(
            "send_local_list",
            json!({"version": 1, "tokens": [{"token": "04A1B2", "status": "Accepted", "group": "04FF", "until": to}]}),
            twice("SendLocalList"),
        ),
        row(
            "send_local_list",
            json!({"version": 2, "update": "Differential", "tokens": [{"token": "04A1B2"}]}),
            twice("SendLocalList"),
        ),
        row("get_local_list_version", json!({}), twice("GetLocalListVersion")),
        row(
            "set_offline_rule",
            json!({"rule": "stop_invalid", "value": true}),
            (Some("ChangeConfiguration"), Some("SetVariables")),
        ),
        row(
            "update_firmware",
            json!({"location": "ftp://user:S3CRET@host/fw", "retrieve_at": from, "retries": 1, "retry_interval_s": 60}),
            twice("UpdateFirmware"),
        ),
        row(
            "update_firmware",
            json!({"location": "https://host/fw", "retrieve_at": from, "install_at": to, "signature": "c2ln", "signing_certificate": certificate}),
            (Some("SignedUpdateFirmware"), Some("UpdateFirmware")),
        ),
        row(
            "get_log",
            json!({"location": "https://host/up", "from": from, "to": to, "retries": 2}),
            (Some("GetDiagnostics"), Some("GetLog")),
        ),
        row("get_log", json!({"location": "https://host/up", "type": "security"}), twice("GetLog")),
        row(
            "install_certificate",
            json!({"type": "CSMSRootCertificate", "certificate": certificate}),
            twice("InstallCertificate"),
        ),
        row(
            "delete_certificate",
            json!({"algorithm": "SHA256", "issuer_name": "ab", "issuer_key": "cd", "serial": "01"}),
            twice("DeleteCertificate"),
        ),
        row(
            "get_installed_certificates",
            json!({"type": "ManufacturerRootCertificate"}),
            twice("GetInstalledCertificateIds"),
        ),
        row("data_transfer", json!({"vendor": "org.x", "message": "m", "data": "{}"}), twice("DataTransfer")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_is_taken_by_stations_of_all_versions() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let mut gateway = Gateway::start(&store, r#"mqtt = { listen = "127.0.0.1:{mqtt}" }"#);
    let reader = Reader::new(&store.config());
    for protocol in ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"] {
        let name = unique("commanded");
        let station = Station::booted(&gateway, &name, protocol);
        let mut sent = 0;
        for (command, parameters, v16, v201) in all() {
            let body = json!({"command": command, "parameters": parameters});
            let Some(action) = (if protocol == "ocpp1.6" { v16 } else { v201 }) else {
                let path = format!("/v1/stations/{name}/commands");
                let (status, problem) = ask(&gateway, ("POST", &path), Some(&body));
                assert_eq!((status, &problem["title"]), (400, &"Bad Request".into()), "{command}: {problem}");
                continue;
            };
            let issued = send(&gateway, &name, &body);
            let received = station.wait_for("received");
            assert_eq!(
                (&received["received"], &received["id"]),
                (&action.into(), &issued["id"]),
                "{command}"
            );
            let done = wait(&gateway, &issued, "accepted");
            assert_eq!(done["message"], action, "{done}");
            assert!(!done.to_string().contains("S3CRET") && !done.to_string().contains("04A1B2"), "{done}");
            if parameters.to_string().contains("S3CRET") {
                assert!(received.to_string().contains("S3CRET"), "the station gets it open: {received}");
            }
            sent += 1;
        }
        let raw = json!({"action": "TriggerMessage", "payload": {"requestedMessage": "Heartbeat"}});
        let issued = send(&gateway, &name, &raw);
        wait(&gateway, &issued, "accepted");
        sent += 1;
        steps_are_stored(&reader, &name, sent).await;

        // What the gateway remembers no more, the store knows.
        let (status, page) = ask(&gateway, ("GET", &format!("/v1/commands?station={name}")), None);
        assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(sent)), "{page}");
        let oldest = &page["items"][sent - 1];
        assert_eq!(
            (&oldest["command"], &oldest["state"]),
            (&"remote_start".into(), &"accepted".into()),
            "{oldest}"
        );
        assert_eq!(oldest["answer"], json!({"status": "Accepted"}), "{oldest}");
        assert_eq!(oldest["request"]["parameters"]["connector"], 1, "{oldest}");
        assert!(oldest["sent_at"].is_string() && oldest["ended_at"].is_string(), "{oldest}");
    }
    let books = gateway.settled_books(DEADLINE);
    assert_eq!(books["rejected"], json!({}), "{books}");
    let journal = std::fs::read_dir(gateway.folder().join("journal")).expect("the journal");
    for file in journal.map(|entry| entry.expect("an entry").path()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(6).any(|part| part == b"S3CRET"), "{} holds a secret", file.display());
    }
    gateway.stop();
}

/// Three steps of each command, in their order.
async fn steps_are_stored(reader: &Reader, station: &str, commands: usize) {
    let sql = "SELECT state, count() AS n, count_distinct(command_id) AS ids FROM commands WHERE station = $1 \
               ORDER BY state";
    eventually(DEADLINE, || async {
        let rows = reader.query(sql, &[Param::Text(station)]).await.map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        for row in &rows {
            let read = || -> Result<(Option<String>, i64, i64), store::read::ReadError> {
                Ok((row.get("state")?, row.get("n")?, row.get("ids")?))
            };
            found.push(read().map_err(|error| error.to_string())?);
        }
        let n = i64::try_from(commands).expect("few");
        let step = |state: &str| (Some(state.to_owned()), n, n);
        if found == [step("accepted"), step("queued"), step("sent")] {
            Ok(())
        } else {
            Err(format!("{found:?}, not {n}"))
        }
    })
    .await;
}
