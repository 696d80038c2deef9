//! `ampwarden import stations | sites`: each row is a setting. What the file does not say stays as it is.

use std::collections::HashMap;
use std::fmt::Display;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use station::mqtt::record::{self, ListRow, Mapping};

use super::{Outcome, Source, open, progress};
use crate::api::{Api, Item, Refusal};

/// A list of stations.
#[derive(Args, Debug)]
pub(crate) struct Stations {
    #[command(flatten)]
    source: Source,
}

/// A list of sites, with their grid limits.
#[derive(Args, Debug)]
pub(crate) struct Sites {
    #[command(flatten)]
    source: Source,
}

impl Stations {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let mapping = Mapping::new(self.source.mapping("stations")?)?;
        let rows = record::stations(&mapping, &text(&self.source)?).with_context(|| self.source.trouble())?;
        List { collection: "stations", key: "station", source: &self.source }.take(rows)
    }
}

impl Sites {
    /// What became of the sites, and of their limits if the list has any.
    pub(super) fn run(self) -> anyhow::Result<Vec<Outcome>> {
        let mapping = Mapping::new(self.source.mapping("sites")?)?;
        let text = text(&self.source)?;
        let rows = record::sites(&mapping, &text).with_context(|| self.source.trouble())?;
        // A row that is wrong as a whole was told with the sites.
        let mut limits = record::limits(&mapping, &text).with_context(|| self.source.trouble())?;
        let wrong: Vec<u64> = rows.iter().filter(|row| row.setting.is_err()).map(|row| row.line).collect();
        limits.retain(|row| !wrong.contains(&row.line));
        let list = |collection| List { collection, key: "site", source: &self.source };
        let mut outcomes = vec![list("sites").take(rows)?];
        if !limits.is_empty() {
            outcomes.push(list("limits").take(limits)?);
        }
        Ok(outcomes)
    }
}

fn text(source: &Source) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut open(&source.file)?, &mut text).with_context(|| source.trouble())?;
    Ok(text)
}

struct List<'a> {
    collection: &'static str,
    /// The field that is the key.
    key: &'static str,
    source: &'a Source,
}

impl List<'_> {
    fn take<T: Serialize>(&self, rows: Vec<ListRow<T>>) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome { what: self.collection, dry: self.source.dry_run, ..Outcome::default() };
        let api = self.source.api.connect();
        let mut known: HashMap<String, Item> = HashMap::new();
        if !self.source.dry_run {
            known = api.list(self.collection)?.into_iter().map(|item| (item.key.clone(), item)).collect();
        }
        let bar = progress(rows.len() as u64, "rows");
        for row in rows {
            bar.inc(1);
            match row.setting {
                Err(error) => outcome.reject(row.line, error.to_string()),
                Ok(_) if self.source.dry_run => outcome.taken += 1,
                Ok(setting) => {
                    let (key, value) = self.split(&setting)?;
                    match self.put(&api, known.get(&key), &key, value)? {
                        Put::Taken(item) => {
                            known.insert(key, item);
                            outcome.taken += 1;
                        }
                        Put::ThereAlready => outcome.there_already += 1,
                        Put::Rejected(reason) => outcome.reject(row.line, reason),
                    }
                }
            }
        }
        bar.finish_and_clear();
        Ok(outcome)
    }

    /// The key, and what the file says. A list says nothing of maintenance and retirement.
    fn split(&self, setting: &impl Serialize) -> anyhow::Result<(String, Map<String, Value>)> {
        let mut value = match serde_json::to_value(setting)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        value.retain(|field, value| !value.is_null() && field != "maintenance" && field != "retired");
        let key = value.remove(self.key).and_then(|key| key.as_str().map(str::to_owned)).unwrap_or_default();
        Ok((key, value))
    }

    fn put(
        &self,
        api: &Api,
        known: Option<&Item>,
        key: &str,
        said: Map<String, Value>,
    ) -> anyhow::Result<Put> {
        let mut value = known.map(|item| item.value.clone()).unwrap_or_default();
        if !value.is_empty() && said.iter().all(|(field, said)| value.get(field) == Some(said)) {
            return Ok(Put::ThereAlready);
        }
        value.remove(self.key);
        value.extend(said);
        value.retain(|_, value| !value.is_null());
        match api.put(self.collection, key, &value, known.map(|item| item.revision)) {
            Ok(item) => Ok(Put::Taken(item)),
            Err(error) => match error.downcast::<Refusal>() {
                // The row is wrong, the others may be right.
                Ok(Refusal::Wrong(reason)) => Ok(Put::Rejected(reason)),
                Ok(other) => Err(other).with_context(|| self.stopped(key)),
                Err(other) => Err(other).with_context(|| self.stopped(key)),
            },
        }
    }

    fn stopped(&self, key: &str) -> impl Display + Send + Sync + 'static {
        format!("stopped at {key} (run the import again: what is there already is left as it is)")
    }
}

enum Put {
    Taken(Item),
    ThereAlready,
    Rejected(String),
}
