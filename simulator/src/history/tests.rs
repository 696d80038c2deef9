use std::collections::BTreeMap;

use chrono::Weekday;
use chrono::{Datelike, Timelike};

use super::*;
use crate::fleet::{FleetPlan, Profile};

const UNTIL: Timestamp = Timestamp(1_760_000_000 * SECOND);

fn fleet() -> Fleet {
    Fleet::new(FleetPlan::default())
}

fn past(fleet: &Fleet, days: i64) -> Vec<PastSession> {
    sessions(fleet, UNTIL.plus_seconds(-days * 86_400), UNTIL).collect()
}

#[test]
fn the_same_seed_gives_the_same_sessions_whatever_the_window() {
    let fleet = fleet();
    let rows = |days| past(&fleet, days).iter().map(|session| session.row(&fleet)).collect::<Vec<_>>();
    let (three, nine) = (rows(3), rows(9));
    assert!(three.len() > 200, "{} sessions", three.len());
    assert!(three.iter().all(|row| nine.contains(row)), "a longer history holds the shorter one");
    let other = Fleet::new(FleetPlan { seed: 8, ..FleetPlan::default() });
    assert!(past(&other, 3).iter().all(|session| !three.contains(&session.row(&other))));
}

#[test]
fn sessions_are_possible() {
    let fleet = fleet();
    let mut by_connector: BTreeMap<_, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    let mut by_user: BTreeMap<_, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for session in past(&fleet, 21) {
        let (outcome, row) = (&session.outcome, session.row(&fleet));
        assert!(outcome.started_at < outcome.ended_at && outcome.ended_at <= UNTIL);
        assert!(outcome.charging_s <= outcome.ended_at.seconds_since(outcome.started_at) + 1.0);
        let most = session.station.rated_w * outcome.charging_s / 3600.0;
        assert!(outcome.energy_wh <= most + 1.0, "{row:?}");
        assert!(row.soc_start_percent < row.soc_end_percent && row.soc_end_percent <= 100.0, "{row:?}");
        let stored = (row.soc_end_percent - row.soc_start_percent) / 100.0 * row.battery_kwh;
        assert!(stored <= row.energy_kwh + 0.2, "no more is stored than was metered: {row:?}");
        assert!(row.energy_kwh * 0.85 <= stored + 0.2, "nor is much lost: {row:?}");
        let span = (outcome.started_at, outcome.ended_at);
        by_connector.entry((session.station.id.clone(), session.visit.connector)).or_default().push(span);
        by_user.entry(row.user_id).or_default().push(span);
    }
    for (who, spans) in
        by_connector.values_mut().map(|s| ("connector", s)).chain(by_user.values_mut().map(|s| ("user", s)))
    {
        spans.sort();
        let overlapping = spans.windows(2).filter(|pair| pair[1].0 < pair[0].1).count();
        assert_eq!(overlapping, 0, "no {who} is in two sessions at once");
    }
}

#[test]
fn people_come_when_they_do() {
    let fleet = fleet();
    let mut arrivals: BTreeMap<(&str, bool), [u32; 24]> = BTreeMap::new();
    for session in past(&fleet, 42) {
        let site = fleet.site_of(&session.station);
        let local = site.local(session.visit.arrives_at);
        let weekend = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
        arrivals.entry((site.id, weekend)).or_default()[local.hour() as usize] += 1;
    }
    let share = |site, weekend, hours: std::ops::Range<usize>| {
        let by_hour = arrivals.get(&(site, weekend)).copied().unwrap_or_default();
        f64::from(by_hour[hours].iter().sum::<u32>()) / f64::from(by_hour.iter().sum::<u32>().max(1))
    };
    let count =
        |site, weekend| arrivals.get(&(site, weekend)).map_or(0, |by_hour| by_hour.iter().sum::<u32>());
    assert!(share("denver", false, 6..10) > 0.5, "a workplace fills in the morning");
    assert!(count("denver", true) * 8 < count("denver", false), "and is empty at weekends");
    assert!(share("oslo", false, 15..22) > 0.5, "at home people arrive in the evening");
    assert!(share("jakarta", false, 8..21) > 0.7, "shops are visited by day");
    assert!(fleet.sites.iter().any(|site| site.profile == Profile::Residential));
}

#[test]
fn files_have_the_columns_that_the_import_expects() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let args = HistoryArgs {
        history: Some(2),
        until: Some(UNTIL.to_rfc3339()),
        out: Some(at("sessions.csv")),
        stations_out: Some(at("stations.csv")),
        sites_out: Some(at("sites.csv")),
    };
    let fleet_args = FleetArgs { seed: 7, ocpp16: 30, ocpp201: 10, mqtt_stations: 20, faults: 0.0 };
    let written = run(&fleet_args, &args, Some(&at("ledger.jsonl"))).expect("writes");
    let text = |name: &str| std::fs::read_to_string(at(name)).expect("reads");
    let head = |name: &str| text(name).lines().next().expect("a line").to_owned();
    assert_eq!(
        head("sessions.csv"),
        "User ID,Vehicle Model,Battery Capacity (kWh),Charging Station ID,Charging Station Location,Charging Start \
         Time,Charging End Time,Energy Consumed (kWh),Charging Duration (hours),Charging Rate (kW),Charging Cost \
         (USD),Time of Day,Day of Week,State of Charge (Start %),State of Charge (End %),Distance Driven (since last \
         charge) (km),Temperature (°C),Vehicle Age (years),Charger Type,User Type"
    );
    assert_eq!(head("stations.csv"), "station_id,name,site,latitude,longitude,rated_kw,charger_type");
    assert_eq!(head("sites.csv"), "site,name,latitude,longitude,time_zone,currency,grid_limit_kw");
    assert_eq!(text("stations.csv").lines().count(), 61);
    assert_eq!(text("sites.csv").lines().count(), 4);
    let rows: Vec<SessionRow> = csv::Reader::from_path(at("sessions.csv"))
        .expect("opens")
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect();
    assert_eq!(rows.len() as u64, written.sessions);
    let lines = Ledger::read(&at("ledger.jsonl")).expect("reads");
    let wh: i64 =
        lines.iter().map(|line| if let Line::Session(session) = line { session.energy_wh } else { 0 }).sum();
    assert_eq!(wh, written.energy_wh);
    let kwh: f64 = rows.iter().map(|row| row.energy_kwh).sum();
    assert!((kwh - wh as f64 / 1e3).abs() < 1e-6, "to the watt-hour");

    let json = HistoryArgs { out: Some(at("sessions.jsonl")), ..args };
    run(&fleet_args, &json, None).expect("writes");
    let text = text("sessions.jsonl");
    assert_eq!(text.lines().count(), rows.len());
    let first: serde_json::Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    let record: SessionRecord = serde_json::from_value(first["record"].clone()).expect("a record");
    assert_eq!(record.energy_wh.map(|wh| wh / 1e3), Some(rows[0].energy_kwh));
    assert_eq!(
        (&first["station"], &first["token"]),
        (&rows[0].station_id.clone().into(), &rows[0].user_id.clone().into())
    );
}
