//! `ampwarden check config`

mod config;
mod store;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

/// Check the configuration and the store.
#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  ampwarden check config --config ampwarden.toml
  ampwarden check config --offline")]
pub(crate) enum Check {
    Config(config::Config),
}

impl Check {
    pub(crate) fn run(self, path: Option<&Path>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Config(command) => command.run(path),
        }
    }
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Finding {
    /// It does not work so.
    Error(String),
    /// It works, but is not safe, or not what one would want.
    Warning(String),
}
