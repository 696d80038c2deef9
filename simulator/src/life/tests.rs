use station::time::SECOND;

use super::*;
use crate::fleet::FleetPlan;
use crate::fleet::label::Label;

const NOW: Timestamp = Timestamp(1_760_000_000 * SECOND);

fn habits() -> Habits {
    Habits {
        begins: NOW.plus_seconds(-3000),
        connects_at: NOW,
        sample_every_us: 30 * SECOND,
        faults_per_hour: 0.2,
        cuts_per_hour: 0.2,
        visited: true,
    }
}

fn lives(plan: FleetPlan, habits: Habits) -> Vec<StationLife> {
    let fleet = Arc::new(Fleet::new(plan));
    fleet.stations.iter().map(|station| StationLife::new(fleet.clone(), station.clone(), habits)).collect()
}

fn lived(plan: FleetPlan, habits: Habits, hours: i64, steps: i64) -> Vec<Vec<Saying>> {
    let mut all = Vec::new();
    for mut life in lives(plan, habits) {
        let mut out = Vec::new();
        for step in 1..=steps {
            life.advance(NOW.plus_seconds(hours * 3600 * step / steps), true, &mut out);
        }
        all.push(out);
    }
    all
}

#[test]
fn the_same_seed_gives_the_same_life_however_often_it_is_asked() {
    let once = lived(FleetPlan::default(), habits(), 6, 1);
    assert_eq!(once, lived(FleetPlan::default(), habits(), 6, 500));
    assert_ne!(once, lived(FleetPlan { seed: 8, ..FleetPlan::default() }, habits(), 6, 1));
}

#[test]
fn time_runs_forward_and_sessions_balance() {
    let mut ended = 0;
    for sayings in lived(FleetPlan::default(), habits(), 24, 1) {
        assert!(sayings.windows(2).all(|pair| pair[0].at <= pair[1].at), "in order");
        let mut open = std::collections::HashMap::new();
        for saying in &sayings {
            assert_eq!(saying.at.0 % 1000, 0, "whole milliseconds");
            match &saying.what {
                What::Start { session, connector, reading, .. } => {
                    assert!(open.insert(*connector, (*session, saying.at, reading.register_wh, 0)).is_none());
                }
                What::Meter { session, connector, reading } => {
                    let (running, _, register, samples) = open.get_mut(connector).expect("a session runs");
                    assert_eq!(running, session);
                    assert!(reading.register_wh >= *register, "the register never falls");
                    *register = reading.register_wh;
                    *samples += 1;
                }
                What::Stop(end) => {
                    let (session, started_at, register, samples) =
                        open.remove(&end.connector).expect("it ran");
                    assert_eq!((session, started_at, samples), (end.session, end.started_at, end.samples));
                    assert!(end.ended_at > started_at && end.meter_stop_wh as f64 >= register);
                    ended += 1;
                }
                _ => {}
            }
        }
    }
    assert!(ended > 100, "{ended} sessions ended");
}

#[test]
fn a_station_that_was_cut_off_has_sessions_to_tell() {
    let sayings = lived(FleetPlan::default(), habits(), 0, 1);
    let ended = sayings.iter().flatten().filter(|s| matches!(s.what, What::Stop(_))).count();
    let early = sayings.iter().flatten().filter(|s| s.at < NOW).count();
    assert!(ended > 60, "{ended} sessions ended before the connection");
    assert!(early > 1000, "{early}");
    assert!(sayings.iter().all(|said| said.iter().any(|s| s.what == What::Boot && s.at == NOW)));
}

#[test]
fn every_label_comes_and_a_lost_end_is_never_said() {
    let plan = FleetPlan { faults: 1.0, ..FleetPlan::default() };
    let mut labels = std::collections::BTreeSet::new();
    let mut losses = 0;
    for sayings in lived(plan, Habits { faults_per_hour: 0.0, ..habits() }, 24, 1) {
        for saying in &sayings {
            match &saying.what {
                What::Stop(end) => {
                    assert_ne!(end.label, Some(Label::NoStop));
                    labels.extend(end.label);
                }
                What::PowerLoss { lost, until } => {
                    losses += lost.len();
                    assert!(lost.iter().any(|end| end.label == Some(Label::NoStop)));
                    let silent = sayings.iter().all(|s| s.at <= saying.at || s.at >= *until);
                    assert!(silent, "nothing is said without power");
                }
                _ => {}
            }
        }
    }
    assert!(losses > 0);
    labels.insert(Label::NoStop);
    assert_eq!(labels.len(), Label::ALL.len(), "{labels:?}");
}

#[test]
fn by_hand_a_card_starts_and_ends_a_session() {
    let by_hand =
        Habits { begins: NOW, visited: false, faults_per_hour: 0.0, cuts_per_hour: 0.0, ..habits() };
    let mut life = lives(FleetPlan::default(), by_hand).remove(0);
    let mut out = Vec::new();
    life.advance(NOW.plus_seconds(600), true, &mut out);
    assert!(!out.iter().any(|s| matches!(s.what, What::Start { .. })), "nobody comes by themselves");
    let at = |seconds: i64| NOW.plus_seconds(600 + seconds);
    life.tap("CARD1", at(0), true, &mut out);
    life.advance(at(300), true, &mut out);
    life.tap("CARD1", at(300), true, &mut out);
    let end = out
        .iter()
        .find_map(|s| if let What::Stop(end) = &s.what { Some(end.clone()) } else { None })
        .expect("it ended");
    assert_eq!((end.token.as_str(), end.reason), ("CARD1", StopReason::Local));
    assert!(end.meter_stop_wh > end.meter_start_wh + 100);
    out.clear();
    life.tap("CARD2", at(310), true, &mut out);
    life.advance(at(320), true, &mut out);
    life.refuse("CARD2", at(321), &mut out);
    assert!(out.iter().any(|s| matches!(&s.what, What::Stop(end) if end.reason == StopReason::DeAuthorized)));
    out.clear();
    life.break_connector(1, "GroundFailure", at(400), &mut out);
    assert!(life.describe(at(400)).contains("faulted"));
    life.clear(1, at(410), &mut out);
    assert!(life.describe(at(410)).contains("available"), "{}", life.describe(at(410)));
}
