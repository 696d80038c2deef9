//! What `tariffs`, `tokens`, `limits`, `settings`, `sites` and `stations` have in common: `set`, `list`, `history`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use station::time::Timestamp;

use crate::api::{Api, ApiArgs, Item};
use crate::table;

/// A command over one collection; `S` holds the flags of its `set`.
#[derive(Args, Debug)]
pub(crate) struct Collection<S: Args> {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action<S>,
}

#[derive(Subcommand, Debug)]
pub(super) enum Action<S: Args> {
    /// Make one, or change it: what is not given stays as it is.
    Set(S),
    /// Show all.
    List {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Show all changes of one.
    History {
        /// Its key, as `list` shows it.
        key: String,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
}

/// What a collection's `set` gives.
pub(super) trait Set: Args {
    /// The collection's name in paths.
    const COLLECTION: &'static str;
    /// The fields that are shown, in this order.
    const COLUMNS: &'static [&'static str];

    /// Sends the change.
    fn send(self, api: &Api) -> anyhow::Result<Item>;
}

impl<S: Set> Collection<S> {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.action.run(&self.api.connect())
    }
}

impl<S: Set> Action<S> {
    pub(super) fn run(self, api: &Api) -> anyhow::Result<ExitCode> {
        match self {
            Self::Set(set) => {
                let item = set.send(api)?;
                println!("{} {} is now at revision {}", S::COLLECTION, item.key, item.revision);
            }
            Self::List { json } => show(&api.list(S::COLLECTION)?, S::COLUMNS, json)?,
            Self::History { key, json } => show(&api.history(S::COLLECTION, &key)?, S::COLUMNS, json)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Fields to change: those that were given. An empty text takes a value away.
#[derive(Default)]
pub(super) struct Changes(Map<String, Value>);

impl Changes {
    pub(super) fn with<T: Into<Value>>(mut self, field: &str, value: Option<T>) -> Self {
        if let Some(value) = value {
            let value = match value.into() {
                Value::String(text) if text.is_empty() => Value::Null,
                value => value,
            };
            self.0.insert(field.to_owned(), value);
        }
        self
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Lays the changes over what is there and writes that back, unless somebody else was faster. `only_if` is the
    /// revision that the operator expects.
    pub(super) fn put<S: Set>(
        self,
        api: &Api,
        key: &str,
        key_field: &str,
        only_if: Option<u64>,
    ) -> anyhow::Result<Item> {
        let current = api.find(S::COLLECTION, key)?;
        let expected = only_if.or(current.as_ref().map(|item| item.revision));
        let mut value = current.map(|item| item.value).unwrap_or_default();
        value.remove(key_field);
        value.extend(self.0);
        value.retain(|_, value| !value.is_null());
        api.put(S::COLLECTION, key, &value, expected)
    }
}

/// A time of RFC 3339, as the API wants it; an empty text is none, which takes a time away.
pub(super) fn time_or_none(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { time(text).map(|time| time.to_rfc3339()) }
}

/// A time of RFC 3339, as the API wants it.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|time| Timestamp(time.timestamp_micros()))
        .map_err(|error| format!("\"{text}\" is no time such as 2026-05-01T00:00:00Z: {error}"))
}

fn show(items: &[Item], columns: &[&str], json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(items)?);
        return Ok(());
    }
    let mut head = vec!["KEY".to_owned(), "REV".to_owned()];
    head.extend(columns.iter().map(|column| column.to_uppercase()));
    head.extend(["CHANGED".to_owned(), "BY".to_owned()]);
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let mut row = vec![item.key.clone(), item.revision.to_string()];
            row.extend(columns.iter().map(|column| cell(item.value.get(*column))));
            row.extend([item.changed_at.clone(), item.author.clone()]);
            row
        })
        .collect();
    print!("{}", table::render(&head.iter().map(String::as_str).collect::<Vec<_>>(), &rows));
    Ok(())
}

/// A value as people read it.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_people_read_them() {
        for (value, shown) in [
            ("EUR".into(), "EUR"),
            (Value::Null, "-"),
            (true.into(), "yes"),
            (150_000.0.into(), "150000.0"),
            (serde_json::json!(["a"]), "[\"a\"]"),
        ] {
            assert_eq!(cell(Some(&value)), shown);
        }
        assert_eq!(cell(None), "-");
    }

    #[test]
    fn only_what_was_given_is_changed() {
        let changes = Changes::default()
            .with("name", Some("x"))
            .with("site", Some(""))
            .with("maintenance", None::<bool>);
        assert_eq!(Value::Object(changes.into_map()), serde_json::json!({"name": "x", "site": null}));
    }
}
