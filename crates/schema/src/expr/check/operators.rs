//! Comparisons, arithmetic, `in` and `? :`.

use super::calls::shift;
use super::json::beside_json;
use super::names::nearest;
use super::settle::said;
use super::{Checker, Mistake, Related, Thing};
use crate::expr::parse::{Node, NodeKind};
use crate::expr::{Arithmetic, Comparison, Expr, ExprKind, Input, Path, Type, Walk};
use crate::model::{Field, FieldId, ModelId, RelationBy};
use crate::value::{Kind, Value};

impl Checker<'_> {
    pub(super) fn comparison(
        &mut self,
        operator: Comparison,
        left: &Node,
        right: &Node,
        node: &Node,
    ) -> Option<Expr> {
        let (first, second) = (self.value(left), self.value(right));
        let (left, right) = self.comparable(operator, first?, second?, node)?;
        let kind = ExprKind::Compare(operator, Box::new(left), Box::new(right));
        Some(self.expr(kind, Type::Value(Kind::Bool), &node.span))
    }

    /// Two expressions brought to types that can be compared.
    fn comparable(
        &mut self,
        operator: Comparison,
        left: Expr,
        right: Expr,
        node: &Node,
    ) -> Option<(Expr, Expr)> {
        let (left, right) = self.meet(left, right)?;
        let equality = matches!(operator, Comparison::Equal | Comparison::NotEqual);
        if left.ty == Type::Null || right.ty == Type::Null {
            if equality {
                return Some((left, right));
            }
            let message = "nothing is less or greater than null";
            let mistake = Mistake::new("type-mismatch", node.name.clone(), message);
            return self.wrong(mistake.hint("ask with `== null` or `!= null`"));
        }
        if let Some(mistake) =
            self.against_schema(&left, &right).or_else(|| self.against_schema(&right, &left))
        {
            return self.wrong(mistake);
        }
        let (fits, ordered) = match (&left.ty, &right.ty) {
            (Type::Value(a), Type::Value(b)) => (alike(*a, *b), !matches!(a, Kind::Uuid)),
            (Type::Record(a), Type::Record(b)) => (a == b, false),
            (Type::Record(model), Type::Value(kind)) | (Type::Value(kind), Type::Record(model)) => {
                (*kind == self.id_kind(*model), false)
            }
            (Type::Open, Type::Open) => (true, true),
            _ => (false, false),
        };
        if !fits {
            let mistake = self.unlike(&left, &right, node);
            return self.wrong(mistake);
        }
        if !equality && !ordered {
            let what = self.describe(if matches!(left.ty, Type::Record(_)) { &left.ty } else { &right.ty });
            let message = format!("{what} is neither less nor greater than another");
            return self.wrong(Mistake::new("type-mismatch", node.name.clone(), message));
        }
        self.chosen(&left, &right);
        self.chosen(&right, &left);
        Some((left, right))
    }

    /// Two expressions that meet: open inputs and literals take the type of the other.
    fn meet(&mut self, left: Expr, right: Expr) -> Option<(Expr, Expr)> {
        let literal = |expr: &Expr| matches!(expr.kind, ExprKind::Const(_));
        if left.ty == Type::Open && right.ty == Type::Open {
            let text = Type::Value(Kind::Text);
            return Some((self.settle(left, &text)?, self.settle(right, &text)?));
        }
        let (left_ty, right_ty) = (left.ty.clone(), right.ty.clone());
        let both = literal(&left) && literal(&right);
        let left = if both { left } else { self.toward(left, &right_ty)? };
        let right = self.toward(right, &left_ty)?;
        Some((left, right))
    }

    fn unlike(&self, left: &Expr, right: &Expr, node: &Node) -> Mistake {
        let mut message =
            format!("{} is compared with {}", self.describe(&left.ty), self.describe(&right.ty));
        let hint = match (&left.ty, &right.ty) {
            (Type::Value(Kind::Json), other) | (other, Type::Value(Kind::Json)) => {
                message = format!("JSON never holds {}", self.describe(other));
                beside_json(other)
            }
            (Type::Record(_), Type::Record(_)) => None,
            (Type::Record(_), _) | (_, Type::Record(_)) => Some(
                "a record is compared by its id, or by a field of its own: `author.name == …`".to_owned(),
            ),
            (Type::Value(Kind::Decimal(_)), Type::Value(Kind::Int | Kind::Float))
            | (Type::Value(Kind::Int | Kind::Float), Type::Value(Kind::Decimal(_))) => {
                Some("write `double(…)` around the decimal".to_owned())
            }
            _ if matches!(right.kind, ExprKind::Const(_)) => conversion(right, &left.ty),
            _ if matches!(left.kind, ExprKind::Const(_)) => conversion(left, &right.ty),
            _ => conversion(right, &left.ty).or_else(|| conversion(left, &right.ty)),
        };
        let input = [(left, right), (right, left)].into_iter().find_map(|(one, other)| match &one.kind {
            ExprKind::Input(input @ (Input::Param(_) | Input::Query(_))) => Some((input, one, other)),
            _ => None,
        });
        let hint = match input {
            Some((input @ Input::Param(_), one, other)) => {
                let (before, here) = (self.describe(&one.ty), self.describe(&other.ty));
                message = format!("`{}` is taken for {before} elsewhere, and for {here} here", said(input));
                None
            }
            Some((Input::Query(name), _, other)) => {
                let ty = match &other.ty {
                    Type::Value(kind) => type_name(*kind),
                    _ => "int",
                };
                Some(format!("declare `{name} = \"{ty}\"` under `[query]`"))
            }
            _ => hint,
        };
        let span = match (&left.kind, &right.kind) {
            (_, ExprKind::Const(_)) => right.span.clone(),
            (ExprKind::Const(_), _) => left.span.clone(),
            _ => node.span.clone(),
        };
        Mistake { hint, ..Mistake::new("type-mismatch", span, message) }
    }

    /// A literal compared with a choice must be one of its values.
    fn chosen(&mut self, field: &Expr, literal: &Expr) {
        let ExprKind::Const(Value::Text(text)) = &literal.kind else { return };
        let Some(field) = self.field_of(field).filter(|field| !field.choices.is_empty()) else { return };
        if field.choices.iter().any(|choice| **choice == **text) {
            return;
        }
        let message = format!("`{}` is never \"{text}\"", field.name);
        let hint = match nearest(text, field.choices.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => {
                let choices: Vec<String> =
                    field.choices.iter().map(|choice| format!("\"{choice}\"")).collect();
                format!("it is one of {}", choices.join(", "))
            }
        };
        self.wrong::<()>(Mistake::new("unknown-choice", literal.span.clone(), message).hint(hint));
    }

    fn field_of(&self, expr: &Expr) -> Option<&Field> {
        let models = self.scope.models;
        match &expr.kind {
            ExprKind::Field(path) => Some(models.get(path.end).field(path.field)),
            ExprKind::Input(Input::User(field)) => Some(models.users().field(*field)),
            ExprKind::Input(Input::Old(field)) => Some(models.get(self.scope.this?).field(*field)),
            ExprKind::Input(Input::Data(record, field)) => {
                Some(models.get(*self.scope.data.get(record)?).field(*field))
            }
            ExprKind::Input(Input::Form(name)) => models.get(self.scope.form?).field_named(name),
            _ => None,
        }
    }

    pub(super) fn negate(&mut self, inner: &Node, node: &Node) -> Option<Expr> {
        let inner = self.value(inner)?;
        let inner = if inner.ty == Type::Open { self.settle(inner, &Type::Value(Kind::Int))? } else { inner };
        let ty = inner.ty.clone();
        if matches!(ty, Type::Value(Kind::Int | Kind::Float | Kind::Decimal(_))) {
            return Some(self.expr(ExprKind::Negate(Box::new(inner)), ty, &node.span));
        }
        let message = format!("this is {}, not a number", self.describe(&ty));
        let mistake = Mistake::new("type-mismatch", inner.span, message);
        self.wrong(if ty == Type::Value(Kind::Json) {
            mistake.hint("say what it is: `-double(…)`")
        } else {
            mistake
        })
    }

    pub(super) fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: &Node,
        right: &Node,
        node: &Node,
    ) -> Option<Expr> {
        let (first, second) = (self.value(left), self.value(right));
        let (mut left, mut right) = (first?, second?);
        if left.ty == Type::Open && right.ty == Type::Open {
            let int = Type::Value(Kind::Int);
            (left, right) = (self.settle(left, &int)?, self.settle(right, &int)?);
        } else {
            let (left_ty, right_ty) = (left.ty.clone(), right.ty.clone());
            // What is added to a time is a span of time.
            let beside = |ty: Type| match ty {
                Type::Value(Kind::Date | Kind::Datetime) if operator == Arithmetic::Add => {
                    Type::Value(Kind::Duration)
                }
                ty => ty,
            };
            let (left_ty, right_ty) = match (left_ty, right_ty) {
                (Type::Open, ty) => (Type::Open, beside(ty)),
                (ty, Type::Open) => (beside(ty), Type::Open),
                types => types,
            };
            left = if left_ty == Type::Open || decimal(&right_ty) && operator != Arithmetic::Multiply {
                self.toward(left, &right_ty)?
            } else {
                left
            };
            right = if right_ty == Type::Open || decimal(&left_ty) && operator != Arithmetic::Multiply {
                self.toward(right, &left_ty)?
            } else {
                right
            };
        }
        let (left, right) = self.beside_value(left, right);
        let gives = match (&left.ty, &right.ty) {
            (Type::Value(a), Type::Value(b)) => result(operator, *a, *b),
            _ => None,
        };
        if let Some(kind) = gives {
            self.whole_days(&left, &right);
            let kind_of = ExprKind::Arithmetic(operator, Box::new(left), Box::new(right));
            return Some(self.expr(kind_of, Type::Value(kind), &node.span));
        }
        let sign = sign(operator);
        let message =
            format!("`{sign}` does not take {} and {}", self.describe(&left.ty), self.describe(&right.ty));
        let hint = match (&left.ty, &right.ty) {
            (Type::Value(Kind::Json), _) | (_, Type::Value(Kind::Json)) => {
                Some("say what the JSON is: `int(…)`, `double(…)`, `string(…)`".to_owned())
            }
            (Type::Value(Kind::Int), Type::Value(Kind::Float))
            | (Type::Value(Kind::Float), Type::Value(Kind::Int)) => {
                let int = if left.ty == Type::Value(Kind::Int) { &left } else { &right };
                Some(match &int.kind {
                    ExprKind::Const(Value::Int(number)) => format!("write `{number}.0`"),
                    _ => "write `double(…)` around the integer".to_owned(),
                })
            }
            (Type::Value(Kind::Text), _) | (_, Type::Value(Kind::Text)) if operator == Arithmetic::Add => {
                Some("write `string(…)` around what is not a text".to_owned())
            }
            (Type::Value(Kind::Date | Kind::Datetime), Type::Value(Kind::Int)) => {
                Some("write a span of time: `duration(\"24h\")`".to_owned())
            }
            (Type::Value(Kind::Decimal(_)), _) | (_, Type::Value(Kind::Decimal(_))) => {
                Some("write `double(…)` around the decimal, where it need not be exact".to_owned())
            }
            (Type::Value(Kind::Float), Type::Value(Kind::Float)) => Some("`%` takes integers".to_owned()),
            _ => None,
        };
        let mistake = Mistake::new("type-mismatch", node.name.clone(), message);
        self.wrong(Mistake { hint, ..mistake })
    }

    /// JSON beside a value of a kind is to be such too.
    fn beside_value(&self, left: Expr, right: Expr) -> (Expr, Expr) {
        let kind = |ty: &Type| match ty {
            Type::Value(kind @ (Kind::Bool | Kind::Int | Kind::Float | Kind::Text)) => Some(*kind),
            _ => None,
        };
        match (kind(&left.ty), kind(&right.ty)) {
            (Some(kind), _) if right.is_json() => (left, self.taken_as(right, kind)),
            (_, Some(kind)) if left.is_json() => (self.taken_as(left, kind), right),
            (None, None) if left.is_json() && right.is_json() => {
                match (self.declared(&left), self.declared(&right)) {
                    (Some(one), Some(other)) => (self.taken_as(left, one), self.taken_as(right, other)),
                    _ => (left, right),
                }
            }
            _ => (left, right),
        }
    }

    /// A date moves by whole days.
    fn whole_days(&mut self, left: &Expr, right: &Expr) {
        const DAY: i64 = 86_400_000_000;
        for (date, span) in [(left, right), (right, left)] {
            let (Type::Value(Kind::Date), ExprKind::Const(Value::Duration(micros))) = (&date.ty, &span.kind)
            else {
                continue;
            };
            if micros % DAY != 0 {
                let mistake = Mistake::new("bad-literal", span.span.clone(), "a date moves by whole days");
                self.wrong::<()>(mistake.hint("write a multiple of `24h`, or `timestamp(date) + …`"));
            }
        }
    }

    pub(super) fn conditional(
        &mut self,
        condition: &Node,
        then: &Node,
        otherwise: &Node,
        node: &Node,
    ) -> Option<Expr> {
        let condition = self.condition(condition);
        let (then, otherwise) = (self.value(then), self.value(otherwise));
        let (condition, then, otherwise) = (condition?, then?, otherwise?);
        let open = then.ty == Type::Open && otherwise.ty == Type::Open;
        let (then, otherwise) = if open { (then, otherwise) } else { self.meet(then, otherwise)? };
        let (then, otherwise) = self.beside_value(then, otherwise);
        let ty = match (&then.ty, &otherwise.ty) {
            (a, b) if a == b => a.clone(),
            (Type::Null, other) | (other, Type::Null) => other.clone(),
            (Type::Record(model), Type::Value(kind)) | (Type::Value(kind), Type::Record(model))
                if *kind == self.id_kind(*model) =>
            {
                Type::Record(*model)
            }
            (a, b) => {
                let message =
                    format!("one way gives {} and the other {}", self.describe(a), self.describe(b));
                return self.wrong(Mistake::new("type-mismatch", node.span.clone(), message));
            }
        };
        let kind = ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(otherwise));
        Some(self.expr(kind, ty, &node.span))
    }

    pub(super) fn membership(&mut self, left: &Node, right: &Node, node: &Node) -> Option<Expr> {
        if let NodeKind::List(items) = &right.kind {
            return self.in_list(left, items, node);
        }
        let (first, second) = (self.value(left), self.thing(right));
        let (left, list) = (first?, second?);
        match list {
            Thing::Relation(related, _) => self.in_relation(left, related, node),
            Thing::Value(list) if list.is_json() => self.in_json(left, list, node),
            Thing::Filtered(_, _, span) | Thing::Sifted(_, _, span) => self.wrong(
                Mistake::new("relation-as-value", span, "`in` takes a relation or a list")
                    .hint("write `relation.exists(x, …)`"),
            ),
            Thing::Root(root, span) => {
                self.wrong(Mistake::new("root-as-value", span, format!("`{root}` is not a list")))
            }
            Thing::Value(expr) => {
                let message =
                    format!("`in` takes a list or a relation, and this is {}", self.describe(&expr.ty));
                let mistake = Mistake::new("type-mismatch", expr.span.clone(), message);
                self.wrong(match &expr.ty {
                    Type::Value(Kind::Text) => {
                        mistake.hint("to look into a text, write `text.contains(\"…\")`")
                    }
                    Type::Record(_) | Type::Open => mistake.hint("to compare with one, write `==`"),
                    _ => mistake.hint("write the list out: `x in [\"a\", \"b\"]`"),
                })
            }
        }
    }

    fn in_list(&mut self, left: &Node, items: &[Node], node: &Node) -> Option<Expr> {
        let left = self.value(left);
        let mut checked: Vec<Option<Expr>> = items.iter().map(|item| self.value(item)).collect();
        let mut left = left?;
        for item in &mut checked {
            if let Some(expr) = item.take() {
                let (known, expr) = self.comparable(Comparison::Equal, left, expr, node)?;
                left = known;
                *item = Some(expr);
            }
        }
        let list: Option<Vec<Expr>> = checked.into_iter().collect();
        Some(self.expr(ExprKind::InList(Box::new(left), list?), Type::Value(Kind::Bool), &node.span))
    }

    /// `user in editors`: `editors.exists(e, e == user)`, and an error where the left side is one.
    fn in_relation(&mut self, left: Expr, related: Related, node: &Node) -> Option<Expr> {
        let Related { walk, of } = related;
        let left = self.one_of(left, walk.to)?;
        let asked_back = of.as_deref().and_then(|of| self.asked_back(&left, of, &walk, node));
        if asked_back.is_some() {
            return asked_back;
        }
        let left = if of.is_some() { shift(left, 1) } else { left };
        let bool = Type::Value(Kind::Bool);
        let row = Path { scope: 0, model: walk.to, hops: Vec::new(), end: walk.to, field: FieldId::ID };
        let row = self.expr(ExprKind::Field(row), Type::Record(walk.to), &node.span);
        let equal = ExprKind::Compare(Comparison::Equal, Box::new(row), Box::new(shift(left.clone(), 1)));
        let equal = self.expr(equal, bool.clone(), &node.span);
        let exists = ExprKind::Exists(walk, Box::new(equal));
        if !left.may_fail() {
            return Some(self.seen_from(of, exists, bool, &node.span));
        }
        // Over no rows `exists` would be false; what CEL evaluates first, and finds to be an error, is the left side.
        let itself = ExprKind::Compare(Comparison::Equal, Box::new(left.clone()), Box::new(left));
        let itself = self.expr(itself, bool.clone(), &node.span);
        let exists = self.expr(exists, bool.clone(), &node.span);
        let error = self.expr(ExprKind::Error, bool.clone(), &node.span);
        let kind = ExprKind::Conditional(Box::new(itself), Box::new(exists), Box::new(error));
        Some(self.seen_from(of, kind, bool, &node.span))
    }

    /// `this in user.posts`, asked from the other end: `this.author == user`, which needs no other record.
    fn asked_back(&self, left: &Expr, owner: &Expr, walk: &Walk, node: &Node) -> Option<Expr> {
        let relation = self.scope.models.get(walk.end).relation(walk.relation);
        let RelationBy::Inverse(field) = relation.by else { return None };
        let back = match &left.kind {
            _ if !walk.hops.is_empty() => return None,
            ExprKind::Field(path) => {
                let mut hops = path.hops.clone();
                if path.field != FieldId::ID {
                    hops.push(path.field);
                }
                ExprKind::Field(Path { hops, end: relation.to, field, ..path.clone() })
            }
            ExprKind::Input(Input::Data(name, FieldId::ID)) => {
                ExprKind::Input(Input::Data(name.clone(), field))
            }
            _ => return None,
        };
        let back = self.expr(back, owner.ty.clone(), &node.span);
        let kind = ExprKind::Compare(Comparison::Equal, Box::new(back), Box::new(owner.clone()));
        Some(self.expr(kind, Type::Value(Kind::Bool), &node.span))
    }

    fn one_of(&mut self, left: Expr, to: ModelId) -> Option<Expr> {
        let left = self.toward(left, &Type::Record(to))?;
        let fits = match &left.ty {
            Type::Record(model) => *model == to,
            Type::Value(kind) => *kind == self.id_kind(to),
            _ => false,
        };
        if fits {
            return Some(left);
        }
        let name = &self.scope.models.get(to).name;
        let message =
            format!("the relation holds records of `{name}`, and this is {}", self.describe(&left.ty));
        let mistake = Mistake::new("type-mismatch", left.span.clone(), message);
        self.wrong(mistake.hint("to compare a field of theirs, write `relation.exists(x, x.name == …)`"))
    }
}

fn decimal(ty: &Type) -> bool {
    matches!(ty, Type::Value(Kind::Decimal(_)))
}

/// Whether values of two kinds can be compared.
fn alike(a: Kind, b: Kind) -> bool {
    match (a, b) {
        (Kind::Json, other) | (other, Kind::Json) => super::json::comparable(other),
        (Kind::Decimal(_), Kind::Decimal(_)) | (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => true,
        (a, b) => a == b,
    }
}

/// What arithmetic on two kinds gives, where there is such.
fn result(operator: Arithmetic, a: Kind, b: Kind) -> Option<Kind> {
    use Arithmetic::{Add, Divide, Multiply, Subtract};
    match (operator, a, b) {
        (_, Kind::Int, Kind::Int) => Some(Kind::Int),
        (Add | Subtract | Multiply | Divide, Kind::Float, Kind::Float) => Some(Kind::Float),
        (Add | Subtract, Kind::Decimal(a), Kind::Decimal(b)) => Some(Kind::Decimal(a.max(b))),
        (Multiply, Kind::Decimal(scale), Kind::Int) | (Multiply, Kind::Int, Kind::Decimal(scale)) => {
            Some(Kind::Decimal(scale))
        }
        (Add, Kind::Text, Kind::Text) => Some(Kind::Text),
        (Add, Kind::Datetime, Kind::Duration) | (Add, Kind::Duration, Kind::Datetime) => Some(Kind::Datetime),
        (Add, Kind::Date, Kind::Duration) | (Add, Kind::Duration, Kind::Date) => Some(Kind::Date),
        (Subtract, Kind::Datetime, Kind::Duration) => Some(Kind::Datetime),
        (Subtract, Kind::Date, Kind::Duration) => Some(Kind::Date),
        (Subtract, Kind::Datetime, Kind::Datetime) | (Subtract, Kind::Date, Kind::Date) => {
            Some(Kind::Duration)
        }
        (Add | Subtract, Kind::Duration, Kind::Duration) => Some(Kind::Duration),
        _ => None,
    }
}

/// How an arithmetic operator is written.
pub(in crate::expr) fn sign(operator: Arithmetic) -> &'static str {
    match operator {
        Arithmetic::Add => "+",
        Arithmetic::Subtract => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Remainder => "%",
    }
}

/// What a kind is called in TOML.
fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "bool",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::Decimal(_) => "decimal",
        Kind::Text => "text",
        Kind::Date => "date",
        Kind::Datetime => "datetime",
        Kind::Duration => "duration",
        Kind::Uuid => "uuid",
        Kind::Json => "json",
    }
}

/// What to write so that an expression gives a type.
pub(super) fn conversion(expr: &Expr, wanted: &Type) -> Option<String> {
    let Type::Value(wanted) = wanted else { return None };
    let text = match &expr.kind {
        ExprKind::Const(Value::Text(text)) => Some(&**text),
        _ => None,
    };
    let from = match &expr.ty {
        Type::Value(kind) => *kind,
        _ => return None,
    };
    match (wanted, from, text) {
        (Kind::Datetime, Kind::Text, Some(text)) => {
            Some(format!("write `timestamp(\"{}\")`", whole_timestamp(text)))
        }
        (Kind::Date, Kind::Text, Some(text)) => {
            Some(format!("write `date(\"{}\")`", text.get(..10).unwrap_or("2026-01-31")))
        }
        (Kind::Duration, Kind::Text, Some(_)) => Some("write `duration(\"36h\")`".to_owned()),
        (Kind::Int, Kind::Text, Some(text)) if text.parse::<i64>().is_ok() => {
            Some(format!("write `{text}` without quotes"))
        }
        (Kind::Float | Kind::Decimal(_), Kind::Text, Some(text))
            if text.parse::<f64>().is_ok_and(f64::is_finite) =>
        {
            Some(format!("write `{text}` without quotes"))
        }
        (Kind::Bool, Kind::Text, Some(text @ ("true" | "false"))) => {
            Some(format!("write `{text}` without quotes"))
        }
        (Kind::Int | Kind::Float | Kind::Decimal(_) | Kind::Bool, Kind::Text, Some(_)) => None,
        (Kind::Text, Kind::Int | Kind::Float, _) if matches!(expr.kind, ExprKind::Const(_)) => {
            Some("write it in quotes".to_owned())
        }
        (Kind::Datetime, Kind::Date, _) => Some("write `timestamp(…)` around the date".to_owned()),
        (Kind::Datetime, Kind::Text, None) => Some("write `timestamp(…)` around the text".to_owned()),
        (Kind::Int, Kind::Text | Kind::Float | Kind::Decimal(_), _) => {
            Some("write `int(…)` around it".to_owned())
        }
        (Kind::Float, Kind::Text | Kind::Int | Kind::Decimal(_), _) => {
            Some("write `double(…)` around it".to_owned())
        }
        (
            Kind::Text,
            Kind::Bool
            | Kind::Int
            | Kind::Float
            | Kind::Decimal(_)
            | Kind::Date
            | Kind::Datetime
            | Kind::Duration
            | Kind::Uuid,
            _,
        ) => Some("write `string(…)` around it".to_owned()),
        (Kind::Bool, Kind::Int, _) => Some("write `true` or `false`".to_owned()),
        _ => None,
    }
}

fn whole_timestamp(text: &str) -> String {
    match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{}:00Z", text.replace(' ', "T")),
        19 => format!("{}Z", text.replace(' ', "T")),
        _ => "2026-01-31T00:00:00Z".to_owned(),
    }
}
