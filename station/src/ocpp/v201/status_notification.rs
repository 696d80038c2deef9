//! StatusNotification: a connector changed its status (G01, 1.60).

use crate::deviation::Deviation;
use crate::event::{ConnectorStatus, EventKind, Status};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request {
        timestamp: Raw<'a> = "timestamp",
        status: Raw<'a> = "connectorStatus",
        evse: Raw<'a> = "evseId",
        connector: Raw<'a> = "connectorId",
    }
}

/// ConnectorStatusEnumType (3.18).
const STATUSES: [&str; 5] = ["Available", "Faulted", "Occupied", "Reserved", "Unavailable"];

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if request.evse.is_none() || request.connector.is_none() {
        message.missing();
    }
    let odd = &mut message.odd;
    let evse = request.evse.small("evseId", odd)?;
    let connector = request.connector.small("connectorId", odd)?;
    let word = request.status.text(odd).ok_or_else(|| DecodeError::missing("connectorStatus"))?;
    let (status, info) = match ConnectorStatus::from_word(&word) {
        Some(status) => {
            // Words of 1.6 are understood, but not 2.x's.
            if !STATUSES.contains(&&*word) {
                odd.add(Deviation::VendorWord);
            }
            (status, None)
        }
        None => {
            odd.add(Deviation::VendorWord);
            (ConnectorStatus::Unknown, Some(word.into_owned()))
        }
    };
    let station_ts = request.timestamp.required_time(odd);
    let payload = message.payload_for_log("");
    let event = message.emit(EventKind::StatusChanged(Status {
        status,
        error_code: None,
        vendor_error_code: None,
        vendor_id: None,
        info,
    }));
    event.evse = evse;
    event.connector = connector;
    event.station_ts = station_ts;
    event.payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::{ConnectorStatus, EventKind};
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{flags, one, refused};

    #[test]
    fn evse_and_connector_are_kept_apart() {
        for (payload, evse, connector, status, odd) in [
            (
                r#"{"timestamp":"2023-11-14T22:13:20Z","connectorStatus":"Occupied","evseId":2,"connectorId":1}"#,
                Some(2),
                Some(1),
                ConnectorStatus::Occupied,
                "",
            ),
            (
                r#"{"timestamp":"2023-11-14T22:13:20Z","connectorStatus":"Charging","evseId":"2","connectorId":1}"#,
                Some(2),
                Some(1),
                ConnectorStatus::Charging,
                "type_mismatch,vendor_word",
            ),
            (
                r#"{"connectorStatus":"Dreaming","evseId":1}"#,
                Some(1),
                None,
                ConnectorStatus::Unknown,
                "timestamp_missing,vendor_word,field_missing",
            ),
        ] {
            let event = one(V201, "StatusNotification", payload);
            let EventKind::StatusChanged(found) = &event.kind else { panic!("{event:?}") };
            assert_eq!((event.evse, event.connector, found.status), (evse, connector, status), "{payload}");
            assert_eq!(flags(event.deviations), odd, "{payload}");
        }
        assert_eq!(
            refused(V201, "StatusNotification", r#"{"evseId":1,"connectorId":1}"#),
            ("OccurrenceConstraintViolation", "connectorStatus: required, but missing".to_owned())
        );
    }
}
