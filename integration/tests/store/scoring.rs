//! What scoring looks for: ended sessions without a score, and their samples.

use integration::servers::QuestDb;
use integration::{eventually, unique};
use station::fact::{Fact, Key, SessionRow};
use station::time::Timestamp;
use store::ScoreRow;
use store::ilp::{Batch, Writer};
use store::read::{Reader, Session};

use crate::sample::{DEADLINE, key, meter_value, now, session};

fn score(row: &SessionRow, model: &str, partial: bool) -> ScoreRow {
    ScoreRow {
        ts: row.ts,
        session_id: row.session_id,
        revision: row.revision,
        model: model.into(),
        station: row.station.clone(),
        site: None,
        token_hash: None,
        score: 0.1,
        severity: "none".into(),
        kind: "none".into(),
        text: String::new(),
        reasons: "[]".into(),
        cluster: None,
        cluster_name: None,
        partial,
        ended_at: row.ended_at,
        scored_at: now(),
    }
}

/// Waits until the look gives just these sessions of the station.
async fn expect<F, Fut>(station: &str, look: F, expected: &[(&SessionRow, i32)])
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Vec<Session>, store::read::ReadError>>,
{
    eventually(DEADLINE, || async {
        let found = look().await.map_err(|e| e.to_string())?;
        let found: Vec<_> =
            found.iter().filter(|s| s.station == station).map(|s| (s.session_id, s.revision)).collect();
        let mut expected: Vec<_> =
            expected.iter().map(|(row, revision)| (row.session_id, *revision)).collect();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        if sorted == expected { Ok(()) } else { Err(format!("{found:?}, not {expected:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_found_until_their_present_revision_is_scored() {
    let server = QuestDb::shared().await;
    let reader = Reader::new(&server.config());
    let mut writer = Writer::new(&server.config());
    let (station, model) = (unique("station"), unique("model"));
    let (first, second) = (session(&station, "a"), session(&station, "b"));
    let open = SessionRow { state: "open", ended_at: None, ..session(&station, "c") };
    // Began long ago, and was corrected now.
    let old = SessionRow { ts: now().plus_seconds(-40 * 86_400), ..session(&station, "d") };
    let mut batch = Batch::new();
    for row in [&first, &second, &open, &old] {
        batch.push_fact(1, &Fact::Session(Box::new(row.clone())));
    }
    // Another model's score is not this one's.
    batch.push_score(2, &score(&first, &unique("other"), false));
    writer.send(&mut batch).expect("sent");
    let hour = Some(now().plus_seconds(-3_600));
    let unscored = |since: Option<Timestamp>| {
        let (reader, model) = (reader.clone(), model.clone());
        move || {
            let (reader, model) = (reader.clone(), model.clone());
            async move { reader.sessions_ended_unscored(&model, since, 10_000).await }
        }
    };
    expect(&station, unscored(hour), &[(&first, 1), (&second, 1)]).await;
    expect(&station, unscored(None), &[(&first, 1), (&second, 1), (&old, 1)]).await;

    batch.push_score(3, &score(&first, &model, false));
    batch.push_score(4, &score(&second, &model, true));
    writer.send(&mut batch).expect("sent");
    expect(&station, unscored(hour), &[]).await;
    let in_part = || {
        let (reader, model) = (reader.clone(), model.clone());
        async move { reader.sessions_scored_in_part(&model, hour, 10_000).await }
    };
    expect(&station, in_part, &[(&second, 1)]).await;

    // A correction makes it unscored again; the whole score replaces the one in part.
    let corrected = SessionRow { revision: 2, ..first.clone() };
    batch.push_fact(5, &Fact::Session(Box::new(corrected)));
    batch.push_score(6, &score(&second, &model, false));
    writer.send(&mut batch).expect("sent");
    expect(&station, unscored(hour), &[(&first, 2)]).await;
    expect(&station, in_part, &[]).await;

    let history = reader.sessions_history(now(), 10_000).await.expect("history");
    let mine: Vec<_> = history.iter().filter(|s| s.station == station).collect();
    assert_eq!(mine.len(), 3, "the open one is not ended");
    assert!(mine.windows(2).all(|pair| pair[0].ts <= pair[1].ts));
    let found = reader.session(old.session_id).await.expect("session").expect("there");
    assert_eq!((found.ts, found.token_hash.as_deref(), found.cost), (old.ts, Some("d"), Some(2.34)));
    assert_eq!(reader.session(station::id::SessionId(uuid::Uuid::new_v4())).await.expect("session"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_sessions_are_counted_and_read() {
    let server = QuestDb::shared().await;
    let reader = Reader::new(&server.config());
    let station = unique("station");
    let (with, without) = (session(&station, "a"), session(&station, "b"));
    let mut batch = Batch::new();
    for row in [&with, &without] {
        batch.push_fact(1, &Fact::Session(Box::new(row.clone())));
    }
    for seconds in [-3_000, -2_000] {
        let key = Key { ts: now().plus_seconds(seconds), ..key(&station) };
        batch.push_fact(2, &Fact::MeterValue(key, meter_value(Some(with.session_id))));
    }
    batch.push_fact(3, &Fact::MeterValue(key(&station), meter_value(None)));
    Writer::new(&server.config()).send(&mut batch).expect("sent");
    eventually(DEADLINE, || async {
        let read = |id| {
            let reader = reader.clone();
            async move { reader.session(id).await }
        };
        let first = read(with.session_id).await.map_err(|e| e.to_string())?.ok_or("not visible")?;
        let second = read(without.session_id).await.map_err(|e| e.to_string())?.ok_or("not visible")?;
        let counts = reader.visible_samples(&[first.clone(), second]).await.map_err(|e| e.to_string())?;
        if counts.get(&with.session_id) != Some(&i64::from(with.samples)) {
            return Err(format!("{counts:?}"));
        }
        assert_eq!(counts.get(&without.session_id), None);
        let values = reader.meter_values_of(&first).await.map_err(|e| e.to_string())?;
        assert_eq!(values.len(), 2);
        assert!(values[0].ts < values[1].ts);
        assert_eq!((values[0].power_w, values[0].phase.as_deref()), (Some(7_360.5), Some("L1")));
        Ok(())
    })
    .await;
}
