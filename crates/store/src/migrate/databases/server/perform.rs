//! Performing steps.

use std::collections::BTreeMap;

use purlin_schema::Value;
use purlin_schema::free::COLUMN;

use super::convert::convert;
use super::link::Pairs;
use super::steps::{Action, Step};
use super::words::{Fact, Words};
use super::{Server, StepError};
use crate::migrate::error::MigrateError;
use crate::migrate::snapshot::{ColumnType, IdKind};

impl Server {
    /// Performs a step inside the open transaction.
    pub(super) fn perform(&self, step: &Step) -> Result<(), StepError> {
        match &step.action {
            Action::Run { sql, .. } => sql.iter().try_for_each(|sql| self.link.run(sql))?,
            Action::Fill { column, value, .. } => {
                self.link.run(&fill(&*self.words, &step.table, column, value))?;
            }
            Action::Convert { column, into: None, from, to, id } => {
                self.convert_in_place(&step.table, column, *id, (*from, *to))?;
            }
            Action::Convert { column, into: Some(into), from, to, id } => {
                self.convert_into(&step.table, (column, into), *id, (*from, *to))?;
            }
            Action::TakeFree { column, key, ty, id } => {
                self.take_free(&step.table, column, key, (*ty, *id))?;
            }
            Action::GiveFree { column, key, ty, id } => {
                self.give_free(&step.table, column, key, (*ty, *id))?;
            }
            Action::Index { sql, .. } => self.link.run(sql)?,
        }
        Ok(())
    }

    /// Performs a step that may have been done already, or in part.
    pub(super) fn perform_apart(&self, step: &Step) -> Result<(), StepError> {
        match &step.action {
            Action::Run { holds: Some(fact), .. } if self.holds(fact)? => Ok(()),
            Action::Run { sql, .. } if sql.len() > 1 && self.words.is_transactional() => {
                self.link.run("BEGIN")?;
                let done = self.perform(step).and_then(|()| Ok(self.link.run("COMMIT")?));
                if done.is_err() {
                    drop(self.link.run("ROLLBACK"));
                }
                done
            }
            Action::Fill { column, value, id } => self.fill_in_batches(&step.table, column, value, *id),
            Action::Index { name, sql } => {
                let made = Fact::Index(step.table.clone(), name.clone());
                if self.holds(&made)? {
                    return Ok(());
                }
                // What a death left half made has the name already.
                let (drop_index, _) = self.words.drop_index(&step.table, name);
                self.link.run(&drop_index)?;
                self.link.run(sql).map_err(|failure| self.duplicate_or(failure, step))
            }
            _ => self.perform(step),
        }
    }

    fn duplicate_or(&self, failure: super::Failure, step: &Step) -> StepError {
        if failure.kind != super::FailureKind::Duplicate {
            return failure.into();
        }
        StepError::Told(MigrateError::Halfway {
            operation: step.text.clone(),
            problem: format!("records with equal values came in between ({})", failure.message),
        })
    }

    fn holds(&self, fact: &Fact) -> Result<bool, StepError> {
        Ok(!self.link.rows(&self.words.holds(fact))?.is_empty())
    }

    fn fill_in_batches(&self, table: &str, column: &str, value: &str, id: IdKind) -> Result<(), StepError> {
        let words = &*self.words;
        let ids = BTreeMap::new();
        self.each_batch(table, id, &ids, &mut |rows| {
            let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else { return Ok(()) };
            let literal = |text: &str| words.literal(&id.column_type().0.parse(text).unwrap_or(Value::Null));
            let sql = fill(words, table, column, value);
            let range = format!(" AND \"id\" BETWEEN {} AND {}", literal(first), literal(last));
            Ok(self.link.run(&(sql + &range))?)
        })
    }

    /// The values wait in a table of this session, from where the database takes them as it writes the column anew;
    /// so everything that is tied to the column stays tied to it.
    fn convert_in_place(
        &self,
        table: &str,
        column: &str,
        id: IdKind,
        (from, to): (ColumnType, ColumnType),
    ) -> Result<(), StepError> {
        let [lock, make, put, function, alter, clear] = in_place(&*self.words, table, column, id, to);
        self.link.run(&lock)?;
        self.link.run(&make)?;
        self.each_converted(table, column, id, (from, to), &mut |pairs| Ok(self.link.put(&put, pairs)?))?;
        [function, alter, clear].iter().try_for_each(|sql| self.link.run(sql))?;
        Ok(())
    }

    /// Nobody may write in between: what he wrote would be lost with the old column. Whoever dies in between has
    /// done nothing, for the new column takes the old one's place at the end and at once.
    fn convert_into(
        &self,
        table: &str,
        (column, into): (&str, &str),
        id: IdKind,
        (from, to): (ColumnType, ColumnType),
    ) -> Result<(), StepError> {
        if !self.holds(&Fact::Column(table.to_owned(), into.to_owned()))? {
            return Ok(());
        }
        let words = &*self.words;
        let put = words.put_value(table, into, id, to);
        let (lock, swap, unlock) = swap(words, table, column, into);
        self.link.run(&lock)?;
        let done = self
            .each_converted(table, column, id, (from, to), &mut |pairs| Ok(self.link.put(&put, pairs)?))
            .and_then(|()| Ok(self.link.run(&swap)?));
        let unlocked = self.link.run(&unlock);
        done.and(unlocked.map_err(Into::into))
    }

    fn each_converted(
        &self,
        table: &str,
        column: &str,
        id: IdKind,
        (from, to): (ColumnType, ColumnType),
        put: &mut dyn FnMut(Pairs) -> Result<(), StepError>,
    ) -> Result<(), StepError> {
        let columns = BTreeMap::from([(column.to_owned(), from)]);
        self.each_batch(table, id, &columns, &mut |rows| {
            let mut pairs = Vec::with_capacity(rows.len());
            for (id, mut row) in rows {
                let value = row.remove(column).unwrap_or(Value::Null);
                let Some(converted) = convert(&value, to) else {
                    let problem = format!("`{table}.{column}` of id {id} cannot become {to}");
                    return Err(StepError::Told(MigrateError::Halfway {
                        operation: format!("~ {table}.{column} from {from} to {to}"),
                        problem,
                    }));
                };
                if !converted.is_null() {
                    pairs.push((id, self.words.parameter(&converted)));
                }
            }
            put(pairs)
        })
    }
}

fn fill(words: &dyn Words, table: &str, column: &str, value: &str) -> String {
    let (table, column) = (words.quote(table), words.quote(column));
    format!("UPDATE {table} SET {column} = {value} WHERE {column} IS NULL")
}

/// The statements by which a column takes another's place.
fn swap(words: &dyn Words, table: &str, column: &str, into: &str) -> (String, String, String) {
    let (table, column, into) = (words.quote(table), words.quote(column), words.quote(into));
    (
        format!("LOCK TABLES {table} WRITE"),
        format!("ALTER TABLE {table} DROP COLUMN {column}, RENAME COLUMN {into} TO {column}"),
        "UNLOCK TABLES".to_owned(),
    )
}

/// The statements by which values that Purlin converted come into a column.
fn in_place(words: &dyn Words, table: &str, column: &str, id: IdKind, to: ColumnType) -> [String; 6] {
    let (id, ty) = (words.column_type(id.column_type(), None), words.column_type(to, None));
    let (table, column) = (words.quote(table), words.quote(column));
    // Where a type alone is meant there is no place for a collation.
    let bare = ty.split(" COLLATE").next().unwrap_or(&ty);
    [
        format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"),
        format!("CREATE TEMPORARY TABLE \"_purlin_values\" (id {id} PRIMARY KEY, value {ty}) ON COMMIT DROP"),
        format!(
            "INSERT INTO pg_temp.\"_purlin_values\" SELECT i::{id}, v::{bare} FROM unnest($1::text[], $2::text[]) AS p(i, v)"
        ),
        format!(
            "CREATE OR REPLACE FUNCTION pg_temp.\"_purlin_value\"({id}) RETURNS {bare} LANGUAGE sql STABLE AS \
             'SELECT value FROM pg_temp.\"_purlin_values\" WHERE id = $1'"
        ),
        format!(
            "ALTER TABLE {table} ALTER COLUMN {column} TYPE {ty} USING pg_temp.\"_purlin_value\"(\"id\")"
        ),
        format!("DROP FUNCTION pg_temp.\"_purlin_value\"({id}); DROP TABLE pg_temp.\"_purlin_values\""),
    ]
}

impl Step {
    /// The statements, for people to read.
    pub(crate) fn sql(&self, words: &dyn Words) -> String {
        let lines = match &self.action {
            Action::Run { sql, .. } => sql.clone(),
            Action::Fill { column, value, .. } => vec![fill(words, &self.table, column, value)],
            Action::Index { sql, .. } => vec![sql.clone()],
            Action::TakeFree { column, key, ty, .. } => {
                let document = COLUMN;
                return format!(
                    "-- Purlin reads {key:?} of \"{}\".\"{document}\", writes it as {ty} to \"{column}\" and takes it out there.\n",
                    self.table
                );
            }
            Action::GiveFree { column, key, .. } => {
                let document = COLUMN;
                return format!(
                    "-- Purlin reads \"{}\".\"{column}\" and writes it as {key:?} to \"{document}\".\n",
                    self.table
                );
            }
            Action::Convert { column, from, to, into, .. } => {
                let table = &self.table;
                let read = format!(
                    "-- Purlin reads \"{table}\".\"{column}\" and writes it as {to} instead of {from}.\n"
                );
                let Some(into) = into else { return read };
                let (lock, swap, unlock) = swap(words, table, column, into);
                return format!("{lock};\n{read}{swap};\n{unlock};\n");
            }
        };
        lines.iter().map(|line| format!("{line};\n")).collect()
    }
}
