//! Who may import whom, and how long a file may get. ARCHITECTURE.md says why.
// Helpers of tests fail the test as well; figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// "→": what each crate may import of ours (tests and benches may import all).
const ALLOWED: &[(&str, &[&str])] = &[
    ("station", &[]),
    ("proto", &["station"]),
    ("service", &[]),
    ("store", &["station", "service"]),
    ("gateway", &["station", "proto", "service", "store"]),
    ("exporter", &["station", "service", "store"]),
    ("anomaly", &["station", "proto", "service", "store"]),
    ("simulator", &["station", "proto", "service"]),
];

/// What the domain must not touch: it is pure.
const IMPURE: &[&str] =
    &["tokio", "std::fs", "std::net", "SystemTime::now", "Instant::now", "Utc::now", " rand::"];

/// Lines of a Rust file beyond which it must be split.
const LINES_MAX: usize = 700;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn crates_import_only_what_they_may() {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .unwrap();
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for package in &metadata.packages {
        let Some(may) = allowed.get(package.name.as_str()) else { continue };
        for dependency in &package.dependencies {
            let normal = dependency.kind == cargo_metadata::DependencyKind::Normal;
            assert!(
                !normal
                    || !ours.contains(dependency.name.as_str())
                    || may.contains(&dependency.name.as_str()),
                "{} imports {}, which ARCHITECTURE.md does not allow it",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn the_domain_is_pure() {
    for file in rust_files().iter().filter(|f| f.starts_with("station/")) {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        // Tests may read files.
        let text = text.split("#[cfg(test)]").next().unwrap();
        for word in IMPURE {
            assert!(
                !text.contains(word),
                "{file} uses {word}: the domain has no I/O, no clock and no randomness"
            );
        }
    }
}

#[test]
fn files_have_one_job() {
    for file in rust_files().iter().filter(|f| !f.contains("/generated/")) {
        let lines = std::fs::read_to_string(root().join(file)).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines: split it by its jobs");
    }
}

fn rust_files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .filter(|f| root().join(f).exists())
        .collect()
}
