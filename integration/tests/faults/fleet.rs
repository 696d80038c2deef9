//! A fleet in a process of its own, with its ledger, and the comparison with the store.

use std::path::PathBuf;
use std::time::Duration;

use integration::ledger::Ledger;
use integration::servers::{Process, QuestDb};
use integration::{Gateway, binary};
use store::read::Reader;

/// What the gateway's configuration needs for the fleet's MQTT stations.
pub(crate) const MQTT: &str = r#"mqtt = { listen = "127.0.0.1:{mqtt}", anonymous = true }"#;

/// The running fleet.
pub(crate) struct Fleet {
    process: Process,
    folder: tempfile::TempDir,
}

impl Fleet {
    /// 60 stations of three kinds whose lives go by `speed` times as fast, for `simulated` (`2h`) of their time.
    pub(crate) fn start(gateway: &Gateway, speed: &str, simulated: &str, more: &[&str]) -> Self {
        Self::start_with_mqtt(gateway, gateway.mqtt_port(), speed, simulated, more)
    }

    /// As [`Self::start`], with the MQTT stations at another port.
    pub(crate) fn start_with_mqtt(
        gateway: &Gateway,
        mqtt: u16,
        speed: &str,
        simulated: &str,
        more: &[&str],
    ) -> Self {
        let mqtt = format!("127.0.0.1:{mqtt}");
        let ocpp = gateway.ocpp();
        let mut arguments = vec!["simulate", "--ocpp", &ocpp, "--mqtt", &mqtt];
        arguments.extend(["--ocpp16", "30", "--ocpp201", "10", "--mqtt-stations", "20"]);
        arguments.extend(["--speed", speed, "--duration", simulated, "--meter-every", "60s"]);
        arguments.extend(["--reconnect", "200ms", "--quiet"]);
        arguments.extend(more);
        if !more.contains(&"--seed") {
            arguments.extend(["--seed", "11"]);
        }
        Self::run(&arguments)
    }

    /// What `ampwarden simulate …` does, with a ledger.
    pub(crate) fn run(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.jsonl").display().to_string();
        let arguments: Vec<String> =
            arguments.iter().chain(&["--ledger", &ledger]).map(|argument| (*argument).to_owned()).collect();
        let log = folder.path().join("fleet.log");
        let process = Process::start(&binary().display().to_string(), &arguments, &log);
        Self { process, folder }
    }

    /// Many stations that send meter values as fast as `rate` a second, for ten minutes unless [`Self::end`]ed.
    pub(crate) fn load(gateway: &Gateway, rate: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.jsonl").display().to_string();
        let (rate, ocpp) = (rate.to_string(), gateway.ocpp());
        let arguments = ["simulate", "load", "--ocpp", &ocpp, "--stations", "200", "--ramp", "2s"]
            .into_iter()
            .chain(["--rate", &rate, "--duration", "10m", "--ledger", &ledger])
            .map(str::to_owned)
            .collect::<Vec<_>>();
        let log = folder.path().join("fleet.log");
        let process = Process::start(&binary().display().to_string(), &arguments, &log);
        Self { process, folder }
    }

    /// Ends it at once; gives its ledger.
    pub(crate) fn end(&self) -> Ledger {
        self.process.signal("KILL");
        self.ledger()
    }

    fn ledger_path(&self) -> PathBuf {
        self.folder.path().join("ledger.jsonl")
    }

    /// It lives: nothing else has ended it.
    pub(crate) fn check(&self) {
        assert!(self.process.is_running(), "the fleet has ended\n{}", self.process.log());
    }

    /// How much it has noted so far: harm is done at moments of the traffic, not of the clock.
    pub(crate) fn noted(&self) -> usize {
        std::fs::read_to_string(self.ledger_path()).map_or(0, |text| text.lines().count())
    }

    /// Waits until it has noted `more` lines more, or has ended.
    pub(crate) fn wait_for(&self, more: usize) {
        let before = self.noted();
        // The nights of the fleet's own time are quiet.
        let deadline = Duration::from_secs(180 + more as u64 / 100);
        integration::eventually_blocking(deadline, || {
            let now = self.noted();
            if now >= before + more || !self.process.is_running() {
                Ok(())
            } else {
                Err(format!("{now} lines in the ledger, {} wanted\n{}", before + more, self.process.log()))
            }
        });
    }

    /// Ends it before its time: sessions are ended in order, and what is left is said. Gives its ledger.
    pub(crate) fn finish(&self) -> Ledger {
        self.process.signal("TERM");
        self.ledger()
    }

    /// Waits until its time is over; gives its ledger.
    pub(crate) fn ledger(&self) -> Ledger {
        // A fleet that is behind (its gateway was away) lives longer than it should.
        integration::eventually_blocking(Duration::from_secs(600), || {
            if self.process.is_running() { Err("the fleet still lives") } else { Ok(()) }
        });
        let ledger = Ledger::read(&self.ledger_path());
        assert_eq!(ledger.refused, 0, "messages were refused\n{}", self.process.log());
        ledger
    }
}

/// The books balance, and the store has what the ledger says: all of it, and nothing twice.
pub(crate) async fn compare(gateway: &Gateway, store: &QuestDb, ledger: &Ledger, harm: &str) {
    let books = gateway.settled_books(Duration::from_secs(120));
    let reader = Reader::new(&store.config());
    // Rows are visible when they are applied, a moment after the answer.
    integration::eventually(Duration::from_secs(60), || async {
        let differences = ledger.differences(&reader).await;
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    })
    .await;
    println!(
        "{harm}: {} acknowledged messages, {} sessions, books {books}",
        ledger.messages.len(),
        ledger.sessions.len()
    );
}
