//! Meter values.

use station::id::SessionId;
use station::time::Timestamp;

use super::record::record;

record! {
    /// A row of `meter_values`.
    MeterValue {
        ts: Timestamp,
        station: String,
        site: Option<String>,
        evse: Option<i32>,
        connector: Option<i32>,
        session_id: Option<SessionId>,
        context: String,
        location: String,
        phase: Option<String>,
        power_w: Option<f64>,
        energy_wh: Option<f64>,
        current_a: Option<f64>,
        voltage_v: Option<f64>,
        soc_ratio: Option<f64>,
        temperature_c: Option<f64>,
        power_offered_w: Option<f64>,
        current_offered_a: Option<f64>,
        frequency_hz: Option<f64>,
        station_ts: Option<Timestamp>,
        received_at: Timestamp,
        flags: Option<String>,
    }
}
