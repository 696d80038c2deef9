//! Forecasts on a real QuestDB: made from the stored sessions, written beside the hours that came, measured against
//! them, answered over gRPC, and written again when a store that went away is back.
// Figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Duration;

use anomaly::{Config, Listeners};
use integration::eventually;
use integration::servers::{QuestDb, QuestDbOptions};
use proto::anomaly::v1::anomaly_service_client::AnomalyServiceClient;
use proto::anomaly::v1::{ForecastRequest, ForecastResponse, PredictAvailabilityRequest};
use service::auth::ApiConfig;
use service::config::HumanDuration;
use station::fact::{Fact, SessionRow};
use station::id::SessionId;
use station::time::Timestamp;
use store::ForecastRow;
use store::ilp::{Batch, Writer};
use store::read::Reader;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

/// Generous: other servers run beside.
const DEADLINE: Duration = Duration::from_secs(60);
const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;
const DAYS: i64 = 35;
/// Each visit takes two whole hours: 7 kWh of them make 3.5 kW.
const VISIT_WH: f64 = 7000.0;

type Client = AnomalyServiceClient<Channel>;

/// A visit from a whole hour on.
fn session(station: &str, started_at: Timestamp) -> SessionRow {
    let ended_at = started_at.plus_seconds(2 * HOUR_S);
    SessionRow {
        ts: started_at,
        session_id: SessionId(Uuid::now_v7()),
        station: station.to_owned(),
        site: Some("harbour".into()),
        evse: None,
        connector: Some(1),
        transaction_id: None,
        token_hash: None,
        vehicle_model: None,
        user_type: None,
        charger_type: None,
        state: "ended",
        started_at,
        ended_at: Some(ended_at),
        duration_s: 7200.0,
        charging_s: Some(7200.0),
        idle_s: Some(0.0),
        energy_wh: Some(VISIT_WH),
        meter_start_wh: None,
        meter_stop_wh: None,
        max_power_w: None,
        mean_power_w: None,
        soc_start_ratio: None,
        soc_end_ratio: None,
        battery_wh: None,
        temperature_c: None,
        cost: None,
        currency: None,
        tariff: None,
        tariff_revision: None,
        stop_reason: None,
        inferred: false,
        partial: false,
        revision: 0,
        samples: 0,
        source: "ocpp1.6",
        received_at: started_at,
        updated_at: ended_at,
        flags: None,
    }
}

async fn write(store: &QuestDb, mut batch: Batch) {
    let config = store.config();
    let sent = tokio::task::spawn_blocking(move || Writer::new(&config).send(&mut batch)).await;
    assert_eq!(sent.unwrap().unwrap().refused, []);
}

/// The one number of `SELECT number FROM …`.
async fn value(reader: &Reader, sql: &str) -> Result<f64, String> {
    let (number, from) = sql.trim_start_matches("SELECT ").split_once(" FROM ").unwrap();
    let sql = format!("SELECT cast({number} AS DOUBLE) AS value FROM {from}");
    let rows = reader.query(&sql, &[]).await.map_err(|error| error.to_string())?;
    let value = rows.first().map(|row| row.get::<Option<f64>>("value")).transpose();
    value.map_err(|error| error.to_string())?.flatten().ok_or_else(|| format!("nothing: {sql}"))
}

async fn forecast(
    client: &Client,
    scope: &str,
    hours: i32,
    quantiles: &[f64],
) -> Result<ForecastResponse, Status> {
    let request =
        ForecastRequest { scope: scope.into(), horizon_hours: hours, quantiles: quantiles.to_vec() };
    client.clone().forecast(request).await.map(tonic::Response::into_inner)
}

fn violations(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    details.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_are_forecast_written_and_measured() {
    let mut store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let reader = Reader::new(&store.config());
    let now: Timestamp = chrono::Utc::now().into();
    let hour = Timestamp(now.0 - now.0.rem_euclid(HOUR_S * 1_000_000));

    // Every day the same: A is taken from 6 hours before now to 4 before, B at the same time; C came three days ago.
    let mut batch = Batch::new();
    for day in 0..DAYS {
        for station in ["A", "B", "C"] {
            if station != "C" || day < 3 {
                let row = session(station, hour.plus_seconds(-day * DAY_S - 6 * HOUR_S));
                batch.push_fact(0, &Fact::Session(Box::new(row)));
            }
        }
    }
    // A forecast that was made yesterday: 1 kW too much in an hour that brought 3 × 3.5 kW.
    batch.push_forecast(
        0,
        &ForecastRow {
            ts: hour.plus_seconds(-6 * HOUR_S),
            scope: "fleet",
            id: "fleet".into(),
            days_ahead: 1,
            horizon_h: 24,
            mean_w: Some(11_500.0),
            p10_w: Some(9000.0),
            p50_w: Some(11_500.0),
            p90_w: Some(13_000.0),
            free_ratio: None,
            rated_w: None,
            model: "by-hand",
            made_at: hour.plus_seconds(-30 * HOUR_S),
        },
    );
    write(&store, batch).await;
    eventually(DEADLINE, || async {
        let stored = value(&reader, "SELECT count() FROM sessions").await?;
        let known = value(&reader, "SELECT count() FROM forecasts").await?;
        if (stored, known) == ((2 * DAYS + 3) as f64, 1.0) {
            Ok(())
        } else {
            Err(format!("{stored} {known}"))
        }
    })
    .await;

    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.training.folder = folder.path().to_owned();
    config.forecast.every = HumanDuration::from_secs(3);
    let free = || TcpListener::bind("127.0.0.1:0");
    let listeners = Listeners { grpc: free().await.unwrap(), admin: free().await.unwrap() };
    let admin = listeners.admin.local_addr().unwrap();
    let address = format!("http://{}", listeners.grpc.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let service = anomaly::run(config, store.config(), ApiConfig::default(), listeners, shutdown.clone());
    let task = tokio::spawn(service);
    let client = AnomalyServiceClient::new(Channel::from_shared(address).unwrap().connect_lazy());

    the_table(&reader).await;
    the_api(&client, hour).await;

    // Of 10.5 kW in the hour 1 kW was too much; the other hour of the visits had no forecast.
    let error = eventually(DEADLINE, || async {
        let text = integration::servers::get(&format!("http://{admin}/metrics"))?;
        let line = text.lines().find_map(|line| {
            line.strip_prefix("ampwarden_anomaly_forecast_error_ratio{scope=\"fleet\"} ").map(str::to_owned)
        });
        line.ok_or_else(|| "no forecast error yet".to_owned())
    })
    .await;
    assert!((error.parse::<f64>().unwrap() - 1.0 / 10.5).abs() < 1e-6, "{error}");

    // What the document says to ask.
    let text = include_str!("../../docs/forecasts.md");
    let (_, after) = text.split_once("```sql\n").unwrap();
    let (sql, _) = after.split_once(';').unwrap();
    let rows = reader.query(sql, &[]).await.unwrap();
    let errors: Vec<(String, f64, f64)> = rows
        .iter()
        .map(|row| (row.get("id").unwrap(), row.get("wape").unwrap(), row.get("in_band").unwrap()))
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].0 == "fleet" && (errors[0].1 - 1.0 / 10.5).abs() < 1e-6 && errors[0].2 == 1.0,
        "{errors:?}"
    );

    // The store goes away: answers go on. It comes back: forecasts are written again.
    store.kill();
    assert_eq!(forecast(&client, "fleet", 24, &[]).await.unwrap().hours.len(), 24);
    store.restart();
    let back: Timestamp = chrono::Utc::now().into();
    eventually(DEADLINE, || async {
        let made = value(&reader, "SELECT max(made_at) FROM forecasts").await?;
        if made > back.0 as f64 { Ok(()) } else { Err(format!("made at {made}, back at {}", back.0)) }
    })
    .await;
    shutdown.cancel();
    task.await.unwrap().unwrap();
}

/// What stands in the tables.
async fn the_table(reader: &Reader) {
    let expected = (7 * 24) as f64;
    eventually(DEADLINE, || async {
        for (id, hours) in [("fleet", expected), ("harbour", expected), ("A", 48.0), ("B", 48.0), ("C", 0.0)]
        {
            let sql = format!("SELECT count() FROM forecasts WHERE id = '{id}' AND model = 'alike-hours-1'");
            let found = value(reader, &sql).await?;
            if found < hours || (hours == 0.0 && found > 0.0) {
                return Err(format!("{id}: {found} of {hours} hours"));
            }
        }
        let came = value(reader, "SELECT sum(mean_w) FROM hourly_load WHERE id = 'C'").await?;
        if (came - 3.0 * VISIT_WH).abs() < 1e-6 { Ok(()) } else { Err(format!("C had {came} Wh")) }
    })
    .await;
    let wrong = value(
        reader,
        "SELECT count() FROM forecasts WHERE p10_w < 0 OR p10_w > p50_w OR p50_w > p90_w OR free_ratio < 0 OR free_ratio > 1",
    );
    assert_eq!(wrong.await.unwrap(), 0.0);
    let nearest = value(reader, "SELECT max(days_ahead) FROM forecasts WHERE id = 'harbour'");
    assert_eq!(nearest.await.unwrap(), 6.0);
    // The hours that came hold all energy of the sessions, place by place.
    for (id, visits) in [("fleet", 2 * DAYS + 3), ("harbour", 2 * DAYS + 3), ("A", DAYS)] {
        let came =
            value(reader, &format!("SELECT sum(mean_w) FROM hourly_load WHERE id = '{id}'")).await.unwrap();
        let gave = visits as f64 * VISIT_WH;
        // The first day's hours lie beyond the days that are written.
        assert!((gave - 2.0 * VISIT_WH - 1.0..=gave + 1.0).contains(&came), "{id}: {came} of {gave} Wh");
    }
}

async fn the_api(client: &Client, hour: Timestamp) {
    let answer = forecast(client, "sites/harbour", 48, &[0.5, 0.95]).await.unwrap();
    assert_eq!((answer.scope.as_str(), answer.hours.len()), ("sites/harbour", 48));
    assert_eq!((answer.model.as_str(), answer.time_zone.as_str()), ("alike-hours-1", "UTC"));
    let begins = |hours: i64| Some(hour.plus_seconds(hours * HOUR_S).0 / 1_000_000);
    let at = |hours: i64| {
        let found = answer.hours.iter().find(|h| h.start_time.map(|t| t.seconds) == begins(hours));
        found.unwrap_or_else(|| panic!("no hour {hours}"))
    };
    // The hour may have turned meanwhile: tomorrow's are all there.
    assert!(at(18).quantiles[0].power_w > 5000.0, "taken: {:?}", at(18));
    assert!(at(18).quantiles[1].power_w >= at(18).quantiles[0].power_w);
    assert_eq!(at(12).quantiles[0].power_w, 0.0, "quiet: {:?}", at(12));

    let available = |scope: &str, hours: i64| {
        let time = prost_types::Timestamp { seconds: hour.0 / 1_000_000 + hours * HOUR_S, nanos: 0 };
        let request = PredictAvailabilityRequest { scope: scope.into(), time: Some(time), horizon_hours: 0 };
        let mut client = client.clone();
        async move { client.predict_availability(request).await.map(tonic::Response::into_inner) }
    };
    let (taken, quiet) =
        (available("stations/A", 18).await.unwrap(), available("stations/A", 12).await.unwrap());
    println!("free: {:.3} when taken, {:.3} when not", taken.hours[0].free_ratio, quiet.hours[0].free_ratio);
    assert!(taken.hours[0].free_ratio < 0.5 && quiet.hours[0].free_ratio > 0.8);
    assert_eq!(taken.connector_count, 1);

    for (status, fields) in [
        (forecast(client, "site/harbour", 0, &[]).await.unwrap_err(), vec!["scope"]),
        (
            forecast(client, "fleet", 169, &[0.5, 1.5]).await.unwrap_err(),
            vec!["horizon_hours", "quantiles[1]"],
        ),
        (
            forecast(client, "fleet", -1, &[f64::NAN]).await.unwrap_err(),
            vec!["horizon_hours", "quantiles[0]"],
        ),
        (available("fleet", 1).await.unwrap_err(), vec!["scope"]),
        (available("stations/A", -5).await.unwrap_err(), vec!["time"]),
        (available("stations/A", 200).await.unwrap_err(), vec!["time"]),
    ] {
        assert_eq!(
            (status.code(), violations(&status)),
            (Code::InvalidArgument, fields.iter().map(|f| (*f).to_owned()).collect())
        );
    }
    for unknown in [
        forecast(client, "sites/nowhere", 0, &[]).await.unwrap_err(),
        available("stations/X", 1).await.unwrap_err(),
    ] {
        assert_eq!(unknown.code(), Code::NotFound, "{unknown}");
    }
    for young in [
        forecast(client, "stations/C", 0, &[]).await.unwrap_err(),
        available("stations/C", 1).await.unwrap_err(),
    ] {
        assert_eq!(young.code(), Code::FailedPrecondition);
        assert_eq!(young.message(), "stations/C: there are 2 days of history; a forecast needs 14");
    }
}
