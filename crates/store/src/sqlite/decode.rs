//! Values to and from SQLite's storage classes.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement};

use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Uuid, Value};

use crate::sql::{Args, Bind};
use crate::values::{rescaled, text_after};

/// Binds the parameters of a statement.
pub(crate) fn bind(statement: &mut Statement<'_>, binds: &[Bind], args: &Args<'_>) -> rusqlite::Result<()> {
    binds.iter().enumerate().try_for_each(|(at, bind)| bind_one(statement, at + 1, bind, args))
}

fn bind_one(statement: &mut Statement<'_>, at: usize, bind: &Bind, args: &Args<'_>) -> rusqlite::Result<()> {
    match bind {
        Bind::Value(value, kind) => put(statement, at, value, *kind),
        Bind::Nth(number, kind) => {
            put(statement, at, args.values.get(*number).unwrap_or(&Value::Null), *kind)
        }
        Bind::Input(input, kind) => {
            let value = args.inputs.input(input).unwrap_or(Value::Null);
            put(statement, at, &value, *kind)
        }
        Bind::Absent(input) => {
            let absent = matches!(args.inputs.input(input), None | Some(Value::Withheld));
            statement.raw_bind_parameter(at, absent)
        }
        Bind::After(prefix) => match &**prefix {
            Bind::Value(value, _) => put_after(statement, at, value),
            Bind::Input(input, _) => {
                put_after(statement, at, &args.inputs.input(input).unwrap_or(Value::Null))
            }
            _ => statement.raw_bind_parameter(at, rusqlite::types::Null),
        },
        Bind::Loose(inner) => bind_one(statement, at, inner, args),
        Bind::Array(_) => statement.raw_bind_parameter(at, rusqlite::types::Null),
        Bind::Id(kind) => match args.id {
            Some(id) => put(statement, at, &Value::from(id), *kind),
            None => statement.raw_bind_parameter(at, rusqlite::types::Null),
        },
        Bind::Limit => statement.raw_bind_parameter(at, args.limit),
        Bind::Offset => statement.raw_bind_parameter(at, args.offset),
    }
}

fn put(statement: &mut Statement<'_>, at: usize, value: &Value, kind: Kind) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(at, Stored { value, kind })
}

fn put_after(statement: &mut Statement<'_>, at: usize, prefix: &Value) -> rusqlite::Result<()> {
    match prefix {
        Value::Text(text) => match text_after(text) {
            Some(after) => statement.raw_bind_parameter(at, after),
            // Every blob is greater than every text.
            None => statement.raw_bind_parameter(at, &[][..]),
        },
        _ => statement.raw_bind_parameter(at, rusqlite::types::Null),
    }
}

/// A value as a column of a kind stores it; null where it is not of that kind.
pub(crate) struct Stored<'value> {
    pub(crate) value: &'value Value,
    pub(crate) kind: Kind,
}

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::Value as Owned;
        let integer = |number: i64| ToSqlOutput::Owned(Owned::Integer(number));
        Ok(match (self.value, self.kind) {
            (Value::Bool(truth), Kind::Bool) => integer(i64::from(*truth)),
            (Value::Int(number), Kind::Int) => integer(*number),
            (Value::Int(number), Kind::Float) => ToSqlOutput::Owned(Owned::Real(*number as f64)),
            (Value::Float(number), Kind::Float) => ToSqlOutput::Owned(Owned::Real(*number)),
            (Value::Decimal(decimal), Kind::Decimal(scale)) => match rescaled(*decimal, scale) {
                Some(units) => integer(units),
                None => ToSqlOutput::Owned(Owned::Null),
            },
            (Value::Text(text), Kind::Text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            (Value::Date(days), Kind::Date) => integer(i64::from(*days)),
            (Value::Datetime(micros), Kind::Datetime) | (Value::Duration(micros), Kind::Duration) => {
                integer(*micros)
            }
            (Value::Uuid(uuid), Kind::Uuid) => ToSqlOutput::Borrowed(ValueRef::Blob(uuid.as_bytes())),
            (Value::Json(json), Kind::Json) => ToSqlOutput::Owned(Owned::Text(json.to_string())),
            _ => ToSqlOutput::Owned(Owned::Null),
        })
    }
}

/// The value in a column of a statement of ours, which has it.
pub(crate) fn value(row: &Row<'_>, at: usize, kind: Kind) -> Value {
    value_of(row.get_ref_unwrap(at), kind)
}

/// The value that SQLite's storage stands for.
pub(crate) fn value_of(stored: ValueRef<'_>, kind: Kind) -> Value {
    match (stored, kind) {
        (ValueRef::Integer(number), Kind::Int) => Value::Int(number),
        (ValueRef::Text(bytes), Kind::Text) => Value::Text(text(bytes)),
        (ValueRef::Integer(micros), Kind::Datetime) => Value::Datetime(micros),
        (ValueRef::Integer(number), Kind::Bool) => Value::Bool(number != 0),
        (ValueRef::Real(number), Kind::Float) => Value::Float(number),
        (ValueRef::Integer(number), Kind::Float) => Value::Float(number as f64),
        (ValueRef::Integer(units), Kind::Decimal(scale)) => Value::Decimal(Decimal { units, scale }),
        (ValueRef::Integer(days), Kind::Date) => i32::try_from(days).map_or(Value::Null, Value::Date),
        (ValueRef::Integer(micros), Kind::Duration) => Value::Duration(micros),
        (ValueRef::Blob(bytes), Kind::Uuid) => Uuid::from_slice(bytes).map_or(Value::Null, Value::Uuid),
        (ValueRef::Text(bytes), Kind::Json) => match serde_json::from_slice(bytes) {
            Ok(json) => Value::json(json),
            Err(_) => Value::Null,
        },
        _ => Value::Null,
    }
}

fn text(bytes: &[u8]) -> Box<str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        // A foreign writer's: shown with replacement characters rather than not at all.
        Err(_) => String::from_utf8_lossy(bytes).into(),
    }
}
