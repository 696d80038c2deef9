//! Metrics of journal, fold, books and store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rust_decimal::prelude::ToPrimitive;
use service::metrics::{LATENCY_BUCKETS, MetricKind, MetricSpec, RegisterSpec, Unit};

use station::deviation::Deviations;
use station::event::Source;

use crate::pipeline::{Refused, Status};

macro_rules! specs {
    ($($constant:ident = $kind:ident $name:literal $unit:ident [$($label:literal),*] $help:literal;)*) => {
        $(const $constant: MetricSpec = MetricSpec {
            name: $name,
            kind: MetricKind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        };)*
        const COLLECTED: &[MetricSpec] = &[$($constant),*];
    };
}

specs! {
    RECEIVED = Counter "ampwarden_events_received_total" None [] "Events that were journaled";
    STORED = Counter "ampwarden_events_stored_total" None [] "Events whose rows the store has taken";
    DUPLICATE = Counter "ampwarden_events_duplicate_total" None [] "Events that were recognised as sent before";
    REJECTED = Counter "ampwarden_events_rejected_total" None ["reason"] "Events that could not be taken and are kept in `rejected`, by reason";
    IN_JOURNAL = Gauge "ampwarden_events_in_journal" None [] "Events that are journaled and not yet taken by the store";
    DIFFERENCE = Gauge "ampwarden_books_difference" None [] "Received minus stored, duplicate, rejected, lost by damage and in the journal; 0 when the books balance";
    JOURNAL_EVENTS = Counter "ampwarden_journal_events_total" None [] "Events appended to the journal, as numbered there";
    JOURNAL_BYTES = Gauge "ampwarden_journal_bytes" Bytes [] "Bytes that the journal holds";
    JOURNAL_BYTES_MAX = Gauge "ampwarden_journal_bytes_max" None [] "Bytes that the journal may hold (gateway.journal.max_bytes)";
    JOURNAL_OLDEST = Gauge "ampwarden_journal_oldest_timestamp_seconds" Seconds [] "When the oldest event was journaled that the store has not taken; now, if there is none";
    JOURNAL_LOST = Counter "ampwarden_journal_lost_events_total" None [] "Events that could not be read back from a damaged journal, ever";
    SAVED = Gauge "ampwarden_snapshot_timestamp_seconds" Seconds [] "When the fold's state was last saved; 0 before the first time since the start";
    STORE_UP = Gauge "ampwarden_store_up" None [] "Whether the store takes rows";
    SUSPENDED = Gauge "ampwarden_store_suspended_tables" None [] "Tables that take rows but show none until they are resumed";
    APPLY_LAG = Gauge "ampwarden_store_apply_lag_transactions" None [] "Transactions that the store has accepted and not yet applied, over all tables";
    LATE_ROWS = Gauge "ampwarden_late_rows" None [] "Rows that came long after their time (gateway.writer.late_after) and wait for their day's request";
    ENERGY = Counter "ampwarden_energy_joules_total" Joules ["site"] "Energy delivered in live sessions";
    REVENUE = Counter "ampwarden_revenue_total" None ["site", "currency"] "Cost of ended live sessions, in the currency's main unit";
    SESSIONS = Counter "ampwarden_sessions_ended_total" None ["site"] "Live sessions that ended";
    COMMANDS_OPEN = Gauge "ampwarden_commands_open" None ["state"] "Commands that wait to be sent (queued) or to be answered (sent)";
    QUARANTINE = Gauge "ampwarden_stations_in_quarantine" None [] "Stations that nobody registered and that wait for an operator (`ampwarden stations quarantine`)";
    SETTINGS = Gauge "ampwarden_settings_revisions" None ["collection"] "Settings in force, by collection";
}

const SYNC: MetricSpec = MetricSpec {
    name: "ampwarden_journal_sync_duration_seconds",
    kind: MetricKind::Histogram(LATENCY_BUCKETS),
    unit: Unit::Seconds,
    labels: &[],
    help: "Time to append and sync one group of events",
};
const GROUP: MetricSpec = MetricSpec {
    name: "ampwarden_journal_group_events",
    kind: MetricKind::Histogram(&[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0]),
    unit: Unit::None,
    labels: &[],
    help: "Events that shared one sync",
};
const UNACKNOWLEDGED: MetricSpec = MetricSpec {
    name: "ampwarden_unacknowledged_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["reason"],
    help: "Messages that the journal did not take and that were therefore not acknowledged, by reason",
};
const DAMAGE: MetricSpec = MetricSpec {
    name: "ampwarden_damage_found_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["what"],
    help: "Damage that was found in the journal's folder since the start, by what was damaged (tail, segment, snapshot)",
};
const ROWS: MetricSpec = MetricSpec {
    name: "ampwarden_rows_written_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["table"],
    help: "Rows that the store took, by table",
};
const WRITE: MetricSpec = MetricSpec {
    name: "ampwarden_store_write_duration_seconds",
    kind: MetricKind::Histogram(LATENCY_BUCKETS),
    unit: Unit::Seconds,
    labels: &[],
    help: "Time to write one batch of rows to the store",
};
const WRITE_FAILURES: MetricSpec = MetricSpec {
    name: "ampwarden_store_write_failures_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["reason"],
    help: "Batches that the store did not take and that are sent again, by reason",
};

const COMMANDS: MetricSpec = MetricSpec {
    name: "ampwarden_commands_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["command", "outcome"],
    help: "Commands to stations that ended, by command and outcome; `late`: answered after they were given up as `unknown`",
};
const DEVIATIONS: MetricSpec = MetricSpec {
    name: "ampwarden_deviations_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["protocol", "kind"],
    help: "Odd but usable input that was tolerated: journaled events, by protocol and kind",
};

pub(super) const METRICS: &[MetricSpec] = &{
    const N: usize = COLLECTED.len();
    let mut all = [SYNC; N + 9];
    let mut i = 0;
    while i < N {
        all[i] = COLLECTED[i];
        i += 1;
    }
    all[N + 1] = GROUP;
    all[N + 2] = UNACKNOWLEDGED;
    all[N + 3] = ROWS;
    all[N + 4] = WRITE;
    all[N + 5] = WRITE_FAILURES;
    all[N + 6] = DEVIATIONS;
    all[N + 7] = DAMAGE;
    all[N + 8] = COMMANDS;
    all
};

type Labelled = Family<Vec<(&'static str, &'static str)>, Counter>;

/// What the pipeline's threads count themselves.
#[derive(Clone, Debug)]
pub struct PipelineMetrics {
    sync: Histogram,
    group: Histogram,
    unacknowledged: Labelled,
    rows: Labelled,
    write: Histogram,
    write_failures: Labelled,
    deviations: Labelled,
    damage: Labelled,
    commands: Labelled,
}

impl PipelineMetrics {
    /// Registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            sync: registry.histogram(&SYNC),
            group: registry.histogram(&GROUP),
            unacknowledged: registry.counter(&UNACKNOWLEDGED),
            rows: registry.counter(&ROWS),
            write: registry.histogram(&WRITE),
            write_failures: registry.counter(&WRITE_FAILURES),
            deviations: registry.counter(&DEVIATIONS),
            damage: registry.counter(&DAMAGE),
            commands: registry.counter(&COMMANDS),
        }
    }

    /// A group was synced.
    #[allow(clippy::cast_precision_loss)]
    pub fn synced(&self, events: usize, took: Duration) {
        self.sync.observe(took.as_secs_f64());
        self.group.observe(events as f64);
    }

    /// A message was not taken.
    pub fn refused(&self, reason: Refused) {
        self.unacknowledged.get_or_create(&vec![("reason", reason.label())]).inc();
    }

    /// An event was odd: each kind counts once.
    pub fn deviations(&self, source: Source, set: Deviations) {
        for deviation in set.iter() {
            let labels = vec![("protocol", source.label()), ("kind", deviation.label())];
            self.deviations.get_or_create(&labels).inc();
        }
    }

    /// A command took a step: its ends are counted.
    pub fn command(&self, command: &station::fold::Command) {
        if !command.state.is_open() {
            let outcome = if command.late { "late" } else { command.state.label() };
            let name = station::ocpp::command::label(&command.name);
            self.commands.get_or_create(&vec![("command", name), ("outcome", outcome)]).inc();
        }
    }

    /// Damage was found.
    pub fn damaged(&self, what: &'static str) {
        self.damage.get_or_create(&vec![("what", what)]).inc();
    }

    /// A table took rows.
    pub fn rows(&self, table: &'static str, rows: usize) {
        self.rows.get_or_create(&vec![("table", table)]).inc_by(rows as u64);
    }

    /// A batch was written.
    pub fn written(&self, took: Duration) {
        self.write.observe(took.as_secs_f64());
    }

    /// A batch was not taken.
    pub fn write_failed(&self, reason: &'static str) {
        self.write_failures.get_or_create(&vec![("reason", reason)]).inc();
    }
}

/// Reads what the pipeline publishes, at each scrape.
#[derive(Debug)]
pub struct GatewayCollector(pub Arc<Status>);

impl GatewayCollector {
    fn counter(encoder: &mut DescriptorEncoder<'_>, spec: &MetricSpec, value: f64) -> fmt::Result {
        ConstCounter::new(value).encode(spec.encode(encoder)?)
    }

    fn gauge(encoder: &mut DescriptorEncoder<'_>, spec: &MetricSpec, value: f64) -> fmt::Result {
        ConstGauge::new(value).encode(spec.encode(encoder)?)
    }
}

impl Collector for GatewayCollector {
    #[allow(clippy::cast_precision_loss)]
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let status = &self.0;
        let books = status.books.load();
        let store = status.store.load();
        let received = status.journal.synced();
        Self::counter(encoder, &RECEIVED, received as f64)?;
        Self::counter(encoder, &STORED, books.stored as f64)?;
        Self::counter(encoder, &DUPLICATE, books.duplicate as f64)?;
        let mut family = REJECTED.encode(encoder)?;
        for reason in station::event::RejectReason::ALL {
            let count = books.rejected.get(reason.label()).copied().unwrap_or(0);
            ConstCounter::new(count as f64).encode(family.encode_family(&[("reason", reason.label())])?)?;
        }
        Self::gauge(encoder, &IN_JOURNAL, received.saturating_sub(books.position) as f64)?;
        Self::gauge(encoder, &DIFFERENCE, books.difference(received) as f64)?;
        Self::counter(encoder, &JOURNAL_EVENTS, received as f64)?;
        Self::gauge(encoder, &JOURNAL_BYTES, status.journal.bytes() as f64)?;
        Self::gauge(encoder, &JOURNAL_BYTES_MAX, status.journal_max_bytes as f64)?;
        Self::gauge(encoder, &JOURNAL_OLDEST, status.oldest_unwritten().0 as f64 / 1e6)?;
        Self::counter(encoder, &JOURNAL_LOST, books.lost as f64)?;
        Self::gauge(encoder, &SAVED, status.saved_at().0 as f64 / 1e6)?;
        Self::gauge(encoder, &STORE_UP, f64::from(u8::from(store.up)))?;
        Self::gauge(encoder, &SUSPENDED, store.suspended.len() as f64)?;
        Self::gauge(encoder, &APPLY_LAG, store.apply_lag as f64)?;
        Self::gauge(encoder, &LATE_ROWS, status.late_rows() as f64)?;
        let totals = status.published.totals.load();
        let mut family = ENERGY.encode(encoder)?;
        for (site, total) in &totals.sites {
            let joules = total.energy_wh * 3600.0;
            ConstCounter::new(joules).encode(family.encode_family(&[("site", site.as_str())])?)?;
        }
        let mut family = REVENUE.encode(encoder)?;
        for (site, total) in &totals.sites {
            for (currency, money) in &total.revenue {
                let labels = [("site", site.as_str()), ("currency", currency.as_str())];
                ConstCounter::new(money.to_f64().unwrap_or(0.0)).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family = SESSIONS.encode(encoder)?;
        for (site, total) in &totals.sites {
            ConstCounter::new(total.sessions_ended as f64)
                .encode(family.encode_family(&[("site", site.as_str())])?)?;
        }
        let mut family = COMMANDS_OPEN.encode(encoder)?;
        for (state, count) in status.published.commands.counts() {
            ConstGauge::new(count as f64).encode(family.encode_family(&[("state", state)])?)?;
        }
        let settings = status.published.settings.load();
        ConstGauge::new(status.published.access.quarantine().len() as f64)
            .encode(QUARANTINE.encode(encoder)?)?;
        let mut family = SETTINGS.encode(encoder)?;
        for collection in station::setting::Collection::ALL {
            let count = settings.list(collection).count();
            ConstGauge::new(count as f64)
                .encode(family.encode_family(&[("collection", collection.label())])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_is_declared_once() {
        let mut names: Vec<_> = crate::metrics::specs().iter().map(|s| s.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
