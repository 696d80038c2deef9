//! The servers that tests start, start; and none outlives its test.

use std::time::Duration;

use integration::eventually_blocking;
use integration::servers::{Alertmanager, Mosquitto, Process, Prometheus};

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn mosquitto_starts_again_on_its_port() {
    let mut broker = Mosquitto::start("autosave_interval 1");
    let port = broker.port();
    broker.kill();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    broker.start_again();
    std::net::TcpStream::connect(("127.0.0.1", port)).expect("listens");
    broker.stop();
}

#[test]
fn prometheus_scrapes_and_alerts() {
    let alertmanager = Alertmanager::start("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
    let rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(1), labels: {severity: page}}]}]\n";
    let target = alertmanager.url().trim_start_matches("http://").to_owned();
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{target}']}}]}}]}}\n\
         scrape_configs: [{{job_name: a, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    let prometheus = Prometheus::start(&[("prometheus.yml", &config), ("rules.yml", rules)]);
    eventually_blocking(DEADLINE, || match prometheus.query("up{job=\"a\"}")?.as_slice() {
        [(_, up)] if *up > 0.5 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    eventually_blocking(DEADLINE, || {
        let alerts = alertmanager.alerts()?;
        if alerts[0]["labels"]["alertname"] == "Always" { Ok(()) } else { Err(alerts.to_string()) }
    });
}

#[test]
fn a_server_ends_with_its_fixture() {
    let folder = tempfile::tempdir().expect("folder");
    let process = Process::start("sleep", &["600".into()], &folder.path().join("log"));
    assert!(process.is_running());
    let pid = process.pid();
    drop(process);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}
