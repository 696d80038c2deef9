//! docs/metrics.md

use std::collections::BTreeSet;
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
        ("Exporter", "Port 9465.", exporter::METRICS.to_vec()),
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
    let mut names = BTreeSet::new();
    for (process, _, specs) in processes() {
        for spec in specs {
            let name = spec.name;
            assert!(names.insert(name), "{name} is declared twice");
            assert!(name.starts_with("ampwarden_") || process == "Every process", "{name} lacks its prefix");
            assert_eq!(matches!(spec.kind, MetricKind::Counter), name.ends_with("_total"), "{name}");
            assert_eq!(matches!(spec.kind, MetricKind::Info), name.ends_with("_info"), "{name}");
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
