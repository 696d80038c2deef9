//! What operators say of stations and sites that matters for scoring: ratings and time zones.

use std::collections::HashMap;

use store::read::{ReadError, Reader};

use crate::session::Session;

/// Ratings and zones, as last read.
#[derive(Debug, Default)]
pub(crate) struct Places {
    ratings: HashMap<String, f64>,
    sites_of_stations: HashMap<String, String>,
    zones: HashMap<String, String>,
}

impl Places {
    pub(crate) async fn read(reader: &Reader) -> Result<Self, ReadError> {
        let mut places = Self::default();
        for station in reader.stations().await? {
            if let Some(rated) = station.rated_power_w {
                places.ratings.insert(station.station.clone(), rated);
            }
            if let Some(site) = station.site {
                places.sites_of_stations.insert(station.station, site);
            }
        }
        for site in reader.sites().await? {
            if let Some(zone) = site.time_zone {
                places.zones.insert(site.site, zone);
            }
        }
        Ok(places)
    }

    /// The time zone at a station, whose site may be said by the operators alone.
    pub(crate) fn zone(&self, station: &str, site: Option<&str>) -> Option<&str> {
        let site = site.or_else(|| self.sites_of_stations.get(station).map(String::as_str))?;
        self.zones.get(site).map(String::as_str)
    }

    /// Fills in what the session itself does not say.
    pub(crate) fn fill(&self, session: &mut Session) {
        if session.site.is_none() {
            session.site = self.sites_of_stations.get(&session.station).cloned();
        }
        if session.rated_power_w.is_none() {
            session.rated_power_w = self.ratings.get(&session.station).copied();
        }
        if session.time_zone.is_none() {
            session.time_zone = session.site.as_ref().and_then(|site| self.zones.get(site)).cloned();
        }
    }
}
