//! An index on a path into JSON: from the model's file to the plan of the database.

use std::fs;

use purlin_schema::Site;
use purlin_schema::expr::{Expect, Scope, check};
use purlin_schema::load::Layers;
use purlin_schema::query::{Limit, Query, Select, SortKey};
use purlin_schema::settings::DatabaseSettings;
use purlin_schema::value::Value;
use purlin_schema::{Input, Inputs};
use purlin_store::Store;
use purlin_store::migrate::Wanted;
use purlin_store::testing::Known;

use super::place::{On, Place, everywhere};

const MODEL: &str = "[fields]\nname = { type = \"text\" }\n\
                     meta = { type = \"json\", index = [\"colour\", \"size.width\", \"meta\"] }\n\
                     [access]\nread = \"true\"\n";

fn loaded(place: &Place, model: &str) -> Site {
    fs::create_dir_all(place.root().join("models")).expect("a folder");
    fs::write(place.root().join("site.toml"), "").expect("a file");
    fs::write(place.root().join("models/things.toml"), model).expect("a file");
    Site::load(place.root(), &Layers::default())
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.draw(false)))
        .0
}

struct Nothing;

impl Inputs for Nothing {
    fn input(&self, _: &Input) -> Option<Value> {
        None
    }
}

/// Things with colours and widths, each its own, and some with neither.
fn crowd(place: &Place) {
    let columns = "(\"created_at\", \"updated_at\", \"_version\", \"meta\")";
    match place.on {
        On::Sqlite => place.run(&format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000) \
             INSERT INTO \"things\" {columns} SELECT 1, 1, 1, CASE WHEN n % 7 = 0 THEN '[]' ELSE \
             json_object('colour', 'c' || n, 'size', json_object('width', n)) END FROM n; ANALYZE"
        )),
        On::Postgres => place.run(&format!(
            "INSERT INTO \"things\" {columns} SELECT now(), now(), 1, CASE WHEN n % 7 = 0 THEN '[]' ELSE \
             jsonb_build_object('colour', 'c' || n, 'size', jsonb_build_object('width', n)) END \
             FROM generate_series(1, 2000) AS n; ANALYZE \"things\""
        )),
        On::MySql => place.run(&format!(
            "INSERT INTO \"things\" {columns} SELECT now(), now(), 1, CASE WHEN seq % 7 = 0 THEN '[]' ELSE \
             json_object('colour', concat('c', seq), 'size', json_object('width', seq)) END FROM seq_1_to_2000; ANALYZE TABLE \"things\""
        )),
    }
}

impl Place {
    /// How MariaDB goes about a statement: the way, the key and what it does besides, of each table.
    fn key_and_extra(&self, sql: &str) -> String {
        let cell = |row: &Vec<Option<String>>, at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let rows = self.rows(&format!("EXPLAIN {sql}"));
        let rows = rows.iter().map(|row| format!("{}|{}|{}", cell(row, 3), cell(row, 5), cell(row, 9)));
        rows.collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn a_path_with_an_index_is_found_and_sorted_by_it() {
    for on in everywhere() {
        let place = Place::new(on);
        let site = loaded(&place, MODEL);
        place.become_this(&Wanted::of(&site.models));
        assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}");
        crowd(&place);
        let model = site.models.named("things").expect("it is declared").id;
        let scope = Scope::of(&site.models).this(model);
        let expr = |text: &str| check(text, &scope, Expect::Anything).expect("an expression");
        let settings = DatabaseSettings::of(place.url.clone());
        let store = (on == On::Sqlite).then(|| Store::open(place.root(), &settings, site.models.clone()));
        let store = store.transpose().expect("a store");
        for (filter, sort, found) in [
            (Some("meta.colour == \"c700\" || meta.colour == \"c701\""), None, "701"),
            (Some("meta.size.width == 701"), None, "701"),
            (Some("meta.size.width == 701.0 && meta.colour >= \"c\""), None, "701"),
            (Some("meta.size.width > 1998"), None, "1999\n2000"),
            (Some("meta.colour > \"c998\""), Some(("meta.colour", false)), "999"),
            (Some("meta.colour in [\"c5\", \"c6\"]"), None, "5\n6"),
            (None, Some(("meta.size.width", true)), "2000\n1999\n1998\n1997"),
            (None, Some(("meta.colour", true)), "999\n998\n997\n996"),
        ] {
            let query = Query {
                filter: filter.map(expr),
                sort: sort
                    .iter()
                    .filter_map(|(path, descending)| SortKey::of(expr(path), *descending))
                    .collect(),
                select: Select::Fields(Vec::new()),
                limit: Limit::Page(20),
                ..Query::of(model)
            };
            let filled = |known: Known| {
                let sql = known.filled(&site.models, &query, &Nothing, &[], None).expect("SQL").remove(0);
                sql.replace("LIMIT 1000", "LIMIT 4").replace('`', "\"")
            };
            let (plan, rows) = match (on, &store) {
                (On::Sqlite, Some(store)) => {
                    let prepared = store.prepare(&query).expect("SQL");
                    (store.testing().explain(&prepared).expect("a plan"), None)
                }
                (On::Postgres, _) => {
                    let sql = filled(Known::Postgres);
                    (place.text(&format!("EXPLAIN {sql}")), Some(place.text(&sql)))
                }
                _ => {
                    let sql = filled(Known::MariaDb);
                    (place.key_and_extra(&sql), Some(place.text(&sql)))
                }
            };
            let by_hand = plan.contains("Seq Scan")
                || plan.contains("SCAN t0\n")
                || plan.ends_with("SCAN t0")
                || plan.contains("ALL|");
            let sorts = ["Sort", "TEMP B-TREE", "filesort"].iter().any(|sort| plan.contains(sort));
            let uses = plan.contains("things(meta.") && !by_hand && (sort.is_none() || !sorts);
            assert!(uses, "{on:?} {filter:?} {sort:?}:\n{plan}");
            if let Some(rows) = rows {
                // The id, and behind it what a cursor takes along.
                let ids: Vec<&str> = rows.lines().filter_map(|row| row.split('|').next()).collect();
                let rows = ids.join("\n");
                assert_eq!(rows, found, "{on:?} {filter:?} {sort:?}");
            }
        }
        // Under another name of the field and of the table, and then without.
        for model in [
            MODEL.replace("meta =", "data =").replace("\"json\",", "\"json\", was = \"meta\","),
            MODEL.replace("\"size.width\"", "\"size.height\""),
            MODEL.replace(", index = [\"colour\", \"size.width\", \"meta\"]", ""),
        ] {
            let site = loaded(&place, &model);
            place.become_this(&Wanted::of(&site.models));
            assert_eq!(place.drift(), Vec::<String>::new(), "{on:?} {model}");
        }
        fs::remove_file(place.root().join("models/things.toml")).expect("the model's file");
        fs::write(place.root().join("models/stuff.toml"), format!("[model]\nwas = \"things\"\n{MODEL}"))
            .expect("a file");
        let site = Site::load(place.root(), &Layers::default()).expect("a site").0;
        place.become_this(&Wanted::of(&site.models));
        assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}");
    }
}

#[test]
fn a_path_that_is_none_is_told() {
    let place = Place::new(On::Sqlite);
    loaded(&place, MODEL);
    for (wrong, told) in [
        ("index = [\"odd key\"]", "is no path of keys that are words"),
        ("index = [\"a..b\"]", "is no path of keys that are words"),
        ("index = [\"a'\"]", "is no path of keys that are words"),
        ("index = [\"a\", \"a\"]", "is named twice"),
        ("index = true", "cannot be `index`"),
    ] {
        let model = MODEL.replace("index = [\"colour\", \"size.width\", \"meta\"]", wrong);
        fs::write(place.root().join("models/things.toml"), model).expect("a file");
        let mistakes = Site::load(place.root(), &Layers::default()).map(|_| ()).expect_err(wrong).draw(false);
        assert!(mistakes.contains(told), "{wrong}: {mistakes}");
    }
}
