//! Reading typed values out of a row's columns.

use std::error::Error;
use std::str::FromStr;

use mycopod_core::audit::Hash;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{Row, Type, postgres::Postgres};
use uuid::Uuid;

/// Typed access to columns; every error names its column.
pub(crate) trait Columns {
    /// A column as the driver decodes it.
    fn plain<'r, T: sqlx::Decode<'r, Postgres> + Type<Postgres>>(&'r self, column: &str) -> sqlx::Result<T>;
    /// A typed id.
    fn id<T>(&self, column: &str, id: fn(Uuid) -> T) -> sqlx::Result<T>;
    /// A text that names a value: a state, a role, a field.
    fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(&self, column: &str) -> sqlx::Result<T>;
    /// An `integer` that is never negative.
    fn count(&self, column: &str) -> sqlx::Result<u32>;
    /// A `json` or `jsonb`.
    fn json<T: DeserializeOwned + 'static>(&self, column: &str) -> sqlx::Result<T>;
    /// A `json` or `jsonb`, or NULL.
    fn json_or_none<T: DeserializeOwned + 'static>(&self, column: &str) -> sqlx::Result<Option<T>>;
    /// A SHA-256.
    fn hash(&self, column: &str) -> sqlx::Result<Hash>;
}

fn bad(column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

impl Columns for PgRow {
    fn plain<'r, T: sqlx::Decode<'r, Postgres> + Type<Postgres>>(&'r self, column: &str) -> sqlx::Result<T> {
        self.try_get(column)
    }

    fn id<T>(&self, column: &str, id: fn(Uuid) -> T) -> sqlx::Result<T> {
        self.try_get(column).map(id)
    }

    fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(&self, column: &str) -> sqlx::Result<T> {
        self.try_get::<&str, _>(column)?.parse().map_err(|error| bad(column, error))
    }

    fn count(&self, column: &str) -> sqlx::Result<u32> {
        u32::try_from(self.try_get::<i32, _>(column)?).map_err(|error| bad(column, error))
    }

    fn json<T: DeserializeOwned + 'static>(&self, column: &str) -> sqlx::Result<T> {
        Ok(self.try_get::<Json<T>, _>(column)?.0)
    }

    fn json_or_none<T: DeserializeOwned + 'static>(&self, column: &str) -> sqlx::Result<Option<T>> {
        Ok(self.try_get::<Option<Json<T>>, _>(column)?.map(|json| json.0))
    }

    fn hash(&self, column: &str) -> sqlx::Result<Hash> {
        let bytes: &[u8] = self.try_get(column)?;
        bytes.try_into().map(Hash).map_err(|error| bad(column, error))
    }
}
