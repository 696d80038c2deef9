//! `ampwarden token new | key`

use std::process::ExitCode;

use clap::Subcommand;
use service::auth::{self, Scope};

/// Make API tokens, and the key of the installation.
#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  ampwarden token new grafana --scope read
  ampwarden token new ops --scope read --scope write --scope operate
  ampwarden token key > secret.key")]
pub(crate) enum Token {
    /// Make an API token; print it once, and the entry for the configuration, which holds only its hash.
    New {
        /// Whose it is; shown as the author of changes.
        name: String,
        /// What it may do: read, write, operate or ingest. May be given several times.
        #[arg(long = "scope", required = true)]
        scopes: Vec<Scope>,
    },
    /// Make a key for `secrets.key`, under which cards and users are hashed and sealed. Keep a copy of it.
    Key,
}

impl Token {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::New { name, scopes } => {
                let token = auth::new_token();
                let scopes =
                    scopes.iter().map(|s| format!("{:?}", s.as_str())).collect::<Vec<_>>().join(", ");
                println!("{token}");
                eprintln!(
                    "\nThis is shown only once. For the configuration:\n\n[[api.tokens]]\nname = {}\nscopes = [{scopes}]\nhash = \"{}\"",
                    toml::Value::String(name),
                    auth::hash_of(&token)
                );
            }
            Self::Key => println!("{}", auth::new_token().trim_start_matches("awt_")),
        }
        Ok(ExitCode::SUCCESS)
    }
}
