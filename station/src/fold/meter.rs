//! Meter values: into rows, and into the session that they belong to.

use super::rows::Origin;
use super::session::Readings;
use super::{Folding, Outcome, plausible};
use crate::deviation::Deviation;
use crate::fact::{Fact, MeterValue, MeterValueOther};
use crate::id::SessionId;
use crate::measurand::{Location, Measurand, Reading, Sample};

impl Folding<'_> {
    pub(super) fn meter_sampled(&mut self, transaction: Option<&str>, samples: &[Sample]) -> Outcome {
        let event = self.origin.event;
        for sample in samples {
            let mut deviations = self.origin.deviations.union(sample.deviations);
            let station_ts = sample.station_ts.or(event.station_ts);
            let ts = match station_ts {
                Some(ts) if plausible(ts, self.origin.latest) => ts,
                Some(_) => {
                    deviations.add(Deviation::Clock);
                    event.received_at
                }
                None => event.received_at,
            };
            let session_id = self.find_or_begin(transaction, ts);
            self.odd = self.odd.union(deviations);
            let origin = SampleOrigin { ts, station_ts, deviations };
            let rows = self.sample_rows(sample, session_id, &origin);
            let Some(session_id) = session_id else { continue };
            let readings = readings_of(sample);
            let Some(session) = self.station.session(session_id) else { continue };
            let ended = session.ended_at.is_some();
            session.samples = session.samples.saturating_add(rows);
            session.updated_at = event.received_at;
            session.deviations = session.deviations.union(deviations);
            if !ended || ts <= session.ended_at.unwrap_or(ts) {
                let power_after = session.power_w;
                let known = session.deviations;
                session.sample(ts, readings);
                self.odd = self.odd.union(session.deviations.without(known));
                if ended {
                    session.power_w = power_after;
                }
            }
            if ended {
                // A late value corrects what was known of the session: its row is written again.
                session.revision += 1;
                let row = session.row(&event.station);
                self.rows.push_own(|| Fact::Session(Box::new(row)));
            }
            if event.source != crate::event::Source::Import {
                let new_wh = match self.station.open.iter_mut().find(|s| s.session_id == session_id) {
                    Some(session) => self.totals.energy(session),
                    None => 0.0,
                };
                self.station.energy_wh += new_wh;
            }
        }
        Outcome::default()
    }

    /// Writes a sample's rows; returns how many went to `meter_values`. One row holds what was measured at one place
    /// on one phase in one context; a second value of the same measurand there begins another row.
    fn sample_rows(&mut self, sample: &Sample, session_id: Option<SessionId>, at: &SampleOrigin) -> i32 {
        let mut values: Vec<MeterValue> = Vec::new();
        for reading in &sample.readings {
            let known =
                reading.value.filter(|_| reading.measurand.base_unit() == Some(reading.unit.as_str()));
            let stored = known.is_some_and(|value| {
                let free = values
                    .iter_mut()
                    .filter(|row| {
                        row.context == reading.context.as_str()
                            && row.location == reading.location.as_str()
                            && row.phase == reading.phase
                    })
                    .filter_map(|row| column(row, &reading.measurand))
                    .find(|column| column.is_none());
                if let Some(column) = free {
                    *column = Some(value);
                    return true;
                }
                let mut row = MeterValue {
                    session_id,
                    context: reading.context.as_str().to_owned(),
                    location: reading.location.as_str().to_owned(),
                    phase: reading.phase.clone(),
                    ..MeterValue::default()
                };
                let Some(column) = column(&mut row, &reading.measurand) else { return false };
                *column = Some(value);
                values.push(row);
                true
            });
            if !stored {
                self.push_other(reading, session_id, at);
            }
        }
        let count = i32::try_from(values.len()).unwrap_or(i32::MAX);
        for value in values {
            self.rows.push(&self.origin, |mut key| {
                at.put(&mut key, &self.origin);
                Fact::MeterValue(key, value)
            });
        }
        count
    }

    fn push_other(&mut self, reading: &Reading, session_id: Option<SessionId>, at: &SampleOrigin) {
        self.rows.push(&self.origin, |mut key| {
            at.put(&mut key, &self.origin);
            Fact::MeterValueOther(
                key,
                MeterValueOther {
                    session_id,
                    context: reading.context.as_str().to_owned(),
                    location: reading.location.as_str().to_owned(),
                    phase: reading.phase.clone(),
                    measurand: reading.measurand.as_str().to_owned(),
                    value: reading.value,
                    value_text: reading.text.clone(),
                    unit: reading.unit.clone(),
                },
            )
        });
    }
}

/// What a sample's rows have of their own.
struct SampleOrigin {
    ts: crate::time::Timestamp,
    station_ts: Option<crate::time::Timestamp>,
    deviations: crate::deviation::Deviations,
}

impl SampleOrigin {
    fn put(&self, key: &mut crate::fact::Key, origin: &Origin<'_>) {
        key.ts = self.ts;
        key.station_ts = self.station_ts;
        if self.deviations != origin.deviations {
            key.flags = self.deviations.to_flags();
        }
    }
}

/// The column of a measurand; `None` for those that go to `meter_values_other`.
fn column<'a>(row: &'a mut MeterValue, measurand: &Measurand) -> Option<&'a mut Option<f64>> {
    Some(match measurand {
        Measurand::EnergyImportRegister => &mut row.energy_wh,
        Measurand::PowerImport => &mut row.power_w,
        Measurand::CurrentImport => &mut row.current_a,
        Measurand::Voltage => &mut row.voltage_v,
        Measurand::Soc => &mut row.soc_ratio,
        Measurand::Temperature => &mut row.temperature_c,
        Measurand::PowerOffered => &mut row.power_offered_w,
        Measurand::CurrentOffered => &mut row.current_offered_a,
        Measurand::Frequency => &mut row.frequency_hz,
        _ => return None,
    })
}

/// What a sample says of the session as a whole: totals, not phases. The outlet's meter goes before any other.
fn readings_of(sample: &Sample) -> Readings {
    let of = |measurand: &Measurand| {
        let total = |r: &&Reading| r.measurand == *measurand && r.phase.is_none() && in_base_unit(r);
        let mut totals = sample.readings.iter().filter(total);
        totals
            .clone()
            .find(|r| r.location == Location::Outlet)
            .or_else(|| totals.next())
            .and_then(|r| r.value)
    };
    // Power, unlike energy registers, may be added over the phases of one sample; only where no total is given.
    let phases = || {
        let mut sum = None;
        for reading in sample.readings.iter().filter(|r| {
            r.measurand == Measurand::PowerImport
                && matches!(r.phase.as_deref(), Some("L1" | "L2" | "L3" | "L1-N" | "L2-N" | "L3-N"))
                && in_base_unit(r)
        }) {
            sum = Some(sum.unwrap_or(0.0) + reading.value.unwrap_or(0.0));
        }
        sum
    };
    Readings {
        energy_wh: of(&Measurand::EnergyImportRegister),
        power_w: of(&Measurand::PowerImport).or_else(phases),
        soc_ratio: of(&Measurand::Soc),
        temperature_c: of(&Measurand::Temperature),
    }
}

fn in_base_unit(reading: &Reading) -> bool {
    reading.value.is_some() && reading.measurand.base_unit() == Some(reading.unit.as_str())
}
