//! The table `[exporter]` of the configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::admin::AdminConfig;
use service::config::HumanDuration;

use crate::Error;
use crate::scrape::Limits;

/// The exporter: what the store knows of the fleet, for Prometheus.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Metrics and probes.
    pub admin: AdminConfig<9465>,
    /// How often the store is read.
    pub interval: HumanDuration,
    /// How long one read of the store may take before it counts as failed.
    pub timeout: HumanDuration,
    /// How long gauges outlive the last read that worked; then they are no longer exposed.
    pub snapshot_max_age: HumanDuration,
    /// How long a gateway may be silent, while the store takes writes, before its connections count as over.
    /// Gateways write a heartbeat every 10 s.
    pub gateway_timeout: HumanDuration,
    /// How long a station behind an MQTT broker may be silent before it counts as offline: the broker holds its
    /// connection, so that only its messages say that it is there.
    pub broker_timeout: HumanDuration,
    /// How long a station's power counts after it was last heard of, and a connector's temperature after it was
    /// measured. Stations send meter values every 5 s to 15 min.
    pub power_max_age: HumanDuration,
    /// Scores are counted by severity, and ended sessions by outcome, over this window.
    pub scores_window: HumanDuration,
    /// Stations with series of their own, at most; the others are counted in `ampwarden_series_dropped`.
    pub stations_max: usize,
    /// Sites with a label of their own, at most; the others are summed as `other`.
    pub sites_max: usize,
    /// Which of the `shards` this exporter is, from 0. Shard 0 also exposes the sums over the fleet.
    pub shard: u32,
    /// Over how many exporters the stations are spread, by a hash of their id.
    pub shards: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            admin: AdminConfig::default(),
            interval: HumanDuration::from_secs(5),
            timeout: HumanDuration::from_secs(10),
            snapshot_max_age: HumanDuration::from_secs(120),
            gateway_timeout: HumanDuration::from_secs(45),
            broker_timeout: HumanDuration::from_secs(900),
            power_max_age: HumanDuration::from_secs(900),
            scores_window: HumanDuration::from_secs(3600),
            stations_max: 2000,
            sites_max: 200,
            shard: 0,
            shards: 1,
        }
    }
}

impl Config {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// For a shard that does not exist, and for an interval of nothing.
    pub fn check(&self) -> Result<(), Error> {
        if self.shard >= self.shards {
            return Err(Error::Config(format!(
                "exporter.shard is {}, but with exporter.shards = {} shards are 0 to {}",
                self.shard,
                self.shards,
                i64::from(self.shards) - 1
            )));
        }
        if self.interval.0.is_zero() {
            return Err(Error::Config(
                "exporter.interval must be longer than nothing, for example \"5s\"".into(),
            ));
        }
        Ok(())
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            stations_max: self.stations_max,
            sites_max: self.sites_max,
            shard: self.shard,
            shards: self.shards,
            snapshot_max_age: self.snapshot_max_age.0,
            power_max_age: self.power_max_age.0,
            scores_window: self.scores_window.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_does_not_exist_is_named() {
        let config = Config { shard: 3, shards: 3, ..Config::default() };
        assert_eq!(
            config.check().expect_err("no such shard").to_string(),
            "exporter.shard is 3, but with exporter.shards = 3 shards are 0 to 2"
        );
        assert!(Config::default().check().is_ok());
    }
}
