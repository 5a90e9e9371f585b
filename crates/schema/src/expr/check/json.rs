//! Paths into JSON, and what is asked of its arrays.

use std::ops::Range;

use super::names::nearest;
use super::{Checker, Mistake, Thing, Variable};
use crate::expr::parse::{Node, NodeKind};
use crate::expr::{Expr, ExprKind, Quantifier, Step, Type};
use crate::json_schema::{Next, Place};
use crate::value::Kind;

/// How many steps a path may have: as deep as documents may nest.
const MAX_STEPS: usize = crate::types::MAX_DOCUMENT_DEPTH;

impl<'scope> Checker<'scope> {
    /// `meta["odd key"]`, `meta.tags[0]`.
    pub(super) fn index(&mut self, operand: &Node, key: &Node, node: &Node) -> Option<Thing> {
        let expr = self.value(operand)?;
        if let (Type::Record(model), NodeKind::Text(name)) = (&expr.ty, &key.kind)
            && self.scope.models.get(*model).free_field(name).is_some()
        {
            return self.select_of(Thing::Value(expr), operand, name, node);
        }
        if !expr.is_json() {
            let name = self.name_at(operand);
            let message = format!("`{name}` is {}, and only JSON has keys", self.describe(&expr.ty));
            let mistake = Mistake::new("type-mismatch", node.name.clone(), message);
            return self.wrong(match &key.kind {
                NodeKind::Text(key) => mistake.hint(format!("a field is named with a dot: `{name}.{key}`")),
                _ => mistake,
            });
        }
        let step = match &key.kind {
            NodeKind::Text(key) => Step::Key(key.as_str().into()),
            NodeKind::Int(at) => match u32::try_from(*at) {
                Ok(at) => Step::Index(at),
                Err(_) => {
                    let message = "the elements of a list are counted from 0";
                    return self.wrong(Mistake::new("bad-literal", key.span.clone(), message));
                }
            },
            _ => {
                let message = "a key is written out: a text in quotes, or a number";
                let mistake = Mistake::new("type-mismatch", key.span.clone(), message);
                return self.wrong(mistake.hint("write `meta[\"key\"]` or `meta.tags[0]`"));
            }
        };
        self.step(expr, step, &node.span, &key.span)
    }

    /// One step into JSON; `at` is where its key stands.
    pub(super) fn step(
        &mut self,
        of: Expr,
        step: Step,
        span: &Range<usize>,
        at: &Range<usize>,
    ) -> Option<Thing> {
        let (of, mut steps) = match of.kind {
            ExprKind::Member(inner, steps) => (inner, steps),
            kind => (Box::new(Expr { kind, ..of }), Vec::new()),
        };
        if steps.len() >= MAX_STEPS {
            let message = format!("a path into JSON has at most {MAX_STEPS} steps");
            return self.wrong(Mistake::new("expression-too-deep", at.clone(), message));
        }
        if let Some(Next::Unknown(known)) = self.described(&of, &steps).map(|place| follow(place, &step)) {
            let Step::Key(key) = &step else { return None };
            let message = format!("the declared shape has no key `{key}` here");
            let mistake = Mistake::new("unknown-field", at.clone(), message);
            return self.wrong(mistake.hint(match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "there is {}",
                    known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
                ),
            }));
        }
        steps.push(step);
        Some(Thing::Value(self.expr(ExprKind::Member(of, steps), Type::Value(Kind::Json), span)))
    }

    /// What the declared shape says of a place in JSON; nothing where none is declared.
    fn described(&self, of: &Expr, steps: &[Step]) -> Option<Place<'scope>> {
        let root = match &of.kind {
            ExprKind::Field(path) => {
                self.scope.models.get(path.end).field(path.field).schema.as_ref()?.root()
            }
            ExprKind::Of(_, body) => self.described(body, &[])?,
            ExprKind::Member(inner, before) => self.described(inner, before)?,
            ExprKind::Element(scope) => {
                let at = self.variables.len().checked_sub(scope + 1)?;
                match self.variables.get(at)?.1 {
                    Variable::Element(place) => place?,
                    Variable::Row(_) => return None,
                }
            }
            _ => return None,
        };
        steps.iter().try_fold(root, |place, step| match follow(place, step) {
            Next::Place(place) => Some(place),
            _ => None,
        })
    }

    /// The kind of value that the declared shape says stands there.
    pub(super) fn declared(&self, expr: &Expr) -> Option<Kind> {
        self.described(expr, &[]).and_then(Place::kind)
    }

    /// What is wrong where JSON of a declared type is compared with a value of another.
    pub(super) fn against_schema(&self, json: &Expr, other: &Expr) -> Option<Mistake> {
        let ty = self.described(json, &[])?.ty()?;
        let Type::Value(kind) = other.ty else { return None };
        let (fits, told) = match (ty, kind) {
            (_, Kind::Json) => return None,
            ("string", kind) => (kind == Kind::Text, "a text"),
            ("integer", kind) => (matches!(kind, Kind::Int | Kind::Float), "an integer"),
            ("number", kind) => (matches!(kind, Kind::Int | Kind::Float), "a number"),
            ("boolean", kind) => (kind == Kind::Bool, "true or false"),
            ("array", _) => (false, "a list"),
            ("object", _) => (false, "an object"),
            _ => return None,
        };
        let message = format!(
            "the declared shape has {told} here, which is compared with {}",
            self.describe(&other.ty)
        );
        (!fits).then(|| Mistake::new("type-mismatch", json.span.clone(), message))
    }

    /// JSON where a value of a kind is wanted.
    pub(super) fn taken_as(&self, expr: Expr, kind: Kind) -> Expr {
        let span = expr.span.clone();
        Expr { kind: ExprKind::As(Box::new(expr), kind), ty: Type::Value(kind), span }
    }

    /// `meta.tags.exists(t, …)` and its kin.
    pub(super) fn on_elements(
        &mut self,
        list: Expr,
        name: &str,
        variable: &str,
        body: &Node,
        node: &Node,
    ) -> Option<Thing> {
        let element = self.described(&list, &[]).and_then(|place| match place.element(None) {
            Next::Place(place) => Some(place),
            _ => None,
        });
        self.variables.push((variable.to_owned(), Variable::Element(element)));
        let body = self.condition(body);
        self.variables.pop();
        let body = body?;
        let quantifier = match name {
            "exists" => Quantifier::Exists,
            "all" => Quantifier::All,
            _ => return Some(Thing::Sifted(list, body, self.place(&node.span))),
        };
        let kind = ExprKind::Each(quantifier, Box::new(list), Box::new(body));
        Some(Thing::Value(self.expr(kind, Type::Value(Kind::Bool), &node.span)))
    }

    /// `"x" in meta.tags`.
    pub(super) fn in_json(&mut self, item: Expr, list: Expr, node: &Node) -> Option<Expr> {
        let item = if item.ty == Type::Open { self.settle(item, &Type::Value(Kind::Text))? } else { item };
        if !matches!(
            item.ty,
            Type::Null | Type::Value(Kind::Bool | Kind::Int | Kind::Float | Kind::Text | Kind::Json)
        ) {
            let message = format!("JSON never holds {}", self.describe(&item.ty));
            let mistake = Mistake::new("type-mismatch", item.span.clone(), message);
            let hint = beside_json(&item.ty);
            return self.wrong(Mistake { hint, ..mistake });
        }
        let kind = ExprKind::InJson(Box::new(item), Box::new(list));
        Some(self.expr(kind, Type::Value(Kind::Bool), &node.span))
    }
}

fn follow<'schema>(place: Place<'schema>, step: &Step) -> Next<'schema> {
    match step {
        Step::Key(key) => place.key(key),
        Step::Index(at) => place.element(usize::try_from(*at).ok()),
    }
}

/// Whether a value of a kind can be compared with JSON, which holds truths, numbers and texts.
pub(super) fn comparable(kind: Kind) -> bool {
    matches!(kind, Kind::Bool | Kind::Int | Kind::Float | Kind::Text | Kind::Json)
}

/// What to write so that JSON meets what it never holds.
pub(super) fn beside_json(ty: &Type) -> Option<String> {
    let text = match ty {
        Type::Value(Kind::Datetime) => "write `timestamp(…)` around the JSON",
        Type::Value(Kind::Duration) => "write `duration(…)` around the JSON",
        Type::Value(Kind::Decimal(_)) => "write `double(…)` around the decimal",
        Type::Value(Kind::Date | Kind::Uuid) => "write `string(…)` around what is not JSON",
        Type::Record(_) => "name a field of the record: `author.id == …`",
        _ => return None,
    };
    Some(text.to_owned())
}
