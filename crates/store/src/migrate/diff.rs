//! From one picture to another: which operations lead there.
//!
//! Names decide what is the same; `was` says that a new name stands for an old thing. A `was` may stay in a
//! model's file for ever: it speaks only while the new name is unknown and the old one is there.
//!
//! The order is such that every operation finds what it needs: renames, then what makes way (keys, fields,
//! tables), then what comes (tables, fields, links, keys).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::databases::Flavour;
use super::operation::{Operation, conversion};
use super::snapshot::{Column, Snapshot, Table, Wanted, leads};
use purlin_schema::Kind;

/// Operations from one picture to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MigrationPlan {
    /// The picture before.
    pub from: Snapshot,
    /// The operations, in order.
    pub operations: Vec<Operation>,
}

impl MigrationPlan {
    /// The operations that lead from a picture to the wanted one.
    ///
    /// # Errors
    /// Where the wanted picture cannot be made into tables.
    pub fn between(from: &Snapshot, wanted: &Wanted) -> Result<MigrationPlan, String> {
        if let Some(problem) = wanted.snapshot.problem() {
            return Err(problem);
        }
        let mut differ = Differ { now: from.clone(), wanted, operations: Vec::new() };
        differ.run()?;
        if differ.now != wanted.snapshot {
            return Err("the operations do not lead to the models; this is a mistake of Purlin's".to_owned());
        }
        Ok(MigrationPlan { from: from.clone(), operations: differ.operations })
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Whether anything in the database is lost by it.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.operations.iter().any(Operation::is_destructive)
    }

    /// The statements, for people to read; `purlin_…` are functions that Purlin brings.
    ///
    /// # Errors
    /// Where an operation does not fit.
    pub fn sql(&self, flavour: Flavour) -> Result<String, String> {
        flavour.sql(self)
    }
}

/// The plan as a terminal shows it, a line an operation; what loses data is marked, with hints below.
impl fmt::Display for MigrationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = self.from.clone();
        for operation in &self.operations {
            write!(f, "{operation}")?;
            if operation.is_destructive() {
                f.write_str("   ! loses data")?;
            }
            f.write_str("\n")?;
            if let Some(hint) = operation.hint().filter(|_| !operation.only_adds_choices(&before)) {
                writeln!(f, "    hint: {hint}")?;
            }
            // Showing is no place to judge: one that does not fit is refused where it is performed.
            let _ = operation.replay(&mut before);
        }
        Ok(())
    }
}

/// The way, as far as it is known: every operation that is added is performed on `now`.
struct Differ<'wanted> {
    now: Snapshot,
    wanted: &'wanted Wanted,
    operations: Vec<Operation>,
}

impl Differ<'_> {
    fn run(&mut self) -> Result<(), String> {
        self.rename()?;
        let renewed = self.tables_to_renew();
        self.clear_fields(&renewed)?;
        for name in names(&self.now.tables) {
            if renewed.contains(&name) || !self.wanted.snapshot.tables.contains_key(&name) {
                self.add(Operation::DropTable { table: name })?;
            }
        }
        let wanted = self.wanted;
        for (name, table) in &wanted.snapshot.tables {
            if !self.now.tables.contains_key(name) {
                self.add(Operation::create(name, table))?;
            }
        }
        for (name, table) in &wanted.snapshot.tables {
            self.change_fields(name, table)?;
        }
        for (name, table) in &wanted.snapshot.tables {
            self.add_keys(name, table)?;
        }
        Ok(())
    }

    fn add(&mut self, operation: Operation) -> Result<(), String> {
        operation.replay(&mut self.now)?;
        self.operations.push(operation);
        Ok(())
    }

    fn rename(&mut self) -> Result<(), String> {
        let wanted = self.wanted;
        let old = names(&self.now.tables).into_iter().collect();
        let new: Vec<_> = wanted.snapshot.tables.keys().collect();
        for (from, to) in renames(&old, &new, |name| wanted.tables_were.get(name)) {
            self.add(Operation::RenameTable { from, to })?;
        }
        for (name, table) in &wanted.snapshot.tables {
            let Some(now) = self.now.tables.get(name) else { continue };
            let old = now.fields.keys().chain(now.links.keys()).cloned().collect();
            let new: Vec<_> = table.fields.keys().chain(table.links.keys()).collect();
            let was = |to: &str| {
                let from = wanted.fields_were.get(&(name.clone(), to.to_owned()))?;
                // A column and a list of refs are too unlike to become each other.
                (now.fields.contains_key(from) == table.fields.contains_key(to)).then_some(from)
            };
            let found = renames(&old, &new, was);
            for (from, to) in found {
                self.add(Operation::RenameField { table: name.clone(), from, to })?;
            }
        }
        Ok(())
    }

    /// Tables whose ids become of another kind: nothing of them can stay.
    fn tables_to_renew(&self) -> BTreeSet<String> {
        let other_ids = |(name, table): &(&String, &Table)| {
            self.wanted.snapshot.tables.get(*name).is_some_and(|wanted| wanted.id != table.id)
        };
        self.now.tables.iter().filter(other_ids).map(|(name, _)| name.clone()).collect()
    }

    /// Drops the keys, fields and links that go, of the tables that stay.
    fn clear_fields(&mut self, renewed: &BTreeSet<String>) -> Result<(), String> {
        let wanted = self.wanted;
        for (name, table) in wanted.snapshot.tables.iter().filter(|(name, _)| !renewed.contains(*name)) {
            let Some(now) = self.now.tables.get(name).cloned() else { continue };
            let leaves = |field: &str| match (now.fields.get(field), table.fields.get(field)) {
                (Some(old), Some(new)) => is_replaced(old, new, renewed),
                (Some(_), None) => true,
                (None, _) => false,
            };
            let going: Vec<_> = now.fields.keys().filter(|field| leaves(field)).cloned().collect();
            for fields in &now.uniques {
                if !table.uniques.contains(fields) || fields.iter().any(|field| going.contains(field)) {
                    self.add(Operation::DropUnique { table: name.clone(), fields: fields.clone() })?;
                }
            }
            for fields in &now.indexes {
                if !table.indexes.contains(fields) || fields.iter().any(|part| going.contains(&part.field)) {
                    self.add(Operation::DropIndex { table: name.clone(), fields: fields.clone() })?;
                }
            }
            for path in &now.paths {
                let stays_json = table.fields.get(leads(path)).is_some_and(|new| new.ty.0 == Kind::Json);
                if !table.paths.contains(path)
                    || !stays_json
                    || going.iter().any(|field| field == leads(path))
                {
                    self.add(Operation::DropPathIndex { table: name.clone(), path: path.clone() })?;
                }
            }
            for (field, to) in &now.links {
                if table.links.get(field) != Some(to) || renewed.contains(to) {
                    self.add(Operation::DropLink { table: name.clone(), field: field.clone() })?;
                }
            }
            for (field, column) in &now.fields {
                let stays = table.fields.get(field).filter(|_| !going.contains(field));
                if let Some(new) = stays {
                    if column.to.is_some() && new.to.is_none() {
                        self.add(Operation::DropTarget { table: name.clone(), field: field.clone() })?;
                    }
                } else {
                    self.add(Operation::DropField { table: name.clone(), field: field.clone() })?;
                }
            }
        }
        Ok(())
    }

    /// Changes the fields that stay and adds those that come.
    fn change_fields(&mut self, name: &str, table: &Table) -> Result<(), String> {
        let now = self.now.tables[name].clone();
        for (field, new) in &table.fields {
            let (table, field) = (name.to_owned(), field.clone());
            let default = self.wanted.defaults.get(&(table.clone(), field.clone())).cloned();
            let Some(old) = now.fields.get(&field) else {
                self.add(Operation::AddField { table, field, column: new.clone(), default })?;
                continue;
            };
            if old.required && !new.required {
                self.add(Operation::DropRequired { table: table.clone(), field: field.clone() })?;
            }
            if old.of != new.of && new.of.is_empty() {
                let of = BTreeSet::new();
                self.add(Operation::SetChoices { table: table.clone(), field: field.clone(), of })?;
            }
            if old.ty != new.ty {
                let (from, to) = (old.ty, new.ty);
                self.add(Operation::ChangeType { table: table.clone(), field: field.clone(), from, to })?;
            }
            if new.required && !old.required {
                self.add(Operation::SetRequired { table: table.clone(), field: field.clone(), default })?;
            }
            if old.of != new.of && !new.of.is_empty() {
                let of = new.of.clone();
                self.add(Operation::SetChoices { table: table.clone(), field: field.clone(), of })?;
            }
            if let (None, Some(to)) = (&old.to, &new.to) {
                self.add(Operation::SetTarget { table, field, to: to.clone() })?;
            }
        }
        for (field, to) in &table.links {
            if !now.links.contains_key(field) {
                let (table, field) = (name.to_owned(), field.clone());
                self.add(Operation::AddLink { table, field, to: to.clone() })?;
            }
        }
        Ok(())
    }

    fn add_keys(&mut self, name: &str, table: &Table) -> Result<(), String> {
        let now = self.now.tables[name].clone();
        for fields in table.uniques.difference(&now.uniques) {
            self.add(Operation::AddUnique { table: name.to_owned(), fields: fields.clone() })?;
        }
        for fields in table.indexes.difference(&now.indexes) {
            self.add(Operation::AddIndex { table: name.to_owned(), fields: fields.clone() })?;
        }
        for path in table.paths.difference(&now.paths) {
            self.add(Operation::AddPathIndex { table: name.to_owned(), path: path.clone() })?;
        }
        Ok(())
    }
}

/// Whether what is in a column means nothing in its new form, so that it is dropped and another added: ids of
/// one table are no ids of another, and some types have no conversion.
fn is_replaced(old: &Column, new: &Column, renewed: &BTreeSet<String>) -> bool {
    let other_target = match (&old.to, &new.to) {
        (Some(old), Some(new)) => old != new || renewed.contains(new),
        _ => false,
    };
    other_target || conversion(old.ty, new.ty).is_none()
}

/// Pairs of an old and a new name, in an order in which each new name is free when its turn comes.
fn renames<'was>(
    old: &BTreeSet<String>,
    new: &[&String],
    was: impl Fn(&str) -> Option<&'was String>,
) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    loop {
        let consumed = |name: &str| found.iter().any(|(from, _)| from == name);
        let made = |name: &str| found.iter().any(|(_, to)| to == name);
        let next = new.iter().find_map(|to| {
            let from = was(to)?;
            let is_free = !old.contains(*to) || consumed(to);
            (is_free && !made(to) && old.contains(from) && !consumed(from))
                .then(|| (from.clone(), (*to).clone()))
        });
        match next {
            Some(pair) => found.push(pair),
            None => return found,
        }
    }
}

fn names<V>(map: &BTreeMap<String, V>) -> Vec<String> {
    map.keys().cloned().collect()
}
