//! The faults that are injected, listed in advance: what each does, in three magnitudes of which the smallest lies within
//! what is normal somewhere, and which reasons name it.

use crate::telemetry::Complete;

/// One kind of fault.
pub struct Kind {
    /// Its name in the tables.
    pub name: &'static str,
    /// What it does, with `m` for the magnitude.
    pub what: &'static str,
    /// Small, middle, large.
    pub magnitudes: [f64; 3],
    /// Features and checks that are right as a first reason.
    pub causes: &'static [&'static str],
    /// Changes a session; `false` if this one cannot have the fault.
    pub(crate) inject: fn(&mut Complete, f64) -> bool,
}

const CONTRADICTION: &[&str] = &[
    "energy_contradicts_power",
    "energy_against_measured_ratio",
    "energy_against_power_ratio",
    "energy_contradicts_meter",
    "energy_above_rating",
];
const CHARGE: &[&str] = &["impossible_soc", "stuck_soc", "battery_against_energy_ratio"];

/// All kinds.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "meter_counts_too_much",
        what: "energy and meter say m times what the samples of power do",
        magnitudes: [1.2, 1.5, 2.5],
        causes: CONTRADICTION,
        inject: |it, m| energy(it, m),
    },
    Kind {
        name: "meter_counts_too_little",
        what: "energy and meter say m times what the samples of power do",
        magnitudes: [0.8, 0.6, 0.3],
        causes: CONTRADICTION,
        inject: |it, m| energy(it, m),
    },
    Kind {
        name: "meter_jump",
        what: "the meter jumps by m kWh within the session",
        magnitudes: [2.0, 5.0, 15.0],
        causes: CONTRADICTION,
        inject: |it, m| {
            let Some(before) = it.session.energy_wh else { return false };
            energy(it, (before + m * 1000.0) / before)
        },
    },
    Kind {
        name: "meter_backwards",
        what: "the meter ends m kWh below its start",
        magnitudes: [0.1, 1.0, 10.0],
        causes: &["meter_backwards"],
        inject: |it, m| {
            it.session.meter_stop_wh = it.session.meter_start_wh.map(|start| start - m * 1000.0);
            true
        },
    },
    Kind {
        name: "power_above_rating",
        what: "a peak of m times the station's rating",
        magnitudes: [1.12, 1.3, 1.6],
        causes: &["power_above_rating", "max_power_w", "energy_against_power_ratio"],
        inject: |it, m| {
            let Some(rated) = it.session.rated_power_w else { return false };
            peak(it, rated * m);
            true
        },
    },
    Kind {
        name: "derated",
        what: "the station gives m times the vehicle's power; it takes longer, and ends sooner if there is no time",
        magnitudes: [0.6, 0.4, 0.2],
        causes: &["mean_power_w", "max_power_w", "charging_s", "derated", "energy_against_power_ratio"],
        inject: derate,
    },
    Kind {
        name: "hot_connector",
        what: "a temperature of m °C",
        magnitudes: [50.0, 60.0, 80.0],
        causes: &["overheating", "temperature_c"],
        inject: |it, m| {
            it.session.temperature_c = Some(m);
            if let Some(meter) = &mut it.session.meter {
                meter.max_temperature_c = Some(m);
            }
            true
        },
    },
    Kind {
        name: "uneven_phases",
        what: "the busiest phase carries m more than the mean",
        magnitudes: [0.2, 0.35, 0.7],
        causes: &["phase_imbalance", "phase_imbalance_ratio"],
        inject: |it, m| match &mut it.session.meter {
            Some(meter) if meter.imbalance_ratio.is_some() => {
                meter.imbalance_ratio = Some(m);
                true
            }
            _ => false,
        },
    },
    Kind {
        name: "charge_stuck",
        what: "the state of charge rises by m of what the energy gives",
        magnitudes: [0.4, 0.2, 0.0],
        causes: CHARGE,
        inject: charge,
    },
    Kind {
        name: "charge_jumps",
        what: "the state of charge rises by m times what the energy gives",
        magnitudes: [1.6, 2.5, 4.0],
        causes: CHARGE,
        inject: charge,
    },
    Kind {
        name: "no_energy",
        what: "connected as long as before, but m Wh instead",
        magnitudes: [90.0, 40.0, 0.0],
        causes: &["zero_energy", "energy_wh", "mean_power_w", "max_power_w"],
        inject: no_energy,
    },
    Kind {
        name: "overstay",
        what: "m hours more without charging",
        magnitudes: [18.0, 36.0, 72.0],
        causes: &["overstay", "idle_s", "duration_s", "idle_ratio"],
        inject: |it, m| {
            it.session.idle_s = it.session.idle_s.map(|idle| idle + m * 3600.0);
            it.session.duration_s = it.session.duration_s.map(|duration| duration + m * 3600.0);
            true
        },
    },
    Kind {
        name: "no_stop",
        what: "the end is inferred m hours late",
        magnitudes: [0.5, 6.0, 24.0],
        causes: &["no_stop", "idle_s", "duration_s", "overstay"],
        inject: |it, m| {
            it.session.inferred = true;
            it.session.idle_s = it.session.idle_s.map(|idle| idle + m * 3600.0);
            it.session.duration_s = it.session.duration_s.map(|duration| duration + m * 3600.0);
            true
        },
    },
    Kind {
        name: "impossible_time",
        what: "it is said to have charged m times as long as it lasted",
        magnitudes: [1.1, 1.5, 3.0],
        causes: &["impossible_time", "charging_s", "idle_ratio"],
        inject: |it, m| {
            // Within a minute or two clocks may err.
            if it.session.duration_s.is_none_or(|duration| duration < 1800.0) {
                return false;
            }
            it.session.charging_s = it.session.duration_s.map(|duration| duration * m);
            true
        },
    },
    Kind {
        name: "power_after_stop",
        what: "m kWh flow after the end",
        magnitudes: [0.08, 0.5, 2.0],
        causes: &["power_after_stop"],
        inject: |it, m| {
            if let Some(meter) = &mut it.session.meter {
                meter.after_end_wh = Some(m * 1000.0);
            }
            true
        },
    },
    Kind {
        name: "samples_missing",
        what: "samples cover m of the time in which energy flowed",
        magnitudes: [0.45, 0.25, 0.05],
        causes: &["gaps"],
        inject: |it, m| {
            let flowing = it.session.flowing_s().unwrap_or(0.0);
            let Some(meter) = it.session.meter.as_mut().filter(|_| flowing >= 3600.0 / (1.0 - m)) else {
                return false;
            };
            meter.power_covered_s = Some(m * flowing);
            meter.power_energy_wh = meter.power_energy_wh.map(|wh| wh * m);
            true
        },
    },
    Kind {
        name: "more_than_the_battery",
        what: "m times the battery goes in, at the vehicle's power, in the time that this takes",
        magnitudes: [1.3, 1.6, 2.5],
        causes: &[
            "energy_above_battery",
            "energy_wh",
            "charging_s",
            "duration_s",
            "impossible_soc",
            "battery_against_energy_ratio",
        ],
        inject: |it, m| {
            let Some(battery) = it.session.battery_wh else { return false };
            let Some(before) = it.session.energy_wh else { return false };
            amount(it, battery * m / before)
        },
    },
    Kind {
        name: "clock_wrong",
        what: "the station's clock was wrong, and the gateway's times are taken (of one size)",
        magnitudes: [1.0, 1.0, 1.0],
        causes: &["clock_wrong"],
        inject: |it, _| {
            it.session.clock_wrong = true;
            true
        },
    },
    Kind {
        name: "unlike_the_user",
        what: "m times the energy in m times the charging time: nothing contradicts anything",
        magnitudes: [3.0, 5.0, 8.0],
        causes: &[
            "energy_wh",
            "charging_s",
            "duration_s",
            "energy_above_battery",
            "impossible_soc",
            "battery_against_energy_ratio",
        ],
        inject: |it, m| {
            // A vehicle that does not say its charge: or that would contradict it.
            (it.session.soc_start_ratio, it.session.soc_end_ratio, it.session.battery_wh) =
                (None, None, None);
            amount(it, m)
        },
    },
];

/// Energy and meter change, the samples do not.
fn energy(it: &mut Complete, factor: f64) -> bool {
    let session = &mut it.session;
    let Some(before) = session.energy_wh else { return false };
    // A tenth of nothing is nothing.
    if (before * factor - before).abs() < 300.0 {
        return false;
    }
    session.energy_wh = Some(before * factor);
    session.meter_stop_wh = session.meter_start_wh.map(|start| start + before * factor);
    true
}

/// All that follows from more energy at the same power, but for the state of charge.
fn amount(it: &mut Complete, factor: f64) -> bool {
    let session = &mut it.session;
    let (Some(energy), Some(charging), Some(idle)) = (session.energy_wh, session.charging_s, session.idle_s)
    else {
        return false;
    };
    session.energy_wh = Some(energy * factor);
    session.meter_stop_wh = session.meter_start_wh.map(|start| start + energy * factor);
    session.charging_s = Some(charging * factor);
    session.duration_s = Some(charging * factor + idle);
    if let Some(meter) = &mut session.meter {
        meter.power_energy_wh = meter.power_energy_wh.map(|wh| wh * factor);
        meter.power_covered_s = session.duration_s.map(|duration| 0.98 * duration);
    }
    true
}

fn peak(it: &mut Complete, watts: f64) {
    it.session.max_power_w = Some(watts);
    if let Some(meter) = &mut it.session.meter {
        meter.max_power_w = Some(watts);
    }
}

fn derate(it: &mut Complete, factor: f64) -> bool {
    let session = &mut it.session;
    let (Some(mean), Some(charging), Some(duration), Some(energy)) =
        (session.mean_power_w, session.charging_s, session.duration_s, session.energy_wh)
    else {
        return false;
    };
    if charging < 1800.0 {
        return false;
    }
    let charging = (charging / factor).min(duration);
    let given = (mean * factor * charging / 3600.0).min(energy);
    session.mean_power_w = Some(mean * factor);
    session.charging_s = Some(charging);
    session.idle_s = Some(duration - charging);
    session.energy_wh = Some(given);
    session.meter_stop_wh = session.meter_start_wh.map(|start| start + given);
    if let (Some(from), Some(to)) = (session.soc_start_ratio, session.soc_end_ratio) {
        session.soc_end_ratio = Some(from + (to - from) * given / energy);
    }
    if let Some(meter) = &mut session.meter {
        meter.power_energy_wh = meter.power_energy_wh.map(|wh| wh * given / energy);
    }
    let watts = it.power_w * factor;
    peak(it, watts);
    true
}

fn charge(it: &mut Complete, factor: f64) -> bool {
    let session = &mut it.session;
    let (Some(from), Some(to)) = (session.soc_start_ratio, session.soc_end_ratio) else { return false };
    // Whole percents tell little of a few kWh.
    if to - from < 0.15 {
        return false;
    }
    let gained = (to - from) * factor;
    // What would be more than full begins lower.
    let from = from.min(1.0 - gained);
    if from < 0.0 {
        return false;
    }
    session.soc_start_ratio = Some(from);
    session.soc_end_ratio = Some(from + gained);
    true
}

fn no_energy(it: &mut Complete, watt_hours: f64) -> bool {
    let session = &mut it.session;
    let Some(duration) = session.duration_s.filter(|s| *s >= 2400.0) else { return false };
    session.energy_wh = Some(watt_hours);
    session.meter_stop_wh = session.meter_start_wh.map(|start| start + watt_hours);
    session.charging_s = Some(0.0);
    session.idle_s = Some(duration);
    session.mean_power_w = None;
    session.max_power_w = Some(watt_hours);
    session.soc_end_ratio = session.soc_start_ratio;
    if let Some(meter) = &mut session.meter {
        meter.max_power_w = Some(watt_hours);
        meter.power_energy_wh = Some(watt_hours);
    }
    true
}
