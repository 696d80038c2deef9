//! Have a station forget the tokens that it remembers.

use rust_ocpp::v1_6::messages::clear_cache as v16;
use rust_ocpp::v2_0_1::messages::clear_cache as v201;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind =
    Kind { name: "clear_cache", v16: Some("ClearCache"), v2: Some("ClearCache"), parameters: "none", render };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters {} = rendering.read()?;
    if rendering.is_16() {
        return rendering.message("ClearCache", &v16::ClearCacheRequest {});
    }
    rendering.message("ClearCache", &v201::ClearCacheRequest {})
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn there_is_nothing_to_say() {
        for version in [V16, V201] {
            assert_eq!(rendered(version, "clear_cache", "{}"), ("ClearCache", "{}".into()));
            assert!(refused(version, "clear_cache", r#"{"all":true}"#).contains("unknown field `all`"));
        }
    }
}
