//! How much a score matters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a score matters, in rising order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing unusual.
    Normal,
    /// Unusual, good to know.
    Info,
    /// Look at it in working hours.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// All, in rising order.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Info, Self::Warning, Self::Critical];

    /// The name in rows and metric labels.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Reads the name in rows.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.label() == label)
    }
}

/// From which score on a severity holds. A score of 0.999 reads "1 in 1,000 sessions is this unusual".
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Score from which a session is good to know of.
    pub info: f64,
    /// Score from which somebody should look at it in working hours.
    pub warning: f64,
    /// Score from which somebody should look at it now.
    pub critical: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { info: 0.99, warning: 0.999, critical: 0.9999 }
    }
}

impl Thresholds {
    /// What the thresholds are wrong in, if they are.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let rising = 0.0 < self.info && self.info < self.warning && self.warning < self.critical;
        (!rising || self.critical > 1.0).then(|| {
            format!(
                "the thresholds must rise between 0 and 1, but are info = {}, warning = {}, critical = {}",
                self.info, self.warning, self.critical
            )
        })
    }

    /// The severity of a score.
    #[must_use]
    pub fn severity(&self, score: f64) -> Severity {
        if score >= self.critical {
            Severity::Critical
        } else if score >= self.warning {
            Severity::Warning
        } else if score >= self.info {
            Severity::Info
        } else {
            Severity::Normal
        }
    }

    /// The lowest score of a severity.
    #[must_use]
    pub fn lowest(&self, severity: Severity) -> f64 {
        match severity {
            Severity::Normal => 0.0,
            Severity::Info => self.info,
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_rise() {
        let thresholds = Thresholds::default();
        assert_eq!(thresholds.problem(), None);
        for severity in Severity::ALL {
            assert_eq!(thresholds.severity(thresholds.lowest(severity)), severity);
        }
        assert!(Thresholds { info: 0.9999, ..thresholds }.problem().is_some());
    }
}
