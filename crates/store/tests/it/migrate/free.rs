//! A site that begins without a schema and gets one: free fields become columns, and columns free fields.

use std::fs;

use purlin_schema::load::Layers;
use purlin_schema::{Kind, Site};
use purlin_store::migrate::{Consent, DevOutcome, MigrationPlan, Operation, Wanted};

use super::place::{On, Place, everywhere};

/// The site's only model, as this text says.
fn model(place: &Place, text: &str) -> Wanted {
    fs::create_dir_all(place.root().join("models")).expect("a folder");
    fs::write(place.root().join("site.toml"), "").expect("a file");
    fs::write(place.root().join("models/finds.toml"), text).expect("a file");
    let loaded = Site::load(place.root(), &Layers::default());
    Wanted::of(&loaded.unwrap_or_else(|mistakes| panic!("{}", mistakes.draw(false))).0.models)
}

const BEFORE: &str = "[fields]\nname = { type = \"text\" }";
const FREE: &str =
    "[model]\nkind = \"documents\"\nindex = [\"colour\"]\n[fields]\nname = { type = \"text\" }";
const DECLARED: &str = r#"
[model]
kind = "documents"
[fields]
name = { type = "text" }
colour = { type = "choice", of = ["red", "blue", "grey"], required = true, default = "grey", index = true }
price = { type = "decimal", scale = 2 }
at = { type = "datetime" }
width = { type = "int", was = "size", default = 5 }
above = { type = "ref", to = "finds" }
more = { type = "json", index = ["a"] }
code = { type = "text", unique = true }
"#;

/// Records with these free fields, of which each is written as JSON; ids count from 1.
fn found(on: On, documents: &[&str]) -> Place {
    let place = Place::new(on);
    place.become_this(&model(&place, BEFORE));
    place.insert("finds", &[("name", Some("before"))]);
    place.become_this(&model(&place, FREE));
    documents.iter().for_each(|json| place.insert("finds", &[("name", Some("x")), ("_free", Some(*json))]));
    place
}

/// The free fields of all records, as JSON without blanks.
fn free(place: &Place) -> String {
    let json = |line: &str| Kind::Json.parse(line).expect("JSON").to_text();
    let text = place.text("SELECT \"_free\" FROM \"finds\" ORDER BY \"id\"");
    text.lines().map(json).collect::<Vec<_>>().join("\n")
}

fn columns(place: &Place) -> String {
    let text = place.text(
        "SELECT \"colour\", \"price\", \"at\", \"width\", \"above\", \"more\", \"code\" FROM \"finds\" ORDER BY \"id\"",
    );
    // Each database shows JSON and times in its own way.
    text.replace(": ", ":").replace(", ", ",")
}

const DOCUMENTS: &[&str] = &[
    r#"{"colour": "red", "price": 1.5, "at": "2026-02-03", "size": 7, "above": 1, "more": {"a": [1]}, "code": 12, "left": true}"#,
    r#"{"colour": null, "price": "0.10", "size": "8", "more": "x", "code": "b", "odd.key": 1}"#,
    r#"{"more": null}"#,
];

#[test]
fn what_is_declared_takes_what_stood_under_its_name() {
    for on in everywhere() {
        let place = found(on, DOCUMENTS);
        assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}");
        assert!(free(&place).starts_with("{}\n{"), "{on:?}: {}", free(&place));
        let wanted = model(&place, DECLARED);
        let mut seen = None;
        let outcome = place.migrator().dev_to(&wanted, |plan: &MigrationPlan| {
            seen = Some(plan.to_string());
            false
        });
        let outcome = outcome.unwrap_or_else(|error| panic!("{on:?}: {error}"));
        let DevOutcome::Applied(operations) = &outcome else { panic!("{on:?}: nothing is lost: {seen:?}") };
        let told: Vec<String> = operations.iter().map(ToString::to_string).collect();
        let take = "~ finds.width takes what records have as free field `size`";
        assert!(told.iter().any(|line| line == take), "{told:#?}");
        assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}");
        let at = match on {
            On::Sqlite => "1770076800000000",
            On::Postgres => "2026-02-03 00:00:00+00",
            On::MySql => "2026-02-03 00:00:00.000000",
        };
        let price = |text: &str| {
            if on == On::Sqlite {
                text.replace('.', "").trim_start_matches('0').to_owned()
            } else {
                text.to_owned()
            }
        };
        assert_eq!(
            columns(&place),
            format!(
                "grey|null|null|5|null|null|null\nred|{}|{at}|7|1|{{\"a\":[1]}}|12\ngrey|{}|null|8|null|\"x\"|b\ngrey|null|null|5|null|null|null",
                price("1.50"),
                price("0.10")
            ),
            "{on:?}"
        );
        assert_eq!(free(&place), "{}\n{\"left\":true}\n{\"odd.key\":1}\n{}", "{on:?}");

        // And back: what the file says is to be kept is, what it does not is asked about.
        let back = FREE.replace(
            "index = [\"colour\"]",
            "freed = [\"colour\", \"price\", \"at\", \"width\", \"above\", \"code\"]",
        );
        let wanted = model(&place, &back);
        let mut shown = String::new();
        let declined = place.migrator().dev_to(&wanted, |plan| {
            shown = plan.to_string();
            false
        });
        assert!(matches!(declined, Ok(DevOutcome::Declined(_))), "{on:?}: `more` would be lost");
        assert!(
            shown.contains("~ finds.colour becomes the free field `colour`\n- finds.colour\n"),
            "{shown}"
        );
        assert!(
            shown.contains("- finds.more, with its values   ! loses data\n    hint: `freed = [\"more\"]`"),
            "{shown}"
        );
        let wanted = model(&place, &back.replace("\"code\"]", "\"code\", \"more\"]"));
        let outcome = place.migrator().dev_to(&wanted, |_| false);
        assert!(matches!(outcome, Ok(DevOutcome::Applied(_))), "{on:?}: {outcome:?}");
        assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}");
        assert_eq!(
            free(&place),
            "{\"colour\":\"grey\",\"width\":5}\n\
             {\"above\":1,\"at\":\"2026-02-03T00:00:00.000000Z\",\"code\":\"12\",\"colour\":\"red\",\"left\":true,\"more\":{\"a\":[1]},\"price\":\"1.50\",\"width\":7}\n\
             {\"code\":\"b\",\"colour\":\"grey\",\"more\":\"x\",\"odd.key\":1,\"price\":\"0.10\",\"width\":8}\n\
             {\"colour\":\"grey\",\"width\":5}",
            "{on:?}"
        );

        // The end of it: a schema, and what is in it is taken before the rest goes.
        let wanted = model(
            &place,
            "[fields]\nname = { type = \"text\" }\nleft = { type = \"bool\" }\nwidth = { type = \"int\", required = true }",
        );
        let declined = place.migrator().dev_to(&wanted, |_| false);
        assert!(matches!(declined, Ok(DevOutcome::Declined(_))), "{on:?}: the rest would be lost");
        place.become_this(&wanted);
        assert_eq!(place.drift(), Vec::<String>::new(), "{on:?}");
        let (yes, no) = match on {
            On::Postgres => ("t", "null"),
            _ => ("1", "null"),
        };
        assert_eq!(
            place.text("SELECT \"left\", \"width\" FROM \"finds\" ORDER BY \"id\"").replace("true", yes),
            format!("{no}|5\n{yes}|7\n{no}|8\n{no}|5"),
            "{on:?}"
        );
    }
}

#[test]
fn what_is_no_such_value_stands_in_the_way_and_nothing_is_changed() {
    for on in everywhere() {
        let place = found(
            on,
            &[
                r#"{"size": 1}"#,
                r#"{"size": "wide"}"#,
                r#"{"size": [2]}"#,
                r#"{"size": 1.5, "colour": "red"}"#,
                r#"{"size": true}"#,
            ],
        );
        let before = free(&place);
        for (field, told) in [
            (
                "size = { type = \"int\" }",
                "~ finds.size takes what records have as free field `size`\n  the free field `size` of `finds` is no int, \
                 in 4 cases: such as `\"wide\"` (id 3), `[2]` (id 4), `1.5` (id 5)\n  hint: change these values first, or \
                 declare the field as another type\n  nothing was changed",
            ),
            (
                "width = { type = \"bool\", was = \"size\" }",
                "the free field `size` of `finds` is no bool, in 4 cases",
            ),
            (
                "colour = { type = \"text\", required = true }",
                "`finds.colour` becomes required and has no value, in 5 cases: such as id 1, id 2, id 3",
            ),
            (
                "colour = { type = \"choice\", of = [\"blue\"] }",
                "`finds.colour` is none of its choices, in 1 case: `red` (id 5)",
            ),
            (
                "size = { type = \"json\", index = [\"a\"] }\ncolour = { type = \"ref\", to = \"finds\" }",
                "the free field `colour` of `finds` is no int, in 1 case: `\"red\"` (id 5)",
            ),
        ] {
            let wanted = model(&place, &format!("{}\n{field}", FREE.replace("index = [\"colour\"]\n", "")));
            let error = place.migrator().dev_to(&wanted, |_| true).expect_err(field).to_string();
            assert!(error.contains(told), "{on:?} {field}: {error}");
            assert_eq!(free(&place), before, "{on:?} {field}");
            let fresh = model(&place, FREE);
            assert!(
                matches!(place.migrator().dev_to(&fresh, |_| false), Ok(DevOutcome::UpToDate)),
                "{on:?} {field}"
            );
        }
        // What is taken is looked at as what it becomes: equal values of a unique key, a text that is too long for one.
        place.insert("finds", &[("name", None), ("_free", Some(r#"{"code": 1}"#))]);
        place.insert("finds", &[("name", None), ("_free", Some(r#"{"code": "1"}"#))]);
        let wanted = model(
            &place,
            &format!(
                "{}\ncode = {{ type = \"text\", unique = true }}",
                FREE.replace("index = [\"colour\"]\n", "")
            ),
        );
        let error = place.migrator().dev_to(&wanted, |_| true).expect_err("equal values").to_string();
        assert!(
            error.contains("values of `finds` (code) occur more than once, in 1 case: `1` (id 7 and 8)"),
            "{on:?}: {error}"
        );
    }
}

#[test]
fn a_file_says_it_by_a_named_operation_and_can_be_applied_elsewhere() {
    for on in everywhere() {
        let place = found(on, DOCUMENTS);
        let mut migrator = place.migrator();
        migrator.write_new_for(&model(&place, FREE), "free").expect("a file");
        migrator.write_new_for(&model(&place, DECLARED), "declared").expect("a file");
        let text = fs::read_to_string(place.root().join("migrations/0002_declared.toml")).expect("the file");
        assert!(text.contains("op = \"take_free\"") && text.contains("key = \"size\""), "{text}");
        drop(migrator);
        place.migrator().apply(Consent::Refuse).unwrap_or_else(|error| panic!("{on:?}: {error}"));
        assert_eq!(free(&place), "{}\n{\"left\":true}\n{\"odd.key\":1}\n{}", "{on:?}");
        let mut picture = model(&place, DECLARED).snapshot;
        let take = |field: &str, key: &str| {
            let (table, field, key) = ("finds".to_owned(), field.to_owned(), key.to_owned());
            Operation::TakeFree { table, field, key }
        };
        assert_eq!(take("width", "any").replay(&mut picture), Ok(()));
        assert!(take("width", "_size").replay(&mut picture).is_err_and(|why| why.contains("underscore")));
        assert!(take("depth", "size").replay(&mut picture).is_err_and(|why| why.contains("no field")));
    }
}
