//! What columns can hold, and in which units.

use serde::{Deserialize, Serialize};

/// What a column can hold. The unit stands in the name; a column in another unit says so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Id of the station.
    Station,
    /// The place, as the record names it.
    Site,
    /// Who charged (card, user); hashed and sealed before anything else is done with it.
    Token,
    /// Begin: date and time.
    StartedAt,
    /// The begin's date, where `started_at` has only the time, or a wrong date.
    StartedOn,
    /// End: date and time.
    EndedAt,
    /// From begin to end; stands in for a missing end.
    DurationS,
    /// While energy flowed; stands in for a missing end, too.
    ChargingS,
    /// Energy.
    EnergyWh,
    /// Largest power.
    MaxPowerW,
    /// Mean power.
    MeanPowerW,
    /// What it cost.
    Cost,
    /// ISO 4217.
    Currency,
    /// Model of the vehicle.
    VehicleModel,
    /// What the battery holds.
    BatteryWh,
    /// State of charge at the begin.
    SocStartRatio,
    /// State of charge at the end.
    SocEndRatio,
    /// Temperature outside.
    TemperatureC,
    /// Driven since the last charge.
    DistanceM,
    /// Age of the vehicle.
    VehicleAgeYears,
    /// "Level 2", "DC Fast Charger", …
    ChargerType,
    /// "Commuter", …
    UserType,
    /// Why it ended.
    StopReason,
    /// Lists: its name.
    Name,
    /// Lists: degrees north.
    LatitudeDeg,
    /// Lists: degrees east.
    LongitudeDeg,
    /// Lists: power that a station can give.
    RatedPowerW,
    /// Lists: IANA time zone.
    TimeZone,
    /// Lists: what a site may draw from the grid.
    GridLimitW,
}

impl Field {
    /// All.
    pub const ALL: [Self; 29] = [
        Self::Station,
        Self::Site,
        Self::Token,
        Self::StartedAt,
        Self::StartedOn,
        Self::EndedAt,
        Self::DurationS,
        Self::ChargingS,
        Self::EnergyWh,
        Self::MaxPowerW,
        Self::MeanPowerW,
        Self::Cost,
        Self::Currency,
        Self::VehicleModel,
        Self::BatteryWh,
        Self::SocStartRatio,
        Self::SocEndRatio,
        Self::TemperatureC,
        Self::DistanceM,
        Self::VehicleAgeYears,
        Self::ChargerType,
        Self::UserType,
        Self::StopReason,
        Self::Name,
        Self::LatitudeDeg,
        Self::LongitudeDeg,
        Self::RatedPowerW,
        Self::TimeZone,
        Self::GridLimitW,
    ];

    /// The name in mappings.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::Site => "site",
            Self::Token => "token",
            Self::StartedAt => "started_at",
            Self::StartedOn => "started_on",
            Self::EndedAt => "ended_at",
            Self::DurationS => "duration_s",
            Self::ChargingS => "charging_s",
            Self::EnergyWh => "energy_wh",
            Self::MaxPowerW => "max_power_w",
            Self::MeanPowerW => "mean_power_w",
            Self::Cost => "cost",
            Self::Currency => "currency",
            Self::VehicleModel => "vehicle_model",
            Self::BatteryWh => "battery_wh",
            Self::SocStartRatio => "soc_start_ratio",
            Self::SocEndRatio => "soc_end_ratio",
            Self::TemperatureC => "temperature_c",
            Self::DistanceM => "distance_m",
            Self::VehicleAgeYears => "vehicle_age_years",
            Self::ChargerType => "charger_type",
            Self::UserType => "user_type",
            Self::StopReason => "stop_reason",
            Self::Name => "name",
            Self::LatitudeDeg => "latitude_deg",
            Self::LongitudeDeg => "longitude_deg",
            Self::RatedPowerW => "rated_power_w",
            Self::TimeZone => "time_zone",
            Self::GridLimitW => "grid_limit_w",
        }
    }

    /// The units that a column of this field may have: name, factor, offset. The first is the field's own. Empty for
    /// what has no unit.
    pub(super) fn units(self) -> &'static [(&'static str, f64, f64)] {
        match self {
            Self::DurationS | Self::ChargingS => {
                &[("s", 1.0, 0.0), ("min", 60.0, 0.0), ("h", 3_600.0, 0.0), ("ms", 1e-3, 0.0)]
            }
            Self::EnergyWh | Self::BatteryWh => &[("Wh", 1.0, 0.0), ("kWh", 1e3, 0.0), ("MWh", 1e6, 0.0)],
            Self::MaxPowerW | Self::MeanPowerW | Self::RatedPowerW | Self::GridLimitW => {
                &[("W", 1.0, 0.0), ("kW", 1e3, 0.0)]
            }
            Self::SocStartRatio | Self::SocEndRatio => &[("ratio", 1.0, 0.0), ("%", 0.01, 0.0)],
            Self::TemperatureC => {
                &[("°C", 1.0, 0.0), ("C", 1.0, 0.0), ("°F", 5.0 / 9.0, -160.0 / 9.0), ("K", 1.0, -273.15)]
            }
            Self::DistanceM => &[("m", 1.0, 0.0), ("km", 1e3, 0.0), ("mi", 1_609.344, 0.0)],
            Self::VehicleAgeYears => &[("years", 1.0, 0.0), ("months", 1.0 / 12.0, 0.0)],
            _ => &[],
        }
    }

    /// Whether a value below nothing cannot be.
    pub(super) fn is_never_negative(self) -> bool {
        matches!(
            self,
            Self::DurationS
                | Self::ChargingS
                | Self::EnergyWh
                | Self::MaxPowerW
                | Self::MeanPowerW
                | Self::BatteryWh
                | Self::SocStartRatio
                | Self::SocEndRatio
                | Self::DistanceM
                | Self::VehicleAgeYears
                | Self::RatedPowerW
                | Self::GridLimitW
        )
    }
}
