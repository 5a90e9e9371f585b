//! Filters of Jinja that compute, for exact decimals as well; of all else they give what Jinja's own give.

use std::cmp::Ordering;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, State, Value, filters};

use crate::value::exact::{Exact, Number, Rounding};
use crate::value::refusal;

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("abs", |value: &Value| match value.downcast_object_ref::<Exact>() {
        Some(exact) => given(exact.abs()),
        None => filters::abs(value.clone()),
    });
    env.add_filter("int", int);
    env.add_filter("round", round);
    env.add_filter("sum", sum);
    env.add_filter("min", |state: &State, values: &Value, options: Kwargs| {
        extreme(values, Ordering::Less).unwrap_or_else(|| filters::min(state, values.clone(), options))
    });
    env.add_filter("max", |state: &State, values: &Value, options: Kwargs| {
        extreme(values, Ordering::Greater).unwrap_or_else(|| filters::max(state, values.clone(), options))
    });
}

pub(super) fn given(result: Option<Exact>) -> Result<Value, Error> {
    result.map(Exact::value).ok_or_else(|| refusal("the result has too many digits to be exact"))
}

fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    options: Kwargs,
) -> Result<Value, Error> {
    match value.downcast_object_ref::<Exact>() {
        Some(exact) => given(exact.truncate()),
        None => filters::int(state, value, default, base, options),
    }
}

fn round(
    value: &Value,
    precision: Option<i32>,
    method: Option<&str>,
    options: Kwargs,
) -> Result<Value, Error> {
    let Some(exact) = value.downcast_object_ref::<Exact>() else {
        return filters::round(value.clone(), precision, method, options);
    };
    let precision = precision.map_or_else(|| options.get("precision"), |given| Ok(Some(given)))?;
    let method = method.map_or_else(|| options.get("method"), |given| Ok(Some(given)))?;
    options.assert_all_used()?;
    let to = match method.unwrap_or("common") {
        "common" => Rounding::Nearest,
        "floor" => Rounding::Down,
        "ceil" => Rounding::Up,
        _ => return Err(refusal("method must be common, ceil or floor")),
    };
    match u8::try_from(precision.unwrap_or(0)) {
        Ok(digits) => given(exact.round(digits, to)),
        Err(_) => Err(refusal("a decimal is rounded to digits after the point: 0 or more")),
    }
}

/// Unlike Jinja's own, this leaves out nothing that is asked for and not there.
#[expect(clippy::needless_pass_by_value, reason = "Jinja passes arguments so")]
fn sum(
    state: &mut State,
    values: &Value,
    attribute: Option<&str>,
    start: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let attribute = attribute.map_or_else(|| options.get("attribute"), |given| Ok(Some(given)))?;
    let start = start.map_or_else(|| options.get("start"), |given| Ok(Some(given)))?;
    options.assert_all_used()?;
    let mut total = start.unwrap_or(Value::from(0));
    for item in values.try_iter()?.checked() {
        let mut part = item?;
        for name in attribute.iter().flat_map(|path| path.split('.')) {
            part = match name.parse::<usize>() {
                Ok(at) => part.get_item_by_index(at)?,
                Err(_) => part.get_attr(name)?,
            };
        }
        if part.kind() == ValueKind::Invalid {
            // Whatever walks through it tells why.
            part = Value::from(vec![part]).try_iter()?.checked().next().transpose()?.unwrap_or_default();
        }
        if part.is_undefined() {
            continue;
        }
        let is_number = |value: &Value| value.kind() == ValueKind::Bool || Number::of(value).is_some();
        if is_number(&total) && !is_number(&part) {
            return Err(refusal(format!(
                "only numbers have a sum, and this is {}; leave out what is none: |select(\"number\")",
                part.kind()
            )));
        }
        total = state.apply_filter("_add", &[total, part])?;
    }
    Ok(total)
}

/// The least or greatest of a list that has decimals and other numbers; None for every other list.
fn extreme(values: &Value, wanted: Ordering) -> Option<Result<Value, Error>> {
    if !matches!(values.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return None;
    }
    let items: Vec<Value> = values.try_iter().ok()?.collect();
    let numbers: Vec<Number> = items.iter().map(Number::of).collect::<Option<_>>()?;
    if items.is_empty() || items.iter().all(|item| item.kind() == ValueKind::Number) {
        return None;
    }
    let mut best = 0;
    for at in 1..items.len() {
        if numbers[at].compare(numbers[best]) == Some(wanted) {
            best = at;
        }
    }
    Some(Ok(items[best].clone()))
}
