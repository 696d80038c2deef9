//! `ampwarden import sessions | stations | sites`

mod list;
mod sessions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use station::mqtt::record::{Mapping, MappingFile};

use crate::api::ApiArgs;

/// Bring in past sessions, or lists of stations and sites, from files.
///
/// Running it twice brings nothing twice.
#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  ampwarden import sessions sessions.csv
  ampwarden import sessions old.csv --mapping boulder --time-zone America/Denver --dry-run
  ampwarden import sessions export.csv --mapping my-columns.toml
  ampwarden import stations stations.csv
  ampwarden import sites sites.csv")]
pub(crate) enum Import {
    /// Whole sessions: CSV with a header, JSON Lines, or one list of JSON objects.
    Sessions(sessions::Sessions),
    /// A list of stations (CSV with a header).
    Stations(list::Stations),
    /// A list of sites, with their grid limits (CSV with a header).
    Sites(list::Sites),
}

impl Import {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let outcomes = match self {
            Self::Sessions(command) => vec![command.run()?],
            Self::Stations(command) => vec![command.run()?],
            Self::Sites(command) => command.run()?,
        };
        outcomes.iter().for_each(|outcome| print!("{}", outcome.page()));
        let taken: u64 = outcomes.iter().map(|outcome| outcome.taken + outcome.there_already).sum();
        let nothing = taken == 0 && outcomes.iter().any(|outcome| outcome.rejected > 0);
        Ok(if nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Which file, read how, to where.
#[derive(Args, Debug)]
struct Source {
    /// The file.
    file: PathBuf,
    /// How it is read: a preset, or a TOML file with a mapping of its columns.
    #[arg(long, value_name = "PRESET|FILE")]
    mapping: Option<String>,
    /// Only read the file, and say what is wrong with it.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    api: ApiArgs,
}

impl Source {
    /// The mapping that was asked for, or else `preset`.
    fn mapping(&self, preset: &str) -> anyhow::Result<MappingFile> {
        mapping_of(self.mapping.as_deref().unwrap_or(preset))
    }

    /// The file's name without its folder, for messages.
    fn name(&self) -> String {
        self.file.file_name().unwrap_or(self.file.as_os_str()).to_string_lossy().into_owned()
    }

    /// What to say when the file itself is the trouble.
    fn trouble(&self) -> String {
        format!("{} cannot be imported", self.file.display())
    }
}

/// What `--mapping` names: a preset, or else a file.
pub(super) fn mapping_of(name: &str) -> anyhow::Result<MappingFile> {
    if Mapping::preset_names().contains(&name) {
        return Ok(MappingFile::preset(name)?);
    }
    let text = fs::read_to_string(name).with_context(|| {
        format!(
            "--mapping {name} is neither a file that can be read nor a preset ({})",
            Mapping::preset_names().join(", ")
        )
    })?;
    MappingFile::from_toml(&text).with_context(|| format!("the mapping {name} will not do"))
}

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Outcome {
    /// Sessions, stations, sites.
    what: &'static str,
    dry: bool,
    taken: u64,
    there_already: u64,
    rejected: u64,
    /// The first of the rejected, by line.
    first_rejected: Vec<(u64, String)>,
}

/// Rejected rows that are told; the rest is counted.
const REJECTED_SHOWN: usize = 20;

impl Outcome {
    fn reject(&mut self, line: u64, reason: String) {
        self.rejected += 1;
        if self.first_rejected.len() < REJECTED_SHOWN {
            self.first_rejected.push((line, reason));
        }
    }

    /// The rejected rows, then one line with the sums.
    fn page(&self) -> String {
        let mut page: String =
            self.first_rejected.iter().map(|(line, reason)| format!("line {line}: {reason}\n")).collect();
        let more = self.rejected.saturating_sub(self.first_rejected.len() as u64);
        if more > 0 {
            page += &format!("… and {more} more\n");
        }
        let taken = if self.dry { "would be taken" } else { "taken" };
        page + &format!(
            "{}: {} {taken}, {} there already, {} rejected\n",
            self.what, self.taken, self.there_already, self.rejected
        )
    }
}

/// A bar on the terminal; nothing where there is none.
fn progress(length: u64, unit: &str) -> ProgressBar {
    let template = match unit {
        "bytes" => "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {msg}  {eta} left",
        _ => "{bar:40} {percent:>3} %  {pos}/{len}  {msg}  {eta} left",
    };
    let bar = ProgressBar::new(length);
    // The templates are ours, and right.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn open(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_file_is_told_shortly() {
        let mut outcome = Outcome { what: "sessions", taken: 3, there_already: 1, ..Outcome::default() };
        for line in 0..25 {
            outcome.reject(line, "no station".into());
        }
        let page = outcome.page();
        assert_eq!(page.lines().count(), REJECTED_SHOWN + 2, "{page}");
        assert!(page.starts_with("line 0: no station\n"), "{page}");
        assert!(page.ends_with("… and 5 more\nsessions: 3 taken, 1 there already, 25 rejected\n"), "{page}");
    }
}
