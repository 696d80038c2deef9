//! Mosquitto, an MQTT broker.

use std::net::TcpStream;
use std::path::Path;

use tempfile::TempDir;

use super::{Process, free_port};

/// A broker of the test's own.
pub struct Mosquitto {
    process: Option<Process>,
    folder: TempDir,
    port: u16,
}

impl Mosquitto {
    /// Starts one that lets everybody in. `more` are more lines for `mosquitto.conf`; `{folder}` in them stands for
    /// the broker's folder.
    ///
    /// # Panics
    /// With the broker's log, when it does not start.
    #[must_use]
    pub fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        let port = free_port();
        let place = folder.path().display().to_string();
        // As root it would change to a user of its own, who cannot write here.
        let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser {user}\npersistence true\n\
             persistence_location {place}/\nlog_dest stderr\nconnection_messages true\n{}\n",
            more.replace("{folder}", &place)
        );
        let conf = folder.path().join("mosquitto.conf");
        std::fs::write(&conf, text).unwrap_or_else(|error| panic!("{}: {error}", conf.display()));
        let mut server = Self { process: None, folder, port };
        server.start_again();
        server
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The running process, for its id and log.
    ///
    /// # Panics
    /// When it was stopped.
    #[must_use]
    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap_or_else(|| panic!("Mosquitto was stopped"))
    }

    /// Asks it to end, and waits until it has; it saves its messages before.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
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

    /// Starts it again with the same folder and port.
    pub fn start_again(&mut self) {
        let conf = self.folder.path().join("mosquitto.conf").display().to_string();
        // Debian puts it where only root looks.
        let program =
            if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
        let process =
            Process::start(program, &["-c".into(), conf], &self.folder.path().join("mosquitto.log"));
        let port = self.port;
        process.wait_until_ready(|| {
            TcpStream::connect(("127.0.0.1", port)).map(|_| ()).map_err(|error| error.to_string())
        });
        self.process = Some(process);
    }
}
