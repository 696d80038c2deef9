//! Rows that were read, and parameters, in the domain's types: the traps of the wire's types stay here.

use chrono::NaiveDateTime;
use station::id::SessionId;
use station::time::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::ReadError;

/// A parameter of a query. Typed, because QuestDB guesses types otherwise.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Param<'a> {
    Time(Timestamp),
    Text(&'a str),
    Uuid(Uuid),
    Long(i64),
    Int(i32),
    Double(f64),
    Bool(bool),
}

impl<'a> Param<'a> {
    /// The value as the wire wants it: times without a zone (UTC); uuids as text, because QuestDB 9.3.4 finds no row
    /// for `a = $1 AND uuid = $2` when the second is sent as a uuid.
    pub(super) fn typed(&self) -> (Box<dyn ToSql + Sync + Send + 'a>, Type) {
        match *self {
            Self::Time(time) => (Box::new(time.to_utc().naive_utc()), Type::TIMESTAMP),
            Self::Text(text) => (Box::new(text), Type::VARCHAR),
            Self::Uuid(uuid) => (Box::new(uuid.to_string()), Type::VARCHAR),
            Self::Long(number) => (Box::new(number), Type::INT8),
            Self::Int(number) => (Box::new(number), Type::INT4),
            Self::Double(number) => (Box::new(number), Type::FLOAT8),
            Self::Bool(truth) => (Box::new(truth), Type::BOOL),
        }
    }
}

/// A row that was read.
#[derive(Debug)]
pub struct Row(tokio_postgres::Row);

impl Row {
    pub(super) fn new(row: tokio_postgres::Row) -> Self {
        Self(row)
    }

    /// The value of a column: `String`, `f64`, `i64`, `i32`, `bool`, `Timestamp`, `Uuid`, `SessionId`, or an `Option`
    /// of them where it may be NULL.
    ///
    /// # Errors
    /// When there is no such column, it has another type, or it is NULL without an `Option`.
    pub fn get<T: Field>(&self, column: &str) -> Result<T, ReadError> {
        let at = self.0.columns().iter().position(|c| c.name() == column).ok_or_else(|| {
            ReadError::Column { column: column.to_owned(), reason: "is not in the answer".into() }
        })?;
        T::from_column(self, at)
    }

    fn value<T: Value>(&self, at: usize) -> Result<Option<T>, ReadError> {
        T::read(&self.0, at).map_err(|error| self.error(at, &error.to_string()))
    }

    fn error(&self, at: usize, reason: &str) -> ReadError {
        let column = &self.0.columns()[at];
        ReadError::Column {
            column: column.name().to_owned(),
            reason: format!("{reason} (its type is {})", column.type_()),
        }
    }
}

/// What a column may be read as: a [`Value`], or an `Option` of one.
pub trait Field: Sized {
    /// Reads it from a column.
    #[doc(hidden)]
    fn from_column(row: &Row, at: usize) -> Result<Self, ReadError>;
}

/// A value of the wire.
pub trait Value: Sized {
    /// None for NULL.
    #[doc(hidden)]
    fn read(row: &tokio_postgres::Row, at: usize) -> Result<Option<Self>, tokio_postgres::Error>;
}

impl<T: Value> Field for Option<T> {
    fn from_column(row: &Row, at: usize) -> Result<Self, ReadError> {
        row.value(at)
    }
}

macro_rules! values {
    ($($type:ty => |$row:ident, $at:ident| $read:expr;)*) => {$(
        impl Value for $type {
            fn read($row: &tokio_postgres::Row, $at: usize) -> Result<Option<Self>, tokio_postgres::Error> {
                $read
            }
        }

        impl Field for $type {
            fn from_column(row: &Row, at: usize) -> Result<Self, ReadError> {
                row.value(at)?.ok_or_else(|| row.error(at, "is NULL"))
            }
        }
    )*};
}

values! {
    String => |row, at| row.try_get(at);
    bool => |row, at| row.try_get(at);
    Uuid => |row, at| row.try_get(at);
    SessionId => |row, at| Ok(row.try_get::<_, Option<Uuid>>(at)?.map(SessionId));
    i32 => |row, at| match *row.columns()[at].type_() {
        Type::INT2 => Ok(row.try_get::<_, Option<i16>>(at)?.map(i32::from)),
        _ => row.try_get(at),
    };
    i64 => |row, at| match *row.columns()[at].type_() {
        Type::INT2 => Ok(row.try_get::<_, Option<i16>>(at)?.map(i64::from)),
        Type::INT4 => Ok(row.try_get::<_, Option<i32>>(at)?.map(i64::from)),
        _ => row.try_get(at),
    };
    f64 => |row, at| match *row.columns()[at].type_() {
        Type::FLOAT4 => Ok(row.try_get::<_, Option<f32>>(at)?.map(f64::from)),
        _ => row.try_get(at),
    };
    Timestamp => |row, at| {
        Ok(row.try_get::<_, Option<NaiveDateTime>>(at)?.map(|time| Timestamp(time.and_utc().timestamp_micros())))
    };
}
