//! The history, read from the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use station::time::Timestamp;
use store::read::{Param, ReadError, Reader};

use super::{History, StationHistory, Visit};

/// How far back is read: what the forecasts look at, and the week before it for its level.
const BACK_DAYS: i64 = 27 * 7;
/// Days of sessions in one answer.
const AT_ONCE_DAYS: i64 = 7;
/// With so many sessions no older ones are read: they are held in memory, 40 bytes each.
const SESSIONS_MAX: usize = 2_000_000;
/// Who seems to stay for longer has left without a word.
const STAY_MAX_S: f64 = 14.0 * 86_400.0;
const DAY_S: i64 = 86_400;

/// Reads what forecasts are made from.
pub(super) async fn history(reader: &Reader, now: Timestamp) -> Result<History, ReadError> {
    let mut stations: BTreeMap<String, StationHistory> = BTreeMap::new();
    for station in reader.stations().await?.into_iter().filter(|station| !station.retired) {
        let known = stations.entry(station.station).or_default();
        known.site = station.site;
        known.rated_w = station.rated_power_w.filter(|watts| watts.is_finite());
    }
    let (mut sites, mut zones) = (BTreeSet::new(), HashMap::new());
    for site in reader.sites().await? {
        if let Some(zone) = site.time_zone.as_deref().and_then(|zone| zone.parse().ok()) {
            zones.insert(site.site.clone(), zone);
        }
        sites.insert(site.site);
    }
    for station in reader.station_now().await? {
        let known = stations.entry(station.station).or_default();
        known.connectors = u32::try_from(station.connectors).unwrap_or(0);
        known.site = known.site.take().or(station.site);
    }
    let (mut until, mut read) = (now.plus_seconds(DAY_S), 0);
    while until > now.plus_seconds(-BACK_DAYS * DAY_S) {
        let from = until.plus_seconds(-AT_ONCE_DAYS * DAY_S);
        read += visits(reader, from, until, now, &mut stations).await?;
        if read >= SESSIONS_MAX {
            tracing::warn!(sessions = read, since = %from, "forecasts look at these sessions, not at older ones");
            break;
        }
        until = from;
    }
    Ok(History::new(stations, sites, zones, now.0))
}

async fn visits(
    reader: &Reader,
    from: Timestamp,
    until: Timestamp,
    now: Timestamp,
    stations: &mut BTreeMap<String, StationHistory>,
) -> Result<usize, ReadError> {
    let sql = "SELECT station, site, connector, started_at, ended_at, charging_s, energy_wh, updated_at \
               FROM sessions WHERE ts >= $1 AND ts < $2";
    let rows = reader.query(sql, &[Param::Time(from), Param::Time(until)]).await?;
    for row in &rows {
        let started: Timestamp = row.get("started_at")?;
        let ended: Option<Timestamp> = row.get("ended_at")?;
        let updated: Timestamp = row.get("updated_at")?;
        let left = ended.unwrap_or(updated).min(now);
        let stay_s = left.seconds_since(started);
        if !(0.0..=STAY_MAX_S).contains(&stay_s) {
            continue;
        }
        let finite = |name: &str| -> Result<Option<f64>, ReadError> {
            Ok(row.get::<Option<f64>>(name)?.filter(|value| value.is_finite() && *value >= 0.0))
        };
        let station = stations.entry(row.get("station")?).or_default();
        let connector = u32::try_from(row.get::<Option<i32>>("connector")?.unwrap_or(1)).unwrap_or(1);
        station.connectors = station.connectors.max(connector);
        station.site = station.site.take().or(row.get("site")?);
        station.visits.push(Visit {
            from_us: started.0,
            until_us: left.0,
            charging_s: finite("charging_s")?.unwrap_or(stay_s).min(stay_s),
            energy_wh: finite("energy_wh")?.unwrap_or(0.0),
        });
    }
    Ok(rows.len())
}
