//! Going through a tree: its children, what it looks at, what it can fail at.

use indexmap::IndexMap;

use super::{Comparison, Expr, ExprKind, Function, Input, Path, Type, Walk};
use crate::model::FieldId;
use crate::value::{Kind, Value};

impl Expr {
    /// A literal.
    #[must_use]
    pub fn literal(value: Value, ty: Type) -> Expr {
        Expr { kind: ExprKind::Const(value), ty, span: 0..0 }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn truth(truth: bool) -> Expr {
        Expr::literal(Value::Bool(truth), Type::Value(Kind::Bool))
    }

    /// A condition that is an error.
    #[must_use]
    pub fn error() -> Expr {
        Expr { kind: ExprKind::Error, ty: Type::Value(Kind::Bool), span: 0..0 }
    }

    /// All of these conditions; `true` where there is none.
    #[must_use]
    pub fn all(conditions: Vec<Expr>) -> Expr {
        let mut list = Vec::with_capacity(conditions.len());
        for condition in conditions {
            match condition.kind {
                ExprKind::And(inner) => list.extend(inner),
                ExprKind::Const(Value::Bool(true)) => {}
                _ => list.push(condition),
            }
        }
        match list.len() {
            0 => Expr::truth(true),
            1 => list.remove(0),
            _ => Expr { span: list[0].span.clone(), kind: ExprKind::And(list), ty: Type::Value(Kind::Bool) },
        }
    }

    /// Rebuilds a node from its children; the flag tells whether a child is the body of an `exists` or its kin, or
    /// what is seen from another record: there one more row is in scope.
    #[must_use]
    pub fn map_children(self, with: &mut dyn FnMut(Expr, bool) -> Expr) -> Expr {
        let Expr { kind, ty, span } = self;
        let mut one = |child: Box<Expr>| Box::new(with(*child, false));
        let kind = match kind {
            ExprKind::Const(_)
            | ExprKind::Error
            | ExprKind::Input(_)
            | ExprKind::Field(_)
            | ExprKind::Has(_)
            | ExprKind::Element(_)
            | ExprKind::Count(_, None) => kind,
            ExprKind::Member(of, steps) => ExprKind::Member(one(of), steps),
            ExprKind::HasMember(of, steps) => ExprKind::HasMember(one(of), steps),
            ExprKind::As(of, kind) => ExprKind::As(one(of), kind),
            ExprKind::InJson(item, list) => ExprKind::InJson(one(item), one(list)),
            ExprKind::Each(quantifier, list, body) => {
                let list = one(list);
                ExprKind::Each(quantifier, list, Box::new(with(*body, true)))
            }
            ExprKind::Negate(inner) => ExprKind::Negate(one(inner)),
            ExprKind::Not(inner) => ExprKind::Not(one(inner)),
            ExprKind::Compare(operator, left, right) => ExprKind::Compare(operator, one(left), one(right)),
            ExprKind::Arithmetic(operator, left, right) => {
                ExprKind::Arithmetic(operator, one(left), one(right))
            }
            ExprKind::Conditional(condition, then, otherwise) => {
                ExprKind::Conditional(one(condition), one(then), one(otherwise))
            }
            ExprKind::InList(item, list) => {
                let item = one(item);
                ExprKind::InList(item, list.into_iter().map(|child| with(child, false)).collect())
            }
            ExprKind::And(list) => ExprKind::And(list.into_iter().map(|child| with(child, false)).collect()),
            ExprKind::Or(list) => ExprKind::Or(list.into_iter().map(|child| with(child, false)).collect()),
            ExprKind::Call(function, args) => {
                ExprKind::Call(function, args.into_iter().map(|child| with(child, false)).collect())
            }
            ExprKind::Exists(walk, body) => ExprKind::Exists(walk, Box::new(with(*body, true))),
            ExprKind::All(walk, body) => ExprKind::All(walk, Box::new(with(*body, true))),
            ExprKind::Count(walk, Some(body)) => ExprKind::Count(walk, Some(Box::new(with(*body, true)))),
            ExprKind::Of(record, body) => {
                let record = one(record);
                ExprKind::Of(record, Box::new(with(*body, true)))
            }
        };
        Expr { kind, ty, span }
    }

    /// The children of a node, in the order of the text.
    pub fn children(&self) -> impl Iterator<Item = &Expr> {
        let (boxed, list): (Vec<&Expr>, &[Expr]) = match &self.kind {
            ExprKind::Const(_)
            | ExprKind::Error
            | ExprKind::Input(_)
            | ExprKind::Field(_)
            | ExprKind::Has(_)
            | ExprKind::Element(_)
            | ExprKind::Count(_, None) => (Vec::new(), &[]),
            ExprKind::Negate(inner)
            | ExprKind::Not(inner)
            | ExprKind::Member(inner, _)
            | ExprKind::HasMember(inner, _)
            | ExprKind::As(inner, _)
            | ExprKind::Exists(_, inner)
            | ExprKind::All(_, inner)
            | ExprKind::Count(_, Some(inner)) => (vec![inner], &[]),
            ExprKind::Compare(_, left, right)
            | ExprKind::Arithmetic(_, left, right)
            | ExprKind::Of(left, right)
            | ExprKind::InJson(left, right)
            | ExprKind::Each(_, left, right) => (vec![left, right], &[]),
            ExprKind::Conditional(condition, then, otherwise) => (vec![condition, then, otherwise], &[]),
            ExprKind::InList(item, list) => (vec![item], list),
            ExprKind::And(list) | ExprKind::Or(list) | ExprKind::Call(_, list) => (Vec::new(), list),
        };
        boxed.into_iter().chain(list)
    }

    /// Whether two expressions say the same, wherever they stand.
    #[must_use]
    pub fn same(&self, other: &Expr) -> bool {
        self.clone().without_spans() == other.clone().without_spans()
    }

    fn without_spans(mut self) -> Expr {
        self.span = 0..0;
        self.map_children(&mut |child, _| child.without_spans())
    }

    /// What the expression looks at.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        needs.collect(self, 0);
        needs
    }

    /// Each input with its type, in the order of the text.
    #[must_use]
    pub fn inputs(&self) -> Vec<(Input, Type)> {
        self.needs().inputs.into_iter().collect()
    }

    /// Whether the fields of one record and its inputs are enough to compute it.
    #[must_use]
    pub fn is_field_local(&self) -> bool {
        let needs = self.needs();
        needs.walks.is_empty() && needs.paths.iter().all(|path| path.hops.is_empty()) && !self.goes_beyond()
    }

    /// Whether it sees something from a record that only the database has: `user.team.name`.
    #[must_use]
    pub fn goes_beyond(&self) -> bool {
        matches!(self.kind, ExprKind::Of(..)) || self.children().any(Expr::goes_beyond)
    }

    /// Whether no database computes it: it matches a pattern.
    #[must_use]
    pub fn in_memory_only(&self) -> bool {
        matches!(self.kind, ExprKind::Call(Function::Matches, _)) || self.children().any(Expr::in_memory_only)
    }

    /// Whether it gives JSON, whose type is known at run time alone.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.ty == Type::Value(Kind::Json)
    }

    /// Whether it is `user` itself.
    pub(super) fn is_user(&self) -> bool {
        matches!((&self.kind, &self.ty), (ExprKind::Input(Input::User(FieldId::ID)), Type::Record(_)))
    }

    /// Whether it is `user == null` or `user != null`, the one thing of `user` that is no error for a visitor.
    pub(super) fn asks_for_user(&self) -> bool {
        let null = |expr: &Expr| matches!(expr.kind, ExprKind::Const(Value::Null));
        match &self.kind {
            ExprKind::Compare(Comparison::Equal | Comparison::NotEqual, left, right) => {
                left.is_user() && null(right) || null(left) && right.is_user()
            }
            _ => false,
        }
    }

    /// Whether it might be what CEL calls an error. A field of the row itself, a literal and the time never are.
    #[must_use]
    pub fn may_fail(&self) -> bool {
        match &self.kind {
            ExprKind::Const(_) | ExprKind::Element(_) | ExprKind::Input(Input::Now | Input::Today) => false,
            ExprKind::Field(path) | ExprKind::Has(path) => !path.hops.is_empty(),
            ExprKind::Compare(..) if self.asks_for_user() => false,
            ExprKind::Compare(Comparison::Equal | Comparison::NotEqual, ..)
            | ExprKind::InList(..)
            | ExprKind::Call(Function::Holds, _) => self.children().any(Expr::may_fail),
            _ => true,
        }
    }
}

/// What an expression looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Inputs, each with its type.
    pub inputs: IndexMap<Input, Type>,
    /// Fields, of whatever row.
    pub paths: Vec<Path>,
    /// Relations.
    pub walks: Vec<Walk>,
    /// Fields of the record itself that these begin with: a field, or the ref that a path goes through first.
    pub own: Vec<FieldId>,
}

impl Needs {
    /// Whether it looks at who asks.
    #[must_use]
    pub fn user(&self) -> bool {
        self.inputs.keys().any(Input::is_of_user)
    }

    fn collect(&mut self, expr: &Expr, inside: usize) {
        match &expr.kind {
            ExprKind::Input(input) => {
                // `user` and `user.id` are one input; the record says more.
                let known = self.inputs.entry(input.clone()).or_insert_with(|| expr.ty.clone());
                if matches!(expr.ty, Type::Record(_)) {
                    known.clone_from(&expr.ty);
                }
            }
            ExprKind::Field(path) | ExprKind::Has(path) => {
                let first = path.hops.first().copied().unwrap_or(path.field);
                add(&mut self.own, (path.scope == inside).then_some(first));
                add(&mut self.paths, Some(path.clone()));
            }
            ExprKind::Exists(walk, _) | ExprKind::All(walk, _) | ExprKind::Count(walk, _) => {
                add(&mut self.own, walk.hops.first().copied().filter(|_| walk.scope == inside));
                add(&mut self.walks, Some(walk.clone()));
            }
            _ => {}
        }
        if let ExprKind::Each(_, list, body) = &expr.kind {
            self.collect(list, inside);
            return self.collect(body, inside + 1);
        }
        let opens = matches!(expr.kind, ExprKind::Exists(..) | ExprKind::All(..) | ExprKind::Count(..));
        for (at, child) in expr.children().enumerate() {
            let seen_from_there = matches!(expr.kind, ExprKind::Of(..)) && at == 1;
            self.collect(child, inside + usize::from(opens || seen_from_there));
        }
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: Option<T>) {
    if let Some(item) = item.filter(|item| !list.contains(item)) {
        list.push(item);
    }
}
