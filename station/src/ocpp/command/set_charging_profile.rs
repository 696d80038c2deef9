//! Give a station a charging profile.

use rust_ocpp::v1_6::messages::set_charging_profile as v16;
use rust_ocpp::v2_0_1::messages::set_charging_profile as v201;
use serde::Deserialize;

use super::place::Place;
use super::profile::Profile;
use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "set_charging_profile",
    v16: Some("SetChargingProfile"),
    v2: Some("SetChargingProfile"),
    parameters: "`profile`: `id`, `stack_level`, `purpose`, `kind`, `recurrency`, `transaction`, `valid_from`, \
                 `valid_to`, `start`, `duration_s`, `unit`, `min_rate`, `periods` (`start_s`, `limit`, `phases`); \
                 `evse`, `connector` (without: the whole station)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    profile: Profile,
    evse: Option<i32>,
    connector: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { profile, evse, connector } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        let request = v16::SetChargingProfileRequest {
            connector_id: place.v16(rendering)?.unwrap_or(0),
            cs_charging_profiles: profile.v16(rendering)?,
        };
        return rendering.message("SetChargingProfile", &request);
    }
    let request = v201::SetChargingProfileRequest {
        evse_id: place.evse(rendering)?.unwrap_or(0),
        charging_profile: profile.v2(rendering)?,
    };
    rendering.message("SetChargingProfile", &request)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    const ASKED: &str = r#"{"connector":1,"profile":{"id":5,"purpose":"ChargePointMaxProfile","unit":"A",
        "start":"2026-05-01T00:00:00.123456Z","periods":[{"limit":16},{"start_s":3600,"limit":8.5,"phases":1}]}}"#;

    #[test]
    fn words_and_shapes_are_the_versions_own() {
        assert_eq!(
            rendered(V16, "set_charging_profile", ASKED).1,
            r#"{"connectorId":1,"csChargingProfiles":{"chargingProfileId":5,"chargingProfileKind":"Absolute","chargingProfilePurpose":"ChargePointMaxProfile","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"limit":16,"startPeriod":0},{"limit":8.5,"numberPhases":1,"startPeriod":3600}],"startSchedule":"2026-05-01T00:00:00.123Z"},"stackLevel":0}}"#
        );
        assert_eq!(
            rendered(V201, "set_charging_profile", ASKED).1,
            r#"{"chargingProfile":{"chargingProfileKind":"Absolute","chargingProfilePurpose":"ChargingStationMaxProfile","chargingSchedule":[{"chargingRateUnit":"A","chargingSchedulePeriod":[{"limit":16,"startPeriod":0},{"limit":8.5,"numberPhases":1,"startPeriod":3600}],"id":5,"startSchedule":"2026-05-01T00:00:00.123Z"}],"id":5,"stackLevel":0},"evseId":1}"#
        );
    }

    #[test]
    fn what_a_station_would_refuse_is_refused_before() {
        for (asked, why) in [
            (ASKED.replace("\"limit\":16", "\"limit\":16.25"), "one digit"),
            (ASKED.replace("{\"limit\":16},", ""), "start_s 0"),
            (ASKED.replace("ChargePointMaxProfile", "Whatever"), "purpose: unknown variant"),
            (ASKED.replace("\"unit\":\"A\"", "\"unit\":\"V\""), "unit: unknown variant"),
        ] {
            assert!(refused(V16, "set_charging_profile", &asked).contains(why), "{why}");
        }
    }
}
