//! Scores of sessions with and without faults, with a model and without.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::models::{Model, Training};

/// Users with habits of their own at stations of their own kind: commuters at 7 kW, night chargers at 3.7 kW,
/// travellers at 50 kW.
pub(crate) fn history(count: usize, seed: u64) -> Vec<Session> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|at| {
            let user: u32 = random.random_range(0..60);
            let (station, power, hours, hour): (u32, f64, f64, i64) = match user % 3 {
                0 => (user % 10, 7000.0, 2.5, 8),
                1 => (10 + user % 10, 3600.0, 6.0, 21),
                _ => (20 + user % 4, 48_000.0, 0.6, 14),
            };
            let habit = 0.7 + f64::from(user) / 100.0;
            let charging_s = hours * 3600.0 * habit * random.random_range(0.75..1.25);
            let idle_s = if user % 3 == 2 { 120.0 } else { charging_s * random.random_range(0.1..0.9) };
            let mean = power * random.random_range(0.92..1.0);
            let started = (at as i64 / 20) * 86_400 + hour * 3600 + random.random_range(-3600..3600);
            Session {
                station: format!("CP-{station:02}"),
                site: Some(format!("site-{}", station / 10)),
                user: Some(format!("user-{user}")),
                started_us: (1_760_000_000 / 86_400 * 86_400 + started) * 1_000_000,
                duration_s: Some(charging_s + idle_s),
                charging_s: Some(charging_s),
                idle_s: Some(idle_s),
                energy_wh: Some(mean * charging_s / 3600.0),
                max_power_w: Some(power * 1.03),
                mean_power_w: Some(mean),
                rated_power_w: Some(power * 1.1),
                ..Session::default()
            }
        })
        .collect()
}

fn scorer(history: Vec<Session>) -> Scorer {
    let model = Model::train(history, &Training::default(), &Limits::default(), 0).expect("enough");
    let (artefact, _) = Artefact::new(model).expect("encoded");
    Scorer::new(Limits::default(), Thresholds::default(), Some(Arc::new(artefact)))
}

#[test]
fn without_a_model_the_checks_work_alone_and_say_so() {
    let scorer = Scorer::new(Limits::default(), Thresholds::default(), None);
    assert!(scorer.version().starts_with("checks-"), "{}", scorer.version());
    let usual = history(1, 1).remove(0);
    let scored = scorer.score(&usual, false);
    assert_eq!((scored.severity, scored.kind, scored.reasons.len()), (Severity::Normal, NONE, 0));

    let hot = Session { temperature_c: Some(95.0), ..usual };
    let scored = scorer.score(&hot, false);
    assert_eq!((scored.severity, scored.kind), (Severity::Critical, "overheating"));
    assert_eq!(scored.text, "A temperature of 95 °C was measured; 75 °C is the limit.");
    assert!((scored.reasons[0].share - 1.0).abs() < 1e-9);
    assert_eq!(scored.reasons[0].baseline, Baseline::Rule);

    let other = Limits { temperature_max_c: 99.0, ..Limits::default() };
    let other = Scorer::new(other, Thresholds::default(), None);
    assert_ne!(other.version(), scorer.version(), "other limits are another version");
}

#[test]
fn new_sessions_of_the_same_kind_are_rarely_alerts() {
    let scorer = scorer(history(6000, 1));
    let fresh = history(6000, 2);
    let scores: Vec<f64> = fresh.iter().map(|s| scorer.score(s, false).score).collect();
    let alerts = scores.iter().filter(|s| **s >= 0.999).count();
    assert!(alerts <= 20, "{alerts} of 6,000 usual sessions are warnings");
    let above_half = scores.iter().filter(|s| **s >= 0.5).count();
    assert!((2000..4000).contains(&above_half), "a score of 0.5 should be the median: {above_half} of 6,000");
}

#[test]
fn what_is_odd_for_a_user_is_found_and_explained() {
    let scorer = scorer(history(6000, 1));
    let usual = history(200, 3).into_iter().find(|s| s.station.as_str() < "CP-10").expect("a commuter");
    // Three times the energy in three times the time: possible, but not this user's way.
    let odd = Session {
        energy_wh: usual.energy_wh.map(|e| e * 3.0),
        duration_s: usual.duration_s.map(|s| s * 3.0),
        charging_s: usual.charging_s.map(|s| s * 3.0),
        ..usual
    };
    let scored = scorer.score(&odd, false);
    assert!(scored.score >= 0.99, "{scored:?}");
    assert_eq!(scored.kind, UNUSUAL);
    let energy = scored.reasons.iter().find(|r| r.feature == "energy_wh").expect("energy is a reason");
    assert!(energy.observed_value > energy.usual_high_value.expect("a range"), "{energy:?}");
    assert!(energy.text.contains("is above what is usual"), "{}", energy.text);
    let shares: f64 = scored.reasons.iter().map(|r| r.share).sum();
    assert!((shares - 1.0).abs() < 1e-9);
    assert_eq!(scorer.score(&odd, false), scored, "the same session gives the same answer");
}

#[test]
fn what_a_meter_may_err_is_no_reason() {
    let with_power = |watts: f64, session: Session| Session {
        mean_power_w: Some(watts),
        max_power_w: None,
        rated_power_w: None,
        energy_wh: session.charging_s.map(|s| watts * s / 3600.0),
        ..session
    };
    let even: Vec<Session> = history(2000, 1).into_iter().map(|s| with_power(7000.0, s)).collect();
    let next = with_power(6900.0, even[0].clone());
    let scored = scorer(even).score(&next, false);
    assert!(scored.reasons.iter().all(|r| r.feature != "mean_power_w"), "{:?}", scored.reasons);
    assert_eq!(scored.severity, Severity::Normal, "{scored:?}");
}

#[test]
fn reasons_survive_the_store() {
    let scorer = scorer(history(2000, 1));
    let reasons =
        scorer.score(&Session { temperature_c: Some(95.0), ..history(1, 9).remove(0) }, true).reasons;
    let json = serde_json::to_string(&reasons).expect("JSON");
    assert_eq!(serde_json::from_str::<Vec<Reason>>(&json).expect("reasons"), reasons);
}

#[test]
fn clusters_are_named_by_what_sets_them_apart() {
    let model = Model::train(history(3000, 1), &Training::default(), &Limits::default(), 0).expect("enough");
    let names = model.cluster_names();
    assert!((2..=5).contains(&names.len()), "{names:?}: {}", model.clusters_text());
    assert!(names.iter().any(|n| n.contains("high power")), "{names:?}");
    assert!(names.iter().any(|n| n.contains("low power") || n.contains("long")), "{names:?}");
    let shares: f64 = model.clusters().clusters.iter().map(|c| c.share).sum();
    assert!((shares - 1.0).abs() < 1e-9);
}

#[test]
fn unusable_sessions_are_counted_and_few_are_refused() {
    let mut sessions = history(300, 1);
    sessions[0].energy_wh = Some(f64::NAN);
    sessions[1].duration_s = Some(-5.0);
    let model = Model::train(sessions.clone(), &Training::default(), &Limits::default(), 0).expect("enough");
    assert_eq!((model.sessions, model.rejected), (298, 2));
    sessions.truncate(100);
    let error =
        Model::train(sessions, &Training::default(), &Limits::default(), 0).expect_err("too few").to_string();
    assert!(error.starts_with("98 usable sessions are too few"), "{error}");
}
