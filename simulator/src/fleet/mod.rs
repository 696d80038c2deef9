//! A fleet as it stands there: sites, stations, people and their habits, all from one seed.

pub mod chance;
pub mod charge;
pub mod label;
pub mod site;
pub mod user;
pub mod vehicle;
pub mod visit;

use std::sync::Arc;

use rand::Rng;

use chance::{normal, stream, weighted};
pub use site::{Profile, Site};

/// What a fleet is made of. The same plan gives the same stations, users and visits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FleetPlan {
    /// The seed of everything.
    pub seed: u64,
    /// Stations that speak OCPP 1.6J.
    pub ocpp16: u32,
    /// Stations that speak OCPP 2.0.1.
    pub ocpp201: u32,
    /// Stations that speak MQTT.
    pub mqtt: u32,
    /// Share (0–1) of sessions with a labelled anomaly.
    pub faults: f64,
}

impl Default for FleetPlan {
    fn default() -> Self {
        Self { seed: 7, ocpp16: 30, ocpp201: 10, mqtt: 20, faults: 0.0 }
    }
}

/// A fleet as it stands there.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Of what it was made.
    pub plan: FleetPlan,
    /// Three, in three time zones.
    pub sites: [Site; 3],
    /// First those of OCPP 1.6J, then 2.0.1, then MQTT.
    pub stations: Vec<Arc<Station>>,
    /// Connectors at each site.
    pub connectors: [u32; 3],
}

/// What a station speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// OCPP 1.6 over websocket.
    Ocpp16,
    /// OCPP 2.0.1 over websocket.
    Ocpp201,
    /// JSON over MQTT.
    Mqtt,
}

impl Protocol {
    /// The name in ledgers: that of `station::event::Source` for OCPP, and `mqtt`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ocpp16 => "ocpp1.6",
            Self::Ocpp201 => "ocpp2.0.1",
            Self::Mqtt => "mqtt",
        }
    }
}

/// How a connector gives power.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Current {
    /// Alternating, over this many phases.
    Ac {
        /// 1 or 3.
        phases: u8,
    },
    /// Direct.
    Dc,
}

/// A station.
#[derive(Clone, PartialEq, Debug)]
pub struct Station {
    /// As it calls itself: `OSL-A001`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its number among those of its protocol.
    pub index: u32,
    /// What it speaks.
    pub protocol: Protocol,
    /// Its site's place in [`Fleet::sites`].
    pub site: usize,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// W that each connector gives at most.
    pub rated_w: f64,
    /// AC or DC.
    pub current: Current,
    /// Connectors, numbered from 1.
    pub connectors: u8,
    /// The number of its first connector among those of its site.
    pub first_slot: u32,
    /// Maker.
    pub vendor: &'static str,
    /// Model.
    pub model: &'static str,
    /// Serial number.
    pub serial: String,
    /// Firmware version.
    pub firmware: &'static str,
}

impl Station {
    /// Whether it gives direct current.
    #[must_use]
    pub fn is_dc(&self) -> bool {
        self.current == Current::Dc
    }

    /// The kind of charger, in the words of the 20-column layout.
    #[must_use]
    pub fn charger_type(&self) -> &'static str {
        if self.is_dc() { "DC Fast Charger" } else { "Level 2" }
    }

    /// A number for this station alone, for its streams of chance.
    #[must_use]
    pub fn stream_number(&self) -> u64 {
        u64::from(self.index) | (self.protocol as u64) << 32
    }
}

impl Fleet {
    /// Sets up the fleet of a plan.
    #[must_use]
    pub fn new(plan: FleetPlan) -> Self {
        let sites = site::sites();
        let mut connectors = [0; 3];
        let mut stations = Vec::new();
        for (protocol, count) in
            [(Protocol::Ocpp16, plan.ocpp16), (Protocol::Ocpp201, plan.ocpp201), (Protocol::Mqtt, plan.mqtt)]
        {
            for index in 0..count {
                let mut station = station(plan.seed, &sites, protocol, index);
                station.first_slot = connectors[station.site];
                connectors[station.site] += u32::from(station.connectors);
                stations.push(Arc::new(station));
            }
        }
        Self { plan, sites, stations, connectors }
    }

    /// The site at which a station stands.
    #[must_use]
    pub fn site_of(&self, station: &Station) -> &Site {
        &self.sites[station.site]
    }
}

/// The station with this number among those of its protocol; nothing of it depends on how many there are.
fn station(seed: u64, sites: &[Site; 3], protocol: Protocol, index: u32) -> Station {
    let mut rng = stream(seed, "station", u64::from(index), protocol as u64);
    let place = index as usize % sites.len();
    let site = &sites[place];
    let (rated_kw, current) = *match (site.profile, site.single_phase) {
        (Profile::Residential, _) => weighted(
            &mut rng,
            &[
                ((7.4, Current::Ac { phases: 1 }), 4.0),
                ((11.0, Current::Ac { phases: 3 }), 3.0),
                ((22.0, Current::Ac { phases: 3 }), 1.5),
                ((50.0, Current::Dc), 1.0),
            ],
        ),
        (Profile::Workplace, _) => weighted(
            &mut rng,
            &[
                ((7.4, Current::Ac { phases: 1 }), 4.0),
                ((11.0, Current::Ac { phases: 1 }), 3.0),
                ((50.0, Current::Dc), 1.5),
            ],
        ),
        (Profile::Public, _) => weighted(
            &mut rng,
            &[
                ((11.0, Current::Ac { phases: 3 }), 1.0),
                ((22.0, Current::Ac { phases: 3 }), 3.0),
                ((50.0, Current::Dc), 3.0),
                ((150.0, Current::Dc), 2.0),
            ],
        ),
    };
    let letter = match protocol {
        Protocol::Ocpp16 => 'A',
        Protocol::Ocpp201 => 'B',
        Protocol::Mqtt => 'M',
    };
    let (vendor, model, firmware) = *weighted(
        &mut rng,
        match current {
            Current::Ac { .. } => &[
                (("Voltmark", "Wall 2", "2.14.3"), 3.0),
                (("Voltmark", "Wall 2", "2.13.0"), 1.0),
                (("Nordlader", "Duo AC", "5.0.11"), 2.0),
            ],
            Current::Dc => &[(("Voltmark", "Rapid 150", "4.2.0"), 2.0), (("Nordlader", "HPC", "1.9.7"), 2.0)],
        },
    );
    Station {
        id: format!("{}-{letter}{:03}", site.code, index + 1),
        name: format!("{} {letter}{}", site.name, index + 1),
        index,
        protocol,
        site: place,
        latitude: normal(&mut rng, site.latitude, 0.004),
        longitude: normal(&mut rng, site.longitude, 0.004),
        rated_w: rated_kw * 1e3,
        current,
        connectors: if rng.random_bool(0.6) { 2 } else { 1 },
        first_slot: 0,
        vendor,
        model,
        serial: format!("{letter}{:08X}", rng.random::<u32>()),
        firmware,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_fleet() {
        let plan = FleetPlan::default();
        assert_eq!(Fleet::new(plan).stations, Fleet::new(plan).stations);
        assert_ne!(Fleet::new(plan).stations, Fleet::new(FleetPlan { seed: 8, ..plan }).stations);
    }

    #[test]
    fn more_stations_leave_the_others_as_they_are() {
        let few = Fleet::new(FleetPlan { ocpp16: 5, ocpp201: 0, mqtt: 0, ..FleetPlan::default() });
        let many = Fleet::new(FleetPlan { ocpp16: 500, ocpp201: 7, mqtt: 9, ..FleetPlan::default() });
        assert_eq!(few.stations[..], many.stations[..5]);
    }

    #[test]
    fn ids_differ_and_every_site_has_its_share() {
        let fleet = Fleet::new(FleetPlan::default());
        let ids: std::collections::BTreeSet<_> = fleet.stations.iter().map(|s| &s.id).collect();
        assert_eq!(ids.len(), 60);
        for site in 0..3 {
            assert!(fleet.stations.iter().filter(|s| s.site == site).count() >= 18);
        }
        assert!(fleet.stations.iter().any(|s| s.is_dc()) && fleet.stations.iter().any(|s| !s.is_dc()));
    }
}
