//! `ampwarden tokens`

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gateway::api::commands::CommandView;
use gateway::api::tokens::{UnknownTokenView, UnknownTokenViews};
use serde_json::{Value, json};
use station::ocpp::command::OFFLINE_RULES;

use super::setting::{self, Changes, Set, time_or_none};
use crate::api::{Api, ApiArgs, Item, path_segment};
use crate::table;

/// Who may charge: RFID cards and app users, stored as keyed hashes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden tokens set 04A1B2C3 --label fleet-7
  ampwarden tokens set 04A1B2C3 --block
  printf 04A1B2C3 | ampwarden tokens set - --label fleet-7 --valid-until 2027-01-01T00:00:00Z
  ampwarden tokens set hash:6f0e… --unblock --label '' --group ''
  ampwarden tokens unknown
  ampwarden tokens enroll 6f0e --label fleet-8
  ampwarden tokens push CP-7 CP-8
  ampwarden tokens policy CP-7
  ampwarden tokens list")]
pub(crate) struct Tokens {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    #[command(flatten)]
    Common(setting::Action<SetToken>),
    /// Show cards that were shown at stations lately, and that nobody registered.
    Unknown {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Register a card that a station has shown, without its number.
    Enroll {
        /// Its key as `unknown` shows it, or how only that one begins.
        key: String,
        #[command(flatten)]
        about: About,
    },
    /// Send stations the list of tokens that they use while they are offline: whole, or what changed.
    Push {
        /// To which stations.
        #[arg(required = true)]
        stations: Vec<String>,
    },
    /// Send stations what they shall do while they are offline, as the settings `offline_…` say.
    Policy {
        /// To which stations.
        #[arg(required = true)]
        stations: Vec<String>,
    },
}

impl Tokens {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let api = self.api.connect();
        match self.action {
            Action::Common(action) => return action.run(&api),
            Action::Unknown { json } => show_unknown(&unknown(&api)?, json)?,
            Action::Enroll { key, about } => {
                let hash = seen(&api, &key)?;
                let item = about.send(&api, "token_hash", hash, None)?;
                println!("tokens {} is now at revision {}", item.key, item.revision);
            }
            Action::Push { stations } => {
                for station in &stations {
                    ask(&api, station, &json!({ "command": "push_local_list" }))?;
                }
            }
            Action::Policy { stations } => {
                let rules = rules(&api)?;
                for (station, rule) in stations.iter().flat_map(|s| rules.iter().map(move |r| (s, r))) {
                    ask(&api, station, &json!({ "command": "set_offline_rule", "parameters": rule }))?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks for a command; `ampwarden command show` tells what becomes of it.
fn ask(api: &Api, station: &str, body: &Value) -> anyhow::Result<()> {
    let path = format!("/v1/stations/{}/commands", path_segment(station));
    let command: CommandView = api.post_json(&path, body)?;
    println!("{} {} to {}: {}", command.id, command.command, command.station, command.state);
    Ok(())
}

/// The rules that are set, as parameters of `set_offline_rule`.
fn rules(api: &Api) -> anyhow::Result<Vec<Value>> {
    let settings = api.list("settings")?;
    let value = |rule: &str| {
        let key = format!("offline_{rule}");
        settings.iter().find(|item| item.key == key)?.value.get("value")?.as_bool()
    };
    let rules: Vec<Value> = OFFLINE_RULES
        .iter()
        .filter_map(|(rule, ..)| Some(json!({ "rule": rule, "value": value(rule)? })))
        .collect();
    if rules.is_empty() {
        bail!(
            "no setting says what stations do while they are offline: `ampwarden settings set offline_… true|false`"
        );
    }
    Ok(rules)
}

#[derive(Args, Debug)]
struct SetToken {
    /// The card's id as stations send it; `-` reads it from standard input, so that it is in no shell history; or
    /// `hash:` and the key that `list` shows.
    card: String,
    #[command(flatten)]
    about: About,
    /// Only if it is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

/// What is said of a card. An empty text takes a value away.
#[derive(Args, Debug)]
struct About {
    /// What operators call it; shown on boards, so no personal data.
    #[arg(long)]
    label: Option<String>,
    /// The group's card (OCPP parentIdTag): cards of a group may stop each other's sessions.
    #[arg(long, value_name = "CARD")]
    group: Option<String>,
    /// It may no longer charge.
    #[arg(long, conflicts_with = "unblock")]
    block: bool,
    /// It may charge again.
    #[arg(long)]
    unblock: bool,
    /// From when on it may charge (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = time_or_none)]
    valid_from: Option<String>,
    /// Until when it may charge (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = time_or_none)]
    valid_until: Option<String>,
    /// It may charge at several connectors at once.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    concurrent: Option<bool>,
    /// OCPP 2.x kind of token, for lists that are sent to stations: ISO14443, ISO15693, Central, …
    #[arg(long, value_name = "KIND")]
    token_type: Option<String>,
}

impl About {
    /// Registers the card, or changes it. `field` says whether `card` is its id or its hash.
    fn send(self, api: &Api, field: &str, card: String, only_if: Option<u64>) -> anyhow::Result<Item> {
        let status = match (self.block, self.unblock) {
            (true, _) => Some("blocked"),
            (_, true) => Some("accepted"),
            _ => None,
        };
        let changes = Changes::default()
            .with("label", self.label)
            .with("group", self.group)
            .with("status", status)
            .with("valid_from", self.valid_from)
            .with("valid_until", self.valid_until)
            .with("concurrent", self.concurrent)
            .with("token_type", self.token_type)
            .with(field, Some(card));
        // The gateway alone knows the key under which cards are hashed: the id goes in the body, never in a path,
        // where logs would keep it.
        let revision = only_if.map(|revision| format!("\"{revision}\""));
        let header = revision.as_deref().map(|revision| ("If-Match", revision));
        api.post_json_with("/v1/tokens", header, &Value::Object(changes.into_map()))
    }
}

impl Set for SetToken {
    const COLLECTION: &'static str = "tokens";
    const COLUMNS: &'static [&'static str] = &["label", "status", "group_hash", "valid_from", "valid_until"];

    fn send(self, api: &Api) -> anyhow::Result<Item> {
        let card = if self.card == "-" { card_from(std::io::stdin())? } else { self.card };
        match card.strip_prefix("hash:") {
            Some(hash) => self.about.send(api, "token_hash", hash.to_owned(), self.if_revision),
            None => self.about.send(api, "token", card, self.if_revision),
        }
    }
}

fn card_from(mut input: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    input.read_to_string(&mut text).context("the card's id cannot be read from standard input")?;
    let card = text.trim();
    if card.is_empty() {
        bail!("standard input holds no card id");
    }
    Ok(card.to_owned())
}

fn unknown(api: &Api) -> anyhow::Result<Vec<UnknownTokenView>> {
    Ok(api.read::<UnknownTokenViews>("/v1/tokens/unknown")?.items)
}

/// The hash of the unknown card that begins so.
fn seen(api: &Api, begins: &str) -> anyhow::Result<String> {
    let mut fitting = unknown(api)?.into_iter().filter(|card| card.token_hash.starts_with(begins));
    match (fitting.next(), fitting.next()) {
        (Some(card), None) => Ok(card.token_hash),
        (None, _) => {
            bail!("no unknown card has a key that begins with \"{begins}\": have it shown at a station again")
        }
        _ => bail!("several unknown cards have keys that begin with \"{begins}\": write more of it"),
    }
}

fn show_unknown(cards: &[UnknownTokenView], json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(cards)?);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = cards
        .iter()
        .map(|card| {
            let connector = card.connector.map_or_else(|| "-".to_owned(), |connector| connector.to_string());
            vec![
                card.token_hash.clone(),
                card.station.clone(),
                connector,
                card.last_seen_at.clone(),
                card.times.to_string(),
            ]
        })
        .collect();
    print!("{}", table::render(&["KEY", "STATION", "CONNECTOR", "LAST SHOWN", "TIMES"], &rows));
    Ok(())
}
