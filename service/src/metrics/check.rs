//! Comparing a scrape with what is declared.

use std::collections::BTreeMap;

use super::{MetricKind, MetricSpec};

/// What a scrape (OpenMetrics text) holds that `specs` do not say: undeclared families, other kinds, other labels.
/// Empty when all is as declared.
#[must_use]
pub fn check_scrape(specs: &[MetricSpec], scrape: &str) -> Vec<String> {
    let families: BTreeMap<String, &MetricSpec> = specs.iter().map(|spec| (family(spec), spec)).collect();
    let mut problems = Vec::new();
    let mut current: Option<&MetricSpec> = None;
    for line in scrape.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            current = families.get(name).copied();
            match current {
                None => problems.push(format!("{name} is exported but not declared")),
                Some(spec) if spec.kind_name() != kind => {
                    problems
                        .push(format!("{name} is declared as {} but exported as {kind}", spec.kind_name()));
                }
                Some(_) => {}
            }
        } else if let (false, Some(spec)) = (line.starts_with('#'), current) {
            for label in labels(line) {
                let of_buckets = label == "le" && matches!(spec.kind, MetricKind::Histogram(_));
                if !of_buckets && !spec.labels.contains(&label) {
                    problems.push(format!("{} has the label {label}, which is not declared", spec.name));
                }
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

/// The declared metrics that a scrape does not hold.
#[must_use]
pub fn absent_from<'s>(specs: &'s [MetricSpec], scrape: &str) -> Vec<&'s str> {
    let held: Vec<&str> = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    specs.iter().filter(|spec| !held.contains(&family(spec).as_str())).map(|spec| spec.name).collect()
}

/// The name in `# TYPE` lines.
fn family(spec: &MetricSpec) -> String {
    match spec.unit.as_str() {
        "" => spec.stem().to_owned(),
        unit => format!("{}_{unit}", spec.stem()),
    }
}

/// The names of a sample's labels.
fn labels(sample: &str) -> Vec<&str> {
    let Some((_, rest)) = sample.split_once('{') else { return Vec::new() };
    if sample.split_once(' ').is_some_and(|(name, _)| !name.contains('{')) {
        return Vec::new(); // the brace belongs to an exemplar
    }
    let mut names = Vec::new();
    let mut rest = rest;
    while let Some((name, after)) = rest.split_once("=\"") {
        names.push(name.trim_start_matches(','));
        let mut escaped = false;
        let end = after.find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        match end {
            Some(end) if after[end + 1..].starts_with(',') => rest = &after[end + 1..],
            _ => break,
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::registry::Registry;

    use super::super::*;
    use super::*;

    const SPECS: &[MetricSpec] = &[
        MetricSpec {
            name: "ampwarden_test_messages_total",
            kind: MetricKind::Counter,
            unit: Unit::None,
            labels: &["protocol", "action"],
            help: "Messages taken",
        },
        MetricSpec {
            name: "ampwarden_test_energy_joules_total",
            kind: MetricKind::Counter,
            unit: Unit::Joules,
            labels: &[],
            help: "Energy given",
        },
        MetricSpec {
            name: "ampwarden_test_fill_ratio",
            kind: MetricKind::Gauge,
            unit: Unit::Ratio,
            labels: &[],
            help: "How full it is",
        },
        MetricSpec {
            name: "ampwarden_test_call_duration_seconds",
            kind: MetricKind::Histogram(&[0.1, 1.0]),
            unit: Unit::Seconds,
            labels: &["action"],
            help: "How long a call takes",
        },
        MetricSpec {
            name: "ampwarden_test_info",
            kind: MetricKind::Info,
            unit: Unit::None,
            labels: &["version"],
            help: "What runs",
        },
    ];

    type Labels = Vec<(&'static str, String)>;

    fn scrape(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).expect("encodes");
        text
    }

    #[test]
    fn specs_give_the_names_that_they_say() {
        let mut registry = Registry::default();
        let messages: Family<Labels, Counter> = registry.counter(&SPECS[0]);
        let energy: Counter = registry.counter(&SPECS[1]);
        let fill: Gauge<f64, std::sync::atomic::AtomicU64> = registry.gauge(&SPECS[2]);
        let duration: HistogramFamily<Labels> = registry.histograms(&SPECS[3]);
        registry.info(&SPECS[4], vec![("version", "1")]);
        messages.get_or_create(&vec![("protocol", "a\"b,c=\"".into()), ("action", "x".into())]).inc();
        energy.inc_by(3_600_000);
        fill.set(0.5);
        duration.get_or_create(&vec![("action", "x".into())]).observe(0.5, None, None);

        let text = scrape(&registry);
        for line in [
            "# HELP ampwarden_test_messages Messages taken.",
            "ampwarden_test_energy_joules_total 3600000",
            "# UNIT ampwarden_test_fill_ratio ratio",
            "ampwarden_test_fill_ratio 0.5",
            "ampwarden_test_call_duration_seconds_bucket{le=\"1.0\",action=\"x\"} 1",
            "ampwarden_test_info{version=\"1\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert_eq!(check_scrape(SPECS, &text), Vec::<String>::new());
        assert_eq!(absent_from(SPECS, &text), Vec::<&str>::new());
    }

    #[test]
    fn what_is_not_declared_is_found() {
        let mut registry = Registry::default();
        let messages: Family<Labels, Counter> = registry.counter(&SPECS[0]);
        messages.get_or_create(&vec![("station", "CP-1".into())]).inc();
        let other: Gauge = Gauge::default();
        registry.register("ampwarden_other", "Another", other);
        let text = scrape(&registry);
        assert_eq!(
            check_scrape(SPECS, &text),
            [
                "ampwarden_other is exported but not declared",
                "ampwarden_test_messages_total has the label station, which is not declared"
            ]
        );
        assert_eq!(absent_from(SPECS, &text).len(), 4);
    }
}
