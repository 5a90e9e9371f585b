//! JSON documents in SQL: what stands at a path, and what is asked of it.
//!
//! What a document holds is known at run time alone, so every question has two parts: of which type the value is
//! ([`Place::ty`], in SQLite's words: `text`, `integer`, `real`, `true`, `false`, `null`, `array`, `object`) and what it
//! is as a value of SQL ([`Place::scalar`]). The path is a parameter like any other value: no key, whoever wrote it,
//! becomes text of the statement.

use std::fmt::Write as _;

use purlin_schema::expr::{Comparison, ExprKind, Function, Quantifier, Step, Type};
use purlin_schema::query::SortKey;
use purlin_schema::{Expr, Kind, Value};

use super::Bind;
use super::call::Operation;
use super::dialect::Dialect;
use super::dialect::json::{Json, Place, operator};
use super::expr::{Code, Compiler, Nulls, Way, case};
use super::frame::Scope;
use super::keyset::Key;
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

/// How much of a text counts where it is sorted by.
pub(crate) const SORTED_CHARACTERS: usize = 255;

impl Compiler<'_> {
    /// The place that an expression which gives JSON stands for.
    pub(crate) fn json(&mut self, expr: &Expr) -> Result<Place, CompileError> {
        let says = self.says();
        match &expr.kind {
            ExprKind::Member(of, steps) => {
                let document = self.container(of)?;
                Ok(self.at_path(&document, steps))
            }
            ExprKind::Element(scope) => {
                let alias = &self.scopes[self.scope_at(*scope)?].alias;
                Ok(says.element(alias))
            }
            _ => {
                let code = self.value(expr)?;
                let error = code.error();
                let known = |null: &str, of: String| {
                    let known = format!("coalesce({of}, {null})");
                    error.as_ref().map_or(known.clone(), |error| case(std::slice::from_ref(error), &known))
                };
                Ok(Place {
                    ty: known(says.words().null, says.ty(&code.sql)),
                    scalar: says.scalar(&code.sql),
                    document: known(says.null_document(), code.sql.clone()),
                    error,
                })
            }
        }
    }

    fn says(&self) -> &'static dyn Json {
        self.dialect.sql().json()
    }

    /// JSON text to look into; null where there is none.
    fn container(&mut self, expr: &Expr) -> Result<String, CompileError> {
        Ok(match &expr.kind {
            ExprKind::Element(scope) => {
                let alias = &self.scopes[self.scope_at(*scope)?].alias;
                self.says().container(alias)
            }
            _ => self.value(expr)?.sql,
        })
    }

    fn at_path(&mut self, document: &str, steps: &[Step]) -> Place {
        let (says, path) = (self.says(), self.path_of(steps));
        let arrays = steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Index(_)));
        let arrays: Vec<String> = arrays.map(|(at, _)| self.path_of(&steps[..at])).collect();
        says.at(document, &path, &arrays)
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
        let says = self.says();
        let (document, before) = (self.container(of)?, &steps[..steps.len().saturating_sub(1)]);
        let parent = match (before, &of.kind) {
            ([], ExprKind::Element(_)) => self.json(of)?.ty,
            ([], _) => says.ty(&document),
            _ => self.at_path(&document, before).ty,
        };
        let has = self.at_path(&document, steps).ty;
        let sql = match steps.last() {
            Some(Step::Key(_)) => {
                format!("CASE WHEN {parent} = {} THEN {has} IS NOT NULL END", says.words().object)
            }
            _ => self.dialect.unknown().to_owned(),
        };
        Ok(Code { sql, nulls: Nulls::Error })
    }

    /// JSON as a value of a kind: null for its null, and an error for what is of another kind.
    pub(crate) fn json_as(&mut self, expr: &Expr, kind: Kind) -> Result<Code, CompileError> {
        let (says, place) = (self.says(), self.json(expr)?);
        let sql = format!("CASE WHEN {} THEN {} END", self.fits(&place.ty, kind), says.value(&place, kind));
        let error = format!("(coalesce({}, '') <> {} AND {sql} IS NULL)", place.ty, says.words().null);
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
            return Ok(self.says().between(comparison, &a, &b));
        }
        let (comparison, json, other) = match left.is_json() {
            true => (comparison, left, right),
            false => (mirrored(comparison), right, left),
        };
        let place = self.json(json)?;
        let compared = self.compare_place(comparison, &place, other, way)?;
        if way == Way::Holds { self.by_index(comparison, json, other, compared) } else { Ok(compared) }
    }

    /// What stands at a place compared with a value that is not JSON.
    fn compare_place(
        &mut self,
        comparison: Comparison,
        place: &Place,
        other: &Expr,
        way: Way,
    ) -> Result<String, CompileError> {
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return self.equal_place(comparison, place, other, way);
        }
        let Type::Value(kind) = other.ty else { return Ok(self.dialect.unknown().to_owned()) };
        let (fits, value) = (self.fits(&place.ty, kind), self.value(other)?.sql);
        let compared = self.says().compare(place, operator(comparison), &value, kind);
        Ok(match way {
            Way::Holds => format!("({fits} AND {compared})"),
            _ => format!("CASE WHEN {fits} THEN {compared} END"),
        })
    }

    fn equal_place(
        &mut self,
        comparison: Comparison,
        place: &Place,
        other: &Expr,
        way: Way,
    ) -> Result<String, CompileError> {
        let says = self.says();
        let is_null = format!("{} = {}", place.ty, says.words().null);
        let mut errors: Vec<String> = place.error.iter().cloned().collect();
        let same = match other.ty {
            Type::Value(kind) => {
                let value = self.value(other)?;
                errors.extend(value.error());
                let compared = says.compare(place, "=", &value.sql, kind);
                let equal = format!("{} AND {compared}", self.fits(&place.ty, kind));
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
        Ok(self.any_of(&equal, &errors, way))
    }

    /// An element of an array, or a key of an object.
    pub(crate) fn in_json(&mut self, item: &Expr, list: &Expr) -> Result<Code, CompileError> {
        let (says, list) = (self.says(), self.json(list)?);
        let alias = self.alias();
        let inside = says.element(&alias);
        let words = says.words();
        let (equal, error, is_key, text) = if item.is_json() {
            let item = self.json(item)?;
            let text = says.value(&item, Kind::Text);
            let is_key = format!("{} = {} AND ", item.ty, words.text);
            (says.between(Comparison::Equal, &inside, &item), item.error, is_key, text)
        } else {
            let equal = self.equal_place(Comparison::Equal, &inside, item, Way::Exact)?;
            let code = self.value(item)?;
            let is_text = item.ty == Type::Value(Kind::Text);
            let (is_key, text) = if is_text { ("", code.sql.as_str()) } else { (self.truth(false), "''") };
            let is_key = if is_key.is_empty() { String::new() } else { format!("{is_key} AND ") };
            (equal, code.error(), is_key, text.to_owned())
        };
        let sql = format!(
            "CASE {} WHEN {} THEN EXISTS (SELECT 1 FROM {} WHERE {equal}) \
             WHEN {} THEN {is_key}{text} IS NOT NULL AND {} END",
            list.ty,
            words.array,
            says.rows(&self.array_of(&list), &alias),
            words.object,
            says.has_key(&list.document, &text)
        );
        let errors: Vec<String> = error.into_iter().collect();
        Ok(Code { sql: case(&errors, &sql), nulls: Nulls::Error })
    }

    /// The array that a place is; null where it is none.
    fn array_of(&self, place: &Place) -> String {
        let Place { ty, document, .. } = place;
        format!("CASE {ty} WHEN {} THEN {document} END", self.says().words().array)
    }

    /// Whether a value of this type is one of a kind, as far as comparisons go.
    fn fits(&self, ty: &str, kind: Kind) -> String {
        fits(self.dialect, ty, kind)
    }

    /// The keys of a path that has an index.
    fn indexed(&mut self, expr: &Expr) -> Result<Option<[String; 2]>, CompileError> {
        let ExprKind::Member(of, steps) = &expr.kind else { return Ok(None) };
        let ExprKind::Field(path) = &of.kind else { return Ok(None) };
        let model = self.models.get(path.end);
        let is_indexed = model.path_indexes.iter().any(|(field, keys)| *field == path.field && keys == steps);
        if !is_indexed || model.origin.is_some() {
            return Ok(None);
        }
        let document = self.container(of)?;
        let name = &model.field(path.field).name;
        let Some(columns) = self.says().path_columns(name, steps) else {
            return Ok(Some(path_keys(self.dialect, &document, steps)));
        };
        // They stand in the row in which the document stands.
        let row = document.strip_suffix(&self.dialect.quote(name));
        Ok(row.map(|row| columns.map(|column| format!("{row}{}", self.dialect.quote(&column.name)))))
    }

    /// A comparison that holds, with what follows from it for the keys of an index in front of it.
    fn by_index(
        &mut self,
        comparison: Comparison,
        json: &Expr,
        other: &Expr,
        holds: String,
    ) -> Result<String, CompileError> {
        let Type::Value(kind @ (Kind::Text | Kind::Int | Kind::Float)) = other.ty else { return Ok(holds) };
        // Of a text as much as the key has counts, and of an integer what a double has of it.
        let sign = match comparison {
            Comparison::NotEqual => return Ok(holds),
            Comparison::Equal => "=",
            Comparison::Less | Comparison::LessOrEqual => "<=",
            Comparison::Greater | Comparison::GreaterOrEqual => ">=",
        };
        let Some([text, number]) = self.indexed(json)? else { return Ok(holds) };
        let value = self.value(other)?;
        if comparison == Comparison::Equal && !matches!(value.nulls, Nulls::Never | Nulls::Error) {
            return Ok(holds);
        }
        let to_double = Operation::Function(Function::Double);
        let value = match kind {
            Kind::Int => self.dialect.compute(to_double, &[(Kind::Int, &value.sql)]).unwrap_or(value.sql),
            _ => value.sql,
        };
        Ok(match kind {
            Kind::Text => format!("({text} {sign} substr({value}, 1, {SORTED_CHARACTERS}) AND {holds})"),
            _ => format!("({text} IS NULL AND {number} {sign} {value} AND {holds})"),
        })
    }

    /// `exists`, `all` or a count over elements, exactly.
    pub(crate) fn each_element(
        &mut self,
        quantifier: Quantifier,
        list: &Expr,
        body: &Expr,
    ) -> Result<Code, CompileError> {
        let (says, list) = (self.says(), self.json(list)?);
        let alias = self.alias();
        self.scopes.push(Scope::element(alias.clone()));
        let body = self.value(body);
        self.scopes.pop();
        let (words, body) = (says.words(), body?.sql);
        let (yes, no, unknown) = (self.truth(true), self.truth(false), self.dialect.unknown());
        let elements = format!(
            "CASE {} WHEN {} THEN {} WHEN {} THEN {} END",
            list.ty,
            words.array,
            list.document,
            words.object,
            says.keys(&list.document)
        );
        // Each names a column of the elements, or else it could be taken for an aggregate of the rows outside.
        let known = format!("CASE WHEN {alias}.id IS NULL THEN NULL ELSE {body} END");
        let of = |all: &str, unsure: u8| {
            format!("{all}(CASE {known} WHEN {yes} THEN 2 WHEN {no} THEN 0 ELSE {unsure} END)")
        };
        let all = match quantifier {
            Quantifier::Exists => {
                format!("CASE {} WHEN 2 THEN {yes} WHEN 1 THEN {unknown} ELSE {no} END", of("max", 1))
            }
            Quantifier::All => {
                format!("CASE {} WHEN 0 THEN {no} WHEN 1 THEN {unknown} ELSE {yes} END", of("min", 1))
            }
            Quantifier::Count => format!(
                "CASE WHEN count(*) = count({known}) THEN count(CASE {known} WHEN {yes} THEN 1 END) END"
            ),
        };
        let sql = format!(
            "CASE WHEN {} IN ({}, {}) THEN (SELECT {all} FROM {}) END",
            list.ty,
            words.array,
            words.object,
            says.rows(&elements, &alias)
        );
        Ok(Code { sql, nulls: Nulls::Error })
    }

    /// The keys of an order by a place: what is neither text nor number is null for both of them and comes first
    /// ascending, then numbers, then texts. Of a text as much counts as a cursor can carry.
    pub(crate) fn json_order(&mut self, expr: &Expr, descending: bool) -> Result<[Key; 2], CompileError> {
        let [text, number] = match self.indexed(expr)? {
            Some(keys) => keys,
            None => {
                let place = self.json(expr)?;
                let number = self.says().value(&place, Kind::Float);
                order_keys(self.dialect, &place, &number)
            }
        };
        let [of_text, of_number] = SortKey::OF_JSON;
        Ok([(text, of_text), (number, of_number)].map(|(sql, kind)| Key {
            sql,
            kind,
            descending,
            nullable: true,
            admits_null: true,
        }))
    }

    /// A function of one value that takes values of several kinds, by what the JSON is.
    pub(crate) fn json_call(
        &mut self,
        expr: &Expr,
        function: Function,
        of: &Expr,
    ) -> Result<Code, CompileError> {
        let (says, place) = (self.says(), self.json(of)?);
        let of_kind = |kind| {
            let value = says.value(&place, kind);
            let computed = self.dialect.compute(Operation::Function(function), &[(kind, &value)])?;
            Some((value, computed))
        };
        let mut branches = String::new();
        for kind in [Kind::Text, Kind::Bool] {
            if let Some((_, computed)) = of_kind(kind) {
                let _ = write!(branches, " WHEN {} THEN {computed}", self.fits(&place.ty, kind));
            }
        }
        // A number is an integer where it is one.
        let number = match (of_kind(Kind::Int), of_kind(Kind::Float)) {
            (_, Some((_, of_float))) if function == Function::Double => Some(of_float),
            (Some((integer, of_integer)), Some((_, of_float))) => {
                Some(format!("CASE WHEN {integer} IS NULL THEN {of_float} ELSE {of_integer} END"))
            }
            (of_integer, of_float) => of_integer.or(of_float).map(|(_, computed)| computed),
        };
        if let Some(number) = number {
            let _ = write!(branches, " WHEN {} THEN {number}", self.fits(&place.ty, Kind::Float));
        }
        if branches.is_empty() {
            return Err(CompileError::new(expr, "this function is not known to the database"));
        }
        Ok(Code { sql: format!("CASE{branches} END"), nulls: Nulls::Error })
    }

    /// How many elements or keys there are, or characters of a text.
    pub(crate) fn json_size(&mut self, of: &Expr) -> Result<Code, CompileError> {
        let (says, place) = (self.says(), self.json(of)?);
        let (words, text) = (says.words(), says.value(&place, Kind::Text));
        let length = self
            .dialect
            .compute(Operation::Function(Function::Size), &[(Kind::Text, &text)])
            .unwrap_or_default();
        let Place { ty, document, .. } = place;
        let sql = format!(
            "CASE {ty} WHEN {} THEN {} WHEN {} THEN {} WHEN {} THEN {length} END",
            words.array,
            says.length(&document),
            words.object,
            says.length(&says.keys(&document)),
            words.text
        );
        Ok(Code { sql, nulls: Nulls::Error })
    }
}

/// The keys of an order by a path of keys in a document, the path written out: what an index is made of, and what asks
/// for it. The keys are words of the owner's own files.
pub(crate) fn path_keys(dialect: Dialect, document: &str, steps: &[Step]) -> [String; 2] {
    let says = dialect.sql().json();
    let path = steps.iter().fold("$".to_owned(), |path, step| match step {
        Step::Key(key) => format!("{path}.\"{}\"", key.replace(['\'', '"', '\\'], "")),
        Step::Index(at) => format!("{path}[{at}]"),
    });
    let place = says.at(document, &format!("'{path}'"), &[]);
    order_keys(dialect, &place, &says.indexed_number(&place))
}

/// The keys of an order by a place, as text and as number.
fn order_keys(dialect: Dialect, place: &Place, number: &str) -> [String; 2] {
    let says = dialect.sql().json();
    let fits = |kind| fits(dialect, &place.ty, kind);
    let text = says.value(place, Kind::Text);
    let text = format!("CASE WHEN {} THEN substr({text}, 1, {SORTED_CHARACTERS}) END", fits(Kind::Text));
    let number = format!(
        "CASE WHEN {} THEN {number} WHEN {} THEN CASE {} WHEN {} THEN 1e0 ELSE 0e0 END END",
        fits(Kind::Float),
        fits(Kind::Bool),
        says.value(place, Kind::Bool),
        dialect.truth(true)
    );
    [text, number]
}

/// Whether a value of a type is one of a kind, as far as comparisons go.
fn fits(dialect: Dialect, ty: &str, kind: Kind) -> String {
    let words = dialect.sql().json().words();
    match kind {
        Kind::Bool => format!("{ty} {}", words.is_truth),
        Kind::Int | Kind::Float => format!("{ty} {}", words.is_number),
        Kind::Text => format!("{ty} = {}", words.text),
        _ => dialect.truth(false).to_owned(),
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
