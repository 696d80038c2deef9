//! Overrides by environment variables: `AMPWARDEN__GATEWAY__OCPP__LISTEN` sets `gateway.ocpp.listen`.

use std::collections::BTreeMap;

use super::error::{Place, Problem};
use super::keys::{self, Places};
use super::shape::Shape;

/// What each override begins with.
pub const PREFIX: &str = "AMPWARDEN__";

/// The variable that sets `setting` ("gateway.ocpp.listen").
#[must_use]
pub fn variable_for(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_uppercase().replace('.', "__"))
}

/// Writes the variables over the file's values.
pub(super) fn apply(
    env: &BTreeMap<String, String>,
    shape: &Shape,
    table: &mut toml::Table,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) {
    for (name, text) in env {
        let place = Place::Variable(name.clone());
        let Some(rest) = name.strip_prefix(PREFIX) else {
            if name.starts_with("AMPWARDEN") && name.contains("__") {
                // Kubernetes sets AMPWARDEN_… variables of its own for services, but never with two underscores.
                let message = format!("variables that set something begin with {PREFIX} (two underscores)");
                problems.push(Problem { place, message });
            }
            continue;
        };
        match resolve(rest, shape).and_then(|(path, shape)| Ok((value_of(text, &shape)?, path))) {
            Ok((value, path)) => {
                if let Err(message) = put(table, &path, value) {
                    problems.push(Problem { place, message });
                } else {
                    places.set(path, place);
                }
            }
            Err(message) => problems.push(Problem { place, message }),
        }
    }
}

/// The path that a variable means, and what stands there.
fn resolve(rest: &str, shape: &Shape) -> Result<(Vec<String>, Shape), String> {
    let mut path = Vec::new();
    let mut shape = shape.clone();
    for part in rest.split("__") {
        let key = part.to_lowercase();
        match shape.key(&key) {
            Some(inner) => {
                path.push(key);
                shape = inner;
            }
            None if shape.has_fixed_keys() => return Err(keys::unknown_key(&path, &key, &shape)),
            None => return Err(format!("{} is a value and has no key \"{key}\"", keys::dotted(&path))),
        }
    }
    Ok((path, shape))
}

/// Reads a variable's text as what is wanted there: text as it is, anything else as TOML.
fn value_of(text: &str, shape: &Shape) -> Result<toml::Value, String> {
    let types = shape.types();
    let structured = types.contains("array") || types.contains("object");
    let opens_structure = text.trim_start().starts_with(['[', '{']);
    if types.contains("string") && !(structured && opens_structure) {
        return Ok(toml::Value::String(text.to_owned()));
    }
    match toml::from_str::<toml::Table>(&format!("value = {}", text.trim())) {
        Ok(mut table) => table.remove("value").ok_or_else(|| "this is no TOML value".to_owned()),
        // Numbers and truth values that are none: let the type say what it wants.
        Err(_) if !structured => Ok(toml::Value::String(text.to_owned())),
        Err(error) => Err(format!(
            "a list or table is written as in TOML, such as [\"a\", \"b\"] or {{ key = 1 }}: {}",
            error.message().trim()
        )),
    }
}

fn put(table: &mut toml::Table, path: &[String], value: toml::Value) -> Result<(), String> {
    let Some((last, tables)) = path.split_last() else { return Ok(()) };
    let mut table = table;
    for key in tables {
        let entry = table.entry(key.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        match entry {
            toml::Value::Table(inner) => table = inner,
            _ => return Err(format!("the file has a plain value at \"{key}\", not a table")),
        }
    }
    table.insert(last.clone(), value);
    Ok(())
}
