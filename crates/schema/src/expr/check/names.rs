//! Names and paths: which row, which field, which input.

use std::ops::Range;

use super::{Checker, Mistake, Related, Scope, Thing, Variable};
use crate::expr::functions;
use crate::expr::lex::RESERVED;
use crate::expr::parse::{self, Node, NodeKind};
use crate::expr::{Expr, ExprKind, Input, Path, Step, Type, Walk};
use crate::model::{Field, FieldId, Model, ModelId, Relation, RelationBy};
use crate::value::Kind;

/// Names that stand for something other than a field wherever an expression may be.
pub(super) const ROOTS: &[&str] =
    &["this", "user", "visitor", "now", "today", "params", "query", "form", "data", "old"];

/// Whether a name is one of these.
pub(in crate::expr) fn is_root(name: &str) -> bool {
    ROOTS.contains(&name)
}

/// Why a `[define]` name cannot be one.
pub(super) fn clash(name: &str, scope: &Scope<'_>) -> Option<Mistake> {
    let mistake =
        |message: String| Some(Mistake::new("name-clash", 0..0, message).hint("choose another name"));
    let model = scope.this.map(|model| scope.models.get(model));
    if ROOTS.contains(&name) {
        return mistake(format!("`{name}` has a meaning of its own in expressions"));
    }
    if RESERVED.contains(&name) || functions::globals().contains(&name) {
        return mistake(format!("`{name}` is a word of the expression language"));
    }
    if model.is_some_and(|model| model.field_named(name).is_some() || model.relation_named(name).is_some()) {
        return mistake(format!("`{name}` is already a field or relation of the model"));
    }
    let mut letters = name.bytes();
    let word = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if word { None } else { mistake(format!("`{name}` is not a name: letters, digits and `_` make one")) }
}

/// Where a path starts or has come to.
struct Place<'path> {
    scope: usize,
    model: ModelId,
    hops: &'path [FieldId],
    end: ModelId,
}

impl Checker<'_> {
    /// A plain name.
    pub(super) fn name(&mut self, name: &str, node: &Node) -> Option<Thing> {
        let span = &node.span;
        let visible = &self.variables[self.unseen..];
        if let Some(at) = visible.iter().rposition(|(variable, _)| variable == name) {
            let scope = visible.len() - 1 - at;
            return Some(match visible[at].1 {
                Variable::Row(model) => self.row(scope, model, span),
                Variable::Element(_) => {
                    Thing::Value(self.expr(ExprKind::Element(scope), Type::Value(Kind::Json), span))
                }
            });
        }
        let this = self.scope.this.map(|model| (model, self.scope.models.get(model)));
        let own = this
            .filter(|(_, model)| model.field_named(name).is_some() || model.relation_named(name).is_some());
        if ROOTS.contains(&name) {
            if let (Some((_, model)), true) = (own, name != "this") {
                let message =
                    format!("`{name}` could be the field of `{}` or what `{name}` always means", model.name);
                let hint = format!("write `this.{name}` for the field");
                return self.wrong(Mistake::new("ambiguous-name", span.clone(), message).hint(hint));
            }
            return self.root(name, node);
        }
        if let Some((id, _)) = own {
            let place = Place { scope: self.variables.len(), model: id, hops: &[], end: id };
            return self.member(&place, name, span, &node.name);
        }
        if self.scope.defines.contains_key(name) {
            return self.defined(name, span);
        }
        if let Some((id, _)) = this.filter(|_| self.is_free(name)) {
            let place = Place { scope: self.variables.len(), model: id, hops: &[], end: id };
            return self.member(&place, name, span, &node.name);
        }
        self.unknown_name(name, span)
    }

    /// Whether a plain name is that of a free field of the record. A word by which people mean something else at first is
    /// none: `this.me` is.
    pub(super) fn is_free(&self, name: &str) -> bool {
        let model = self.scope.this.map(|model| self.scope.models.get(model));
        let shadowed = ROOTS.contains(&name)
            || self.scope.defines.contains_key(name)
            || self.variables[self.unseen..].iter().any(|(variable, _)| variable == name);
        !shadowed && meant(name).is_none() && model.is_some_and(|model| model.free_field(name).is_some())
    }

    fn row(&self, scope: usize, model: ModelId, span: &Range<usize>) -> Thing {
        let path = Path { scope, model, hops: Vec::new(), end: model, field: FieldId::ID };
        Thing::Value(self.expr(ExprKind::Field(path), Type::Record(model), span))
    }

    fn root(&mut self, name: &str, node: &Node) -> Option<Thing> {
        let span = &node.span;
        let input = |input, ty| Some(Thing::Value(self.expr(ExprKind::Input(input), ty, span)));
        let missing = |what: &str| {
            Mistake::new("unknown-name", span.clone(), format!("there is no `{name}` here: {what}"))
        };
        match name {
            "now" => input(Input::Now, Type::Value(Kind::Datetime)),
            "today" => input(Input::Today, Type::Value(Kind::Date)),
            "user" => input(Input::User(FieldId::ID), Type::Record(self.scope.models.users().id)),
            "visitor" => self.wrong(
                Mistake::new("unknown-name", span.clone(), "`visitor` has no meaning yet")
                    .hint("`user == null` holds for who is not signed in"),
            ),
            "this" => match self.scope.this {
                Some(model) => Some(self.row(self.variables.len(), model, span)),
                None => self.wrong(missing("the expression is not about one model's record")),
            },
            "old" => match self.scope.this.filter(|_| self.scope.old) {
                Some(model) => input(Input::Old(FieldId::ID), Type::Record(model)),
                None => self.wrong(missing("only a rule about an update sees the record as it was")),
            },
            "params" if self.scope.params.is_some() => Some(Thing::Root("params", span.clone())),
            "query" if self.scope.query.is_some() => Some(Thing::Root("query", span.clone())),
            "form" if self.scope.form.is_some() => Some(Thing::Root("form", span.clone())),
            "data" if !self.scope.data.is_empty() => Some(Thing::Root("data", span.clone())),
            "params" => self.wrong(missing("only pages have parameters")),
            "query" => self.wrong(missing("only pages that declare `[query]` have it")),
            "form" => self.wrong(missing("only what a form sets sees it")),
            _ => self.wrong(missing("no earlier query of the page gives one record")),
        }
    }

    /// What follows a dot.
    pub(super) fn select(&mut self, operand: &Node, name: &str, node: &Node) -> Option<Thing> {
        let thing = self.thing(operand)?;
        self.select_of(thing, operand, name, node)
    }

    /// What a name is of what an operand is.
    pub(super) fn select_of(
        &mut self,
        thing: Thing,
        operand: &Node,
        name: &str,
        node: &Node,
    ) -> Option<Thing> {
        match thing {
            Thing::Root(root, _) => self.of_root(root, name, node),
            Thing::Value(expr) if expr.is_json() => {
                self.step(expr, Step::Key(name.into()), &node.span, &node.name)
            }
            Thing::Value(expr) => {
                let Type::Record(model) = expr.ty else {
                    let message = format!(
                        "`{}` is {} and has no fields",
                        self.name_at(operand),
                        self.describe(&expr.ty)
                    );
                    let mistake = Mistake::new("type-mismatch", node.name.clone(), message);
                    return self.wrong(if functions::methods().contains(&name) {
                        mistake.hint(format!("write `{}.{name}()`", self.name_at(operand)))
                    } else {
                        mistake
                    });
                };
                match expr.kind {
                    ExprKind::Field(path) => self.through(path, model, name, node),
                    ExprKind::Input(input) => {
                        let record = Expr { kind: ExprKind::Input(input.clone()), ..expr };
                        self.of_input(&input, record, model, name, node)
                    }
                    ExprKind::Of(record, body) => {
                        let ExprKind::Field(path) = body.kind else { return None };
                        let thing = self.through(path, model, name, node)?;
                        Some(self.starting_at(record, thing))
                    }
                    _ => self.wrong(Mistake::new(
                        "type-mismatch",
                        node.name.clone(),
                        "fields are read from a path, not from what an operator gives",
                    )),
                }
            }
            Thing::Sifted(..) => {
                let message = format!("what `filter` gives is a list and has no single `{name}`");
                self.wrong(Mistake::new("type-mismatch", node.name.clone(), message))
            }
            Thing::Relation(related, _) | Thing::Filtered(related, _, _) => {
                let many = self.name_at(operand);
                let to = &self.scope.models.get(related.walk.to).name;
                let message = format!("`{many}` is a list of `{to}`, so it has no single `{name}`");
                let hint = format!("write `{many}.exists(x, x.{name} == …)`");
                self.wrong(Mistake::new("relation-as-value", node.name.clone(), message).hint(hint))
            }
        }
    }

    /// A field or relation of the record that a path leads to.
    fn through(&mut self, path: Path, model: ModelId, name: &str, node: &Node) -> Option<Thing> {
        let mut hops = path.hops;
        if path.field != FieldId::ID {
            hops.push(path.field);
        }
        let place = Place { scope: path.scope, model: path.model, hops: &hops, end: model };
        self.member(&place, name, &node.span, &node.name)
    }

    /// A field or relation of scope 0, where that is a record of its own.
    fn starting_at(&self, record: Box<Expr>, thing: Thing) -> Thing {
        match thing {
            Thing::Value(expr) => {
                let (ty, span) = (expr.ty.clone(), expr.span.clone());
                Thing::Value(self.expr(ExprKind::Of(record, Box::new(expr)), ty, &span))
            }
            Thing::Relation(related, span) => Thing::Relation(Related { of: Some(record), ..related }, span),
            other => other,
        }
    }

    /// A field or relation of a row in scope.
    fn member(
        &mut self,
        place: &Place<'_>,
        name: &str,
        span: &Range<usize>,
        at: &Range<usize>,
    ) -> Option<Thing> {
        let model = self.scope.models.get(place.end).clone();
        let of = |field: &Field| {
            let Place { scope, model, hops, end } = *place;
            let path = Path { scope, model, hops: hops.to_vec(), end, field: field.id };
            self.expr(ExprKind::Field(path), type_of(field), span)
        };
        match find(&model, name) {
            Some(Member::Field(field)) => Some(Thing::Value(of(field))),
            Some(Member::Free(field)) => {
                let document = of(field);
                self.step(document, Step::Key(name.into()), span, at)
            }
            Some(Member::Relation(relation)) => {
                let walk = Walk {
                    scope: place.scope,
                    model: place.model,
                    hops: place.hops.to_vec(),
                    end: place.end,
                    relation: relation.id,
                    to: relation.to,
                };
                Some(Thing::Relation(Related { walk, of: None }, self.place(span)))
            }
            None => self.unknown_field(&model, name, at),
        }
    }

    /// A field or relation of an input's record. The fields of `user`, of a page's record and of the record as it
    /// was are inputs themselves; anything further is seen from the record.
    fn of_input(
        &mut self,
        input: &Input,
        record: Expr,
        model: ModelId,
        name: &str,
        node: &Node,
    ) -> Option<Thing> {
        let of = self.scope.models.get(model).clone();
        let own: Option<fn(&Input, FieldId) -> Input> = match input {
            Input::User(FieldId::ID) => Some(|_, field| Input::User(field)),
            Input::Old(FieldId::ID) => Some(|_, field| Input::Old(field)),
            Input::Data(_, FieldId::ID) => Some(|input, field| match input {
                Input::Data(record, _) => Input::Data(record.clone(), field),
                other => other.clone(),
            }),
            _ => None,
        };
        if let (Some(own), Some(found @ (Member::Field(field) | Member::Free(field)))) =
            (own, find(&of, name))
        {
            let expr = self.expr(ExprKind::Input(own(input, field.id)), type_of(field), &node.span);
            return match found {
                Member::Free(_) => self.step(expr, Step::Key(name.into()), &node.span, &node.name),
                _ => Some(Thing::Value(expr)),
            };
        }
        if find(&of, name).is_none() {
            let Node { kind: NodeKind::Select(operand, _), .. } = node else { return None };
            let said = format!("{}.{name}", self.name_at(operand));
            return self.wrong(unknown(&said, &of, name, &node.name));
        }
        let place = Place { scope: 0, model, hops: &[], end: model };
        let thing = self.member(&place, name, &node.span, &node.name)?;
        Some(self.starting_at(Box::new(record), thing))
    }

    fn of_root(&mut self, root: &str, name: &str, node: &Node) -> Option<Thing> {
        let span = &node.span;
        let listed: Vec<&str> = match root {
            "params" => self.scope.params.unwrap_or(&[]).iter().map(String::as_str).collect(),
            "query" => {
                self.scope.query.into_iter().flat_map(|query| query.keys()).map(String::as_str).collect()
            }
            "data" => self.scope.data.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let (input, ty) = match root {
            "params" if listed.contains(&name) => {
                let input = Input::Param(name.to_owned());
                let ty = self.taken.get(&input).cloned().unwrap_or(Type::Open);
                (input, ty)
            }
            "query" if listed.contains(&name) => {
                let kind = self.scope.query.and_then(|query| query.get(name)).copied().unwrap_or(Kind::Text);
                (Input::Query(name.to_owned()), Type::Value(kind))
            }
            "data" if listed.contains(&name) => {
                let model = *self.scope.data.get(name)?;
                (Input::Data(name.to_owned(), FieldId::ID), Type::Record(model))
            }
            "form" => {
                let model = self.scope.models.get(self.scope.form?).clone();
                let Some(field) = model.field_named(name) else {
                    return self.unknown_field(&model, name, &node.name);
                };
                let ty = match &field.reference {
                    Some(reference) if reference.many => Type::List(Box::new(Type::Record(reference.to))),
                    _ => type_of(field),
                };
                (Input::Form(name.to_owned()), ty)
            }
            _ => {
                let mut mistake =
                    Mistake::new("unknown-name", node.name.clone(), format!("there is no `{root}.{name}`"));
                mistake.hint = nearest(name, listed.iter().copied())
                    .map(|near| format!("did you mean `{root}.{near}`?"))
                    .or_else(|| (!listed.is_empty()).then(|| format!("there is {}", list(&listed))));
                if root == "query" && mistake.hint.is_none() {
                    mistake.hint = Some("declare it under `[query]`".into());
                }
                return self.wrong(mistake);
            }
        };
        Some(Thing::Value(self.expr(ExprKind::Input(input), ty, span)))
    }

    /// The text that a `[define]` name stands for, checked in its place.
    fn defined(&mut self, name: &str, span: &Range<usize>) -> Option<Thing> {
        if self.expanding.iter().any(|open| open == name) {
            let way = format!("{} → {name}", self.expanding.join(" → "));
            return self.wrong(Mistake::new(
                "define-cycle",
                span.clone(),
                format!("`{name}` is defined by itself: {way}"),
            ));
        }
        let text = self.scope.defines.get(name)?.clone();
        let node = match parse::parse(&text) {
            Ok(node) => node,
            Err(mistakes) => {
                let what = mistakes.first().map_or(String::new(), |mistake| mistake.message.clone());
                let message = format!("`{name}` has a mistake in its own text: {what}");
                return self.wrong(Mistake::new("broken-define", span.clone(), message));
            }
        };
        let outer_site = self.site.clone();
        let outer_unseen = std::mem::replace(&mut self.unseen, self.variables.len());
        self.site.get_or_insert_with(|| span.clone());
        self.expanding.push(name.to_owned());
        let before = self.mistakes.len();
        let thing = self.thing(&node);
        for mistake in self.mistakes.iter_mut().skip(before) {
            if mistake.code != "define-cycle" && outer_site.is_none() {
                mistake.message = format!("in `{name}`: {}", mistake.message);
            }
        }
        self.expanding.pop();
        self.site = outer_site;
        self.unseen = outer_unseen;
        thing
    }

    fn unknown_field(&mut self, model: &Model, name: &str, at: &Range<usize>) -> Option<Thing> {
        self.wrong(unknown(name, model, name, at))
    }

    fn unknown_name(&mut self, name: &str, span: &Range<usize>) -> Option<Thing> {
        let instead = meant(name);
        let this = self.scope.this.map(|model| self.scope.models.get(model).clone());
        let mut mistake = match &this {
            Some(model) => unknown(name, model, name, span),
            None => Mistake::new("unknown-name", span.clone(), format!("there is no `{name}`")),
        };
        let near = nearest(
            name,
            self.variables[self.unseen..]
                .iter()
                .map(|(variable, _)| variable.as_str())
                .chain(this.iter().flat_map(|model| members(model)))
                .chain(self.scope.defines.keys().map(String::as_str))
                .chain(ROOTS.iter().copied().filter(|root| *root != "visitor")),
        );
        if let Some(instead) = instead.or(near) {
            mistake.hint = Some(format!("did you mean `{instead}`?"));
        } else if this.is_none() {
            mistake.hint = Some("a text is written in quotes: `\"…\"`".to_owned());
        }
        self.wrong(mistake)
    }
}

/// What people write at first for what has another name here.
fn meant(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "nil" | "none" | "undefined" | "null" => "null",
        "true" | "yes" => "true",
        "false" | "no" => "false",
        "me" | "current_user" | "currentuser" => "user",
        "self" | "record" => "this",
        _ => return None,
    })
}

enum Member<'model> {
    Field(&'model Field),
    Relation(&'model Relation),
    /// A key of the document that this field holds.
    Free(&'model Field),
}

/// What a name is on a model: a ref is its field, a list of refs its relation.
fn find<'model>(model: &'model Model, name: &str) -> Option<Member<'model>> {
    if let Some(field) = model.field_named(name) {
        return Some(match &field.reference {
            Some(reference) if reference.many => Member::Relation(model.relation(reference.relation)),
            _ => Member::Field(field),
        });
    }
    let Some(relation) = model.relation_named(name) else {
        return model.free_field(name).map(|free| Member::Free(model.field(free)));
    };
    Some(match relation.by {
        RelationBy::Ref(field) => Member::Field(model.field(field)),
        _ => Member::Relation(relation),
    })
}

fn type_of(field: &Field) -> Type {
    match &field.reference {
        Some(reference) => Type::Record(reference.to),
        None => Type::Value(field.kind),
    }
}

fn members(model: &Model) -> impl Iterator<Item = &str> {
    let fields = model.fields.iter().map(|field| field.name.as_str());
    let relations = model.relations.iter().map(|relation| relation.name.as_str());
    // What begins with an underscore is Purlin's own.
    fields.chain(relations).filter(|name| !name.is_empty() && !name.starts_with('_'))
}

fn unknown(said: &str, model: &Model, name: &str, at: &Range<usize>) -> Mistake {
    let mistake =
        Mistake::new("unknown-field", at.clone(), format!("`{}` has no field `{name}`", model.name));
    match nearest(name, members(model)) {
        Some(near) => {
            let prefix = said.strip_suffix(name).unwrap_or("");
            mistake.hint(format!("did you mean `{prefix}{near}`?"))
        }
        None => {
            let mut names: Vec<&str> = Vec::new();
            for member in members(model) {
                if !names.contains(&member) {
                    names.push(member);
                }
            }
            mistake.hint(format!("there is {}", list(&names)))
        }
    }
}

fn list(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > shown.len() { " and more" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The name that a misspelt one was probably meant to be.
pub(super) fn nearest<'name>(name: &str, names: impl Iterator<Item = &'name str>) -> Option<&'name str> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    names
        .filter(|other| !other.is_empty())
        .map(|other| (distance(&name.to_ascii_lowercase(), &other.to_ascii_lowercase()), other))
        .filter(|(distance, other)| *distance <= allowed && *distance < other.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// How many letters must be changed, added, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}
