//! Expressions in SQL that means exactly what CEL means.
//!
//! CEL knows values, null among them, and errors. SQL knows values and null, and its unknown truth is null.
//! So for every fragment the compiler keeps, in [`Nulls`], what a null of it stands for: nothing (it never
//! is null), CEL's null, an error, or one or the other by a condition. A condition in a `WHERE` need not
//! be told apart so finely, for there false and unknown are alike; hence three ways to compile:
//!
//! - [`value`](Compiler::value): the exact value; for truth 1, 0 or null for an error;
//! - [`holds`](Compiler::holds): true exactly where the expression is true, and otherwise false or null, in the
//!   plain form `column = ?` for which databases have indexes;
//! - [`fails`](Compiler::fails): true exactly where the expression is false. So `!x` holds where `x` fails.

use std::collections::HashSet;

use purlin_schema::expr::ExprKind;
use purlin_schema::expr::{Comparison, Function, Type, Walk};
use purlin_schema::{Expr, FieldId, Input, Kind, Models, Value};

use super::dialect::Dialect;
use super::dialect::json::operator;
use super::frame::{Frame, Scope, Walked};
use super::{Bind, Binds};
use crate::error::CompileError;

/// No fragment may become longer: nested conditions repeat parts of themselves.
const MAX_SQL_BYTES: usize = 200_000;

/// A fragment that gives a value.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) sql: String,
    pub(crate) nulls: Nulls,
}

/// What it means where a fragment gives null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Nulls {
    /// It never does.
    Never,
    /// The value is null.
    Null,
    /// There is no value but an error.
    Error,
    /// An error where this condition, which is never unknown, holds; else null.
    Either(String),
}

impl Code {
    pub(super) fn new(sql: impl Into<String>, nulls: Nulls) -> Code {
        Code { sql: sql.into(), nulls }
    }

    /// The condition under which it is an error; it is never unknown.
    pub(crate) fn error(&self) -> Option<String> {
        match &self.nulls {
            Nulls::Never | Nulls::Null => None,
            Nulls::Error => Some(format!("{} IS NULL", self.sql)),
            Nulls::Either(error) => Some(error.clone()),
        }
    }

    /// Whether it never is CEL's null.
    pub(super) fn is_value(&self) -> bool {
        matches!(self.nulls, Nulls::Never | Nulls::Error)
    }
}

/// Puts one statement together.
pub(crate) struct Compiler<'models> {
    pub(crate) models: &'models Models,
    pub(crate) dialect: Dialect,
    pub(crate) binds: Binds,
    pub(crate) frames: Vec<Frame>,
    /// Rows that can be named, the innermost last.
    pub(crate) scopes: Vec<Scope>,
    pub(crate) aliases: usize,
    /// How deep in computed fields.
    pub(crate) computing: usize,
}

impl<'models> Compiler<'models> {
    pub(crate) fn new(models: &'models Models, dialect: Dialect) -> Self {
        Compiler {
            models,
            dialect,
            binds: Binds::default(),
            frames: Vec::new(),
            scopes: Vec::new(),
            aliases: 0,
            computing: 0,
        }
    }

    /// SQL that is true exactly where the expression is.
    pub(crate) fn holds(&mut self, expr: &Expr) -> Result<String, CompileError> {
        let sql = match &expr.kind {
            ExprKind::Const(Value::Bool(truth)) => self.truth(*truth).to_owned(),
            ExprKind::Not(inner) => self.fails(inner)?,
            ExprKind::And(parts) => self.join(parts, Self::holds, true)?,
            ExprKind::Or(parts) => self.join(parts, Self::holds, false)?,
            ExprKind::Compare(comparison, left, right) => {
                self.compare(*comparison, left, right, Way::Holds)?
            }
            ExprKind::Exists(walk, body) => self.quantified(walk, body, Self::holds, true)?,
            ExprKind::All(walk, body) => self.quantified(walk, body, Self::holds, false)?,
            ExprKind::Of(record, body) => self.is_seen_from(record, body, Self::holds)?,
            ExprKind::Call(Function::StartsWith, args) => self.starts_with(&args[0], &args[1])?,
            ExprKind::Call(Function::Holds, args) => self.holds(&args[0])?,
            ExprKind::InList(item, list) => self.in_list(item, list, Way::Holds)?,
            ExprKind::Conditional(condition, yes, no) => {
                let (condition, yes, no) = (self.value(condition)?, self.holds(yes)?, self.holds(no)?);
                self.chosen(&condition.sql, &yes, &no)
            }
            ExprKind::Field(_) | ExprKind::Input(_) | ExprKind::As(..) => {
                let value = self.value(expr)?.sql;
                self.dialect.is(&value, true)
            }
            ExprKind::Error | ExprKind::Const(_) => self.truth(false).to_owned(),
            _ => self.value(expr)?.sql,
        };
        bounded(expr, sql)
    }

    /// SQL that is true exactly where the expression is false.
    pub(crate) fn fails(&mut self, expr: &Expr) -> Result<String, CompileError> {
        let sql = match &expr.kind {
            ExprKind::Const(Value::Bool(truth)) => self.truth(!*truth).to_owned(),
            ExprKind::Not(inner) => self.holds(inner)?,
            ExprKind::And(parts) => self.join(parts, Self::fails, false)?,
            ExprKind::Or(parts) => self.join(parts, Self::fails, true)?,
            ExprKind::Compare(comparison, left, right) => {
                self.compare(opposite(*comparison), left, right, Way::Holds)?
            }
            ExprKind::Exists(walk, body) => self.quantified(walk, body, Self::fails, false)?,
            ExprKind::All(walk, body) => self.quantified(walk, body, Self::fails, true)?,
            ExprKind::Of(record, body) => self.is_seen_from(record, body, Self::fails)?,
            ExprKind::Call(Function::Holds, args) => {
                let holds = self.holds(&args[0])?;
                format!("(({holds}) IS NOT TRUE)")
            }
            ExprKind::InList(item, list) => self.in_list(item, list, Way::Fails)?,
            ExprKind::Conditional(condition, yes, no) => {
                let (condition, yes, no) = (self.value(condition)?, self.fails(yes)?, self.fails(no)?);
                self.chosen(&condition.sql, &yes, &no)
            }
            ExprKind::Error | ExprKind::Const(_) => self.truth(false).to_owned(),
            _ => {
                let value = self.value(expr)?.sql;
                self.dialect.is(&value, false)
            }
        };
        bounded(expr, sql)
    }

    /// SQL that gives the value.
    pub(crate) fn value(&mut self, expr: &Expr) -> Result<Code, CompileError> {
        let code = match &expr.kind {
            ExprKind::Const(value) => self.constant(expr, value),
            // Of its kind: a server asks that the branches of a choice agree.
            ExprKind::Error => {
                let kind = self.kind_of(expr).unwrap_or(Kind::Bool);
                Code::new(self.dialect.typed("NULL", kind), Nulls::Error)
            }
            ExprKind::Input(input) => self.input(input, self.kind_of(expr)?),
            ExprKind::Field(path) => self.path(path)?,
            ExprKind::Has(path) => {
                let code = self.path(path)?;
                match code.error() {
                    None => Code::new(format!("({} IS NOT NULL)", code.sql), Nulls::Never),
                    Some(error) => {
                        let sql = format!("CASE WHEN NOT ({error}) THEN {} IS NOT NULL END", code.sql);
                        Code::new(sql, Nulls::Error)
                    }
                }
            }
            ExprKind::Negate(inner) => self.negate(inner)?,
            ExprKind::Not(inner) => {
                let inner = self.value(inner)?;
                let nulls = if inner.nulls == Nulls::Never { Nulls::Never } else { Nulls::Error };
                Code::new(format!("(NOT {})", inner.sql), nulls)
            }
            ExprKind::And(parts) => self.logic(parts, true)?,
            ExprKind::Or(parts) => self.logic(parts, false)?,
            ExprKind::Compare(comparison, left, right) => {
                let sql = self.compare(*comparison, left, right, Way::Exact)?;
                Code::new(sql, Nulls::Error)
            }
            ExprKind::Arithmetic(operator, left, right) => self.arithmetic(expr, *operator, left, right)?,
            ExprKind::InList(item, list) => Code::new(self.in_list(item, list, Way::Exact)?, Nulls::Error),
            ExprKind::Conditional(condition, yes, no) => self.conditional(expr, condition, yes, no)?,
            ExprKind::Call(Function::Holds, args) => {
                let holds = self.holds(&args[0])?;
                Code::new(format!("(({holds}) IS TRUE)"), Nulls::Never)
            }
            ExprKind::Call(function, args) => self.call(expr, *function, args)?,
            ExprKind::Exists(walk, body) => self.exact_quantified(walk, body, true)?,
            ExprKind::All(walk, body) => self.exact_quantified(walk, body, false)?,
            ExprKind::Count(walk, filter) => self.count(walk, filter.as_deref())?,
            ExprKind::Of(record, body) => self.seen_from(record, body)?,
            ExprKind::Member(..) | ExprKind::Element(_) => self.json_value(expr)?,
            ExprKind::HasMember(of, steps) => self.has_member(of, steps)?,
            ExprKind::As(of, kind) => self.json_as(of, *kind)?,
            ExprKind::InJson(item, list) => self.in_json(item, list)?,
            ExprKind::Each(quantifier, list, body) => self.each_element(*quantifier, list, body)?,
        };
        Ok(Code { sql: bounded(expr, code.sql)?, nulls: code.nulls })
    }

    /// What kind of values an expression gives.
    pub(crate) fn kind_of(&self, expr: &Expr) -> Result<Kind, CompileError> {
        match &expr.ty {
            Type::Value(kind) => Ok(*kind),
            Type::Record(model) => Ok(self.id_kind(*model)),
            Type::Null => Ok(Kind::Text),
            Type::List(_) | Type::Open => Err(CompileError::new(expr, "this is no single value")),
        }
    }

    pub(crate) fn truth(&self, truth: bool) -> &'static str {
        self.dialect.truth(truth)
    }

    /// Joins conditions by `AND`, or else `OR`, dropping those that change nothing.
    fn join(
        &mut self,
        parts: &[Expr],
        way: fn(&mut Self, &Expr) -> Result<String, CompileError>,
        and: bool,
    ) -> Result<String, CompileError> {
        let mut parts = parts.iter().map(|part| way(self, part)).collect::<Result<Vec<_>, _>>()?;
        let (neutral, decided) = (self.truth(and), self.truth(!and));
        if parts.iter().any(|part| part == decided) {
            return Ok(decided.to_owned());
        }
        let mut known = HashSet::new();
        parts.retain(|part| part != neutral && known.insert(part.clone()));
        Ok(match parts.len() {
            0 => neutral.to_owned(),
            1 => parts.swap_remove(0),
            _ => format!("({})", parts.join(word_between(and))),
        })
    }

    /// One of two fragments by a truth; null where it is unknown.
    fn chosen(&self, condition: &str, yes: &str, no: &str) -> String {
        let (is, is_not) = (self.truth(true), self.truth(false));
        format!("CASE {condition} WHEN {is} THEN {yes} WHEN {is_not} THEN {no} END")
    }

    fn constant(&mut self, expr: &Expr, value: &Value) -> Code {
        match value {
            Value::Null => Code::new("NULL", Nulls::Null),
            Value::Bool(truth) => Code::new(self.truth(*truth), Nulls::Never),
            value => {
                let kind = self.kind_of(expr).unwrap_or(Kind::Text);
                Code::new(self.binds.mark(Bind::Value(value.clone(), kind)), Nulls::Never)
            }
        }
    }

    fn input(&mut self, input: &Input, kind: Kind) -> Code {
        let mark = self.binds.mark(Bind::Input(input.clone(), kind));
        match input {
            Input::Now | Input::Today => Code::new(mark, Nulls::Error),
            Input::User(field) | Input::Data(_, field) | Input::Old(field) if *field == FieldId::ID => {
                Code::new(mark, Nulls::Error)
            }
            _ => Code::new(mark, Nulls::Either(self.binds.mark(Bind::Absent(input.clone())))),
        }
    }

    fn logic(&mut self, parts: &[Expr], and: bool) -> Result<Code, CompileError> {
        let mut nulls = Nulls::Never;
        let mut texts = Vec::with_capacity(parts.len());
        for part in parts {
            let code = self.value(part)?;
            if code.nulls != Nulls::Never {
                nulls = Nulls::Error;
            }
            texts.push(code.sql);
        }
        if texts.is_empty() {
            return Ok(Code::new(self.truth(and), Nulls::Never));
        }
        Ok(Code::new(format!("({})", texts.join(word_between(and))), nulls))
    }

    /// Gives what is only ever null, and no plain `NULL`, the type that is wanted beside it.
    fn type_null(&self, expr: &Expr, kind: Kind, code: &mut Code) {
        if expr.ty == Type::Null && !matches!(expr.kind, ExprKind::Const(_)) {
            code.sql = self.dialect.typed(&code.sql, kind);
        }
    }

    fn conditional(
        &mut self,
        expr: &Expr,
        condition: &Expr,
        yes: &Expr,
        no: &Expr,
    ) -> Result<Code, CompileError> {
        let kind = self.kind_of(expr)?;
        let branches = (yes, no);
        let (condition, mut yes, mut no) = (self.value(condition)?, self.value(yes)?, self.value(no)?);
        self.type_null(branches.0, kind, &mut yes);
        self.type_null(branches.1, kind, &mut no);
        let sql = self.chosen(&condition.sql, &yes.sql, &no.sql);
        if condition.nulls == Nulls::Never && yes.nulls == Nulls::Never && no.nulls == Nulls::Never {
            return Ok(Code::new(sql, Nulls::Never));
        }
        if yes.is_value() && no.is_value() {
            return Ok(Code::new(sql, Nulls::Error));
        }
        let error = |code: &Code| code.error().unwrap_or_else(|| self.truth(false).to_owned());
        let (of_yes, of_no) = (error(&yes), error(&no));
        let (yes, no) = (self.truth(true), self.truth(false));
        let error =
            format!("CASE {} WHEN {yes} THEN {of_yes} WHEN {no} THEN {of_no} ELSE {yes} END", condition.sql);
        Ok(Code::new(sql, Nulls::Either(error)))
    }

    pub(crate) fn compare(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
        way: Way,
    ) -> Result<String, CompileError> {
        if let Some(absent) = self.is_nobody(comparison, left, right) {
            return Ok(absent);
        }
        if left.is_json() || right.is_json() {
            return self.compare_json(comparison, left, right, way);
        }
        let (kind_left, kind_right) = (self.kind_of(left)?, self.kind_of(right)?);
        let (mut a, mut b) = (self.value(left)?, self.value(right)?);
        if let (Kind::Decimal(one), Kind::Decimal(other)) = (kind_left, kind_right)
            && one != other
            && let Some(order) = self.dialect.decimal_order((&a.sql, one), (&b.sql, other))
        {
            return Ok(self.compare_decimals(comparison, &order, (&a, &b)));
        }
        self.type_null(left, kind_right, &mut a);
        self.type_null(right, kind_left, &mut b);
        match (kind_left, kind_right) {
            (Kind::Int, Kind::Float) => {
                (a.sql, b.sql) = (self.dialect.beside_floats(&a.sql), self.dialect.beside_integers(&b.sql));
            }
            (Kind::Float, Kind::Int) => {
                (a.sql, b.sql) = (self.dialect.beside_integers(&a.sql), self.dialect.beside_floats(&b.sql));
            }
            (Kind::Date, Kind::Datetime) => a.sql = self.dialect.midnight(&a.sql),
            (Kind::Datetime, Kind::Date) => b.sql = self.dialect.midnight(&b.sql),
            _ => {}
        }
        Ok(match comparison {
            Comparison::Equal => match self.equal(&a, &b, way) {
                exact if way == Way::Holds => self.equal_by_index((left, &a), (right, &b), exact),
                exact => exact,
            },
            Comparison::NotEqual => self.unequal(&a, &b, way),
            // An ordering with null is an error, as is one with an error: both are null here, and so is the result.
            _ => format!("({} {} {})", a.sql, operator(comparison), b.sql),
        })
    }

    /// `user == null` is no error for a visitor, but true.
    fn is_nobody(&mut self, comparison: Comparison, left: &Expr, right: &Expr) -> Option<String> {
        // `user` itself, not `user.id`, which is of its kind and an error.
        let user = |expr: &Expr| {
            matches!((&expr.kind, &expr.ty), (ExprKind::Input(Input::User(FieldId::ID)), Type::Record(_)))
        };
        let null = |expr: &Expr| matches!(&expr.kind, ExprKind::Const(Value::Null));
        if !(user(left) && null(right) || null(left) && user(right)) {
            return None;
        }
        let absent = self.binds.mark(Bind::Absent(Input::User(FieldId::ID)));
        match comparison {
            Comparison::Equal => Some(self.dialect.is(&absent, true)),
            Comparison::NotEqual => Some(self.dialect.is(&absent, false)),
            _ => None,
        }
    }

    pub(crate) fn equal(&self, a: &Code, b: &Code, way: Way) -> String {
        let same = self.dialect.same(&a.sql, &b.sql);
        let plain = format!("({} = {})", a.sql, b.sql);
        match way {
            _ if a.is_value() && b.is_value() => plain,
            Way::Holds if a.is_value() || b.is_value() => plain,
            Way::Holds => guarded(&self.dialect.same_by_index(&a.sql, &b.sql), a, b),
            Way::Fails => self.unequal(a, b, Way::Holds),
            Way::Exact => exact(&same, a, b),
        }
    }

    fn unequal(&self, a: &Code, b: &Code, way: Way) -> String {
        let distinct = self.dialect.distinct(&a.sql, &b.sql);
        match way {
            _ if a.is_value() && b.is_value() => format!("({} <> {})", a.sql, b.sql),
            Way::Holds => guarded(&distinct, a, b),
            Way::Fails => self.equal(a, b, Way::Holds),
            Way::Exact => exact(&distinct, a, b),
        }
    }

    fn in_list(&mut self, item: &Expr, list: &[Expr], way: Way) -> Result<String, CompileError> {
        if item.is_json() || list.iter().any(Expr::is_json) {
            return self.in_json_list(item, list, way);
        }
        let (of, among) = (item, list);
        let item = self.value(item)?;
        let list = list.iter().map(|element| self.value(element)).collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<&str> = list.iter().map(|code| code.sql.as_str()).collect();
        let errors: Vec<String> = std::iter::once(&item).chain(&list).filter_map(Code::error).collect();
        if list.iter().all(|code| code.nulls == Nulls::Never) && !list.is_empty() {
            let found = format!("({} IN ({}))", item.sql, texts.join(", "));
            return Ok(match way {
                Way::Holds => self.among_by_index((of, &item), among, found),
                _ if item.is_value() && way == Way::Exact => found,
                _ if item.is_value() => format!("(NOT {found})"),
                Way::Exact => case(&errors, &format!("({found} IS TRUE)")),
                Way::Fails => all_of(&errors, &format!("({found} IS NOT TRUE)")),
            });
        }
        let equal: Vec<String> = texts.iter().map(|text| self.dialect.same(&item.sql, text)).collect();
        Ok(self.any_of(&equal, &errors, way))
    }

    /// Whether one of some conditions holds, which are never unknown where there is no error.
    pub(crate) fn any_of(&self, conditions: &[String], errors: &[String], way: Way) -> String {
        let found = match conditions {
            [] => self.truth(false).to_owned(),
            _ => format!("({})", conditions.join(" OR ")),
        };
        match way {
            Way::Holds => all_of(errors, &found),
            Way::Fails => all_of(errors, &format!("(NOT {found})")),
            Way::Exact => case(errors, &found),
        }
    }

    /// `EXISTS` of a row for which the body is such, or `NOT EXISTS` of one for which it is not.
    fn quantified(
        &mut self,
        walk: &Walk,
        body: &Expr,
        way: fn(&mut Self, &Expr) -> Result<String, CompileError>,
        some: bool,
    ) -> Result<String, CompileError> {
        let (frame, owner, missing) = self.open_walk(walk)?;
        let alone = stands_alone(body, 0);
        let body = way(self, body);
        let linked = self.scopes.last().cloned().filter(|scope| scope.used && alone);
        let joins = self.joins(frame);
        let Walked { from, near } = self.close_walk(walk);
        let (body, tie) = (body?, format!("{near} = {owner}"));
        if let Some(Scope { alias, linked: Some(far), model, .. }) = linked
            && some
        {
            // SQLite joins an `EXISTS` of one table into the query and then chooses where to start.
            let link = from.split_once(" JOIN ").map_or(from.as_str(), |(link, _)| link);
            let (table, id) = (self.dialect.table(self.models.get(model)), self.dialect.column(&alias, "id"));
            return Ok(format!(
                "EXISTS (SELECT 1 FROM {link} WHERE {tie} AND {far} IN \
                 (SELECT {id} FROM {table} AS {alias}{joins} WHERE {body}))"
            ));
        }
        if some {
            let body = if body == self.truth(true) { String::new() } else { format!(" AND {body}") };
            return Ok(format!("EXISTS (SELECT 1 FROM {from} WHERE {tie}{body})"));
        }
        let none = format!("NOT EXISTS (SELECT 1 FROM {from} WHERE {tie} AND ({body}) IS NOT TRUE)");
        Ok(match missing {
            None => none,
            Some(missing) => format!("(NOT ({missing}) AND {none})"),
        })
    }

    /// `exists` or `all` with its exact truth, in one pass over the rows.
    fn exact_quantified(&mut self, walk: &Walk, body: &Expr, some: bool) -> Result<Code, CompileError> {
        let (_, owner, missing) = self.open_walk(walk)?;
        let body = self.value(body);
        let Walked { from, near } = self.close_walk(walk);
        let (body, tie) = (body?, format!("{near} = {owner}"));
        let (yes, no, unknown) = (self.truth(true), self.truth(false), self.dialect.unknown());
        // It names a column of the rows, or else it could be taken for an aggregate of the rows outside.
        let rank = format!(
            "CASE WHEN {near} IS NULL THEN NULL ELSE CASE {} WHEN {yes} THEN 2 WHEN {no} THEN 0 ELSE 1 END END",
            body.sql
        );
        let truth = match some {
            true => format!("CASE max({rank}) WHEN 2 THEN {yes} WHEN 1 THEN {unknown} ELSE {no} END"),
            false => format!("CASE min({rank}) WHEN 0 THEN {no} WHEN 1 THEN {unknown} ELSE {yes} END"),
        };
        let sql = format!("(SELECT {truth} FROM {from} WHERE {tie})");
        Ok(match (missing, body.nulls) {
            (None, Nulls::Never) => Code::new(sql, Nulls::Never),
            (None, _) => Code::new(sql, Nulls::Error),
            (Some(missing), _) => {
                Code::new(format!("CASE WHEN NOT ({missing}) THEN {sql} END"), Nulls::Error)
            }
        })
    }

    fn count(&mut self, walk: &Walk, filter: Option<&Expr>) -> Result<Code, CompileError> {
        let (_, owner, missing) = self.open_walk(walk)?;
        let filter = filter.map(|filter| self.value(filter));
        let Walked { from, near } = self.close_walk(walk);
        let tie = format!("{near} = {owner}");
        let (sql, nulls) = match filter.transpose()? {
            None => (format!("(SELECT count(*) FROM {from} WHERE {tie})"), Nulls::Never),
            Some(Code { sql, nulls: Nulls::Never }) => {
                (format!("(SELECT count(*) FROM {from} WHERE {tie} AND {sql})"), Nulls::Never)
            }
            Some(Code { sql, .. }) => {
                let yes = self.truth(true);
                let known = format!("count(CASE WHEN {near} IS NULL THEN NULL ELSE {sql} END)");
                let kept = format!(
                    "count(CASE WHEN {near} IS NULL THEN NULL ELSE CASE {sql} WHEN {yes} THEN 1 END END)"
                );
                let all = format!("CASE WHEN count(*) = {known} THEN {kept} END");
                (format!("(SELECT {all} FROM {from} WHERE {tie})"), Nulls::Error)
            }
        };
        Ok(match missing {
            None => Code::new(sql, nulls),
            Some(missing) => Code::new(format!("CASE WHEN NOT ({missing}) THEN {sql} END"), Nulls::Error),
        })
    }
}

/// Whether an expression names no row outside of the innermost `depth` scopes and the one that it is about.
fn stands_alone(expr: &Expr, depth: usize) -> bool {
    let all = |list: &[Expr]| list.iter().all(|part| stands_alone(part, depth));
    let both = |a: &Expr, b: &Expr| stands_alone(a, depth) && stands_alone(b, depth);
    match &expr.kind {
        ExprKind::Const(_) | ExprKind::Error | ExprKind::Input(_) => true,
        ExprKind::Field(path) | ExprKind::Has(path) => path.scope <= depth,
        ExprKind::Element(scope) => *scope <= depth,
        ExprKind::Member(of, _) | ExprKind::HasMember(of, _) | ExprKind::As(of, _) => stands_alone(of, depth),
        ExprKind::InJson(item, list) => both(item, list),
        ExprKind::Each(_, list, body) => stands_alone(list, depth) && stands_alone(body, depth + 1),
        ExprKind::Negate(inner) | ExprKind::Not(inner) => stands_alone(inner, depth),
        ExprKind::And(list) | ExprKind::Or(list) | ExprKind::Call(_, list) => all(list),
        ExprKind::Compare(_, a, b) | ExprKind::Arithmetic(_, a, b) => both(a, b),
        ExprKind::Of(record, body) => stands_alone(record, depth) && stands_alone(body, depth + 1),
        ExprKind::InList(item, list) => stands_alone(item, depth) && all(list),
        ExprKind::Conditional(condition, a, b) => stands_alone(condition, depth) && both(a, b),
        ExprKind::Exists(walk, body) | ExprKind::All(walk, body) => {
            walk.scope <= depth && stands_alone(body, depth + 1)
        }
        ExprKind::Count(walk, body) => {
            walk.scope <= depth && body.as_ref().is_none_or(|body| stands_alone(body, depth + 1))
        }
    }
}

/// What a comparison is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// True exactly where it is true.
    Holds,
    /// True exactly where it is false.
    Fails,
    /// 1, 0, or null for an error.
    Exact,
}

/// The condition, and no error on either side.
fn guarded(condition: &str, a: &Code, b: &Code) -> String {
    let errors: Vec<String> = [a, b].into_iter().filter_map(Code::error).collect();
    all_of(&errors, condition)
}

/// The condition, or null where there is an error on either side.
fn exact(condition: &str, a: &Code, b: &Code) -> String {
    let errors: Vec<String> = [a, b].into_iter().filter_map(Code::error).collect();
    case(&errors, condition)
}

fn all_of(errors: &[String], condition: &str) -> String {
    if errors.is_empty() {
        condition.to_owned()
    } else {
        format!("({condition} AND NOT ({}))", errors.join(" OR "))
    }
}

pub(crate) fn case(errors: &[String], condition: &str) -> String {
    if errors.is_empty() {
        condition.to_owned()
    } else {
        format!("CASE WHEN NOT ({}) THEN {condition} END", errors.join(" OR "))
    }
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

fn word_between(and: bool) -> &'static str {
    if and { " AND " } else { " OR " }
}

fn bounded(expr: &Expr, sql: String) -> Result<String, CompileError> {
    if sql.len() > MAX_SQL_BYTES {
        return Err(CompileError::new(expr, "this is too complicated: split it up"));
    }
    Ok(sql)
}
