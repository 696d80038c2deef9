//! Forecasts of all places, made again and again and written to the store, beside the hours that came.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use station::time::{SECOND, Timestamp};
use store::read::{Param, ReadError, Reader};
use store::{ForecastRow, HourRow};
use tokio_util::sync::CancellationToken;

use super::places::{History, Scope};
use super::{MODEL, read};
use crate::config::ForecastConfig;
use crate::metrics::{Metrics, OutcomeLabels, ScopeLabels, StateLabels};
use crate::writer::{Item, Lanes};

const HOUR_S: i64 = 3600;
/// After a failure it is tried again so soon.
const RETRY: Duration = Duration::from_secs(30);
/// The hours that came are written for so many days at start …
const CAME_DAYS_FIRST: i64 = 35;
/// … and then for so many: sessions that are told late still change them.
const CAME_DAYS: i64 = 3;

/// Why a round of forecasts failed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] ReadError),
    #[error("the making of forecasts has crashed: {0}")]
    Crashed(#[from] tokio::task::JoinError),
}

/// Makes forecasts.
pub(crate) struct Forecaster {
    pub(crate) config: ForecastConfig,
    pub(crate) reader: Reader,
    pub(crate) lanes: Lanes,
    pub(crate) metrics: Metrics,
    /// What the API answers from; empty before the first round.
    pub(crate) history: Arc<ArcSwapOption<History>>,
}

impl Forecaster {
    /// Makes forecasts until `shutdown`. Failures are logged once per kind and tried again.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let (mut complained, mut came_days) = (String::new(), CAME_DAYS_FIRST);
        loop {
            let began = Instant::now();
            let made = tokio::select! {
                made = self.round(came_days) => made,
                () = shutdown.cancelled() => return,
            };
            let outcome = if made.is_ok() { "made" } else { "failed" };
            self.metrics.forecasts.get_or_create(&OutcomeLabels { outcome }).inc();
            let wait = match made {
                Ok(()) => {
                    self.metrics.forecasting.observe(began.elapsed().as_secs_f64());
                    complained.clear();
                    came_days = CAME_DAYS;
                    self.config.every.0
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != complained {
                        tracing::warn!(%error, "no forecasts were made; it will be tried again");
                        complained = error;
                    }
                    RETRY.min(self.config.every.0)
                }
            };
            if !crate::scoring::pause(wait, &shutdown).await {
                return;
            }
        }
    }

    async fn round(&self, came_days: i64) -> Result<(), Failed> {
        let now = crate::now();
        let history = Arc::new(read::history(&self.reader, now).await?);
        self.history.store(Some(Arc::clone(&history)));
        let (mut forecast, mut too_little) = (0, 0);
        for scope in history.scopes() {
            let horizon = match scope {
                Scope::Station(_) => self.config.station_horizon,
                Scope::Fleet | Scope::Site(_) => self.config.horizon,
            };
            let hours = i64::try_from(horizon.0.as_secs()).unwrap_or(i64::MAX) / HOUR_S;
            let history = Arc::clone(&history);
            let made = tokio::task::spawn_blocking(move || rows(&history, &scope, now, hours, came_days));
            let (items, is_forecast) = made.await?;
            *(if is_forecast { &mut forecast } else { &mut too_little }) += 1;
            for item in items {
                // Waits while the store is away: forecasts are written later, and never pile up.
                self.lanes.bulk(item).await;
            }
        }
        for (state, count) in [("forecast", forecast), ("too_little_history", too_little)] {
            self.metrics.forecast_places.get_or_create(&StateLabels { state }).set(count);
        }
        self.metrics.forecast_made.set(now.0 as f64 / SECOND as f64);
        self.measure(now).await?;
        Ok(())
    }

    /// How far the forecasts of a day ahead were off in the last 24 hours.
    async fn measure(&self, now: Timestamp) -> Result<(), ReadError> {
        let sql = "SELECT f.scope AS scope, sum(abs(f.p50_w - l.mean_w)) AS off_w, sum(l.mean_w) AS came_w \
                   FROM (SELECT ts, scope, id, p50_w FROM forecasts WHERE ts >= $1 AND ts < $2 AND days_ahead = 1 \
                   AND p50_w IS NOT NULL) f \
                   JOIN (SELECT ts, scope, id, mean_w FROM hourly_load WHERE ts >= $1 AND ts < $2) l \
                   ON f.ts = l.ts AND f.scope = l.scope AND f.id = l.id";
        let until = hour(now);
        let params = [Param::Time(until.plus_seconds(-24 * HOUR_S)), Param::Time(until)];
        for row in self.reader.query(sql, &params).await? {
            let scope: Option<String> = row.get("scope")?;
            let (off_w, came_w): (Option<f64>, Option<f64>) = (row.get("off_w")?, row.get("came_w")?);
            let known =
                ["fleet", "site", "station"].into_iter().find(|known| scope.as_deref() == Some(known));
            if let (Some(scope), Some(off_w), Some(came_w)) = (known, off_w, came_w)
                && came_w > 0.0
            {
                self.metrics.forecast_error.get_or_create(&ScopeLabels { scope }).set(off_w / came_w);
            }
        }
        Ok(())
    }
}

/// The hour that runs.
fn hour(now: Timestamp) -> Timestamp {
    Timestamp(now.0.div_euclid(HOUR_S * SECOND) * HOUR_S * SECOND)
}

/// The rows of one place: the hours to come, and those that came. Whether anything was forecast.
fn rows(history: &History, scope: &Scope, now: Timestamp, hours: i64, came_days: i64) -> (Vec<Item>, bool) {
    let Some(place) = history.place(scope) else { return (Vec::new(), false) };
    let (load, free) = (place.load().ok(), place.availability().ok());
    let mut items = Vec::new();
    let first = hour(now);
    for horizon_h in 0..hours {
        let ts = first.plus_seconds(horizon_h * HOUR_S);
        let load = load.as_ref().and_then(|load| load.forecast(ts.0));
        let free_ratio = free.as_ref().map(|free| free.chance(ts.0).free_ratio);
        if load.is_none() && free_ratio.is_none() {
            continue;
        }
        let quantile = |at: usize| load.map(|load| load.quantiles_w[at]);
        items.push(Item::Forecast(Box::new(ForecastRow {
            ts,
            scope: scope.kind(),
            id: scope.id().to_owned(),
            days_ahead: i32::try_from(horizon_h / 24).unwrap_or(i32::MAX),
            horizon_h: i32::try_from(horizon_h).unwrap_or(i32::MAX),
            mean_w: load.map(|load| load.mean_w),
            p10_w: quantile(0),
            p50_w: quantile(1),
            p90_w: quantile(2),
            free_ratio,
            rated_w: place.rated_w,
            model: MODEL,
            made_at: now,
        })));
    }
    let is_forecast = !items.is_empty();
    for back in 1..=came_days * 24 {
        let ts = first.plus_seconds(-back * HOUR_S);
        let known = |grid: &super::Grid| grid.value(ts.0);
        let Some(mean_w) = place.power.as_ref().and_then(known) else { continue };
        items.push(Item::Hour(Box::new(HourRow {
            ts,
            scope: scope.kind(),
            id: scope.id().to_owned(),
            mean_w,
            free_ratio: place.free.as_ref().and_then(known),
            connectors: i32::try_from(place.connectors).ok(),
            updated_at: now,
        })));
    }
    (items, is_forecast)
}
