//! The command line of `ampwarden simulate`.

use std::path::PathBuf;

use service::config::HumanDuration;

use crate::fleet::FleetPlan;

/// Plays charging stations: a living fleet, a history, a replay, or one station by hand.
#[derive(clap::Args, Debug, Clone)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// One station by hand, or load.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Who lives.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// How they live.
    #[command(flatten)]
    pub live: LiveArgs,
    /// Where stations connect.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// What was, instead.
    #[command(flatten)]
    pub history: HistoryArgs,
    /// Rows of a file, instead.
    #[command(flatten)]
    pub replay: ReplayArgs,
}

/// What can be simulated besides fleets.
#[derive(clap::Subcommand, Debug, Clone)]
pub enum Command {
    /// One station, played by hand or by a script (`help` lists its commands)
    Station(StationArgs),
    /// Many stations that send meter values at a fixed rate, whatever the answers take
    Load(LoadArgs),
}

/// What a fleet is made of. The same figures give the same stations, users and sessions.
#[derive(clap::Args, Debug, Clone)]
pub struct FleetArgs {
    /// Seed of everything
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Stations that speak OCPP 1.6J
    #[arg(long, value_name = "STATIONS", default_value_t = 30)]
    pub ocpp16: u32,
    /// Stations that speak OCPP 2.0.1
    #[arg(long, value_name = "STATIONS", default_value_t = 10)]
    pub ocpp201: u32,
    /// Stations that speak JSON over MQTT
    #[arg(long, value_name = "STATIONS", default_value_t = 20)]
    pub mqtt_stations: u32,
    /// Share (0–1) of sessions with something wrong on purpose; the ledger labels them
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub faults: f64,
}

impl FleetArgs {
    /// The plan that was asked for.
    #[must_use]
    pub fn plan(&self) -> FleetPlan {
        FleetPlan {
            seed: self.seed,
            ocpp16: self.ocpp16,
            ocpp201: self.ocpp201,
            mqtt: self.mqtt_stations,
            faults: self.faults.clamp(0.0, 1.0),
        }
    }
}

/// Where stations connect.
#[derive(clap::Args, Debug, Clone)]
pub struct NetworkArgs {
    /// Where OCPP stations connect; each appends its id
    #[arg(long, value_name = "ws://HOST:PORT")]
    pub ocpp: Option<String>,
    /// Where MQTT stations and replays connect: the gateway's endpoint or a broker
    #[arg(long, value_name = "HOST:PORT")]
    pub mqtt: Option<String>,
    /// Use TLS for MQTT (for OCPP say wss://)
    #[arg(long)]
    pub mqtt_tls: bool,
    /// PEM file with the authorities to trust; without it those of the system
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Password of the OCPP stations (HTTP Basic; the user is the station's id)
    #[arg(long, value_name = "PASSWORD", env = "AMPWARDEN_SIMULATE_OCPP_PASSWORD", hide_env_values = true)]
    pub ocpp_password: Option<String>,
    /// User of the MQTT stations
    #[arg(long, value_name = "USER")]
    pub mqtt_user: Option<String>,
    /// Password of the MQTT stations
    #[arg(long, value_name = "PASSWORD", env = "AMPWARDEN_SIMULATE_MQTT_PASSWORD", hide_env_values = true)]
    pub mqtt_password: Option<String>,
    /// First wait before a broken connection is tried again; doubled from time to time, up to a minute
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub reconnect: HumanDuration,
    /// Append what was acknowledged to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// How a fleet lives.
#[derive(clap::Args, Debug, Clone)]
pub struct LiveArgs {
    /// How much faster than real time; never beyond it, so a fast fleet starts in the past
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// When simulated time starts, RFC 3339; without it now, or 24 h ago where --speed is not 1
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// How long to live, in simulated time; without it until Ctrl-C
    #[arg(long, value_name = "TIME")]
    pub duration: Option<HumanDuration>,
    /// Time between two meter values of a session
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub meter_every: HumanDuration,
    /// Stations connect one after the other over this time
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub ramp: HumanDuration,
    /// Share (0–1) of stations that were cut off for up to an hour, and tell then what they saw
    #[arg(long, value_name = "SHARE", default_value_t = 0.6)]
    pub buffered: f64,
    /// These come back over this time, most of them early
    #[arg(long, value_name = "TIME", default_value = "5m")]
    pub return_over: HumanDuration,
    /// Broken connections, an hour and station
    #[arg(long, value_name = "RATE", default_value_t = 0.2)]
    pub cuts: f64,
    /// Connectors that break and recover, an hour and station
    #[arg(long, value_name = "RATE", default_value_t = 0.1)]
    pub breakdowns: f64,
    /// Print no progress
    #[arg(long)]
    pub quiet: bool,
}

/// What was.
#[derive(clap::Args, Debug, Clone)]
pub struct HistoryArgs {
    /// Write the ended sessions of this many days, and play nothing
    #[arg(long, value_name = "DAYS", num_args = 0..=1, default_missing_value = "90")]
    pub history: Option<u32>,
    /// They end before this time, RFC 3339; without it an hour ago, where a living fleet of the same seed begins
    #[arg(long, value_name = "TIME", requires = "history")]
    pub until: Option<String>,
    /// Where they go: CSV in the 20-column layout, or JSON lines where the name ends in .jsonl
    #[arg(long, value_name = "FILE", requires = "history")]
    pub out: Option<PathBuf>,
    /// Where the list of stations goes (CSV)
    #[arg(long, value_name = "FILE")]
    pub stations_out: Option<PathBuf>,
    /// Where the list of sites goes (CSV)
    #[arg(long, value_name = "FILE")]
    pub sites_out: Option<PathBuf>,
}

/// Rows of a file.
#[derive(clap::Args, Debug, Clone)]
pub struct ReplayArgs {
    /// Publish the rows of this CSV file over MQTT as JSON objects, with new starts and ends
    #[arg(long, value_name = "FILE.csv", requires = "mqtt")]
    pub replay: Option<PathBuf>,
    /// On this topic
    #[arg(long, default_value = "idc/fc01")]
    pub topic: String,
    /// One after this time
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub every: HumanDuration,
    /// So many; those of the file again, where it has fewer
    #[arg(long, value_name = "ROWS", default_value_t = 50)]
    pub count: u32,
}

/// One station by hand.
#[derive(clap::Args, Debug, Clone)]
pub struct StationArgs {
    /// What the station calls itself
    #[arg(long)]
    pub id: String,
    /// Where it connects; its id is appended
    #[arg(long, value_name = "ws://HOST:PORT")]
    pub url: String,
    /// What it speaks
    #[arg(long, default_value = "1.6", value_parser = ["1.6", "2.0.1"])]
    pub protocol: String,
    /// Take the commands from this file instead of the terminal
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Connectors
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub connectors: u8,
    /// kW that each gives
    #[arg(long, value_name = "KW", default_value_t = 22.0)]
    pub rated_kw: f64,
    /// Time between two meter values
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub meter_every: HumanDuration,
    /// Password (HTTP Basic)
    #[arg(long, env = "AMPWARDEN_SIMULATE_OCPP_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// PEM file with the authorities to trust; without it those of the system
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Append what was acknowledged to this file
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// First wait before a broken connection is tried again
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub reconnect: HumanDuration,
}

/// Many stations at a fixed rate.
#[derive(clap::Args, Debug, Clone)]
pub struct LoadArgs {
    /// Where they connect; each appends its id
    #[arg(long, value_name = "ws://HOST:PORT")]
    pub ocpp: String,
    /// How many
    #[arg(long, default_value_t = 1000)]
    pub stations: u32,
    /// MeterValues calls a second, of all together
    #[arg(long, default_value_t = 1000.0)]
    pub rate: f64,
    /// For how long
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub duration: HumanDuration,
    /// They connect over this time
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub ramp: HumanDuration,
    /// All lose their connection at once after this time, and keep what they have to say
    #[arg(long, value_name = "TIME", requires = "cut_for")]
    pub cut_after: Option<HumanDuration>,
    /// For so long
    #[arg(long, value_name = "TIME", requires = "cut_after")]
    pub cut_for: Option<HumanDuration>,
    /// Then they come back over this time
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub return_over: HumanDuration,
    /// How their ids begin
    #[arg(long, default_value = "LOAD-")]
    pub prefix: String,
    /// Append what was acknowledged to this file
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_command_lines_of_the_manual_are_understood() {
        Line::command().debug_assert();
        let parse =
            |line: &str| Line::try_parse_from(format!("simulate {line}").split_whitespace()).map(|l| l.args);
        for line in [
            "--ocpp ws://localhost:8887 --mqtt localhost:1883 --ocpp16 30 --ocpp201 10 --mqtt-stations 20 --seed 7",
            "--history 90 --out sessions.csv --stations-out stations.csv --sites-out sites.csv",
            "--replay FILE.csv --topic idc/fc01 --mqtt localhost:1883 --every 2s --count 50",
            "station --id X --url ws://localhost:8887 --protocol 2.0.1 --script FILE",
            "load --ocpp ws://localhost:8887 --stations 5000 --rate 2000 --duration 1m",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        assert_eq!(parse("--history").expect("a default").history.history, Some(90));
        for line in ["--out sessions.csv", "--replay FILE.csv", "--speed fast", "station --id X"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
