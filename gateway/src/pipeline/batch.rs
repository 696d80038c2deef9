//! What goes to the store together: rows, and what their events need when they are answered.

use std::collections::HashMap;

use station::event::{RejectReason, StationEvent};
use station::fact::{Fact, Key};
use station::fold::{Fold, Outcome, Rows, Verdict};
use station::time::Timestamp;
use store::ilp::{Batch, Refused};

use super::front::fold;

/// What a batch holds besides its rows.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) up_to: u64,
    /// Events that the journal did not give back.
    pub(super) lost: u64,
    pub(super) oldest: Option<Timestamp>,
    pub(super) verdicts: Vec<(u64, Verdict)>,
    origins: HashMap<u64, Origin>,
    pub(super) payload_bytes: usize,
}

impl Filled {
    /// Folds an event, which is `bytes` in the journal, and adds its rows to the batch.
    pub(super) fn add(
        &mut self,
        state: &mut Fold,
        sequence: u64,
        (event, bytes): (&StationEvent, &[u8]),
        rows: &mut Rows,
        batch: &mut Batch,
    ) {
        let outcome = rows_of(state, event, rows);
        for fact in &rows.facts {
            batch.push_fact(sequence, fact);
        }
        self.verdicts.push((sequence, outcome.verdict));
        if !rows.facts.is_empty() {
            let payload = event.payload.clone();
            self.payload_bytes += bytes.len() + payload.as_ref().map_or(0, String::len);
            let (key, source) = (key_of(event, 0), event.source.label());
            let origin = Origin { key, source, payload, event: bytes.to_owned() };
            self.origins.insert(sequence, origin);
        }
    }
}

/// Rows that the store refuses for what is in them are kept in `rejected`. Gives the events for which there is no place
/// there either.
pub(super) fn keep_refused(refused: &[Refused], filled: &Filled, batch: &mut Batch) -> Vec<u64> {
    let mut lost = Vec::new();
    for (n, row) in (1_000_000..).zip(refused) {
        let (table, reason) = (row.table, &row.reason);
        let Some(origin) = filled.origins.get(&row.tag).filter(|_| table != "rejected") else {
            tracing::error!(
                event = row.tag,
                table,
                reason,
                "the store refused a row, and there is no place to keep it"
            );
            lost.push(row.tag);
            continue;
        };
        tracing::warn!(table, reason, "the store refused a row; it is kept in `rejected`");
        let key = Key { n, ..origin.key.clone() };
        batch.push_fact(
            row.tag,
            &Fact::Rejected(
                key,
                station::fact::Rejected {
                    source: origin.source,
                    reason: RejectReason::RefusedByStore.label(),
                    detail: format!("{}: {}", row.table, row.reason),
                    origin: row.table.to_owned(),
                    payload: origin.kept(),
                },
            ),
        );
    }
    lost
}

/// Folds an event; its rows are all that `rows` holds then.
pub(super) fn rows_of(state: &mut Fold, event: &StationEvent, rows: &mut Rows) -> Outcome {
    rows.facts.clear();
    let outcome = fold(state, event, rows);
    if outcome.verdict == Verdict::Rejected(RejectReason::FoldFailed) {
        rows.facts.clear();
        let detail = "a defect in the gateway: please report it with this payload";
        rows.facts.push(station::fold::rejected(
            key_of(event, 0),
            event,
            RejectReason::FoldFailed,
            detail,
            event.kind.label(),
        ));
    }
    outcome
}

/// What a refused row's event needs to be kept in `rejected`.
struct Origin {
    key: Key,
    source: &'static str,
    payload: Option<String>,
    /// As it is in the journal.
    event: Vec<u8>,
}

impl Origin {
    /// The payload, or, for the kinds whose payloads are not kept, the event itself.
    fn kept(&self) -> Option<String> {
        self.payload.clone().or_else(|| serde_json::to_string(&proto::event::decode(&self.event).ok()?).ok())
    }
}

fn key_of(event: &StationEvent, n: i32) -> Key {
    Key {
        ts: event.received_at,
        event_id: event.event_id,
        n,
        station: event.station.to_string(),
        site: None,
        evse: event.evse,
        connector: event.connector,
        station_ts: event.station_ts,
        received_at: event.received_at,
        flags: None,
    }
}
