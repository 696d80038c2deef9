//! Ask for a station's configuration.

use rust_ocpp::v1_6::messages::get_configuration::GetConfigurationRequest;
use rust_ocpp::v2_0_1::datatypes::get_variable_data_type::GetVariableDataType;
use rust_ocpp::v2_0_1::messages::get_variables::GetVariablesRequest;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message, key_name};

pub(super) const KIND: Kind = Kind {
    name: "get_configuration",
    v16: Some("GetConfiguration"),
    v2: Some("GetVariables"),
    parameters: "`keys` (1.6 without: all; 2.x: `Component.Variable`)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    keys: Vec<String>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { keys } = rendering.read()?;
    if rendering.is_16() {
        let keys: Vec<String> =
            keys.into_iter().map(|key| rendering.text("keys", key, 50)).collect::<Result<_, _>>()?;
        let key = (!keys.is_empty()).then_some(keys);
        return rendering.message("GetConfiguration", &GetConfigurationRequest { key });
    }
    if keys.is_empty() {
        return rendering.wrong("keys: say which; get_base_report asks for all");
    }
    let get_variable_data = keys
        .iter()
        .map(|key| {
            let (component, variable) = key_name::v2(rendering, key)?;
            Ok(GetVariableDataType { attribute_type: None, component, variable })
        })
        .collect::<Result<_, CommandError>>()?;
    rendering.message("GetVariables", &GetVariablesRequest { get_variable_data })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn keys_or_variables() {
        assert_eq!(rendered(V16, "get_configuration", "{}"), ("GetConfiguration", "{}".into()));
        assert_eq!(
            rendered(V16, "get_configuration", r#"{"keys":["HeartbeatInterval"]}"#).1,
            r#"{"key":["HeartbeatInterval"]}"#
        );
        assert_eq!(
            rendered(V201, "get_configuration", r#"{"keys":["A[1].B[x]"]}"#),
            (
                "GetVariables",
                r#"{"getVariableData":[{"component":{"instance":"1","name":"A"},"variable":{"instance":"x","name":"B"}}]}"#
                    .into()
            )
        );
        assert!(
            refused(V201, "get_configuration", r#"{"keys":["HeartbeatInterval"]}"#)
                .contains("write Component.Variable")
        );
        assert!(refused(V201, "get_configuration", "{}").contains("get_base_report"));
    }
}
