//! A station played by hand: commands from a terminal or a script.

use std::time::Duration;

use tokio::sync::mpsc;

use super::ClientError;
use super::driver::Driver;
use service::config::HumanDuration;

/// What somebody does at a station.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Shows a card: it starts a session, or ends its own.
    Tap(String),
    /// Plugs a vehicle in.
    Plug(u8),
    /// Pulls the plug.
    Unplug(u8),
    /// Breaks a connector, with an OCPP 1.6 error code.
    Fault(String, u8),
    /// Repairs a connector.
    Clear(u8),
    /// Ends the session at a connector.
    Stop(u8),
    /// Tells what is going on.
    Status,
    /// Waits (scripts).
    Wait(Duration),
    /// Tells what can be said.
    Help,
    /// Ends what runs, and goes.
    Quit,
}

/// What can be said.
pub const HELP: &str = "\
  tap CARD             start a session with this card, or end the one that it has
  CARD                 the same: a line that is no command is a card
  plug [CONNECTOR]     plug a vehicle in (connector 1 where none is named)
  unplug [CONNECTOR]   pull the plug
  stop [CONNECTOR]     end the session
  fault CODE [CONNECTOR]  break a connector, e.g. GroundFailure
  clear [CONNECTOR]    repair it
  status               what is going on
  wait 5s              wait (in scripts)
  quit                 end what runs, and go";

impl Command {
    /// Reads a line; none for an empty line or a comment (`#`).
    ///
    /// # Errors
    /// When the line begins like a command and cannot be one: says what would be right.
    pub fn parse(line: &str) -> Result<Option<Self>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default().to_lowercase();
        let rest: Vec<&str> = words.collect();
        let connector = |place: usize| match rest.get(place) {
            None => Ok(1),
            Some(word) => {
                word.parse().map_err(|_| format!("\"{word}\" is no connector; say {verb} 1, for example"))
            }
        };
        let command = match verb.as_str() {
            "tap" => match rest[..] {
                [card] => Self::Tap(card.to_owned()),
                _ => return Err("say tap and one card, for example: tap 04A1B2C3D4".into()),
            },
            "plug" => Self::Plug(connector(0)?),
            "unplug" => Self::Unplug(connector(0)?),
            "stop" => Self::Stop(connector(0)?),
            "clear" => Self::Clear(connector(0)?),
            "fault" => match rest.first() {
                Some(code) => Self::Fault((*code).to_owned(), connector(1)?),
                None => return Err("say which fault, for example: fault GroundFailure".into()),
            },
            "status" => Self::Status,
            "wait" => match rest.first().map(|text| text.parse::<HumanDuration>()) {
                Some(Ok(duration)) => Self::Wait(duration.0),
                Some(Err(error)) => return Err(error),
                None => return Err("say how long, for example: wait 5s".into()),
            },
            "help" | "?" => Self::Help,
            "quit" | "exit" => Self::Quit,
            _ => Self::Tap(line.to_owned()),
        };
        Ok(Some(command))
    }
}

/// The next command; never, where there are none.
pub(super) async fn next(commands: &mut Option<mpsc::Receiver<Command>>) -> Command {
    if let Some(receiver) = commands {
        match receiver.recv().await {
            Some(command) => return command,
            // The input has ended; the station lives on.
            None => *commands = None,
        }
    }
    std::future::pending().await
}

/// Does what was asked for, and tells what came of it.
pub(super) fn apply(driver: &mut Driver, command: Command, online: bool) -> Result<(), ClientError> {
    driver.live(online)?;
    let now = driver.now();
    let finish = driver.world.finish.clone();
    let told = driver.tell(online, |life, out| match command {
        Command::Tap(card) => life.tap(&card, now, online, out),
        Command::Plug(connector) => life.plug(connector, now, out),
        Command::Unplug(connector) => life.unplug(connector, now, out),
        Command::Fault(code, connector) => life.break_connector(connector, &code, now, out),
        Command::Clear(connector) => life.clear(connector, now, out),
        Command::Stop(connector) => life.stop(connector, now, out),
        Command::Status => life.describe(now),
        Command::Help => HELP.to_owned(),
        // Whoever reads the input waits.
        Command::Wait(_) => String::new(),
        Command::Quit => {
            finish.cancel();
            "ending what runs".to_owned()
        }
    })?;
    narrate(driver.narrates && !told.is_empty(), || told);
    Ok(())
}

/// Prints a line with the time, for somebody who plays by hand.
#[allow(clippy::print_stdout)] // Terminal modes talk to a terminal.
pub(super) fn narrate(narrates: bool, line: impl FnOnce() -> String) {
    if narrates {
        println!("{} {}", chrono::Local::now().format("%H:%M:%S%.3f"), line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands_or_cards() {
        for (line, expected) in [
            ("tap 04A1", Some(Command::Tap("04A1".into()))),
            ("  04A1B2C3  ", Some(Command::Tap("04A1B2C3".into()))),
            ("Card of Ada", Some(Command::Tap("Card of Ada".into()))),
            ("plug", Some(Command::Plug(1))),
            ("PLUG 2", Some(Command::Plug(2))),
            ("unplug 2", Some(Command::Unplug(2))),
            ("fault GroundFailure", Some(Command::Fault("GroundFailure".into(), 1))),
            ("fault GroundFailure 2", Some(Command::Fault("GroundFailure".into(), 2))),
            ("clear", Some(Command::Clear(1))),
            ("stop", Some(Command::Stop(1))),
            ("status", Some(Command::Status)),
            ("wait 5s", Some(Command::Wait(Duration::from_secs(5)))),
            ("wait 250ms", Some(Command::Wait(Duration::from_millis(250)))),
            ("help", Some(Command::Help)),
            ("quit", Some(Command::Quit)),
            ("", None),
            ("# a comment", None),
        ] {
            assert_eq!(Command::parse(line), Ok(expected), "{line}");
        }
        for line in ["tap", "tap a b", "plug two", "fault", "wait", "wait long"] {
            assert!(Command::parse(line).is_err(), "{line}");
        }
    }
}
