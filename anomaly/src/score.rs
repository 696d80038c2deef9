//! A session's score with its reasons: checks and model together.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checks::{self, Finding, Limits};
use crate::models::{Artefact, Assessment, Evidence};
use crate::session::Session;
use crate::severity::{Severity, Thresholds};
use crate::usual::Scope;
use crate::words;

/// Reasons that are kept of an unusual session, and of a usual one.
const REASONS_MAX: usize = 5;
const REASONS_USUAL: usize = 3;

/// What is only good to know is never rarer than so many times what somebody should look at.
const INFO_RAREST: f64 = 3.0;

/// `kind` of what the model finds.
pub const UNUSUAL: &str = "unusual";
/// `kind` of nothing.
pub const NONE: &str = "none";

/// A session's score.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// 0–1.
    pub score: f64,
    /// How much it matters.
    pub severity: Severity,
    /// A check's name, [`UNUSUAL`] or [`NONE`].
    pub kind: &'static str,
    /// One sentence or two.
    pub text: String,
    /// The most important first.
    pub reasons: Vec<Reason>,
    /// Number and name of the group.
    pub cluster: Option<(usize, String)>,
    /// Not all meter values were there yet.
    pub partial: bool,
    /// By which model.
    pub model: Arc<str>,
}

/// All that speaks for and against one session.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The score, with every reason.
    pub scored: Scored,
    /// What the model alone says, 0–1.
    pub by_model: Option<f64>,
    /// What the checks alone say, 0–1.
    pub by_checks: f64,
    /// Each known quantity against each usual, with its part of the model's score and the number of own sessions.
    pub contributions: Vec<(Reason, u32)>,
}

/// Whose usual a reason speaks of. The labels are those in the rows' JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// A rule of physics or sense.
    Rule,
    /// All sessions.
    Fleet,
    /// Those at the site.
    Site,
    /// Those at the station.
    Station,
    /// Those of the user.
    User,
    /// Those with the vehicle model.
    Vehicle,
}

impl From<Scope> for Baseline {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Fleet => Self::Fleet,
            Scope::Site => Self::Site,
            Scope::Station => Self::Station,
            Scope::User => Self::User,
            Scope::Vehicle => Self::Vehicle,
        }
    }
}

/// One reason, as it is also kept in the store (`session_scores.reasons`, JSON).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Feature or check.
    pub feature: String,
    /// Its name in words.
    pub display_name: String,
    /// What was observed.
    pub observed_value: f64,
    /// In which unit.
    pub unit: String,
    /// Lower end of what is usual or allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_low_value: Option<f64>,
    /// Upper end of what is usual or allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_high_value: Option<f64>,
    /// Whose usual.
    pub baseline: Baseline,
    /// The id of that user, station, site or vehicle model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub baseline_id: String,
    /// Its part of the whole, 0–1.
    pub share: f64,
    /// One sentence.
    pub text: String,
}

/// Scores sessions: immutable, replaced as a whole when a model is activated.
#[derive(Debug)]
pub struct Scorer {
    limits: Limits,
    thresholds: Thresholds,
    artefact: Option<Arc<Artefact>>,
    version: Arc<str>,
    /// When the model was activated, microseconds since 1970 UTC: scores that it wrote before are those of an earlier
    /// activation, and others may have replaced them since.
    since_us: i64,
}

impl Scorer {
    /// The checks alone, or with a model.
    #[must_use]
    pub fn new(limits: Limits, thresholds: Thresholds, artefact: Option<Arc<Artefact>>) -> Self {
        let version = match &artefact {
            Some(artefact) => artefact.name.as_str().into(),
            None => checks_version(&limits).into(),
        };
        Self { limits, thresholds, artefact, version, since_us: 0 }
    }

    /// The same limits with another model, active from then on.
    #[must_use]
    pub fn with(&self, artefact: Arc<Artefact>, since_us: i64) -> Self {
        Self { since_us, ..Self::new(self.limits.clone(), self.thresholds, Some(artefact)) }
    }

    /// When the model was activated, microseconds since 1970 UTC; 0 for the checks alone.
    #[must_use]
    pub fn since_us(&self) -> i64 {
        self.since_us
    }

    /// From which score on a severity holds.
    #[must_use]
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The model's name; begins with `checks-` if there is none.
    #[must_use]
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// The model, if there is one.
    #[must_use]
    pub fn artefact(&self) -> Option<&Arc<Artefact>> {
        self.artefact.as_ref()
    }

    /// Scores one session. `partial` says that meter values are still to come.
    #[must_use]
    pub fn score(&self, session: &Session, partial: bool) -> Scored {
        let assessment = self.artefact.as_ref().map(|artefact| artefact.model.assess(session));
        self.judge(session, partial, assessment, Some(REASONS_MAX)).0
    }

    /// Scores one session with every reason, and every quantity that the model has looked at.
    #[must_use]
    pub fn explain(&self, session: &Session, partial: bool) -> Explained {
        let assessment = self.artefact.as_ref().map(|artefact| artefact.model.assess(session));
        let by_model = assessment.as_ref().map(|a| 1.0 - a.share);
        let (scored, by_checks) = self.judge(session, partial, assessment, None);
        let evidence = self.artefact.as_ref().map(|a| a.model.contributions(session)).unwrap_or_default();
        let contributions = evidence
            .iter()
            .map(|evidence| (of_evidence(session, evidence, 1.0), evidence.sessions))
            .collect();
        Explained { scored, by_model, by_checks, contributions }
    }

    /// The score with at most so many reasons, and what the checks alone say.
    fn judge(
        &self,
        session: &Session,
        partial: bool,
        assessment: Option<Assessment>,
        reasons_max: Option<usize>,
    ) -> (Scored, f64) {
        let findings = checks::run(session, &self.limits);
        let by_model = assessment.as_ref().map_or(0.0, |a| 1.0 - a.share);
        let certain = self.certainties(session, &findings);
        let by_checks = checks_score(&certain);
        // A broken rule counts for more in a session that is unusual as well.
        let left = (1.0 - by_checks) * (1.0 - by_model).max(1e-9).sqrt();
        let together = if findings.is_empty() { 0.0 } else { 1.0 - left };
        let score = by_model.max(by_checks).max(together).clamp(0.0, 1.0);
        let severity = self.thresholds.severity(score);

        let mut reasons =
            self.reasons(session, &findings, &certain, assessment.as_ref(), reasons_max.is_none());
        if let Some(most) = reasons_max {
            reasons.truncate(if severity == Severity::Normal { most.min(REASONS_USUAL) } else { most });
        }
        share_out(&mut reasons);
        let (kind, text) = match (severity, findings.first()) {
            (Severity::Normal, _) => (NONE, "Nothing unusual.".to_owned()),
            (_, Some(finding)) if by_checks >= by_model => (finding.check.name, finding.text.clone()),
            _ => {
                let rarity = words::rarity(score);
                let first = reasons.first().map_or("Its values are unusual together.", |r| &r.text);
                (UNUSUAL, format!("{first} About {rarity} is this unusual."))
            }
        };
        let cluster = assessment.and_then(|a| a.cluster);
        let model = Arc::clone(&self.version);
        (Scored { score, severity, kind, text, reasons, cluster, partial, model }, by_checks)
    }

    /// Each finding's score: the lowest of its severity. What is only good to know counts by how rarely it happens:
    /// less than that where many sessions at the site do the same, more where hardly any does.
    fn certainties(&self, session: &Session, findings: &[Finding]) -> Vec<f64> {
        let model = self.artefact.as_ref().map(|artefact| &artefact.model);
        findings
            .iter()
            .map(|finding| match (finding.severity, model) {
                (Severity::Info, Some(model)) => {
                    let rarest = 1.0 - self.thresholds.warning;
                    let share = model.breaking(finding.check, session).max(INFO_RAREST * rarest);
                    (1.0 - share).max(0.0)
                }
                (severity, _) => self.thresholds.lowest(severity),
            })
            .collect()
    }

    /// Findings and evidence, what weighs most first. What the model says of a session that it finds usual is left out
    /// beside findings, unless `all` is wanted.
    fn reasons(
        &self,
        session: &Session,
        findings: &[Finding],
        certain: &[f64],
        assessment: Option<&Assessment>,
        all: bool,
    ) -> Vec<Reason> {
        let mut reasons: Vec<Reason> =
            findings.iter().zip(certain).map(|(f, score)| of_finding(f, *score)).collect();
        if let Some(assessment) = assessment
            && let by_model = 1.0 - assessment.share
            && (all || findings.is_empty() || by_model >= self.thresholds.info)
        {
            let weight = surprise(by_model);
            reasons.extend(assessment.evidence.iter().map(|e| of_evidence(session, e, weight)));
        }
        // Stable: findings stay before evidence of the same weight.
        reasons.sort_by(|a, b| b.share.total_cmp(&a.share));
        reasons
    }
}

/// All shares together give 1.
fn share_out(reasons: &mut [Reason]) {
    let total: f64 = reasons.iter().map(|r| r.share).sum();
    for reason in reasons {
        reason.share = if total > 0.0 { reason.share / total } else { 0.0 };
    }
}

/// The best finding's score; each further one halves what is left to 1.
fn checks_score(certain: &[f64]) -> f64 {
    let Some(best) = certain.iter().copied().reduce(f64::max) else { return 0.0 };
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    let further = (certain.iter().filter(|score| **score >= 0.9).count().max(1) - 1).min(10) as i32;
    1.0 - (1.0 - best) * 0.5f64.powi(further)
}

fn of_finding(finding: &Finding, score: f64) -> Reason {
    Reason {
        feature: finding.check.name.to_owned(),
        display_name: finding.check.words.to_owned(),
        observed_value: finding.observed,
        unit: finding.unit.to_owned(),
        usual_low_value: finding.low,
        usual_high_value: finding.high,
        baseline: Baseline::Rule,
        baseline_id: String::new(),
        share: surprise(score),
        text: finding.text.clone(),
    }
}

/// How much a score weighs among reasons, in nats.
fn surprise(score: f64) -> f64 {
    -(1.0 - score).max(1e-9).ln()
}

fn of_evidence(session: &Session, evidence: &Evidence, weight: f64) -> Reason {
    let feature = evidence.feature;
    // A baseline without sessions of its own speaks for the fleet.
    let scope = if evidence.sessions == 0 { Scope::Fleet } else { evidence.scope };
    Reason {
        feature: feature.label().to_owned(),
        display_name: feature.words().to_owned(),
        observed_value: evidence.observed,
        unit: feature.unit().to_owned(),
        usual_low_value: evidence.usual.map(|(low, _)| low),
        usual_high_value: evidence.usual.map(|(_, high)| high),
        baseline: scope.into(),
        baseline_id: scope.id(session).unwrap_or_default().to_owned(),
        share: weight * evidence.weight,
        text: sentence(evidence, scope),
    }
}

/// One sentence of a piece of evidence.
fn sentence(evidence: &Evidence, scope: Scope) -> String {
    let feature = evidence.feature;
    let name = feature.words();
    let observed = if feature == crate::features::Feature::Weekday {
        weekday(evidence.observed).to_owned()
    } else {
        words::quantity(evidence.observed, feature.unit())
    };
    let whose = match scope {
        Scope::Fleet => "in the fleet",
        Scope::Site => "at this site",
        Scope::Station => "at this station",
        Scope::User => "for this user",
        Scope::Vehicle => "for this vehicle model",
    };
    let Some((low, high)) = evidence.usual else {
        return format!("{name} {observed} is unusual together with the other values.");
    };
    let usual =
        format!("{} to {}", words::quantity(low, feature.unit()), words::quantity(high, feature.unit()));
    let history = match (scope, evidence.sessions) {
        (Scope::Fleet, _) => String::new(),
        (_, 1) => " over 1 session".to_owned(),
        (_, count) => format!(" over {count} sessions"),
    };
    if feature.is_cyclic() {
        return format!("{name} {observed} is unusual {whose} (mostly {usual}{history}).");
    }
    if evidence.observed > high {
        format!("{name} {observed} is above what is usual {whose} ({usual}{history}).")
    } else if evidence.observed < low {
        format!("{name} {observed} is below what is usual {whose} ({usual}{history}).")
    } else {
        format!(
            "{name} {observed} is within what is usual {whose} ({usual}{history}), but not together with the other \
             values."
        )
    }
}

fn weekday(value: f64) -> &'static str {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    DAYS[(value.max(0.0) as usize) % 7]
}

/// The version of the checks alone: it changes with their limits.
fn checks_version(limits: &Limits) -> String {
    let text = serde_json::to_vec(limits).unwrap_or_default();
    format!("checks-{}", &hex::encode(Sha256::digest(text))[..8])
}

#[cfg(test)]
mod tests;
