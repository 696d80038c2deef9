//! QuestDB.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use store::StoreConfig;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{Process, free_port, get};

/// Whether an acknowledged row is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CommitMode {
    /// As in production.
    #[default]
    Sync,
    /// As in the demo.
    NoSync,
}

/// How a test wants its server.
#[derive(Clone, Debug, Default)]
pub struct QuestDbOptions {
    /// Whether an acknowledged row is on disk.
    pub commit_mode: CommitMode,
    /// More lines for `server.conf`; they win over the fixture's.
    pub settings: Vec<(String, String)>,
}

/// A QuestDB of the test's own.
pub struct QuestDb {
    process: Option<Process>,
    folder: TempDir,
    ports: Ports,
}

#[derive(Clone, Copy)]
struct Ports {
    http: u16,
    pg: u16,
    metrics: u16,
}

/// Memory is small, because tests of several processes run side by side; the columns' files begin small, because
/// there are hundreds of them.
const SETTINGS: &[(&str, &str)] = &[
    ("line.tcp.enabled", "false"),
    ("line.udp.enabled", "false"),
    ("line.auto.create.new.tables", "false"),
    ("line.auto.create.new.columns", "false"),
    ("metrics.enabled", "true"),
    ("telemetry.enabled", "false"),
    ("shared.worker.count", "2"),
    ("http.worker.count", "2"),
    ("pg.worker.count", "2"),
    ("cairo.writer.data.append.page.size", "256K"),
    ("cairo.wal.writer.data.append.page.size", "256K"),
    ("cairo.system.writer.data.append.page.size", "64K"),
    ("cairo.o3.column.memory.size", "64K"),
    // 16 MiB for each symbol column by default: two gigabytes for empty tables.
    ("cairo.writer.data.index.value.append.page.size", "64K"),
    ("cairo.wal.writer.event.append.page.size", "64K"),
];

/// Its folders are called after the process that runs it, so that those of processes that were killed, or that never
/// dropped a shared one, can be told.
const FOLDER: &str = "ampwarden-questdb-";

/// What a checkpoint's copy consists of.
const DATA: [&str; 2] = ["db", ".checkpoint"];

impl QuestDb {
    /// Starts one.
    ///
    /// # Panics
    /// With the server's log, when it does not start.
    #[must_use]
    pub fn start(options: &QuestDbOptions) -> Self {
        remove_left_over();
        let folder = tempfile::Builder::new()
            .prefix(&format!("{FOLDER}{}-", std::process::id()))
            .tempdir()
            .unwrap_or_else(|error| panic!("temporary folder: {error}"));
        let ports = Ports { http: free_port(), pg: free_port(), metrics: free_port() };
        write_settings(folder.path(), ports, options);
        let mut server = Self { process: None, folder, ports };
        server.start_again();
        server
    }

    /// Starts one with the tables made.
    ///
    /// # Panics
    /// When it does not start, or the migrations fail.
    pub async fn start_migrated(options: &QuestDbOptions) -> Self {
        let server = Self::start(options);
        server.migrate().await;
        server
    }

    /// The one that all tests of this binary share, with the tables made; for tests that leave it as it is and keep
    /// to names of their own ([`crate::unique`]).
    ///
    /// # Panics
    /// When it does not start, or the migrations fail.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<QuestDb> = OnceCell::const_new();
        SHARED.get_or_init(|| async { Self::start_migrated(&QuestDbOptions::default()).await }).await
    }

    /// Makes the tables.
    ///
    /// # Panics
    /// When that fails.
    pub async fn migrate(&self) {
        if let Err(error) = store::migrate::run(&self.config()).await {
            panic!("migrating: {error}");
        }
    }

    /// The store's configuration for this server.
    #[must_use]
    pub fn config(&self) -> StoreConfig {
        let pg = store::PgConfig { port: self.ports.pg, ..Default::default() };
        StoreConfig { http: self.http(), pg, ..Default::default() }
    }

    /// HTTP address.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// Port of the PG wire.
    #[must_use]
    pub fn pg_port(&self) -> u16 {
        self.ports.pg
    }

    /// Address of its own metrics.
    #[must_use]
    pub fn metrics(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.ports.metrics)
    }

    /// Its folder: `db/` and `conf/server.conf` are in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The running process, for its id and log.
    ///
    /// # Panics
    /// When it was stopped.
    #[must_use]
    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap_or_else(|| panic!("QuestDB was stopped"))
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal("CONT");
            process.signal("TERM");
            process.wait_until_gone();
        }
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal("KILL");
            process.wait_until_gone();
        }
    }

    /// Starts it again with the same data and ports.
    pub fn start_again(&mut self) {
        let process = Process::start("java", &self.arguments(), &self.folder.path().join("questdb.log"));
        let base = self.http();
        process.wait_until_ready(|| get(&format!("{base}/exec?query=SELECT%201")));
        self.process = Some(process);
    }

    /// Stops it and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// A copy of its data, taken while it runs, as the manual says: between `CHECKPOINT CREATE` and
    /// `CHECKPOINT RELEASE`.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn copy(&self) -> TempDir {
        self.sql("CHECKPOINT CREATE");
        let copy = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        for name in DATA {
            copy_folder(&self.folder.path().join(name), &copy.path().join(name));
        }
        self.sql("CHECKPOINT RELEASE");
        copy
    }

    /// Puts a copy in the place of the data. It must not run.
    ///
    /// # Panics
    /// When that fails.
    pub fn put_back(&self, copy: &TempDir) {
        assert!(self.process.is_none(), "QuestDB runs");
        for name in DATA {
            let place = self.folder.path().join(name);
            if let Err(error) = std::fs::remove_dir_all(&place) {
                assert!(error.kind() == ErrorKind::NotFound, "{}: {error}", place.display());
            }
            copy_folder(&copy.path().join(name), &place);
        }
        // Tells it that these are the files of a checkpoint.
        let trigger = self.folder.path().join("_restore");
        std::fs::write(&trigger, "").unwrap_or_else(|error| panic!("{}: {error}", trigger.display()));
    }

    /// Runs a statement.
    ///
    /// # Panics
    /// When it is refused.
    pub fn sql(&self, sql: &str) -> serde_json::Value {
        let ask = || {
            super::http()
                .get(format!("{}/exec", self.http()))
                .query("query", sql)
                // A checkpoint waits for the disk.
                .config()
                .timeout_global(Some(super::START_DEADLINE))
                .build()
                .call()
        };
        // A machine that was halted for a moment interrupts what waits for a socket.
        let is_interrupted = |error: &ureq::Error| matches!(error, ureq::Error::Io(error) if error.kind() == ErrorKind::Interrupted);
        let answer = match ask() {
            Err(error) if is_interrupted(&error) => ask(),
            answer => answer,
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let body: serde_json::Value =
            answer.body_mut().read_json().unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(answer.status().is_success(), "{sql}: {body}");
        body
    }

    /// It does nothing any more, but its connections stay open.
    pub fn freeze(&self) {
        self.process().signal("STOP");
    }

    /// It goes on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.process().signal("CONT");
    }

    fn arguments(&self) -> Vec<String> {
        let folder = self.folder.path().display().to_string();
        let jar = jar().display().to_string();
        ["-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-p", &jar]
            .into_iter()
            .chain(["-m", "io.questdb/io.questdb.ServerMain", "-d", &folder])
            .map(str::to_owned)
            .collect()
    }
}

/// A server that runs removes old versions of partitions meanwhile: what vanished was no part of it any more.
fn copy_folder(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let output = Command::new("cp")
        .env("LC_ALL", "C")
        .args(["-r", "--sparse=always"])
        .args([from, to])
        .output()
        .unwrap_or_else(|error| panic!("cp: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    let is_copied = errors.lines().all(|line| line.ends_with("No such file or directory"));
    assert!(is_copied && to.is_dir(), "cp {} {}: {errors}", from.display(), to.display());
}

/// Removes the folders of processes that are gone.
fn remove_left_over() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.split('-').next());
        let is_gone =
            |process: &str| process.parse::<u32>().is_ok_and(|_| !Path::new("/proc").join(process).exists());
        if process.is_some_and(is_gone) {
            // Another process may do the same.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn write_settings(folder: &Path, ports: Ports, options: &QuestDbOptions) {
    let mut text = String::new();
    for (key, port) in
        [("http.bind.to", ports.http), ("pg.net.bind.to", ports.pg), ("http.min.net.bind.to", ports.metrics)]
    {
        let _ = writeln!(text, "{key}=127.0.0.1:{port}");
    }
    let mode = match options.commit_mode {
        CommitMode::Sync => "sync",
        CommitMode::NoSync => "nosync",
    };
    let _ = writeln!(text, "cairo.commit.mode={mode}");
    // Of two lines with the same key the last wins.
    let own = options.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in SETTINGS.iter().copied().chain(own) {
        let _ = writeln!(text, "{key}={value}");
    }
    let conf = folder.join("conf");
    let written =
        std::fs::create_dir_all(&conf).and_then(|()| std::fs::write(conf.join("server.conf"), text));
    written.unwrap_or_else(|error| panic!("{}: {error}", conf.display()));
}

/// The server's jar: named by `AMPWARDEN_QUESTDB_JAR`, or fetched by `deploy/local/setup.sh`, or by Maven.
fn jar() -> PathBuf {
    if let Some(jar) = std::env::var_os("AMPWARDEN_QUESTDB_JAR") {
        return jar.into();
    }
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/questdb");
    let maven = std::env::home_dir().unwrap_or_default().join(".m2/repository/org/questdb/questdb");
    newest_jar(&local)
        .or_else(|| newest_jar(&maven))
        .unwrap_or_else(|| panic!("no QuestDB: run deploy/local/setup.sh, or set AMPWARDEN_QUESTDB_JAR"))
}

/// The `questdb-….jar` with the largest name in a folder or its subfolders.
fn newest_jar(folder: &Path) -> Option<PathBuf> {
    let mut jars: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            jars.extend(newest_jar(&path));
        } else if path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("questdb-") && name.ends_with(".jar")
        }) {
            jars.push(path);
        }
    }
    jars.sort();
    jars.pop()
}
