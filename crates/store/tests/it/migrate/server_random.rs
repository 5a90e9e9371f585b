//! The same property as in [`random`](super::random), on servers.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use purlin_schema::Kind;
use purlin_schema::value::{Decimal, format_date, format_datetime, format_decimal};
use purlin_store::migrate::{Column, Consent, MigrateError, MigrationPlan, Snapshot, Wanted};
use rusqlite::types::Value as Sql;

use super::place::{On, Place, Rows, servers};
use super::random::{any_wanted, as_loaded, ids, origins, value};

/// A value as a literal.
fn literal(on: On, kind: Kind, value: &Sql) -> String {
    let text = match (value, kind) {
        (Sql::Null, _) => return "NULL".to_owned(),
        (Sql::Integer(units), Kind::Decimal(scale)) => format_decimal(Decimal { units: *units, scale }),
        (Sql::Integer(days), Kind::Date) => format_date(i32::try_from(*days).expect("a small number")),
        (Sql::Integer(micros), Kind::Datetime) => {
            let text = format_datetime(*micros);
            if on == On::MySql { text.replace('T', " ").replace('Z', "") } else { text }
        }
        (Sql::Integer(number), _) => number.to_string(),
        (Sql::Real(number), _) => format!("{number:?}"),
        (Sql::Text(text), _) => text.clone(),
        (Sql::Blob(bytes), _) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            if on == On::MySql {
                return format!("x'{hex}'");
            }
            hex
        }
    };
    format!("'{text}'")
}

/// Fills the tables; what unique keys or missing targets forbid is left out.
fn fill(place: &Place, snapshot: &Snapshot, seeds: &[u8]) {
    let (on, checks) = match place.on {
        On::MySql => ("IGNORE ", ["SET foreign_key_checks = 0", "SET foreign_key_checks = 1"]),
        _ => ("", ["SET session_replication_role = replica", "SET session_replication_role = origin"]),
    };
    let or_not = if place.on == On::MySql { "" } else { " ON CONFLICT DO NOTHING" };
    let mut seeds = seeds.iter().copied().cycle();
    let mut next = || seeds.next().expect("endless");
    place.run(checks[0]);
    let times = ["created_at", "updated_at", "_version"];
    let instant = |micros| literal(place.on, Kind::Datetime, &Sql::Integer(micros));
    for (name, table) in &snapshot.tables {
        for id in ids(table, usize::from(next() % 6)) {
            let mut columns = vec!["id"];
            columns.extend(times);
            let id_kind = table.id.column_type().0;
            let mut values = vec![literal(place.on, id_kind, &id), instant(1), instant(2), "3".to_owned()];
            let mut lacks = false;
            for (field, column) in &table.fields {
                let targets = column.to.as_ref().map(|to| ids(&snapshot.tables[to], 5)).unwrap_or_default();
                let value = value(column, &targets, next());
                lacks |= column.required && value == Sql::Null;
                columns.push(field);
                values.push(literal(place.on, column.ty.0, &value));
            }
            let links: Vec<_> = table
                .links
                .iter()
                .map(|(field, to)| {
                    let target = &snapshot.tables[to];
                    let at = usize::from(next() % 5);
                    (field, literal(place.on, target.id.column_type().0, &ids(target, 5)[at]))
                })
                .collect();
            if lacks {
                continue;
            }
            let (names, own) = (columns.join("\", \""), values[0].clone());
            place.run(&format!(
                "INSERT {on}INTO \"{name}\" (\"{names}\") VALUES ({}){or_not}",
                values.join(", ")
            ));
            for (field, target) in links {
                place.run(&format!("INSERT {on}INTO \"{name}__{field}\" VALUES ({own}, {target}){or_not}"));
            }
        }
    }
    prune(place, snapshot);
    place.run(checks[1]);
}

/// Deletes rows that refer to nothing until there are none.
fn prune(place: &Place, snapshot: &Snapshot) {
    let mut lists: Vec<(String, String)> = Vec::new();
    for (name, table) in &snapshot.tables {
        let lacks = |column: &str, to: &str| {
            // MySQL reads no table that it deletes from, but for one in brackets.
            format!(
                "\"{column}\" IS NOT NULL AND \"{column}\" NOT IN (SELECT \"id\" FROM (SELECT \"id\" FROM \"{to}\") q)"
            )
        };
        let refs = table.fields.iter().filter_map(|(field, column)| Some((field, column.to.as_ref()?)));
        lists.extend(refs.map(|(field, to)| (name.clone(), lacks(field, to))));
        for (field, to) in &table.links {
            lists.push((format!("{name}__{field}"), lacks("source", name)));
            lists.push((format!("{name}__{field}"), lacks("target", to)));
        }
    }
    loop {
        let count = |(table, condition): &(String, String)| {
            place.text(&format!("SELECT count(*) FROM \"{table}\" WHERE {condition}"))
        };
        if lists.iter().all(|list| count(list) == "0") {
            return;
        }
        for (table, condition) in &lists {
            place.run(&format!("DELETE FROM \"{table}\" WHERE {condition}"));
        }
    }
}

fn column_of(place: &Place, snapshot: &Snapshot, table: &str, field: &str) -> Rows {
    let Column { ty, .. } = match snapshot.tables[table].fields.get(field) {
        Some(column) => column.clone(),
        None if snapshot.tables[table].links.contains_key(field) => {
            return place.rows(&format!("SELECT source, target FROM \"{table}__{field}\" ORDER BY 1, 2"));
        }
        None => Column { ty: "int".parse().expect("a type"), required: true, to: None, of: [].into() },
    };
    let _ = ty;
    place.rows(&format!("SELECT \"id\", \"{field}\" FROM \"{table}\" ORDER BY \"id\""))
}

/// Each makes a database with many tables, so there are fewer than elsewhere.
fn cases() -> u32 {
    ProptestConfig::default().cases.min(256) / 20
}

fn from_one_to_another(on: On, first: &Wanted, second: &Wanted, seeds: &[u8]) -> Result<(), TestCaseError> {
    let place = Place::new(on);
    let (first, second) = (as_loaded(place.root(), first), as_loaded(place.root(), second));
    let mut migrator = place.migrator();
    migrator.write_new_for(&first, "first").expect("a file");
    migrator.apply(Consent::Refuse).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(place.drift(), Vec::<String>::new());
    fill(&place, &first.snapshot, seeds);
    let before = place.contents(&first.snapshot);
    let plan = MigrationPlan::between(&first.snapshot, &second).expect("a way");
    let old: BTreeMap<_, _> = origins(&plan)
        .into_iter()
        .map(|(new, (table, field))| (new, column_of(&place, &first.snapshot, &table, &field)))
        .collect();
    migrator.write_new_for(&second, "second").expect("a file");
    match migrator.apply(Consent::Grant) {
        Ok(_) => {
            prop_assert_eq!(place.drift(), Vec::<String>::new());
            for ((table, field), values) in old {
                let now = column_of(&place, &second.snapshot, &table, &field);
                prop_assert_eq!(now, values, "{}.{}", table, field);
            }
            prop_assert!(migrator.is_behind_of(&second).expect("history").is_none());
        }
        Err(MigrateError::Refused { .. }) => {
            let status = migrator.status().expect("status");
            prop_assert_eq!((status.drift, status.unfinished), (Vec::new(), Vec::new()));
            prop_assert_eq!(place.contents(&first.snapshot), before);
        }
        Err(other) => return Err(TestCaseError::fail(other.to_string())),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 4, ..ProptestConfig::default() })]

    #[test]
    fn on_servers_too_a_to_b_gives_b_and_loses_nothing_unsaid(
        first in any_wanted(),
        second in any_wanted(),
        seeds in vec(any::<u8>(), 1..64),
    ) {
        for on in servers() {
            from_one_to_another(on, &first, &second, &seeds)?;
        }
    }
}
