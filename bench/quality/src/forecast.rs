//! Day-ahead forecasts of load beside gradient boosting, and of availability beside the share of the hour: real and
//! simulated fleets, tested on their last days, from what was known at each midnight.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anomaly::forecast::{Availability, Grid, LoadModel, Visit, gaps};
use anyhow::{Context as _, ensure};
use chrono_tz::Tz;
use serde_json::json;
use simulator::fleet::{Fleet, FleetPlan};
use simulator::history;
use station::time::{SECOND, Timestamp};

use crate::sessions;

const DAY: usize = 24;
/// Days that are forecast: at least 1,000 hours.
pub const TESTED_DAYS: usize = 90;
/// Bands are measured anew, and the peer is fitted anew, after so many days.
const FOLD_DAYS: usize = 15;
/// Days of the simulated fleets.
const SIMULATED_DAYS: i64 = 300;
/// Where simulated histories end.
const UNTIL: Timestamp = Timestamp(1_760_000_000 * SECOND);
/// Boulder's stations stood idle from March 2020 on: its test ends before, as in the literature.
const BOULDER_UNTIL_US: i64 = 1_583_020_800 * 1_000_000;

/// One place whose load and occupancy are known.
pub struct Series {
    /// What it is called in the tables.
    pub name: String,
    /// Whether it is a whole fleet.
    pub fleet: bool,
    zone: Tz,
    visits: Vec<Visit>,
    connectors: u32,
    until_us: i64,
}

/// How good the forecasts of a series are.
pub struct Result {
    /// What it is called.
    pub name: String,
    /// Whether it is a whole fleet.
    pub fleet: bool,
    /// Hours that were forecast.
    pub hours: usize,
    /// Weighted absolute percentage error of the median and of the mean.
    pub wape: [f64; 2],
    /// That of the same hour a week before, and of the mean of four weeks.
    pub naive_wape: [f64; 2],
    /// That of gradient boosting on absolute and on squared errors.
    pub peer_wape: Option<[f64; 2]>,
    /// Share of the hours that lie in the band, and above it.
    pub held: [f64; 2],
    /// Share of the hours without load.
    pub idle: f64,
    /// Brier score of the chance of a free connector, of the share of the hour of the day, and of the overall share.
    pub brier: [f64; 3],
}

/// The real fleet, if it is there: whole, its two busiest sites, and its busiest station.
///
/// # Errors
/// If the file cannot be read.
pub fn boulder(folder: &Path) -> anyhow::Result<Vec<Series>> {
    let known = sessions::read(folder, "boulder")?.sessions;
    let mut by_site: BTreeMap<String, Visits> = BTreeMap::new();
    for session in known {
        let from_us = session.started_s * 1_000_000;
        if from_us >= BOULDER_UNTIL_US {
            continue;
        }
        let until_us = from_us + (session.duration_s * 1e6) as i64;
        let visit = Visit { from_us, until_us, charging_s: session.duration_s, energy_wh: session.energy_wh };
        by_site.entry(session.site).or_default().push((session.station, visit));
    }
    // The set's times are those of the clock on the wall, without a zone: its days are as they stand there.
    Ok(of_sites(
        "Boulder",
        by_site.into_iter().map(|(site, visits)| (site, Tz::UTC, visits)),
        BOULDER_UNTIL_US,
    ))
}

/// A simulated fleet, in the same parts.
#[must_use]
pub fn simulated(seed: u64) -> Vec<Series> {
    let fleet = Fleet::new(FleetPlan { seed, ..FleetPlan::default() });
    let mut by_site: BTreeMap<&str, (Tz, Visits)> = BTreeMap::new();
    for past in history::sessions(&fleet, UNTIL.plus_seconds(-SIMULATED_DAYS * 86_400), UNTIL) {
        let site = fleet.site_of(&past.station);
        let outcome = &past.outcome;
        let visit = Visit {
            from_us: outcome.started_at.0,
            until_us: outcome.ended_at.0,
            charging_s: outcome.charging_s,
            energy_wh: outcome.energy_wh,
        };
        let (_, visits) = by_site.entry(site.id).or_insert((site.time_zone, Vec::new()));
        visits.push((format!("{}/{}", past.station.id, past.visit.connector), visit));
    }
    let sites = by_site.into_iter().map(|(site, (zone, visits))| (site.to_owned(), zone, visits));
    of_sites(&format!("simulated {seed}"), sites, UNTIL.0)
}

/// Visits with the connectors at which they were.
type Visits = Vec<(String, Visit)>;
type Site = (String, Tz, Visits);

fn of_sites(fleet: &str, sites: impl Iterator<Item = Site>, until_us: i64) -> Vec<Series> {
    let mut sites: Vec<Site> = sites.collect();
    sites.sort_by_key(|(_, _, visits)| std::cmp::Reverse(visits.len()));
    let series = |name: String, fleet, zone, all: &mut dyn Iterator<Item = &(String, Visit)>| {
        let (mut connectors, mut visits): (Vec<&str>, Vec<Visit>) =
            all.map(|(connector, visit)| (connector.as_str(), *visit)).unzip();
        connectors.sort_unstable();
        connectors.dedup();
        visits.sort_by_key(|visit| visit.from_us);
        let connectors = u32::try_from(connectors.len()).unwrap_or(u32::MAX);
        Series { name, fleet, zone, visits, connectors, until_us }
    };
    let zone = sites.first().map_or(Tz::UTC, |site| site.1);
    let mut all = vec![series(fleet.to_owned(), true, zone, &mut sites.iter().flat_map(|site| &site.2))];
    for (site, zone, visits) in sites.iter().take(2) {
        all.push(series(format!("  {site}"), false, *zone, &mut visits.iter()));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (connector, _) in sites.iter().flat_map(|site| &site.2) {
        *counts.entry(connector).or_default() += 1;
    }
    if let Some((busiest, _)) = counts.into_iter().max_by_key(|(_, count)| *count) {
        let mut own = sites.iter().flat_map(|site| &site.2).filter(|(connector, _)| connector == busiest);
        all.push(series(format!("  {busiest}"), false, zone, &mut own));
    }
    all
}

/// Forecasts each day of the last [`TESTED_DAYS`] at its midnight.
///
/// # Errors
/// If a history is too short.
pub fn run(all: &[Series], with_peer: bool) -> anyhow::Result<Vec<Result>> {
    let mut results = Vec::new();
    let mut asked = Vec::new();
    // What is missing is missing from the whole fleet.
    let holes = all.first().map(|fleet| gaps(&fleet.visits)).unwrap_or_default();
    for series in all {
        let load =
            Grid::of_load(&series.visits, &holes, series.zone, series.until_us).context("no sessions")?;
        let free =
            Grid::of_free_share(&series.visits, series.connectors, &holes, series.zone, series.until_us)
                .context("no sessions")?;
        let days = load.end() / DAY;
        let first = days.checked_sub(TESTED_DAYS).context("the history is shorter than the test")?;
        let mut test = Test::default();
        let mut model = LoadModel::learn(load.until(first * DAY), None)?;
        for day in first..days {
            let now = day * DAY;
            model = if (day - first).is_multiple_of(FOLD_DAYS) {
                LoadModel::learn(load.until(now), None)?
            } else {
                model.with(load.until(now))
            };
            let chances = Availability::learn(free.until(now))?;
            for slot in now..now + DAY {
                test.load(&load, slot, &model);
                test.free(&free, slot, now, &chances);
            }
        }
        results.push(test.result(series));
        asked.push(
            json!({"values": load.values()[..days * DAY], "first": first * DAY, "fold": FOLD_DAYS * DAY}),
        );
    }
    if with_peer {
        for (result, wapes) in results.iter_mut().zip(peer(&asked)?) {
            result.peer_wape = Some(wapes);
        }
    }
    Ok(results)
}

#[derive(Default)]
struct Test {
    hours: usize,
    sum_w: f64,
    errors_w: [f64; 2],
    naive_errors_w: [f64; 2],
    held: usize,
    above: usize,
    idle: usize,
    chances: usize,
    squares: [f64; 3],
}

impl Test {
    fn load(&mut self, grid: &Grid, slot: usize, model: &LoadModel) {
        let came = grid.values()[slot];
        let Some(forecast) = model.forecast_slot(slot).filter(|_| came.is_finite()) else { return };
        let [p10, p50, p90] = forecast.quantiles_w;
        let week =
            |weeks: usize| grid.values().get(slot.wrapping_sub(weeks * 7 * DAY)).filter(|v| v.is_finite());
        let four: Vec<f64> = (1..=4).filter_map(|weeks| week(weeks).copied()).collect();
        self.hours += 1;
        self.sum_w += came;
        self.errors_w[0] += (came - p50).abs();
        self.errors_w[1] += (came - forecast.mean_w).abs();
        self.naive_errors_w[0] += (came - week(1).copied().unwrap_or(0.0)).abs();
        self.naive_errors_w[1] += (came - four.iter().sum::<f64>() / four.len().max(1) as f64).abs();
        self.held += usize::from((p10..=p90).contains(&came));
        self.above += usize::from(came > p90);
        self.idle += usize::from(came == 0.0);
    }

    fn free(&mut self, grid: &Grid, slot: usize, now: usize, chances: &Availability) {
        let share = grid.values()[slot];
        if !share.is_finite() {
            return;
        }
        let came = f64::from(u8::from(share > 0.5));
        let before = || grid.values()[..now].iter().enumerate().filter(|(_, share)| share.is_finite());
        let mean = |shares: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = shares.fold((0.0, 0.0), |(sum, count), share| (sum + share, count + 1.0));
            if count > 0.0 { sum / count } else { 1.0 }
        };
        let of_hour = mean(&mut before().filter(|(at, _)| at % DAY == slot % DAY).map(|(_, share)| *share));
        let of_all = mean(&mut before().map(|(_, share)| *share));
        self.chances += 1;
        for (square, chance) in
            self.squares.iter_mut().zip([chances.chance_of_slot(slot).free_ratio, of_hour, of_all])
        {
            *square += (chance - came) * (chance - came);
        }
    }

    fn result(&self, series: &Series) -> Result {
        let hours = self.hours as f64;
        Result {
            name: series.name.clone(),
            fleet: series.fleet,
            hours: self.hours,
            wape: self.errors_w.map(|error| error / self.sum_w),
            naive_wape: self.naive_errors_w.map(|error| error / self.sum_w),
            peer_wape: None,
            held: [self.held as f64 / hours, self.above as f64 / hours],
            idle: self.idle as f64 / hours,
            brier: self.squares.map(|square| square / self.chances as f64),
        }
    }
}

/// Runs `forecast_peer.py` with the Python on PATH: its WAPE by series, on absolute and on squared errors.
fn peer(asked: &[serde_json::Value]) -> anyhow::Result<Vec<[f64; 2]>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/forecast_peer.py");
    let mut child = Command::new("python3")
        .arg(script)
        // One thread: more of them wait for each other on a busy machine.
        .env("OMP_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("python3 does not start")?;
    // The script reads all before it writes: neither side waits for the other.
    child.stdin.take().context("no stdin")?.write_all(&serde_json::to_vec(asked)?)?;
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "forecast_peer.py failed; deploy/local/setup.sh quality installs what it needs"
    );
    serde_json::from_slice(&output.stdout).context("forecast_peer.py did not answer in JSON")
}
