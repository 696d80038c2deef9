//! Numbers as people read them.

/// A value with its unit, in the scale that suits its size: 7,400 W is "7.4 kW", 5,400 s is "1 h 30 min".
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "Wh" | "W" => {
            let (scaled, prefix) = if value.abs() >= 999_500.0 {
                (value / 1e6, "M")
            } else if value.abs() >= 999.5 {
                (value / 1e3, "k")
            } else {
                (value, "")
            };
            format!("{} {prefix}{unit}", number(scaled))
        }
        "s" => span(value),
        "h" => {
            #[allow(clippy::cast_possible_truncation)]
            let minutes = (value * 60.0).round() as i64;
            format!("{:02}:{:02}", minutes.div_euclid(60).rem_euclid(24), minutes.rem_euclid(60))
        }
        "°C" => format!("{} °C", number(value)),
        "ratio" => format!("{} %", number(value * 100.0)),
        _ => number(value),
    }
}

/// A number with at most three significant digits; whole from 100 on.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A time span.
fn span(seconds: f64) -> String {
    if seconds < 0.0 {
        return format!("-{}", span(-seconds));
    }
    #[allow(clippy::cast_possible_truncation)]
    let whole = seconds.round() as i64;
    let (days, hours, minutes) = (whole / 86_400, whole % 86_400 / 3600, whole % 3600 / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, m) => format!("{m} min"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} min"),
        (1, 0, _) => "1 day".to_owned(),
        (1, h, _) => format!("1 day {h} h"),
        (d, 0, _) => format!("{d} days"),
        (d, h, _) => format!("{d} days {h} h"),
    }
}

/// How rare a score is: "1 in 2,000 sessions".
#[must_use]
pub fn rarity(score: f64) -> String {
    let one_in = 1.0 / (1.0 - score).max(1e-6);
    // Two significant digits: more would promise what a history cannot know.
    let magnitude = 10f64.powf(one_in.log10().floor() - 1.0).max(1.0);
    #[allow(clippy::cast_possible_truncation)]
    let rounded = ((one_in / magnitude).round() * magnitude) as i64;
    let digits = rounded.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("1 in {text} sessions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_well() {
        for (value, unit, expected) in [
            (7400.0, "W", "7.4 kW"),
            (999.9, "Wh", "1 kWh"),
            (0.0, "Wh", "0 Wh"),
            (-0.001, "Wh", "0 Wh"),
            (12_345.0, "Wh", "12.3 kWh"),
            (5400.0, "s", "1 h 30 min"),
            (59.0, "s", "59 s"),
            (90_000.0, "s", "1 day 1 h"),
            (-60.0, "s", "-1 min"),
            (6.5, "h", "06:30"),
            (0.25, "ratio", "25 %"),
            (81.0, "°C", "81 °C"),
        ] {
            assert_eq!(quantity(value, unit), expected);
        }
    }

    #[test]
    fn rarities_read_well() {
        assert_eq!(rarity(0.5), "1 in 2 sessions");
        assert_eq!(rarity(0.9995), "1 in 2,000 sessions");
        assert_eq!(rarity(1.0), "1 in 1,000,000 sessions");
    }
}
