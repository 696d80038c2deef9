//! Real sessions, and simulated ones where the real are absent. Of the real ones user, station, site, begin, end and
//! energy are the data's; what no public set has (power, meters, heat, charge) is completed by `telemetry`.

use std::path::Path;

use anyhow::Context as _;
use chrono::{NaiveDate, NaiveDateTime};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One session as a set has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Keyed by nobody: as in the set. None where a set knows no users.
    pub user: Option<String>,
    /// The station.
    pub station: String,
    /// The site.
    pub site: String,
    /// The site's time zone.
    pub time_zone: &'static str,
    /// Begin, s since 1970.
    pub started_s: i64,
    /// From begin to end, s.
    pub duration_s: f64,
    /// Energy, Wh.
    pub energy_wh: f64,
}

/// A set of sessions, and how many of its rows no normal session is made from.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// In the order of time.
    pub sessions: Vec<Known>,
    /// Rows without energy, time, or with more power than any of these sites has: faults of their own.
    pub left_out: usize,
}

/// The sets of real sessions.
pub const SETS: [&str; 3] = ["trondheim", "workplace", "boulder"];

/// Reads one of [`SETS`].
///
/// # Errors
/// If the file cannot be read.
pub fn read(folder: &Path, set: &str) -> anyhow::Result<Sessions> {
    let (file, delimiter, take): (_, _, fn(&Row<'_>) -> Option<Known>) = match set {
        "trondheim" => ("trondheim_residential_sessions.csv", b';', trondheim),
        "workplace" => ("workplace_dataverse_sessions.csv", b',', workplace),
        _ => ("boulder_2018-2020_sessions.csv", b',', boulder),
    };
    let path = folder.join(file);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_path(&path)
        .with_context(|| path.display().to_string())?;
    let header = reader.headers()?.clone();
    let (mut sessions, mut rows) = (Vec::new(), 0);
    for record in reader.records() {
        rows += 1;
        sessions.extend(take(&Row { header: &header, record: &record? }).filter(is_normal));
    }
    sessions.sort_by(|a: &Known, b: &Known| {
        (a.started_s, &a.station, &a.user).cmp(&(b.started_s, &b.station, &b.user))
    });
    sessions.dedup();
    Ok(Sessions { left_out: rows - sessions.len(), sessions })
}

/// All these sites have AC stations of at most 22 kW.
fn is_normal(session: &Known) -> bool {
    session.energy_wh > 100.0
        && (180.0..=14.0 * 86_400.0).contains(&session.duration_s)
        && session.energy_wh / (session.duration_s / 3600.0) <= 22_000.0
}

struct Row<'a> {
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        let at = self.header.iter().position(|name| name.trim_start_matches('\u{feff}') == column)?;
        self.record.get(at).map(str::trim).filter(|text| !text.is_empty() && *text != "NA")
    }

    fn number(&self, column: &str) -> Option<f64> {
        self.text(column)?.replace(',', ".").parse().ok()
    }
}

fn seconds(time: NaiveDateTime) -> i64 {
    time.and_utc().timestamp()
}

fn trondheim(row: &Row<'_>) -> Option<Known> {
    let started = NaiveDateTime::parse_from_str(row.text("Start_plugin")?, "%d.%m.%Y %H:%M").ok()?;
    let (user, site) = (row.text("User_ID")?, row.text("Garage_ID")?);
    Some(Known {
        user: Some(user.to_owned()),
        station: row.text("Shared_ID").unwrap_or(user).to_owned(),
        site: site.to_owned(),
        time_zone: "UTC",
        started_s: seconds(started),
        duration_s: row.number("Duration_hours")? * 3600.0,
        energy_wh: row.number("El_kWh")? * 1000.0,
    })
}

fn workplace(row: &Row<'_>) -> Option<Known> {
    // The years are written 0014 and 0015.
    let text = row.text("created")?.replacen("00", "20", 1);
    let started = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(Known {
        user: Some(row.text("userId")?.to_owned()),
        station: row.text("stationId")?.to_owned(),
        site: row.text("locationId")?.to_owned(),
        time_zone: "UTC",
        started_s: seconds(started),
        duration_s: row.number("chargeTimeHrs")? * 3600.0,
        energy_wh: row.number("kwhTotal")? * 1000.0,
    })
}

fn boulder(row: &Row<'_>) -> Option<Known> {
    // The date of the start column is that of the export.
    let date = NaiveDate::parse_from_str(row.text("Transaction_Date")?.get(..10)?, "%Y/%m/%d").ok()?;
    let time = row.text("Transaction_Start_Time")?.get(11..19)?.parse().ok()?;
    Some(Known {
        user: None,
        station: row.text("Station_Name")?.to_owned(),
        site: row.text("Station_Address")?.to_owned(),
        time_zone: "America/Denver",
        started_s: seconds(date.and_time(time)),
        duration_s: row.number("Charging_Time__minutes_")? * 60.0,
        energy_wh: row.number("Energy__kWh_")? * 1000.0,
    })
}

/// Users with habits at home, at work and on the road, where there are no real sessions.
#[must_use]
pub fn simulated(count: usize, seed: u64) -> Sessions {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let habits: Vec<(i64, f64, f64, f64)> = (0..80)
        .map(|_| {
            let hour = [7, 8, 9, 17, 18, 21][random.random_range(0..6)];
            let power = [3300.0, 6600.0, 10_500.0][random.random_range(0..3)];
            (hour, power, random.random_range(4000.0..18_000.0), random.random_range(0.1..3.0))
        })
        .collect();
    let mut sessions: Vec<Known> = (0..count)
        .map(|at| {
            let user = random.random_range(0..habits.len());
            let (hour, power, energy, idle) = habits[user];
            let energy_wh = energy * (0.45 * normal(&mut random)).exp();
            let day = at as i64 * 400 / count as i64;
            let start = day * 86_400 + hour * 3600 + (4000.0 * normal(&mut random)) as i64;
            let idle = idle * (0.6 * normal(&mut random)).exp();
            Known {
                user: Some(format!("user-{user}")),
                station: format!("CP-{}", user % 25),
                site: format!("site-{}", user % 5),
                time_zone: "UTC",
                started_s: 1_700_000_000 / 86_400 * 86_400 + start,
                duration_s: energy_wh / power * 3600.0 * (1.05 + idle),
                energy_wh,
            }
        })
        .filter(is_normal)
        .collect();
    sessions.sort_by_key(|session| session.started_s);
    Sessions { left_out: count - sessions.len(), sessions }
}

/// A normal deviate (Box, Muller).
pub(crate) fn normal(random: &mut impl Rng) -> f64 {
    let (a, b): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}
