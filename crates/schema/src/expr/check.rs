//! From a syntax tree to a typed one: every name found, every type known, all mistakes at once.
//!
//! A [`Scope`] says what an expression may speak of. Checking goes once through the tree; where a part is
//! wrong its neighbours are still looked at, so that independent mistakes are told together.

mod calls;
mod json;
mod names;
mod operators;
mod scope;
mod settle;

use std::collections::HashMap;
use std::ops::Range;

use indexmap::IndexMap;

pub(in crate::expr) use calls::{PATTERN_BYTES, shift};
pub(in crate::expr) use names::is_root;
pub(in crate::expr) use operators::sign;
pub use scope::{Expect, Mistake, Scope};

use super::lex::MAX_NODES;
use super::parse::{self, Node, NodeKind};
use super::{Expr, ExprKind, Input, Type, Walk};
use crate::json_schema::Place;
use crate::model::ModelId;
use crate::value::{Kind, Value};

/// Parses an expression and resolves it.
///
/// The tree is as written, but for literals: what is compared with a decimal, a date or a UUID is one
/// already, and `duration("36h")` is a constant.
///
/// # Errors
/// All mistakes that can be told apart, in the order of the text.
pub fn check(text: &str, scope: &Scope<'_>, expect: Expect) -> Result<Expr, Vec<Mistake>> {
    let node = parse::parse(text)?;
    let mut checker = Checker::new(scope);
    let checked = checker.value(&node).and_then(|expr| checker.expected(expr, expect));
    let finished = checked.map(|expr| checker.finish(expr));
    match finished {
        Some(expr) if checker.mistakes.is_empty() => Ok(expr),
        _ => {
            if checker.mistakes.is_empty() {
                checker.mistakes.push(Mistake::new("syntax", 0..text.len(), "this cannot be understood"));
            }
            checker.mistakes.sort_by_key(|mistake| mistake.span.start);
            checker.mistakes.dedup();
            Err(checker.mistakes)
        }
    }
}

/// Checks the `[define]` names of a model by themselves: each name with what is wrong with it.
///
/// What a name stands for is checked again wherever it is used; here the carets are within its own text.
/// A mistake about the name rather than the text spans nothing.
#[must_use]
pub fn check_defines(scope: &Scope<'_>) -> Vec<(String, Vec<Mistake>)> {
    let mut wrong = Vec::new();
    for (name, text) in scope.defines {
        let mut mistakes: Vec<Mistake> = names::clash(name, scope).into_iter().collect();
        if mistakes.is_empty() {
            match parse::parse(text) {
                Err(found) => mistakes = found,
                Ok(node) => {
                    let mut checker = Checker::new(scope);
                    checker.expanding.push(name.clone());
                    checker.value(&node);
                    mistakes = checker.mistakes;
                }
            }
        }
        if !mistakes.is_empty() {
            wrong.push((name.clone(), mistakes));
        }
    }
    wrong
}

/// What a name or a path can turn out to be.
enum Thing {
    /// Something with a value.
    Value(Expr),
    /// A relation of a row, or of an input's record.
    Relation(Related, Range<usize>),
    /// `relation.filter(v, …)`.
    Filtered(Related, Expr, Range<usize>),
    /// `meta.tags.filter(v, …)`: the JSON array and the condition.
    Sifted(Expr, Expr, Range<usize>),
    /// `params` and its kin alone.
    Root(&'static str, Range<usize>),
}

/// A relation, and the record that it is of where that is no row in scope: `user` in `user.posts`. That record is
/// then the walk's scope 0.
struct Related {
    walk: Walk,
    of: Option<Box<Expr>>,
}

/// What a variable of an `exists` stands for.
#[derive(Clone, Copy)]
enum Variable<'scope> {
    /// A row of a model.
    Row(ModelId),
    /// An element of a JSON array, with what the schema says of it.
    Element(Option<Place<'scope>>),
}

struct Checker<'scope> {
    scope: &'scope Scope<'scope>,
    mistakes: Vec<Mistake>,
    /// Variables of the `exists` around, the innermost last.
    variables: Vec<(String, Variable<'scope>)>,
    /// How many of the variables the text of a `[define]` name cannot see.
    unseen: usize,
    /// What the inputs without a type of their own were taken for.
    taken: IndexMap<Input, Type>,
    /// The `[define]` names that are being expanded.
    expanding: Vec<String>,
    /// Where the outermost of these stands: what messages point at.
    site: Option<Range<usize>>,
    nodes: usize,
    /// How the doubles were written that might have to be decimals.
    digits: HashMap<u64, String>,
}

impl<'scope> Checker<'scope> {
    fn new(scope: &'scope Scope<'scope>) -> Self {
        Checker {
            scope,
            mistakes: Vec::new(),
            variables: Vec::new(),
            unseen: 0,
            taken: IndexMap::new(),
            expanding: Vec::new(),
            site: None,
            nodes: 0,
            digits: HashMap::new(),
        }
    }

    /// Notes a mistake; the `None` is what its place then gives.
    fn wrong<T>(&mut self, mistake: Mistake) -> Option<T> {
        let span = self.place(&mistake.span);
        self.mistakes.push(Mistake { span, ..mistake });
        None
    }

    fn place(&self, span: &Range<usize>) -> Range<usize> {
        self.site.clone().unwrap_or_else(|| span.clone())
    }

    fn expr(&self, kind: ExprKind, ty: Type, span: &Range<usize>) -> Expr {
        Expr { kind, ty, span: self.place(span) }
    }

    /// A node that must have a value.
    fn value(&mut self, node: &Node) -> Option<Expr> {
        match self.thing(node)? {
            Thing::Value(expr) => Some(expr),
            Thing::Relation(_, span) => {
                let name = self.name_at(node);
                let hint = format!("write `{name}.exists(x, …)`, `x in {name}` or `size({name})`");
                let message = format!("`{name}` is a relation, not a value");
                self.wrong(Mistake::new("relation-as-value", span, message).hint(hint))
            }
            Thing::Sifted(_, _, span) => {
                let message = "`filter` gives a list, not a value";
                self.wrong(
                    Mistake::new("type-mismatch", span, message).hint("write `size(list.filter(x, …))`"),
                )
            }
            Thing::Filtered(_, _, span) => {
                let message = "`filter` gives records, not a value";
                self.wrong(
                    Mistake::new("relation-as-value", span, message)
                        .hint("write `size(relation.filter(x, …))`"),
                )
            }
            Thing::Root(root, span) => {
                let hint = format!("write `{root}.` and a name");
                self.wrong(Mistake::new("root-as-value", span, format!("`{root}` is not a value")).hint(hint))
            }
        }
    }

    fn name_at(&self, node: &Node) -> String {
        match &node.kind {
            NodeKind::Name(name) => name.clone(),
            NodeKind::Select(inner, name) => format!("{}.{name}", self.name_at(inner)),
            NodeKind::Index(inner, key) => match &key.kind {
                NodeKind::Int(at) => format!("{}[{at}]", self.name_at(inner)),
                NodeKind::Text(key) => format!("{}[{key:?}]", self.name_at(inner)),
                _ => self.name_at(inner),
            },
            _ => "this".to_owned(),
        }
    }

    fn thing(&mut self, node: &Node) -> Option<Thing> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            if self.nodes == MAX_NODES + 1 {
                let message = format!(
                    "the expression is too long: at most {MAX_NODES} names, literals and operators are taken"
                );
                return self.wrong(Mistake::new("expression-too-long", node.span.clone(), message));
            }
            return None;
        }
        let literal = |kind, value| (ExprKind::Const(value), Type::Value(kind));
        let (kind, ty) = match &node.kind {
            NodeKind::Null => (ExprKind::Const(Value::Null), Type::Null),
            NodeKind::Bool(value) => literal(Kind::Bool, Value::Bool(*value)),
            NodeKind::Int(value) => literal(Kind::Int, Value::Int(*value)),
            NodeKind::Float(value, digits) => {
                self.digits.insert(value.to_bits(), digits.clone());
                literal(Kind::Float, Value::Float(*value))
            }
            NodeKind::Text(value) => literal(Kind::Text, Value::from(value.as_str())),
            NodeKind::Name(name) => return self.name(name, node),
            NodeKind::Select(operand, name) => return self.select(operand, name, node),
            NodeKind::Index(operand, key) => return self.index(operand, key, node),
            NodeKind::Call(receiver, name, args) => return self.call(receiver.as_deref(), name, args, node),
            NodeKind::List(_) => {
                let message = "a list can only stand after `in`";
                return self.wrong(Mistake::new("type-mismatch", node.span.clone(), message));
            }
            NodeKind::Not(inner) => {
                (ExprKind::Not(Box::new(self.condition(inner)?)), Type::Value(Kind::Bool))
            }
            NodeKind::And(list) => {
                // A `[define]` name may stand for another `&&`.
                let flat = self.conditions(list)?.into_iter().flat_map(|expr| match expr.kind {
                    ExprKind::And(inner) => inner,
                    kind => vec![Expr { kind, ..expr }],
                });
                (ExprKind::And(flat.collect()), Type::Value(Kind::Bool))
            }
            NodeKind::Or(list) => {
                let flat = self.conditions(list)?.into_iter().flat_map(|expr| match expr.kind {
                    ExprKind::Or(inner) => inner,
                    kind => vec![Expr { kind, ..expr }],
                });
                (ExprKind::Or(flat.collect()), Type::Value(Kind::Bool))
            }
            NodeKind::Negate(inner) => return self.negate(inner, node).map(Thing::Value),
            NodeKind::Compare(comparison, left, right) => {
                return self.comparison(*comparison, left, right, node).map(Thing::Value);
            }
            NodeKind::Arithmetic(arithmetic, left, right) => {
                return self.arithmetic(*arithmetic, left, right, node).map(Thing::Value);
            }
            NodeKind::In(left, right) => return self.membership(left, right, node).map(Thing::Value),
            NodeKind::Conditional(condition, then, otherwise) => {
                return self.conditional(condition, then, otherwise, node).map(Thing::Value);
            }
        };
        Some(Thing::Value(self.expr(kind, ty, &node.span)))
    }

    fn conditions(&mut self, list: &[Node]) -> Option<Vec<Expr>> {
        let checked: Vec<Option<Expr>> = list.iter().map(|node| self.condition(node)).collect();
        checked.into_iter().collect()
    }

    /// A node that must be true or false.
    fn condition(&mut self, node: &Node) -> Option<Expr> {
        let expr = self.value(node)?;
        self.as_condition(expr)
    }

    fn as_condition(&mut self, expr: Expr) -> Option<Expr> {
        match &expr.ty {
            Type::Value(Kind::Bool) => Some(expr),
            Type::Value(Kind::Json) => match self.declared(&expr).filter(|kind| *kind != Kind::Bool) {
                Some(kind) => {
                    let message = format!("this is {}, not a condition", kind_name(kind));
                    self.wrong(Mistake::new("type-mismatch", expr.span.clone(), message).hint("compare it"))
                }
                None => Some(self.taken_as(expr, Kind::Bool)),
            },
            Type::Open => self.settle(expr, &Type::Value(Kind::Bool)),
            ty => {
                let message = format!("this is {}, not a condition", self.describe(ty));
                let mistake = Mistake::new("type-mismatch", expr.span.clone(), message);
                self.wrong(match ty {
                    Type::Null => mistake,
                    Type::Value(Kind::Text) => mistake.hint("compare it: `… == \"…\"`"),
                    _ => mistake.hint("compare it: `… != null`"),
                })
            }
        }
    }

    fn expected(&mut self, expr: Expr, expect: Expect) -> Option<Expr> {
        match expect {
            Expect::Condition => self.as_condition(expr),
            Expect::Anything => Some(expr),
            Expect::Value(kind) => self.fitting(expr, &Type::Value(kind)),
            Expect::Ref(model) => self.fitting(expr, &Type::Record(model)),
            Expect::Refs(model) => {
                let list = Type::List(Box::new(Type::Record(model)));
                if expr.ty == list || expr.ty == Type::Null {
                    return Some(expr);
                }
                let model = &self.scope.models.get(model).name;
                let message =
                    format!("this is {}, not a list of records of `{model}`", self.describe(&expr.ty));
                self.wrong(Mistake::new("type-mismatch", expr.span.clone(), message))
            }
        }
    }

    /// An expression where something of a type is wanted.
    fn fitting(&mut self, expr: Expr, ty: &Type) -> Option<Expr> {
        if expr.ty == Type::Null {
            return Some(expr);
        }
        let expr = self.toward(expr, ty)?;
        let expr = match ty {
            Type::Value(wanted @ (Kind::Bool | Kind::Int | Kind::Float | Kind::Text)) if expr.is_json() => {
                self.taken_as(expr, *wanted)
            }
            _ => expr,
        };
        let fits = match (&expr.ty, ty) {
            (given, wanted) if given == wanted => true,
            (Type::Record(model), Type::Value(kind)) | (Type::Value(kind), Type::Record(model)) => {
                *kind == self.id_kind(*model)
            }
            _ => false,
        };
        if fits {
            return Some(expr);
        }
        if let (Type::Value(Kind::Decimal(given)), Type::Value(Kind::Decimal(wanted))) = (&expr.ty, ty) {
            let message = format!("this has {given} digits after the point, and {wanted} are kept");
            return self.wrong(Mistake::new("type-mismatch", expr.span.clone(), message));
        }
        let message = format!("this is {}, not {}", self.describe(&expr.ty), self.describe(ty));
        let hint = operators::conversion(&expr, ty);
        let mistake = Mistake::new("type-mismatch", expr.span.clone(), message);
        self.wrong(Mistake { hint, ..mistake })
    }

    fn id_kind(&self, model: ModelId) -> Kind {
        if self.scope.models.get(model).uuid_ids { Kind::Uuid } else { Kind::Int }
    }

    /// What a person calls a type.
    fn describe(&self, ty: &Type) -> String {
        match ty {
            Type::Null => "null".to_owned(),
            Type::Open => "an input".to_owned(),
            Type::Value(kind) => kind_name(*kind).to_owned(),
            Type::Record(model) => format!("a record of `{}`", self.scope.models.get(*model).name),
            Type::List(item) => match &**item {
                Type::Record(model) => {
                    format!("a list of records of `{}`", self.scope.models.get(*model).name)
                }
                _ => "a list".to_owned(),
            },
        }
    }
}

/// What a person calls a kind.
#[must_use]
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false",
        Kind::Int => "an integer",
        Kind::Float => "a float",
        Kind::Decimal(_) => "a decimal",
        Kind::Text => "a text",
        Kind::Date => "a date",
        Kind::Datetime => "a datetime",
        Kind::Duration => "a duration",
        Kind::Uuid => "a UUID",
        Kind::Json => "JSON",
    }
}
