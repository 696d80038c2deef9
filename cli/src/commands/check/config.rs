//! `ampwarden check config`: what is wrong, a summary of what holds, and what is not safe.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::{Finding, safety, store, summary};
use crate::AmpwardenConfig;

/// Say what is wrong with the configuration, what holds, and what is not safe.
///
/// Ends with status 1 if the servers would not start with it. Where QuestDB answers, its parameters and tables are
/// looked at, too.
#[derive(Args, Debug)]
pub(crate) struct Config {
    /// Leave QuestDB out.
    #[arg(long)]
    offline: bool,
}

impl Config {
    pub(crate) fn run(self, path: Option<&Path>) -> anyhow::Result<ExitCode> {
        let config = match AmpwardenConfig::load(path) {
            Ok(config) => config,
            Err(error) => {
                println!("{error}");
                return Ok(ExitCode::FAILURE);
            }
        };
        print!("{}", summary::page(path, &config));
        let mut findings = safety::findings(path, &config);
        if !self.offline {
            findings.extend(crate::commands::process::runtime()?.block_on(store::findings(&config.store)));
        }
        for finding in &findings {
            match finding {
                Finding::Error(text) => println!("error:   {text}"),
                Finding::Warning(text) => println!("warning: {text}"),
            }
        }
        let errors = findings.iter().filter(|finding| matches!(finding, Finding::Error(_))).count();
        println!("{}, {}", counted(errors, "error"), counted(findings.len() - errors, "warning"));
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
