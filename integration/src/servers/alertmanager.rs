//! Alertmanager.

use tempfile::TempDir;

use super::{Process, free_port, get};

/// An Alertmanager of the test's own.
pub struct Alertmanager {
    process: Process,
    _folder: TempDir,
    port: u16,
}

impl Alertmanager {
    /// Starts one with the content of its configuration file.
    ///
    /// # Panics
    /// With its log, when it does not start.
    #[must_use]
    pub fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        let place = folder.path().display();
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, config).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let port = free_port();
        let arguments = [
            format!("--config.file={place}/alertmanager.yml"),
            format!("--storage.path={place}/data"),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--cluster.listen-address=".to_owned(),
        ];
        let log = folder.path().join("alertmanager.log");
        // Debian's name for it, and everybody else's.
        let debian = std::path::Path::new("/usr/bin/prometheus-alertmanager");
        let program = if debian.exists() { "prometheus-alertmanager" } else { "alertmanager" };
        let process = Process::start(program, &arguments, &log);
        process.wait_until_ready(|| get(&format!("http://127.0.0.1:{port}/-/ready")));
        Self { process, _folder: folder, port }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The running process, for its id and log.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The alerts that it has now, as its API gives them.
    ///
    /// # Errors
    /// What it says.
    pub fn alerts(&self) -> Result<serde_json::Value, String> {
        let text = get(&format!("{}/api/v2/alerts", self.url()))?;
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }
}
