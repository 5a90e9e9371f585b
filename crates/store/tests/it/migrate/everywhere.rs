//! What holds on every database alike: what becomes of values, what is refused and with which words, and that the
//! tables which there really are be those of the picture.

use purlin_store::migrate::{Consent, DevOutcome, Migrator, Wanted};

use super::place::{On, Place, everywhere, servers};
use super::support::wanted;

/// A table `items` with one column `x`, as the TOML of it says.
fn items(column: &str) -> Wanted {
    wanted(&format!("[items.fields]\nx = {{ {column} }}"))
}

/// A database with these values in `items.x`, read from texts; ids count from 1.
fn filled(on: On, ty: &str, values: &[Option<&str>]) -> Place {
    let place = Place::new(on);
    place.become_this(&items("type = \"text\""));
    values.iter().for_each(|value| place.insert("items", &[("x", *value)]));
    place.become_this(&items(&format!("type = \"{ty}\"")));
    place
}

type Case = (&'static str, &'static str, &'static str, &'static str);

/// Type, values as texts, another type, and the texts that it makes of them.
const CONVERSIONS: &[Case] = &[
    ("int", "12,-3,null", "text", "12,-3,null"),
    ("int", "12,-9007199254740992", "float", "12.0,-9007199254740992.0"),
    ("int", "0,1", "bool", "false,true"),
    ("int", "12,-1", "decimal(3)", "12.000,-1.000"),
    ("bool", "true,false,null", "int", "1,0,null"),
    ("float", "3.0,-2.0", "int", "3,-2"),
    ("float", "1.256,-0.1,0.125,-0.125", "decimal(2)", "1.26,-0.10,0.13,-0.13"),
    ("float", "0.1,1e300,-1.5e-7", "text", "0.1,1e300,-1.5e-7"),
    ("decimal(2)", "1.50,-0.05", "decimal(4)", "1.5000,-0.0500"),
    ("decimal(2)", "1.50,1.49,-1.50,-1.49,-0.50,0.49", "int", "2,1,-2,-1,-1,0"),
    ("decimal(3)", "1.255,-1.255,1.254", "decimal(2)", "1.26,-1.26,1.25"),
    ("decimal(2)", "1.50", "float", "1.5"),
    ("date", "1969-12-31", "datetime", "1969-12-31T00:00:00.000000Z"),
    ("datetime", "1970-01-01T23:59:59.999999Z,1969-12-31T23:59:59.999999Z", "date", "1970-01-01,1969-12-31"),
    ("datetime", "2026-01-31T10:00:00.000001Z", "text", "2026-01-31T10:00:00.000001Z"),
    ("duration", "1h30m,-1m", "text", "1h30m,-1m"),
    ("json", "[1]", "text", "[1]"),
    ("uuid", "00010203-0405-0607-0809-0a0b0c0d0e0f", "text", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
];

#[test]
fn conversions_mean_the_same() {
    for on in everywhere() {
        let place = Place::new(on);
        // A table a case, so that three migrations do them all.
        let all = |ty: &dyn Fn(&Case) -> String| {
            let table = |(at, case)| format!("[items{at}.fields]\nx = {{ type = \"{}\" }}\n", ty(case));
            wanted(&CONVERSIONS.iter().enumerate().map(table).collect::<String>())
        };
        place.become_this(&all(&|_| "text".to_owned()));
        for (at, (_, values, ..)) in CONVERSIONS.iter().enumerate() {
            for value in values.split(',') {
                place.insert(&format!("items{at}"), &[("x", (value != "null").then_some(value))]);
            }
        }
        place.become_this(&all(&|(from, ..)| (*from).to_owned()));
        assert_eq!(place.drift(), Vec::<String>::new());
        place.become_this(&all(&|(_, _, to, _)| (*to).to_owned()));
        assert_eq!(place.drift(), Vec::<String>::new());
        place.become_this(&all(&|_| "text".to_owned()));
        for (at, (from, _, to, expected)) in CONVERSIONS.iter().enumerate() {
            let found = place.text(&format!("SELECT \"x\" FROM \"items{at}\" ORDER BY \"id\""));
            assert_eq!(found, expected.replace(',', "\n"), "{on:?}: {from} to {to}");
        }
    }
}

#[test]
fn what_stands_in_the_way_is_said_alike_and_nothing_is_changed() {
    for on in everywhere() {
        for (from, values, to, message) in [
            (
                "text",
                "1,many,1.5,null,a,b",
                "type = \"int\"",
                "~ items.x from text to int\n  `items.x` cannot become int, in 4 cases: such as `many` (id 2), \
                 `1.5` (id 3), `a` (id 5)\n  hint: change these values first, or add a field of another name\n  \
                 nothing was changed",
            ),
            (
                "int",
                "9007199254740993",
                "type = \"float\"",
                "`items.x` cannot become float, in 1 case: `9007199254740993` (id 1)",
            ),
            ("float", "1.5", "type = \"int\"", "`items.x` cannot become int, in 1 case: `1.5` (id 1)"),
            ("int", "2,1", "type = \"bool\"", "`items.x` cannot become bool, in 1 case: `2` (id 1)"),
            (
                "text",
                "a,null,null",
                "type = \"text\", required = true",
                "`items.x` becomes required and has no value, in 2 cases: id 2, id 3\n  hint: fill them in first, \
                 or give `x` a default",
            ),
            (
                "text",
                "draft,gone",
                "type = \"text\", of = [\"draft\"]",
                "`items.x` is none of its choices, in 1 case: `gone` (id 2)",
            ),
            (
                "int",
                "1,9",
                "type = \"int\", to = \"items\"",
                "`items.x` is the id of no record of `items`, in 1 case: `9` (id 2)",
            ),
            (
                "text",
                "1,9",
                "type = \"int\", to = \"items\"",
                "`items.x` is the id of no record of `items`, in 1 case: `9` (id 2)",
            ),
        ] {
            let values: Vec<_> = values.split(',').map(|value| (value != "null").then_some(value)).collect();
            let place = filled(on, from, &values);
            let before = items(&format!("type = \"{from}\""));
            let contents = place.contents(&before.snapshot);
            let refused = place.migrator().dev_to(&items(to), |_| true).expect_err(to).to_string();
            assert!(refused.contains(message), "{on:?}: {refused}\n\nshould say\n\n{message}");
            assert_eq!(place.contents(&before.snapshot), contents);
            assert!(place.migrator().is_behind_of(&before).expect("history").is_none());
            assert_eq!(place.drift(), Vec::<String>::new());
        }
    }
}

#[test]
fn equal_values_keep_a_unique_key_from_being_added_also_those_that_a_conversion_makes() {
    for on in everywhere() {
        let place = Place::new(on);
        let text = "[items]\nfields.a = { type = \"text\" }\nfields.b = { type = \"text\" }\n";
        place.become_this(&wanted(text));
        for (a, b) in [("x", Some("1")), ("x", Some("1")), ("x", Some("2")), ("y", None), ("y", None)] {
            place.insert("items", &[("a", Some(a)), ("b", b)]);
        }
        let refused = |text: &str| {
            let refused = place.migrator().dev_to(&wanted(text), |_| true);
            refused.expect_err("duplicates").to_string()
        };
        let both = refused(&format!("{text}uniques = [[\"a\", \"b\"]]"));
        let said = "values of `items` (a, b) occur more than once, in 1 case: `x, 1` (id 1 and 2)";
        assert!(both.contains(said), "{on:?}: {both}");
        place.run("UPDATE \"items\" SET \"b\" = '01' WHERE \"id\" = 2");
        let unique = format!("{text}uniques = [[\"a\", \"b\"]]");
        place.become_this(&wanted(&unique));
        let converted =
            refused(&unique.replace("fields.b = { type = \"text\"", "fields.b = { type = \"int\""));
        assert!(converted.contains(said), "{on:?}: {converted}");
    }
}

#[test]
fn rows_that_are_there_get_defaults() {
    for on in everywhere() {
        let place = filled(on, "text", &[Some("a"), None]);
        let text = |more: &str| wanted(&format!("[items.fields]\nx = {{ type = \"text\"{more} }}\n"));
        let with = |fields: &str, defaults: &str| {
            wanted(&format!(
                "[items.fields]\nx = {{ type = \"text\", required = true }}\n{fields}[_known.defaults]\n\"items.x\" = \"none\"\n{defaults}"
            ))
        };
        let refused = place.migrator().dev_to(
            &wanted("[items.fields]\nx = { type = \"text\" }\ny = { type = \"int\", required = true }"),
            |_| true,
        );
        let refused = refused.expect_err("no default").to_string();
        assert!(
            refused.contains("`items.y` is required and would have no value, in 2 cases: id 1, id 2"),
            "{on:?}: {refused}"
        );
        place.become_this(&with(
            "y = { type = \"int\", required = true }\nz = { type = \"decimal(2)\" }\nw = { type = \"datetime\" }\n",
            "\"items.y\" = 5\n\"items.z\" = \"1.50\"\n\"items.w\" = \"= now\"\n",
        ));
        let z = if on == On::Sqlite { "150" } else { "1.50" };
        assert_eq!(
            place
                .text("SELECT \"x\", \"y\", \"z\", \"w\" IS NULL FROM \"items\" ORDER BY \"id\"")
                .replace("|f", "|0"),
            format!("a|5|{z}|0\nnone|5|{z}|0")
        );
        assert_eq!(place.drift(), Vec::<String>::new());
        place.become_this(&text(""));
        assert_eq!(place.drift(), Vec::<String>::new());
    }
}

#[test]
fn a_new_name_and_a_new_type_keep_children_links_and_what_was_made_by_hand() {
    for on in everywhere() {
        let place = Place::new(on);
        let text = |x: &str| {
            format!(
                "[parents]\nfields.x = {{ type = \"{x}\" }}\nfields.self_ref = {{ type = \"int\", to = \"parents\" }}\n\
                 indexes = [[\"self_ref\"], [\"x desc\"]]\nuniques = [[\"x\"]]\n\
                 [children]\nfields.parent = {{ type = \"int\", to = \"parents\", required = true }}\n\
                 indexes = [[\"parent\"]]\n[parents.links]\nfriends = \"parents\"\n"
            )
        };
        place.become_this(&wanted(&text("text")));
        place.insert("parents", &[("x", Some("7"))]);
        place.insert("parents", &[("x", Some("8")), ("self_ref", Some("1"))]);
        place.insert("children", &[("parent", Some("2"))]);
        place.run("INSERT INTO \"parents__friends\" VALUES (1, 2); CREATE INDEX by_hand ON \"parents\" (\"self_ref\", \"created_at\")");
        place.become_this(&wanted(&text("int")));
        let by_hand = "index `by_hand` on `parents` was made by hand".to_owned();
        assert_eq!(place.drift(), std::slice::from_ref(&by_hand), "{on:?}");
        let renamed = text("decimal(2)").replace("parents", "elders").replace("fields.x", "fields.age");
        let renamed = renamed.replace("x desc", "age desc").replace("[\"x\"]", "[\"age\"]")
            + "[_known]\ntables.elders = \"parents\"\nfields.\"elders.age\" = \"x\"\n";
        place.become_this(&wanted(&renamed));
        assert_eq!(place.drift(), [by_hand.replace("parents", "elders")], "{on:?}");
        assert_eq!(place.text("SELECT \"id\", \"self_ref\" FROM \"elders\" ORDER BY \"id\""), "1|null\n2|1");
        assert_eq!(place.text("SELECT \"parent\" FROM \"children\""), "2");
        assert_eq!(place.text("SELECT * FROM \"elders__friends\""), "1|2");
        place.insert("elders", &[("age", Some("9"))]);
        assert_eq!(place.text("SELECT max(\"id\") FROM \"elders\""), "3");
        // The old names are free: nothing of the renamed table keeps them.
        let both = renamed
            .replace("[_known]", "[parents]\nfields.x = { type = \"int\" }\nuniques = [[\"x\"]]\n[_known]");
        place.become_this(&wanted(&both.replace("tables.elders = \"parents\"\n", "")));
        assert_eq!(place.drift(), [by_hand.replace("parents", "elders")], "{on:?}");
    }
}

#[test]
fn a_schema_that_was_changed_by_hand_shows() {
    for on in everywhere() {
        let place = Place::new(on);
        place.become_this(&wanted(
            "[users.fields]\nname = { type = \"text\" }\n[posts]\nfields.title = { type = \"text\" }\n\
             fields.author = { type = \"int\", to = \"users\" }\nindexes = [[\"author\"], [\"title\"]]\n",
        ));
        assert_eq!(place.drift(), Vec::<String>::new());
        place.run("CREATE TABLE \"notes\" (\"id\" integer); DROP TABLE \"posts\"");
        assert_eq!(
            place.drift(),
            ["table `posts` is missing", "table `notes` is not of the models"],
            "{on:?}"
        );
    }
    for on in servers() {
        let place = Place::new(on);
        place.become_this(&wanted(
            "[users.fields]\nname = { type = \"text\" }\n[posts]\nfields.title = { type = \"text\", required = true }\n\
             fields.author = { type = \"int\", to = \"users\" }\nindexes = [[\"author\"], [\"title\"]]\nuniques = [[\"title\"]]\n",
        ));
        let is_postgres = on == On::Postgres;
        let pick = |postgres: &str, mysql: &str| if is_postgres { postgres } else { mysql }.to_owned();
        let reference = "the reference of `posts.author` to `users` is missing";
        for (sql, said) in [
            (
                "ALTER TABLE \"posts\" ADD COLUMN \"extra\" date".to_owned(),
                "column `posts.extra` is not of the models".to_owned(),
            ),
            ("ALTER TABLE \"posts\" DROP COLUMN \"extra\"".to_owned(), String::new()),
            (
                pick("DROP INDEX \"posts(title)\"", "DROP INDEX \"posts(title)\" ON \"posts\""),
                "index `posts(title)` on `posts` is missing".to_owned(),
            ),
            (
                "CREATE INDEX \"posts(title)\" ON \"posts\" (\"id\")".to_owned(),
                "index `posts(title)` on `posts` is another: (\"id\")".to_owned(),
            ),
            (
                pick(
                    "ALTER TABLE \"posts\" ALTER COLUMN \"title\" DROP NOT NULL; DROP INDEX \"posts(title)\"; \
                     CREATE INDEX \"posts(title)\" ON \"posts\" (\"title\" NULLS FIRST, \"id\")",
                    "ALTER TABLE \"posts\" MODIFY COLUMN \"title\" varchar(768) COLLATE utf8mb4_nopad_bin NULL; \
                     DROP INDEX \"posts(title)\" ON \"posts\"; CREATE INDEX \"posts(title)\" ON \"posts\" (\"title\")",
                ),
                "column `posts.title` admits null".to_owned(),
            ),
            (
                pick(
                    "ALTER TABLE \"posts\" ALTER COLUMN \"title\" SET NOT NULL; \
                     ALTER TABLE \"posts\" DROP CONSTRAINT \"posts(author) ref\"",
                    "ALTER TABLE \"posts\" MODIFY COLUMN \"title\" varchar(768) COLLATE utf8mb4_nopad_bin NOT NULL; \
                     ALTER TABLE \"posts\" DROP FOREIGN KEY \"posts(author) ref\"",
                ),
                reference.to_owned(),
            ),
            (
                pick(
                    "ALTER TABLE \"users\" ALTER COLUMN \"name\" TYPE varchar(9)",
                    "ALTER TABLE \"users\" MODIFY COLUMN \"name\" varchar(9)",
                ),
                format!(
                    "{reference}\ncolumn `users.name` is {}",
                    pick(
                        "character varying(9), not text COLLATE \"C\"",
                        "varchar(9) COLLATE utf8mb4_nopad_bin, not longtext COLLATE utf8mb4_nopad_bin"
                    )
                ),
            ),
        ] {
            place.run(&sql);
            assert_eq!(place.drift().join("\n"), said, "{on:?}: {sql}");
        }
    }
}

#[test]
fn files_apply_everywhere() {
    for on in everywhere() {
        let place = Place::new(on);
        let first = items("type = \"text\"");
        let mut migrator = place.migrator();
        migrator.write_new_for(&first, "first").expect("a file");
        assert!(migrator.is_behind_of(&first).expect("history").is_some());
        assert_eq!(migrator.apply(Consent::Refuse).expect("it applies"), ["0001_first"]);
        assert_eq!(migrator.apply(Consent::Refuse).expect("nothing to do"), Vec::<String>::new());
        assert!(migrator.is_behind_of(&first).expect("history").is_none());
        let second = items("type = \"int\"");
        assert!(matches!(place.become_this(&second), DevOutcome::Applied(_)));
        assert_eq!(place.become_this(&second), DevOutcome::UpToDate);
        migrator.write_new_for(&second, "second").expect("a file");
        assert_eq!(migrator.apply(Consent::Refuse).expect("it is there"), Vec::<String>::new());
        let status = migrator.status().expect("status");
        assert_eq!((status.migrations.len(), status.only_here.len()), (2, 0));
    }
}

#[test]
fn databases_of_others_and_of_a_newer_purlin_are_refused_and_left_alone() {
    for on in servers() {
        let place = Place::new(on);
        place.run("CREATE TABLE wp_posts (id integer)");
        let refused =
            place.migrator().dev_to(&items("type = \"int\""), |_| true).expect_err("foreign").to_string();
        assert!(
            refused.contains("already has tables (such as `wp_posts`) that Purlin did not make"),
            "{refused}"
        );
        place.run("DROP TABLE wp_posts");
        place.become_this(&items("type = \"int\""));
        place.run("UPDATE \"_migrations\" SET \"format\" = 2");
        let refused =
            place.migrator().dev_to(&items("type = \"int\""), |_| true).expect_err("newer").to_string();
        assert!(refused.starts_with("this database was migrated by a newer Purlin (format 2"), "{refused}");
    }
}

#[test]
fn a_database_that_is_not_there_is_made_where_that_is_asked_for() {
    for on in servers() {
        let place = Place::new(on);
        let url = format!("{}_new", place.url);
        let missing = Migrator::open(&url, place.root()).err().expect("there is none").to_string();
        assert!(missing.contains("no database") && missing.contains("make it with `"), "{missing}");
        let mut migrator =
            Migrator::open_or_create(&url, place.root()).unwrap_or_else(|error| panic!("{error}"));
        migrator.dev_to(&items("type = \"text\""), |_| true).expect("it is migrated");
        assert_eq!(migrator.status().expect("status").drift, Vec::<String>::new());
        drop(migrator);
        let (_, name) = url.rsplit_once('/').expect("a name");
        let how = if on == On::Postgres { " WITH (FORCE)" } else { "" };
        place.run(&format!("DROP DATABASE {name}{how}"));
    }
}

#[test]
fn a_database_that_takes_no_changes_says_what_to_do() {
    if servers().contains(&On::Postgres) {
        let place = Place::new(On::Postgres);
        let (_, name) = place.url.rsplit_once('/').expect("a name");
        place.run(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
        let refused =
            place.migrator().dev_to(&items("type = \"text\""), |_| true).expect_err("read-only").to_string();
        assert!(
            refused.starts_with("the database is read-only: let database.url name the server"),
            "{refused}"
        );
        assert_eq!(place.text("SELECT count(*) FROM pg_class WHERE relname = '_migrations'"), "0");
    }
}

#[test]
fn a_name_that_is_too_long_is_refused_before_anything_is_changed() {
    for on in servers() {
        let place = Place::new(on);
        let long = "x".repeat(70);
        let model = format!("[posts.fields]\n{long} = {{ type = \"text\" }}\n");
        let refused = place.migrator().dev_to(&wanted(&model), |_| true).expect_err("too long").to_string();
        assert!(refused.contains("has 70 bytes, and this database takes 6"), "{refused}");
        let fits = format!(
            "[posts]\nfields.{0} = {{ type = \"text\" }}\nindexes = [[\"{0}\"]]\nuniques = [[\"{0}\"]]\n",
            &long[..60]
        );
        place.become_this(&wanted(&fits));
        assert_eq!(place.drift(), Vec::<String>::new());
        assert_eq!(place.become_this(&wanted(&fits)), DevOutcome::UpToDate);
    }
}

#[test]
fn a_row_that_the_database_could_not_keep_is_refused_before_anything_is_changed() {
    for on in everywhere() {
        let place = Place::new(on);
        place.become_this(&wanted("[posts]\nfields.title = { type = \"text\" }\n"));
        let fields: String = (0..22).map(|at| format!("fields.t{at} = {{ type = \"text\" }}\n")).collect();
        let keys: Vec<String> = (0..22).map(|at| format!("[\"t{at}\"]")).collect();
        let many = wanted(&format!("[posts]\n{fields}indexes = [{}]\n", keys.join(", ")));
        let result = place.migrator().dev_to(&many, |_| true);
        if on != On::MySql {
            result.expect("it has room");
            continue;
        }
        let refused = result.expect_err("too many").to_string();
        assert!(
            refused.contains("a row of `posts` could have") && refused.contains("(22 do now: t0, t1,"),
            "{refused}"
        );
        assert_eq!(place.drift(), Vec::<String>::new());
        assert_eq!(place.text("SELECT count(*) FROM \"_migrations_steps\""), "0");
    }
}
