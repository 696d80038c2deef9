//! The table `[anomaly]` of the configuration.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::admin::AdminConfig;
use service::config::{HumanBytes, HumanDuration};
use service::tls::TlsConfig;

use crate::Error;
use crate::checks::Limits;
use crate::models::Training;
use crate::severity::Thresholds;

/// The anomaly service: scores every ended session, and answers over gRPC.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The gRPC API.
    pub grpc: GrpcConfig,
    /// Metrics and probes.
    pub admin: AdminConfig<9466>,
    /// Limits of the checks of physics and sense.
    pub checks: Limits,
    /// From which score on a session is info, warning or critical.
    pub severity: Thresholds,
    /// How ended sessions are found and scored.
    pub scoring: ScoringConfig,
    /// How models are trained and kept.
    pub training: TrainingConfig,
    /// How load and availability are forecast.
    pub forecast: ForecastConfig,
}

/// The gRPC API.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcConfig {
    /// Address of the API. Without tokens (`api.tokens`) it must be a loopback address.
    pub listen: String,
    /// The certificate that the API shows; without it there is no TLS.
    pub tls: Option<TlsConfig>,
    /// Larger messages are refused.
    pub message_max: HumanBytes,
    /// How long a call may take if its caller sets no deadline; longer deadlines are cut to it.
    pub deadline: HumanDuration,
    /// Calls that one connection may have at a time; more wait.
    pub calls_max: u32,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:50051".into(),
            tls: None,
            message_max: HumanBytes::from_mib(1),
            deadline: HumanDuration::from_secs(10),
            calls_max: 64,
        }
    }
}

/// How ended sessions are found and scored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScoringConfig {
    /// How often the store is asked for sessions that have just ended.
    pub interval: HumanDuration,
    /// How long a session waits for its meter values; then it is scored without them, and again later.
    pub samples_wait: HumanDuration,
    /// How often the sessions of the last hour are looked through for such as have no score.
    pub sweep_hour_every: HumanDuration,
    /// How often those of the last week are.
    pub sweep_week_every: HumanDuration,
}

impl Default for ScoringConfig {
    fn default() -> Self {
        Self {
            interval: HumanDuration::from_millis(250),
            samples_wait: HumanDuration::from_secs(30),
            sweep_hour_every: HumanDuration::from_secs(10),
            sweep_week_every: HumanDuration::from_secs(3600),
        }
    }
}

/// How models are trained and kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Folder with the models' files.
    pub folder: PathBuf,
    /// With fewer usable sessions the checks work alone.
    pub sessions_min: usize,
    /// At most so many sessions, the newest, are learnt from.
    pub sessions_max: usize,
    /// A model older than this is replaced.
    pub every: HumanDuration,
    /// How often it is looked whether a model is due: the first, one that is too old, or one that has learnt from
    /// less than half of what is there now.
    pub look_every: HumanDuration,
    /// So many models are kept.
    pub keep: usize,
    /// A new model is not activated if, on sessions that no model learns from, its AUROC or average precision is lower
    /// than the active one's by more than this.
    pub worse_max: f64,
    /// How often it is measured how far the newest sessions have moved from what the model has learnt from.
    pub drift_every: HumanDuration,
    /// Trees of the isolation forest.
    pub trees: usize,
    /// Sessions per tree.
    pub sample: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        let training = Training::default();
        Self {
            folder: "state/anomaly".into(),
            sessions_min: training.sessions_min,
            sessions_max: 200_000,
            every: HumanDuration::from_days(7),
            look_every: HumanDuration::from_secs(10),
            keep: 5,
            worse_max: 0.02,
            drift_every: HumanDuration::from_secs(300),
            trees: training.trees,
            sample: training.sample,
        }
    }
}

/// How load and availability are forecast.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastConfig {
    /// How often forecasts are made and written.
    pub every: HumanDuration,
    /// How far ahead the fleet and the sites are forecast; at most 7 days.
    pub horizon: HumanDuration,
    /// How far ahead each station is. Short, because there are many of them.
    pub station_horizon: HumanDuration,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            every: HumanDuration::from_secs(3600),
            horizon: HumanDuration::from_days(7),
            station_horizon: HumanDuration::from_days(2),
        }
    }
}

impl Config {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// [`Error::Config`], naming the setting.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(problem) = self.severity.problem() {
            return Err(Error::Config(format!("anomaly.severity: {problem}")));
        }
        for (name, value) in [
            ("anomaly.scoring.interval", self.scoring.interval),
            ("anomaly.scoring.sweep_hour_every", self.scoring.sweep_hour_every),
            ("anomaly.scoring.sweep_week_every", self.scoring.sweep_week_every),
            ("anomaly.training.look_every", self.training.look_every),
            ("anomaly.forecast.every", self.forecast.every),
            ("anomaly.training.drift_every", self.training.drift_every),
            ("anomaly.grpc.deadline", self.grpc.deadline),
        ] {
            if value.0.is_zero() {
                return Err(Error::Config(format!("{name} must be longer than nothing, for example \"5s\"")));
            }
        }
        for (name, value) in [
            ("anomaly.forecast.horizon", self.forecast.horizon),
            ("anomaly.forecast.station_horizon", self.forecast.station_horizon),
        ] {
            let hours = value.0.as_secs() / 3600;
            if !(1..=u64::from(crate::forecast::HORIZON_MAX_H)).contains(&hours) {
                return Err(Error::Config(format!("{name} is {value}, but must be from 1h to 7d")));
            }
        }
        if !(0.0..=1.0).contains(&self.training.worse_max) {
            return Err(Error::Config(format!(
                "anomaly.training.worse_max is {}, but must be between 0 and 1",
                self.training.worse_max
            )));
        }
        for (name, value, least) in [
            ("anomaly.training.sessions_min", self.training.sessions_min, 50),
            ("anomaly.training.sessions_max", self.training.sessions_max, self.training.sessions_min),
            ("anomaly.training.keep", self.training.keep, 1),
            ("anomaly.training.trees", self.training.trees, 1),
            ("anomaly.training.sample", self.training.sample, 2),
            ("anomaly.grpc.calls_max", self.grpc.calls_max as usize, 1),
        ] {
            if value < least {
                return Err(Error::Config(format!("{name} is {value}, but must be at least {least}")));
            }
        }
        Ok(())
    }

    pub(crate) fn training(&self) -> Training {
        Training {
            sessions_min: self.training.sessions_min,
            trees: self.training.trees,
            sample: self.training.sample,
            ..Training::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_settings_are_named() {
        assert!(Config::default().check().is_ok());
        let mut config = Config::default();
        config.training.sessions_min = 3;
        assert_eq!(
            config.check().expect_err("too few").to_string(),
            "anomaly.training.sessions_min is 3, but must be at least 50"
        );
    }
}
