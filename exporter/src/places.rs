//! What goes on at connectors beyond their state: open sessions, what meters say, and how sessions ended lately.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use station::time::Timestamp;
use store::read::{Param, ReadError, Reader, Row};

use crate::tables::SESSION_MAX_S;

/// A session that ended with less is one that failed to start: a contactor that clicked, a cable that was pulled.
const FAILED_BELOW_WH: f64 = 100.0;

/// An EVSE and a connector of a station.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) station: String,
    pub(crate) evse: i32,
    pub(crate) connector: i32,
}

/// A session that has begun and not ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenSession {
    pub(crate) place: Place,
    pub(crate) site: Option<String>,
    /// Unix seconds.
    pub(crate) started_at: f64,
    /// When something was last heard of it, Unix seconds.
    pub(crate) heard_at: f64,
}

/// How many sessions of a site ended in a way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    pub(crate) site: Option<String>,
    /// One of [`OUTCOMES`].
    pub(crate) outcome: &'static str,
    pub(crate) sessions: i64,
}

/// How a session can have ended.
pub(crate) const OUTCOMES: [&str; 2] = ["charged", "failed"];

/// What was read.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Places {
    pub(crate) sessions: Vec<OpenSession>,
    /// The hottest of the last temperatures measured at a place, °C.
    pub(crate) temperatures: BTreeMap<Place, f64>,
    /// The last power of a place, W, where it belongs to no session.
    pub(crate) strays: BTreeMap<Place, f64>,
    pub(crate) ended: Vec<Ended>,
}

impl Places {
    /// Reads them. `meters`: how old a reading may be; `ended`: over how long ended sessions are counted.
    pub(crate) async fn read(
        reader: &Reader,
        now: Timestamp,
        meters: Duration,
        ended: Duration,
    ) -> Result<Self, ReadError> {
        let since = before(now, meters);
        Ok(Self {
            sessions: sessions(reader).await?,
            temperatures: temperatures(reader, since).await?,
            strays: strays(reader, since).await?,
            ended: ended_sessions(reader, before(now, ended)).await?,
        })
    }

    /// Puts sessions of which only the EVSE is known (OCPP 2.x need not name a connector) where `connectors` says that
    /// the EVSE has its first.
    pub(crate) fn settle<'c>(&mut self, connectors: impl Iterator<Item = (&'c str, i32, i32)>) {
        let mut first: BTreeMap<(&str, i32), i32> = BTreeMap::new();
        for (station, evse, connector) in
            connectors.filter(|(_, evse, connector)| *evse > 0 && *connector > 0)
        {
            let known = first.entry((station, evse)).or_insert(connector);
            *known = connector.min(*known);
        }
        for session in &mut self.sessions {
            let place = &mut session.place;
            if let (0, Some(connector)) = (place.connector, first.get(&(place.station.as_str(), place.evse)))
            {
                place.connector = *connector;
            }
        }
        // One series a place: the newest session of those that a station left open there.
        self.sessions.sort_by(|a, b| {
            (&a.place, b.heard_at).partial_cmp(&(&b.place, a.heard_at)).unwrap_or(Ordering::Equal)
        });
    }

    /// The session that was heard of last at each place, once [`Self::settle`]d.
    pub(crate) fn last_sessions(&self) -> impl Iterator<Item = &OpenSession> {
        let mut before: Option<&Place> = None;
        self.sessions.iter().filter(move |session| before.replace(&session.place) != Some(&session.place))
    }

    /// Sites of open sessions.
    pub(crate) fn session_sites(&self) -> impl Iterator<Item = Option<&str>> {
        self.sessions.iter().map(|session| session.site.as_deref())
    }
}

async fn sessions(reader: &Reader) -> Result<Vec<OpenSession>, ReadError> {
    let sql =
        "SELECT station, evse, connector, site, started_at, updated_at FROM session_now WHERE state = 'open'";
    let read = |row: &Row| {
        Ok(OpenSession {
            place: place(row)?,
            site: row.get("site")?,
            started_at: seconds(row.get("started_at")?),
            heard_at: seconds(row.get("updated_at")?),
        })
    };
    reader.query(sql, &[]).await?.iter().map(read).collect()
}

async fn temperatures(reader: &Reader, since: Timestamp) -> Result<BTreeMap<Place, f64>, ReadError> {
    let sql = "SELECT station, evse, connector, temperature_c FROM meter_values \
               WHERE ts > $1 AND temperature_c IS NOT NULL \
               LATEST ON ts PARTITION BY station, evse, connector, location";
    let mut hottest = BTreeMap::new();
    for row in reader.query(sql, &[Param::Time(since)]).await? {
        let degrees: f64 = row.get("temperature_c")?;
        let known = hottest.entry(place(&row)?).or_insert(degrees);
        *known = degrees.max(*known);
    }
    Ok(hottest)
}

/// The main meter (connector 0) measures what belongs to sessions, too.
async fn strays(reader: &Reader, since: Timestamp) -> Result<BTreeMap<Place, f64>, ReadError> {
    let sql = "SELECT station, evse, connector, power_w FROM (\
                 SELECT station, evse, connector, session_id, power_w FROM meter_values \
                 WHERE ts > $1 AND power_w IS NOT NULL AND phase IS NULL AND location = 'Outlet' AND connector > 0 \
                 LATEST ON ts PARTITION BY station, evse, connector\
               ) WHERE session_id IS NULL";
    let read = |row: &Row| Ok((place(row)?, row.get("power_w")?));
    reader.query(sql, &[Param::Time(since)]).await?.iter().map(read).collect()
}

async fn ended_sessions(reader: &Reader, since: Timestamp) -> Result<Vec<Ended>, ReadError> {
    // The store finds sessions by their begin. What was imported is no news.
    let sql = "SELECT site, energy_wh < $3 AS failed, count() AS sessions FROM sessions \
               WHERE ts > $1 AND ended_at > $2 AND energy_wh IS NOT NULL AND source != 'import'";
    let params =
        [Param::Time(since.plus_seconds(-SESSION_MAX_S)), Param::Time(since), Param::Double(FAILED_BELOW_WH)];
    let read = |row: &Row| {
        let failed: bool = row.get("failed")?;
        Ok(Ended {
            site: row.get("site")?,
            outcome: OUTCOMES[usize::from(failed)],
            sessions: row.get("sessions")?,
        })
    };
    reader.query(sql, &params).await?.iter().map(read).collect()
}

fn place(row: &Row) -> Result<Place, ReadError> {
    Ok(Place {
        station: row.get("station")?,
        evse: row.get::<Option<i32>>("evse")?.unwrap_or(0),
        connector: row.get::<Option<i32>>("connector")?.unwrap_or(0),
    })
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    now.plus_seconds(-i64::try_from(by.as_secs()).unwrap_or(i64::MAX))
}

fn seconds(at: Timestamp) -> f64 {
    at.seconds_since(Timestamp(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(evse: i32, connector: i32) -> Place {
        Place { station: "CP-1".into(), evse, connector }
    }

    #[test]
    fn a_session_of_an_evse_is_at_its_first_connector() {
        let session = |place, heard_at| OpenSession { place, site: None, started_at: 1.0, heard_at };
        let sessions = vec![
            session(place(2, 2), 2.0),
            session(place(1, 1), 3.0),
            session(place(1, 0), 4.0),
            session(place(0, 1), 2.0),
            session(place(9, 0), 2.0),
        ];
        let mut places = Places { sessions, ..Places::default() };
        let connectors =
            [("CP-1", 1, 2), ("CP-1", 1, 1), ("CP-1", 2, 1), ("CP-2", 9, 1), ("CP-1", 0, 0)].into_iter();
        places.settle(connectors);
        let at: Vec<_> = places.last_sessions().map(|s| (s.place.clone(), s.heard_at)).collect();
        assert_eq!(at, [(place(0, 1), 2.0), (place(1, 1), 4.0), (place(2, 2), 2.0), (place(9, 0), 2.0)]);
        assert_eq!(places.session_sites().count(), 5);
    }
}
