//! A gateway: the real binary, in a process of its own, so that it can be killed.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use service::auth::{hash_of, new_token};

use crate::servers::{Process, QuestDb, free_port};
use crate::{binary, eventually_blocking};

/// A running gateway with its journal in a temporary folder.
pub struct Gateway {
    process: Option<Process>,
    folder: tempfile::TempDir,
    token: String,
    ports: Ports,
    environment: Vec<(String, String)>,
}

struct Ports {
    admin: u16,
    api: u16,
    ocpp: u16,
    mqtt: u16,
}

impl Gateway {
    /// Starts one that writes to `store`. `more` is TOML that comes after `[gateway]`'s own keys; `{ocpp}` and `{mqtt}`
    /// in it stand for ports. It must have `ocpp.listen` if it has other keys of `ocpp`.
    ///
    /// # Panics
    /// With its log, when it does not become ready.
    #[must_use]
    pub fn start(store: &QuestDb, more: &str) -> Self {
        let gateway = Self::prepare(&store.http(), store.pg_port(), more);
        let mut gateway = gateway;
        gateway.start_again();
        gateway
    }

    /// Writes its configuration; it is started by [`Self::start_again`].
    ///
    /// # Panics
    /// When the file cannot be written.
    #[must_use]
    pub fn prepare(store_http: &str, store_pg_port: u16, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        let ports = Ports { admin: free_port(), api: free_port(), ocpp: free_port(), mqtt: free_port() };
        let token = new_token();
        let text = format!(
            r#"
[store]
http = "{store_http}"
pg = {{ port = {store_pg_port} }}

[secrets]
key = "only for tests, only for tests, only for tests"

[[api.tokens]]
name = "test"
scopes = ["read", "write", "operate", "ingest"]
hash = "{hash}"

[gateway]
name = "test-gateway"
api_listen = "127.0.0.1:{api}"
admin = {{ listen = "127.0.0.1:{admin}" }}
journal = {{ folder = "{journal}" }}
{ocpp}
{more}
"#,
            hash = hash_of(&token),
            api = ports.api,
            admin = ports.admin,
            ocpp = if more.contains("{ocpp}") { "" } else { "ocpp = { listen = \"127.0.0.1:{ocpp}\" }" },
            journal = folder.path().join("journal").display(),
        )
        .replace("{ocpp}", &ports.ocpp.to_string())
        .replace("{mqtt}", &ports.mqtt.to_string());
        let path = folder.path().join("ampwarden.toml");
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { process: None, folder, token, ports, environment: Vec::new() }
    }

    /// Gives it more environment, from its next start on.
    pub fn set_environment(&mut self, variables: &[(&str, &str)]) {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environment.extend(owned);
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Panics
    /// With its log, when it does not become ready.
    pub fn start_again(&mut self) {
        let config = self.folder.path().join("ampwarden.toml");
        let mut arguments: Vec<String> =
            self.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        arguments.push(binary().display().to_string());
        arguments.extend(["gateway", "--config"].map(str::to_owned));
        arguments.push(config.display().to_string());
        let process = Process::start("env", &arguments, &self.folder.path().join("log"));
        process.wait_until_ready(|| crate::servers::get(&self.admin("/readyz")));
        self.process = Some(process);
    }

    /// The running process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap_or_else(|| panic!("the gateway does not run"))
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    /// SIGTERM, and waits until it has ended.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    fn end(&mut self, signal: &str) {
        if let Some(process) = self.process.take() {
            process.signal(signal);
            process.wait_until_gone();
        }
    }

    /// Where OCPP stations connect; `/{station}` is to follow.
    #[must_use]
    pub fn ocpp(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.ocpp)
    }

    /// The port of its own MQTT endpoint (`{mqtt}` in `more` stands for it).
    #[must_use]
    pub fn mqtt_port(&self) -> u16 {
        self.ports.mqtt
    }

    /// A page of its admin port.
    #[must_use]
    pub fn admin(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.admin)
    }

    /// Address of its HTTP API.
    #[must_use]
    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.api)
    }

    /// An API token with all scopes.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its configuration file, journal and log are in here.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs another command of the binary against this gateway's API; gives its output.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = std::process::Command::new(binary())
            .args(arguments)
            .env("AMPWARDEN_API", self.api())
            .env("AMPWARDEN_API_TOKEN", &self.token)
            .env("AMPWARDEN_CONFIG", self.folder.path().join("ampwarden.toml"))
            .output()
            .unwrap_or_else(|error| panic!("ampwarden {arguments:?}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ampwarden {arguments:?}: {text}{errors}");
        text
    }

    /// The books, by the API.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn books(&self) -> Result<Value, String> {
        let mut answer = crate::servers::http()
            .get(format!("{}/v1/books", self.api()))
            .header("Authorization", format!("Bearer {}", self.token))
            .call()
            .map_err(|error| error.to_string())?;
        answer.body_mut().read_json().map_err(|error| error.to_string())
    }

    /// Waits until the store has taken all that is journaled, and gives the books.
    ///
    /// # Panics
    /// When that takes longer than the deadline, or the books do not balance then.
    #[must_use]
    pub fn settled_books(&self, deadline: Duration) -> Value {
        let books = eventually_blocking(deadline, || {
            let books = self.books()?;
            if books["in_journal"] == 0 { Ok(books) } else { Err(format!("not settled: {books}")) }
        });
        assert_eq!(books["difference"], 0, "the books do not balance: {books}");
        books
    }
}
