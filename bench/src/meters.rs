//! What the stations of the measurements say: each has a session open and sends meter values.

use integration::Gateway;
use station::time::Timestamp;

/// Stations that take turns.
pub(crate) const STATIONS: u64 = 1_000;

/// A gateway with an MQTT endpoint for everybody. It is not started yet.
pub(crate) fn gateway(store_http: &str, store_pg_port: u16) -> Gateway {
    Gateway::prepare(
        store_http,
        store_pg_port,
        "mqtt = { listen = \"127.0.0.1:{mqtt}\", tls_listen = \"\", anonymous = true, presence = false }",
    )
}

/// The topic and payload with which a station begins its session.
pub(crate) fn start(station: u64) -> (String, String) {
    let at = now().to_rfc3339();
    (
        format!("stations/CP-{station:06}/start"),
        format!(
            r#"{{"session":"s-{station}","connector":1,"token":"04A1B2{station:06}","meter_wh":0,"timestamp":"{at}"}}"#
        ),
    )
}

/// The `n`-th meter values: which station's follows from it.
pub(crate) fn meter(n: u64) -> (String, String) {
    let (station, round) = (n % STATIONS, n / STATIONS);
    // No two of a station have the same time: they would be taken for the same.
    let at = Timestamp(now().0 / 1_000_000 * 1_000_000 + i64::try_from(round % 1_000).unwrap_or(0) * 1_000);
    (
        format!("stations/CP-{station:06}/meter"),
        format!(
            r#"{{"session":"s-{station}","connector":1,"timestamp":"{}","energy_wh":{}.5,"power_w":{}.25,"current_a":16.1,"voltage_v":231.4,"soc_percent":{}}}"#,
            at.to_rfc3339(),
            round * 3,
            7_000 + station,
            20 + round / 200 % 80,
        ),
    )
}

fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_micros())
}
