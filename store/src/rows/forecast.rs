//! Forecasts of the anomaly service, and the hours that came.

use station::time::Timestamp;

use crate::schema::table;

/// `forecasts`: what an hour to come is expected to bring.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ForecastRow {
    /// When the hour begins.
    pub ts: Timestamp,
    /// `fleet`, `site` or `station`.
    pub scope: &'static str,
    /// The site's or station's id; `fleet` for the fleet.
    pub id: String,
    /// Whole days from the making to the hour's begin.
    pub days_ahead: i32,
    pub horizon_h: i32,
    /// Mean power of the hour: expected, and its quantiles. None where the history is too short for it.
    pub mean_w: Option<f64>,
    pub p10_w: Option<f64>,
    pub p50_w: Option<f64>,
    pub p90_w: Option<f64>,
    /// The chance that a connector is free, 0 to 1. None for the fleet.
    pub free_ratio: Option<f64>,
    /// What all connectors there can give together, if it is known.
    pub rated_w: Option<f64>,
    pub model: &'static str,
    pub made_at: Timestamp,
}

/// `hourly_load`: what an hour brought.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct HourRow {
    /// When the hour began.
    pub ts: Timestamp,
    /// `fleet`, `site` or `station`.
    pub scope: &'static str,
    /// The site's or station's id; `fleet` for the fleet.
    pub id: String,
    /// Mean power, from the sessions' energy.
    pub mean_w: f64,
    /// The share of the hour in which a connector was free, 0 to 1. None for the fleet.
    pub free_ratio: Option<f64>,
    /// How many connectors there are.
    pub connectors: Option<i32>,
    pub updated_at: Timestamp,
}

table! {
    FORECASTS, forecast: "forecasts", "what hours to come are expected to bring.",
    (row: &ForecastRow) at row.ts,
    symbols {
        scope: row.scope,
        id: row.id.as_str(),
        model: row.model,
    }
    columns {
        days_ahead: int(row.days_ahead),
        horizon_h: int(row.horizon_h),
        mean_w: double(row.mean_w),
        p10_w: double(row.p10_w),
        p50_w: double(row.p50_w),
        p90_w: double(row.p90_w),
        free_ratio: double(row.free_ratio),
        rated_w: double(row.rated_w),
        made_at: time(row.made_at),
    }
}

table! {
    HOURLY_LOAD, hour: "hourly_load", "what hours brought.",
    (row: &HourRow) at row.ts,
    symbols {
        scope: row.scope,
        id: row.id.as_str(),
    }
    columns {
        mean_w: double(row.mean_w),
        free_ratio: double(row.free_ratio),
        connectors: int(row.connectors),
        updated_at: time(row.updated_at),
    }
}
