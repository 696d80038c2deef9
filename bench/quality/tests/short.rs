//! The short form of `make quality`: simulated sessions with injected faults, and one classical set where it is there.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use quality::{adbench, sessions, suite};

#[test]
fn injected_faults_are_found_and_named() {
    let found = suite::run(&sessions::simulated(6000, 1), 20).unwrap();
    println!("AUROC {:.4}, average precision {:.3}", found.auroc, found.average_precision);
    assert!(found.auroc >= 0.985, "AUROC {}", found.auroc);
    assert!(found.average_precision >= 0.90, "average precision {}", found.average_precision);
    assert!(found.first_reason >= 0.85, "first reason right {}", found.first_reason);
    assert!(found.false_alerts <= 2.0, "false alerts in 1,000: {}", found.false_alerts);
    for kind in found.kinds.iter().filter(|kind| kind.faults > 0) {
        assert!(kind.auroc >= 0.87, "{}: AUROC {}", kind.name, kind.auroc);
    }
}

#[test]
fn scorers_are_those_of_their_papers() {
    let Some(data) = quality::data() else {
        println!("left out: the ADBench sets are not there (AMPWARDEN_DATA names the folder)");
        return;
    };
    // Small sets; Wilt is the one on which most scorers fail.
    for (set, known) in adbench::SETS.iter().filter(|(set, _)| set.contains("cardio") || set.contains("Wilt"))
    {
        let [forest, ecod, copod, ..] = adbench::run(&data.join("adbench"), set, 2).unwrap();
        let [known_forest, known_ecod, known_copod] = known.unwrap();
        let near = if set.contains("Wilt") { 0.05 } else { 0.02 };
        assert!((forest - known_forest).abs() <= near, "{set}: forest {forest}");
        assert!((ecod - known_ecod).abs() <= 0.002, "{set}: ECOD {ecod}");
        assert!((copod - known_copod).abs() <= 0.002, "{set}: COPOD {copod}");
    }
}
