//! JSON in SQLite: text, and values that know their types.

use purlin_schema::Kind;
use purlin_schema::expr::Comparison;

use super::Sqlite;
use crate::sql::dialect::json::{Json, Place, Words};
use crate::sql::json::COMPARISONS;

impl Json for Sqlite {
    fn words(&self) -> &'static Words {
        &Words {
            text: "'text'",
            null: "'null'",
            array: "'array'",
            object: "'object'",
            is_number: "IN ('integer', 'real')",
            is_truth: "IN ('true', 'false')",
        }
    }

    fn ty(&self, document: &str) -> String {
        format!("json_type({document})")
    }

    fn null_document(&self) -> &'static str {
        "'null'"
    }

    fn scalar(&self, document: &str) -> String {
        format!("json_extract({document}, '$')")
    }

    fn at(&self, document: &str, path: &str, _: &[String]) -> Place {
        let ty = format!("json_type({document}, {path})");
        Place {
            error: Some(format!("{ty} IS NULL")),
            scalar: format!("json_extract({document}, {path})"),
            document: format!("({document} -> {path})"),
            ty,
        }
    }

    fn element(&self, alias: &str) -> Place {
        Place {
            ty: format!("{alias}.type"),
            scalar: format!("{alias}.value"),
            document: format!(
                "CASE {alias}.type WHEN 'array' THEN {alias}.value WHEN 'object' THEN {alias}.value \
                 WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE json_quote({alias}.value) END"
            ),
            error: None,
        }
    }

    fn container(&self, alias: &str) -> String {
        format!("CASE WHEN {alias}.type IN ('array', 'object') THEN {alias}.value END")
    }

    fn compare(&self, place: &Place, operator: &str, value: &str, _: Kind) -> String {
        format!("{} {operator} {value}", place.scalar)
    }

    fn value(&self, place: &Place, kind: Kind) -> String {
        let scalar = &place.scalar;
        match kind {
            Kind::Float => format!("CAST({scalar} AS REAL)"),
            Kind::Int => format!(
                "CASE WHEN typeof({scalar}) = 'integer' THEN {scalar} \
                 WHEN {scalar} >= -9223372036854775808.0 AND {scalar} < 9223372036854775808.0 \
                 AND CAST({scalar} AS INTEGER) = {scalar} THEN CAST({scalar} AS INTEGER) END"
            ),
            _ => scalar.clone(),
        }
    }

    /// By the schema's evaluator.
    fn between(&self, comparison: Comparison, a: &Place, b: &Place) -> String {
        let code = COMPARISONS.iter().position(|known| *known == comparison).unwrap_or_default();
        format!("purlin_json({code}, {}, {})", a.document, b.document)
    }

    fn rows(&self, array: &str, alias: &str) -> String {
        format!("json_each({array}) AS {alias}")
    }

    fn keys(&self, object: &str) -> String {
        format!("(SELECT json_group_array(key) FROM json_each({object}))")
    }

    fn has_key(&self, object: &str, key: &str) -> String {
        format!("EXISTS (SELECT 1 FROM json_each({object}) AS k WHERE k.key = {key})")
    }

    fn length(&self, array: &str) -> String {
        format!("json_array_length({array})")
    }
}
