//! Whether a model is good: judged on stored sessions that no model ever learns from, as they are and with faults put
//! into copies of them.

use serde::{Deserialize, Serialize};

use crate::measures::{auroc, average_precision};
use crate::models::Model;
use crate::session::Session;
use crate::severity::Thresholds;

/// One session in so many is never learnt from. Its id decides, so that it is held out from every model.
const HELD_OUT: u8 = 10;
/// A model is judged on at most so many, the newest.
pub(crate) const JUDGED_MAX: usize = 1000;
/// With fewer there is no verdict.
pub(crate) const JUDGED_MIN: usize = 40;
/// Alerts on unchanged sessions may be more than the active model's by this share of them: chance moves it by as much.
const ALERTS_MORE: f64 = 0.01;

/// What an evaluation says of a model.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Sessions that were held out and judged.
    pub sessions: u64,
    /// The probability that a session with a fault is more unusual than one without.
    pub auroc: f64,
    /// Average precision of finding those with a fault among the others.
    pub average_precision: f64,
    /// The share of unchanged sessions of which the model alone would make at least an info.
    pub info_ratio: f64,
    /// The share of unchanged sessions of which the model alone would make at least a warning.
    pub warning_ratio: f64,
    /// Each kind of fault.
    pub faults: Vec<FaultFigure>,
}

/// How well one kind of fault is told.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FaultFigure {
    /// The fault.
    pub fault: String,
    /// In how many sessions.
    pub sessions: u64,
    /// The probability that one with it is more unusual than one without any fault.
    pub auroc: f64,
}

/// Whether a session is held out from every training.
#[must_use]
pub fn is_held_out(session: &Session) -> bool {
    session.id.is_some_and(|id| id.as_bytes()[15] % HELD_OUT == 0)
}

/// A fault that is put into a session; `false` if this one cannot have it.
type Fault = fn(&mut Session) -> bool;

/// The faults: of the kinds that the checks cannot see, or not at this size. All from one session's own values, so
/// that the same sessions give the same figures.
const FAULTS: [(&str, Fault); 7] = [
    ("counts_double", |s| scale(&mut s.energy_wh, 2.0)),
    ("counts_a_third", |s| scale(&mut s.energy_wh, 0.33)),
    ("derated", |s| scale(&mut s.mean_power_w, 0.4) && scale(&mut s.energy_wh, 0.4)),
    ("stays_long", |s| match (&mut s.idle_s, &mut s.duration_s) {
        (Some(idle), Some(duration)) => {
            *idle += 36.0 * 3600.0;
            *duration += 36.0 * 3600.0;
            true
        }
        _ => false,
    }),
    ("unlike_the_user", |s| {
        // Nothing contradicts anything: five times as much in five times the time.
        let charging = s.flowing_s().unwrap_or(0.0);
        scale(&mut s.charging_s, 5.0);
        if let Some(duration) = &mut s.duration_s {
            *duration += 4.0 * charging;
        }
        charging > 0.0 && scale(&mut s.energy_wh, 5.0)
    }),
    ("hot", |s| match &mut s.temperature_c {
        Some(celsius) => {
            *celsius += 30.0;
            true
        }
        None => false,
    }),
    ("no_energy", |s| {
        // Not every session tells its power.
        scale(&mut s.mean_power_w, 0.002);
        scale(&mut s.energy_wh, 0.002)
    }),
];

/// Multiplies a value that is known and not nothing.
fn scale(value: &mut Option<f64>, factor: f64) -> bool {
    match value {
        Some(value) if *value > 0.0 => {
            *value *= factor;
            true
        }
        _ => false,
    }
}

/// The newest sessions that are held out and make sense, at most [`JUDGED_MAX`].
#[must_use]
pub fn judged(mut sessions: Vec<Session>) -> Vec<Session> {
    sessions.retain(|s| is_held_out(s) && s.unusable_for_training().is_none());
    sessions.sort_by_key(|s| std::cmp::Reverse((s.ts_us, s.id)));
    sessions.truncate(JUDGED_MAX);
    sessions
}

/// Judges a model; `None` with fewer than [`JUDGED_MIN`] sessions.
#[must_use]
pub fn evaluate(model: &Model, judged: &[Session], thresholds: &Thresholds) -> Option<Evaluation> {
    if judged.len() < JUDGED_MIN {
        return None;
    }
    let usual: Vec<f64> = judged.iter().map(|session| model.raw(session)).collect();
    let mut faulty: Vec<(usize, f64)> = Vec::with_capacity(judged.len());
    for (at, session) in judged.iter().enumerate() {
        // Each gets one fault, in turn; the next that it can have.
        let found = (0..FAULTS.len()).map(|n| (at + n) % FAULTS.len()).find_map(|kind| {
            let mut session = session.clone();
            (FAULTS[kind].1)(&mut session).then_some((kind, session))
        });
        if let Some((kind, session)) = found {
            faulty.push((kind, model.raw(&session)));
        }
    }
    let figures = |wanted: Option<usize>| {
        let odd: Vec<f64> =
            faulty.iter().filter(|(k, _)| wanted.is_none_or(|w| w == *k)).map(|(_, raw)| *raw).collect();
        let labels: Vec<bool> =
            std::iter::repeat_n(false, usual.len()).chain(std::iter::repeat_n(true, odd.len())).collect();
        let scores = [usual.as_slice(), odd.as_slice()].concat();
        (odd.len(), auroc(&scores, &labels), average_precision(&scores, &labels))
    };
    let (_, all, precision) = figures(None);
    let beyond = |least: f64| {
        let count = usual.iter().filter(|raw| 1.0 - model.share(**raw) >= least).count();
        count as f64 / usual.len() as f64
    };
    Some(Evaluation {
        sessions: judged.len() as u64,
        auroc: all,
        average_precision: precision,
        info_ratio: beyond(thresholds.info),
        warning_ratio: beyond(thresholds.warning),
        faults: FAULTS
            .iter()
            .enumerate()
            .map(|(at, (fault, _))| (fault, figures(Some(at))))
            .filter(|(_, (count, ..))| *count > 0)
            .map(|(fault, (count, auroc, _))| FaultFigure {
                fault: (*fault).to_owned(),
                sessions: count as u64,
                auroc,
            })
            .collect(),
    })
}

/// Why a candidate must not replace the active model, judged on the same sessions; `None` if it may. `worse_max`: by how
/// much AUROC or average precision may be lower.
#[must_use]
pub fn worse(candidate: &Evaluation, active: &Evaluation, worse_max: f64) -> Option<String> {
    let on = format!("on {} sessions that neither has learnt from", candidate.sessions);
    for (what, new, old) in [
        ("AUROC", candidate.auroc, active.auroc),
        ("average precision", candidate.average_precision, active.average_precision),
    ] {
        // Not a number is not as good, either.
        let as_good = new >= old - worse_max;
        if !as_good {
            return Some(format!(
                "it tells faults worse than the active model: {what} {new:.3} against {old:.3} {on} (at most {worse_max} \
                 less is taken)"
            ));
        }
    }
    if candidate.warning_ratio > active.warning_ratio + ALERTS_MORE {
        return Some(format!(
            "it would warn of {:.1} % of sessions without a fault, the active model of {:.1} %, {on}",
            100.0 * candidate.warning_ratio,
            100.0 * active.warning_ratio
        ));
    }
    None
}

#[cfg(test)]
mod tests;
