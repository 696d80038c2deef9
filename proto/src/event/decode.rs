//! From bytes to the domain.

use prost::Message as _;
use station::deviation::Deviations;
use station::event::{
    Boot, ChargingState, CommandAnswer, CommandEnd, CommandIssue, CommandResult, ConnectorStatus, EventKind,
    Fault, ListSent, Mark, RejectReason, SessionEnd, SessionRecord, SessionStart, Severity, Source,
    StationEvent, Status,
};
use station::id::{EventId, SessionId, StationId};
use station::measurand::{Context, Location, Measurand, Reading, Sample};
use station::secret::Token;
use station::time::Timestamp;
use uuid::Uuid;

use super::access::{decode_key_changed, decode_quarantined};
use super::v1::station_event::Kind;
use super::{EventError, v1};

/// Reads one event from exactly these bytes.
///
/// # Errors
/// When the bytes are no event, or hold what only a newer version knows.
pub fn decode(bytes: &[u8]) -> Result<StationEvent, EventError> {
    let message = v1::StationEvent::decode(bytes)?;
    Ok(StationEvent {
        event_id: EventId(uuid("event_id", &message.event_id)?),
        station: StationId::new(&message.station)?,
        evse: message.evse,
        connector: message.connector,
        station_ts: message.station_ts_us.map(Timestamp),
        received_at: Timestamp(message.received_at_us),
        source: value("source", &Source::ALL, message.source)?,
        message_id: message.message_id,
        digest: message.digest,
        deviations: Deviations(message.deviations),
        payload: message.payload,
        kind: kind(message.kind.ok_or(EventError::UnknownKind)?)?,
    })
}

fn kind(kind: Kind) -> Result<EventKind, EventError> {
    Ok(match kind {
        Kind::Booted(boot) => EventKind::Booted(Boot {
            vendor: boot.vendor,
            model: boot.model,
            serial: boot.serial,
            firmware: boot.firmware,
            reason: boot.reason,
        }),
        Kind::Heartbeat(v1::Heartbeat {}) => EventKind::Heartbeat,
        Kind::StatusChanged(status) => EventKind::StatusChanged(Status {
            status: value("connector status", &ConnectorStatus::ALL, status.status)?,
            error_code: status.error_code,
            vendor_error_code: status.vendor_error_code,
            vendor_id: status.vendor_id,
            info: status.info,
        }),
        Kind::Authorized(authorized) => EventKind::Authorized {
            token: authorized.token.map(token).ok_or(EventError::Missing("authorized.token"))?,
        },
        Kind::SessionStarted(start) => EventKind::SessionStarted(SessionStart {
            transaction: start.transaction,
            token: start.token.map(token),
            meter_start_wh: start.meter_start_wh,
            charging_state: charging_state(start.charging_state)?,
            sequence: start.sequence,
        }),
        Kind::SessionUpdated(update) => EventKind::SessionUpdated {
            transaction: update.transaction,
            charging_state: charging_state(update.charging_state)?,
            token: update.token.map(token),
            sequence: update.sequence,
        },
        Kind::MeterSampled(sampled) => EventKind::MeterSampled {
            transaction: sampled.transaction,
            samples: sampled.samples.into_iter().map(sample).collect::<Result<_, _>>()?,
        },
        Kind::SessionEnded(end) => EventKind::SessionEnded(SessionEnd {
            transaction: end.transaction,
            token: end.token.map(token),
            meter_stop_wh: end.meter_stop_wh,
            reason: end.reason,
            sequence: end.sequence,
        }),
        Kind::SessionRecorded(record) => EventKind::SessionRecorded(Box::new(session_record(record)?)),
        Kind::FaultReported(fault) => EventKind::FaultReported(Fault {
            code: fault.code,
            text: fault.text,
            cleared: fault.cleared,
            severity: match v1::Severity::try_from(fault.severity) {
                Ok(v1::Severity::Info) => Severity::Info,
                Ok(v1::Severity::Warning) => Severity::Warning,
                Ok(v1::Severity::Critical) => Severity::Critical,
                Ok(v1::Severity::Unspecified) | Err(_) => return unknown("severity", fault.severity),
            },
        }),
        Kind::FirmwareStatus(firmware) => EventKind::FirmwareStatus { status: firmware.status },
        Kind::SecurityEvent(security) => {
            EventKind::SecurityEvent { name: security.name, info: security.info }
        }
        Kind::Connected(connected) => EventKind::Connected {
            gateway: connected.gateway,
            epoch: uuid("connected.epoch", &connected.epoch)?,
            remote: connected.remote,
        },
        Kind::Disconnected(disconnected) => EventKind::Disconnected {
            gateway: disconnected.gateway,
            epoch: uuid("disconnected.epoch", &disconnected.epoch)?,
            reason: disconnected.reason,
        },
        Kind::SettingChanged(changed) => EventKind::SettingChanged(Box::new(
            serde_json::from_str(&changed.change).map_err(|error| EventError::Setting(error.to_string()))?,
        )),
        Kind::DataTransferred(data) => {
            EventKind::DataTransferred { vendor_id: data.vendor_id, message: data.message, data: data.data }
        }
        Kind::Undecodable(undecodable) => EventKind::Undecodable {
            reason: value("reason", &RejectReason::ALL, undecodable.reason)?,
            detail: undecodable.detail,
            origin: undecodable.origin,
        },
        Kind::CommandIssued(issue) => EventKind::CommandIssued(Box::new(CommandIssue {
            command: uuid("command_issued.command", &issue.command)?,
            name: issue.name,
            request: issue.request,
            digest: issue.digest,
            author: issue.author,
            expires_at: Timestamp(issue.expires_at_us),
        })),
        Kind::CommandSent(sent) => EventKind::CommandSent {
            command: uuid("command_sent.command", &sent.command)?,
            message: sent.message,
            list: sent.list.map(|list| {
                Box::new(ListSent {
                    version: list.version,
                    full: list.full,
                    mark: Mark { changes: list.changes, at: Timestamp(list.at_us) },
                    through: list.through,
                })
            }),
        },
        Kind::CommandAnswered(answer) => EventKind::CommandAnswered(Box::new(CommandAnswer {
            command: uuid("command_answered.command", &answer.command)?,
            result: value("command result", &CommandResult::ALL, answer.result)?,
            status: answer.status,
            detail: answer.detail,
        })),
        Kind::CommandEnded(ended) => EventKind::CommandEnded {
            command: uuid("command_ended.command", &ended.command)?,
            end: value("command end", &CommandEnd::ALL, ended.end)?,
            detail: ended.detail,
        },
        Kind::KeyChanged(changed) => decode_key_changed(changed)?,
        Kind::Quarantined(quarantined) => decode_quarantined(quarantined)?,
        Kind::Tick(v1::Tick {}) => EventKind::Tick,
        Kind::SessionEndInferred(inferred) => EventKind::SessionEndInferred {
            session_id: SessionId(uuid("session_end_inferred.session_id", &inferred.session_id)?),
        },
    })
}

fn session_record(record: v1::SessionRecorded) -> Result<SessionRecord, EventError> {
    let cost = match record.cost {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| EventError::Cost(text))?),
    };
    Ok(SessionRecord {
        token: record.token.map(token),
        started_at: Timestamp(record.started_at_us),
        ended_at: Timestamp(record.ended_at_us),
        energy_wh: record.energy_wh,
        charging_s: record.charging_s,
        max_power_w: record.max_power_w,
        mean_power_w: record.mean_power_w,
        cost,
        currency: record.currency,
        site: record.site,
        vehicle_model: record.vehicle_model,
        battery_wh: record.battery_wh,
        soc_start_ratio: record.soc_start_ratio,
        soc_end_ratio: record.soc_end_ratio,
        temperature_c: record.temperature_c,
        distance_m: record.distance_m,
        vehicle_age_years: record.vehicle_age_years,
        charger_type: record.charger_type,
        user_type: record.user_type,
        stop_reason: record.stop_reason,
    })
}

fn sample(sample: v1::Sample) -> Result<Sample, EventError> {
    Ok(Sample {
        station_ts: sample.station_ts_us.map(Timestamp),
        deviations: Deviations(sample.deviations),
        readings: sample.readings.into_iter().map(reading).collect::<Result<_, _>>()?,
    })
}

fn reading(reading: v1::Reading) -> Result<Reading, EventError> {
    let measurand = match reading.measurand_other {
        Some(word) => Measurand::Other(word),
        None => value("measurand", Measurand::ALL, reading.measurand)?,
    };
    let unit = match reading.unit {
        Some(unit) => unit,
        None => measurand.base_unit().ok_or(EventError::Missing("reading.unit"))?.to_owned(),
    };
    Ok(Reading {
        measurand,
        context: match reading.context_other {
            Some(word) => Context::Other(word),
            None => value("context", Context::ALL, reading.context)?,
        },
        location: match reading.location_other {
            Some(word) => Location::Other(word),
            None => value("location", Location::ALL, reading.location)?,
        },
        phase: reading.phase,
        value: reading.value,
        text: reading.text,
        unit,
    })
}

fn token(token: v1::Token) -> Token {
    Token { hash: token.hash, sealed: token.sealed }
}

fn charging_state(state: i32) -> Result<Option<ChargingState>, EventError> {
    Ok(match v1::ChargingState::try_from(state) {
        Ok(v1::ChargingState::Unspecified) => None,
        Ok(v1::ChargingState::Charging) => Some(ChargingState::Charging),
        Ok(v1::ChargingState::EvConnected) => Some(ChargingState::EvConnected),
        Ok(v1::ChargingState::SuspendedEv) => Some(ChargingState::SuspendedEv),
        Ok(v1::ChargingState::SuspendedEvse) => Some(ChargingState::SuspendedEvse),
        Ok(v1::ChargingState::Idle) => Some(ChargingState::Idle),
        Err(_) => return unknown("charging state", state),
    })
}

fn uuid(field: &'static str, bytes: &[u8]) -> Result<Uuid, EventError> {
    Uuid::from_slice(bytes).map_err(|_| EventError::Uuid { field, length: bytes.len() })
}

/// The value with this number: the place among `all`, from 1.
fn value<T: Clone>(field: &'static str, all: &[T], number: i32) -> Result<T, EventError> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    match at.and_then(|at| all.get(at)) {
        Some(value) => Ok(value.clone()),
        None => unknown(field, number),
    }
}

fn unknown<T>(field: &'static str, value: i32) -> Result<T, EventError> {
    Err(EventError::UnknownValue { field, value })
}
