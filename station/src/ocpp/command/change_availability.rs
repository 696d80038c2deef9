//! Take a connector, or the whole station, in or out of service.

use rust_ocpp::v1_6::messages::change_availability as v16;
use rust_ocpp::v1_6::types::AvailabilityType;
use rust_ocpp::v2_0_1::datatypes::evse_type::EVSEType;
use rust_ocpp::v2_0_1::enumerations::operational_status_enum_type::OperationalStatusEnumType;
use rust_ocpp::v2_0_1::messages::change_availability as v201;
use serde::Deserialize;

use super::place::{Place, unsigned};
use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "change_availability",
    v16: Some("ChangeAvailability"),
    v2: Some("ChangeAvailability"),
    parameters: "`operative`: true or false; `evse`, `connector` (without: the whole station)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    operative: bool,
    evse: Option<i32>,
    connector: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { operative, evse, connector } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        let kind = if operative { AvailabilityType::Operative } else { AvailabilityType::Inoperative };
        let connector_id = place.v16(rendering)?.map_or(0, unsigned);
        return rendering
            .message("ChangeAvailability", &v16::ChangeAvailabilityRequest { connector_id, kind });
    }
    let operational_status =
        if operative { OperationalStatusEnumType::Operative } else { OperationalStatusEnumType::Inoperative };
    let evse = place.evse(rendering)?.filter(|evse| *evse > 0);
    let evse = evse.map(|id| EVSEType { id, connector_id: place.within_evse() });
    rendering.message("ChangeAvailability", &v201::ChangeAvailabilityRequest { operational_status, evse })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn a_connector_an_evse_or_all() {
        let all = r#"{"operative":false}"#;
        assert_eq!(rendered(V16, "change_availability", all).1, r#"{"connectorId":0,"type":"Inoperative"}"#);
        assert_eq!(rendered(V201, "change_availability", all).1, r#"{"operationalStatus":"Inoperative"}"#);
        let one = r#"{"operative":true,"evse":2,"connector":1}"#;
        assert_eq!(
            rendered(V201, "change_availability", one).1,
            r#"{"evse":{"connectorId":1,"id":2},"operationalStatus":"Operative"}"#
        );
        assert!(refused(V16, "change_availability", one).contains("say `connector` alone"));
        let negative = r#"{"operative":true,"connector":-1}"#;
        assert!(refused(V16, "change_availability", negative).contains("numbered from 0"));
    }
}
