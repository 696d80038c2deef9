//! Rows of the anomaly service and of gateways, as they are written and as they are found in the store.

use integration::servers::QuestDb;
use integration::unique;
use serde_json::json;
use station::id::SessionId;
use store::{ForecastRow, GatewayRow, HourRow, ModelRow, ProfileRow, ScoreRow};
use uuid::Uuid;

use crate::sample::{EPOCH, assert_row, now, send, time};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_anomaly_service_and_gateways_write() {
    let server = QuestDb::shared().await;
    let (model, now) = (unique("model"), now());
    let session_id = SessionId(Uuid::new_v4());
    send(server, |batch| {
        batch.push_score(
            1,
            &ScoreRow {
                ts: now,
                session_id,
                revision: 2,
                model: model.clone(),
                station: "s".into(),
                site: Some("site".into()),
                token_hash: Some("t".into()),
                score: 0.9,
                severity: "critical".into(),
                kind: "energy".into(),
                text: "much".into(),
                reasons: "[]".into(),
                cluster: Some(1),
                cluster_name: Some("night".into()),
                partial: true,
                ended_at: Some(now),
                scored_at: now,
            },
        );
        batch.push_model(
            2,
            &ModelRow {
                ts: now,
                model: model.clone(),
                state: "trained".into(),
                sessions: 10,
                clusters: Some(3),
                silhouette: Some(0.4),
                checksum: "c".into(),
                detail: "{}".into(),
            },
        );
        batch.push_profile(
            3,
            &ProfileRow {
                scope: "user".into(),
                id: model.clone(),
                sessions: 5,
                energy_mean_wh: Some(1.0),
                duration_mean_s: Some(2.0),
                power_mean_w: Some(3.0),
                stations: Some(2),
                users: None,
                preferred_period: Some("evening".into()),
                text: "x".into(),
                model: model.clone(),
                updated_at: now,
            },
        );
        batch.push_gateway(
            4,
            &GatewayRow {
                ts: now,
                gateway: model.clone(),
                epoch: Uuid::from_u128(1),
                state: "running",
                version: "0.1.0".into(),
                connections: 7,
                journal_events: 8,
            },
        );
        batch.push_forecast(
            5,
            &ForecastRow {
                ts: now,
                scope: "site",
                id: model.clone(),
                days_ahead: 1,
                horizon_h: 30,
                mean_w: Some(2.5),
                p10_w: Some(1.0),
                p50_w: Some(2.0),
                p90_w: Some(4.0),
                free_ratio: None,
                rated_w: Some(9.0),
                model: "m",
                made_at: now,
            },
        );
        batch.push_hour(
            6,
            &HourRow {
                ts: now,
                scope: "site",
                id: model.clone(),
                mean_w: 3.5,
                free_ratio: Some(0.25),
                connectors: None,
                updated_at: now,
            },
        );
    });
    assert_row(
        server,
        "forecasts",
        &format!("id = '{model}'"),
        json!({"ts": time(now), "scope": "site", "id": model, "days_ahead": 1, "horizon_h": 30, "mean_w": 2.5,
            "p10_w": 1.0, "p50_w": 2.0, "p90_w": 4.0, "free_ratio": null, "rated_w": 9.0, "model": "m",
            "made_at": time(now)}),
    )
    .await;
    assert_row(
        server,
        "hourly_load",
        &format!("id = '{model}'"),
        json!({"ts": time(now), "scope": "site", "id": model, "mean_w": 3.5, "free_ratio": 0.25,
            "connectors": null, "updated_at": time(now)}),
    )
    .await;
    assert_row(
        server,
        "session_scores",
        &format!("model = '{model}'"),
        json!({"ts": time(now), "session_id": session_id.to_string(), "revision": 2, "model": model, "station": "s",
            "site": "site", "token_hash": "t", "score": 0.9, "severity": "critical", "kind": "energy",
            "text": "much", "reasons": "[]", "cluster": 1, "cluster_name": "night", "partial": true,
            "ended_at": time(now), "scored_at": time(now)}),
    )
    .await;
    assert_row(
        server,
        "models",
        &format!("model = '{model}'"),
        json!({"ts": time(now), "model": model, "state": "trained", "sessions": 10, "clusters": 3,
            "silhouette": 0.4, "checksum": "c", "detail": "{}"}),
    )
    .await;
    assert_row(
        server,
        "profiles",
        &format!("id = '{model}'"),
        json!({"ts": EPOCH, "scope": "user", "id": model, "sessions": 5, "energy_mean_wh": 1.0,
            "duration_mean_s": 2.0, "power_mean_w": 3.0, "stations": 2, "users": null,
            "preferred_period": "evening", "text": "x", "model": model, "updated_at": time(now)}),
    )
    .await;
    assert_row(
        server,
        "gateways",
        &format!("gateway = '{model}'"),
        json!({"ts": time(now), "gateway": model, "epoch": Uuid::from_u128(1).to_string(), "state": "running",
            "version": "0.1.0", "connections": 7, "journal_events": 8}),
    )
    .await;
}
