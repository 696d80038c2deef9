//! Restart a station.

use rust_ocpp::v1_6::messages::reset as v16;
use rust_ocpp::v1_6::types::ResetRequestStatus;
use rust_ocpp::v2_0_1::enumerations::reset_enum_type::ResetEnumType;
use rust_ocpp::v2_0_1::messages::reset as v201;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "reset",
    v16: Some("Reset (`soft` → Soft, `hard` → Hard)"),
    v2: Some("Reset (`soft`, `hard` → Immediate, `on_idle` → OnIdle)"),
    parameters: "`type`: `soft` (as if not given), `hard` or `on_idle`; `evse` (2.x)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    r#type: Type,
    evse: Option<i32>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Type {
    /// Sessions are ended properly.
    #[default]
    Soft,
    /// At once.
    Hard,
    /// When no session runs.
    OnIdle,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { r#type, evse } = rendering.read()?;
    if rendering.is_16() {
        if evse.is_some() {
            return rendering.wrong("evse: an ocpp1.6 station is reset as a whole");
        }
        let kind = match r#type {
            Type::Soft => ResetRequestStatus::Soft,
            Type::Hard => ResetRequestStatus::Hard,
            Type::OnIdle => return rendering.no_such(" with `type` on_idle: say soft or hard"),
        };
        return rendering.message("Reset", &v16::ResetRequest { kind });
    }
    let request_type = match r#type {
        Type::Soft | Type::Hard => ResetEnumType::Immediate,
        Type::OnIdle => ResetEnumType::OnIdle,
    };
    rendering.message("Reset", &v201::ResetRequest { request_type, evse_id: evse })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn each_version_has_its_own_kinds() {
        assert_eq!(rendered(V16, "reset", "{}").1, r#"{"type":"Soft"}"#);
        assert_eq!(rendered(V16, "reset", r#"{"type":"hard"}"#).1, r#"{"type":"Hard"}"#);
        assert_eq!(rendered(V201, "reset", r#"{"type":"hard"}"#).1, r#"{"type":"Immediate"}"#);
        assert_eq!(
            rendered(V201, "reset", r#"{"type":"on_idle","evse":1}"#).1,
            r#"{"evseId":1,"type":"OnIdle"}"#
        );
        assert!(refused(V16, "reset", r#"{"type":"on_idle"}"#).contains("does not exist in ocpp1.6"));
    }
}
