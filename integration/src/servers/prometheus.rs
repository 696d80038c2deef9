//! Prometheus.

use tempfile::TempDir;

use super::{Process, free_port, get, http};

/// A Prometheus of the test's own.
pub struct Prometheus {
    process: Process,
    folder: TempDir,
    port: u16,
}

impl Prometheus {
    /// Starts one. `files` are written to its folder (name, content); `prometheus.yml` must be among them, and names
    /// rule files by their names.
    ///
    /// # Panics
    /// With its log, when it does not start.
    #[must_use]
    pub fn start(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let port = free_port();
        let place = folder.path().display();
        let arguments = [
            format!("--config.file={place}/prometheus.yml"),
            format!("--storage.tsdb.path={place}/data"),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.enable-lifecycle".to_owned(),
            // Otherwise an alert that fires before the Alertmanager is found waits a minute.
            "--rules.alert.resend-delay=1s".to_owned(),
        ];
        let process = Process::start("prometheus", &arguments, &folder.path().join("prometheus.log"));
        process.wait_until_ready(|| get(&format!("http://127.0.0.1:{port}/-/ready")));
        Self { process, folder, port }
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

    /// Writes one of its files anew and lets it read its configuration again.
    ///
    /// # Panics
    /// When it refuses.
    pub fn reload(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let answer = http().post(format!("{}/-/reload", self.url())).send_empty();
        assert!(answer.is_ok_and(|a| a.status().is_success()), "reload\n{}", self.process.log());
    }

    /// Runs an instant query: the samples' labels and values.
    ///
    /// # Errors
    /// What it says.
    pub fn query(&self, query: &str) -> Result<Vec<(serde_json::Value, f64)>, String> {
        let url = format!("{}/api/v1/query", self.url());
        let mut answer =
            http().get(&url).query("query", query).call().map_err(|error| format!("{url}: {error}"))?;
        let body: serde_json::Value =
            answer
                .body_mut()
                .read_to_string()
                .map_err(|error| error.to_string())
                .and_then(|text| serde_json::from_str(&text).map_err(|error| format!("{error}: {text}")))?;
        let samples = body["data"]["result"].as_array().ok_or_else(|| body.to_string())?;
        samples
            .iter()
            .map(|sample| {
                let value = sample["value"][1].as_str().and_then(|text| text.parse().ok());
                value.map(|value| (sample["metric"].clone(), value)).ok_or_else(|| sample.to_string())
            })
            .collect()
    }
}
