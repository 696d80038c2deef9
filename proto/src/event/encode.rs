//! From the domain to bytes.

use prost::Message as _;
use station::event::{
    ChargingState, CommandEnd, CommandResult, ConnectorStatus, EventKind, RejectReason, SessionRecord,
    Severity, Source, StationEvent,
};
use station::id::StationId;
use station::measurand::{Context, Location, Measurand, Reading, Sample};
use station::secret::Token;

use super::access::{encode_key_changed, encode_quarantined};
use super::v1;
use super::v1::station_event::Kind;

/// Appends the event's bytes to `buffer`.
pub fn encode(event: &StationEvent, buffer: &mut Vec<u8>) {
    let message = v1::StationEvent {
        event_id: event.event_id.0.as_bytes().to_vec(),
        station: StationId::as_str(&event.station).to_owned(),
        evse: event.evse,
        connector: event.connector,
        station_ts_us: event.station_ts.map(|ts| ts.0),
        received_at_us: event.received_at.0,
        source: number(&Source::ALL, &event.source),
        message_id: event.message_id.clone(),
        digest: event.digest,
        deviations: event.deviations.0,
        payload: event.payload.clone(),
        kind: Some(kind(&event.kind)),
    };
    buffer.reserve(message.encoded_len());
    message.encode_raw(buffer);
}

fn kind(kind: &EventKind) -> Kind {
    match kind {
        EventKind::Booted(boot) => Kind::Booted(v1::Booted {
            vendor: boot.vendor.clone(),
            model: boot.model.clone(),
            serial: boot.serial.clone(),
            firmware: boot.firmware.clone(),
            reason: boot.reason.clone(),
        }),
        EventKind::Heartbeat => Kind::Heartbeat(v1::Heartbeat {}),
        EventKind::StatusChanged(status) => Kind::StatusChanged(v1::StatusChanged {
            status: number(&ConnectorStatus::ALL, &status.status),
            error_code: status.error_code.clone(),
            vendor_error_code: status.vendor_error_code.clone(),
            vendor_id: status.vendor_id.clone(),
            info: status.info.clone(),
        }),
        EventKind::Authorized { token: shown } => {
            Kind::Authorized(v1::Authorized { token: Some(token(shown)) })
        }
        EventKind::SessionStarted(start) => Kind::SessionStarted(v1::SessionStarted {
            transaction: start.transaction.clone(),
            token: start.token.as_ref().map(token),
            meter_start_wh: start.meter_start_wh,
            charging_state: charging_state(start.charging_state),
            sequence: start.sequence,
        }),
        EventKind::SessionUpdated { transaction, charging_state: state, token: shown, sequence } => {
            Kind::SessionUpdated(v1::SessionUpdated {
                transaction: transaction.clone(),
                charging_state: charging_state(*state),
                token: shown.as_ref().map(token),
                sequence: *sequence,
            })
        }
        EventKind::MeterSampled { transaction, samples } => Kind::MeterSampled(v1::MeterSampled {
            transaction: transaction.clone(),
            samples: samples.iter().map(sample).collect(),
        }),
        EventKind::SessionEnded(end) => Kind::SessionEnded(v1::SessionEnded {
            transaction: end.transaction.clone(),
            token: end.token.as_ref().map(token),
            meter_stop_wh: end.meter_stop_wh,
            reason: end.reason.clone(),
            sequence: end.sequence,
        }),
        EventKind::SessionRecorded(record) => Kind::SessionRecorded(session_record(record)),
        EventKind::FaultReported(fault) => Kind::FaultReported(v1::FaultReported {
            code: fault.code.clone(),
            text: fault.text.clone(),
            cleared: fault.cleared,
            severity: match fault.severity {
                Severity::Info => v1::Severity::Info,
                Severity::Warning => v1::Severity::Warning,
                Severity::Critical => v1::Severity::Critical,
            }
            .into(),
        }),
        EventKind::FirmwareStatus { status } => {
            Kind::FirmwareStatus(v1::FirmwareStatus { status: status.clone() })
        }
        EventKind::SecurityEvent { name, info } => {
            Kind::SecurityEvent(v1::SecurityEvent { name: name.clone(), info: info.clone() })
        }
        EventKind::Connected { gateway, epoch, remote } => Kind::Connected(v1::Connected {
            gateway: gateway.clone(),
            epoch: epoch.as_bytes().to_vec(),
            remote: remote.clone(),
        }),
        EventKind::Disconnected { gateway, epoch, reason } => Kind::Disconnected(v1::Disconnected {
            gateway: gateway.clone(),
            epoch: epoch.as_bytes().to_vec(),
            reason: reason.clone(),
        }),
        EventKind::SettingChanged(change) => Kind::SettingChanged(v1::SettingChanged {
            // Fails only for maps whose keys are not text, and settings have none.
            change: serde_json::to_string(change).unwrap_or_default(),
        }),
        EventKind::DataTransferred { vendor_id, message, data } => {
            Kind::DataTransferred(v1::DataTransferred {
                vendor_id: vendor_id.clone(),
                message: message.clone(),
                data: data.clone(),
            })
        }
        EventKind::Undecodable { reason, detail, origin } => Kind::Undecodable(v1::Undecodable {
            reason: number(&RejectReason::ALL, reason),
            detail: detail.clone(),
            origin: origin.clone(),
        }),
        EventKind::CommandIssued(issue) => Kind::CommandIssued(v1::CommandIssued {
            command: issue.command.as_bytes().to_vec(),
            name: issue.name.clone(),
            request: issue.request.clone(),
            digest: issue.digest,
            author: issue.author.clone(),
            expires_at_us: issue.expires_at.0,
        }),
        EventKind::CommandSent { command, message, list } => Kind::CommandSent(v1::CommandSent {
            command: command.as_bytes().to_vec(),
            message: message.clone(),
            list: list.as_deref().map(|list| v1::ListSent {
                version: list.version,
                full: list.full,
                changes: list.mark.changes,
                at_us: list.mark.at.0,
                through: list.through.clone(),
            }),
        }),
        EventKind::CommandAnswered(answer) => Kind::CommandAnswered(v1::CommandAnswered {
            command: answer.command.as_bytes().to_vec(),
            result: number(&CommandResult::ALL, &answer.result),
            status: answer.status.clone(),
            detail: answer.detail.clone(),
        }),
        EventKind::CommandEnded { command, end, detail } => Kind::CommandEnded(v1::CommandEnded {
            command: command.as_bytes().to_vec(),
            end: number(&CommandEnd::ALL, end),
            detail: detail.clone(),
        }),
        EventKind::KeyChanged(change) => Kind::KeyChanged(encode_key_changed(change)),
        EventKind::Quarantined(quarantined) => Kind::Quarantined(encode_quarantined(quarantined)),
        EventKind::Tick => Kind::Tick(v1::Tick {}),
        EventKind::SessionEndInferred { session_id } => {
            Kind::SessionEndInferred(v1::SessionEndInferred { session_id: session_id.0.as_bytes().to_vec() })
        }
    }
}

fn session_record(record: &SessionRecord) -> v1::SessionRecorded {
    v1::SessionRecorded {
        token: record.token.as_ref().map(token),
        started_at_us: record.started_at.0,
        ended_at_us: record.ended_at.0,
        energy_wh: record.energy_wh,
        charging_s: record.charging_s,
        max_power_w: record.max_power_w,
        mean_power_w: record.mean_power_w,
        cost: record.cost.map(|cost| cost.to_string()),
        currency: record.currency.clone(),
        site: record.site.clone(),
        vehicle_model: record.vehicle_model.clone(),
        battery_wh: record.battery_wh,
        soc_start_ratio: record.soc_start_ratio,
        soc_end_ratio: record.soc_end_ratio,
        temperature_c: record.temperature_c,
        distance_m: record.distance_m,
        vehicle_age_years: record.vehicle_age_years,
        charger_type: record.charger_type.clone(),
        user_type: record.user_type.clone(),
        stop_reason: record.stop_reason.clone(),
    }
}

fn sample(sample: &Sample) -> v1::Sample {
    v1::Sample {
        station_ts_us: sample.station_ts.map(|ts| ts.0),
        deviations: sample.deviations.0,
        readings: sample.readings.iter().map(reading).collect(),
    }
}

fn reading(reading: &Reading) -> v1::Reading {
    let own_unit = reading.measurand.base_unit() == Some(reading.unit.as_str());
    v1::Reading {
        measurand: number(Measurand::ALL, &reading.measurand),
        measurand_other: other(reading.measurand.is_other(), reading.measurand.as_str()),
        context: number(Context::ALL, &reading.context),
        context_other: other(reading.context.is_other(), reading.context.as_str()),
        location: number(Location::ALL, &reading.location),
        location_other: other(reading.location.is_other(), reading.location.as_str()),
        phase: reading.phase.clone(),
        value: reading.value,
        text: reading.text.clone(),
        unit: (!own_unit).then(|| reading.unit.clone()),
    }
}

fn token(token: &Token) -> v1::Token {
    v1::Token { hash: token.hash.clone(), sealed: token.sealed.clone() }
}

fn charging_state(state: Option<ChargingState>) -> i32 {
    match state {
        None => v1::ChargingState::Unspecified,
        Some(ChargingState::Charging) => v1::ChargingState::Charging,
        Some(ChargingState::EvConnected) => v1::ChargingState::EvConnected,
        Some(ChargingState::SuspendedEv) => v1::ChargingState::SuspendedEv,
        Some(ChargingState::SuspendedEvse) => v1::ChargingState::SuspendedEvse,
        Some(ChargingState::Idle) => v1::ChargingState::Idle,
    }
    .into()
}

fn other(is_other: bool, word: &str) -> Option<String> {
    is_other.then(|| word.to_owned())
}

/// The number of a value: its place among `all`, from 1; 0 for what is not among them.
#[allow(clippy::cast_possible_truncation)]
fn number<T: PartialEq>(all: &[T], value: &T) -> i32 {
    all.iter().position(|each| each == value).map_or(0, |at| at as i32 + 1)
}
