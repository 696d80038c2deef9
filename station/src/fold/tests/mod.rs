//! What the fold makes of the lives of stations.

mod clocks;
mod duplicates;
mod local_list;
mod quarantine;
mod sessions;
mod state;
mod tokens;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::digest::digest;
use crate::event::*;
use crate::fact::SessionRow;
use crate::measurand::{Context, Location, Measurand, Reading, Sample};
use crate::secret::SecretKey;
use crate::setting::{Setting, SettingChange, StationSetting, Tariff, TokenSetting};

const T0: Timestamp = Timestamp(1_790_000_000_000_000);

/// A gateway's journal, played into a fold.
struct Play {
    fold: Fold,
    rows: Vec<Fact>,
    station: StationId,
    source: Source,
    now: Timestamp,
    next: u128,
}

impl Play {
    fn new(source: Source) -> Self {
        let mut play = Self {
            fold: Fold::default(),
            rows: Vec::new(),
            station: StationId::new("CP1").unwrap(),
            source,
            now: T0,
            next: 1,
        };
        play.set(Setting::Tariff(Tariff {
            tariff: "day".into(),
            currency: "EUR".into(),
            per_kwh: "0.30".parse().unwrap(),
            per_idle_minute: "0.10".parse().unwrap(),
            per_session: "0.35".parse().unwrap(),
            ..Tariff::default()
        }));
        play.set(Setting::Token(TokenSetting { token_hash: card("A").hash, ..TokenSetting::default() }));
        play.set(Setting::Station(StationSetting {
            station: "CP1".into(),
            site: Some("oslo".into()),
            ..StationSetting::default()
        }));
        play
    }

    fn set(&mut self, setting: Setting) {
        let revision = 1 + self.fold.settings().history(setting.collection(), setting.key()).len() as u64;
        let change = SettingChange { author: "test".into(), revision, setting };
        self.event(StationEvent::new(
            StationId::gateway(),
            Source::Api,
            EventKind::SettingChanged(Box::new(change)),
        ));
    }

    fn event(&mut self, mut event: StationEvent) -> Outcome {
        if !event.event_id.is_replay() {
            event.event_id = crate::id::EventId(Uuid::from_u128(self.next));
        }
        self.next += 1;
        event.received_at = self.now;
        let mut rows = Rows::wanted();
        let outcome = self.fold.apply(&event, &mut rows);
        self.rows.extend(rows.facts);
        outcome
    }

    /// A message at a connector with the station's time, as a decoder gives it.
    fn say(&mut self, message_id: &str, connector: i32, at: Option<Timestamp>, kind: EventKind) -> Outcome {
        let mut event = StationEvent::new(self.station.clone(), self.source, kind);
        event.connector = Some(connector);
        event.station_ts = at;
        event.message_id = Some(message_id.to_owned());
        event.digest = digest(&[format!("{connector}{at:?}{:?}", event.kind).as_bytes()]);
        self.event(event)
    }

    fn start(&mut self, id: &str, connector: i32, at: Timestamp, meter: f64) -> Outcome {
        self.now = self.now.max(at);
        let start =
            SessionStart { token: Some(card("A")), meter_start_wh: Some(meter), ..SessionStart::default() };
        self.say(id, connector, Some(at), EventKind::SessionStarted(start))
    }

    fn meter(&mut self, id: &str, transaction: &str, at: Timestamp, energy_wh: f64, power_w: f64) -> Outcome {
        self.now = self.now.max(at);
        let samples = vec![Sample {
            station_ts: Some(at),
            readings: vec![
                reading(Measurand::EnergyImportRegister, energy_wh, "Wh"),
                reading(Measurand::PowerImport, power_w, "W"),
            ],
            ..Sample::default()
        }];
        self.say(id, 1, None, EventKind::MeterSampled { transaction: Some(transaction.into()), samples })
    }

    fn stop(&mut self, id: &str, transaction: &str, at: Timestamp, meter: f64) -> Outcome {
        self.now = self.now.max(at);
        let end = SessionEnd {
            transaction: Some(transaction.into()),
            meter_stop_wh: Some(meter),
            reason: Some("Local".into()),
            ..SessionEnd::default()
        };
        let mut event = StationEvent::new(self.station.clone(), self.source, EventKind::SessionEnded(end));
        event.station_ts = Some(at);
        event.message_id = Some(id.to_owned());
        event.digest = digest(&[format!("{transaction}{at:?}{meter}").as_bytes()]);
        self.event(event)
    }

    fn status(&mut self, id: &str, connector: i32, status: ConnectorStatus) -> Outcome {
        let now = self.now;
        let kind = EventKind::StatusChanged(Status {
            status,
            error_code: None,
            vendor_error_code: None,
            vendor_id: None,
            info: None,
        });
        self.say(id, connector, Some(now), kind)
    }

    /// The last row of each session, as the store would hold it.
    fn sessions(&self) -> Vec<SessionRow> {
        let mut latest: Vec<SessionRow> = Vec::new();
        for fact in &self.rows {
            if let Fact::Session(row) = fact {
                match latest.iter_mut().find(|s| s.session_id == row.session_id) {
                    Some(known) => {
                        assert_eq!(known.ts, row.ts, "a session's ts never changes");
                        *known = (**row).clone();
                    }
                    None => latest.push((**row).clone()),
                }
            }
        }
        latest
    }
}

fn card(plain: &str) -> crate::secret::Token {
    SecretKey::new(b"test").token(plain)
}

fn reading(measurand: Measurand, value: f64, unit: &str) -> Reading {
    Reading {
        measurand,
        context: Context::Periodic,
        location: Location::Outlet,
        phase: None,
        value: Some(value),
        text: None,
        unit: unit.into(),
    }
}

fn id_of(outcome: &Outcome) -> String {
    outcome.transaction_id.expect("a transaction id").to_string()
}
