//! How values stand in columns. One that cannot be read is told with its table and row, and never taken for none.
use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Error, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StateError;
use super::fault::corrupt;
use crate::redact::redact;

/// A value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

/// A value without secrets: JSON, of which a bare word has no quotes.
pub(super) fn to_column<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    Ok(redact(json(value)?.trim_matches('"')).into_owned())
}

/// A seen set as bytes.
pub(super) fn to_bytes(seen: &RoaringBitmap) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(seen.serialized_size());
    seen.serialize_into(&mut bytes).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))?;
    Ok(bytes)
}

/// What [`json`] or [`to_column`] wrote.
pub(super) struct Column<T>(pub T);

impl<T: DeserializeOwned> FromSql for Column<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let read = serde_json::from_str(text).or_else(|_| serde_json::from_str(&format!("\"{text}\"")));
        read.map(Column).map_err(FromSqlError::other)
    }
}

/// An instant, which stands in a column as milliseconds since 1970.
pub(super) struct Millis(pub DateTime<Utc>);

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = value.as_i64()?;
        DateTime::from_timestamp_millis(millis).map(Millis).ok_or(FromSqlError::OutOfRange(millis))
    }
}

/// What [`to_bytes`] wrote, to its last byte.
struct Seen(RoaringBitmap);

impl FromSql for Seen {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let mut bytes = value.as_blob()?;
        match RoaringBitmap::deserialize_from(&mut bytes) {
            Ok(seen) if bytes.is_empty() => Ok(Seen(seen)),
            Ok(_) => Err(FromSqlError::InvalidType),
            Err(error) => Err(FromSqlError::other(error)),
        }
    }
}

/// The seen set in a row's first column; the second one names the row.
pub(super) fn seen(row: &Row<'_>, table: &'static str) -> rusqlite::Result<RoaringBitmap> {
    read(row, (table, 1), |row| Ok(row.get::<_, Seen>(0)?.0))
}

/// Reads a row of a table, which the value of one of its columns names: [`StateError::Corrupt`] where something in it is
/// not what the program writes.
pub(super) fn read<T>(
    row: &Row<'_>,
    (table, name): (&'static str, usize),
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    read(row).map_err(|error| match error {
        // It names a row of another table.
        Error::FromSqlConversionFailure(_, _, ref inner) if inner.is::<StateError>() => error,
        Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) | Error::InvalidColumnType(..) => {
            corrupt(table, row.get_ref(name).map_or_else(|_| "?".into(), shown))
        }
        error => error,
    })
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
