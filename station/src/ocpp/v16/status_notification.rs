//! StatusNotification: a connector, or the station, changed its status (4.9, 6.47).

use crate::deviation::Deviation;
use crate::event::{ConnectorStatus, EventKind, Status};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request {
        connector: Raw<'a> = "connectorId",
        status: Raw<'a> = "status",
        error_code: Raw<'a> = "errorCode",
        info: Raw<'a> = "info",
        timestamp: Raw<'a> = "timestamp",
        vendor_id: Raw<'a> = "vendorId",
        vendor_error_code: Raw<'a> = "vendorErrorCode",
    }
}

/// 7.7.
const STATUSES: [&str; 9] = [
    "Available",
    "Charging",
    "Faulted",
    "Finishing",
    "Preparing",
    "Reserved",
    "SuspendedEV",
    "SuspendedEVSE",
    "Unavailable",
];

/// 7.6.
const ERROR_CODES: [&str; 16] = [
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "NoError",
    "OtherError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "WeakSignal",
];

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if request.connector.is_none() || request.error_code.is_none() {
        message.missing();
    }
    let odd = &mut message.odd;
    let connector = request.connector.small("connectorId", odd)?.unwrap_or(0);
    let word = request.status.text(odd).ok_or_else(|| DecodeError::missing("status"))?;
    let mut info = request.info.limited(50, odd);
    if !STATUSES.contains(&&*word) {
        odd.add(Deviation::VendorWord);
    }
    let status = ConnectorStatus::from_word(&word).unwrap_or_else(|| {
        // The word must not be lost; the columns have no place of their own for it.
        info = Some(info.take().map_or_else(|| word.to_string(), |info| format!("{word}: {info}")));
        ConnectorStatus::Unknown
    });
    let error_code = request.error_code.text(odd);
    if error_code.as_deref().is_some_and(|code| !ERROR_CODES.contains(&code)) {
        odd.add(Deviation::VendorWord);
    }
    let status = Status {
        status,
        error_code: error_code.filter(|code| code != "NoError").map(Into::into),
        vendor_error_code: request.vendor_error_code.limited(50, odd),
        vendor_id: request.vendor_id.limited(255, odd),
        info,
    };
    let station_ts = request.timestamp.time(odd);
    let payload = message.payload_for_log("");
    let event = message.emit(EventKind::StatusChanged(status));
    event.connector = Some(connector);
    event.station_ts = station_ts;
    event.payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::{ConnectorStatus, EventKind, Status};
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, flags, one, refused};

    #[test]
    fn states_errors_and_vendors_words() {
        let status = |status, error_code: Option<&str>, info: Option<&str>| Status {
            status,
            error_code: error_code.map(str::to_owned),
            vendor_error_code: None,
            vendor_id: None,
            info: info.map(str::to_owned),
        };
        for (payload, connector, expected, odd) in [
            (
                r#"{"connectorId":1,"errorCode":"NoError","status":"SuspendedEV","timestamp":"2023-11-14T22:13:20Z"}"#,
                1,
                status(ConnectorStatus::SuspendedEv, None, None),
                "",
            ),
            (
                r#"{"connectorId":"1","errorCode":"GroundFailure","status":"Faulted","info":"relay"}"#,
                1,
                status(ConnectorStatus::Faulted, Some("GroundFailure"), Some("relay")),
                "type_mismatch",
            ),
            (
                r#"{"errorCode":"E42","status":"Occupied"}"#,
                0,
                status(ConnectorStatus::Occupied, Some("E42"), None),
                "vendor_word,field_missing",
            ),
            (
                r#"{"connectorId":1,"errorCode":"NoError","status":"Sleeping","info":"zzz"}"#,
                1,
                status(ConnectorStatus::Unknown, None, Some("Sleeping: zzz")),
                "vendor_word",
            ),
            (
                r#"{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"bad"}"#,
                1,
                status(ConnectorStatus::Available, None, None),
                "timestamp_missing",
            ),
        ] {
            let event = one(V16, "StatusNotification", payload);
            assert_eq!(event.kind, EventKind::StatusChanged(expected), "{payload}");
            assert_eq!((event.evse, event.connector), (None, Some(connector)), "{payload}");
            assert_eq!(flags(event.deviations), odd, "{payload}");
        }
        assert_eq!(
            refused(V16, "StatusNotification", r#"{"connectorId":1,"errorCode":"NoError"}"#),
            ("OccurenceConstraintViolation", "status: required, but missing".to_owned())
        );
        assert_eq!(answered(V16, "StatusNotification", &[]), "{}");
    }
}
