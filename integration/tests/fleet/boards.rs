//! Every query of every board, run on the real servers.

use std::process::Command;
use std::time::Duration;

use integration::eventually;
use integration::ledger::Ledger;
use serde_json::Value;

use crate::repository;

/// Queries that may be empty here, and why.
const EMPTY_HERE: &[&str] = &[
    // Refusals: nothing is refused in this test.
    "ampwarden-gateway | Errors, refusals, rejections | B: no rows",
];

/// While the fleet lives: every query answers with rows and values (`grafana/check-exceptions.json` lists what may be
/// empty, and why).
pub(crate) async fn all_answer(prometheus: String, questdb: String) {
    if no_node() {
        return;
    }
    eventually(Duration::from_secs(120), || async {
        let (_, text, complaints) = run(&prometheus, &questdb)?;
        let wrong: Vec<&str> =
            complaints.lines().filter(|line| !line.is_empty() && !EMPTY_HERE.contains(line)).collect();
        if wrong.is_empty() && !text.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    })
    .await;
}

/// At the end: the boards' totals are the clients' own.
pub(crate) async fn totals(prometheus: &str, questdb: &str, ledger: &Ledger) {
    if no_node() {
        return;
    }
    #[allow(clippy::cast_precision_loss)]
    let said = ledger.sessions.len() as f64;
    eventually(Duration::from_secs(60), || async {
        let (_, text, errors) = run(prometheus, questdb)?;
        let values: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {errors}"))?;
        let panel = &values["ampwarden-sessions"]["Sessions"];
        let sessions = sum(panel);
        // A few sessions lost their stop on purpose: they are on the board, not in the ledger.
        if sessions >= said && sessions <= said * 1.1 {
            Ok(())
        } else {
            Err(format!("the board says {sessions} sessions, the ledger {said}: {panel}"))
        }
    })
    .await;
}

fn no_node() -> bool {
    let none = Command::new("node").arg("--version").output().is_err();
    if none {
        println!("left out: the boards' queries, because there is no node on this machine");
    }
    none
}

/// Runs `grafana/check.mjs` on all boards: whether it is content, what it printed, what it complains of.
fn run(prometheus: &str, questdb: &str) -> Result<(bool, String, String), String> {
    let folder = repository().join("grafana");
    let boards = std::fs::read_dir(folder.join("dashboards"))
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok().map(|e| e.path().display().to_string()));
    let output = Command::new("node")
        .args(["check.mjs", "--prom", prometheus, "--qdb", questdb, "--json"])
        .args(boards)
        .current_dir(&folder)
        .output()
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
}

/// The numbers of a panel, added.
fn sum(panel: &Value) -> f64 {
    let rows =
        panel.as_object().into_iter().flat_map(|targets| targets.values()).filter_map(|v| v.as_array());
    rows.flatten()
        .filter_map(|row| row.as_object())
        .flat_map(|row| row.values())
        .filter_map(Value::as_f64)
        .sum()
}
