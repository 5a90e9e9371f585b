//! JSON in PostgreSQL: `jsonb`, whose numbers are `numeric`.
//!
//! Paths are strict and silent: lax ones would look into the elements of an array for a key.

use purlin_schema::Kind;
use purlin_schema::expr::Comparison;

use super::compute::{INFINITE, SMALLEST, double, integer, with};
use super::{Postgres, cast};
use crate::sql::dialect::Sql;
use crate::sql::dialect::json::{Json, Place, Words, operator};

impl Json for Postgres {
    fn words(&self) -> &'static Words {
        &Words {
            text: "'string'",
            null: "'null'",
            array: "'array'",
            object: "'object'",
            is_number: "= 'number'",
            is_truth: "= 'boolean'",
        }
    }

    fn ty(&self, document: &str) -> String {
        format!("jsonb_typeof({document})")
    }

    fn null_document(&self) -> &'static str {
        "'null'::jsonb"
    }

    fn at(&self, document: &str, path: &str, _: &[String]) -> Place {
        let found =
            format!("jsonb_path_query_first({document}, ('strict ' || {path})::jsonpath, '{{}}', TRUE)");
        self.place(found, true)
    }

    fn compare(&self, place: &Place, operator: &str, value: &str, kind: Kind) -> String {
        let whole = whole(&place.document);
        match kind {
            Kind::Int => {
                let float = self.beside_integers("v.b");
                let body = format!(
                    "CASE WHEN v.a IS NOT NULL THEN v.a {operator} v.c ELSE {float} {operator} v.c::numeric END"
                );
                let values = format!("{whole} AS a, {} AS b, {value} AS c", float_of(&place.document));
                format!("(SELECT {body} FROM (SELECT {values} OFFSET 0) AS v)")
            }
            Kind::Float => {
                let float = self.beside_integers("v.c");
                let body = format!(
                    "CASE WHEN v.a IS NOT NULL THEN v.a::numeric {operator} {float} ELSE v.b {operator} v.c END"
                );
                let values = format!("{whole} AS a, {} AS b, {value} AS c", float_of(&place.document));
                format!("(SELECT {body} FROM (SELECT {values} OFFSET 0) AS v)")
            }
            _ => format!("{} {operator} {value}", self.value(place, kind)),
        }
    }

    fn value(&self, place: &Place, kind: Kind) -> String {
        let document = &place.document;
        match kind {
            Kind::Bool => {
                format!("CASE {document} WHEN 'true'::jsonb THEN TRUE WHEN 'false'::jsonb THEN FALSE END")
            }
            Kind::Text => format!("(({document} #>> '{{}}') COLLATE \"C\")"),
            Kind::Float => float_of(document),
            Kind::Int => with(
                &whole(document),
                &float_of(document),
                "CASE WHEN v.a IS NOT NULL THEN v.a WHEN v.b >= -9223372036854775808 AND v.b < 9223372036854775808 \
                 AND v.b = trunc(v.b) THEN v.b::bigint END",
            ),
            _ => format!("NULL::{}", cast(kind)),
        }
    }

    fn between(&self, comparison: Comparison, a: &Place, b: &Place) -> String {
        let (sign, x, y) = (operator(comparison), "v.a", "v.b");
        let (m, n) = (number(x), number(y));
        let body = match comparison {
            Comparison::Equal | Comparison::NotEqual => format!("v.a {sign} v.b"),
            _ => format!(
                "CASE WHEN jsonb_typeof({x}) <> jsonb_typeof({y}) THEN NULL \
                 WHEN jsonb_typeof({x}) = 'number' THEN {m} {sign} {n} \
                 WHEN jsonb_typeof({x}) = 'string' THEN ({x} #>> '{{}}') COLLATE \"C\" {sign} ({y} #>> '{{}}') COLLATE \"C\" \
                 WHEN jsonb_typeof({x}) = 'boolean' THEN {x} {sign} {y} END"
            ),
        };
        with(&a.document, &b.document, &body)
    }

    /// No index has a subquery.
    fn indexed_number(&self, place: &Place) -> String {
        let number = number(&place.document);
        format!(
            "CASE WHEN abs({number}) < {SMALLEST} THEN 0 WHEN abs({number}) < {INFINITE} THEN {number}::float8 END"
        )
    }

    fn rows(&self, array: &str, alias: &str) -> String {
        format!("jsonb_array_elements({array}) WITH ORDINALITY AS {alias}(value, id)")
    }

    fn keys(&self, object: &str) -> String {
        format!("jsonb_path_query_array({object}, '$.keyvalue().key')")
    }

    fn has_key(&self, object: &str, key: &str) -> String {
        format!("jsonb_exists({object}, {key})")
    }

    fn length(&self, array: &str) -> String {
        format!("jsonb_array_length({array})::bigint")
    }
}

/// A number of a document; null where it is none.
fn number(document: &str) -> String {
    format!("(CASE jsonb_typeof({document}) WHEN 'number' THEN {document} #>> '{{}}' END)::numeric")
}

/// A number without a fraction that is an integer of 64 bits.
fn whole(document: &str) -> String {
    let body = format!("CASE WHEN v.a = trunc(v.a) THEN {} END", integer("v.a"));
    with(&number(document), "NULL", &body)
}

/// A number as a double.
fn float_of(document: &str) -> String {
    double(&number(document))
}
