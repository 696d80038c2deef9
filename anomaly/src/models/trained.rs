//! A trained model: learns from a history, and says of one session how rare it is, and because of what.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::broken::Broken;
use super::calibration::Calibration;
use super::clusters::Clusters;
use super::drift::{Drift, Reference};
use super::ensemble::{Column, Ensemble, Growth};
use crate::checks::{Check, Limits};
use crate::features::{self, COUNT, Feature, Row};
use crate::profile::part_of_day;
use crate::session::Session;
use crate::usual::{Measure, Scope, Usual};

/// The newest so many of the sessions, as one in so many, are first scored by a model of the older ones: how unusual
/// usual sessions look when they are new. Too short a history calibrates itself on itself.
const LATER: usize = 4;
const LATER_MIN: usize = 200;

/// How to train.
#[derive(Clone, Copy, Debug)]
pub struct Training {
    /// Fewer usable sessions than this are no history.
    pub sessions_min: usize,
    /// Trees of the forest.
    pub trees: usize,
    /// Sessions per tree.
    pub sample: usize,
    /// What chance begins with: the same history and seed give the same model.
    pub seed: u64,
}

impl Default for Training {
    fn default() -> Self {
        Self { sessions_min: 200, trees: 100, sample: 256, seed: 1 }
    }
}

/// Why nothing could be learnt.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Too little history.
    #[error(
        "{usable} usable sessions are too few to learn what is usual (at least {needed}; {rejected} were unusable)"
    )]
    TooFew {
        /// Sessions that could be used.
        usable: usize,
        /// Sessions that are needed.
        needed: usize,
        /// Sessions that could not be used.
        rejected: usize,
    },
}

/// A trained model.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Model {
    /// When it was trained, microseconds since 1970 UTC.
    pub trained_at_us: i64,
    /// Sessions that it has learnt from.
    pub sessions: u64,
    /// Sessions that could not be used.
    pub rejected: u64,
    /// The features' names, in the order of the columns: another order is another model.
    features: Vec<String>,
    usual: Usual,
    ensemble: Ensemble,
    /// How often usual sessions break each rule.
    broken: Broken,
    calibration: Calibration,
    /// What the features were like.
    reference: Reference,
    clusters: Clusters,
    cluster_names: Vec<String>,
}

/// What a model says of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The share of the history that is at least as unusual.
    pub share: f64,
    /// Because of what, the most important first; the weights add up to 1 (none where nothing stands out).
    pub evidence: Vec<Evidence>,
    /// Number and name of the group.
    pub cluster: Option<(usize, String)>,
}

/// One quantity that makes a session unusual.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The feature that people are shown.
    pub feature: Feature,
    /// Whose usual it is held against.
    pub scope: Scope,
    /// How many sessions of that scope are known; 0 if the wider scope stands in.
    pub sessions: u32,
    /// The observed value.
    pub observed: f64,
    /// 10th and 90th percentile of what is usual.
    pub usual: Option<(f64, f64)>,
    /// Its part of the whole.
    pub weight: f64,
}

impl Model {
    /// Learns from a history. Sessions that make no sense are left out and counted.
    ///
    /// # Errors
    /// [`TrainError::TooFew`]
    pub fn train(
        mut history: Vec<Session>,
        training: &Training,
        limits: &Limits,
        trained_at_us: i64,
    ) -> Result<Self, TrainError> {
        let broken = Broken::learn(&history, limits);
        let all = history.len();
        history.retain(|session| session.unusable_for_training().is_none());
        let rejected = all - history.len();
        if history.len() < training.sessions_min.max(2) {
            return Err(TrainError::TooFew {
                usable: history.len(),
                needed: training.sessions_min.max(2),
                rejected,
            });
        }
        history.sort_by_key(|session| session.started_us);
        let (usual, rows, ensemble) = learn(&history, training);
        let older = history.len() - history.len() / LATER;
        let raw = if history.len() - older >= LATER_MIN {
            let (usual, _, ensemble) = learn(&history[..older], training);
            let score = |s: &Session| ensemble.score(&features::extract(s, &usual, false), false);
            history[older..].iter().map(score).collect()
        } else {
            rows.iter().map(|row| ensemble.score(row, true)).collect()
        };
        let calibration = Calibration::learn(raw);

        let grouping: Vec<f64> = rows.iter().flat_map(|row| grouped(&ensemble.filled(row))).collect();
        let clusters = Clusters::find(&grouping, GROUPED, training.seed);
        let cluster_names = name_clusters(&clusters);
        Ok(Self {
            trained_at_us,
            sessions: history.len() as u64,
            rejected: rejected as u64,
            features: Feature::ALL.iter().map(|f| f.label().to_owned()).collect(),
            usual,
            ensemble,
            broken,
            calibration,
            reference: Reference::learn(&rows),
            clusters,
            cluster_names,
        })
    }

    /// Says how rare a session is, and because of what.
    #[must_use]
    pub fn assess(&self, session: &Session) -> Assessment {
        let row = features::extract(session, &self.usual, false);
        let mut weights = [0.0; COUNT];
        let share = self.calibration.share(self.ensemble.explain(&row, &mut weights));
        let excess: Row = std::array::from_fn(|column| self.ensemble.excess(column, row[column]));
        let cluster = self
            .clusters
            .nearest(&grouped(&self.ensemble.filled(&row)))
            .map(|at| (at, self.cluster_names.get(at).cloned().unwrap_or_default()));
        Assessment { share, evidence: self.evidence(session, &row, &weights, &excess), cluster }
    }

    /// How unusual a session is, in nats: what [`Self::assess`] turns into a share of the history.
    #[must_use]
    pub fn raw(&self, session: &Session) -> f64 {
        self.ensemble.score(&features::extract(session, &self.usual, false), false)
    }

    /// The share of the history that is at least as unusual as a raw score.
    #[must_use]
    pub fn share(&self, raw: f64) -> f64 {
        self.calibration.share(raw)
    }

    /// How far sessions have moved from those that it has learnt from.
    #[must_use]
    pub fn drift(&self, sessions: &[Session]) -> Drift {
        let rows: Vec<Row> = sessions.iter().map(|s| features::extract(s, &self.usual, false)).collect();
        let shares: Vec<f64> =
            rows.iter().map(|row| self.calibration.share(self.ensemble.score(row, false))).collect();
        self.reference.drift(&rows, &shares)
    }

    /// Brings the features that show the same quantity together, each with the baseline that says most.
    fn evidence(&self, session: &Session, row: &Row, weights: &Row, excess: &Row) -> Vec<Evidence> {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Vec::new();
        }
        let mut evidence: Vec<Evidence> = Vec::new();
        for shown in Feature::ALL.iter().filter(|f| f.context().is_none()) {
            let columns = || Feature::ALL.iter().filter(|f| f.shown_as() == *shown);
            let weight: f64 = columns().map(|f| weights[*f as usize]).sum::<f64>() / total;
            let observed = row[*shown as usize];
            if weight < 0.02 || !observed.is_finite() {
                continue;
            }
            // The baseline from which the value stands out most; one whose usual range holds the value only if
            // there is no other.
            let described = columns().map(|f| (self.describe(session, row, *f), excess[*f as usize]));
            let Some((described, _)) =
                described.max_by(|(a, ax), (b, bx)| a.outside().cmp(&b.outside()).then(ax.total_cmp(bx)))
            else {
                continue;
            };
            evidence.push(Evidence { weight, ..described });
        }
        evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        evidence
    }

    /// Each known quantity against each usual that it is held against, with its part of the score, the largest first.
    #[must_use]
    pub fn contributions(&self, session: &Session) -> Vec<Evidence> {
        let row = features::extract(session, &self.usual, false);
        let mut weights = [0.0; COUNT];
        self.ensemble.explain(&row, &mut weights);
        let total: f64 = weights.iter().sum();
        let mut all: Vec<Evidence> = Vec::new();
        for feature in Feature::ALL.iter().filter(|f| row[f.shown_as() as usize].is_finite()) {
            let weight = if total > 0.0 { weights[*feature as usize] / total } else { 0.0 };
            let described = self.describe(session, &row, *feature);
            match all.iter_mut().find(|e| e.feature == described.feature && e.scope == described.scope) {
                Some(same) => same.weight += weight,
                None => all.push(Evidence { weight, ..described }),
            }
        }
        all.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        all
    }

    /// What is usual of each measure for the user, station or site that a session names, in the measures' units: low,
    /// median, high, and the number of own sessions.
    #[must_use]
    pub fn usual(&self, session: &Session, scope: Scope) -> Vec<(Feature, [f64; 3], u32)> {
        Measure::ALL
            .into_iter()
            .filter_map(|measure| {
                let range = self.usual.range(session, scope, measure)?;
                let natural = [range.low, range.median, range.high].map(|value| measure.to_natural(value));
                Some((measure.feature(), natural, range.sessions))
            })
            .collect()
    }

    fn describe(&self, session: &Session, row: &Row, feature: Feature) -> Evidence {
        let shown = feature.shown_as();
        let observed = shown.to_natural(row[shown as usize]);
        if feature == Feature::HourOfUser {
            let usual = self.usual.hours().usual(session);
            let sessions = usual.map_or(0, |(_, _, known)| known);
            let usual = usual.filter(|_| sessions > 0).map(|(from, to, _)| (from, to));
            return Evidence { feature: shown, scope: Scope::User, sessions, observed, usual, weight: 0.0 };
        }
        let (scope, sessions, usual) = match feature.context() {
            Some((measure, scope)) => {
                let range = self.usual.range(session, scope, measure);
                let usual = range.map(|r| (measure.to_natural(r.low), measure.to_natural(r.high)));
                (scope, range.map_or(0, |r| r.sessions), usual)
            }
            None => {
                let range =
                    if shown.is_cyclic() { None } else { self.ensemble.usual_range(feature as usize) };
                let usual = range.map(|(low, high)| (shown.to_natural(low), shown.to_natural(high)));
                (Scope::Fleet, u32::try_from(self.sessions).unwrap_or(u32::MAX), usual)
            }
        };
        Evidence { feature: shown, scope, sessions, observed, usual, weight: 0.0 }
    }

    /// The share of sessions like this one that break a rule.
    #[must_use]
    pub fn breaking(&self, check: &Check, session: &Session) -> f64 {
        self.broken.share(check, session)
    }

    /// The groups that were found.
    #[must_use]
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// The groups' names, in their order.
    #[must_use]
    pub fn cluster_names(&self) -> &[String] {
        &self.cluster_names
    }

    /// The middle of a group, as people read it.
    #[must_use]
    pub fn cluster_center(&self, cluster: usize) -> Vec<(Feature, f64)> {
        let center = &self.clusters.clusters[cluster].center;
        let (sine, cosine) = (center[4], center[5]);
        let mut values: Vec<(Feature, f64)> = CENTER
            .iter()
            .zip(center)
            .map(|(feature, value)| (*feature, feature.to_natural(*value)))
            .collect();
        values.push((Feature::Hour, hour_of(sine, cosine)));
        values
    }

    /// What to think of the grouping, in words.
    #[must_use]
    pub fn clusters_text(&self) -> String {
        match (self.clusters.clusters.len(), self.clusters.silhouette) {
            (0, Some(silhouette)) => format!(
                "No structure: the best grouping (silhouette {silhouette:.2}) is hardly better than that of random \
                 sessions in the same ranges ({:.2}).",
                self.clusters.noise_silhouette.unwrap_or(0.0)
            ),
            (0, None) => "No structure: no grouping without tiny groups was found.".to_owned(),
            (count, silhouette) => {
                let silhouette = silhouette.unwrap_or(0.0);
                let apart = match silhouette {
                    s if s >= 0.5 => "clearly apart",
                    s if s >= 0.35 => "apart, with overlaps",
                    _ => "poorly apart",
                };
                format!("{count} groups, {apart} (silhouette {silhouette:.2}).")
            }
        }
    }

    /// What is wrong with a model that was read from a file, if anything is.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let own = Feature::ALL.iter().map(|f| f.label());
        if !self.features.iter().map(String::as_str).eq(own) {
            return Some("it was trained on other features than this version of Ampwarden uses".to_owned());
        }
        let sound = self.ensemble.is_sound(COUNT)
            && self.calibration.is_sound()
            && self.clusters.is_sound(GROUPED)
            && self.reference.is_sound();
        (!sound).then(|| "its parts contradict each other".to_owned())
    }
}

impl Evidence {
    /// Whether the value lies outside what is usual.
    #[must_use]
    pub fn outside(&self) -> bool {
        self.usual.is_some_and(|(low, high)| {
            let (below, above) = (self.observed < low, self.observed > high);
            // A span of hours may pass midnight.
            if low > high { below && above } else { below || above }
        })
    }
}

/// What is usual in a history, its rows, and what the ensemble learns from them.
fn learn(history: &[Session], training: &Training) -> (Usual, Vec<Row>, Ensemble) {
    let usual = Usual::learn(history);
    let rows: Vec<Row> = history.iter().map(|s| features::extract(s, &usual, true)).collect();
    let columns: Vec<Column> =
        Feature::ALL.iter().map(|f| Column { accuracy: f.accuracy(), cyclic: f.is_cyclic() }).collect();
    let Training { trees, sample, seed, .. } = *training;
    let ensemble =
        Ensemble::learn(ArrayView2::from(rows.as_slice()), &columns, Growth { trees, sample, seed });
    (usual, rows, ensemble)
}

/// The columns by which sessions are grouped, before hour as sine and cosine.
const CENTER: [Feature; 4] = [Feature::Energy, Feature::Duration, Feature::MeanPower, Feature::IdleShare];
const GROUPED: usize = CENTER.len() + 2;

fn grouped(row: &[f64]) -> [f64; GROUPED] {
    let angle = row[Feature::Hour as usize] / 24.0 * std::f64::consts::TAU;
    let [energy, duration, power, idle] = CENTER.map(|f| row[f as usize]);
    [energy, duration, power, idle, angle.sin(), angle.cos()]
}

fn hour_of(sine: f64, cosine: f64) -> f64 {
    (sine.atan2(cosine) / std::f64::consts::TAU * 24.0).rem_euclid(24.0)
}

/// Names groups by what sets them apart from the middle of all.
fn name_clusters(clusters: &Clusters) -> Vec<String> {
    const WORDS: [(&str, &str); 4] = [
        ("little energy", "much energy"),
        ("short", "long"),
        ("low power", "high power"),
        ("hardly idle", "long idle"),
    ];
    let mut names: Vec<String> = Vec::new();
    for (at, cluster) in clusters.clusters.iter().enumerate() {
        let apart = clusters.apart(at);
        let mut words: Vec<(f64, &str)> = WORDS
            .iter()
            .zip(apart)
            .filter(|(_, z)| z.abs() >= 0.4)
            .map(|((low, high), z)| (z.abs(), if *z < 0.0 { *low } else { *high }))
            .collect();
        let (sine, cosine) = (cluster.center[4], cluster.center[5]);
        let away = (apart[4].powi(2) + apart[5].powi(2)).sqrt();
        if sine.hypot(cosine) > 0.5 && away >= 0.6 {
            let part = part_of_day(hour_of(sine, cosine));
            words.push((away, part));
        }
        words.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut name = words.iter().take(3).map(|(_, word)| *word).collect::<Vec<_>>().join(", ");
        if name.is_empty() {
            "like the average".clone_into(&mut name);
        }
        let same =
            names.iter().filter(|other| **other == name || other.starts_with(&format!("{name} ("))).count();
        if same > 0 {
            name = format!("{name} ({})", same + 1);
        }
        names.push(name);
    }
    names
}
