//! `ampwarden check config | books`

mod books;
mod config;
mod deep;
mod safety;
mod store;
mod summary;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

/// Check the configuration, the store, and the books.
#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  ampwarden check config --config ampwarden.toml
  ampwarden check config --offline
  ampwarden check books
  ampwarden check books --deep")]
pub(crate) enum Check {
    Config(config::Config),
    Books(books::Books),
}

impl Check {
    pub(crate) fn run(self, path: Option<&Path>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Config(command) => command.run(path),
            Self::Books(command) => command.run(),
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
