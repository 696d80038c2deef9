//! What a setting must be to make sense.

use rust_decimal::Decimal;
use station::setting::{KNOWN_VALUES, Setting};

/// Checks a setting; the error says what is wrong and what would be right.
pub(super) fn setting(setting: &Setting) -> Result<(), String> {
    if setting.key().trim().is_empty() || setting.key().len() > 128 {
        return Err("the key must have 1 to 128 bytes".to_owned());
    }
    match setting {
        Setting::Tariff(tariff) => {
            currency(&tariff.currency)?;
            for (name, price) in [
                ("per_kwh", tariff.per_kwh),
                ("per_minute", tariff.per_minute),
                ("per_session", tariff.per_session),
                ("per_idle_minute", tariff.per_idle_minute),
            ] {
                if price < Decimal::ZERO {
                    return Err(format!("{name} is {price}: a price must not be negative"));
                }
            }
            Ok(())
        }
        Setting::Site(site) => {
            place(site.latitude_deg, site.longitude_deg)?;
            site.currency.as_deref().map_or(Ok(()), currency)?;
            match site.time_zone.as_deref().map(str::parse::<chrono_tz::Tz>) {
                Some(Err(_)) => Err(format!(
                    "time_zone \"{}\" is unknown; write it like Europe/Oslo",
                    site.time_zone.as_deref().unwrap_or_default()
                )),
                _ => Ok(()),
            }
        }
        Setting::Station(station) => {
            station::id::StationId::new(&station.station).map_err(|error| error.to_string())?;
            place(station.latitude_deg, station.longitude_deg)?;
            within("rated_power_w", station.rated_power_w, 0.0, 1e8)
        }
        Setting::Limit(limit) => within("grid_limit_w", Some(limit.grid_limit_w), 0.0, 1e10),
        Setting::Value(value) => known_value(&value.key, &value.value),
        Setting::Token(token) => {
            if let (Some(from), Some(until)) = (token.valid_from, token.valid_until)
                && from >= until
            {
                return Err(format!("valid_from is {from}: it must lie before valid_until, {until}"));
            }
            match &token.token_type {
                Some(word) if !station::ocpp::is_token_type(word) => {
                    Err(format!("token_type \"{word}\" is none of OCPP 2.0.1, like ISO14443"))
                }
                _ => Ok(()),
            }
        }
    }
}

fn known_value(key: &str, value: &serde_json::Value) -> Result<(), String> {
    let Some((_, kind, _)) = KNOWN_VALUES.iter().find(|(known, ..)| *known == key) else {
        let known: Vec<_> = KNOWN_VALUES.iter().map(|(known, ..)| *known).collect();
        return Err(format!("there is no setting \"{key}\"; there are: {}", known.join(", ")));
    };
    let text = value.to_string();
    let fits = kind.split('|').any(|one| one.trim() == text);
    if fits { Ok(()) } else { Err(format!("{key} must be {kind}, not {value}")) }
}

fn currency(code: &str) -> Result<(), String> {
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(format!("currency \"{code}\" must be three capital letters (ISO 4217), like EUR"))
    }
}

fn place(latitude: Option<f64>, longitude: Option<f64>) -> Result<(), String> {
    within("latitude_deg", latitude, -90.0, 90.0)?;
    within("longitude_deg", longitude, -180.0, 180.0)
}

fn within(name: &str, value: Option<f64>, least: f64, most: f64) -> Result<(), String> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(format!("{name} is {value}: it must lie between {least} and {most}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        for (json, expected) in [
            (r#"{"tariff":{"tariff":"a","currency":"eur"}}"#, "currency \"eur\" must be"),
            (r#"{"tariff":{"tariff":"a","currency":"EUR","per_kwh":"-1"}}"#, "per_kwh is -1"),
            (r#"{"site":{"site":"a","time_zone":"Mars/Olympus"}}"#, "time_zone \"Mars/Olympus\""),
            (r#"{"site":{"site":"a","latitude_deg":91}}"#, "latitude_deg is 91"),
            (r#"{"station":{"station":"a/b"}}"#, "slash"),
            (
                r#"{"token":{"token_hash":"a","valid_from":"2026-01-02T00:00:00Z","valid_until":"2026-01-01T00:00:00Z"}}"#,
                "valid_from is 2026-01-02",
            ),
            (r#"{"token":{"token_hash":"a","token_type":"Fob"}}"#, "token_type \"Fob\" is none"),
            (r#"{"limit":{"site":"a","grid_limit_w":-1}}"#, "grid_limit_w is -1"),
            (r#"{"value":{"key":"colour","value":1}}"#, "there is no setting \"colour\""),
            (r#"{"value":{"key":"maintenance","value":1}}"#, "maintenance must be true | false"),
            (r#"{"site":{"site":""}}"#, "the key must have"),
        ] {
            let error = setting(&serde_json::from_str(json).unwrap()).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
        let good = r#"{"value":{"key":"unknown_tokens","value":"accept"}}"#;
        assert_eq!(setting(&serde_json::from_str(good).unwrap()), Ok(()));
    }
}
