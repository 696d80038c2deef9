//! `ampwarden exporter`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::process;

/// Run the exporter: what the store knows of the fleet, for Prometheus.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden exporter --config ampwarden.toml
  AMPWARDEN__EXPORTER__ADMIN__LISTEN=0.0.0.0:9465 ampwarden exporter")]
pub(crate) struct Exporter {}

impl Exporter {
    pub(crate) fn run(self, config: Option<&Path>) -> anyhow::Result<ExitCode> {
        process::run(config, "ampwarden-exporter", |config, shutdown| async move {
            let admin = service::listen::bind(&config.exporter.admin.listen, "exporter.admin.listen").await?;
            tracing::info!("metrics and probes on http://{}", admin.local_addr()?);
            exporter::run(config.exporter, config.store, exporter::Listeners { admin }, shutdown)
                .await
                .context("the exporter ended")
        })
    }
}
