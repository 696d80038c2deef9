//! OCPP 2.0.1. One EVSE has one connector: what we number as connectors are its EVSEs.

use rust_decimal::Decimal;
use rust_ocpp::v2_0_1::datatypes::charging_station_type::ChargingStationType;
use rust_ocpp::v2_0_1::datatypes::component_type::ComponentType;
use rust_ocpp::v2_0_1::datatypes::event_data_type::EventDataType;
use rust_ocpp::v2_0_1::datatypes::evse_type::EVSEType;
use rust_ocpp::v2_0_1::datatypes::id_token_type::IdTokenType;
use rust_ocpp::v2_0_1::datatypes::meter_value_type::MeterValueType;
use rust_ocpp::v2_0_1::datatypes::sampled_value_type::SampledValueType;
use rust_ocpp::v2_0_1::datatypes::transaction_type::TransactionType;
use rust_ocpp::v2_0_1::datatypes::unit_of_measure_type::UnitOfMeasureType;
use rust_ocpp::v2_0_1::datatypes::variable_type::VariableType;
use rust_ocpp::v2_0_1::enumerations::boot_reason_enum_type::BootReasonEnumType;
use rust_ocpp::v2_0_1::enumerations::charging_state_enum_type::ChargingStateEnumType;
use rust_ocpp::v2_0_1::enumerations::connector_status_enum_type::ConnectorStatusEnumType;
use rust_ocpp::v2_0_1::enumerations::event_notification_enum_type::EventNotificationEnumType;
use rust_ocpp::v2_0_1::enumerations::event_trigger_enum_type::EventTriggerEnumType;
use rust_ocpp::v2_0_1::enumerations::id_token_enum_type::IdTokenEnumType;
use rust_ocpp::v2_0_1::enumerations::location_enum_type::LocationEnumType;
use rust_ocpp::v2_0_1::enumerations::measurand_enum_type::MeasurandEnumType;
use rust_ocpp::v2_0_1::enumerations::phase_enum_type::PhaseEnumType;
use rust_ocpp::v2_0_1::enumerations::reading_context_enum_type::ReadingContextEnumType;
use rust_ocpp::v2_0_1::enumerations::reason_enum_type::ReasonEnumType;
use rust_ocpp::v2_0_1::enumerations::transaction_event_enum_type::TransactionEventEnumType;
use rust_ocpp::v2_0_1::enumerations::trigger_reason_enum_type::TriggerReasonEnumType;
use rust_ocpp::v2_0_1::messages::authorize::AuthorizeRequest;
use rust_ocpp::v2_0_1::messages::boot_notification::BootNotificationRequest;
use rust_ocpp::v2_0_1::messages::notify_event::NotifyEventRequest;
use rust_ocpp::v2_0_1::messages::status_notification::StatusNotificationRequest;
use rust_ocpp::v2_0_1::messages::transaction_event::TransactionEventRequest;
use serde::Serialize;
use station::event::ConnectorStatus;

use super::{Encoded, Writer, milliseconds};
use crate::fleet::Station;
use crate::fleet::charge::Reading;
use crate::life::{Saying, StopReason, What};

pub(super) fn says(what: &What) -> bool {
    match what {
        // Connectors are Occupied from plug to unplug; in between the transaction says more.
        What::Status { connector, status, .. } => *connector > 0 && connector_status(*status).is_some(),
        What::Data { .. } | What::Cut { .. } | What::PowerLoss { .. } => false,
        _ => true,
    }
}

pub(super) fn encode(
    writer: &mut Writer,
    station: &Station,
    saying: &Saying,
    offline: bool,
) -> Result<Option<Encoded>, serde_json::Error> {
    let at = milliseconds(saying.at);
    let encoded = match &saying.what {
        What::Boot => {
            let request = BootNotificationRequest {
                reason: BootReasonEnumType::PowerUp,
                charging_station: ChargingStationType {
                    serial_number: Some(station.serial.clone()),
                    model: station.model.into(),
                    vendor_name: station.vendor.into(),
                    firmware_version: Some(station.firmware.into()),
                    modem: None,
                },
            };
            call("BootNotification", &request)?
        }
        What::Heartbeat => Encoded { action: "Heartbeat", payload: "{}".into() },
        What::Status { connector, status, .. } => {
            let Some(connector_status) = connector_status(*status) else { return Ok(None) };
            let request = StatusNotificationRequest {
                timestamp: at,
                connector_status,
                evse_id: i32::from(*connector),
                connector_id: 1,
            };
            call("StatusNotification", &request)?
        }
        What::Authorize { token, .. } => {
            let request = AuthorizeRequest { id_token: id_token(token), ..AuthorizeRequest::default() };
            call("Authorize", &request)?
        }
        What::Start { session, connector, token, reading } => {
            let info = TransactionType {
                transaction_id: session.to_string(),
                charging_state: Some(ChargingStateEnumType::Charging),
                ..TransactionType::default()
            };
            let request = TransactionEventRequest {
                event_type: TransactionEventEnumType::Started,
                trigger_reason: TriggerReasonEnumType::Authorized,
                id_token: Some(id_token(token)),
                ..event(writer, saying, *session, info, *connector, reading, offline)
            };
            call("TransactionEvent", &request)?
        }
        What::Meter { session, connector, reading } => {
            let info = TransactionType { transaction_id: session.to_string(), ..TransactionType::default() };
            let request = TransactionEventRequest {
                event_type: TransactionEventEnumType::Updated,
                trigger_reason: TriggerReasonEnumType::MeterValuePeriodic,
                ..event(writer, saying, *session, info, *connector, reading, offline)
            };
            call("TransactionEvent", &request)?
        }
        What::Suspended { session, connector, reading } => {
            let info = TransactionType {
                transaction_id: session.to_string(),
                charging_state: Some(ChargingStateEnumType::SuspendedEV),
                ..TransactionType::default()
            };
            let request = TransactionEventRequest {
                event_type: TransactionEventEnumType::Updated,
                trigger_reason: TriggerReasonEnumType::ChargingStateChanged,
                meter_value: None,
                ..event(writer, saying, *session, info, *connector, reading, offline)
            };
            call("TransactionEvent", &request)?
        }
        What::Stop(ended) => {
            let info = TransactionType {
                transaction_id: ended.session.to_string(),
                charging_state: Some(ChargingStateEnumType::EVConnected),
                stopped_reason: Some(reason(ended.reason)),
                ..TransactionType::default()
            };
            let trigger_reason = match ended.reason {
                StopReason::Local => TriggerReasonEnumType::StopAuthorized,
                StopReason::EvDisconnected => TriggerReasonEnumType::EVDeparted,
                StopReason::DeAuthorized => TriggerReasonEnumType::Deauthorized,
                StopReason::Remote => TriggerReasonEnumType::RemoteStop,
                StopReason::Reboot => TriggerReasonEnumType::ResetCommand,
                StopReason::PowerLoss | StopReason::Other => TriggerReasonEnumType::AbnormalCondition,
            };
            let request = TransactionEventRequest {
                event_type: TransactionEventEnumType::Ended,
                trigger_reason,
                id_token: (ended.reason == StopReason::Local).then(|| id_token(&ended.token)),
                ..event(writer, saying, ended.session, info, ended.connector, &ended.reading, offline)
            };
            call("TransactionEvent", &request)?
        }
        What::Fault { connector, code, text, cleared, .. } => {
            let evse = connector.map(|number| EVSEType { id: i32::from(number), connector_id: Some(1) });
            let data = EventDataType {
                event_id: writer.next_event(),
                timestamp: at,
                trigger: EventTriggerEnumType::Alerting,
                cause: None,
                actual_value: (!cleared).to_string(),
                tech_code: Some(code.clone()),
                tech_info: Some(text.clone()),
                cleared: Some(*cleared),
                transaction_id: None,
                variable_monitoring_id: None,
                event_notification_type: EventNotificationEnumType::HardWiredNotification,
                component: ComponentType { name: "Connector".into(), instance: None, evse },
                variable: VariableType { name: "Problem".into(), instance: None },
            };
            let request =
                NotifyEventRequest { generated_at: at, tbc: None, seq_no: 0, event_data: vec![data] };
            call("NotifyEvent", &request)?
        }
        What::Data { .. } | What::Cut { .. } | What::PowerLoss { .. } => return Ok(None),
    };
    Ok(Some(encoded))
}

fn call(action: &'static str, request: &impl Serialize) -> Result<Encoded, serde_json::Error> {
    Ok(Encoded { action, payload: serde_json::to_string(request)? })
}

fn event(
    writer: &mut Writer,
    saying: &Saying,
    session: uuid::Uuid,
    transaction_info: TransactionType,
    connector: u8,
    reading: &Reading,
    offline: bool,
) -> TransactionEventRequest {
    let context = match saying.what {
        What::Start { .. } => ReadingContextEnumType::TransactionBegin,
        What::Stop(_) => ReadingContextEnumType::TransactionEnd,
        _ => ReadingContextEnumType::SamplePeriodic,
    };
    TransactionEventRequest {
        timestamp: milliseconds(saying.at),
        seq_no: writer.next_sequence(session),
        offline: offline.then_some(true),
        transaction_info,
        evse: Some(EVSEType { id: i32::from(connector), connector_id: Some(1) }),
        meter_value: Some(vec![MeterValueType {
            timestamp: milliseconds(saying.at),
            sampled_value: samples(reading, &context),
        }]),
        ..TransactionEventRequest::default()
    }
}

fn samples(reading: &Reading, context: &ReadingContextEnumType) -> Vec<SampledValueType> {
    let value = |value: f64, digits: u32, measurand, unit: &str| SampledValueType {
        value: decimal(value, digits),
        context: Some(context.clone()),
        measurand: Some(measurand),
        phase: None,
        location: Some(LocationEnumType::Outlet),
        signed_meter_value: None,
        unit_of_measure: Some(UnitOfMeasureType { unit: Some(unit.into()), multiplier: None }),
    };
    let mut samples = vec![
        value(reading.register_wh, 0, MeasurandEnumType::EnergyActiveImportRegister, "Wh"),
        value(reading.power_w, 1, MeasurandEnumType::PowerActiveImport, "W"),
    ];
    if reading.phases == 0 {
        samples.push(value(reading.current_a, 2, MeasurandEnumType::CurrentImport, "A"));
        samples.push(value(reading.voltage_v[0], 1, MeasurandEnumType::Voltage, "V"));
    }
    let lines = [
        (PhaseEnumType::L1, PhaseEnumType::L1N),
        (PhaseEnumType::L2, PhaseEnumType::L2N),
        (PhaseEnumType::L3, PhaseEnumType::L3N),
    ];
    for ((line, to_neutral), voltage) in
        lines.into_iter().zip(reading.voltage_v).take(usize::from(reading.phases))
    {
        let current = value(reading.current_a, 2, MeasurandEnumType::CurrentImport, "A");
        samples.push(SampledValueType { phase: Some(line), ..current });
        let voltage = value(voltage, 1, MeasurandEnumType::Voltage, "V");
        samples.push(SampledValueType { phase: Some(to_neutral), ..voltage });
    }
    if let Some(soc) = reading.soc_percent {
        let soc = value(soc, 1, MeasurandEnumType::SoC, "Percent");
        samples.push(SampledValueType { location: Some(LocationEnumType::EV), ..soc });
    }
    samples
}

/// A rounded number with at most `digits` decimals.
#[allow(clippy::cast_possible_truncation)]
fn decimal(value: f64, digits: u32) -> Decimal {
    let power = f64::from(10_u32.pow(digits));
    Decimal::new((value * power).round() as i64, digits).normalize()
}

fn id_token(token: &str) -> IdTokenType {
    IdTokenType { id_token: token.into(), kind: IdTokenEnumType::ISO14443, additional_info: None }
}

fn connector_status(status: ConnectorStatus) -> Option<ConnectorStatusEnumType> {
    match status {
        ConnectorStatus::Available => Some(ConnectorStatusEnumType::Available),
        ConnectorStatus::Preparing | ConnectorStatus::Occupied => Some(ConnectorStatusEnumType::Occupied),
        ConnectorStatus::Faulted => Some(ConnectorStatusEnumType::Faulted),
        ConnectorStatus::Reserved => Some(ConnectorStatusEnumType::Reserved),
        ConnectorStatus::Unavailable => Some(ConnectorStatusEnumType::Unavailable),
        _ => None,
    }
}

fn reason(reason: StopReason) -> ReasonEnumType {
    match reason {
        StopReason::Local => ReasonEnumType::Local,
        StopReason::EvDisconnected => ReasonEnumType::EVDisconnected,
        StopReason::DeAuthorized => ReasonEnumType::DeAuthorized,
        StopReason::Remote => ReasonEnumType::Remote,
        StopReason::Reboot => ReasonEnumType::Reboot,
        StopReason::PowerLoss => ReasonEnumType::PowerLoss,
        StopReason::Other => ReasonEnumType::Other,
    }
}
