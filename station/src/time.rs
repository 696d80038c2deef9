//! Points in time and what stations write for them.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::deviation::{Deviation, Deviations};

/// Microseconds since 1970-01-01T00:00:00Z. In texts (JSON) it is RFC 3339; elsewhere the number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp(pub i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true))
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text).map(|time| Self(time.timestamp_micros())).map_err(|error| {
            serde::de::Error::custom(format!(
                "\"{text}\" is no time ({error}); write it like 2026-01-31T08:00:00Z"
            ))
        })
    }
}

/// One second in the unit of [`Timestamp`].
pub const SECOND: i64 = 1_000_000;

impl Timestamp {
    /// Seconds from `earlier` to `self`; negative if `self` comes first.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / SECOND as f64
    }

    /// `self` moved by `seconds`.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }

    /// RFC 3339 in UTC with milliseconds: some stations choke on more digits.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        DateTime::from_timestamp_micros(self.0)
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// As a chrono time in UTC (the epoch for what chrono cannot hold).
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// Reads what a station wrote. RFC 3339 by the book; without a zone it is taken as UTC and flagged.
    #[must_use]
    pub fn parse(text: &str, deviations: &mut Deviations) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(time.timestamp_micros()));
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"] {
            if let Ok(time) = DateTime::parse_from_str(text, format) {
                deviations.add(Deviation::TimestampFormat);
                return Some(Self(time.timestamp_micros()));
            }
        }
        let bare = text.trim_end_matches(['Z', 'z']);
        for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
            if let Ok(time) = NaiveDateTime::parse_from_str(bare, format) {
                deviations.add(if bare.len() == text.len() {
                    Deviation::TimestampWithoutZone
                } else {
                    Deviation::TimestampFormat
                });
                return Some(Self(time.and_utc().timestamp_micros()));
            }
        }
        None
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stations_write_for_a_time() {
        let noon = Some(Timestamp(1_700_000_000 * SECOND));
        for (text, expected, deviation) in [
            ("2023-11-14T22:13:20Z", noon, None),
            ("2023-11-14T22:13:20.000000000Z", noon, None),
            ("2023-11-14T23:13:20+01:00", noon, None),
            ("2023-11-14T23:13:20+0100", noon, Some(Deviation::TimestampFormat)),
            ("2023-11-14 22:13:20Z", noon, None),
            ("2023-11-14T22:13:20", noon, Some(Deviation::TimestampWithoutZone)),
            ("2023-11-14 22:13:20", noon, Some(Deviation::TimestampWithoutZone)),
            ("yesterday", None, None),
            ("", None, None),
        ] {
            let mut deviations = Deviations::default();
            assert_eq!(Timestamp::parse(text, &mut deviations), expected, "{text}");
            assert_eq!(deviations, Deviations::from_iter(deviation), "{text}");
        }
    }

    #[test]
    fn milliseconds_are_written() {
        assert_eq!(Timestamp(1_700_000_000_123_456).to_rfc3339(), "2023-11-14T22:13:20.123Z");
    }
}
