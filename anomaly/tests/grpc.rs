//! The gRPC API over real sockets, with no store there: what is asked directly is answered all the same.

use std::net::SocketAddr;
use std::time::Duration;

use anomaly::{Config, Error, Listeners};
use prost_types::Timestamp;
use proto::anomaly::v1::anomaly_service_client::AnomalyServiceClient;
use proto::anomaly::v1::score_session_request::Target;
use proto::anomaly::v1::score_sessions_response::Result as Answer;
use proto::anomaly::v1::{
    Baseline, ExplainSessionRequest, GetProfileRequest, GetScoreRequest, ListAnomaliesRequest,
    ListClustersRequest, ListModelsRequest, ScoreSessionRequest, Session, Severity, TrainRequest,
    explain_session_request, model,
};
use service::auth::{ApiConfig, ApiToken, Scope};
use sha2::Digest as _;
use store::StoreConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

struct Server {
    grpc: SocketAddr,
    admin: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start(mut config: Config, api: ApiConfig) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        config.training.folder = folder.path().join("models");
        let listeners = Listeners { grpc: free().await, admin: free().await };
        let (grpc, admin) =
            (listeners.grpc.local_addr().expect("bound"), listeners.admin.local_addr().expect("bound"));
        let shutdown = CancellationToken::new();
        // Nobody listens there.
        let mut store = StoreConfig { http: "http://127.0.0.1:1".into(), ..StoreConfig::default() };
        store.pg.port = 1;
        let task = tokio::spawn(anomaly::run(config, store, api, listeners, shutdown.clone()));
        Self { grpc, admin, shutdown, task, _folder: folder }
    }

    async fn channel(&self) -> Channel {
        let address = format!("http://{}", self.grpc);
        Channel::from_shared(address).expect("an address").connect().await.expect("connected")
    }

    async fn client(&self) -> AnomalyServiceClient<Channel> {
        AnomalyServiceClient::new(self.channel().await)
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("an orderly end");
    }
}

async fn free() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

fn session() -> Session {
    Session {
        station: "CP-1".into(),
        start_time: Some(Timestamp { seconds: 1_772_494_200, nanos: 0 }),
        duration_s: Some(7200.0),
        charging_s: Some(7000.0),
        energy_wh: Some(13_500.0),
        max_power_w: Some(7200.0),
        mean_power_w: Some(7000.0),
        ..Session::default()
    }
}

fn inline(session: Session) -> ScoreSessionRequest {
    ScoreSessionRequest { target: Some(Target::Session(session)) }
}

fn fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().expect("BadRequest details");
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn sessions_are_scored_without_a_store_and_without_a_model() {
    let server = Server::start(Config::default(), ApiConfig::default()).await;
    let mut client = server.client().await;
    let score =
        client.score_session(inline(session())).await.expect("scored").into_inner().score.expect("a score");
    assert_eq!((score.severity(), score.kind.as_str()), (Severity::Normal, "none"));
    assert!(score.model.starts_with("models/checks-"), "{}", score.model);

    let hot = Session { temperature_c: Some(95.0), ..session() };
    let score = client.score_session(inline(hot)).await.expect("scored").into_inner().score.expect("a score");
    assert_eq!((score.severity(), score.kind.as_str()), (Severity::Critical, "overheating"));
    assert!((0.999..=1.0).contains(&score.score));
    let reason = &score.reasons[0];
    assert_eq!((reason.baseline(), reason.unit.as_str()), (Baseline::Rule, "°C"));
    assert_eq!((reason.observed_value, reason.usual_high_value), (95.0, Some(75.0)));

    let models = client.list_models(ListModelsRequest::default()).await.expect("listed").into_inner().models;
    assert_eq!(models.len(), 1);
    assert_eq!((models[0].state(), &models[0].name), (model::State::Active, &score.model));
    let parent = "models/-".to_owned();
    let request = ListClustersRequest { parent, ..Default::default() };
    let clusters = client.list_clusters(request).await.expect("listed").into_inner();
    assert!(clusters.clusters.is_empty() && clusters.text.contains("no model yet"), "{}", clusters.text);
    server.stop().await;
}

type Set<T> = fn(&mut Session, T);

const NUMBERS: [(&str, Set<f64>); 13] = [
    ("duration_s", |s, v| s.duration_s = Some(v)),
    ("charging_s", |s, v| s.charging_s = Some(v)),
    ("idle_s", |s, v| s.idle_s = Some(v)),
    ("energy_wh", |s, v| s.energy_wh = Some(v)),
    ("meter_start_wh", |s, v| s.meter_start_wh = Some(v)),
    ("meter_stop_wh", |s, v| s.meter_stop_wh = Some(v)),
    ("max_power_w", |s, v| s.max_power_w = Some(v)),
    ("mean_power_w", |s, v| s.mean_power_w = Some(v)),
    ("rated_power_w", |s, v| s.rated_power_w = Some(v)),
    ("soc_start_ratio", |s, v| s.soc_start_ratio = Some(v)),
    ("soc_end_ratio", |s, v| s.soc_end_ratio = Some(v)),
    ("battery_wh", |s, v| s.battery_wh = Some(v)),
    ("temperature_c", |s, v| s.temperature_c = Some(v)),
];
const NOT_NEGATIVE: [&str; 6] =
    ["duration_s", "charging_s", "idle_s", "energy_wh", "rated_power_w", "battery_wh"];

const TEXTS: [(&str, Set<String>); 6] = [
    ("station", |s, v| s.station = v),
    ("site", |s, v| s.site = v),
    ("token_hash", |s, v| s.token_hash = v),
    ("vehicle_model", |s, v| s.vehicle_model = v),
    ("charger_type", |s, v| s.charger_type = v),
    ("time_zone", |s, v| s.time_zone = v),
];

#[tokio::test]
async fn bad_input_is_named_field_by_field() {
    let server = Server::start(Config::default(), ApiConfig::default()).await;
    let mut client = server.client().await;
    for (field, session) in [
        ("session.station", Session { station: String::new(), ..session() }),
        ("session.energy_wh", Session { energy_wh: Some(f64::NAN), ..session() }),
        ("session.max_power_w", Session { max_power_w: Some(f64::INFINITY), ..session() }),
        ("session.duration_s", Session { duration_s: Some(-1.0), ..session() }),
        ("session.idle_s", Session { idle_s: Some(-0.5), ..session() }),
        ("session.battery_wh", Session { battery_wh: Some(1e300), ..session() }),
        ("session.start_time", Session { start_time: None, ..session() }),
        ("session.end_time", Session { end_time: Some(Timestamp::default()), ..session() }),
        ("session.time_zone", Session { time_zone: "Mars/Olympus".into(), ..session() }),
        ("session.name", Session { name: "sessions/7".into(), ..session() }),
        ("session.station", Session { station: "x".repeat(1000), ..session() }),
        ("session.station", Session { station: " \u{2003}".into(), ..session() }),
        (
            "session.start_time",
            Session { start_time: Some(Timestamp { seconds: i64::MAX, nanos: 0 }), ..session() },
        ),
        (
            "session.start_time",
            Session { start_time: Some(Timestamp { seconds: 0, nanos: -1 }), ..session() },
        ),
    ] {
        let status = client.score_session(inline(session)).await.expect_err(field);
        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status}");
        assert_eq!(fields(&status), [field]);
        assert!(status.message().starts_with(field), "{}", status.message());
    }
    // Every number and every text of a session, whatever is wrong with it.
    for (field, set) in NUMBERS {
        let absurd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e13, -1e13];
        let negative = NOT_NEGATIVE.contains(&field).then_some(-1e-3);
        for value in absurd.into_iter().chain(negative) {
            let mut session = session();
            set(&mut session, value);
            let status = client.score_session(inline(session)).await.expect_err(field);
            assert_eq!(status.code(), Code::InvalidArgument, "{field} = {value}: {status}");
            assert_eq!(fields(&status), [format!("session.{field}")], "{field} = {value}");
        }
    }
    for (field, set) in TEXTS {
        for text in ["x".repeat(257), "a\nb".to_owned(), "\0".to_owned()] {
            let mut session = session();
            set(&mut session, text);
            let status = client.score_session(inline(session)).await.expect_err(field);
            assert!(fields(&status).contains(&format!("session.{field}")), "{field}: {status}");
        }
    }
    let both = Session { station: String::new(), energy_wh: Some(f64::NAN), ..session() };
    let status = client.score_session(inline(both)).await.expect_err("two mistakes");
    assert_eq!(fields(&status), ["session.station", "session.energy_wh"]);

    let empty = client.score_session(ScoreSessionRequest::default()).await.expect_err("empty");
    assert_eq!(fields(&empty), ["target"]);
    let name = |name: &str| ScoreSessionRequest { target: Some(Target::Name(name.into())) };
    assert_eq!(fields(&client.score_session(name("sessions/")).await.expect_err("no id")), ["name"]);
    let request = GetScoreRequest { name: "sessions/abc/score".into() };
    assert_eq!(fields(&client.get_score(request).await.expect_err("no id")), ["name"]);
    let request = ListAnomaliesRequest { filter: "colour = red".into(), ..Default::default() };
    assert_eq!(fields(&client.list_anomalies(request).await.expect_err("no field")), ["filter"]);
    let request = ListAnomaliesRequest { page_size: -1, ..Default::default() };
    assert_eq!(fields(&client.list_anomalies(request).await.expect_err("negative")), ["page_size"]);
    let request = ListAnomaliesRequest { page_token: "x".into(), ..Default::default() };
    assert_eq!(fields(&client.list_anomalies(request).await.expect_err("foreign")), ["page_token"]);
    let request = ListClustersRequest { parent: "groups".into(), ..Default::default() };
    assert_eq!(fields(&client.list_clusters(request).await.expect_err("no model")), ["parent"]);
    let request =
        ListClustersRequest { parent: "models/20200101-000000-00000000".into(), ..Default::default() };
    assert_eq!(client.list_clusters(request).await.expect_err("unknown").code(), Code::NotFound);

    let large = Session { vehicle_model: "x".repeat(2 << 20), ..session() };
    let status = client.score_session(inline(large)).await.expect_err("too large");
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    server.stop().await;
}

/// A stream answers in its order; one that is wrong answers for itself, and the next is scored all the same.
#[tokio::test]
async fn a_stream_of_sessions_is_scored_in_its_order() {
    let server = Server::start(Config::default(), ApiConfig::default()).await;
    let mut client = server.client().await;
    let requests: Vec<ScoreSessionRequest> = (0..500)
        .map(|n| match n % 5 {
            1 => inline(Session { energy_wh: Some(f64::NAN), station: String::new(), ..session() }),
            2 => inline(Session { temperature_c: Some(95.0), ..session() }),
            3 => {
                let name = format!("sessions/{}", uuid::Uuid::nil());
                ScoreSessionRequest { target: Some(Target::Name(name)) }
            }
            _ => inline(Session { station: format!("CP-{n}"), ..session() }),
        })
        .collect();
    let mut answers = client.score_sessions(tokio_stream::iter(requests)).await.expect("begun").into_inner();
    let mut count = 0;
    while let Some(answer) = answers.message().await.expect("the stream goes on") {
        assert_eq!(answer.request_index, count);
        match (count % 5, answer.result.expect("a result")) {
            (1, Answer::Error(error)) => {
                let fields: Vec<&str> = error.field_violations.iter().map(|v| v.field.as_str()).collect();
                assert_eq!(fields, ["session.station", "session.energy_wh"]);
                assert_eq!(error.code, i32::from(Code::InvalidArgument));
            }
            (2, Answer::Score(score)) => assert_eq!(score.kind, "overheating"),
            (3, Answer::Error(error)) => {
                assert_eq!(error.code, i32::from(Code::Unavailable), "{}", error.message);
                assert!(error.retry_delay_s.is_some_and(|delay| delay > 0.0));
            }
            (0 | 4, Answer::Score(score)) => assert_eq!(score.station, format!("CP-{count}")),
            (_, other) => panic!("{count}: {other:?}"),
        }
        count += 1;
    }
    assert_eq!(count, 500);

    // A stream whose caller has more to send does not hold up the service's end.
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let open = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut answers = client.score_sessions(open).await.expect("begun").into_inner();
    sender.send(inline(session())).await.expect("sent");
    answers.message().await.expect("an answer").expect("one");
    server.stop().await;
    assert_eq!(answers.message().await.expect_err("cut").code(), Code::Unavailable);
}

#[tokio::test]
async fn an_explanation_has_every_reason() {
    let server = Server::start(Config::default(), ApiConfig::default()).await;
    let mut client = server.client().await;
    let bad = Session {
        temperature_c: Some(95.0),
        mean_power_w: Some(9000.0),
        meter_backwards: true,
        end_inferred: true,
        start_missing: true,
        idle_s: Some(40_000.0),
        soc_end_ratio: Some(1.5),
        ..session()
    };
    let target = Some(explain_session_request::Target::Session(bad.clone()));
    let explained =
        client.explain_session(ExplainSessionRequest { target }).await.expect("explained").into_inner();
    let score = explained.score.expect("a score");
    let short = client.score_session(inline(bad)).await.expect("scored").into_inner().score.expect("a score");
    assert_eq!(short.reasons.len(), 5);
    assert!(score.reasons.len() >= 7, "{:?}", score.reasons);
    assert_eq!((score.score, score.kind, score.severity), (short.score, short.kind, short.severity));
    assert!((score.reasons.iter().map(|r| r.share).sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!((explained.model_score, explained.checks_score), (None, short.score));
    assert!(explained.contributions.is_empty(), "there is no model yet");

    let empty = client.explain_session(ExplainSessionRequest::default()).await.expect_err("empty");
    assert_eq!(fields(&empty), ["target"]);
    for name in ["", "users//profile", "stations/CP-1"] {
        let status = client.get_profile(GetProfileRequest { name: name.into() }).await.expect_err(name);
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["name".to_owned()]));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_store_that_is_away_is_said_with_when_to_ask_again() {
    let server = Server::start(Config::default(), ApiConfig::default()).await;
    let mut client = server.client().await;
    let id = uuid::Uuid::new_v4();
    let request = GetScoreRequest { name: format!("sessions/{id}/score") };
    let status = client.get_score(request).await.expect_err("no store");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let retry = status.get_details_retry_info().expect("RetryInfo").retry_delay;
    assert!(retry.is_some_and(|delay| delay >= Duration::from_secs(1)));

    let mut steps = client.train(TrainRequest {}).await.expect("begun").into_inner();
    let status = steps.message().await.expect_err("no store");
    assert_eq!(status.code(), Code::Unavailable, "{status}");

    let (ready, body) = get(server.admin, "/readyz").await;
    assert!(ready.contains("503") && body.contains("store"), "{ready} {body}");
    let (live, _) = get(server.admin, "/livez").await;
    assert!(live.contains("200"), "{live}");
    let (_, metrics) = get(server.admin, "/metrics").await;
    let specs = [anomaly::METRICS, service::metrics::PROCESS_METRICS].concat();
    let problems = service::metrics::check_scrape(&specs, &metrics);
    assert!(problems.is_empty(), "{problems:?}\n{metrics}");
    assert!(metrics.contains("ampwarden_anomaly_store_up 0"), "{metrics}");
    server.stop().await;
}

#[tokio::test]
async fn tokens_and_their_scopes() {
    let token = |name: &str, scopes: &[Scope]| ApiToken {
        name: name.into(),
        scopes: scopes.to_vec(),
        hash: hex::encode(sha2::Sha256::digest(format!("{name}-secret"))),
    };
    let tokens = vec![token("board", &[Scope::Read]), token("ops", &[Scope::Read, Scope::Operate])];
    let server = Server::start(Config::default(), ApiConfig { tokens, ..ApiConfig::default() }).await;
    let mut client = server.client().await;
    let with = |token: &str| {
        let mut request = Request::new(TrainRequest {});
        let header = format!("Bearer {token}").parse().expect("a header");
        request.metadata_mut().insert("authorization", header);
        request
    };
    let none = client.score_session(inline(session())).await.expect_err("no token");
    assert_eq!(none.code(), Code::Unauthenticated, "{none}");
    let unknown = client.train(with("guess")).await.expect_err("unknown");
    assert_eq!(unknown.code(), Code::Unauthenticated, "{unknown}");
    let board = client.train(with("board-secret")).await.expect_err("may only read");
    assert_eq!(board.code(), Code::PermissionDenied, "{board}");
    client.train(with("ops-secret")).await.expect("may train");
    let mut request = Request::new(inline(session()));
    request.metadata_mut().insert("authorization", "Bearer board-secret".parse().expect("a header"));
    client.score_session(request).await.expect("may read");

    // Probes have no tokens.
    let mut health = tonic_health::pb::health_client::HealthClient::new(server.channel().await);
    let request =
        tonic_health::pb::HealthCheckRequest { service: "ampwarden.anomaly.v1.AnomalyService".into() };
    let health = health.check(request).await.expect("healthy").into_inner();
    assert_eq!(health.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    server.stop().await;
}

#[tokio::test]
async fn without_tokens_only_this_machine_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    config.training.folder = folder.path().to_owned();
    let everywhere = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
    let listeners = Listeners { grpc: everywhere, admin: free().await };
    let error = anomaly::run(
        config,
        StoreConfig::default(),
        ApiConfig::default(),
        listeners,
        CancellationToken::new(),
    )
    .await
    .expect_err("refused");
    assert!(error.to_string().contains("there are no tokens"), "{error}");
}

#[tokio::test]
async fn reflection_shows_the_api() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let server = Server::start(Config::default(), ApiConfig::default()).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("answered").into_inner();
    let answer = answers.message().await.expect("a message").expect("one").message_response;
    let Some(MessageResponse::ListServicesResponse(services)) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = services.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"ampwarden.anomaly.v1.AnomalyService".to_owned()), "{names:?}");
    drop(answers);
    drop(client);
    server.stop().await;
}

/// A plain HTTP GET: status line and body.
async fn get(address: SocketAddr, path: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}
