//! A trace follows a message from its socket to the store.
// Helpers of tests fail the test as well.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use integration::Gateway;
use integration::servers::QuestDb;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::mpsc;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// The receiving end of OTLP.
struct Collector(mpsc::UnboundedSender<Span>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let spans = request.into_inner().resource_spans.into_iter().flat_map(|r| r.scope_spans);
        for span in spans.flat_map(|scope| scope.spans) {
            // The test may be over.
            let _ = self.0.send(span);
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_follows_a_message_from_socket_to_store() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap();
    let (sender, mut spans) = mpsc::unbounded_channel();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let collector = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(sender)))
        .serve_with_incoming(incoming);
    let collector = tokio::spawn(collector);

    let store = QuestDb::shared().await;
    let gateway = Gateway::start(store, &format!("[otlp]\nendpoint = \"http://{endpoint}\""));
    let mut request =
        format!("{}/{}", gateway.ocpp(), integration::unique("TRACED")).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "ocpp1.6".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let boot = r#"[2,"b1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]"#;
    socket.send(Message::text(boot)).await.unwrap();
    while !matches!(socket.next().await, Some(Ok(Message::Text(_)))) {}

    let mut seen: Vec<Span> = Vec::new();
    let whole = async {
        while let Some(span) = spans.recv().await {
            seen.push(span);
            let find = |name: &str, trace: &[u8], parent: &[u8]| {
                seen.iter().find(|s| s.name == name && s.trace_id == trace && s.parent_span_id == parent)
            };
            let Some(message) = seen.iter().find(|s| s.name == "ocpp_message") else { continue };
            let Some(journal) = find("journal", &message.trace_id, &message.span_id) else { continue };
            if find("store_write", &message.trace_id, &journal.span_id).is_some() {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), whole).await;
    let names: Vec<&str> = seen.iter().map(|span| span.name.as_str()).collect();
    assert!(in_time.is_ok(), "no trace from socket to store among {names:?}\n{}", gateway.process().log());

    // The histogram's bucket leads to it.
    let message = seen.iter().find(|span| span.name == "ocpp_message").expect("seen above");
    let id: String = message.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let scrape = integration::servers::get(&gateway.admin("/metrics")).unwrap();
    let exemplar = format!("# {{trace_id=\"{id}\"}}");
    let mut buckets =
        scrape.lines().filter(|line| line.starts_with("ampwarden_call_duration_seconds_bucket"));
    assert!(buckets.any(|line| line.contains(&exemplar)), "no {exemplar} in\n{scrape}");
    collector.abort();
}
