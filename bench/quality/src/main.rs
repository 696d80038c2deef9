//! `make quality`: tables of how well the anomaly service finds what is odd, and which goals are met. ONLY=adbench,
//! ONLY=injected or ONLY=forecast runs a part. Fails if a scorer is not what its paper says; missed goals are said.
//! AMPWARDEN_QUALITY_ALERTS=1 lists the normal sessions that are alerts.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use quality::report::{Goals, classical, forecasts, injected};
use quality::{adbench, forecast, kinds, peers, sessions, suite};

/// Each gives 2 % of the sessions another fault.
const RUNS: u64 = 40;
/// Sessions that are simulated where there are no real ones.
const SIMULATED: usize = 6000;

fn main() -> anyhow::Result<ExitCode> {
    let only = std::env::args().nth(1);
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let mut goals = Goals::default();
    let data = quality::data();
    if wanted("adbench") {
        match &data {
            Some(data) => compare(&data.join("adbench"), &mut goals)?,
            None => println!("left out: the ADBench sets are not there (AMPWARDEN_DATA names the folder)"),
        }
    }
    if wanted("injected") {
        println!("\nKinds of faults, and the magnitudes m of each");
        for kind in kinds::KINDS {
            println!("  {:<26}{:?}  {}", kind.name, kind.magnitudes, kind.what);
        }
        for set in data.iter().flat_map(|_| sessions::SETS) {
            let folder = data.as_ref().map(|data| data.join("ev")).unwrap_or_default();
            let sessions = sessions::read(&folder, set)?;
            injected(set, sessions.left_out, &suite::run(&sessions, RUNS)?, &mut goals);
        }
        if data.is_none() {
            println!(
                "the real sessions are not there (AMPWARDEN_DATA names the folder): simulated ones instead"
            );
            let sessions = sessions::simulated(SIMULATED, 1);
            injected("simulated", sessions.left_out, &suite::run(&sessions, RUNS)?, &mut goals);
        }
    }
    if wanted("forecast") {
        let mut fleets = vec![forecast::simulated(1), forecast::simulated(2)];
        match &data {
            Some(data) => fleets.insert(0, forecast::boulder(&data.join("ev"))?),
            None => println!("left out: the real sessions are not there (AMPWARDEN_DATA names the folder)"),
        }
        let mut results = Vec::new();
        for fleet in &fleets {
            let with_peer = forecast::run(fleet, true)
                .inspect_err(|error| println!("without gradient boosting: {error:#}"))
                .or_else(|_| forecast::run(fleet, false))?;
            results.extend(with_peer);
        }
        forecasts(&results, &mut goals);
    }
    goals.say();
    Ok(if goals.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compare(folder: &std::path::Path, goals: &mut Goals) -> anyhow::Result<()> {
    let mut results = Vec::new();
    for (set, _) in adbench::SETS {
        results.push((*set, adbench::run(folder, set, adbench::SEEDS)?));
    }
    let peers = peers::run(folder).inspect_err(|error| println!("without the peers: {error:#}")).ok();
    classical(&results, peers.as_ref(), goals);
    Ok(())
}
