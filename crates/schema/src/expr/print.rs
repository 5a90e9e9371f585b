//! A tree back to CEL, for `purlin explain`, messages and tests.

use std::fmt::Write;

use super::check::sign;
use super::eval::call;
use super::{
    Comparison, Expr, ExprKind, Function, Input, Path, Quantifier, RESERVED, Scope, Step, Type, Walk,
};
use crate::model::{FieldId, ModelId, RelationBy};
use crate::value::Value;

/// An expression as CEL.
///
/// Variables are named anew, and what a `[define]` name stood for is written out. Two things that CEL has no
/// words for print as `error()` and `holds(…)`.
#[must_use]
pub fn print(expr: &Expr, scope: &Scope<'_>) -> String {
    Printer { scope, variables: Vec::new() }.expr(expr, 0)
}

struct Printer<'scope> {
    scope: &'scope Scope<'scope>,
    variables: Vec<String>,
}

/// How tightly an operator binds, the loosest first.
fn binding(kind: &ExprKind) -> u8 {
    use super::Arithmetic::{Add, Subtract};
    match kind {
        ExprKind::Conditional(..) => 1,
        ExprKind::Or(_) => 2,
        ExprKind::And(_) => 3,
        ExprKind::Compare(..) | ExprKind::InList(..) | ExprKind::InJson(..) => 4,
        ExprKind::As(of, _) => binding(&of.kind),
        ExprKind::Arithmetic(Add | Subtract, ..) => 5,
        ExprKind::Arithmetic(..) => 6,
        ExprKind::Not(_) | ExprKind::Negate(_) => 7,
        ExprKind::Const(Value::Int(number)) if *number < 0 => 7,
        ExprKind::Const(Value::Float(number)) if number.is_sign_negative() => 7,
        ExprKind::Const(Value::Decimal(number)) if number.units < 0 => 7,
        _ => 8,
    }
}

impl Printer<'_> {
    fn expr(&mut self, expr: &Expr, least: u8) -> String {
        let own = match &expr.kind {
            // One condition alone prints as itself.
            ExprKind::And(list) | ExprKind::Or(list) if list.len() == 1 => return self.expr(&list[0], least),
            // The record is the name of its row: `user.team` and then `.name`.
            ExprKind::Of(record, body) => {
                let record = self.expr(record, 8);
                self.variables.push(record);
                let body = match &body.kind {
                    // `post in user.posts` would read as `post.author == user`.
                    ExprKind::Exists(walk, inner) if self.has_way_back(walk) => {
                        self.over(walk, "exists", inner)
                    }
                    _ => self.expr(body, least),
                };
                self.variables.pop();
                return body;
            }
            _ if membership(expr).is_some() => 4,
            kind => binding(kind),
        };
        let text = self.plain(expr, own);
        if own < least { format!("({text})") } else { text }
    }

    fn plain(&mut self, expr: &Expr, own: u8) -> String {
        if let Some((walk, record)) = membership(expr) {
            // Seen from inside, where the row has no name.
            self.variables.push(String::new());
            let record = self.expr(record, 5);
            self.variables.pop();
            return format!("{record} in {}", self.walk(walk));
        }
        match &expr.kind {
            ExprKind::Const(value) => literal(value),
            ExprKind::Error => "error()".to_owned(),
            ExprKind::Input(input) => self.input(input, &expr.ty),
            ExprKind::Field(path) => self.path(path, matches!(expr.ty, Type::Record(_)), false),
            ExprKind::Has(path) => format!("has({})", self.path(path, false, true)),
            // A sign before a number would be read as part of it, and `-0` is the number 0.
            ExprKind::Negate(inner) if matches!(inner.kind, ExprKind::Const(_)) => {
                format!("-({})", self.expr(inner, 0))
            }
            ExprKind::Negate(inner) => format!("-{}", self.expr(inner, 8)),
            ExprKind::Not(inner) => format!("!{}", self.expr(inner, 8)),
            ExprKind::And(list) => self.joined(list, " && ", own),
            ExprKind::Or(list) => self.joined(list, " || ", own),
            ExprKind::Compare(operator, left, right) => {
                let operator = match operator {
                    Comparison::Equal => "==",
                    Comparison::NotEqual => "!=",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                };
                format!("{} {operator} {}", self.expr(left, own + 1), self.expr(right, own + 1))
            }
            ExprKind::Arithmetic(operator, left, right) => {
                format!("{} {} {}", self.expr(left, own), sign(*operator), self.expr(right, own + 1))
            }
            ExprKind::InList(item, list) => {
                let items: Vec<String> = list.iter().map(|item| self.expr(item, 0)).collect();
                format!("{} in [{}]", self.expr(item, own + 1), items.join(", "))
            }
            ExprKind::Conditional(condition, then, otherwise) => {
                format!("{} ? {} : {}", self.expr(condition, 2), self.expr(then, 2), self.expr(otherwise, 1))
            }
            ExprKind::Call(function, args) => self.call(*function, args),
            ExprKind::Exists(walk, body) => self.over(walk, "exists", body),
            ExprKind::All(walk, body) => self.over(walk, "all", body),
            ExprKind::Count(walk, None) => format!("size({})", self.walk(walk)),
            ExprKind::Count(walk, Some(body)) => format!("size({})", self.over(walk, "filter", body)),
            // Only `expr` prints it.
            ExprKind::Of(..) => String::new(),
            ExprKind::Member(of, path) => self.expr(of, 8) + &steps(path),
            ExprKind::HasMember(of, path) => format!("has({}{})", self.expr(of, 8), steps(path)),
            ExprKind::As(of, _) => self.expr(of, own),
            ExprKind::Element(scope) => {
                let at = self.variables.len().checked_sub(scope + 1);
                at.and_then(|at| self.variables.get(at)).cloned().unwrap_or_default()
            }
            ExprKind::InJson(item, list) => {
                format!("{} in {}", self.expr(item, own + 1), self.expr(list, own + 1))
            }
            ExprKind::Each(quantifier, list, body) => {
                let list = self.expr(list, 8);
                let variable = self.free("e");
                self.variables.push(variable.clone());
                let body = self.expr(body, 0);
                self.variables.pop();
                match quantifier {
                    Quantifier::Exists => format!("{list}.exists({variable}, {body})"),
                    Quantifier::All => format!("{list}.all({variable}, {body})"),
                    Quantifier::Count => format!("size({list}.filter({variable}, {body}))"),
                }
            }
        }
    }

    fn has_way_back(&self, walk: &Walk) -> bool {
        let relation = self.scope.models.get(walk.end).relation(walk.relation);
        walk.hops.is_empty() && matches!(relation.by, RelationBy::Inverse(_))
    }

    fn joined(&mut self, list: &[Expr], with: &str, own: u8) -> String {
        list.iter().map(|child| self.expr(child, own + 1)).collect::<Vec<_>>().join(with)
    }

    fn call(&mut self, function: Function, args: &[Expr]) -> String {
        let (name, method) = match function {
            Function::Contains => ("contains", true),
            Function::StartsWith => ("startsWith", true),
            Function::EndsWith => ("endsWith", true),
            Function::Size => ("size", false),
            Function::LowerAscii => ("lowerAscii", true),
            Function::Matches => ("matches", true),
            Function::Int => ("int", false),
            Function::Double => ("double", false),
            Function::String => ("string", false),
            Function::Bool => ("bool", false),
            Function::Timestamp => ("timestamp", false),
            Function::Duration => ("duration", false),
            Function::Year => ("getFullYear", true),
            Function::Month => ("getMonth", true),
            Function::Day => ("getDate", true),
            Function::Holds => ("holds", false),
        };
        let mut args = args.iter();
        let receiver = if method { args.next().map(|first| self.expr(first, 8) + ".") } else { None };
        let args: Vec<String> = args.map(|arg| self.expr(arg, 0)).collect();
        format!("{}{name}({})", receiver.unwrap_or_default(), args.join(", "))
    }

    fn over(&mut self, walk: &Walk, what: &str, body: &Expr) -> String {
        let relation = self.walk(walk);
        let variable = self.variable(walk);
        self.variables.push(variable.clone());
        let body = self.expr(body, 0);
        self.variables.pop();
        format!("{relation}.{what}({variable}, {body})")
    }

    /// The first letter of the relation, or as many as make it a name of its own.
    fn variable(&self, walk: &Walk) -> String {
        let name = &self.scope.models.get(walk.end).relation(walk.relation).name;
        let letter: String = name.chars().take(1).collect();
        self.free(&letter)
    }

    /// A letter as a variable, with a number where it would be taken for something else.
    fn free(&self, letter: &str) -> String {
        let own = |text: &str| self.scope.this.is_some_and(|model| self.has_member(model, text));
        let taken = |text: &String| {
            self.variables.contains(text)
                || own(text)
                || RESERVED.contains(&text.as_str())
                || super::check::is_root(text)
        };
        (1..)
            .map(|at| if at == 1 { letter.to_owned() } else { format!("{letter}{at}") })
            .find(|text| !taken(text))
            .unwrap_or_default()
    }

    fn has_member(&self, model: ModelId, name: &str) -> bool {
        let model = self.scope.models.get(model);
        model.field_named(name).is_some() || model.relation_named(name).is_some()
    }

    fn walk(&self, walk: &Walk) -> String {
        let name = &self.scope.models.get(walk.end).relation(walk.relation).name;
        self.chain(walk.scope, walk.model, &walk.hops, Some(name), false)
    }

    fn path(&self, path: &Path, record: bool, dotted: bool) -> String {
        let name = &self.scope.models.get(path.end).field(path.field).name;
        // `this`, and `author` where a rule about `this` is said of it.
        let itself = record && path.field == FieldId::ID;
        self.chain(path.scope, path.model, &path.hops, (!itself).then_some(name), dotted)
    }

    fn chain(
        &self,
        scope: usize,
        model: ModelId,
        hops: &[FieldId],
        last: Option<&str>,
        dotted: bool,
    ) -> String {
        let mut names: Vec<&str> = Vec::new();
        let mut at = model;
        for hop in hops {
            let field = self.scope.models.get(at).field(*hop);
            names.push(&field.name);
            at = field.reference.as_ref().map_or(at, |reference| reference.to);
        }
        names.extend(last);
        let variable = self.variables.len().checked_sub(scope + 1).and_then(|at| self.variables.get(at));
        if let Some(variable) = variable {
            names.insert(0, variable);
        } else {
            let clashes = names.first().is_none_or(|first| {
                RESERVED.contains(first)
                    || super::check::is_root(first)
                    || self.variables.iter().any(|variable| variable == first)
            });
            if clashes || dotted && names.len() == 1 {
                names.insert(0, "this");
            }
        }
        names.join(".")
    }

    fn input(&self, input: &Input, ty: &Type) -> String {
        let field = |root: &str, model: Option<ModelId>, field: FieldId| {
            if field == FieldId::ID && matches!(ty, Type::Record(_)) {
                return root.to_owned();
            }
            match model {
                Some(model) => format!("{root}.{}", self.scope.models.get(model).field(field).name),
                None => format!("{root}.field{}", field.0),
            }
        };
        match input {
            Input::Now => "now".to_owned(),
            Input::Today => "today".to_owned(),
            Input::User(id) => field("user", Some(self.scope.models.users().id), *id),
            Input::Old(id) => field("old", self.scope.this, *id),
            Input::Data(name, id) => field(&format!("data.{name}"), self.scope.data.get(name).copied(), *id),
            Input::HasRole(role) => format!("user.is({role:?})"),
            Input::HasPermission(permission) => format!("user.can({permission:?})"),
            Input::Param(name) => format!("params.{name}"),
            Input::Query(name) => format!("query.{name}"),
            Input::Form(name) => format!("form.{name}"),
        }
    }
}

/// The relation, and the record as seen from inside it, where an expression is what `record in relation` becomes.
fn membership(expr: &Expr) -> Option<(&Walk, &Expr)> {
    let (guard, exists) = match &expr.kind {
        ExprKind::Conditional(condition, then, otherwise) if matches!(otherwise.kind, ExprKind::Error) => {
            let ExprKind::Compare(Comparison::Equal, left, right) = &condition.kind else { return None };
            (Some(left).filter(|left| left.same(right))?, then)
        }
        _ => return looked_for(expr).filter(|(_, record)| !record.may_fail()),
    };
    looked_for(exists).filter(|(_, record)| record.same(&super::check::shift((**guard).clone(), 1)))
}

/// `relation.exists(row, row == record)`, where the record is not of that row.
fn looked_for(expr: &Expr) -> Option<(&Walk, &Expr)> {
    let ExprKind::Exists(walk, body) = &expr.kind else { return None };
    let ExprKind::Compare(Comparison::Equal, row, record) = &body.kind else { return None };
    let own = |expr: &Expr| matches!(&expr.kind, ExprKind::Field(path) if path.scope == 0);
    let is_row = matches!((&row.kind, &row.ty), (ExprKind::Field(path), Type::Record(_))
        if path.scope == 0 && path.hops.is_empty() && path.field == FieldId::ID);
    let outer =
        !matches!(record.ty, Type::Null | Type::Open) && !own(record) && record.children().next().is_none();
    (is_row && outer).then_some((walk, record))
}

/// A path into JSON: a dot where the key is a name, brackets elsewhere.
fn steps(steps: &[Step]) -> String {
    let plain = |key: &str| {
        key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && key.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
            && !RESERVED.contains(&key)
    };
    let step = |step: &Step| match step {
        Step::Key(key) if plain(key) => format!(".{key}"),
        Step::Key(key) => format!("[{}]", quoted(key)),
        Step::Index(at) => format!("[{at}]"),
    };
    steps.iter().map(step).collect()
}

fn literal(value: &Value) -> String {
    let text = || match call(Function::String, std::slice::from_ref(value)) {
        Some(Value::Text(text)) => text.into_string(),
        _ => String::new(),
    };
    match value {
        Value::Null | Value::Withheld => "null".to_owned(),
        Value::Text(text) => quoted(text),
        Value::Float(number) => {
            let text = number.to_string();
            if text.contains(['.', 'e', 'N', 'i']) { text } else { text + ".0" }
        }
        Value::Date(_) => format!("date({})", quoted(&text())),
        Value::Datetime(_) => format!("timestamp({})", quoted(&text())),
        Value::Duration(_) => format!("duration({})", quoted(&text())),
        Value::Uuid(_) => quoted(&text()),
        Value::Json(json) => json.to_string(),
        Value::Bool(_) | Value::Int(_) | Value::Decimal(_) => text(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            character if character.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
