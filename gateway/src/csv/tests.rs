use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use prometheus_client::registry::Registry;
use station::event::{EventKind, RejectReason, StationEvent};
use station::fold::{Outcome, Verdict};
use station::secret::SecretKey;
use tokio::sync::mpsc;
use tower::ServiceExt;

use super::*;
use crate::metrics::AdapterMetrics;
use crate::pipeline::{Pipeline, Refused, Submission};

const HEADER: &str = "stationId,created,ended,kwhTotal,userId";

fn row(number: usize) -> String {
    format!("S{},2024-01-01 00:00:{:02},2024-01-01 01:00:00,7.5,u", number / 60, number % 60)
}

/// A router, and the end of its pipeline that the test holds.
fn router() -> (axum::Router, mpsc::Receiver<Submission>) {
    let (pipeline, journal) = Pipeline::channel(16);
    let deps = ImportDeps {
        pipeline,
        secret_key: Arc::new(SecretKey::new(b"key")),
        metrics: AdapterMetrics::register(&mut Registry::default()),
    };
    (import_router(deps), journal)
}

/// Answers like the fold: broken rows are rejected, sessions whose begin was seen are duplicates.
fn journal(mut journal: mpsc::Receiver<Submission>) -> tokio::task::JoinHandle<Vec<StationEvent>> {
    tokio::spawn(async move {
        let mut all: Vec<StationEvent> = Vec::new();
        while let Some(submission) = journal.recv().await {
            let mut outcomes = Vec::new();
            for event in submission.events {
                let verdict = match &event.kind {
                    EventKind::Undecodable { reason, .. } => Verdict::Rejected(*reason),
                    kind if all.iter().any(|e| e.station == event.station && e.kind == *kind) => {
                        Verdict::Duplicate
                    }
                    _ => Verdict::Stored,
                };
                outcomes.push(Outcome { verdict, ..Outcome::default() });
                all.push(event);
            }
            let _ = submission.answer.send(Ok(outcomes));
        }
        all
    })
}

async fn post(router: &axum::Router, query: &str, body: String) -> (StatusCode, String) {
    let request =
        Request::post(format!("/v1/import/sessions?{query}")).body(Body::from(body)).expect("a request");
    let response = router.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_piece_is_answered_row_by_row() {
    let (router, receiver) = router();
    let journal = journal(receiver);
    let rows: Vec<String> = (0..600).map(row).collect();
    let body = format!("{HEADER}\n{}\n{}\nbroken\n", rows.join("\n"), row(3));
    let query = "preset=workplace&file=sessions.csv&line_offset=1000";
    let (status, answer) = post(&router, query, body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let answer: ImportAnswer = serde_json::from_str(&answer).expect("JSON");
    assert_eq!((answer.taken, answer.duplicate), (600, 1));
    assert_eq!(answer.rejected.len(), 1);
    assert_eq!(answer.rejected[0].line, 1_603);
    assert!(answer.rejected[0].reason.contains("1 columns, 5 belong there"), "{:?}", answer.rejected);
    let (_, again) = post(&router, query, body).await;
    let again: ImportAnswer = serde_json::from_str(&again).expect("JSON");
    assert_eq!((again.taken, again.duplicate), (0, 601));
    drop(router);
    let events = journal.await.expect("no panic");
    let kept = events.iter().find_map(|event| match &event.kind {
        EventKind::Undecodable { reason, origin, .. } => Some((*reason, origin.clone())),
        _ => None,
    });
    assert_eq!(kept, Some((RejectReason::Invalid, "sessions.csv:1603".to_owned())));
}

#[tokio::test]
async fn wrong_requests_say_what_is_wrong() {
    let (router, _receiver) = router();
    for (query, body, expected) in [
        ("preset=columns21", "", "there is no preset"),
        ("preset=stations", "", "no column for started_at"),
        ("preset=workplace&mapping={}", "", "not both"),
        ("mapping={%22colums%22:1}", "", "unknown field `colums`"),
        ("preset=workplace&time_zone=Oslo", "", "no IANA time zone"),
        ("present=workplace", "", "unknown field"),
        ("preset=workplace", "", "nothing is there"),
        ("preset=workplace", "a,b\n1,2", "no column holds station"),
        ("", "{\"a\"", "not JSON"),
    ] {
        let (status, answer) = post(&router, query, body.to_owned()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {answer}");
        assert!(answer.contains(expected), "{query}: {answer}");
    }
}

#[tokio::test]
async fn what_the_journal_refuses_is_to_be_sent_again() {
    let (router, mut receiver) = router();
    let refusing = async {
        let submission = receiver.recv().await.expect("one");
        submission.answer.send(Err(Refused::Full)).expect("awaited");
    };
    let ((status, answer), ()) =
        tokio::join!(post(&router, "preset=workplace", format!("{HEADER}\n{}", row(1))), refusing);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.contains("send the piece again"), "{answer}");
}

/// Runs the client over `text`; every piece is kept, and answered by `answer`.
fn client(
    text: &str,
    mut answer: impl FnMut(usize) -> Result<ImportAnswer, PostError>,
) -> (Result<Summary, ImportError>, Vec<Piece>, Vec<Progress>, Vec<u128>) {
    let (mut pieces, mut progress, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let summary = Import {
        post: &mut |piece| {
            pieces.push(piece.clone());
            answer(pieces.len())
        },
        progress: &mut |at| progress.push(at),
        wait: &mut |wait| waits.push(wait.as_millis()),
    }
    .run(text.as_bytes());
    (summary, pieces, progress, waits)
}

fn taken(rows: u64) -> Result<ImportAnswer, PostError> {
    Ok(ImportAnswer { taken: rows, ..ImportAnswer::default() })
}

#[test]
fn a_file_is_cut_into_pieces_with_the_header_and_the_right_lines() {
    let rows: Vec<String> = (0..2_500).map(row).collect();
    let text = format!("\u{feff}{HEADER}\r\n\n{}", rows.join("\n"));
    let (summary, pieces, progress, _) = client(&text, |_| taken(1));
    assert_eq!(summary.expect("sent").taken, 3);
    assert_eq!(pieces.iter().map(|p| p.line_offset).collect::<Vec<_>>(), [0, 1_000, 2_000]);
    for piece in &pieces {
        assert!(piece.body.starts_with(HEADER) && piece.content_type == "text/csv");
    }
    // The header is line 1, an empty one line 2: the first row of the second piece stands in line 1002 of the file.
    assert_eq!(pieces[1].body.lines().nth(1), Some(rows[999].as_str()));
    assert_eq!(progress.last().map(|p| p.bytes), Some(text.len() as u64));
}

#[test]
fn a_quoted_text_is_not_cut_and_json_is_sent_as_lines() {
    let mut rows: Vec<String> = (0..1_500).map(row).collect();
    rows[999] = "S,\"2024\n-01-01\",x,1,u".to_owned();
    let (_, pieces, _, _) = client(&format!("{HEADER}\n{}", rows.join("\n")), |_| taken(1));
    assert!(
        pieces[0].body.ends_with("-01-01\",x,1,u\n"),
        "…{}",
        &pieces[0].body[pieces[0].body.len() - 40..]
    );

    let objects: Vec<String> = (0..1_200).map(|n| format!("{{\"a\":{n}}}")).collect();
    let (_, lines, _, _) = client(&objects.join("\n"), |_| taken(1));
    let (_, list, _, _) = client(&format!("[{}]", objects.join(",\n")), |_| taken(1));
    for pieces in [lines, list] {
        assert_eq!(pieces.iter().map(|p| p.line_offset).collect::<Vec<_>>(), [0, 1_000]);
        assert_eq!(pieces[1].body.lines().next(), Some("{\"a\":1000}"));
    }
}

#[test]
fn what_is_not_taken_is_sent_again_with_growing_waits() {
    let text = format!("{HEADER}\n{}", row(1));
    let later = || Err(PostError::Later("503".to_owned()));
    let (summary, pieces, _, waits) = client(&text, |n| if n < 4 { later() } else { taken(1) });
    assert_eq!((summary.expect("sent").sent_again, pieces.len()), (1, 4));
    assert_eq!(waits, [500, 1_000, 2_000]);
    let (summary, pieces, _, _) = client(&text, |_| later());
    assert!(
        summary
            .expect_err("never")
            .to_string()
            .contains("lines from 2 on were not taken: 503 (tried 15 times)")
    );
    assert_eq!(pieces.len(), 15);
    let (summary, pieces, _, _) = client(&text, |_| Err(PostError::Never("400".to_owned())));
    assert!(summary.is_err() && pieces.len() == 1);
    assert!(matches!(client("\n \n", |_| taken(1)).0, Err(ImportError::Empty)));
}

#[test]
fn a_summary_counts_all_and_names_the_first() {
    let rejected = |line| RejectedRow { line, reason: "r".to_owned() };
    let answer = ImportAnswer { taken: 1, duplicate: 2, rejected: (0..50).map(rejected).collect() };
    let (summary, _, _, _) = client(&format!("{HEADER}\n{}", row(1)), |_| Ok(answer.clone()));
    let summary = summary.expect("sent");
    assert_eq!((summary.rejected, summary.first_rejected.len()), (50, 20));
}

#[test]
fn the_description_is_complete() {
    let document = serde_json::to_value(openapi()).expect("JSON");
    assert!(document.pointer("/paths/~1v1~1import~1sessions/post").is_some(), "{document}");
    for schema in ["ImportAnswer", "RejectedRow", "Problem"] {
        assert!(document.pointer(&format!("/components/schemas/{schema}")).is_some(), "{schema}: {document}");
    }
}
