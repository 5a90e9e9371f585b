//! Making a tree smaller without changing what it means: constants, who asks, what a query says already.
//!
//! An access rule is written for everybody and asked by somebody. Once it is known who asks
//! ([`specialise`]), much of it is decided: for a visitor the blog's
//! `status == "published" || author == user` is `status == "published"`, which a query for published posts
//! says itself, so that the rule falls away ([`remaining`]) and the answer is the same for everybody.

mod implied;
mod position;

pub use implied::{implies, remaining};
pub use position::simplify_condition;

use super::eval::{arithmetic, call, compare, negate};
use super::{Comparison, Expr, ExprKind, Function};
use crate::value::Value;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Somebody who is not signed in: everything of `user` is an error, but `user == null` is true.
    Visitor,
    /// Somebody who is: `user == null` is false.
    User,
}

/// Folds what is constant. The result comes to the same as the tree did, error or value, for every record.
#[must_use]
pub fn fold(expr: Expr) -> Expr {
    step(expr.map_children(&mut |child, _| fold(child)))
}

/// An expression as somebody asks it, folded.
#[must_use]
pub fn specialise(expr: &Expr, asker: Asker) -> Expr {
    fold(asked(expr.clone(), asker))
}

fn asked(expr: Expr, asker: Asker) -> Expr {
    match &expr.kind {
        ExprKind::Compare(operator, ..) if expr.asks_for_user() => {
            let truth = (*operator == Comparison::Equal) == (asker == Asker::Visitor);
            return truth_at(&expr, truth);
        }
        ExprKind::Compare(Comparison::Equal, left, right)
            if asker == Asker::User && left.is_user() && right.is_user() =>
        {
            return truth_at(&expr, true);
        }
        ExprKind::Input(input) if asker == Asker::Visitor && input.is_of_user() => return error_at(&expr),
        _ => {}
    }
    expr.map_children(&mut |child, _| asked(child, asker))
}

fn truth_at(expr: &Expr, truth: bool) -> Expr {
    Expr { span: expr.span.clone(), ..Expr::truth(truth) }
}

fn error_at(expr: &Expr) -> Expr {
    Expr { kind: ExprKind::Error, ty: expr.ty.clone(), span: expr.span.clone() }
}

fn constant(expr: &Expr) -> Option<&Value> {
    match &expr.kind {
        ExprKind::Const(value) => Some(value),
        _ => None,
    }
}

fn is_error(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Error)
}

/// A truth that is no truth: what a condition makes of it is an error.
fn truth_of(expr: &Expr) -> Option<Option<bool>> {
    match &expr.kind {
        ExprKind::Const(Value::Bool(truth)) => Some(Some(*truth)),
        ExprKind::Const(_) | ExprKind::Error => Some(None),
        _ => None,
    }
}

/// Whether a condition gives true, false or an error, but never the value null, which only a condition around
/// it would make an error.
fn never_null(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Field(_)
        | ExprKind::Input(_)
        | ExprKind::As(..)
        | ExprKind::Conditional(..)
        | ExprKind::Const(Value::Null) => false,
        ExprKind::Of(_, body) => never_null(body),
        _ => true,
    }
}

/// One node whose children are folded.
fn step(expr: Expr) -> Expr {
    if let ExprKind::And(_) | ExprKind::Or(_) = expr.kind {
        return junction(expr);
    }
    let Some(folded) = decided(&expr) else { return expr };
    match folded {
        Folded::Value(value) => Expr { kind: ExprKind::Const(value), ty: expr.ty, span: expr.span },
        Folded::Error => error_at(&expr),
        Folded::Child(at) => {
            let child = expr.children().nth(at).cloned();
            child.unwrap_or(expr)
        }
    }
}

/// What a node is decided to be by its children.
enum Folded {
    Value(Value),
    Error,
    Child(usize),
}

impl From<Option<Value>> for Folded {
    fn from(value: Option<Value>) -> Folded {
        value.map_or(Folded::Error, Folded::Value)
    }
}

fn decided(expr: &Expr) -> Option<Folded> {
    let strict_error = || expr.children().any(is_error).then_some(Folded::Error);
    match &expr.kind {
        ExprKind::Not(inner) => {
            let truth = truth_of(inner)?;
            Some(truth.map(|truth| Value::Bool(!truth)).into())
        }
        ExprKind::Negate(inner) => strict_error().or_else(|| Some(negate(constant(inner)?).into())),
        ExprKind::Compare(operator, left, right) => strict_error()
            .or_else(|| Some(compare(*operator, constant(left)?, constant(right)?).map(Value::Bool).into())),
        ExprKind::Arithmetic(operator, left, right) => {
            strict_error().or_else(|| Some(arithmetic(*operator, constant(left)?, constant(right)?).into()))
        }
        ExprKind::InList(item, list) => strict_error().or_else(|| {
            if list.is_empty() && !item.may_fail() {
                return Some(Folded::Value(Value::Bool(false)));
            }
            let item = constant(item)?;
            let mut found = false;
            for other in list {
                found |= compare(Comparison::Equal, item, constant(other)?)?;
            }
            Some(Folded::Value(Value::Bool(found)))
        }),
        ExprKind::Conditional(condition, ..) => Some(match truth_of(condition)? {
            Some(true) => Folded::Child(1),
            Some(false) => Folded::Child(2),
            None => Folded::Error,
        }),
        ExprKind::Call(Function::Holds, args) => {
            let condition = args.first()?;
            if let Some(truth) = truth_of(condition) {
                return Some(Folded::Value(Value::Bool(truth == Some(true))));
            }
            (never_null(condition) && !condition.may_fail()).then_some(Folded::Child(0))
        }
        ExprKind::Call(function, args) => strict_error().or_else(|| {
            let values: Option<Vec<Value>> = args.iter().map(|arg| constant(arg).cloned()).collect();
            Some(call(*function, &values?).into())
        }),
        ExprKind::Member(..) | ExprKind::HasMember(..) | ExprKind::As(..) | ExprKind::InJson(..) => {
            strict_error()
        }
        ExprKind::Each(_, list, _) => is_error(list).then_some(Folded::Error),
        // Beyond a ref there may be an error before any row is looked at.
        ExprKind::Exists(walk, body) if walk.hops.is_empty() && truth_of(body) == Some(Some(false)) => {
            Some(Folded::Value(Value::Bool(false)))
        }
        ExprKind::All(walk, body) if walk.hops.is_empty() && truth_of(body) == Some(Some(true)) => {
            Some(Folded::Value(Value::Bool(true)))
        }
        ExprKind::Count(walk, Some(body)) if walk.hops.is_empty() && truth_of(body) == Some(Some(false)) => {
            Some(Folded::Value(Value::Int(0)))
        }
        ExprKind::Of(record, _) if constant(record) == Some(&Value::Null) => Some(Folded::Error),
        ExprKind::Of(..) => strict_error(),
        _ => None,
    }
}

/// `&&` and `||`: flattened, without what changes nothing, decided where one side decides.
fn junction(expr: Expr) -> Expr {
    let Expr { kind, ty, span } = expr;
    let (wins, list) = match kind {
        ExprKind::And(list) => (false, list),
        ExprKind::Or(list) => (true, list),
        kind => return Expr { kind, ty, span },
    };
    let mut kept: Vec<Expr> = Vec::with_capacity(list.len());
    let mut error = None;
    for child in list {
        let inner = match child.kind {
            ExprKind::And(inner) if !wins => inner,
            ExprKind::Or(inner) if wins => inner,
            kind => vec![Expr { kind, ..child }],
        };
        for child in inner {
            match truth_of(&child) {
                Some(Some(truth)) if truth == wins => return Expr { span, ..Expr::truth(wins) },
                Some(Some(_)) => {}
                Some(None) => error = Some(error_at(&child)),
                None => kept.push(child),
            }
        }
    }
    kept.extend(error);
    match kept.len() {
        0 => Expr { span, ..Expr::truth(!wins) },
        1 if never_null(&kept[0]) => kept.remove(0),
        _ => Expr { kind: if wins { ExprKind::Or(kept) } else { ExprKind::And(kept) }, ty, span },
    }
}
