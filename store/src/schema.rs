//! Tables and columns, as rows are written to them. Declared where the rows are ([`crate::rows`]), once; tests
//! compare them with the migrations, and [`crate::migrate::check_schema`] with the live schema.

use std::fmt;

/// A table that rows are written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, without the designated timestamp `ts`.
    pub columns: &'static [Column],
}

/// A column that rows write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
}

/// The types of columns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Kind {
    Symbol,
    Text,
    Uuid,
    Int,
    Long,
    Double,
    Bool,
    Time,
}

impl Kind {
    /// The type's name in SQL.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Symbol => "SYMBOL",
            Self::Text => "VARCHAR",
            Self::Uuid => "UUID",
            Self::Int => "INT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::Bool => "BOOLEAN",
            Self::Time => "TIMESTAMP",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql())
    }
}

/// Declares a table, its columns and how a row becomes a line, in one place: names are written once.
///
/// `NAME: "table", "what it holds", (row: &Type) at <designated timestamp>, symbols { column: <text or Option> }
/// columns { column: kind(<value or Option>) }`. Symbols come first because the line protocol wants them so.
macro_rules! table {
    (
        $constant:ident, $encode:ident: $name:literal, $doc:literal,
        ($($arg:ident: $type:ty),*) at $ts:expr,
        symbols { $($symbol:tt: $text:expr,)* }
        columns { $($column:tt: $kind:ident($value:expr),)* }
    ) => {
        #[doc = concat!("`", $name, "`: ", $doc)]
        pub(crate) const $constant: crate::schema::Table = crate::schema::Table {
            name: $name,
            columns: &[
                $(crate::schema::Column {
                    name: stringify!($symbol),
                    kind: crate::schema::Kind::Symbol,
                },)*
                $(crate::schema::Column {
                    name: stringify!($column),
                    kind: crate::schema::kind_of!($kind),
                },)*
            ],
        };

        /// Writes one row as a line.
        pub(crate) fn $encode(
            line: &mut crate::ilp::line::Line<'_>,
            $($arg: $type),*
        ) -> Result<(), crate::ilp::line::LineError> {
            line.begin(&$constant)?;
            $(line.symbol(stringify!($symbol), $text)?;)*
            $(line.$kind(stringify!($column), $value)?;)*
            line.end($ts)
        }
    };
}

macro_rules! kind_of {
    (text) => {
        crate::schema::Kind::Text
    };
    (uuid) => {
        crate::schema::Kind::Uuid
    };
    (int) => {
        crate::schema::Kind::Int
    };
    (long) => {
        crate::schema::Kind::Long
    };
    (double) => {
        crate::schema::Kind::Double
    };
    (bool) => {
        crate::schema::Kind::Bool
    };
    (time) => {
        crate::schema::Kind::Time
    };
}

pub(crate) use {kind_of, table};
