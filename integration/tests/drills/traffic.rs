//! Faults of what stations say and how they connect: they go on until the alert fires.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::stack::Stack;
use crate::station::{ago, connect};

/// Goes on with something while the rest is done, and stops before `mended`.
fn meanwhile(harm: impl Fn() + Sync, fires: impl FnOnce(), mended: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let harming = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                harm();
                // Traffic, no flood: the gateway slows down who floods it.
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        fires();
        over.store(true, Ordering::Relaxed);
        harming.join().unwrap();
    });
    mended();
}

pub(crate) fn clock_skew(stack: &Stack) {
    let station = stack.station("clock");
    meanwhile(
        || station.status("Available", ("NoError", ""), &ago(-86_400)),
        || drop(stack.fires("ClockSkew", &[("protocol", "ocpp1.6")])),
        || stack.ends("ClockSkew", &[("protocol", "ocpp1.6")]),
    );
    stack.retire(station);
}

pub(crate) fn rejected(stack: &Stack) {
    let station = stack.station("garbage");
    meanwhile(
        || drop(station.call("MeterValues", &json!({"connectorId": [], "meterValue": 7}))),
        || {
            stack.fires("EventsRejected", &[]);
            stack.fires("CallErrors", &[("protocol", "ocpp1.6")]);
        },
        || {
            stack.ends("EventsRejected", &[]);
            stack.ends("CallErrors", &[("protocol", "ocpp1.6")]);
        },
    );
    stack.retire(station);
}

pub(crate) fn refused(stack: &Stack) {
    let reason = [("reason", "no_common_subprotocol")];
    meanwhile(
        || drop(connect(&stack.gateway(), "CP-wrong", "ocpp0.9")),
        || drop(stack.fires("StationsRefused", &reason)),
        || stack.ends("StationsRefused", &reason),
    );
}

pub(crate) fn commands_fail(stack: &Stack) {
    let station = stack.station("deaf");
    station.ignore("ClearCache");
    for _ in 0..4 {
        let path = format!("/v1/stations/{}/commands", station.id);
        let gateway = stack.gateway();
        let asked =
            gateway.ask(gateway.token(), ("POST", &path), &[], Some(&json!({"command": "clear_cache"})));
        assert_eq!(asked.unwrap().0, 202);
    }
    let about = [("command", "clear_cache")];
    stack.fires("CommandsFail", &about);
    stack.ends("CommandsFail", &about);
    stack.retire(station);
}

pub(crate) fn reconnect_storm(stack: &Stack) {
    let id = integration::unique("CP-storm");
    meanwhile(
        || {
            // Two at a time: the newest wins, and the older loses its connection.
            let gateway = stack.gateway();
            for _ in 0..3 {
                let _ = connect(&gateway, &id, "ocpp1.6");
            }
        },
        || drop(stack.fires("ReconnectStorm", &[])),
        || stack.ends("ReconnectStorm", &[]),
    );
    let _ = stack.gateway().command(&["stations", "set", &id, "--retired"]);
}
