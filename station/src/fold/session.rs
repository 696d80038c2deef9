//! A session while it lives, and for a while after, because corrections come late.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::cost::cost;
use crate::deviation::{Deviation, Deviations};
use crate::event::Source;
use crate::fact::{SessionNow, SessionRow};
use crate::id::{SessionId, StationId};
use crate::setting::Tariff;
use crate::time::Timestamp;

/// Below this mean power no energy counts as flowing: vehicles on standby draw some tens of watts.
const IDLE_BELOW_W: f64 = 100.0;

/// The tariff that a session began under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AppliedTariff {
    pub(super) tariff: Tariff,
    pub(super) revision: u64,
}

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) session_id: SessionId,
    /// The row's designated timestamp: fixed by the first event.
    pub(super) ts: Timestamp,
    pub(super) evse: Option<i32>,
    pub(super) connector: Option<i32>,
    /// The station's own transaction id, or the one we gave (OCPP 1.6), as text.
    pub(super) transaction: Option<String>,
    /// The one we gave.
    pub(super) given_id: Option<i32>,
    pub(super) token_hash: Option<String>,
    pub(super) site: Option<String>,
    pub(super) tariff: Option<AppliedTariff>,
    pub(super) source: Source,
    pub(super) started_at: Timestamp,
    /// What the station's clock said at the start: with connector, token and meter it tells a repeated start.
    pub(super) start_station_ts: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) stop_reason: Option<String>,
    pub(super) inferred: bool,
    pub(super) partial: bool,
    pub(super) meter_start_wh: Option<f64>,
    pub(super) meter_stop_wh: Option<f64>,
    /// The highest register reading so far.
    pub(super) register_wh: Option<f64>,
    /// Integral of power, for stations without an energy register.
    pub(super) integral_wh: f64,
    pub(super) power_w: Option<f64>,
    pub(super) max_power_w: Option<f64>,
    pub(super) charging_s: f64,
    pub(super) idle_s: f64,
    /// Until when `charging_s` and `idle_s` are counted, and the energy then.
    pub(super) counted_until: Timestamp,
    pub(super) counted_wh: f64,
    /// Until when the session is known to last: its latest event, or the latest tick.
    pub(super) known_until: Timestamp,
    pub(super) soc_start_ratio: Option<f64>,
    pub(super) soc_ratio: Option<f64>,
    pub(super) temperature_c: Option<f64>,
    pub(super) samples: i32,
    pub(super) revision: i32,
    /// The station's count of facts when the session began: "nothing in between" is seen by it.
    pub(super) facts_at_start: u64,
    /// When its first event was journaled.
    pub(super) received_at: Timestamp,
    /// When its latest event was journaled.
    pub(super) updated_at: Timestamp,
    pub(super) deviations: Deviations,
    /// Energy and money that the totals have counted, so that a correction adds only what is new.
    pub(super) total_wh: f64,
    pub(super) total_cost: Decimal,
}

/// What one sample says of the session as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Readings {
    pub(super) energy_wh: Option<f64>,
    pub(super) power_w: Option<f64>,
    pub(super) soc_ratio: Option<f64>,
    pub(super) temperature_c: Option<f64>,
}

impl Session {
    /// Energy so far, Wh; `None` if nothing tells.
    pub(super) fn energy_wh(&self) -> Option<f64> {
        let last = match (self.meter_stop_wh, self.register_wh) {
            // A stop below what was read before is a rollover or a reset: the last good reading counts.
            (Some(stop), Some(read)) if stop < read && self.deviations.has(Deviation::MeterBackwards) => {
                Some(read)
            }
            (Some(stop), _) => Some(stop),
            (None, read) => read,
        };
        match (self.meter_start_wh, last) {
            (Some(start), Some(last)) => Some((last - start).max(0.0)),
            _ if self.integral_wh > 0.0 => Some(self.integral_wh),
            (Some(_), None) => Some(0.0),
            _ => None,
        }
    }

    /// Takes a sample into account.
    pub(super) fn sample(&mut self, at: Timestamp, readings: Readings) {
        if let Some(energy_wh) = readings.energy_wh {
            self.meter_start_wh.get_or_insert(energy_wh);
            if self.register_wh.or(self.meter_start_wh).is_some_and(|before| energy_wh < before)
                && at >= self.counted_until
            {
                self.deviations.add(Deviation::MeterBackwards);
            }
            self.register_wh = Some(self.register_wh.map_or(energy_wh, |before| before.max(energy_wh)));
        } else if let Some(power_w) = readings.power_w
            && self.register_wh.is_none()
            && at > self.counted_until
        {
            // Trapezoid between the two samples of power.
            let seconds = at.seconds_since(self.counted_until);
            self.integral_wh += (self.power_w.unwrap_or(power_w) + power_w) / 2.0 * seconds / 3600.0;
            self.deviations.add(Deviation::EnergyFromPower);
        }
        self.count_until(at, readings.power_w);
        self.known_until = self.known_until.max(at);
        if let Some(power_w) = readings.power_w {
            self.power_w = Some(power_w);
            self.max_power_w = Some(self.max_power_w.map_or(power_w, |max| max.max(power_w)));
        }
        if let Some(soc) = readings.soc_ratio {
            self.soc_start_ratio.get_or_insert(soc);
            self.soc_ratio = Some(soc);
        }
        if let Some(temperature) = readings.temperature_c {
            self.temperature_c = Some(self.temperature_c.map_or(temperature, |max| max.max(temperature)));
        }
    }

    /// Divides the time since the last sample into charging and idle, by the mean power in between: of the energy
    /// register where there is one, else of the power that was measured.
    fn count_until(&mut self, at: Timestamp, power_now_w: Option<f64>) {
        let seconds = at.seconds_since(self.counted_until);
        if seconds <= 0.0 {
            return;
        }
        let energy_wh = self.energy_wh();
        let by_register = energy_wh
            .filter(|_| self.register_wh.is_some() || self.meter_stop_wh.is_some())
            .map(|energy_wh| (energy_wh - self.counted_wh).max(0.0) * 3600.0 / seconds);
        if let Some(mean_w) = by_register.or(power_now_w).or(self.power_w) {
            if mean_w < IDLE_BELOW_W {
                self.idle_s += seconds;
            } else {
                self.charging_s += seconds;
            }
            if by_register.is_some() && power_now_w.is_none() {
                self.power_w = Some(mean_w);
                self.max_power_w = Some(self.max_power_w.map_or(mean_w, |max| max.max(mean_w)));
            }
        }
        self.counted_until = at;
        self.counted_wh = energy_wh.unwrap_or(self.counted_wh);
    }

    /// Ends the session. An inferred end may be corrected by a true one, later.
    pub(super) fn end(
        &mut self,
        at: Timestamp,
        meter_stop_wh: Option<f64>,
        reason: Option<String>,
        inferred: bool,
    ) {
        let at = at.max(self.started_at);
        if let Some(stop) = meter_stop_wh {
            if self.register_wh.or(self.meter_start_wh).is_some_and(|before| stop < before) {
                self.deviations.add(Deviation::MeterBackwards);
            }
            self.meter_stop_wh = Some(stop);
        }
        self.count_until(at, None);
        self.ended_at = Some(at);
        self.stop_reason = reason.or_else(|| self.stop_reason.take());
        self.inferred = inferred;
        self.power_w = Some(0.0);
    }

    /// Seconds from start to end, or to the latest that is known.
    fn duration_s(&self) -> f64 {
        self.ended_at.unwrap_or(self.known_until).seconds_since(self.started_at).max(0.0)
    }

    /// What it costs so far; `None` without a tariff or without any energy reading.
    pub(super) fn cost(&self) -> Option<Decimal> {
        let applied = self.tariff.as_ref()?;
        Some(cost(&applied.tariff, self.energy_wh()?, self.duration_s(), self.idle_s))
    }

    /// The whole row of `sessions`.
    pub(super) fn row(&self, station: &StationId) -> SessionRow {
        let duration_s = self.duration_s();
        let energy_wh = self.energy_wh();
        let measured = self.samples > 0;
        SessionRow {
            ts: self.ts,
            session_id: self.session_id,
            station: station.to_string(),
            site: self.site.clone(),
            evse: self.evse,
            connector: self.connector,
            transaction_id: self.transaction.clone(),
            token_hash: self.token_hash.clone(),
            vehicle_model: None,
            user_type: None,
            charger_type: None,
            state: if self.ended_at.is_some() { "ended" } else { "open" },
            started_at: self.started_at,
            ended_at: self.ended_at,
            duration_s,
            // Without samples in between nothing tells charging from waiting.
            charging_s: measured.then_some(self.charging_s),
            idle_s: measured.then_some(self.idle_s),
            energy_wh,
            meter_start_wh: self.meter_start_wh,
            meter_stop_wh: self.meter_stop_wh,
            max_power_w: self.max_power_w,
            mean_power_w: energy_wh.filter(|_| duration_s > 0.0).map(|e| e * 3600.0 / duration_s),
            soc_start_ratio: self.soc_start_ratio,
            soc_end_ratio: self.soc_ratio,
            battery_wh: None,
            temperature_c: self.temperature_c,
            cost: self.cost().and_then(|c| c.to_f64()),
            currency: self.tariff.as_ref().map(|t| t.tariff.currency.clone()),
            tariff: self.tariff.as_ref().map(|t| t.tariff.tariff.clone()),
            tariff_revision: self.tariff.as_ref().and_then(|t| i64::try_from(t.revision).ok()),
            stop_reason: self.stop_reason.clone(),
            inferred: self.inferred,
            partial: self.partial,
            revision: self.revision,
            samples: self.samples,
            source: self.source.label(),
            received_at: self.received_at,
            updated_at: self.updated_at,
            flags: self.deviations.to_flags(),
        }
    }

    /// The row of `session_now`.
    pub(super) fn now(&self, station: &StationId) -> SessionNow {
        SessionNow {
            station: station.to_string(),
            site: self.site.clone(),
            evse: self.evse.unwrap_or(0),
            connector: self.connector.unwrap_or(0),
            session_id: self.session_id,
            transaction_id: self.transaction.clone(),
            token_hash: self.token_hash.clone(),
            state: if self.ended_at.is_some() { "ended" } else { "open" },
            started_at: self.started_at,
            duration_s: self.duration_s(),
            idle_s: self.idle_s,
            energy_wh: self.energy_wh().unwrap_or(0.0),
            power_w: self.power_w.unwrap_or(0.0),
            max_power_w: self.max_power_w,
            soc_ratio: self.soc_ratio,
            temperature_c: self.temperature_c,
            cost: self.cost().and_then(|c| c.to_f64()),
            currency: self.tariff.as_ref().map(|t| t.tariff.currency.clone()),
            samples: self.samples,
            updated_at: self.updated_at,
        }
    }
}
