//! The books over HTTP, and their deep check.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use service::problem::Problem;

use super::Deps;
use crate::pipeline::audit::Audit;

/// The books, as `GET /v1/books` gives them. Counts of events since the journal began.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(super) struct BooksView {
    /// Journaled.
    received: u64,
    /// Taken by the store.
    stored: u64,
    /// Recognised as sent before.
    duplicate: u64,
    /// Kept in `rejected`, by reason.
    rejected: std::collections::BTreeMap<String, u64>,
    /// Given up: a damaged journal does not give them back.
    lost: u64,
    /// From before the books began anew, because all snapshots were damaged. The store had answered for them.
    uncounted: u64,
    /// Not yet taken by the store.
    in_journal: u64,
    /// 0 when the books balance.
    difference: i64,
    /// Whether the store takes rows, and why not.
    store_up: bool,
    #[schema(nullable)]
    store_trouble: Option<String>,
}

/// The books: in which state how many events ended.
#[utoipa::path(get, path = "/v1/books", responses((status = 200, body = BooksView)))]
pub(super) async fn read(State(deps): State<Deps>) -> Json<BooksView> {
    let books = deps.status.books.load();
    let received = deps.status.journal.synced();
    let store = deps.status.store.load();
    Json(BooksView {
        received,
        stored: books.stored,
        duplicate: books.duplicate,
        rejected: books.rejected.clone(),
        lost: books.lost,
        uncounted: books.uncounted,
        in_journal: received.saturating_sub(books.position),
        difference: books.difference(received),
        store_up: store.up,
        store_trouble: store.trouble.clone(),
    })
}

/// Begins the deep check: what the journal retains is folded again, and every row that follows from it is looked for
/// in the store. It runs beside everything else; while one runs, that one is meant. `GET` says how far it is.
#[utoipa::path(post, path = "/v1/books:check", responses((status = 202, body = Audit)))]
pub(super) async fn check(State(deps): State<Deps>) -> (StatusCode, Json<Audit>) {
    (StatusCode::ACCEPTED, Json(deps.auditor.start()))
}

/// The last deep check, running or ended, since the gateway was started.
#[utoipa::path(get, path = "/v1/books:check",
    responses((status = 200, body = Audit), (status = 404, body = Problem)))]
pub(super) async fn checked(State(deps): State<Deps>) -> Result<Json<Audit>, Problem> {
    deps.auditor.last().map(Json).ok_or_else(|| {
        Problem::not_found(
            "no deep check was begun since the gateway was started: `POST /v1/books:check` begins one",
        )
    })
}
