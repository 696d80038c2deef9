//! What the process itself takes, read from `/proc` at each scrape, under the names that every client library uses.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::{MetricKind, MetricSpec, RegisterSpec, Unit};

const BUILD_INFO: MetricSpec = MetricSpec {
    name: "ampwarden_build_info",
    kind: MetricKind::Info,
    unit: Unit::None,
    labels: &["version"],
    help: "Which version of Ampwarden runs",
};
const CPU: MetricSpec = MetricSpec {
    name: "process_cpu_seconds_total",
    kind: MetricKind::Counter,
    unit: Unit::Seconds,
    labels: &[],
    help: "CPU time taken, user and system",
};
const MEMORY: MetricSpec = MetricSpec {
    name: "process_resident_memory_bytes",
    kind: MetricKind::Gauge,
    unit: Unit::Bytes,
    labels: &[],
    help: "Resident memory",
};
const OPEN_FDS: MetricSpec = MetricSpec {
    name: "process_open_fds",
    kind: MetricKind::Gauge,
    unit: Unit::None,
    labels: &[],
    help: "Open files and sockets",
};
const MAX_FDS: MetricSpec = MetricSpec {
    name: "process_max_fds",
    kind: MetricKind::Gauge,
    unit: Unit::None,
    labels: &[],
    help: "How many files and sockets may be open (the soft limit)",
};
const START: MetricSpec = MetricSpec {
    name: "process_start_time_seconds",
    kind: MetricKind::Gauge,
    unit: Unit::Seconds,
    labels: &[],
    help: "When the process started, since 1970-01-01T00:00:00Z",
};

const TASKS: MetricSpec = MetricSpec {
    name: "ampwarden_tasks",
    kind: MetricKind::Gauge,
    unit: Unit::None,
    labels: &[],
    help: "Tasks that are alive: each connection has one, and so have timers and servers",
};

/// The metrics of every process.
pub const METRICS: &[MetricSpec] = &[BUILD_INFO, CPU, MEMORY, OPEN_FDS, MAX_FDS, START, TASKS];

/// Registers [`METRICS`]. All crates of the product have one version, so this crate's is the product's.
pub fn register(registry: &mut Registry) {
    registry.info(&BUILD_INFO, vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register_collector(Box::new(Process));
}

/// Linux gives CPU times to user space in 1/100 s on every architecture that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some((cpu, start)) = times() {
            ConstCounter::new(cpu).encode(CPU.encode(&mut encoder)?)?;
            ConstGauge::new(start).encode(START.encode(&mut encoder)?)?;
        }
        if let Some(kib) = number_after("/proc/self/status", "VmRSS:") {
            ConstGauge::new(kib * 1024.0).encode(MEMORY.encode(&mut encoder)?)?;
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            let open = i64::try_from(open.count()).unwrap_or(i64::MAX);
            ConstGauge::new(open).encode(OPEN_FDS.encode(&mut encoder)?)?;
        }
        if let Some(max) = number_after("/proc/self/limits", "Max open files") {
            ConstGauge::new(max).encode(MAX_FDS.encode(&mut encoder)?)?;
        }
        let tasks =
            tokio::runtime::Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
        ConstGauge::new(i64::try_from(tasks).unwrap_or(i64::MAX)).encode(TASKS.encode(&mut encoder)?)?;
        Ok(())
    }
}

/// CPU seconds taken, and the start in seconds since the epoch.
fn times() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold blanks.
    let fields: Vec<f64> =
        stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    let booted = number_after("/proc/stat", "btime")?;
    Some((
        (fields.get(11)? + fields.get(12)?) / TICKS_PER_SECOND,
        booted + fields.get(19)? / TICKS_PER_SECOND,
    ))
}

/// The first number of the line of `file` that begins with `key`.
fn number_after(file: &str, key: &str) -> Option<f64> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::super::{absent_from, check_scrape};
    use super::*;

    #[test]
    fn a_scrape_tells_of_the_process() {
        let mut registry = Registry::default();
        register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).expect("encodes");
        assert_eq!(check_scrape(METRICS, &text), Vec::<String>::new());
        assert_eq!(absent_from(METRICS, &text), Vec::<&str>::new());
        assert!(text.contains("ampwarden_build_info{version="), "{text}");
    }
}
