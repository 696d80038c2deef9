//! Every message of every version, with the least that its schema wants, with all fields, and with each word of each
//! enumeration: the answer is valid by its schema or the error that `docs/ocpp.md` says, and what was sent is in the store.

use std::collections::BTreeMap;
use std::process::Command;

use integration::servers::QuestDb;
use integration::{Gateway, eventually, unique};
use serde_json::Value;
use station::ocpp::{Action, Version, catalogue};
use store::read::Reader;

use super::DEADLINE;

/// What was sent by message, and how each was answered.
type Answers = BTreeMap<String, Vec<Value>>;

/// What each row's columns say: station, what it is, flags, how often.
type Rows = BTreeMap<(String, String), Vec<(Option<String>, i64)>>;

fn send_all(gateway: &Gateway, station: &str, version: Version) -> Answers {
    let output = Command::new(integration::python())
        .arg(format!("{}/python/every_message.py", env!("CARGO_MANIFEST_DIR")))
        .args(["--url", &gateway.ocpp(), "--station", station])
        .args(["--version", version.subprotocol().trim_start_matches("ocpp")])
        .output()
        .expect("python runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{version:?}: {errors}\n{}", gateway.process().log());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The rows of the stations whose names begin so.
async fn rows(reader: &Reader, station: &str) -> Result<Rows, String> {
    let mut found = Rows::new();
    for (table, what) in [
        ("events", "concat(type, ': ', text)"),
        ("rejected", "concat('rejected ', reason)"),
        ("connector_status", "'connector_status'"),
        ("station_reports", "'station_reports'"),
        ("meter_values", "'meter_values'"),
        ("meter_values_other", "'meter_values_other'"),
    ] {
        let flags = if table == "rejected" { "cast(null AS VARCHAR)" } else { "cast(flags AS VARCHAR)" };
        let sql = format!(
            "SELECT cast(station AS VARCHAR) AS station, {what} AS what, {flags} AS flags, count() AS n FROM {table} \
             WHERE station LIKE '{station}-%'"
        );
        for row in reader.query(&sql, &[]).await.map_err(|error| format!("{sql}: {error}"))? {
            let read = || -> Result<(String, String, Option<String>, i64), store::read::ReadError> {
                Ok((row.get("station")?, row.get("what")?, row.get("flags")?, row.get("n")?))
            };
            let (name, what, flags, n) = read().map_err(|error| error.to_string())?;
            let action = name.rsplit('-').next().unwrap_or_default().to_owned();
            found.entry((action, what)).or_default().push((flags, n));
        }
    }
    Ok(found)
}

/// What `docs/ocpp.md` says is answered, as far as it is one word.
fn expected_status(action: &Action) -> Option<&'static str> {
    let word = action.answered.strip_prefix('`')?.split('`').next()?;
    word.starts_with(|c: char| c.is_ascii_uppercase()).then_some(word)
}

fn check_answers(version: Version, answers: &Answers) {
    let mut known: Vec<&str> =
        Action::all(version).map(|action| action.name).chain(catalogue::to_stations(version)).collect();
    known.sort_unstable();
    let found: Vec<&str> = answers.keys().map(String::as_str).collect();
    assert_eq!(known, found, "{version:?}: what is known here, and what has a schema");
    for (name, answers) in answers {
        for answer in answers {
            let told = format!("{version:?} {name}: {answer}");
            let Some(action) = Action::find(version, name) else {
                assert_eq!(answer["error"], "NotSupported", "{told}");
                continue;
            };
            assert!(answer["error"].is_null(), "{told}");
            let result = answer["result"].to_string();
            if action.answered == "`{}`" {
                assert_eq!(result, "{}", "{told}");
            }
            if let Some(status) = expected_status(action) {
                assert!(result.contains(&format!("\"status\":\"{status}\"")), "{told}");
            }
        }
    }
}

/// How many rows a message must have left in the log, by the type that `docs/ocpp.md` names first.
fn expected_rows(action: &Action, answers: &[Value]) -> Option<(&'static str, usize)> {
    let kind = action.becomes.strip_prefix('`')?.split('`').next()?;
    let parts = |answer: &Value| answer["sent"]["eventData"].as_array().map_or(1, Vec::len);
    match kind {
        "booted" | "authorized" | "firmware_status" | "security_event" | "data_transferred"
        | "status_changed" => Some((kind, answers.len())),
        "fault_reported" => Some((kind, answers.iter().map(parts).sum())),
        _ => None,
    }
}

fn check_rows(version: Version, answers: &Answers, rows: &Rows) -> Result<(), String> {
    let count = |action: &str, begin: &str| -> i64 {
        let of_action = rows.iter().filter(|((of, what), _)| of == action && what.starts_with(begin));
        of_action.flat_map(|(_, found)| found).map(|(_, n)| n).sum()
    };
    for (name, answers) in answers {
        let Some(action) = Action::find(version, name) else {
            let rejected = count(name, "rejected unknown_action");
            if usize::try_from(rejected).ok() != Some(answers.len()) {
                return Err(format!("{version:?} {name}: {rejected} rejected of {}", answers.len()));
            }
            continue;
        };
        if let Some((kind, expected)) = expected_rows(action, answers) {
            let found = count(name, &format!("{kind}: "));
            if usize::try_from(found).ok() != Some(expected) {
                return Err(format!("{version:?} {name}: {found} rows of {kind}, expected {expected}"));
            }
        }
        let tables: &[&str] = match name.as_str() {
            "BootNotification" => &["station_reports"],
            "StatusNotification" => &["connector_status"],
            "MeterValues" => &["meter_values", "meter_values_other"],
            "StartTransaction" => &["session_started: "],
            "StopTransaction" | "TransactionEvent" => &["meter_values", "session_ended: "],
            _ => &[],
        };
        for table in tables {
            if count(name, table) == 0 {
                return Err(format!("{version:?} {name}: nothing in {table}"));
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_answered_by_its_schema_and_stored() {
    let store = QuestDb::shared().await;
    let mut gateway = Gateway::start(store, r#"mqtt = { listen = "127.0.0.1:{mqtt}" }"#);
    let reader = Reader::new(&store.config());
    let mut refused = 0;
    for version in Version::ALL {
        let station = unique("every");
        let answers = send_all(&gateway, &station, version);
        check_answers(version, &answers);
        let sent: usize = answers.values().map(Vec::len).sum();
        println!("{version:?}: {} messages, sent in {sent} forms", answers.len());
        refused += catalogue::to_stations(version).map(|name| answers[name].len()).sum::<usize>();
        let rows = eventually(DEADLINE, || async {
            let rows = rows(&reader, &station).await?;
            check_rows(version, &answers, &rows)?;
            Ok::<_, String>(rows)
        })
        .await;
        let odd: Vec<_> =
            rows.iter().filter(|(_, found)| found.iter().any(|(flags, _)| flags.is_some())).collect();
        assert!(odd.is_empty(), "{version:?}: what is valid by its schema is flagged: {odd:#?}");
    }
    let books = gateway.settled_books(DEADLINE);
    assert_eq!(books["rejected"], serde_json::json!({ "unknown_action": refused }), "{books}");
    gateway.stop();
}
