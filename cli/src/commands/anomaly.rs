//! `ampwarden anomaly`

use std::path::Path;
use std::process::ExitCode;

use anomaly::Listeners;
use anyhow::Context;
use clap::Args;
use service::listen::bind;

use super::process;

/// Run the anomaly service: every ended session gets a score and its reasons.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden anomaly --config ampwarden.toml
  AMPWARDEN__ANOMALY__TRAINING__FOLDER=/var/lib/ampwarden/models ampwarden anomaly")]
pub(crate) struct Anomaly {}

impl Anomaly {
    pub(crate) fn run(self, config: Option<&Path>) -> anyhow::Result<ExitCode> {
        process::run(config, "ampwarden-anomaly", |config, shutdown| async move {
            let listeners = Listeners {
                grpc: bind(&config.anomaly.grpc.listen, "anomaly.grpc.listen").await?,
                admin: bind(&config.anomaly.admin.listen, "anomaly.admin.listen").await?,
            };
            tracing::info!("gRPC on {}", listeners.grpc.local_addr()?);
            tracing::info!("metrics and probes on http://{}", listeners.admin.local_addr()?);
            anomaly::run(config.anomaly, config.store, config.api, listeners, shutdown)
                .await
                .context("the anomaly service ended")
        })
    }
}
