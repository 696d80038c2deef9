//! Each check against a session that it must find, and one that it must not.

use super::{CHECKS, Limits, run};
use crate::session::{Meter, Session};
use crate::severity::Severity;

/// Two hours at 7 kW, one of them idle: nothing to find.
fn ordinary() -> Session {
    Session {
        station: "CP-1".into(),
        duration_s: Some(7200.0),
        charging_s: Some(3600.0),
        idle_s: Some(3600.0),
        energy_wh: Some(7000.0),
        meter_start_wh: Some(1_000_000.0),
        meter_stop_wh: Some(1_007_000.0),
        max_power_w: Some(7300.0),
        mean_power_w: Some(7000.0),
        rated_power_w: Some(7400.0),
        soc_start_ratio: Some(0.4),
        soc_end_ratio: Some(0.53),
        battery_wh: Some(50_000.0),
        temperature_c: Some(35.0),
        ..Session::default()
    }
}

#[test]
fn ordinary_sessions_pass() {
    assert_eq!(run(&ordinary(), &Limits::default()), []);
    assert_eq!(run(&Session::default(), &Limits::default()), [], "nothing known, nothing found");
}

#[test]
fn each_check_finds_its_fault() {
    let meter = Meter {
        rows: 12,
        power_rows: 12,
        max_power_w: Some(1100.0),
        power_energy_wh: Some(1944.0),
        power_covered_s: Some(7200.0),
        ..Meter::default()
    };
    let o = ordinary;
    let none = || Session { mean_power_w: None, max_power_w: None, ..o() };
    for (name, text, session) in [
        (
            "energy_out_of_range",
            "The station reports negative energy: -5 kWh.",
            Session { energy_wh: Some(-5000.0), meter_start_wh: None, ..none() },
        ),
        (
            "meter_backwards",
            "The meter is 500 Wh lower at the end than at the start.",
            Session { meter_stop_wh: Some(999_500.0), ..o() },
        ),
        (
            "meter_backwards",
            "A meter reading was lower than the one before it.",
            Session { meter_backwards: true, ..o() },
        ),
        (
            "impossible_time",
            "The session ends 10 min before it begins.",
            Session { duration_s: Some(-600.0), ..o() },
        ),
        (
            "impossible_time",
            "It is said to have charged for 3 h in a session of 2 h.",
            Session { charging_s: Some(10_800.0), mean_power_w: None, ..o() },
        ),
        (
            "overheating",
            "A temperature of 91 °C was measured; 75 °C is the limit.",
            Session { temperature_c: Some(91.0), ..o() },
        ),
        (
            "power_above_rating",
            "Power reached 11 kW, but this station is rated for 7.4 kW.",
            Session { max_power_w: Some(11_000.0), ..o() },
        ),
        (
            "energy_above_rating",
            "20 kWh in 2 h is more than this station can give: its rating is 7.4 kW.",
            Session { energy_wh: Some(20_000.0), meter_stop_wh: None, ..none() },
        ),
        (
            "energy_contradicts_power",
            "The station reports 7 kWh, but the measured power adds up to 1.94 kWh.",
            Session { meter: Some(meter), ..o() },
        ),
        (
            "energy_contradicts_power",
            "The station reports 7 kWh, but mean power times charging time gives 3 kWh.",
            Session { mean_power_w: Some(3000.0), ..o() },
        ),
        (
            "energy_contradicts_power",
            "The station reports 7 kWh, but even the largest power would have given only 2 kWh.",
            Session { max_power_w: Some(1000.0), mean_power_w: None, ..o() },
        ),
        (
            "energy_contradicts_meter",
            "The session's energy is 7 kWh, but its meter moved by 4 kWh.",
            Session { meter_stop_wh: Some(1_004_000.0), ..o() },
        ),
        (
            "mean_power_above_max",
            "The mean power is 7 kW, but the largest is said to be 5 kW.",
            Session { max_power_w: Some(5000.0), ..o() },
        ),
        (
            "impossible_soc",
            "The vehicle reports a state of charge of 130 %.",
            Session { soc_end_ratio: Some(1.3), ..o() },
        ),
        (
            "impossible_soc",
            "The state of charge fell from 80 % to 60 % while 7 kWh went in.",
            Session { soc_start_ratio: Some(0.8), soc_end_ratio: Some(0.6), ..o() },
        ),
        (
            "impossible_soc",
            "The battery of 50 kWh gained 50 %, but 7 kWh explain at most 22.5 %.",
            Session { soc_end_ratio: Some(0.9), ..o() },
        ),
        (
            "energy_above_battery",
            "7 kWh went into a vehicle whose battery holds 5 kWh.",
            Session { battery_wh: Some(5000.0), soc_end_ratio: None, ..o() },
        ),
        (
            "zero_energy",
            "The vehicle was connected for 2 h and got no energy.",
            Session { energy_wh: Some(0.0), meter_stop_wh: None, soc_end_ratio: None, ..none() },
        ),
        (
            "meter_rollover",
            "The meter's counter was full: it went from 997 kWh to 4 kWh, which is 7 kWh.",
            Session { meter_start_wh: Some(997_000.0), meter_stop_wh: Some(4000.0), ..o() },
        ),
        (
            "power_after_stop",
            "400 Wh flowed after the session had ended.",
            Session { meter: Some(Meter { after_end_wh: Some(400.0), ..Meter::default() }), ..o() },
        ),
        (
            "phase_imbalance",
            "The busiest phase carried 45 % more than the mean of the three.",
            Session { meter: Some(Meter { imbalance_ratio: Some(0.45), ..Meter::default() }), ..o() },
        ),
        (
            "stuck_soc",
            "7 kWh was given, but the state of charge stayed at 40 %.",
            Session { soc_end_ratio: Some(0.4), ..o() },
        ),
        (
            "gaps",
            "For 50 min of the 1 h in which energy flowed the station sent no samples.",
            Session { meter: Some(Meter { power_covered_s: Some(600.0), ..meter }), ..o() },
        ),
        (
            "derated",
            "In 1 h of charging, power reached only 1.5 kW; this station is rated for 22 kW.",
            Session { max_power_w: Some(1500.0), mean_power_w: None, rated_power_w: Some(22_000.0), ..o() },
        ),
        (
            "clock_wrong",
            "The station's clock was wrong: times in this session are those of receipt.",
            Session { clock_wrong: true, ..o() },
        ),
        ("no_stop", "The station never reported the end of this session.", Session { inferred: true, ..o() }),
        (
            "no_start",
            "The station reported the end of this session without its start.",
            Session { start_missing: true, ..o() },
        ),
        (
            "overstay",
            "The vehicle stayed for 10 h after it had charged.",
            Session { duration_s: Some(39_600.0), idle_s: Some(36_000.0), ..o() },
        ),
    ] {
        let findings = run(&session, &Limits::default());
        let found: Vec<(&str, &str)> = findings.iter().map(|f| (f.check.name, f.text.as_str())).collect();
        assert!(found.contains(&(name, text)), "{name}: found only {found:?}");
    }
}

#[test]
fn every_check_has_a_test_and_a_name_of_its_own() {
    let source = include_str!("tests.rs");
    for (at, check) in CHECKS.iter().enumerate() {
        assert!(source.contains(&format!("\"{}\"", check.name)), "{} is not tested", check.name);
        assert!(CHECKS[..at].iter().all(|other| other.name != check.name), "{} twice", check.name);
    }
}

#[test]
fn the_worst_comes_first_and_limits_can_be_set() {
    let session = Session { inferred: true, temperature_c: Some(80.0), ..ordinary() };
    let findings = run(&session, &Limits::default());
    assert_eq!(findings[0].check.name, "overheating");
    assert_eq!(findings[0].severity, Severity::Critical);
    assert_eq!((findings[0].observed, findings[0].high), (80.0, Some(75.0)));
    assert_eq!(findings.len(), 2);
    let lenient = Limits { temperature_max_c: 85.0, ..Limits::default() };
    assert_eq!(run(&session, &lenient).len(), 1);
}
