//! Checks of a session's begin, end and length.

use super::{Check, Found};
use crate::severity::Severity;
use crate::words::quantity;

pub(super) const IMPOSSIBLE_TIME: Check = Check {
    name: "impossible_time",
    words: "Impossible times",
    rule: "The session ends before it begins, lasts longer than is believed, or charged longer than it lasted.",
    run: |session, limits| {
        let duration = session.duration_s?;
        let longest = limits.duration_max.0.as_secs_f64();
        let (observed, high, text) = if duration < 0.0 {
            (duration, longest, format!("The session ends {} before it begins.", quantity(-duration, "s")))
        } else if duration > longest {
            (duration, longest, format!("The session is said to have lasted {}.", quantity(duration, "s")))
        } else {
            let charging = session.charging_s.filter(|s| *s > duration * 1.02 + 60.0)?;
            let text = format!(
                "It is said to have charged for {} in a session of {}.",
                quantity(charging, "s"),
                quantity(duration, "s")
            );
            (charging, duration, text)
        };
        Some(Found {
            severity: Severity::Warning,
            observed,
            unit: "s",
            low: Some(0.0),
            high: Some(high),
            text,
        })
    },
};

pub(super) const NO_STOP: Check = Check {
    name: "no_stop",
    words: "No stop was reported",
    rule: "The station never reported the session's end; it was inferred.",
    run: |session, _| {
        session.inferred.then(|| Found {
            severity: Severity::Info,
            observed: 1.0,
            unit: "",
            low: None,
            high: Some(0.0),
            text: "The station never reported the end of this session.".to_owned(),
        })
    },
};

pub(super) const NO_START: Check = Check {
    name: "no_start",
    words: "No start was reported",
    rule: "The station reported the session's end without its start.",
    run: |session, _| {
        session.start_missing.then(|| Found {
            severity: Severity::Info,
            observed: 1.0,
            unit: "",
            low: None,
            high: Some(0.0),
            text: "The station reported the end of this session without its start.".to_owned(),
        })
    },
};

pub(super) const CLOCK_WRONG: Check = Check {
    name: "clock_wrong",
    words: "The station's clock was wrong",
    rule: "The station's times differed from the gateway's by more than it believes; the gateway's were taken.",
    run: |session, _| {
        session.clock_wrong.then(|| Found {
            severity: Severity::Info,
            observed: 1.0,
            unit: "",
            low: None,
            high: Some(0.0),
            text: "The station's clock was wrong: times in this session are those of receipt.".to_owned(),
        })
    },
};

pub(super) const GAPS: Check = Check {
    name: "gaps",
    words: "Samples are missing",
    rule: "For more than a part of the time in which energy flowed there are no samples of power, though there are some.",
    run: |session, limits| {
        let meter = session.meter.filter(|meter| meter.power_rows >= 2)?;
        let flowing = session.flowing_s()?;
        let dark = flowing - meter.power_covered_s?;
        let high = limits.gaps_ratio * flowing;
        // Stations that sample every quarter of an hour have none in a short session.
        (dark > high && dark >= 1800.0).then(|| Found {
            severity: Severity::Info,
            observed: dark,
            unit: "s",
            low: None,
            high: Some(high),
            text: format!(
                "For {} of the {} in which energy flowed the station sent no samples.",
                quantity(dark, "s"),
                quantity(flowing, "s")
            ),
        })
    },
};

pub(super) const OVERSTAY: Check = Check {
    name: "overstay",
    words: "Overstay",
    rule: "The vehicle stood at the connector without charging for longer than the limit.",
    run: |session, limits| {
        let idle = session.idle_s?;
        let limit = limits.overstay_after.0.as_secs_f64();
        (idle >= limit).then(|| Found {
            severity: Severity::Info,
            observed: idle,
            unit: "s",
            low: None,
            high: Some(limit),
            text: format!("The vehicle stayed for {} after it had charged.", quantity(idle, "s")),
        })
    },
};
