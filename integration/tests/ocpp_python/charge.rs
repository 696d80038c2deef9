//! Stations charge through the gateway; what the store then holds is right to the watt-hour and cent, with tariff and card set by the commands.

use std::process::Command;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use integration::servers::QuestDb;
use integration::{Gateway, eventually, unique};
use serde_json::Value;
use station::time::Timestamp;
use store::read::Reader;

use super::DEADLINE;

const MINUTES: i64 = 60;
const ENERGY_WH: f64 = 7381.0;
/// 0.50 + 7.381 kWh × 0.4567 + 60 min × 0.01 = 4.4709, in cents.
const COST: f64 = 4.47;

/// Runs a station until it has charged; gives the answers that it got.
fn charge(script: &str, gateway: &Gateway, station: &str, token: &str, start: DateTime<Utc>) -> Value {
    let output = Command::new(integration::python())
        .arg(format!("{}/python/{script}", env!("CARGO_MANIFEST_DIR")))
        .args(["--url", &gateway.ocpp(), "--station", station, "--token", token])
        .args(["--start", &start.to_rfc3339_opts(SecondsFormat::Micros, false)])
        .output()
        .expect("python runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {errors}\n{}", gateway.process().log());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

struct Stored {
    energy_wh: Option<f64>,
    duration_s: Option<f64>,
    cost: Option<f64>,
    currency: Option<String>,
    stop_reason: Option<String>,
    token_hash: Option<String>,
    started_at: Option<Timestamp>,
    max_power_w: Option<f64>,
    samples: i32,
    flags: Option<String>,
}

async fn stored(reader: &Reader, station: &str) -> Stored {
    let sql = format!("SELECT * FROM sessions WHERE station = '{station}' AND ended_at IS NOT NULL");
    eventually(DEADLINE, || async {
        let rows = reader.query(&sql, &[]).await.map_err(|error| error.to_string())?;
        let [row] = rows.as_slice() else { return Err(format!("{} sessions of {station}", rows.len())) };
        let read = || -> Result<Stored, store::read::ReadError> {
            Ok(Stored {
                energy_wh: row.get("energy_wh")?,
                duration_s: row.get("duration_s")?,
                cost: row.get("cost")?,
                currency: row.get("currency")?,
                stop_reason: row.get("stop_reason")?,
                token_hash: row.get("token_hash")?,
                started_at: row.get("started_at")?,
                max_power_w: row.get("max_power_w")?,
                samples: row.get("samples")?,
                flags: row.get("flags")?,
            })
        };
        read().map_err(|error| error.to_string())
    })
    .await
}

fn near(found: Option<f64>, expected: f64, within: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() <= within)
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_that_are_not_ours_charge_to_the_watt_hour_and_cent() {
    let store = QuestDb::shared().await;
    let mut gateway = Gateway::start(store, r#"mqtt = { listen = "127.0.0.1:{mqtt}" }"#);
    let card = "04A1B2C3D4";
    gateway.can_charge(card);
    let reader = Reader::new(&store.config());
    let start = Utc::now() - TimeDelta::minutes(2 * MINUTES);
    let key = station::secret::SecretKey::new(b"only for tests, only for tests, only for tests");

    for (script, unknown, status) in [
        (
            "charge_16.py",
            "Invalid",
            ["/StartTransaction/id_tag_info/status", "/Authorize/id_tag_info/status"],
        ),
        ("charge_201.py", "Unknown", ["/Started/id_token_info/status", "/Authorize/id_token_info/status"]),
    ] {
        let name = unique("py");
        let answers = charge(script, &gateway, &name, card, start);
        assert_eq!(answers["BootNotification"]["status"], "Accepted", "{answers}");
        for path in status {
            assert_eq!(answers.pointer(path), Some(&"Accepted".into()), "{path}: {answers}");
        }
        let session = stored(&reader, &name).await;
        assert!(near(session.energy_wh, ENERGY_WH, 0.5), "{script}: {:?} Wh", session.energy_wh);
        #[allow(clippy::cast_precision_loss)]
        let seconds = (MINUTES * 60) as f64;
        assert!(near(session.duration_s, seconds, 0.001), "{script}: {:?} s", session.duration_s);
        assert!(near(session.cost, COST, 0.000_001), "{script}: {:?}", session.cost);
        assert_eq!(session.currency.as_deref(), Some("EUR"), "{script}");
        assert_eq!(session.stop_reason.as_deref(), Some("EVDisconnected"), "{script}");
        assert_eq!(session.token_hash, Some(key.hash(card)), "{script}");
        assert_eq!(session.started_at.map(|ts| ts.0), Some(start.timestamp_micros()), "{script}");
        assert!(near(session.max_power_w, ENERGY_WH, 0.5), "{script}: {:?} W", session.max_power_w);
        assert!(session.samples >= 5, "{script}: {} samples", session.samples);
        assert_eq!(session.flags, None, "{script}: by the book, nothing is odd");

        // A card that nobody set is refused, and the station is told.
        let answers = charge(script, &gateway, &unique("py"), "DEADBEEF", start);
        assert_eq!(answers.pointer(status[1]), Some(&unknown.into()), "{answers}");
    }
    let books = gateway.settled_books(DEADLINE);
    assert_eq!(books["rejected"], serde_json::json!({}), "{books}");
    gateway.stop();
}
