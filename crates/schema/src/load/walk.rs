//! Going through an expression's tree.

use crate::expr::{Expr, ExprKind, Input, Type};
use crate::model::Models;
use crate::value::Kind;

/// Shows every part of an expression, outer parts first.
pub(super) fn each<'e>(expr: &'e Expr, see: &mut impl FnMut(&'e Expr)) {
    see(expr);
    match &expr.kind {
        ExprKind::Const(_) | ExprKind::Error | ExprKind::Input(_) | ExprKind::Field(_) | ExprKind::Has(_) => {
        }
        ExprKind::Negate(inner) | ExprKind::Not(inner) => each(inner, see),
        ExprKind::And(list) | ExprKind::Or(list) | ExprKind::Call(_, list) => {
            for part in list {
                each(part, see);
            }
        }
        ExprKind::Compare(_, left, right) | ExprKind::Arithmetic(_, left, right) => {
            each(left, see);
            each(right, see);
        }
        ExprKind::Of(record, body) => {
            each(record, see);
            each(body, see);
        }
        ExprKind::InList(item, list) => {
            each(item, see);
            for part in list {
                each(part, see);
            }
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            each(condition, see);
            each(then, see);
            each(otherwise, see);
        }
        ExprKind::Exists(_, body) | ExprKind::All(_, body) => each(body, see),
        ExprKind::Count(_, body) => {
            if let Some(body) = body {
                each(body, see);
            }
        }
    }
}

/// The inputs of an expression, each with the expression that stands for it.
pub(super) fn inputs(expr: &Expr) -> Vec<(&Input, &Expr)> {
    let mut found = Vec::new();
    each(expr, &mut |part| {
        if let ExprKind::Input(input) = &part.kind {
            found.push((input, part));
        }
    });
    found
}

/// What a column of this type would hold; none for lists, null and what nothing fixed.
pub(super) fn kind_of(ty: &Type, models: &Models) -> Option<Kind> {
    match ty {
        Type::Value(kind) => Some(*kind),
        Type::Record(model) => Some(if models.get(*model).uuid_ids { Kind::Uuid } else { Kind::Int }),
        Type::Null | Type::List(_) | Type::Open => None,
    }
}
