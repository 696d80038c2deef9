//! Files are imported by the command through a real gateway into a real store; and what was published by others is read.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use integration::servers::{QuestDb, QuestDbOptions};
use integration::{Gateway, eventually, unique};
use station::mqtt::record::{Mapping, read};
use station::secret::SecretKey;
use store::read::Reader;

const DEADLINE: Duration = Duration::from_secs(60);
const HEADER: &str = "User ID,Vehicle Model,Battery Capacity (kWh),Charging Station ID,Charging Station Location,\
    Charging Start Time,Charging End Time,Energy Consumed (kWh),Charging Duration (hours),Charging Rate (kW),\
    Charging Cost (USD),Time of Day,Day of Week,State of Charge (Start %),State of Charge (End %),\
    Distance Driven (since last charge) (km),Temperature (°C),Vehicle Age (years),Charger Type,User Type";

/// A session a row: two a day from 2024 on, 10 kWh and 2.50 USD each.
fn row(station: &str, number: u32) -> String {
    let (month, day, hour) = (number / 56 % 12 + 1, number / 2 % 28 + 1, number % 2 * 10);
    let year = 2024 + number / 672;
    format!(
        "User_{number},Model X,75,{station},Houston,{year}-{month:02}-{day:02} {hour:02}:00:00,\
         {year}-{month:02}-{day:02} {hour:02}:30:00,10,0.5,20,2.50,Day,Monday,20,60,100,21.5,3,Level 2,Commuter"
    )
}

async fn sessions(reader: &Reader, station: &str) -> Result<(i64, f64, f64), String> {
    let sql = format!(
        "SELECT count() n, sum(energy_wh) wh, sum(cost) cost FROM sessions WHERE station = '{station}'"
    );
    let rows = reader.query(&sql, &[]).await.map_err(|error| error.to_string())?;
    let row = rows.first().ok_or("no row")?;
    let read = || -> Result<_, store::read::ReadError> {
        let wh: Option<f64> = row.get("wh")?;
        let cost: Option<f64> = row.get("cost")?;
        Ok((row.get("n")?, wh.unwrap_or(0.0), cost.unwrap_or(0.0)))
    };
    read().map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_broken_rows_is_imported_once_however_often_it_is_run() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let mut gateway = Gateway::start(&store, r#"mqtt = { listen = "127.0.0.1:{mqtt}" }"#);
    let reader = Reader::new(&store.config());
    let station = unique("import");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sessions.csv");
    let mut text = format!("{HEADER}\n");
    for number in 0..1_400 {
        writeln!(text, "{}", row(&station, number)).expect("written");
    }
    // Lines 1402 to 1405.
    for broken in [
        row(&station, 1_400).replace(",10,", ",ten,"),
        row(&station, 1_401).replace(&station, ""),
        row(&station, 1_402).replace("Houston", "Houston, TX"),
        row(&station, 7),
    ] {
        writeln!(text, "{broken}").expect("written");
    }
    std::fs::write(&file, text).expect("written");

    for run in 0..2 {
        let output = gateway.command(&["import", "sessions", &file.display().to_string()]);
        let (taken, there) = if run == 0 { (1_400, 1) } else { (0, 1_401) };
        assert!(output.contains(&format!("{taken} taken, {there} there already, 3 rejected")), "{output}");
        for expected in [
            "line 1402: column \"Energy Consumed (kWh)\": \"ten\" is no number",
            "line 1403: column \"Charging Station ID\": nothing is there",
            "line 1404: the row has 21 columns, 20 belong there",
        ] {
            assert!(output.contains(expected), "{output}");
        }
        let _ = gateway.settled_books(DEADLINE);
        eventually(DEADLINE, || async {
            let found = sessions(&reader, &station).await?;
            if found == (1_400, 14_000_000.0, 3_500.0) { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }
    let books = gateway.settled_books(DEADLINE);
    assert_eq!(books["rejected"]["invalid"], 6, "{books}");

    let list = folder.path().join("stations.csv");
    let text = format!(
        "station_id,name,site,latitude,longitude,rated_kw,charger_type\n\
         {station},Gate,Houston,29.76,-95.37,22,Level 2\n{station}-b,Gate,Houston,290,-95.37,22,Level 2\n"
    );
    std::fs::write(&list, text).expect("written");
    let output = gateway.command(&["import", "stations", &list.display().to_string()]);
    assert!(output.contains("line 3: column \"latitude\": 290 is beyond ±90 degrees"), "{output}");
    let listed = gateway.command(&["stations", "list", "--json"]);
    assert!(listed.contains(&station) && listed.contains("22000"), "{listed}");
    assert!(!listed.contains(&format!("{station}-b")), "{listed}");
    gateway.stop();
}

/// How many rows of published data are taken, and why the others are not.
#[test]
fn what_others_published_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ev");
    let key = SecretKey::new(b"key");
    for (file, preset, rows, rejected) in [
        ("kaggle_ev_charging_patterns_SYNTHETIC.csv", "columns20", 1_320, 0),
        ("trondheim_residential_sessions.csv", "trondheim", 6_878, 34),
        ("workplace_dataverse_sessions.csv", "workplace", 3_395, 0),
        ("boulder_2018-2020_sessions.csv", "boulder", 22_580, 1_743),
    ] {
        let Ok(text) = std::fs::read(folder.join(file)) else {
            println!("{file} is not here: left out");
            continue;
        };
        let mapping = Mapping::preset(preset).expect("a preset");
        let read = read(&mapping, &key, &text).expect("readable");
        let refused: Vec<_> =
            read.iter().filter_map(|row| Some((row.line, row.said.as_ref().err()?))).collect();
        let energy: f64 = read.iter().filter_map(|r| r.said.as_ref().ok()?.record.energy_wh).sum();
        println!("{file}: {} rows, {} rejected, {:.0} kWh", read.len(), refused.len(), energy / 1e3);
        if let Some((line, error)) = refused.first() {
            println!("  line {line}: {error}");
        }
        assert_eq!(read.len(), rows, "{file}");
        assert_eq!(refused.len(), rejected, "{file}: {:?}", refused.first());
    }
}
