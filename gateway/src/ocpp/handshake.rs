//! From a connection to a websocket: the HTTP request says the station (its path) and the versions (its subprotocols).

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use station::id::StationId;
use station::ocpp::Version;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use rand::Rng;

use super::access::{self, Grant, Known, Peer};
use super::rate::Limit;
use super::server::Server;

/// Seconds after which a station that was turned away may come again, by chance: long enough that a storm thins out,
/// and not the same for all, or it would come again as one.
const RETRY_AFTER_S: std::ops::RangeInclusive<u32> = 10..=30;
/// Longest request head.
const HEAD_BYTES: usize = 8 * 1024;

/// What a good request said.
#[derive(Debug, PartialEq)]
pub(super) struct Accepted {
    pub(super) station: StationId,
    /// The agreed version; `None` when there is none and the connection must be closed.
    pub(super) version: Option<Version>,
    /// Whether the version is the configured default, because the station named none.
    pub(super) assumed: bool,
    /// The path as it came.
    pub(super) path: Box<str>,
    /// As what it may connect.
    pub(super) grant: Grant,
}

/// A request that is turned away.
#[derive(Debug, PartialEq)]
struct TurnedAway {
    status: StatusCode,
    /// Label in `ampwarden_refused_total`.
    reason: &'static str,
    text: String,
}

/// Does the HTTP part. Gives back the stream with what was read beyond the request, and what was agreed; `None` if
/// the client was answered and turned away, or went.
pub(super) async fn accept<S>(server: &Server, stream: S, peer: &Peer) -> Option<(S, Vec<u8>, Accepted)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let accepted = Mutex::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let answer = match check(server, peer, &request) {
            Ok((response, agreed)) => {
                *accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(agreed);
                response
            }
            Err(turned_away) => {
                server.deps.metrics.refused(turned_away.reason);
                tracing::info!(
                    path = request.uri().path(),
                    status = turned_away.status.as_u16(),
                    "handshake turned away: {}",
                    turned_away.text
                );
                turned_away.response()
            }
        };
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let parts = match connection.without_shutdown().await {
        Ok(parts) => parts,
        Err(error) => {
            // hyper has answered it. One that went without a word is no refusal: probes of load balancers do that.
            if error.is_parse() {
                server.deps.metrics.refused("bad_request");
                tracing::info!(%error, "handshake turned away: this is no HTTP request; stations connect by ws://host:port/{{station}}");
            }
            return None;
        }
    };
    let accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Some((parts.io.into_inner(), parts.read_buf.to_vec(), accepted))
}

fn check(
    server: &Server,
    peer: &Peer,
    request: &Request<Incoming>,
) -> Result<(Response<String>, Accepted), TurnedAway> {
    let turn_away = |status, reason, text: &str| TurnedAway { status, reason, text: text.to_owned() };
    // First what costs least.
    if server.is_draining() {
        return Err(turn_away(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the gateway is stopping"));
    }
    if server.open() > server.config.max_connections {
        return Err(turn_away(
            StatusCode::SERVICE_UNAVAILABLE,
            "max_connections",
            "too many connections (gateway.ocpp.max_connections)",
        ));
    }
    let path = request.uri().path();
    let station = station_of(path).map_err(|text| TurnedAway {
        status: StatusCode::NOT_FOUND,
        reason: "station_id",
        text,
    })?;
    let now = Instant::now();
    server.station_handshakes.take(&station, now, || server.handshakes.take(now)).map_err(|limit| match limit {
        Limit::Station => turn_away(
            StatusCode::SERVICE_UNAVAILABLE,
            "station_handshake_rate",
            "this station reconnects without a pause (gateway.ocpp.max_handshakes_per_station): look at its log why",
        ),
        Limit::All => turn_away(
            StatusCode::SERVICE_UNAVAILABLE,
            "handshake_rate",
            "too many handshakes a second (gateway.ocpp.max_handshakes_per_second)",
        ),
    })?;
    let key = websocket_key(request.method(), request.headers())?;
    let keys = server.deps.access.keys(&station);
    let known = Known { station: &station, standing: server.standing(&station), keys: keys.as_deref() };
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let (profiles, secret_key) = (&server.config.security_profiles, &server.deps.secret_key);
    let grant = access::decide(profiles, secret_key, peer, &known, authorization).map_err(|denied| {
        let (status, reason, text) = denied.answer();
        turn_away(status, reason, text)
    })?;
    if server.registry.is_stuck(&station) {
        return Err(turn_away(
            StatusCode::SERVICE_UNAVAILABLE,
            "journal_full",
            "the journal takes nothing now: the end of this station's last connection still waits for it",
        ));
    }

    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(value) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, value);
    }
    let offered = all_of(request.headers(), &header::SEC_WEBSOCKET_PROTOCOL);
    let negotiated = Version::negotiate(&offered);
    if let Some(name) = negotiated.and_then(|(_, name)| HeaderValue::from_str(name).ok()) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    let assumed = offered.trim().is_empty();
    let version = match negotiated {
        Some((version, _)) => Some(version),
        None if assumed => server.config.assumed_version(&(server.deps.setting)(&station)),
        None => None,
    };
    Ok((response, Accepted { station, version, assumed, path: path.into(), grant }))
}

/// The key of a proper websocket request (RFC 6455, 4.2.1).
fn websocket_key<'a>(method: &Method, headers: &'a HeaderMap) -> Result<&'a str, TurnedAway> {
    let turn_away = |status, text: &str| TurnedAway { status, reason: "no_websocket", text: text.to_owned() };
    if method != Method::GET {
        return Err(turn_away(
            StatusCode::METHOD_NOT_ALLOWED,
            "stations connect by GET and a websocket upgrade",
        ));
    }
    let names = |name: &HeaderName, word: &str| {
        all_of(headers, name).split(',').any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    if !names(&header::UPGRADE, "websocket") || !names(&header::CONNECTION, "upgrade") {
        return Err(turn_away(
            StatusCode::UPGRADE_REQUIRED,
            "stations connect here by OCPP over websocket; this was a plain HTTP request",
        ));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        return Err(turn_away(StatusCode::UPGRADE_REQUIRED, "only version 13 of websockets is spoken here"));
    }
    headers
        .get(header::SEC_WEBSOCKET_KEY)
        .and_then(|key| key.to_str().ok())
        .filter(|key| !key.is_empty())
        .ok_or_else(|| turn_away(StatusCode::BAD_REQUEST, "the header Sec-WebSocket-Key is missing"))
}

/// All values of a header, as one list.
fn all_of(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// The station's id: the last part of the path, percent-decoded (OCPP-J 1.6, 3.1.1).
fn station_of(path: &str) -> Result<StationId, String> {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let decoded = percent_decode(last)
        .ok_or_else(|| format!("the path's last part, {last}, is not percent-encoded UTF-8"))?;
    StationId::new(&decoded).map_err(|error| {
        format!("{error}; the URL must be ws://host:port/{{station}}, and its last part is the id")
    })
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

impl TurnedAway {
    fn response(self) -> Response<String> {
        let mut response = Response::new(format!("{}\n", self.text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, rand::rng().random_range(RETRY_AFTER_S).into());
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"OCPP\""));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_the_path_is_the_station() {
        for (path, expected) in [
            ("/CP-1", Ok("CP-1")),
            ("/ocpp/CP-1", Ok("CP-1")),
            ("/ocpp/1.6/CP-1/", Ok("CP-1")),
            ("/steve/websocket/CentralSystemService/CP%201", Ok("CP 1")),
            ("/S%C3%A4ule+7", Ok("Säule+7")),
            ("/RDAM%7C123", Ok("RDAM|123")),
            ("/a%2Fb", Err("slash")),
            ("/%FF", Err("UTF-8")),
            ("/%4", Err("percent")),
            ("/%0A", Err("control")),
            ("/", Err("empty")),
            ("", Err("empty")),
        ] {
            match (station_of(path), expected) {
                (Ok(station), Ok(id)) => assert_eq!(station.as_str(), id, "{path}"),
                (Err(error), Err(word)) => assert!(error.contains(word), "{path}: {error}"),
                (found, expected) => panic!("{path}: {found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn only_websockets_pass() {
        let good = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let with = |skip: Option<&str>, replace: Option<(&str, &'static str)>| -> HeaderMap {
            good.iter()
                .filter(|(name, _)| Some(*name) != skip)
                .map(|(name, value)| {
                    let value = replace.filter(|(n, _)| n == name).map_or(*value, |(_, v)| v);
                    (name.parse().expect("name"), HeaderValue::from_static(value))
                })
                .collect()
        };
        assert_eq!(websocket_key(&Method::GET, &with(None, None)), Ok("dGhlIHNhbXBsZSBub25jZQ=="));
        for (method, headers, status) in [
            (Method::POST, with(None, None), StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, HeaderMap::new(), StatusCode::UPGRADE_REQUIRED),
            (Method::GET, with(Some("connection"), None), StatusCode::UPGRADE_REQUIRED),
            (Method::GET, with(None, Some(("upgrade", "h2c"))), StatusCode::UPGRADE_REQUIRED),
            (Method::GET, with(None, Some(("sec-websocket-version", "8"))), StatusCode::UPGRADE_REQUIRED),
            (Method::GET, with(Some("sec-websocket-key"), None), StatusCode::BAD_REQUEST),
        ] {
            let turned_away = websocket_key(&method, &headers).expect_err("turned away");
            assert_eq!(turned_away.status, status);
        }
    }

    #[test]
    fn who_is_turned_away_is_told_why_and_when_to_come_again() {
        let response = TurnedAway {
            status: StatusCode::SERVICE_UNAVAILABLE,
            reason: "handshake_rate",
            text: "later".to_owned(),
        }
        .response();
        let after: u32 =
            response.headers()[header::RETRY_AFTER].to_str().expect("text").parse().expect("a number");
        assert!(RETRY_AFTER_S.contains(&after), "{after}");
        assert_eq!(response.body(), "later\n");
    }
}
