//! Random expressions over given models, and random rows to try them on.
//!
//! For tests: this crate's own, and the store's, which compares what its SQL finds with what [`eval`](super::eval())
//! computes over a [`World`]. Everything is made from a *tape* of numbers, whose end means the simplest
//! choice; so a failing case shrinks to a small expression over few rows, all by proptest's own means.

mod expressions;
mod json;
mod world;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

pub use expressions::Taste;
pub use world::{Place, QUERY, World};

use super::{DATES, DATETIMES, Expr};
use crate::model::{ModelId, Models};
use crate::value::{Decimal, Kind, Uuid, Value};

/// Random conditions about a record of `this`: well typed, with everything that an expression can hold.
pub fn condition(models: &Arc<Models>, this: ModelId, taste: Taste) -> impl Strategy<Value = Expr> + use<> {
    let models = Arc::clone(models);
    vec(any::<u16>(), 0..200).prop_map(move |tape| expressions::condition(&models, this, taste, tape))
}

/// Random rows of every model, with nulls, links between them, and inputs.
pub fn world(models: &Arc<Models>) -> impl Strategy<Value = World> + use<> {
    let models = Arc::clone(models);
    vec(any::<u16>(), 0..500).prop_map(move |tape| World::new(&models, tape))
}

/// Numbers that decide; after the last all are 0, which is always the simplest choice.
#[derive(Debug)]
struct Tape {
    numbers: std::vec::IntoIter<u16>,
}

impl Tape {
    fn new(numbers: Vec<u16>) -> Tape {
        Tape { numbers: numbers.into_iter() }
    }

    fn pick(&mut self, of: usize) -> usize {
        usize::from(self.numbers.next().unwrap_or(0)) % of.max(1)
    }

    fn chance(&mut self, of: usize) -> bool {
        self.pick(of) == of - 1
    }

    fn one<'list, T>(&mut self, list: &'list [T]) -> &'list T {
        &list[self.pick(list.len())]
    }

    fn ended(&self) -> bool {
        self.numbers.len() == 0
    }
}

/// A value of a kind out of few, so that rows and literals often meet, with the extremes among them.
fn value(kind: Kind, tape: &mut Tape) -> Value {
    const DAY: i64 = 86_400_000_000;
    match kind {
        Kind::Bool => Value::Bool(tape.pick(2) == 1),
        Kind::Int => Value::Int(*tape.one(&INTEGERS)),
        Kind::Float => Value::Float(*tape.one(&FLOATS)),
        Kind::Decimal(scale) => Value::Decimal(Decimal { units: *tape.one(&INTEGERS), scale }),
        Kind::Text => Value::from(*tape.one(&TEXTS)),
        Kind::Date => {
            Value::Date(*tape.one(&[0, 1, -1, 20_454, 20_455, 11_016, *DATES.start(), *DATES.end()]))
        }
        Kind::Datetime => Value::Datetime(*tape.one(&[
            0,
            1,
            20_454 * DAY,
            20_454 * DAY + 123_456,
            -1,
            *DATETIMES.start(),
            *DATETIMES.end(),
        ])),
        Kind::Duration => {
            Value::Duration(*tape.one(&[0, DAY, 3_600_000_000, 1, -DAY, 90_061_000_001, i64::MAX, i64::MIN]))
        }
        Kind::Uuid => Value::Uuid(Uuid::from_u128(*tape.one(&[0, 1, 2, u128::MAX]))),
        Kind::Json => match json::document(tape, 3) {
            serde_json::Value::Null => Value::Null,
            json => Value::Json(Box::new(json)),
        },
    }
}

const INTEGERS: [i64; 14] =
    [0, 1, 2, 3, -1, 7, 100, -150, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1, i64::MAX, i64::MIN, i64::MAX - 1];

const FLOATS: [f64; 14] = [
    0.0,
    1.0,
    0.5,
    -1.5,
    2.0,
    3.25,
    1e15,
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0,
    9_223_372_036_854_775_807.0,
    -9_223_372_036_854_775_808.0,
    1e308,
    -1e308,
    5e-324,
];

const TEXTS: [&str; 26] = [
    "",
    "a",
    "b",
    "A",
    "ab",
    "Äb",
    "äb",
    "%",
    "_",
    "a%b",
    "a_b",
    "axb",
    "\\",
    "'",
    "\"",
    "日本",
    "日",
    "😀",
    "e\u{301}",
    "é",
    "12",
    "-7",
    "1.5",
    "true",
    "draft",
    "published",
];
