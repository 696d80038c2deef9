//! What meters measure: measurands, phases, contexts, locations and their units, normalised to SI-based units.
//!
//! Source: OCPP 1.6 edition 2, 7.28–7.36 (Measurand, Phase, ReadingContext, Location, UnitOfMeasure); OCPP 2.0.1
//! part 2, 3.53 (MeasurandEnumType) and appendix 2 (standardised units); OCPP 2.1 part 2, MeasurandEnumType.

use serde::{Deserialize, Serialize};

use crate::deviation::{Deviation, Deviations};

macro_rules! words {
    ($(#[$meta:meta])* $type:ident { $($(#[doc = $doc:literal])* $name:ident => $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $type {
            $($(#[doc = $doc])* $name,)*
            /// A word that OCPP does not know, as it came.
            Other(String),
        }

        impl $type {
            /// All that OCPP knows, in the order of the journal's numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word as OCPP spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self { $(Self::$name => $word,)* Self::Other(word) => word }
            }

            /// Whether OCPP does not know the word.
            #[must_use]
            pub fn is_other(&self) -> bool {
                matches!(self, Self::Other(_))
            }
        }

        impl From<&str> for $type {
            fn from(word: &str) -> Self {
                match word { $($word => Self::$name,)* _ => Self::Other(word.to_owned()) }
            }
        }

        impl From<String> for $type {
            fn from(word: String) -> Self { Self::from(word.as_str()) }
        }

        impl From<$type> for String {
            fn from(word: $type) -> Self { word.as_str().to_owned() }
        }
    };
}

words! {
    /// What is measured.
    #[allow(clippy::doc_markdown)]
    Measurand {
        /// Wh drawn from the grid, meter reading. The default where a station names none.
        EnergyImportRegister => "Energy.Active.Import.Register",
        /// Wh given to the grid, meter reading.
        EnergyExportRegister => "Energy.Active.Export.Register",
        /// Wh drawn in the interval.
        EnergyImportInterval => "Energy.Active.Import.Interval",
        /// Wh given in the interval.
        EnergyExportInterval => "Energy.Active.Export.Interval",
        /// Wh, import minus export.
        EnergyNet => "Energy.Active.Net",
        /// varh, meter reading.
        ReactiveImportRegister => "Energy.Reactive.Import.Register",
        /// varh, meter reading.
        ReactiveExportRegister => "Energy.Reactive.Export.Register",
        /// varh in the interval.
        ReactiveImportInterval => "Energy.Reactive.Import.Interval",
        /// varh in the interval.
        ReactiveExportInterval => "Energy.Reactive.Export.Interval",
        /// varh, net.
        ReactiveNet => "Energy.Reactive.Net",
        /// VAh, net.
        ApparentNet => "Energy.Apparent.Net",
        /// VAh, import.
        ApparentImport => "Energy.Apparent.Import",
        /// VAh, export.
        ApparentExport => "Energy.Apparent.Export",
        /// W towards the vehicle.
        PowerImport => "Power.Active.Import",
        /// W from the vehicle.
        PowerExport => "Power.Active.Export",
        /// var.
        ReactivePowerImport => "Power.Reactive.Import",
        /// var.
        ReactivePowerExport => "Power.Reactive.Export",
        /// Ratio.
        PowerFactor => "Power.Factor",
        /// W that the station offers.
        PowerOffered => "Power.Offered",
        /// A towards the vehicle.
        CurrentImport => "Current.Import",
        /// A from the vehicle.
        CurrentExport => "Current.Export",
        /// A that the station offers.
        CurrentOffered => "Current.Offered",
        /// V.
        Voltage => "Voltage",
        /// Hz.
        Frequency => "Frequency",
        /// Degrees Celsius.
        Temperature => "Temperature",
        /// State of charge, 0–1 in the store.
        Soc => "SoC",
        /// Revolutions a minute.
        Rpm => "RPM",
        /// A that the station offers to take.
        CurrentExportOffered => "Current.Export.Offered",
        /// A from the vehicle, least.
        CurrentExportMinimum => "Current.Export.Minimum",
        /// A that the station offers.
        CurrentImportOffered => "Current.Import.Offered",
        /// A towards the vehicle, least.
        CurrentImportMinimum => "Current.Import.Minimum",
        /// State of charge that the vehicle shows.
        DisplayPresentSoc => "Display.PresentSOC",
        /// Least state of charge.
        DisplayMinimumSoc => "Display.MinimumSOC",
        /// State of charge that is wanted.
        DisplayTargetSoc => "Display.TargetSOC",
        /// Largest state of charge.
        DisplayMaximumSoc => "Display.MaximumSOC",
        /// Seconds to the least state of charge.
        DisplayTimeToMinimumSoc => "Display.RemainingTimeToMinimumSOC",
        /// Seconds to the one that is wanted.
        DisplayTimeToTargetSoc => "Display.RemainingTimeToTargetSOC",
        /// Seconds to the largest.
        DisplayTimeToMaximumSoc => "Display.RemainingTimeToMaximumSOC",
        /// 1 if charging is complete.
        DisplayChargingComplete => "Display.ChargingComplete",
        /// Wh that the battery holds.
        DisplayBatteryCapacity => "Display.BatteryEnergyCapacity",
        /// 1 if the inlet is too hot.
        DisplayInletHot => "Display.InletHot",
        /// Wh lost in the cable.
        EnergyImportCableLoss => "Energy.Active.Import.CableLoss",
        /// Wh drawn from generation on the spot.
        EnergyImportLocalRegister => "Energy.Active.Import.LocalGeneration.Register",
        /// Wh that the setpoints of the interval meant.
        EnergySetpointInterval => "Energy.Active.Setpoint.Interval",
        /// Wh that the vehicle wants.
        EnergyRequestTarget => "EnergyRequest.Target",
        /// Wh that it needs.
        EnergyRequestMinimum => "EnergyRequest.Minimum",
        /// Wh that it can take.
        EnergyRequestMaximum => "EnergyRequest.Maximum",
        /// Wh below which it gives none.
        EnergyRequestMinimumV2x => "EnergyRequest.Minimum.V2X",
        /// Wh up to which it gives some.
        EnergyRequestMaximumV2x => "EnergyRequest.Maximum.V2X",
        /// Wh to bulk charge.
        EnergyRequestBulk => "EnergyRequest.Bulk",
        /// W that were set.
        PowerSetpoint => "Power.Active.Setpoint",
        /// W beside the setpoint.
        PowerResidual => "Power.Active.Residual",
        /// W from the vehicle, least.
        PowerExportMinimum => "Power.Export.Minimum",
        /// W that the station offers to take.
        PowerExportOffered => "Power.Export.Offered",
        /// W that the station offers.
        PowerImportOffered => "Power.Import.Offered",
        /// W towards the vehicle, least.
        PowerImportMinimum => "Power.Import.Minimum",
        /// V, least.
        VoltageMinimum => "Voltage.Minimum",
        /// V, largest.
        VoltageMaximum => "Voltage.Maximum",
    }
}

words! {
    /// Why a value was taken.
    Context {
        /// At fixed intervals (the default).
        Periodic => "Sample.Periodic",
        /// At the clock's intervals.
        Clock => "Sample.Clock",
        /// At the begin of a transaction.
        Begin => "Transaction.Begin",
        /// At its end.
        End => "Transaction.End",
        /// An interruption began.
        InterruptionBegin => "Interruption.Begin",
        /// An interruption ended.
        InterruptionEnd => "Interruption.End",
        /// Asked for.
        Trigger => "Trigger",
        /// Another reason, which the station does not name.
        Unnamed => "Other",
    }
}

words! {
    /// Where it was measured.
    Location {
        /// At the vehicle's cable (the default).
        Outlet => "Outlet",
        /// At the grid's side.
        Inlet => "Inlet",
        /// In the station.
        Body => "Body",
        /// In the cable.
        Cable => "Cable",
        /// In the vehicle.
        Ev => "EV",
        /// Before the station, at the grid's connection.
        Upstream => "Upstream",
    }
}

/// One value, normalised.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// What.
    pub measurand: Measurand,
    /// Why.
    pub context: Context,
    /// Where.
    pub location: Location,
    /// On which phase ("L1", "L1-N", …); none for the total.
    pub phase: Option<String>,
    /// The value in `unit`; none where it was not a number.
    pub value: Option<f64>,
    /// The value as it came, where it was not a number.
    pub text: Option<String>,
    /// Wh, W, A, V, Hz, Celsius, ratio, var, varh; or what the station wrote, where nobody knows it.
    pub unit: String,
}

/// Values that were taken at one moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, Default)]
pub struct Sample {
    /// The station's time of the sample.
    pub station_ts: Option<crate::time::Timestamp>,
    /// What was odd about it.
    pub deviations: Deviations,
    /// At least one.
    pub readings: Vec<Reading>,
}

/// The family of a unit and the factor that takes a value to the family's base unit, with an offset.
fn unit_of(name: &str) -> Option<(&'static str, f64, f64)> {
    Some(match name {
        "Wh" => ("Wh", 1.0, 0.0),
        "kWh" => ("Wh", 1e3, 0.0),
        "MWh" => ("Wh", 1e6, 0.0),
        "W" => ("W", 1.0, 0.0),
        "kW" => ("W", 1e3, 0.0),
        "A" => ("A", 1.0, 0.0),
        "mA" => ("A", 1e-3, 0.0),
        "V" => ("V", 1.0, 0.0),
        "kV" => ("V", 1e3, 0.0),
        "Hz" => ("Hz", 1.0, 0.0),
        "Celsius" | "Celcius" | "C" | "°C" => ("Celsius", 1.0, 0.0),
        "Fahrenheit" | "F" | "°F" => ("Celsius", 5.0 / 9.0, -160.0 / 9.0),
        "K" | "Kelvin" => ("Celsius", 1.0, -273.15),
        "Percent" | "%" => ("ratio", 0.01, 0.0),
        "varh" => ("varh", 1.0, 0.0),
        "kvarh" => ("varh", 1e3, 0.0),
        "var" => ("var", 1.0, 0.0),
        "kvar" => ("var", 1e3, 0.0),
        "VA" => ("VA", 1.0, 0.0),
        "kVA" => ("VA", 1e3, 0.0),
        "VAh" => ("VAh", 1.0, 0.0),
        "kVAh" => ("VAh", 1e3, 0.0),
        "RPM" => ("RPM", 1.0, 0.0),
        "s" => ("s", 1.0, 0.0),
        _ => return None,
    })
}

impl Measurand {
    /// Whether it is a state of charge, which stations say in percent.
    fn is_charge(&self) -> bool {
        matches!(
            self,
            Self::Soc
                | Self::DisplayPresentSoc
                | Self::DisplayMinimumSoc
                | Self::DisplayTargetSoc
                | Self::DisplayMaximumSoc
        )
    }

    /// The unit that a value of this measurand has when the station names none, and in which it is stored.
    /// `None` for measurands that OCPP does not know.
    #[must_use]
    pub fn base_unit(&self) -> Option<&'static str> {
        Some(match self {
            Self::EnergyImportRegister
            | Self::EnergyExportRegister
            | Self::EnergyImportInterval
            | Self::EnergyExportInterval
            | Self::EnergyNet
            | Self::DisplayBatteryCapacity
            | Self::EnergyImportCableLoss
            | Self::EnergyImportLocalRegister
            | Self::EnergySetpointInterval
            | Self::EnergyRequestTarget
            | Self::EnergyRequestMinimum
            | Self::EnergyRequestMaximum
            | Self::EnergyRequestMinimumV2x
            | Self::EnergyRequestMaximumV2x
            | Self::EnergyRequestBulk => "Wh",
            Self::ReactiveImportRegister
            | Self::ReactiveExportRegister
            | Self::ReactiveImportInterval
            | Self::ReactiveExportInterval
            | Self::ReactiveNet => "varh",
            Self::ApparentNet | Self::ApparentImport | Self::ApparentExport => "VAh",
            Self::PowerImport
            | Self::PowerExport
            | Self::PowerOffered
            | Self::PowerSetpoint
            | Self::PowerResidual
            | Self::PowerExportMinimum
            | Self::PowerExportOffered
            | Self::PowerImportOffered
            | Self::PowerImportMinimum => "W",
            Self::ReactivePowerImport | Self::ReactivePowerExport => "var",
            Self::PowerFactor
            | Self::Soc
            | Self::DisplayPresentSoc
            | Self::DisplayMinimumSoc
            | Self::DisplayTargetSoc
            | Self::DisplayMaximumSoc => "ratio",
            Self::CurrentImport
            | Self::CurrentExport
            | Self::CurrentOffered
            | Self::CurrentExportOffered
            | Self::CurrentExportMinimum
            | Self::CurrentImportOffered
            | Self::CurrentImportMinimum => "A",
            Self::Voltage | Self::VoltageMinimum | Self::VoltageMaximum => "V",
            Self::Frequency => "Hz",
            Self::Temperature => "Celsius",
            Self::Rpm => "RPM",
            Self::DisplayTimeToMinimumSoc | Self::DisplayTimeToTargetSoc | Self::DisplayTimeToMaximumSoc => {
                "s"
            }
            Self::DisplayChargingComplete | Self::DisplayInletHot => "bool",
            Self::Other(_) => return None,
        })
    }
}

/// Takes a value to the measurand's base unit. A unit of another family is a known fault of stations (power in
/// "Wh"): the measurand wins, the value counts in its base unit, and the deviation is noted.
#[must_use]
pub fn normalise(
    measurand: &Measurand,
    value: f64,
    unit: Option<&str>,
    multiplier: i32,
    deviations: &mut Deviations,
) -> (f64, String) {
    let value = value * 10f64.powi(multiplier);
    let base = measurand.base_unit();
    let Some(name) = unit.map(str::trim).filter(|u| !u.is_empty()) else {
        // SoC without a unit is in percent (OCPP 1.6, 7.31: "SoC – state of charge in percentage").
        let scale = if measurand.is_charge() { 0.01 } else { 1.0 };
        return (value * scale, base.unwrap_or("").to_owned());
    };
    match (unit_of(name), base) {
        (Some((family, factor, offset)), Some(base)) if family == base => {
            (value * factor + offset, base.to_owned())
        }
        (Some((family, factor, offset)), None) => (value * factor + offset, family.to_owned()),
        (Some((_, _, _)), Some(base)) => {
            deviations.add(Deviation::UnitMismatch);
            let scale = if measurand.is_charge() { 0.01 } else { 1.0 };
            // "kWh" for power keeps its kilo: the prefix is right more often than the dimension.
            let kilo = if name.starts_with('k') { 1e3 } else { 1.0 };
            (value * scale * kilo, base.to_owned())
        }
        (None, _) => {
            deviations.add(Deviation::UnitUnknown);
            (value, name.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_the_measurands_own() {
        use Measurand::{EnergyImportRegister, PowerImport, Soc, Temperature};
        for (measurand, value, unit, multiplier, expected, base, deviation) in [
            (EnergyImportRegister, 1.5, Some("kWh"), 0, 1500.0, "Wh", None),
            (EnergyImportRegister, 1500.0, None, 0, 1500.0, "Wh", None),
            (PowerImport, 11.0, Some("W"), 3, 11_000.0, "W", None),
            (PowerImport, 7400.0, Some("Wh"), 0, 7400.0, "W", Some(Deviation::UnitMismatch)),
            (PowerImport, 7.4, Some("kWh"), 0, 7400.0, "W", Some(Deviation::UnitMismatch)),
            (Soc, 80.0, Some("Percent"), 0, 0.8, "ratio", None),
            (Soc, 80.0, None, 0, 0.8, "ratio", None),
            (Measurand::DisplayTargetSoc, 80.0, None, 0, 0.8, "ratio", None),
            (Measurand::DisplayTimeToTargetSoc, 90.0, Some("s"), 0, 90.0, "s", None),
            (Temperature, 300.15, Some("K"), 0, 27.0, "Celsius", None),
            (PowerImport, 3.0, Some("furlong"), 0, 3.0, "furlong", Some(Deviation::UnitUnknown)),
            (Measurand::from("X.Fan"), 900.0, Some("RPM"), 0, 900.0, "RPM", None),
        ] {
            let mut deviations = Deviations::default();
            let (value, unit) = normalise(&measurand, value, unit, multiplier, &mut deviations);
            assert!((value - expected).abs() < 1e-9, "{measurand:?}: {value} instead of {expected}");
            assert_eq!(unit, base, "{measurand:?}");
            assert_eq!(deviations, Deviations::from_iter(deviation), "{measurand:?}");
        }
    }
}
