//! The named operations of which migrations are made, and what each does to a [`Snapshot`].
//!
//! An operation is data: written into a file, reviewed, replayed on a picture, and turned into SQL by the
//! dialect. Replaying is strict, so that a file edited by hand cannot say what makes no sense.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use purlin_schema::Kind;
use serde::{Deserialize, Serialize};

use super::free;
use super::literal::Literal;
use super::snapshot::{Column, ColumnType, IdKind, IndexPart, SYSTEM_COLUMNS, Snapshot, Table, join, leads};

/// One step from a picture to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of all variants are named alike")]
pub enum Operation {
    /// Makes a table with its keys; link tables come when both ends are there.
    CreateTable {
        table: String,
        #[serde(default, skip_serializing_if = "is_int")]
        id: IdKind,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<String, Column>,
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        uniques: BTreeSet<Vec<String>>,
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        indexes: BTreeSet<Vec<IndexPart>>,
    },
    /// Drops a table, its rows and its link tables.
    DropTable { table: String },
    /// Gives a table another name; refs follow.
    RenameTable { from: String, to: String },
    /// Adds a column; rows that are there get `default`.
    AddField {
        table: String,
        field: String,
        column: Column,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<Literal>,
    },
    /// Drops a column and what is in it.
    DropField { table: String, field: String },
    /// Gives a column, or a list of refs, another name.
    RenameField { table: String, from: String, to: String },
    /// Takes what stands under a name among the free fields into a column.
    TakeFree { table: String, field: String, key: String },
    /// Gives what is in a column to the free fields, under a name.
    GiveFree { table: String, field: String, key: String },
    /// Converts what is in a column.
    ChangeType { table: String, field: String, from: ColumnType, to: ColumnType },
    /// Refuses null from now on; rows that have it get `default`.
    SetRequired {
        table: String,
        field: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<Literal>,
    },
    /// Admits null.
    DropRequired { table: String, field: String },
    /// Sets the values that a choice admits; none lift the limit.
    SetChoices { table: String, field: String, of: BTreeSet<String> },
    /// Makes a column a ref.
    SetTarget { table: String, field: String, to: String },
    /// Makes a ref a plain column.
    DropTarget { table: String, field: String },
    /// Adds a unique key.
    AddUnique { table: String, fields: Vec<String> },
    /// Drops a unique key.
    DropUnique { table: String, fields: Vec<String> },
    /// Adds an index.
    AddIndex { table: String, fields: Vec<IndexPart> },
    /// Drops an index.
    DropIndex { table: String, fields: Vec<IndexPart> },
    /// Adds an index on a path into JSON.
    AddPathIndex { table: String, path: String },
    /// Drops an index on a path into JSON.
    DropPathIndex { table: String, path: String },
    /// Adds the link table of a list of refs.
    AddLink { table: String, field: String, to: String },
    /// Drops the link table of a list of refs, and the links.
    DropLink { table: String, field: String },
}

fn is_int(id: &IdKind) -> bool {
    *id == IdKind::Int
}

impl Operation {
    /// The operation that makes a table, without its links and its indexes on paths.
    #[must_use]
    pub fn create(name: &str, table: &Table) -> Operation {
        let Table { id, fields, uniques, indexes, paths: _, links: _ } = table.clone();
        Operation::CreateTable { table: name.to_owned(), id, fields, uniques, indexes }
    }

    /// Whether something in the database is lost by it.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        match self {
            Operation::DropTable { .. } | Operation::DropField { .. } | Operation::DropLink { .. } => true,
            Operation::ChangeType { from, to, .. } => conversion(*from, *to) == Some(Conversion::Lossy),
            _ => false,
        }
    }

    /// What should be known before it is applied.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Operation::AddField { table, field, column, default: None } if column.required => Some(format!(
                "records that are there have no value for it: unless `{table}` is empty, give `{field}` a \
                 default that is known now (a value, or `= now`), or add it without `required` and require it once all have one"
            )),
            Operation::SetRequired { table, field, default: None } => {
                Some(format!("refused while a record of `{table}` has no `{field}`, for it has no default"))
            }
            Operation::TakeFree { .. } => {
                Some("refused where what a record has there is no such value".to_owned())
            }
            Operation::ChangeType { from, to, .. } => match conversion(*from, *to)? {
                Conversion::Exact => None,
                Conversion::Checked => Some(format!("refused where a record holds what is no {to}")),
                Conversion::Lossy => Some(format!("what {to} cannot hold is rounded off")),
            },
            Operation::SetChoices { of, .. } if !of.is_empty() => {
                Some("refused where a record holds another value".to_owned())
            }
            Operation::AddUnique { .. } => Some("refused where records have equal values".to_owned()),
            Operation::SetTarget { to, .. } => {
                Some(format!("refused where a value is the id of no record of `{to}`"))
            }
            _ => None,
        }
    }

    /// Whether it gives a choice further values and takes none, so that no record can stand in the way.
    #[must_use]
    pub fn only_adds_choices(&self, before: &Snapshot) -> bool {
        let Operation::SetChoices { table, field, of } = self else { return false };
        let column = before.tables.get(table).and_then(|table| table.fields.get(field));
        column.is_some_and(|column| !column.of.is_empty() && column.of.is_subset(of))
    }

    /// Performs it on a picture.
    ///
    /// # Errors
    /// Where it does not fit: what it changes is not there, or what it adds is there already.
    pub fn replay(&self, on: &mut Snapshot) -> Result<(), String> {
        match self {
            Operation::CreateTable { table, id, fields, uniques, indexes } => {
                if on.tables.contains_key(table) {
                    return Err(format!("table `{table}` is there already"));
                }
                let made = Table {
                    id: *id,
                    fields: fields.clone(),
                    uniques: uniques.clone(),
                    indexes: indexes.clone(),
                    paths: BTreeSet::new(),
                    links: BTreeMap::new(),
                };
                let mut keys =
                    uniques.iter().flatten().chain(indexes.iter().flatten().map(|part| &part.field));
                if let Some(unknown) = keys.find(|field| !made.has_column(field)) {
                    return Err(format!("a key of `{table}` names `{unknown}`, which it does not have"));
                }
                if let Some(system) = fields.keys().find(|name| SYSTEM_COLUMNS.contains(&name.as_str())) {
                    return Err(format!("every table has `{system}`; it is not declared"));
                }
                on.tables.insert(table.clone(), made);
                Ok(())
            }
            Operation::DropTable { table } => {
                on.tables.remove(table).map(drop).ok_or_else(|| format!("there is no table `{table}`"))
            }
            Operation::RenameTable { from, to } => rename_table(on, from, to),
            Operation::AddField { table, field, column, default } => {
                let target = self.table_in(on, table)?;
                vacant(target, table, field)?;
                if let Some(default) = default {
                    default.value(column.ty)?;
                }
                target.fields.insert(field.clone(), column.clone());
                Ok(())
            }
            Operation::DropField { table, field } => {
                let target = self.table_in(on, table)?;
                if let Some(key) = target.key_with(field) {
                    return Err(format!("`{table}.{field}` is still part of {key}; drop that first"));
                }
                target.fields.remove(field).map(drop).ok_or_else(|| no_field(table, field))
            }
            Operation::TakeFree { table, field, key } | Operation::GiveFree { table, field, key } => {
                let target = self.table_in(on, table)?;
                if !free::has_place(target) {
                    return Err(format!("`{table}` has no free fields"));
                }
                if let Some(problem) = purlin_schema::free::fault(key) {
                    return Err(format!("`{key}` is no free field of `{table}`: it {}", problem.message));
                }
                self.column_in(on, table, field).map(drop)
            }
            Operation::RenameField { table, from, to } => {
                rename_field(self.table_in(on, table)?, table, from, to)
            }
            Operation::ChangeType { table, field, from, to } => {
                let is_indexed = self.table_in(on, table)?.key_with(field);
                let column = self.column_in(on, table, field)?;
                if column.ty != *from {
                    return Err(format!("`{table}.{field}` is {}, not {from}", column.ty));
                }
                if let (true, Some(key)) = (from.0 == Kind::Json, is_indexed) {
                    return Err(format!("`{table}.{field}` is still part of {key}; drop that first"));
                }
                if conversion(*from, *to).is_none() {
                    return Err(format!(
                        "there is no conversion from {from} to {to}; drop the field and add it"
                    ));
                }
                column.ty = *to;
                Ok(())
            }
            Operation::SetRequired { table, field, default } => {
                let column = self.column_in(on, table, field)?;
                if let Some(default) = default {
                    default.value(column.ty)?;
                }
                column.required = true;
                Ok(())
            }
            Operation::DropRequired { table, field } => {
                self.column_in(on, table, field)?.required = false;
                Ok(())
            }
            Operation::SetChoices { table, field, of } => {
                self.column_in(on, table, field)?.of.clone_from(of);
                Ok(())
            }
            Operation::SetTarget { table, field, to } => {
                self.column_in(on, table, field)?.to = Some(to.clone());
                Ok(())
            }
            Operation::DropTarget { table, field } => {
                self.column_in(on, table, field)?.to = None;
                Ok(())
            }
            Operation::AddUnique { table, fields } => {
                let target = self.table_in(on, table)?;
                if let Some(unknown) = fields.iter().find(|field| !target.has_column(field)) {
                    return Err(no_field(table, unknown));
                }
                added(target.uniques.insert(fields.clone()), "unique", &fields.join(", "))
            }
            Operation::DropUnique { table, fields } => {
                let gone = self.table_in(on, table)?.uniques.remove(fields);
                dropped(gone, "unique", &fields.join(", "))
            }
            Operation::AddIndex { table, fields } => {
                let target = self.table_in(on, table)?;
                if let Some(unknown) = fields.iter().find(|part| !target.has_column(&part.field)) {
                    return Err(no_field(table, &unknown.field));
                }
                added(target.indexes.insert(fields.clone()), "index", &join(fields))
            }
            Operation::DropIndex { table, fields } => {
                let gone = self.table_in(on, table)?.indexes.remove(fields);
                dropped(gone, "index", &join(fields))
            }
            Operation::AddPathIndex { table, path } => {
                let target = self.table_in(on, table)?;
                let is_json = |column: &Column| column.ty.0 == Kind::Json;
                let words = path.split('.').all(|key| {
                    !key.is_empty()
                        && key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
                });
                if !words || !path.contains('.') || !target.fields.get(leads(path)).is_some_and(is_json) {
                    return Err(format!("`{path}` is no path into JSON of `{table}`"));
                }
                added(target.paths.insert(path.clone()), "index", path)
            }
            Operation::DropPathIndex { table, path } => {
                dropped(self.table_in(on, table)?.paths.remove(path), "index", path)
            }
            Operation::AddLink { table, field, to } => {
                let target = self.table_in(on, table)?;
                vacant(target, table, field)?;
                target.links.insert(field.clone(), to.clone());
                Ok(())
            }
            Operation::DropLink { table, field } => {
                let target = self.table_in(on, table)?;
                target.links.remove(field).map(drop).ok_or_else(|| no_field(table, field))
            }
        }
    }

    fn table_in<'snapshot>(
        &self,
        on: &'snapshot mut Snapshot,
        table: &str,
    ) -> Result<&'snapshot mut Table, String> {
        on.tables.get_mut(table).ok_or_else(|| format!("there is no table `{table}`"))
    }

    fn column_in<'snapshot>(
        &self,
        on: &'snapshot mut Snapshot,
        table: &str,
        field: &str,
    ) -> Result<&'snapshot mut Column, String> {
        self.table_in(on, table)?.fields.get_mut(field).ok_or_else(|| no_field(table, field))
    }
}

/// How what is in a column becomes another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Every value has its like.
    Exact,
    /// Values that have none make the database refuse; nothing is lost.
    Checked,
    /// Something may be rounded off.
    Lossy,
}

/// How one type becomes another; `None` where it cannot.
#[must_use]
pub fn conversion(from: ColumnType, to: ColumnType) -> Option<Conversion> {
    use Conversion::{Checked, Exact, Lossy};
    Some(match (from.0, to.0) {
        (from, to) if from == to => Exact,
        (_, Kind::Text) => Exact,
        (Kind::Text, _) => Checked,
        (Kind::Bool, Kind::Int) | (Kind::Date, Kind::Datetime) => Exact,
        (Kind::Int, Kind::Bool | Kind::Float | Kind::Decimal(_)) => Checked,
        (Kind::Float, Kind::Int) => Checked,
        (Kind::Decimal(old), Kind::Decimal(new)) if new > old => Checked,
        (Kind::Decimal(0), Kind::Int) => Exact,
        (Kind::Decimal(_), Kind::Decimal(_) | Kind::Int | Kind::Float)
        | (Kind::Float, Kind::Decimal(_))
        | (Kind::Datetime, Kind::Date) => Lossy,
        _ => return None,
    })
}

fn rename_table(on: &mut Snapshot, from: &str, to: &str) -> Result<(), String> {
    if on.tables.contains_key(to) {
        return Err(format!("table `{to}` is there already"));
    }
    let table = on.tables.remove(from).ok_or_else(|| format!("there is no table `{from}`"))?;
    on.tables.insert(to.to_owned(), table);
    for table in on.tables.values_mut() {
        let columns = table.fields.values_mut().filter_map(|column| column.to.as_mut());
        for target in columns.chain(table.links.values_mut()).filter(|target| *target == from) {
            to.clone_into(target);
        }
    }
    Ok(())
}

fn rename_field(table: &mut Table, name: &str, from: &str, to: &str) -> Result<(), String> {
    vacant(table, name, to)?;
    if let Some(target) = table.links.remove(from) {
        table.links.insert(to.to_owned(), target);
        return Ok(());
    }
    let column = table.fields.remove(from).ok_or_else(|| no_field(name, from))?;
    table.fields.insert(to.to_owned(), column);
    let renamed = |field: String| if field == from { to.to_owned() } else { field };
    table.paths = std::mem::take(&mut table.paths)
        .into_iter()
        .map(|path| match path.strip_prefix(from).filter(|rest| rest.starts_with('.')) {
            Some(rest) => format!("{to}{rest}"),
            None => path,
        })
        .collect();
    table.uniques = std::mem::take(&mut table.uniques)
        .into_iter()
        .map(|unique| unique.into_iter().map(renamed).collect())
        .collect();
    table.indexes = std::mem::take(&mut table.indexes)
        .into_iter()
        .map(|index| index.into_iter().map(|part| IndexPart { field: renamed(part.field), ..part }).collect())
        .collect();
    Ok(())
}

fn vacant(table: &Table, name: &str, field: &str) -> Result<(), String> {
    if table.has_column(field) || table.links.contains_key(field) {
        return Err(format!("`{name}.{field}` is there already"));
    }
    Ok(())
}

fn no_field(table: &str, field: &str) -> String {
    format!("there is no field `{table}.{field}`")
}

fn added(new: bool, what: &str, fields: &str) -> Result<(), String> {
    if new { Ok(()) } else { Err(format!("{what} ({fields}) is there already")) }
}

fn dropped(gone: bool, what: &str, fields: &str) -> Result<(), String> {
    if gone { Ok(()) } else { Err(format!("there is no {what} ({fields})")) }
}

/// As a plan shows it: `+ posts.subtitle text`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::CreateTable { table, id, fields, uniques, indexes } => {
                write!(f, "+ table {table}")?;
                if *id == IdKind::Uuid {
                    f.write_str(" (ids are UUIDs)")?;
                }
                for (name, column) in fields {
                    write!(f, "\n    {name} {column}")?;
                }
                for unique in uniques {
                    write!(f, "\n    unique ({})", unique.join(", "))?;
                }
                for index in indexes {
                    write!(f, "\n    index ({})", join(index))?;
                }
                Ok(())
            }
            Operation::DropTable { table } => write!(f, "- table {table}, with its records"),
            Operation::RenameTable { from, to } => write!(f, "~ table {from} becomes {to}"),
            Operation::AddField { table, field, column, default } => {
                write!(f, "+ {table}.{field} {column}")?;
                write_default(f, default.as_ref())
            }
            Operation::DropField { table, field } => write!(f, "- {table}.{field}, with its values"),
            Operation::RenameField { table, from, to } => write!(f, "~ {table}.{from} becomes {table}.{to}"),
            Operation::TakeFree { table, field, key } => {
                write!(f, "~ {table}.{field} takes what records have as free field `{key}`")
            }
            Operation::GiveFree { table, field, key } => {
                write!(f, "~ {table}.{field} becomes the free field `{key}`")
            }
            Operation::ChangeType { table, field, from, to } => {
                write!(f, "~ {table}.{field} from {from} to {to}")
            }
            Operation::SetRequired { table, field, default } => {
                write!(f, "~ {table}.{field} is required")?;
                write_default(f, default.as_ref())
            }
            Operation::DropRequired { table, field } => write!(f, "~ {table}.{field} is not required"),
            Operation::SetChoices { table, field, of } if of.is_empty() => {
                write!(f, "~ {table}.{field} is any text")
            }
            Operation::SetChoices { table, field, of } => {
                let of: Vec<_> = of.iter().map(String::as_str).collect();
                write!(f, "~ {table}.{field} is one of {}", of.join(", "))
            }
            Operation::SetTarget { table, field, to } => write!(f, "~ {table}.{field} refers to {to}"),
            Operation::DropTarget { table, field } => write!(f, "~ {table}.{field} refers to nothing"),
            Operation::AddUnique { table, fields } => write!(f, "+ {table} unique ({})", fields.join(", ")),
            Operation::DropUnique { table, fields } => write!(f, "- {table} unique ({})", fields.join(", ")),
            Operation::AddIndex { table, fields } => write!(f, "+ {table} index ({})", join(fields)),
            Operation::DropIndex { table, fields } => write!(f, "- {table} index ({})", join(fields)),
            Operation::AddPathIndex { table, path } => write!(f, "+ {table} index ({path})"),
            Operation::DropPathIndex { table, path } => write!(f, "- {table} index ({path})"),
            Operation::AddLink { table, field, to } => write!(f, "+ {table}.{field} refs to {to}"),
            Operation::DropLink { table, field } => write!(f, "- {table}.{field}, with its links"),
        }
    }
}

/// In a line: the whole of a long default stands in the models.
fn write_default(f: &mut fmt::Formatter<'_>, default: Option<&Literal>) -> fmt::Result {
    const LONGEST: usize = 60;
    let Some(default) = default else { return Ok(()) };
    let text = default.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => write!(f, " (records that are there get {} …)", &text[..end]),
        None => write!(f, " (records that are there get {text})"),
    }
}
