//! Charging profiles: limits over time.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_ocpp::v1_6::types as v16;
use rust_ocpp::v2_0_1::datatypes::charging_profile_type::ChargingProfileType;
use rust_ocpp::v2_0_1::datatypes::charging_schedule_period_type::ChargingSchedulePeriodType;
use rust_ocpp::v2_0_1::datatypes::charging_schedule_type::ChargingScheduleType;
use serde::Deserialize;

use super::CommandError;
use super::request::{Rendering, time};
use crate::time::Timestamp;

/// A profile with one schedule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    id: i32,
    #[serde(default)]
    stack_level: i32,
    /// OCPP's word, of any version.
    purpose: String,
    /// Absolute (as if not given), Recurring or Relative.
    kind: Option<String>,
    /// Daily or Weekly.
    recurrency: Option<String>,
    transaction: Option<String>,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
    start: Option<Timestamp>,
    duration_s: Option<i32>,
    /// W or A.
    unit: String,
    min_rate: Option<Decimal>,
    periods: Vec<Period>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    #[serde(default)]
    start_s: i32,
    limit: Decimal,
    phases: Option<i32>,
}

/// A purpose in the words of a version: only one word differs.
pub(super) fn purpose(rendering: &Rendering<'_>, word: &str) -> &'static str {
    match word {
        "ChargePointMaxProfile" | "ChargingStationMaxProfile" => {
            if rendering.is_16() {
                "ChargePointMaxProfile"
            } else {
                "ChargingStationMaxProfile"
            }
        }
        "TxDefaultProfile" => "TxDefaultProfile",
        "TxProfile" => "TxProfile",
        "ChargingStationExternalConstraints" => "ChargingStationExternalConstraints",
        _ => "",
    }
}

/// The purpose as the version's type.
pub(super) fn purpose_of<T: serde::de::DeserializeOwned>(
    rendering: &Rendering<'_>,
    word: &str,
) -> Result<T, CommandError> {
    let known = purpose(rendering, word);
    rendering.word("purpose", if known.is_empty() { word } else { known })
}

impl Profile {
    fn check(&self, rendering: &Rendering<'_>) -> Result<(), CommandError> {
        let fraction = |rate: &Decimal| rate.normalize().scale() > 1 || rate.is_sign_negative();
        if self.periods.first().is_none_or(|period| period.start_s != 0) {
            return rendering.wrong("profile.periods: the first must begin at start_s 0");
        }
        if self.periods.iter().map(|period| &period.limit).chain(&self.min_rate).any(fraction) {
            return rendering.wrong("profile: limits are not negative and have one digit after the point");
        }
        if self.stack_level < 0 {
            return rendering.wrong("profile.stack_level is negative");
        }
        Ok(())
    }

    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("Absolute")
    }

    pub(super) fn v16(self, rendering: &Rendering<'_>) -> Result<v16::ChargingProfile, CommandError> {
        self.check(rendering)?;
        let transaction_id = match &self.transaction {
            None => None,
            Some(text) => match text.parse() {
                Ok(id) => Some(id),
                Err(_) => return rendering.wrong(format!("profile.transaction: \"{text}\" is no number")),
            },
        };
        let at = |at: Option<Timestamp>| -> Option<DateTime<Utc>> { at.map(time) };
        Ok(v16::ChargingProfile {
            charging_profile_id: self.id,
            transaction_id,
            stack_level: super::place::unsigned(self.stack_level),
            charging_profile_purpose: purpose_of(rendering, &self.purpose)?,
            charging_profile_kind: rendering.word("profile.kind", self.kind())?,
            recurrency_kind: match &self.recurrency {
                None => None,
                Some(word) => Some(rendering.word("profile.recurrency", word)?),
            },
            valid_from: at(self.valid_from),
            valid_to: at(self.valid_to),
            charging_schedule: v16::ChargingSchedule {
                duration: self.duration_s,
                start_schedule: at(self.start),
                charging_rate_unit: rendering.word("profile.unit", &self.unit)?,
                charging_schedule_period: self
                    .periods
                    .iter()
                    .map(|period| v16::ChargingSchedulePeriod {
                        start_period: period.start_s,
                        limit: period.limit,
                        number_phases: period.phases,
                    })
                    .collect(),
                min_charging_rate: self.min_rate,
            },
        })
    }

    pub(super) fn v2(self, rendering: &Rendering<'_>) -> Result<ChargingProfileType, CommandError> {
        self.check(rendering)?;
        let periods = self.periods.iter().map(|period| ChargingSchedulePeriodType {
            start_period: period.start_s,
            limit: period.limit,
            number_phases: period.phases,
            phase_to_use: None,
        });
        let schedule = ChargingScheduleType {
            id: self.id,
            start_schedule: self.start.map(time),
            duration: self.duration_s,
            charging_rate_unit: rendering.word("profile.unit", &self.unit)?,
            min_charging_rate: self.min_rate,
            charging_schedule_period: periods.collect(),
            sales_tariff: None,
        };
        Ok(ChargingProfileType {
            id: self.id,
            stack_level: self.stack_level,
            charging_profile_purpose: purpose_of(rendering, &self.purpose)?,
            charging_profile_kind: rendering.word("profile.kind", self.kind())?,
            recurrency_kind: match &self.recurrency {
                None => None,
                Some(word) => Some(rendering.word("profile.recurrency", word)?),
            },
            valid_from: self.valid_from.map(time),
            valid_to: self.valid_to.map(time),
            transaction_id: self.transaction,
            charging_schedule: vec![schedule],
        })
    }
}
