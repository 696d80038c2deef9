//! Raw frames of one station, as they go by.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use service::config::HumanDuration;
use service::problem::Problem;
use station::id::StationId;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Deps;
use crate::ocpp::{Look, Seen};
use crate::pipeline::clock;

/// How often an empty line is sent: a client that has gone is noticed, and proxies keep the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest time that may be asked for; without one it goes on until the client ends it.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// One line of a trace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TraceLine {
    /// When, RFC 3339.
    pub at: String,
    /// Frames: "text", "binary", "ping", "pong", "close". Else: "begin", "connected", "disconnected", "error" (what came
    /// is no frame), "left_out" (frames, because the reader was too slow), "end".
    pub kind: String,
    /// "in" from the station, "out" to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// Bytes of the frame's payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// The frame's text as it went over the wire, tokens and secrets sealed; of what is no frame, what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// For how long (`10m`); until the client ends it, if not given.
    #[serde(rename = "for")]
    #[param(value_type = Option<String>)]
    for_: Option<HumanDuration>,
}

/// The frames of a station's OCPP connection in both directions, from now on, one line of JSON each. Empty lines mean
/// nothing. A reader that is too slow loses frames, and is told how many.
#[utoipa::path(get, path = "/v1/stations/{station}/trace", params(("station" = String, Path), Wanted),
    responses((status = 200, body = TraceLine, content_type = "application/x-ndjson"),
        (status = 400, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn stream(
    State(deps): State<Deps>,
    Path(station): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let station = StationId::new(&station).map_err(|error| Problem::bad_request(error.to_string()))?;
    if wanted.for_.is_some_and(|wanted| wanted.0.is_zero() || wanted.0 > LONGEST) {
        return Err(Problem::bad_request("for: more than 0s, and up to 7d"));
    }
    let look = deps.taps.look(&station).ok_or_else(|| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many traces run already: end one of them")
    })?;
    let mut keep_alive = interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = wanted.for_.map(|wanted| Instant::now() + wanted.0);
    let begin = line_of("begin", format!("looking at {station}"));
    let lines = Lines { look, end, stop: deps.stop, keep_alive, begin: Some(begin), ended: false };
    let body = Body::from_stream(stream::unfold(lines, |mut lines| async move {
        Some((Ok::<_, Infallible>(lines.next().await?), lines))
    }));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")], body)
        .into_response())
}

struct Lines {
    look: Look,
    end: Option<Instant>,
    stop: CancellationToken,
    keep_alive: tokio::time::Interval,
    begin: Option<String>,
    ended: bool,
}

impl Lines {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if let Some(begin) = self.begin.take() {
            return Some(begin.into());
        }
        let end = self.end;
        let over = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            biased;
            () = self.stop.cancelled() => "the gateway is stopping",
            () = over => "the time is over",
            seen = self.look.next() => return seen.map(|seen| lines_of(seen).into()),
            _ = self.keep_alive.tick() => return Some("\n".into()),
        };
        self.ended = true;
        Some((left_out(self.look.left_out()) + &line_of("end", why.to_owned())).into())
    }
}

fn lines_of(seen: Seen) -> String {
    let line = TraceLine {
        at: seen.at.to_rfc3339(),
        kind: seen.kind.to_owned(),
        direction: seen.direction.map(str::to_owned),
        bytes: seen.direction.map(|_| seen.bytes),
        text: (!seen.text.is_empty()).then_some(seen.text),
    };
    left_out(seen.left_out) + &written(&line)
}

fn left_out(frames: u64) -> String {
    match frames {
        0 => String::new(),
        n => line_of("left_out", format!("{n} frames were left out: the reader is too slow")),
    }
}

fn line_of(kind: &str, text: String) -> String {
    let at = clock::now().to_rfc3339();
    written(&TraceLine { at, kind: kind.to_owned(), direction: None, bytes: None, text: Some(text) })
}

fn written(line: &TraceLine) -> String {
    // Texts and numbers: this does not fail.
    serde_json::to_string(line).unwrap_or_default() + "\n"
}
