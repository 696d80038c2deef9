//! `ampwarden settings`

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::Value;
use station::setting::KNOWN_VALUES;

use super::setting::{Changes, Collection, Set};
use crate::api::{Api, Item};

/// Single values of the running gateway, by key.
#[derive(Args, Debug)]
#[command(after_help = after_help())]
pub(crate) struct Settings {
    #[command(flatten)]
    collection: Collection<SetValue>,
}

fn after_help() -> String {
    let keys: String =
        KNOWN_VALUES.iter().map(|(key, kind, does)| format!("  {key} ({kind}): {does}\n")).collect();
    format!(
        "Keys:\n{keys}\nExamples:\n  ampwarden settings set unknown_tokens accept\n  ampwarden settings set maintenance true"
    )
}

impl Settings {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.collection.run()
    }
}

#[derive(Args, Debug)]
struct SetValue {
    /// One of the keys below.
    key: String,
    /// JSON; a lone word is taken as text.
    value: String,
    /// Only if it is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

impl Set for SetValue {
    const COLLECTION: &'static str = "settings";
    const COLUMNS: &'static [&'static str] = &["value"];

    fn send(self, api: &Api) -> anyhow::Result<Item> {
        if !KNOWN_VALUES.iter().any(|(key, ..)| *key == self.key) {
            let known: Vec<&str> = KNOWN_VALUES.iter().map(|(key, ..)| *key).collect();
            bail!("\"{}\" means nothing to the gateway; it knows: {}", self.key, known.join(", "));
        }
        let value = serde_json::from_str(&self.value).unwrap_or(Value::String(self.value));
        Changes::default().with("value", Some(value)).put::<Self>(api, &self.key, "key", self.if_revision)
    }
}
