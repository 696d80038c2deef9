//! Measurements beside floors and peers in the same run. Absolute times on shared machines lie; look at the ratios.
//!
//! `make bench` runs all; `cargo run --release -p bench -- acknowledge` one of them.
#![allow(clippy::print_stdout)]

mod acknowledge;
mod backlog;
mod bare;
mod calls;
mod drain;
mod events;
mod floor;
mod growth;
mod idle;
mod journal;
mod late;
mod machine;
mod meters;
mod publisher;
mod stations;

use std::process::ExitCode;

/// So many runs of each: quote the middle one.
pub(crate) const RUNS: usize = 3;

type Measurement = fn() -> anyhow::Result<()>;

const ALL: [(&str, Measurement); 8] = [
    ("events", events::run),
    ("journal", journal::run),
    ("acknowledge", acknowledge::run),
    ("calls", calls::run),
    ("growth", growth::run),
    ("idle", idle::run),
    ("late", late::run),
    ("backlog", backlog::run),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let which = arguments.next().unwrap_or_else(|| "all".to_owned());
    // A measurement starts this binary as the server that it compares with.
    if let ("floor", Some(port)) = (which.as_str(), arguments.next()) {
        return match floor::serve(&port) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("the bare server failed: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let chosen: Vec<_> = ALL.iter().filter(|(name, _)| which == "all" || which == *name).collect();
    if chosen.is_empty() {
        println!("there is no measurement {which:?}: {}, or all", ALL.map(|(name, _)| name).join(", "));
        return ExitCode::FAILURE;
    }
    for (name, run) in chosen {
        println!("\n== {name} (load {})", machine::load());
        if let Err(error) = run() {
            println!("{name} failed: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
