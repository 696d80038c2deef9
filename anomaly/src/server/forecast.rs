//! Forecasts, answered from the history that the last round has read: a store that is away does not matter.

use std::sync::Arc;
use std::time::Duration;

use proto::anomaly::v1 as api;
use station::time::{SECOND, Timestamp};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::Api;
use super::convert::{time, to_time};
use super::errors::{Violations, not_found};
use crate::forecast::{HORIZON_MAX_H, History, MODEL, Place, Scope, TooLittle};

const HOUR_US: i64 = 3600 * SECOND;
/// The first round takes some seconds.
const READ_SOON: Duration = Duration::from_secs(5);
/// Quantiles that are asked for at once.
const QUANTILES_MAX: usize = 20;
const QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];

impl Api {
    pub(super) async fn forecast_load(
        &self,
        request: api::ForecastRequest,
    ) -> Result<api::ForecastResponse, Status> {
        let mut wrong = Violations::default();
        let scope = scope(&mut wrong, &request.scope, true);
        let hours = hours(&mut wrong, request.horizon_hours, 24);
        let quantiles = if request.quantiles.is_empty() { QUANTILES.to_vec() } else { request.quantiles };
        if quantiles.len() > QUANTILES_MAX {
            wrong.add("quantiles", format!("are {}, but may be {QUANTILES_MAX} at most", quantiles.len()));
        }
        for (at, share) in quantiles.iter().enumerate().filter(|(_, q)| !(0.01..=0.99).contains(*q)) {
            wrong.add(format!("quantiles[{at}]"), format!("is {share}, but must be from 0.01 to 0.99"));
        }
        wrong.result()?;
        let (history, scope, place) = self.place(scope).await?;
        let now = crate::now();
        let answer = tokio::task::spawn_blocking(move || {
            let model = place.load().map_err(|error| too_little(&scope, error))?;
            let first = hour(now);
            let hours = (0..hours)
                .filter_map(|at| {
                    let start = Timestamp(first.0 + i64::from(at) * HOUR_US);
                    let forecast = model.forecast(start.0)?;
                    let quantiles = quantiles.iter().filter_map(|share| {
                        let power_w = model.quantile(start.0, *share)?;
                        Some(api::PowerQuantile { quantile: *share, power_w })
                    });
                    Some(api::ForecastHour {
                        start_time: Some(to_time(start)),
                        mean_power_w: forecast.mean_w,
                        quantiles: quantiles.collect(),
                    })
                })
                .collect();
            Ok(api::ForecastResponse {
                scope: scope.to_string(),
                model: MODEL.to_owned(),
                history_time: Some(to_time(Timestamp(history.read_at_us()))),
                history_days: i32::try_from(model.grid().days_known(model.grid().end())).unwrap_or(i32::MAX),
                gap_hours: history.gap_hours(),
                time_zone: place.zone.name().to_owned(),
                rated_power_w: place.rated_w,
                hours,
            })
        });
        answer.await.map_err(|error| Status::internal(error.to_string()))?
    }

    pub(super) async fn availability(
        &self,
        request: api::PredictAvailabilityRequest,
    ) -> Result<api::PredictAvailabilityResponse, Status> {
        let mut wrong = Violations::default();
        let scope = scope(&mut wrong, &request.scope, false);
        let hours = hours(&mut wrong, request.horizon_hours, 1);
        let now = crate::now();
        let from = time(&mut wrong, "time", request.time).unwrap_or(now);
        let last = now.0 + i64::from(HORIZON_MAX_H) * HOUR_US;
        if hour(from) < hour(now) || from.0 + i64::from(hours - 1) * HOUR_US > last {
            wrong.add(
                "time",
                format!("must be from now to {HORIZON_MAX_H} hours ahead, horizon_hours included"),
            );
        }
        wrong.result()?;
        let (history, scope, place) = self.place(scope).await?;
        let answer = tokio::task::spawn_blocking(move || {
            let model = place.availability().map_err(|error| too_little(&scope, error))?;
            let hours = (0..hours).map(|at| {
                let start = Timestamp(hour(from).0 + i64::from(at) * HOUR_US);
                let chance = model.chance(start.0);
                api::AvailabilityHour {
                    start_time: Some(to_time(start)),
                    free_ratio: chance.free_ratio,
                    history_weeks: chance.weeks,
                }
            });
            Ok(api::PredictAvailabilityResponse {
                scope: scope.to_string(),
                model: MODEL.to_owned(),
                history_time: Some(to_time(Timestamp(history.read_at_us()))),
                connector_count: i32::try_from(place.connectors).unwrap_or(i32::MAX),
                time_zone: place.zone.name().to_owned(),
                hours: hours.collect(),
            })
        });
        answer.await.map_err(|error| Status::internal(error.to_string()))?
    }

    /// The place that a scope names.
    async fn place(&self, scope: Option<Scope>) -> Result<(Arc<History>, Scope, Place), Status> {
        let Some(history) = self.forecasts.load_full() else {
            let details = ErrorDetails::with_retry_info(Some(READ_SOON));
            let message =
                "the history has not been read yet: the service has just started, or the store is away";
            return Err(Status::with_error_details(Code::Unavailable, message, details));
        };
        // Checked before: a scope that cannot be read is a violation.
        let scope = scope.ok_or_else(|| Status::internal("no scope"))?;
        let (read, wanted) = (Arc::clone(&history), scope.clone());
        let place = tokio::task::spawn_blocking(move || read.place(&wanted)).await;
        let place = place.map_err(|error| Status::internal(error.to_string()))?;
        let place = place.ok_or_else(|| not_found(scope.kind(), &scope.to_string()))?;
        Ok((history, scope, place))
    }
}

fn scope(wrong: &mut Violations, name: &str, fleet: bool) -> Option<Scope> {
    let scope = Scope::parse(name).filter(|scope| fleet || *scope != Scope::Fleet);
    if scope.is_none() {
        let may = if fleet { "fleet, sites/{site}" } else { "sites/{site}" };
        wrong.add("scope", format!("must read {may} or stations/{{station}}"));
    }
    scope
}

fn hours(wrong: &mut Violations, hours: i32, default: u32) -> u32 {
    match u32::try_from(hours) {
        Ok(0) => default,
        Ok(hours) if hours <= HORIZON_MAX_H => hours,
        _ => {
            let text = format!("is {hours}, but must be from 1 to {HORIZON_MAX_H}, or 0 for {default}");
            wrong.add("horizon_hours", text);
            default
        }
    }
}

/// `FAILED_PRECONDITION`, with what is missing.
fn too_little(scope: &Scope, error: TooLittle) -> Status {
    let text = format!("{scope}: {error}");
    let mut details = ErrorDetails::new();
    details.add_precondition_failure_violation("HISTORY", scope.to_string(), text.clone());
    Status::with_error_details(Code::FailedPrecondition, text, details)
}

fn hour(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(HOUR_US) * HOUR_US)
}
