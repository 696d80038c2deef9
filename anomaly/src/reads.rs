//! What is read from the store: sessions, their meter values, and which of them have scores.

use std::collections::{HashMap, HashSet};

use station::time::{SECOND, Timestamp};
use store::read::{Param, ReadError, Reader, Row};
use uuid::Uuid;

use crate::session::{Meter, Session};

/// Sessions whose rows or meter values are read by one query, so that one answer stays small.
const AT_ONCE: usize = 200;
/// How far meter values may lie outside their session's times.
const SLACK_S: i64 = 3600;
/// How long before its last change a session may have begun for the fast path: the 30 days by which a station's clock
/// may be behind, and ten days of charging.
const BEGAN_BACK_S: i64 = 40 * 86_400;
/// A hole between two samples of power is not bridged if it is longer.
const HOLE_S: f64 = 1000.0;
/// Samples so soon after a session's end still belong to it: stations send their last one with the stop.
const END_SLACK_S: i64 = 60;

const COLUMNS: &str = "ts, session_id, revision, station, site, token_hash, vehicle_model, started_at, ended_at, duration_s, \
    charging_s, idle_s, energy_wh, meter_start_wh, meter_stop_wh, max_power_w, mean_power_w, soc_start_ratio, \
    soc_end_ratio, battery_wh, temperature_c, inferred, partial, samples, updated_at, flags";

/// A stored session with what only its storing knows.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) session: Session,
    /// When its last event was journaled.
    pub(crate) updated_at: Timestamp,
    /// `ended`, or still open.
    pub(crate) ended: bool,
}

/// What tells one revision of a session from all others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    pub(crate) revision: i32,
}

impl Stored {
    pub(crate) fn key(&self) -> Key {
        Key { id: self.id, revision: self.session.revision }
    }

    /// Whether as many meter values are visible as belong to it.
    pub(crate) fn is_whole(&self) -> bool {
        let visible = self.session.meter.map_or(0, |meter| meter.rows);
        visible >= i64::from(self.session.samples)
    }
}

/// A part of the sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Window {
    /// Those that changed since then.
    Updated(Timestamp),
    /// Those with a `ts` from the first to before the second.
    Began(Timestamp, Timestamp),
}

/// A session of a window: only what is needed to look for its score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) ts: Timestamp,
    pub(crate) updated_at: Timestamp,
}

fn stored(row: &Row) -> Result<Stored, ReadError> {
    let id: Uuid = row.get("session_id")?;
    let flags: Option<String> = row.get("flags")?;
    let has = |flag: &str| flags.as_deref().is_some_and(|flags| flags.split(',').any(|f| f == flag));
    let ended_at: Option<Timestamp> = row.get("ended_at")?;
    let finite = |name: &str| -> Result<Option<f64>, ReadError> {
        Ok(row.get::<Option<f64>>(name)?.filter(|value| value.is_finite()))
    };
    Ok(Stored {
        id,
        updated_at: row.get("updated_at")?,
        ended: row.get::<Option<String>>("state").ok().flatten().is_none_or(|state| state == "ended"),
        session: Session {
            id: Some(id),
            revision: row.get("revision")?,
            station: row.get("station")?,
            site: row.get("site")?,
            user: row.get("token_hash")?,
            vehicle: row.get("vehicle_model")?,
            ts_us: row.get::<Timestamp>("ts")?.0,
            started_us: row.get::<Timestamp>("started_at")?.0,
            ended_us: ended_at.map(|t| t.0),
            time_zone: None,
            duration_s: finite("duration_s")?,
            charging_s: finite("charging_s")?,
            idle_s: finite("idle_s")?,
            energy_wh: finite("energy_wh")?,
            meter_start_wh: finite("meter_start_wh")?,
            meter_stop_wh: finite("meter_stop_wh")?,
            max_power_w: finite("max_power_w")?,
            mean_power_w: finite("mean_power_w")?,
            rated_power_w: None,
            soc_start_ratio: finite("soc_start_ratio")?,
            soc_end_ratio: finite("soc_end_ratio")?,
            battery_wh: finite("battery_wh")?,
            temperature_c: finite("temperature_c")?,
            inferred: row.get("inferred")?,
            start_missing: row.get("partial")?,
            meter_backwards: has("meter_backwards"),
            clock_wrong: has("clock"),
            energy_from_power: has("energy_from_power"),
            meter: None,
            samples: row.get("samples")?,
        },
    })
}

/// Ended sessions that changed after `since` and did not begin long before, the oldest change first, at most `limit`.
/// The bound on `ts` keeps the query to the last partitions; what began earlier (imports) is the sweep's.
pub(crate) async fn changed(reader: &Reader, since: Timestamp, limit: i64) -> Result<Vec<Stored>, ReadError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions WHERE ts >= $1 AND updated_at > $2 AND state = 'ended' \
         ORDER BY updated_at LIMIT $3"
    );
    let began = since.plus_seconds(-BEGAN_BACK_S);
    let rows = reader.query(&sql, &[Param::Time(began), Param::Time(since), Param::Long(limit)]).await?;
    rows.iter().map(stored).collect()
}

/// One session, ended or not.
pub(crate) async fn session(reader: &Reader, id: Uuid) -> Result<Option<Stored>, ReadError> {
    let sql = format!("SELECT {COLUMNS}, state FROM sessions WHERE session_id = $1");
    reader.query(&sql, &[Param::Uuid(id)]).await?.last().map(stored).transpose()
}

/// Ended sessions of a window, by their keys.
pub(crate) async fn found(reader: &Reader, window: Window) -> Result<Vec<Found>, ReadError> {
    let columns = "ts, session_id, revision, updated_at";
    let rows = match window {
        Window::Updated(since) => {
            let sql = format!("SELECT {columns} FROM sessions WHERE updated_at >= $1 AND state = 'ended'");
            reader.query(&sql, &[Param::Time(since)]).await?
        }
        Window::Began(from, to) => {
            let sql =
                format!("SELECT {columns} FROM sessions WHERE ts >= $1 AND ts < $2 AND state = 'ended'");
            reader.query(&sql, &[Param::Time(from), Param::Time(to)]).await?
        }
    };
    let found = |row: &Row| {
        Ok(Found {
            key: Key { id: row.get("session_id")?, revision: row.get("revision")? },
            ts: row.get("ts")?,
            updated_at: row.get("updated_at")?,
        })
    };
    rows.iter().map(found).collect()
}

/// Which revisions a model has scored in a window since it was activated, and which of those only in part.
pub(crate) async fn scored(
    reader: &Reader,
    model: &str,
    activated: Timestamp,
    window: Window,
) -> Result<HashMap<Key, bool>, ReadError> {
    let columns = "session_id, revision, partial";
    let rows = match window {
        // A score follows its session's change; clocks of two machines may differ a little.
        Window::Updated(since) => {
            let sql = format!("SELECT {columns} FROM session_scores WHERE scored_at >= $1 AND model = $2");
            let since = since.plus_seconds(-600).max(activated);
            reader.query(&sql, &[Param::Time(since), Param::Text(model)]).await?
        }
        Window::Began(from, to) => {
            let sql = format!(
                "SELECT {columns} FROM session_scores WHERE ts >= $1 AND ts < $2 AND model = $3 AND scored_at >= $4"
            );
            let params = [Param::Time(from), Param::Time(to), Param::Text(model), Param::Time(activated)];
            reader.query(&sql, &params).await?
        }
    };
    rows.iter()
        .map(|row| {
            let key = Key { id: row.get("session_id")?, revision: row.get("revision")? };
            Ok((key, row.get("partial")?))
        })
        .collect()
}

/// The rows of sessions that were found.
pub(crate) async fn rows_of(reader: &Reader, wanted: &[Found]) -> Result<Vec<Stored>, ReadError> {
    let mut sessions = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(AT_ONCE) {
        let Some((from, to)) = span(some.iter().map(|found| (found.ts, found.ts))) else { continue };
        let keys: HashSet<Key> = some.iter().map(|found| found.key).collect();
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE ts BETWEEN $1 AND $2 AND session_id IN ({})",
            list(some.iter().map(|found| found.key.id))
        );
        for row in reader.query(&sql, &[Param::Time(from), Param::Time(to)]).await? {
            let stored = stored(&row)?;
            if keys.contains(&stored.key()) {
                sessions.push(stored);
            }
        }
    }
    Ok(sessions)
}

/// Spans of `ts` with some `at_most` ended sessions each (days are not divided), the newest first, with their
/// numbers of sessions.
pub(crate) async fn spans(
    reader: &Reader,
    at_most: i64,
) -> Result<Vec<(Timestamp, Timestamp, i64)>, ReadError> {
    const DAY_S: i64 = 86_400;
    let sql =
        "SELECT ts, count() AS sessions FROM sessions WHERE state = 'ended' SAMPLE BY 1d ALIGN TO CALENDAR";
    let mut spans: Vec<(Timestamp, Timestamp, i64)> = Vec::new();
    for row in reader.query(sql, &[]).await?.iter().rev() {
        let (day, count): (Timestamp, i64) = (row.get("ts")?, row.get("sessions")?);
        match spans.last_mut() {
            Some(last) if last.2 + count <= at_most => {
                last.0 = day;
                last.2 += count;
            }
            _ => spans.push((day, day.plus_seconds(DAY_S), count)),
        }
    }
    Ok(spans)
}

/// The ended sessions of a span.
pub(crate) async fn began_within(
    reader: &Reader,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Stored>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE ts >= $1 AND ts < $2 AND state = 'ended'");
    let rows = reader.query(&sql, &[Param::Time(from), Param::Time(to)]).await?;
    rows.iter().map(stored).collect()
}

/// The newest ended sessions, at most `limit`.
pub(crate) async fn newest(reader: &Reader, limit: i64) -> Result<Vec<Stored>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE state = 'ended' ORDER BY ts DESC LIMIT $1");
    let rows = reader.query(&sql, &[Param::Long(limit)]).await?;
    rows.iter().map(stored).collect()
}

/// How many ended sessions there are.
pub(crate) async fn count(reader: &Reader) -> Result<u64, ReadError> {
    let rows = reader.query("SELECT count() AS sessions FROM sessions WHERE state = 'ended'", &[]).await?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.get("sessions"))?;
    Ok(count.unsigned_abs())
}

/// Reads the meter values of sessions that have some, and sums them up.
pub(crate) async fn meters<'a>(
    reader: &Reader,
    sessions: impl Iterator<Item = &'a mut Stored>,
) -> Result<(), ReadError> {
    let mut with_samples: Vec<&mut Stored> = sessions.filter(|s| s.session.samples > 0).collect();
    for some in with_samples.chunks_mut(AT_ONCE) {
        let times = some.iter().map(|s| {
            let first = s.session.ts_us.min(s.session.started_us);
            let last = s.updated_at.0.max(s.session.ended_us.unwrap_or(first));
            (Timestamp(first).plus_seconds(-SLACK_S), Timestamp(last).plus_seconds(SLACK_S))
        });
        let Some((from, to)) = span(times) else { continue };
        let within = format!("ts BETWEEN $1 AND $2 AND session_id IN ({})", list(some.iter().map(|s| s.id)));
        let params = [Param::Time(from), Param::Time(to)];
        let mut meters: HashMap<Uuid, Meter> = HashMap::new();
        let sql = format!(
            "SELECT session_id, count() AS samples, max(temperature_c) AS hottest FROM meter_values \
             WHERE {within} GROUP BY session_id"
        );
        for row in reader.query(&sql, &params).await? {
            let hottest = row.get::<Option<f64>>("hottest")?.filter(|v| v.is_finite());
            let meter = Meter { rows: row.get("samples")?, max_temperature_c: hottest, ..Meter::default() };
            meters.insert(row.get("session_id")?, meter);
        }
        // Phases are not added up, and other places than the outlet measure other things.
        let sql = format!(
            "SELECT session_id, ts, power_w FROM meter_values \
             WHERE {within} AND phase IS NULL AND location = 'Outlet' AND power_w IS NOT NULL ORDER BY ts"
        );
        let mut power: HashMap<Uuid, Vec<(i64, f64)>> = HashMap::new();
        for row in reader.query(&sql, &params).await? {
            let ts: Timestamp = row.get("ts")?;
            power.entry(row.get("session_id")?).or_default().push((ts.0, row.get("power_w")?));
        }
        let sql = format!(
            "SELECT session_id, phase, avg(current_a) AS amperes, avg(power_w) AS watts FROM meter_values \
             WHERE {within} AND phase IN ('L1', 'L2', 'L3', 'L1-N', 'L2-N', 'L3-N') AND location = 'Outlet' \
             GROUP BY session_id, phase"
        );
        let mut phases: HashMap<Uuid, Vec<Phase>> = HashMap::new();
        for row in reader.query(&sql, &params).await? {
            let means = (row.get("amperes")?, row.get("watts")?);
            phases.entry(row.get("session_id")?).or_default().push(means);
        }
        for stored in some {
            let mut meter = meters.remove(&stored.id).unwrap_or_default();
            if let Some(samples) = power.get(&stored.id) {
                integrate(samples, stored.session.ended_us, &mut meter);
            }
            if let Some(phases) = phases.get(&stored.id) {
                meter.imbalance_ratio = imbalance(phases);
            }
            stored.session.meter = Some(meter);
        }
    }
    Ok(())
}

/// Sums up samples of power (time in µs, W), in the order of time, up to the session's end and after it. Holes are
/// left out rather than bridged.
fn integrate(samples: &[(i64, f64)], ended_us: Option<i64>, meter: &mut Meter) {
    let end = ended_us.map_or(i64::MAX, |end| end.saturating_add(END_SLACK_S * SECOND));
    let (within, after) = samples.split_at(samples.partition_point(|(at, _)| *at <= end));
    meter.power_rows = i64::try_from(within.len()).unwrap_or(i64::MAX);
    meter.max_power_w = within.iter().map(|(_, watts)| *watts).reduce(f64::max);
    let (energy_wh, covered_s) = integral(within);
    meter.power_energy_wh = Some(energy_wh);
    meter.power_covered_s = Some(covered_s);
    meter.after_end_wh = (after.len() >= 2).then(|| integral(after).0);
}

/// The integral of power, Wh, and the time that it covers, s.
fn integral(samples: &[(i64, f64)]) -> (f64, f64) {
    let (mut energy_ws, mut covered_s) = (0.0, 0.0);
    for pair in samples.windows(2) {
        let seconds = (pair[1].0 - pair[0].0) as f64 / SECOND as f64;
        if seconds <= HOLE_S {
            energy_ws += 0.5 * (pair[0].1 + pair[1].1) * seconds;
            covered_s += seconds;
        }
    }
    (energy_ws / 3600.0, covered_s)
}

/// A phase's mean current (A) and mean power (W).
type Phase = (Option<f64>, Option<f64>);

/// How far the busiest of three phases lies above their mean, by their mean currents (A) or else powers (W). `None`
/// where not all three carry power: many vehicles charge on one phase or two.
fn imbalance(phases: &[Phase]) -> Option<f64> {
    let all = |values: Vec<f64>, least: f64| {
        let mean = values.iter().sum::<f64>() / 3.0;
        let (low, high) =
            values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
        (values.len() == 3 && mean >= least && low >= 0.1 * high).then(|| high / mean - 1.0)
    };
    let amperes = all(phases.iter().filter_map(|(amperes, _)| *amperes).collect(), 2.0);
    amperes.or_else(|| all(phases.iter().filter_map(|(_, watts)| *watts).collect(), 500.0))
}

fn span(times: impl Iterator<Item = (Timestamp, Timestamp)>) -> Option<(Timestamp, Timestamp)> {
    times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Ids for an IN list: hexadecimal digits of our own making, because QuestDB takes no array there.
fn list(ids: impl Iterator<Item = Uuid>) -> String {
    ids.map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_integrated_and_holes_are_left_out() {
        let minute = 60 * SECOND;
        let mut samples: Vec<(i64, f64)> = (0..=60).map(|m| (m * minute, 6000.0)).collect();
        let mut meter = Meter::default();
        integrate(&samples, None, &mut meter);
        assert_eq!(meter.power_energy_wh, Some(6000.0));
        assert_eq!(meter.power_covered_s, Some(3600.0));
        samples.push((600 * minute, 0.0));
        integrate(&samples, None, &mut meter);
        assert_eq!(meter.power_energy_wh, Some(6000.0), "nine hours without a sample are not half of 6 kW");
        assert_eq!((meter.power_rows, meter.max_power_w), (62, Some(6000.0)));
        assert_eq!(meter.after_end_wh, None);
    }

    #[test]
    fn power_after_the_end_is_counted_apart() {
        let minute = 60 * SECOND;
        let samples: Vec<(i64, f64)> = (0..=60).map(|m| (m * minute, 6000.0)).collect();
        let mut meter = Meter::default();
        integrate(&samples, Some(39 * minute), &mut meter);
        assert_eq!((meter.power_energy_wh, meter.after_end_wh), (Some(4000.0), Some(1900.0)));
        assert_eq!(meter.power_rows, 41, "the sample with the stop is the session's");
    }

    #[test]
    fn only_phases_that_all_carry_power_can_be_uneven() {
        let amperes = |values: &[f64]| values.iter().map(|a| (Some(*a), None)).collect::<Vec<_>>();
        assert_eq!(imbalance(&amperes(&[16.0, 16.0, 16.0])), Some(0.0));
        assert_eq!(imbalance(&amperes(&[18.0, 9.0, 9.0])), Some(0.5));
        assert_eq!(imbalance(&amperes(&[16.0, 0.0, 0.0])), None, "one phase");
        assert_eq!(imbalance(&amperes(&[16.0, 16.0])), None, "two");
        assert_eq!(imbalance(&[(None, Some(4500.0)), (None, Some(3000.0)), (None, Some(1500.0))]), Some(0.5));
    }
}
