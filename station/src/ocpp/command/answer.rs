//! What a station's answer means.

use serde_json::Value;

use crate::command::CommandResult;

/// Words by which stations say that they do what is asked, now or later.
const GOOD: [&str; 5] = ["Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked"];

/// What a CALLRESULT means, and the station's word for it: its `status`, or, where each part has its own (GetVariables,
/// SetVariables, …), the first that is not good. An answer without a word is a good one: it holds what was asked for.
#[must_use]
pub fn meaning(payload: &Value) -> (CommandResult, Option<String>) {
    let result = |good| if good { CommandResult::Accepted } else { CommandResult::Rejected };
    if let Some(word) = payload.get("status").and_then(Value::as_str) {
        return (result(GOOD.contains(&word)), Some(word.to_owned()));
    }
    let words: Vec<&str> = payload
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.values())
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|part| part.get("attributeStatus").or_else(|| part.get("status"))?.as_str())
        .collect();
    let bad = words.iter().find(|word| !GOOD.contains(word));
    (result(bad.is_none()), bad.or(words.first()).map(|word| (*word).to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_lists_of_words_and_none() {
        use CommandResult::{Accepted, Rejected};
        for (payload, result, word) in [
            (json!({"status": "Accepted"}), Accepted, Some("Accepted")),
            (json!({"status": "Scheduled"}), Accepted, Some("Scheduled")),
            (json!({"status": "UnlockFailed"}), Rejected, Some("UnlockFailed")),
            (json!({}), Accepted, None),
            (json!({"configurationKey": [{"key": "A", "readonly": true}]}), Accepted, None),
            (
                json!({"setVariableResult": [{"attributeStatus": "Accepted"}, {"attributeStatus": "UnknownVariable"}]}),
                Rejected,
                Some("UnknownVariable"),
            ),
            (json!({"getVariableResult": [{"attributeStatus": "Accepted"}]}), Accepted, Some("Accepted")),
            (json!([]), Accepted, None),
        ] {
            assert_eq!(meaning(&payload), (result, word.map(str::to_owned)), "{payload}");
        }
    }
}
