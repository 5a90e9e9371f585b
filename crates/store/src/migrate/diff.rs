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
use super::free;
use super::literal::Literal;
use super::operation::{Operation, conversion};
use super::snapshot::{Column, Snapshot, Table, Wanted, leads};
use purlin_schema::Kind;
use purlin_schema::free::COLUMN;

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
        let mut differ =
            Differ { now: from.clone(), wanted, had_place: BTreeSet::new(), operations: Vec::new() };
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
        (0..self.operations.len()).any(|at| self.loses(at))
    }

    /// Whether anything is lost by one of the operations: what was given to the free fields before is not.
    fn loses(&self, at: usize) -> bool {
        let is_kept = |table: &str, field: &str| {
            let given = |operation: &Operation| matches!(operation, Operation::GiveFree { table: of, field: name, .. } if of == table && name == field);
            self.operations[..at].iter().any(given)
        };
        match &self.operations[at] {
            Operation::DropField { table, field } if is_kept(table, field) => false,
            operation => operation.is_destructive(),
        }
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
        for (at, operation) in self.operations.iter().enumerate() {
            match operation {
                Operation::DropField { table, field } if !self.loses(at) => write!(f, "- {table}.{field}")?,
                operation => write!(f, "{operation}")?,
            }
            if self.loses(at) {
                f.write_str("   ! loses data")?;
            }
            f.write_str("\n")?;
            if let (true, Some(hint)) = (self.loses(at), how_to_keep(operation, &before)) {
                writeln!(f, "    hint: {hint}")?;
            }
            if let Some(hint) = operation.hint().filter(|_| !operation.only_adds_choices(&before)) {
                writeln!(f, "    hint: {hint}")?;
            }
            // Showing is no place to judge: one that does not fit is refused where it is performed.
            let _ = operation.replay(&mut before);
        }
        Ok(())
    }
}

/// What keeps what an operation would lose.
fn how_to_keep(operation: &Operation, before: &Snapshot) -> Option<String> {
    let Operation::DropField { table, field } = operation else { return None };
    if field == COLUMN {
        return Some("what is not declared goes; declare first what is to stay".to_owned());
    }
    let has_place = before.tables.get(table).is_some_and(free::has_place);
    has_place.then(|| format!("`freed = [\"{field}\"]` under `[model]` keeps them as free fields"))
}

/// The way, as far as it is known: every operation that is added is performed on `now`.
struct Differ<'wanted> {
    now: Snapshot,
    wanted: &'wanted Wanted,
    /// Tables that have free fields already.
    had_place: BTreeSet<String>,
    operations: Vec<Operation>,
}

impl Differ<'_> {
    fn run(&mut self) -> Result<(), String> {
        self.rename()?;
        let had_place = self.now.tables.iter().filter(|(_, table)| free::has_place(table));
        self.had_place = had_place.map(|(name, _)| name.clone()).collect();
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
            let comes = table.fields.get(COLUMN).filter(|_| free::has_place(table) && !free::has_place(&now));
            if let Some(column) = comes {
                let (table, field) = (name.clone(), COLUMN.to_owned());
                let default = wanted.defaults.get(&(table.clone(), field.clone())).cloned();
                self.add(Operation::AddField { table, field, column: column.clone(), default })?;
            }
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
            // What is declared now is taken out of the free fields before these go.
            for (field, column) in now.fields.iter().filter(|(field, _)| *field != COLUMN) {
                let stays = table.fields.get(field).filter(|_| !going.contains(field));
                if let Some(new) = stays {
                    if column.to.is_some() && new.to.is_none() {
                        self.add(Operation::DropTarget { table: name.clone(), field: field.clone() })?;
                    }
                } else {
                    if free::has_place(table) && wanted.freed.contains(&(name.clone(), field.clone())) {
                        let (table, field, key) = (name.clone(), field.clone(), field.clone());
                        self.add(Operation::GiveFree { table, field, key })?;
                    }
                    self.add(Operation::DropField { table: name.clone(), field: field.clone() })?;
                }
            }
        }
        Ok(())
    }

    /// Changes the fields that stay and adds those that come.
    fn change_fields(&mut self, name: &str, table: &Table) -> Result<(), String> {
        let now = self.now.tables[name].clone();
        // What was there before the free fields came has none.
        let takes = free::has_place(&now) && self.had_place.contains(name);
        for (field, new) in table.fields.iter().filter(|(field, _)| *field != COLUMN) {
            let (table, field) = (name.to_owned(), field.clone());
            let default = self.wanted.defaults.get(&(table.clone(), field.clone())).cloned();
            let old = match now.fields.get(&field) {
                Some(old) => old.clone(),
                None if takes => self.take(&table, &field, new, default.as_ref())?,
                None => {
                    self.add(Operation::AddField { table, field, column: new.clone(), default })?;
                    continue;
                }
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
        if now.fields.contains_key(COLUMN) && !free::has_place(table) {
            self.add(Operation::DropField { table: name.to_owned(), field: COLUMN.to_owned() })?;
        }
        for (field, to) in &table.links {
            if !now.links.contains_key(field) {
                let (table, field) = (name.to_owned(), field.clone());
                self.add(Operation::AddLink { table, field, to: to.clone() })?;
            }
        }
        Ok(())
    }

    /// Adds a column and moves into it what stands under its name, or under the one it had, among the free fields; gives
    /// the column as it is then. Whatever it asks of its values is asked afterwards.
    fn take(
        &mut self,
        table: &str,
        field: &str,
        new: &Column,
        default: Option<&Literal>,
    ) -> Result<Column, String> {
        let column = Column { required: false, of: BTreeSet::new(), to: None, ty: new.ty };
        // A required one gives its default to those that have none by then.
        let default = default.filter(|_| !new.required).cloned();
        let was = self.wanted.fields_were.get(&(table.to_owned(), field.to_owned())).cloned();
        let (table, field) = (table.to_owned(), field.to_owned());
        let key = was.unwrap_or_else(|| field.clone());
        let added = Operation::AddField {
            table: table.clone(),
            field: field.clone(),
            column: column.clone(),
            default,
        };
        self.add(added)?;
        self.add(Operation::TakeFree { table, field, key })?;
        Ok(column)
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
