//! Operations as steps of a server.
//!
//! Most of an operation follows from comparing what the two pictures mean as tables: references, indexes and
//! tables that go and come. Where a table is large, what would keep others waiting is put off until after the
//! transaction and done beside them: an index concurrently, a foreign key or a required field in two halves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::schema::{ColumnShape, IndexShape, Reference, Schema, TableShape, path_index_name};
use super::words::{Fact, Lock, Said, Words};
use crate::migrate::operation::Operation;
use crate::migrate::snapshot::{ColumnType, IdKind, Snapshot, leads, link_name, steps_of};
use crate::names::fitting;

/// One thing to do; it is kept as data where it is done after the transaction that recorded it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Which operation it belongs to, from 1.
    pub(crate) operation: usize,
    /// The operation, as a plan shows it.
    pub(crate) text: String,
    /// The table whose users may have to wait.
    pub(crate) table: String,
    pub(crate) action: Action,
    /// Whether it is done after the transaction, while others work.
    pub(crate) beside: bool,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// Statements of one transaction.
    Run { sql: Vec<String>, lock: Lock, holds: Option<Fact> },
    /// Gives a literal to rows that have null, some rows at a time.
    Fill { column: String, value: String, id: IdKind },
    /// Converts a column by way of [`convert`](super::convert); into another column where the database has no way
    /// to do so in place.
    Convert { column: String, into: Option<String>, from: ColumnType, to: ColumnType, id: IdKind },
    /// Takes a free field into a column.
    TakeFree { column: String, key: String, ty: ColumnType, id: IdKind },
    /// Gives a column to the free fields.
    GiveFree { column: String, key: String, ty: ColumnType, id: IdKind },
    /// Makes an index while others write; one that a death left half made is dropped first.
    Index { name: String, sql: String },
}

/// What is known of a table before a migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
}

/// Turns operations into steps. `sizes` are those of the tables that are there, `large` is from how many bytes on a
/// table counts as large.
///
/// # Errors
/// Where an operation does not fit.
pub(crate) fn steps(
    words: &dyn Words,
    from: &Snapshot,
    operations: &[Operation],
    sizes: &BTreeMap<String, Size>,
    large: u64,
) -> Result<(Vec<Step>, Snapshot), String> {
    let mut before = from.clone();
    let mut sizes = sizes.clone();
    let mut list = Vec::new();
    for (position, operation) in operations.iter().enumerate() {
        let mut after = before.clone();
        operation.replay(&mut after)?;
        let mut maker = Maker {
            words,
            operation: (position + 1, operation.to_string()),
            rest: &operations[position + 1..],
            sizes: &sizes,
            large,
            old: Schema::of(&before, words),
            new: Schema::of(&after, words),
            before: &before,
            list: Vec::new(),
        };
        maker.operation(operation)?;
        list.append(&mut maker.list);
        if let Operation::RenameTable { from, to } = operation
            && let Some(size) = sizes.remove(from)
        {
            sizes.insert(to.clone(), size);
        }
        before = after;
    }
    Ok((list, before))
}

struct Maker<'work> {
    words: &'work dyn Words,
    operation: (usize, String),
    rest: &'work [Operation],
    sizes: &'work BTreeMap<String, Size>,
    large: u64,
    old: Schema,
    new: Schema,
    before: &'work Snapshot,
    list: Vec<Step>,
}

impl Maker<'_> {
    fn operation(&mut self, operation: &Operation) -> Result<(), String> {
        match operation {
            Operation::RenameTable { from, to } => {
                let mut renamed = vec![(from.clone(), to.clone())];
                let links = self.before.tables[from].links.keys();
                renamed.extend(links.map(|field| (link_name(from, field), link_name(to, field))));
                self.rename_tables(&renamed);
            }
            Operation::RenameField { table, from, to } => {
                if self.before.tables[table].links.contains_key(from) {
                    self.rename_tables(&[(link_name(table, from), link_name(table, to))]);
                } else {
                    self.rename_field(table, from, to);
                }
            }
            Operation::TakeFree { table, field, key } | Operation::GiveFree { table, field, key } => {
                let (ty, id) = (self.before.tables[table].fields[field].ty, self.before.tables[table].id);
                let (column, key) = (field.clone(), key.clone());
                let takes = matches!(operation, Operation::TakeFree { .. });
                let action = match takes {
                    true => Action::TakeFree { column, key, ty, id },
                    false => Action::GiveFree { column, key, ty, id },
                };
                self.push(table, action, false);
            }
            Operation::ChangeType { table, field, from, to } => self.change_type(table, field, *from, *to),
            Operation::SetRequired { table, field, default } => {
                let ty = self.before.tables[table].fields[field].ty;
                let fill = match default {
                    Some(default) => Some(Action::Fill {
                        column: field.clone(),
                        value: self.words.literal(&default.value(ty)?),
                        id: self.before.tables[table].id,
                    }),
                    None => None,
                };
                self.set_required(table, field, fill);
                self.change(None)?;
            }
            Operation::AddField { column, default, .. } => {
                let default = default.as_ref().map(|default| default.value(column.ty)).transpose()?;
                self.change(default.map(|value| self.words.literal(&value)).as_deref())?;
            }
            _ => self.change(None)?,
        }
        Ok(())
    }

    fn push(&mut self, table: &str, action: Action, beside: bool) {
        let (operation, text) = self.operation.clone();
        self.list.push(Step { operation, text, table: table.to_owned(), action, beside });
    }

    fn run(&mut self, table: &str, said: Vec<Said>, holds: Option<Fact>) {
        if !self.words.is_transactional() && said.len() > 1 {
            // Each is done by itself; what follows the first can be done again.
            let mut holds = holds;
            return said.into_iter().for_each(|said| self.run(table, vec![said], holds.take()));
        }
        if said.is_empty() {
            return;
        }
        let lock = said.iter().map(|(_, lock)| *lock).max_by_key(|lock| *lock as u8).unwrap_or(Lock::Nobody);
        let sql = said.into_iter().map(|(sql, _)| sql).collect();
        self.push(table, Action::Run { sql, lock, holds }, false);
    }

    /// Whether a table is so large that nobody should be kept waiting for what looks at all of it. What a later
    /// operation gives another name is not put off, for the name would be wrong by then.
    fn is_large(&self, table: &str) -> bool {
        let is_renamed = self.rest.iter().any(|operation| match operation {
            Operation::RenameTable { from, .. } => from == table,
            Operation::DropTable { table: dropped } => dropped == table,
            Operation::RenameField { table: changed, .. }
            | Operation::DropField { table: changed, .. }
            | Operation::DropUnique { table: changed, .. }
            | Operation::DropIndex { table: changed, .. }
            | Operation::DropPathIndex { table: changed, .. }
            | Operation::ChangeType { table: changed, .. } => changed == table,
            _ => false,
        });
        !is_renamed && self.sizes.get(table).is_some_and(|size| size.bytes >= self.large)
    }

    fn rename_tables(&mut self, renamed: &[(String, String)]) {
        for (from, to) in renamed {
            let said = self.words.rename_table(from, to);
            self.run(from, vec![said], Some(Fact::Table(to.clone())));
        }
        for (from, to) in renamed {
            self.rename_keys(from, to, None);
        }
    }

    /// What the server computes of a column goes before it gets another name, and comes back after it: MySQL renames no
    /// column of which another is made.
    fn rename_field(&mut self, table: &str, from: &str, to: &str) {
        let words = self.words;
        let paths = self.before.tables[table].paths.iter().filter(|path| leads(path) == from);
        let paths: Vec<_> = paths.map(|path| (path, steps_of(path))).collect();
        let computed: Vec<_> =
            paths.into_iter().filter(|(_, steps)| !words.path_columns(from, steps).is_empty()).collect();
        for (path, steps) in &computed {
            self.drop_index(table, &path_index_name(words, table, path));
            for (column, _) in words.path_columns(from, steps) {
                self.drop_column(table, &column);
            }
        }
        let said = words.rename_column(table, from, to);
        self.run(table, vec![said], Some(Fact::Column(table.to_owned(), to.to_owned())));
        self.rename_keys(table, table, Some((from, to)));
        for (path, steps) in &computed {
            for (column, shape) in words.path_columns(to, steps) {
                self.add_column(table, &column, &shape, None);
            }
            let path = path.replacen(from, to, 1);
            self.create_index(table, &path_index_name(words, table, &path), &words.path_index(to, steps));
        }
    }

    /// Gives indexes and references the names that a new name of the table, or of a column, asks for.
    fn rename_keys(&mut self, from: &str, to: &str, column: Option<(&str, &str)>) {
        let (Some(old), Some(new)) = (self.old.tables.get(from).cloned(), self.new.tables.get(to).cloned())
        else {
            return;
        };
        let renamed = |name: &str| match column {
            Some((from, to)) if name == from => to.to_owned(),
            _ => name.to_owned(),
        };
        for (old_name, index) in &old.indexes {
            let columns: Vec<_> = index.columns.iter().map(|column| renamed(column)).collect();
            let order = |index: &IndexShape| -> Vec<String> {
                let pairs = index.columns.iter().zip(&index.parts);
                pairs.map(|(column, part)| part.replacen(&self.words.quote(column), "", 1)).collect()
            };
            // An expression names the column as what a function takes first.
            let as_taken = |name: &str| format!("({},", self.words.quote(name));
            let expressions = || -> Vec<String> {
                let renamed = |part: &String| match column {
                    Some((from, to)) => part.replace(&as_taken(from), &as_taken(to)),
                    None => part.clone(),
                };
                index.parts.iter().map(renamed).collect()
            };
            let like = |(_, other): &(&String, &IndexShape)| match index.is_of_expressions() {
                true => other.parts == expressions(),
                false => {
                    other.unique == index.unique && other.columns == columns && order(other) == order(index)
                }
            };
            let Some((new_name, _)) = new.indexes.iter().find(like) else { continue };
            if new_name != old_name {
                let said = self.words.rename_index(to, old_name, new_name);
                self.run(to, vec![said], Some(Fact::Index(to.to_owned(), new_name.clone())));
            }
        }
        for (old_name, reference) in &old.references {
            let column = renamed(&reference.column);
            let like = |(_, other): &(&String, &Reference)| other.column == column;
            let Some((new_name, other)) = new.references.iter().find(like) else { continue };
            if new_name != old_name {
                let said = self.words.rename_reference(to, old_name, new_name, other);
                self.run(to, vec![said], Some(Fact::Reference(to.to_owned(), new_name.clone())));
            }
        }
    }

    /// What follows from comparing the two pictures; rows that are there get `default` in a column that comes.
    fn change(&mut self, default: Option<&str>) -> Result<(), String> {
        let (old, new) = (self.old.clone(), self.new.clone());
        for (name, table) in &old.tables {
            let kept = new.tables.get(name).map(|table| &table.references);
            for (reference, shape) in &table.references {
                let target_goes = !new.tables.contains_key(&shape.to);
                if kept.map_or(target_goes, |kept| kept.get(reference) != Some(shape)) {
                    let said = self.words.drop_reference(name, reference);
                    self.run(name, vec![said], Some(Fact::NoReference(name.clone(), reference.clone())));
                }
            }
        }
        // Link tables first: they refer to the others.
        let gone = old.tables.iter().filter(|(name, _)| !new.tables.contains_key(*name));
        let (links, others): (Vec<_>, Vec<_>) = gone.partition(|(_, table)| table.key.len() > 1);
        for (name, _) in links.into_iter().chain(others) {
            let said = self.words.drop_table(name);
            self.run(name, vec![said], Some(Fact::NoTable(name.clone())));
        }
        for (name, table) in new.tables.iter().filter(|(name, _)| !old.tables.contains_key(*name)) {
            let said = self.words.create_table(name, table);
            self.run(name, vec![said], Some(Fact::Table(name.clone())));
        }
        let empty = TableShape::default();
        for (name, table) in &new.tables {
            let before = old.tables.get(name).unwrap_or(&empty);
            self.change_table(name, before, table, default);
        }
        for (name, table) in &new.tables {
            let before = old.tables.get(name).unwrap_or(&empty);
            for (reference, shape) in &table.references {
                if before.references.get(reference) != Some(shape) {
                    self.add_reference(name, reference, shape);
                }
            }
        }
        Ok(())
    }

    /// Columns and indexes of one table. An index goes after those that come, for a reference may live on it.
    fn change_table(&mut self, name: &str, before: &TableShape, after: &TableShape, default: Option<&str>) {
        let is_new = before.columns.is_empty();
        for (field, shape) in &after.columns {
            match before.columns.get(field) {
                None if !is_new => self.add_column(name, field, shape, default),
                Some(old) if !widens(old, shape) => self.alter(name, field, old, shape),
                _ => {}
            }
        }
        let changed =
            |index: &String, shape: &IndexShape| before.indexes.get(index).is_some_and(|old| old != shape);
        for (index, _) in after.indexes.iter().filter(|(index, shape)| changed(index, shape)) {
            self.drop_index(name, index);
        }
        for (index, shape) in &after.indexes {
            if before.indexes.get(index) != Some(shape) {
                self.create_index(name, index, shape);
            }
        }
        for index in before.indexes.keys().filter(|index| !after.indexes.contains_key(*index)) {
            self.drop_index(name, index);
        }
        // A longer text would not fit into a key that is still there.
        for (field, shape) in &after.columns {
            if let Some(old) = before.columns.get(field).filter(|old| widens(old, shape)) {
                self.alter(name, field, old, shape);
            }
        }
        for field in before.columns.keys().filter(|field| !after.columns.contains_key(*field)) {
            self.drop_column(name, field);
        }
    }

    fn add_column(&mut self, table: &str, name: &str, shape: &ColumnShape, default: Option<&str>) {
        let said = self.words.add_column(table, name, shape, default);
        self.run(table, said, Some(Fact::Column(table.to_owned(), name.to_owned())));
    }

    fn drop_column(&mut self, table: &str, name: &str) {
        let said = self.words.drop_column(table, name);
        self.run(table, vec![said], Some(Fact::NoColumn(table.to_owned(), name.to_owned())));
    }

    /// Required ones are done by [`set_required`](Maker::set_required).
    fn alter(&mut self, table: &str, field: &str, old: &ColumnShape, new: &ColumnShape) {
        let old = ColumnShape { required: old.required || new.required, ..old.clone() };
        if old != *new {
            let said = self.words.alter_column(table, field, new, &old);
            self.run(table, said, None);
        }
    }

    fn create_index(&mut self, table: &str, name: &str, shape: &IndexShape) {
        if self.is_large(table)
            && let Some((sql, _)) = self.words.create_index_beside(table, name, shape)
        {
            return self.push(table, Action::Index { name: name.to_owned(), sql }, true);
        }
        let said = self.words.create_index(table, name, shape);
        self.run(table, vec![said], Some(Fact::Index(table.to_owned(), name.to_owned())));
    }

    fn drop_index(&mut self, table: &str, name: &str) {
        let said = self.words.drop_index(table, name);
        self.run(table, vec![said], Some(Fact::NoIndex(table.to_owned(), name.to_owned())));
    }

    fn add_reference(&mut self, table: &str, name: &str, reference: &Reference) {
        let fact = Fact::Reference(table.to_owned(), name.to_owned());
        if self.is_large(table)
            && let Some((now, later)) = self.words.add_reference_beside(table, name, reference)
        {
            self.run(table, vec![now], Some(fact));
            return self.beside(table, vec![later]);
        }
        let said = self.words.add_reference(table, name, reference);
        self.run(table, vec![said], Some(fact));
    }

    fn beside(&mut self, table: &str, said: Vec<Said>) {
        self.run(table, said, None);
        if let Some(last) = self.list.last_mut() {
            last.beside = true;
        }
    }

    fn set_required(&mut self, table: &str, field: &str, fill: Option<Action>) {
        if self.is_large(table)
            && let Some((now, later)) = self.words.require_beside(table, field)
        {
            self.run(table, vec![now], None);
            if let Some(fill) = fill {
                self.push(table, fill, true);
            }
            return self.beside(table, later);
        }
        if let Some(fill) = fill {
            self.push(table, fill, false);
        }
        let (old, new) = (&self.old.tables[table].columns[field], &self.new.tables[table].columns[field]);
        let said = self.words.alter_column(table, field, new, old);
        self.run(table, said, None);
    }

    fn change_type(&mut self, table: &str, field: &str, from: ColumnType, to: ColumnType) {
        if let Some(said) = self.words.convert_column(table, field, from, to) {
            return self.run(table, vec![said], None);
        }
        let id = self.before.tables[table].id;
        let column = field.to_owned();
        if self.words.is_transactional() {
            return self.push(table, Action::Convert { column, into: None, from, to, id }, false);
        }
        let into = fitting(&format!("_purlin_new_{field}"), self.words.name_limit());
        let new = self.new.tables[table].clone();
        let with = |index: &&String| new.indexes[*index].columns.iter().any(|column| column == field);
        let indexes: Vec<_> = new.indexes.keys().filter(with).cloned().collect();
        for index in &indexes {
            self.drop_index(table, index);
        }
        let shape = ColumnShape { required: false, ..new.columns[field].clone() };
        self.add_column(table, &into, &shape, None);
        self.push(table, Action::Convert { column, into: Some(into.clone()), from, to, id }, false);
        if new.columns[field].required {
            let said = self.words.alter_column(table, field, &new.columns[field], &shape);
            self.run(table, said, None);
        }
        // Another text of the same keys may have another length now.
        let old = self.old.tables[table].clone();
        for (other, shape) in new.columns.iter().filter(|(other, _)| *other != field) {
            if let Some(before) = old.columns.get(other) {
                self.alter(table, other, before, shape);
            }
        }
        for index in indexes {
            self.create_index(table, &index, &new.indexes[&index]);
        }
    }
}

/// Whether a text may be longer than before.
fn widens(old: &ColumnShape, new: &ColumnShape) -> bool {
    let length = |shape: &ColumnShape| -> Option<usize> {
        let (length, _) = shape.ty.strip_prefix("varchar(")?.split_once(')')?;
        length.parse().ok()
    };
    match (length(old), length(new)) {
        (Some(old), Some(new)) => new > old,
        (Some(_), None) => true,
        _ => false,
    }
}
