//! The fleet, its sites and its stations: whose sessions make whose load.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono_tz::Tz;

use super::{Availability, Grid, LoadModel, Span, TooLittle, Visit, gaps};

/// What a forecast is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// All stations.
    Fleet,
    /// The stations of a site.
    Site(String),
    /// One station.
    Station(String),
}

/// What is known of a station.
#[derive(Clone, Debug, Default)]
pub struct StationHistory {
    /// Where it stands.
    pub site: Option<String>,
    /// Its sessions.
    pub visits: Vec<Visit>,
    /// How many connectors it has, as far as it said so or they were used; at least 1.
    pub connectors: u32,
    /// What it can give, W.
    pub rated_w: Option<f64>,
}

/// What all forecasts are made from.
#[derive(Clone, Debug, Default)]
pub struct History {
    stations: BTreeMap<String, StationHistory>,
    sites: BTreeSet<String>,
    zones: HashMap<String, Tz>,
    gaps: Vec<Span>,
    read_at_us: i64,
}

/// One place's hours, and what is forecast from them.
#[derive(Clone, Debug)]
pub struct Place {
    /// Mean power by hour, W; absent without a session.
    pub power: Option<Grid>,
    /// The share of each hour in which a connector was free; absent without a session and for the fleet.
    pub free: Option<Grid>,
    /// How many connectors there are.
    pub connectors: u32,
    /// What they can give together, W, if it is known of all.
    pub rated_w: Option<f64>,
    /// Whose midnight divides its days.
    pub zone: Tz,
}

impl Scope {
    /// Reads `fleet`, `sites/{site}` or `stations/{station}`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let id = |prefix: &str| name.strip_prefix(prefix).filter(|id| !id.is_empty()).map(str::to_owned);
        if name == "fleet" {
            return Some(Self::Fleet);
        }
        id("sites/").map(Self::Site).or_else(|| id("stations/").map(Self::Station))
    }

    /// What kind it is, as the store has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Site(_) => "site",
            Self::Station(_) => "station",
        }
    }

    /// Its id, as the store has it.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Fleet => "fleet",
            Self::Site(id) | Self::Station(id) => id,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("fleet"),
            Self::Site(id) => write!(f, "sites/{id}"),
            Self::Station(id) => write!(f, "stations/{id}"),
        }
    }
}

impl History {
    /// From what was read at a time, µs since 1970. `sites` are those that are known even without a station.
    #[must_use]
    pub fn new(
        stations: BTreeMap<String, StationHistory>,
        sites: BTreeSet<String>,
        zones: HashMap<String, Tz>,
        read_at_us: i64,
    ) -> Self {
        let mut history = Self { stations, sites, zones, gaps: Vec::new(), read_at_us };
        history.sites.extend(history.stations.values().filter_map(|station| station.site.clone()));
        history.gaps = gaps(&history.visits(history.stations.values()));
        history
    }

    /// When it was read, µs since 1970.
    #[must_use]
    pub fn read_at_us(&self) -> i64 {
        self.read_at_us
    }

    /// How long the whole fleet's data is missing, h.
    #[must_use]
    pub fn gap_hours(&self) -> f64 {
        self.gaps.iter().map(|gap| (gap.until_us - gap.from_us) as f64 / 3.6e9).sum()
    }

    /// The fleet, each site, each station.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        let sites = self.sites.iter().cloned().map(Scope::Site);
        let stations = self.stations.keys().cloned().map(Scope::Station);
        std::iter::once(Scope::Fleet).chain(sites).chain(stations).collect()
    }

    /// One place; `None` if there is no such site or station.
    #[must_use]
    pub fn place(&self, scope: &Scope) -> Option<Place> {
        let of: Vec<&StationHistory> = match scope {
            Scope::Fleet => self.stations.values().collect(),
            Scope::Site(site) if self.sites.contains(site) => {
                self.stations.values().filter(|station| station.site.as_ref() == Some(site)).collect()
            }
            Scope::Site(_) => return None,
            Scope::Station(station) => vec![self.stations.get(station)?],
        };
        let zone = self.zone(&of);
        let visits = self.visits(of.iter().copied());
        let connectors = of.iter().map(|station| station.connectors.max(1)).sum();
        let rated_w = of.iter().map(|station| station.rated_w).sum::<Option<f64>>().filter(|w| *w > 0.0);
        let power = Grid::of_load(&visits, &self.gaps, zone, self.read_at_us);
        let free = Grid::of_free_share(&visits, connectors, &self.gaps, zone, self.read_at_us)
            .filter(|_| *scope != Scope::Fleet);
        Some(Place { power, free, connectors, rated_w, zone })
    }

    /// The zone of most of the stations; UTC where none is known.
    fn zone(&self, of: &[&StationHistory]) -> Tz {
        let mut zones: Vec<(usize, Tz)> = Vec::new();
        for zone in of.iter().filter_map(|station| self.zones.get(station.site.as_ref()?)) {
            match zones.iter_mut().find(|(_, known)| known == zone) {
                Some((count, _)) => *count += 1,
                None => zones.push((1, *zone)),
            }
        }
        zones.into_iter().max_by_key(|(count, _)| *count).map_or(Tz::UTC, |(_, zone)| zone)
    }

    fn visits<'a>(&self, of: impl Iterator<Item = &'a StationHistory>) -> Vec<Visit> {
        let mut visits: Vec<Visit> = of.flat_map(|station| station.visits.iter().copied()).collect();
        visits.sort_by_key(|visit| visit.from_us);
        visits
    }
}

impl Place {
    /// The load that goes on from here.
    ///
    /// # Errors
    /// If the history is too short, or stopped weeks ago.
    pub fn load(&self) -> Result<LoadModel, TooLittle> {
        LoadModel::learn(self.power.clone().ok_or(TooLittle::Nothing)?, self.rated_w)
    }

    /// When connectors are free.
    ///
    /// # Errors
    /// If the history is too short.
    pub fn availability(&self) -> Result<Availability, TooLittle> {
        Availability::learn(self.free.clone().ok_or(TooLittle::Nothing)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn places_add_up() {
        let station = |site: &str, watts: f64| StationHistory {
            site: Some(site.into()),
            visits: (0..20)
                .map(|day| Visit {
                    from_us: (day * 24 + 8) * HOUR_US,
                    until_us: (day * 24 + 10) * HOUR_US,
                    charging_s: 7200.0,
                    energy_wh: 2.0 * watts,
                })
                .collect(),
            connectors: 1,
            rated_w: Some(2.0 * watts),
        };
        let stations: BTreeMap<String, StationHistory> = [
            ("a".to_owned(), station("north", 1000.0)),
            ("b".to_owned(), station("north", 2000.0)),
            ("c".to_owned(), StationHistory { rated_w: None, ..station("south", 4000.0) }),
            ("new".to_owned(), StationHistory { site: Some("east".into()), ..StationHistory::default() }),
        ]
        .into();
        let zones = [("north".to_owned(), Tz::Europe__Berlin)].into();
        let history = History::new(stations, BTreeSet::new(), zones, 20 * 24 * HOUR_US);
        assert_eq!(history.scopes().len(), 1 + 3 + 4);
        let place = |name: &str| history.place(&Scope::parse(name).expect("a scope"));
        let at = |name: &str| {
            let grid = place(name).expect("known").power.expect("sessions");
            grid.values()[grid.slot((24 + 9) * HOUR_US)]
        };
        assert_eq!((at("stations/a"), at("sites/north"), at("fleet")), (1000.0, 3000.0, 7000.0));
        let north = place("sites/north").expect("known");
        assert_eq!((north.connectors, north.rated_w, north.zone), (2, Some(6000.0), Tz::Europe__Berlin));
        assert_eq!(place("fleet").expect("known").rated_w, None, "not all ratings are known");
        assert_eq!(place("stations/new").expect("known").load().expect_err("new"), TooLittle::Nothing);
        assert!(place("sites/west").is_none() && place("stations/x").is_none());
        for wrong in ["", "fleets", "sites/", "stations/", "station/a"] {
            assert_eq!(Scope::parse(wrong), None, "{wrong}");
        }
    }
}
