//! Death and company on servers: a process killed in the middle of a migration, several that migrate at once, and
//! tables that others hold.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use purlin_store::migrate::Consent;

use super::faults::{NEW, OLD, spawn_on};
use super::place::{On, Place, everywhere, servers};
use super::support::wanted;

/// Fifty times fifty.
const ROWS: u32 = 2500;

/// A site whose database is at the old state with many rows, and whose files lead to the new one.
fn halfway(on: On) -> Place {
    let place = Place::new(on);
    let mut migrator = place.migrator();
    migrator.write_new_for(&wanted(OLD), "old").expect("a file");
    migrator.apply(Consent::Refuse).expect("creating loses nothing");
    let now = "'2026-01-01 00:00:00'";
    let fifty = "m(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM m WHERE i < 49)";
    let numbers =
        format!("WITH RECURSIVE {fifty}, n(i) AS (SELECT a.i * 50 + b.i + 1 FROM m a CROSS JOIN m b)");
    let text = if on == On::MySql { "cast(i AS char)" } else { "i::text" };
    let object = if on == On::MySql { "json_object" } else { "jsonb_build_object" };
    let columns = "(\"created_at\", \"updated_at\", \"_version\"";
    let (with, select) = match on {
        On::MySql => (String::new(), numbers),
        _ => (numbers, String::new()),
    };
    place.run(&format!(
        "{with} INSERT INTO \"parents\" {columns}, \"x\", \"y\", \"_free\") {select} SELECT {now}, {now}, 1, {text}, i, {object}('w', i, 'v', 1) FROM n ORDER BY n.i"
    ));
    place.run(&format!(
        "INSERT INTO \"children\" {columns}, \"parent\") SELECT {now}, {now}, 1, \"id\" FROM \"parents\" ORDER BY \"id\""
    ));
    let most = place.text("SELECT max(\"id\") + min(\"id\") FROM \"parents\"");
    // MySQL leaves gaps in the ids of rows that come together.
    place.run(&format!(
        "INSERT INTO \"parents__friends\" SELECT p.\"id\", q.\"id\" FROM \"parents\" p JOIN \"parents\" q ON q.\"id\" = {most} - p.\"id\""
    ));
    migrator.write_new_for(&wanted(NEW), "new").expect("a file");
    place
}

fn contents(place: &Place) -> Vec<(String, super::place::Rows)> {
    place.contents(&wanted(NEW).snapshot)
}

#[test]
fn killed_anywhere_what_was_begun_is_finished_by_the_next() {
    for on in servers() {
        let after = halfway(on);
        after.migrator().apply(Consent::Grant).expect("it is applied");
        let new = contents(&after);
        let (mut were_old, mut were_between, mut were_new) = (0, 0, 0);
        for round in 0..8_u32 {
            let place = halfway(on);
            let old = place.contents(&wanted(OLD).snapshot);
            let mut child = spawn_on(place.root(), &place.url);
            let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
            let said = lines.map_while(Result::ok).filter(|line| line.contains("> "));
            said.take(round as usize * 2 + 1).for_each(drop);
            // A moment more, so that it dies within statements too and not between them alone.
            let more = Duration::from_micros(u64::from(round) * 1_700 % 9_000);
            let heard = Instant::now();
            while heard.elapsed() < more {
                std::hint::spin_loop();
            }
            child.kill().expect("it dies");
            child.wait().expect("it is dead");

            let mut migrator = place.migrator();
            let behind = migrator.is_behind_of(&wanted(NEW)).expect("history");
            let status = migrator.status().expect("status");
            match (behind, status.unfinished.is_empty()) {
                (None, _) => were_new += 1,
                (Some(behind), false) => {
                    assert!(
                        behind.to_string().contains("0002_new, which was begun and is not finished"),
                        "{behind}"
                    );
                    were_between += 1;
                }
                (Some(_), true) => {
                    assert_eq!(status.drift, Vec::<String>::new(), "{on:?}, round {round}");
                    assert!(place.contents(&wanted(OLD).snapshot) == old, "{on:?}, round {round}");
                    were_old += 1;
                }
            }
            migrator.apply(Consent::Grant).unwrap_or_else(|error| panic!("{on:?}, round {round}: {error}"));
            assert!(contents(&place) == new, "{on:?}, round {round}: the rows are others");
            assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}, round {round}");
        }
        let seen = (were_old, were_between, were_new);
        assert!(were_new < 8 && were_old + were_between > 0, "killed too late each time: {seen:?}");
        if on == On::Postgres {
            assert_eq!(were_between, 0, "nothing was put off, so there is nothing in between");
        }
    }
}

#[test]
fn of_processes_that_migrate_at_once_one_does_and_the_others_find_it_done() {
    for on in servers() {
        let place = halfway(on);
        let children: Vec<_> = (0..4).map(|_| spawn_on(place.root(), &place.url)).collect();
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{on:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(place.drift(), Vec::<String>::new());
        assert_eq!(
            place.text("SELECT \"number\", \"name\" FROM \"_migrations\" ORDER BY \"id\""),
            "1|old\n2|new"
        );
        assert_eq!(place.text("SELECT count(*) FROM \"elders\""), ROWS.to_string());
    }
}

#[test]
fn a_table_that_others_hold_is_waited_for_in_short_turns() {
    for on in servers() {
        let place = halfway(on);
        place.run("BEGIN; UPDATE \"parents\" SET \"y\" = 0 WHERE \"id\" = 1");
        let mut child = spawn_on(place.root(), &place.url);
        let mut lines =
            BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let waits = lines.any(|line| line.contains("is in use by others; trying again"));
        assert!(waits, "{on:?}: it says that it waits");
        place.run("ROLLBACK");
        assert!(lines.any(|line| line.contains("applied 0002_new")), "{on:?}: it goes on");
        lines.for_each(drop);
        assert!(child.wait().expect("it ends").success());
        assert_eq!(place.drift(), Vec::<String>::new());
    }
}

#[test]
fn on_large_tables_what_looks_at_all_of_them_is_done_beside_their_users() {
    if !servers().contains(&On::Postgres) {
        return;
    }
    let place = Place::new(On::Postgres);
    let before = "[posts]\nfields.title = { type = \"text\" }\nfields.author = { type = \"int\" }\n[users]\n";
    place.become_this(&wanted(before));
    place.insert("users", &[]);
    for title in ["a", "b", "c"] {
        place.insert("posts", &[("title", Some(title)), ("author", Some("1"))]);
    }
    place.insert("posts", &[("author", Some("1"))]);
    let after = wanted(
        "[posts]\nfields.title = { type = \"text\", required = true }\n\
         fields.author = { type = \"int\", to = \"users\", required = true }\n\
         indexes = [[\"author\"]]\nuniques = [[\"title\"]]\n[users]\n[_known.defaults]\n\"posts.title\" = \"none\"",
    );
    let mut migrator = place.migrator().large_from(0);
    migrator.dev_to(&after, |_| true).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(place.drift(), Vec::<String>::new());
    assert_eq!(place.text("SELECT \"title\" FROM \"posts\" ORDER BY \"id\""), "a\nb\nc\nnone");
    assert_eq!(place.text("SELECT count(*) FROM \"_migrations_steps\""), "0");
    assert_eq!(
        place
            .text("SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid::text LIKE '%posts%'"),
        "0"
    );

    // What would write the whole table anew is not done unasked.
    let numbers =
        wanted("[posts]\nfields.title = { type = \"text\" }\nfields.author = { type = \"text\" }\n[users]\n");
    let refused = migrator.dev_to(&numbers, |_| true).expect_err("a long lock").to_string();
    assert!(refused.contains("`posts` has about") && refused.contains("--allow-long-locks"), "{refused}");
    assert!(migrator.is_behind_of(&after).expect("history").is_none());
    place.migrator().allow_long_locks().dev_to(&numbers, |_| true).expect("it was agreed to");
    assert_eq!(place.drift(), Vec::<String>::new());
}

#[test]
fn an_index_that_a_death_left_half_made_is_made_anew() {
    if !servers().contains(&On::Postgres) {
        return;
    }
    let place = Place::new(On::Postgres);
    place.become_this(&wanted("[posts]\nfields.title = { type = \"text\" }\n"));
    place.insert("posts", &[("title", Some("a"))]);
    let after = wanted("[posts]\nfields.title = { type = \"text\" }\nindexes = [[\"title\"]]\n");
    // Who holds a row keeps an index from becoming whole.
    place.run("BEGIN; UPDATE \"posts\" SET \"title\" = 'b'");
    let mut migrator = place.migrator().large_from(0);
    let held = migrator.dev_to(&after, |_| true).expect_err("the row is held").to_string();
    assert!(held.contains("`posts` is in use by others"), "{held}");
    place.run("COMMIT");
    let status = migrator.status().expect("status");
    assert_eq!(status.unfinished, ["+ posts index (title)"]);
    assert_eq!(
        place.text("SELECT indisvalid FROM pg_index WHERE indexrelid = '\"posts(title)\"'::regclass"),
        "f"
    );
    migrator.dev_to(&after, |_| true).expect("it goes on");
    assert_eq!(place.drift(), Vec::<String>::new());
    assert_eq!(
        place.text("SELECT indisvalid FROM pg_index WHERE indexrelid = '\"posts(title)\"'::regclass"),
        "t"
    );
}

#[test]
fn a_plan_says_whom_it_keeps_waiting_and_changes_nothing() {
    for on in everywhere() {
        let place = Place::new(on);
        let before = wanted("[posts]\nfields.title = { type = \"text\" }\n");
        place.become_this(&before);
        place.insert("posts", &[("title", Some("1"))]);
        let after = wanted(
            "[posts]\nfields.title = { type = \"int\" }\nfields.stars = { type = \"int\" }\nindexes = [[\"stars\"]]\n[tags]\n",
        );
        let held = place.migrator().locks_to(&after).expect("locks");
        let said: Vec<String> = held.iter().map(ToString::to_string).collect();
        let expected: &[&str] = match on {
            On::Sqlite => &[
                "the whole migration: `the file`: whoever writes to it waits, whoever reads does not; held for ",
            ],
            On::Postgres => &[
                "+ posts.stars int: `posts`: whoever uses it waits, for a moment; held for ",
                "~ posts.title from text to int: `posts`: whoever uses it waits while it is written anew; held for ",
                "+ posts index (stars): `posts`: whoever writes to it waits; held for ",
            ],
            On::MySql => &[
                "+ posts.stars int: `posts`: whoever uses it waits, for a moment; not tried, with about ",
                "~ posts.title from text to int: `posts`: whoever uses it waits, for a moment; not tried, with about ",
                "~ posts.title from text to int: `posts`: whoever uses it waits while it is written anew; not tried, ",
            ],
        };
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said}\n\nshould begin\n\n{expected}");
        }
        assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}");
        assert_eq!(place.text("SELECT \"title\" FROM \"posts\""), "1");
    }
}
