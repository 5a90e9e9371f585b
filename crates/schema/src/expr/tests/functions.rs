//! What functions compute, and that the table of them is whole.

use super::Site;
use crate::expr::functions::OVERLOADS;
use crate::expr::{Expect, check, fold, print, sample};
use crate::model::Models;
use crate::value::{Decimal, Kind, Value};

/// A constant expression, computed, as CEL.
fn computed(text: &str) -> String {
    let site = Site::new();
    let expr = site.check(text).unwrap_or_else(|mistakes| panic!("{}", mistakes[0].draw(text)));
    print(&fold(expr), &site.scope())
}

#[test]
fn functions_compute_what_cel_says() {
    for (text, value) in [
        ("\"日本語\".contains(\"本\")", "true"),
        ("\"abc\".contains(\"\")", "true"),
        ("\"a%c\".contains(\"%\") && !\"abc\".contains(\"%\")", "true"),
        ("\"Ab\".startsWith(\"a\")", "false"),
        ("\"e\\u0301\".size()", "2"),
        ("size(\"😀\")", "1"),
        ("\"ÄBC\".lowerAscii()", "\"Äbc\""),
        ("\"xay\".matches(\"a\")", "true"),
        ("\"xay\".matches(\"^a$\")", "false"),
        ("int(\"-12\") + int(2.9) + int(-2.9)", "-12"),
        ("int(timestamp(\"1969-12-31T23:59:59.5Z\"))", "-1"),
        ("double(\"1e3\")", "1000.0"),
        ("double(9007199254740993) == 9007199254740992.0", "true"),
        ("string(1.0) + string(true) + string(-5)", "\"1true-5\""),
        ("string(timestamp(\"2026-01-31T12:00:00.5+02:00\"))", "\"2026-01-31T10:00:00.5Z\""),
        ("string(date(\"2026-01-31\"))", "\"2026-01-31\""),
        ("string(duration(\"-1h30m0.5s\"))", "\"-5400.5s\""),
        ("duration(\"1h\") == duration(\"3600s\") && duration(\"1.5h\") == duration(\"90m\")", "true"),
        ("duration(\"1ms\") + duration(\"1us\") == duration(\"1001µs\")", "true"),
        ("bool(\"t\") && !bool(\"FALSE\")", "true"),
        ("timestamp(date(\"2026-01-31\")) == timestamp(\"2026-01-31T00:00:00Z\")", "true"),
        ("timestamp(0).getFullYear()", "1970"),
        ("timestamp(\"2026-12-31T23:59:59Z\").getDate()", "31"),
        ("date(\"2026-01-01\").getMonth()", "0"),
        (
            "timestamp(\"2026-03-01T00:00:00Z\") - timestamp(\"2026-02-28T00:00:00Z\") == duration(\"24h\")",
            "true",
        ),
        ("7 / 2 * 10 + 7 % 2 - -7 / 2 + -7 % 2", "33"),
        ("9007199254740993 == 9007199254740992.0", "false"),
        ("9007199254740993 > 9007199254740992.0", "true"),
        ("9223372036854775807 < 9223372036854775808.0", "true"),
        ("\"a\" < \"b\" && \"Z\" < \"a\" && \"z\" < \"é\" && \"￿\" < \"😀\"", "true"),
        ("null == null && null != 1 && !(\"\" == null)", "true"),
        ("false < true", "true"),
        ("1 / 0", "error()"),
        ("1 % 0", "error()"),
        ("1.0 / 0.0", "error()"),
        ("1e308 * 10.0", "error()"),
        ("-9223372036854775808 / -1", "error()"),
        ("-(-9223372036854775808)", "error()"),
        ("timestamp(\"9999-12-30T21:59:59Z\") + duration(\"1h\") == now", "error()"),
        ("date(\"0001-01-01\") - duration(\"24h\") == today", "error()"),
        ("1 in [1 / 0, 1]", "error()"),
        ("(1 / 0 == 1 ? true : false) || true", "true"),
        ("false && 1 / 0 == 1", "false"),
        ("!(1 / 0 == 1)", "error()"),
    ] {
        assert_eq!(computed(text), value, "{text}");
    }
}

#[test]
fn literals_that_cannot_be_read_are_mistakes() {
    let site = Site::new();
    for text in [
        "int(\"1.5\")",
        "int(1e19)",
        "int(\"\")",
        "double(\"inf\")",
        "double(\"x\")",
        "bool(\"yes\")",
        "timestamp(\"2026-01-31\")",
        "timestamp(\"2026-02-30T00:00:00Z\")",
        "timestamp(\"0000-01-01T00:00:00Z\")",
        "timestamp(9223372036854775807)",
        "duration(\"\")",
        "duration(\"1\")",
        "duration(\"h\")",
        "duration(\"1h-1m\")",
        "duration(\"99999999999999h\")",
        "date(\"2026-1-31\")",
        "date(\"2026-02-30\")",
    ] {
        let mistakes = site.check(text).expect_err(text);
        assert_eq!(mistakes[0].code, "bad-literal", "{text}");
    }
}

/// A value that every overload taking its kind can read.
fn plain(kind: Kind, name: &str) -> Value {
    match kind {
        Kind::Bool => Value::Bool(true),
        Kind::Int => Value::Int(1),
        Kind::Float => Value::Float(1.0),
        Kind::Decimal(scale) => Value::Decimal(Decimal { units: 1, scale }),
        Kind::Text => Value::from(match name {
            "timestamp" => "2026-01-31T00:00:00Z",
            "duration" => "1h",
            _ => "1",
        }),
        Kind::Date => Value::Date(0),
        Kind::Datetime => Value::Datetime(0),
        Kind::Duration => Value::Duration(0),
        Kind::Uuid => Value::Uuid(crate::Uuid::nil()),
        Kind::Json => Value::Json(Box::default()),
    }
}

#[test]
fn every_overload_computes_and_none_takes_null() {
    use crate::expr::eval::call;
    for overload in OVERLOADS {
        let args: Vec<Value> = overload.takes.iter().map(|kind| plain(*kind, overload.name)).collect();
        let value = call(overload.function, &args);
        let gives = match value.as_ref().expect(overload.name) {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Float(_) => Kind::Float,
            Value::Text(_) => Kind::Text,
            Value::Datetime(_) => Kind::Datetime,
            Value::Duration(_) => Kind::Duration,
            other => panic!("{other:?}"),
        };
        assert_eq!(gives, overload.gives, "{}", overload.name);
        for at in 0..args.len() {
            let mut args = args.clone();
            args[at] = Value::Null;
            assert_eq!(call(overload.function, &args), None, "{}", overload.name);
        }
    }
}

#[test]
fn dates_agree_with_their_bounds() {
    use crate::expr::{DATES, DATETIMES, eval};
    assert_eq!(eval::date("0001-01-01"), Some(*DATES.start()));
    assert_eq!(eval::date("9999-12-31"), Some(*DATES.end()));
    assert_eq!(i64::from(*DATES.start()) * 86_400_000_000, *DATETIMES.start());
    assert_eq!(jiff::Timestamp::MAX.as_microsecond(), *DATETIMES.end());
}

#[test]
fn what_an_expression_looks_at_is_told() {
    use crate::expr::{Input, Scope};
    let models: Models = sample::models();
    let posts = models.named("posts").expect("posts");
    let scope = Scope::of(&models).this(posts.id);
    let of = |text: &str| {
        check(text, &scope, Expect::Condition).unwrap_or_else(|wrong| panic!("{}", wrong[0].draw(text)))
    };
    let text = "title == \"x\" && author.team.name == user.name && tags.exists(t, t.name == slug && now > created_at)";
    let needs = of(text).needs();
    let own: Vec<&str> = needs.own.iter().map(|field| posts.field(*field).name.as_str()).collect();
    assert_eq!(own, ["title", "author", "slug", "created_at"]);
    assert_eq!((needs.walks.len(), needs.inputs.len(), needs.user()), (1, 2, true));
    assert!(needs.inputs.contains_key(&Input::Now));
    assert!(!of(text).is_field_local() && of("title == slug && user != null").is_field_local());
    assert!(!of("author.name == \"x\"").is_field_local() && !of("size(tags) > 1").is_field_local());
    assert!(of("featured && title.matches(\"a\")").in_memory_only() && !of("featured").in_memory_only());
}
