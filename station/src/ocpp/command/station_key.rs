//! Commands that tell a station its new key: OCPP 1.6's configuration key AuthorizationKey (OCPP-J 1.6, 6.2.2; security
//! whitepaper A01), 2.x's variable BasicAuthPassword of SecurityCtrlr (A01).

use serde_json::Value;

use super::Request;

/// The key that a command tells its station, if it does.
#[must_use]
pub fn new_key(request: &Request) -> Option<&str> {
    let is = |value: Option<&Value>, name: &str| {
        value.and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case(name))
    };
    match request {
        Request::Named { command, parameters } if command == "set_configuration" => {
            let key = parameters.get("key");
            let tells = is(key, "AuthorizationKey") || is(key, "SecurityCtrlr.BasicAuthPassword");
            parameters.get("value").filter(|_| tells)?.as_str()
        }
        Request::Raw { action, payload } if action == "ChangeConfiguration" => {
            payload.get("value").filter(|_| is(payload.get("key"), "AuthorizationKey"))?.as_str()
        }
        Request::Raw { action, payload } if action == "SetVariables" => {
            let tells = |one: &&Value| {
                is(one.pointer("/component/name"), "SecurityCtrlr")
                    && is(one.pointer("/variable/name"), "BasicAuthPassword")
            };
            payload.get("setVariableData")?.as_array()?.iter().find(tells)?.get("attributeValue")?.as_str()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_found_in_all_their_forms() {
        let named = |key: &str| Request::Named {
            command: "set_configuration".into(),
            parameters: json!({ "key": key, "value": "K" }),
        };
        let raw = |action: &str, payload| Request::Raw { action: action.into(), payload };
        let variable = |component: &str, variable: &str| {
            let other = json!({ "attributeValue": "60", "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"} });
            let one = json!({ "attributeValue": "K", "component": {"name": component}, "variable": {"name": variable} });
            raw("SetVariables", json!({ "setVariableData": [other, one] }))
        };
        for (request, expected) in [
            (named("AuthorizationKey"), Some("K")),
            (named("authorizationkey"), Some("K")),
            (named("SecurityCtrlr.BasicAuthPassword"), Some("K")),
            (named("HeartbeatInterval"), None),
            (raw("ChangeConfiguration", json!({ "key": "AuthorizationKey", "value": "K" })), Some("K")),
            (raw("ChangeConfiguration", json!({ "key": "X", "value": "K" })), None),
            (variable("SecurityCtrlr", "BasicAuthPassword"), Some("K")),
            (variable("OtherCtrlr", "BasicAuthPassword"), None),
            (raw("Reset", json!({ "key": "AuthorizationKey", "value": "K" })), None),
        ] {
            assert_eq!(new_key(&request), expected, "{request:?}");
        }
    }
}
