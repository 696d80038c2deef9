//! The anomaly service on a real QuestDB: every ended session gets a score, late samples and corrections are scored
//! again, a model is trained and activated while it serves, and a store that goes away is waited for.
// Figures are printed to be read.
#![allow(clippy::print_stdout)]

mod models;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anomaly::{Config, Error, Listeners};
use integration::eventually;
use integration::servers::{QuestDb, QuestDbOptions};
use proto::anomaly::v1::anomaly_service_client::AnomalyServiceClient;
use proto::anomaly::v1::score_session_request::Target;
use proto::anomaly::v1::train_response::Stage;
use proto::anomaly::v1::{
    Baseline, ExplainSessionRequest, GetProfileRequest, GetScoreRequest, ListAnomaliesRequest,
    ListClustersRequest, ListModelsRequest, Model, Score, ScoreSessionRequest, Session, Severity,
    TrainRequest, explain_session_request, model,
};
use service::auth::ApiConfig;
use service::config::HumanDuration;
use station::fact::{Fact, Key, MeterValue, SessionRow};
use station::id::{EventId, SessionId};
use station::time::Timestamp;
use store::ilp::{Batch, Writer};
use store::read::{Param, Reader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;
use uuid::Uuid;

/// Generous: other servers run beside.
const DEADLINE: Duration = Duration::from_secs(90);

type Client = AnomalyServiceClient<Channel>;

struct Service {
    client: Client,
    admin: std::net::SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Service {
    async fn start(store: &QuestDb, folder: &std::path::Path) -> Self {
        let mut config = Config::default();
        config.training.folder = folder.to_owned();
        config.training.look_every = HumanDuration::from_millis(200);
        config.training.drift_every = HumanDuration::from_millis(500);
        config.scoring.samples_wait = HumanDuration::from_secs(2);
        config.scoring.sweep_hour_every = HumanDuration::from_millis(500);
        let free = || TcpListener::bind("127.0.0.1:0");
        let listeners = Listeners { grpc: free().await.expect("free"), admin: free().await.expect("free") };
        let address = format!("http://{}", listeners.grpc.local_addr().expect("bound"));
        let admin = listeners.admin.local_addr().expect("bound");
        let shutdown = CancellationToken::new();
        let api = ApiConfig::default();
        let task = tokio::spawn(anomaly::run(config, store.config(), api, listeners, shutdown.clone()));
        let channel = Channel::from_shared(address).expect("an address").connect_lazy();
        Self { client: AnomalyServiceClient::new(channel), admin, shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("an orderly end");
    }
}

fn now() -> Timestamp {
    chrono::Utc::now().into()
}

/// A commuter's session of 7 kW, a little different each time.
fn session(number: u32, updated_at: Timestamp) -> SessionRow {
    let vary = f64::from(number * 7919 % 1000) / 1000.0;
    let charging_s = 5400.0 + 3600.0 * vary;
    let idle_s = 1800.0 + 1800.0 * (1.0 - vary);
    let duration_s = charging_s + idle_s;
    let energy_wh = 7000.0 * charging_s / 3600.0;
    let ended_at = updated_at;
    let started_at = Timestamp(ended_at.0 - (duration_s * 1e6) as i64);
    SessionRow {
        ts: started_at,
        session_id: SessionId(Uuid::now_v7()),
        station: format!("CP-{:02}", number % 12),
        site: Some(format!("site-{}", number % 3)),
        evse: None,
        connector: Some(1),
        transaction_id: Some(number.to_string()),
        token_hash: Some(format!("user-{}", number % 25)),
        vehicle_model: None,
        user_type: None,
        charger_type: None,
        state: "ended",
        started_at,
        ended_at: Some(ended_at),
        duration_s,
        charging_s: Some(charging_s),
        idle_s: Some(idle_s),
        energy_wh: Some(energy_wh),
        meter_start_wh: Some(1_000_000.0),
        meter_stop_wh: Some(1_000_000.0 + energy_wh),
        max_power_w: Some(7200.0),
        mean_power_w: Some(7000.0),
        soc_start_ratio: None,
        soc_end_ratio: None,
        battery_wh: None,
        temperature_c: Some(30.0 + 5.0 * vary),
        cost: None,
        currency: None,
        tariff: None,
        tariff_revision: None,
        stop_reason: Some("Local".into()),
        inferred: false,
        partial: false,
        revision: 0,
        samples: 0,
        source: "ocpp1.6",
        received_at: started_at,
        updated_at,
        flags: None,
    }
}

/// One sample of power of a session.
fn sample(session: &SessionRow, number: i32, power_w: f64) -> Fact {
    let key = Key {
        ts: session.started_at.plus_seconds(60 * i64::from(number)),
        event_id: EventId(Uuid::now_v7()),
        n: number,
        station: session.station.clone(),
        site: session.site.clone(),
        evse: None,
        connector: Some(1),
        station_ts: None,
        received_at: session.updated_at,
        flags: None,
    };
    let value = MeterValue {
        session_id: Some(session.session_id),
        context: "Sample.Periodic".into(),
        location: "Outlet".into(),
        power_w: Some(power_w),
        ..MeterValue::default()
    };
    Fact::MeterValue(key, value)
}

async fn send(store: &QuestDb, facts: Vec<Fact>) {
    let config = store.config();
    tokio::task::spawn_blocking(move || {
        let mut batch = Batch::new();
        for fact in &facts {
            batch.push_fact(0, fact);
        }
        let sent = Writer::new(&config).send(&mut batch).expect("sent");
        assert_eq!(sent.refused, []);
    })
    .await
    .expect("no panic");
}

async fn send_sessions(store: &QuestDb, sessions: &[SessionRow]) {
    send(store, sessions.iter().cloned().map(|s| Fact::Session(Box::new(s))).collect()).await;
}

async fn score_of(client: &Client, id: SessionId) -> Result<Score, tonic::Status> {
    let request = GetScoreRequest { name: format!("sessions/{id}/score") };
    client.clone().get_score(request).await.map(tonic::Response::into_inner)
}

/// How many sessions have a score by each model.
async fn scored_by_model(reader: &Reader) -> HashMap<String, i64> {
    let sql = "SELECT model, count_distinct(session_id) AS sessions FROM session_scores GROUP BY model";
    let rows = reader.query(sql, &[]).await.expect("read");
    rows.iter().map(|row| (row.get("model").expect("model"), row.get("sessions").expect("count"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ended_session_is_scored() {
    let mut store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::start(&store, folder.path()).await;
    let reader = Reader::new(&store.config());

    cold_start(&store, &service.client).await;
    let model = history_and_first_model(&store, &service.client, &reader).await;
    live_sessions(&store, &service.client, &model).await;
    explanations_and_profiles(&service.client).await;
    late_samples_and_corrections(&store, &service.client).await;
    lists(&service.client).await;
    training_on_request(&service.client, &reader, &model).await;
    the_store_goes_and_comes(&mut store, &service.client).await;

    // A restart goes on with the last model and finds what came meanwhile.
    let active = active_model(&service.client).await;
    service.stop().await;
    let meanwhile = session(5001, now());
    send_sessions(&store, std::slice::from_ref(&meanwhile)).await;
    let service = Service::start(&store, folder.path()).await;
    let score = eventually(DEADLINE, || score_of(&service.client, meanwhile.session_id)).await;
    assert_eq!(score.model, active);

    models::come_and_go(&store, service, folder.path(), &reader).await;
}

/// Without history the checks work alone, and say so.
async fn cold_start(store: &QuestDb, client: &Client) {
    let hot = SessionRow { temperature_c: Some(92.0), ..session(1, now()) };
    send_sessions(store, std::slice::from_ref(&hot)).await;
    let score = eventually(DEADLINE, || score_of(client, hot.session_id)).await;
    assert!(score.model.starts_with("models/checks-"), "{}", score.model);
    assert_eq!((score.severity(), score.kind.as_str()), (Severity::Critical, "overheating"));
    assert_eq!(score.reasons[0].observed_value, 92.0);
}

/// A history comes; a model is trained by itself, and scores all of it, bad rows or not.
async fn history_and_first_model(store: &QuestDb, client: &Client, reader: &Reader) -> String {
    let days_ago = |days: i64| now().plus_seconds(-days * 86_400);
    let mut history: Vec<SessionRow> =
        (0..600).map(|n| session(n, days_ago(i64::from(n % 60) + 2).plus_seconds(i64::from(n)))).collect();
    history[7].energy_wh = None;
    history[8].energy_wh = Some(-5.0);
    send_sessions(store, &history).await;
    // The rows become visible day by day: a first model may know only some of them, and is replaced when there are
    // twice as many.
    let model = eventually(DEADLINE, || async {
        let active = active(client).await;
        let judged = active.evaluation.as_ref().map_or(0, |evaluation| evaluation.session_count);
        let known = active.session_count + active.rejected_session_count + judged;
        if known >= 600 { Ok(active.name) } else { Err(format!("{} knows {known} sessions", active.name)) }
    })
    .await;
    let name = model.strip_prefix("models/").expect("a name").to_owned();
    eventually(DEADLINE, || async {
        let scored = scored_by_model(reader).await;
        match scored.get(&name) {
            Some(count) if *count >= 601 => Ok(()),
            _ => Err(format!("{name}: {scored:?}")),
        }
    })
    .await;
    let rows = reader
        .query("SELECT sessions, checksum FROM models WHERE model = $1", &[Param::Text(&name)])
        .await
        .expect("read");
    assert!(!rows.is_empty(), "the model has a row");
    model
}

/// Sessions that have just ended: the time to their score is printed.
async fn live_sessions(store: &QuestDb, client: &Client, model: &str) {
    let mut times = Vec::new();
    for number in 0..40 {
        let mut ended = session(1000 + number, now());
        ended.samples = 3;
        let mut facts: Vec<Fact> = (0..3).map(|n| sample(&ended, n, 7000.0)).collect();
        facts.push(Fact::Session(Box::new(ended.clone())));
        send(store, facts).await;
        let began = Instant::now();
        let score = eventually(DEADLINE, || score_of(client, ended.session_id)).await;
        times.push(began.elapsed());
        assert!(!score.partial);
        assert_eq!(score.model, model);
    }
    times.sort();
    println!(
        "stored → scored and visible: p50 {:?}, max {:?}",
        times[times.len() / 2],
        times[times.len() - 1]
    );

    // By name, without writing: the same answer as what was stored.
    let ended = session(1100, now());
    send_sessions(store, std::slice::from_ref(&ended)).await;
    let stored = eventually(DEADLINE, || score_of(client, ended.session_id)).await;
    let target = Some(Target::Name(format!("sessions/{}", ended.session_id)));
    let answer = client.clone().score_session(ScoreSessionRequest { target }).await.expect("scored");
    let fresh = answer.into_inner().score.expect("a score");
    assert!((fresh.score - stored.score).abs() < 1e-9);
    assert_eq!(fresh.reasons, stored.reasons);

    let unknown = format!("sessions/{}", Uuid::now_v7());
    let target = Some(Target::Name(unknown));
    let status = client.clone().score_session(ScoreSessionRequest { target }).await.expect_err("unknown");
    assert_eq!(status.code(), Code::NotFound, "{status}");
    assert!(!status.details().is_empty(), "RetryInfo says when to ask again");
}

/// With a model an explanation shows each quantity against each usual; a profile says what is usual.
async fn explanations_and_profiles(client: &Client) {
    let odd = Session {
        station: "CP-03".into(),
        site: "site-0".into(),
        token_hash: "user-3".into(),
        start_time: Some(Default::default()),
        duration_s: Some(90_000.0),
        charging_s: Some(80_000.0),
        energy_wh: Some(150_000.0),
        mean_power_w: Some(6750.0),
        ..Session::default()
    };
    let target = Some(explain_session_request::Target::Session(odd));
    let explained =
        client.clone().explain_session(ExplainSessionRequest { target }).await.expect("explained");
    let explained = explained.into_inner();
    assert!(explained.model_score.is_some_and(|score| score > 0.99), "{explained:?}");
    let of = |baseline: Baseline| {
        let mut all = explained.contributions.iter();
        all.find(|c| c.feature == "energy_wh" && c.baseline() == baseline).expect("energy is held against it")
    };
    let (fleet, user) = (of(Baseline::Fleet), of(Baseline::User));
    assert_eq!((user.observed_value.round(), user.unit.as_str()), (150_000.0, "Wh"));
    assert_eq!(user.baseline_id, "user-3");
    // One session in ten is held out.
    assert!((15..=24).contains(&user.session_count), "{}", user.session_count);
    assert!(fleet.usual_high_value.is_some_and(|high| high < 25_000.0), "{fleet:?}");
    let shares: f64 = explained.contributions.iter().map(|c| c.share).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");

    for (name, sessions, stations, users) in [
        ("users/user-3/profile", 24..=30, 12, 1),
        ("stations/CP-03/profile", 50..=60, 1, 25),
        ("sites/site-0/profile", 200..=220, 4, 25),
    ] {
        let profile = client.clone().get_profile(GetProfileRequest { name: name.into() }).await;
        let profile = profile.expect(name).into_inner();
        assert!(sessions.contains(&profile.session_count), "{name}: {}", profile.session_count);
        assert_eq!((profile.station_count, profile.user_count), (stations, users), "{name}");
        let energy = profile.mean_energy_wh.expect("known");
        assert!((10_000.0..18_000.0).contains(&energy), "{name}: {energy}");
        let usual = profile.usual.iter().find(|usual| usual.feature == "energy_wh").expect("known");
        assert!(usual.low_value < usual.median_value && usual.median_value < usual.high_value, "{usual:?}");
        assert!(profile.daily_energy_wh.is_some() && !profile.text.is_empty(), "{}", profile.text);
    }
    let name = "stations/nobody/profile".to_owned();
    let status = client.clone().get_profile(GetProfileRequest { name }).await.expect_err("unknown");
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

/// A session whose samples do not come is scored in part, and wholly when they come; a correction is scored anew.
async fn late_samples_and_corrections(store: &QuestDb, client: &Client) {
    let mut ended = session(2000, now());
    ended.samples = 130;
    let all: Vec<Fact> = (0..130).map(|n| sample(&ended, n, 1000.0)).collect();
    send(store, vec![Fact::Session(Box::new(ended.clone())), all[0].clone()]).await;
    let score = eventually(DEADLINE, || score_of(client, ended.session_id)).await;
    assert!(score.partial);
    send(store, all).await;
    let score = eventually(DEADLINE, || async {
        let score = score_of(client, ended.session_id).await.map_err(|e| e.to_string())?;
        if score.partial { Err("still partial".to_owned()) } else { Ok(score) }
    })
    .await;
    let kinds: Vec<&str> = score.reasons.iter().map(|r| r.feature.as_str()).collect();
    assert!(
        kinds.contains(&"energy_contradicts_power"),
        "1 kW all the time cannot give this energy: {kinds:?}"
    );

    let corrected = SessionRow { revision: 1, inferred: true, updated_at: now(), ..ended };
    send_sessions(store, std::slice::from_ref(&corrected)).await;
    let score = eventually(DEADLINE, || async {
        let score = score_of(client, corrected.session_id).await.map_err(|e| e.to_string())?;
        if score.session_revision == 1 { Ok(score) } else { Err("the old revision".to_owned()) }
    })
    .await;
    assert!(score.reasons.iter().any(|r| r.feature == "no_stop"), "{:?}", score.reasons);
}

/// Filters and pages.
async fn lists(client: &Client) {
    let list = |filter: &str, page_size: i32, page_token: String| {
        let request = ListAnomaliesRequest { filter: filter.to_owned(), page_size, page_token };
        let mut client = client.clone();
        async move { client.list_anomalies(request).await.expect("listed").into_inner() }
    };
    let critical = list("severity = CRITICAL", 0, String::new()).await.anomalies;
    assert!(critical.iter().any(|score| score.kind == "overheating"), "{critical:?}");
    assert!(critical.iter().all(|score| score.severity() == Severity::Critical));

    let filter = "severity >= NORMAL AND station = \"CP-03\" AND start_time >= \"2020-01-01T00:00:00Z\"";
    let all = list(filter, 1000, String::new()).await;
    assert!(all.anomalies.len() > 40 && all.next_page_token.is_empty(), "{}", all.anomalies.len());
    assert!(all.anomalies.iter().all(|score| score.station == "CP-03"));
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(filter, 7, token).await;
        names.extend(page.anomalies.into_iter().map(|score| score.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names, all.anomalies.iter().map(|score| score.name.clone()).collect::<Vec<_>>());
    let by_site = list("severity >= NORMAL AND site = \"site-1\" AND score < 0.99", 5, String::new()).await;
    assert!(by_site.anomalies.iter().all(|score| score.site == "site-1" && score.score < 0.99));
    let since = now().plus_seconds(-3600).to_rfc3339();
    let recent = list(&format!("severity >= NORMAL AND end_time >= \"{since}\""), 1000, String::new()).await;
    assert!(recent.anomalies.len() >= 40, "{}", recent.anomalies.len());
}

/// A training on request: progress, a new model, and everything scored by it.
async fn training_on_request(client: &Client, reader: &Reader, before: &str) {
    let mut steps = client.clone().train(TrainRequest {}).await.expect("begun").into_inner();
    let mut stages = Vec::new();
    let mut trained = None;
    while let Some(step) = steps.message().await.expect("a step") {
        stages.push(step.stage());
        trained = step.model.or(trained);
    }
    assert!(stages.contains(&Stage::Training) && stages.last() == Some(&Stage::Done), "{stages:?}");
    let trained = trained.expect("a model");
    assert_ne!(trained.name, before);
    assert_eq!((trained.rejected_session_count, trained.state()), (2, model::State::Active));
    assert_eq!(active_model(client).await, trained.name);
    let name = trained.name.strip_prefix("models/").expect("a name");
    eventually(DEADLINE, || async {
        let scored = scored_by_model(reader).await;
        let count = scored.get(name).copied().unwrap_or(0);
        if count >= 640 { Ok(()) } else { Err(format!("{count} sessions are scored by {name}")) }
    })
    .await;
    let request = ListClustersRequest { parent: "models/-".into(), ..Default::default() };
    let clusters = client.clone().list_clusters(request).await.expect("listed").into_inner();
    assert_eq!(clusters.model, trained.name);
    assert!(!clusters.text.is_empty());
}

/// While the store is away sessions are scored on request; when it is back, those that came are found.
async fn the_store_goes_and_comes(store: &mut QuestDb, client: &Client) {
    store.kill();
    let inline = Session {
        station: "CP-01".into(),
        start_time: Some(Default::default()),
        duration_s: Some(7200.0),
        energy_wh: Some(12_000.0),
        ..Session::default()
    };
    let target = Some(Target::Session(inline));
    let answer = client.clone().score_session(ScoreSessionRequest { target }).await.expect("scored");
    assert!(!answer.into_inner().score.expect("a score").model.contains("checks-"));
    let status = score_of(client, SessionId(Uuid::now_v7())).await.expect_err("no store");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    store.start_again();
    let after = session(4000, now());
    send_sessions(store, std::slice::from_ref(&after)).await;
    eventually(DEADLINE, || score_of(client, after.session_id)).await;
}

async fn active(client: &Client) -> Model {
    let models =
        client.clone().list_models(ListModelsRequest::default()).await.expect("listed").into_inner().models;
    models.into_iter().find(|m| m.state() == model::State::Active).expect("one scores")
}

async fn active_model(client: &Client) -> String {
    active(client).await.name
}
