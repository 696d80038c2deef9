//! What the stored sessions of one user, station or site have in common.

use station::time::Timestamp;
use store::read::{Param, ReadError, Reader};

use crate::features::local_hour_and_weekday;
use crate::places::Places;
use crate::usual::Scope;
use crate::words;

/// Energy per day is taken over so many days.
const RECENT_DAYS: i64 = 28;
/// The hours of the newest so many sessions tell the preferred period.
const HOURS_OF: i64 = 2000;
const DAY_S: f64 = 86_400.0;

/// What is stored of one user, station or site.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    pub(crate) sessions: i64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) energy_wh: Option<f64>,
    pub(crate) duration_s: Option<f64>,
    pub(crate) power_w: Option<f64>,
    pub(crate) stations: i64,
    pub(crate) users: i64,
    pub(crate) per_week: Option<f64>,
    pub(crate) daily_wh: Option<f64>,
    pub(crate) period: Option<&'static str>,
}

/// The part of the day that an hour belongs to.
pub(crate) fn part_of_day(hour: f64) -> &'static str {
    match hour {
        h if h < 5.0 => "nights",
        h if h < 11.0 => "mornings",
        h if h < 17.0 => "afternoons",
        h if h < 22.0 => "evenings",
        _ => "nights",
    }
}

/// The part of the day in which at least half of some sessions begin.
fn preferred(parts: &[&'static str]) -> Option<&'static str> {
    let of = |part: &str| parts.iter().filter(|p| **p == part).count();
    ["nights", "mornings", "afternoons", "evenings"]
        .into_iter()
        .find(|part| !parts.is_empty() && 2 * of(part) >= parts.len())
}

impl Profile {
    /// Reads what is stored; `None` if nothing is.
    pub(crate) async fn read(
        reader: &Reader,
        places: &Places,
        scope: Scope,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, ReadError> {
        let column = match scope {
            Scope::User => "token_hash",
            Scope::Site => "site",
            _ => "station",
        };
        let of = format!("FROM sessions WHERE {column} = $1 AND state = 'ended'");
        // Bad rows have no say in a mean.
        let sane = "CASE WHEN energy_wh >= 0 AND energy_wh <= 1e7 THEN energy_wh ELSE NULL END";
        let sql = format!(
            "SELECT count() AS sessions, min(ts) AS first, max(ts) AS last, avg({sane}) AS energy, \
             avg(CASE WHEN duration_s >= 0 THEN duration_s ELSE NULL END) AS duration, avg(mean_power_w) AS power, \
             count_distinct(station) AS stations, count_distinct(token_hash) AS users {of}"
        );
        let rows = reader.query(&sql, &[Param::Text(id)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let sessions: i64 = row.get("sessions")?;
        let (Some(first), Some(last)) =
            (row.get::<Option<Timestamp>>("first")?, row.get::<Option<Timestamp>>("last")?)
        else {
            return Ok(None);
        };
        let since = now.plus_seconds(-RECENT_DAYS * 86_400);
        let recent = format!("SELECT sum({sane}) AS energy {of} AND ts >= $2");
        let recent = reader.query(&recent, &[Param::Text(id), Param::Time(since)]).await?;
        let recent: Option<f64> = recent.first().map_or(Ok(None), |row| row.get("energy"))?;
        let days = (now.seconds_since(first.max(since)) / DAY_S).max(1.0);

        let hours = format!("SELECT started_at, station, site {of} ORDER BY ts DESC LIMIT $2");
        let hours = reader.query(&hours, &[Param::Text(id), Param::Long(HOURS_OF)]).await?;
        let mut parts = Vec::with_capacity(hours.len());
        for row in &hours {
            let started: Timestamp = row.get("started_at")?;
            let site: Option<String> = row.get("site")?;
            let zone = places.zone(&row.get::<String>("station")?, site.as_deref());
            parts.push(part_of_day(local_hour_and_weekday(started.0, zone).0));
        }
        let weeks = now.seconds_since(first) / DAY_S / 7.0;
        Ok(Some(Self {
            sessions,
            first,
            last,
            energy_wh: row.get("energy")?,
            duration_s: row.get("duration")?,
            power_w: row.get("power")?,
            stations: row.get("stations")?,
            users: row.get("users")?,
            // A rate over less than a week would be a guess.
            per_week: (weeks >= 1.0).then(|| sessions as f64 / weeks),
            daily_wh: recent.map(|wh| wh / days),
            period: preferred(&parts),
        }))
    }

    /// One sentence.
    pub(crate) fn text(&self, scope: Scope) -> String {
        let count = |n: i64, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
        let mut text = count(self.sessions, "session");
        text.push_str(&match scope {
            Scope::User => format!(" at {}", count(self.stations, "station")),
            Scope::Station => format!(" by {}", count(self.users, "user")),
            _ => format!(" at {} by {}", count(self.stations, "station"), count(self.users, "user")),
        });
        if let Some(energy) = self.energy_wh {
            text.push_str(&format!(", {} each", words::quantity(energy, "Wh")));
        }
        if let Some(duration) = self.duration_s {
            text.push_str(&format!(", {} long", words::quantity(duration, "s")));
        }
        if let Some(period) = self.period {
            text.push_str(&format!(", mostly in the {}", period.trim_end_matches('s')));
        }
        text.push('.');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_preferred_by_half() {
        assert_eq!(preferred(&[]), None);
        assert_eq!(preferred(&["nights", "evenings", "evenings", "mornings"]), Some("evenings"));
        assert_eq!(preferred(&["nights", "evenings", "afternoons"]), None);
        assert_eq!(
            [4.9, 5.0, 16.9, 21.0, 22.5].map(part_of_day),
            ["nights", "mornings", "afternoons", "evenings", "nights"]
        );
    }
}
