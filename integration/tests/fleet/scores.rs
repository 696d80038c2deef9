//! StopTransaction answered → row in `session_scores`.

use std::collections::HashMap;
use std::time::Duration;

use integration::eventually;
use integration::ledger::{Ledger, transaction};
use simulator::ledger::SessionLine;
use station::deviation::Deviations;
use station::time::Timestamp;
use store::read::Reader;
use uuid::Uuid;

/// How often the store is asked what is there: the figure is that exact.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Issue of the product: 99 of 100 scores within 2 s. Printed, and only absurd values fail: time is not asserted.
const SESSIONS_MIN: usize = 500;

/// When each session's score was made, and when it was first seen.
pub(crate) type Seen = HashMap<Uuid, (Timestamp, Timestamp)>;

/// Looks for scores until the fleet has ended, and a while longer.
pub(crate) async fn watch(reader: &Reader, alive: impl Fn() -> bool) -> Seen {
    let mut seen = Seen::new();
    loop {
        let lives = alive();
        look(reader, &mut seen).await;
        if !lives {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    seen
}

/// Scores of running sessions do not count: only those of ended ones are in the table.
async fn look(reader: &Reader, seen: &mut Seen) {
    let rows = reader.query("SELECT session_id, scored_at FROM session_scores", &[]).await;
    let now = gateway::pipeline::clock::now();
    for row in rows.unwrap_or_else(|error| panic!("{error}")) {
        let id = row.get("session_id").unwrap_or_else(|error| panic!("{error}"));
        let made = row.get("scored_at").unwrap_or_else(|error| panic!("{error}"));
        seen.entry(id).or_insert((made, now));
    }
}

/// The ids of the sessions, by station and transaction.
async fn ids(reader: &Reader) -> HashMap<(String, String), Uuid> {
    let sql = "SELECT station, transaction_id, session_id FROM sessions WHERE transaction_id IS NOT NULL";
    let rows = reader.query(sql, &[]).await.unwrap_or_else(|error| panic!("{error}"));
    rows.iter()
        .map(|row| Ok(((row.get("station")?, row.get("transaction_id")?), row.get("session_id")?)))
        .collect::<Result<_, store::read::ReadError>>()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Every ended session has a score; prints how long after the acknowledged end it was there.
pub(crate) async fn check(reader: &Reader, ledger: &Ledger, seen: &Seen) {
    let ids = ids(reader).await;
    let id = |s: &SessionLine| ids.get(&(s.station.clone(), transaction(s))).copied();
    let seen = eventually(Duration::from_secs(60), || {
        let mut now = seen.clone();
        async move {
            look(reader, &mut now).await;
            let missing =
                ledger.sessions.iter().filter(|s| id(s).is_none_or(|id| !now.contains_key(&id))).count();
            if missing == 0 { Ok(now) } else { Err(format!("{missing} sessions without a score")) }
        }
    })
    .await;
    let took: Vec<(f64, f64)> = ledger
        .sessions
        .iter()
        .filter_map(|s| {
            let said = Timestamp::parse(s.acknowledged_at.as_deref()?, &mut Deviations::default())?;
            let (made, first_seen) = seen.get(&id(s)?)?;
            Some((made.seconds_since(said), first_seen.seconds_since(said)))
        })
        .collect();
    assert!(took.len() >= SESSIONS_MIN, "only {} sessions", took.len());
    println!("stop answered → score, {} sessions (goal: visible after 2 s, p99)", took.len());
    tell("made", took.iter().map(|(made, _)| *made));
    tell("visible", took.iter().map(|(_, visible)| *visible));
}

fn tell(what: &str, seconds: impl Iterator<Item = f64>) {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    let at = |part: usize| seconds[(seconds.len() - 1) * part / 100];
    println!("{what}: p50 {:.2} s, p90 {:.2} s, p99 {:.2} s, max {:.2} s", at(50), at(90), at(99), at(100));
}
