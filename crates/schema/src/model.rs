//! Models: what a site keeps, as `models/*.toml` declares it and after everything in it was resolved.
//!
//! Names are resolved to numbers once, when the site loads: a [`ModelId`] indexes [`Models`], a
//! [`FieldId`] indexes `Model::fields`, a [`RelationId`] indexes `Model::relations`. Every identifier that
//! ever reaches SQL comes from here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::expr::{Expr, Step};
use crate::json_schema::JsonSchema;
use crate::origin::Origin;
use crate::roles::Roles;
use crate::types::FieldType;
use crate::value::{Kind, Value};

/// Which model of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub u16);

/// What is found by name. The names are the site's own, so nobody makes them collide, and templates look fields up by
/// name for each value that they print.
pub(crate) type Names<T> = HashMap<String, T, foldhash::fast::FixedState>;

/// Which field of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);

/// Which relation of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationId(pub u16);

impl FieldId {
    /// Every model's first field, `id`.
    pub const ID: FieldId = FieldId(0);
    /// Every model's second field, `created_at`.
    pub const CREATED_AT: FieldId = FieldId(1);
    /// Every model's third field, `updated_at`.
    pub const UPDATED_AT: FieldId = FieldId(2);
    /// Every model's fourth field, `_version`: an integer that rises by one with each update; in no answer.
    pub const VERSION: FieldId = FieldId(3);
}

/// All models of a site: its own, `users`, and Purlin's (their names begin with an underscore).
#[derive(Clone, Debug, Default)]
pub struct Models {
    list: Vec<Arc<Model>>,
    by_name: HashMap<String, ModelId>,
    roles: Arc<Roles>,
    audit: AuditSettings,
}

/// What the audit log keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditLog {
    /// Nothing.
    #[default]
    Off,
    /// What happens to accounts: sign-in, credentials, roles, groups.
    Security,
    /// Every write besides.
    All,
}

/// `[audit]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// `log`.
    pub log: AuditLog,
    /// `keep`: for how long; forever where there is none.
    pub kept: Option<Duration>,
}

/// One model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its number.
    pub id: ModelId,
    /// Its name, which is also its table's and the API's: `posts`.
    pub name: String,
    /// Whether records have UUIDs for ids.
    pub uuid_ids: bool,
    /// The field that names a record to a person; `id` where nothing fits.
    pub label: FieldId,
    /// What the model is for, in the owner's words.
    pub description: Option<String>,
    /// The name it had before, where a migration must rename it.
    pub was: Option<String>,
    /// Whether it has an API at all.
    pub api: bool,
    /// Whether it is one of Purlin's own (`_sessions`): no API, no access, kept by migrations like any other.
    pub internal: bool,
    /// Where its records stand, if that is no table of Purlin's.
    pub origin: Option<Box<Origin>>,
    /// Fields: the four of every model, then the declared ones in their order, and where it is a model of documents the
    /// one that holds free fields.
    pub fields: Vec<Field>,
    /// The field that holds what records have besides: of a model of documents (`kind = "documents"`).
    pub free: Option<FieldId>,
    /// Names of former fields whose values became free fields.
    pub freed: Vec<String>,
    /// Relations by which other records are reached: refs, lists of refs and inverses.
    pub relations: Vec<Relation>,
    /// Who may do what.
    pub access: Access,
    /// Unique keys: those of single fields and those of several.
    pub uniques: Vec<Unique>,
    /// Indexes of several fields (`[[index]]`) and of single ones; refs have theirs.
    pub indexes: Vec<Index>,
    /// Paths into JSON that have an index each: keys below a field.
    pub path_indexes: Vec<(FieldId, Vec<Step>)>,
    /// Conditions that every record satisfies.
    pub checks: Vec<Check>,
    /// The owner's names for this model's expressions (`[define]`), with what they stand for.
    pub defines: IndexMap<String, String>,
    /// Names that some do not know, and that are no free field's for that.
    pub(crate) unseen: Vec<String>,
    pub(crate) fields_by_name: Names<FieldId>,
    pub(crate) relations_by_name: Names<RelationId>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its number.
    pub id: FieldId,
    /// Its name, which is also its column's and JSON's.
    pub name: String,
    /// What a person calls it, in forms and messages.
    pub label: String,
    /// Its type.
    pub ty: &'static dyn FieldType,
    /// What its column holds; a list of refs has no column and the kind of its ids.
    pub kind: Kind,
    /// Whether it must have a value (text: not the empty one).
    pub required: bool,
    /// What it is where nothing was given.
    pub default: Option<Source>,
    /// Least value, or length in characters for text.
    pub min: Option<Value>,
    /// Greatest value, or length in characters for text.
    pub max: Option<Value>,
    /// What text must match, anywhere in it unless anchored.
    pub pattern: Option<regex::Regex>,
    /// Values of a choice.
    pub choices: Vec<String>,
    /// The field that a slug is made from.
    pub from: Option<FieldId>,
    /// Whether an integer has 64 bits and is a string in JSON.
    pub big: bool,
    /// Leaves for nobody.
    pub hidden: bool,
    /// Who may read it, of those who may read the record.
    pub read: Rule,
    /// Who may write it, of those who may write the record.
    pub write: Rule,
    /// It is computed from this and has no column.
    pub computed: Option<Expr>,
    /// The name it had before, where a migration must rename it.
    pub was: Option<String>,
    /// What the field is for, in the owner's words.
    pub description: Option<String>,
    /// The declared shape of what is JSON.
    pub schema: Option<Arc<JsonSchema>>,
    /// Where it is a ref or a list of refs.
    pub reference: Option<Reference>,
    /// Whether the site's files or `users` declare it, rather than every model having it.
    pub declared: bool,
}

/// Where a ref leads.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The model referred to.
    pub to: ModelId,
    /// Whether it is a list (`refs`): many to many, through a link table.
    pub many: bool,
    /// What happens to this record when the other one is deleted.
    pub on_delete: OnDelete,
    /// The relation of this model through it.
    pub relation: RelationId,
}

/// What deleting a record does to those that refer to it; the store itself performs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// It is refused.
    Restrict,
    /// They are deleted too.
    Cascade,
    /// Their refs become null.
    SetNull,
}

/// A way from a record to others.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its number.
    pub id: RelationId,
    /// Its name in expressions, includes and templates.
    pub name: String,
    /// The model at its other end.
    pub to: ModelId,
    /// What it goes by.
    pub by: RelationBy,
}

/// What a relation goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationBy {
    /// This model's ref: at most one record.
    Ref(FieldId),
    /// This model's list of refs.
    Refs(FieldId),
    /// The other model's ref to this one: a list.
    Inverse(FieldId),
    /// The other model's list of refs to this one: a list.
    InverseRefs(FieldId),
}

/// Who may do something: nobody but administrators, everybody, or whom an expression names.
#[derive(Clone, Debug, Default)]
pub enum Rule {
    /// Administrators alone.
    #[default]
    Administrators,
    /// Nobody at all, not even administrators (`write = false`): defaults and the owner's own files.
    Nobody,
    /// Everybody.
    Everybody,
    /// Whom this holds for.
    When(Expr),
}

/// Who may do what with a model's records.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Whether the model's file has an `[access]` table with a rule in it.
    pub declared: bool,
    /// Reading.
    pub read: Rule,
    /// Creating: holds for the proposed record.
    pub create: Rule,
    /// Updating: holds for the record as stored (`old`) and as proposed.
    pub update: Rule,
    /// Deleting: holds for the record as stored.
    pub delete: Rule,
}

/// A unique key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// Its fields.
    pub fields: Vec<FieldId>,
    /// What a person is told; a standard sentence where absent.
    pub message: Option<String>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its fields, each with whether it descends.
    pub fields: Vec<(FieldId, bool)>,
}

/// A condition that every record satisfies: one that is unknown holds, as in SQL's CHECK.
#[derive(Clone, Debug)]
pub struct Check {
    /// The condition.
    pub rule: Expr,
    /// The field that the message belongs to.
    pub field: Option<FieldId>,
    /// What a person is told.
    pub message: String,
}

/// Where a value comes from: it is written down, or computed.
#[derive(Clone, Debug)]
pub enum Source {
    /// Written in the file.
    Literal(Value),
    /// A list of refs written in the file.
    Ids(Vec<Value>),
    /// An expression (`"= now"`).
    Expr(Expr),
}

impl Models {
    /// The same models without the names of some fields and relations, which have their numbers still: as somebody
    /// knows them who is not to know all.
    #[must_use]
    pub fn without(
        &self,
        field: impl Fn(&Model, &Field) -> bool,
        relation: impl Fn(&Model, &Relation) -> bool,
    ) -> Models {
        let list = self.list.iter().map(|model| {
            let mut left = Model::clone(model);
            for gone in model.fields.iter().filter(|one| field(model, one)) {
                left.unseen.push(gone.name.clone());
                left.fields_by_name.remove(&gone.name);
                left.fields[usize::from(gone.id.0)].name.clear();
            }
            for gone in model.relations.iter().filter(|one| relation(model, one)) {
                left.unseen.push(gone.name.clone());
                left.relations_by_name.remove(&gone.name);
                left.relations[usize::from(gone.id.0)].name.clear();
            }
            Arc::new(left)
        });
        // Nor are roles and permissions named by who may not know all.
        Models {
            list: list.collect(),
            by_name: self.by_name.clone(),
            roles: Arc::default(),
            audit: self.audit,
        }
    }

    /// Collects models; their ids must be their positions.
    #[must_use]
    pub fn new(list: Vec<Arc<Model>>) -> Models {
        let by_name = list.iter().map(|model| (model.name.clone(), model.id)).collect();
        Models { list, by_name, roles: Arc::default(), audit: AuditSettings::default() }
    }

    /// The same with what the audit log keeps.
    #[must_use]
    pub fn with_audit(self, audit: AuditSettings) -> Models {
        Models { audit, ..self }
    }

    /// What the audit log keeps.
    #[must_use]
    pub fn audit(&self) -> AuditSettings {
        self.audit
    }

    /// The same with the site's roles, which `user.is(…)` and `user.can(…)` name.
    #[must_use]
    pub fn with_roles(self, roles: Arc<Roles>) -> Models {
        Models { roles, ..self }
    }

    /// The site's roles.
    #[must_use]
    pub fn roles(&self) -> &Arc<Roles> {
        &self.roles
    }

    /// A model by its number.
    #[must_use]
    pub fn get(&self, id: ModelId) -> &Arc<Model> {
        &self.list[usize::from(id.0)]
    }

    /// A model by its name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Model>> {
        self.by_name.get(name).map(|id| self.get(*id))
    }

    pub(crate) fn get_mut(&mut self, id: ModelId) -> &mut Model {
        Arc::make_mut(&mut self.list[usize::from(id.0)])
    }

    /// `users`, which every site has.
    ///
    /// # Panics
    /// Where a site was put together by hand without it.
    #[must_use]
    pub fn users(&self) -> &Arc<Model> {
        self.named("users").expect("every site has users")
    }

    /// All models, in the order of their numbers.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Model>> {
        self.list.iter()
    }

    /// Models in an order in which each comes after those that it refers to, as far as there is one.
    #[must_use]
    pub fn referred_first(&self) -> Vec<ModelId> {
        fn visit(models: &Models, id: ModelId, open: &mut Vec<ModelId>, order: &mut Vec<ModelId>) {
            if open.contains(&id) || order.contains(&id) {
                return;
            }
            open.push(id);
            for reference in models.get(id).fields.iter().filter_map(|field| field.reference.as_ref()) {
                visit(models, reference.to, open, order);
            }
            open.pop();
            order.push(id);
        }
        let mut order = Vec::new();
        for model in self {
            visit(self, model.id, &mut Vec::new(), &mut order);
        }
        order
    }

    /// The model and relation at the end of a relation.
    #[must_use]
    pub fn target(&self, relation: &Relation) -> &Arc<Model> {
        self.get(relation.to)
    }
}

impl<'models> IntoIterator for &'models Models {
    type Item = &'models Arc<Model>;
    type IntoIter = std::slice::Iter<'models, Arc<Model>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Model {
    /// A field by its number.
    #[must_use]
    pub fn field(&self, id: FieldId) -> &Field {
        &self.fields[usize::from(id.0)]
    }

    /// A field by its name.
    #[must_use]
    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields_by_name.get(name).map(|id| self.field(*id))
    }

    /// A relation by its number.
    #[must_use]
    pub fn relation(&self, id: RelationId) -> &Relation {
        &self.relations[usize::from(id.0)]
    }

    /// A relation by its name.
    #[must_use]
    pub fn relation_named(&self, name: &str) -> Option<&Relation> {
        self.relations_by_name.get(name).map(|id| self.relation(*id))
    }
}

impl Model {
    /// Whether it has a REST API: its rules were written down, and the site does not keep it from the API.
    #[must_use]
    pub fn has_api(&self) -> bool {
        self.api && self.access.declared && !self.internal
    }

    /// The table that keeps the links of a list of refs: `posts__tags`, with columns `source` and `target`.
    #[must_use]
    pub fn link_table(&self, field: FieldId) -> String {
        format!("{}__{}", self.name, self.field(field).name)
    }
}

impl Field {
    /// A field of this type with nothing else said of it: everybody reads and writes it who may read or write
    /// its record.
    #[must_use]
    pub fn plain(name: &str, ty: &'static dyn FieldType) -> Field {
        let mut label = name.replace('_', " ");
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Field {
            id: FieldId(0),
            name: name.to_owned(),
            label,
            ty,
            kind: ty.kind(),
            required: false,
            default: None,
            min: None,
            max: None,
            pattern: None,
            choices: Vec::new(),
            from: None,
            big: false,
            hidden: false,
            read: Rule::Everybody,
            write: Rule::Everybody,
            computed: None,
            was: None,
            description: None,
            schema: None,
            reference: None,
            declared: true,
        }
    }

    /// Whether it is a list of refs, kept in a link table.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.reference.as_ref().is_some_and(|reference| reference.many)
    }

    /// Whether the model's table has a column for it.
    #[must_use]
    pub fn has_column(&self) -> bool {
        !self.is_many() && self.computed.is_none()
    }

    /// Whether it is one of the four that every model has.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.id.0 <= FieldId::VERSION.0
    }
}

impl Relation {
    /// Whether it holds a list.
    #[must_use]
    pub fn is_many(&self) -> bool {
        !matches!(self.by, RelationBy::Ref(_))
    }
}
