//! Every query of every board, run on the real servers.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use integration::eventually;
use integration::ledger::{Ledger, transaction};
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;
use station::fold::cost;
use station::setting::Tariff;

use crate::repository;

/// Queries that may be empty here, and why.
const EMPTY_HERE: &[&str] = &[
    // Refusals: nothing is refused in this test.
    "ampwarden-gateway | Errors, refusals, rejections | B: no rows",
    // The fleet lived for a day.
    "ampwarden-site | Energy of sessions | B: no rows",
];

/// Panels that may stay empty elsewhere (`grafana/check-exceptions.json`), and have something to show here: odd messages
/// were said, and sessions scored.
const ANSWER_HERE: &[(&str, &str)] = &[
    ("ampwarden-data-quality", "Tolerated deviations"),
    ("ampwarden-data-quality", "Flags"),
    ("ampwarden-data-quality", "Rejected by reason"),
    ("ampwarden-slo", "Scored within 30 s"),
    ("ampwarden-slo", "Budget: scoring"),
];

/// The fleet lived for a day, and some stations tell what came before it.
const ALL: &str = "now-30h";

/// While the fleet lives: every query answers with rows and values, each at some moment
/// (`grafana/check-exceptions.json` lists what may stay empty, and why).
pub(crate) async fn all_answer(prometheus: String, questdb: String) {
    if no_node() {
        return;
    }
    let never_answered: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    eventually(Duration::from_secs(120), || async {
        let station = format!("station={}", busiest(&questdb)?);
        // Once asked, only the boards that have not answered wholly are asked again.
        let left = never_answered.lock().unwrap().clone();
        let still = |board: &str| left.iter().flatten().any(|line| line.starts_with(&format!("{board} |")));
        let wanted = |board: &str| left.is_none() || still(board);
        let (_, text, complaints) = run_some(&prometheus, &questdb, &["--var", &station], wanted)?;
        if text.is_empty() {
            return Err(complaints);
        }
        let wrong = complaints.lines().filter(|line| !line.is_empty() && !EMPTY_HERE.contains(line));
        let wrong: HashSet<String> = wrong.map(str::to_owned).collect();
        let mut never = never_answered.lock().unwrap();
        let left: HashSet<String> = never.take().map_or_else(|| wrong.clone(), |before| &before & &wrong);
        *never = Some(left.clone());
        if left.is_empty() { Ok(()) } else { Err(Vec::from_iter(left).join("\n")) }
    })
    .await;
}

/// At the end: the boards' totals are the clients' own. Sessions whose stop was lost on purpose are on the board and
/// not in the ledger: so the sums are near, and exact for each station that lost none.
pub(crate) async fn totals(prometheus: &str, questdb: &str, ledger: &Ledger) {
    if no_node() {
        return;
    }
    let said = said(ledger);
    let compared = eventually(Duration::from_secs(60), || async {
        let (_, text, errors) = run(prometheus, questdb, &["--from", ALL])?;
        let values: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {errors}"))?;
        let board = &values["ampwarden-sessions"];
        let all = said.values().fold(Sums::default(), |all, sums| all.and(sums));
        for (panel, said) in [("Sessions", all.sessions), ("Energy", all.energy_wh), ("Revenue", all.cost)] {
            let shown = sum(&board[panel]);
            if shown < said * 0.999 || shown > said * 1.1 {
                return Err(format!("{panel}: the board says {shown}, the ledger {said}"));
            }
        }
        let mut compared = 0;
        for row in rows(&board["By station"]) {
            let station = row["Station"].as_str().unwrap_or_default();
            let Some(said) = said.get(station).filter(|sums| sums.exact) else { continue };
            let shown = |column: &str| row[column].as_f64().unwrap_or(f64::NAN);
            let right = shown("Sessions") == said.sessions
                && (shown("Energy") - said.energy_wh).abs() < 0.5
                && (shown("Revenue") - said.cost).abs() < 0.005;
            if !right {
                return Err(format!("{station}: the board says {row}, the ledger {said:?}"));
            }
            compared += 1;
        }
        // The table has at most a hundred stations, and some of them lost a stop.
        if compared < 20 {
            return Err(format!("only {compared} stations compared"));
        }
        near(
            "Anomalies: Scored sessions",
            sum(&values["ampwarden-anomalies"]["Scored sessions"]),
            all.sessions,
        )?;
        let ended = rows(&values["ampwarden-events"]["Volume by type"])
            .filter(|row| row["type"] == "session_ended")
            .filter_map(|row| row["events"].as_f64())
            .sum();
        // Of sessions, energy and revenue, in the test's one currency.
        near("Revenue and tariffs: Revenue", sum(&values["ampwarden-revenue"]["Revenue"]), all.cost)?;
        let of_users =
            rows(&values["ampwarden-users"]["Users by station"]).filter_map(|row| row["Sessions"].as_f64());
        near("Users and clusters: sessions of all stations", of_users.sum(), all.sessions)?;
        near("Event log: session_ended", ended, all.sessions)?;
        let stored = rows(&values["ampwarden-store"]["Tables"])
            .find(|row| row["Table"] == "sessions")
            .and_then(|row| row["Rows"].as_f64());
        near("Store: rows of sessions", stored.unwrap_or(0.0), all.sessions)?;
        Ok(compared)
    })
    .await;
    one_of_each(prometheus, questdb, ledger, &said).await;
    println!(
        "boards: sessions, energy and revenue of {compared} stations are the ledger's, to the Wh and cent"
    );
}

/// The boards of one station, its site and one of its sessions say what the ledger says.
async fn one_of_each(prometheus: &str, questdb: &str, ledger: &Ledger, said: &HashMap<&str, Sums>) {
    let (station, sums) = said.iter().find(|(_, sums)| sums.exact && sums.sessions > 1.0).unwrap();
    let last = ledger.sessions.iter().rfind(|session| session.station == *station).unwrap();
    eventually(Duration::from_secs(60), || async {
        let sql = format!(
            "SELECT session_id, site FROM sessions WHERE station = '{station}' AND transaction_id = '{}'",
            transaction(last)
        );
        let found = ask(questdb, &sql)?;
        let text = |at: usize| found["dataset"][0][at].as_str().unwrap_or_default().to_owned();
        let chosen =
            [format!("station={station}"), format!("session={}", text(0)), format!("site={}", text(1))];
        let arguments: Vec<&str> =
            chosen.iter().flat_map(|word| ["--var", word]).chain(["--from", ALL]).collect();
        let (_, printed, errors) = run(prometheus, questdb, &arguments)?;
        let values: Value = serde_json::from_str(&printed).map_err(|error| format!("{error}: {errors}"))?;
        let shown = sum(&values["ampwarden-station"]["Sessions"]);
        let at_site = rows(&values["ampwarden-site"]["Stations"]).find(|row| row["Station"] == *station);
        let of_site = at_site.and_then(|row| row["Sessions"].as_f64());
        #[allow(clippy::cast_precision_loss)]
        let energy = (sum(&values["ampwarden-session"]["Energy"]), last.energy_wh as f64);
        if shown == sums.sessions && of_site == Some(shown) && (energy.0 - energy.1).abs() < 0.5 {
            Ok(())
        } else {
            Err(format!(
                "{station}: {shown} sessions, {of_site:?} by its site, energy {energy:?}; ledger {sums:?}"
            ))
        }
    })
    .await;
    println!("boards: station, site and session of {station} are the ledger's");
}

/// Sessions whose stop was lost on purpose are shown, and not in the ledger.
fn near(what: &str, shown: f64, said: f64) -> Result<(), String> {
    if shown >= said && shown <= said * 1.1 {
        Ok(())
    } else {
        Err(format!("{what}: the board says {shown}, the ledger {said}"))
    }
}

/// The station that metered most, every phase of it.
fn busiest(questdb: &str) -> Result<String, String> {
    let sql = "SELECT station FROM (SELECT station, count() AS n FROM meter_values \
               WHERE voltage_v IS NOT NULL) ORDER BY n DESC LIMIT 1";
    let found = ask(questdb, sql)?;
    found["dataset"][0][0].as_str().map(str::to_owned).ok_or_else(|| "nothing was metered".to_owned())
}

fn ask(questdb: &str, sql: &str) -> Result<Value, String> {
    let mut answer =
        ureq::get(format!("{questdb}/exec")).query("query", sql).call().map_err(|e| e.to_string())?;
    let text = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// What a station's sessions add up to.
#[derive(Clone, Debug, Default)]
struct Sums {
    sessions: f64,
    energy_wh: f64,
    cost: f64,
    /// Whether all its sessions are in the ledger, as they are in the store.
    exact: bool,
}

impl Sums {
    fn and(self, other: &Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            energy_wh: self.energy_wh + other.energy_wh,
            cost: self.cost + other.cost,
            exact: self.exact && other.exact,
        }
    }
}

fn said(ledger: &Ledger) -> HashMap<&str, Sums> {
    let tariff = Tariff {
        currency: "EUR".to_owned(),
        per_kwh: crate::PER_KWH.parse().unwrap(),
        per_session: crate::PER_SESSION.parse().unwrap(),
        ..Tariff::default()
    };
    let mut said: HashMap<&str, Sums> = HashMap::new();
    for session in &ledger.sessions {
        #[allow(clippy::cast_precision_loss)]
        let energy_wh = session.energy_wh as f64;
        let sums = said.entry(&session.station).or_insert(Sums { exact: true, ..Sums::default() });
        sums.sessions += 1.0;
        sums.energy_wh += energy_wh.max(0.0);
        sums.cost += cost(&tariff, energy_wh, 0.0, 0.0).to_f64().unwrap_or(f64::NAN);
        // A register that began again within the session: the store has what was seen.
        sums.exact &= session.energy_wh >= 0;
    }
    for session in &ledger.without_end {
        said.entry(&session.station).or_default().exact = false;
    }
    said
}

fn no_node() -> bool {
    let none = Command::new("node").arg("--version").output().is_err();
    if none {
        println!("left out: the boards' queries, because there is no node on this machine");
    }
    none
}

/// Runs `grafana/check.mjs` on all boards: whether it is content, what it printed, what it complains of.
fn run(prometheus: &str, questdb: &str, more: &[&str]) -> Result<(bool, String, String), String> {
    run_some(prometheus, questdb, more, |_| true)
}

fn run_some(
    prometheus: &str,
    questdb: &str,
    more: &[&str],
    wanted: impl Fn(&str) -> bool,
) -> Result<(bool, String, String), String> {
    let folder = repository().join("grafana");
    let boards = std::fs::read_dir(folder.join("dashboards"))
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.file_stem().and_then(|stem| stem.to_str()).is_some_and(&wanted))
        .map(|path| path.display().to_string());
    let exceptions = exceptions(&folder.join("check-exceptions.json")).map_err(|error| error.to_string())?;
    let output = Command::new("node")
        .args(["check.mjs", "--prom", prometheus, "--qdb", questdb, "--json", "--exceptions"])
        .arg(exceptions.path())
        .args(more)
        .args(boards)
        .current_dir(&folder)
        .output()
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
}

/// What may stay empty here: a file for the check.
fn exceptions(of_all: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(of_all)?)?;
    let before = list.len();
    list.retain(|one| {
        !ANSWER_HERE.iter().any(|(board, panel)| one["board"] == *board && one["panel"] == *panel)
    });
    assert_eq!(before - list.len(), ANSWER_HERE.len(), "each of ANSWER_HERE is an exception elsewhere");
    let file = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(&file, &list)?;
    Ok(file)
}

/// The rows of a panel.
fn rows(panel: &Value) -> impl Iterator<Item = &Value> {
    let targets = panel.as_object().into_iter().flat_map(|targets| targets.values());
    targets.filter_map(Value::as_array).flatten()
}

/// The numbers of a panel, added.
fn sum(panel: &Value) -> f64 {
    rows(panel).filter_map(Value::as_object).flat_map(|row| row.values()).filter_map(Value::as_f64).sum()
}
