//! Free fields on their way on a server: row by row, while nobody else writes.
//!
//! A step may be done again after a death: a free field that was taken is no longer there, and one that was given
//! is given once more.

use std::collections::BTreeMap;

use purlin_schema::Kind;
use purlin_schema::free::COLUMN;

use super::look::Row;
use super::{Server, StepError};
use crate::migrate::error::MigrateError;
use crate::migrate::free;
use crate::migrate::snapshot::{ColumnType, IdKind};

const DOCUMENT: ColumnType = ColumnType(Kind::Json);

impl Server {
    pub(super) fn take_free(
        &self,
        table: &str,
        column: &str,
        key: &str,
        (ty, id): (ColumnType, IdKind),
    ) -> Result<(), StepError> {
        let put = self.words.put_value(table, column, id, ty);
        self.each_document(table, &BTreeMap::new(), id, &mut |rows| {
            let (mut values, mut documents) = (Vec::new(), Vec::new());
            for (id, row) in rows {
                let document = &row[COLUMN];
                if let Some(found) = free::found(document, key) {
                    let Some(value) = free::taken(found, ty) else {
                        return Err(StepError::Told(MigrateError::Halfway {
                            operation: format!("~ {table}.{column} takes the free field `{key}`"),
                            problem: format!("that of id {id} is no {ty}"),
                        }));
                    };
                    values.push((id.clone(), self.words.parameter(&value)));
                }
                let left = free::without(document, key);
                if left != *document {
                    documents.push((id, self.words.parameter(&left)));
                }
            }
            // Whoever dies in between has the value twice, and takes it again.
            self.link.put(&put, values)?;
            Ok(documents)
        })
    }

    pub(super) fn give_free(
        &self,
        table: &str,
        column: &str,
        key: &str,
        (ty, id): (ColumnType, IdKind),
    ) -> Result<(), StepError> {
        let columns = BTreeMap::from([(column.to_owned(), ty)]);
        self.each_document(table, &columns, id, &mut |rows| {
            let given = rows.into_iter().filter(|(_, row)| !row[column].is_null()).map(|(id, row)| {
                let document = free::with(&row[COLUMN], key, &row[column]);
                (id, self.words.parameter(&document))
            });
            Ok(given.collect())
        })
    }

    /// Goes through the rows with their documents, and writes the documents that come of it. Nobody may write in between:
    /// what he wrote would be lost.
    fn each_document(
        &self,
        table: &str,
        columns: &BTreeMap<String, ColumnType>,
        id: IdKind,
        each: &mut dyn FnMut(Vec<Row>) -> Result<super::link::Pairs, StepError>,
    ) -> Result<(), StepError> {
        let mut columns = columns.clone();
        columns.insert(COLUMN.to_owned(), DOCUMENT);
        let put = self.words.put_value(table, COLUMN, id, DOCUMENT);
        let quoted = self.words.quote(table);
        let (lock, unlock) = match self.words.is_transactional() {
            true => (format!("LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE"), None),
            false => (format!("LOCK TABLES {quoted} WRITE"), Some("UNLOCK TABLES")),
        };
        self.link.run(&lock)?;
        let done = self.each_batch(table, id, &columns, &mut |rows| Ok(self.link.put(&put, each(rows)?)?));
        let unlocked = unlock.map_or(Ok(()), |unlock| self.link.run(unlock));
        done.and(unlocked.map_err(Into::into))
    }
}
