//! The file's keys: where each stands, and which of them nobody knows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place, Problem};
use super::shape::Shape;

/// Where each key was written, by its path.
#[derive(Default, Debug)]
pub(super) struct Places(HashMap<Vec<String>, Place>);

impl Places {
    pub(super) fn set(&mut self, path: Vec<String>, place: Place) {
        self.0.insert(path, place);
    }

    /// Where `path` was written, or else the closest table around it.
    pub(super) fn nearest(&self, path: &[String]) -> Place {
        (0..=path.len())
            .rev()
            .find_map(|length| self.0.get(&path[..length]).cloned())
            .unwrap_or(Place::Nowhere)
    }
}

/// A parsed file.
pub(super) struct Parsed {
    pub(super) table: toml::Table,
    pub(super) places: Places,
}

/// Parses the text of the file `name`.
pub(super) fn parse(name: &Path, text: &str) -> Result<Parsed, ConfigError> {
    let no_toml = |error: &toml::de::Error| ConfigError::Syntax {
        place: Place::File(name.to_owned(), line_of(text, error.span().map_or(0, |span| span.start))),
        message: error.message().trim().replace('\n', "; "),
    };
    let spanned = DeTable::parse(text).map_err(|error| no_toml(&error))?;
    let table = toml::from_str(text).map_err(|error| no_toml(&error))?;
    let mut places = Places::default();
    let mut walk = Walk { name: name.to_owned(), text, places: &mut places };
    walk.table(&mut Vec::new(), spanned.get_ref());
    Ok(Parsed { table, places })
}

struct Walk<'a> {
    name: PathBuf,
    text: &'a str,
    places: &'a mut Places,
}

impl Walk<'_> {
    fn table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.places
                .set(path.clone(), Place::File(self.name.clone(), line_of(self.text, key.span().start)));
            self.value(path, value.get_ref());
            path.pop();
        }
    }

    fn value(&mut self, path: &mut Vec<String>, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.table(path, table),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    self.places.set(
                        path.clone(),
                        Place::File(self.name.clone(), line_of(self.text, item.span().start)),
                    );
                    self.value(path, item.get_ref());
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

/// Adds a problem for each key of the file that `shape` does not have.
pub(super) fn check(shape: &Shape, name: &Path, parsed: &Parsed, problems: &mut Vec<Problem>) {
    let mut found = Vec::new();
    check_table(shape, &mut Vec::new(), &parsed.table, &parsed.places, &mut found);
    found.sort_by_key(|problem| match &problem.place {
        Place::File(_, line) => *line,
        _ => 0,
    });
    debug_assert!(found.iter().all(|p| matches!(&p.place, Place::File(file, _) if file == name)));
    problems.extend(found);
}

fn check_table(
    shape: &Shape,
    path: &mut Vec<String>,
    table: &toml::Table,
    places: &Places,
    found: &mut Vec<Problem>,
) {
    for (key, value) in table {
        path.push(key.clone());
        match shape.key(key) {
            Some(inner) => check_value(&inner, path, value, places, found),
            None if shape.has_fixed_keys() => {
                let message = unknown_key(&path[..path.len() - 1], key, shape);
                found.push(Problem { place: places.nearest(path), message });
            }
            None => {}
        }
        path.pop();
    }
}

fn check_value(
    shape: &Shape,
    path: &mut Vec<String>,
    value: &toml::Value,
    places: &Places,
    found: &mut Vec<Problem>,
) {
    match value {
        toml::Value::Table(table) => check_table(shape, path, table, places, found),
        toml::Value::Array(items) => {
            let Some(inner) = shape.items() else { return };
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                check_value(&inner, path, item, places, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Says that `[table]` has no such key, and which one was meant.
pub(super) fn unknown_key(table: &[String], key: &str, shape: &Shape) -> String {
    let known: Vec<String> = shape.keys().into_iter().map(|(known, _)| known).collect();
    let hint = match closest(key, &known) {
        Some(right) => format!("did you mean \"{right}\"?"),
        None => format!("it may have: {}", known.join(", ")),
    };
    let place = if table.is_empty() { "the file".to_owned() } else { format!("[{}]", dotted(table)) };
    format!("{place} has no key \"{key}\"; {hint}")
}

/// The known word that is most like `word`, if any is alike enough to be meant.
pub(super) fn closest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.as_str())
}

/// A path as operators write it; indices of lists in brackets.
pub(super) fn dotted(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        if part.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            text.push_str(&format!("[{part}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(part);
        }
    }
    text
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}
