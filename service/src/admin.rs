//! The admin port of each process: `/metrics`, `/livez`, `/readyz`, and `PUT /log`. It has no access control: it
//! belongs on an address that only Prometheus, probes and operators reach.

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use prometheus_client::registry::Registry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

use crate::log;
use crate::problem::Problem;
use crate::readiness::Readiness;

/// Where metrics and probes are served; each process has a port of its own by default.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig<const PORT: u16> {
    /// Address of `/metrics`, `/livez`, `/readyz` and `PUT /log`. It has no access control.
    #[serde(default = "on_this_machine::<PORT>")]
    pub listen: String,
}

fn on_this_machine<const PORT: u16>() -> String {
    format!("127.0.0.1:{PORT}")
}

impl<const PORT: u16> Default for AdminConfig<PORT> {
    fn default() -> Self {
        Self { listen: on_this_machine::<PORT>() }
    }
}

/// Serves until `shutdown`.
///
/// # Errors
/// When the listener fails.
pub fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    ready: Readiness,
    shutdown: CancellationToken,
) -> impl Future<Output = io::Result<()>> {
    let router = router(registry, ready);
    async move { axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await }
}

fn router(registry: Arc<Registry>, ready: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(metrics).with_state(registry))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz).with_state(ready))
        .route("/log", put(set_log).get(show_log))
        .layer(CompressionLayer::new())
}

/// Encoding 100,000 series takes some 50 ms: it must not hold up the threads that serve stations.
async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    let encoded = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).map(|()| text)
    })
    .await;
    match encoded {
        Ok(Ok(text)) => {
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
                .into_response()
        }
        Ok(Err(error)) => failed(&error.to_string()),
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(error: &str) -> Response {
    tracing::error!("the metrics cannot be encoded: {error}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the metrics cannot be encoded: {error}"))
        .into_response()
}

async fn readyz(State(ready): State<Readiness>) -> Response {
    match ready.state() {
        Ok(()) => Json(json!({ "ready": true, "missing": [] })).into_response(),
        Err(missing) => {
            let missing: Vec<_> =
                missing.into_iter().map(|(part, reason)| json!({ "part": part, "reason": reason })).collect();
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "missing": missing })))
                .into_response()
        }
    }
}

/// `{"level": "debug"}`, `{"level": "info,gateway=trace"}`, `{"station": "CP-1", "level": "trace"}`; a station's
/// level goes back to the general one with `"level": null`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogChange {
    station: Option<String>,
    level: Option<String>,
}

async fn set_log(body: Bytes) -> Result<Response, Problem> {
    let handle = log::handle().ok_or_else(|| Problem::unavailable("this process does not write logs"))?;
    let change: LogChange = serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(format!(
            "{error}; write {{\"level\": \"debug\"}} or {{\"station\": \"CP-1\", \"level\": \"trace\"}}"
        ))
    })?;
    match (change.station, change.level) {
        (Some(station), level) => handle.set_station(&station, level.as_deref()),
        (None, Some(level)) => handle.set_level(&level),
        (None, None) => {
            return Err(Problem::bad_request("\"level\" is missing: error, warn, info, debug or trace"));
        }
    }
    .map_err(|error| Problem::bad_request(error.to_string()))?;
    show_log().await
}

async fn show_log() -> Result<Response, Problem> {
    let handle = log::handle().ok_or_else(|| Problem::unavailable("this process does not write logs"))?;
    let stations: serde_json::Map<String, serde_json::Value> =
        handle.stations().into_iter().map(|(station, level)| (station, level.into())).collect();
    Ok(Json(json!({ "level": handle.level(), "stations": stations })).into_response())
}

#[cfg(test)]
mod tests;
