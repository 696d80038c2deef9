//! A station in Python, and the gateway's API.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use integration::{Gateway, eventually_blocking};
use serde_json::Value;

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A station that does what it is told; ended with the test.
pub(crate) struct Station {
    child: Child,
    stdin: ChildStdin,
    said: Receiver<Value>,
    /// What it said while something else was waited for.
    kept: RefCell<VecDeque<Value>>,
}

impl Station {
    /// Connects a station.
    pub(crate) fn connect(gateway: &Gateway, name: &str, protocol: &str) -> Self {
        let python = integration::python();
        let mut child = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/commanded.py"))
            .args(["--url", &gateway.ocpp(), "--station", name, "--protocol", protocol])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", python.display()));
        let stdin = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).expect("JSON")).is_err() {
                    return;
                }
            }
        });
        let station = Self { child, stdin, said, kept: RefCell::default() };
        station.wait_for("connected");
        station
    }

    /// Connects a station that boots.
    pub(crate) fn booted(gateway: &Gateway, name: &str, protocol: &str) -> Self {
        let mut station = Self::connect(gateway, name, protocol);
        station.tell("boot");
        assert_eq!(station.wait_for("booted")["booted"], "Accepted");
        station
    }

    /// Has it do something.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("it lives");
    }

    /// What it says next that has this field; the rest is kept.
    pub(crate) fn wait_for(&self, field: &str) -> Value {
        let mut kept = self.kept.borrow_mut();
        let at = kept.iter().position(|said| said.get(field).is_some());
        if let Some(said) = at.and_then(|at| kept.remove(at)) {
            return said;
        }
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let said =
                self.said.recv_timeout(left).unwrap_or_else(|error| panic!("waiting for {field}: {error}"));
            if said.get(field).is_some() {
                return said;
            }
            kept.push_back(said);
        }
    }

    /// What it was sent and nobody waited for.
    pub(crate) fn received(&self) -> Vec<Value> {
        let mut kept = self.kept.borrow_mut();
        kept.extend(self.said.try_iter());
        kept.drain(..).filter(|said| said.get("received").is_some()).collect()
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request to the API; gives status and body.
pub(crate) fn ask(gateway: &Gateway, what: (&str, &str), body: Option<&Value>) -> (u16, Value) {
    gateway.ask(gateway.token(), what, &[], body).expect("it answers")
}

/// Asks for a command; gives what the API says of it.
pub(crate) fn send(gateway: &Gateway, station: &str, body: &Value) -> Value {
    let path = format!("/v1/stations/{station}/commands");
    let (status, command) = ask(gateway, ("POST", &path), Some(body));
    assert_eq!(status, 202, "{body}: {command}");
    // A station that is there may have been sent it already.
    command
}

/// A command as it is now.
pub(crate) fn look(gateway: &Gateway, command: &Value) -> Value {
    let id = command["id"].as_str().expect("an id");
    let (status, command) = ask(gateway, ("GET", &format!("/v1/commands/{id}")), None);
    assert_eq!(status, 200, "{command}");
    command
}

/// Waits until a command is in this state.
pub(crate) fn wait(gateway: &Gateway, command: &Value, state: &str) -> Value {
    eventually_blocking(DEADLINE, || {
        let command = look(gateway, command);
        if command["state"] == state { Ok(command) } else { Err(format!("not {state}: {command}")) }
    })
}
