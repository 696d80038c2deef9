//! The command line of Ampwarden: `ampwarden gateway | exporter | anomaly | …`.
//!
//! A library besides the binary, so that tests can render the documentation from the types and parse other files
//! (Helm's defaults, compose files) with the real configuration type.
// Writing to the terminal is what a command line is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod commands;
pub mod config;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use config::AmpwardenConfig;

/// The observability stack for EV-charging fleets.
#[derive(Parser, Debug)]
#[command(
    name = "ampwarden",
    version,
    max_term_width = 110,
    after_help = "The servers read one TOML file (--config) and AMPWARDEN__TABLE__KEY variables; \
                  `ampwarden check config` says what is wrong with them."
)]
pub struct Cli {
    /// Configuration file (TOML); without it the defaults hold.
    #[arg(long, global = true, env = "AMPWARDEN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Gateway(commands::gateway::Gateway),
    Exporter(commands::exporter::Exporter),
    Anomaly(commands::anomaly::Anomaly),
    Simulate(Box<commands::simulate::Simulate>),
    #[command(subcommand)]
    Import(commands::import::Import),
    #[command(subcommand)]
    Check(commands::check::Check),
    Migrate(commands::migrate::Migrate),
    #[command(subcommand)]
    Token(commands::token::Token),
    Tariffs(commands::tariffs::Tariffs),
    Tokens(commands::tokens::Tokens),
    Limits(commands::limits::Limits),
    Settings(commands::settings::Settings),
    Sites(commands::sites::Sites),
    Stations(commands::stations::Stations),
    Rejected(commands::rejected::Rejected),
    Command(commands::command::Command),
    Trace(commands::trace::Trace),
    Qr(commands::qr::Qr),
}

/// Runs one command.
///
/// # Errors
/// With what went wrong and what to do about it, for people.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Gateway(command) => command.run(config),
        Command::Exporter(command) => command.run(config),
        Command::Anomaly(command) => command.run(config),
        Command::Simulate(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Check(command) => command.run(config),
        Command::Migrate(command) => command.run(config),
        Command::Token(command) => command.run(),
        Command::Tariffs(command) => command.run(),
        Command::Tokens(command) => command.run(),
        Command::Limits(command) => command.run(),
        Command::Settings(command) => command.run(),
        Command::Sites(command) => command.run(),
        Command::Stations(command) => command.run(),
        Command::Rejected(command) => command.run(),
        Command::Command(command) => command.run(),
        Command::Trace(command) => command.run(),
        Command::Qr(command) => command.run(),
    }
}
