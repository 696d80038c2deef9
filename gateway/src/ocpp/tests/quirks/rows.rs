//! Rows as lines that a table can hold.

use station::fact::{Fact, Key};

use super::super::support::Endpoint;

/// A row.
#[derive(Debug)]
pub(super) struct Row {
    /// The table and what is in it.
    pub(super) text: String,
    /// Its flags; empty if there are none.
    pub(super) flags: String,
}

/// How many rows there are so far.
pub(super) fn count(endpoint: &Endpoint) -> usize {
    endpoint.rows.lock().expect("no panic").facts.len()
}

/// The rows of a station since there were `mark`.
pub(super) fn of(endpoint: &Endpoint, mark: usize, station: &str) -> Vec<Row> {
    let rows = endpoint.rows.lock().expect("no panic");
    rows.facts[mark..].iter().filter_map(|fact| row(fact, station)).collect()
}

fn row(fact: &Fact, station: &str) -> Option<Row> {
    let of_key = |key: &Key, text: String| {
        let clock = if key.station_ts.is_none() { " at receipt" } else { "" };
        (key.station == station)
            .then(|| Row { text: text + clock, flags: key.flags.clone().unwrap_or_default() })
    };
    let place = |key: &Key| match (key.evse, key.connector) {
        (None, None) => "-".to_owned(),
        (None, Some(connector)) => connector.to_string(),
        (Some(evse), None) => format!("{evse}.-"),
        (Some(evse), Some(connector)) => format!("{evse}.{connector}"),
    };
    let number =
        |name: &str, value: Option<f64>| value.map(|value| format!(" {name}={value}")).unwrap_or_default();
    let word = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" {name}={value}")).unwrap_or_default()
    };
    match fact {
        Fact::StationReport(key, of) => {
            let words =
                [word("vendor", &of.vendor), word("model", &of.model), word("reason", &of.boot_reason)];
            of_key(key, format!("station_reports{}", words.concat()))
        }
        Fact::Connection(..) | Fact::Setting(..) | Fact::Command(..) => None,
        Fact::ConnectorStatus(key, of) => {
            let words = [
                word("error", &of.error_code),
                word("vendor_error", &of.vendor_error_code),
                word("info", &of.info),
            ];
            of_key(key, format!("connector_status {} {}{}", place(key), of.status, words.concat()))
        }
        Fact::MeterValue(key, of) => {
            let values = [
                number("power_w", of.power_w),
                number("energy_wh", of.energy_wh),
                number("current_a", of.current_a),
                number("voltage_v", of.voltage_v),
                number("soc_ratio", of.soc_ratio),
                number("temperature_c", of.temperature_c),
                number("frequency_hz", of.frequency_hz),
            ];
            let session = if of.session_id.is_some() { " of session" } else { "" };
            let what = [of.context.as_str(), &of.location, of.phase.as_deref().unwrap_or("-")].join(" ");
            of_key(key, format!("meter_values {} {what}{}{session}", place(key), values.concat()))
        }
        Fact::MeterValueOther(key, of) => {
            let values = [number("value", of.value), word("text", &of.value_text)];
            of_key(
                key,
                format!("meter_values_other {} {}{} {}", place(key), of.measurand, values.concat(), of.unit),
            )
        }
        Fact::Session(of) => {
            let values = [number("energy_wh", of.energy_wh), word("reason", &of.stop_reason)];
            let marks =
                [if of.partial { " partial" } else { "" }, if of.inferred { " inferred" } else { "" }];
            (of.station == station).then(|| Row {
                text: format!("sessions {}{}{}", of.state, values.concat(), marks.concat()),
                flags: of.flags.clone().unwrap_or_default(),
            })
        }
        Fact::Event(key, of) => of_key(key, format!("events {}: {}", of.r#type, of.text)),
        Fact::Rejected(key, of) => of_key(key, format!("rejected {}: {}", of.reason, of.detail)),
    }
}
