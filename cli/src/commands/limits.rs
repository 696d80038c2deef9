//! `ampwarden limits`

use std::process::ExitCode;

use clap::Args;

use super::setting::{Changes, Collection, Set};
use crate::api::{Api, Item};

/// What each site may draw from the grid.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden limits set depot --grid-kw 150
  ampwarden limits list")]
pub(crate) struct Limits {
    #[command(flatten)]
    collection: Collection<SetLimit>,
}

impl Limits {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.collection.run()
    }
}

#[derive(Args, Debug)]
struct SetLimit {
    /// The site's id.
    site: String,
    /// Kilowatts that it may draw.
    #[arg(long, value_name = "KW")]
    grid_kw: f64,
    /// Only if it is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

impl Set for SetLimit {
    const COLLECTION: &'static str = "limits";
    const COLUMNS: &'static [&'static str] = &["grid_limit_w"];

    fn send(self, api: &Api) -> anyhow::Result<Item> {
        Changes::default().with("grid_limit_w", Some(self.grid_kw * 1_000.0)).put::<Self>(
            api,
            &self.site,
            "site",
            self.if_revision,
        )
    }
}
