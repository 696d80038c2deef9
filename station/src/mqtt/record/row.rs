//! From a row to a session.

use super::cell::{self, Cell};
use super::field::Field;
use super::mapping::{Column, Mapping, MappingError};
use crate::deviation::{Deviation, Deviations};
use crate::event::SessionRecord;
use crate::id::StationId;
use crate::secret::{SecretKey, Token};
use crate::time::Timestamp;

/// How far a duration may be longer than the visit before it contradicts it: clocks are read to the minute, and
/// exports round.
const DURATION_SLACK_S: f64 = 90.0;

/// What a row says.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded {
    /// Whose session.
    pub station: StationId,
    /// The session.
    pub record: SessionRecord,
    /// What was odd.
    pub deviations: Deviations,
}

/// Why a row cannot be taken: where, what is wrong, what to do. Never holds a token.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{}{what}", column.as_ref().map(|name| format!("column {name:?}: ")).unwrap_or_default())]
pub struct RowError {
    /// The column, where it is one's fault.
    pub column: Option<String>,
    /// What is wrong, and what to do.
    pub what: String,
    /// The station, where it could be read.
    pub station: Option<StationId>,
}

/// Where a file has the columns of a mapping.
#[derive(Clone, PartialEq, Debug)]
pub struct Layout {
    /// By field: constant, or the places in the order in which they are tried.
    fields: Vec<(Field, Vec<(usize, Column)>)>,
    width: usize,
}

/// Why a header does not fit a mapping.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "no column holds {field} (looked for {wanted}); the columns are {found}; give a mapping that names the right one"
)]
pub struct HeaderError {
    /// What is missing.
    pub field: &'static str,
    /// Under which names it was looked for.
    pub wanted: String,
    /// What is there.
    pub found: String,
}

impl Layout {
    /// Finds the columns of a mapping among a header's names.
    #[must_use]
    pub fn new<'a>(mapping: &Mapping, header: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = header.into_iter().map(super::mapping::plain).collect();
        let fields = mapping
            .columns
            .iter()
            .map(|(field, columns)| {
                let found = columns.iter().filter_map(|column| {
                    Some((names.iter().position(|name| *name == column.plain)?, column.clone()))
                });
                (*field, found.collect())
            })
            .collect();
        Self { fields, width: names.len() }
    }

    /// The layout of a file of sessions.
    ///
    /// # Errors
    /// When station, begin or end are nowhere.
    pub fn sessions<'a>(
        mapping: &Mapping,
        header: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Result<Self, HeaderError> {
        let layout = Self::new(mapping, header.clone());
        let ends = [Field::EndedAt, Field::DurationS, Field::ChargingS];
        let end = ends.into_iter().find(|field| layout.has(mapping, *field)).unwrap_or(Field::EndedAt);
        layout.require(mapping, &[Field::Station, Field::StartedAt, end], header)?;
        Ok(layout)
    }

    /// Looks whether these fields are there.
    pub(super) fn require<'a>(
        &self,
        mapping: &Mapping,
        fields: &[Field],
        header: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), HeaderError> {
        let Some(missing) = fields.iter().find(|field| !self.has(mapping, **field)) else { return Ok(()) };
        let wanted = mapping.columns.iter().filter(|(field, _)| field == missing);
        let wanted: Vec<&str> = wanted.flat_map(|(_, columns)| columns).map(|c| c.name.as_str()).collect();
        let found: Vec<&str> = header.into_iter().take(40).collect();
        Err(HeaderError {
            field: missing.label(),
            wanted: if wanted.is_empty() {
                "nothing: the mapping has none".to_owned()
            } else {
                quoted(&wanted)
            },
            found: quoted(&found),
        })
    }

    fn has(&self, mapping: &Mapping, field: Field) -> bool {
        mapping.constants.contains_key(&field)
            || self.fields.iter().any(|(mapped, places)| *mapped == field && !places.is_empty())
    }

    /// How many columns the header has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether these are a header's names, not a row of values.
    #[must_use]
    pub fn is_header<'a>(mapping: &Mapping, names: impl IntoIterator<Item = &'a str> + Clone) -> bool {
        Self::sessions(mapping, names).is_ok()
    }
}

impl Mapping {
    /// Whether rows of this mapping can be sessions.
    ///
    /// # Errors
    /// When it has no column for station, begin or end.
    pub fn check_sessions(&self) -> Result<(), MappingError> {
        for field in [Field::Station, Field::StartedAt] {
            if !self.has(field) {
                return Err(MappingError::Unmapped(field.label()));
            }
        }
        if [Field::EndedAt, Field::DurationS, Field::ChargingS].into_iter().all(|field| !self.has(field)) {
            return Err(MappingError::Unmapped(Field::EndedAt.label()));
        }
        Ok(())
    }
}

/// Reads one row.
///
/// # Errors
/// When station, begin or end cannot be read, the end lies before the begin, or a value is no number or cannot be.
pub fn recorded(
    mapping: &Mapping,
    layout: &Layout,
    key: &SecretKey,
    cells: &[Cell<'_>],
) -> Result<Recorded, RowError> {
    let mut row = Row { mapping, layout, cells, deviations: Deviations::default() };
    let station = row.station()?;
    row.record(key).map_or_else(
        |error| Err(RowError { station: Some(station.clone()), ..error }),
        |record| Ok(Recorded { station: station.clone(), record, deviations: row.deviations }),
    )
}

/// One row while it is read.
pub(super) struct Row<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) layout: &'a Layout,
    pub(super) cells: &'a [Cell<'a>],
    pub(super) deviations: Deviations,
}

impl<'a> Row<'a> {
    fn record(&mut self, key: &SecretKey) -> Result<SessionRecord, RowError> {
        let started_at = self.time(Field::StartedAt, true)?;
        let duration_s = self.duration(Field::DurationS)?;
        let mut charging_s = self.duration(Field::ChargingS)?;
        let ended_at = self.time(Field::EndedAt, false)?;
        let Some(started_at) = started_at else {
            return Err(self.missing(Field::StartedAt, "without its begin a session cannot be placed"));
        };
        let ended_at = match (ended_at, duration_s.or(charging_s)) {
            (Some(ended_at), _) => ended_at,
            #[allow(clippy::cast_possible_truncation)]
            (None, Some(seconds)) => Timestamp(started_at.0.saturating_add((seconds * 1e6).round() as i64)),
            (None, None) => {
                let ends = [Field::EndedAt, Field::DurationS, Field::ChargingS];
                let end = ends.into_iter().find(|field| self.layout.has(self.mapping, *field));
                return Err(
                    self.missing(end.unwrap_or(Field::EndedAt), "there is neither an end nor a duration")
                );
            }
        };
        if ended_at < started_at {
            return Err(self.wrong(
                Field::EndedAt,
                format!("the session ends ({ended_at}) before it begins ({started_at}); correct one of them"),
            ));
        }
        let visit_s = ended_at.seconds_since(started_at);
        let contradicts = |seconds: f64| seconds > visit_s + DURATION_SLACK_S;
        if duration_s.is_some_and(|s| (s - visit_s).abs() > DURATION_SLACK_S) {
            self.deviations.add(Deviation::DurationContradiction);
        }
        if charging_s.is_some_and(contradicts) {
            // Energy cannot have flowed for longer than the vehicle was there. The times are said twice by the
            // record (begin and end), so they count.
            self.deviations.add(Deviation::DurationContradiction);
            charging_s = None;
        }
        let energy_wh = self.number(Field::EnergyWh)?;
        if energy_wh.is_none() {
            self.deviations.add(Deviation::FieldMissing);
        }
        Ok(SessionRecord {
            token: self.token(key),
            started_at,
            ended_at,
            energy_wh,
            charging_s,
            max_power_w: self.number(Field::MaxPowerW)?,
            mean_power_w: self.number(Field::MeanPowerW)?,
            cost: self.cost()?,
            currency: self.text(Field::Currency).map(|text| text.to_uppercase()),
            site: self.text(Field::Site),
            vehicle_model: self.text(Field::VehicleModel),
            battery_wh: self.number(Field::BatteryWh)?,
            soc_start_ratio: self.number(Field::SocStartRatio)?,
            soc_end_ratio: self.number(Field::SocEndRatio)?,
            temperature_c: self.number(Field::TemperatureC)?,
            distance_m: self.number(Field::DistanceM)?,
            vehicle_age_years: self.number(Field::VehicleAgeYears)?,
            charger_type: self.text(Field::ChargerType),
            user_type: self.text(Field::UserType),
            stop_reason: self.text(Field::StopReason),
        })
    }

    /// The station's id. Names with a slash become ids with a dash.
    pub(super) fn station(&self) -> Result<StationId, RowError> {
        let Some(text) = self.text(Field::Station) else {
            return Err(self.missing(Field::Station, "every row must name its station"));
        };
        let id = text.replace('/', "-");
        StationId::new(&id)
            .map_err(|error| self.wrong(Field::Station, format!("{error}; shorten or correct it")))
    }

    fn token(&self, key: &SecretKey) -> Option<Token> {
        self.text(Field::Token).map(|plain| key.token(&plain))
    }

    /// The first cell that holds something, with its column.
    fn cell(&self, field: Field) -> Option<(Cell<'a>, &'a Column)> {
        let (_, places) = self.layout.fields.iter().find(|(mapped, _)| *mapped == field)?;
        places.iter().find_map(|(at, column)| {
            let cell = *self.cells.get(*at)?;
            (!cell.is_missing(self.mapping)).then_some((cell, column))
        })
    }

    /// A text: what the row says, or the mapping's constant.
    pub(super) fn text(&self, field: Field) -> Option<String> {
        match self.cell(field) {
            Some((Cell::Number(number), _)) => Some(number.to_string()),
            Some((cell, _)) => cell.text(self.mapping).map(str::to_owned),
            None => self.mapping.constants.get(&field).cloned(),
        }
    }

    /// A number in the field's unit.
    pub(super) fn number(&self, field: Field) -> Result<Option<f64>, RowError> {
        let Some((cell, column)) = self.cell(field) else { return self.constant(field) };
        let Some(number) = cell::number(self.mapping, cell) else {
            return Err(self.wrong(field, not_a_number(cell)));
        };
        if number < 0.0 && field.is_never_negative() {
            return Err(self.wrong(field, format!("{number} is below nothing; correct it or leave it empty")));
        }
        Ok(Some(number * column.factor + column.offset))
    }

    fn constant(&self, field: Field) -> Result<Option<f64>, RowError> {
        let Some(text) = self.mapping.constants.get(&field) else { return Ok(None) };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number
            .map(Some)
            .ok_or_else(|| self.wrong(field, format!("the mapping's constant {text:?} is no number")))
    }

    fn duration(&self, field: Field) -> Result<Option<f64>, RowError> {
        let Some((cell, column)) = self.cell(field) else { return Ok(None) };
        match cell::duration_s(self.mapping, cell, column.factor) {
            // A century: beyond it, times overflow.
            Some(seconds) if (0.0..3.2e9).contains(&seconds) => Ok(Some(seconds)),
            Some(seconds) => {
                Err(self.wrong(field, format!("{seconds} s is no duration of a session; correct it")))
            }
            None => Err(self.wrong(field, not_a_number(cell))),
        }
    }

    fn cost(&self) -> Result<Option<rust_decimal::Decimal>, RowError> {
        let Some(text) = self.text(Field::Cost) else { return Ok(None) };
        let plain = cell::plain_number(self.mapping, &text);
        let cost = plain.parse().or_else(|_| rust_decimal::Decimal::from_scientific(&plain));
        cost.map(Some).map_err(|_| self.wrong(Field::Cost, not_a_number(Cell::Text(&text))))
    }

    fn time(&mut self, field: Field, on_another_date: bool) -> Result<Option<Timestamp>, RowError> {
        let Some((cell, _)) = self.cell(field) else { return Ok(None) };
        let date = match self.cell(Field::StartedOn).filter(|_| on_another_date) {
            None => None,
            Some((date, _)) => match cell::date(self.mapping, date) {
                Some(date) => Some(date),
                None => return Err(self.wrong(Field::StartedOn, self.not_a_time(date))),
            },
        };
        match cell::time(self.mapping, cell, date, &mut self.deviations) {
            Some(time) => Ok(Some(time)),
            None => Err(self.wrong(field, self.not_a_time(cell))),
        }
    }

    fn not_a_time(&self, cell: Cell<'_>) -> String {
        let formats = match self.mapping.time_formats.as_slice() {
            [] => "ISO 8601 such as 2024-01-31 17:05:00".to_owned(),
            formats => quoted(formats),
        };
        format!("{} is no time as the mapping has them ({formats}); correct it, or time_formats", shown(cell))
    }

    fn missing(&self, field: Field, why: &str) -> RowError {
        self.wrong(field, format!("nothing is there; {why}"))
    }

    pub(super) fn wrong(&self, field: Field, what: String) -> RowError {
        let column = self.layout.fields.iter().find(|(mapped, _)| *mapped == field);
        let place = column.and_then(|(_, places)| places.first());
        let column = place.map(|(_, column)| column.name.clone());
        RowError { column: Some(column.unwrap_or_else(|| field.label().to_owned())), what, station: None }
    }
}

fn not_a_number(cell: Cell<'_>) -> String {
    format!("{} is no number; correct it, or decimal_comma and thousands in the mapping", shown(cell))
}

/// A cell in a message: cut where it is long.
fn shown(cell: Cell<'_>) -> String {
    match cell {
        Cell::Missing => "nothing".to_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) if text.chars().count() > 48 => {
            format!("{:?}…", text.chars().take(48).collect::<String>())
        }
        Cell::Text(text) => format!("{text:?}"),
    }
}

fn quoted<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| format!("{:?}", name.as_ref())).collect::<Vec<_>>().join(", ")
}
