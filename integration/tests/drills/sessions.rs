//! Faults of sessions, meters and power.

use integration::unique;

use crate::alert::command_in;
use crate::stack::Stack;

const POWER: (&str, &str) = ("Power.Active.Import", "W");

pub(crate) fn over_the_limit(stack: &Stack) {
    let site = unique("limit");
    let station = stack.station_at(&site);
    stack.terminal(&format!("ampwarden limits set {site} --grid-kw 10"));
    let transaction = station.start();
    station.meter(Some(transaction), POWER.0, POWER.1, 22_000.0);
    let alert = stack.fires("SitePowerOverLimit", &[("site", &site)]);
    let text = alert["annotations"]["description"].as_str().unwrap();
    assert!(text.contains("draws 22kW, its grid limit is 10kW"), "{text}");
    station.meter(Some(transaction), POWER.0, POWER.1, 6_000.0);
    stack.ends("SitePowerOverLimit", &[("site", &site)]);
    station.stop(transaction, 9_000);
    stack.retire(station);
}

pub(crate) fn power_without_session(stack: &Stack) {
    let station = stack.station("free");
    station.meter(None, POWER.0, POWER.1, 7_200.0);
    stack.fires("PowerWithoutSession", &[("station", &station.id)]);
    station.meter(None, POWER.0, POWER.1, 0.0);
    stack.ends("PowerWithoutSession", &[("station", &station.id)]);
    stack.retire(station);
}

/// Its text holds the command that takes the station out of service.
pub(crate) fn over_temperature(stack: &Stack) {
    let station = stack.station("hot");
    let transaction = station.start();
    station.meter(Some(transaction), "Temperature", "Celsius", 95.5);
    let alert = stack.fires("OverTemperature", &[("station", &station.id)]);
    stack.terminal(&command_in(&alert));
    station.wait_for("ChangeAvailability");
    station.stop(transaction, 4_000);
    station.meter(None, "Temperature", "Celsius", 30.0);
    stack.ends("OverTemperature", &[("station", &station.id)]);
    stack.retire(station);
}

pub(crate) fn session_stuck(stack: &Stack) {
    let station = stack.station("mute");
    let transaction = station.start();
    stack.fires("SessionStuck", &[("station", &station.id)]);
    station.stop(transaction, 4_000);
    stack.ends("SessionStuck", &[("station", &station.id)]);
    stack.retire(station);
}

pub(crate) fn start_failures(stack: &Stack) {
    let site = unique("failing");
    let station = stack.station_at(&site);
    let charge = |energy_wh| {
        let transaction = station.start();
        station.stop(transaction, energy_wh);
    };
    for _ in 0..6 {
        charge(0);
    }
    stack.fires("StartFailures", &[("site", &site)]);
    for _ in 0..20 {
        charge(5_000);
    }
    stack.ends("StartFailures", &[("site", &site)]);
    stack.retire(station);
}
