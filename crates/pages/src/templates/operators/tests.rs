//! What operators are compiled to, and that without decimals it means what Jinja means.

use std::sync::LazyLock;

use minijinja::{Environment, Value};
use proptest::prelude::*;

use super::*;
use crate::templates::testing;

fn compiled(source: &str, decimals: bool) -> String {
    edits(source, decimals).apply(source)
}

#[test]
fn operators_become_filters() {
    for (source, expected) in [
        ("{{ a<b }}", "{{ (a)|_lt(b) }}"),
        ("{% if a.b|f >= -c[1] %}", "{% if (a.b|f )|_ge( (c[1])|_negate) %}"),
        ("{{ (a + b) * c - d }}", "{{ ((((a )|_add( b)) )|_mul( c) )|_sub( d) }}"),
        ("{{ a ** b ** c }}", "{{ ((a )|_pow( b) )|_pow( c) }}"),
        ("{{ not a == b and c }}", "{{ not (a )|_eq( b) and c }}"),
        ("{{ x if a > b else c // d }}", "{{ x if (a )|_gt( b) else (c )|_floordiv( d) }}"),
        ("{{ a not\nin b }}", "{{ (a )|_not_in(\n b) }}"),
        ("{{ 1 < a <= b }}", "{{ (1 )|_chain(\"_lt\", a ,\"_le\", b) }}"),
        ("{{ f(a % b, *c, k=d / e, **g) }}", "{{ f((a )|_mod( b), *c, k=(d )|_div( e), **g) }}"),
        ("{{ {'k': a != b}.k }}", "{{ {'k': (a )|_ne( b)}.k }}"),
        ("{{ a is gt b and c is divisibleby d + e }}", "{{ a is gt b and (c is divisibleby d )|_add( e) }}"),
        ("{%- for a, b in c if a > b -%}", "{%- for a, b in c if (a )|_gt( b) -%}"),
        (
            "{% set x, y = a - b, c %}{% set z = a in c %}",
            "{% set x, y = (a )|_sub( b), c %}{% set z = (a )|_in( c) %}",
        ),
        ("{% macro m(a, b=c * d) %}", "{% macro m(a, b=(c )|_mul( d)) %}"),
        ("{% call(x) m(a + x) %}", "{% call(x) m((a )|_add( x)) %}"),
        ("{{ loop.previtem.price > loop.index }}", "{{ (loop.previtem.price )|_gt( loop.index) }}"),
        ("{{ 2.5 < 0 < l[0] < i }}", "{{ (2.5 )|_chain(\"_lt\", 0 ,\"_lt\", l[0] ,\"_lt\", i) }}"),
        ("{{ '<' ~ a > b }}", "{{ ('<' ~ a )|_gt( b) }}"),
    ] {
        assert_eq!(compiled(source, true), expected);
    }
}

#[test]
fn what_cannot_be_a_decimal_stays() {
    for source in [
        "{{ 1 < 2 and loop.index > 1 and a|length >= 3 }}",
        "{{ a == 'x' or a != none or a is none or true in a or 'x' not in a }}",
        "{{ 'x' + a + (loop.index0 + 1) }}",
        "{{ loop.index % 2 * -1 - b|count }}",
        "a < b {# a < b #}{% raw %}{{ a < b }}{% endraw %}{{ 'a < b' }}",
        "{% include \"a\" ignore missing %}{% import \"a\" as b %}{% for a in b recursive %}{% block c %}",
    ] {
        assert_eq!(compiled(source, true), source);
    }
    // Without decimals, order alone is looked at.
    assert_eq!(compiled("{{ a + b == c and a < b }}", false), "{{ a + b == c and (a )|_lt( b) }}");
}

/// Random expressions over what a template has beside decimals.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "i", "j", "f", "t", "l", "m", "n", "y", "3", "0", "2.5", "'x'", "true", "none", "[1, 'x']", "l[0]",
        "m.k", "(i)", "t|upper", "l|length", "safe",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "//", "%", "**", "~", "<", "<=", ">", ">=", "==", "!=", "in", "not in",
            "and", "or",
        ]);
        let binary = (inner.clone(), operator.clone(), inner.clone());
        prop_oneof![
            4 => binary.clone().prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
            2 => binary.prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            1 => (inner.clone(), operator, inner.clone(), inner.clone())
                .prop_map(|(a, operator, b, c)| format!("{a} {operator} {b} {operator} {c}")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => inner.clone().prop_map(|a| format!("(not {a})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]|first")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
        ]
    })
}

fn shown(env: &Environment<'_>, source: &str) -> Option<String> {
    let names = Value::from_pairs([
        ("i", Value::from(7)),
        ("j", Value::from(-2)),
        ("f", Value::from(0.5)),
        ("t", Value::from("a<b")),
        ("l", Value::from(vec![Value::from(7), Value::from("x"), Value::from(0.5)])),
        ("m", Value::from_pairs([("k", Value::from(2))])),
        ("n", Value::from(())),
        ("y", Value::from(true)),
        ("safe", Value::from_safe_string("<b>".to_owned())),
    ]);
    let template = env.template_from_named_str("t.html", source).expect("it can be parsed");
    template.render(names).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn without_decimals_every_expression_means_what_it_means_to_jinja(expression in expressions()) {
        let source = format!("{{{{ {expression} }}}}|{{% if {expression} %}}yes{{% endif %}}");
        static ENV: LazyLock<Environment<'static>> = LazyLock::new(testing::environment);
        let env = &*ENV;
        prop_assume!(env.template_from_named_str("t.html", &source).is_ok());
        let compiled = compiled(&source, true);
        let (ours, jinja) = (shown(env, &compiled), shown(env, &source));
        // Of a chain that is false at its beginning the rest is computed all the same, which may be an error.
        prop_assert!(ours == jinja || ours.is_none() && compiled.contains(CHAIN), "{:?} {:?}", ours, jinja);
    }
}
