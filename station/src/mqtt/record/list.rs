//! Lists of stations and sites.

use super::cell::Cell;
use super::field::Field;
use super::mapping::Mapping;
use super::read::{ReadError, logical_lines, split};
use super::row::{Layout, Row, RowError};
use crate::deviation::Deviations;
use crate::setting::{Limit, Site, StationSetting};

/// One row of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct ListRow<T> {
    /// Line in the file, from 1.
    pub line: u64,
    /// The setting, or why there is none.
    pub setting: Result<T, RowError>,
}

/// Reads a list of stations (CSV with a header).
///
/// # Errors
/// When no column holds the station's id.
pub fn stations(mapping: &Mapping, text: &[u8]) -> Result<Vec<ListRow<StationSetting>>, ReadError> {
    list(mapping, text, Field::Station, |row| {
        let (latitude_deg, longitude_deg) = row.coordinates()?;
        Ok(StationSetting {
            station: row.station()?.to_string(),
            site: row.text(Field::Site),
            name: row.text(Field::Name),
            latitude_deg,
            longitude_deg,
            rated_power_w: row.number(Field::RatedPowerW)?,
            charger_type: row.text(Field::ChargerType),
            ..StationSetting::default()
        })
    })
}

/// Reads a list of sites (CSV with a header).
///
/// # Errors
/// When no column holds the site's id.
pub fn sites(mapping: &Mapping, text: &[u8]) -> Result<Vec<ListRow<Site>>, ReadError> {
    list(mapping, text, Field::Site, |row| {
        let Some(site) = row.text(Field::Site) else {
            return Err(row.wrong(Field::Site, "nothing is there; every row must name its site".to_owned()));
        };
        let time_zone = row.text(Field::TimeZone);
        if let Some(name) = time_zone.as_deref().filter(|name| name.parse::<chrono_tz::Tz>().is_err()) {
            let what = format!("{name:?} is no IANA time zone such as \"Europe/Oslo\"; correct it");
            return Err(row.wrong(Field::TimeZone, what));
        }
        let (latitude_deg, longitude_deg) = row.coordinates()?;
        Ok(Site {
            site,
            name: row.text(Field::Name),
            latitude_deg,
            longitude_deg,
            time_zone,
            currency: row.text(Field::Currency).map(|text| text.to_uppercase()),
            maintenance: false,
        })
    })
}

/// Reads the grid limits in a list of sites (CSV with a header): only rows that have one.
///
/// # Errors
/// When no column holds the site's id.
pub fn limits(mapping: &Mapping, text: &[u8]) -> Result<Vec<ListRow<Limit>>, ReadError> {
    let rows = list(mapping, text, Field::Site, |row| {
        let Some(grid_limit_w) = row.number(Field::GridLimitW)? else { return Ok(None) };
        Ok(row.text(Field::Site).map(|site| Limit { site, grid_limit_w }))
    })?;
    let limits = rows
        .into_iter()
        .filter_map(|ListRow { line, setting }| Some(ListRow { line, setting: setting.transpose()? }));
    Ok(limits.collect())
}

fn list<T>(
    mapping: &Mapping,
    text: &[u8],
    id: Field,
    setting: impl Fn(&Row<'_>) -> Result<T, RowError>,
) -> Result<Vec<ListRow<T>>, ReadError> {
    let text = String::from_utf8_lossy(text);
    let mut lines = logical_lines(text.trim_start_matches('\u{feff}'));
    let (_, header) = lines.next().ok_or(ReadError::Empty)?;
    let header = split(mapping, header);
    let layout = Layout::new(mapping, header.iter());
    layout.require(mapping, &[id], header.iter())?;
    let rows = lines.map(|(line, text)| {
        let fields = split(mapping, text);
        let cells: Vec<Cell<'_>> = fields.iter().map(Cell::Text).collect();
        let row = Row { mapping, layout: &layout, cells: &cells, deviations: Deviations::default() };
        let setting = if fields.len() < layout.width() {
            let what = format!("the row has {} columns, {} belong there", fields.len(), layout.width());
            Err(RowError { column: None, what, station: None })
        } else {
            setting(&row)
        };
        ListRow { line, setting }
    });
    Ok(rows.collect())
}

impl Row<'_> {
    /// Degrees north and east; both or none.
    fn coordinates(&self) -> Result<(Option<f64>, Option<f64>), RowError> {
        let latitude = self.number(Field::LatitudeDeg)?;
        let longitude = self.number(Field::LongitudeDeg)?;
        for (field, value, limit) in
            [(Field::LatitudeDeg, latitude, 90.0), (Field::LongitudeDeg, longitude, 180.0)]
        {
            if let Some(value) = value.filter(|value| value.abs() > limit) {
                let what =
                    format!("{value} is beyond ±{limit} degrees; are latitude and longitude exchanged?");
                return Err(self.wrong(field, what));
            }
        }
        Ok(if latitude.is_some() && longitude.is_some() { (latitude, longitude) } else { (None, None) })
    }
}
