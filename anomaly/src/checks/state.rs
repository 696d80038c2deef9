//! Checks of the meter and the battery's state of charge.

use super::{Check, Found, Limits};
use crate::session::Session;
use crate::severity::Severity;
use crate::words::quantity;

pub(super) const METER_BACKWARDS: Check = Check {
    name: "meter_backwards",
    words: "Meter ran backwards",
    rule: "The meter reading fell within the session, or is lower at its end than at its start.",
    run: |session, _| {
        let counted = session.meter_stop_wh.zip(session.meter_start_wh).map(|(stop, start)| stop - start);
        let fell = counted.filter(|wh| *wh < -1.0);
        // Its own check.
        if rolled_over(session).is_some() {
            return None;
        }
        (session.meter_backwards || fell.is_some()).then(|| Found {
            severity: Severity::Critical,
            observed: counted.unwrap_or(0.0),
            unit: "Wh",
            low: Some(0.0),
            high: None,
            text: match fell {
                Some(wh) => {
                    format!("The meter is {} lower at the end than at the start.", quantity(-wh, "Wh"))
                }
                None => "A meter reading was lower than the one before it.".to_owned(),
            },
        })
    },
};

pub(super) const METER_ROLLOVER: Check = Check {
    name: "meter_rollover",
    words: "Meter began at zero again",
    rule: "The meter reading fell from just below a power of ten (Wh) to just above zero, as full counters do.",
    run: |session, _| {
        let full = rolled_over(session)?;
        let (start, stop) = (session.meter_start_wh?, session.meter_stop_wh?);
        Some(Found {
            severity: Severity::Info,
            observed: stop,
            unit: "Wh",
            low: None,
            high: Some(full),
            text: format!(
                "The meter's counter was full: it went from {} to {}, which is {}.",
                quantity(start, "Wh"),
                quantity(stop, "Wh"),
                quantity(stop + full - start, "Wh")
            ),
        })
    },
};

/// What the counter holds, if it seems to have begun at zero again: a power of ten, of which the session used at most a
/// hundredth.
fn rolled_over(session: &Session) -> Option<f64> {
    let (start, stop) = (session.meter_start_wh?, session.meter_stop_wh?);
    if stop < 0.0 || stop >= start {
        return None;
    }
    (6..=10)
        .map(|digits| 10f64.powi(digits))
        .find(|full| start < *full && start >= 0.99 * full && stop <= 0.01 * full)
}

pub(super) const STUCK_SOC: Check = Check {
    name: "stuck_soc",
    words: "State of charge did not move",
    rule: "Much energy was given, but the reported state of charge at the end is that of the start.",
    run: |session, limits| {
        let (from, to) = (session.soc_start_ratio?, session.soc_end_ratio?);
        let energy = session.energy_wh?;
        let battery = session.battery_wh.filter(|wh| *wh > 1000.0).unwrap_or(50_000.0);
        let enough = limits.stuck_soc_ratio * battery;
        // A full battery may be held warm.
        (energy >= enough && (to - from).abs() < 0.005 && to < 0.97).then(|| Found {
            severity: Severity::Warning,
            observed: to - from,
            unit: "ratio",
            low: Some(0.5 * energy / battery),
            high: None,
            text: format!(
                "{} was given, but the state of charge stayed at {}.",
                quantity(energy, "Wh"),
                quantity(to, "ratio")
            ),
        })
    },
};

pub(super) const IMPOSSIBLE_SOC: Check = Check {
    name: "impossible_soc",
    words: "Impossible state of charge",
    rule: "The state of charge is outside 0 to 100 %, falls while the vehicle charges, or rises by more than the \
           energy can explain.",
    run: impossible_soc,
};

fn impossible_soc(session: &Session, limits: &Limits) -> Option<Found> {
    let finding = |observed: f64, low: f64, high: f64, text: String| {
        Some(Found {
            severity: Severity::Warning,
            observed,
            unit: "ratio",
            low: Some(low),
            high: Some(high),
            text,
        })
    };
    let (from, to) = (session.soc_start_ratio, session.soc_end_ratio);
    if let Some(outside) = [from, to].into_iter().flatten().find(|soc| !(-0.001..=1.001).contains(soc)) {
        let text = format!("The vehicle reports a state of charge of {}.", quantity(outside, "ratio"));
        return finding(outside, 0.0, 1.0, text);
    }
    let (from, to) = (from?, to?);
    let energy = session.energy_wh?;
    if to < from - 0.02 && energy > limits.energy_tolerance_wh {
        let text = format!(
            "The state of charge fell from {} to {} while {} went in.",
            quantity(from, "ratio"),
            quantity(to, "ratio"),
            quantity(energy, "Wh")
        );
        return finding(to, from, 1.0, text);
    }
    let battery = session.battery_wh.filter(|wh| *wh > 1000.0)?;
    // Reported in whole percents, and batteries age: both widen what can be explained.
    let explained = energy.max(0.0) * (1.0 + limits.energy_tolerance_ratio) / battery + 0.05;
    if to - from > explained {
        let text = format!(
            "The battery of {} gained {}, but {} explain at most {}.",
            quantity(battery, "Wh"),
            quantity(to - from, "ratio"),
            quantity(energy, "Wh"),
            quantity(explained, "ratio")
        );
        return finding(to - from, 0.0, explained, text);
    }
    None
}
