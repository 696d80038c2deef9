//! Faults of stations, connectors and sites.

use integration::unique;

use crate::alert::command_in;
use crate::stack::Stack;
use crate::station::ago;

/// What an on-call engineer has is the alert's text: it names the station and the reason, and holds the command that
/// frees the connector.
pub(crate) fn connector_stuck(stack: &Stack) {
    let station = stack.station("stuck");
    station.status("Preparing", ("NoError", ""), &ago(3600));
    let about = [("station", station.id.as_str()), ("status", "preparing")];
    let alert = stack.fires("ConnectorStuck", &about);
    let text = alert["annotations"]["description"].as_str().unwrap();
    assert!(text.contains(&station.id) && text.contains("a cable is plugged in"), "{text}");
    stack.terminal(&command_in(&alert));
    station.wait_for("UnlockConnector");
    station.status("Available", ("NoError", ""), &ago(0));
    stack.ends("ConnectorStuck", &about);
    stack.retire(station);
}

pub(crate) fn connector_faulted(stack: &Stack) {
    let station = stack.station("faulted");
    station.status("Faulted", ("GroundFailure", "E7"), &ago(0));
    let about = [("station", station.id.as_str()), ("connector", "1")];
    let alert = stack.fires("ConnectorFaulted", &about);
    let text = alert["annotations"]["description"].as_str().unwrap();
    assert!(text.contains("GroundFailure E7"), "the station's own words: {text}");
    station.status("Available", ("NoError", ""), &ago(0));
    stack.ends("ConnectorFaulted", &about);
    stack.retire(station);
}

pub(crate) fn station_offline(stack: &Stack) {
    let site = unique("offline");
    let (station, other) = (stack.station_at(&site), stack.station_at(&site));
    let id = station.id.clone();
    drop(station);
    stack.fires("StationOffline", &[("station", &id)]);
    let station = crate::station::Station::boot(&stack.gateway(), &id);
    stack.ends("StationOffline", &[("station", &id)]);
    stack.silent("StationOffline", &[("station", &other.id)]);
    stack.silent("SiteOffline", &[("site", &site)]);
    stack.retire(station);
    stack.retire(other);
}

/// One page for the site, none for each of its stations.
pub(crate) fn site_offline(stack: &Stack) {
    let site = unique("dark");
    let ids = [0, 1, 2].map(|_| {
        let station = stack.station_at(&site);
        let id = station.id.clone();
        drop(station);
        id
    });
    stack.fires("SiteOffline", &[("site", &site)]);
    let stations = ids.each_ref().map(|id| crate::station::Station::boot(&stack.gateway(), id));
    stack.ends("SiteOffline", &[("site", &site)]);
    stack.silent("StationOffline", &[("site", &site)]);
    for station in stations {
        stack.retire(station);
    }
}
