//! OCPP 1.6J.

use rust_ocpp::v1_6::messages::authorize::AuthorizeRequest;
use rust_ocpp::v1_6::messages::boot_notification::BootNotificationRequest;
use rust_ocpp::v1_6::messages::data_transfer::DataTransferRequest;
use rust_ocpp::v1_6::messages::meter_values::MeterValuesRequest;
use rust_ocpp::v1_6::messages::start_transaction::StartTransactionRequest;
use rust_ocpp::v1_6::messages::status_notification::StatusNotificationRequest;
use rust_ocpp::v1_6::messages::stop_transaction::StopTransactionRequest;
use rust_ocpp::v1_6::types::{
    ChargePointErrorCode, ChargePointStatus, Location, Measurand, MeterValue, Phase, ReadingContext, Reason,
    SampledValue, UnitOfMeasure,
};
use serde::Serialize;
use station::event::ConnectorStatus;

use super::{Encoded, Writer, milliseconds};
use crate::fleet::Station;
use crate::fleet::charge::Reading;
use crate::life::{Saying, StopReason, What};

/// What StopTransaction and MeterValues carry when the gateway never gave an id (its answer was a refusal).
const NO_TRANSACTION: i32 = -1;

pub(super) fn says(what: &What) -> bool {
    match what {
        What::Suspended { .. } | What::Cut { .. } | What::PowerLoss { .. } => false,
        // A broken connector's StatusNotification says it already; that it is well again, too.
        What::Fault { cleared, status, .. } => !cleared && *status != ConnectorStatus::Faulted,
        _ => true,
    }
}

pub(super) fn encode(
    writer: &Writer,
    station: &Station,
    saying: &Saying,
) -> Result<Option<Encoded>, serde_json::Error> {
    let at = milliseconds(saying.at);
    let encoded = match &saying.what {
        What::Boot => {
            let request = BootNotificationRequest {
                charge_point_vendor: station.vendor.into(),
                charge_point_model: station.model.into(),
                charge_point_serial_number: Some(station.serial.clone()),
                firmware_version: Some(station.firmware.into()),
                ..BootNotificationRequest::default()
            };
            call("BootNotification", &request)?
        }
        What::Heartbeat => Encoded { action: "Heartbeat", payload: "{}".into() },
        What::Status { connector, status, error } => {
            let request = StatusNotificationRequest {
                connector_id: u32::from(*connector),
                error_code: error.as_deref().map_or(ChargePointErrorCode::NoError, error_code),
                info: None,
                status: status_word(*status),
                timestamp: Some(at),
                vendor_id: None,
                vendor_error_code: None,
            };
            call("StatusNotification", &request)?
        }
        What::Fault { connector, code, text, status, .. } if says(&saying.what) => {
            let request = StatusNotificationRequest {
                connector_id: u32::from(connector.unwrap_or(0)),
                error_code: error_code(code),
                info: Some(text.chars().take(50).collect()),
                status: status_word(*status),
                timestamp: Some(at),
                vendor_id: Some(station.vendor.into()),
                vendor_error_code: None,
            };
            call("StatusNotification", &request)?
        }
        What::Authorize { token, .. } => call("Authorize", &AuthorizeRequest { id_tag: token.clone() })?,
        What::Start { connector, token, reading, .. } => {
            let request = StartTransactionRequest {
                connector_id: u32::from(*connector),
                id_tag: token.clone(),
                meter_start: wh(reading.register_wh),
                reservation_id: None,
                timestamp: at,
            };
            call("StartTransaction", &request)?
        }
        What::Meter { session, connector, reading } => {
            let request = MeterValuesRequest {
                connector_id: u32::from(*connector),
                transaction_id: Some(writer.transaction(*session).unwrap_or(NO_TRANSACTION)),
                meter_value: vec![MeterValue { timestamp: at, sampled_value: samples(reading) }],
            };
            call("MeterValues", &request)?
        }
        What::Stop(ended) => {
            let request = StopTransactionRequest {
                id_tag: (ended.reason == StopReason::Local).then(|| ended.token.clone()),
                meter_stop: i32::try_from(ended.meter_stop_wh).unwrap_or(i32::MAX),
                timestamp: at,
                transaction_id: writer.transaction(ended.session).unwrap_or(NO_TRANSACTION),
                reason: Some(reason(ended.reason)),
                transaction_data: None,
            };
            call("StopTransaction", &request)?
        }
        What::Data { message, data } => {
            let request = DataTransferRequest {
                vendor_string: station.vendor.into(),
                message_id: Some(message.clone()),
                data: Some(data.clone()),
            };
            call("DataTransfer", &request)?
        }
        What::Fault { .. } | What::Suspended { .. } | What::Cut { .. } | What::PowerLoss { .. } => {
            return Ok(None);
        }
    };
    Ok(Some(encoded))
}

fn call(action: &'static str, request: &impl Serialize) -> Result<Encoded, serde_json::Error> {
    Ok(Encoded { action, payload: serde_json::to_string(request)? })
}

fn samples(reading: &Reading) -> Vec<SampledValue> {
    let value = |value: f64, measurand, unit| SampledValue {
        value: format!("{value}"),
        context: Some(ReadingContext::SamplePeriodic),
        format: None,
        measurand: Some(measurand),
        phase: None,
        location: Some(Location::Outlet),
        unit: Some(unit),
    };
    let mut samples = vec![
        value(reading.register_wh, Measurand::EnergyActiveImportRegister, UnitOfMeasure::Wh),
        value(reading.power_w, Measurand::PowerActiveImport, UnitOfMeasure::W),
        value(reading.temperature_c, Measurand::Temperature, UnitOfMeasure::Celsius),
    ];
    if reading.phases == 0 {
        samples.push(value(reading.current_a, Measurand::CurrentImport, UnitOfMeasure::A));
        samples.push(value(reading.voltage_v[0], Measurand::Voltage, UnitOfMeasure::V));
    }
    let lines = [(Phase::L1, Phase::L1N), (Phase::L2, Phase::L2N), (Phase::L3, Phase::L3N)];
    for ((line, to_neutral), voltage) in
        lines.into_iter().zip(reading.voltage_v).take(usize::from(reading.phases))
    {
        let current = value(reading.current_a, Measurand::CurrentImport, UnitOfMeasure::A);
        samples.push(SampledValue { phase: Some(line), ..current });
        let voltage = value(voltage, Measurand::Voltage, UnitOfMeasure::V);
        samples.push(SampledValue { phase: Some(to_neutral), ..voltage });
    }
    if let Some(soc) = reading.soc_percent {
        let soc = value(soc, Measurand::SoC, UnitOfMeasure::Percent);
        samples.push(SampledValue { location: Some(Location::Ev), ..soc });
    }
    samples
}

#[allow(clippy::cast_possible_truncation)]
fn wh(register: f64) -> i32 {
    register as i32
}

/// How OCPP 1.6 spells a status.
pub(crate) fn status_word(status: ConnectorStatus) -> ChargePointStatus {
    match status {
        ConnectorStatus::Available | ConnectorStatus::Unknown => ChargePointStatus::Available,
        ConnectorStatus::Preparing | ConnectorStatus::Occupied => ChargePointStatus::Preparing,
        ConnectorStatus::Charging => ChargePointStatus::Charging,
        ConnectorStatus::SuspendedEvse => ChargePointStatus::SuspendedEVSE,
        ConnectorStatus::SuspendedEv => ChargePointStatus::SuspendedEV,
        ConnectorStatus::Finishing => ChargePointStatus::Finishing,
        ConnectorStatus::Reserved => ChargePointStatus::Reserved,
        ConnectorStatus::Unavailable => ChargePointStatus::Unavailable,
        ConnectorStatus::Faulted => ChargePointStatus::Faulted,
    }
}

fn error_code(code: &str) -> ChargePointErrorCode {
    serde_json::from_value(code.into()).unwrap_or(ChargePointErrorCode::OtherError)
}

fn reason(reason: StopReason) -> Reason {
    match reason {
        StopReason::Local => Reason::Local,
        StopReason::EvDisconnected => Reason::EVDisconnected,
        StopReason::DeAuthorized => Reason::DeAuthorized,
        StopReason::Remote => Reason::Remote,
        StopReason::Reboot => Reason::Reboot,
        StopReason::PowerLoss => Reason::PowerLoss,
        StopReason::Other => Reason::Other,
    }
}
