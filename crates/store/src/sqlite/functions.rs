//! The functions that our SQL calls and SQLite does not have.

use std::cmp::Ordering;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use purlin_schema::expr::eval::{arithmetic, call as evaluate, compare, dynamic, negate};
use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Value};

use super::decode;
use crate::sql::call::Operation;
use crate::sql::json::COMPARISONS;

/// Gives a connection its functions.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("purlin_call", -1, flags, call)?;
    connection.create_scalar_function("purlin_decimals", 4, flags, compare_decimals)?;
    connection.create_scalar_function("purlin_json", 3, flags, compare_json)?;
    super::foreign::register(connection, flags)
}

fn call(context: &Context<'_>) -> rusqlite::Result<Stored> {
    let Some((operation, kinds)) = Operation::decode(context.get(0)?) else { return Ok(Stored::Null) };
    let arg = |at: usize| dynamic(decode::value_of(context.get_raw(at + 1), kinds[at]));
    let result = match (operation, context.len()) {
        (Operation::Negate, 2) => negate(&arg(0)),
        (Operation::Function(function), 2) => evaluate(function, &[arg(0)]),
        (Operation::Function(function), 3) => evaluate(function, &[arg(0), arg(1)]),
        (Operation::Arithmetic(operator), 3) => arithmetic(operator, &arg(0), &arg(1)),
        _ => None,
    };
    Ok(result.map_or(Stored::Null, |value| stored(&value)))
}

fn stored(value: &Value) -> Stored {
    let kind = match value {
        Value::Bool(_) => Kind::Bool,
        Value::Int(_) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::Decimal(decimal) => Kind::Decimal(decimal.scale),
        Value::Text(_) => Kind::Text,
        Value::Date(_) => Kind::Date,
        Value::Datetime(_) => Kind::Datetime,
        Value::Duration(_) => Kind::Duration,
        Value::Uuid(_) => Kind::Uuid,
        Value::Json(_) => Kind::Json,
        Value::Null | Value::Withheld => return Stored::Null,
    };
    match rusqlite::types::ToSql::to_sql(&decode::Stored { value, kind }) {
        Ok(ToSqlOutput::Owned(stored)) => stored,
        Ok(ToSqlOutput::Borrowed(stored)) => stored.try_into().unwrap_or(Stored::Null),
        _ => Stored::Null,
    }
}

/// Two documents compared by the operator with a number; null for an error, which one of them may be.
fn compare_json(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    let operator = usize::try_from(context.get::<i64>(0)?).ok().and_then(|at| COMPARISONS.get(at));
    let (left, right) = (context.get_raw(1), context.get_raw(2));
    let (Some(operator), false) = (operator, [left, right].contains(&ValueRef::Null)) else {
        return Ok(None);
    };
    let document = |stored| dynamic(decode::value_of(stored, Kind::Json));
    Ok(compare(*operator, &document(left), &document(right)))
}

/// -1, 0 or 1 for two decimals of their scales; null where one of them is.
fn compare_decimals(context: &Context<'_>) -> rusqlite::Result<Option<i64>> {
    let decimal = |at: usize| -> rusqlite::Result<Option<Decimal>> {
        let units: Option<i64> = context.get(at)?;
        let scale: u8 = context.get(at + 1)?;
        Ok(units.map(|units| Decimal { units, scale }))
    };
    Ok(match (decimal(0)?, decimal(2)?) {
        (Some(one), Some(other)) => Some(match one.compare(other) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }),
        _ => None,
    })
}
