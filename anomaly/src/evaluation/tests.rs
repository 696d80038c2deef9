use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use super::*;
use crate::checks::Limits;
use crate::models::Training;

/// Commuters; `steady` says how many in 100 charge as they always do, the others anyhow.
fn sessions(count: u32, steady: u32, seed: u64) -> Vec<Session> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|n| {
            let user = n % 40;
            let usual = n * 37 % 100 < steady;
            let power = if usual { 7000.0 } else { random.random_range(100.0..150_000.0) };
            let charging = if usual {
                3600.0 * (1.0 + f64::from(user % 5) * 0.3) * random.random_range(0.9..1.1)
            } else {
                random.random_range(60.0..200_000.0)
            };
            let idle: f64 = random.random_range(600.0..if usual { 3600.0 } else { 400_000.0 });
            let energy = power * charging / 3600.0 * if usual { 1.0 } else { random.random_range(0.05..5.0) };
            Session {
                id: Some(Uuid::from_u128(u128::from(seed) << 64 | u128::from(n))),
                station: format!("CP-{}", n % 12),
                user: Some(format!("user-{user}")),
                ts_us: i64::from(n) * 1_800_000_000,
                started_us: i64::from(n) * 1_800_000_000,
                charging_s: Some(charging),
                idle_s: Some(idle),
                duration_s: Some(charging + idle),
                mean_power_w: Some(power),
                energy_wh: Some(energy),
                temperature_c: Some(if usual { 30.0 } else { 70.0 } + random.random_range(-5.0..5.0)),
                ..Session::default()
            }
        })
        .collect()
}

fn trained(history: &[Session]) -> Model {
    let learnt = history.iter().filter(|s| !is_held_out(s)).cloned().collect();
    Model::train(learnt, &Training::default(), &Limits::default(), 0).expect("enough")
}

#[test]
fn one_in_ten_is_held_out_by_its_id() {
    let all = sessions(4000, 100, 3);
    let held: Vec<Session> = judged(all);
    assert!((350..=450).contains(&held.len()), "{}", held.len());
    assert!(held.windows(2).all(|pair| pair[0].ts_us >= pair[1].ts_us), "the newest first");
    assert!(judged(sessions(20_000, 100, 4)).len() == JUDGED_MAX);
    assert!(!is_held_out(&Session::default()), "what has no id is never stored");
}

#[test]
fn a_model_of_a_spoilt_history_is_worse() {
    let good_history = sessions(3000, 100, 1);
    let good = trained(&good_history);
    let judged = judged(good_history);
    let thresholds = Thresholds::default();
    let of = |model: &Model| evaluate(model, &judged, &thresholds).expect("enough sessions");
    let active = of(&good);
    assert!(active.auroc > 0.95 && active.average_precision > 0.95, "{active:?}");
    assert!(active.warning_ratio < 0.02, "{active:?}");
    assert_eq!(active.faults.len(), FAULTS.len());
    assert_eq!(of(&good), active, "the same sessions give the same figures");

    let again = of(&trained(&sessions(3000, 100, 2)));
    assert_eq!(worse(&again, &active, 0.02), None, "{again:?}");
    let spoilt = of(&trained(&sessions(3000, 40, 5)));
    let why = worse(&spoilt, &active, 0.02).expect("worse");
    assert!(why.contains("worse than the active model") && why.contains("sessions that neither"), "{why}");
    assert_eq!(worse(&active, &spoilt, 0.02), None);

    let alarming = Evaluation { warning_ratio: 0.05, ..active.clone() };
    assert!(worse(&alarming, &active, 0.02).expect("worse").contains("would warn of 5.0 %"));
    let broken = Evaluation { auroc: f64::NAN, ..active.clone() };
    assert!(worse(&broken, &active, 0.02).is_some());
    assert!(evaluate(&good, &judged[..JUDGED_MIN - 1], &thresholds).is_none());
}
