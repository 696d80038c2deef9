//! The gateway's HTTP API: settings, commands, books, dead letters, imports. Described by `/openapi.json`.

mod access;
mod books;
pub mod commands;
pub mod rejected;
mod settings;
pub mod tokens;
pub mod trace;
mod validate;

use std::io;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use service::auth::{ApiTokens, Scope};
use service::problem::Problem;
use station::secret::SecretKey;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use access::{HeldView, HeldViews, KeyView, KeysView};

use crate::pipeline::audit::Auditor;
use crate::pipeline::{Pipeline, Status};

/// What the handlers need.
#[derive(Clone)]
pub struct Deps {
    /// The way into the journal.
    pub pipeline: Pipeline,
    /// Books and settings.
    pub status: Arc<Status>,
    /// For tokens.
    pub secret_key: Arc<SecretKey>,
    /// Who may do what.
    pub tokens: Arc<ApiTokens>,
    /// For what was rejected.
    pub store: store::read::Reader,
    /// Compares the store with the journal.
    pub auditor: Auditor,
    /// How topics are read.
    pub rules: Arc<station::mqtt::Rules>,
    /// One change of a setting at a time: between the look at its revision and the change nothing may come.
    pub changing: Arc<tokio::sync::Mutex<()>>,
    /// Limits of commands.
    pub commands: crate::commands::Config,
    /// Who looks at raw frames.
    pub taps: Arc<crate::ocpp::Taps>,
    /// The gateway stops: what streams must end.
    pub stop: CancellationToken,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Ampwarden gateway",
    description = "Settings, commands to stations, their raw frames, books, dead letters and imports. Errors are application/problem+json. Send `Authorization: Bearer …`."
))]
struct Document;

/// The router, and its description.
pub fn router(deps: &Deps) -> (Router, utoipa::openapi::OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(books::read))
        .routes(routes!(books::check, books::checked))
        .routes(routes!(settings::list))
        .routes(routes!(settings::get_one, settings::put_one))
        .routes(routes!(settings::history))
        .routes(routes!(rejected::list))
        .routes(routes!(rejected::get_one))
        .routes(routes!(rejected::replay))
        .routes(routes!(commands::list))
        .routes(routes!(commands::get_one, commands::cancel))
        .routes(routes!(commands::post))
        .routes(routes!(trace::stream))
        .routes(routes!(access::get_key, access::put_key, access::delete_key))
        .routes(routes!(access::quarantine))
        .routes(routes!(access::admit))
        // Beside the collections: a path of its own shadows them for every method.
        .routes(routes!(tokens::list_tokens, tokens::post_token))
        .routes(routes!(tokens::list_unknown))
        .with_state(deps.clone())
        .split_for_parts();
    (router, document)
}

/// Serves until `shutdown`. `more` are routes of other parts (imports).
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    deps: Deps,
    more: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (router, mut document) = router(&deps);
    document.merge(crate::csv::openapi());
    let app = router
        .merge(more)
        .layer(middleware::from_fn_with_state(deps, authenticate))
        .route("/openapi.json", get(move || async move { Json(document) }))
        .fallback(|request: Request| async move {
            Problem::not_found(format!(
                "there is no {} {}; see /openapi.json",
                request.method(),
                request.uri().path()
            ))
        });
    axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// Who asks, for handlers that write an author.
#[derive(Clone, Debug)]
pub(crate) struct Author(pub(crate) String);

/// `/v1/stations/{station}/trace`
fn is_trace(path: &str) -> bool {
    let of_station = path.strip_prefix("/v1/stations/").and_then(|rest| rest.split_once('/'));
    of_station.is_some_and(|(_, rest)| rest == "trace")
}

async fn authenticate(State(deps): State<Deps>, mut request: Request, next: Next) -> Response {
    let need = match (request.method(), request.uri().path()) {
        // What people and cars say to a station, word for word.
        (_, path) if is_trace(path) => Scope::Operate,
        (&Method::GET | &Method::HEAD, _) => Scope::Read,
        (_, path) if path.starts_with("/v1/import") || path.starts_with("/v1/rejected") => Scope::Ingest,
        (_, "/v1/books:check") => Scope::Operate,
        (_, path) if path.starts_with("/v1/commands") => Scope::Operate,
        (_, path) if path.starts_with("/v1/stations/") && path.ends_with("/commands") => Scope::Operate,
        _ => Scope::Write,
    };
    let header =
        request.headers().get(header::AUTHORIZATION).map(|v| v.to_str().unwrap_or_default().to_owned());
    match deps.tokens.authenticate(header.as_deref(), need) {
        Ok(token) => {
            request.extensions_mut().insert(Author(token.name.clone()));
            next.run(request).await
        }
        Err(error) => Problem::from(error).into_response(),
    }
}
