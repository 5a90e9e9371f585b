//! JSON in MySQL, where it is a type, and in MariaDB, where it is text.

use purlin_schema::Kind;
use purlin_schema::expr::{Comparison, Step};

use super::Mysql;
use super::compute::{END, integer, matched};
use crate::names::fitting;
use crate::sql::dialect::json::{Json, PathColumn, Place, Words, operator};
use crate::sql::dialect::{Dialect, Flavour, Sql};
use crate::sql::json::{SORTED_CHARACTERS, path_keys};

/// Characters that a name may have.
const NAME: usize = 64;

impl Json for Mysql {
    fn words(&self) -> &'static Words {
        &Words {
            text: "'STRING'",
            null: "'NULL'",
            array: "'ARRAY'",
            object: "'OBJECT'",
            is_number: "IN ('INTEGER', 'DOUBLE', 'UNSIGNED INTEGER', 'DECIMAL')",
            is_truth: "= 'BOOLEAN'",
        }
    }

    /// MySQL compares a type with no literal of the connection's collation: both are binary, and neither gives way.
    fn ty(&self, document: &str) -> String {
        match self.0 {
            Flavour::MariaDb => format!("JSON_TYPE({document})"),
            // Of what is only ever null it is of no charset at all.
            Flavour::Mysql => {
                format!("(CONVERT(JSON_TYPE({document}) USING utf8mb4) COLLATE {})", self.0.collation())
            }
        }
    }

    fn null_document(&self) -> &'static str {
        match self.0 {
            Flavour::MariaDb => "'null'",
            Flavour::Mysql => "CAST('null' AS JSON)",
        }
    }

    /// What is no array is taken for one of itself: only an array has a first element.
    fn at(&self, document: &str, path: &str, arrays: &[String]) -> Place {
        let mut found = format!("JSON_EXTRACT({document}, {path})");
        if !arrays.is_empty() {
            let is_array = |path: &String| {
                format!("{} = 'ARRAY'", self.ty(&format!("JSON_EXTRACT({document}, {path})")))
            };
            let guard = arrays.iter().map(is_array).collect::<Vec<_>>().join(" AND ");
            found = format!("CASE WHEN {guard} THEN {found} END");
        }
        self.place(found, true)
    }

    fn compare(&self, place: &Place, operator: &str, value: &str, kind: Kind) -> String {
        let (whole, float) = (self.whole(&place.document), float_of(&place.document));
        let (exact, fraction) = match kind {
            Kind::Int => (value.to_owned(), format!("{} {operator} {value}", self.beside_integers(&float))),
            Kind::Float => (self.beside_integers(value), format!("{float} {operator} {value}")),
            _ => return format!("{} {operator} {value}", self.value(place, kind)),
        };
        format!("CASE WHEN {whole} IS NOT NULL THEN {whole} {operator} {exact} ELSE {fraction} END")
    }

    fn value(&self, place: &Place, kind: Kind) -> String {
        let document = &place.document;
        match kind {
            Kind::Bool => {
                let word = self.value(place, Kind::Text);
                format!("CASE {word} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END")
            }
            Kind::Text => self.unquoted(document),
            Kind::Float => float_of(document),
            Kind::Int => {
                let (whole, float) = (self.whole(document), float_of(document));
                format!(
                    "CASE WHEN {whole} IS NOT NULL THEN {whole} WHEN {float} >= -9.223372036854775808e18 \
                     AND {float} < 9.223372036854775808e18 AND {float} = TRUNCATE({float}, 0) \
                     THEN CAST({float} AS SIGNED) END"
                )
            }
            _ => "NULL".to_owned(),
        }
    }

    fn between(&self, comparison: Comparison, a: &Place, b: &Place) -> String {
        let (x, y) = (&a.document, &b.document);
        let equal = match self.0 {
            // Two nulls are equal to it, and null is unequal to any other.
            Flavour::MariaDb => {
                format!("CASE WHEN {x} IS NOT NULL AND {y} IS NOT NULL THEN JSON_EQUALS({x}, {y}) END")
            }
            Flavour::Mysql => format!("({x} = {y})"),
        };
        match comparison {
            Comparison::Equal => return equal,
            Comparison::NotEqual => return format!("(NOT {equal})"),
            _ => {}
        }
        let (sign, is_number) = (operator(comparison), self.words().is_number);
        let numbers = self.compare(a, sign, &self.whole(&b.document), Kind::Int);
        let floats = self.compare(a, sign, &float_of(&b.document), Kind::Float);
        let plain = |kind| format!("{} {sign} {}", self.value(a, kind), self.value(b, kind));
        format!(
            "CASE WHEN {a} {is_number} AND {b} {is_number} \
             THEN CASE WHEN {} IS NOT NULL THEN {numbers} ELSE {floats} END \
             WHEN {a} <> {b} THEN NULL WHEN {a} = 'STRING' THEN {} WHEN {a} = 'BOOLEAN' THEN {} END",
            self.whole(&b.document),
            plain(Kind::Text),
            plain(Kind::Bool),
            a = a.ty,
            b = b.ty,
        )
    }

    /// MariaDB has no index of expressions, and takes none for a column of the same.
    fn path_columns(&self, field: &str, steps: &[Step]) -> Option<[PathColumn; 2]> {
        Some(path_columns(self.0, field, steps))
    }

    fn rows(&self, array: &str, alias: &str) -> String {
        format!("JSON_TABLE({array}, '$[*]' COLUMNS(id FOR ORDINALITY, value JSON PATH '$')) AS {alias}")
    }

    fn keys(&self, object: &str) -> String {
        format!("JSON_KEYS({object})")
    }

    /// By what keys say: MariaDB finds no key whose escapes are written in another case than `JSON_QUOTE` writes them.
    fn has_key(&self, object: &str, key: &str) -> String {
        let (keys, known) = (self.rows(&self.keys(object), "k"), self.unquoted("k.value"));
        format!("EXISTS (SELECT 1 FROM {keys} WHERE {known} = {key})")
    }

    fn length(&self, array: &str) -> String {
        format!("JSON_LENGTH({array})")
    }
}

/// The columns that the index on a path of a field is made of. No field is called so.
pub(crate) fn path_columns(flavour: Flavour, field: &str, steps: &[Step]) -> [PathColumn; 2] {
    let path = steps.iter().fold(field.to_owned(), |path, step| match step {
        Step::Key(key) => format!("{path}.{key}"),
        Step::Index(at) => format!("{path}.{at}"),
    });
    let of = |kind: &str, ty: String, expression: String| PathColumn {
        name: fitting(&format!("{path} {kind}"), NAME),
        ty,
        expression,
    };
    let dialect = Dialect::Mysql(flavour);
    let [text, number] = path_keys(dialect, &dialect.quote(field), steps);
    [
        of("text", format!("varchar({SORTED_CHARACTERS}) COLLATE {}", flavour.collation()), text),
        of("number", "double".to_owned(), number),
    ]
}

impl Mysql {
    /// What a scalar of a document says, in the collation of all other texts: what JSON functions give has another.
    fn unquoted(&self, document: &str) -> String {
        format!("CONVERT(JSON_UNQUOTE({document}) USING utf8mb4) COLLATE {}", self.0.collation())
    }

    /// A number that is written as an integer of 64 bits; null where it is not.
    fn whole(&self, document: &str) -> String {
        let digits = matched(&self.unquoted(document), &format!("^-?[0-9]{{1,19}}{END}"));
        integer(&format!("CAST({digits} AS DECIMAL(65,0))"))
    }
}

/// A number as a double.
fn float_of(document: &str) -> String {
    format!("(JSON_UNQUOTE({document}) + 0e0)")
}
