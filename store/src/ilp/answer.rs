//! What the server's answer to a write means.

use serde::Deserialize;

/// An answer that is not 2xx, judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// The fault of one line's content; the first is 1.
    Line { line: usize, reason: String },
    /// The table is not as the rows need it. Taking lines out would lose all of them.
    Schema(String),
    /// User or password are wrong.
    Denied(String),
    /// No answer in time, or the request is too large: try again with fewer rows.
    TooMuch(String),
    /// Anything else: try again.
    Unavailable(String),
}

/// What the server writes into the body of a refusal.
#[derive(Deserialize)]
struct Body {
    message: Option<String>,
    line: Option<usize>,
}

/// Judges an answer by its status and body.
pub(super) fn judge(status: u16, body: &str) -> Refusal {
    let parsed: Option<Body> = serde_json::from_str(body).ok();
    let line = parsed.as_ref().and_then(|body| body.line);
    let message = parsed.and_then(|body| body.message).unwrap_or_else(|| body.trim().to_owned());
    let reason = match message.split_once("errors encountered on line(s):") {
        Some((_, reason)) => reason.trim().to_owned(),
        None => message,
    };
    match (status, line) {
        (401 | 403, _) => Refusal::Denied(format!("{status} {reason}")),
        (400, _) if is_about_the_schema(&reason) => Refusal::Schema(reason),
        (413, _) => Refusal::TooMuch(format!("413 {reason}")),
        (400, Some(line)) if line > 0 => Refusal::Line { line, reason },
        _ => Refusal::Unavailable(format!("the answer is {status}: {reason}")),
    }
}

/// Rows are typed, so that a cast that fails is a column of another type, not a value.
fn is_about_the_schema(reason: &str) -> bool {
    ["table does not exist", "does not exist, creating", "cast error from protocol type"]
        .iter()
        .any(|words| reason.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bodies as QuestDB 9.3.4 sent them.
    #[test]
    fn what_the_server_answers() {
        let body = |message: &str, line: usize| {
            format!(
                r#"{{"code":"invalid","message":"failed to parse line protocol:errors encountered on line(s):\n{message}","line":{line},"errorId":"f365de2560c0-1"}}"#
            )
        };
        let table = "error in line 1: table: nope; table does not exist, creating new tables is disabled";
        assert_eq!(judge(400, &body(table, 1)), Refusal::Schema(table.into()));
        let column =
            "error in line 1: table: events, column: nope does not exist, creating new columns is disabled";
        assert_eq!(judge(400, &body(column, 1)), Refusal::Schema(column.into()));
        let cast = "error in line 2: table: events, column: n; cast error from protocol type: STRING to column type: INT";
        assert_eq!(judge(400, &body(cast, 2)), Refusal::Schema(cast.into()));
        let bounds = "error in line 2: table: events, column: n; line protocol value: 99999999999 is out bounds of column type: INT";
        assert_eq!(judge(400, &body(bounds, 2)), Refusal::Line { line: 2, reason: bounds.into() });
        assert_eq!(judge(400, "?"), Refusal::Unavailable("the answer is 400: ?".into()));
        assert!(matches!(judge(500, &body("write error: events, errno: 28", 1)), Refusal::Unavailable(_)));
        assert_eq!(judge(413, "large"), Refusal::TooMuch("413 large".into()));
        assert!(matches!(judge(401, "Unauthorized"), Refusal::Denied(_)));
    }
}
