//! Expressions that the engine builds itself, and what it does with checked ones in memory.

use purlin_schema::expr::{self, Comparison, Evaluated, ExprKind, Path, Type};
use purlin_schema::query::{Limit, Query, Select, Selected};
use purlin_schema::{Expr, Field, FieldId, Input, Kind, Model};

use crate::inputs::Ask;

/// `field == input`, for a field of the record itself.
pub(crate) fn field_is(model: &Model, field: &Field, input: Input) -> Expr {
    let ty = field_type(model, field);
    let path = Path { scope: 0, model: model.id, hops: Vec::new(), end: model.id, field: field.id };
    let left = Expr { kind: ExprKind::Field(path), ty: ty.clone(), span: 0..0 };
    let right = Expr { kind: ExprKind::Input(input), ty, span: 0..0 };
    Expr {
        kind: ExprKind::Compare(Comparison::Equal, Box::new(left), Box::new(right)),
        ty: Type::Value(Kind::Bool),
        span: 0..0,
    }
}

/// `a.b == input`, for a place in the document that a field holds.
pub(crate) fn place_is(model: &Model, field: FieldId, names: &[&str], input: Input, kind: Kind) -> Expr {
    let json = |kind| Expr { kind, ty: Type::Value(Kind::Json), span: 0..0 };
    let path = Path { scope: 0, model: model.id, hops: Vec::new(), end: model.id, field };
    let steps = names.iter().map(|name| expr::Step::Key((*name).into())).collect();
    let left = json(ExprKind::Member(Box::new(json(ExprKind::Field(path))), steps));
    let right = Expr { kind: ExprKind::Input(input), ty: Type::Value(kind), span: 0..0 };
    let kind = ExprKind::Compare(Comparison::Equal, Box::new(left), Box::new(right));
    Expr { kind, ty: Type::Value(Kind::Bool), span: 0..0 }
}

/// `field < now`, or another comparison with the time.
pub(crate) fn compared_to_now(model: &Model, field: FieldId, comparison: Comparison) -> Expr {
    let ty = Type::Value(Kind::Datetime);
    let path = Path { scope: 0, model: model.id, hops: Vec::new(), end: model.id, field };
    let left = Expr { kind: ExprKind::Field(path), ty: ty.clone(), span: 0..0 };
    let right = Expr { kind: ExprKind::Input(Input::Now), ty, span: 0..0 };
    let kind = ExprKind::Compare(comparison, Box::new(left), Box::new(right));
    Expr { kind, ty: Type::Value(Kind::Bool), span: 0..0 }
}

/// Every column of a model's records for which a condition holds: for the engine's own eyes.
pub(crate) fn whole_records(model: &Model, filter: Expr, limit: Limit) -> Query {
    Query { filter: Some(filter), limit, ..whole_record(model) }
}

/// `this == input`: the record with this id.
pub(crate) fn id_is(model: &Model, input: Input) -> Expr {
    field_is(model, model.field(FieldId::ID), input)
}

/// What an expression takes a field of a record for.
fn field_type(model: &Model, field: &Field) -> Type {
    match &field.reference {
        Some(reference) => Type::Record(reference.to),
        None if field.id == FieldId::ID => Type::Record(model.id),
        None => Type::Value(field.kind),
    }
}

/// A rule about an update as it reads on the stored record: `old` is the record itself.
pub(crate) fn old_is_stored(rule: &Expr, model: &Model) -> Expr {
    rewrite_old(rule.clone(), model, 0)
}

fn rewrite_old(mut node: Expr, model: &Model, depth: usize) -> Expr {
    if let ExprKind::Input(Input::Old(field)) = node.kind {
        let path = Path { scope: depth, model: model.id, hops: Vec::new(), end: model.id, field };
        node.kind = ExprKind::Field(path);
        return node;
    }
    node.map_children(&mut |child, enters| rewrite_old(child, model, depth + usize::from(enters)))
}

/// The record whose id is `Param("id")`, with every column that it has: for the engine's own eyes.
pub(crate) fn whole_record(model: &Model) -> Query {
    let mut query = Query::of(model.id);
    query.limit = Limit::One;
    query.filter = Some(id_is(model, Input::Param("id".to_owned())));
    let columns = model.fields.iter().filter(|field| !field.is_many());
    query.select = Select::Fields(columns.map(|field| Selected { field: field.id, guard: None }).collect());
    query
}

/// Whether a rule holds, where it looks at the asker alone; `None` where it looks at a record.
pub(crate) fn holds_for_asker(rule: &Expr, ask: &Ask<'_>) -> Option<bool> {
    match expr::eval(rule, ask) {
        Evaluated::Unavailable => None,
        other => Some(other.holds()),
    }
}
