//! The binary as a process of its own.
// Each test takes of this what it needs.
#![allow(dead_code)]

pub(crate) mod gateway;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// The binary, with none of this process's own settings.
pub(crate) fn ampwarden() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ampwarden"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AMPWARDEN")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    ampwarden().args(arguments).envs(env.iter().copied()).output().expect("runs")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server that is ended with the test, whatever the test finds.
pub(crate) struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, stderr, said: String::new() }
    }

    /// Reads what it says until `mark`, and gives the rest of that line.
    pub(crate) fn after(&mut self, mark: &str) -> String {
        loop {
            if let Some((_, rest)) = self.said.split_once(mark) {
                return rest.lines().next().unwrap_or_default().to_owned();
            }
            assert_ne!(self.stderr.read_line(&mut self.said).expect("text"), 0, "it ended: {}", self.said);
        }
    }

    /// Asks it to end; gives its status and all that it said.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        self.stderr.read_to_string(&mut self.said).expect("text");
        (self.child.wait().expect("ends").code(), std::mem::take(&mut self.said))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
