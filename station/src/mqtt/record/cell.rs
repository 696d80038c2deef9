//! One cell of a row: text that must become a number or a time.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

use super::mapping::Mapping;
use crate::deviation::{Deviation, Deviations};
use crate::time::Timestamp;

/// One cell, as it came.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cell<'a> {
    /// CSV, or a JSON string.
    Text(&'a str),
    /// A JSON number.
    Number(f64),
    /// Nothing.
    Missing,
}

/// How times are written where a mapping does not say it.
const TIMES: [&str; 10] = [
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f%#z",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M",
];

impl<'a> Cell<'a> {
    /// Trimmed text that is there.
    pub(super) fn text(self, mapping: &Mapping) -> Option<&'a str> {
        let Self::Text(text) = self else { return None };
        let text = text.trim();
        let is_missing = text.is_empty()
            || (text.len() <= 8 && mapping.missing.iter().any(|word| text.to_lowercase() == *word));
        (!is_missing).then_some(text)
    }

    /// Whether nothing is there.
    pub(super) fn is_missing(self, mapping: &Mapping) -> bool {
        match self {
            Self::Missing => true,
            Self::Number(number) => !number.is_finite(),
            Self::Text(_) => self.text(mapping).is_none(),
        }
    }
}

/// A number as the mapping says that numbers are written.
pub(super) fn number(mapping: &Mapping, cell: Cell<'_>) -> Option<f64> {
    let number = match cell {
        Cell::Number(number) => number,
        _ => plain_number(mapping, cell.text(mapping)?).parse().ok()?,
    };
    number.is_finite().then_some(number)
}

/// The number's text with a point before the decimals and nothing between thousands.
pub(super) fn plain_number(mapping: &Mapping, text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{a0}' | '\u{202f}') && Some(*c) != mapping.thousands)
        .map(|c| if mapping.decimal_comma && c == ',' { '.' } else { c })
        .collect()
}

/// Seconds: a number in the column's unit, or h:mm, h:mm:ss.
pub(super) fn duration_s(mapping: &Mapping, cell: Cell<'_>, factor: f64) -> Option<f64> {
    let Some(text) = cell.text(mapping).filter(|text| text.contains(':')) else {
        return Some(number(mapping, cell)? * factor);
    };
    let mut seconds = 0.0;
    let mut scale = 3_600.0;
    for part in text.split(':') {
        let part: f64 = part.parse().ok().filter(|part: &f64| part.is_finite() && *part >= 0.0)?;
        if scale < 1.0 {
            return None;
        }
        seconds += part * scale;
        scale /= 60.0;
    }
    Some(seconds)
}

/// A point in time. `date` replaces the date that the cell itself says.
pub(super) fn time(
    mapping: &Mapping,
    cell: Cell<'_>,
    date: Option<NaiveDate>,
    odd: &mut Deviations,
) -> Option<Timestamp> {
    let text = match cell {
        Cell::Missing => return None,
        Cell::Number(number) => return from_unix(number, odd),
        Cell::Text(_) => cell.text(mapping)?,
    };
    let on = |naive: NaiveDateTime| date.map_or(naive, |date| date.and_time(naive.time()));
    for format in formats(mapping) {
        if let Ok(time) = DateTime::parse_from_str(text, format) {
            if mapping.ignore_zone {
                return local(mapping, on(time.naive_local()), odd);
            }
            let moved = on(time.naive_local());
            return Some(Timestamp(time.offset().from_local_datetime(&moved).single()?.timestamp_micros()));
        }
        if let Ok(naive) = NaiveDateTime::parse_from_str(text, format) {
            return local(mapping, on(naive), odd);
        }
        if let Some(date) = date
            && let Ok(time) = NaiveTime::parse_from_str(text, format)
        {
            return local(mapping, date.and_time(time), odd);
        }
    }
    None
}

/// The date in a cell that holds a date, with or without a time.
pub(super) fn date(mapping: &Mapping, cell: Cell<'_>) -> Option<NaiveDate> {
    let text = cell.text(mapping)?;
    formats(mapping).find_map(|format| {
        DateTime::parse_from_str(text, format)
            .map(|time| time.date_naive())
            .or_else(|_| NaiveDateTime::parse_from_str(text, format).map(|time| time.date()))
            .or_else(|_| NaiveDate::parse_from_str(text, format))
            .ok()
    })
}

fn formats(mapping: &Mapping) -> impl Iterator<Item = &str> {
    let own = mapping.time_formats.iter().map(String::as_str);
    own.chain(TIMES.into_iter().filter(|_| mapping.time_formats.is_empty()))
}

/// A time of the mapping's zone. Of an hour that the clock shows twice the first counts; one that it skips counts as
/// if it had not been.
fn local(mapping: &Mapping, naive: NaiveDateTime, odd: &mut Deviations) -> Option<Timestamp> {
    let mut naive = naive;
    if (0..100).contains(&naive.year()) {
        naive = naive.with_year(naive.year() + 2_000)?;
        odd.add(Deviation::TimestampFormat);
    }
    if !mapping.zone_is_known {
        odd.add(Deviation::TimestampWithoutZone);
    }
    let found = mapping.time_zone.from_local_datetime(&naive).earliest();
    let found = found.or_else(|| {
        let before = naive - chrono::Duration::hours(1);
        mapping
            .time_zone
            .from_local_datetime(&before)
            .earliest()
            .map(|time| time + chrono::Duration::hours(1))
    });
    Some(Timestamp(found?.timestamp_micros()))
}

/// Seconds since 1970, or milliseconds where seconds would lie beyond the year 5000.
fn from_unix(number: f64, odd: &mut Deviations) -> Option<Timestamp> {
    let seconds = if number.abs() > 1e11 { number / 1e3 } else { number };
    odd.add(Deviation::TimestampFormat);
    #[allow(clippy::cast_possible_truncation)]
    (seconds.is_finite() && seconds.abs() < 1e11).then(|| Timestamp((seconds * 1e6).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(text: &str) -> Mapping {
        Mapping::from_toml(text).expect(text)
    }

    #[test]
    fn numbers_as_they_are_written() {
        for (settings, text, expected) in [
            ("", "7.5", Some(7.5)),
            ("", " 1e3 ", Some(1e3)),
            ("", "7,5", None),
            ("decimal_comma = true", "0,136666667", Some(0.136_666_667)),
            ("decimal_comma = true\nthousands = \".\"", "1.234,5", Some(1234.5)),
            ("thousands = \",\"", "2,418", Some(2418.0)),
            ("", "inf", None),
            ("", "NaN", None),
            ("", "   -     ", None),
            ("", "12 kWh", None),
        ] {
            assert_eq!(number(&mapping(settings), Cell::Text(text)), expected, "{text} ({settings})");
        }
    }

    #[test]
    fn durations_with_colons() {
        let plain = mapping("");
        for (text, factor, expected) in [
            ("1:30", 1.0, Some(5_400.0)),
            ("0:01:30", 1.0, Some(90.0)),
            ("128", 60.0, Some(7_680.0)),
            ("1:2:3:4", 1.0, None),
            ("1:-2", 1.0, None),
        ] {
            assert_eq!(duration_s(&plain, Cell::Text(text), factor), expected, "{text}");
        }
    }

    #[test]
    fn times_in_their_zone() {
        let oslo = "time_zone = \"Europe/Oslo\"\ntime_formats = [\"%d.%m.%Y %H:%M\"]";
        for (settings, text, expected) in [
            ("", "2023-11-14 22:13:20", Some("2023-11-14T22:13:20.000Z")),
            ("", "2023-11-14T23:13:20+01:00", Some("2023-11-14T22:13:20.000Z")),
            ("", "0014-11-18 15:40:26", Some("2014-11-18T15:40:26.000Z")),
            (oslo, "21.12.2018 10:20", Some("2018-12-21T09:20:00.000Z")),
            (oslo, "28.10.2018 02:30", Some("2018-10-28T00:30:00.000Z")),
            (oslo, "25.03.2018 02:30", Some("2018-03-25T01:30:00.000Z")),
            (oslo, "12/21/2018 10:20", None),
            ("", "yesterday", None),
            ("", "2024-02-30 00:00:00", None),
        ] {
            let read = time(&mapping(settings), Cell::Text(text), None, &mut Deviations::default());
            assert_eq!(read.map(Timestamp::to_rfc3339).as_deref(), expected, "{text}");
        }
        let mut odd = Deviations::default();
        assert_eq!(
            time(&mapping(""), Cell::Number(1.7e12), None, &mut odd).map(|t| t.0),
            Some(1_700_000_000_000_000)
        );
    }

    #[test]
    fn the_date_may_stand_elsewhere() {
        let boulder = mapping("time_zone = \"America/Denver\"\nignore_zone = true");
        let on = date(&boulder, Cell::Text("2018/01/31 00:00:00+00"));
        let mut odd = Deviations::default();
        let at = time(&boulder, Cell::Text("2021/01/21 17:43:00+00"), on, &mut odd);
        assert_eq!(at.map(Timestamp::to_rfc3339).as_deref(), Some("2018-02-01T00:43:00.000Z"));
    }
}
