//! Checks of physics and sense: deterministic, each with a name, a rule, limits that can be set, and an explanation.
//! They need no history, and work alone when there is no model yet.

mod ending;
mod energy;
mod limits;
mod power;
mod state;

#[cfg(test)]
mod tests;

pub use limits::Limits;

use crate::session::Session;
use crate::severity::Severity;

/// What a check found wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which check.
    pub check: &'static Check,
    /// How much it matters.
    pub severity: Severity,
    /// What was observed.
    pub observed: f64,
    /// In which unit.
    pub unit: &'static str,
    /// The lowest allowed value.
    pub low: Option<f64>,
    /// The highest allowed value.
    pub high: Option<f64>,
    /// One sentence.
    pub text: String,
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// The name in answers and rows.
    pub name: &'static str,
    /// The name in words.
    pub words: &'static str,
    /// The rule in words, for the documentation.
    pub rule: &'static str,
    /// Looks at a session.
    run: fn(&Session, &Limits) -> Option<Found>,
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What a check's function returns: a finding without the check's name.
pub(crate) struct Found {
    severity: Severity,
    observed: f64,
    unit: &'static str,
    low: Option<f64>,
    high: Option<f64>,
    text: String,
}

/// All checks. The order breaks ties between findings of one severity: causes go before their consequences.
pub const CHECKS: &[Check] = &[
    energy::OUT_OF_RANGE,
    state::METER_BACKWARDS,
    state::METER_ROLLOVER,
    ending::IMPOSSIBLE_TIME,
    power::OVERHEATING,
    power::AFTER_STOP,
    power::ABOVE_RATING,
    energy::ABOVE_RATING,
    energy::CONTRADICTS_POWER,
    energy::METER_CONTRADICTS,
    power::MEAN_ABOVE_MAX,
    power::IMBALANCE,
    state::IMPOSSIBLE_SOC,
    state::STUCK_SOC,
    energy::ABOVE_BATTERY,
    energy::ZERO,
    ending::NO_STOP,
    ending::NO_START,
    ending::CLOCK_WRONG,
    ending::GAPS,
    power::DERATED,
    ending::OVERSTAY,
];

/// Runs all checks; the worst finding comes first.
#[must_use]
pub fn run(session: &Session, limits: &Limits) -> Vec<Finding> {
    let mut findings: Vec<Finding> = CHECKS
        .iter()
        .filter_map(|check| {
            let found = (check.run)(session, limits)?;
            Some(Finding {
                check,
                severity: found.severity,
                observed: found.observed,
                unit: found.unit,
                low: found.low,
                high: found.high,
                text: found.text,
            })
        })
        .collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings
}
