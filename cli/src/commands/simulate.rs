//! `ampwarden simulate`

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use service::log::LogConfig;
use service::otlp::OtlpConfig;

use super::process;

/// Play charging stations: a living fleet, a history, a replay, or one station by hand.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden simulate --ocpp ws://127.0.0.1:8887 --mqtt 127.0.0.1:1883
  ampwarden simulate --history 90 --out sessions.csv --stations-out stations.csv
  ampwarden simulate --replay sessions.csv --topic idc/fc01 --every 2s --count 50 --mqtt 127.0.0.1:1883
  ampwarden simulate station --id CP-1 --url ws://127.0.0.1:8887")]
pub(crate) struct Simulate {
    #[command(flatten)]
    args: simulator::Args,
    /// Which log lines are shown: error, warn, info, debug or trace.
    #[arg(long, default_value = "warn", value_name = "LEVEL")]
    log_level: String,
}

impl Simulate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        process::runtime()?.block_on(async {
            let log = LogConfig { level: self.log_level, ..LogConfig::default() };
            let _logs = service::log::init(&log, &OtlpConfig::default(), "ampwarden-simulate")?;
            let shutdown = service::shutdown::on_signals().context("signals cannot be listened to")?;
            simulator::run(&self.args, shutdown).await?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
