//! What a station does while it is offline: one rule, in the station's own words.

use serde::Deserialize;
use serde_json::json;

use super::request::Rendering;
use super::{CommandError, Kind, Message, set_configuration};

pub(super) const KIND: Kind = Kind {
    name: "set_offline_rule",
    v16: Some("ChangeConfiguration"),
    v2: Some("SetVariables"),
    parameters: "`rule`: `known_tokens`, `unknown_tokens`, `local_list`, `cache`, `pre_authorize` or `stop_invalid`; \
                 `value`: true or false",
    render,
};

/// A rule, the key of OCPP 1.6 (9.1, 9.3) and the variable of OCPP 2.x (part 2, appendix 3) that hold it.
pub const RULES: &[(&str, &str, &str)] = &[
    ("known_tokens", "LocalAuthorizeOffline", "AuthCtrlr.LocalAuthorizeOffline"),
    ("unknown_tokens", "AllowOfflineTxForUnknownId", "AuthCtrlr.OfflineTxForUnknownIdEnabled"),
    ("local_list", "LocalAuthListEnabled", "LocalAuthListCtrlr.Enabled"),
    ("cache", "AuthorizationCacheEnabled", "AuthCacheCtrlr.Enabled"),
    ("pre_authorize", "LocalPreAuthorize", "AuthCtrlr.LocalPreAuthorize"),
    ("stop_invalid", "StopTransactionOnInvalidId", "TxCtrlr.StopTxOnInvalidId"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    rule: String,
    value: bool,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { rule, value } = rendering.read()?;
    let Some((_, v16, v2)) = RULES.iter().find(|(known, ..)| *known == rule) else {
        let known: Vec<_> = RULES.iter().map(|(known, ..)| *known).collect();
        return rendering.wrong(format!("there is no rule \"{rule}\"; there are: {}", known.join(", ")));
    };
    let key = if rendering.is_16() { v16 } else { v2 };
    let parameters = json!({ "key": key, "value": value.to_string() });
    set_configuration::render(&Rendering { parameters: &parameters, ..*rendering })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use super::RULES;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn each_rule_has_a_key_and_a_variable() {
        for (rule, v16, v2) in RULES {
            let asked = format!(r#"{{"rule":"{rule}","value":true}}"#);
            let (action, payload) = rendered(V16, "set_offline_rule", &asked);
            assert_eq!(
                (action, payload),
                ("ChangeConfiguration", format!(r#"{{"key":"{v16}","value":"true"}}"#))
            );
            let (component, variable) = v2.split_once('.').expect("both");
            assert_eq!(
                rendered(V201, "set_offline_rule", &asked),
                (
                    "SetVariables",
                    format!(
                        r#"{{"setVariableData":[{{"attributeValue":"true","component":{{"name":"{component}"}},"variable":{{"name":"{variable}"}}}}]}}"#
                    )
                )
            );
        }
        let error = refused(V16, "set_offline_rule", r#"{"rule":"luck","value":true}"#);
        assert!(error.contains("there is no rule \"luck\""), "{error}");
    }
}
