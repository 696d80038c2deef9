//! Reading JSON as stations write it: numbers for texts and the reverse, one object where a list belongs, fields that
//! no schema knows. What can be read is read and flagged; one pass over the text, borrowed wherever possible.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{DecodeError, ErrorCode};
use crate::deviation::{Deviation, Deviations};
use crate::event::RejectReason;
use crate::time::Timestamp;

/// What [`define`] makes.
pub(super) trait Object {
    /// Whether there were fields that no schema knows.
    fn has_unknown(&self) -> bool;

    /// Flags what no schema knows.
    fn flag_unknown(&self, odd: &mut Deviations) {
        if self.has_unknown() {
            odd.add(Deviation::FieldUnknown);
        }
    }
}

/// A field's value, still as text, of whatever type. Absent and `null` are the same.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Raw<'a>(Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self((text != "null").then_some(text)))
    }
}

impl<'a> Raw<'a> {
    /// Whether nothing is there.
    pub(super) fn is_none(self) -> bool {
        self.0.is_none()
    }

    /// The value's JSON.
    pub(super) fn json(self) -> Option<&'a str> {
        self.0
    }

    /// The JSON type, for messages.
    fn kind(json: &str) -> &'static str {
        match json.as_bytes().first() {
            Some(b'"') => "text",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b't' | b'f') => "true or false",
            _ => "a number",
        }
    }

    /// The text of a JSON string, if it is one.
    fn unquoted(json: &'a str) -> Option<Cow<'a, str>> {
        let inner = json.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') {
            return serde_json::from_str::<String>(json).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(inner))
    }

    /// A text; anything else counts as its JSON, flagged. An empty text is none.
    pub(super) fn text(self, odd: &mut Deviations) -> Option<Cow<'a, str>> {
        let json = self.0?;
        let text = Self::unquoted(json).unwrap_or_else(|| {
            odd.add(Deviation::TypeMismatch);
            Cow::Borrowed(json)
        });
        (!text.trim().is_empty()).then_some(text)
    }

    /// A text of at most `limit` characters by the schema; a longer one is kept whole and flagged.
    pub(super) fn limited(self, limit: usize, odd: &mut Deviations) -> Option<String> {
        let text = self.text(odd)?;
        if text.len() > limit && text.chars().count() > limit {
            odd.add(Deviation::TextTooLong);
        }
        Some(text.into_owned())
    }

    /// A token: text, or a number, flagged. Lists and objects are none.
    ///
    /// # Errors
    /// When it is a list or an object.
    pub(super) fn token(
        self,
        field: &str,
        limit: usize,
        odd: &mut Deviations,
    ) -> Result<Option<String>, DecodeError> {
        match self.0 {
            Some(json) if json.starts_with(['{', '[']) => {
                Err(DecodeError::wrong_type(field, "text", Self::kind(json)))
            }
            _ => Ok(self.limited(limit, odd)),
        }
    }

    /// A whole number; texts that hold one are taken, flagged.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn integer(self, field: &str, odd: &mut Deviations) -> Result<Option<i64>, DecodeError> {
        let Some(json) = self.0 else { return Ok(None) };
        let wrong = || DecodeError::wrong_type(field, "a whole number", Self::kind(json));
        let text = match Self::unquoted(json) {
            Some(text) if text.trim().is_empty() => {
                odd.add(Deviation::TypeMismatch);
                return Ok(None);
            }
            Some(text) => {
                odd.add(Deviation::TypeMismatch);
                text
            }
            None => Cow::Borrowed(json),
        };
        let text = text.trim();
        if let Ok(number) = text.parse::<i64>() {
            return Ok(Some(number));
        }
        let number: f64 = text.parse().map_err(|_| wrong())?;
        if number.is_finite() && number.fract() == 0.0 && number.abs() < 9e15 {
            odd.add(Deviation::TypeMismatch);
            #[allow(clippy::cast_possible_truncation)]
            return Ok(Some(number as i64));
        }
        Err(wrong())
    }

    /// A number; texts that hold one are taken, flagged.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn number(self, field: &str, odd: &mut Deviations) -> Result<Option<f64>, DecodeError> {
        let Some(json) = self.0 else { return Ok(None) };
        let text = match Self::unquoted(json) {
            Some(text) => {
                odd.add(Deviation::TypeMismatch);
                if text.trim().is_empty() {
                    return Ok(None);
                }
                text
            }
            None => Cow::Borrowed(json),
        };
        parse_number(&text, odd)
            .map(Some)
            .ok_or_else(|| DecodeError::wrong_type(field, "a number", Self::kind(json)))
    }

    /// Number of a connector or an EVSE. What does not fit in 32 bits is an error.
    ///
    /// # Errors
    /// When it is not a whole number of 32 bits.
    pub(super) fn small(self, field: &str, odd: &mut Deviations) -> Result<Option<i32>, DecodeError> {
        self.integer(field, odd)?
            .map(|n| {
                i32::try_from(n).map_err(|_| {
                    DecodeError::wrong_value(field, format!("{n} is not a number of a connector"))
                })
            })
            .transpose()
    }

    /// true or false; `"true"`, `1` and the like are taken, flagged.
    pub(super) fn boolean(self, odd: &mut Deviations) -> Option<bool> {
        let json = self.0?;
        match json {
            "true" => return Some(true),
            "false" => return Some(false),
            _ => odd.add(Deviation::TypeMismatch),
        }
        let text = Self::unquoted(json).unwrap_or(Cow::Borrowed(json)).to_ascii_lowercase();
        match text.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// A point in time. What cannot be read is none, flagged; the time of receipt stands in.
    pub(super) fn time(self, odd: &mut Deviations) -> Option<Timestamp> {
        let json = self.0?;
        let time = match Self::unquoted(json) {
            Some(text) => Timestamp::parse(&text, odd),
            None => json.parse::<f64>().ok().and_then(|number| {
                odd.add(Deviation::TypeMismatch);
                odd.add(Deviation::TimestampFormat);
                from_unix(number)
            }),
        };
        if time.is_none() {
            odd.add(Deviation::TimestampMissing);
        }
        time
    }

    /// A point in time that the schema requires.
    pub(super) fn required_time(self, odd: &mut Deviations) -> Option<Timestamp> {
        if self.is_none() {
            odd.add(Deviation::FieldMissing);
            odd.add(Deviation::TimestampMissing);
        }
        self.time(odd)
    }

    /// An object, read as `T`; the default where there is none.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn object<T: Deserialize<'a> + Default>(self, field: &str) -> Result<T, DecodeError> {
        self.0.map_or_else(|| Ok(T::default()), |json| object(json, field))
    }

    /// Whether it is a JSON object.
    pub(super) fn is_object(self) -> bool {
        self.0.is_some_and(|json| json.starts_with('{'))
    }
}

/// A decimal number as people write it: a comma counts as a point, flagged. Never NaN or infinite.
pub(super) fn parse_number(text: &str, odd: &mut Deviations) -> Option<f64> {
    let text = text.trim();
    let number = text.parse::<f64>().ok().or_else(|| {
        let with_point = (text.matches(',').count() == 1 && !text.contains('.'))
            .then(|| text.replace(',', "."))
            .and_then(|t| t.parse::<f64>().ok());
        if with_point.is_some() {
            odd.add(Deviation::TypeMismatch);
        }
        with_point
    })?;
    number.is_finite().then_some(number)
}

/// Seconds since 1970, or milliseconds where seconds would lie beyond the year 5000.
fn from_unix(number: f64) -> Option<Timestamp> {
    let seconds = if number.abs() > 1e11 { number / 1e3 } else { number };
    #[allow(clippy::cast_possible_truncation)]
    (seconds.is_finite() && seconds.abs() < 1e11).then_some(Timestamp((seconds * 1e6) as i64))
}

/// Reads an object, saying which field was wrong if it does not work.
///
/// # Errors
/// When the structure is another one.
pub(super) fn object<'a, T: Deserialize<'a>>(json: &'a str, field: &str) -> Result<T, DecodeError> {
    serde_json::from_str(json).map_err(|first| {
        // Only in trouble: read again, slowly, to name the place.
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let (path, detail) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(error) => (error.path().to_string(), error.into_inner().to_string()),
            Ok(_) => (String::new(), first.to_string()),
        };
        let field = match (field, path.as_str()) {
            (field, "." | "" | "?") => field.to_owned(),
            ("", path) => path.to_owned(),
            (field, path) => format!("{field}.{path}"),
        };
        let code =
            if first.is_data() { ErrorCode::TypeConstraintViolation } else { ErrorCode::FormatViolation };
        DecodeError { code, reason: RejectReason::Invalid, field, detail }
    })
}

/// A list; one object without its list is taken, flagged; `null` in it is left out.
#[derive(Debug)]
pub(super) struct Many<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// Whether it was there at all.
    pub(super) present: bool,
    /// Whether the list was missing around one object.
    pub(super) bare: bool,
}

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self { items: Vec::new(), present: false, bare: false }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<Option<T>>()? {
                    items.extend(item);
                }
                Ok(Many { items, present: true, bare: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let item = T::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Many { items: vec![item], present: true, bare: true })
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Many::default())
            }
        }
        deserializer.deserialize_any(Items(PhantomData))
    }
}

/// A field's name.
pub(super) struct Key<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Declares an object with the fields that are read, and those that are known but not read. What else is there sets
/// `unknown`.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $name:ident { $($field:ident: $type:ty = $key:literal),* $(,)? }
        $(known [$($known:literal),* $(,)?])?
    ) => {
        $(#[$meta])*
        #[derive(Default, Debug)]
        pub(super) struct $name<'a> {
            $(pub(super) $field: $type,)*
            /// Whether there were fields that no schema knows.
            pub(super) unknown: bool,
            pub(super) lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    #[allow(unused_mut)]
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        while let Some(key) = map.next_key::<$crate::ocpp::lenient::Key<'de>>()? {
                            match &*key.0 {
                                $($key => object.$field = map.next_value()?,)*
                                $($($known)|* => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                })?
                                "customData" => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                                _ => {
                                    object.unknown = true;
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(Fields(std::marker::PhantomData))
            }
        }

        impl $crate::ocpp::lenient::Object for $name<'_> {
            fn has_unknown(&self) -> bool {
                self.unknown
            }
        }
    };
}
pub(super) use object as define;

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Raw<'_> {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn texts_numbers_and_the_reverse() {
        for (json, expected, odd) in [
            ("\"A\"", Some("A"), None),
            ("\"\\u00e4\"", Some("ä"), None),
            ("12", Some("12"), Some(Deviation::TypeMismatch)),
            ("true", Some("true"), Some(Deviation::TypeMismatch)),
            ("null", None, None),
            ("\"\"", None, None),
        ] {
            let mut found = Deviations::default();
            assert_eq!(raw(json).text(&mut found).as_deref(), expected, "{json}");
            assert_eq!(found, Deviations::from_iter(odd), "{json}");
        }
        for (json, expected, odd) in [
            ("7", Ok(Some(7)), None),
            ("9223372036854775807", Ok(Some(i64::MAX)), None),
            ("\"7\"", Ok(Some(7)), Some(Deviation::TypeMismatch)),
            ("7.0", Ok(Some(7)), Some(Deviation::TypeMismatch)),
            ("null", Ok(None), None),
            ("7.5", Err("connectorId: expected a whole number, found a number"), None),
            ("\"x\"", Err("connectorId: expected a whole number, found text"), Some(Deviation::TypeMismatch)),
            ("[]", Err("connectorId: expected a whole number, found a list"), None),
        ] {
            let mut found = Deviations::default();
            let read = raw(json).integer("connectorId", &mut found).map_err(|e| e.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{json}");
            assert_eq!(found, Deviations::from_iter(odd), "{json}");
        }
        for (text, expected) in [
            ("1.5", Some(1.5)),
            ("1,5", Some(1.5)),
            ("1e3", Some(1e3)),
            ("NaN", None),
            ("inf", None),
            ("", None),
        ] {
            assert_eq!(parse_number(text, &mut Deviations::default()), expected, "{text}");
        }
    }

    #[test]
    fn times_may_be_numbers() {
        for (json, expected) in [
            ("\"2023-11-14T22:13:20Z\"", Some(1_700_000_000_000_000)),
            ("1700000000", Some(1_700_000_000_000_000)),
            ("1700000000000", Some(1_700_000_000_000_000)),
            ("\"soon\"", None),
            ("{}", None),
        ] {
            let mut odd = Deviations::default();
            assert_eq!(raw(json).time(&mut odd).map(|t| t.0), expected, "{json}");
            assert_eq!(odd.has(Deviation::TimestampMissing), expected.is_none(), "{json}");
        }
    }

    define! { Inner { value: Raw<'a> = "value" } known ["format"] }
    define! { Outer { inner: Many<Inner<'a>> = "inner" } }

    #[test]
    fn lists_and_unknown_fields() {
        for (json, count, bare, unknown) in [
            (r#"{"inner":[{"value":1},null,{"value":2}]}"#, 2, false, false),
            (r#"{"inner":{"value":1,"format":"Raw"}}"#, 1, true, false),
            (r#"{"inner":null,"customData":{}}"#, 0, false, false),
            (r#"{"vendorThing":[1,2,{"a":null}]}"#, 0, false, true),
        ] {
            let outer: Outer<'_> = object(json, "").expect(json);
            assert_eq!((outer.inner.items.len(), outer.inner.bare, outer.unknown), (count, bare, unknown));
        }
        let error = object::<Outer<'_>>(r#"{"inner":["x"]}"#, "").expect_err("a text is no object");
        assert_eq!(error.code, ErrorCode::TypeConstraintViolation);
        assert_eq!(error.field, "inner[0]");
        assert!(error.detail.contains("expected an object"), "{}", error.detail);
    }
}
