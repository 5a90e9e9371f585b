//! `number`: a number with its thousands apart.

use std::sync::Arc;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::{Shared, refusal};

pub(super) const FILTER: Filter = Filter {
    names: &["number"],
    about: "A number with its thousands apart; decimals= says how many digits after the point, sep= and point= with what.",
    examples: &[
        ("{{ 1234567|number }}", "1,234,567"),
        ("{{ 1234.5|number(decimals=2) }}", "1,234.50"),
        ("{{ -1234567.891|number(decimals=1, sep='.', point=',') }}", "-1.234.567,9"),
        ("{{ '12.30'|number }}", "12.30"),
        ("{{ none|number }}", ""),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value, options: Kwargs| -> Result<String, Error> {
        let decimals: Option<usize> = options.get("decimals")?;
        let sep: Option<&str> = options.get("sep")?;
        let point: Option<&str> = options.get("point")?;
        options.assert_all_used()?;
        let mut text = super::text_of(value)?;
        if text.is_empty() {
            return Ok(text);
        }
        let not_a_number = || refusal(format!("`{text}` is no number"));
        let parsed: f64 = text.parse().map_err(|_| not_a_number())?;
        if !parsed.is_finite() {
            return Err(not_a_number());
        }
        if let Some(decimals) = decimals {
            text = round(&text, parsed, decimals.min(20));
        }
        Ok(group(&text, sep.unwrap_or(","), point.unwrap_or(".")))
    });
}

/// To so many digits; digits that an exact decimal has already are kept as they are.
fn round(text: &str, parsed: f64, decimals: usize) -> String {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    if plain && part.len() <= decimals {
        let point = if decimals > 0 { "." } else { "" };
        return format!("{whole}{point}{part:0<decimals$}");
    }
    format!("{parsed:.decimals$}")
}

fn group(text: &str, sep: &str, point: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push_str(sep);
        }
        out.push(digit);
    }
    if let Some(part) = part {
        out.push_str(point);
        out.push_str(part);
    }
    out
}
