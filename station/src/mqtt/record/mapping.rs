//! Which column holds what.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::field::Field;

/// A mapping as it is written (TOML): which column holds which field, and how numbers and times are written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MappingFile {
    /// Between the columns of a CSV file.
    pub separator: char,
    /// Whether a comma stands before the decimals.
    pub decimal_comma: bool,
    /// What stands between thousands, if anything does.
    pub thousands: Option<char>,
    /// IANA time zone of times that say none; where the mapping says none either, they are taken as UTC and flagged.
    pub time_zone: Option<String>,
    /// Zones in the times are wrong: the times are those of `time_zone`.
    pub ignore_zone: bool,
    /// How times are written (strftime), tried in this order; without any: ISO 8601 in its variants.
    pub time_formats: Vec<String>,
    /// What stands for "nothing", besides an empty cell.
    pub missing: Vec<String>,
    /// Names of the columns in their order, for rows that come without a header (MQTT).
    pub order: Vec<String>,
    /// Field → column.
    pub columns: BTreeMap<Field, Columns>,
    /// Field → text that holds for all rows.
    pub constants: BTreeMap<Field, String>,
}

impl Default for MappingFile {
    fn default() -> Self {
        Self {
            separator: ',',
            decimal_comma: false,
            thousands: None,
            time_zone: None,
            ignore_zone: false,
            time_formats: Vec::new(),
            missing: ["NA", "N/A", "nan", "null", "None", "-"].map(str::to_owned).into(),
            order: Vec::new(),
            columns: BTreeMap::new(),
            constants: BTreeMap::new(),
        }
    }
}

impl MappingFile {
    /// Reads a mapping from TOML.
    ///
    /// # Errors
    /// When it is not TOML, or has keys that mappings do not have.
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        toml::from_str(text).map_err(|error| MappingError::Syntax(error.to_string()))
    }
}

/// One column, or several of which the first counts that a row has something in.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a column's name, { column = \"…\", unit = \"…\" }, or a list of those"
)]
pub enum Columns {
    /// One.
    One(ColumnSpec),
    /// The first that has something.
    First(Vec<ColumnSpec>),
}

/// A column's name, and its unit where it is not the field's own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a column's name or { column = \"…\", unit = \"…\" }")]
pub enum ColumnSpec {
    /// In the field's own unit.
    Name(String),
    /// In another.
    WithUnit {
        /// Its name.
        column: String,
        /// Its unit.
        unit: String,
    },
}

/// Why a mapping cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MappingError {
    /// Not TOML, or a key that mappings do not have.
    #[error("the mapping cannot be read: {0}")]
    Syntax(String),
    /// A unit that the field does not have.
    #[error("{field}: unit {unit:?} is not known; known are {known}")]
    Unit {
        /// Which field.
        field: &'static str,
        /// What stands there.
        unit: String,
        /// What may.
        known: String,
    },
    /// A time zone that does not exist.
    #[error("time_zone: {0:?} is no IANA time zone such as \"Europe/Oslo\"")]
    TimeZone(String),
    /// A separator that CSV cannot have.
    #[error("separator: {0:?} is not a single ASCII character")]
    Separator(char),
    /// A field without which a row says nothing.
    #[error("the mapping names no column for {0}")]
    Unmapped(&'static str),
    /// A name that stands for no preset.
    #[error("there is no preset {name:?}; there are {known}")]
    Preset {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// One column of a checked mapping.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Column {
    /// As it is written in the mapping.
    pub name: String,
    /// As it is compared.
    pub plain: String,
    pub factor: f64,
    pub offset: f64,
}

/// A mapping that was checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Mapping {
    pub(super) separator: u8,
    pub(super) decimal_comma: bool,
    pub(super) thousands: Option<char>,
    pub(super) time_zone: Tz,
    /// Whether the mapping says the zone; if not, times without one are flagged.
    pub(super) zone_is_known: bool,
    pub(super) ignore_zone: bool,
    pub(super) time_formats: Vec<String>,
    pub(super) missing: Vec<String>,
    pub(super) order: Vec<String>,
    pub(super) columns: Vec<(Field, Vec<Column>)>,
    pub(super) constants: BTreeMap<Field, String>,
}

impl Mapping {
    /// Checks a mapping.
    ///
    /// # Errors
    /// When a unit, time zone or separator is not one.
    pub fn new(file: MappingFile) -> Result<Self, MappingError> {
        let separator = u8::try_from(file.separator).ok().filter(u8::is_ascii);
        let mut columns = Vec::with_capacity(file.columns.len());
        for (field, specs) in file.columns {
            let specs = match specs {
                Columns::One(spec) => vec![spec],
                Columns::First(specs) => specs,
            };
            let specs = specs.into_iter().map(|spec| column(field, spec)).collect::<Result<_, _>>()?;
            columns.push((field, specs));
        }
        Ok(Self {
            separator: separator.ok_or(MappingError::Separator(file.separator))?,
            decimal_comma: file.decimal_comma,
            thousands: file.thousands,
            zone_is_known: file.time_zone.is_some(),
            time_zone: match file.time_zone {
                None => Tz::UTC,
                Some(name) => name.parse().map_err(|_| MappingError::TimeZone(name))?,
            },
            ignore_zone: file.ignore_zone,
            time_formats: file.time_formats,
            missing: file.missing.into_iter().map(|word| word.to_lowercase()).collect(),
            order: file.order,
            columns,
            constants: file.constants,
        })
    }

    /// Reads a mapping from TOML.
    ///
    /// # Errors
    /// When it is not TOML or not a mapping.
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        Self::new(MappingFile::from_toml(text)?)
    }

    /// What stands between the columns of a CSV file.
    #[must_use]
    pub fn separator(&self) -> u8 {
        self.separator
    }

    /// Whether the mapping has a column or a constant for the field.
    pub(super) fn has(&self, field: Field) -> bool {
        self.constants.contains_key(&field) || self.columns.iter().any(|(mapped, _)| *mapped == field)
    }
}

/// Column names as they are compared: letters and digits alone, without case. "Temperature (°C)", "temperature_c" and
/// a mangled "Temperature (Â°C)" are one.
pub(super) fn plain(name: &str) -> String {
    let ascii: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '%')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if ascii.is_empty() { name.trim().to_lowercase() } else { ascii }
}

fn column(field: Field, spec: ColumnSpec) -> Result<Column, MappingError> {
    let (name, unit) = match spec {
        ColumnSpec::Name(name) => (name, None),
        ColumnSpec::WithUnit { column, unit } => (column, Some(unit)),
    };
    let units = field.units();
    let (factor, offset) = match unit {
        None => (1.0, 0.0),
        Some(unit) => {
            let known = units.iter().find(|(known, _, _)| *known == unit);
            let &(_, factor, offset) = known.ok_or_else(|| MappingError::Unit {
                field: field.label(),
                unit,
                known: match units {
                    [] => "none: it has no unit".to_owned(),
                    _ => units.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", "),
                },
            })?;
            (factor, offset)
        }
    };
    Ok(Column { plain: plain(&name), name, factor, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_mappings_say_what_is_wrong() {
        for (text, expected) in [
            ("colums = {}", "unknown field `colums`"),
            ("[columns]\nenergy = \"kWh\"", "unknown variant `energy`"),
            ("[columns]\nenergy_wh = { column = \"E\", unit = \"kwh\" }", "known are Wh, kWh, MWh"),
            ("[columns]\nstation = { column = \"S\", unit = \"m\" }", "none: it has no unit"),
            ("[columns]\nenergy_wh = 7", "expected a column's name"),
            ("time_zone = \"Europe/Trondheim\"", "no IANA time zone"),
            ("separator = \"→\"", "single ASCII"),
        ] {
            let error = Mapping::from_toml(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn names_are_compared_by_letters_and_digits() {
        let degrees = plain("Temperature (°C)");
        assert_eq!(degrees, plain("Temperature (C)"));
        assert_eq!(degrees, plain("\u{feff}temperature_c "));
        assert_eq!(degrees, plain("Temperature (Â°C)"));
        assert_ne!(plain("State of Charge (Start %)"), plain("State of Charge (Start)"));
        assert_ne!(plain("充电站"), plain("时间"));
    }
}
