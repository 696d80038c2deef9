//! Imports by command into a running gateway. Its store is down: the journal takes them.

mod common;

use common::gateway::Gateway;

const HEADER: &str = "User ID,Vehicle Model,Battery Capacity (kWh),Charging Station ID,Charging Station Location,\
Charging Start Time,Charging End Time,Energy Consumed (kWh),Charging Duration (hours),Charging Rate (kW),\
Charging Cost (USD),Time of Day,Day of Week,State of Charge (Start %),State of Charge (End %),\
Distance Driven (since last charge) (km),Temperature (°C),Vehicle Age (years),Charger Type,User Type\n";

fn row(user: u32, hour: u32) -> String {
    format!(
        "User_{user},Tesla Model 3,75.0,Station_{user},Houston,2024-01-01 {hour:02}:00:00,2024-01-01 {hour:02}:30:00,\
         11.5,0.5,23.0,13.09,Evening,Tuesday,29.4,86.1,293.6,27.9,2.0,DC Fast Charger,Commuter\n"
    )
}

#[test]
fn sessions_are_imported_once() {
    let gateway = Gateway::start();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("sessions.csv");
    let rows: String = (0..1_200).map(|n| row(n, n % 23)).collect();
    std::fs::write(&file, format!("{HEADER}{rows}User_1,Tesla\n{}", row(9_999, 5).replace("11.5", "much")))
        .expect("write");
    let file = file.display().to_string();

    let dry = gateway.ask(&["import", "sessions", &file, "--dry-run"]).expect("read");
    assert!(dry.ends_with("sessions: 1200 would be taken, 0 there already, 2 rejected\n"), "{dry}");

    let first = gateway.ask(&["import", "sessions", &file]).expect("taken");
    assert!(first.contains("line 1202: ") && first.contains("line 1203: "), "{first}");
    assert!(first.ends_with("sessions: 1200 taken, 0 there already, 2 rejected\n"), "{first}");
    let second = gateway.ask(&["import", "sessions", &file]).expect("taken");
    assert!(second.ends_with("sessions: 0 taken, 1200 there already, 2 rejected\n"), "{second}");
    let books = gateway.ask(&["check", "books"]).expect("books");
    assert!(books.contains("the books balance"), "{books}");
}

#[test]
fn lists_are_imported_and_keep_what_they_do_not_say() {
    let gateway = Gateway::start();
    let folder = tempfile::tempdir().expect("folder");
    let (sites, stations) = (folder.path().join("sites.csv"), folder.path().join("stations.csv"));
    std::fs::write(&sites, "site,name,time_zone\ndepot,Old depot,Europe/Oslo\nx,y,Oslo\n").expect("write");
    std::fs::write(&stations, "station,site,rated_kw\nCP-1,depot,22\nCP-2,depot,50\n").expect("write");
    let stations = stations.display().to_string();

    let said = gateway.ask(&["import", "sites", &sites.display().to_string()]).expect("taken");
    assert!(said.starts_with("line 3: ") && said.contains("no IANA time zone"), "{said}");
    assert!(said.ends_with("sites: 1 taken, 0 there already, 1 rejected\n"), "{said}");
    std::fs::write(&sites, "site,name,time_zone,grid_kw\ndepot,Old depot,Europe/Oslo,150\n").expect("write");
    let said = gateway.ask(&["import", "sites", &sites.display().to_string()]).expect("taken");
    let expected =
        "sites: 0 taken, 1 there already, 0 rejected\nlimits: 1 taken, 0 there already, 0 rejected\n";
    assert_eq!(said, expected);
    let said = gateway.ask(&["import", "stations", &stations]).expect("taken");
    assert_eq!(said, "stations: 2 taken, 0 there already, 0 rejected\n");

    gateway.ask(&["stations", "set", "CP-1", "--maintenance", "--name", "Gate"]).expect("taken");
    std::fs::write(&stations, "station,site,rated_kw\nCP-1,depot,11\nCP-2,depot,50\n").expect("write");
    let said = gateway.ask(&["import", "stations", &stations]).expect("taken");
    assert_eq!(said, "stations: 1 taken, 1 there already, 0 rejected\n");
    let list = gateway.ask(&["stations", "list"]).expect("list");
    let row: Vec<&str> = list.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!(row[..9], ["CP-1", "3", "depot", "Gate", "-", "-", "11000.0", "-", "yes"], "{list}");
}

#[test]
fn files_that_will_not_do_are_refused() {
    let gateway = Gateway::start();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("other.csv");
    std::fs::write(&file, "a;b\n1;2\n").expect("write");
    let file = file.display().to_string();
    for (arguments, expected) in [
        (&["import", "sessions", "/nowhere.csv"][..], "/nowhere.csv cannot be read: No such file"),
        (
            &["import", "sessions", &file, "--mapping", "columns21"],
            "--mapping columns21 is neither a file that can be read",
        ),
        (&["import", "sessions", &file], "none of the first 2 rows can be read (is --mapping right?"),
        (&["import", "stations", &file], "other.csv cannot be imported: "),
    ] {
        let error = gateway.ask(arguments).expect_err("refused");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}
