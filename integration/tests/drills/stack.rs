//! All of it: store, gateway, exporter, Prometheus, Alertmanager, and the webhook at the end.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use integration::servers::{Alertmanager, Process, Prometheus, QuestDb, QuestDbOptions, free_port, get};
use integration::{Gateway, binary, python, unique};
use serde_json::Value;

use crate::alert::{leads_somewhere, repository};
use crate::station::Station;
use crate::webhook::{Webhook, is};

/// By how much every duration is divided.
const DIVIDE: &str = "60";
pub(crate) const GRAFANA: &str = "http://grafana.example";

pub(crate) struct Stack {
    store: Mutex<QuestDb>,
    questdb: String,
    gateway: Mutex<Gateway>,
    others: Vec<Other>,
    pub(crate) prometheus: Prometheus,
    _alertmanager: Alertmanager,
    pub(crate) webhook: Webhook,
    folder: tempfile::TempDir,
}

/// A process of ours that reads the store.
struct Other {
    name: &'static str,
    port: u16,
    config: PathBuf,
    log: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Other {
    fn start(&self) {
        let arguments = [self.name.to_owned(), "--config".into(), self.config.display().to_string()];
        let process = Process::start(&binary().display().to_string(), &arguments, &self.log);
        process.wait_until_ready(|| get(&format!("http://127.0.0.1:{}/readyz", self.port)));
        *self.process.lock().unwrap() = Some(process);
    }
}

impl Stack {
    /// Starts it, `all` of it or what single stations need.
    pub(crate) fn start(all: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(QuestDb::start_migrated(&QuestDbOptions::default()));
        let folder = tempfile::tempdir().unwrap();
        let (exporter, anomaly, grpc) = (free_port(), free_port(), free_port());
        let more = format!(
            r#"commands = {{ call_timeout = "1s" }}

[exporter]
admin = {{ listen = "127.0.0.1:{exporter}" }}
interval = "500ms"

[anomaly]
grpc = {{ listen = "127.0.0.1:{grpc}" }}
admin = {{ listen = "127.0.0.1:{anomaly}" }}
training = {{ folder = "{}" }}
"#,
            folder.path().join("models").display()
        );
        let gateway = Gateway::start(&store, &more);
        let _ = gateway.command(&["settings", "set", "unknown_tokens", "accept"]);
        let mut others = vec![("exporter", exporter)];
        if all {
            others.push(("anomaly", anomaly));
        }
        let others: Vec<Other> = others
            .into_iter()
            .map(|(name, port)| Other {
                name,
                port,
                config: gateway.folder().join("ampwarden.toml"),
                log: folder.path().join(format!("{name}.log")),
                process: Mutex::default(),
            })
            .collect();
        for other in &others {
            other.start();
        }
        let rules = rendered(folder.path().join("rules"));
        let webhook = Webhook::start();
        let alertmanager = Alertmanager::start(&notifying(&rules, &webhook));
        let mut targets = vec![("ampwarden-gateway", gateway.admin("")), ("questdb", store.metrics())];
        for other in &others {
            let job = if other.name == "exporter" { "ampwarden-exporter" } else { "ampwarden-anomaly" };
            targets.push((job, format!("http://127.0.0.1:{}", other.port)));
        }
        let prometheus = prometheus(&rules, &targets, &alertmanager.url());
        Self {
            questdb: store.http(),
            store: Mutex::new(store),
            gateway: Mutex::new(gateway),
            others,
            prometheus,
            _alertmanager: alertmanager,
            webhook,
            folder,
        }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, QuestDb> {
        self.store.lock().unwrap()
    }

    pub(crate) fn questdb_url(&self) -> String {
        self.questdb.clone()
    }

    pub(crate) fn gateway(&self) -> MutexGuard<'_, Gateway> {
        self.gateway.lock().unwrap()
    }

    /// A place for files of a drill.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A station of the drill's own at a site of the drill's own.
    pub(crate) fn station(&self, drill: &str) -> Station {
        let site = unique(drill);
        self.station_at(&site)
    }

    pub(crate) fn station_at(&self, site: &str) -> Station {
        let id = unique("CP");
        let gateway = self.gateway();
        let _ = gateway.command(&["sites", "set", site]);
        let _ = gateway.command(&["stations", "set", &id, "--site", site]);
        Station::boot(&gateway, &id)
    }

    /// The drill is over with a station: nobody is to miss it.
    pub(crate) fn retire(&self, station: Station) {
        let id = station.id.clone();
        let _ = self.gateway().command(&["stations", "set", &id, "--retired"]);
        drop(station);
    }

    /// Runs a line of a terminal, as an operator would.
    pub(crate) fn terminal(&self, line: &str) {
        let (api, token) = {
            let gateway = self.gateway();
            (gateway.api(), gateway.token().to_owned())
        };
        let folder = binary().parent().unwrap().display().to_string();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
        let output = Command::new("sh")
            .args(["-c", line])
            .env("PATH", path)
            .env("AMPWARDEN_API", api)
            .env("AMPWARDEN_API_TOKEN", token)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{line}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until the alert is notified of, and follows its links.
    pub(crate) fn fires(&self, name: &str, labels: &[(&str, &str)]) -> Value {
        let alert = self.webhook.wait_for(name, labels, "firing");
        leads_somewhere(self, &alert);
        alert
    }

    /// Waits until its end is notified of.
    pub(crate) fn ends(&self, name: &str, labels: &[(&str, &str)]) {
        self.webhook.wait_for(name, labels, "resolved");
    }

    /// Asserts that nobody heard of an alert.
    pub(crate) fn silent(&self, name: &str, labels: &[(&str, &str)]) {
        let all = self.webhook.all();
        let heard = all.iter().find(|(_, alert)| is(alert, name, labels));
        assert!(heard.is_none(), "{name} is explained by another alert, and was sent: {heard:?}");
    }

    /// Ends a process of ours; gives what starts it again.
    pub(crate) fn kill(&self, name: &str) -> impl Fn() {
        let other = self.others.iter().find(|other| other.name == name).unwrap();
        let process = other.process.lock().unwrap().take().unwrap();
        process.signal("KILL");
        process.wait_until_gone();
        move || other.start()
    }

    /// Every page was about a fault that somebody did, and went to the pager.
    pub(crate) fn nobody_was_paged_in_vain(&self) {
        for (receiver, alert) in self.webhook.all() {
            let expected = match (alert["labels"]["severity"].as_str(), alert["labels"]["alertname"].as_str())
            {
                (_, Some("DeadMansSwitch")) => "heartbeat",
                (Some("critical"), _) => "pager",
                (Some("info"), _) => "log",
                _ => "tickets",
            };
            assert_eq!(receiver, expected, "{alert}");
            let never = ["BooksNotBalanced", "JournalDamaged", "RulesFail"];
            assert!(!never.iter().any(|name| is(&alert, name, &[])), "{alert}");
        }
    }
}

/// Rules and routes with divided durations: the files' names and texts.
fn rendered(out: PathBuf) -> Vec<(String, String)> {
    let script = repository().join("prometheus/render.py");
    let mut command = Command::new(python());
    command.arg(script).args(["--divide", DIVIDE, "--out"]).arg(&out);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

/// Alertmanager's configuration, each receiver with a webhook of ours.
fn notifying(files: &[(String, String)], webhook: &Webhook) -> String {
    let (_, text) = files.iter().find(|(name, _)| name == "alertmanager.yml").unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix("  - name: ") {
        Some(receiver) => format!("{line}\n    webhook_configs: [{{url: '{}'}}]\n", webhook.url(receiver)),
        None => format!("{line}\n"),
    });
    lines.collect()
}

fn prometheus(files: &[(String, String)], targets: &[(&str, String)], alertmanager: &str) -> Prometheus {
    let rules: Vec<(&str, &str)> = files
        .iter()
        .filter(|(name, _)| name != "alertmanager.yml")
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let host = |url: &str| {
        let url = url.trim_start_matches("http://");
        url.split('/').next().unwrap_or(url).to_owned()
    };
    let mut config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 500ms, \
         external_labels: {{grafana: '{GRAFANA}'}}}}\n\
         rule_files: {:?}\n\
         alerting:\n  alert_relabel_configs: [{{action: labeldrop, regex: grafana}}]\n  \
         alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]\n\
         scrape_configs:\n",
        rules.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        host(alertmanager),
    );
    for (job, url) in targets {
        config.push_str(&format!(
            "  - job_name: {job}\n    static_configs: [{{targets: ['{}']}}]\n",
            host(url)
        ));
    }
    let mut files = rules;
    files.push(("prometheus.yml", &config));
    Prometheus::start(&files)
}
