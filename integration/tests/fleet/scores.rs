//! StopTransaction answered → row in `session_scores`.

use std::collections::HashMap;
use std::time::Duration;

use integration::eventually;
use integration::ledger::Ledger;
use station::deviation::Deviations;
use station::time::Timestamp;
use store::read::Reader;

/// How often the store is asked what is there: the figure is that exact.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Issue of the product: 99 of 100 scores within 2 s. Printed, and only absurd values fail: time is not asserted.
const SESSIONS_MIN: usize = 500;

/// When each session's score was first seen, by station and transaction.
pub(crate) type Seen = HashMap<(String, String), Timestamp>;

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

async fn look(reader: &Reader, seen: &mut Seen) {
    let sql = "SELECT s.station, s.transaction_id FROM session_scores c JOIN sessions s ON c.session_id = s.session_id \
               WHERE s.state = 'ended'";
    let now = gateway::pipeline::clock::now();
    for row in reader.query(sql, &[]).await.unwrap_or_else(|error| panic!("{error}")) {
        let key = (row.get("station"), row.get::<Option<String>>("transaction_id"));
        if let (Ok(station), Ok(Some(transaction))) = key {
            seen.entry((station, transaction)).or_insert(now);
        }
    }
}

/// Every ended session has a score; prints how long after the acknowledged end it was there.
pub(crate) async fn check(reader: &Reader, ledger: &Ledger, seen: &Seen) {
    let mut seen = seen.clone();
    let key = |s: &simulator::ledger::SessionLine| {
        (s.station.clone(), s.transaction_id.map_or_else(|| s.session.clone(), |id| id.to_string()))
    };
    eventually(Duration::from_secs(60), || {
        let mut now = seen.clone();
        async move {
            look(reader, &mut now).await;
            let missing = ledger.sessions.iter().filter(|s| !now.contains_key(&key(s))).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} sessions without a score")) }
        }
    })
    .await;
    look(reader, &mut seen).await;
    let mut took: Vec<f64> = ledger
        .sessions
        .iter()
        .filter_map(|s| {
            let said = Timestamp::parse(s.acknowledged_at.as_deref()?, &mut Deviations::default())?;
            Some(seen.get(&key(s))?.seconds_since(said))
        })
        .collect();
    took.sort_by(f64::total_cmp);
    assert!(took.len() >= SESSIONS_MIN, "only {} sessions", took.len());
    let at = |part: usize| took[(took.len() - 1) * part / 100];
    println!(
        "stop answered → score visible, {} sessions: p50 {:.2} s, p90 {:.2} s, p99 {:.2} s, max {:.2} s (goal: p99 ≤ 2 s)",
        took.len(),
        at(50),
        at(90),
        at(99),
        took[took.len() - 1]
    );
}
