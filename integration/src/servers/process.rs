//! A child process that ends with the test process, however that ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::START_DEADLINE;
use crate::eventually_blocking;

/// Starts the command, tells its process id, and kills it when the pipe to the test process closes: that also happens
/// when the test process is killed, and when a server lives in a static, which is never dropped.
const WATCHER: &str = r#""$@" >>"$AMPWARDEN_TEST_LOG" 2>&1 </dev/null & child=$!
echo $child
read -r _
kill -9 $child 2>/dev/null
wait $child 2>/dev/null"#;

/// A running server.
pub struct Process {
    name: String,
    pid: u32,
    watcher: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command; its output goes to the end of `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(program: &str, arguments: &[String], log: &Path) -> Self {
        let mut watcher = Command::new("sh")
            .args(["-c", WATCHER, "watcher", program])
            .args(arguments)
            .env("AMPWARDEN_TEST_LOG", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("sh, which starts {program}: {error}"));
        let mut line = String::new();
        if let Some(output) = watcher.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut line);
        }
        let pid = line.trim().parse().unwrap_or_else(|_| panic!("{program} was not started: {line:?}"));
        Self { name: program.to_owned(), pid, watcher, log: log.to_owned() }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Whether it still runs. (One that ended stays a zombie until its watcher ends.)
    #[must_use]
    pub fn is_running(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // "pid (name) state …": the name may hold anything.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
    }

    /// The status with which it ended; none while it runs, or if a signal ended it.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        // The last field of a zombie's line is what `wait` would give.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let status: i32 = stat.trim_end().rsplit(' ').next()?.parse().ok()?;
        (!self.is_running() && status & 0x7f == 0).then_some(status >> 8)
    }

    /// Waits until `check` gives `Ok`.
    ///
    /// # Panics
    /// With the end of the log, when the process ends before, or takes too long.
    pub fn wait_until_ready<T>(&self, mut check: impl FnMut() -> Result<T, String>) -> T {
        let end = std::time::Instant::now() + START_DEADLINE;
        eventually_blocking(START_DEADLINE + Duration::from_secs(1), || {
            check().map_err(|error| {
                let over = std::time::Instant::now() >= end;
                assert!(
                    self.is_running() && !over,
                    "{} does not start: {error}\n{}",
                    self.name,
                    self.log_tail()
                );
                error
            })
        })
    }

    /// Sends a signal (`TERM`, `KILL`, `STOP`, `CONT`).
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([format!("-{signal}"), self.pid.to_string()]).status();
        assert!(status.is_ok_and(|s| s.success()) || !self.is_running(), "kill -{signal} {}", self.name);
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_until_gone(&self) {
        eventually_blocking(Duration::from_secs(60), || {
            if self.is_running() {
                Err(format!("{} still runs\n{}", self.name, self.log_tail()))
            } else {
                Ok(())
            }
        });
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}
