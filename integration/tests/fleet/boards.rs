//! Every query of every board, run on the real servers.

use std::process::Command;
use std::time::Duration;

use integration::eventually;
use integration::ledger::Ledger;

use crate::repository;

/// Runs `grafana/check.mjs` on all boards, and holds the fleet's totals against the clients' own books.
pub(crate) async fn check(prometheus: &str, questdb: &str, ledger: &Ledger) {
    if Command::new("node").arg("--version").output().is_err() {
        println!("left out: the boards' queries, because there is no node on this machine");
        return;
    }
    let values = eventually(Duration::from_secs(60), || async { run(prometheus, questdb) }).await;
    let sessions: f64 = sum(&values["ampwarden-sessions"]["Sessions"]);
    #[allow(clippy::cast_precision_loss)]
    let said = ledger.sessions.len() as f64;
    assert!(
        sessions >= said && sessions <= said * 1.1,
        "the board says {sessions} sessions, the ledger {said}: {}",
        values["ampwarden-sessions"]["Sessions"]
    );
}

fn run(prometheus: &str, questdb: &str) -> Result<serde_json::Value, String> {
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
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
}

/// The numbers of a panel, added.
fn sum(panel: &serde_json::Value) -> f64 {
    let rows =
        panel.as_object().into_iter().flat_map(|targets| targets.values()).filter_map(|v| v.as_array());
    rows.flatten()
        .filter_map(|row| row.as_object())
        .flat_map(|row| row.values())
        .filter_map(serde_json::Value::as_f64)
        .sum()
}
