//! Measurements beside floors and peers in the same run. Absolute times on shared machines lie; look at the ratios.
//!
//! `make bench` runs all; `cargo run --release -p bench -- acknowledge` one of them.
#![allow(clippy::print_stdout)]

mod acknowledge;
mod backlog;
mod bare;
mod drain;
mod events;
mod journal;
mod late;
mod machine;
mod meters;
mod publisher;

use std::process::ExitCode;

/// So many runs of each: quote the middle one.
pub(crate) const RUNS: usize = 3;

type Measurement = fn() -> anyhow::Result<()>;

const ALL: [(&str, Measurement); 5] = [
    ("events", events::run),
    ("journal", journal::run),
    ("acknowledge", acknowledge::run),
    ("late", late::run),
    ("backlog", backlog::run),
];

fn main() -> ExitCode {
    let which = std::env::args().nth(1).unwrap_or_else(|| "all".to_owned());
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
