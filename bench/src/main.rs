//! Measurements beside floors in the same run. Absolute times on shared machines lie; look at the ratios.
#![allow(clippy::print_stdout)]

mod acknowledge;
mod journal;

use std::process::ExitCode;

/// So many runs of each: quote the middle one.
pub(crate) const RUNS: usize = 3;

fn main() -> ExitCode {
    let which = std::env::args().nth(1).unwrap_or_else(|| "all".to_owned());
    let result = match which.as_str() {
        "journal" => journal::run(),
        "acknowledge" => acknowledge::run(),
        "all" => journal::run().and_then(|()| acknowledge::run()),
        other => {
            println!("there is no measurement \"{other}\": journal, acknowledge or all");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("the measurement failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// CPU time of the calling thread, ns.
pub(crate) fn cpu_ns() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().unwrap_or("0").parse()?)
}

/// The value below which that part of the sorted values lies.
pub(crate) fn quantile<T: Copy>(sorted: &[T], part: f64) -> Option<T> {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = ((sorted.len() as f64 - 1.0) * part).round() as usize;
    sorted.get(at).copied()
}
