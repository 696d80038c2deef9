//! The tables, and which goals are met.
#![allow(clippy::print_stdout)]

use crate::adbench::SCORERS;
use crate::forecast;
use crate::peers::Aurocs;
use crate::suite::Found;

/// Goals that were met and missed.
#[derive(Debug, Default)]
pub struct Goals {
    met: usize,
    missed: Vec<String>,
    /// Differences from a reference beyond the tolerance: a scorer is not what its paper says.
    pub wrong: usize,
}

impl Goals {
    fn goal(&mut self, met: bool, text: impl FnOnce() -> String) {
        if met {
            self.met += 1;
        } else {
            self.missed.push(text());
        }
    }

    /// Says which were missed.
    pub fn say(&self) {
        println!("\ngoals: {} met, {} missed", self.met, self.missed.len());
        for missed in &self.missed {
            println!("  missed: {missed}");
        }
    }
}

/// Tolerances against the peers, by scorer.
fn tolerance(scorer: &str, set: &str) -> Option<f64> {
    match scorer {
        "forest" if set.ends_with("Wilt") => Some(0.04),
        "forest" => Some(0.02),
        "ecod" | "copod" | "knn" => Some(0.002),
        // Theirs takes other random beginnings, and where a set has no clear half the end depends on them.
        _ => None,
    }
}

/// A table of AUROC by set, ours above the peers'.
pub fn classical(results: &[(&str, [f64; SCORERS.len()])], peers: Option<&Aurocs>, goals: &mut Goals) {
    println!(
        "\nAUROC on ADBench sets (fit and score on all rows, mean of 5 seeds; peers: scikit-learn, PyOD)"
    );
    println!("{:<16} {:<6} {}", "", "", SCORERS.map(|name| format!("{name:>12}")).concat());
    for (set, ours) in results {
        println!("{set:<16} {:<6} {}", "ours", ours.map(|area| format!("{area:>12.4}")).concat());
        let theirs =
            |scorer: &str| peers.and_then(|p| p.get(&((*set).to_owned(), scorer.to_owned()))).copied();
        if peers.is_some() {
            let cells =
                SCORERS.map(|s| theirs(s).map_or(format!("{:>12}", "-"), |area| format!("{area:>12.4}")));
            println!("{:<16} {:<6} {}", "", "peers", cells.concat());
        }
        for (scorer, area) in SCORERS.iter().zip(ours) {
            if let (Some(tolerance), Some(theirs)) = (tolerance(scorer, set), theirs(scorer)) {
                let near = (area - theirs).abs() <= tolerance;
                goals.wrong += usize::from(!near);
                goals.goal(near, || {
                    format!("{set}: {scorer} {area:.4} is not within {tolerance} of {theirs:.4}")
                });
            }
        }
        let (singles, ensemble) = (&ours[..SCORERS.len() - 1], ours[SCORERS.len() - 1]);
        let best = singles.iter().copied().fold(0.0, f64::max);
        goals.goal(ensemble >= best - 0.01, || {
            format!("{set}: the ensemble's {ensemble:.4} is more than .01 below the best scorer's {best:.4}")
        });
    }
}

/// The table of an injection suite.
pub fn injected(set: &str, left_out: usize, found: &Found, goals: &mut Goals) {
    println!(
        "\nInjected faults, {set}: {} sessions of history, {} scored, 2 % of them with a fault in each run ({left_out} rows \
         of the set left out: no energy, no time, twice, or impossible)",
        found.history, found.tested
    );
    println!(
        "{:<26}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}  other first reasons",
        "kind", "faults", "AUROC", "small", "middle", "large", "alert", "reason"
    );
    for kind in &found.kinds {
        let [small, middle, large] = kind.by_magnitude;
        println!(
            "{:<26}{:>7}{:>8.3}{small:>8.3}{middle:>8.3}{large:>8.3}{:>8.2}{:>8.2}  {}",
            kind.name,
            kind.faults,
            kind.auroc,
            kind.found,
            kind.first_reason,
            kind.other_reasons.join(", ")
        );
        // A set in which no session can have the fault says nothing of it.
        if kind.faults > 0 {
            goals.goal(kind.auroc >= 0.90, || format!("{set}: {} AUROC {:.3} < .90", kind.name, kind.auroc));
        }
    }
    println!(
        "all: AUROC {:.4}, average precision {:.3}, first reason right {:.3}, false alerts in 1,000: {:.2}",
        found.auroc, found.average_precision, found.first_reason, found.false_alerts
    );
    goals.goal(found.auroc >= 0.985, || format!("{set}: AUROC {:.4} < .985", found.auroc));
    goals.goal(found.average_precision >= 0.90, || {
        format!("{set}: average precision {:.3} < .90", found.average_precision)
    });
    goals.goal(found.first_reason >= 0.85, || {
        format!("{set}: first reason right {:.3} < .85", found.first_reason)
    });
    goals.goal(found.false_alerts <= 1.0, || {
        format!("{set}: {:.2} false alerts in 1,000 normal sessions > 1", found.false_alerts)
    });
}

/// The tables of forecasts.
pub fn forecasts(results: &[forecast::Result], goals: &mut Goals) {
    println!(
        "\nDay-ahead load by hour, the last {} days, made at midnight (peer: scikit-learn's gradient boosting)",
        forecast::TESTED_DAYS
    );
    println!(
        "{:<28}{:>7}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}",
        "WAPE", "hours", "idle", "p50", "peer", "mean", "peer", "week", "4 weeks", "in band", "above"
    );
    for result in results {
        let [median, mean] = result.wape;
        let peer =
            |at: usize| result.peer_wape.map_or(format!("{:>8}", "-"), |wapes| format!("{:>8.3}", wapes[at]));
        let ([week, four], [held, above]) = (result.naive_wape, result.held);
        println!(
            "{:<28}{:>7}{:>7.2}{median:>8.3}{}{mean:>8.3}{}{week:>8.3}{four:>8.3}{held:>8.3}{above:>8.3}",
            result.name,
            result.hours,
            result.idle,
            peer(0),
            peer(1)
        );
        for (kind, ours, theirs) in [
            ("median", median, result.peer_wape.map(|wapes| wapes[0])),
            ("mean", mean, result.peer_wape.map(|wapes| wapes[1])),
        ] {
            if let Some(theirs) = theirs {
                goals.goal(ours <= theirs, || {
                    format!(
                        "{}: WAPE of the {kind} {ours:.3} > {theirs:.3} of gradient boosting",
                        result.name
                    )
                });
            }
        }
        // Where most hours have no load the band holds them without having a width.
        if result.fleet {
            goals.goal((0.75..=0.85).contains(&held) && result.hours >= 1000, || {
                format!("{}: the 80 % band holds {held:.3} of {} hours", result.name, result.hours)
            });
        }
    }
    println!("\nChance of a free connector, day ahead: Brier score (0 is best)");
    println!("{:<28}{:>9}{:>22}{:>14}", "", "ours", "share of the hour", "overall share");
    for result in results {
        let [ours, of_hour, of_all] = result.brier;
        println!("{:<28}{ours:>9.4}{of_hour:>22.4}{of_all:>14.4}", result.name);
        goals.goal(ours <= of_hour.min(of_all) + 0.0005, || {
            format!(
                "{}: Brier score {ours:.4} is worse than the share of the hour's {of_hour:.4}",
                result.name
            )
        });
    }
}
