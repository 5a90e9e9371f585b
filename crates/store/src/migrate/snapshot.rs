//! A picture of the tables that a site needs, neutral of the database.
//!
//! Migrations compare two of them: what replaying `migrations/` gives and what the models ask for. A picture
//! holds what the database must know and nothing else: a label, a rule or a default changes no table. The
//! four columns that every table has (`id`, `created_at`, `updated_at`, `_version`) are understood.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use purlin_schema::expr::{ExprKind, Step};
use purlin_schema::model::Source;
use purlin_schema::{Field, Input, Kind, Model, Models};
use serde::{Deserialize, Serialize};

use super::literal::Literal;

/// Columns of every table, besides the declared ones.
pub(super) const SYSTEM_COLUMNS: [&str; 4] = ["id", "created_at", "updated_at", "_version"];

/// All tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// By name.
    pub tables: BTreeMap<String, Table>,
}

/// One table, with the link tables of its lists of refs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What its ids are.
    #[serde(default)]
    pub id: IdKind,
    /// Its declared columns by name.
    #[serde(default)]
    pub fields: BTreeMap<String, Column>,
    /// Unique keys, each a list of columns.
    #[serde(default)]
    pub uniques: BTreeSet<Vec<String>>,
    /// Indexes, each a list of columns.
    #[serde(default)]
    pub indexes: BTreeSet<Vec<IndexPart>>,
    /// Indexes on paths into JSON: `meta.size.width`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
    /// Lists of refs: the field's name and the table it refers to.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// What it holds.
    #[serde(rename = "type")]
    pub ty: ColumnType,
    /// Whether it is never null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The table that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The values of a choice; sorted, for their order changes nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub of: BTreeSet<String>,
}

/// What ids a table has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// 64-bit integers, never reused.
    #[default]
    Int,
    /// UUIDs.
    Uuid,
}

/// What a column holds: [`Kind`] with a name for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ColumnType(pub Kind);

/// A column of an index: `published_at` or `published_at desc`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct IndexPart {
    /// The column.
    pub field: String,
    /// Whether it descends.
    pub descending: bool,
}

/// A picture to be reached, and what is known about the way: former names, and values for rows that are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The picture.
    pub snapshot: Snapshot,
    /// Former names of tables, by the new name.
    pub tables_were: BTreeMap<String, String>,
    /// Former names of fields, by table and new name.
    pub fields_were: BTreeMap<(String, String), String>,
    /// What rows that are there get in a field, by table and field.
    pub defaults: BTreeMap<(String, String), Literal>,
    /// Fields whose values become free fields where they go, by table and field.
    pub freed: BTreeSet<(String, String)>,
}

impl Snapshot {
    /// The tables that the models ask for.
    #[must_use]
    pub fn of(models: &Models) -> Snapshot {
        Wanted::of(models).snapshot
    }

    /// What keeps it from being tables: a reference that leads nowhere or has ids of another kind, or two
    /// tables of one name.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let mut names: BTreeSet<String> = self.tables.keys().cloned().collect();
        for (name, table) in &self.tables {
            for field in table.links.keys() {
                let link = link_name(name, field);
                if names.contains(&link) {
                    return Some(format!(
                        "`{name}.{field}` keeps its links in a table `{link}`, and something else is called so"
                    ));
                }
                names.insert(link);
            }
        }
        for (name, table) in &self.tables {
            for (field, column) in &table.fields {
                let Some(to) = &column.to else { continue };
                match self.tables.get(to) {
                    None => return Some(format!("`{name}.{field}` refers to `{to}`, which is not there")),
                    Some(target) if target.id.column_type() != column.ty => {
                        return Some(format!("`{name}.{field}` is {} but `{to}` has other ids", column.ty));
                    }
                    Some(_) => {}
                }
            }
            for (field, to) in &table.links {
                if !self.tables.contains_key(to) {
                    return Some(format!("`{name}.{field}` refers to `{to}`, which is not there"));
                }
            }
        }
        None
    }
}

impl Wanted {
    /// What the models ask for.
    #[must_use]
    pub fn of(models: &Models) -> Wanted {
        let mut wanted = Wanted::default();
        for model in models.iter().filter(|model| model.origin.is_none()) {
            if let Some(was) = &model.was {
                wanted.tables_were.insert(model.name.clone(), was.clone());
            }
            let mut table =
                Table { id: if model.uuid_ids { IdKind::Uuid } else { IdKind::Int }, ..Table::default() };
            for field in model.fields.iter().filter(|field| !field.is_system()) {
                wanted.add_field(models, model, field, &mut table);
            }
            wanted.free(model);
            table.add_keys(model);
            wanted.snapshot.tables.insert(model.name.clone(), table);
        }
        wanted
    }

    fn free(&mut self, model: &Model) {
        self.freed.extend(model.freed.iter().map(|name| (model.name.clone(), name.clone())));
    }

    fn add_field(&mut self, models: &Models, model: &Model, field: &Field, table: &mut Table) {
        let key = (model.name.clone(), field.name.clone());
        if let Some(was) = &field.was {
            self.fields_were.insert(key.clone(), was.clone());
        }
        let target = field.reference.as_ref().map(|reference| models.get(reference.to));
        if let (true, Some(target)) = (field.is_many(), target) {
            table.links.insert(field.name.clone(), target.name.clone());
        } else if field.has_column() {
            let kind = match target {
                Some(target) if target.uuid_ids => Kind::Uuid,
                Some(_) => Kind::Int,
                None => field.kind,
            };
            let column = Column {
                ty: ColumnType(kind),
                required: field.required,
                to: target.map(|target| target.name.clone()),
                of: field.choices.iter().cloned().collect(),
            };
            if let Some(default) = field.default.as_ref().and_then(|source| literal(source, column.ty)) {
                self.defaults.insert(key, default);
            }
            table.fields.insert(field.name.clone(), column);
        }
    }
}

/// What rows that are there get: a literal, or the time of the migration; whose it is, nobody can say later.
fn literal(source: &Source, ty: ColumnType) -> Option<Literal> {
    match source {
        Source::Literal(value) => Literal::of(value),
        Source::Ids(_) => None,
        Source::Expr(expr) => match (&expr.kind, ty.0) {
            (ExprKind::Input(Input::Now), Kind::Datetime) => Some(Literal::now()),
            (ExprKind::Input(Input::Today), Kind::Date) => Some(Literal::today()),
            (ExprKind::Const(value), _) => Literal::of(value),
            _ => None,
        },
    }
}

impl Table {
    /// Adds the keys that a model declares, and an index for each ref that no other key serves.
    fn add_keys(&mut self, model: &Model) {
        let name = |id| model.field(id).name.clone();
        self.uniques =
            model.uniques.iter().map(|unique| unique.fields.iter().map(|id| name(*id)).collect()).collect();
        self.indexes = model
            .indexes
            .iter()
            .map(|index| {
                let part =
                    |(id, descending): &(_, bool)| IndexPart { field: name(*id), descending: *descending };
                index.fields.iter().map(part).collect()
            })
            .collect();
        self.paths = model.path_indexes.iter().map(|(id, steps)| path_of(&name(*id), steps)).collect();
        let refs = self.fields.iter().filter(|(_, column)| column.to.is_some()).map(|(field, _)| field);
        let lone: Vec<String> = refs.filter(|field| !self.is_led_by(field)).cloned().collect();
        self.indexes.extend(lone.into_iter().map(|field| vec![IndexPart { field, descending: false }]));
    }

    /// Whether a key begins with this column.
    fn is_led_by(&self, field: &str) -> bool {
        self.uniques.iter().any(|unique| unique.first().is_some_and(|first| first == field))
            || self.indexes.iter().any(|index| index.first().is_some_and(|part| part.field == field))
    }

    /// Whether there is such a column, declared or of every table.
    #[must_use]
    pub fn has_column(&self, name: &str) -> bool {
        SYSTEM_COLUMNS.contains(&name) || self.fields.contains_key(name)
    }

    /// The keys that a column takes part in, as text; for messages.
    #[must_use]
    pub fn key_with(&self, field: &str) -> Option<String> {
        let unique = self.uniques.iter().find(|unique| unique.iter().any(|name| name == field));
        let index = self.indexes.iter().find(|index| index.iter().any(|part| part.field == field));
        unique
            .map(|unique| format!("unique ({})", unique.join(", ")))
            .or_else(|| index.map(|index| format!("index ({})", join(index))))
            .or_else(|| {
                self.paths.iter().find(|path| leads(path) == field).map(|path| format!("index ({path})"))
            })
    }
}

/// The field that a path into JSON begins with.
#[must_use]
pub(super) fn leads(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// The keys of a path behind its field.
#[must_use]
pub(super) fn steps_of(path: &str) -> Vec<Step> {
    path.split('.').skip(1).map(|key| Step::Key(key.into())).collect()
}

fn path_of(field: &str, steps: &[Step]) -> String {
    steps.iter().fold(field.to_owned(), |path, step| match step {
        Step::Key(key) => format!("{path}.{key}"),
        Step::Index(at) => format!("{path}.{at}"),
    })
}

/// The name of the link table of a list of refs.
#[must_use]
pub(super) fn link_name(table: &str, field: &str) -> String {
    format!("{table}__{field}")
}

/// Columns of an index as text: `author, published_at desc`.
#[must_use]
pub(super) fn join(parts: &[IndexPart]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl IdKind {
    /// What a column holds that refers to it.
    #[must_use]
    pub fn column_type(self) -> ColumnType {
        match self {
            IdKind::Int => ColumnType(Kind::Int),
            IdKind::Uuid => ColumnType(Kind::Uuid),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            Some(to) => write!(f, "ref to {to}")?,
            None if self.of.is_empty() => write!(f, "{}", self.ty)?,
            None => {
                write!(f, "choice of {}", self.of.iter().map(String::as_str).collect::<Vec<_>>().join(", "))?;
            }
        }
        if self.required {
            f.write_str(", required")?;
        }
        Ok(())
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Decimal(scale) => return write!(f, "decimal({scale})"),
            Kind::Text => "text",
            Kind::Date => "date",
            Kind::Datetime => "datetime",
            Kind::Duration => "duration",
            Kind::Uuid => "uuid",
            Kind::Json => "json",
        };
        f.write_str(name)
    }
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kind = match text {
            "bool" => Kind::Bool,
            "int" => Kind::Int,
            "float" => Kind::Float,
            "text" => Kind::Text,
            "date" => Kind::Date,
            "datetime" => Kind::Datetime,
            "duration" => Kind::Duration,
            "uuid" => Kind::Uuid,
            "json" => Kind::Json,
            other => {
                let scale = other.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
                let scale = scale.and_then(|scale| scale.parse().ok()).filter(|scale| *scale <= 18);
                Kind::Decimal(scale.ok_or_else(|| {
                    format!(
                        "`{other}` is no type of a column; they are bool, int, float, decimal(0) to \
                         decimal(18), text, date, datetime, duration, uuid and json"
                    )
                })?)
            }
        };
        Ok(ColumnType(kind))
    }
}

impl From<ColumnType> for String {
    fn from(ty: ColumnType) -> String {
        ty.to_string()
    }
}

impl TryFrom<String> for ColumnType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for IndexPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if self.descending { f.write_str(" desc") } else { Ok(()) }
    }
}

impl From<IndexPart> for String {
    fn from(part: IndexPart) -> String {
        part.to_string()
    }
}

impl From<String> for IndexPart {
    fn from(text: String) -> IndexPart {
        match text.strip_suffix(" desc") {
            Some(field) => IndexPart { field: field.to_owned(), descending: true },
            None => IndexPart { field: text, descending: false },
        }
    }
}
