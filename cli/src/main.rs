//! The one binary. It only wires: what each command does stands in `commands`.
// Standard error is where a command line says what went wrong.
#![allow(clippy::print_stderr)]

use std::process::ExitCode;

use ampwarden::Cli;
use clap::Parser;

fn main() -> ExitCode {
    match ampwarden::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // The whole chain of causes in one line: it ends in logs and on terminals alike.
            eprintln!("ampwarden: {error:#}");
            ExitCode::FAILURE
        }
    }
}
