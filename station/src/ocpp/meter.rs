//! Meter values: the same list in every version, with small differences in spelling.

use std::borrow::Cow;

use super::lenient::{Many, Object, Raw, define, parse_number};
use crate::deviation::{Deviation, Deviations};
use crate::measurand::{Context, Location, Measurand, Reading, Sample, normalise};

define! {
    /// What was measured at one moment.
    MeterValue {
        timestamp: Raw<'a> = "timestamp",
        sampled: Many<SampledValue<'a>> = "sampledValue",
    }
}

define! {
    /// One value. `unit` and `format` are OCPP 1.6's, `unitOfMeasure` and `signedMeterValue` OCPP 2.x's.
    SampledValue {
        value: Raw<'a> = "value",
        context: Raw<'a> = "context",
        format: Raw<'a> = "format",
        measurand: Raw<'a> = "measurand",
        phase: Raw<'a> = "phase",
        location: Raw<'a> = "location",
        unit: Raw<'a> = "unit",
        unit_of_measure: Raw<'a> = "unitOfMeasure",
        signed: Raw<'a> = "signedMeterValue",
    }
}

define! {
    /// OCPP 2.x.
    UnitOfMeasure { unit: Raw<'a> = "unit", multiplier: Raw<'a> = "multiplier" }
}

define! {
    /// OCPP 2.x.
    SignedMeterValue { data: Raw<'a> = "signedMeterData" }
    known ["signingMethod", "encodingMethod", "publicKey"]
}

/// What a reading of signed data has for a unit: it is a document, not a number.
const SIGNED_UNIT: &str = "SignedData";

const PHASES: [&str; 10] = ["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"];

/// The samples of a message. What is odd about one is flagged on it; only what belongs to none is flagged on the
/// message.
pub(super) fn samples(values: &Many<MeterValue<'_>>, is_2x: bool, odd: &mut Deviations) -> Vec<Sample> {
    if values.bare {
        odd.add(Deviation::TypeMismatch);
    }
    let mut samples = Vec::with_capacity(values.items.len());
    for value in &values.items {
        let mut sample = Sample::default();
        let flags = &mut sample.deviations;
        sample.station_ts = value.timestamp.required_time(flags);
        value.flag_unknown(flags);
        if value.sampled.bare {
            flags.add(Deviation::TypeMismatch);
        }
        sample.readings.reserve(value.sampled.items.len());
        for sampled in &value.sampled.items {
            readings(sampled, is_2x, flags, &mut sample.readings);
        }
        if sample.readings.is_empty() {
            odd.add(Deviation::FieldMissing);
        } else {
            samples.push(sample);
        }
    }
    samples
}

fn readings(sampled: &SampledValue<'_>, is_2x: bool, odd: &mut Deviations, readings: &mut Vec<Reading>) {
    sampled.flag_unknown(odd);
    let foreign =
        if is_2x { [sampled.unit, sampled.format] } else { [sampled.unit_of_measure, sampled.signed] };
    if foreign.iter().any(|field| !field.is_none()) {
        odd.add(Deviation::FieldUnknown);
    }
    let measurand =
        sampled.measurand.text(odd).map_or(Measurand::EnergyImportRegister, |word| Measurand::from(&*word));
    if measurand.is_other() {
        odd.add(Deviation::MeasurandUnknown);
    }
    let context = sampled.context.text(odd).map_or(Context::Periodic, |word| Context::from(&*word));
    let location = sampled.location.text(odd).map_or(Location::Outlet, |word| Location::from(&*word));
    let phase = sampled.phase.text(odd).map(Cow::into_owned);
    if context.is_other()
        || location.is_other()
        || phase.as_deref().is_some_and(|phase| !PHASES.contains(&phase))
    {
        odd.add(Deviation::VendorWord);
    }
    let (unit, multiplier) = unit(sampled, odd);
    let signed = sampled.format.text(odd).is_some_and(|format| format == "SignedData");
    let reading = |value: Option<f64>, text: Option<String>, unit: String| Reading {
        measurand: measurand.clone(),
        context: context.clone(),
        location: location.clone(),
        phase: phase.clone(),
        value,
        text,
        unit,
    };

    let mut mistyped = Deviations::default();
    let text = sampled.value.text(&mut mistyped);
    // 1.6 says text, 2.x says number: `mistyped` is set for what is no text.
    if text.is_some() && mistyped.is_empty() == is_2x {
        odd.add(Deviation::TypeMismatch);
    }
    match text {
        Some(text) if signed => readings.push(reading(None, Some(text.into_owned()), SIGNED_UNIT.to_owned())),
        Some(text) => match parse_number(&text, odd) {
            Some(number) => {
                let (value, unit) = normalise(&measurand, number, unit.as_deref(), multiplier, odd);
                readings.push(reading(Some(value), None, unit));
            }
            None => {
                odd.add(Deviation::ValueNotANumber);
                let unit = unit
                    .map_or_else(|| measurand.base_unit().unwrap_or_default().to_owned(), Cow::into_owned);
                readings.push(reading(None, Some(text.into_owned()), unit));
            }
        },
        None => odd.add(Deviation::FieldMissing),
    }
    if let Ok(document) = sampled.signed.object::<SignedMeterValue<'_>>("signedMeterValue")
        && let Some(data) = document.data.text(odd)
    {
        readings.push(reading(None, Some(data.into_owned()), SIGNED_UNIT.to_owned()));
    }
}

/// The unit and the exponent of ten. OCPP 2.x wraps them; stations that were upgraded write them flat.
fn unit<'a>(sampled: &SampledValue<'a>, odd: &mut Deviations) -> (Option<Cow<'a, str>>, i32) {
    if sampled.unit_of_measure.is_object()
        && let Ok(unit) = sampled.unit_of_measure.object::<UnitOfMeasure<'_>>("unitOfMeasure")
    {
        unit.flag_unknown(odd);
        // Powers of ten beyond ±30 are no unit of anything; the value is then kept as it came.
        let multiplier = match unit.multiplier.integer("multiplier", odd) {
            Ok(exponent) => i32::try_from(exponent.unwrap_or(0)).ok().filter(|n| (-30..=30).contains(n)),
            Err(_) => None,
        };
        if multiplier.is_none() {
            odd.add(Deviation::UnitUnknown);
        }
        return (unit.unit.text(odd), multiplier.unwrap_or(0));
    }
    if !sampled.unit_of_measure.is_none() {
        odd.add(Deviation::TypeMismatch);
        return (sampled.unit_of_measure.text(odd), 0);
    }
    (sampled.unit.text(odd), 0)
}

/// The reading of the energy register (Wh, all phases) that was taken for `context`: the first of a begin, the last of
/// an end.
pub(super) fn register(samples: &[Sample], context: &Context) -> Option<f64> {
    let mut found = samples.iter().flat_map(|sample| &sample.readings).filter(|reading| {
        reading.measurand == Measurand::EnergyImportRegister
            && reading.context == *context
            && reading.phase.is_none()
            && reading.location == Location::Outlet
            && reading.unit == "Wh"
    });
    let reading = if *context == Context::End { found.next_back() } else { found.next() };
    reading.and_then(|reading| reading.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocpp::lenient::object;

    define! { Holder { values: Many<MeterValue<'a>> = "meterValue" } }

    fn read(json: &str, is_2x: bool) -> (Vec<Sample>, Deviations) {
        let text = format!(r#"{{"meterValue":{json}}}"#);
        let holder: Holder<'_> = object(&text, "").expect(json);
        let mut odd = Deviations::default();
        let samples = samples(&holder.values, is_2x, &mut odd);
        (samples, odd)
    }

    fn one(sampled: &str, is_2x: bool) -> (Option<Reading>, Deviations) {
        let (samples, odd) =
            read(&format!(r#"[{{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[{sampled}]}}]"#), is_2x);
        match samples.into_iter().next() {
            Some(sample) => (sample.readings.into_iter().next(), sample.deviations.union(odd)),
            None => (None, odd),
        }
    }

    #[test]
    fn values_of_both_versions() {
        use Deviation::{
            FieldMissing, FieldUnknown, MeasurandUnknown, TypeMismatch, UnitMismatch, UnitUnknown,
            ValueNotANumber, VendorWord,
        };
        for (json, is_2x, value, unit, odd) in [
            (r#"{"value":"1500"}"#, false, Some(1500.0), "Wh", vec![]),
            (r#"{"value":1500}"#, false, Some(1500.0), "Wh", vec![TypeMismatch]),
            (r#"{"value":1500}"#, true, Some(1500.0), "Wh", vec![]),
            (r#"{"value":"1500"}"#, true, Some(1500.0), "Wh", vec![TypeMismatch]),
            (r#"{"value":"1,5","unit":"kWh"}"#, false, Some(1500.0), "Wh", vec![TypeMismatch]),
            (r#"{"value":"1.5","unit":"kWh","format":"Raw"}"#, false, Some(1500.0), "Wh", vec![]),
            (
                r#"{"value":7400,"measurand":"Power.Active.Import","unit":"Wh"}"#,
                true,
                Some(7400.0),
                "W",
                vec![UnitMismatch, FieldUnknown],
            ),
            (
                r#"{"value":1.5,"unitOfMeasure":{"unit":"Wh","multiplier":3}}"#,
                true,
                Some(1500.0),
                "Wh",
                vec![],
            ),
            (
                r#"{"value":1.5,"unitOfMeasure":{"multiplier":"3"}}"#,
                true,
                Some(1500.0),
                "Wh",
                vec![TypeMismatch],
            ),
            (r#"{"value":1.5,"unitOfMeasure":"kWh"}"#, true, Some(1500.0), "Wh", vec![TypeMismatch]),
            (r#"{"value":1.5,"unitOfMeasure":{"multiplier":99}}"#, true, Some(1.5), "Wh", vec![UnitUnknown]),
            (
                r#"{"value":"50","measurand":"Frequency","unit":"Hertz"}"#,
                false,
                Some(50.0),
                "Hertz",
                vec![UnitUnknown],
            ),
            (r#"{"value":"NaN"}"#, false, None, "Wh", vec![ValueNotANumber]),
            (r#"{"value":"--"}"#, false, None, "Wh", vec![ValueNotANumber]),
            (r#"{"value":"80","measurand":"SoC","unit":"Percent"}"#, false, Some(0.8), "ratio", vec![]),
            (
                r#"{"value":"3","measurand":"X.Fan","unit":"RPM"}"#,
                false,
                Some(3.0),
                "RPM",
                vec![MeasurandUnknown],
            ),
            (r#"{"value":"3","context":"Now","phase":"L4"}"#, false, Some(3.0), "Wh", vec![VendorWord]),
            (r#"{"value":"3","quality":1}"#, false, Some(3.0), "Wh", vec![FieldUnknown]),
            (r#"{"value":"A1B2","format":"SignedData"}"#, false, None, "SignedData", vec![]),
        ] {
            let (reading, found) = one(json, is_2x);
            let reading = reading.expect(json);
            assert_eq!((reading.value, reading.unit.as_str()), (value, unit), "{json}");
            assert_eq!(found, Deviations::from_iter(odd), "{json}");
            assert_eq!(reading.text.is_some(), value.is_none(), "{json}");
        }
        let (none, found) = one(r#"{"measurand":"Voltage"}"#, false);
        assert!(none.is_none());
        assert!(found.has(FieldMissing));
    }

    #[test]
    fn signed_values_are_kept_beside_the_number() {
        let (samples, odd) = read(
            r#"[{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[{"value":5,"signedMeterValue":
                {"signedMeterData":"QUJD","signingMethod":"","encodingMethod":"OCMF","publicKey":""}}]}]"#,
            true,
        );
        assert_eq!(samples[0].readings.len(), 2);
        assert_eq!(samples[0].readings[0].value, Some(5.0));
        assert_eq!(samples[0].readings[1].text.as_deref(), Some("QUJD"));
        assert!(odd.is_empty() && samples[0].deviations.is_empty());
    }

    #[test]
    fn lists_that_are_not_lists_and_samples_without_a_time() {
        let (samples, odd) = read(r#"{"timestamp":"bad","sampledValue":{"value":"1"}}"#, false);
        assert_eq!(samples.len(), 1);
        assert!(odd.has(Deviation::TypeMismatch));
        assert!(samples[0].deviations.has(Deviation::TimestampMissing));
        assert!(samples[0].deviations.has(Deviation::TypeMismatch));
        let (samples, odd) = read(r#"[{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[]}]"#, false);
        assert!(samples.is_empty() && odd.has(Deviation::FieldMissing));
    }

    #[test]
    fn registers_at_begin_and_end() {
        let (samples, _) = read(
            r#"[{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[
                {"value":10,"context":"Transaction.Begin","phase":"L1"},
                {"value":30,"context":"Transaction.Begin"},
                {"value":31,"context":"Transaction.End","location":"Inlet"}]},
               {"timestamp":"2024-05-01T11:00:00Z","sampledValue":[
                {"value":5.5,"context":"Transaction.End","unitOfMeasure":{"unit":"kWh"}}]}]"#,
            true,
        );
        assert_eq!(register(&samples, &Context::Begin), Some(30.0));
        assert_eq!(register(&samples, &Context::End), Some(5500.0));
        assert_eq!(register(&samples, &Context::Clock), None);
    }
}
