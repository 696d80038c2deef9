//! Builds the metrics of one scrape from the last snapshot. Nothing is kept from scrape to scrape, so a series whose
//! station is gone is gone, and gauges cannot outlive what they tell.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, MetricEncoder,
};
use service::metrics::MetricSpec;

use crate::connection::{ConnectionState, Life};
use crate::fleet::{self, SiteLabels};
use crate::metrics as m;
use crate::places::{Place, Places};
use crate::snapshot::{Snapshot, Station};

/// What a scrape shows, and how much of it.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) stations_max: usize,
    pub(crate) sites_max: usize,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    pub(crate) snapshot_max_age: Duration,
    pub(crate) power_max_age: Duration,
    pub(crate) scores_window: Duration,
}

/// What the poll leaves for the scrape.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// None before the first poll that worked.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) store_up: bool,
    pub(crate) takes_writes: bool,
    /// Unix seconds.
    pub(crate) started_at: f64,
}

/// The collector: cheap to clone, shared by poll and scrape.
#[derive(Debug, Clone)]
pub(crate) struct Scrape {
    seen: Arc<Mutex<Seen>>,
    limits: Limits,
    /// Unix seconds: [`unix_now`], but for tests.
    clock: fn() -> f64,
}

impl Scrape {
    pub(crate) fn new(limits: Limits, clock: fn() -> f64) -> Self {
        let seen = Seen { snapshot: None, store_up: false, takes_writes: false, started_at: clock() };
        Self { seen: Arc::new(Mutex::new(seen)), limits, clock }
    }

    /// Changes what the next scrape shows.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn encode_at(&self, encoder: &mut DescriptorEncoder<'_>, now: f64) -> fmt::Result {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        single(encoder, &m::STORE_UP, f64::from(u8::from(seen.store_up)))?;
        single(encoder, &m::STORE_TAKES_WRITES, f64::from(u8::from(seen.takes_writes)))?;
        let read_at = seen.snapshot.as_ref().map(|snapshot| snapshot.taken_at);
        if let Some(read_at) = read_at {
            single(encoder, &m::SNAPSHOT_TIMESTAMP, read_at)?;
        }
        let age = (now - read_at.unwrap_or(seen.started_at)).max(0.0);
        single(encoder, &m::SNAPSHOT_AGE, age)?;
        single(encoder, &m::SCORED_WINDOW, self.limits.scores_window.as_secs_f64())?;
        match seen.snapshot {
            Some(snapshot) if age <= self.limits.snapshot_max_age.as_secs_f64() => {
                let labels = SiteLabels::of(&snapshot, self.limits.sites_max);
                // Each shard has its own stations, but the fleet's sums only once, or they would be counted twice.
                if self.limits.shard == 0 {
                    self.encode_fleet(encoder, &snapshot, &labels)?;
                }
                self.encode_stations(encoder, &snapshot, &labels, seen.takes_writes)
            }
            _ => Ok(()),
        }
    }

    fn encode_fleet(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        snapshot: &Snapshot,
        labels: &SiteLabels,
    ) -> fmt::Result {
        let sums = fleet::sums(snapshot, labels, self.limits.power_max_age.as_secs_f64());
        for (spec, of) in [
            (
                &m::STATIONS,
                (|sum| &sum.stations) as fn(&fleet::SiteSums) -> &std::collections::BTreeMap<_, _>,
            ),
            (&m::CONNECTORS, |sum| &sum.connectors),
            (&m::SCORED_SESSIONS, |sum| &sum.scored),
            (&m::ENDED_SESSIONS, |sum| &sum.ended),
        ] {
            let mut family = Family::begin(encoder, spec)?;
            for (site, sum) in &sums {
                for (word, count) in of(sum) {
                    family.gauge(&[site, word], *count as f64)?;
                }
            }
        }
        let mut family = Family::begin(encoder, &m::ACTIVE_SESSIONS)?;
        for (site, sum) in &sums {
            family.gauge(&[site], sum.active_sessions as f64)?;
        }
        let mut family = Family::begin(encoder, &m::POWER)?;
        for (site, sum) in &sums {
            family.gauge(&[site], sum.power_w)?;
        }
        let sites = || snapshot.sites.iter().filter(|site| labels.has(&site.site));
        let mut family = Family::begin(encoder, &m::GRID_LIMIT)?;
        for site in sites() {
            if let Some(limit) = site.grid_limit_w {
                family.gauge(&[&site.site], limit)?;
            }
        }
        let mut family = Family::begin(encoder, &m::SITE_MAINTENANCE)?;
        for site in sites() {
            family.gauge(&[&site.site], f64::from(u8::from(site.maintenance)))?;
        }
        let mut family = Family::begin(encoder, &m::SITE_INFO)?;
        for site in sites() {
            let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
            family.info(&[&site.site, &text(&site.name), &text(&site.time_zone), &text(&site.currency)])?;
        }
        let mut family = Family::begin(encoder, &m::GATEWAY_ALIVE)?;
        for gateway in &snapshot.gateways {
            match gateway.life {
                Life::Alive => family.gauge(&[&gateway.gateway], 1.0)?,
                Life::Over => family.gauge(&[&gateway.gateway], 0.0)?,
                Life::Unknown => {}
            }
        }
        let mut family = Family::begin(encoder, &m::GATEWAY_HEARTBEAT)?;
        for gateway in &snapshot.gateways {
            family.gauge(&[&gateway.gateway], gateway.heartbeat_at)?;
        }
        Ok(())
    }

    fn encode_stations(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        snapshot: &Snapshot,
        labels: &SiteLabels,
        takes_writes: bool,
    ) -> fmt::Result {
        let mine: Vec<&Station> = snapshot
            .stations
            .iter()
            .filter(|station| shard_of(&station.station, self.limits.shards) == self.limits.shard)
            .collect();
        // The first by name, so that the same stations keep their series from scrape to scrape.
        let shown = &mine[..mine.len().min(self.limits.stations_max)];
        single(encoder, &m::SERIES_DROPPED, (mine.len() - shown.len()) as f64)?;
        single(encoder, &m::STATIONS_EXPOSED, shown.len() as f64)?;

        let power_max_age = self.limits.power_max_age.as_secs_f64();
        let known = |station: &Station| takes_writes && station.connection != ConnectionState::Unknown;
        // Where nobody can tell, what the station's row says is shown, and that it is not known.
        let connected = |station: &Station| match station.connection {
            ConnectionState::Connected => true,
            ConnectionState::Disconnected => false,
            ConnectionState::Unknown => station.row_connected,
        };
        type Value<'v> = &'v dyn Fn(&Station) -> Option<f64>;
        let values: [(&MetricSpec, Value<'_>); 6] = [
            (&m::STATION_CONNECTED, &|station| Some(f64::from(u8::from(connected(station))))),
            (&m::STATION_KNOWN, &|station| Some(f64::from(u8::from(known(station))))),
            (&m::STATION_LAST_SEEN, &|station| station.last_seen_at),
            (&m::STATION_POWER, &|station| {
                fleet::power_is_fresh(station, snapshot.taken_at, power_max_age).then_some(station.power_w)
            }),
            (&m::STATION_SESSIONS, &|station| Some(station.active_sessions as f64)),
            (&m::STATION_MAINTENANCE, &|station| Some(f64::from(u8::from(station.maintenance)))),
        ];
        for (spec, value) in values {
            let mut family = Family::begin(encoder, spec)?;
            for station in shown {
                if let Some(value) = value(station) {
                    family.gauge(&[&station.station, labels.label(station.site.as_deref())], value)?;
                }
            }
        }
        let mut family = Family::begin(encoder, &m::STATION_INFO)?;
        for station in shown {
            family.info(&[
                &station.station,
                labels.label(station.site.as_deref()),
                station.protocol.as_deref().unwrap_or_default(),
                station.vendor.as_deref().unwrap_or_default(),
                station.model.as_deref().unwrap_or_default(),
                station.firmware.as_deref().unwrap_or_default(),
            ])?;
        }
        let site_of: HashMap<&str, &str> = shown
            .iter()
            .map(|station| (station.station.as_str(), labels.label(station.site.as_deref())))
            .collect();
        let mut family = Family::begin(encoder, &m::CONNECTOR_STATUS)?;
        for c in &snapshot.connectors {
            if let Some(site) = site_of.get(c.station.as_str()) {
                family.gauge(
                    &[&c.station, site, &c.evse.to_string(), &c.connector.to_string(), c.status],
                    1.0,
                )?;
            }
        }
        let mut family = Family::begin(encoder, &m::CONNECTOR_SINCE)?;
        for c in &snapshot.connectors {
            if let (Some(site), Some(since)) = (site_of.get(c.station.as_str()), c.since) {
                family.gauge(&[&c.station, site, &c.evse.to_string(), &c.connector.to_string()], since)?;
            }
        }
        let mut family = Family::begin(encoder, &m::CONNECTOR_ERROR)?;
        for c in &snapshot.connectors {
            if let (Some(site), Some((code, vendor))) = (site_of.get(c.station.as_str()), &c.error) {
                let (evse, connector) = (c.evse.to_string(), c.connector.to_string());
                family.info(&[&c.station, site, &evse, &connector, code, vendor])?;
            }
        }
        encode_places(encoder, &snapshot.places, &site_of)
    }
}

/// What goes on at the connectors of the stations that `site_of` knows.
fn encode_places(
    encoder: &mut DescriptorEncoder<'_>,
    places: &Places,
    site_of: &HashMap<&str, &str>,
) -> fmt::Result {
    let mut show = |spec: &MetricSpec, values: &mut dyn Iterator<Item = (&Place, f64)>| {
        let mut family = Family::begin(encoder, spec)?;
        for (place, value) in values {
            if let Some(site) = site_of.get(place.station.as_str()) {
                let (evse, connector) = (place.evse.to_string(), place.connector.to_string());
                family.gauge(&[&place.station, site, &evse, &connector], value)?;
            }
        }
        Ok(())
    };
    show(&m::CONNECTOR_SESSION_START, &mut places.last_sessions().map(|s| (&s.place, s.started_at)))?;
    show(&m::CONNECTOR_SESSION_HEARD, &mut places.last_sessions().map(|s| (&s.place, s.heard_at)))?;
    show(&m::CONNECTOR_TEMPERATURE, &mut places.temperatures.iter().map(|(place, v)| (place, *v)))?;
    show(&m::CONNECTOR_STRAY_POWER, &mut places.strays.iter().map(|(place, v)| (place, *v)))
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_at(&mut encoder, (self.clock)())
    }
}

/// Unix seconds by this machine's clock.
pub(crate) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Which shard has the station's series: FNV-1a over its id, the same on every machine and in every version.
pub(crate) fn shard_of(station: &str, shards: u32) -> u32 {
    let hash = station
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    u32::try_from(hash % u64::from(shards.max(1))).unwrap_or_default()
}

fn single(encoder: &mut DescriptorEncoder<'_>, spec: &MetricSpec, value: f64) -> fmt::Result {
    spec.encode(encoder)?.encode_gauge(&value)
}

/// A family whose label names are those of its spec.
struct Family<'e> {
    names: &'static [&'static str],
    encoder: MetricEncoder<'e>,
}

impl<'e> Family<'e> {
    fn begin(encoder: &'e mut DescriptorEncoder<'_>, spec: &'e MetricSpec) -> Result<Self, fmt::Error> {
        Ok(Self { names: spec.labels, encoder: spec.encode(encoder)? })
    }

    fn gauge(&mut self, values: &[&str], value: f64) -> fmt::Result {
        self.encoder.encode_family(&Labels(self.names, values))?.encode_gauge(&value)
    }

    fn info(&mut self, values: &[&str]) -> fmt::Result {
        self.encoder.encode_info(&Labels(self.names, values))
    }
}

struct Labels<'v>(&'static [&'static str], &'v [&'v str]);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        debug_assert_eq!(self.0.len(), self.1.len(), "a value for each label");
        for label in self.0.iter().copied().zip(self.1.iter().copied()) {
            label.encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
