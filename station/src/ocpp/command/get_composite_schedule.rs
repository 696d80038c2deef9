//! Ask what limits a station is going to keep.

use rust_ocpp::v1_6::messages::get_composite_schedule as v16;
use rust_ocpp::v2_0_1::messages::get_composite_schedule as v201;
use serde::Deserialize;

use super::place::Place;
use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "get_composite_schedule",
    v16: Some("GetCompositeSchedule"),
    v2: Some("GetCompositeSchedule"),
    parameters: "`duration_s`; `unit`: W or A; `evse`, `connector` (without: the whole station)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    duration_s: i32,
    unit: Option<String>,
    evse: Option<i32>,
    connector: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { duration_s, unit, evse, connector } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        let request = v16::GetCompositeScheduleRequest {
            connector_id: place.v16(rendering)?.unwrap_or(0),
            duration: duration_s,
            charging_rate_unit: match &unit {
                None => None,
                Some(word) => Some(rendering.word("unit", word)?),
            },
        };
        return rendering.message("GetCompositeSchedule", &request);
    }
    let request = v201::GetCompositeScheduleRequest {
        duration: duration_s,
        charging_rate_unit: match &unit {
            None => None,
            Some(word) => Some(rendering.word("unit", word)?),
        },
        evse_id: place.evse(rendering)?.unwrap_or(0),
    };
    rendering.message("GetCompositeSchedule", &request)
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn for_so_long() {
        let asked = r#"{"duration_s":3600,"unit":"W","connector":1}"#;
        assert_eq!(
            rendered(V16, "get_composite_schedule", asked).1,
            r#"{"chargingRateUnit":"W","connectorId":1,"duration":3600}"#
        );
        assert_eq!(
            rendered(V201, "get_composite_schedule", asked).1,
            r#"{"chargingRateUnit":"W","duration":3600,"evseId":1}"#
        );
    }
}
