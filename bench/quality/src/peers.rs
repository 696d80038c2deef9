//! scikit-learn and PyOD on the same sets, in the same run.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// AUROC by set and scorer.
pub type Aurocs = HashMap<(String, String), f64>;

/// Runs `peers.py` with the Python on PATH.
///
/// # Errors
/// If there is no Python, or its packages are absent (`deploy/local/setup.sh quality` installs them).
pub fn run(folder: &Path) -> anyhow::Result<Aurocs> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()
        .context("python3 does not start")?;
    ensure!(output.status.success(), "peers.py failed; deploy/local/setup.sh quality installs what it needs");
    let answer: HashMap<String, HashMap<String, f64>> =
        serde_json::from_slice(&output.stdout).context("peers.py did not answer in JSON")?;
    Ok(answer
        .into_iter()
        .flat_map(|(set, scorers)| {
            scorers.into_iter().map(move |(scorer, area)| ((set.clone(), scorer), area))
        })
        .collect())
}
