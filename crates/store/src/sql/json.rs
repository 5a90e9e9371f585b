//! JSON documents in SQL: what stands at a path, and what is asked of it.
//!
//! What a document holds is known at run time alone, so every question has two parts: of which type the value is
//! ([`Place::ty`], in SQLite's words: `text`, `integer`, `real`, `true`, `false`, `null`, `array`, `object`) and what it
//! is as a value of SQL ([`Place::scalar`]). The path is a parameter like any other value: no key, whoever wrote it,
//! becomes text of the statement.

use purlin_schema::expr::{Comparison, ExprKind, Quantifier, Step, Type};
use purlin_schema::{Expr, Kind, Value};

use super::Bind;
use super::dialect::Dialect;
use super::expr::{Code, Compiler, Nulls, Way, all_of, case};
use super::frame::Scope;
use crate::error::CompileError;

/// The operators by the numbers that `purlin_json` knows them by.
pub(crate) const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// Where a JSON value is.
pub(crate) struct Place {
    /// Its type as a text; null only where it is an error.
    pub(crate) ty: String,
    /// Itself as a number or text, and as 1 or 0 where it is true or false.
    pub(crate) scalar: String,
    /// Itself as the text of a document; null only where it is an error.
    pub(crate) document: String,
    /// The condition under which it is an error; it is never unknown.
    pub(crate) error: Option<String>,
}

impl Compiler<'_> {
    /// The place that an expression which gives JSON stands for.
    pub(crate) fn json(&mut self, expr: &Expr) -> Result<Place, CompileError> {
        self.looks_into_json(expr)?;
        match &expr.kind {
            ExprKind::Member(of, steps) => {
                let document = self.container(of)?;
                Ok(self.at_path(&document, steps))
            }
            ExprKind::Element(scope) => {
                let alias = &self.scopes[self.scope_at(*scope)?].alias;
                Ok(element(alias))
            }
            _ => {
                let code = self.value(expr)?;
                let error = code.error();
                let known = |null: &str, of: String| {
                    let known = format!("coalesce({of}, {null})");
                    error.as_ref().map_or(known.clone(), |error| case(std::slice::from_ref(error), &known))
                };
                Ok(Place {
                    ty: known("'null'", format!("json_type({})", code.sql)),
                    scalar: format!("json_extract({}, '$')", code.sql),
                    document: known("'null'", code.sql.clone()),
                    error,
                })
            }
        }
    }

    fn looks_into_json(&self, expr: &Expr) -> Result<(), CompileError> {
        match self.dialect {
            Dialect::Sqlite => Ok(()),
            _ => Err(CompileError::new(expr, "this database is not asked about JSON")),
        }
    }

    /// JSON text to look into; null where there is none.
    fn container(&mut self, expr: &Expr) -> Result<String, CompileError> {
        self.looks_into_json(expr)?;
        Ok(match &expr.kind {
            ExprKind::Element(scope) => {
                let alias = &self.scopes[self.scope_at(*scope)?].alias;
                format!("CASE WHEN {alias}.type IN ('array', 'object') THEN {alias}.value END")
            }
            _ => self.value(expr)?.sql,
        })
    }

    fn at_path(&mut self, document: &str, steps: &[Step]) -> Place {
        let path = self.path_of(steps);
        let ty = format!("json_type({document}, {path})");
        Place {
            error: Some(format!("{ty} IS NULL")),
            scalar: format!("json_extract({document}, {path})"),
            document: format!("({document} -> {path})"),
            ty,
        }
    }

    fn path_of(&mut self, steps: &[Step]) -> String {
        let path = steps.iter().fold("$".to_owned(), |path, step| match step {
            Step::Key(key) => format!("{path}.{}", serde_json::Value::from(&**key)),
            Step::Index(at) => format!("{path}[{at}]"),
        });
        self.binds.mark(Bind::Value(Value::from(path), Kind::Text))
    }

    /// JSON as a value: the text of a document.
    pub(crate) fn json_value(&mut self, expr: &Expr) -> Result<Code, CompileError> {
        let place = self.json(expr)?;
        let nulls = if place.error.is_some() { Nulls::Error } else { Nulls::Never };
        Ok(Code { sql: place.document, nulls })
    }

    /// Whether an object has a key.
    pub(crate) fn has_member(&mut self, of: &Expr, steps: &[Step]) -> Result<Code, CompileError> {
        let (document, before) = (self.container(of)?, &steps[..steps.len().saturating_sub(1)]);
        let parent = match (before, &of.kind) {
            ([], ExprKind::Element(_)) => self.json(of)?.ty,
            ([], _) => format!("json_type({document})"),
            _ => self.at_path(&document, before).ty,
        };
        let has = self.at_path(&document, steps).ty;
        let sql = match steps.last() {
            Some(Step::Key(_)) => format!("CASE WHEN {parent} = 'object' THEN {has} IS NOT NULL END"),
            _ => "NULL".to_owned(),
        };
        Ok(Code { sql, nulls: Nulls::Error })
    }

    /// JSON as a value of a kind: null for its null, and an error for what is of another kind.
    pub(crate) fn json_as(&mut self, expr: &Expr, kind: Kind) -> Result<Code, CompileError> {
        let place = self.json(expr)?;
        let (Place { ty, scalar, .. }, fits) = (&place, fits(&place.ty, kind));
        let sql = match kind {
            Kind::Float => format!("CASE WHEN {fits} THEN CAST({scalar} AS REAL) END"),
            Kind::Int => format!(
                "CASE WHEN {fits} THEN CASE WHEN typeof({scalar}) = 'integer' THEN {scalar} \
                 WHEN {scalar} >= -9223372036854775808.0 AND {scalar} < 9223372036854775808.0 \
                 AND CAST({scalar} AS INTEGER) = {scalar} THEN CAST({scalar} AS INTEGER) END END"
            ),
            _ => format!("CASE WHEN {fits} THEN {scalar} END"),
        };
        let error = format!("(coalesce({ty}, '') <> 'null' AND {sql} IS NULL)");
        Ok(Code { nulls: Nulls::Either(error), sql })
    }

    /// A comparison one side of which is JSON.
    pub(crate) fn compare_json(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
        way: Way,
    ) -> Result<String, CompileError> {
        if left.is_json() && right.is_json() {
            let (a, b) = (self.json(left)?, self.json(right)?);
            return Ok(between(comparison, &a, &b));
        }
        if !left.is_json() {
            let place = self.json(right)?;
            return self.compare_place(mirrored(comparison), &place, left, way);
        }
        let place = self.json(left)?;
        self.compare_place(comparison, &place, right, way)
    }

    /// What stands at a place compared with a value that is not JSON.
    fn compare_place(
        &mut self,
        comparison: Comparison,
        place: &Place,
        other: &Expr,
        way: Way,
    ) -> Result<String, CompileError> {
        let operator = match comparison {
            Comparison::Equal | Comparison::NotEqual => {
                return self.equal_place(comparison, place, other, way);
            }
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        };
        let Type::Value(kind) = other.ty else { return Ok("NULL".to_owned()) };
        let (fits, value) = (fits(&place.ty, kind), self.value(other)?.sql);
        Ok(match way {
            Way::Holds => format!("({fits} AND {} {operator} {value})", place.scalar),
            _ => format!("CASE WHEN {fits} THEN {} {operator} {value} END", place.scalar),
        })
    }

    fn equal_place(
        &mut self,
        comparison: Comparison,
        place: &Place,
        other: &Expr,
        way: Way,
    ) -> Result<String, CompileError> {
        let is_null = format!("{} = 'null'", place.ty);
        let mut errors: Vec<String> = place.error.iter().cloned().collect();
        let same = match other.ty {
            Type::Value(kind) => {
                let value = self.value(other)?;
                errors.extend(value.error());
                let equal = format!("{} AND {} = {}", fits(&place.ty, kind), place.scalar, value.sql);
                let never_null = matches!(value.nulls, Nulls::Never | Nulls::Error);
                match (comparison, way) {
                    (Comparison::Equal, Way::Holds) if never_null => return Ok(format!("({equal})")),
                    _ if never_null => format!("({equal}) IS TRUE"),
                    _ => format!("CASE WHEN {} IS NULL THEN {is_null} ELSE ({equal}) IS TRUE END", value.sql),
                }
            }
            _ => is_null,
        };
        let truth =
            if comparison == Comparison::Equal { format!("({same})") } else { format!("(NOT ({same}))") };
        Ok(case(&errors, &truth))
    }

    /// `meta.colour in ["red", "blue"]`.
    pub(crate) fn in_json_list(
        &mut self,
        item: &Expr,
        list: &[Expr],
        way: Way,
    ) -> Result<String, CompileError> {
        let mut errors = Vec::new();
        for expr in std::iter::once(item).chain(list) {
            let error = if expr.is_json() { self.json(expr)?.error } else { self.value(expr)?.error() };
            errors.extend(error);
        }
        let part = if way == Way::Holds { Way::Holds } else { Way::Exact };
        let equal = |one: &Expr| self.compare(Comparison::Equal, item, one, part);
        let equal = list.iter().map(equal).collect::<Result<Vec<_>, _>>()?;
        let found = if equal.is_empty() { "0".to_owned() } else { format!("({})", equal.join(" OR ")) };
        Ok(match way {
            Way::Holds => all_of(&errors, &found),
            Way::Fails => all_of(&errors, &format!("(NOT {found})")),
            Way::Exact => case(&errors, &found),
        })
    }

    /// An element of an array, or a key of an object.
    pub(crate) fn in_json(&mut self, item: &Expr, list: &Expr) -> Result<Code, CompileError> {
        let list = self.json(list)?;
        let alias = self.alias();
        let inside = element(&alias);
        let (equal, error, ty, text) = if item.is_json() {
            let item = self.json(item)?;
            (between(Comparison::Equal, &inside, &item), item.error, item.ty, item.scalar)
        } else {
            let equal = self.equal_place(Comparison::Equal, &inside, item, Way::Exact)?;
            let code = self.value(item)?;
            let ty = if item.ty == Type::Value(Kind::Text) { "'text'" } else { "''" };
            (equal, code.error(), ty.to_owned(), code.sql)
        };
        let each = format!("json_each({})", list.document);
        let sql = format!(
            "CASE {} WHEN 'array' THEN EXISTS (SELECT 1 FROM {each} AS {alias} WHERE {equal}) \
             WHEN 'object' THEN {ty} = 'text' AND {text} IS NOT NULL AND EXISTS (SELECT 1 FROM {each} AS {alias} WHERE {alias}.key = {text}) END",
            list.ty
        );
        let errors: Vec<String> = error.into_iter().collect();
        Ok(Code { sql: case(&errors, &sql), nulls: Nulls::Error })
    }

    /// `exists`, `all` or a count over elements, exactly.
    pub(crate) fn each_element(
        &mut self,
        quantifier: Quantifier,
        list: &Expr,
        body: &Expr,
    ) -> Result<Code, CompileError> {
        let list = self.json(list)?;
        let alias = self.alias();
        self.scopes.push(Scope::element(alias.clone()));
        let body = self.value(body);
        self.scopes.pop();
        let rows = format!(
            "SELECT {} AS b FROM json_each(CASE {} WHEN 'array' THEN {} WHEN 'object' THEN \
             (SELECT json_group_array(key) FROM json_each({})) END) AS {alias}",
            body?.sql, list.ty, list.document, list.document
        );
        let all = match quantifier {
            Quantifier::Exists => "CASE WHEN max(b) = 1 THEN 1 WHEN count(*) = count(b) THEN 0 END",
            Quantifier::All => "CASE WHEN min(b) = 0 THEN 0 WHEN count(*) = count(b) THEN 1 END",
            Quantifier::Count => "CASE WHEN count(*) = count(b) THEN coalesce(sum(b), 0) END",
        };
        let sql =
            format!("CASE WHEN {} IN ('array', 'object') THEN (SELECT {all} FROM ({rows})) END", list.ty);
        Ok(Code { sql, nulls: Nulls::Error })
    }

    /// How many elements or keys there are, or characters of a text.
    pub(crate) fn json_size(&mut self, of: &Expr) -> Result<Code, CompileError> {
        let Place { ty, scalar, document, .. } = self.json(of)?;
        let sql = format!(
            "CASE {ty} WHEN 'array' THEN json_array_length({document}) \
             WHEN 'object' THEN (SELECT count(*) FROM json_each({document})) WHEN 'text' THEN length({scalar}) END"
        );
        Ok(Code { sql, nulls: Nulls::Error })
    }
}

/// An element that `json_each` gives under an alias.
fn element(alias: &str) -> Place {
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

/// Two places compared, by the schema's evaluator.
fn between(comparison: Comparison, a: &Place, b: &Place) -> String {
    let code = COMPARISONS.iter().position(|known| *known == comparison).unwrap_or_default();
    format!("purlin_json({code}, {}, {})", a.document, b.document)
}

/// Whether a value of this type is one of a kind, as far as comparisons go.
fn fits(ty: &str, kind: Kind) -> String {
    match kind {
        Kind::Bool => format!("{ty} IN ('true', 'false')"),
        Kind::Int | Kind::Float => format!("{ty} IN ('integer', 'real')"),
        Kind::Text => format!("{ty} = 'text'"),
        _ => "0".to_owned(),
    }
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}
