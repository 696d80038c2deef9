//! Drills: a fault is done to a running stack, its alert is waited for at Alertmanager's webhook, its links are followed,
//! the station is looked for on the board that it leads to, the fault is mended, and the alert must end.
//!
//! The rules are the real ones with every duration divided (`prometheus/render.py --divide`), the routes and inhibitions
//! as well. `make test` runs a short form; `make drill` the long one (`AMPWARDEN_DRILLS=long`).
// Helpers of tests fail the test as well; figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod alert;
mod processes;
mod sessions;
mod stack;
mod station;
mod stations;
mod traffic;
mod webhook;

use std::time::Instant;

use stack::Stack;

/// A drill: what it is called, and what it does.
type Drill = (&'static str, fn(&Stack));

/// Those of single stations, which do not disturb each other.
const SHORT: &[Drill] = &[
    ("connector stuck, freed by the command in the alert", stations::connector_stuck),
    ("connector faulted", stations::connector_faulted),
    ("station offline", stations::station_offline),
];

/// Those of single stations and sites that take longer.
const LONG: &[Drill] = &[
    ("site offline", stations::site_offline),
    ("over the grid limit", sessions::over_the_limit),
    ("power without a session", sessions::power_without_session),
    ("over-temperature", sessions::over_temperature),
    ("session stuck", sessions::session_stuck),
    ("sessions fail to start", sessions::start_failures),
    ("clock skew", traffic::clock_skew),
    ("calls that cannot be read", traffic::rejected),
    ("stations refused", traffic::refused),
    ("commands fail", traffic::commands_fail),
];

/// Those that harm all the others: one after the other.
const ALONE: &[Drill] = &[
    ("reconnect storm", traffic::reconnect_storm),
    ("table suspended", processes::table_suspended),
    ("store down", processes::store_down),
    ("exporter down", processes::exporter_down),
    ("anomaly service down", processes::anomaly_down),
    ("certificate expiring", processes::certificate_expiring),
    ("gateway down", processes::gateway_down),
];

fn long() -> bool {
    std::env::var_os("AMPWARDEN_DRILLS").is_some_and(|form| form == "long")
}

#[test]
fn each_fault_raises_its_alert_which_leads_to_the_station_and_ends_with_the_fault() {
    let stack = Stack::start(long());
    stack.webhook.wait_for("DeadMansSwitch", &[], "firing");
    together(&stack, SHORT);
    if long() {
        together(&stack, LONG);
        for drill in ALONE {
            together(&stack, std::slice::from_ref(drill));
        }
    }
    stack.nobody_was_paged_in_vain();
}

fn together(stack: &Stack, drills: &[Drill]) {
    std::thread::scope(|scope| {
        for (name, drill) in drills {
            scope.spawn(move || {
                let began = Instant::now();
                drill(stack);
                println!("{name}: {:.0} s", began.elapsed().as_secs_f64());
            });
        }
    });
}
