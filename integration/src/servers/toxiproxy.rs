//! Toxiproxy: networks that are slow, swallow everything, or are cut.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Process, free_port, get, http};

/// A proxy server of the test's own.
pub struct Toxiproxy {
    _process: Process,
    _folder: TempDir,
    api: String,
}

/// One way through it.
pub struct Link {
    port: u16,
    url: String,
}

impl Toxiproxy {
    /// Starts one.
    ///
    /// # Panics
    /// With its log, when it does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        let port = free_port();
        let program = program().display().to_string();
        let arguments = ["-host", "127.0.0.1", "-port", &port.to_string()].map(str::to_owned);
        let process = Process::start(&program, &arguments, &folder.path().join("toxiproxy.log"));
        let api = format!("http://127.0.0.1:{port}");
        process.wait_until_ready(|| get(&format!("{api}/version")));
        Self { _process: process, _folder: folder, api }
    }

    /// A way to a port of this machine, without any harm yet.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn link(&self, name: &str, upstream: u16) -> Link {
        let port = free_port();
        let (listen, upstream) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{upstream}"));
        post(
            &format!("{}/proxies", self.api),
            &json!({"name": name, "listen": listen, "upstream": upstream, "enabled": true}),
        );
        Link { port, url: format!("{}/proxies/{name}", self.api) }
    }
}

impl Link {
    /// Where to connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// So many KB a second go towards the server, each delayed.
    pub fn slow(&self, kb_per_second: u32, delay_ms: u32) {
        self.toxic("bandwidth", "upstream", &json!({"rate": kb_per_second}));
        self.toxic("latency", "downstream", &json!({"latency": delay_ms, "jitter": delay_ms / 2}));
    }

    /// What the client sends arrives so much later, also when the client has gone.
    pub fn late(&self, delay_ms: u32) {
        self.toxic("latency", "upstream", &json!({"latency": delay_ms}));
    }

    /// Connections stay, new ones are accepted, and nothing arrives on either side.
    pub fn swallow(&self) {
        self.swallow_answers();
        self.toxic("timeout", "upstream", &json!({"timeout": 0}));
    }

    /// The server hears, and is not heard.
    pub fn swallow_answers(&self) {
        self.toxic("timeout", "downstream", &json!({"timeout": 0}));
    }

    /// Connections are cut, and no new one is taken.
    pub fn cut(&self) {
        post(&self.url, &json!({"enabled": false}));
    }

    /// The contrary of [`Self::cut`].
    pub fn join(&self) {
        post(&self.url, &json!({"enabled": true}));
    }

    /// All is well again. Connections that were swallowed are cut.
    ///
    /// # Panics
    /// When the proxy does not answer.
    pub fn heal(&self) {
        let toxics = get(&format!("{}/toxics", self.url)).unwrap_or_else(|error| panic!("{error}"));
        let toxics: Vec<Value> = serde_json::from_str(&toxics).unwrap_or_else(|error| panic!("{error}"));
        for toxic in toxics {
            let name = toxic["name"].as_str().unwrap_or_default();
            let answer = http().delete(format!("{}/toxics/{name}", self.url)).call();
            assert!(answer.is_ok_and(|a| a.status().is_success()), "{name} cannot be taken out");
        }
        self.join();
    }

    fn toxic(&self, kind: &str, stream: &str, attributes: &Value) {
        let name = format!("{kind}-{stream}");
        post(
            &format!("{}/toxics", self.url),
            &json!({"name": name, "type": kind, "stream": stream, "attributes": attributes}),
        );
    }
}

fn post(url: &str, body: &Value) {
    let mut answer = http().post(url).send_json(body).unwrap_or_else(|error| panic!("{url}: {error}"));
    let status = answer.status();
    assert!(
        status.is_success(),
        "{url} {body}: {status} {}",
        answer.body_mut().read_to_string().unwrap_or_default()
    );
}

/// Built by `deploy/local/setup.sh`.
fn program() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/bin");
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path());
    let servers = files.filter(|path| {
        path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("toxiproxy-server-"))
    });
    servers.max().unwrap_or_else(|| panic!("no toxiproxy: run deploy/local/setup.sh test"))
}
