//! `ampwarden rejected list | show | replay`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use chrono::Utc;
use clap::{Args, Subcommand};
use gateway::api::rejected::{Letter, Letters, Outcome, Replayed, ReplayedLetter};
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use service::config::HumanDuration;

use super::import::mapping_of;
use super::setting::time;
use crate::api::{Api, ApiArgs, query};
use crate::table;

/// Look at what could not be taken, and try it again after a mend.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden rejected list --since 24h
  ampwarden rejected list --reason unknown_topic --station CP-7 --json
  ampwarden rejected show 0199c0de-0000-7000-8000-000000000001
  ampwarden rejected replay --reason unknown_topic --since 2026-05-01T00:00:00Z --dry-run
  ampwarden rejected replay 0199c0de-0000-7000-8000-000000000001
  ampwarden rejected replay --source import --mapping boulder")]
pub(crate) struct Rejected {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show them, newest first.
    List {
        #[command(flatten)]
        filter: Filter,
        /// So many at most.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Show one whole: what was sent (tokens sealed), and what was wrong with it.
    Show {
        /// Its id, as `list` shows it.
        id: String,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Decode them again with today's decoders and settings, and take in what comes out. Twice brings nothing twice.
    ///
    /// Ends with status 1 if something still cannot be taken.
    Replay(Replay),
}

/// Which of them.
#[derive(Args, Debug, Clone)]
struct Filter {
    /// Of this station; `(gateway)` stands for messages of which the station is not known.
    #[arg(long)]
    station: Option<String>,
    /// With this reason.
    #[arg(long, value_parser = ["malformed", "unknown_action", "unknown_topic", "invalid", "too_large", "refused_by_store", "fold_failed"])]
    reason: Option<String>,
    /// That came this way.
    #[arg(long, value_parser = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1", "mqtt_broker", "mqtt_endpoint", "import", "api", "gateway"])]
    source: Option<String>,
    /// From this time on (RFC 3339), or for so long back (24h).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<String>,
    /// Until this time (RFC 3339), or until so long ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
}

#[derive(Args, Debug)]
struct Replay {
    /// Their ids, as `list` shows them; or say by --reason, --station, --source or --since which.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// How rows of imported files are read: a preset, or a TOML file with a mapping of their columns.
    #[arg(long, value_name = "PRESET|FILE")]
    mapping: Option<String>,
    /// Only say what would be taken.
    #[arg(long)]
    dry_run: bool,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// Letters of one request.
const PAGE: usize = 100;
/// Characters of a detail that a table shows.
const DETAIL_CHARS: usize = 72;

impl Rejected {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let api = self.api.connect();
        match self.action {
            Action::List { filter, limit, json } => list(&api, &filter, limit, json),
            Action::Show { id, json } => show(&api, &id, json),
            Action::Replay(replay) => replay.run(&api),
        }
    }
}

fn list(api: &Api, filter: &Filter, limit: usize, json: bool) -> anyhow::Result<ExitCode> {
    let mut letters: Vec<Letter> = Vec::new();
    let mut after = None;
    let mut more = true;
    while more && letters.len() < limit {
        let count = (limit - letters.len()).min(PAGE).to_string();
        let mut parameters = filter.parameters();
        parameters.push(("limit", count));
        parameters.extend(after.map(|after: String| ("after", after)));
        let page: Letters = api.read(&format!("/v1/rejected?{}", query(&parameters)))?;
        letters.extend(page.items);
        more = page.next.is_some();
        after = page.next;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&letters)?);
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", lines(&letters));
    if more {
        println!("… and more: say --limit, or --until {}", letters.last().map_or("", |letter| &letter.ts));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(api: &Api, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let page: Letters = api.read(&format!("/v1/rejected/{}", crate::api::path_segment(id)))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&page.items)?);
    } else {
        for letter in &page.items {
            print!("{}", whole(letter));
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Filter {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        [
            ("station", &self.station),
            ("reason", &self.reason),
            ("source", &self.source),
            ("since", &self.since),
            ("until", &self.until),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect()
    }
}

impl Replay {
    fn run(self, api: &Api) -> anyhow::Result<ExitCode> {
        let mut filter: Map<String, Value> = self
            .filter
            .parameters()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        if self.ids.is_empty() == filter.is_empty() {
            bail!(
                "say which: either ids, or --reason, --station, --source, --since or --until (`rejected list` shows them)"
            );
        }
        // What is rejected from now on is not part of this replay.
        filter.entry("until").or_insert_with(|| Utc::now().to_rfc3339().into());
        let mut request = json!({ "dry_run": self.dry_run });
        if let Some(name) = &self.mapping {
            request["mapping"] = serde_json::to_value(mapping_of(name)?)?;
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        let mut letters: Vec<ReplayedLetter> = Vec::new();
        let mut ids = self.ids.chunks(PAGE);
        loop {
            if self.ids.is_empty() {
                request["filter"] = Value::Object(filter.clone());
            } else {
                let Some(chunk) = ids.next() else { break };
                request["event_ids"] = json!(chunk);
            }
            let answer: Replayed = api.post_json("/v1/rejected:replay", &request)?;
            letters.extend(answer.items);
            bar.set_message(format!("{} letters", letters.len()));
            match answer.next {
                Some(next) => filter.insert("after".to_owned(), next.into()),
                None if self.ids.is_empty() => break,
                None => None,
            };
        }
        bar.finish_and_clear();
        let left = letters.iter().filter(|letter| letter.result == Outcome::NotTaken).count();
        if self.json {
            println!("{}", serde_json::to_string_pretty(&letters)?);
        } else {
            print!("{}", summary(&letters, self.dry_run));
        }
        Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn lines(letters: &[Letter]) -> String {
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| {
            let mut detail: String = letter.detail.chars().take(DETAIL_CHARS).collect();
            if detail.len() < letter.detail.len() {
                detail.push('…');
            }
            let Letter { received_at, event_id, station, source, reason, .. } = letter;
            vec![
                received_at.clone(),
                event_id.to_string(),
                station.clone(),
                source.clone(),
                reason.clone(),
                detail,
            ]
        })
        .collect();
    table::render(&["RECEIVED", "ID", "STATION", "SOURCE", "REASON", "DETAIL"], &rows)
}

fn whole(letter: &Letter) -> String {
    let id = if letter.n == 0 {
        letter.event_id.to_string()
    } else {
        format!("{} ({})", letter.event_id, letter.n)
    };
    [
        ("id", id.as_str()),
        ("received", &letter.received_at),
        ("station", &letter.station),
        ("source", &letter.source),
        ("origin", &letter.origin),
        ("reason", &letter.reason),
        ("detail", &letter.detail),
        ("payload", letter.payload.as_deref().unwrap_or("(not kept)")),
    ]
    .iter()
    .map(|(name, value)| format!("{name:<10}{value}\n"))
    .collect::<String>()
}

/// What is left, each with its reason, then one line with the sums.
fn summary(letters: &[ReplayedLetter], dry_run: bool) -> String {
    let of = |result| letters.iter().filter(|letter| letter.result == result).count();
    let events: usize = letters.iter().map(|letter| letter.events).sum();
    let mut text: String = letters
        .iter()
        .filter_map(|letter| {
            let why = letter.why.as_deref()?;
            Some(format!("{} {}: {why}\n", letter.event_id, letter.station))
        })
        .collect();
    text += &format!(
        "{} {} ({events} events), {} there already, {} still not\n",
        of(Outcome::Taken),
        if dry_run { "would be taken" } else { "taken" },
        of(Outcome::Duplicate),
        of(Outcome::NotTaken)
    );
    text
}

/// A time of RFC 3339, or a duration back from now; as RFC 3339.
fn moment(text: &str) -> Result<String, String> {
    if let Ok(back) = text.parse::<HumanDuration>() {
        let back = chrono::Duration::from_std(back.0).map_err(|error| error.to_string())?;
        return Ok((Utc::now() - back).to_rfc3339());
    }
    time(text).map(|_| text.to_owned()).map_err(|error| format!("{error}; or say how long back, such as 24h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_be_relative() {
        let day = moment("24h").unwrap();
        assert!(time(&day).is_ok(), "{day}");
        assert_eq!(moment("2026-05-01T00:00:00Z").as_deref(), Ok("2026-05-01T00:00:00Z"));
        assert!(moment("yesterday").is_err_and(|error| error.contains("such as 24h")));
    }

    #[test]
    fn what_is_left_says_why() {
        let letter = |result, events, why: Option<&str>| ReplayedLetter {
            event_id: "00000000-0000-0000-0000-000000000199".parse().unwrap(),
            n: 0,
            station: "CP1".into(),
            result,
            events,
            why: why.map(str::to_owned),
        };
        let letters = [
            letter(Outcome::Taken, 2, None),
            letter(Outcome::Duplicate, 0, None),
            letter(Outcome::NotTaken, 0, Some("not JSON")),
        ];
        assert_eq!(
            summary(&letters, false),
            "00000000-0000-0000-0000-000000000199 CP1: not JSON\n1 taken (2 events), 1 there already, 1 still not\n"
        );
    }
}
