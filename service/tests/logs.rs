//! Logs of a whole process, and traces that reach a collector. One test: a process sets up its logs once.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prometheus_client::registry::Registry;
use service::config::HumanDuration;
use service::log::LogConfig;
use service::otlp::OtlpConfig;
use service::readiness::Readiness;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;

/// The receiving end of OTLP.
struct Collector(mpsc::Sender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.0
            .send(request.into_inner())
            .await
            .map_err(|_| tonic::Status::unavailable("the test is over"))?;
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn ask(address: std::net::SocketAddr, method: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("listens");
    let request = format!("{method} /log HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    format!("{} {body}", head.split(' ').nth(1).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_change_while_running_and_spans_reach_a_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let (exported, mut exports) = mpsc::channel(16);
    let collector = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(exported)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let collector = tokio::spawn(collector);

    let otlp = OtlpConfig { endpoint, timeout: HumanDuration::from_secs(10), ..OtlpConfig::default() };
    let logs = service::log::init(&LogConfig::default(), &otlp, "ampwarden-test").expect("logs");

    let admin = TcpListener::bind("127.0.0.1:0").await.expect("free");
    let address = admin.local_addr().expect("address");
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(service::admin::serve(
        admin,
        Arc::new(Registry::default()),
        Readiness::new(),
        shutdown.clone(),
    ));
    assert!(!tracing::enabled!(target: "gateway", tracing::Level::TRACE));
    for (body, answer) in [
        (r#"{"station": "CP-1", "level": "trace"}"#, r#"200 {"level":"info","stations":{"CP-1":"trace"}}"#),
        (
            r#"{"level": "warn,gateway=debug"}"#,
            r#"200 {"level":"warn,gateway=debug","stations":{"CP-1":"trace"}}"#,
        ),
        (r#"{"station": "CP-1", "level": null}"#, r#"200 {"level":"warn,gateway=debug","stations":{}}"#),
    ] {
        assert_eq!(ask(address, "PUT", body).await, answer);
    }
    for (body, part) in [
        (r#"{"level": "loud"}"#, "\\\"loud\\\" is no level"),
        (r#"{"levle": "info"}"#, "unknown field `levle`"),
        ("{}", "\\\"level\\\" is missing"),
    ] {
        let answer = ask(address, "PUT", body).await;
        assert!(answer.starts_with("400 ") && answer.contains(part), "{answer}");
    }
    assert_eq!(ask(address, "GET", "").await, r#"200 {"level":"warn,gateway=debug","stations":{}}"#);

    tracing::info_span!("message", station = "CP-1").in_scope(|| {
        tracing::debug_span!("fold").in_scope(|| tracing::debug!("folded"));
    });
    tokio::task::spawn_blocking(move || logs.shutdown()).await.expect("flushed");
    let export =
        tokio::time::timeout(Duration::from_secs(10), exports.recv()).await.expect("in time").expect("spans");
    let resource = export.resource_spans.first().expect("a resource");
    let service = format!("{:?}", resource.resource);
    assert!(service.contains("ampwarden-test"), "{service}");
    let mut names: Vec<&str> =
        resource.scope_spans.iter().flat_map(|scope| &scope.spans).map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["fold", "message"]);

    shutdown.cancel();
    served.await.expect("ends").expect("well");
    collector.abort();
}
