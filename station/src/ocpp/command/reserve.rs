//! Keep a connector for somebody.

use rust_ocpp::v1_6::messages::reserve_now as v16;
use rust_ocpp::v2_0_1::messages::reserve_now as v201;
use serde::Deserialize;

use super::place::{Place, unsigned};
use super::request::{Rendering, time};
use super::{CommandError, Kind, Message, token};
use crate::time::Timestamp;

pub(super) const KIND: Kind = Kind {
    name: "reserve",
    v16: Some("ReserveNow"),
    v2: Some("ReserveNow"),
    parameters: "`reservation`: its number, `token`, `until`; `group`, `token_type` (2.x), `evse`, `connector`",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    reservation: i32,
    token: String,
    token_type: Option<String>,
    group: Option<String>,
    until: Timestamp,
    evse: Option<i32>,
    connector: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { reservation, token, token_type, group, until, evse, connector } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        let request = v16::ReserveNowRequest {
            connector_id: place.v16(rendering)?.map_or(0, unsigned),
            expiry_date: time(until),
            id_tag: token::v16(rendering, "token", token)?,
            parent_id_tag: group.map(|group| token::v16(rendering, "group", group)).transpose()?,
            reservation_id: reservation,
        };
        return rendering.message("ReserveNow", &request);
    }
    let kind = token_type.as_deref();
    let request = v201::ReserveNowRequest {
        id: reservation,
        expiry_date_time: time(until),
        connector_type: None,
        evse_id: place.evse(rendering)?,
        id_token: token::v2(rendering, "token", token, kind)?,
        group_id_token: group.map(|group| token::v2(rendering, "group", group, kind)).transpose()?,
    };
    rendering.message("ReserveNow", &request)
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn for_a_card_or_its_group() {
        let asked =
            r#"{"reservation":3,"token":"A","group":"G","until":"2026-05-01T10:00:00Z","connector":1}"#;
        assert_eq!(
            rendered(V16, "reserve", asked),
            (
                "ReserveNow",
                r#"{"connectorId":1,"expiryDate":"2026-05-01T10:00:00Z","idTag":"A","parentIdTag":"G","reservationId":3}"#
                    .into()
            )
        );
        assert_eq!(
            rendered(V201, "reserve", asked).1,
            r#"{"evseId":1,"expiryDateTime":"2026-05-01T10:00:00.000Z","groupIdToken":{"idToken":"G","type":"ISO14443"},"id":3,"idToken":{"idToken":"A","type":"ISO14443"}}"#
        );
    }
}
