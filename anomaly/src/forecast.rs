//! Forecasts: the load of the next days with a band, and the chance of a free connector.
//!
//! The method is one that can be told in a sentence: what happened at the same hour of alike days before, the recent
//! ones counting more, scaled by half (in logarithms) of what the last week differs from the week before each of them.
//! The quantiles are those of these weighted hours; how wide the band is comes from how often bands like it held the
//! truth in the last weeks. `make quality` measures it beside gradient boosting.

mod alike;
mod availability;
mod bands;
mod grid;
mod load;
mod places;
mod read;
mod schedule;

pub use availability::{Availability, Chance};
pub use grid::{Grid, Span, Visit, gaps};
pub use load::{LoadForecast, LoadModel};
pub use places::{History, Place, Scope, StationHistory};
pub(crate) use schedule::Forecaster;

/// The method's name, as it is written beside each forecast. Another method or other constants get another name.
pub const MODEL: &str = "alike-hours-1";

/// With fewer known days nothing is forecast: every hour of the week must have been seen twice.
pub const DAYS_MIN: usize = 14;

/// How far ahead is forecast, h.
pub const HORIZON_MAX_H: u32 = 168;

/// Why there is no forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLittle {
    /// Nothing is known at all.
    #[error("there is no session yet; a forecast needs {DAYS_MIN} days of history")]
    Nothing,
    /// The history is too short.
    #[error("there are {0} days of history; a forecast needs {DAYS_MIN}")]
    Days(usize),
    /// It stopped: nothing happened for weeks, and nobody said why.
    #[error("the last session ended {0} days ago; a forecast needs one in the last {STALE_DAYS}")]
    Stale(usize),
}

/// Without a session for so many days a place is taken for closed, not for quiet.
pub const STALE_DAYS: usize = 28;
