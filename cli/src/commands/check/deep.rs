//! `ampwarden check books --deep`: the gateway compares, this shows how far it is and what it found.

use std::time::Duration;

use anyhow::bail;
use gateway::pipeline::audit::{Audit, Example, State, Tally};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::api::Api;
use crate::table;

const PATH: &str = "/v1/books:check";
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Begins a deep check, or joins the one that runs, and waits for its end.
pub(super) fn run(api: &Api) -> anyhow::Result<Audit> {
    let begun: Audit = api.post_json(PATH, &Value::Null)?;
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} events {msg}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let mut audit = begun.clone();
    while audit.is_running() {
        bar.set_length(audit.to.saturating_sub(audit.from) + 1);
        bar.set_position((audit.at + 1).saturating_sub(audit.from));
        bar.set_message(audit.detail.clone().unwrap_or_default());
        std::thread::sleep(LOOK_EVERY);
        audit = api.read(PATH)?;
        if audit.started_at < begun.started_at {
            bail!("the gateway was started again meanwhile; begin anew");
        }
    }
    bar.finish_and_clear();
    if audit.state == State::Failed {
        bail!("the deep check was not finished: {}", audit.detail.unwrap_or_default());
    }
    Ok(audit)
}

/// Whether nothing is missing and nothing different.
pub(super) fn is_good(audit: &Audit) -> bool {
    audit.tables.values().all(|tally| tally.missing == 0 && tally.different == 0)
}

pub(super) fn page(audit: &Audit) -> String {
    let rows: Vec<Vec<String>> = audit.tables.iter().map(|(name, tally)| line(name, tally)).collect();
    let mut text = match audit.to + 1 - audit.from.min(audit.to + 1) {
        0 => "the journal retains no events that the store has answered for\n".to_owned(),
        _ => format!("events {} to {}, folded again and compared with the store:\n", audit.from, audit.to),
    };
    if !rows.is_empty() {
        text += &table::render(&["TABLE", "EQUAL", "MISSING", "DIFFERENT", "REFUSED", "FORGOTTEN"], &rows);
    }
    text.extend(audit.examples.iter().map(example));
    if audit.unreadable > 0 {
        text += &format!(
            "{} events are damaged in the journal: what follows from them was not compared, and what follows from later ones may differ for it\n",
            audit.unreadable
        );
    }
    let sum = |of: fn(&Tally) -> u64| audit.tables.values().map(of).sum::<u64>();
    let (missing, different) = (sum(|t| t.missing), sum(|t| t.different));
    text += &if missing + different == 0 {
        format!("all {} rows are in the store\n", sum(|t| t.equal))
    } else {
        format!(
            "{missing} rows are missing and {different} are different; the runbook BooksNotBalanced says what to do\n"
        )
    };
    text
}

fn line(name: &str, tally: &Tally) -> Vec<String> {
    let numbers = [tally.equal, tally.missing, tally.different, tally.refused, tally.forgotten];
    [name.to_owned()].into_iter().chain(numbers.map(|n| n.to_string())).collect()
}

fn example(example: &Example) -> String {
    let Example { table, ts, key, event, columns } = example;
    let row = format!("{table} {ts} {key} (event {event})");
    if columns.is_empty() {
        return format!("missing: {row}\n");
    }
    let shown =
        |value: &Option<String>| value.as_ref().map_or("NULL".to_owned(), |value| format!("{value:?}"));
    let columns: Vec<String> = columns
        .iter()
        .map(|c| format!("{} is {}, should be {}", c.column, shown(&c.found), shown(&c.expected)))
        .collect();
    format!("different: {row}: {}\n", columns.join("; "))
}

#[cfg(test)]
mod tests {
    use gateway::pipeline::audit::ColumnDifference;

    use super::*;

    #[test]
    fn what_is_missing_or_different_is_shown_with_its_key() {
        let tally = Tally { equal: 7, missing: 1, different: 1, ..Tally::default() };
        let example = |columns| Example {
            table: "events".into(),
            ts: "2026-05-01T08:00:00.000000Z".into(),
            key: "event_id 0199 n 0".into(),
            event: 4,
            columns,
        };
        let text =
            ColumnDifference { column: "text".into(), expected: Some("a".into()), found: Some("b".into()) };
        let payload = ColumnDifference { column: "payload".into(), expected: None, found: Some("{}".into()) };
        let audit = Audit {
            from: 3,
            to: 9,
            tables: [("events".to_owned(), tally)].into(),
            examples: vec![example(vec![]), example(vec![text, payload])],
            ..Audit::default()
        };
        assert!(!is_good(&audit));
        let row = "events 2026-05-01T08:00:00.000000Z event_id 0199 n 0 (event 4)";
        assert_eq!(
            page(&audit),
            format!(
                "events 3 to 9, folded again and compared with the store:\n\
                 TABLE   EQUAL  MISSING  DIFFERENT  REFUSED  FORGOTTEN\n\
                 events  7      1        1          0        0\n\
                 missing: {row}\n\
                 different: {row}: text is \"b\", should be \"a\"; payload is \"{{}}\", should be NULL\n\
                 1 rows are missing and 1 are different; the runbook BooksNotBalanced says what to do\n"
            )
        );
    }
}
