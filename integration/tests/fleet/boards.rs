//! Every query of every board, run on the real servers.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use integration::eventually;
use integration::ledger::Ledger;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;
use station::fold::cost;
use station::setting::Tariff;

use crate::repository;

/// Queries that may be empty here, and why.
const EMPTY_HERE: &[&str] = &[
    // Refusals: nothing is refused in this test.
    "ampwarden-gateway | Errors, refusals, rejections | B: no rows",
];

/// The fleet lived for a day, and some stations tell what came before it.
const ALL: &str = "now-30h";

/// While the fleet lives: every query answers with rows and values (`grafana/check-exceptions.json` lists what may be
/// empty, and why).
pub(crate) async fn all_answer(prometheus: String, questdb: String) {
    if no_node() {
        return;
    }
    eventually(Duration::from_secs(120), || async {
        let (_, text, complaints) = run(&prometheus, &questdb, &[])?;
        let wrong: Vec<&str> =
            complaints.lines().filter(|line| !line.is_empty() && !EMPTY_HERE.contains(line)).collect();
        if wrong.is_empty() && !text.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
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
        if compared >= 20 { Ok(compared) } else { Err(format!("only {compared} stations compared")) }
    })
    .await;
    println!(
        "boards: sessions, energy and revenue of {compared} stations are the ledger's, to the Wh and cent"
    );
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
    let folder = repository().join("grafana");
    let boards = std::fs::read_dir(folder.join("dashboards"))
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok().map(|e| e.path().display().to_string()));
    let output = Command::new("node")
        .args(["check.mjs", "--prom", prometheus, "--qdb", questdb, "--json"])
        .args(more)
        .args(boards)
        .current_dir(&folder)
        .output()
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
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
