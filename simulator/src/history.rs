//! What was: the whole sessions of a fleet's past days, for the import.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta, Timelike, Utc};
use serde::Serialize;
use station::event::SessionRecord;
use station::time::{SECOND, Timestamp};

use crate::args::{FleetArgs, HistoryArgs};
use crate::error::Error;
use crate::fleet::label::Label;
use crate::fleet::visit::{Outcome, Visit, visits_of_day};
use crate::fleet::{Fleet, Station};
use crate::layout::{SessionRow, SiteRow, StationRow};
use crate::ledger::{Ledger, Line, SessionLine};
use crate::live::{open_ledger, parse_time, print};

/// A living fleet tells of up to an hour before its start; its history ends there, so that nothing is told twice.
const BEFORE_NOW_S: i64 = 3600;

/// A session that has ended.
#[derive(Clone, Debug)]
pub struct PastSession {
    /// Where.
    pub station: Arc<Station>,
    /// What was planned.
    pub visit: Visit,
    /// What came of it.
    pub outcome: Outcome,
}

/// The sessions of a fleet that started at `from` or later and had ended at `until`, day by day, those of a day in the
/// order of their ends.
pub fn sessions(fleet: &Fleet, from: Timestamp, until: Timestamp) -> impl Iterator<Item = PastSession> + '_ {
    // The planning day of a site may begin most of a day apart from UTC's.
    let first = from.to_utc().date_naive() - TimeDelta::days(2);
    let days = first.iter_days().take_while(move |date| Timestamp::from(midnight(*date)) <= until);
    days.flat_map(move |date| day(fleet, date, from, until))
}

fn midnight(date: NaiveDate) -> chrono::DateTime<Utc> {
    date.and_time(chrono::NaiveTime::MIN).and_utc()
}

fn day(fleet: &Fleet, date: NaiveDate, from: Timestamp, until: Timestamp) -> Vec<PastSession> {
    let mut sessions = Vec::new();
    for station in &fleet.stations {
        for connector in 1..=station.connectors {
            for visit in visits_of_day(fleet, station, connector, date) {
                let outcome = visit.outcome(fleet, station);
                // Nothing can be told of a session whose end was never said.
                let told = visit.label != Some(Label::NoStop);
                if told && outcome.started_at >= from && outcome.ended_at <= until {
                    sessions.push(PastSession { station: station.clone(), visit, outcome });
                }
            }
        }
    }
    sessions.sort_by(|a, b| (a.outcome.ended_at, &a.station.id).cmp(&(b.outcome.ended_at, &b.station.id)));
    sessions
}

impl PastSession {
    /// As a row of the 20-column layout.
    #[must_use]
    pub fn row(&self, fleet: &Fleet) -> SessionRow {
        let (visit, outcome) = (&self.visit, &self.outcome);
        let site = fleet.site_of(&self.station);
        let local = site.local(outcome.started_at);
        let hours = outcome.charging_s / 3600.0;
        SessionRow {
            user_id: visit.user.token.clone(),
            vehicle_model: visit.user.vehicle.model.into(),
            battery_kwh: visit.user.vehicle.battery_wh / 1e3,
            station_id: self.station.id.clone(),
            location: site.id.into(),
            start: seconds_text(outcome.started_at),
            end: seconds_text(outcome.ended_at),
            energy_kwh: outcome.energy_wh / 1e3,
            duration_h: digits(hours, 4),
            rate_kw: if hours > 0.0 { digits(outcome.energy_wh / 1e3 / hours, 3) } else { 0.0 },
            cost_usd: None,
            time_of_day: match local.hour() {
                5..12 => "Morning",
                12..17 => "Afternoon",
                17..22 => "Evening",
                _ => "Night",
            }
            .into(),
            day_of_week: format!("{}", local.format("%A")),
            soc_start_percent: digits(visit.soc * 100.0, 1),
            soc_end_percent: digits(outcome.soc_end * 100.0, 1),
            distance_km: digits(visit.distance_m / 1e3, 1),
            temperature_c: digits(visit.outside_c, 1),
            vehicle_age_years: visit.user.vehicle_age_years,
            charger_type: self.station.charger_type().into(),
            user_type: visit.user.kind.label().into(),
        }
    }

    /// As a whole-session record. The card is left out: it is sealed with the operator's key.
    #[must_use]
    pub fn record(&self, fleet: &Fleet) -> SessionRecord {
        let (visit, outcome) = (&self.visit, &self.outcome);
        let site = fleet.site_of(&self.station);
        let mean =
            if outcome.charging_s > 0.0 { outcome.energy_wh * 3600.0 / outcome.charging_s } else { 0.0 };
        SessionRecord {
            started_at: whole_second(outcome.started_at),
            ended_at: whole_second(outcome.ended_at),
            energy_wh: Some(outcome.energy_wh),
            charging_s: Some(outcome.charging_s),
            max_power_w: Some(outcome.max_power_w),
            mean_power_w: Some(mean.round()),
            site: Some(site.id.into()),
            vehicle_model: Some(visit.user.vehicle.model.into()),
            battery_wh: Some(visit.user.vehicle.battery_wh),
            soc_start_ratio: Some(digits(visit.soc, 3)),
            soc_end_ratio: Some(digits(outcome.soc_end, 3)),
            temperature_c: Some(digits(visit.outside_c, 1)),
            distance_m: Some(visit.distance_m),
            vehicle_age_years: Some(visit.user.vehicle_age_years),
            charger_type: Some(self.station.charger_type().into()),
            user_type: Some(visit.user.kind.label().into()),
            stop_reason: Some(if visit.ends_by_card { "Local" } else { "EVDisconnected" }.into()),
            ..SessionRecord::default()
        }
    }

    fn line(&self) -> Line {
        let energy_wh = whole(self.outcome.energy_wh);
        Line::Session(SessionLine {
            station: self.station.id.clone(),
            protocol: "history".into(),
            connector: self.visit.connector,
            token: self.visit.user.token.clone(),
            started_at: seconds_text(self.outcome.started_at),
            ended_at: seconds_text(self.outcome.ended_at),
            meter_stop_wh: energy_wh,
            energy_wh,
            reason: if self.visit.ends_by_card { "Local" } else { "EVDisconnected" }.into(),
            max_power_w: self.outcome.max_power_w,
            label: self.visit.label.map(|label| label.name().to_owned()),
            ..SessionLine::default()
        })
    }
}

/// A line of the JSON form.
#[derive(Serialize)]
struct JsonLine<'a> {
    station: &'a str,
    token: &'a str,
    record: SessionRecord,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Sessions.
    pub sessions: u64,
    /// Wh.
    pub energy_wh: i64,
}

/// Writes sessions, stations and sites as was asked for.
///
/// # Errors
/// When a file cannot be written or a time cannot be read.
pub fn run(fleet: &FleetArgs, args: &HistoryArgs, ledger: Option<&Path>) -> Result<Written, Error> {
    let fleet = Fleet::new(fleet.plan());
    if let Some(path) = &args.stations_out {
        write_stations(&fleet, path)?;
    }
    if let Some(path) = &args.sites_out {
        write_sites(&fleet, path)?;
    }
    let (Some(days), Some(path)) = (args.history, &args.out) else { return Ok(Written::default()) };
    let until = match &args.until {
        Some(text) => parse_time("--until", text)?,
        None => Timestamp::from(Utc::now()).plus_seconds(-BEFORE_NOW_S),
    };
    let from = until.plus_seconds(-i64::from(days) * 86_400);
    let ledger = open_ledger(ledger)?;
    let written = if path.extension().is_some_and(|extension| extension == "jsonl") {
        write_json(&fleet, from, until, path, &ledger)?
    } else {
        write_csv(&fleet, from, until, path, &ledger)?
    };
    let kwh = written.energy_wh / 1000;
    print(&format!("{}: {} sessions of {days} days, {kwh} kWh", path.display(), written.sessions));
    Ok(written)
}

fn write_csv(
    fleet: &Fleet,
    from: Timestamp,
    until: Timestamp,
    path: &Path,
    ledger: &Ledger,
) -> Result<Written, Error> {
    let mut writer = csv::Writer::from_path(path).map_err(|source| csv_error(path, source))?;
    let mut written = Written::default();
    for session in sessions(fleet, from, until) {
        writer.serialize(session.row(fleet)).map_err(|source| csv_error(path, source))?;
        note(&session, ledger, &mut written)?;
    }
    writer.flush().map_err(|source| file_error(path, source))?;
    Ok(written)
}

fn write_json(
    fleet: &Fleet,
    from: Timestamp,
    until: Timestamp,
    path: &Path,
    ledger: &Ledger,
) -> Result<Written, Error> {
    let file = File::create(path).map_err(|source| file_error(path, source))?;
    let mut writer = BufWriter::new(file);
    let mut written = Written::default();
    for session in sessions(fleet, from, until) {
        let line = JsonLine {
            station: &session.station.id,
            token: &session.visit.user.token,
            record: session.record(fleet),
        };
        serde_json::to_writer(&mut writer, &line).map_err(|source| file_error(path, source.into()))?;
        writer.write_all(b"\n").map_err(|source| file_error(path, source))?;
        note(&session, ledger, &mut written)?;
    }
    writer.flush().map_err(|source| file_error(path, source))?;
    Ok(written)
}

fn note(session: &PastSession, ledger: &Ledger, written: &mut Written) -> Result<(), Error> {
    written.sessions += 1;
    written.energy_wh += whole(session.outcome.energy_wh);
    ledger.write(&session.line()).map_err(|source| Error::Client(source.into()))
}

/// Writes the list of stations.
///
/// # Errors
/// When the file cannot be written.
pub fn write_stations(fleet: &Fleet, path: &Path) -> Result<(), Error> {
    let mut writer = csv::Writer::from_path(path).map_err(|source| csv_error(path, source))?;
    for station in &fleet.stations {
        let row = StationRow {
            station_id: station.id.clone(),
            name: station.name.clone(),
            site: fleet.site_of(station).id.into(),
            latitude: digits(station.latitude, 6),
            longitude: digits(station.longitude, 6),
            rated_kw: station.rated_w / 1e3,
            charger_type: station.charger_type().into(),
        };
        writer.serialize(row).map_err(|source| csv_error(path, source))?;
    }
    writer.flush().map_err(|source| file_error(path, source))
}

/// Writes the list of sites.
///
/// # Errors
/// When the file cannot be written.
pub fn write_sites(fleet: &Fleet, path: &Path) -> Result<(), Error> {
    let mut writer = csv::Writer::from_path(path).map_err(|source| csv_error(path, source))?;
    for site in &fleet.sites {
        let row = SiteRow {
            site: site.id.into(),
            name: site.name.into(),
            latitude: site.latitude,
            longitude: site.longitude,
            time_zone: site.time_zone.name().into(),
            currency: site.currency.into(),
            grid_limit_kw: site.grid_limit_kw,
        };
        writer.serialize(row).map_err(|source| csv_error(path, source))?;
    }
    writer.flush().map_err(|source| file_error(path, source))
}

fn csv_error(path: &Path, source: csv::Error) -> Error {
    Error::Csv { path: path.to_owned(), source }
}

fn file_error(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.to_owned(), doing: "written", source }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(SECOND) * SECOND)
}

fn seconds_text(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn digits(value: f64, digits: i32) -> f64 {
    let power = 10f64.powi(digits);
    (value * power).round() / power
}

#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests;
