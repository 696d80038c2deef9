//! Names of configuration keys: OCPP 1.6 has plain ones; 2.x has variables of components, written
//! `Component.Variable`, with instances in brackets: `Component[instance].Variable[instance]`.

use rust_ocpp::v2_0_1::datatypes::component_type::ComponentType;
use rust_ocpp::v2_0_1::datatypes::variable_type::VariableType;

use super::CommandError;
use super::request::Rendering;

/// Component and variable of a key.
pub(super) fn v2(
    rendering: &Rendering<'_>,
    key: &str,
) -> Result<(ComponentType, VariableType), CommandError> {
    let parts = key
        .split_once('.')
        .and_then(|(component, variable)| Some((with_instance(component)?, with_instance(variable)?)));
    let Some(((component, of), (variable, part))) = parts else {
        return rendering.wrong(format!(
            "\"{key}\" is no variable of {}: write Component.Variable, as in OCPPCommCtrlr.HeartbeatInterval",
            rendering.version.subprotocol()
        ));
    };
    let name = |name: &str| rendering.text("key", name.to_owned(), 50);
    Ok((
        ComponentType { name: name(component)?, instance: of.map(name).transpose()?, evse: None },
        VariableType { name: name(variable)?, instance: part.map(name).transpose()? },
    ))
}

/// `Name` or `Name[instance]`.
fn with_instance(text: &str) -> Option<(&str, Option<&str>)> {
    match text.split_once('[') {
        None => Some((text, None)),
        Some((name, rest)) => Some((name, Some(rest.strip_suffix(']')?))),
    }
}
