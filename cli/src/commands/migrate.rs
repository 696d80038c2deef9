//! `ampwarden migrate`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::process;
use crate::AmpwardenConfig;

/// Make or change the store's tables, so that they fit this version.
///
/// Several may start at once: one works, the others wait. What is done already is left as it is.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden migrate
  AMPWARDEN__STORE__PG__HOST=questdb ampwarden migrate --config ampwarden.toml")]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) fn run(self, config: Option<&Path>) -> anyhow::Result<ExitCode> {
        let config = AmpwardenConfig::load(config)?;
        let report = process::runtime()?
            .block_on(store::migrate::run(&config.store))
            .context("the store's tables could not be brought up to date")?;
        for migration in &report.applied {
            println!("applied {migration}");
        }
        for ttl in &report.ttl {
            println!("time to live of {ttl}");
        }
        println!("the schema is at version {}", report.version);
        Ok(ExitCode::SUCCESS)
    }
}
