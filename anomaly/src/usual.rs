//! What is usual for a user, a station, a site and the fleet, with little history drawn towards the wider scope.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::features::{self, Feature};
use crate::hours::Hours;
use crate::session::Session;

/// As many sessions of one's own weigh as much as the wider scope's usual. With 6 sessions half of what is called
/// usual is one's own.
pub(crate) const SHRINKAGE_SESSIONS: f64 = 6.0;

/// Quantities of which the usual is known per scope.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[repr(usize)]
pub enum Measure {
    /// Wh
    Energy,
    /// s
    Duration,
    /// s
    Idle,
    /// W
    MeanPower,
    /// °C
    Temperature,
}

/// How many measures there are.
const MEASURES: usize = Measure::ALL.len();

impl Measure {
    /// All.
    pub const ALL: [Self; 5] = [Self::Energy, Self::Duration, Self::Idle, Self::MeanPower, Self::Temperature];

    /// Below this a difference means little: the models' scale is linear there, and logarithmic far above.
    #[must_use]
    pub fn scale(self) -> f64 {
        match self {
            Self::Energy => 200.0,
            Self::Duration | Self::Idle => 300.0,
            Self::MeanPower => 200.0,
            // Beyond all that is measured: degrees count alike.
            Self::Temperature => 1000.0,
        }
    }

    /// The feature that shows it to people.
    #[must_use]
    pub fn feature(self) -> Feature {
        match self {
            Self::Energy => Feature::Energy,
            Self::Duration => Feature::Duration,
            Self::Idle => Feature::Idle,
            Self::MeanPower => Feature::MeanPower,
            Self::Temperature => Feature::Temperature,
        }
    }

    /// From the models' scale to the unit.
    #[must_use]
    pub fn to_natural(self, value: f64) -> f64 {
        value.exp_m1() * self.scale()
    }
}

/// Whose usual.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// All sessions.
    Fleet,
    /// Those at a site.
    Site,
    /// Those at a station.
    Station,
    /// Those of a user.
    User,
    /// Those with a vehicle model.
    Vehicle,
}

impl Scope {
    /// The name in rows.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Site => "site",
            Self::Station => "station",
            Self::User => "user",
            Self::Vehicle => "vehicle",
        }
    }

    /// The id of the session's user, station, site or vehicle model.
    #[must_use]
    pub fn id(self, session: &Session) -> Option<&str> {
        match self {
            Self::Fleet => None,
            Self::Site => session.site.as_deref(),
            Self::Station => Some(session.station.as_str()),
            Self::User => session.user.as_deref(),
            Self::Vehicle => session.vehicle.as_deref(),
        }
        .filter(|id| !id.is_empty())
    }
}

/// The range of one measure, on the models' (logarithmic) scale.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Range {
    /// 10th percentile.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// 90th percentile.
    pub high: f64,
    /// How many sessions it is drawn from.
    pub sessions: u32,
}

/// What is needed to take one session out again: the sorted neighbours of the median.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Centre {
    range: Range,
    /// Median if a value below the median is left out, and if one above is.
    without_lower: f64,
    without_upper: f64,
}

/// The usual of everybody. Immutable: a new model brings a new one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Usual {
    fleet: [Option<Centre>; MEASURES],
    sites: HashMap<String, [Option<Centre>; MEASURES]>,
    stations: HashMap<String, [Option<Centre>; MEASURES]>,
    users: HashMap<String, [Option<Centre>; MEASURES]>,
    vehicles: HashMap<String, [Option<Centre>; MEASURES]>,
    hours: Hours,
}

/// The sorted list's quantile, interpolated.
#[must_use]
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    #[allow(clippy::cast_precision_loss)]
    let at = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (below, part) = (at.floor() as usize, at.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * part
}

fn centre(mut values: Vec<f64>) -> Option<Centre> {
    values.retain(|v| v.is_finite());
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let median = quantile(&values, 0.5);
    // Leaving out any value below the median moves it to that of the list without its first; above, its last.
    let (without_lower, without_upper) = if values.len() > 1 {
        (quantile(&values[1..], 0.5), quantile(&values[..values.len() - 1], 0.5))
    } else {
        (f64::NAN, f64::NAN)
    };
    Some(Centre {
        range: Range {
            low: quantile(&values, 0.1),
            median,
            high: quantile(&values, 0.9),
            sessions: u32::try_from(values.len()).unwrap_or(u32::MAX),
        },
        without_lower,
        without_upper,
    })
}

fn table<'a>(groups: HashMap<&'a str, Vec<&'a Session>>) -> HashMap<String, [Option<Centre>; MEASURES]> {
    groups.into_iter().map(|(id, sessions)| (id.to_owned(), centres(&sessions))).collect()
}

fn centres(sessions: &[&Session]) -> [Option<Centre>; MEASURES] {
    Measure::ALL.map(|measure| centre(sessions.iter().map(|s| features::measure(s, measure)).collect()))
}

impl Usual {
    /// Learns from a history.
    #[must_use]
    pub fn learn(history: &[Session]) -> Self {
        let group = |scope: Scope| {
            let mut groups: HashMap<&str, Vec<&Session>> = HashMap::new();
            for session in history {
                if let Some(id) = scope.id(session) {
                    groups.entry(id).or_default().push(session);
                }
            }
            table(groups)
        };
        Self {
            fleet: centres(&history.iter().collect::<Vec<_>>()),
            sites: group(Scope::Site),
            stations: group(Scope::Station),
            users: group(Scope::User),
            vehicles: group(Scope::Vehicle),
            hours: Hours::learn(history),
        }
    }

    /// The hours at which sessions begin.
    #[must_use]
    pub fn hours(&self) -> &Hours {
        &self.hours
    }

    fn own(&self, session: &Session, scope: Scope, measure: Measure) -> Option<&Centre> {
        let table = match scope {
            Scope::Fleet => return self.fleet[measure as usize].as_ref(),
            Scope::Site => &self.sites,
            Scope::Station => &self.stations,
            Scope::User => &self.users,
            Scope::Vehicle => &self.vehicles,
        };
        table.get(scope.id(session)?)?[measure as usize].as_ref()
    }

    /// The scope that stands in where history is short.
    fn wider(scope: Scope, session: &Session) -> Option<Scope> {
        match scope {
            Scope::Fleet => None,
            Scope::Station if session.site.is_some() => Some(Scope::Site),
            // A user who is new at a station behaves rather like others at that station than like the fleet.
            Scope::User => Some(Scope::Station),
            Scope::Site | Scope::Station | Scope::Vehicle => Some(Scope::Fleet),
        }
    }

    /// The usual median on the models' scale, drawn towards the wider scope where history is short. `own_value` is
    /// the session's own contribution to that history, to be left out. NaN if nothing at all is known.
    #[must_use]
    pub fn median(&self, session: &Session, scope: Scope, measure: Measure, own_value: Option<f64>) -> f64 {
        let wider = Self::wider(scope, session)
            .map_or(f64::NAN, |wider| self.median(session, wider, measure, own_value));
        let Some(centre) = self.own(session, scope, measure) else { return wider };
        let mut count = f64::from(centre.range.sessions);
        let mut median = centre.range.median;
        if let Some(value) = own_value.filter(|v| v.is_finite()) {
            count -= 1.0;
            if count < 1.0 {
                return wider;
            }
            median = if value <= median { centre.without_lower } else { centre.without_upper };
        }
        if wider.is_nan() {
            return median;
        }
        (count * median + SHRINKAGE_SESSIONS * wider) / (count + SHRINKAGE_SESSIONS)
    }

    /// How much the values of a scope vary, on the models' scale: about a standard deviation, drawn towards the wider
    /// scope where history is short. NaN if nothing at all is known.
    #[must_use]
    pub fn spread(&self, session: &Session, scope: Scope, measure: Measure) -> f64 {
        // From the 10th to the 90th percentile of a normal distribution.
        const DEVIATIONS: f64 = 2.563;
        let range = self.range(session, scope, measure);
        range.map_or(f64::NAN, |range| (range.high - range.low) / DEVIATIONS)
    }

    /// The usual range on the models' scale, drawn towards the wider scope where history is short, with the number
    /// of own sessions.
    #[must_use]
    pub fn range(&self, session: &Session, scope: Scope, measure: Measure) -> Option<Range> {
        let wider = Self::wider(scope, session).and_then(|wider| self.range(session, wider, measure));
        let Some(own) = self.own(session, scope, measure).map(|c| c.range) else {
            return wider.map(|range| Range { sessions: 0, ..range });
        };
        let Some(wider) = wider else { return Some(own) };
        let count = f64::from(own.sessions);
        let shrunk =
            |own: f64, wider: f64| (count * own + SHRINKAGE_SESSIONS * wider) / (count + SHRINKAGE_SESSIONS);
        Some(Range {
            low: shrunk(own.low, wider.low),
            median: shrunk(own.median, wider.median),
            high: shrunk(own.high, wider.high),
            sessions: own.sessions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(user: &str, energy_wh: f64) -> Session {
        Session {
            station: "CP".into(),
            user: Some(user.into()),
            energy_wh: Some(energy_wh),
            duration_s: Some(3600.0),
            ..Session::default()
        }
    }

    #[test]
    fn short_history_is_drawn_towards_the_wider_scope() {
        let mut history: Vec<Session> = (0..100).map(|_| at("many", 10_000.0)).collect();
        history.push(at("one", 50_000.0));
        history.extend((0..60).map(|_| at("steady", 50_000.0)));
        let usual = Usual::learn(&history);
        let median = |user: &str| {
            let median = usual.median(&at(user, 0.0), Scope::User, Measure::Energy, None);
            median.exp_m1() * Measure::Energy.scale()
        };
        assert!((10_000.0..16_000.0).contains(&median("one")), "{}", median("one"));
        assert!((40_000.0..50_000.0).contains(&median("steady")), "{}", median("steady"));
        assert!((median("unknown") - 10_000.0).abs() < 1.0, "{}", median("unknown"));
    }

    #[test]
    fn quantiles_are_interpolated() {
        assert!((quantile(&[0.0, 1.0, 2.0, 3.0], 0.5) - 1.5).abs() < 1e-12);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
