//! `ampwarden command send | show | list | cancel | kinds`

use std::io::Read;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gateway::api::commands::{CommandView, CommandViews};
use serde_json::{Map, Value, json};
use service::config::HumanDuration;
use station::ocpp::command::KINDS;

use crate::api::{Api, ApiArgs, path_segment, query};
use crate::table;

/// Send commands to stations, and see what became of them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden command send CP-7 reset --wait
  ampwarden command send CP-7 remote_start token=04A1B2C3 connector:=1 --wait
  ampwarden command send CP-7 set_configuration key=HeartbeatInterval value=300 --expires-in 2h
  ampwarden command send CP-7 set_charging_profile connector:=1 profile:=@profile.json
  ampwarden command send CP-7 --action GetReport requestId:=1 --json
  ampwarden command list CP-7 --open
  ampwarden command show 0199c0de-0000-7000-8000-000000000001
  ampwarden command cancel 0199c0de-0000-7000-8000-000000000001
  ampwarden command kinds")]
pub(crate) struct Command {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Send a command. It waits until the station is there, for as long as --expires-in says.
    ///
    /// With --wait it ends with status 0 if the station accepted it, else with 1.
    Send(Send),
    /// Show a command and its answer.
    Show {
        /// Its id, as `send` and `list` show it.
        id: String,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Show the commands of a station, newest first.
    List {
        /// Of this station.
        station: String,
        /// Only those that are not answered or given up.
        #[arg(long)]
        open: bool,
        /// So many at most.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Take a command back that was not sent yet.
    Cancel {
        /// Its id.
        id: String,
    },
    /// Show all commands with their parameters.
    Kinds,
}

#[derive(Args, Debug)]
struct Send {
    /// To which station.
    station: String,
    /// Which command (`kinds` shows them); none with --action.
    #[arg(required_unless_present = "action")]
    command: Option<String>,
    /// What it needs: NAME=TEXT, NAME:=JSON, or NAME=@FILE and NAME:=@FILE (`-` is standard input).
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Send this message of the station's own version of OCPP instead of a command; the parameters are its payload.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// How long it may wait to be sent (30s, 2h); the gateway's own setting, if not given.
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<HumanDuration>,
    /// A key of one's own: sent again with the same key, it is the same command.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Wait for the outcome.
    #[arg(long)]
    wait: bool,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// Between two looks at a command.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A gateway that cannot be asked for so long ends the waiting.
const PATIENCE: Duration = Duration::from_secs(60);

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let api = self.api.connect();
        match self.action {
            Action::Send(send) => send.run(&api),
            Action::Show { id, json } => {
                show(&look(&api, &id)?, json)?;
                Ok(ExitCode::SUCCESS)
            }
            Action::List { station, open, limit, json } => list(&api, &station, open, limit, json),
            Action::Cancel { id } => {
                let command: CommandView = api.delete(&format!("/v1/commands/{}", path_segment(&id)))?;
                println!("command {} is {}", command.id, command.state);
                Ok(ExitCode::SUCCESS)
            }
            Action::Kinds => {
                print!("{}", kinds());
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl Send {
    fn run(mut self, api: &Api) -> anyhow::Result<ExitCode> {
        if self.action.is_some() {
            // What stands in the command's place is the first parameter.
            self.parameters.splice(0..0, self.command.take());
        }
        let parameters =
            self.parameters.iter().map(|text| parameter(text)).collect::<Result<Map<_, _>, _>>()?;
        let mut body = match (&self.command, &self.action) {
            (Some(command), _) => json!({ "command": command, "parameters": parameters }),
            (None, action) => json!({ "action": action, "payload": parameters }),
        };
        if let Some(expires_in) = self.expires_in {
            body["expires_in"] = expires_in.to_string().into();
        }
        let path = format!("/v1/stations/{}/commands", path_segment(&self.station));
        let header = self.idempotency_key.as_deref().map(|key| ("Idempotency-Key", key));
        let mut command: CommandView = api.post_json_with(&path, header, &body)?;
        if !self.wait {
            show(&command, self.json)?;
            return Ok(ExitCode::SUCCESS);
        }
        let id = command.id.to_string();
        let mut heard = Instant::now();
        while matches!(command.state.as_str(), "queued" | "sent") {
            std::thread::sleep(LOOK_EVERY);
            match look(api, &id) {
                Ok(newer) => (command, heard) = (newer, Instant::now()),
                Err(error) if heard.elapsed() > PATIENCE => return Err(error),
                Err(_) => {}
            }
        }
        show(&command, self.json)?;
        Ok(if command.state == "accepted" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn look(api: &Api, id: &str) -> anyhow::Result<CommandView> {
    api.read(&format!("/v1/commands/{}", path_segment(id)))
}

/// `NAME=TEXT` or `NAME:=JSON`.
fn parameter(text: &str) -> anyhow::Result<(String, Value)> {
    let Some((name, value)) = text.split_once('=') else {
        bail!("\"{text}\" is no NAME=TEXT and no NAME:=JSON");
    };
    let value = match value.strip_prefix('@') {
        Some("-") => {
            let mut all = String::new();
            std::io::stdin().read_to_string(&mut all).context("standard input cannot be read")?;
            all
        }
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?,
        None => value.to_owned(),
    };
    match name.strip_suffix(':') {
        Some(name) => {
            let value =
                serde_json::from_str(&value).with_context(|| format!("{name}: this is no JSON: {value}"))?;
            Ok((name.to_owned(), value))
        }
        None => Ok((name.to_owned(), value.trim_end_matches('\n').into())),
    }
}

fn show(command: &CommandView, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(command)?);
        return Ok(());
    }
    let word = command.status.as_deref().map(|word| format!(" ({word})")).unwrap_or_default();
    let late = if command.late { ", late" } else { "" };
    println!("{} {} to {}: {}{word}{late}", command.id, command.command, command.station, command.state);
    if let Some(detail) = &command.detail {
        println!("{detail}");
    }
    if let Some(answer) = &command.answer {
        println!("{}", serde_json::to_string_pretty(answer)?);
    }
    Ok(())
}

fn list(api: &Api, station: &str, open: bool, limit: usize, json: bool) -> anyhow::Result<ExitCode> {
    let parameters =
        [("station", station.to_owned()), ("open", open.to_string()), ("limit", limit.to_string())];
    let page: CommandViews = api.read(&format!("/v1/commands?{}", query(&parameters)))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&page.items)?);
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = page
        .items
        .into_iter()
        .map(|command| {
            let word = command.status.unwrap_or_else(|| "-".to_owned());
            vec![
                command.id.to_string(),
                command.command,
                command.state,
                word,
                command.issued_at,
                command.author,
            ]
        })
        .collect();
    print!("{}", table::render(&["ID", "COMMAND", "STATE", "STATUS", "ISSUED", "BY"], &rows));
    Ok(ExitCode::SUCCESS)
}

fn kinds() -> String {
    let rows: Vec<Vec<String>> = KINDS
        .iter()
        .map(|kind| {
            let there = |text: Option<&str>| if text.is_some() { "yes" } else { "-" }.to_owned();
            vec![kind.name.to_owned(), there(kind.v16), there(kind.v2), kind.parameters.replace('`', "")]
        })
        .collect();
    table::render(&["COMMAND", "1.6", "2.X", "PARAMETERS"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_texts_or_json() {
        let read = |text: &str| parameter(text).map_err(|error| error.to_string());
        assert_eq!(read("token=04"), Ok(("token".into(), "04".into())));
        assert_eq!(read("value=a=b"), Ok(("value".into(), "a=b".into())));
        assert_eq!(read("connector:=1"), Ok(("connector".into(), 1.into())));
        assert!(read("connector:=x").is_err_and(|error| error.contains("no JSON")));
        assert!(read("connector").is_err_and(|error| error.contains("NAME=TEXT")));
        assert!(read("profile:=@/no/such/file").is_err_and(|error| error.contains("cannot be read")));
    }

    #[test]
    fn all_kinds_are_shown() {
        assert_eq!(kinds().lines().count(), KINDS.len() + 1);
    }
}
