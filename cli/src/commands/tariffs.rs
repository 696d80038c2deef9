//! `ampwarden tariffs`

use std::process::ExitCode;

use clap::Args;
use rust_decimal::Decimal;
use station::time::Timestamp;

use super::setting::{Changes, Collection, Set, time};
use crate::api::{Api, Item};

/// What charging costs. The tariff in force at a session's start holds for all of it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden tariffs set standard --currency EUR --per-kwh 0.30 --per-session 0.35 --per-idle-minute 0.05
  ampwarden tariffs set night --site depot --currency NOK --per-kwh 2.10 --valid-from 2026-05-01T00:00:00Z
  ampwarden tariffs list
  ampwarden tariffs history standard")]
pub(crate) struct Tariffs {
    #[command(flatten)]
    collection: Collection<SetTariff>,
}

impl Tariffs {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.collection.run()
    }
}

#[derive(Args, Debug)]
struct SetTariff {
    /// The tariff's name.
    name: String,
    /// ISO 4217, such as EUR; its minor units decide the rounding. Needed for a new tariff.
    #[arg(long)]
    currency: Option<String>,
    /// Per kilowatt-hour.
    #[arg(long, value_name = "MONEY")]
    per_kwh: Option<Decimal>,
    /// Per minute from start to end.
    #[arg(long, value_name = "MONEY")]
    per_minute: Option<Decimal>,
    /// Once a session.
    #[arg(long, value_name = "MONEY")]
    per_session: Option<Decimal>,
    /// Per minute connected without energy flowing.
    #[arg(long, value_name = "MONEY")]
    per_idle_minute: Option<Decimal>,
    /// The site where it holds ("" for everywhere). A site's own tariff goes before one for all.
    #[arg(long)]
    site: Option<String>,
    /// In force from then on (RFC 3339); without it, from now on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    valid_from: Option<Timestamp>,
    /// Only if it is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

impl Set for SetTariff {
    const COLLECTION: &'static str = "tariffs";
    const COLUMNS: &'static [&'static str] =
        &["site", "currency", "per_kwh", "per_minute", "per_session", "per_idle_minute", "valid_from"];

    fn send(self, api: &Api) -> anyhow::Result<Item> {
        let money = |value: Option<Decimal>| value.map(|value| value.to_string());
        Changes::default()
            .with("currency", self.currency)
            .with("per_kwh", money(self.per_kwh))
            .with("per_minute", money(self.per_minute))
            .with("per_session", money(self.per_session))
            .with("per_idle_minute", money(self.per_idle_minute))
            .with("site", self.site)
            // Always written: a change that keeps an old start would hold for the past as well.
            .with("valid_from", Some(self.valid_from.map(|time| time.to_rfc3339())))
            .put::<Self>(api, &self.name, "tariff", self.if_revision)
    }
}
