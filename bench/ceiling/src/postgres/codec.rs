//! Instants as PostgreSQL sends them, and rows.

use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::backend::{Cells, Fault};

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const MICROS: i64 = 946_684_800_000_000;

/// Microseconds since 1970.
#[derive(Debug)]
pub(super) struct Instant(pub(super) i64);

impl ToSql for Instant {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&(self.0 - MICROS).to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl<'row> FromSql<'row> for Instant {
    fn from_sql(_: &Type, bytes: &'row [u8]) -> Result<Instant, Box<dyn Error + Sync + Send>> {
        Ok(Instant(i64::from_be_bytes(bytes.try_into()?) + MICROS))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

/// A text's bytes, which need not be looked at again.
struct Utf8<'row>(&'row [u8]);

impl<'row> FromSql<'row> for Utf8<'row> {
    fn from_sql(_: &Type, bytes: &'row [u8]) -> Result<Utf8<'row>, Box<dyn Error + Sync + Send>> {
        Ok(Utf8(bytes))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TEXT
    }
}

impl Cells for Row {
    fn int(&self, at: usize) -> Result<i64, Fault> {
        Ok(self.try_get(at)?)
    }

    fn time(&self, at: usize) -> Result<Option<i64>, Fault> {
        Ok(self.try_get::<_, Option<Instant>>(at)?.map(|instant| instant.0))
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, Fault> {
        Ok(self.try_get::<_, Option<Utf8<'_>>>(at)?.map(|text| text.0))
    }
}
