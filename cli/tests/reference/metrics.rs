//! docs/metrics.md

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use service::metrics::{MetricKind, MetricSpec, PROCESS_METRICS};

use super::keep;

const HEAD: &str = "# Metrics

<!-- Rendered from the declarations by `cargo test -p ampwarden --test reference`. Do not edit. -->

Each process serves its metrics as OpenMetrics text on `/metrics` of its admin port, gzipped when asked. Units are base
units and end the names; counters end in `_total`. No session, user, token or transaction is ever a label; series of
single stations come from the exporter alone, up to a cap.

Gauges of the exporter expire with what they were read from; counters never do.
";

/// Each process with what it exports.
fn processes() -> Vec<(&'static str, &'static str, Vec<MetricSpec>)> {
    vec![
        ("Every process", "", PROCESS_METRICS.to_vec()),
        ("Gateway", "Port 9464.", gateway::metrics::specs()),
        ("Exporter", "Port 9465.", exporter::METRICS.to_vec()),
        ("Anomaly service", "Port 9466.", anomaly::METRICS.to_vec()),
    ]
}

#[test]
fn metrics_md_is_up_to_date() {
    let mut page = HEAD.to_owned();
    for (process, about, specs) in processes() {
        write!(page, "\n## {process}\n\n").expect("text");
        if !about.is_empty() {
            write!(page, "{about}\n\n").expect("text");
        }
        page.push_str("| metric | type | labels | what |\n|---|---|---|---|\n");
        for spec in specs {
            let labels: Vec<String> = spec.labels.iter().map(|label| format!("`{label}`")).collect();
            writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                spec.name,
                spec.kind_name(),
                labels.join(", "),
                spec.help.replace('|', "\\|")
            )
            .expect("text");
        }
    }
    keep("docs/metrics.md", &page);
}

#[test]
fn metrics_are_named_by_the_rules() {
    let mut known: BTreeMap<&str, MetricSpec> = BTreeMap::new();
    for (process, _, specs) in processes() {
        let mut names = BTreeSet::new();
        for spec in specs {
            let name = spec.name;
            assert!(names.insert(name), "{name} is declared twice");
            // The same name in two processes (such as whether the store is up) is the same metric, told apart by job.
            let other = known.entry(name).or_insert(spec);
            assert!(
                (other.kind_name(), other.unit, other.labels) == (spec.kind_name(), spec.unit, spec.labels),
                "{name} means different things in two processes"
            );
            assert!(name.starts_with("ampwarden_") || process == "Every process", "{name} lacks its prefix");
            assert_eq!(matches!(spec.kind, MetricKind::Counter), name.ends_with("_total"), "{name}");
            // An info whose labels change while the process runs is a gauge to the client library.
            let is_info = matches!(spec.kind, MetricKind::Info);
            assert!(!is_info || name.ends_with("_info"), "{name}");
            assert!(!name.ends_with("_info") || is_info || matches!(spec.kind, MetricKind::Gauge), "{name}");
            let unit = spec.unit.as_str();
            let base = name.trim_end_matches("_total");
            assert!(unit.is_empty() || base.ends_with(unit), "{name} does not end in its unit, {unit}");
            assert!(
                !spec.help.is_empty() && !spec.help.ends_with('.'),
                "{name}: help without a full stop at its end"
            );
            for personal in
                ["session", "session_id", "user", "token", "token_hash", "transaction", "transaction_id"]
            {
                assert!(!spec.labels.contains(&personal), "{name} has the label {personal}");
            }
            assert!(
                !spec.labels.contains(&"station") || process == "Exporter",
                "{name}: series of stations come from the exporter alone"
            );
        }
    }
}
