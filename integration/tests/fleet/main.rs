//! The main job, whole: a fleet lives for some hours (played fast) on a real QuestDB and Prometheus, with gateway,
//! exporter and anomaly service as processes of their own. Then: every session is scored in time, the books of the
//! clients equal the store, and every query of every board answers, with the ledger's totals.
// Helpers of tests fail the test as well; figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod boards;
mod odd;
mod scores;

use std::path::{Path, PathBuf};
use std::time::Duration;

use integration::ledger::Ledger;
use integration::servers::{Process, Prometheus, QuestDb, QuestDbOptions, free_port};
use integration::{Gateway, binary, eventually};
use store::read::Reader;

/// Simulated hours, and how much faster than real time they go. A whole day: as many come whenever the test is run.
const HOURS: i64 = 24;
const SPEED: i64 = 900;

/// The tariff of the test, in the decimal text of the command.
const PER_KWH: &str = "0.30";
const PER_SESSION: &str = "0.35";

/// Who lives.
const FLEET: &[&str] = &["--ocpp16", "35", "--ocpp201", "12", "--mqtt-stations", "23", "--seed", "5"];

struct Stack {
    store: QuestDb,
    gateway: Gateway,
    prometheus: Prometheus,
    exporter_port: u16,
    _exporter: Process,
    _anomaly: Process,
    folder: tempfile::TempDir,
}

impl Stack {
    async fn start() -> Self {
        let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let (exporter_port, anomaly_port, grpc_port) = (free_port(), free_port(), free_port());
        let gateway = Gateway::start(
            &store,
            &format!(
                // Hours that are played fast are no late ones.
                r#"mqtt = {{ listen = "127.0.0.1:{{mqtt}}", anonymous = true }}
writer = {{ late_after = "2d" }}

[exporter]
admin = {{ listen = "127.0.0.1:{exporter_port}" }}
interval = "1s"

[anomaly]
grpc = {{ listen = "127.0.0.1:{grpc_port}" }}
admin = {{ listen = "127.0.0.1:{anomaly_port}" }}
training = {{ folder = "{}" }}
"#,
                folder.path().join("models").display()
            ),
        );
        let other = |name: &str, port: u16| {
            let config = gateway.folder().join("ampwarden.toml").display().to_string();
            let arguments = [name.to_owned(), "--config".to_owned(), config];
            let log = folder.path().join(format!("{name}.log"));
            let process = Process::start(&binary().display().to_string(), &arguments, &log);
            process
                .wait_until_ready(|| integration::servers::get(&format!("http://127.0.0.1:{port}/readyz")));
            process
        };
        let (exporter, anomaly) = (other("exporter", exporter_port), other("anomaly", anomaly_port));
        let target = |job: &str, address: &str| {
            format!("  - job_name: {job}\n    static_configs: [{{targets: [\"{address}\"]}}]\n")
        };
        let rules = std::fs::read_dir(repository().join("prometheus/rules")).unwrap();
        let rules: Vec<(String, String)> = rules
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (
                    path.file_name().unwrap().to_str().unwrap().to_owned(),
                    std::fs::read_to_string(&path).unwrap(),
                )
            })
            .collect();
        let mut config = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [\"*.yml\"]\nscrape_configs:\n".to_owned();
        config.push_str(&target("ampwarden-gateway", gateway.admin("").trim_start_matches("http://")));
        config.push_str(&target("ampwarden-exporter", &format!("127.0.0.1:{exporter_port}")));
        config.push_str(&target("ampwarden-anomaly", &format!("127.0.0.1:{anomaly_port}")));
        let metrics = store.metrics();
        config
            .push_str(&target("questdb", metrics.trim_start_matches("http://").trim_end_matches("/metrics")));
        let mut files: Vec<(&str, &str)> = rules
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .filter(|(name, _)| *name != "prometheus.yml")
            .collect();
        // `*.yml` would take the configuration for rules.
        config = config.replace(
            "[\"*.yml\"]",
            &format!("{:?}", files.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        );
        files.push(("prometheus.yml", &config));
        let prometheus = Prometheus::start(&files);
        Self { store, gateway, prometheus, exporter_port, _exporter: exporter, _anomaly: anomaly, folder }
    }

    /// Takes any card, sets a tariff, and registers the fleet's sites and stations, by the commands that an operator
    /// uses.
    fn register(&self) {
        let files =
            ["stations.csv", "sites.csv"].map(|name| self.folder.path().join(name).display().to_string());
        let mut list = vec!["simulate", "--stations-out", &files[0], "--sites-out", &files[1]];
        list.extend(FLEET);
        let _ = self.gateway.command(&list);
        let _ = self.gateway.command(&["import", "sites", &files[1]]);
        let _ = self.gateway.command(&["import", "stations", &files[0]]);
        let _ = self.gateway.command(&["settings", "set", "unknown_tokens", "accept"]);
        let from = gateway::pipeline::clock::now().plus_seconds(-86_400 * 2).to_rfc3339();
        let _ = self.gateway.command(&[
            "tariffs",
            "set",
            "everywhere",
            "--currency",
            "EUR",
            "--per-kwh",
            PER_KWH,
            "--per-session",
            PER_SESSION,
            "--valid-from",
            &from,
        ]);
    }

    /// Starts the fleet; it lives from some hours ago until now.
    fn fleet(&self, ledger: &Path) -> Process {
        let start = gateway::pipeline::clock::now().plus_seconds(-3600 * HOURS).to_rfc3339();
        let arguments: Vec<String> = [
            "simulate",
            "--ocpp",
            &self.gateway.ocpp(),
            "--mqtt",
            &format!("127.0.0.1:{}", self.gateway.mqtt_port()),
            "--speed",
            &SPEED.to_string(),
            "--start",
            &start,
            "--duration",
            &format!("{HOURS}h"),
            "--meter-every",
            "300s",
            "--reconnect",
            "200ms",
            "--faults",
            "0.05",
            "--quiet",
            "--ledger",
            &ledger.display().to_string(),
        ]
        .into_iter()
        .chain(FLEET.iter().copied())
        .map(str::to_owned)
        .collect();
        Process::start(&binary().display().to_string(), &arguments, &self.folder.path().join("fleet.log"))
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_end_to_end() {
    let stack = Stack::start().await;
    stack.register();
    let path = stack.folder.path().join("ledger.jsonl");
    let fleet = stack.fleet(&path);
    let reader = Reader::new(&stack.store.config());
    odd::say(&stack.gateway).await;
    let boards = boards::all_answer(stack.prometheus.url(), stack.store.http());
    let boards = tokio::spawn(boards);
    let seen = scores::watch(&reader, || fleet.is_running()).await;
    boards.await.unwrap();

    let books = stack.gateway.settled_books(Duration::from_secs(60));
    let ledger = Ledger::read(&path);
    assert_eq!(ledger.refused, 0, "messages were refused\n{}", fleet.log());
    eventually(Duration::from_secs(30), || async {
        let differences = ledger.differences(&reader).await;
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    })
    .await;
    println!(
        "{} acknowledged messages, {} sessions, books {books}",
        ledger.messages.len(),
        ledger.sessions.len()
    );
    assert_eq!(
        books["rejected"].as_object().map(|r| r.values().filter_map(serde_json::Value::as_u64).sum::<u64>()),
        Some(2)
    );

    scores::check(&reader, &ledger, &seen).await;
    exported(&stack, &ledger).await;
    boards::totals(&stack.prometheus.url(), &stack.store.http(), &ledger).await;
}

/// What the exporter and Prometheus say fits what is in the store.
async fn exported(stack: &Stack, ledger: &Ledger) {
    let stations: std::collections::BTreeSet<_> =
        ledger.messages.iter().map(|m| m.station.as_str()).collect();
    eventually(Duration::from_secs(60), || async {
        let known: f64 = stack.prometheus.query("sum(ampwarden_stations)")?.first().map_or(0.0, |(_, v)| *v);
        let energy =
            stack.prometheus.query("sum(ampwarden_energy_joules_total)")?.first().map_or(0.0, |(_, v)| *v);
        #[allow(clippy::cast_precision_loss)]
        let said: f64 = ledger.sessions.iter().map(|s| s.energy_wh as f64 * 3600.0).sum();
        // Sessions without a stop count in the totals and have no line in the ledger.
        #[allow(clippy::cast_precision_loss)]
        if known >= stations.len() as f64 && energy >= said * 0.999 {
            Ok(())
        } else {
            Err(format!(
                "{known} of {} stations, {energy} of {said} J (exporter on {})",
                stations.len(),
                stack.exporter_port
            ))
        }
    })
    .await;
}
