//! Going through an expression's tree.

use crate::expr::{Expr, ExprKind, Input, Type};
use crate::model::Models;
use crate::value::Kind;

/// Shows every part of an expression, outer parts first.
pub(super) fn each<'e>(expr: &'e Expr, see: &mut impl FnMut(&'e Expr)) {
    see(expr);
    for child in expr.children() {
        each(child, see);
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
