//! `ampwarden stations key | quarantine | admit`

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use gateway::api::{HeldViews, KeysView};
use serde_json::{Value, json};

use crate::api::{Api, path_segment};
use crate::table;

#[derive(Args, Debug)]
pub(super) struct SetKey {
    /// The station's id, as in its URL.
    station: String,
    /// Make a random key and print it: it is not shown again.
    #[arg(long, conflicts_with_all = ["file", "remove"])]
    new: bool,
    /// Read the key from a file (`-` is standard input); a line end after it does not belong to it.
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    file: Option<String>,
    /// Accept no other from now on.
    #[arg(long)]
    at_once: bool,
    /// Take all keys of the station away.
    #[arg(long, conflicts_with = "at_once")]
    remove: bool,
}

#[derive(Args, Debug)]
pub(super) struct Admit {
    /// The station's id, as `quarantine` shows it.
    station: String,
    /// The site where it stands.
    #[arg(long)]
    site: Option<String>,
    /// Its name.
    #[arg(long)]
    name: Option<String>,
    /// Read its key from a file (`-` is standard input); a line end after it does not belong to it.
    #[arg(long, value_name = "FILE", conflicts_with = "take_key")]
    key_file: Option<String>,
    /// The password that it presented while it waited is its key. Whoever came first under this name presented it.
    #[arg(long)]
    take_key: bool,
}

impl SetKey {
    pub(super) fn run(self, api: &Api) -> anyhow::Result<ExitCode> {
        let path = format!("/v1/stations/{}/key", path_segment(&self.station));
        if self.remove {
            let _: KeysView = api.delete(&path)?;
            println!("{} has no key any more", self.station);
            return Ok(ExitCode::SUCCESS);
        }
        let new = self.new.then(service::auth::new_station_key);
        let key = match (&new, &self.file) {
            (Some(new), _) => new.clone().into_bytes(),
            (None, Some(file)) => key_in(file)?,
            (None, None) if self.at_once => bail!("say the key: --new or --file"),
            (None, None) => return show(&api.read(&path)?),
        };
        let body = json!({ "key_hex": digits(&key), "at_once": self.at_once });
        let keys: KeysView = api.put_json(&path, &body)?;
        if let Some(new) = new {
            println!("{new}");
        }
        show(&keys)
    }
}

impl Admit {
    pub(super) fn run(self, api: &Api) -> anyhow::Result<ExitCode> {
        let mut body = json!({ "site": self.site, "name": self.name, "take_key": self.take_key });
        if let Some(file) = &self.key_file {
            body["key_hex"] = Value::from(digits(&key_in(file)?));
        }
        let path = format!("/v1/stations/{}/admit", path_segment(&self.station));
        let keys: KeysView = api.post_json(&path, &body)?;
        let key = if keys.keys.is_empty() { "no key is set for it" } else { "it must present its key" };
        println!("{} is admitted; {key}", self.station);
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows who waits.
pub(super) fn quarantine(api: &Api, json: bool) -> anyhow::Result<ExitCode> {
    let held: HeldViews = api.read("/v1/quarantine")?;
    if json {
        println!("{}", serde_json::to_string_pretty(&held.items)?);
        return Ok(ExitCode::SUCCESS);
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = held
        .items
        .iter()
        .map(|held| {
            vec![
                held.station.clone(),
                held.remote.clone(),
                held.protocol.clone(),
                held.showed.clone(),
                text(&held.vendor),
                text(&held.model),
                text(&held.serial),
                held.connections.to_string(),
                held.first_at.clone(),
                held.last_at.clone(),
            ]
        })
        .collect();
    let head = [
        "STATION",
        "FROM",
        "PROTOCOL",
        "SHOWED",
        "VENDOR",
        "MODEL",
        "SERIAL",
        "CONNECTIONS",
        "FIRST",
        "LAST",
    ];
    print!("{}", table::render(&head, &rows));
    Ok(ExitCode::SUCCESS)
}

fn show(keys: &KeysView) -> anyhow::Result<ExitCode> {
    let rows: Vec<Vec<String>> =
        keys.keys.iter().map(|key| vec![key.state.clone(), key.set_at.clone(), key.author.clone()]).collect();
    print!("{}", table::render(&["KEY", "SET", "BY"], &rows));
    Ok(ExitCode::SUCCESS)
}

/// The bytes of a key in a file, or in standard input.
fn key_in(file: &str) -> anyhow::Result<Vec<u8>> {
    let mut key = Vec::new();
    if file == "-" {
        std::io::stdin().read_to_end(&mut key).context("standard input cannot be read")?;
    } else {
        key = std::fs::read(file).with_context(|| format!("{file} cannot be read"))?;
    }
    if key.ends_with(b"\n") {
        key.pop();
        if key.ends_with(b"\r") {
            key.pop();
        }
    }
    Ok(key)
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
