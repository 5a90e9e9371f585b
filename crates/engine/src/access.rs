//! Access: what a model's rules come to for each kind of asker, worked out once when the site loads.
//!
//! A rule is an expression over the record and the asker. For a visitor everything about `user` is known (it
//! is an error), for an administrator every rule holds; so each rule has a [`Verdict`] for each [`Who`], and
//! only what depends on the record is left to the database. [`Access::guard`] puts the verdicts into a query:
//! the filter, the fields, the included and the counted records. Nothing above the store adds a rule by hand.

use std::sync::Arc;

use purlin_schema::expr::{self, Asker, ExprKind, Type};
use purlin_schema::model::{RelationBy, RelationId, Rule};
use purlin_schema::query::{Include, Limit, Query, Select, Selected};
use purlin_schema::{Expr, FieldId, Kind, Model, ModelId, Models, Value};
use purlin_store::mutation::Condition;
use purlin_store::{CompileError, Store};

use crate::inputs::Ask;
use crate::{Actor, expressions};

/// The kinds of askers for whom rules are worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Not signed in.
    Visitor,
    /// Signed in, whatever his role.
    User,
    /// An administrator, or the owner at the command line.
    Admin,
}

/// What a rule comes to.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It holds.
    Always,
    /// It does not.
    Never,
    /// It holds for records of which this is true.
    When(Arc<Expr>),
}

/// What one kind of asker may do with one model.
pub struct Permissions {
    /// Reading records.
    pub read: Verdict,
    /// Creating them.
    pub create: Verdict,
    /// Updating them.
    pub update: Verdict,
    /// Deleting them.
    pub delete: Verdict,
    /// Reading and writing fields, by their numbers.
    pub fields: Vec<FieldPermissions>,
    /// The verdicts that are left to the database, compiled for the writer.
    pub conditions: Conditions,
}

/// What one kind of asker may do with one field.
pub struct FieldPermissions {
    /// Reading it, of a record that he may read.
    pub read: Verdict,
    /// Writing it, of a record that he may write.
    pub write: Verdict,
    /// `write`, compiled for the writer.
    pub write_condition: Option<Arc<Condition>>,
}

/// Verdicts compiled for the writer; `None` where nothing is left to the database.
#[derive(Default)]
pub struct Conditions {
    /// Reading.
    pub read: Option<Arc<Condition>>,
    /// Creating.
    pub create: Option<Arc<Condition>>,
    /// Updating.
    pub update: Option<Arc<Condition>>,
    /// Deleting.
    pub delete: Option<Arc<Condition>>,
}

/// The verdicts of a whole site.
pub struct Access {
    models: Arc<Models>,
    permissions: Vec<[Permissions; 3]>,
    never: Vec<Option<Arc<Condition>>>,
    /// The models as each kind of asker knows them.
    known: [Arc<Models>; 3],
}

impl Who {
    /// How many kinds there are.
    pub(crate) const COUNT: usize = 3;

    /// Every kind.
    pub const ALL: [Who; 3] = [Who::Visitor, Who::User, Who::Admin];

    /// The kind of an actor.
    #[must_use]
    pub fn of(actor: &Actor) -> Who {
        match actor {
            Actor::Visitor => Who::Visitor,
            actor if actor.is_admin() => Who::Admin,
            _ => Who::User,
        }
    }
}

impl FieldPermissions {
    /// Whether a form shows its user a control for the field: not where the rule, which looks at him alone, refuses him.
    pub(crate) fn write_offered(&self, ask: &Ask<'_>) -> bool {
        match &self.write {
            Verdict::Always => true,
            Verdict::Never => false,
            Verdict::When(rule) => expressions::holds_for_asker(rule, ask) != Some(false),
        }
    }
}

impl Verdict {
    /// What a rule comes to for a kind of asker.
    #[must_use]
    pub fn of(rule: &Rule, who: Who) -> Verdict {
        match rule {
            Rule::Nobody => Verdict::Never,
            Rule::Everybody => Verdict::Always,
            _ if who == Who::Admin => Verdict::Always,
            Rule::Administrators => Verdict::Never,
            Rule::When(rule) => Verdict::of_expr(rule, who),
        }
    }

    fn of_expr(rule: &Expr, who: Who) -> Verdict {
        let asker = if who == Who::Visitor { Asker::Visitor } else { Asker::User };
        let left = expr::simplify_condition(&expr::specialise(rule, asker));
        match left.kind {
            ExprKind::Const(Value::Bool(true)) => Verdict::Always,
            ExprKind::Const(_) | ExprKind::Error => Verdict::Never,
            _ => Verdict::When(Arc::new(left)),
        }
    }

    /// Whether it cannot hold.
    #[must_use]
    pub fn is_never(&self) -> bool {
        matches!(self, Verdict::Never)
    }

    /// Whether it holds for every record.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self, Verdict::Always)
    }

    /// The verdict as a rule for whoever it was worked out for.
    #[must_use]
    pub fn as_rule(&self) -> Rule {
        match self {
            Verdict::Always => Rule::Everybody,
            Verdict::Never => Rule::Nobody,
            Verdict::When(rule) => Rule::When(Expr::clone(rule)),
        }
    }

    fn filter(&self) -> Option<Expr> {
        match self {
            Verdict::Always => None,
            Verdict::Never => Some(constant(false)),
            Verdict::When(expr) => Some(Expr::clone(expr)),
        }
    }

    fn condition(&self, store: &Store, model: ModelId) -> Result<Option<Arc<Condition>>, CompileError> {
        match self {
            Verdict::When(expr) => store.condition(model, expr).map(Some),
            Verdict::Always | Verdict::Never => Ok(None),
        }
    }
}

impl Access {
    /// Works out and compiles the verdicts of a site.
    ///
    /// # Errors
    /// With the model whose rule cannot be compiled.
    pub fn compile(models: &Arc<Models>, store: &Store) -> Result<Access, (ModelId, CompileError)> {
        let mut permissions = Vec::new();
        let mut never = Vec::new();
        for model in models.iter() {
            never.push(store.condition(model.id, &constant(false)).ok());
            let compiled = Who::ALL.map(|who| Permissions::compile(model, who, store));
            let [visitor, user, admin] = compiled;
            let failed = |error| (model.id, error);
            permissions.push([visitor.map_err(failed)?, user.map_err(failed)?, admin.map_err(failed)?]);
        }
        let known = Who::ALL.map(|who| Arc::new(known(models, &permissions, who)));
        Ok(Access { models: models.clone(), permissions, never, known })
    }

    /// The models as a kind of asker knows them: what he can read of no record has no name. His expressions are checked
    /// against these, so that no mistake tells him what there is.
    pub(crate) fn known(&self, who: Who) -> &Models {
        &self.known[who as usize]
    }

    /// What a kind of asker may do with a model.
    #[must_use]
    pub fn of(&self, model: ModelId, who: Who) -> &Permissions {
        &self.permissions[usize::from(model.0)][who as usize]
    }

    /// A condition that no record of a model satisfies.
    pub(crate) fn never(&self, model: ModelId) -> Option<Arc<Condition>> {
        self.never[usize::from(model.0)].clone()
    }

    /// The query with the access rules of a kind of asker: records, fields, included and counted records.
    #[must_use]
    pub fn guard(&self, query: &Query, who: Who) -> Query {
        let permissions = self.of(query.model, who);
        let mut guarded = self.fields(query, who);
        guarded.filter = and(query.filter.clone(), left_of(&permissions.read, query.filter.as_ref()));
        guarded.include =
            query.include.iter().map(|include| self.guard_include(query.model, include, who)).collect();
        for count in &mut guarded.count {
            let to = self.models.get(query.model).relation(count.relation).to;
            let read = left_of(&self.of(to, who).read, count.filter.as_ref());
            let rule = and(read, self.relation(query.model, count.relation, who));
            count.filter = and(count.filter.take(), rule);
        }
        guarded
    }

    /// What must hold for a record to stand in a relation of another: that the ref which makes it so may be read.
    fn relation(&self, model: ModelId, relation: RelationId, who: Who) -> Option<Expr> {
        let relation = self.models.get(model).relation(relation);
        let read = |of: ModelId, field: FieldId| &self.of(of, who).fields[usize::from(field.0)].read;
        match relation.by {
            RelationBy::Ref(field) | RelationBy::Refs(field) => {
                read(model, field).filter().map(|rule| expr::of_outer_row(rule, model))
            }
            RelationBy::Inverse(field) | RelationBy::InverseRefs(field) => read(relation.to, field).filter(),
        }
    }

    /// The query without rules about records; what is hidden stays so, and one record's `_version` comes along.
    #[must_use]
    pub fn unguarded(&self, query: &Query) -> Query {
        let mut open = self.fields(query, Who::Admin);
        open.include = query
            .include
            .iter()
            .map(|include| Include { relation: include.relation, query: self.unguarded(&include.query) })
            .collect();
        open
    }

    fn guard_include(&self, model: ModelId, include: &Include, who: Who) -> Include {
        let mut query = self.guard(&include.query, who);
        query.filter = and(query.filter.take(), self.relation(model, include.relation, who));
        Include { relation: include.relation, query }
    }

    fn fields(&self, query: &Query, who: Who) -> Query {
        let model = self.models.get(query.model);
        let permissions = self.of(query.model, who);
        let mut chosen: Vec<FieldId> = match &query.select {
            Select::All => readable(model).collect(),
            Select::Fields(fields) => fields.iter().map(|chosen| chosen.field).collect(),
        };
        // Only a record by itself has an entity tag made of its version.
        let version = (query.limit == Limit::One).then_some(FieldId::VERSION);
        for always in version.into_iter().chain([FieldId::ID]) {
            if !chosen.contains(&always) {
                chosen.insert(0, always);
            }
        }
        let select = chosen
            .into_iter()
            .map(|field| {
                // The version is nobody's to read, but the engine's: it makes entity tags of it.
                let own = field == FieldId::VERSION;
                let guard = if own { None } else { permissions.fields[usize::from(field.0)].read.filter() };
                Selected { field, guard }
            })
            .collect();
        Query { select: Select::Fields(select), ..query.clone() }
    }
}

impl Permissions {
    /// What is said about an action on a record that is there, by its name.
    pub(crate) fn on_record(&self, action: &str) -> Option<&Verdict> {
        match action {
            "read" => Some(&self.read),
            "update" => Some(&self.update),
            "delete" => Some(&self.delete),
            _ => None,
        }
    }

    fn compile(model: &Model, who: Who, store: &Store) -> Result<Permissions, CompileError> {
        let access = &model.access;
        let [read, create, update, delete] =
            [&access.read, &access.create, &access.update, &access.delete].map(|rule| Verdict::of(rule, who));
        let conditions = Conditions {
            read: read.condition(store, model.id)?,
            create: create.condition(store, model.id)?,
            update: update.condition(store, model.id)?,
            delete: delete.condition(store, model.id)?,
        };
        let mut fields = Vec::new();
        for field in &model.fields {
            let field_read = if field.hidden { Verdict::Never } else { Verdict::of(&field.read, who) };
            let write = Verdict::of(&field.write, who);
            let write_condition = write.condition(store, model.id)?;
            fields.push(FieldPermissions { read: field_read, write, write_condition });
        }
        Ok(Permissions { read, create, update, delete, fields, conditions })
    }
}

fn known(models: &Models, permissions: &[[Permissions; 3]], who: Who) -> Models {
    let of = |model: ModelId| &permissions[usize::from(model.0)][who as usize];
    let open = |model: ModelId, field: FieldId| {
        field != FieldId::VERSION && !of(model).fields[usize::from(field.0)].read.is_never()
    };
    models.without(
        |model, field| !open(model.id, field.id),
        |model, relation| {
            let by = match relation.by {
                RelationBy::Ref(field) | RelationBy::Refs(field) => open(model.id, field),
                RelationBy::Inverse(field) | RelationBy::InverseRefs(field) => open(relation.to, field),
            };
            !by || of(relation.to).read.is_never() || models.get(relation.to).internal
        },
    )
}

/// Fields that may leave at all: those that are neither hidden nor lists of refs, and not the version.
pub(crate) fn readable(model: &Model) -> impl Iterator<Item = FieldId> + '_ {
    model
        .fields
        .iter()
        .filter(|field| !field.hidden && !field.is_many() && field.id != FieldId::VERSION)
        .map(|field| field.id)
}

/// What is left of a read rule beside the query's own filter: what that implies is dropped, and with it all that it would
/// look at.
fn left_of(read: &Verdict, filter: Option<&Expr>) -> Option<Expr> {
    match (read, filter) {
        (Verdict::When(rule), Some(filter)) => expr::remaining(&[filter], rule),
        _ => read.filter(),
    }
}

/// A literal truth.
pub(crate) fn constant(truth: bool) -> Expr {
    Expr { kind: ExprKind::Const(Value::Bool(truth)), ty: Type::Value(Kind::Bool), span: 0..0 }
}

/// Both conditions, where there are both.
pub(crate) fn and(left: Option<Expr>, right: Option<Expr>) -> Option<Expr> {
    match (left, right) {
        (Some(left), Some(right)) => {
            let span = left.span.clone();
            Some(Expr { kind: ExprKind::And(vec![left, right]), ty: Type::Value(Kind::Bool), span })
        }
        (left, right) => left.or(right),
    }
}
