//! `ampwarden stations`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use service::config::HumanDuration;

use super::setting::{Action, Changes, Set};
use super::station_access::{Admit, SetKey, quarantine};
use crate::api::{Api, ApiArgs, Item};

/// What is known of stations beyond what they say themselves.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden stations set CP-7 --site depot --name \"Gate 7\" --rated-kw 22 --charger-type \"Level 2\"
  ampwarden stations set CP-7 --maintenance
  ampwarden stations set CP-7 --retired
  ampwarden stations set CP-7 --ocpp-version ocpp2.0.1 --ping-interval 0s --strictness strict
  ampwarden stations list --json
  ampwarden stations key CP-7 --new
  ampwarden stations quarantine
  ampwarden stations admit CP-7 --site depot --take-key")]
pub(crate) struct Stations {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: StationAction,
}

#[derive(Subcommand, Debug)]
enum StationAction {
    #[command(flatten)]
    Setting(Action<SetStation>),
    /// Set a station's key (its password), or show which are accepted.
    ///
    /// A new key is accepted beside the one before it until the station used it.
    Key(SetKey),
    /// Show the stations that nobody registered and that wait to be admitted.
    Quarantine {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Register a station, so that it may connect.
    Admit(Admit),
}

impl Stations {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let api = self.api.connect();
        match self.action {
            StationAction::Setting(action) => action.run(&api),
            StationAction::Key(key) => key.run(&api),
            StationAction::Quarantine { json } => quarantine(&api, json),
            StationAction::Admit(admit) => admit.run(&api),
        }
    }
}

#[derive(Args, Debug)]
struct SetStation {
    /// The station's id, as in its URL or topic.
    station: String,
    /// The site where it stands.
    #[arg(long)]
    site: Option<String>,
    /// Its name.
    #[arg(long)]
    name: Option<String>,
    /// Degrees north.
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    lat: Option<f64>,
    /// Degrees east.
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    lon: Option<f64>,
    /// Kilowatts that it can give.
    #[arg(long, value_name = "KW")]
    rated_kw: Option<f64>,
    /// "Level 2", "DC Fast Charger", …
    #[arg(long, value_name = "TYPE")]
    charger_type: Option<String>,
    /// Nobody is paged for it, and it starts no session (`--maintenance=false` ends that).
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    maintenance: Option<bool>,
    /// Gone for good: boards and exporter forget it.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    retired: Option<bool>,
    /// What it speaks when it names no subprotocol.
    #[arg(long, value_name = "VERSION", value_parser = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])]
    ocpp_version: Option<String>,
    /// How often it is pinged, from its next connection on (20s; 0s: never).
    #[arg(long, value_name = "DURATION")]
    ping_interval: Option<HumanDuration>,
    /// Whether its messages must be by the book, from its next connection on.
    #[arg(long, value_name = "HOW", value_parser = ["lenient", "strict"])]
    strictness: Option<String>,
    /// Only if it is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

impl Set for SetStation {
    const COLLECTION: &'static str = "stations";
    const COLUMNS: &'static [&'static str] = &[
        "site",
        "name",
        "latitude_deg",
        "longitude_deg",
        "rated_power_w",
        "charger_type",
        "maintenance",
        "retired",
        "ocpp_version",
        "ping_interval_s",
        "strictness",
    ];

    fn send(self, api: &Api) -> anyhow::Result<Item> {
        Changes::default()
            .with("site", self.site)
            .with("name", self.name)
            .with("latitude_deg", self.lat)
            .with("longitude_deg", self.lon)
            .with("rated_power_w", self.rated_kw.map(|kw| kw * 1_000.0))
            .with("charger_type", self.charger_type)
            .with("maintenance", self.maintenance)
            .with("retired", self.retired)
            .with("ocpp_version", self.ocpp_version)
            .with("ping_interval_s", self.ping_interval.map(|interval| interval.0.as_secs()))
            .with("strictness", self.strictness)
            .put::<Self>(api, &self.station, "station", self.if_revision)
    }
}
