//! What an asker sends, bound to what he may read.
//!
//! A filter over `author.email` tells what `author.email` is, to whoever may send enough filters. So an
//! expression that comes from outside reaches another model's rows only where that model's read rule holds,
//! and no field that its reader may not read. Expressions in the owner's files are not so bound.

use std::ops::Range;

use super::fold::fold;
use super::{Expr, ExprKind, Function, Input, Mistake, Path, Type, Walk};
use crate::model::{FieldId, ModelId, Models, RelationBy, Rule};
use crate::value::{Kind, Value};

/// What an asker may read, of records and of their fields. Rules are those of the models as they are for
/// him: for an administrator [`Rule::Everybody`], but [`Rule::Nobody`] stays.
pub struct Reading<'site> {
    /// The site's models.
    pub models: &'site Models,
    /// The read rule of a model's records.
    pub records: &'site dyn Fn(ModelId) -> Rule,
    /// The read rule of a field; a hidden one need not be told here.
    pub field: &'site dyn Fn(ModelId, FieldId) -> Rule,
}

/// An expression that an asker sent, changed so that it tells nothing which he may not read.
///
/// - Of a relation only the rows are there that he may read.
/// - A path leads through records that he may read, and is an error elsewhere.
/// - A field whose read rule does not hold for its record is an error there.
///
/// # Errors
/// A field that he can read of no record.
pub fn restrict(expr: Expr, reading: &Reading<'_>) -> Result<Expr, Mistake> {
    reading.expr(expr).map(fold)
}

/// Whether an asker may sort by a path: not where a rule decides it record by record.
///
/// # Errors
/// What he may not read, pointing at `span`.
pub fn restrict_sort(path: &Path, span: Range<usize>, reading: &Reading<'_>) -> Result<(), Mistake> {
    let guards = reading.path(path, &span)?;
    if guards.is_empty() {
        return Ok(());
    }
    let name = &reading.models.get(path.end).field(path.field).name;
    Err(Mistake::new(
        "unreadable-field",
        span,
        format!("`{name}` cannot be sorted by: not every record shows it to you"),
    ))
}

/// A rule about a record of `model`, as it reads in a filter on the rows of one of that record's relations: there the
/// record is the row outside.
#[must_use]
pub fn of_outer_row(rule: Expr, model: ModelId) -> Expr {
    rebase(rule, &Base { scope: 1, model, hops: &[] }, 0)
}

/// A rule, as far as it is decided.
enum Readable {
    Always,
    Never,
    Where(Expr),
}

impl From<Rule> for Readable {
    fn from(rule: Rule) -> Readable {
        match rule {
            Rule::Everybody => Readable::Always,
            Rule::Administrators | Rule::Nobody => Readable::Never,
            Rule::When(expr) => match expr.kind {
                ExprKind::Const(Value::Bool(true)) => Readable::Always,
                ExprKind::Const(_) | ExprKind::Error => Readable::Never,
                _ => Readable::Where(expr),
            },
        }
    }
}

impl Reading<'_> {
    fn expr(&self, expr: Expr) -> Result<Expr, Mistake> {
        let mut failed = None;
        let expr = expr.map_children(&mut |child, _| {
            let span = child.span.clone();
            self.expr(child).unwrap_or_else(|mistake| {
                failed.get_or_insert(mistake);
                Expr { span, ..Expr::error() }
            })
        });
        if let Some(mistake) = failed {
            return Err(mistake);
        }
        let Expr { kind, ty, span } = expr;
        let (kind, guards) = match kind {
            ExprKind::Field(path) => {
                let guards = self.path(&path, &span)?;
                (ExprKind::Field(path), guards)
            }
            ExprKind::Has(path) => {
                let guards = self.path(&path, &span)?;
                (ExprKind::Has(path), guards)
            }
            ExprKind::Input(Input::User(field)) if field != FieldId::ID => {
                let guards = self.own(field, &span)?;
                (ExprKind::Input(Input::User(field)), guards)
            }
            ExprKind::Exists(walk, body) => {
                let guards = self.walk(&walk, &span)?;
                let mut conditions = self.rows(&walk, &span)?;
                conditions.push(*body);
                (ExprKind::Exists(walk, Box::new(Expr::all(conditions))), guards)
            }
            ExprKind::All(walk, body) => {
                let guards = self.walk(&walk, &span)?;
                let rows = self.rows(&walk, &span)?;
                let bool = Type::Value(Kind::Bool);
                let hidden = Expr {
                    kind: ExprKind::Not(Box::new(Expr::all(rows))),
                    ty: bool.clone(),
                    span: span.clone(),
                };
                let body = Expr { kind: ExprKind::Or(vec![hidden, *body]), ty: bool, span: span.clone() };
                (ExprKind::All(walk, Box::new(body)), guards)
            }
            ExprKind::Count(walk, condition) => {
                let guards = self.walk(&walk, &span)?;
                let mut conditions = self.rows(&walk, &span)?;
                conditions.extend(condition.map(|condition| *condition));
                let condition =
                    if conditions.is_empty() { None } else { Some(Box::new(Expr::all(conditions))) };
                (ExprKind::Count(walk, condition), guards)
            }
            ExprKind::Of(record, body) => {
                let mut guards = Vec::new();
                if let Type::Record(model) = record.ty {
                    match (self.records)(model).into() {
                        Readable::Always => {}
                        Readable::Never => guards.push(Expr::truth(false)),
                        Readable::Where(rule) => guards.push(rule),
                    }
                }
                (ExprKind::Of(record, Box::new(guarded(*body, guards))), Vec::new())
            }
            kind => (kind, Vec::new()),
        };
        Ok(guarded(Expr { kind, ty, span }, guards))
    }

    /// What must hold for a path to be read.
    fn path(&self, path: &Path, span: &Range<usize>) -> Result<Vec<Expr>, Mistake> {
        let mut guards = Vec::new();
        let end = self.hops(path.scope, path.model, &path.hops, span, &mut guards)?;
        let base = Base { scope: path.scope, model: path.model, hops: &path.hops };
        self.field(end, path.field, &base, span, &mut guards)?;
        Ok(guards)
    }

    /// What must hold for a relation to be looked at.
    fn walk(&self, walk: &Walk, span: &Range<usize>) -> Result<Vec<Expr>, Mistake> {
        let mut guards = Vec::new();
        let end = self.hops(walk.scope, walk.model, &walk.hops, span, &mut guards)?;
        if let RelationBy::Ref(field) | RelationBy::Refs(field) =
            self.models.get(end).relation(walk.relation).by
        {
            let base = Base { scope: walk.scope, model: walk.model, hops: &walk.hops };
            self.field(end, field, &base, span, &mut guards)?;
        }
        Ok(guards)
    }

    /// What must hold of each row of a relation for it to be there.
    fn rows(&self, walk: &Walk, span: &Range<usize>) -> Result<Vec<Expr>, Mistake> {
        let mut rules = Vec::new();
        match (self.records)(walk.to).into() {
            Readable::Always => {}
            Readable::Never => rules.push(Expr::truth(false)),
            Readable::Where(rule) => rules.push(rule),
        }
        let relation = self.models.get(walk.end).relation(walk.relation);
        if let RelationBy::Inverse(field) | RelationBy::InverseRefs(field) = relation.by {
            let base = Base { scope: 0, model: walk.to, hops: &[] };
            self.field(walk.to, field, &base, span, &mut rules)?;
        }
        if rules.is_empty() {
            return Ok(rules);
        }
        let holds = ExprKind::Call(Function::Holds, vec![Expr::all(rules)]);
        Ok(vec![Expr { kind: holds, ty: Type::Value(Kind::Bool), span: span.clone() }])
    }

    /// Follows refs, each readable itself and to a record that is; gives the model at the end.
    fn hops(
        &self,
        scope: usize,
        model: ModelId,
        hops: &[FieldId],
        span: &Range<usize>,
        guards: &mut Vec<Expr>,
    ) -> Result<ModelId, Mistake> {
        let mut at = model;
        for (taken, hop) in hops.iter().enumerate() {
            self.field(at, *hop, &Base { scope, model, hops: &hops[..taken] }, span, guards)?;
            let Some(reference) = &self.models.get(at).field(*hop).reference else { break };
            at = reference.to;
            match (self.records)(at).into() {
                Readable::Always => {}
                Readable::Never => guards.push(Expr::truth(false)),
                Readable::Where(rule) => {
                    guards.push(rebase(rule, &Base { scope, model, hops: &hops[..=taken] }, 0));
                }
            }
        }
        Ok(at)
    }

    fn field(
        &self,
        model: ModelId,
        field: FieldId,
        base: &Base<'_>,
        span: &Range<usize>,
        guards: &mut Vec<Expr>,
    ) -> Result<(), Mistake> {
        match self.readable(model, field) {
            Readable::Always => Ok(()),
            Readable::Never => Err(self.unreadable(model, field, span)),
            Readable::Where(rule) => {
                guards.push(rebase(rule, base, 0));
                Ok(())
            }
        }
    }

    fn readable(&self, model: ModelId, field: FieldId) -> Readable {
        let known = self.models.get(model).field(field);
        match field {
            FieldId::ID => Readable::Always,
            FieldId::VERSION => Readable::Never,
            _ if known.hidden => Readable::Never,
            _ => (self.field)(model, field).into(),
        }
    }

    fn unreadable(&self, model: ModelId, field: FieldId, span: &Range<usize>) -> Mistake {
        let name = &self.models.get(model).field(field).name;
        Mistake::new("unreadable-field", span.clone(), format!("`{name}` cannot be read"))
    }

    /// What must hold for a field of the asker's own record to be read: its rule, about himself.
    fn own(&self, field: FieldId, span: &Range<usize>) -> Result<Vec<Expr>, Mistake> {
        let users = self.models.users().id;
        match self.readable(users, field) {
            Readable::Always => Ok(Vec::new()),
            Readable::Never => Err(self.unreadable(users, field, span)),
            Readable::Where(rule) => Ok(vec![about_user(rule, users)]),
        }
    }
}

/// `condition ? value : error`.
fn guarded(value: Expr, guards: Vec<Expr>) -> Expr {
    if guards.is_empty() {
        return value;
    }
    let (ty, span) = (value.ty.clone(), value.span.clone());
    let error = Expr { kind: ExprKind::Error, ty: ty.clone(), span: span.clone() };
    let kind = ExprKind::Conditional(Box::new(Expr::all(guards)), Box::new(value), Box::new(error));
    Expr { kind, ty, span }
}

/// Where a rule's `this` is, seen from the expression that it is put into.
struct Base<'path> {
    scope: usize,
    model: ModelId,
    hops: &'path [FieldId],
}

/// A rule about `this`, said of the record at the end of a path.
fn rebase(expr: Expr, base: &Base<'_>, inside: usize) -> Expr {
    let Expr { mut kind, ty, span } = expr;
    let hops = |own: &mut Vec<FieldId>| {
        let mut all = base.hops.to_vec();
        all.append(own);
        *own = all;
    };
    match &mut kind {
        ExprKind::Field(path) | ExprKind::Has(path) if path.scope == inside => {
            path.scope += base.scope;
            path.model = base.model;
            hops(&mut path.hops);
        }
        ExprKind::Exists(walk, _) | ExprKind::All(walk, _) | ExprKind::Count(walk, _)
            if walk.scope == inside =>
        {
            walk.scope += base.scope;
            walk.model = base.model;
            hops(&mut walk.hops);
        }
        _ => {}
    }
    Expr { kind, ty, span }.map_children(&mut |child, opens| rebase(child, base, inside + usize::from(opens)))
}

/// A rule about a user's record, said of who asks. What it says of fields alone needs no look at the record.
fn about_user(rule: Expr, users: ModelId) -> Expr {
    fn own(expr: Expr) -> Expr {
        let Expr { kind, ty, span } = expr;
        let kind = match kind {
            ExprKind::Field(path) => ExprKind::Input(Input::User(path.field)),
            kind => kind,
        };
        Expr { kind, ty, span }.map_children(&mut |child, _| own(child))
    }
    if rule.is_field_local() && !has_test(&rule) {
        return own(rule);
    }
    let (ty, span) = (rule.ty.clone(), rule.span.clone());
    let user =
        Expr { kind: ExprKind::Input(Input::User(FieldId::ID)), ty: Type::Record(users), span: span.clone() };
    Expr { kind: ExprKind::Of(Box::new(user), Box::new(rule)), ty, span }
}

fn has_test(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Has(_)) || expr.children().any(has_test)
}
