//! `ampwarden check books`: whether every event that came in is accounted for.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::deep;
use crate::api::ApiArgs;

/// Say how many events came in and how each ended.
///
/// received = stored + duplicate + rejected + lost by damage + in the journal. Ends with status 1 if that does not hold.
///
/// With --deep the gateway folds again what its journal retains (gateway.writer.retain), and looks for every row that
/// follows from it in the store: only that proves that nothing is missing. Ends with status 1 if a row is missing or
/// different, too. The token needs the scopes read and operate.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden check books
  ampwarden check books --json
  ampwarden check books --deep
  ampwarden check books --deep --json | jq '.deep.examples'")]
pub(crate) struct Books {
    #[command(flatten)]
    api: ApiArgs,
    /// Compare every row that follows from the journal with the store. Takes about as long as writing them did;
    /// stations and writing go on meanwhile.
    #[arg(long)]
    deep: bool,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// The books, as the gateway keeps them.
#[derive(Serialize, Deserialize)]
struct View {
    received: u64,
    stored: u64,
    duplicate: u64,
    rejected: BTreeMap<String, u64>,
    lost: u64,
    uncounted: u64,
    in_journal: u64,
    difference: i64,
    store_up: bool,
    store_trouble: Option<String>,
}

impl Books {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let api = self.api.connect();
        let books: View = api.read("/v1/books")?;
        let audit = if self.deep { Some(deep::run(&api)?) } else { None };
        match &audit {
            Some(audit) if self.json => {
                println!("{}", serde_json::to_string_pretty(&json!({ "books": books, "deep": audit }))?);
            }
            None if self.json => println!("{}", serde_json::to_string_pretty(&books)?),
            Some(audit) => print!("{}\n{}", page(&books), deep::page(audit)),
            None => print!("{}", page(&books)),
        }
        let good = books.difference == 0 && audit.as_ref().is_none_or(deep::is_good);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn page(books: &View) -> String {
    let mut lines = vec![
        ("received".to_owned(), books.received.to_string()),
        ("stored".to_owned(), books.stored.to_string()),
        ("duplicate".to_owned(), books.duplicate.to_string()),
        ("rejected".to_owned(), books.rejected.values().sum::<u64>().to_string()),
    ];
    lines.extend(books.rejected.iter().map(|(reason, count)| (format!("  {reason}"), count.to_string())));
    // Only where there was damage.
    for (name, count) in [("lost by damage", books.lost), ("uncounted", books.uncounted)] {
        if count > 0 {
            lines.push((name.to_owned(), count.to_string()));
        }
    }
    lines.push(("in the journal".to_owned(), books.in_journal.to_string()));
    let mut damage = String::new();
    if books.lost > 0 {
        damage += &format!(
            "{} events were in parts of the journal that are damaged or missing; the gateway's log says which. Stations may still have them in their own memory.\n",
            books.lost
        );
    }
    if books.uncounted > 0 {
        damage += &format!(
            "All snapshots were damaged, and the books began anew after event {}. The store had answered for everything before; how each event ended is not known. Check the settings: those that the journal does not retain are gone.\n",
            books.uncounted
        );
    }
    let verdict = match books.difference {
        0 => "the books balance".to_owned(),
        difference => format!("{difference} events are not accounted for"),
    };
    let store = match (&books.store_trouble, books.store_up) {
        (Some(trouble), _) => format!("the store takes no rows: {trouble}\n"),
        (None, false) => "the store takes no rows yet\n".to_owned(),
        (None, true) => String::new(),
    };
    lines.iter().map(|(name, count)| format!("{name:<24}{count:>12}\n")).collect::<String>()
        + &verdict
        + "\n"
        + &damage
        + &store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let books = View {
            received: 10,
            stored: 5,
            duplicate: 1,
            rejected: BTreeMap::from([("unknown_action".to_owned(), 2)]),
            lost: 0,
            uncounted: 0,
            in_journal: 1,
            difference: 1,
            store_up: false,
            store_trouble: Some("QuestDB does not answer".into()),
        };
        let page = page(&books);
        assert!(page.contains("  unknown_action                   2\n"), "{page}");
        assert!(
            page.ends_with(
                "1 events are not accounted for\nthe store takes no rows: QuestDB does not answer\n"
            )
        );
    }
}
