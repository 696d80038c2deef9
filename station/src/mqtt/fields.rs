//! Reading JSON as stations write it: numbers as text and the reverse, fields that nobody asked for. What can be read
//! is read and flagged.

use serde_json::{Map, Value};

use crate::deviation::{Deviation, Deviations};
use crate::time::Timestamp;

/// Why a payload cannot be used: the field, and what is wrong with it. Never holds a value of a token.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("field {field:?}: {what}")]
pub(super) struct FieldError {
    pub(super) field: &'static str,
    pub(super) what: String,
}

/// The fields of one payload. Reading one takes it out, so that what is left over is what nobody knows.
pub(super) struct Fields {
    fields: Map<String, Value>,
    pub(super) deviations: Deviations,
}

impl Fields {
    pub(super) fn new(fields: Map<String, Value>) -> Self {
        Self { fields, deviations: Deviations::default() }
    }

    /// Flags fields that are left over.
    pub(super) fn finish(self) -> Deviations {
        let mut deviations = self.deviations;
        if !self.fields.is_empty() {
            deviations.add(Deviation::FieldUnknown);
        }
        deviations
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// A text; numbers and truth values count as their text, flagged. Blank is none.
    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, FieldError> {
        let text = match self.take(field) {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                self.deviations.add(Deviation::TypeMismatch);
                value.to_string()
            }
            Some(value) => return Err(wrong_type(field, "a text", &value)),
        };
        Ok((!text.trim().is_empty()).then_some(text))
    }

    /// A number; texts that hold one are taken, flagged.
    pub(super) fn number(&mut self, field: &'static str) -> Result<Option<f64>, FieldError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(Value::String(text)) => {
                self.deviations.add(Deviation::TypeMismatch);
                let text = text.trim();
                if text.is_empty() {
                    return Ok(None);
                }
                let number = text.parse().or_else(|_| text.replacen(',', ".", 1).parse());
                let number = number.ok().filter(|number: &f64| number.is_finite());
                number.map(Some).ok_or_else(|| FieldError {
                    field,
                    what: "expected a number, found a text that is none".to_owned(),
                })
            }
            Some(value) => Err(wrong_type(field, "a number", &value)),
        }
    }

    /// The number of a connector; texts that hold one are taken, flagged.
    pub(super) fn connector(&mut self) -> Result<Option<i32>, FieldError> {
        let field = "connector";
        let Some(number) = self.number(field)? else { return Ok(None) };
        #[allow(clippy::cast_possible_truncation)]
        if number.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(&number) {
            return Ok(Some(number as i32));
        }
        Err(FieldError { field, what: format!("expected a whole number from 0, found {number}") })
    }

    /// The number of a connector that should be there; a station with a single one may leave it out, flagged.
    pub(super) fn connector_or_first(&mut self) -> Result<Option<i32>, FieldError> {
        let connector = self.connector()?;
        if connector.is_none() {
            self.deviations.add(Deviation::FieldMissing);
        }
        Ok(connector.or(Some(1)))
    }

    /// True or false; `"true"`, `1` and the like are taken, flagged.
    pub(super) fn boolean(&mut self, field: &'static str) -> Result<Option<bool>, FieldError> {
        let value = match self.take(field) {
            None => return Ok(None),
            Some(Value::Bool(value)) => return Ok(Some(value)),
            Some(value) => value,
        };
        self.deviations.add(Deviation::TypeMismatch);
        match value.as_str().map_or_else(|| value.to_string(), str::to_lowercase).as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(wrong_type(field, "true or false", &value)),
        }
    }

    /// A point in time. What is missing or unreadable is none, flagged: the time of receipt stands in.
    pub(super) fn time(&mut self) -> Option<Timestamp> {
        let time = self.time_if_any();
        if time.is_none() {
            self.deviations.add(Deviation::TimestampMissing);
        }
        time
    }

    /// A point in time that may be missing.
    pub(super) fn time_if_any(&mut self) -> Option<Timestamp> {
        let value = self.take("timestamp")?;
        let time = match &value {
            Value::String(text) => Timestamp::parse(text, &mut self.deviations),
            Value::Number(number) => number.as_f64().and_then(from_unix),
            _ => None,
        };
        if value.is_number() && time.is_some() {
            self.deviations.add(Deviation::TimestampFormat);
        }
        if time.is_none() {
            self.deviations.add(Deviation::TimestampMissing);
        }
        time
    }
}

/// Seconds since 1970, or milliseconds where seconds would lie beyond the year 5000.
fn from_unix(number: f64) -> Option<Timestamp> {
    let seconds = if number.abs() > 1e11 { number / 1e3 } else { number };
    #[allow(clippy::cast_possible_truncation)]
    (seconds.abs() < 1e11).then(|| Timestamp((seconds * 1e6).round() as i64))
}

fn wrong_type(field: &'static str, expected: &str, found: &Value) -> FieldError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    FieldError { field, what: format!("expected {expected}, found {found}") }
}

/// A field that must be there.
pub(super) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, FieldError> {
    value.ok_or(FieldError { field, what: "required, but missing".to_owned() })
}
