//! Simplifying where an error means the same as false.
//!
//! A rule denies when it ends in an error, and a filter leaves a row out; so at the top of a condition an
//! error and false are alike, and below a `!` an error and true are. What only tells these apart can go.

use super::super::Type;
use super::super::check::shift;
use super::{Comparison, Expr, ExprKind, Function, Value, fold, is_error, truth_of};
use crate::value::Kind;

/// What an error is the same as, where an expression stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ErrorIs {
    Itself,
    False,
    True,
}

/// A smaller condition that is true for exactly the same records; where it is not, it may be false for an
/// error or an error for false.
#[must_use]
pub fn simplify_condition(expr: &Expr) -> Expr {
    unwrap_single(simplify(fold(expr.clone()), ErrorIs::False))
}

fn simplify(expr: Expr, error: ErrorIs) -> Expr {
    if error != ErrorIs::Itself && truth_of(&expr) == Some(None) {
        return Expr { span: expr.span, ..Expr::truth(error == ErrorIs::True) };
    }
    let Expr { kind, ty, span } = expr;
    let boxed = |inner: Box<Expr>, error| Box::new(unwrap_single(simplify(*inner, error)));
    let kind = match kind {
        ExprKind::And(list) => ExprKind::And(list.into_iter().map(|child| simplify(child, error)).collect()),
        ExprKind::Or(list) => ExprKind::Or(list.into_iter().map(|child| simplify(child, error)).collect()),
        ExprKind::Not(inner) => ExprKind::Not(boxed(
            inner,
            match error {
                ErrorIs::Itself => ErrorIs::Itself,
                ErrorIs::False => ErrorIs::True,
                ErrorIs::True => ErrorIs::False,
            },
        )),
        ExprKind::Exists(walk, body) => ExprKind::Exists(walk, boxed(body, error)),
        ExprKind::All(walk, body) => ExprKind::All(walk, boxed(body, error)),
        ExprKind::Of(record, body) if ty == Type::Value(Kind::Bool) => {
            ExprKind::Of(record, boxed(body, error))
        }
        ExprKind::Conditional(condition, then, otherwise)
            if error == ErrorIs::False && is_error(&otherwise) =>
        {
            let then = simplify(*then, error);
            if guards_membership(&condition, &then) {
                return then;
            }
            let condition = simplify(*condition, error);
            return unwrap_single(fold(Expr { kind: ExprKind::And(vec![condition, then]), ty, span }));
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            ExprKind::Conditional(condition, boxed(then, error), boxed(otherwise, error))
        }
        ExprKind::Call(Function::Holds, mut args) if args.len() == 1 => {
            let inner = simplify(args.remove(0), ErrorIs::False);
            if error == ErrorIs::False {
                return inner;
            }
            ExprKind::Call(Function::Holds, vec![inner])
        }
        kind => kind,
    };
    let folded = super::step(Expr { kind, ty, span });
    if error == ErrorIs::Itself { folded } else { unwrap_single(folded) }
}

/// Whether a condition only makes sure that what `in` looks for is no error, which the `exists` finds too.
fn guards_membership(condition: &Expr, exists: &Expr) -> bool {
    let ExprKind::Compare(Comparison::Equal, left, right) = &condition.kind else { return false };
    let ExprKind::Exists(_, body) = &exists.kind else { return false };
    let ExprKind::Compare(Comparison::Equal, _, sought) = &body.kind else { return false };
    left.same(right) && sought.same(&shift((**left).clone(), 1))
}

/// `a` for an `&&` or `||` of nothing but `a`: as conditions they are alike.
fn unwrap_single(expr: Expr) -> Expr {
    match expr.kind {
        ExprKind::And(mut list) | ExprKind::Or(mut list) if list.len() == 1 => list.remove(0),
        ExprKind::Const(Value::Null) => Expr { span: expr.span, ..Expr::error() },
        kind => Expr { kind, ..expr },
    }
}
