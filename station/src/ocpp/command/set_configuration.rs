//! Change a station's configuration.

use rust_ocpp::v1_6::messages::change_configuration::ChangeConfigurationRequest;
use rust_ocpp::v2_0_1::datatypes::set_variable_data_type::SetVariableDataType;
use rust_ocpp::v2_0_1::messages::set_variables::SetVariablesRequest;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message, key_name};

pub(super) const KIND: Kind = Kind {
    name: "set_configuration",
    v16: Some("ChangeConfiguration"),
    v2: Some("SetVariables"),
    parameters: "`key` (2.x: `Component.Variable`), `value`: a text",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    key: String,
    value: String,
}

pub(super) fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { key, value } = rendering.read()?;
    if rendering.is_16() {
        let key = rendering.text("key", key, 50)?;
        if value.chars().count() > 500 {
            return rendering.wrong("value has more than 500 characters");
        }
        return rendering.message("ChangeConfiguration", &ChangeConfigurationRequest { key, value });
    }
    let (component, variable) = key_name::v2(rendering, &key)?;
    let attribute_value = rendering.text("value", value, 1000)?;
    let data = SetVariableDataType { attribute_type: None, attribute_value, component, variable };
    rendering.message("SetVariables", &SetVariablesRequest { set_variable_data: vec![data] })
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn a_key_or_a_variable() {
        assert_eq!(
            rendered(V16, "set_configuration", r#"{"key":"HeartbeatInterval","value":"60"}"#),
            ("ChangeConfiguration", r#"{"key":"HeartbeatInterval","value":"60"}"#.into())
        );
        assert_eq!(
            rendered(V201, "set_configuration", r#"{"key":"OCPPCommCtrlr.HeartbeatInterval","value":"60"}"#),
            (
                "SetVariables",
                r#"{"setVariableData":[{"attributeValue":"60","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}"#
                    .into()
            )
        );
    }
}
