//! What the operators of an expression are compiled to where a decimal or a time may stand beside them: nobody writes
//! these (see `templates::operators`).
//!
//! Decimals compare and compute exactly. A decimal or a time put in order with a text is an error that says what to
//! write, where Jinja would order the two by their kinds and say nothing. All else does as Jinja does.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::machinery::Token;
use minijinja::value::{Rest, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Expression, State, Value};

use crate::value::exact::{Exact, Number};
use crate::value::{list, refusal, time};

/// A comparison: its filter, the tests of Jinja that mean the same, and what it does.
type Comparison = (&'static str, &'static [&'static str], fn(&Value, &Value) -> Result<bool, Error>);

/// An operation on two numbers: its filter, how it is written, and what it does.
type Operation = (&'static str, &'static str, Compute);

/// What an operation does with decimals; None where the result is too long to be exact.
type Compute = fn(Exact, Exact) -> Result<Option<Value>, Error>;

/// `-a`.
pub(crate) const NEGATE: &str = "_negate";

/// `a in b`, as it is written.
const IN: &str = "in";

/// `a < b <= c`, with the operators as texts between.
pub(crate) const CHAIN: &str = "_chain";

const COMPARISONS: &[Comparison] = &[
    ("_eq", &["==", "eq", "equalto"], |a, b| Ok(same(a, b))),
    ("_ne", &["!=", "ne"], |a, b| Ok(!same(a, b))),
    ("_lt", &["<", "lt", "lessthan"], |a, b| ordered(a, b, Ordering::is_lt)),
    ("_le", &["<=", "le"], |a, b| ordered(a, b, Ordering::is_le)),
    ("_gt", &[">", "gt", "greaterthan"], |a, b| ordered(a, b, Ordering::is_gt)),
    ("_ge", &[">=", "ge"], |a, b| ordered(a, b, Ordering::is_ge)),
];

const OPERATIONS: &[Operation] = &[
    ("_add", "+", |a, b| Ok(a.add(b).map(Exact::value))),
    ("_sub", "-", |a, b| Ok(b.negate().and_then(|b| a.add(b)).map(Exact::value))),
    ("_mul", "*", |a, b| Ok(a.multiply(b).map(Exact::value))),
    ("_div", "/", |a, b| divisor(b).map(|b| Some(Value::from(a.as_float() / b.as_float())))),
    ("_floordiv", "//", |a, b| Ok(a.divide_floor(divisor(b)?).map(|(whole, _)| whole.value()))),
    ("_mod", "%", |a, b| Ok(a.divide_floor(divisor(b)?).map(|(_, rest)| rest.value()))),
    ("_pow", "**", |a, b| Ok(Some(Value::from(a.as_float().powf(b.as_float()))))),
];

/// The filter that an operator with two sides is compiled to.
pub(crate) fn filter_of(operator: &Token<'_>) -> Option<&'static str> {
    Some(match operator {
        Token::Eq => "_eq",
        Token::Ne => "_ne",
        Token::Lt => "_lt",
        Token::Lte => "_le",
        Token::Gt => "_gt",
        Token::Gte => "_ge",
        Token::Ident("in") => "_in",
        Token::Ident("not") => "_not_in",
        Token::Plus => "_add",
        Token::Minus => "_sub",
        Token::Mul => "_mul",
        Token::Div => "_div",
        Token::FloorDiv => "_floordiv",
        Token::Mod => "_mod",
        Token::Pow => "_pow",
        _ => return None,
    })
}

/// Puts these into an environment, and the tests and filters of Jinja that mean the same.
pub(super) fn install(env: &mut Environment<'static>) {
    for &(filter, tests, holds) in COMPARISONS {
        let holds = move |a: &Value, b: &Value| defined(a, b).and_then(|()| holds(a, b));
        env.add_filter(filter, holds);
        for test in tests {
            env.add_test(*test, holds);
        }
    }
    env.add_filter("_in", within);
    env.add_filter("_not_in", |a: &Value, b: &Value| within(a, b).map(|is| !is));
    // As a test this is false of what holds nothing.
    env.add_test("in", |a: &Value, b: &Value| within(a, b).unwrap_or(false));
    env.add_filter(CHAIN, |first: &Value, rest: Rest<Value>| chain(first, &rest));
    for &(filter, sign, compute) in OPERATIONS {
        env.add_filter(filter, move |state: &mut State, a: &Value, b: &Value| {
            defined(a, b)?;
            match numbers(a, b) {
                Some(numbers) => computed((sign, compute), numbers, [a, b]),
                None if sign == "+" && joins_markup(state, a, b) => join(state, a, b),
                None => native(sign, a, b),
            }
        });
    }
    env.add_filter(NEGATE, |a: &Value| match a.downcast_object_ref::<Exact>() {
        Some(exact) => super::exact::given(exact.negate()),
        None => native(NEGATE, a, a),
    });
    env.add_test("number", |a: &Value| Number::of(a).is_some());
}

fn defined(a: &Value, b: &Value) -> Result<(), Error> {
    if a.is_undefined() || b.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(()) }
}

/// Both numbers, where one of them is a decimal and Jinja would not know what to do.
fn numbers(a: &Value, b: &Value) -> Option<(Number, Number)> {
    let either = a.downcast_object_ref::<Exact>().is_some() || b.downcast_object_ref::<Exact>().is_some();
    if either { Number::of(a).zip(Number::of(b)) } else { None }
}

fn same(a: &Value, b: &Value) -> bool {
    match numbers(a, b) {
        Some((a, b)) => a.compare(b) == Some(Ordering::Equal),
        None => a == b,
    }
}

/// Whether two are in this order.
fn ordered(a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Result<bool, Error> {
    if let Some((a, b)) = numbers(a, b) {
        return Ok(a.compare(b).is_some_and(holds));
    }
    for (one, other) in [(a, b), (b, a)] {
        let Some((what, instead)) = described(one) else { continue };
        if matches!(other.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool) {
            return Err(refusal(format!("{what} is not put in order with a {}; {instead}", other.kind())));
        }
    }
    Ok(a.partial_cmp(b).is_some_and(holds))
}

/// What has no order beside what is written in a template, and what to write instead.
fn described(value: &Value) -> Option<(&'static str, &'static str)> {
    if value.downcast_object_ref::<Exact>().is_some() {
        return Some(("a decimal", "write a number, without quotes"));
    }
    if value.downcast_object_ref::<time::Instant>().is_some()
        || value.downcast_object_ref::<time::Day>().is_some()
    {
        return Some(("a time", "compare it with `now` or another field, or its text: |date(\"%Y-%m-%d\")"));
    }
    let is_span = value.downcast_object_ref::<time::Span>().is_some();
    is_span.then_some(("a span of time", "compare it with another, or write a condition in the query"))
}

/// `a in b`.
fn within(a: &Value, b: &Value) -> Result<bool, Error> {
    defined(a, b)?;
    let is_list = matches!(b.kind(), ValueKind::Seq | ValueKind::Iterable) && !list::is_of_records(b);
    if Number::of(a).is_none() || !is_list {
        return native(IN, a, b).map(|is| is.is_true());
    }
    for item in b.try_iter()?.checked() {
        if same(a, &item?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn chain(first: &Value, rest: &[Value]) -> Result<bool, Error> {
    let mut left = first;
    for pair in rest.chunks_exact(2) {
        let (operator, right) = (pair[0].as_str().unwrap_or_default(), &pair[1]);
        let holds = match COMPARISONS.iter().find(|(filter, ..)| *filter == operator) {
            Some((.., holds)) => defined(left, right).and_then(|()| holds(left, right))?,
            None => within(left, right)? != (operator == "_not_in"),
        };
        if !holds {
            return Ok(false);
        }
        left = right;
    }
    Ok(true)
}

fn computed(
    (sign, compute): (&str, Compute),
    (a, b): (Number, Number),
    written: [&Value; 2],
) -> Result<Value, Error> {
    let exact = match (a, b) {
        (Number::Exact(a), Number::Exact(b)) => compute(a, b)?,
        _ => None,
    };
    match exact {
        Some(result) => Ok(result),
        // What came of a float was not exact before.
        None if written.iter().any(|value| value.kind() == ValueKind::Number && !value.is_integer()) => {
            native(sign, &Value::from(a.as_float()), &Value::from(b.as_float()))
        }
        None => {
            Err(refusal("the result has too many digits to be exact; write |float to compute with fewer"))
        }
    }
}

fn divisor(number: Exact) -> Result<Exact, Error> {
    if number.as_float() == 0.0 { Err(refusal("this divides by zero")) } else { Ok(number) }
}

/// Whether a plain text is added to markup, which must be escaped first.
fn joins_markup(state: &State, a: &Value, b: &Value) -> bool {
    let texts = a.as_str().is_some() && b.as_str().is_some();
    texts && a.is_safe() != b.is_safe() && !matches!(state.auto_escape(), AutoEscape::None)
}

fn join(state: &mut State, a: &Value, b: &Value) -> Result<Value, Error> {
    let mut out = String::new();
    for value in [a, b] {
        match value.as_str() {
            Some(text) if value.is_safe() => out.push_str(text),
            _ => out.push_str(&state.format(value.clone())?),
        }
    }
    Ok(Value::from_safe_string(out))
}

/// An operation as Jinja does it. Its own functions for that are not public, so that an expression asks it.
fn native(sign: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    static ENV: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);
    static NATIVE: LazyLock<BTreeMap<&'static str, Expression<'static, 'static>>> = LazyLock::new(|| {
        let signs = OPERATIONS.iter().map(|(_, sign, _)| (*sign, format!("a {sign} b")));
        let compile = |(sign, source)| Some((sign, ENV.compile_expression_owned(source).ok()?));
        signs.chain([(NEGATE, "-a".to_owned()), (IN, "a in b".to_owned())]).filter_map(compile).collect()
    });
    NATIVE[sign].eval(Value::from_pairs([("a", a.clone()), ("b", b.clone())]))
}
