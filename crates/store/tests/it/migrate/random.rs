//! Migrating any picture with any rows to any other: afterwards the database has the tables of the second,
//! and every value that nobody changed is still there; or it was refused and nothing changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use purlin_schema::load::Layers;
use purlin_schema::{Kind, Site};
use purlin_store::migrate::{
    Column, ColumnType, Consent, IdKind, IndexPart, Literal, MigrateError, MigrationPlan, Operation,
    Snapshot, Table, Wanted,
};
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use super::actual::{actual, contents, expected};
use super::support::{Folder, rows};

const TABLES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
const FIELDS: [&str; 5] = ["a", "b", "c", "d", "e"];
const KINDS: [Kind; 12] = [
    Kind::Bool,
    Kind::Int,
    Kind::Int,
    Kind::Float,
    Kind::Decimal(2),
    Kind::Decimal(4),
    Kind::Text,
    Kind::Text,
    Kind::Date,
    Kind::Datetime,
    Kind::Json,
    Kind::Uuid,
];

/// A column before it is known which tables there are.
#[derive(Clone, Debug)]
struct AnyColumn {
    kind: Kind,
    required: bool,
    to: Option<&'static str>,
    many: bool,
    is_choice: bool,
    was: Option<&'static str>,
    has_default: bool,
}

#[derive(Clone, Debug)]
struct AnyTable {
    uuid_ids: bool,
    was: Option<&'static str>,
    columns: Vec<Option<AnyColumn>>,
    keys: Vec<(bool, usize, usize, bool)>,
}

fn any_column() -> impl Strategy<Value = AnyColumn> {
    (
        select(&KINDS[..]),
        prop::bool::weighted(0.3),
        weighted(0.3, select(&TABLES[..])),
        prop::bool::weighted(0.4),
        prop::bool::weighted(0.3),
        weighted(0.3, select(&FIELDS[..])),
        prop::bool::weighted(0.7),
    )
        .prop_map(|(kind, required, to, many, is_choice, was, has_default)| AnyColumn {
            kind,
            required,
            to,
            many,
            is_choice,
            was,
            has_default,
        })
}

fn any_table() -> impl Strategy<Value = AnyTable> {
    (
        prop::bool::weighted(0.15),
        weighted(0.3, select(&TABLES[..])),
        vec(weighted(0.7, any_column()), FIELDS.len()),
        vec((prop::bool::weighted(0.3), 0..FIELDS.len(), 0..FIELDS.len(), any::<bool>()), 0..3),
    )
        .prop_map(|(uuid_ids, was, columns, keys)| AnyTable { uuid_ids, was, columns, keys })
}

pub(super) fn any_wanted() -> impl Strategy<Value = Wanted> {
    vec(weighted(0.7, any_table()), TABLES.len()).prop_map(|tables| resolve(&tables))
}

/// Refs lead to tables that are there, keys name columns that are there.
fn resolve(tables: &[Option<AnyTable>]) -> Wanted {
    let present: BTreeMap<&str, &AnyTable> =
        TABLES.into_iter().zip(tables).filter_map(|(name, table)| Some((name, table.as_ref()?))).collect();
    let id = |name: &str| if present[name].uuid_ids { IdKind::Uuid } else { IdKind::Int };
    let mut wanted = Wanted::default();
    for (name, any) in &present {
        let mut table = Table { id: id(name), ..Table::default() };
        // The loader refuses a former name that something has now.
        let was = any.was.filter(|was| !present.contains_key(was));
        wanted.tables_were.extend(was.map(|was| ((*name).to_owned(), was.to_owned())));
        let has_now =
            |field: &str| any.columns[FIELDS.iter().position(|name| *name == field).unwrap_or(0)].is_some();
        for (field, column) in FIELDS.into_iter().zip(&any.columns) {
            let Some(column) = column else { continue };
            let key = ((*name).to_owned(), field.to_owned());
            let was = column.was.filter(|was| !has_now(was));
            wanted.fields_were.extend(was.map(|was| (key.clone(), was.to_owned())));
            let to = column.to.filter(|to| present.contains_key(to));
            if let (Some(to), true) = (to, column.many) {
                table.links.insert(field.to_owned(), to.to_owned());
                continue;
            }
            let ty = to.map_or(ColumnType(column.kind), |to| id(to).column_type());
            let is_choice = column.is_choice && ty.0 == Kind::Text;
            let of = if is_choice { ["1", "true", "x"].map(str::to_owned).into() } else { BTreeSet::new() };
            if column.has_default && to.is_none() {
                wanted.defaults.extend(default(ty).map(|default| (key, default)));
            }
            let made = Column { ty, required: column.required, to: to.map(str::to_owned), of };
            table.fields.insert(field.to_owned(), made);
        }
        for (is_unique, first, second, descending) in &any.keys {
            let mut fields = vec![FIELDS[*first].to_owned(), FIELDS[*second].to_owned()];
            fields.dedup();
            for field in &fields {
                if table.fields.get(field).is_some_and(|column| column.ty.0 == Kind::Json) {
                    table.paths.insert(format!("{field}.{}", if *descending { "a" } else { "a.b" }));
                }
            }
            fields.retain(|field| table.fields.get(field).is_some_and(|column| column.ty.0 != Kind::Json));
            if fields.is_empty() {
                continue;
            }
            if *is_unique {
                table.uniques.insert(fields);
            } else {
                let part = |field| IndexPart { field, descending: *descending };
                table.indexes.insert(fields.into_iter().map(part).collect());
            }
        }
        wanted.snapshot.tables.insert((*name).to_owned(), table);
    }
    wanted
}

fn default(ty: ColumnType) -> Option<Literal> {
    Some(match ty.0 {
        Kind::Bool => Literal::Bool(true),
        Kind::Int => Literal::Int(1),
        Kind::Float => Literal::Float(0.5),
        Kind::Decimal(scale) => Literal::Text(format!("1.{:0<width$}", 25, width = usize::from(scale))),
        Kind::Text => Literal::Text("x".to_owned()),
        Kind::Date => Literal::Text("2026-01-31".to_owned()),
        _ => return None,
    })
}

/// Values of a column, such that conversions often succeed and sometimes do not.
pub(super) fn value(column: &Column, ids: &[Sql], seed: u8) -> Sql {
    let small = i64::from(seed % 7);
    if !column.required && seed.is_multiple_of(5) {
        return Sql::Null;
    }
    if column.to.is_some() {
        return if ids.is_empty() { Sql::Null } else { ids[usize::from(seed) % ids.len()].clone() };
    }
    match column.ty.0 {
        Kind::Bool => Sql::Integer(small % 2),
        Kind::Float => Sql::Real(f64::from(seed) / if seed.is_multiple_of(3) { 4.0 } else { 1.0 }),
        Kind::Text if !column.of.is_empty() => {
            Sql::Text(["1", "true", "x"][usize::from(seed) % 3].to_owned())
        }
        Kind::Text => Sql::Text(match seed % 9 {
            0 => "x".to_owned(),
            1 => "2026-02-28".to_owned(),
            _ => small.to_string(),
        }),
        Kind::Datetime => Sql::Integer((i64::from(seed) - 100) * 40_000_000_000),
        Kind::Json => Sql::Text(format!("[{small}]")),
        Kind::Uuid => Sql::Blob(vec![seed; 16]),
        _ => Sql::Integer(small + if seed.is_multiple_of(11) { -3 } else { 0 }),
    }
}

pub(super) fn ids(table: &Table, count: usize) -> Vec<Sql> {
    (1..=u8::try_from(count).expect("few rows"))
        .map(|number| match table.id {
            IdKind::Int => Sql::Integer(i64::from(number)),
            IdKind::Uuid => Sql::Blob(vec![number; 16]),
        })
        .collect()
}

/// Fills the tables; what unique keys or missing targets forbid is left out.
fn fill(database: &Connection, snapshot: &Snapshot, seeds: &[u8]) {
    database.execute_batch("PRAGMA foreign_keys = OFF; BEGIN").expect("no foreign keys");
    let mut seeds = seeds.iter().copied().cycle();
    let mut next = || seeds.next().expect("endless");
    for (name, table) in &snapshot.tables {
        let count = usize::from(next() % 6);
        for id in ids(table, count) {
            let mut columns = vec!["id", "created_at", "updated_at", "_version"];
            let mut values = vec![id.clone(), Sql::Integer(1), Sql::Integer(2), Sql::Integer(3)];
            for (field, column) in &table.fields {
                let targets = column.to.as_ref().map(|to| ids(&snapshot.tables[to], 5)).unwrap_or_default();
                columns.push(field);
                values.push(value(column, &targets, next()));
            }
            let places = vec!["?"; values.len()].join(", ");
            let sql = format!(
                "INSERT OR IGNORE INTO \"{name}\" (\"{}\") VALUES ({places})",
                columns.join("\", \"")
            );
            database.execute(&sql, rusqlite::params_from_iter(values)).expect("a row");
            for (field, to) in &table.links {
                let target = &ids(&snapshot.tables[to], 5)[usize::from(next() % 5)];
                let sql = format!("INSERT OR IGNORE INTO \"{name}__{field}\" VALUES (?, ?)");
                database.execute(&sql, [&id, target]).expect("a link");
            }
        }
    }
    prune(database, snapshot);
    database.execute_batch("COMMIT").expect("the rows");
}

/// Deletes rows that refer to nothing until there are none.
fn prune(database: &Connection, snapshot: &Snapshot) {
    loop {
        let mut gone = 0;
        for (name, table) in &snapshot.tables {
            let refs = table.fields.iter().filter_map(|(field, column)| Some((field, column.to.as_ref()?)));
            for (field, to) in refs {
                let sql = format!(
                    "DELETE FROM \"{name}\" WHERE \"{field}\" IS NOT NULL AND \"{field}\" NOT IN (SELECT id FROM \"{to}\")"
                );
                gone += database.execute(&sql, []).expect("a deletion");
            }
            for (field, to) in &table.links {
                let sql = format!(
                    "DELETE FROM \"{name}__{field}\" WHERE source NOT IN (SELECT id FROM \"{name}\") OR target NOT IN (SELECT id FROM \"{to}\")"
                );
                gone += database.execute(&sql, []).expect("a deletion");
            }
        }
        if gone == 0 {
            return;
        }
    }
}

/// Where a column or link table of the second picture comes from, by following the operations; `None` where
/// its values may have changed.
pub(super) fn origins(plan: &MigrationPlan) -> BTreeMap<(String, String), (String, String)> {
    let mut origins = BTreeMap::new();
    for (name, table) in &plan.from.tables {
        for field in
            ["id", "created_at", "_version"].into_iter().chain(table.fields.keys().map(String::as_str))
        {
            origins.insert((name.clone(), field.to_owned()), (name.clone(), field.to_owned()));
        }
        for field in table.links.keys() {
            origins.insert((name.clone(), field.clone()), (name.clone(), field.clone()));
        }
    }
    for operation in &plan.operations {
        match operation {
            Operation::DropTable { table } => origins.retain(|(name, _), _| name != table),
            Operation::RenameTable { from, to } => {
                let renamed = |name: String| if name == *from { to.clone() } else { name };
                origins = origins.into_iter().map(|((t, f), o)| ((renamed(t), f), o)).collect();
            }
            Operation::RenameField { table, from, to } => {
                if let Some(origin) = origins.remove(&(table.clone(), from.clone())) {
                    origins.insert((table.clone(), to.clone()), origin);
                }
            }
            Operation::DropField { table, field }
            | Operation::DropLink { table, field }
            | Operation::ChangeType { table, field, .. }
            | Operation::SetRequired { table, field, .. } => {
                origins.remove(&(table.clone(), field.clone()));
            }
            _ => {}
        }
    }
    origins
}

fn column_of(database: &Connection, snapshot: &Snapshot, table: &str, field: &str) -> Vec<Vec<Sql>> {
    if snapshot.tables[table].links.contains_key(field) {
        return rows(database, &format!("SELECT source, target FROM \"{table}__{field}\" ORDER BY 1, 2"));
    }
    rows(database, &format!("SELECT id, \"{field}\" FROM \"{table}\" ORDER BY id"))
}

/// The same as the loader gives it from models that say so, with `users` and Purlin's own beside it.
pub(super) fn as_loaded(root: &Path, any: &Wanted) -> Wanted {
    let models = root.join("models");
    let _ = fs::remove_dir_all(&models);
    fs::create_dir(&models).expect("a folder");
    for (name, table) in &any.snapshot.tables {
        fs::write(models.join(format!("{name}.toml")), model(any, name, table)).expect("written");
    }
    let (site, _) =
        Site::load(root, &Layers::default()).unwrap_or_else(|mistakes| panic!("{:#?}", mistakes.list));
    let mut loaded = Wanted::of(&site.models);
    for (name, table) in &any.snapshot.tables {
        let mut lone = loaded.snapshot.tables[name].clone();
        // Refs have indexes of which the pictures above say nothing.
        lone.indexes.retain(|index| table.indexes.contains(index));
        assert_eq!(lone, *table, "{name}");
    }
    for (key, default) in &any.defaults {
        assert_eq!(loaded.defaults.get(key), Some(default), "{key:?}");
    }
    assert_eq!(loaded.fields_were, any.fields_were);
    loaded.tables_were.clone_from(&any.tables_were);
    loaded
}

/// A model's file for a table.
fn model(any: &Wanted, name: &str, table: &Table) -> String {
    let mut text = "[model]\n".to_owned();
    if table.id == IdKind::Uuid {
        text.push_str("id = \"uuid\"\n");
    }
    if let Some(was) = any.tables_were.get(name) {
        text.push_str(&format!("was = \"{was}\"\n"));
    }
    text.push_str("[fields]\n");
    let was = |field: &str| {
        let was = any.fields_were.get(&(name.to_owned(), field.to_owned()));
        was.map(|was| format!(", was = \"{was}\"")).unwrap_or_default()
    };
    for (field, column) in &table.fields {
        let ty = match (&column.to, column.ty.0) {
            (Some(to), _) => format!("\"ref\", to = \"{to}\", inverse = \"{name}_by_{field}\""),
            (None, Kind::Decimal(scale)) => format!("\"decimal\", scale = {scale}"),
            (None, Kind::Text) if !column.of.is_empty() => {
                format!("\"choice\", of = {:?}", column.of.iter().collect::<Vec<_>>())
            }
            (None, _) => format!("\"{}\"", column.ty),
        };
        let default = any.defaults.get(&(name.to_owned(), field.clone()));
        let default = default.map(|default| format!(", default = {default}")).unwrap_or_default();
        let required = column.required;
        let paths =
            table.paths.iter().filter_map(|path| path.strip_prefix(field.as_str())?.strip_prefix('.'));
        let paths: Vec<&str> = paths.collect();
        let index = if paths.is_empty() { String::new() } else { format!(", index = {paths:?}") };
        text.push_str(&format!(
            "{field} = {{ type = {ty}, required = {required}{default}{index}{} }}\n",
            was(field)
        ));
    }
    for (field, to) in &table.links {
        let inverse = format!("{name}_by_{field}");
        text.push_str(&format!(
            "{field} = {{ type = \"refs\", to = \"{to}\", inverse = \"{inverse}\"{} }}\n",
            was(field)
        ));
    }
    for unique in &table.uniques {
        text.push_str(&format!("[[unique]]\nfields = {unique:?}\n"));
    }
    for index in &table.indexes {
        let fields: Vec<_> = index
            .iter()
            .map(|part| format!("{}{}", if part.descending { "-" } else { "" }, part.field))
            .collect();
        text.push_str(&format!("[[index]]\nfields = {fields:?}\n"));
    }
    text
}

/// Each makes database files, so there are fewer than elsewhere.
fn cases() -> u32 {
    ProptestConfig::default().cases.min(64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn migrating_a_to_b_gives_b_and_loses_nothing_unsaid(
        first in any_wanted(),
        second in any_wanted(),
        seeds in vec(any::<u8>(), 1..64),
    ) {
        let folder = Folder::new();
        let (first, second) = (as_loaded(folder.root(), &first), as_loaded(folder.root(), &second));
        let mut migrator = folder.migrator();
        migrator.write_new_for(&first, "first").expect("a file");
        migrator.apply(Consent::Refuse).expect("creating loses nothing");
        prop_assert_eq!(actual(&folder.database()), expected(&first.snapshot));
        fill(&folder.database(), &first.snapshot, &seeds);
        let before = contents(&folder.database());
        let old = folder.database();
        let old_values: BTreeMap<_, _> = {
            let plan = MigrationPlan::between(&first.snapshot, &second).expect("a way");
            let origins = origins(&plan);
            origins.into_iter().map(|(new, (t, f))| (new, column_of(&old, &first.snapshot, &t, &f))).collect()
        };
        drop(old);

        migrator.write_new_for(&second, "second").expect("a file");
        match migrator.apply(Consent::Grant) {
            Ok(_) => {
                let database = folder.database();
                prop_assert_eq!(actual(&database), expected(&second.snapshot));
                prop_assert!(rows(&database, "SELECT * FROM pragma_foreign_key_check").is_empty());
                prop_assert_eq!(rows(&database, "PRAGMA integrity_check"), vec![vec![Sql::Text("ok".into())]]);
                for ((table, field), values) in old_values {
                    let now = column_of(&database, &second.snapshot, &table, &field);
                    prop_assert_eq!(now, values, "{}.{}", table, field);
                }
                prop_assert!(migrator.is_behind_of(&second).expect("history").is_none());
            }
            Err(MigrateError::Refused { .. }) => {
                let database = folder.database();
                prop_assert_eq!(actual(&database), expected(&first.snapshot));
                prop_assert_eq!(contents(&database), before);
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
