//! Whole-session records: CSV files, and MQTT topics like `idc/fc01`. A mapping says which column holds what.
//!
//! A row is taken if its station, its begin, and its end (or a duration) can be read; what else is missing is missing in
//! the session. It is rejected, with its line and column and what to do, if one of those cannot be read, if the end
//! lies before the begin, or if a value is no number or cannot be (energy below nothing). What contradicts without
//! making the row useless is flagged: see [`row`].

mod cell;
mod field;
mod list;
mod mapping;
mod presets;
mod read;
mod row;

pub use cell::Cell;
pub use field::Field;
pub use list::{ListRow, limits, sites, stations};
pub use mapping::{ColumnSpec, Columns, Mapping, MappingError, MappingFile};
pub use read::{ReadError, ReadRow, logical_lines, read};
pub use row::{HeaderError, Layout, Recorded, RowError, recorded};

#[cfg(test)]
mod tests;
