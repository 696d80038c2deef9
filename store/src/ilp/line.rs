//! One row as one line of the line protocol, in what the store can take.

use std::borrow::Cow;

use questdb::ingress::{Buffer, ColumnName, TableName, TimestampMicros};
use station::time::Timestamp;
use uuid::Uuid;

use crate::schema::Table;

/// Longest SYMBOL, in bytes: they are enumerations, kept in memory-mapped dictionaries. Longer ones are cut, and end
/// in "…".
pub(crate) const SYMBOL_MAX_BYTES: usize = 256;

/// Longest text, in bytes. Frames are limited to 1 MiB; a sealed payload may be somewhat longer. Longer ones are cut,
/// and end in "…".
pub(crate) const TEXT_MAX_BYTES: usize = 2 << 20;

/// 9999-12-31T23:59:59.999999Z: the server answers 500 (not 400) to a row beyond it.
const LAST_US: i64 = 253_402_300_799_999_999;
/// 0001-01-01T00:00:00Z: before it, readers of other languages fail.
const FIRST_US: i64 = -62_135_596_800_000_000;

/// Why a row cannot be written as a line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("ts is {0} µs since 1970; the store takes designated timestamps from 1970 to 9999")]
    Time(i64),
    #[error("the client cannot encode it: {0}")]
    Client(String),
}

impl From<questdb::Error> for LineError {
    fn from(error: questdb::Error) -> Self {
        Self::Client(error.msg().to_owned())
    }
}

/// Writes one line at the end of a buffer. Columns that are `None` are left out, which the store reads as NULL.
pub(crate) struct Line<'b> {
    buffer: &'b mut Buffer,
}

impl<'b> Line<'b> {
    pub(crate) fn new(buffer: &'b mut Buffer) -> Self {
        Self { buffer }
    }

    pub(crate) fn begin(&mut self, table: &Table) -> Result<(), LineError> {
        self.buffer.table(TableName::new_unchecked(table.name))?;
        Ok(())
    }

    pub(crate) fn symbol<'v>(
        &mut self,
        name: &str,
        value: impl Into<Option<&'v str>>,
    ) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            self.buffer.symbol(ColumnName::new_unchecked(name), clean_symbol(value))?;
        }
        Ok(())
    }

    pub(crate) fn text<'v>(
        &mut self,
        name: &str,
        value: impl Into<Option<&'v str>>,
    ) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            self.buffer.column_str(ColumnName::new_unchecked(name), clean_text(value))?;
        }
        Ok(())
    }

    /// As text: over this protocol the server casts it to the column's UUID.
    pub(crate) fn uuid(&mut self, name: &str, value: impl Into<Option<Uuid>>) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            let mut digits = Uuid::encode_buffer();
            let digits: &str = value.hyphenated().encode_lower(&mut digits);
            self.buffer.column_str(ColumnName::new_unchecked(name), digits)?;
        }
        Ok(())
    }

    pub(crate) fn int(&mut self, name: &str, value: impl Into<Option<i32>>) -> Result<(), LineError> {
        self.long(name, value.into().map(i64::from))
    }

    pub(crate) fn long(&mut self, name: &str, value: impl Into<Option<i64>>) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            self.buffer.column_i64(ColumnName::new_unchecked(name), value)?;
        }
        Ok(())
    }

    /// What is not finite becomes NULL.
    pub(crate) fn double(&mut self, name: &str, value: impl Into<Option<f64>>) -> Result<(), LineError> {
        if let Some(value) = value.into().filter(|value| value.is_finite()) {
            self.buffer.column_f64(ColumnName::new_unchecked(name), value)?;
        }
        Ok(())
    }

    pub(crate) fn bool(&mut self, name: &str, value: bool) -> Result<(), LineError> {
        self.buffer.column_bool(ColumnName::new_unchecked(name), value)?;
        Ok(())
    }

    /// Times outside the years 1 to 9999 become NULL.
    pub(crate) fn time(&mut self, name: &str, value: impl Into<Option<Timestamp>>) -> Result<(), LineError> {
        if let Some(Timestamp(us)) = value.into().filter(|time| (FIRST_US..=LAST_US).contains(&time.0)) {
            self.buffer.column_ts(ColumnName::new_unchecked(name), TimestampMicros::new(us))?;
        }
        Ok(())
    }

    pub(crate) fn end(&mut self, ts: Timestamp) -> Result<(), LineError> {
        if !(0..=LAST_US).contains(&ts.0) {
            return Err(LineError::Time(ts.0));
        }
        self.buffer.at(TimestampMicros::new(ts.0))?;
        Ok(())
    }
}

/// Control characters become "�": the server refuses NUL in symbols, and its own JSON breaks on the others.
fn clean_symbol(text: &str) -> Cow<'_, str> {
    cut(clean(text, char::is_control), SYMBOL_MAX_BYTES)
}

/// As for symbols, but line ends and tabs may stay.
fn clean_text(text: &str) -> Cow<'_, str> {
    cut(clean(text, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')), TEXT_MAX_BYTES)
}

fn clean(text: &str, bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.contains(&bad) { Cow::Owned(text.replace(bad, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

fn cut(text: Cow<'_, str>, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return text;
    }
    let mut end = max_bytes - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_and_cut_between_characters() {
        assert_eq!(clean_symbol("Säule 7"), "Säule 7");
        assert_eq!(clean_symbol("a\0b\nc"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(clean_text("a\0b\nc"), "a\u{fffd}b\nc");
        let cut = clean_symbol(&"ä".repeat(SYMBOL_MAX_BYTES)).into_owned();
        assert!(cut.len() <= SYMBOL_MAX_BYTES && cut.ends_with("ä…"), "{cut}");
    }
}
