//! What a query says already need not be asked again.

use super::{Comparison, Expr, ExprKind, Value, compare, constant};

/// Whether every record for which all of `given` are true makes `rule` true too, as far as the words show.
#[must_use]
pub fn implies(given: &[&Expr], rule: &Expr) -> bool {
    let mut facts = Vec::new();
    for condition in given {
        conjuncts(condition, &mut facts);
    }
    follows(&facts, rule)
}

/// What of a rule is left to ask where all of `given` are true; `None` where nothing is.
#[must_use]
pub fn remaining(given: &[&Expr], rule: &Expr) -> Option<Expr> {
    let mut parts = Vec::new();
    conjuncts(rule, &mut parts);
    let left: Vec<Expr> = parts.into_iter().filter(|part| !implies(given, part)).cloned().collect();
    if left.is_empty() { None } else { Some(Expr::all(left)) }
}

fn conjuncts<'expr>(expr: &'expr Expr, into: &mut Vec<&'expr Expr>) {
    match &expr.kind {
        ExprKind::And(list) => list.iter().for_each(|child| conjuncts(child, into)),
        _ => into.push(expr),
    }
}

fn follows(facts: &[&Expr], rule: &Expr) -> bool {
    if facts.iter().any(|fact| entails(fact, rule)) {
        return true;
    }
    match &rule.kind {
        ExprKind::Const(Value::Bool(true)) => true,
        ExprKind::And(list) => list.iter().all(|part| follows(facts, part)),
        ExprKind::Or(list) => list.iter().any(|part| follows(facts, part)),
        _ => false,
    }
}

fn entails(fact: &Expr, rule: &Expr) -> bool {
    if alike(fact, rule) || flipped(fact).is_some_and(|flipped| alike(&flipped, rule)) {
        return true;
    }
    if let ExprKind::Const(Value::Bool(false)) = fact.kind {
        return true;
    }
    match (&fact.kind, &rule.kind) {
        (ExprKind::Or(list), _) => list.iter().all(|part| implies(&[part], rule)),
        (ExprKind::Compare(Comparison::Equal, left, right), ExprKind::InList(item, list)) => {
            let value = if left.same(item) { right } else { left };
            (left.same(item) || right.same(item))
                && constant(value).is_some()
                && list.iter().any(|one| alike(one, value))
        }
        (ExprKind::InList(item, few), ExprKind::InList(other, many)) => {
            item.same(other)
                && few.iter().all(|one| constant(one).is_some() && many.iter().any(|other| alike(other, one)))
        }
        // What is equal to a value is not null, and not another value.
        (ExprKind::Compare(Comparison::Equal, a, b), ExprKind::Compare(Comparison::NotEqual, c, d)) => {
            [(a, b), (b, a)].iter().any(|(known, value)| {
                [(c, d), (d, c)].iter().any(|(asked, other)| {
                    known.same(asked)
                        && matches!((constant(value), constant(other)), (Some(value), Some(other)) if differ(value, other))
                })
            })
        }
        _ => false,
    }
}

/// Whether two values are unequal as expressions compare them: `1` and `1.0` are not.
fn differ(a: &Value, b: &Value) -> bool {
    compare(Comparison::NotEqual, a, b) == Some(true)
}

/// Whether two expressions say the same, or are comparisons of the same with equal constants.
fn alike(a: &Expr, b: &Expr) -> bool {
    if let (Some(a), Some(b)) = (constant(a), constant(b)) {
        return compare(Comparison::Equal, a, b) == Some(true);
    }
    match (&a.kind, &b.kind) {
        (ExprKind::Compare(operator, one, two), ExprKind::Compare(other, three, four)) => {
            operator == other && alike(one, three) && alike(two, four)
        }
        _ => a.same(b),
    }
}

/// `b > a` for `a < b`.
fn flipped(expr: &Expr) -> Option<Expr> {
    let ExprKind::Compare(operator, left, right) = &expr.kind else { return None };
    let operator = match operator {
        Comparison::Equal | Comparison::NotEqual => *operator,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
    };
    Some(Expr { kind: ExprKind::Compare(operator, right.clone(), left.clone()), ..expr.clone() })
}
