//! `ampwarden trace`

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use gateway::api::trace::TraceLine;
use service::config::HumanDuration;

use crate::api::{ApiArgs, path_segment, query};

/// Show the raw OCPP frames of one station as they go by, in both directions, until Ctrl-C.
///
/// Tokens, passwords and keys in them are sealed. Needs the scope `operate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden trace CP-7
  ampwarden trace CP-7 --for 10m --json > cp-7.ndjson
  ampwarden trace CP-7 | grep StatusNotification

A line has the time, `<` from the station or `>` to it, and the frame; what is no frame begins with `-`. A reader that is
too slow loses frames, and is told how many.")]
pub(crate) struct Trace {
    #[command(flatten)]
    api: ApiArgs,
    /// Which station, as in its URL. It need not be connected yet.
    station: String,
    /// End after so long (30s, 10m, 2h).
    #[arg(long = "for", value_name = "DURATION")]
    for_: Option<HumanDuration>,
    /// One line of JSON a frame, for programs.
    #[arg(long)]
    json: bool,
}

impl Trace {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let wanted = self.for_.map(|wanted| format!("?{}", query(&[("for", wanted.to_string())])));
        let path =
            format!("/v1/stations/{}/trace{}", path_segment(&self.station), wanted.unwrap_or_default());
        let mut out = io::stdout().lock();
        let mut ended = false;
        for line in self.api.connect().lines(&path)? {
            let line = line.context("the gateway went away")?;
            if line.is_empty() {
                continue;
            }
            let read: TraceLine = serde_json::from_str(&line).context("this is no line of a trace")?;
            ended = read.kind == "end";
            let text = if self.json { line } else { told(&read) };
            // Whoever reads it may have had enough.
            if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
                return Ok(ExitCode::SUCCESS);
            }
        }
        anyhow::ensure!(ended, "the gateway went away");
        Ok(ExitCode::SUCCESS)
    }
}

fn told(line: &TraceLine) -> String {
    let text = line.text.as_deref().unwrap_or_default();
    match (line.direction.as_deref(), line.kind.as_str()) {
        (Some(direction), kind) => {
            let mark = if direction == "in" { '<' } else { '>' };
            let kind = if kind == "text" { String::new() } else { format!("({kind}) ") };
            format!("{} {mark} {kind}{text}", line.at)
        }
        (None, "connected" | "disconnected" | "error") => format!("{} - {}: {text}", line.at, line.kind),
        (None, _) => format!("{} - {text}", line.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_people() {
        let line = |kind: &str, direction: Option<&str>, text: &str| {
            told(&TraceLine {
                at: "T".into(),
                kind: kind.into(),
                direction: direction.map(str::to_owned),
                bytes: None,
                text: Some(text.into()),
            })
        };
        assert_eq!(line("text", Some("in"), "[2]"), "T < [2]");
        assert_eq!(line("ping", Some("out"), ""), "T > (ping) ");
        assert_eq!(line("disconnected", None, "lost"), "T - disconnected: lost");
        assert_eq!(line("left_out", None, "3 frames"), "T - 3 frames");
    }
}
