//! `ampwarden tokens`

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use station::time::Timestamp;

use super::setting::{Changes, Collection, Set, time};
use crate::api::{Api, Item};

/// Who may charge: RFID cards and app users, stored as keyed hashes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden tokens set 04A1B2C3 --label fleet-7
  ampwarden tokens set 04A1B2C3 --block
  printf 04A1B2C3 | ampwarden tokens set - --label fleet-7 --valid-until 2027-01-01T00:00:00Z
  ampwarden tokens set hash:6f0e… --unblock
  ampwarden tokens list")]
pub(crate) struct Tokens {
    #[command(flatten)]
    collection: Collection<SetToken>,
}

impl Tokens {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.collection.run()
    }
}

#[derive(Args, Debug)]
struct SetToken {
    /// The card's id as stations send it; `-` reads it from standard input, so that it is in no shell history; or
    /// `hash:` and the key that `list` shows.
    card: String,
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
    /// Until when it may charge (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = time)]
    valid_until: Option<Timestamp>,
    /// Only if it is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

impl Set for SetToken {
    const COLLECTION: &'static str = "tokens";
    const COLUMNS: &'static [&'static str] = &["label", "status", "group_hash", "valid_until"];

    fn send(self, api: &Api) -> anyhow::Result<Item> {
        let card = if self.card == "-" { card_from(std::io::stdin())? } else { self.card };
        let status = match (self.block, self.unblock) {
            (true, _) => Some("blocked"),
            (_, true) => Some("accepted"),
            _ => None,
        };
        let changes = Changes::default()
            .with("label", self.label)
            .with("status", status)
            .with("valid_until", self.valid_until.map(|time| time.to_rfc3339()));
        if let Some(hash) = card.strip_prefix("hash:") {
            if self.group.is_some() {
                bail!("a group is given with the card's own id, not with its hash");
            }
            return changes.put::<Self>(api, hash, "token_hash", self.if_revision);
        }
        // The gateway alone knows the key under which cards are hashed: the id goes in the body, never in a path,
        // where logs would keep it.
        api.post(Self::COLLECTION, &changes.with("group", self.group).with("token", Some(card)).into_map())
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
