//! Looking: a question is put to the rows by SQL, or, where a conversion is in between, row by row.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use purlin_schema::{Kind, Value};

use super::super::{Found, shown};
use super::convert::convert;
use super::looks::{Look, Question, Source};
use super::{Server, StepError};
use crate::migrate::error::MigrateError;
use crate::migrate::free;
use crate::migrate::snapshot::{ColumnType, IdKind};

/// Rows that are read at a time.
const BATCH: usize = 2000;

/// A row: its id as text, and the values of some columns.
pub(super) type Row = (String, BTreeMap<String, Value>);

impl Server {
    /// Refuses where records stand in the way.
    pub(super) fn look(&self, look: &Look) -> Result<(), MigrateError> {
        let found = match self.question(look) {
            Some(sql) => self.found_by_sql(look, &sql)?,
            None => self.found_by_row(look)?,
        };
        found.refuse(&look.operation, &look.problem, &look.hint)
    }

    /// A query for the rows that stand in the way: id and value; `None` where SQL cannot ask it.
    fn question(&self, look: &Look) -> Option<String> {
        let words = &*self.words;
        let from = format!("FROM {} r", words.quote(&look.table));
        let id = words.text("r.\"id\"", look.id.column_type().0);
        let value = |source: &Source| Some(words.text(&source.sql(words)?, source.kind()));
        Some(match &look.question {
            Question::Any => format!("SELECT {id} AS i, NULL AS v {from} WHERE true"),
            Question::Null(source) => {
                format!("SELECT {id} AS i, NULL AS v {from} WHERE {} IS NULL", source.sql(words)?)
            }
            Question::Impossible(..) | Question::Untakeable(..) => return None,
            Question::NotIn(source, of) => {
                let of: Vec<_> =
                    of.iter().map(|choice| words.literal(&Value::from(choice.as_str()))).collect();
                let (value, expr) = (value(source)?, source.sql(words)?);
                format!("SELECT {id} AS i, {value} AS v {from} WHERE {expr} NOT IN ({})", of.join(", "))
            }
            Question::Orphan(source, target) => {
                let (value, expr) = (value(source)?, source.sql(words)?);
                let lacks = match target {
                    Some(target) => {
                        let target = words.quote(target);
                        format!("NOT EXISTS (SELECT 1 FROM {target} p WHERE p.\"id\" = {expr})")
                    }
                    None => "true".to_owned(),
                };
                format!("SELECT {id} AS i, {value} AS v {from} WHERE {expr} IS NOT NULL AND {lacks}")
            }
            Question::Duplicate(sources) => {
                let exprs: Option<Vec<_>> = sources.iter().map(|source| source.sql(words)).collect();
                let exprs = exprs?;
                let values: Option<Vec<_>> = sources.iter().map(value).collect();
                let present: Vec<_> = exprs.iter().map(|expr| format!("{expr} IS NOT NULL")).collect();
                let text = match values?.as_slice() {
                    [one] => one.clone(),
                    several => format!("concat_ws(', ', {})", several.join(", ")),
                };
                let ids = words.joined(&id, " and ", "r.\"id\"");
                // What is the same for each row makes no groups, and cannot be named there.
                let varies = |(source, expr): (&Source, &String)| source.column().map(|_| expr.clone());
                let by: Vec<_> = sources.iter().zip(&exprs).filter_map(varies).collect();
                let by = if by.is_empty() { String::new() } else { format!(" GROUP BY {}", by.join(", ")) };
                let present = present.join(" AND ");
                format!("SELECT {ids} AS i, {text} AS v {from} WHERE {present}{by} HAVING count(*) > 1")
            }
            Question::TooLong(source, limit) => {
                let (value, expr) = (value(source)?, source.sql(words)?);
                format!("SELECT {id} AS i, {value} AS v {from} WHERE char_length({expr}) > {limit}")
            }
        })
    }

    fn found_by_sql(&self, look: &Look, sql: &str) -> Result<Found, MigrateError> {
        let count = self.link.rows(&format!("SELECT count(*) FROM ({sql}) q"))?;
        let count = count.first().and_then(|row| row.first()?.as_deref()?.parse().ok()).unwrap_or_default();
        let mut found = Found { count, examples: Vec::new() };
        if count == 0 {
            return Ok(found);
        }
        let kind = match &look.question {
            Question::NotIn(source, _) | Question::Orphan(source, _) => Some(source.kind()),
            Question::Duplicate(sources) if sources.len() == 1 => Some(sources[0].kind()),
            _ => None,
        };
        let rows = self.link.rows(&format!("SELECT i, v FROM ({sql}) q LIMIT {}", Found::EXAMPLES))?;
        for row in rows {
            let mut cells = row.into_iter();
            let (id, value) = (cells.next().flatten().unwrap_or_default(), cells.next().flatten());
            let readable = |text: String| match kind {
                Some(kind) => read(kind, &text).map_or(text, |value| value.to_text()),
                None => text,
            };
            found.examples.push(shown(&id, value.map(readable).as_deref()));
        }
        Ok(found)
    }

    fn found_by_row(&self, look: &Look) -> Result<Found, MigrateError> {
        let mut found = Found::default();
        let sources: Vec<&Source> = match &look.question {
            Question::Duplicate(sources) => sources.iter().collect(),
            Question::Null(source)
            | Question::Impossible(source, _)
            | Question::Untakeable(source, ..)
            | Question::NotIn(source, _)
            | Question::Orphan(source, _)
            | Question::TooLong(source, _) => vec![source],
            Question::Any => Vec::new(),
        };
        let columns: BTreeMap<String, ColumnType> = sources
            .iter()
            .filter_map(|source| source.column())
            .map(|(name, ty)| (name.to_owned(), ty))
            .collect();
        let ids = match &look.question {
            Question::Orphan(_, Some(target)) => self.ids(target, look)?,
            _ => BTreeSet::new(),
        };
        let mut seen: HashMap<Vec<String>, Vec<String>> = HashMap::new();
        self.each_batch(&look.table, look.id, &columns, &mut |rows| {
            for (id, row) in rows {
                let values: Option<Vec<Value>> = sources.iter().map(|source| source.of_row(&row)).collect();
                // What cannot be converted has a look of its own.
                let Some(values) = values else { continue };
                if let Question::Duplicate(_) = look.question {
                    if !values.iter().any(Value::is_null) {
                        seen.entry(values.iter().map(Value::to_text).collect()).or_default().push(id);
                    }
                } else if values.iter().any(|value| stands_in_the_way(&look.question, value, &ids)) {
                    let value = values.first().filter(|value| !value.is_null());
                    let text = match (&look.question, value) {
                        (Question::Untakeable(_, key, _), Some(document)) => {
                            free::found(document, key).map(ToString::to_string)
                        }
                        (_, value) => value.map(Value::to_text),
                    };
                    found.add(&id, text.as_deref());
                }
            }
            Ok(())
        })?;
        let mut equal: Vec<_> = seen.into_iter().filter(|(_, ids)| ids.len() > 1).collect();
        equal.sort();
        equal.iter().for_each(|(key, ids)| found.add(&ids.join(" and "), Some(&key.join(", "))));
        Ok(found)
    }

    fn ids(&self, table: &str, look: &Look) -> Result<BTreeSet<String>, MigrateError> {
        let kind = match &look.question {
            Question::Orphan(source, _) if source.kind() == Kind::Uuid => IdKind::Uuid,
            _ => IdKind::Int,
        };
        let mut ids = BTreeSet::new();
        self.each_batch(table, kind, &BTreeMap::new(), &mut |rows| {
            ids.extend(rows.into_iter().map(|(id, _)| id));
            Ok(())
        })?;
        Ok(ids)
    }

    /// Reads columns of a table in the order of its ids, some rows at a time.
    pub(super) fn each_batch(
        &self,
        table: &str,
        id: IdKind,
        columns: &BTreeMap<String, ColumnType>,
        each: &mut dyn FnMut(Vec<Row>) -> Result<(), StepError>,
    ) -> Result<(), StepError> {
        let words = &*self.words;
        // An order takes a name for that of a result before it takes it for a column's.
        let text = |(at, (name, ty)): (usize, (&String, &ColumnType))| {
            format!(", {} AS c{at}", words.text(&words.quote(name), ty.0))
        };
        let texts: Vec<_> = columns.iter().enumerate().map(text).collect();
        let id_kind = id.column_type().0;
        let select = format!(
            "SELECT {} AS i{} FROM {}",
            words.text("\"id\"", id_kind),
            texts.concat(),
            words.quote(table)
        );
        let mut after = String::new();
        loop {
            let rows = self.link.rows(&format!("{select} {after}ORDER BY \"id\" LIMIT {BATCH}"))?;
            let full = rows.len() == BATCH;
            let mut batch = Vec::with_capacity(rows.len());
            for row in rows {
                let mut cells = row.into_iter();
                let id = cells.next().flatten().unwrap_or_default();
                let mut values = BTreeMap::new();
                for ((name, ty), cell) in columns.iter().zip(cells) {
                    values.insert(name.clone(), cell_value(table, name, &id, *ty, cell)?);
                }
                batch.push((id, values));
            }
            let last = batch.last().and_then(|(id, _)| read(id_kind, id));
            if !batch.is_empty() {
                each(batch)?;
            }
            match last {
                Some(last) if full => after = format!("WHERE \"id\" > {} ", words.literal(&last)),
                _ => return Ok(()),
            }
        }
    }
}

fn cell_value(
    table: &str,
    column: &str,
    id: &str,
    ty: ColumnType,
    cell: Option<String>,
) -> Result<Value, MigrateError> {
    let Some(text) = cell else { return Ok(Value::Null) };
    read(ty.0, &text).ok_or_else(|| {
        MigrateError::Plan(format!(
            "`{table}.{column}` of id {id} holds {text:?}, which cannot be read as {ty}"
        ))
    })
}

fn stands_in_the_way(question: &Question, value: &Value, ids: &BTreeSet<String>) -> bool {
    match question {
        Question::Any => true,
        Question::Null(_) => value.is_null(),
        Question::Impossible(_, to) => convert(value, *to).is_none(),
        Question::Untakeable(_, key, ty) => {
            free::found(value, key).is_some_and(|found| free::taken(found, *ty).is_none())
        }
        Question::NotIn(_, of) => value.as_text().is_some_and(|text| !of.contains(text)),
        Question::Orphan(..) => !value.is_null() && !ids.contains(&value.to_text()),
        Question::Duplicate(_) => false,
        Question::TooLong(_, limit) => value.as_text().is_some_and(|text| text.chars().count() > *limit),
    }
}

/// A value as [`Words::text`](super::words::Words::text) gives it.
pub(super) fn read(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Duration => text.parse().ok().map(Value::Duration),
        Kind::Text => Some(Value::from(text)),
        kind => kind.parse(text),
    }
}
