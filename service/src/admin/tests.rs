use axum::body::{Body, to_bytes};
use axum::http::Request;
use prometheus_client::metrics::counter::Counter;
use tower::ServiceExt;

use super::*;

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, Vec<u8>) {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, to_bytes(body, 1 << 20).await.expect("body").to_vec())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("request")
}

fn service() -> (Router, Readiness) {
    let mut registry = Registry::default();
    let counter: Counter = Counter::default();
    registry.register("ampwarden_test", "A test", counter);
    let ready = Readiness::new();
    (router(Arc::new(registry), ready.clone()), ready)
}

#[tokio::test]
async fn metrics_are_openmetrics_gzipped_when_asked_for() {
    let (router, _) = service();
    let (status, headers, body) = ask(&router, get("/metrics")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = String::from_utf8(body).expect("text");
    assert!(text.ends_with("ampwarden_test_total 0\n# EOF\n"), "{text}");

    let request =
        Request::get("/metrics").header("accept-encoding", "gzip").body(Body::empty()).expect("request");
    let (_, headers, body) = ask(&router, request).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(body[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn not_being_ready_is_no_death() {
    let (router, ready) = service();
    assert_eq!(ask(&router, get("/readyz")).await.0, StatusCode::OK);
    ready.set("store", Err("QuestDB does not answer".into()));
    let (status, _, body) = ask(&router, get("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        String::from_utf8_lossy(&body),
        r#"{"missing":[{"part":"store","reason":"QuestDB does not answer"}],"ready":false}"#
    );
    assert_eq!(ask(&router, get("/livez")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn it_serves_until_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
    let address = listener.local_addr().expect("address");
    let shutdown = CancellationToken::new();
    let server =
        tokio::spawn(serve(listener, Arc::new(Registry::default()), Readiness::new(), shutdown.clone()));
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("listens");
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /livez HTTP/1.0\r\n\r\n").await.expect("asks");
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.expect("answers");
    assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
    shutdown.cancel();
    server.await.expect("ends").expect("well");
}
