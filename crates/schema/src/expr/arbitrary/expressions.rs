//! Random trees, each node of the type that its place wants.

use std::sync::Arc;

use super::world::QUERY;
use super::{Tape, value};
use crate::expr::check::shift;
use crate::expr::functions::OVERLOADS;
use crate::expr::{Arithmetic, Comparison, Expr, ExprKind, Function, Input, Path, Type, Walk};
use crate::model::{FieldId, ModelId, Models, RelationBy};
use crate::value::{Kind, Uuid, Value};

/// What random expressions hold.
#[derive(Clone, Copy, Debug)]
pub struct Taste {
    /// How deeply they nest.
    pub depth: usize,
    /// With what no text says: `ExprKind::Error` and `Function::Holds`.
    pub unspoken: bool,
    /// With what is computed in memory only.
    pub in_memory: bool,
    /// With `user` and its fields.
    pub user: bool,
}

impl Default for Taste {
    fn default() -> Taste {
        Taste { depth: 5, unspoken: true, in_memory: false, user: true }
    }
}

const KINDS: [Kind; 9] = [
    Kind::Int,
    Kind::Text,
    Kind::Bool,
    Kind::Float,
    Kind::Decimal(2),
    Kind::Datetime,
    Kind::Date,
    Kind::Duration,
    Kind::Uuid,
];

pub(super) fn condition(models: &Arc<Models>, this: ModelId, taste: Taste, tape: Vec<u16>) -> Expr {
    let mut maker = Maker { models, rows: vec![Some((this, true))], taste, tape: Tape::new(tape) };
    maker.condition(taste.depth)
}

/// Is shown a scope, the model of its row, refs from there, and the model that they lead to.
type SeeEnd<'see> = dyn FnMut(usize, ModelId, &[FieldId], ModelId) + 'see;

pub(super) struct Maker<'models> {
    models: &'models Models,
    /// The models of the rows in scope, the innermost last, and whether a text can name the row; none where it is an
    /// element of a JSON array.
    pub(super) rows: Vec<Option<(ModelId, bool)>>,
    taste: Taste,
    pub(super) tape: Tape,
}

pub(super) fn expr(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, span: 0..0 }
}

pub(super) fn bool_of(kind: ExprKind) -> Expr {
    expr(kind, Type::Value(Kind::Bool))
}

pub(super) fn null() -> Expr {
    expr(ExprKind::Const(Value::Null), Type::Null)
}

impl Maker<'_> {
    pub(super) fn condition(&mut self, depth: usize) -> Expr {
        if depth == 0 || self.tape.ended() {
            return match self.tape.pick(3) {
                0 => Expr::truth(true),
                1 => Expr::truth(false),
                _ => self.place(Kind::Bool).unwrap_or_else(|| Expr::truth(false)),
            };
        }
        let inner = depth - 1;
        match self.tape.pick(24) {
            0 => self.condition(0),
            18 | 19 => self.of_user(Kind::Bool, inner).unwrap_or_else(|| Expr::truth(false)),
            1 => bool_of(ExprKind::Not(Box::new(self.condition(inner)))),
            2 => bool_of(ExprKind::And(self.conditions(inner))),
            3 => bool_of(ExprKind::Or(self.conditions(inner))),
            4..=6 => self.comparison(inner),
            7 => self.null_comparison(inner),
            8 => self.records(),
            9 => self.in_list(inner),
            10 => {
                let (condition, then, otherwise) =
                    (self.condition(inner), self.condition(inner), self.condition(inner));
                bool_of(ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(otherwise)))
            }
            11 => self.place(Kind::Bool).unwrap_or_else(|| Expr::truth(true)),
            12 => match self.any_path() {
                Some(path) => bool_of(ExprKind::Has(path)),
                None => Expr::truth(true),
            },
            13 | 14 => self.over(inner),
            15 => self.call(Kind::Bool, inner),
            16 if self.taste.unspoken => {
                bool_of(ExprKind::Call(Function::Holds, vec![self.condition(inner)]))
            }
            17 if self.taste.unspoken => Expr::error(),
            20..=23 => self.json_condition(inner).unwrap_or_else(|| Expr::truth(false)),
            _ => self.comparison(inner),
        }
    }

    fn conditions(&mut self, depth: usize) -> Vec<Expr> {
        let many = 2 + self.tape.pick(2);
        (0..many).map(|_| self.condition(depth)).collect()
    }

    fn comparison(&mut self, depth: usize) -> Expr {
        const ALL: [Comparison; 6] = [
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ];
        let kind = *self.tape.one(&KINDS);
        let operator = ALL[self.tape.pick(if kind == Kind::Uuid { 2 } else { ALL.len() })];
        let other = match kind {
            Kind::Int if self.tape.chance(5) => Kind::Float,
            Kind::Float if self.tape.chance(5) => Kind::Int,
            kind => kind,
        };
        let (left, right) = (self.value(kind, depth), self.beside(other, depth));
        bool_of(ExprKind::Compare(operator, Box::new(left), Box::new(right)))
    }

    fn null_comparison(&mut self, depth: usize) -> Expr {
        let operator = *self.tape.one(&[Comparison::Equal, Comparison::NotEqual]);
        let sides = match self.tape.pick(4) {
            0 => (self.value(Kind::Text, 0), null()),
            1 if self.taste.user && self.tape.pick(2) == 0 => {
                let users = self.models.users().id;
                (expr(ExprKind::Input(Input::User(FieldId::ID)), Type::Record(users)), null())
            }
            1 => (null(), self.record().unwrap_or_else(null)),
            2 => {
                let kind = *self.tape.one(&KINDS);
                (self.value(kind, depth), null())
            }
            _ => (self.place(Kind::Json).unwrap_or_else(null), null()),
        };
        bool_of(ExprKind::Compare(operator, Box::new(sides.0), Box::new(sides.1)))
    }

    /// A record compared with another, or with an id; or looked for in a relation.
    fn records(&mut self) -> Expr {
        let operator = *self.tape.one(&[Comparison::Equal, Comparison::NotEqual]);
        let Some(left) = self.record() else { return Expr::truth(true) };
        let Type::Record(model) = left.ty else { return Expr::truth(true) };
        let right = match self.tape.pick(4) {
            0 => {
                let kind = self.models.get(model).fields[0].kind;
                let id = if kind == Kind::Uuid { Value::Uuid(Uuid::from_u128(1)) } else { Value::Int(1) };
                expr(ExprKind::Const(id), Type::Value(kind))
            }
            1 if self.taste.user && model == self.models.users().id => {
                expr(ExprKind::Input(Input::User(FieldId::ID)), Type::Record(model))
            }
            2 => return self.membership(left, model),
            _ => {
                let same: Vec<Path> = self.paths(|_, ty| *ty == Type::Record(model));
                if same.is_empty() {
                    return Expr::truth(false);
                }
                expr(ExprKind::Field(self.tape.one(&same).clone()), Type::Record(model))
            }
        };
        bool_of(ExprKind::Compare(operator, Box::new(left), Box::new(right)))
    }

    /// What the checker makes of `record in relation`.
    fn membership(&mut self, record: Expr, model: ModelId) -> Expr {
        let walks: Vec<Walk> = self.walks().into_iter().filter(|walk| walk.to == model).collect();
        if walks.is_empty() {
            return Expr::truth(false);
        }
        let walk = self.tape.one(&walks).clone();
        let row = Path { scope: 0, model, hops: Vec::new(), end: model, field: FieldId::ID };
        let row = expr(ExprKind::Field(row), Type::Record(model));
        let equal = ExprKind::Compare(Comparison::Equal, Box::new(row), Box::new(shift(record.clone(), 1)));
        let exists = bool_of(ExprKind::Exists(walk, Box::new(bool_of(equal))));
        if !record.may_fail() {
            return exists;
        }
        let itself =
            bool_of(ExprKind::Compare(Comparison::Equal, Box::new(record.clone()), Box::new(record)));
        bool_of(ExprKind::Conditional(Box::new(itself), Box::new(exists), Box::new(Expr::error())))
    }

    fn in_list(&mut self, depth: usize) -> Expr {
        let kind = *self.tape.one(&KINDS);
        let item = self.value(kind, depth);
        let many = self.tape.pick(4);
        let list = (0..many)
            .map(|_| if self.tape.chance(6) { null() } else { self.value(kind, depth.min(1)) })
            .collect();
        bool_of(ExprKind::InList(Box::new(item), list))
    }

    fn over(&mut self, depth: usize) -> Expr {
        let walks = self.walks();
        if walks.is_empty() {
            return Expr::truth(true);
        }
        let walk = self.tape.one(&walks).clone();
        let body = Box::new(self.body(&walk, depth));
        bool_of(if self.tape.pick(2) == 0 { ExprKind::Exists(walk, body) } else { ExprKind::All(walk, body) })
    }

    fn body(&mut self, walk: &Walk, depth: usize) -> Expr {
        self.rows.push(Some((walk.to, true)));
        let body = self.condition(depth);
        self.rows.pop();
        body
    }

    /// What is seen from `user`, or from a record that a field of his refers to.
    fn of_user(&mut self, kind: Kind, depth: usize) -> Option<Expr> {
        if !self.taste.user {
            return None;
        }
        let users = self.models.users();
        let mut records = vec![(FieldId::ID, users.id)];
        let refs = users.fields.iter().filter(|field| !field.is_many());
        records.extend(refs.filter_map(|field| Some((field.id, field.reference.as_ref()?.to))));
        let (field, model) = *self.tape.one(&records);
        let record = expr(ExprKind::Input(Input::User(field)), Type::Record(model));
        if self.taste.unspoken && kind == Kind::Bool && self.tape.chance(3) {
            self.rows.push(Some((model, true)));
            let body = self.condition(depth);
            self.rows.pop();
            return Some(bool_of(ExprKind::Of(Box::new(record), Box::new(body))));
        }
        self.rows.push(Some((model, false)));
        let seen = self.seen(kind, field == FieldId::ID, depth);
        self.rows.pop();
        seen.map(|seen| {
            let ty = seen.ty.clone();
            expr(ExprKind::Of(Box::new(record), Box::new(seen)), ty)
        })
    }

    /// What can be said of the innermost row, which has no name: what is a field of `user` is an input instead.
    fn seen(&mut self, kind: Kind, is_user: bool, depth: usize) -> Option<Expr> {
        let (mut paths, mut walks) = (Vec::new(), Vec::new());
        let (model, _) = (*self.rows.last()?)?;
        self.ends_of(0, model, &mut |scope, model, hops, end| {
            if is_user && !hops.is_empty() {
                return;
            }
            self.fields_at(scope, model, hops, end, &mut |path, ty| {
                if *ty == Type::Value(kind) && !is_user {
                    paths.push(path.clone());
                }
            });
            walks.extend(self.relations_at(scope, model, hops, end));
        });
        if matches!(kind, Kind::Bool | Kind::Int) && !walks.is_empty() && self.tape.pick(2) == 0 {
            let walk = self.tape.one(&walks).clone();
            let body = Box::new(self.body(&walk, depth));
            return Some(match (kind, self.tape.pick(2)) {
                (Kind::Int, 0) => expr(ExprKind::Count(walk, None), Type::Value(kind)),
                (Kind::Int, _) => expr(ExprKind::Count(walk, Some(body)), Type::Value(kind)),
                (_, 0) => bool_of(ExprKind::Exists(walk, body)),
                _ => bool_of(ExprKind::All(walk, body)),
            });
        }
        if paths.is_empty() {
            return None;
        }
        let path = self.tape.one(&paths).clone();
        Some(expr(ExprKind::Field(path), Type::Value(kind)))
    }

    pub(super) fn value(&mut self, kind: Kind, depth: usize) -> Expr {
        let leaf = depth == 0 || self.tape.ended();
        let inner = depth.saturating_sub(1);
        match self.tape.pick(if leaf { 4 } else { 10 }) {
            0 | 3 if matches!(kind, Kind::Decimal(_)) => {
                self.place(kind).unwrap_or_else(|| self.literal(kind))
            }
            0 => self.literal(kind),
            3 => match self.tape.chance(3) {
                true => self.of_user(kind, inner).unwrap_or_else(|| self.literal(kind)),
                false => self.input(kind).unwrap_or_else(|| self.value(kind, 0)),
            },
            4 => {
                let condition = self.condition(inner);
                let then = self.value(kind, inner);
                let otherwise = if self.tape.chance(4) { null() } else { self.value(kind, inner) };
                let kind_of = ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(otherwise));
                expr(kind_of, Type::Value(kind))
            }
            5 | 6 => self.arithmetic(kind, inner),
            7 => self.call(kind, inner),
            8 if kind == Kind::Int => {
                let walks = self.walks();
                if walks.is_empty() {
                    return self.value(kind, 0);
                }
                let walk = self.tape.one(&walks).clone();
                let condition =
                    if self.tape.pick(2) == 0 { None } else { Some(Box::new(self.body(&walk, inner))) };
                expr(ExprKind::Count(walk, condition), Type::Value(kind))
            }
            9 => self.of_json(kind, inner).unwrap_or_else(|| self.value(kind, 0)),
            8 if matches!(kind, Kind::Float | Kind::Decimal(_)) => {
                let inner = self.value(kind, inner);
                let ty = inner.ty.clone();
                expr(ExprKind::Negate(Box::new(inner)), ty)
            }
            _ => self.place(kind).unwrap_or_else(|| self.literal(kind)),
        }
    }

    fn literal(&mut self, kind: Kind) -> Expr {
        let value = value(kind, &mut self.tape);
        expr(ExprKind::Const(value), Type::Value(kind))
    }

    /// A value that meets one which is not a literal: only there is `9.99` a decimal.
    fn beside(&mut self, kind: Kind, depth: usize) -> Expr {
        if matches!(kind, Kind::Decimal(_)) && self.tape.pick(2) == 0 {
            self.literal(kind)
        } else {
            self.value(kind, depth)
        }
    }

    fn arithmetic(&mut self, kind: Kind, depth: usize) -> Expr {
        use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
        let (operator, left, right) = match kind {
            Kind::Int => (*self.tape.one(&[Add, Subtract, Multiply, Divide, Remainder]), kind, kind),
            Kind::Float => (*self.tape.one(&[Add, Subtract, Multiply, Divide]), kind, kind),
            Kind::Decimal(_) => match self.tape.pick(3) {
                0 => (Add, kind, kind),
                1 => (Subtract, kind, kind),
                _ => (Multiply, kind, Kind::Int),
            },
            Kind::Text => (Add, kind, kind),
            Kind::Datetime | Kind::Date => match self.tape.pick(3) {
                0 => (Add, kind, Kind::Duration),
                1 => (Subtract, kind, Kind::Duration),
                _ => (Add, Kind::Duration, kind),
            },
            Kind::Duration => match self.tape.pick(4) {
                0 => (Add, kind, kind),
                1 => (Subtract, kind, kind),
                2 => (Subtract, Kind::Datetime, Kind::Datetime),
                _ => (Subtract, Kind::Date, Kind::Date),
            },
            Kind::Bool | Kind::Uuid | Kind::Json => return self.value(kind, 0),
        };
        if kind == Kind::Int && self.tape.chance(6) {
            let inner = self.value(kind, depth);
            return expr(ExprKind::Negate(Box::new(inner)), Type::Value(kind));
        }
        let json = matches!(kind, Kind::Int | Kind::Float | Kind::Text) && self.tape.chance(8);
        let beside = if json { self.beside_value(kind) } else { None };
        let left = beside.unwrap_or_else(|| self.value(left, depth));
        let right = if operator == Multiply { self.value(right, depth) } else { self.beside(right, depth) };
        expr(ExprKind::Arithmetic(operator, Box::new(left), Box::new(right)), Type::Value(kind))
    }

    fn call(&mut self, kind: Kind, depth: usize) -> Expr {
        let fitting: Vec<_> = OVERLOADS
            .iter()
            .filter(|overload| overload.gives == kind)
            .filter(|overload| self.taste.in_memory || overload.function != Function::Matches)
            .collect();
        if fitting.is_empty() {
            return self.value(kind, 0);
        }
        let overload = *self.tape.one(&fitting);
        let args = overload
            .takes
            .iter()
            .enumerate()
            .map(|(at, takes)| match takes {
                Kind::Text if overload.function == Function::Matches && at == 1 => {
                    let pattern = *self.tape.one(&["a", "^[a-z]*$", "\\d", ".", "日"]);
                    expr(ExprKind::Const(Value::from(pattern)), Type::Value(Kind::Text))
                }
                Kind::Decimal(_) => self.value(Kind::Decimal(2), depth),
                takes => self.value(*takes, depth),
            })
            .collect();
        expr(ExprKind::Call(overload.function, args), Type::Value(kind))
    }

    fn input(&mut self, kind: Kind) -> Option<Expr> {
        let mut inputs: Vec<Input> = QUERY
            .iter()
            .filter(|(_, other)| *other == kind)
            .map(|(name, _)| Input::Query((*name).to_owned()))
            .collect();
        match kind {
            Kind::Datetime => inputs.push(Input::Now),
            Kind::Date => inputs.push(Input::Today),
            _ => {}
        }
        if self.taste.user {
            let fields = self.models.users().fields.iter();
            let own =
                fields.filter(|field| field.kind == kind && field.has_column() && field.reference.is_none());
            inputs.extend(own.map(|field| Input::User(field.id)));
        }
        if inputs.is_empty() {
            return None;
        }
        let input = self.tape.one(&inputs).clone();
        Some(expr(ExprKind::Input(input), Type::Value(kind)))
    }

    /// A field of a kind, of any row in scope and through refs.
    pub(super) fn place(&mut self, kind: Kind) -> Option<Expr> {
        let paths = self.paths(|_, ty| *ty == Type::Value(kind));
        if paths.is_empty() {
            return None;
        }
        let path = self.tape.one(&paths).clone();
        Some(expr(ExprKind::Field(path), Type::Value(kind)))
    }

    fn any_path(&mut self) -> Option<Path> {
        let paths = self.paths(|path, ty| !matches!(ty, Type::Record(_)) || path.field != FieldId::ID);
        if paths.is_empty() { None } else { Some(self.tape.one(&paths).clone()) }
    }

    fn record(&mut self) -> Option<Expr> {
        let mut found = Vec::new();
        self.each_path(&mut |path, ty| {
            if matches!(ty, Type::Record(_)) {
                found.push((path.clone(), ty.clone()));
            }
        });
        if found.is_empty() {
            return None;
        }
        let (path, ty) = self.tape.one(&found).clone();
        Some(expr(ExprKind::Field(path), ty))
    }

    fn paths(&self, wanted: impl Fn(&Path, &Type) -> bool) -> Vec<Path> {
        let mut found = Vec::new();
        self.each_path(&mut |path, ty| {
            if wanted(path, ty) {
                found.push(path.clone());
            }
        });
        found
    }

    /// Every path of at most two refs, with its type; an id is of its kind, and the row's own a record too.
    fn each_path(&self, with: &mut dyn FnMut(&Path, &Type)) {
        self.each_end(&mut |scope, model, hops, end| self.fields_at(scope, model, hops, end, with));
    }

    fn fields_at(
        &self,
        scope: usize,
        model: ModelId,
        hops: &[FieldId],
        end: ModelId,
        with: &mut dyn FnMut(&Path, &Type),
    ) {
        for field in &self.models.get(end).fields {
            let ty = match &field.reference {
                Some(reference) if reference.many => continue,
                Some(reference) => Type::Record(reference.to),
                None if !field.has_column() => continue,
                None => Type::Value(field.kind),
            };
            let path = Path { scope, model, hops: hops.to_vec(), end, field: field.id };
            with(&path, &ty);
            if field.id == FieldId::ID && hops.is_empty() {
                with(&path, &Type::Record(end));
            }
        }
    }

    fn walks(&self) -> Vec<Walk> {
        let mut found = Vec::new();
        self.each_end(&mut |scope, model, hops, end| {
            found.extend(self.relations_at(scope, model, hops, end));
        });
        found
    }

    fn relations_at(&self, scope: usize, model: ModelId, hops: &[FieldId], end: ModelId) -> Vec<Walk> {
        let relations = self.models.get(end).relations.iter();
        let many = relations.filter(|relation| !matches!(relation.by, RelationBy::Ref(_)));
        many.map(|relation| {
            let (relation, to) = (relation.id, relation.to);
            Walk { scope, model, hops: hops.to_vec(), end, relation, to }
        })
        .collect()
    }

    fn each_end(&self, with: &mut SeeEnd<'_>) {
        for (scope, row) in self.rows.iter().rev().enumerate() {
            if let Some((model, true)) = row {
                self.ends_of(scope, *model, with);
            }
        }
    }

    /// The row itself, and where at most two refs lead from it.
    fn ends_of(&self, scope: usize, model: ModelId, with: &mut SeeEnd<'_>) {
        let mut ends: Vec<(Vec<FieldId>, ModelId)> = vec![(Vec::new(), model)];
        let mut at = 0;
        while at < ends.len() {
            let (hops, end) = ends[at].clone();
            with(scope, model, &hops, end);
            if hops.len() < 2 {
                for field in &self.models.get(end).fields {
                    if let Some(reference) = field.reference.as_ref().filter(|reference| !reference.many) {
                        let mut longer = hops.clone();
                        longer.push(field.id);
                        ends.push((longer, reference.to));
                    }
                }
            }
            at += 1;
        }
    }
}
