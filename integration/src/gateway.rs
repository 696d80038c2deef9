//! A gateway: the real binary, in a process of its own, so that it can be killed.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use service::auth::{hash_of, new_token};

use crate::servers::{Process, QuestDb, free_port};
use crate::{binary, eventually_blocking};

/// An API token that may do anything but send commands to stations.
pub const LOOKER: &str = "only for tests: may not operate";

/// A running gateway with its journal in a temporary folder.
pub struct Gateway {
    process: Option<Process>,
    folder: tempfile::TempDir,
    token: String,
    ports: Ports,
    variables: Vec<(String, String)>,
}

struct Ports {
    admin: u16,
    api: u16,
    ocpp: u16,
    mqtt: u16,
}

impl Gateway {
    /// Starts one that writes to `store`. `more` is TOML that comes after `[gateway]`'s own keys; `{ocpp}` and `{mqtt}`
    /// in it stand for ports. It must have `ocpp.listen` if it has other keys of `ocpp`. Stations need no password unless it
    /// has `security_profiles`.
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
        Self::prepare_with(&format!("http = \"{store_http}\"\npg = {{ port = {store_pg_port} }}"), more)
    }

    /// As [`Self::prepare`], with all that `[store]` holds.
    ///
    /// # Panics
    /// When the file cannot be written.
    #[must_use]
    pub fn prepare_with(store: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        let ports = Ports { admin: free_port(), api: free_port(), ocpp: free_port(), mqtt: free_port() };
        let token = new_token();
        let text = format!(
            r#"
[store]
{store}

[secrets]
key = "only for tests, only for tests, only for tests"

[[api.tokens]]
name = "test"
scopes = ["read", "write", "operate", "ingest"]
hash = "{hash}"

[[api.tokens]]
name = "looker"
scopes = ["read", "write", "ingest"]
hash = "{looker}"

[gateway]
name = "test-gateway"
api_listen = "127.0.0.1:{api}"
admin = {{ listen = "127.0.0.1:{admin}" }}
journal.folder = "{journal}"
{ocpp}
{mqtt}
{more}
"#,
            hash = hash_of(&token),
            looker = hash_of(LOOKER),
            api = ports.api,
            admin = ports.admin,
            mqtt = if more.contains("mqtt") { "" } else { "mqtt = { listen = \"127.0.0.1:{mqtt}\" }" },
            ocpp = if more.contains("{ocpp}") { "" } else { "ocpp = { listen = \"127.0.0.1:{ocpp}\" }" },
            journal = folder.path().join("journal").display(),
        )
        .replace("{ocpp}", &ports.ocpp.to_string())
        .replace("{mqtt}", &ports.mqtt.to_string());
        let path = folder.path().join("ampwarden.toml");
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut gateway = Self { process: None, folder, token, ports, variables: Vec::new() };
        if !more.contains("security_profiles") {
            gateway.set("AMPWARDEN__GATEWAY__OCPP__SECURITY_PROFILES", "[0]");
        }
        gateway
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Panics
    /// With its log, when it does not become ready.
    pub fn start_again(&mut self) {
        self.launch();
        self.process().wait_until_ready(|| crate::servers::get(&self.admin("/readyz")));
    }

    /// Starts the process, and does not wait for it.
    pub fn launch(&mut self) {
        let mut arguments: Vec<String> =
            self.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let config = self.folder.path().join("ampwarden.toml").display().to_string();
        arguments.extend([
            binary().display().to_string(),
            "gateway".to_owned(),
            "--config".to_owned(),
            config,
        ]);
        self.process = Some(Process::start("env", &arguments, &self.log_path()));
    }

    /// What it wrote, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// Its log's lines with `word`.
    fn log_of(&self, word: &str) -> String {
        self.log().lines().filter(|line| line.contains(word)).collect::<Vec<_>>().join("\n")
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// Sets a variable of the process's environment, from its next start on: `AMPWARDEN__GATEWAY__…` wins over its
    /// configuration file.
    pub fn set(&mut self, name: &str, value: impl std::fmt::Display) {
        self.unset(name);
        self.variables.push((name.to_owned(), value.to_string()));
    }

    /// Takes a variable back.
    pub fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// The value of a metric with exactly this name and labels (`name{label="value"}`); none if it is not there.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metric(&self, series: &str) -> Result<Option<f64>, String> {
        let text = crate::servers::get(&self.admin("/metrics"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Ok(value.and_then(|value| value.trim().parse().ok()))
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

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_until_gone(&mut self) {
        if let Some(process) = self.process.take() {
            process.wait_until_gone();
        }
    }

    fn end(&mut self, signal: &str) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
        self.wait_until_gone();
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

    /// Registers a card, and the tariff "standard", in force since 2020: 0.50 EUR a session, 0.4567 a kilowatt-hour, 0.01 a
    /// minute.
    ///
    /// # Panics
    /// When the gateway does not take them.
    pub fn can_charge(&self, card: &str) {
        let _ = self.command(&["tokens", "set", card, "--label", "fleet-7"]);
        let prices = ["--per-kwh", "0.4567", "--per-minute", "0.01", "--per-session", "0.50"];
        let tariff =
            ["tariffs", "set", "standard", "--currency", "EUR", "--valid-from", "2020-01-01T00:00:00Z"];
        let _ = self.command(&[tariff.as_slice(), &prices].concat());
    }

    /// Asks its API as whoever has `token`; gives status and body.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(
        &self,
        token: &str,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.api()))
            .header("Authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(body).map_err(|error| error.to_string())?;
        let mut answer = crate::servers::http().run(request).map_err(|error| error.to_string())?;
        let body = answer.body_mut().read_json().map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), body))
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
        assert_eq!(books["difference"], 0, "the books do not balance: {books}\n{}", self.log_of("ERROR"));
        assert_eq!(books["lost"], 0, "events were lost: {books}\n{}", self.log_of("ERROR"));
        books
    }
}
