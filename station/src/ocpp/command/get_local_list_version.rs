//! Ask which list of tokens a station has.

use rust_ocpp::v1_6::messages::get_local_list_version as v16;
use rust_ocpp::v2_0_1::messages::get_local_list_version as v201;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "get_local_list_version",
    v16: Some("GetLocalListVersion"),
    v2: Some("GetLocalListVersion"),
    parameters: "none",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters {} = rendering.read()?;
    if rendering.is_16() {
        return rendering.message("GetLocalListVersion", &v16::GetLocalListVersionRequest::default());
    }
    rendering.message("GetLocalListVersion", &v201::GetLocalListVersionRequest::default())
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn there_is_nothing_to_say() {
        for version in [V16, V201] {
            let message = rendered(version, "get_local_list_version", "{}");
            assert_eq!(message, ("GetLocalListVersion", "{}".into()));
        }
    }
}
