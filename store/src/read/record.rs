//! Records: structs whose fields are columns.

use super::{ReadError, Row};

/// A struct that is read from a row, field by field.
pub(super) trait Record: Sized {
    /// The fields' names, for a SELECT.
    const COLUMNS: &'static str;

    /// Reads each field from the column of its name.
    fn from_row(row: &Row) -> Result<Self, ReadError>;
}

/// Declares a struct and how it is read: names are written once.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $first:ident: $first_type:ty, $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Debug)]
        #[allow(missing_docs)]
        pub struct $name {
            pub $first: $first_type,
            $(pub $field: $type,)*
        }

        impl $crate::read::record::Record for $name {
            const COLUMNS: &'static str = concat!(stringify!($first) $(, ", ", stringify!($field))*);

            fn from_row(row: &$crate::read::Row) -> Result<Self, $crate::read::ReadError> {
                Ok(Self {
                    $first: row.get(stringify!($first))?,
                    $($field: row.get(stringify!($field))?,)*
                })
            }
        }
    };
}

pub(super) use record;
