//! One station, played by hand or by a script.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use service::config::SecretString;
use service::tls::{ClientTlsConfig, client_config};
use station::time::Timestamp;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::args::StationArgs;
use crate::client::hand::{Command, HELP};
use crate::client::{Driver, Network, World, ocpp};
use crate::clock::Clock;
use crate::error::Error;
use crate::fleet::{Current, Fleet, FleetPlan, Protocol, Station};
use crate::life::{Habits, StationLife};
use crate::live::{open_ledger, print, whole_millis};
use crate::tally::{Summary, Tally};

/// The next command waits until the one before was taken, so that a script's waits lie between what they should.
const COMMANDS: usize = 1;

/// Plays a station until the commands say `quit`, a script ends, or `shutdown`.
///
/// # Errors
/// When the script cannot be read, TLS cannot be set up, or the ledger cannot be written.
pub async fn run(args: &StationArgs, shutdown: CancellationToken) -> Result<Summary, Error> {
    let script = args.script.as_deref().map(read_script).transpose()?;
    let tls = if args.url.starts_with("wss:") {
        Some(client_config(&ClientTlsConfig { ca: args.ca.clone(), ..ClientTlsConfig::default() })?)
    } else {
        None
    };
    let now = Timestamp::from(Utc::now());
    let world = Arc::new(World {
        fleet: Arc::new(Fleet::new(FleetPlan { ocpp16: 0, ocpp201: 0, mqtt: 0, ..FleetPlan::default() })),
        clock: Clock::new(Instant::now(), now, now, 1.0),
        ledger: open_ledger(args.ledger.as_deref())?,
        tally: Tally::default(),
        finish: shutdown.child_token(),
        network: Network {
            ocpp_url: Some(args.url.clone()),
            ocpp_password: args.password.clone().map(SecretString::new),
            mqtt: None,
            tls,
            reconnect: args.reconnect.0,
            call_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        },
        latency: None,
    });
    let habits = Habits {
        begins: Timestamp(now.0 / 1000 * 1000),
        connects_at: Timestamp(now.0 / 1000 * 1000),
        sample_every_us: whole_millis(args.meter_every.0),
        faults_per_hour: 0.0,
        cuts_per_hour: 0.0,
        visited: false,
    };
    let protocol = if args.protocol == "2.0.1" { Protocol::Ocpp201 } else { Protocol::Ocpp16 };
    let station = station(&args.id, 0, protocol, args.connectors, args.rated_kw * 1e3);
    let life = StationLife::new(world.fleet.clone(), Arc::new(station), habits);
    let driver = Driver::new(world.clone(), life).narrating();
    let (sender, receiver) = mpsc::channel(COMMANDS);
    let input = tokio::spawn(async move {
        match script {
            Some(commands) => play(commands, &sender).await,
            None => listen(&sender).await,
        }
    });
    let lived = ocpp::run(driver, args.url.clone(), Some(receiver)).await;
    input.abort();
    lived?;
    Ok(world.tally.summary())
}

/// A station that belongs to no fleet.
pub(crate) fn station(id: &str, index: u32, protocol: Protocol, connectors: u8, rated_w: f64) -> Station {
    Station {
        id: id.to_owned(),
        name: id.to_owned(),
        index,
        protocol,
        site: 0,
        latitude: 0.0,
        longitude: 0.0,
        rated_w,
        current: match rated_w {
            w if w > 43e3 => Current::Dc,
            w if w > 7.4e3 => Current::Ac { phases: 3 },
            _ => Current::Ac { phases: 1 },
        },
        connectors,
        first_slot: 0,
        vendor: "Ampwarden",
        model: "By hand",
        serial: "0001".into(),
        firmware: env!("CARGO_PKG_VERSION"),
    }
}

/// All commands of a script; the first wrong line is named before anything is done.
fn read_script(path: &Path) -> Result<Vec<Command>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        doing: "read",
        source,
    })?;
    let mut commands = Vec::new();
    for (place, line) in text.lines().enumerate() {
        match Command::parse(line) {
            Ok(command) => commands.extend(command),
            Err(problem) => return Err(Error::Script { path: path.to_owned(), line: place + 1, problem }),
        }
    }
    Ok(commands)
}

async fn play(commands: Vec<Command>, sender: &mpsc::Sender<Command>) {
    for command in commands.into_iter().chain([Command::Quit]) {
        // Room there is once the command before was taken.
        let Ok(room) = sender.reserve().await else { return };
        match command {
            Command::Wait(duration) => tokio::time::sleep(duration).await,
            command => room.send(command),
        }
    }
    sender.closed().await;
}

/// Commands from the terminal. Its end (Ctrl-D) leaves the station as it is.
async fn listen(sender: &mpsc::Sender<Command>) {
    print(HELP);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match Command::parse(&line) {
            Ok(None) => {}
            Ok(Some(Command::Wait(duration))) => tokio::time::sleep(duration).await,
            Ok(Some(command)) => {
                if sender.send(command).await.is_err() {
                    return;
                }
            }
            Err(problem) => print(&problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_of_a_script_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("script.txt");
        std::fs::write(&path, "# charge a little\nplug\ntap 04A1\nwait 5s\n\nstop\nquit\n").expect("writes");
        assert_eq!(read_script(&path).expect("reads").len(), 5);
        std::fs::write(&path, "plug\nwait a bit\n").expect("writes");
        let error = read_script(&path).expect_err("line 2 is wrong").to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
