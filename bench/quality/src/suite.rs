//! The injection suite: a model learns from the older sessions, the newer ones are scored as the product does, and 2 %
//! of them get a fault first.

use std::sync::Arc;

use anomaly::checks::Limits;
use anomaly::measures::{auroc, average_precision, mean};
use anomaly::models::{Artefact, Model, Training};
use anomaly::score::{Scored, Scorer};
use anomaly::severity::{Severity, Thresholds};
use rand::{Rng, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

use crate::kinds::KINDS;
use crate::sessions::Sessions;
use crate::telemetry::{self, Complete};

/// The part of the sessions, by time, that is history.
const HISTORY: f64 = 0.7;
/// The part of the sessions of a run that gets a fault.
const INJECTED: f64 = 0.02;

/// What a suite has found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Sessions that were learnt from, and that were scored.
    pub history: usize,
    /// Sessions that were scored.
    pub tested: usize,
    /// Mean over the runs.
    pub auroc: f64,
    /// Mean over the runs.
    pub average_precision: f64,
    /// Of the faults that were found, the part whose first reason names them.
    pub first_reason: f64,
    /// Sessions without a fault that are warnings or worse, in 1,000.
    pub false_alerts: f64,
    /// Each kind's result.
    pub kinds: Vec<OfKind>,
}

/// What was found of one kind.
#[derive(Clone, Debug)]
pub struct OfKind {
    /// Its name.
    pub name: &'static str,
    /// Faults over all runs.
    pub faults: usize,
    /// Of the kind, and by magnitude.
    pub auroc: f64,
    /// By magnitude.
    pub by_magnitude: [f64; 3],
    /// The part that is a warning or worse.
    pub found: f64,
    /// The part of those whose first reason names it.
    pub first_reason: f64,
    /// First reasons that do not name it, for those who want to mend that.
    pub other_reasons: Vec<String>,
}

struct Fault {
    kind: usize,
    size: usize,
    scored: Scored,
}

/// Runs the suite on sessions.
///
/// # Errors
/// If there are too few sessions for a model.
pub fn run(sessions: &Sessions, runs: u64) -> anyhow::Result<Found> {
    let complete = telemetry::complete(&sessions.sessions, 1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (history, test) = complete.split_at((complete.len() as f64 * HISTORY) as usize);
    let learnt = history.iter().map(|it| it.session.clone()).collect();
    let model = Model::train(learnt, &Training::default(), &Limits::default(), 0)?;
    let (artefact, _) = Artefact::new(model)?;
    let scorer = Scorer::new(Limits::default(), Thresholds::default(), Some(Arc::new(artefact)));
    let normal: Vec<Scored> = test.iter().map(|it| scorer.score(&it.session, false)).collect();

    let (mut aurocs, mut precisions, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..runs {
        let injected = inject(test, &scorer, seed);
        let mut scores: Vec<f64> = normal.iter().map(|scored| scored.score).collect();
        let mut odd = vec![false; scores.len()];
        for (at, fault) in &injected {
            scores[*at] = fault.scored.score;
            odd[*at] = true;
        }
        aurocs.push(auroc(&scores, &odd));
        precisions.push(average_precision(&scores, &odd));
        faults.extend(injected.into_iter().map(|(_, fault)| fault));
    }
    let alerts = normal.iter().filter(|scored| is_alert(scored)).count();
    if std::env::var_os("AMPWARDEN_QUALITY_ALERTS").is_some() {
        show(&normal, test);
    }
    let usual: Vec<f64> = normal.iter().map(|scored| scored.score).collect();
    Ok(Found {
        history: history.len(),
        tested: test.len(),
        auroc: mean(&aurocs),
        average_precision: mean(&precisions),
        first_reason: named(faults.iter()).1,
        false_alerts: 1000.0 * alerts as f64 / normal.len() as f64,
        kinds: (0..KINDS.len()).map(|kind| of_kind(kind, &faults, &usual)).collect(),
    })
}

fn is_alert(scored: &Scored) -> bool {
    scored.severity >= Severity::Warning
}

#[allow(clippy::print_stdout)]
fn show(normal: &[Scored], test: &[Complete]) {
    for (scored, it) in normal.iter().zip(test).filter(|(scored, _)| is_alert(scored)) {
        println!("  normal, but {:.5} {}: {} {:?}", scored.score, scored.kind, scored.text, it.session.user);
    }
}

/// Gives a fault to so many of the sessions; each kind in each size as often as chance has it.
fn inject(test: &[Complete], scorer: &Scorer, seed: u64) -> Vec<(usize, Fault)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = (test.len() as f64 * INJECTED) as usize;
    let chosen = index::sample(&mut random, test.len(), count);
    chosen
        .iter()
        .filter_map(|at| {
            // Some sessions cannot have some faults: then they get another.
            (0..50).find_map(|_| {
                let (kind, size) = (random.random_range(0..KINDS.len()), random.random_range(0..3));
                let mut it = test[at].clone();
                (KINDS[kind].inject)(&mut it, KINDS[kind].magnitudes[size])
                    .then(|| (at, Fault { kind, size, scored: scorer.score(&it.session, false) }))
            })
        })
        .collect()
}

/// The part of some faults that is found, and the part of those whose first reason names them.
fn named<'a>(faults: impl Iterator<Item = &'a Fault>) -> (f64, f64) {
    let (mut all, mut found, mut named) = (0.0, 0.0, 0.0);
    for fault in faults {
        all += 1.0;
        if is_alert(&fault.scored) {
            found += 1.0;
            named += f64::from(u8::from(
                first_reason(fault).is_some_and(|f| KINDS[fault.kind].causes.contains(&f)),
            ));
        }
    }
    (found / all, named / found)
}

fn first_reason(fault: &Fault) -> Option<&str> {
    fault.scored.reasons.first().map(|reason| reason.feature.as_str())
}

fn of_kind(kind: usize, faults: &[Fault], usual: &[f64]) -> OfKind {
    let of = |size: Option<usize>| {
        faults.iter().filter(move |f| f.kind == kind && size.is_none_or(|size| f.size == size))
    };
    let area = |size: Option<usize>| {
        let mut scores = usual.to_vec();
        let mut odd = vec![false; usual.len()];
        for fault in of(size) {
            scores.push(fault.scored.score);
            odd.push(true);
        }
        auroc(&scores, &odd)
    };
    let (found, first_reason_part) = named(of(None));
    let mut others: Vec<String> = of(None)
        .filter(|f| is_alert(&f.scored))
        .filter_map(first_reason)
        .filter(|feature| !KINDS[kind].causes.contains(feature))
        .map(str::to_owned)
        .collect();
    others.sort();
    others.dedup();
    OfKind {
        name: KINDS[kind].name,
        faults: of(None).count(),
        auroc: area(None),
        by_magnitude: [0, 1, 2].map(|size| area(Some(size))),
        found,
        first_reason: first_reason_part,
        other_reasons: others,
    }
}
