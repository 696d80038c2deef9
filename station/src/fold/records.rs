//! Whole sessions, told in one record.

use super::session::AppliedTariff;
use super::sessions::applied;
use super::{Folding, Outcome, Verdict, rejected};
use crate::event::{RejectReason, SessionRecord, Source};
use crate::fact::{Fact, SessionRow};
use crate::id::SessionId;
use crate::time::Timestamp;

/// How many whole-session records of a station are remembered.
const RECORDS_SEEN: usize = 16_384;
/// Records from before 2000-01-01 are taken for a fault of their clock.
const EARLIEST_RECORD: Timestamp = Timestamp(946_684_800_000_000);

impl Folding<'_> {
    pub(super) fn session_recorded(&mut self, record: &SessionRecord) -> Outcome {
        let event = self.origin.event;
        let token_hash = record.token.as_ref().map(|t| t.hash.as_str());
        if record.ended_at < record.started_at
            || record.started_at < EARLIEST_RECORD
            || record.ended_at > event.received_at.plus_seconds(super::EARLY_LIMIT_S)
        {
            let detail = format!(
                "the session is said to last from {} to {}: its end must not be before its start, nor in the future, \
                 and its start not before 2000",
                record.started_at, record.ended_at
            );
            self.rows.push(&self.origin, |key| {
                rejected(key, event, RejectReason::Invalid, &detail, "session record")
            });
            return Outcome { verdict: Verdict::Rejected(RejectReason::Invalid), ..Outcome::default() };
        }
        let session_id =
            SessionId::of_record(&event.station, token_hash, record.started_at.0, record.ended_at.0);
        let known = crate::digest::digest(&[session_id.0.as_bytes()]);
        if !self.station.records.insert(known, RECORDS_SEEN) {
            return Outcome { verdict: Verdict::Duplicate, ..Outcome::default() };
        }
        let site = self.origin.site.map(str::to_owned).or_else(|| record.site.clone());
        let tariff = applied(self.settings.tariff_at(site.as_deref(), record.started_at));
        let row = recorded_row(self, record, session_id, site, tariff.as_ref());
        self.station.sessions_count += 1;
        self.station.energy_wh += record.energy_wh.unwrap_or(0.0).max(0.0);
        if event.source != Source::Import {
            self.totals.recorded(&row);
        }
        self.rows.push_own(|| Fact::Session(Box::new(row)));
        Outcome::default()
    }
}

/// The row of a whole-session record. What the record says it cost goes before the tariff.
fn recorded_row(
    folding: &Folding<'_>,
    record: &SessionRecord,
    session_id: SessionId,
    site: Option<String>,
    tariff: Option<&AppliedTariff>,
) -> SessionRow {
    use rust_decimal::prelude::ToPrimitive;

    let event = folding.origin.event;
    let duration_s = record.ended_at.seconds_since(record.started_at);
    let idle_s = record.charging_s.map(|charging| (duration_s - charging).max(0.0));
    let by_tariff = || {
        let applied = tariff?;
        Some(super::cost(&applied.tariff, record.energy_wh?, duration_s, idle_s.unwrap_or(0.0)))
    };
    let recorded = record.cost.is_some();
    let mean_power_w = record.mean_power_w.or_else(|| {
        let seconds = record.charging_s.unwrap_or(duration_s);
        record.energy_wh.filter(|_| seconds > 0.0).map(|e| e * 3600.0 / seconds)
    });
    SessionRow {
        ts: record.started_at,
        session_id,
        station: event.station.to_string(),
        site,
        evse: event.evse,
        connector: event.connector,
        transaction_id: None,
        token_hash: record.token.as_ref().map(|t| t.hash.clone()),
        vehicle_model: record.vehicle_model.clone(),
        user_type: record.user_type.clone(),
        charger_type: record.charger_type.clone(),
        state: "ended",
        started_at: record.started_at,
        ended_at: Some(record.ended_at),
        duration_s,
        charging_s: record.charging_s,
        idle_s,
        energy_wh: record.energy_wh,
        meter_start_wh: None,
        meter_stop_wh: None,
        max_power_w: record.max_power_w,
        mean_power_w,
        soc_start_ratio: record.soc_start_ratio,
        soc_end_ratio: record.soc_end_ratio,
        battery_wh: record.battery_wh,
        temperature_c: record.temperature_c,
        cost: record.cost.or_else(by_tariff).and_then(|c| c.to_f64()),
        currency: if recorded { record.currency.clone() } else { tariff.map(|t| t.tariff.currency.clone()) },
        tariff: tariff.filter(|_| !recorded).map(|t| t.tariff.tariff.clone()),
        tariff_revision: tariff.filter(|_| !recorded).and_then(|t| i64::try_from(t.revision).ok()),
        stop_reason: record.stop_reason.clone(),
        inferred: false,
        partial: false,
        revision: 0,
        samples: 0,
        source: event.source.label(),
        received_at: event.received_at,
        updated_at: event.received_at,
        flags: event.deviations.to_flags(),
    }
}
