//! Real servers, on free ports in temporary folders.

mod alertmanager;
mod mosquitto;
mod process;
mod prometheus;
mod questdb;
mod toxiproxy;

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

pub use alertmanager::Alertmanager;
pub use mosquitto::Mosquitto;
pub use process::Process;
pub use prometheus::Prometheus;
pub use questdb::{CommitMode, QuestDb, QuestDbOptions};
pub use toxiproxy::{Link, Toxiproxy};

/// How long a server may take to start on a busy machine.
pub const START_DEADLINE: Duration = Duration::from_secs(120);

/// A TCP port of this machine that nobody listens on, and that this process was not given before.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1_000 {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map(|address| address.port());
        if let Ok(port) = port
            && given.insert(port)
        {
            return port;
        }
    }
    panic!("no free port on 127.0.0.1");
}

/// A client for small requests to servers on this machine: no proxy, statuses are no errors.
pub(crate) fn http() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .new_agent()
}

/// Gets a page.
///
/// # Errors
/// When nobody answers, or the status is not 2xx.
pub fn get(url: &str) -> Result<String, String> {
    let mut answer = http().get(url).call().map_err(|error| format!("{url}: {error}"))?;
    let body = answer.body_mut().read_to_string().map_err(|error| format!("{url}: {error}"))?;
    if answer.status().is_success() { Ok(body) } else { Err(format!("{url}: {}: {body}", answer.status())) }
}
