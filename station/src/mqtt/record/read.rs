//! From a message or a piece of a file to rows: CSV with or without a header, one JSON object, a list, or JSON Lines.

use serde_json::Value;

use super::cell::Cell;
use super::field::Field;
use super::mapping::Mapping;
use super::row::{Layout, Recorded, RowError, recorded};
use crate::event::{EventKind, RejectReason, Source, StationEvent};
use crate::id::StationId;
use crate::secret::SecretKey;

/// Lines that a quoted text may run over. More is a quote that was never closed, which must not swallow the file.
const QUOTED_LINES_MAX: usize = 8;

/// One row that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct ReadRow {
    /// Line in the text, from 1; for JSON the object's number.
    pub line: u64,
    /// What it says.
    pub said: Result<Recorded, RowError>,
    /// The row, tokens sealed.
    pub kept: String,
}

impl ReadRow {
    /// The row's event. `origin` says where the row stood (topic, or file and line).
    #[must_use]
    pub fn into_event(self, source: Source, origin: String) -> StationEvent {
        let mut event = match self.said {
            Ok(Recorded { station, record, deviations }) => StationEvent {
                deviations,
                ..StationEvent::new(station, source, EventKind::SessionRecorded(Box::new(record)))
            },
            Err(error) => {
                let detail = error.to_string();
                let station = error.station.unwrap_or_else(StationId::gateway);
                let kind = EventKind::Undecodable { reason: RejectReason::Invalid, detail, origin };
                StationEvent::new(station, source, kind)
            }
        };
        event.payload = Some(self.kept);
        event
    }
}

/// Why nothing of a text can be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// No column for what a session needs.
    #[error(transparent)]
    Header(#[from] super::row::HeaderError),
    /// Not JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but no object.
    #[error("expected an object a session, found {0}")]
    NoObject(&'static str),
    /// A row without a header, where the mapping says no order.
    #[error("the row has no header, and the mapping says no order of columns; send the header with it")]
    NoOrder,
    /// Nothing there.
    #[error("nothing is there")]
    Empty,
}

/// Reads all rows of a text.
///
/// # Errors
/// When nothing can be read; rows that cannot be taken are among the rows.
pub fn read(mapping: &Mapping, key: &SecretKey, text: &[u8]) -> Result<Vec<ReadRow>, ReadError> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().as_bytes().first() {
        None => Err(ReadError::Empty),
        Some(b'{' | b'[') => read_json(mapping, key, text),
        Some(_) => read_csv(mapping, key, text),
    }
}

fn read_json(mapping: &Mapping, key: &SecretKey, text: &str) -> Result<Vec<ReadRow>, ReadError> {
    let first = text.trim().lines().next().unwrap_or_default();
    // JSON Lines: a broken line is one row's trouble.
    if first.len() < text.trim().len() && serde_json::from_str::<Value>(first).is_ok_and(|v| v.is_object()) {
        return Ok(read_json_lines(mapping, key, text));
    }
    let mut rows = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match value.map_err(|error| ReadError::Json(error.to_string()))? {
            Value::Array(items) => {
                for item in items {
                    rows.push(object(mapping, key, item, rows.len() as u64 + 1)?);
                }
            }
            value => rows.push(object(mapping, key, value, rows.len() as u64 + 1)?),
        }
    }
    Ok(rows)
}

fn read_json_lines(mapping: &Mapping, key: &SecretKey, text: &str) -> Vec<ReadRow> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(line, text)| {
            let value = serde_json::from_str(text).map_err(|error| ReadError::Json(error.to_string()));
            value.and_then(|value| object(mapping, key, value, line)).unwrap_or_else(|error| ReadRow {
                line,
                said: Err(RowError { column: None, what: error.to_string(), station: None }),
                kept: crate::mqtt::kept::payload(text.as_bytes(), key),
            })
        })
        .collect()
}

fn object(mapping: &Mapping, key: &SecretKey, value: Value, line: u64) -> Result<ReadRow, ReadError> {
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Array(_) => return Err(ReadError::NoObject("a list")),
        Value::Null => return Err(ReadError::NoObject("null")),
        _ => return Err(ReadError::NoObject("a single value")),
    };
    let layout = Layout::sessions(mapping, fields.keys().map(String::as_str))?;
    let whole: Vec<Option<String>> = fields
        .values()
        .map(|v| (v.is_i64() || v.is_u64() || v.is_boolean()).then(|| v.to_string()))
        .collect();
    let cells: Vec<Cell<'_>> = fields
        .values()
        .zip(&whole)
        .map(|(value, whole)| match (value, whole) {
            (Value::String(text), _) => Cell::Text(text),
            // Not by way of a float: ids have more digits than that.
            (_, Some(whole)) => Cell::Text(whole),
            (Value::Number(number), _) => number.as_f64().map_or(Cell::Missing, Cell::Number),
            _ => Cell::Missing,
        })
        .collect();
    let said = recorded(mapping, &layout, key, &cells);
    let kept = kept(mapping, key, fields.clone());
    Ok(ReadRow { line, said, kept })
}

fn read_csv(mapping: &Mapping, key: &SecretKey, text: &str) -> Result<Vec<ReadRow>, ReadError> {
    let mut lines = logical_lines(text);
    let (_, first) = lines.next().ok_or(ReadError::Empty)?;
    let first = split(mapping, first);
    let header: Vec<&str> = first.iter().collect();
    // Without an order the first line must be a header: then its error names the columns.
    if mapping.order.is_empty() || Layout::is_header(mapping, header.iter().copied()) {
        let layout = Layout::sessions(mapping, header.iter().copied())?;
        return Ok(lines.flat_map(|(line, row)| rows(mapping, key, &layout, &header, line, row)).collect());
    }
    let order: Vec<&str> = mapping.order.iter().map(String::as_str).collect();
    let layout = Layout::sessions(mapping, order.iter().copied())?;
    Ok(logical_lines(text).flat_map(|(line, row)| rows(mapping, key, &layout, &order, line, row)).collect())
}

/// The rows of one logical line: one, or, if it took several lines together that do not fit, one each.
fn rows(
    mapping: &Mapping,
    key: &SecretKey,
    layout: &Layout,
    header: &[&str],
    line: u64,
    text: &str,
) -> Vec<ReadRow> {
    let row = csv_row(mapping, key, layout, header, line, text);
    if row.said.is_ok() || !text.contains('\n') {
        return vec![row];
    }
    let each = (line..).zip(text.lines());
    each.map(|(line, text)| csv_row(mapping, key, layout, header, line, text)).collect()
}

fn csv_row(
    mapping: &Mapping,
    key: &SecretKey,
    layout: &Layout,
    header: &[&str],
    line: u64,
    text: &str,
) -> ReadRow {
    let fields = split(mapping, text);
    let surplus = fields.iter().skip(layout.width()).any(|field| !field.trim().is_empty());
    if fields.len() < layout.width() || surplus {
        let what = format!(
            "the row has {} columns, {} belong there; look for a separator in a text without quotes, or a line that \
             was cut",
            fields.len(),
            layout.width()
        );
        // The columns have moved: any of them may hold the token.
        let kept =
            if mapping.has(Field::Token) { format!("sealed:{}", key.seal(text)) } else { text.to_owned() };
        return ReadRow { line, said: Err(RowError { column: None, what, station: None }), kept };
    }
    let cells: Vec<Cell<'_>> = fields.iter().map(Cell::Text).collect();
    let named = header.iter().zip(&fields).map(|(name, field)| ((*name).to_owned(), field.into()));
    ReadRow { line, said: recorded(mapping, layout, key, &cells), kept: kept(mapping, key, named.collect()) }
}

/// The fields of one line.
pub(super) fn split(mapping: &Mapping, line: &str) -> csv::StringRecord {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(mapping.separator)
        .buffer_capacity(line.len().max(64))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    // Neither reading memory nor taking text as text can fail.
    let _ = reader.read_record(&mut record);
    record
}

/// Lines with their numbers, from 1; those that a quoted text joins, as one. Empty lines are left out.
pub fn logical_lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let mut rest = text;
    let mut number = 0_u64;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let begin = number + 1;
            let (length, lines) = logical_line(rest);
            let (line, after) = rest.split_at(length);
            rest = after;
            number += lines;
            let line = line.trim_end_matches(['\r', '\n']);
            if !line.trim().is_empty() {
                return Some((begin, line));
            }
        }
        None
    })
}

/// Bytes and lines of the first logical line: until its quotes are closed; the first line alone if they never are.
fn logical_line(text: &str) -> (usize, u64) {
    let mut end = 0;
    let mut first = None;
    let mut quotes = 0;
    for lines in 1..=QUOTED_LINES_MAX {
        let length = text[end..].find('\n').map_or(text.len() - end, |at| at + 1);
        quotes += text[end..end + length].bytes().filter(|byte| *byte == b'"').count();
        end += length;
        first.get_or_insert(end);
        if quotes % 2 == 0 {
            return (end, lines as u64);
        }
        if end == text.len() {
            break;
        }
    }
    (first.unwrap_or(end), 1)
}

/// A row as it is kept: its token's columns sealed, by the mapping, and by their names.
fn kept(mapping: &Mapping, key: &SecretKey, mut fields: serde_json::Map<String, Value>) -> String {
    let tokens = mapping.columns.iter().filter(|(field, _)| *field == Field::Token);
    for column in tokens.flat_map(|(_, columns)| columns) {
        for (name, value) in &mut fields {
            if super::mapping::plain(name) == column.plain {
                let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                // A station's own id may stand in for a token: then it is no secret, but sealed all the same.
                *value = format!("sealed:{}", key.seal(&plain)).into();
            }
        }
    }
    let mut row = Value::Object(fields);
    seal_others(key, &mut row);
    row.to_string()
}

/// Seals what is named like a token, except what is sealed already.
fn seal_others(key: &SecretKey, row: &mut Value) {
    let Value::Object(fields) = row else { return };
    for (name, value) in fields {
        if value.as_str().is_some_and(|text| text.starts_with("sealed:")) {
            continue;
        }
        let mut alone = serde_json::Map::from_iter([(name.clone(), value.take())]).into();
        key.seal_payload(&mut alone);
        *value = alone.get_mut(name).map(Value::take).unwrap_or_default();
    }
}
