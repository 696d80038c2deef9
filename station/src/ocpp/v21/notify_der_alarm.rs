//! NotifyDERAlarm: the grid did something that a control of distributed energy resources answers to (R05).

use crate::event::{EventKind, Fault, Severity};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request {
        control: Raw<'a> = "controlType",
        fault: Raw<'a> = "gridEventFault",
        ended: Raw<'a> = "alarmEnded",
        timestamp: Raw<'a> = "timestamp",
        info: Raw<'a> = "extraInfo",
    }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.control]);
    let odd = &mut message.odd;
    let control = request.control.limited(50, odd).unwrap_or_else(|| "unknown".to_owned());
    let words = [request.fault.limited(50, odd), request.info.limited(200, odd)];
    let text: Vec<String> = words.into_iter().flatten().collect();
    let cleared = request.ended.boolean(odd).unwrap_or(false);
    let station_ts = request.timestamp.required_time(odd);
    let payload = message.payload_for_log("");
    let event = message.emit(EventKind::FaultReported(Fault {
        code: format!("DER/{control}"),
        text: (!text.is_empty()).then(|| text.join(", ")),
        cleared,
        severity: Severity::Warning,
    }));
    event.station_ts = station_ts;
    event.payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::{EventKind, Fault, Severity};
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered, flags, one};

    #[test]
    fn alarms_of_the_grid_are_faults_until_they_end() {
        for (payload, text, cleared, odd) in [
            (
                r#"{"controlType":"HVMustTrip","gridEventFault":"OverVoltage","timestamp":"2023-11-14T22:13:20Z",
                    "extraInfo":"L1"}"#,
                Some("OverVoltage, L1"),
                false,
                "",
            ),
            (
                r#"{"controlType":"HVMustTrip","alarmEnded":true,"timestamp":"2023-11-14T22:13:20Z"}"#,
                None,
                true,
                "",
            ),
            (
                r#"{"controlType":"HVMustTrip","volts":1}"#,
                None,
                false,
                "timestamp_missing,field_missing,field_unknown",
            ),
        ] {
            let event = one(V21, "NotifyDERAlarm", payload);
            let code = "DER/HVMustTrip".to_owned();
            let expected =
                Fault { code, text: text.map(str::to_owned), cleared, severity: Severity::Warning };
            assert_eq!(event.kind, EventKind::FaultReported(expected), "{payload}");
            assert_eq!(flags(event.deviations), odd, "{payload}");
            assert!(event.payload.is_some());
        }
        assert_eq!(flags(one(V21, "NotifyDERAlarm", "{}").deviations), "timestamp_missing,field_missing");
        assert_eq!(answered(V21, "NotifyDERAlarm", &[]), "{}");
    }
}
