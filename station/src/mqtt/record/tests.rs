use super::*;
use crate::deviation::{Deviation, Deviations};
use crate::event::{EventKind, Source};
use crate::secret::SecretKey;

const HEADER: &str = "User ID,Vehicle Model,Battery Capacity (kWh),Charging Station ID,Charging Station Location,\
    Charging Start Time,Charging End Time,Energy Consumed (kWh),Charging Duration (hours),Charging Rate (kW),\
    Charging Cost (USD),Time of Day,Day of Week,State of Charge (Start %),State of Charge (End %),\
    Distance Driven (since last charge) (km),Temperature (C),Vehicle Age (years),Charger Type,User Type";
const ROW: &str = "User_1,BMW i3,42.2,Station_391,Houston,2024-01-01 00:00:00,2024-01-01 01:00:00,20.5,0.5,36.4,\
    13.087716791774506,Evening,Tuesday,29.5,86.25,293.6,27.9,2.0,DC Fast Charger,Commuter";

fn key() -> SecretKey {
    SecretKey::new(b"key")
}

fn rows(preset: &str, text: &str) -> Vec<ReadRow> {
    read(&Mapping::preset(preset).expect("a preset"), &key(), text.as_bytes()).expect("readable")
}

fn only(preset: &str, text: &str) -> Recorded {
    let mut rows = rows(preset, text);
    assert_eq!(rows.len(), 1);
    rows.remove(0).said.expect("taken")
}

#[test]
fn a_row_of_the_20_columns() {
    let read = only("columns20", &format!("{HEADER}\n{ROW}\n"));
    let record = &read.record;
    assert_eq!(read.station.as_str(), "Station_391");
    assert_eq!(record.token, Some(key().token("User_1")));
    assert_eq!(record.started_at.to_rfc3339(), "2024-01-01T00:00:00.000Z");
    assert_eq!(record.ended_at.to_rfc3339(), "2024-01-01T01:00:00.000Z");
    assert_eq!(record.energy_wh, Some(20_500.0));
    assert_eq!(record.charging_s, Some(1_800.0));
    assert_eq!(record.mean_power_w, Some(36_400.0));
    assert_eq!(record.cost.map(|c| c.to_string()).as_deref(), Some("13.087716791774506"));
    assert_eq!(record.currency.as_deref(), Some("USD"));
    assert_eq!(record.site.as_deref(), Some("Houston"));
    assert_eq!(record.battery_wh, Some(42_200.0));
    assert_eq!(record.soc_start_ratio, Some(0.295));
    assert_eq!(record.soc_end_ratio, Some(0.8625));
    assert_eq!(record.distance_m, Some(293_600.0));
    assert_eq!(record.temperature_c, Some(27.9));
    assert_eq!(record.vehicle_age_years, Some(2.0));
    assert_eq!(record.charger_type.as_deref(), Some("DC Fast Charger"));
    assert_eq!(record.user_type.as_deref(), Some("Commuter"));
    assert_eq!(record.vehicle_model.as_deref(), Some("BMW i3"));
    assert_eq!(read.deviations, Deviations::default());
}

#[test]
fn the_same_session_in_each_shape() {
    let csv = only("columns20", &format!("{HEADER}\n{ROW}"));
    assert_eq!(only("columns20", ROW), csv, "without a header, in the layout's order");
    assert_eq!(only("columns20", &format!("{}\r\n{ROW}\r\n", HEADER.replace("(C)", "(°C)"))), csv);
    let object: serde_json::Map<String, serde_json::Value> = HEADER
        .split(',')
        .zip(ROW.split(','))
        .map(|(name, value)| {
            let number = value.parse::<serde_json::Number>().ok().filter(|_| name != "Charging Cost (USD)");
            (name.to_owned(), number.map_or_else(|| value.into(), Into::into))
        })
        .collect();
    let object = serde_json::Value::Object(object);
    assert_eq!(only("columns20", &object.to_string()), csv);
    assert_eq!(only("columns20", &format!("[{object}]")), csv);
    let lines = rows("columns20", &format!("{object}\n\n{{\"User ID\":\n7\n{object}\n"));
    let taken: Vec<_> = lines.iter().map(|row| (row.line, row.said.is_ok())).collect();
    assert_eq!(taken, [(1, true), (3, false), (4, false), (5, true)], "a broken line is one row's trouble");
}

#[test]
fn what_is_wrong_says_where_and_what_to_do() {
    for (old, new, expected) in [
        ("Station_391", "", "column \"Charging Station ID\": nothing is there"),
        ("2024-01-01 00:00:00", "yesterday", "column \"Charging Start Time\": \"yesterday\" is no time"),
        ("2024-01-01 01:00:00", "2023-01-01 01:00:00", "ends (2023-01-01T01:00:00.000Z) before it begins"),
        ("20.5", "twenty", "column \"Energy Consumed (kWh)\": \"twenty\" is no number"),
        ("20.5", "-3", "column \"Energy Consumed (kWh)\": -3 is below nothing"),
        ("13.087716791774506", "free", "column \"Charging Cost (USD)\": \"free\" is no number"),
        ("BMW i3", "BMW, i3", "the row has 21 columns, 20 belong there"),
        (",Commuter", "", "the row has 19 columns, 20 belong there"),
    ] {
        let text = format!("{HEADER}\n{ROW}\n{}\n{ROW}\n", ROW.replacen(old, new, 1));
        let rows = rows("columns20", &text);
        assert_eq!(rows.len(), 3, "{old} → {new}");
        assert!(rows[0].said.is_ok() && rows[2].said.is_ok());
        assert_eq!((rows[0].line, rows[1].line, rows[2].line), (2, 3, 4));
        let error = rows[1].said.as_ref().expect_err(new).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("User_1"));
    }
}

#[test]
fn what_is_missing_or_contradicts_is_flagged() {
    for (old, new, deviation) in [
        ("20.5", "", Deviation::FieldMissing),
        ("20.5", "NaN", Deviation::FieldMissing),
        (",0.5,", ",3.13,", Deviation::DurationContradiction),
    ] {
        let read = only("columns20", &ROW.replacen(old, new, 1));
        assert_eq!(read.deviations, Deviations::from_iter([deviation]), "{new}");
        assert_eq!(read.record.charging_s.is_none(), deviation == Deviation::DurationContradiction);
    }
    let read = only("columns20", &ROW.replacen("2024-01-01 01:00:00", "", 1));
    assert_eq!(
        read.record.ended_at.to_rfc3339(),
        "2024-01-01T00:30:00.000Z",
        "the duration stands in for the end"
    );
}

#[test]
fn a_quote_that_is_never_closed_costs_its_own_line_only() {
    let quoted = ROW.replacen("BMW i3", "\"BMW\ni3\"", 1);
    let broken = ROW.replacen("BMW i3", "\"BMW i3", 1);
    let many = [ROW; 10].join("\n");
    let rows = rows("columns20", &format!("{HEADER}\n{quoted}\n{broken}\n{many}\n"));
    assert_eq!(rows.len(), 12);
    assert_eq!(
        rows[0].said.as_ref().expect("taken").record.vehicle_model.as_deref(),
        Some("BMW\ni3"),
        "a quoted text may run over lines"
    );
    assert_eq!(rows[1].line, 4);
    assert!(rows[1].said.is_err());
    assert!(rows[2..].iter().all(|row| row.said.is_ok()));
}

#[test]
fn what_is_kept_holds_no_token() {
    let object = r#"{"User ID": "User_1", "Charging Station ID": "S", "Charging Start Time": "x"}"#;
    let own = Mapping::from_toml(
        "[columns]\nstation=\"s\"\nstarted_at=\"a\"\nended_at=\"b\"\ntoken=\"Cardholder\"",
    );
    let of_own = read(&own.expect("valid"), &key(), b"s,a,b,Cardholder\nS,1,2,User_1").expect("readable");
    let mut kept: Vec<String> = of_own.into_iter().map(|row| row.kept).collect();
    for text in [ROW, &format!("{HEADER}\n{ROW},x"), &ROW.replace("2024", "x")] {
        kept.extend(rows("columns20", text).into_iter().map(|row| row.kept));
    }
    let with_duration = object.replace('}', r#", "Charging Duration (hours)": 1}"#);
    kept.extend(rows("columns20", &with_duration).into_iter().map(|row| row.kept));
    assert_eq!(kept.len(), 5);
    for kept in kept {
        assert!(!kept.contains("User_1") && kept.contains("sealed:"), "{kept}");
    }
}

#[test]
fn rows_become_events() {
    let text = format!("{HEADER}\n{ROW}\n{}", ROW.replacen("20.5", "x", 1));
    let mut events =
        rows("columns20", &text).into_iter().map(|row| row.into_event(Source::Import, "f:3".to_owned()));
    let taken = events.next().expect("two");
    assert!(matches!(taken.kind, EventKind::SessionRecorded(_)));
    assert_eq!((taken.digest, taken.message_id), (0, None));
    let rejected = events.next().expect("two");
    assert_eq!(rejected.station.as_str(), "Station_391");
    let EventKind::Undecodable { detail, origin, .. } = rejected.kind else { panic!("{:?}", rejected.kind) };
    assert!(detail.contains("is no number") && origin == "f:3", "{detail} {origin}");
}

#[test]
fn a_header_that_does_not_fit_is_named() {
    let error = read(&Mapping::preset("workplace").expect("a preset"), &key(), b"stationId,begin\n1,2");
    let error = error.expect_err("no begin").to_string();
    assert!(error.contains("no column holds started_at (looked for \"created\")"), "{error}");
    assert!(error.contains("\"stationId\", \"begin\""), "{error}");
}

#[test]
fn the_layouts_of_published_data() {
    let trondheim = "session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;Start_plugin_hour;End_plugout;\
        End_plugout_hour;El_kWh;Duration_hours;month_plugin;weekdays_plugin\r\n";
    let private = only(
        "trondheim",
        &format!(
            "{trondheim}1;AdO3;AdO3-4;Private;NA;21.12.2018 10:20;10;21.12.2018 11:23;11;0,3;1,05;Dec;Friday\r\n"
        ),
    );
    assert_eq!(private.station.as_str(), "AdO3-4");
    assert_eq!(private.record.started_at.to_rfc3339(), "2018-12-21T09:20:00.000Z");
    assert_eq!(private.record.energy_wh, Some(300.0));
    assert_eq!(private.deviations, Deviations::default());
    let shared = only(
        "trondheim",
        &format!(
            "{trondheim}9;Bl2;Bl2-2;Shared;Shared-7;21.12.2018 10:20;10;21.12.2018 11:23;11;0,3;1,05;Dec;Friday"
        ),
    );
    assert_eq!(shared.station.as_str(), "Shared-7");
    let no_end = rows(
        "trondheim",
        &format!("{trondheim}9;Bl2;Bl2-2;Shared;Shared-7;21.12.2018 10:20;10;NA;NA;0,3;NA;Dec;Friday"),
    );
    assert!(
        no_end[0].said.as_ref().expect_err("no end").to_string().contains("neither an end nor a duration")
    );

    let workplace = only(
        "workplace",
        "sessionId,kwhTotal,dollars,created,ended,chargeTimeHrs,userId,stationId,locationId\n\
         1366563,7.78,0,0014-11-18 15:40:26,0014-11-18 17:11:04,1.510555556,35897499,582873,461655",
    );
    assert_eq!(workplace.record.started_at.to_rfc3339(), "2014-11-18T15:40:26.000Z");
    assert_eq!((workplace.station.as_str(), workplace.record.energy_wh), ("582873", Some(7_780.0)));

    let boulder = rows(
        "boulder",
        "\u{feff}Station_Name,Station_Address,City,Transaction_Date,Transaction_Start_Time,Charging_Time__minutes_,\
         Energy__kWh_,Port_Type\n\
         COMM VITALITY / 1104 SPRUCE1,1100 Spruce St,Boulder,2018/01/31 00:00:00+00,2021/01/21 17:43:00+00,128,2.84,Level 2\n\
         COMM VITALITY / 1104 SPRUCE1,1100 Spruce St,Boulder,2018/01/31 00:00:00+00,2021/01/21 17:43:00+00,\"1,041\",,Level 2\n\
         COMM VITALITY / 1104 SPRUCE1,1100 Spruce St,Boulder,2018/01/31 00:00:00+00,2021/01/21 17:43:00+00, -   ,1,Level 2\n",
    );
    let first = boulder[0].said.as_ref().expect("taken");
    assert_eq!(first.station.as_str(), "COMM VITALITY - 1104 SPRUCE1");
    assert_eq!(first.record.started_at.to_rfc3339(), "2018-02-01T00:43:00.000Z");
    assert_eq!(first.record.charging_s, Some(7_680.0));
    let second = boulder[1].said.as_ref().expect("taken");
    assert_eq!(second.record.charging_s, Some(62_460.0));
    assert!(second.deviations.has(Deviation::FieldMissing));
    let error = boulder[2].said.as_ref().expect_err("neither end nor duration").to_string();
    assert!(error.starts_with("column \"Charging_Time__minutes_\": nothing is there"), "{error}");
}

#[test]
fn lists_of_stations_and_sites() {
    let preset = Mapping::preset("stations").expect("a preset");
    let list = stations(
        &preset,
        b"station_id,name,site,latitude,longitude,rated_kw,charger_type\n\
          S/1,One,Depot,59.9,10.7,22,Level 2\nS2,,,,,,\nS3,x,y,190,1,1,z\n,x,y,1,1,1,z\nS5,x\n",
    )
    .expect("readable");
    let first = list[0].setting.as_ref().expect("taken");
    assert_eq!((first.station.as_str(), first.rated_power_w), ("S-1", Some(22_000.0)));
    assert_eq!((first.latitude_deg, first.longitude_deg), (Some(59.9), Some(10.7)));
    assert!(list[1].setting.is_ok());
    for (row, expected) in [(2, "beyond ±90"), (3, "every row must name its station"), (4, "2 columns")] {
        let error = list[row].setting.as_ref().expect_err("wrong").to_string();
        assert!(error.contains(expected), "{error}");
    }
    let other = stations(&preset, b"ID;x\n1;2");
    assert!(other.expect_err("another separator").to_string().contains("no column holds station"));
    let other = stations(&preset, b"ID,Station Name,Lat,Lng\n7,Mall,1.5,2.5").expect("readable");
    assert_eq!(other[0].setting.as_ref().expect("taken").longitude_deg, Some(2.5));

    let sites_preset = Mapping::preset("sites").expect("a preset");
    let list = sites(&sites_preset, b"site,name,time_zone\nDepot,Old depot,Europe/Oslo\nx,y,Oslo")
        .expect("readable");
    assert_eq!(list[0].setting.as_ref().expect("taken").time_zone.as_deref(), Some("Europe/Oslo"));
    assert!(list[1].setting.is_err());
    let list = limits(&sites_preset, b"site,grid_limit_kw\nDepot,150\nMall,\nx,-1").expect("readable");
    assert_eq!(list.len(), 2, "a site without a limit has no row");
    assert_eq!(list[0].setting.as_ref().expect("taken").grid_limit_w, 150_000.0);
    assert!(list[1].setting.is_err());
}
