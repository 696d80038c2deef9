//! Start a session from afar.

use rust_ocpp::v1_6::messages::remote_start_transaction::RemoteStartTransactionRequest;
use rust_ocpp::v2_0_1::messages::request_start_transaction::RequestStartTransactionRequest;
use serde::Deserialize;

use super::place::{Place, unsigned};
use super::profile::Profile;
use super::request::Rendering;
use super::{CommandError, Kind, Message, token};

pub(super) const KIND: Kind = Kind {
    name: "remote_start",
    v16: Some("RemoteStartTransaction"),
    v2: Some("RequestStartTransaction"),
    parameters: "`token`; `evse`, `connector`, `token_type` (2.x), `profile`",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    token: String,
    token_type: Option<String>,
    evse: Option<i32>,
    connector: Option<i32>,
    profile: Option<Profile>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { token, token_type, evse, connector, profile } = rendering.read()?;
    let place = Place { evse, connector };
    if rendering.is_16() {
        return rendering.message(
            "RemoteStartTransaction",
            &RemoteStartTransactionRequest {
                connector_id: place.v16(rendering)?.map(unsigned),
                id_tag: token::v16(rendering, "token", token)?,
                charging_profile: profile.map(|profile| profile.v16(rendering)).transpose()?,
            },
        );
    }
    rendering.message(
        "RequestStartTransaction",
        &RequestStartTransactionRequest {
            evse_id: place.evse(rendering)?,
            remote_start_id: rendering.number,
            id_token: token::v2(rendering, "token", token, token_type.as_deref())?,
            charging_profile: profile.map(|profile| profile.v2(rendering)).transpose()?,
            group_id_token: None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn a_card_and_a_place_are_enough() {
        let asked = r#"{"token":"04A1B2","connector":2}"#;
        assert_eq!(
            rendered(V16, "remote_start", asked),
            ("RemoteStartTransaction", r#"{"connectorId":2,"idTag":"04A1B2"}"#.into())
        );
        assert_eq!(
            rendered(V201, "remote_start", asked),
            (
                "RequestStartTransaction",
                r#"{"evseId":2,"idToken":{"idToken":"04A1B2","type":"ISO14443"},"remoteStartId":7}"#.into()
            )
        );
        assert!(refused(V16, "remote_start", "{}").contains("token"));
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(21));
        assert!(refused(V16, "remote_start", &long).contains("21 characters; ocpp1.6 allows 20"));
        let odd = r#"{"token":"A","token_type":"Paper"}"#;
        assert!(refused(V201, "remote_start", odd).contains("token_type: unknown variant"));
    }
}
