//! Computing an expression in memory, exactly as CEL says.
//!
//! Rules over one record's own fields, checks, defaults and `can()` in templates need no database. The same
//! code is the measure that the store's SQL is tested against, and its parts ([`call`], [`arithmetic`],
//! [`compare`]) may serve a database as functions where its own differ.

mod functions;
mod json;
mod row;

use std::cmp::Ordering;

pub use functions::{call, date};
pub use json::dynamic;
pub use row::RowEnv;

use super::{
    Arithmetic, Comparison, DATES, DATETIMES, Expr, ExprKind, Function, Input, Path, Quantifier, Type, Walk,
};
use crate::model::ModelId;
use crate::value::{Decimal, Value};

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Evaluated {
    /// A value.
    Value(Value),
    /// What CEL calls an error: unknown, and denied where it is a rule.
    Error,
    /// It cannot be told here: the record has not what it looks at.
    Unavailable,
}

impl Evaluated {
    /// Whether it is true; unknown is not, and neither is what cannot be told.
    #[must_use]
    pub fn holds(&self) -> bool {
        *self == Evaluated::Value(Value::Bool(true))
    }

    /// Whether it is false for certain: what breaks a check.
    #[must_use]
    pub fn fails(&self) -> bool {
        *self == Evaluated::Value(Value::Bool(false))
    }

    /// The value, if it came to one.
    #[must_use]
    pub fn value(self) -> Option<Value> {
        match self {
            Evaluated::Value(value) => Some(value),
            Evaluated::Error | Evaluated::Unavailable => None,
        }
    }
}

/// Where an expression gets its inputs, and the fields of a record with all that hangs from it.
pub trait Env {
    /// An input. An absent query value is null; `user` of a visitor is an error.
    fn input(&self, input: &Input) -> Evaluated;

    /// A field of this record, perhaps through refs: an error where one of these is null. The path's scope is
    /// not to be looked at.
    fn field(&self, path: &Path) -> Evaluated;

    /// The records of a relation, as [`Env::field`] finds a field.
    ///
    /// # Errors
    /// [`Evaluated::Error`] where a ref on the way is null, [`Evaluated::Unavailable`] where they are not here.
    fn related(&self, walk: &Walk) -> Result<Vec<Box<dyn Env + '_>>, Evaluated> {
        let _ = walk;
        Err(Evaluated::Unavailable)
    }

    /// The record of a model with an id, wherever it is.
    ///
    /// # Errors
    /// [`Evaluated::Error`] where there is none, [`Evaluated::Unavailable`] where that cannot be told here.
    fn record(&self, model: ModelId, id: &Value) -> Result<Box<dyn Env + '_>, Evaluated> {
        let _ = (model, id);
        Err(Evaluated::Unavailable)
    }
}

/// Computes an expression.
#[must_use]
pub fn eval(expr: &Expr, env: &dyn Env) -> Evaluated {
    Frame { place: Place::Row(env), outer: None }.eval(expr)
}

/// What is in scope, the innermost first.
struct Frame<'rows> {
    place: Place<'rows>,
    outer: Option<&'rows Frame<'rows>>,
}

/// A row, or an element of a JSON array.
enum Place<'rows> {
    Row(&'rows dyn Env),
    Element(Value),
}

type Result<T, E = Evaluated> = std::result::Result<T, E>;

impl Frame<'_> {
    fn eval(&self, expr: &Expr) -> Evaluated {
        match self.value(expr) {
            Ok(value) if expr.is_json() => Evaluated::Value(json::document(value)),
            Ok(value) => Evaluated::Value(value),
            Err(other) => other,
        }
    }

    fn scope(&self, depth: usize) -> Result<&dyn Env> {
        match self.place(depth) {
            Some(Place::Row(env)) => Ok(*env),
            _ => Err(Evaluated::Unavailable),
        }
    }

    fn place(&self, depth: usize) -> Option<&Place<'_>> {
        match (depth, self.outer) {
            (0, _) => Some(&self.place),
            (_, outer) => outer?.place(depth - 1),
        }
    }

    fn outermost(&self) -> Result<&dyn Env> {
        match (self.outer, &self.place) {
            (Some(outer), _) => outer.outermost(),
            (None, Place::Row(env)) => Ok(*env),
            (None, Place::Element(_)) => Err(Evaluated::Unavailable),
        }
    }

    fn value(&self, expr: &Expr) -> Result<Value> {
        match &expr.kind {
            ExprKind::Const(value) => Ok(value.clone()),
            ExprKind::Error => Err(Evaluated::Error),
            ExprKind::Input(input) => readable(self.outermost()?.input(input)),
            ExprKind::Field(path) => readable(self.scope(path.scope)?.field(path)),
            ExprKind::Has(path) => Ok(Value::Bool(!readable(self.scope(path.scope)?.field(path))?.is_null())),
            ExprKind::Negate(inner) => negate(&self.value(inner)?).ok_or(Evaluated::Error),
            ExprKind::Not(inner) => Ok(Value::Bool(!self.truth(inner)?)),
            ExprKind::And(list) => absorb(false, list.iter().map(|condition| self.truth(condition))),
            ExprKind::Or(list) => absorb(true, list.iter().map(|condition| self.truth(condition))),
            ExprKind::Compare(operator, left, right) if expr.asks_for_user() => {
                let user = if matches!(left.kind, ExprKind::Const(_)) { right } else { left };
                let absent = match self.value(user) {
                    Err(Evaluated::Unavailable) => return Err(Evaluated::Unavailable),
                    found => found.is_err() || found == Ok(Value::Null),
                };
                Ok(Value::Bool(absent == (*operator == Comparison::Equal)))
            }
            ExprKind::Compare(operator, left, right) => {
                let (left, right) = both(self.value(left), self.value(right))?;
                compare(*operator, &left, &right).map(Value::Bool).ok_or(Evaluated::Error)
            }
            ExprKind::Arithmetic(operator, left, right) => {
                let (left, right) = both(self.value(left), self.value(right))?;
                arithmetic(*operator, &left, &right).ok_or(Evaluated::Error)
            }
            ExprKind::InList(item, list) => {
                let values = all(std::iter::once(&**item).chain(list).map(|expr| self.value(expr)))?;
                Ok(Value::Bool(values[1..].iter().any(|value| equal(&values[0], value) == Some(true))))
            }
            ExprKind::Conditional(condition, then, otherwise) => {
                if self.truth(condition)? {
                    self.value(then)
                } else {
                    self.value(otherwise)
                }
            }
            ExprKind::Call(Function::Holds, args) => match args.first().map(|arg| self.truth(arg)) {
                Some(Err(Evaluated::Unavailable)) | None => Err(Evaluated::Unavailable),
                Some(truth) => Ok(Value::Bool(truth == Ok(true))),
            },
            ExprKind::Call(function, args) => {
                let values = all(args.iter().map(|arg| self.value(arg)))?;
                call(*function, &values).ok_or(Evaluated::Error)
            }
            ExprKind::Exists(walk, body) => absorb(true, self.each(walk, body)?.into_iter()),
            ExprKind::All(walk, body) => absorb(false, self.each(walk, body)?.into_iter()),
            ExprKind::Count(walk, None) => count(self.scope(walk.scope)?.related(walk)?.len()),
            ExprKind::Count(walk, Some(body)) => {
                let kept = all(self.each(walk, body)?.into_iter())?;
                count(kept.into_iter().filter(|kept| *kept).count())
            }
            ExprKind::Of(record, body) => {
                let Type::Record(model) = record.ty else { return Err(Evaluated::Unavailable) };
                let id = self.value(record)?;
                if id.is_null() {
                    return Err(Evaluated::Error);
                }
                let row = self.outermost()?.record(model, &id)?;
                Frame { place: Place::Row(&*row), outer: Some(self) }.value(body)
            }
            ExprKind::Member(of, steps) => json::member(&self.value(of)?, steps).ok_or(Evaluated::Error),
            ExprKind::HasMember(of, steps) => {
                json::has(&self.value(of)?, steps).map(Value::Bool).ok_or(Evaluated::Error)
            }
            ExprKind::As(of, kind) => json::as_kind(&self.value(of)?, *kind).ok_or(Evaluated::Error),
            ExprKind::Element(scope) => match self.place(*scope) {
                Some(Place::Element(value)) => Ok(value.clone()),
                _ => Err(Evaluated::Unavailable),
            },
            ExprKind::InJson(item, list) => {
                let (item, list) = both(self.value(item), self.value(list))?;
                json::contains(&list, &item).map(Value::Bool).ok_or(Evaluated::Error)
            }
            ExprKind::Each(quantifier, list, body) => {
                let elements = json::elements(&self.value(list)?).ok_or(Evaluated::Error)?;
                let truths = elements
                    .into_iter()
                    .map(|element| Frame { place: Place::Element(element), outer: Some(self) }.truth(body));
                match quantifier {
                    Quantifier::Exists => absorb(true, truths),
                    Quantifier::All => absorb(false, truths),
                    Quantifier::Count => count(all(truths)?.into_iter().filter(|kept| *kept).count()),
                }
            }
        }
    }

    /// A condition over each row of a relation.
    fn each(&self, walk: &Walk, body: &Expr) -> Result<Vec<Result<bool>>> {
        let rows = self.scope(walk.scope)?.related(walk)?;
        Ok(rows
            .iter()
            .map(|row| Frame { place: Place::Row(&**row), outer: Some(self) }.truth(body))
            .collect())
    }

    fn truth(&self, expr: &Expr) -> Result<bool> {
        match self.value(expr)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(Evaluated::Error),
        }
    }
}

fn readable(found: Evaluated) -> Result<Value> {
    match found {
        Evaluated::Value(Value::Withheld) => Err(Evaluated::Error),
        Evaluated::Value(value) => Ok(dynamic(value)),
        other => Err(other),
    }
}

/// Which of two failures is told: what cannot be told here says less than an error.
fn worse(a: Evaluated, b: &Evaluated) -> Evaluated {
    if *b == Evaluated::Unavailable { Evaluated::Unavailable } else { a }
}

fn both<T>(left: Result<T>, right: Result<T>) -> Result<(T, T)> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(left), Err(right)) => Err(worse(left, &right)),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn all<T>(values: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut failed = None;
    let mut list = Vec::new();
    for value in values {
        match value {
            Ok(value) => list.push(value),
            Err(error) => failed = Some(failed.map_or(error.clone(), |before| worse(before, &error))),
        }
    }
    failed.map_or(Ok(list), Err)
}

/// `||` where `wins` is true, `&&` where it is false: whichever side wins, errors beside it are absorbed.
fn absorb(wins: bool, conditions: impl Iterator<Item = Result<bool>>) -> Result<Value> {
    let mut failed: Option<Evaluated> = None;
    for condition in conditions {
        match condition {
            Ok(truth) if truth == wins => return Ok(Value::Bool(wins)),
            Ok(_) => {}
            Err(error) => failed = Some(failed.map_or(error.clone(), |before| worse(before, &error))),
        }
    }
    failed.map_or(Ok(Value::Bool(!wins)), Err)
}

fn count(many: usize) -> Result<Value> {
    i64::try_from(many).map(Value::Int).map_err(|_| Evaluated::Error)
}

/// `-x`; `None` is an error.
#[must_use]
pub fn negate(value: &Value) -> Option<Value> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int),
        Value::Float(number) => Some(Value::Float(-number)),
        Value::Decimal(Decimal { units, scale }) => {
            Some(Value::Decimal(Decimal { units: units.checked_neg()?, scale: *scale }))
        }
        _ => None,
    }
}

/// Compares; `None` is an error: an ordering with null, or of what has none.
#[must_use]
pub fn compare(operator: Comparison, left: &Value, right: &Value) -> Option<bool> {
    match operator {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => equal(left, right).map(|equal| !equal),
        _ => {
            let ordering = match (left, right) {
                (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
                (Value::Int(left), Value::Float(right)) => cross(*left, *right),
                (Value::Float(left), Value::Int(right)) => cross(*right, *left).map(Ordering::reverse),
                _ => Some(order(left, right)?),
            };
            // What is not a number is neither less nor greater than any.
            let Some(ordering) = ordering else { return Some(false) };
            Some(match operator {
                Comparison::Less => ordering.is_lt(),
                Comparison::LessOrEqual => ordering.is_le(),
                Comparison::Greater => ordering.is_gt(),
                _ => ordering.is_ge(),
            })
        }
    }
}

/// `==`: two nulls are equal, and null is unequal to any value.
fn equal(left: &Value, right: &Value) -> Option<bool> {
    Some(match (left, right) {
        (Value::Withheld, _) | (_, Value::Withheld) => return None,
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right) == Some(Ordering::Equal),
        (Value::Int(number), Value::Float(float)) | (Value::Float(float), Value::Int(number)) => {
            cross(*number, *float) == Some(Ordering::Equal)
        }
        (Value::Decimal(left), Value::Decimal(right)) => left.compare(*right).is_eq(),
        (Value::Json(left), Value::Json(right)) => json::same(left, right),
        (left, right) => left == right,
    })
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.compare(*right),
        // The order of UTF-8 bytes is that of code points.
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        (Value::Datetime(left), Value::Datetime(right)) | (Value::Duration(left), Value::Duration(right)) => {
            left.cmp(right)
        }
        (Value::Uuid(left), Value::Uuid(right)) => left.cmp(right),
        _ => return None,
    })
}

/// An integer beside a double, exactly: neither is rounded to the other.
fn cross(integer: i64, float: f64) -> Option<Ordering> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= BOUND {
        return Some(Ordering::Less);
    }
    if float < -BOUND {
        return Some(Ordering::Greater);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bounds above make it exact but for the fraction"
    )]
    let whole = float.trunc() as i64;
    Some(integer.cmp(&whole).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
}

/// Computes; `None` is an error: a number or time out of range, a division by zero, null.
///
/// Doubles too end in an error where the result is infinite or not a number, as no column can keep that.
#[must_use]
pub fn arithmetic(operator: Arithmetic, left: &Value, right: &Value) -> Option<Value> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    const DAY: i64 = 86_400_000_000;
    match (operator, left, right) {
        (_, Value::Int(a), Value::Int(b)) => match operator {
            Add => a.checked_add(*b),
            Subtract => a.checked_sub(*b),
            Multiply => a.checked_mul(*b),
            Divide => a.checked_div(*b),
            Remainder => a.checked_rem(*b),
        }
        .map(Value::Int),
        (_, Value::Float(a), Value::Float(b)) => {
            let result = match operator {
                Add => a + b,
                Subtract => a - b,
                Multiply => a * b,
                Divide => a / b,
                Remainder => return None,
            };
            result.is_finite().then_some(Value::Float(result))
        }
        (Add | Subtract, Value::Decimal(a), Value::Decimal(b)) => {
            let scale = a.scale.max(b.scale);
            let (a, b) = (units_at(*a, scale)?, units_at(*b, scale)?);
            let units = if operator == Add { a.checked_add(b)? } else { a.checked_sub(b)? };
            Some(Value::Decimal(Decimal { units, scale }))
        }
        (Multiply, Value::Decimal(a), Value::Int(b)) | (Multiply, Value::Int(b), Value::Decimal(a)) => {
            Some(Value::Decimal(Decimal { units: a.units.checked_mul(*b)?, scale: a.scale }))
        }
        (Add, Value::Text(a), Value::Text(b)) => Some(Value::Text(format!("{a}{b}").into_boxed_str())),
        (Add, Value::Datetime(time), Value::Duration(span))
        | (Add, Value::Duration(span), Value::Datetime(time)) => datetime(time.checked_add(*span)?),
        (Subtract, Value::Datetime(time), Value::Duration(span)) => datetime(time.checked_sub(*span)?),
        (Subtract, Value::Datetime(a), Value::Datetime(b)) => a.checked_sub(*b).map(Value::Duration),
        (Add, Value::Date(day), Value::Duration(span)) | (Add, Value::Duration(span), Value::Date(day))
            if span % DAY == 0 =>
        {
            day_from(i64::from(*day).checked_add(span / DAY)?)
        }
        (Subtract, Value::Date(day), Value::Duration(span)) if span % DAY == 0 => {
            day_from(i64::from(*day).checked_sub(span / DAY)?)
        }
        (Subtract, Value::Date(a), Value::Date(b)) => {
            (i64::from(*a) - i64::from(*b)).checked_mul(DAY).map(Value::Duration)
        }
        (Add, Value::Duration(a), Value::Duration(b)) => a.checked_add(*b).map(Value::Duration),
        (Subtract, Value::Duration(a), Value::Duration(b)) => a.checked_sub(*b).map(Value::Duration),
        _ => None,
    }
}

fn units_at(decimal: Decimal, scale: u8) -> Option<i64> {
    decimal.units.checked_mul(10_i64.checked_pow(u32::from(scale - decimal.scale))?)
}

fn datetime(micros: i64) -> Option<Value> {
    DATETIMES.contains(&micros).then_some(Value::Datetime(micros))
}

fn day_from(days: i64) -> Option<Value> {
    i32::try_from(days).ok().filter(|days| DATES.contains(days)).map(Value::Date)
}
