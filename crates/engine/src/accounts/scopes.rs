//! What a personal access token may do: verbs of models, as `posts:read comments:create` says.
//!
//! A scope only takes away: its owner's rules hold as they do without a token, and what they withhold no scope gives.

use purlin_schema::expr::{Expr, ExprKind};
use purlin_schema::query::Query;
use purlin_schema::{FieldId, ModelId, Models, Shape};

use crate::{Actor, Engine, Failure};

/// What is done to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reading them, also beside others and in a filter or an order.
    Read,
    /// Making them.
    Create,
    /// Changing them.
    Update,
    /// Deleting them.
    Delete,
}

const VERBS: [(&str, Verb); 4] =
    [("read", Verb::Read), ("create", Verb::Create), ("update", Verb::Update), ("delete", Verb::Delete)];

/// The scopes of a token. Those of models that are gone grant nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    /// All models where there is none.
    model: Option<ModelId>,
    verbs: Vec<Verb>,
}

impl Scopes {
    /// Reads scopes, separated by blanks: `posts:read`, `posts:write` (making, changing and deleting), `posts:*`, and
    /// `*` for every model with an API.
    ///
    /// # Errors
    /// What is wrong with them, as the end of a sentence about them.
    pub fn parse(models: &Models, text: &str) -> Result<Scopes, String> {
        let scopes = text.split_whitespace().map(|scope| {
            let (name, verbs) = scope.split_once(':').ok_or_else(|| {
                format!("has `{scope}`, which is no scope: write a model and a verb, as posts:read")
            })?;
            let model = match name {
                "*" => None,
                name => match models.named(name).filter(|model| model.has_api()) {
                    Some(model) => Some(model.id),
                    None => return Err(format!("names `{name}`, which is no model with an API")),
                },
            };
            let verbs = verbs_of(verbs).ok_or_else(|| {
                format!("has the verb `{verbs}`; there are read, create, update, delete, write and *")
            })?;
            Ok(Scope { model, verbs })
        });
        let scopes = scopes.collect::<Result<Vec<Scope>, String>>()?;
        if scopes.is_empty() { Err("must name one scope at least".to_owned()) } else { Ok(Scopes(scopes)) }
    }

    /// Those that were stored, less what is not known any more.
    pub(super) fn stored(models: &Models, text: &str) -> Scopes {
        let known = text.split_whitespace().filter_map(|scope| Scopes::parse(models, scope).ok());
        Scopes(known.flat_map(|scopes| scopes.0).collect())
    }

    /// Whether they allow it.
    #[must_use]
    pub fn allow(&self, model: ModelId, verb: Verb) -> bool {
        let matches = |scope: &Scope| scope.model.is_none_or(|of| of == model) && scope.verbs.contains(&verb);
        self.0.iter().any(matches)
    }
}

fn verbs_of(text: &str) -> Option<Vec<Verb>> {
    Some(match text {
        "*" => VERBS.map(|(_, verb)| verb).to_vec(),
        "write" => vec![Verb::Create, Verb::Update, Verb::Delete],
        text => vec![VERBS.iter().find(|(name, _)| *name == text)?.1],
    })
}

impl Engine {
    /// Whether they let him read rows of a shape, with all that comes along.
    pub(crate) fn shape_in_scope(&self, actor: &Actor, shape: &Shape) -> Result<(), Failure> {
        self.in_scope(actor, shape.model, Verb::Read)?;
        shape.relations.iter().try_for_each(|relation| self.shape_in_scope(actor, &relation.shape))
    }

    /// Whether an actor's token, where he came with one, lets him do something.
    pub(crate) fn in_scope(&self, actor: &Actor, model: ModelId, verb: Verb) -> Result<(), Failure> {
        let Some(scopes) = actor.user().and_then(|user| user.scopes.as_ref()) else { return Ok(()) };
        if scopes.allow(model, verb) {
            return Ok(());
        }
        let name = VERBS.iter().find(|(_, known)| *known == verb).map_or("", |(name, _)| name);
        Err(Failure::OutOfScope(format!("{}:{name}", self.model(model).name)))
    }
}

/// The models that the filter and the order of a query look at besides its own.
pub(crate) fn looked_at(models: &Models, query: &Query) -> Vec<ModelId> {
    let mut found = Vec::new();
    for key in &query.sort {
        follow(models, key.path.model, &key.path.hops, &mut found);
    }
    if let Some(filter) = &query.filter {
        looked_at_by(models, filter, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn looked_at_by(models: &Models, expr: &Expr, found: &mut Vec<ModelId>) {
    match &expr.kind {
        ExprKind::Field(path) | ExprKind::Has(path) => follow(models, path.model, &path.hops, found),
        ExprKind::Exists(walk, _) | ExprKind::All(walk, _) | ExprKind::Count(walk, _) => {
            follow(models, walk.model, &walk.hops, found);
            found.push(walk.to);
        }
        _ => {}
    }
    expr.children().for_each(|child| looked_at_by(models, child, found));
}

/// The models that refs lead to, one after the other.
fn follow(models: &Models, from: ModelId, hops: &[FieldId], found: &mut Vec<ModelId>) {
    let mut at = from;
    for hop in hops {
        let Some(reference) = &models.get(at).field(*hop).reference else { return };
        at = reference.to;
        found.push(at);
    }
}
