//! Let go of a cable.

use rust_ocpp::v1_6::messages::unlock_connector as v16;
use rust_ocpp::v2_0_1::messages::unlock_connector as v201;
use serde::Deserialize;

use super::place::{Place, unsigned};
use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "unlock_connector",
    v16: Some("UnlockConnector"),
    v2: Some("UnlockConnector"),
    parameters: "`connector`, `evse` (2.x; alone: its connector 1)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    evse: Option<i32>,
    connector: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { evse, connector } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        return match place.v16(rendering)? {
            Some(connector) if connector > 0 => rendering.message(
                "UnlockConnector",
                &v16::UnlockConnectorRequest { connector_id: unsigned(connector) },
            ),
            _ => rendering.wrong("connector: say which, from 1"),
        };
    }
    match place.evse(rendering)? {
        Some(evse_id) if evse_id > 0 => rendering.message(
            "UnlockConnector",
            &v201::UnlockConnectorRequest { evse_id, connector_id: place.within_evse().unwrap_or(1) },
        ),
        _ => rendering.wrong("evse: say which, from 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn one_connector_and_no_other() {
        assert_eq!(rendered(V16, "unlock_connector", r#"{"connector":2}"#).1, r#"{"connectorId":2}"#);
        assert_eq!(
            rendered(V201, "unlock_connector", r#"{"connector":2}"#).1,
            r#"{"connectorId":1,"evseId":2}"#
        );
        assert!(refused(V16, "unlock_connector", "{}").contains("say which"));
        assert!(refused(V201, "unlock_connector", r#"{"evse":0}"#).contains("say which"));
    }
}
