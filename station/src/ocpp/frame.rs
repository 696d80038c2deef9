//! The envelope of OCPP over JSON: `[2, id, action, payload]` and its answers (OCPP-J 1.6, 4; OCPP 2.0.1 part 4, 4).

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::ErrorCode;
use super::version::Version;
use crate::deviation::{Deviation, Deviations};

/// Longest message id by the book (OCPP-J 1.6, 4.1.4: a UUID's 36 characters).
const ID_CHARS: usize = 36;
/// Longest message id that is taken: it is kept with each event.
const ID_MAX_BYTES: usize = 256;
/// Longest errorDescription (OCPP-J 1.6, 4.2.3).
const DESCRIPTION_CHARS: usize = 255;
/// What an error is answered to when the id could not be read (OCPP 2.0.1 part 4, 4.2.3).
const UNREADABLE_ID: &str = "\"-1\"";

/// One message.
#[derive(Debug)]
pub enum Frame<'a> {
    /// A request; type 2, or 6 in OCPP 2.1, which wants no answer.
    Call(Call<'a>),
    /// An answer to a request of ours: type 3 (good) or 4 (an error).
    Answer(Answer<'a>),
    /// The station could not use an answer of ours: type 5 of OCPP 2.1.
    ResultError(ResultError<'a>),
}

/// A request.
#[derive(Debug)]
pub struct Call<'a> {
    /// Its id.
    pub id: Cow<'a, str>,
    /// The id as JSON, to be echoed just as it came.
    pub raw_id: &'a str,
    /// What is asked.
    pub action: Cow<'a, str>,
    /// A JSON object.
    pub payload: &'a str,
    /// Whether an answer is awaited (all but OCPP 2.1's SEND).
    pub wants_answer: bool,
    /// What was odd about the envelope.
    pub deviations: Deviations,
    /// Whether there was no payload, or an empty list for it: it counts as empty.
    pub payload_is_odd: bool,
}

/// An answer to a request of ours.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The request's id.
    pub id: Cow<'a, str>,
    /// The payload, or the error.
    pub result: Result<&'a str, CallError<'a>>,
}

/// What a station says is wrong with a request of ours, or with an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallError<'a> {
    /// OCPP's word for it, or the station's own.
    pub code: Cow<'a, str>,
    /// What the station says of it; empty if nothing.
    pub description: Cow<'a, str>,
}

/// What was wrong with an answer of ours (CALLRESULTERROR).
#[derive(Debug)]
pub struct ResultError<'a> {
    /// The id of the request that was answered.
    pub id: Cow<'a, str>,
    /// What the station says of it.
    pub error: CallError<'a>,
}

/// Why a text is no message: what was wrong, and what to answer to which id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct FrameError {
    /// What the station is answered; `None` where the book says to ignore it (OCPP 1.6: unknown message types), and where
    /// what came was no request that wants an answer.
    pub code: Option<ErrorCode>,
    /// The id as JSON, as far as it could be read.
    pub raw_id: String,
    /// What was wrong and what was expected.
    pub detail: String,
}

/// The elements as far as they could be read.
#[derive(Default)]
struct Elements<'a> {
    raw: [Option<&'a str>; 5],
    count: usize,
}

struct ReadElements<'a, 'b>(&'b mut Elements<'a>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for ReadElements<'a, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for ReadElements<'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Elements { raw, count } = self.0;
        while *count < raw.len() {
            let Some(value) = seq.next_element::<&'de RawValue>()? else { return Ok(()) };
            raw[*count] = Some(value.get());
            *count += 1;
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            *count += 1;
        }
        Ok(())
    }
}

impl<'a> Elements<'a> {
    /// Reads a list; what was read before an error stays.
    fn read(&mut self, text: &'a str) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        ReadElements(self).deserialize(&mut deserializer)?;
        deserializer.end()
    }

    /// The id as JSON and as text: a text, or a number (flagged).
    fn id(&self, odd: &mut Deviations) -> Option<(&'a str, Cow<'a, str>)> {
        let raw = self.raw[1]?;
        if raw.len() > ID_MAX_BYTES {
            return None;
        }
        let text = match raw.as_bytes()[0] {
            b'"' => text_of(raw)?,
            b'0'..=b'9' | b'-' => {
                odd.add(Deviation::TypeMismatch);
                Cow::Borrowed(raw)
            }
            _ => return None,
        };
        if text.chars().count() > ID_CHARS {
            odd.add(Deviation::TextTooLong);
        }
        (!text.is_empty()).then_some((raw, text))
    }

    /// The message type: a number, or (flagged) a text that holds one.
    fn message_type(&self, odd: &mut Deviations) -> Option<i64> {
        let raw = self.raw[0]?;
        if let Some(text) = raw.strip_prefix('"') {
            odd.add(Deviation::TypeMismatch);
            return text.strip_suffix('"')?.parse().ok();
        }
        raw.parse().ok()
    }
}

fn text_of(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str::<String>(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

impl<'a> Frame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is not OCPP's framing.
    pub fn parse(text: &'a str, version: Version) -> Result<Self, FrameError> {
        let mut elements = Elements::default();
        let read = elements.read(text);
        let mut odd = Deviations::default();
        let id = elements.id(&mut odd);
        let error = |code: ErrorCode, detail: String| FrameError {
            code: Some(code),
            raw_id: id.as_ref().map_or(UNREADABLE_ID, |(raw, _)| raw).to_owned(),
            detail,
        };
        let no_call = |detail: String| error(ErrorCode::RpcFrameworkError, detail);
        if let Err(problem) = read {
            return Err(no_call(if problem.is_data() {
                "not a list: a message is [type, id, action, payload]".to_owned()
            } else {
                format!("not JSON: {problem}")
            }));
        }
        let Some(message_type) = elements.message_type(&mut odd) else {
            return Err(no_call("element 0, the message type, is not a number".to_owned()));
        };
        let known = matches!((message_type, version), (2..=4, _) | (5 | 6, Version::V21));
        if !known {
            let mut error = error(
                ErrorCode::MessageTypeNotSupported,
                format!("message type {message_type} does not exist in {}", version.subprotocol()),
            );
            // OCPP-J 1.6, 4.1.3: "When a server receives a message with a Message Type Number not in this list, it
            // SHALL ignore the message payload."
            if version == Version::V16 {
                error.code = None;
            }
            return Err(error);
        }
        // Only a request is answered: not what wants no answer, and no answer.
        let no_call = |detail: String| {
            let error = no_call(detail);
            FrameError { code: error.code.filter(|_| message_type == 2), ..error }
        };
        let Some((raw_id, id)) = id.clone() else {
            return Err(no_call(format!(
                "element 1, the message id, is not a text of 1 to {ID_MAX_BYTES} bytes"
            )));
        };
        let error = || CallError {
            code: elements.raw[2].and_then(text_of).unwrap_or(Cow::Borrowed("GenericError")),
            description: elements.raw[3].and_then(text_of).unwrap_or_default(),
        };
        match message_type {
            2 | 6 => Self::call(&elements, raw_id, id, message_type == 2, odd, &no_call),
            3 => Ok(Self::Answer(Answer { id, result: Ok(elements.raw[2].unwrap_or("{}")) })),
            4 => Ok(Self::Answer(Answer { id, result: Err(error()) })),
            _ => Ok(Self::ResultError(ResultError { id, error: error() })),
        }
    }

    fn call(
        elements: &Elements<'a>,
        raw_id: &'a str,
        id: Cow<'a, str>,
        wants_answer: bool,
        mut odd: Deviations,
        no_call: &dyn Fn(String) -> FrameError,
    ) -> Result<Self, FrameError> {
        let Some(action) = elements.raw[2].and_then(text_of).filter(|action| !action.is_empty()) else {
            return Err(no_call("element 2, the action, is not a text".to_owned()));
        };
        let mut payload_is_odd = false;
        let payload = match elements.raw[3] {
            // "Payload … JSON allows two notations: null and an empty object" (OCPP-J 1.6, 4.2.1).
            Some("null") => "{}",
            Some(payload) if payload.starts_with('{') => payload,
            None => {
                odd.add(Deviation::FieldMissing);
                payload_is_odd = true;
                "{}"
            }
            // Languages that do not tell an empty map from an empty list send this.
            Some(payload) if is_empty_list(payload) => {
                odd.add(Deviation::TypeMismatch);
                payload_is_odd = true;
                "{}"
            }
            Some(_) => {
                let mut error = no_call("element 3, the payload, is not an object".to_owned());
                error.code = error.code.map(|_| ErrorCode::FormatViolation);
                return Err(error);
            }
        };
        if elements.count > 4 {
            odd.add(Deviation::FieldUnknown);
        }
        Ok(Self::Call(Call { id, raw_id, action, payload, wants_answer, deviations: odd, payload_is_odd }))
    }
}

fn is_empty_list(json: &str) -> bool {
    json.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.trim().is_empty())
}

/// A request of ours.
#[must_use]
pub fn call(id: &str, action: &str, payload: &serde_json::Value) -> String {
    let (id, action) = (serde_json::Value::from(id), serde_json::Value::from(action));
    format!("[2,{id},{action},{payload}]")
}

/// OCPP 2.1: an answer to a request of ours could not be read (part 4, CALLRESULTERROR).
#[must_use]
pub fn call_result_error(id: &str, code: ErrorCode, description: &str) -> String {
    let (id, description) = (serde_json::Value::from(id), serde_json::Value::from(description));
    format!("[5,{id},\"{}\",{description},{{}}]", code.spelling(Version::V21))
}

/// A good answer. `raw_id` and `payload` are JSON.
#[must_use]
pub fn call_result(raw_id: &str, payload: &str) -> String {
    let mut text = String::with_capacity(raw_id.len() + payload.len() + 5);
    // Writing into a String does not fail.
    let _ = write!(text, "[3,{raw_id},{payload}]");
    text
}

/// An error. `raw_id` is JSON; the description is cut to what OCPP allows; `field` goes into the details, which are
/// an object (OCPP-J 1.6, 4.2.3).
#[must_use]
pub fn call_error(raw_id: &str, code: ErrorCode, version: Version, description: &str, field: &str) -> String {
    let short: String = description.chars().take(DESCRIPTION_CHARS).collect();
    let description = serde_json::Value::from(short);
    let details = if field.is_empty() {
        serde_json::Map::new()
    } else {
        serde_json::Map::from_iter([("field".to_owned(), field.into())])
    };
    let code = code.spelling(version);
    format!("[4,{raw_id},\"{code}\",{description},{}]", serde_json::Value::from(details))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Version::{V16, V21, V201};

    #[test]
    fn calls_by_the_book_and_beside_it() {
        for (text, id, raw_id, action, payload, odd) in [
            (r#"[2,"1","Heartbeat",{}]"#, "1", r#""1""#, "Heartbeat", "{}", vec![]),
            (r#" [ 2 , "1" , "Heartbeat" , null ] "#, "1", r#""1""#, "Heartbeat", "{}", vec![]),
            (r#"[2,"1","Heartbeat",[ ]]"#, "1", r#""1""#, "Heartbeat", "{}", vec![Deviation::TypeMismatch]),
            (r#"[2,"1","Heartbeat"]"#, "1", r#""1""#, "Heartbeat", "{}", vec![Deviation::FieldMissing]),
            (r#"[2,17,"Heartbeat",{}]"#, "17", "17", "Heartbeat", "{}", vec![Deviation::TypeMismatch]),
            (r#"["2","1","Heartbeat",{}]"#, "1", r#""1""#, "Heartbeat", "{}", vec![Deviation::TypeMismatch]),
            (r#"[2,"a\"b","X",{"a":[1]}]"#, "a\"b", r#""a\"b""#, "X", r#"{"a":[1]}"#, vec![]),
            (r#"[2,"1","X",{},7,8,9]"#, "1", r#""1""#, "X", "{}", vec![Deviation::FieldUnknown]),
            (
                r#"[2,"0123456789012345678901234567890123456789","X",{}]"#,
                "0123456789012345678901234567890123456789",
                r#""0123456789012345678901234567890123456789""#,
                "X",
                "{}",
                vec![Deviation::TextTooLong],
            ),
        ] {
            let Ok(Frame::Call(call)) = Frame::parse(text, V16) else { panic!("{text}") };
            assert_eq!((&*call.id, call.raw_id, &*call.action, call.payload), (id, raw_id, action, payload));
            assert_eq!(call.deviations, odd.into_iter().collect(), "{text}");
            assert!(call.wants_answer);
        }
    }

    #[test]
    fn what_is_no_message_is_named_with_the_id_as_far_as_it_could_be_read() {
        use ErrorCode::{FormatViolation, MessageTypeNotSupported, RpcFrameworkError};
        let long = format!(r#"[2,"{}","X",{{}}]"#, "x".repeat(300));
        for (text, version, code, raw_id, detail) in [
            ("", V16, Some(RpcFrameworkError), "\"-1\"", "not JSON"),
            ("hello", V16, Some(RpcFrameworkError), "\"-1\"", "not JSON"),
            ("{}", V16, Some(RpcFrameworkError), "\"-1\"", "not a list"),
            ("7", V16, Some(RpcFrameworkError), "\"-1\"", "not a list"),
            ("[]", V16, Some(RpcFrameworkError), "\"-1\"", "message type"),
            ("[2]", V201, Some(RpcFrameworkError), "\"-1\"", "message id"),
            (r#"[2,"","X",{}]"#, V201, Some(RpcFrameworkError), "\"-1\"", "message id"),
            (r#"[2,{},"X",{}]"#, V201, Some(RpcFrameworkError), "\"-1\"", "message id"),
            (&long, V201, Some(RpcFrameworkError), "\"-1\"", "message id"),
            (r#"[2,"1"]"#, V201, Some(RpcFrameworkError), "\"1\"", "action"),
            (r#"[2,"1",7,{}]"#, V201, Some(RpcFrameworkError), "\"1\"", "action"),
            (r#"[2,"1","X",{"a":"#, V16, Some(RpcFrameworkError), "\"1\"", "not JSON"),
            (r#"[2,"1","X",{}] x"#, V16, Some(RpcFrameworkError), "\"1\"", "not JSON"),
            (r#"[2,"1","X","text"]"#, V201, Some(FormatViolation), "\"1\"", "payload"),
            (r#"[2,"1","X",[1]]"#, V16, Some(FormatViolation), "\"1\"", "payload"),
            (r#"[9,"1","X",{}]"#, V201, Some(MessageTypeNotSupported), "\"1\"", "message type 9"),
            (r#"[6,"1","X",{}]"#, V201, Some(MessageTypeNotSupported), "\"1\"", "message type 6"),
            (r#"[6,"1","X","text"]"#, V21, None, "\"1\"", "payload"),
            (r#"[6,"1",7,{}]"#, V21, None, "\"1\"", "action"),
            ("[3]", V201, None, "\"-1\"", "message id"),
            (r#"[5,"1","X","",{}]"#, V201, Some(MessageTypeNotSupported), "\"1\"", "message type 5"),
            (r#"[9,"1","X",{}]"#, V16, None, "\"1\"", "message type 9"),
        ] {
            let error = Frame::parse(text, version).expect_err(text);
            assert_eq!((error.code, error.raw_id.as_str()), (code, raw_id), "{text}");
            assert!(error.detail.contains(detail), "{text}: {}", error.detail);
        }
    }

    #[test]
    fn answers_and_what_is_sent_without_wanting_one() {
        let Ok(Frame::Answer(answer)) = Frame::parse(r#"[3,"1",{"a":1}]"#, V16) else { panic!() };
        assert_eq!((&*answer.id, answer.result), ("1", Ok(r#"{"a":1}"#)));
        let Ok(Frame::Answer(answer)) = Frame::parse(r#"[4,"1","NotSupported","",{}]"#, V16) else {
            panic!()
        };
        let error = |code: &'static str, description: &'static str| {
            Err(CallError { code: code.into(), description: description.into() })
        };
        assert_eq!(answer.result, error("NotSupported", ""));
        let Ok(Frame::Answer(answer)) = Frame::parse(r#"[4,"1","X"]"#, V16) else { panic!() };
        assert_eq!(answer.result, error("X", ""));
        let Ok(Frame::ResultError(error)) = Frame::parse(r#"[5,"1","FormatViolation","odd",{}]"#, V21) else {
            panic!()
        };
        assert_eq!(
            (&*error.id, &*error.error.code, &*error.error.description),
            ("1", "FormatViolation", "odd")
        );
        let Ok(Frame::Call(call)) = Frame::parse(r#"[6,"1","NotifyPeriodicEventStream",{}]"#, V21) else {
            panic!()
        };
        assert!(!call.wants_answer);
    }

    #[test]
    fn what_is_written() {
        assert_eq!(call_result("17", "{}"), "[3,17,{}]");
        let payload = serde_json::json!({ "type": "Soft" });
        assert_eq!(call("a", "Reset", &payload), r#"[2,"a","Reset",{"type":"Soft"}]"#);
        assert_eq!(
            call_result_error("a", ErrorCode::FormatViolation, "no"),
            r#"[5,"a","FormatViolation","no",{}]"#
        );
        assert_eq!(
            call_error("\"1\"", ErrorCode::FormatViolation, V16, "say \"what\"", "a.b"),
            r#"[4,"1","FormationViolation","say \"what\"",{"field":"a.b"}]"#
        );
        let long = call_error("\"1\"", ErrorCode::GenericError, V201, &"ä".repeat(300), "");
        assert!(long.contains(&"ä".repeat(255)) && !long.contains(&"ä".repeat(256)));
        assert!(long.ends_with(",{}]"));
    }
}
