//! Take charging profiles away.

use rust_ocpp::v1_6::messages::clear_charging_profile as v16;
use rust_ocpp::v2_0_1::datatypes::clear_charging_profile_type::ClearChargingProfileType;
use rust_ocpp::v2_0_1::messages::clear_charging_profile as v201;
use serde::Deserialize;

use super::place::Place;
use super::profile::purpose_of;
use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "clear_charging_profile",
    v16: Some("ClearChargingProfile"),
    v2: Some("ClearChargingProfile"),
    parameters: "`id`, or `purpose`, `stack_level`, `evse`, `connector`; without any: all",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    id: Option<i32>,
    purpose: Option<String>,
    stack_level: Option<i32>,
    evse: Option<i32>,
    connector: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { id, purpose, stack_level, evse, connector } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        let charging_profile_purpose = match &purpose {
            None => None,
            Some(word) => Some(purpose_of(rendering, word)?),
        };
        let connector_id = place.v16(rendering)?;
        return rendering.message(
            "ClearChargingProfile",
            &v16::ClearChargingProfileRequest { id, connector_id, charging_profile_purpose, stack_level },
        );
    }
    let evse_id = place.evse(rendering)?;
    let charging_profile_purpose = match &purpose {
        None => None,
        Some(word) => Some(purpose_of(rendering, word)?),
    };
    let criteria = ClearChargingProfileType { evse_id, charging_profile_purpose, stack_level };
    let charging_profile_criteria = (criteria != ClearChargingProfileType::default()).then_some(criteria);
    rendering.message(
        "ClearChargingProfile",
        &v201::ClearChargingProfileRequest { charging_profile_id: id, charging_profile_criteria },
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn one_some_or_all() {
        for version in [V16, V201] {
            assert_eq!(rendered(version, "clear_charging_profile", "{}").1, "{}");
        }
        assert_eq!(rendered(V16, "clear_charging_profile", r#"{"id":5}"#).1, r#"{"id":5}"#);
        assert_eq!(rendered(V201, "clear_charging_profile", r#"{"id":5}"#).1, r#"{"chargingProfileId":5}"#);
        let some = r#"{"purpose":"TxProfile","stack_level":1,"connector":2}"#;
        assert_eq!(
            rendered(V16, "clear_charging_profile", some).1,
            r#"{"chargingProfilePurpose":"TxProfile","connectorId":2,"stackLevel":1}"#
        );
        assert_eq!(
            rendered(V201, "clear_charging_profile", some).1,
            r#"{"chargingProfileCriteria":{"chargingProfilePurpose":"TxProfile","evseId":2,"stackLevel":1}}"#
        );
    }
}
