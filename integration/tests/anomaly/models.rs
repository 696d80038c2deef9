//! The life of models: evaluated, activated, refused, taken back, damaged.

use std::fs;
use std::path::Path;

use integration::eventually;
use integration::servers::{self, QuestDb};
use proto::anomaly::v1::score_session_request::Target;
use proto::anomaly::v1::{
    ActivateModelRequest, EvaluateModelRequest, EvaluateModelResponse, ListModelsRequest, Model,
    ScoreSessionRequest, Session, TrainRequest, model,
};
use station::fact::SessionRow;
use station::id::SessionId;
use store::read::{Param, Reader};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{Client, DEADLINE, Service, active_model, now, send_sessions, session};

pub(super) async fn come_and_go(store: &QuestDb, service: Service, folder: &Path, reader: &Reader) {
    let good = active_model(&service.client).await;
    let judged = evaluate(&service.client, "models/-").await.expect("evaluated");
    let figures = judged.evaluation.expect("figures");
    assert_eq!(judged.model, good);
    println!("{good}: {figures:?}");
    assert!(figures.session_count >= 40 && figures.auroc > 0.9, "{figures:?}");
    assert!(figures.faults.len() >= 6 && figures.warning_ratio < 0.1, "{figures:?}");
    let unknown = evaluate(&service.client, "models/../../etc/passwd").await.expect_err("unknown");
    assert_eq!(unknown.code(), Code::NotFound, "{unknown}");

    scored_while_training(&service.client).await;
    let good = active_model(&service.client).await;
    let worse = a_worse_one_is_refused(store, &service, reader, &good).await;
    taken_back_and_forth(&service.client, reader, &good, &worse).await;

    // What was activated last is active after a restart, though it is not the newest.
    service.stop().await;
    let service = Service::start(store, folder).await;
    assert_eq!(eventually(DEADLINE, || active_of(&service.client)).await, good);
    service.stop().await;

    // A damaged file is refused, and the last good one serves; the refused one does not come back by itself.
    let file = folder.join(format!("{}.model", id(&good)));
    let mut bytes = fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).expect("written");
    let service = Service::start(store, folder).await;
    let serving = eventually(DEADLINE, || active_of(&service.client)).await;
    assert!(serving != good && serving != worse, "{serving}");
    let listed = find(&service.client, &good).await;
    assert_eq!(listed.state(), model::State::Unusable);
    assert!(listed.detail.contains("checksum does not fit"), "{}", listed.detail);
    let refused = activate(&service.client, &good).await.expect_err("damaged");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert_eq!(active_model(&service.client).await, serving, "it goes on");
    service.stop().await;
}

/// Sessions are scored on request all the while.
async fn scored_while_training(client: &Client) {
    let mut steps = client.clone().train(TrainRequest {}).await.expect("begun").into_inner();
    let training = tokio::spawn(async move {
        while let Some(step) = steps.message().await.expect("a step") {
            if let Some(model) = step.model {
                return model;
            }
        }
        panic!("no model at the end");
    });
    let mut scored = 0;
    while !training.is_finished() {
        let inline = Session {
            station: "CP-01".into(),
            start_time: Some(Default::default()),
            duration_s: Some(7200.0),
            ..Session::default()
        };
        let target = Some(Target::Session(inline));
        client.clone().score_session(ScoreSessionRequest { target }).await.expect("scored");
        scored += 1;
    }
    let model = training.await.expect("no panic");
    println!("{scored} sessions were scored one by one during a training of {}", model.session_count);
    assert!(scored > 1, "{scored}");
    assert_eq!(model.state(), model::State::Active);
    assert!(model.evaluation.is_some(), "it was evaluated first");
}

/// A history that is spoilt where no model is judged makes a worse model: it is kept, and does not score.
async fn a_worse_one_is_refused(store: &QuestDb, service: &Service, reader: &Reader, good: &str) -> String {
    let spoilt: Vec<SessionRow> = (0..2000).map(nonsense).collect();
    send_sessions(store, &spoilt).await;
    // The history has more than doubled: a training is due by itself.
    let worse = eventually(DEADLINE, || async {
        let models = models(&service.client).await;
        let refused = models.into_iter().find(|m| m.state() == model::State::Refused);
        refused.ok_or_else(|| "none was refused".to_owned())
    })
    .await;
    println!("{}", worse.detail);
    assert!(worse.detail.contains("worse than the active model"), "{}", worse.detail);
    assert_eq!(active_model(&service.client).await, good);
    let sql = "SELECT detail FROM models WHERE model = $1 AND state = 'refused'";
    eventually(DEADLINE, || async {
        let rows = reader.query(sql, &[Param::Text(id(&worse.name))]).await.expect("read");
        if rows.is_empty() { Err("no row") } else { Ok(()) }
    })
    .await;

    // On request as well, and the caller is told why.
    let mut steps = service.client.clone().train(TrainRequest {}).await.expect("begun").into_inner();
    let status = loop {
        match steps.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it was not refused"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    assert!(status.message().contains("but not activated: it tells faults worse"), "{status}");
    assert_eq!(active_model(&service.client).await, good);

    // The newest sessions are far from what the active model has learnt: that is told.
    let judged = evaluate(&service.client, good).await.expect("evaluated");
    let drift = judged.drift.expect("enough sessions");
    assert!(drift.features[0].stability_index > 0.25, "{drift:?}");
    eventually(DEADLINE, || async {
        let text = servers::get(&format!("http://{}/metrics", service.admin))?;
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.rsplit(' ').next()?.parse::<f64>().ok()
        };
        let energy = value("ampwarden_anomaly_feature_drift{feature=\"energy_wh\"}").unwrap_or(0.0);
        let score = value("ampwarden_anomaly_score_drift").unwrap_or(0.0);
        if energy > 0.25 && score > 0.25 { Ok(()) } else { Err(format!("energy {energy}, score {score}")) }
    })
    .await;
    find_state(&service.client, model::State::Refused).await.name
}

/// An operator may activate what was refused, and take it back: each time all stored sessions get the active model's
/// score, though they had one of it before.
async fn taken_back_and_forth(client: &Client, reader: &Reader, good: &str, worse: &str) {
    for name in [worse, good, worse, good] {
        let activated = activate(client, name).await.expect("activated");
        assert_eq!((activated.state(), activated.name.as_str()), (model::State::Active, name));
        assert_eq!(active_model(client).await, name);
        // Which score is a session's newest is decided as boards and lists do it.
        let sql = "SELECT count() AS others FROM (SELECT model, row_number() OVER (PARTITION BY session_id \
                   ORDER BY revision DESC, scored_at DESC) AS place FROM session_scores) \
                   WHERE place = 1 AND model != $1";
        eventually(DEADLINE, || async {
            let rows = reader.query(sql, &[Param::Text(id(name))]).await.expect("read");
            match rows[0].get::<i64>("others").expect("a count") {
                0 => Ok(()),
                others => Err(format!("{others} sessions have another model's score")),
            }
        })
        .await;
    }
    let again = activate(client, good).await.expect("it is active already");
    assert_eq!(again.state(), model::State::Active);
}

/// A session that makes no sense, and from which models learn.
fn nonsense(number: u32) -> SessionRow {
    let vary = |by: u32| f64::from(number.wrapping_mul(by) % 1000) / 1000.0;
    let power_w = 100.0 + 150_000.0 * vary(7919);
    let charging_s = 60.0 + 200_000.0 * vary(6101);
    let idle_s = 400_000.0 * vary(3571);
    let mut bytes = *Uuid::now_v7().as_bytes();
    bytes[15] = 1;
    SessionRow {
        session_id: SessionId(Uuid::from_bytes(bytes)),
        charging_s: Some(charging_s),
        idle_s: Some(idle_s),
        duration_s: charging_s + idle_s,
        energy_wh: Some((power_w * charging_s / 3600.0 * (0.05 + 5.0 * vary(2237))).min(9e6)),
        mean_power_w: Some(power_w),
        temperature_c: Some(70.0 * vary(1117)),
        meter_start_wh: None,
        meter_stop_wh: None,
        ..session(number, now().plus_seconds(-600 - i64::from(number)))
    }
}

fn id(name: &str) -> &str {
    name.strip_prefix("models/").expect("a model's name")
}

async fn models(client: &Client) -> Vec<Model> {
    client.clone().list_models(ListModelsRequest::default()).await.expect("listed").into_inner().models
}

async fn find(client: &Client, name: &str) -> Model {
    models(client).await.into_iter().find(|m| m.name == name).expect("it is listed")
}

async fn find_state(client: &Client, state: model::State) -> Model {
    models(client).await.into_iter().find(|m| m.state() == state).expect("one is listed")
}

/// For a service that has just been started.
async fn active_of(client: &Client) -> Result<String, Status> {
    let models = client.clone().list_models(ListModelsRequest::default()).await?.into_inner().models;
    Ok(models.into_iter().find(|m| m.state() == model::State::Active).expect("one scores").name)
}

async fn evaluate(client: &Client, name: &str) -> Result<EvaluateModelResponse, Status> {
    let request = EvaluateModelRequest { name: name.to_owned() };
    client.clone().evaluate_model(request).await.map(tonic::Response::into_inner)
}

async fn activate(client: &Client, name: &str) -> Result<Model, Status> {
    let request = ActivateModelRequest { name: name.to_owned() };
    client.clone().activate_model(request).await.map(tonic::Response::into_inner)
}
