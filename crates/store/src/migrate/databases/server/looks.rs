//! Looks for records that stand in the way, before anything is changed.
//!
//! An operation may speak of a table that an operation before it has renamed, or of a column that one before it has
//! converted. So the way of each column is followed back to what is there now, and the question is put to that:
//! by SQL, or, where a conversion is in between, row by row.

use std::collections::{BTreeMap, BTreeSet};

use purlin_schema::free::COLUMN;
use purlin_schema::{Kind, Value};

use super::convert::convert;
use super::schema::keyed_columns;
use super::words::Words;
use crate::migrate::free;
use crate::migrate::operation::{Conversion, Operation, conversion};
use crate::migrate::snapshot::{ColumnType, IdKind, Snapshot};

/// A look for records that stand in the way.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// The operation that it is for, as a plan shows it.
    pub(crate) operation: String,
    /// The table as it is called now.
    pub(crate) table: String,
    pub(crate) id: IdKind,
    pub(crate) question: Question,
    /// What is wrong: "`posts.title` has no value"; their number follows.
    pub(crate) problem: String,
    /// What to do.
    pub(crate) hint: String,
}

/// What is asked of each row: whether it …
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// … is there at all.
    Any,
    /// … has no value.
    Null(Source),
    /// … has a value that has no like in the type.
    Impossible(Source, ColumnType),
    /// … has, in this document and under this name, what is no value of the type.
    Untakeable(Source, String, ColumnType),
    /// … has another value than these.
    NotIn(Source, BTreeSet<String>),
    /// … has the id of no row of this table, as it is called now; of any table where that one is new.
    Orphan(Source, Option<String>),
    /// … has the values of another.
    Duplicate(Vec<Source>),
    /// … has a text longer than this many characters.
    TooLong(Source, usize),
}

/// Where a column's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// A column that is there.
    Column(String, ColumnType),
    /// The same for each row, perhaps null.
    Value(Value),
    /// Another's values as another type.
    Converted(Box<Source>, ColumnType),
    /// Another's, with this for null.
    Filled(Box<Source>, Value),
    /// A free field of this document as a value of this type; where there is none, this.
    Taken(Box<Source>, String, ColumnType, Value),
}

impl Source {
    /// The value in a row, of which the columns are given by name.
    pub(crate) fn of_row(&self, row: &BTreeMap<String, Value>) -> Option<Value> {
        match self {
            Source::Column(name, _) => row.get(name).cloned(),
            Source::Value(value) => Some(value.clone()),
            Source::Converted(source, to) => convert(&source.of_row(row)?, *to),
            Source::Filled(source, value) => {
                let found = source.of_row(row)?;
                Some(if found.is_null() { value.clone() } else { found })
            }
            Source::Taken(document, key, ty, otherwise) => match free::found(&document.of_row(row)?, key) {
                Some(found) => free::taken(found, *ty),
                None => Some(otherwise.clone()),
            },
        }
    }

    /// The same as SQL; `None` where a conversion is in between.
    pub(crate) fn sql(&self, words: &dyn Words) -> Option<String> {
        Some(match self {
            Source::Column(name, _) => format!("r.{}", words.quote(name)),
            Source::Value(value) => words.literal(value),
            Source::Converted(..) | Source::Taken(..) => return None,
            Source::Filled(source, value) => {
                format!("coalesce({}, {})", source.sql(words)?, words.literal(value))
            }
        })
    }

    /// The column that it comes from.
    pub(crate) fn column(&self) -> Option<(&str, ColumnType)> {
        match self {
            Source::Column(name, ty) => Some((name, *ty)),
            Source::Value(_) => None,
            Source::Converted(source, _) | Source::Filled(source, _) | Source::Taken(source, ..) => {
                source.column()
            }
        }
    }

    /// What kind of values it gives.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Source::Column(_, ty) | Source::Converted(_, ty) | Source::Taken(_, _, ty, _) => ty.0,
            Source::Filled(source, _) => source.kind(),
            Source::Value(value) => match value {
                Value::Bool(_) => Kind::Bool,
                Value::Int(_) => Kind::Int,
                Value::Float(_) => Kind::Float,
                Value::Decimal(decimal) => Kind::Decimal(decimal.scale),
                Value::Date(_) => Kind::Date,
                Value::Datetime(_) => Kind::Datetime,
                Value::Duration(_) => Kind::Duration,
                Value::Uuid(_) => Kind::Uuid,
                Value::Json(_) => Kind::Json,
                _ => Kind::Text,
            },
        }
    }
}

/// A table on its way: what it is called now and where its columns come from; without a name where it is new.
#[derive(Clone, Debug, Default)]
struct Way {
    now: Option<String>,
    id: IdKind,
    columns: BTreeMap<String, Source>,
}

/// The looks that operations need, each asking of what is there before the first.
///
/// # Errors
/// Where an operation does not fit.
pub(crate) fn looks(
    words: &dyn Words,
    from: &Snapshot,
    operations: &[Operation],
) -> Result<Vec<Look>, String> {
    let way = |(name, table): (&String, &crate::migrate::snapshot::Table)| {
        let own = |(field, column): (&String, &crate::migrate::snapshot::Column)| {
            (field.clone(), Source::Column(field.clone(), column.ty))
        };
        let columns = table.fields.iter().map(own).collect();
        (name.clone(), Way { now: Some(name.clone()), id: table.id, columns })
    };
    let mut finder =
        Finder { words, ways: from.tables.iter().map(way).collect(), after: from.clone(), looks: Vec::new() };
    for operation in operations {
        let before = finder.after.clone();
        operation.replay(&mut finder.after)?;
        finder.follow(operation, &before)?;
    }
    Ok(finder.looks)
}

struct Finder<'work> {
    words: &'work dyn Words,
    ways: BTreeMap<String, Way>,
    after: Snapshot,
    looks: Vec<Look>,
}

impl Finder<'_> {
    fn follow(&mut self, operation: &Operation, before: &Snapshot) -> Result<(), String> {
        match operation {
            Operation::CreateTable { table, .. } => {
                self.ways.insert(table.clone(), Way::default());
            }
            Operation::DropTable { table } => drop(self.ways.remove(table)),
            Operation::RenameTable { from, to } => {
                if let Some(way) = self.ways.remove(from) {
                    self.ways.insert(to.clone(), way);
                }
            }
            Operation::RenameField { table, from, to } => {
                let columns = self.ways.get_mut(table).map(|way| &mut way.columns);
                if let Some(columns) = columns
                    && let Some(source) = columns.remove(from)
                {
                    columns.insert(to.clone(), source);
                }
            }
            Operation::DropField { table, field } => {
                self.ways.get_mut(table).map(|way| way.columns.remove(field));
            }
            Operation::AddField { table, field, column, default } => {
                let value = default.as_ref().map(|default| default.value(column.ty)).transpose()?;
                if column.required && value.is_none() {
                    let problem = format!("`{table}.{field}` is required and would have no value");
                    let hint = format!(
                        "give `{field}` a default that is known now (a value, or `= now`), or add it without \
                         `required`, fill it in, and require it then"
                    );
                    self.look(operation, table, Question::Any, problem, hint);
                }
                self.set(table, field, Source::Value(value.unwrap_or(Value::Null)));
            }
            _ => self.change(operation, before)?,
        }
        self.texts_in_keys(operation, before);
        Ok(())
    }

    /// What changes the values or the rules of a column that stays.
    fn change(&mut self, operation: &Operation, before: &Snapshot) -> Result<(), String> {
        match operation {
            Operation::ChangeType { table, field, from, to } => {
                let source = self.source(table, field);
                if conversion(*from, *to) != Some(Conversion::Exact) {
                    let problem = format!("`{table}.{field}` cannot become {to}");
                    let hint = "change these values first, or add a field of another name".to_owned();
                    self.look(operation, table, Question::Impossible(source.clone(), *to), problem, hint);
                }
                self.set(table, field, Source::Converted(Box::new(source), *to));
                self.uniques_with(table, field);
            }
            Operation::TakeFree { table, field, key } => {
                let ty = self.after.tables[table].fields[field].ty;
                let document = self.source(table, COLUMN);
                let problem = format!("the free field `{key}` of `{table}` is no {ty}");
                let hint = "change these values first, or declare the field as another type".to_owned();
                let question = Question::Untakeable(document.clone(), key.clone(), ty);
                self.look(operation, table, question, problem, hint);
                let otherwise = match self.source(table, field) {
                    Source::Value(value) => value,
                    _ => Value::Null,
                };
                self.set(table, field, Source::Taken(Box::new(document), key.clone(), ty, otherwise));
            }
            Operation::SetRequired { table, field, default } => {
                let source = self.source(table, field);
                let ty = self.after.tables[table].fields[field].ty;
                if let Some(default) = default {
                    self.set(table, field, Source::Filled(Box::new(source), default.value(ty)?));
                    self.uniques_with(table, field);
                } else {
                    let problem = format!("`{table}.{field}` becomes required and has no value");
                    let hint = format!(
                        "fill them in first, or give `{field}` a default that is known now (a value, or `= now`)"
                    );
                    self.look(operation, table, Question::Null(source), problem, hint);
                }
            }
            Operation::SetChoices { table, field, of }
                if !of.is_empty() && !operation.only_adds_choices(before) =>
            {
                let question = Question::NotIn(self.source(table, field), of.clone());
                let problem = format!("`{table}.{field}` is none of its choices");
                self.look(
                    operation,
                    table,
                    question,
                    problem,
                    "change these values first, or keep the choice".to_owned(),
                );
            }
            Operation::SetTarget { table, field, to } => {
                let target = self.ways.get(to).and_then(|way| way.now.clone());
                let question = Question::Orphan(self.source(table, field), target);
                let problem = format!("`{table}.{field}` is the id of no record of `{to}`");
                self.look(
                    operation,
                    table,
                    question,
                    problem,
                    "correct or clear these values first".to_owned(),
                );
            }
            Operation::AddUnique { table, fields } => self.unique(&operation.to_string(), table, fields),
            _ => {}
        }
        Ok(())
    }

    /// Columns that become part of a key and may hold texts too long for one.
    fn texts_in_keys(&mut self, operation: &Operation, before: &Snapshot) {
        let (Operation::AddUnique { table, .. }
        | Operation::AddIndex { table, .. }
        | Operation::AddPathIndex { table, .. }
        | Operation::DropPathIndex { table, .. }
        | Operation::ChangeType { table, .. }) = operation
        else {
            return;
        };
        let limits = keyed_columns(&self.after.tables[table], self.words);
        let had = before.tables.get(table).map(|table| keyed_columns(table, self.words)).unwrap_or_default();
        for (field, limit) in
            limits.into_iter().filter(|(field, limit)| had.get(field).is_none_or(|had| had > limit))
        {
            let question = Question::TooLong(self.source(table, &field), limit);
            let problem =
                format!("`{table}.{field}` is longer than the {limit} characters that a key may have here");
            self.look(operation, table, question, problem, "shorten these texts first".to_owned());
        }
    }

    fn uniques_with(&mut self, table: &str, field: &str) {
        let uniques = self.after.tables[table].uniques.clone();
        for fields in uniques.iter().filter(|fields| fields.iter().any(|name| name == field)) {
            self.unique(&format!("{table} unique ({})", fields.join(", ")), table, fields);
        }
    }

    fn unique(&mut self, operation: &str, table: &str, fields: &[String]) {
        let sources = fields.iter().map(|field| self.source(table, field)).collect();
        let problem = format!("values of `{table}` ({}) occur more than once", fields.join(", "));
        let look = (Question::Duplicate(sources), problem, "make them different first".to_owned());
        self.add(operation.to_owned(), table, look);
    }

    fn look(
        &mut self,
        operation: &Operation,
        table: &str,
        question: Question,
        problem: String,
        hint: String,
    ) {
        self.add(operation.to_string(), table, (question, problem, hint));
    }

    fn add(&mut self, operation: String, table: &str, (question, problem, hint): (Question, String, String)) {
        let Some(way) = self.ways.get(table) else { return };
        // A new table has no rows.
        let Some(now) = way.now.clone() else { return };
        self.looks.push(Look { operation, table: now, id: way.id, question, problem, hint });
    }

    fn source(&self, table: &str, field: &str) -> Source {
        let known = self.ways.get(table).and_then(|way| way.columns.get(field)).cloned();
        known.unwrap_or_else(|| match field {
            "created_at" | "updated_at" => Source::Column(field.to_owned(), ColumnType(Kind::Datetime)),
            "_version" => Source::Column(field.to_owned(), ColumnType(Kind::Int)),
            "id" => Source::Column(
                field.to_owned(),
                self.ways.get(table).map_or(ColumnType(Kind::Int), |way| way.id.column_type()),
            ),
            _ => Source::Value(Value::Null),
        })
    }

    fn set(&mut self, table: &str, field: &str, source: Source) {
        if let Some(way) = self.ways.get_mut(table) {
            way.columns.insert(field.to_owned(), source);
        }
    }
}
