//! Have a station send a message.

use rust_ocpp::v1_6::messages::trigger_message as v16;
use rust_ocpp::v2_0_1::datatypes::evse_type::EVSEType;
use rust_ocpp::v2_0_1::messages::trigger_message as v201;
use serde::Deserialize;
use serde_json::json;

use super::place::{Place, unsigned};
use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "trigger_message",
    v16: Some(
        "TriggerMessage; ExtendedTriggerMessage for LogStatusNotification and SignChargePointCertificate",
    ),
    v2: Some("TriggerMessage"),
    parameters: "`message`: its OCPP name; `evse`, `connector`",
    render,
};

/// What only the security extension of OCPP 1.6 can trigger.
const EXTENDED: [&str; 2] = ["LogStatusNotification", "SignChargePointCertificate"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    message: String,
    evse: Option<i32>,
    connector: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { message, evse, connector } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        let connector_id = place.v16(rendering)?.filter(|connector| *connector > 0).map(unsigned);
        if EXTENDED.contains(&message.as_str()) {
            let mut payload = json!({ "requestedMessage": message });
            if let Some(connector) = connector_id {
                payload["connectorId"] = connector.into();
            }
            return rendering.message("ExtendedTriggerMessage", &payload);
        }
        let requested_message = rendering.word("message", &message)?;
        return rendering
            .message("TriggerMessage", &v16::TriggerMessageRequest { requested_message, connector_id });
    }
    let evse = place.evse(rendering)?.filter(|evse| *evse > 0);
    let evse = evse.map(|id| EVSEType { id, connector_id: place.within_evse() });
    let requested_message = rendering.word("message", &message)?;
    rendering.message("TriggerMessage", &v201::TriggerMessageRequest { requested_message, evse })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn only_what_the_version_can_trigger() {
        let status = r#"{"message":"StatusNotification","connector":1}"#;
        assert_eq!(
            rendered(V16, "trigger_message", status).1,
            r#"{"connectorId":1,"requestedMessage":"StatusNotification"}"#
        );
        assert_eq!(
            rendered(V201, "trigger_message", status).1,
            r#"{"evse":{"id":1},"requestedMessage":"StatusNotification"}"#
        );
        assert_eq!(
            rendered(V16, "trigger_message", r#"{"message":"LogStatusNotification"}"#),
            ("ExtendedTriggerMessage", r#"{"requestedMessage":"LogStatusNotification"}"#.into())
        );
        let odd = r#"{"message":"TransactionEvent"}"#;
        assert!(refused(V16, "trigger_message", odd).contains("message: unknown variant"));
    }
}
