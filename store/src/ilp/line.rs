//! One row as one line of the line protocol, in what the store can take; or as the cells that the store should then
//! have.

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

/// What the store has in a column of a row.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Cell {
    Text(String),
    Uuid(Uuid),
    Long(i64),
    Double(f64),
    Bool(bool),
    Time(Timestamp),
}

/// A row as the store should have it: what is not named is NULL.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Cells {
    pub(crate) ts: Timestamp,
    pub(crate) named: Vec<(&'static str, Cell)>,
}

/// Writes one line at the end of a buffer. Columns that are `None` are left out, which the store reads as NULL.
pub(crate) struct Line<'b> {
    to: To<'b>,
}

enum To<'b> {
    Protocol(&'b mut Buffer),
    Cells(&'b mut Cells),
}

impl<'b> Line<'b> {
    pub(crate) fn new(buffer: &'b mut Buffer) -> Self {
        Self { to: To::Protocol(buffer) }
    }

    /// Writes no line, but what the store should have of it.
    pub(crate) fn as_cells(cells: &'b mut Cells) -> Self {
        Self { to: To::Cells(cells) }
    }

    pub(crate) fn begin(&mut self, table: &Table) -> Result<(), LineError> {
        match &mut self.to {
            To::Protocol(buffer) => {
                buffer.table(TableName::new_unchecked(table.name))?;
            }
            To::Cells(cells) => cells.named.clear(),
        }
        Ok(())
    }

    pub(crate) fn symbol<'v>(
        &mut self,
        name: &'static str,
        value: impl Into<Option<&'v str>>,
    ) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            match &mut self.to {
                To::Protocol(buffer) => {
                    buffer.symbol(ColumnName::new_unchecked(name), clean_symbol(value))?;
                }
                To::Cells(cells) => cells.named.push((name, Cell::Text(clean_symbol(value).into_owned()))),
            }
        }
        Ok(())
    }

    pub(crate) fn text<'v>(
        &mut self,
        name: &'static str,
        value: impl Into<Option<&'v str>>,
    ) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            match &mut self.to {
                To::Protocol(buffer) => {
                    buffer.column_str(ColumnName::new_unchecked(name), clean_text(value))?;
                }
                To::Cells(cells) => cells.named.push((name, Cell::Text(clean_text(value).into_owned()))),
            }
        }
        Ok(())
    }

    /// As text: over this protocol the server casts it to the column's UUID.
    pub(crate) fn uuid(
        &mut self,
        name: &'static str,
        value: impl Into<Option<Uuid>>,
    ) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            match &mut self.to {
                To::Protocol(buffer) => {
                    let mut digits = Uuid::encode_buffer();
                    let digits: &str = value.hyphenated().encode_lower(&mut digits);
                    buffer.column_str(ColumnName::new_unchecked(name), digits)?;
                }
                To::Cells(cells) => cells.named.push((name, Cell::Uuid(value))),
            }
        }
        Ok(())
    }

    pub(crate) fn int(&mut self, name: &'static str, value: impl Into<Option<i32>>) -> Result<(), LineError> {
        self.long(name, value.into().map(i64::from))
    }

    pub(crate) fn long(
        &mut self,
        name: &'static str,
        value: impl Into<Option<i64>>,
    ) -> Result<(), LineError> {
        if let Some(value) = value.into() {
            match &mut self.to {
                To::Protocol(buffer) => {
                    buffer.column_i64(ColumnName::new_unchecked(name), value)?;
                }
                To::Cells(cells) => cells.named.push((name, Cell::Long(value))),
            }
        }
        Ok(())
    }

    /// What is not finite becomes NULL.
    pub(crate) fn double(
        &mut self,
        name: &'static str,
        value: impl Into<Option<f64>>,
    ) -> Result<(), LineError> {
        if let Some(value) = value.into().filter(|value| value.is_finite()) {
            match &mut self.to {
                To::Protocol(buffer) => {
                    buffer.column_f64(ColumnName::new_unchecked(name), value)?;
                }
                To::Cells(cells) => cells.named.push((name, Cell::Double(value))),
            }
        }
        Ok(())
    }

    pub(crate) fn bool(&mut self, name: &'static str, value: bool) -> Result<(), LineError> {
        match &mut self.to {
            To::Protocol(buffer) => {
                buffer.column_bool(ColumnName::new_unchecked(name), value)?;
            }
            To::Cells(cells) => cells.named.push((name, Cell::Bool(value))),
        }
        Ok(())
    }

    /// Times outside the years 1 to 9999 become NULL.
    pub(crate) fn time(
        &mut self,
        name: &'static str,
        value: impl Into<Option<Timestamp>>,
    ) -> Result<(), LineError> {
        if let Some(Timestamp(us)) = value.into().filter(|time| (FIRST_US..=LAST_US).contains(&time.0)) {
            match &mut self.to {
                To::Protocol(buffer) => {
                    buffer.column_ts(ColumnName::new_unchecked(name), TimestampMicros::new(us))?;
                }
                To::Cells(cells) => cells.named.push((name, Cell::Time(Timestamp(us)))),
            }
        }
        Ok(())
    }

    pub(crate) fn end(&mut self, ts: Timestamp) -> Result<(), LineError> {
        if !(0..=LAST_US).contains(&ts.0) {
            return Err(LineError::Time(ts.0));
        }
        match &mut self.to {
            To::Protocol(buffer) => buffer.at(TimestampMicros::new(ts.0))?,
            To::Cells(cells) => cells.ts = ts,
        }
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
