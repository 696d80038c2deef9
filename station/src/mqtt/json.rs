//! Our own JSON: `{prefix}/{station}/{kind}`. The fields of each kind are in docs/mqtt.md.

use super::fields::{FieldError, Fields, required};
use crate::deviation::{Deviation, Deviations};
use crate::event::{Boot, ConnectorStatus, EventKind, Fault, SessionEnd, SessionStart, Severity, Status};
use crate::measurand::{Context, Location, Measurand, Reading, Sample};
use crate::secret::SecretKey;
use crate::time::Timestamp;

/// What a payload says.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) kind: EventKind,
    pub(super) connector: Option<i32>,
    pub(super) station_ts: Option<Timestamp>,
    pub(super) deviations: Deviations,
}

/// The kinds, as topics name them.
pub(super) const KINDS: [&str; 8] =
    ["boot", "heartbeat", "status", "authorize", "start", "meter", "stop", "fault"];

/// Reads one payload.
///
/// # Errors
/// When a field that the kind cannot do without is missing, or cannot be read.
pub(super) fn decode(kind: &str, mut fields: Fields, key: &SecretKey) -> Result<Option<Said>, FieldError> {
    let mut said = match kind {
        "boot" => boot(&mut fields)?,
        "heartbeat" => Said::new(EventKind::Heartbeat, None, fields.time_if_any()),
        "status" => status(&mut fields)?,
        "authorize" => authorize(&mut fields, key)?,
        "start" => start(&mut fields, key)?,
        "meter" => meter(&mut fields)?,
        "stop" => stop(&mut fields, key)?,
        "fault" => fault(&mut fields)?,
        _ => return Ok(None),
    };
    said.deviations = fields.finish();
    if let EventKind::MeterSampled { samples, .. } = &mut said.kind {
        samples.iter_mut().for_each(|sample| sample.deviations = said.deviations);
    }
    Ok(Some(said))
}

impl Said {
    fn new(kind: EventKind, connector: Option<i32>, station_ts: Option<Timestamp>) -> Self {
        Self { kind, connector, station_ts, deviations: Deviations::default() }
    }
}

fn boot(fields: &mut Fields) -> Result<Said, FieldError> {
    let boot = Boot {
        vendor: fields.text("vendor")?,
        model: fields.text("model")?,
        serial: fields.text("serial")?,
        firmware: fields.text("firmware")?,
        reason: fields.text("reason")?,
    };
    Ok(Said::new(EventKind::Booted(boot), None, fields.time_if_any()))
}

fn status(fields: &mut Fields) -> Result<Said, FieldError> {
    let connector = fields.connector_or_first()?;
    let word = required("status", fields.text("status")?)?;
    let mut info = fields.text("info")?;
    let status = ConnectorStatus::from_word(&word).unwrap_or_else(|| {
        fields.deviations.add(Deviation::VendorWord);
        info = Some(info.take().map_or_else(|| word.clone(), |info| format!("{word}: {info}")));
        ConnectorStatus::Unknown
    });
    let status = Status {
        status,
        error_code: fields.text("error_code")?.filter(|code| code != "NoError"),
        vendor_error_code: fields.text("vendor_error_code")?,
        vendor_id: None,
        info,
    };
    Ok(Said::new(EventKind::StatusChanged(status), connector, fields.time()))
}

fn authorize(fields: &mut Fields, key: &SecretKey) -> Result<Said, FieldError> {
    let token = key.token(&required("token", fields.text("token")?)?);
    Ok(Said::new(EventKind::Authorized { token }, fields.connector()?, fields.time()))
}

fn start(fields: &mut Fields, key: &SecretKey) -> Result<Said, FieldError> {
    let transaction = fields.text("session")?;
    let token = fields.text("token")?.map(|token| key.token(&token));
    let meter_start_wh = meter_wh(fields)?;
    if transaction.is_none() || token.is_none() {
        fields.deviations.add(Deviation::FieldMissing);
    }
    let start = SessionStart { transaction, token, meter_start_wh, charging_state: None, sequence: None };
    Ok(Said::new(EventKind::SessionStarted(start), fields.connector_or_first()?, fields.time()))
}

fn stop(fields: &mut Fields, key: &SecretKey) -> Result<Said, FieldError> {
    let transaction = fields.text("session")?;
    let token = fields.text("token")?.map(|token| key.token(&token));
    let end = SessionEnd {
        meter_stop_wh: meter_wh(fields)?,
        reason: fields.text("reason")?,
        token,
        sequence: None,
        transaction,
    };
    let connector = place(fields, end.transaction.as_deref())?;
    Ok(Said::new(EventKind::SessionEnded(end), connector, fields.time()))
}

fn meter(fields: &mut Fields) -> Result<Said, FieldError> {
    let transaction = fields.text("session")?;
    let connector = place(fields, transaction.as_deref())?;
    let phase = fields.text("phase")?;
    let station_ts = fields.time();
    let mut readings = Vec::with_capacity(6);
    for (names, measurand, unit) in [
        (["energy_wh", "energy_kwh"], Measurand::EnergyImportRegister, "Wh"),
        (["power_w", "power_kw"], Measurand::PowerImport, "W"),
        (["current_a", ""], Measurand::CurrentImport, "A"),
        (["voltage_v", ""], Measurand::Voltage, "V"),
        (["soc_ratio", "soc_percent"], Measurand::Soc, "ratio"),
        (["temperature_c", ""], Measurand::Temperature, "Celsius"),
    ] {
        let of_phase = !matches!(measurand, Measurand::Soc | Measurand::Temperature);
        let scale = if measurand == Measurand::Soc { 0.01 } else { 1e3 };
        let value = match fields.number(names[0])? {
            // A ratio of 80 is meant in percent.
            Some(value) if measurand == Measurand::Soc && value > 1.0 => {
                fields.deviations.add(Deviation::UnitMismatch);
                Some(value * scale)
            }
            Some(value) => Some(value),
            None if names[1].is_empty() => None,
            None => fields.number(names[1])?.map(|value| value * scale),
        };
        readings.extend(value.map(|value| Reading {
            measurand,
            context: Context::Periodic,
            location: Location::Outlet,
            phase: phase.clone().filter(|_| of_phase),
            value: Some(value),
            text: None,
            unit: unit.to_owned(),
        }));
    }
    if readings.is_empty() {
        return Err(FieldError {
            field: "power_w",
            what: "there is no value: send at least one of energy_wh, power_w, current_a, voltage_v, soc_percent, \
                   temperature_c"
                .to_owned(),
        });
    }
    let samples = vec![Sample { station_ts, deviations: Deviations::default(), readings }];
    Ok(Said::new(EventKind::MeterSampled { transaction, samples }, connector, station_ts))
}

fn fault(fields: &mut Fields) -> Result<Said, FieldError> {
    let severity = match fields.text("severity")?.map(|word| word.to_lowercase()).as_deref() {
        Some("info") => Severity::Info,
        Some("warning") | None => Severity::Warning,
        Some("critical") => Severity::Critical,
        Some(_) => {
            fields.deviations.add(Deviation::VendorWord);
            Severity::Warning
        }
    };
    let fault = Fault {
        code: required("code", fields.text("code")?)?,
        text: fields.text("text")?,
        cleared: fields.boolean("cleared")?.unwrap_or(false),
        severity,
    };
    Ok(Said::new(EventKind::FaultReported(fault), fields.connector()?, fields.time()))
}

/// A meter reading that should be there.
fn meter_wh(fields: &mut Fields) -> Result<Option<f64>, FieldError> {
    let wh = match fields.number("meter_wh")? {
        Some(wh) => Some(wh),
        None => fields.number("meter_kwh")?.map(|kwh| kwh * 1e3),
    };
    if wh.is_none() {
        fields.deviations.add(Deviation::FieldMissing);
    }
    Ok(wh)
}

/// The connector of what belongs to a session: the session says it, where it is named.
fn place(fields: &mut Fields, session: Option<&str>) -> Result<Option<i32>, FieldError> {
    if session.is_some() { fields.connector() } else { fields.connector_or_first() }
}
