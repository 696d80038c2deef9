//! Sums over the fleet by site, computed once a poll.

use std::collections::{BTreeMap, HashMap, HashSet};

use station::event::ConnectorStatus;

use crate::connection::ConnectionState;
use crate::places::OUTCOMES;
use crate::snapshot::{Snapshot, Station};

/// The label of stations that belong to no site.
pub(crate) const NO_SITE: &str = "unassigned";
/// The label of all sites beyond the cap, and of words that nobody knows.
pub(crate) const OTHER: &str = "other";

/// States of a station in `ampwarden_stations`. `offline` and `unknown` come before what it said last.
pub(crate) const STATION_STATES: [&str; 8] =
    ["available", "occupied", "charging", "reserved", "unavailable", "faulted", "offline", "unknown"];

/// Severities of a score.
pub(crate) const SEVERITIES: [&str; 4] = ["normal", "info", "warning", "critical"];

/// One site's sums.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct SiteSums {
    pub(crate) stations: BTreeMap<&'static str, i64>,
    pub(crate) connectors: BTreeMap<&'static str, i64>,
    pub(crate) active_sessions: i64,
    pub(crate) power_w: f64,
    pub(crate) scored: BTreeMap<&'static str, i64>,
    pub(crate) ended: BTreeMap<&'static str, i64>,
}

/// Which sites have a label of their own: the first `max` by name of those that have stations or are registered.
#[derive(Debug, Default)]
pub(crate) struct SiteLabels(HashSet<String>);

impl SiteLabels {
    pub(crate) fn of(snapshot: &Snapshot, max: usize) -> Self {
        let mut sites: Vec<&str> = snapshot
            .sites
            .iter()
            .map(|site| site.site.as_str())
            .chain(snapshot.stations.iter().filter_map(|station| station.site.as_deref()))
            .collect();
        sites.sort_unstable();
        sites.dedup();
        sites.truncate(max);
        Self(sites.into_iter().map(str::to_owned).collect())
    }

    /// The label for a site.
    pub(crate) fn label<'a>(&self, site: Option<&'a str>) -> &'a str {
        match site {
            None | Some("") => NO_SITE,
            Some(site) if self.0.contains(site) => site,
            Some(_) => OTHER,
        }
    }

    /// Whether the site has a label of its own.
    pub(crate) fn has(&self, site: &str) -> bool {
        self.0.contains(site)
    }
}

/// Sums by site label. Every registered site is there, with zeros where nothing is: so 0 differs from "no data".
pub(crate) fn sums<'a>(
    snapshot: &'a Snapshot,
    labels: &SiteLabels,
    power_max_age_s: f64,
) -> BTreeMap<&'a str, SiteSums> {
    let mut sums: BTreeMap<&str, SiteSums> = BTreeMap::new();
    let zeros = || SiteSums {
        stations: STATION_STATES.iter().map(|state| (*state, 0)).collect(),
        connectors: ConnectorStatus::ALL.iter().map(|status| (status.label(), 0)).collect(),
        scored: SEVERITIES.iter().map(|severity| (*severity, 0)).collect(),
        ended: OUTCOMES.iter().map(|outcome| (*outcome, 0)).collect(),
        ..SiteSums::default()
    };
    for site in snapshot.sites.iter().filter(|site| labels.has(&site.site)) {
        sums.insert(&site.site, zeros());
    }
    let mut site_of: HashMap<&str, &str> = HashMap::with_capacity(snapshot.stations.len());
    for station in &snapshot.stations {
        let site = labels.label(station.site.as_deref());
        site_of.insert(&station.station, site);
        let sum = sums.entry(site).or_insert_with(zeros);
        *sum.stations.entry(state_of(station)).or_default() += 1;
        if power_is_fresh(station, snapshot.taken_at, power_max_age_s) {
            sum.power_w += station.power_w;
        }
    }
    // Connector 0 is the station as a whole.
    for connector in snapshot.connectors.iter().filter(|connector| connector.connector > 0) {
        // A connector whose station is retired is not counted.
        if let Some(site) = site_of.get(connector.station.as_str()) {
            let sum = sums.entry(site).or_insert_with(zeros);
            *sum.connectors.entry(connector.status).or_default() += 1;
        }
    }
    for site in snapshot.places.session_sites() {
        sums.entry(labels.label(site)).or_insert_with(zeros).active_sessions += 1;
    }
    for ended in &snapshot.places.ended {
        let sum = sums.entry(labels.label(ended.site.as_deref())).or_insert_with(zeros);
        *sum.ended.entry(ended.outcome).or_default() += ended.sessions;
    }
    for scores in &snapshot.scores {
        let severity = SEVERITIES.iter().find(|known| **known == scores.severity).copied().unwrap_or(OTHER);
        let sum = sums.entry(labels.label(scores.site.as_deref())).or_insert_with(zeros);
        *sum.scored.entry(severity).or_default() += scores.sessions;
    }
    sums
}

/// The state under which a station is counted.
pub(crate) fn state_of(station: &Station) -> &'static str {
    match station.connection {
        ConnectionState::Unknown => "unknown",
        // Registered and never heard of: not yet built, perhaps.
        ConnectionState::Disconnected if station.last_seen_at.is_none() => "unknown",
        ConnectionState::Disconnected => "offline",
        ConnectionState::Connected => {
            STATION_STATES.iter().find(|known| **known == station.state).copied().unwrap_or("unknown")
        }
    }
}

/// Whether the station's power still says something: what was last said may be hours old.
pub(crate) fn power_is_fresh(station: &Station, now: f64, max_age_s: f64) -> bool {
    station.last_seen_at.is_some_and(|seen| now - seen <= max_age_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::{Ended, OpenSession, Place, Places};
    use crate::snapshot::{Connector, Scores, Site};

    fn station(id: &str, site: Option<&str>, connection: ConnectionState) -> Station {
        Station {
            station: id.into(),
            site: site.map(str::to_owned),
            connection,
            row_connected: true,
            last_seen_at: Some(990.0),
            state: "charging".into(),
            protocol: None,
            vendor: None,
            model: None,
            firmware: None,
            active_sessions: 1,
            power_w: 7000.0,
            maintenance: false,
        }
    }

    fn places() -> Places {
        let session = |site: Option<&str>, connector| OpenSession {
            place: Place { station: "a".into(), evse: 0, connector },
            site: site.map(str::to_owned),
            started_at: 900.0,
            heard_at: 990.0,
        };
        let ended = |outcome, sessions| Ended { site: Some("oslo".into()), outcome, sessions };
        Places {
            sessions: vec![session(Some("oslo"), 1), session(Some("oslo"), 2), session(None, 1)],
            ended: vec![ended("charged", 7), ended("failed", 2)],
            ..Places::default()
        }
    }

    #[test]
    fn the_fleet_is_summed_by_site_and_empty_sites_say_zero() {
        let site = |site: &str| Site {
            site: site.into(),
            name: None,
            time_zone: None,
            currency: None,
            grid_limit_w: None,
            maintenance: false,
        };
        let connector = |station: &str, connector, status| Connector {
            station: station.into(),
            evse: 1,
            connector,
            status,
            since: None,
            error: None,
        };
        let old =
            Station { last_seen_at: Some(1.0), ..station("c", Some("oslo"), ConnectionState::Disconnected) };
        let snapshot = Snapshot {
            taken_at: 1000.0,
            stations: vec![
                station("a", Some("oslo"), ConnectionState::Connected),
                station("b", None, ConnectionState::Unknown),
                old,
            ],
            connectors: vec![
                connector("a", 0, "available"),
                connector("a", 1, "charging"),
                connector("c", 1, "faulted"),
                connector("retired", 1, "faulted"),
            ],
            sites: vec![site("oslo"), site("empty")],
            scores: vec![
                Scores { site: Some("oslo".into()), severity: "critical".into(), sessions: 2 },
                Scores { site: Some("oslo".into()), severity: "shrug".into(), sessions: 1 },
            ],
            places: places(),
            ..Snapshot::default()
        };
        let labels = SiteLabels::of(&snapshot, 10);
        let sums = sums(&snapshot, &labels, 900.0);
        let oslo = &sums["oslo"];
        assert_eq!(
            (oslo.stations["charging"], oslo.stations["offline"], oslo.stations["faulted"]),
            (1, 1, 0)
        );
        assert_eq!(
            (oslo.connectors["charging"], oslo.connectors["faulted"], oslo.connectors["available"]),
            (1, 1, 0)
        );
        assert_eq!((oslo.power_w, oslo.active_sessions), (7000.0, 2));
        assert_eq!((oslo.scored["critical"], oslo.scored[OTHER], oslo.scored["normal"]), (2, 1, 0));
        assert_eq!((oslo.ended["charged"], oslo.ended["failed"]), (7, 2));
        assert_eq!((sums["empty"].stations["charging"], sums["empty"].ended["failed"]), (0, 0));
        assert_eq!((sums[NO_SITE].stations["unknown"], sums[NO_SITE].active_sessions), (1, 1));
    }

    #[test]
    fn sites_beyond_the_cap_are_one() {
        let snapshot = Snapshot {
            taken_at: 1000.0,
            stations: ["z", "a", "m"]
                .map(|site| station(site, Some(site), ConnectionState::Connected))
                .into(),
            ..Snapshot::default()
        };
        let labels = SiteLabels::of(&snapshot, 1);
        let sums = sums(&snapshot, &labels, 900.0);
        assert_eq!(sums.keys().copied().collect::<Vec<_>>(), ["a", OTHER]);
        assert_eq!(sums[OTHER].stations["charging"], 2);
    }
}
