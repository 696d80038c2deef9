//! Our own JSON over MQTT: `stations/{station}/{kind}`.

use serde_json::{Map, Value, json};
use station::event::ConnectorStatus;

use super::Encoded;
use crate::fleet::Station;
use crate::fleet::charge::Reading;
use crate::life::{Saying, What};
use crate::wire::ocpp16::status_word;

pub(super) fn says(what: &What) -> bool {
    match what {
        What::Suspended { .. } | What::Data { .. } | What::Cut { .. } | What::PowerLoss { .. } => false,
        What::Status { connector, .. } => *connector > 0,
        _ => true,
    }
}

pub(super) fn encode(
    station: &Station,
    saying: &Saying,
    message_id: &str,
) -> Result<Option<Encoded>, serde_json::Error> {
    let at = saying.at.to_rfc3339();
    let (action, mut fields) = match &saying.what {
        What::Boot => (
            "boot",
            json!({"vendor": station.vendor, "model": station.model, "serial": station.serial,
                "firmware": station.firmware, "timestamp": at}),
        ),
        What::Heartbeat => ("heartbeat", json!({})),
        What::Status { connector, status, error } => {
            let mut fields = json!({"connector": connector, "status": word(*status)?, "timestamp": at});
            if let Some(error) = error {
                fields["error_code"] = json!(error);
            }
            ("status", fields)
        }
        What::Authorize { connector, token } => {
            ("authorize", json!({"token": token, "connector": connector, "timestamp": at}))
        }
        What::Start { session, connector, token, reading } => (
            "start",
            json!({"session": session.to_string(), "connector": connector, "token": token,
                "meter_wh": whole(reading.register_wh), "timestamp": at}),
        ),
        What::Meter { session, connector, reading } => {
            let mut fields = meter(reading);
            fields.insert("session".into(), json!(session.to_string()));
            fields.insert("connector".into(), json!(connector));
            fields.insert("timestamp".into(), json!(at));
            ("meter", Value::Object(fields))
        }
        What::Stop(ended) => (
            "stop",
            json!({"session": ended.session.to_string(), "connector": ended.connector, "token": ended.token,
                "meter_wh": ended.meter_stop_wh, "reason": ended.reason.label(), "timestamp": at}),
        ),
        What::Fault { connector, code, text, cleared, severity, .. } => {
            let mut fields = json!({"code": code, "text": text, "cleared": cleared,
                "severity": severity.label(), "timestamp": at});
            if let Some(connector) = connector {
                fields["connector"] = json!(connector);
            }
            ("fault", fields)
        }
        What::Suspended { .. } | What::Data { .. } | What::Cut { .. } | What::PowerLoss { .. } => {
            return Ok(None);
        }
    };
    fields["id"] = json!(message_id);
    Ok(Some(Encoded { action, payload: serde_json::to_string(&fields)? }))
}

fn meter(reading: &Reading) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: f64| fields.insert(name.to_owned(), json!(value));
    set("power_w", reading.power_w);
    set("energy_wh", reading.register_wh);
    set("current_a", reading.current_a);
    set("voltage_v", reading.voltage_v[0]);
    set("temperature_c", reading.temperature_c);
    if let Some(soc) = reading.soc_percent {
        set("soc_percent", soc);
    }
    fields
}

/// The same words as OCPP 1.6.
fn word(status: ConnectorStatus) -> Result<Value, serde_json::Error> {
    serde_json::to_value(status_word(status))
}

#[allow(clippy::cast_possible_truncation)]
fn whole(wh: f64) -> i64 {
    wh as i64
}
