//! Checking the expressions of a site's files, with carets where they stand in the file.

use super::report::File;
use super::toml::{Data, Node, Text};
use crate::expr::{self, Expect, Expr, ExprKind, Scope};
use crate::model::Rule;
use crate::value::Value;

/// Checks an expression; what is wrong is noted where it stands.
pub(super) fn check(file: File<'_>, text: &Text, scope: &Scope<'_>, expect: Expect) -> Option<Expr> {
    check_hinting(file, text, scope, expect, |_| None)
}

/// As [`check`], with a better hint where the caller knows one.
pub(super) fn check_hinting(
    file: File<'_>,
    text: &Text,
    scope: &Scope<'_>,
    expect: Expect,
    better: impl Fn(&expr::Mistake) -> Option<String>,
) -> Option<Expr> {
    match expr::check(&text.value, scope, expect) {
        Ok(expr) => Some(expr),
        Err(mistakes) => {
            for mistake in mistakes {
                let hint = better(&mistake).or(mistake.hint);
                file.error(mistake.code, &text.place(&mistake.span), mistake.message).maybe_hint(hint);
            }
            None
        }
    }
}

/// An expression that is computed without asking the database; notes one that goes further.
pub(super) fn without_database(file: File<'_>, text: &Text, expr: Expr) -> Option<Expr> {
    if !expr.goes_beyond() {
        return Some(expr);
    }
    let mut at = None;
    super::walk::each(&expr, &mut |part| {
        if matches!(part.kind, ExprKind::Of(..)) && at.is_none() {
            at = Some(part.span.clone());
        }
    });
    let span = text.place(&at.unwrap_or_else(|| expr.span.clone()));
    file.error("out-of-reach", &span, "this leads to a record that is not loaded here").hint(
        "only fields of `user` and of the page's records are at hand: load the other record by a query of its own",
    );
    None
}

/// A string of a file: a literal, or an expression after `= `.
pub(super) fn after_equals(text: &Text) -> Option<Text> {
    text.value.starts_with("= ").then(|| text.part(2..text.value.len()))
}

/// A rule as a file writes it: an expression, or `true` or `false`.
pub(super) enum Written<'a> {
    Expr(&'a Text),
    Bool(bool),
}

/// The rule in a value; notes it where it is neither text nor a boolean.
pub(super) fn written<'a>(file: File<'_>, key: &str, node: &'a Node) -> Option<Written<'a>> {
    match &node.data {
        Data::Text(text) => Some(Written::Expr(text)),
        Data::Bool(truth) => Some(Written::Bool(*truth)),
        _ => {
            let message = format!("`{key}` must be a rule, not {}", node.described());
            file.error("wrong-type", &node.span, message)
                .hint("a rule is an expression in quotes, such as 'user != null', or `true` or `false`");
            None
        }
    }
}

/// What a checked condition means as a rule. One that never holds still lets administrators pass.
pub(super) fn rule(expr: Expr) -> Rule {
    match expr.kind {
        ExprKind::Const(Value::Bool(true)) => Rule::Everybody,
        ExprKind::Const(Value::Bool(false)) => Rule::Administrators,
        _ => Rule::When(expr),
    }
}
