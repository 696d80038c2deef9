//! `ampwarden sites`

use std::process::ExitCode;

use clap::Args;

use super::setting::{Changes, Collection, Set};
use crate::api::{Api, Item};

/// Places with stations.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden sites set depot --name \"Depot North\" --lat 52.52 --lon 13.40 --time-zone Europe/Berlin --currency EUR
  ampwarden sites set depot --maintenance
  ampwarden sites set depot --maintenance=false
  ampwarden sites list")]
pub(crate) struct Sites {
    #[command(flatten)]
    collection: Collection<SetSite>,
}

impl Sites {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.collection.run()
    }
}

#[derive(Args, Debug)]
struct SetSite {
    /// The site's id.
    site: String,
    /// Its name.
    #[arg(long)]
    name: Option<String>,
    /// Degrees north.
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    lat: Option<f64>,
    /// Degrees east.
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    lon: Option<f64>,
    /// IANA time zone, such as Europe/Berlin: "today" is the site's.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// ISO 4217, such as EUR.
    #[arg(long)]
    currency: Option<String>,
    /// Nobody is paged for it (`--maintenance=false` ends that).
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    maintenance: Option<bool>,
    /// Only if it is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

impl Set for SetSite {
    const COLLECTION: &'static str = "sites";
    const COLUMNS: &'static [&'static str] =
        &["name", "latitude_deg", "longitude_deg", "time_zone", "currency", "maintenance"];

    fn send(self, api: &Api) -> anyhow::Result<Item> {
        Changes::default()
            .with("name", self.name)
            .with("latitude_deg", self.lat)
            .with("longitude_deg", self.lon)
            .with("time_zone", self.time_zone)
            .with("currency", self.currency)
            .with("maintenance", self.maintenance)
            .put::<Self>(api, &self.site, "site", self.if_revision)
    }
}
