//! What an alert leads to: its runbook, its board, and on that board the station.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use integration::eventually_blocking;
use serde_json::Value;

use crate::stack::{GRAFANA, Stack};

const RUNBOOKS: &str = "https://github.com/ampwarden/ampwarden/blob/main/";
const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Follows the links of an alert. Where it is about a station or a site, that must be found on its board.
pub(crate) fn leads_somewhere(stack: &Stack, alert: &Value) {
    let (labels, annotations) = (&alert["labels"], &alert["annotations"]);
    let name = labels["alertname"].as_str().unwrap();
    assert!(labels.get("grafana").is_none(), "the board's address is no label: {labels}");
    let description = annotations["description"].as_str().unwrap();
    assert!(!description.contains("<no value>") && !description.contains("{{"), "{description}");

    let runbook = annotations["runbook_url"].as_str().and_then(|url| url.strip_prefix(RUNBOOKS));
    let text = std::fs::read_to_string(repository().join(runbook.unwrap())).unwrap();
    assert!(text.starts_with(&format!("# {name}\n")), "{runbook:?}: {text}");

    let url = annotations["dashboard_url"].as_str().unwrap();
    let path = url
        .strip_prefix(GRAFANA)
        .and_then(|path| path.strip_prefix("/d/"))
        .unwrap_or_else(|| panic!("{url}"));
    let (uid, query) = path.split_once('?').unwrap_or((path, ""));
    let board = repository().join(format!("grafana/dashboards/{uid}.json"));
    assert!(board.exists(), "{name} leads to {url}, and there is no {}", board.display());
    let about = labels["station"].as_str().or(labels["site"].as_str());
    if let Some(about) = about {
        finds(stack, &board, query, about);
    }
}

/// Waits until the board shows what the alert is about.
fn finds(stack: &Stack, board: &Path, query: &str, about: &str) {
    if Command::new("node").arg("--version").output().is_err() {
        println!("left out: the boards' queries, because there is no node on this machine");
        return;
    }
    eventually_blocking(DEADLINE, || {
        let mut command = Command::new("node");
        command.current_dir(repository().join("grafana")).arg("check.mjs");
        command.args(["--json", "--prom", &stack.prometheus.url(), "--qdb", &stack.questdb_url()]);
        for pair in query.split('&').filter_map(|pair| pair.strip_prefix("var-")) {
            command.args(["--var", pair]);
        }
        let output =
            command.arg(board.canonicalize().unwrap()).output().map_err(|error| error.to_string())?;
        // Panels may be empty in a fleet as small as this: only the values count. A board that was opened for one
        // station need not name it; then its state must be there.
        let shown = String::from_utf8_lossy(&output.stdout);
        let boards: Value = serde_json::from_str(&shown).unwrap_or_default();
        let states = &boards["ampwarden-station"]["State"]["A"];
        let is_its_own = query.contains(&format!("var-station={about}"));
        if shown.contains(about) || (is_its_own && states.as_array().is_some_and(|rows| !rows.is_empty())) {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{about} is not on {}: {errors}", board.display()))
    });
}

/// The command for a terminal that stands in an alert's text, between backticks.
pub(crate) fn command_in(alert: &Value) -> String {
    let text = alert["annotations"]["description"].as_str().unwrap();
    let command = text.split('`').find(|part| part.starts_with("ampwarden "));
    command.unwrap_or_else(|| panic!("no command in: {text}")).to_owned()
}
