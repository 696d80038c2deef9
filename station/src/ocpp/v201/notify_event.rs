//! NotifyEvent: monitors and faults of the device model (N07, 1.41).

use crate::deviation::Deviation;
use crate::event::{ConnectorStatus, EventKind, Fault, Severity, Status};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Many, Object, Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { generated_at: Raw<'a> = "generatedAt", events: Many<EventData<'a>> = "eventData" }
    known ["tbc", "seqNo"]
}

define! {
    EventData {
        timestamp: Raw<'a> = "timestamp",
        trigger: Raw<'a> = "trigger",
        actual: Raw<'a> = "actualValue",
        tech_code: Raw<'a> = "techCode",
        tech_info: Raw<'a> = "techInfo",
        cleared: Raw<'a> = "cleared",
        component: Raw<'a> = "component",
        variable: Raw<'a> = "variable",
        severity: Raw<'a> = "severity",
    }
    known ["eventId", "cause", "transactionId", "variableMonitoringId", "eventNotificationType"]
}

define! {
    /// ComponentType and VariableType: a name, maybe with an instance.
    Named { name: Raw<'a> = "name", instance: Raw<'a> = "instance", evse: Raw<'a> = "evse" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if !request.events.present {
        return Err(DecodeError::missing("eventData"));
    }
    if request.generated_at.is_none() {
        message.missing();
    }
    if request.events.bare {
        message.odd.add(Deviation::TypeMismatch);
    }
    let of_message = message.odd;
    let payload = message.payload_for_log("");
    for (index, data) in request.events.items.iter().enumerate() {
        // What is odd about one of the events is no flag on the others.
        message.odd = of_message;
        event(message, data, index)?;
    }
    // The whole message stands once in the log, on its first event.
    if let Some(first) = message.first() {
        first.payload = payload;
    }
    Ok(())
}

fn event(message: &mut Message<'_>, data: &EventData<'_>, index: usize) -> Result<(), DecodeError> {
    let component: Named<'_> = data.component.object(&format!("eventData[{index}].component"))?;
    let variable: Named<'_> = data.variable.object(&format!("eventData[{index}].variable"))?;
    let evse: super::Evse<'_> = component.evse.object(&format!("eventData[{index}].component.evse"))?;
    data.flag_unknown(&mut message.odd);
    if component.name.is_none() || variable.name.is_none() {
        message.missing();
    }
    let odd = &mut message.odd;
    let evse_id = evse.id.small("evse.id", odd)?;
    let connector = evse.connector.small("evse.connectorId", odd)?;
    let station_ts = data.timestamp.required_time(odd);
    let variable_name = named(&variable, odd);
    let actual = data.actual.text(odd);
    let trigger = data.trigger.text(odd);
    let cleared = data.cleared.boolean(odd).unwrap_or(false);

    let kind = match actual.as_deref().and_then(ConnectorStatus::from_word) {
        Some(status) if variable_name == "AvailabilityState" => EventKind::StatusChanged(Status {
            status,
            error_code: data.tech_code.limited(50, odd),
            vendor_error_code: None,
            vendor_id: None,
            info: data.tech_info.limited(500, odd),
        }),
        _ => {
            let is_problem = matches!(variable_name.as_str(), "Problem" | "Fault" | "Tripped")
                && actual.as_deref() == Some("true");
            let severity = match data.severity.integer("severity", odd)? {
                // OCPP 2.1: 0 danger … 4 error, 5 alert, 6 warning, 7 notice … 9 debug.
                Some(..=4) => Severity::Critical,
                Some(5 | 6) => Severity::Warning,
                Some(_) => Severity::Info,
                None if is_problem => Severity::Critical,
                None if trigger.as_deref() == Some("Alerting") => Severity::Warning,
                None => Severity::Info,
            };
            let text: Vec<String> = [
                actual.map(|value| format!("value {value}")),
                data.tech_code.limited(50, odd),
                data.tech_info.limited(500, odd),
            ]
            .into_iter()
            .flatten()
            .collect();
            EventKind::FaultReported(Fault {
                code: format!("{}/{variable_name}", named(&component, odd)),
                text: (!text.is_empty()).then(|| text.join(", ")),
                cleared,
                severity,
            })
        }
    };
    let event = message.emit(kind);
    event.evse = evse_id;
    event.connector = connector;
    event.station_ts = station_ts;
    Ok(())
}

fn named(of: &Named<'_>, odd: &mut crate::deviation::Deviations) -> String {
    let name = of.name.text(odd).unwrap_or_default();
    match of.instance.text(odd) {
        Some(instance) => format!("{name}[{instance}]"),
        None => name.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{ConnectorStatus, EventKind, Fault, Severity};
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{decoded, flags, one, refused};

    fn notify(data: &str) -> String {
        format!(r#"{{"generatedAt":"2023-11-14T22:13:20Z","seqNo":0,"eventData":[{data}]}}"#)
    }

    #[test]
    fn faults_and_monitors() {
        for (version, data, code, text, cleared, severity) in [
            (
                V201,
                r#"{"eventId":1,"timestamp":"2023-11-14T22:13:20Z","trigger":"Alerting","actualValue":"95",
                    "eventNotificationType":"HardWiredMonitor","techCode":"E7","techInfo":"too hot",
                    "component":{"name":"Connector","evse":{"id":1,"connectorId":1}},"variable":{"name":"Temperature"}}"#,
                "Connector/Temperature",
                Some("value 95, E7, too hot"),
                false,
                Severity::Warning,
            ),
            (
                V201,
                r#"{"eventId":1,"timestamp":"2023-11-14T22:13:20Z","trigger":"Delta","actualValue":"true",
                    "component":{"name":"ElectricalFeed","instance":"2"},"variable":{"name":"Problem"}}"#,
                "ElectricalFeed[2]/Problem",
                Some("value true"),
                false,
                Severity::Critical,
            ),
            (
                V21,
                r#"{"eventId":1,"timestamp":"2023-11-14T22:13:20Z","trigger":"Alerting","severity":9,"cleared":true,
                    "component":{"name":"Fan"},"variable":{"name":"Speed"}}"#,
                "Fan/Speed",
                None,
                true,
                Severity::Info,
            ),
        ] {
            let event = one(version, "NotifyEvent", &notify(data));
            let expected = Fault { code: code.to_owned(), text: text.map(str::to_owned), cleared, severity };
            assert_eq!(event.kind, EventKind::FaultReported(expected));
            assert!(event.payload.is_some() && event.station_ts.is_some());
            assert_eq!(flags(event.deviations), "");
        }
    }

    #[test]
    fn each_of_its_events_becomes_one_and_states_are_states() {
        let state = r#"{"eventId":1,"timestamp":"2023-11-14T22:13:20Z","trigger":"Delta","actualValue":"Faulted",
            "component":{"name":"Connector","evse":{"id":2,"connectorId":1}},"variable":{"name":"AvailabilityState"}}"#;
        let fault = r#"{"timestamp":"2023-11-14T22:13:20Z","component":{"name":"A"},"variable":{},"x":1}"#;
        let events = decoded(V201, "NotifyEvent", &notify(&format!("{state},{fault}")));
        assert_eq!(events.len(), 2);
        let EventKind::StatusChanged(status) = &events[0].kind else { panic!() };
        assert_eq!(status.status, ConnectorStatus::Faulted);
        assert_eq!((events[0].evse, events[0].connector), (Some(2), Some(1)));
        assert_eq!(flags(events[0].deviations), "");
        assert_eq!(flags(events[1].deviations), "field_missing,field_unknown");
        assert_eq!(events[1].payload, None, "the message stands once in the log");
        assert_ne!(events[0].digest, events[1].digest);
        assert_eq!(
            refused(V201, "NotifyEvent", "{}"),
            ("OccurrenceConstraintViolation", "eventData: required, but missing".to_owned())
        );
        assert_eq!(
            refused(V201, "NotifyEvent", &notify(r#"{"component":"A"}"#)).1.split(':').next(),
            Some("eventData[0].component")
        );
    }
}
