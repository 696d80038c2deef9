//! What a session costs.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::setting::Tariff;

/// Decimal places of a currency's minor unit (ISO 4217, table A.1). Two, unless listed.
#[must_use]
pub fn minor_units(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The cost of a session, rounded once, at the end, half away from zero, to the currency's minor unit.
/// `duration_s` is start to end; `idle_s` the part of it without energy flowing. Negative quantities count as 0.
#[must_use]
pub fn cost(tariff: &Tariff, energy_wh: f64, duration_s: f64, idle_s: f64) -> Decimal {
    let exact = |value: f64| Decimal::from_f64_retain(value.max(0.0)).unwrap_or_default().round_dp(6);
    let total = tariff.per_session
        + tariff.per_kwh * exact(energy_wh) / Decimal::ONE_THOUSAND
        + tariff.per_minute * exact(duration_s) / Decimal::from(60)
        + tariff.per_idle_minute * exact(idle_s) / Decimal::from(60);
    total.round_dp_with_strategy(minor_units(&tariff.currency), RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tariff(
        currency: &str,
        per_kwh: &str,
        per_minute: &str,
        per_session: &str,
        per_idle_minute: &str,
    ) -> Tariff {
        Tariff {
            currency: currency.to_owned(),
            per_kwh: per_kwh.parse().unwrap(),
            per_minute: per_minute.parse().unwrap(),
            per_session: per_session.parse().unwrap(),
            per_idle_minute: per_idle_minute.parse().unwrap(),
            ..Tariff::default()
        }
    }

    #[test]
    fn money_is_exact_to_the_minor_unit() {
        let euro = tariff("EUR", "0.30", "0.01", "0.35", "0.10");
        for (tariff, energy_wh, duration_s, idle_s, expected) in [
            (&euro, 10_000.0, 3600.0, 0.0, "3.95"),
            (&euro, 10_000.0, 3600.0, 600.0, "4.95"),
            (&euro, 0.0, 0.0, 0.0, "0.35"),
            (&euro, -5.0, -5.0, -5.0, "0.35"),
            // 0.30 × 0.05 kWh = 0.015: half a cent goes up.
            (&tariff("EUR", "0.30", "0", "0", "0"), 50.0, 0.0, 0.0, "0.02"),
            (&tariff("JPY", "41.5", "0", "0", "0"), 3_000.0, 0.0, 0.0, "125"),
            (&tariff("KWD", "0.0255", "0", "0", "0"), 1_000.0, 0.0, 0.0, "0.026"),
            (&tariff("IDR", "2466.78", "0", "0", "0"), 7_000.0, 0.0, 0.0, "17267.46"),
        ] {
            assert_eq!(cost(tariff, energy_wh, duration_s, idle_s), expected.parse().unwrap(), "{tariff:?}");
        }
    }
}
