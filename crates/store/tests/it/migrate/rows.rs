//! What becomes of the rows: conversions, what is refused and with which words, and what a rebuild keeps.

use purlin_schema::Kind;
use purlin_store::migrate::{ColumnType, Consent, Conversion, Wanted, conversion};

use super::actual::contents;
use super::support::{Folder, wanted};

/// A table `items` with one column `x`, as the TOML of it says.
fn items(column: &str) -> Wanted {
    wanted(&format!("[items.fields]\nx = {{ {column} }}"))
}

/// A database with these values in `items.x`; ids count from 1.
fn filled(column: &str, values: &str) -> Folder {
    let folder = Folder::new();
    folder.become_this(&items(column));
    folder.run(&format!(
        "INSERT INTO items (created_at, updated_at, _version, x) SELECT 1, 1, 1, column1 FROM (VALUES {values})"
    ));
    folder
}

#[test]
fn values_are_converted() {
    let text = |ty: &str| format!("type = \"{ty}\"");
    for (from, values, to, expected) in [
        ("text", "('12'), (' -3 '), (null)", "int", "12\n-3\nnull"),
        ("text", "('1.5'), ('2')", "decimal(2)", "150\n200"),
        ("text", "('1e3')", "float", "1000.0"),
        ("text", "('true'), ('no')", "bool", "1\n0"),
        ("text", "('1970-01-02')", "date", "1"),
        ("text", "('1970-01-01T00:00:01Z'), ('1970-01-01T01:00:01+01:00')", "datetime", "1000000\n1000000"),
        ("text", "('1h30m')", "duration", "5400000000"),
        ("text", "('{\"a\": 1}')", "json", "{\"a\": 1}"),
        ("text", "('00000000-0000-0000-0000-000000000001')", "uuid", "00000000000000000000000000000001"),
        ("int", "(12), (null)", "text", "12\nnull"),
        ("int", "(12), (-9007199254740992)", "float", "12.0\n-9007199254740992.0"),
        ("int", "(0), (1)", "bool", "0\n1"),
        ("int", "(12)", "decimal(3)", "12000"),
        ("bool", "(1), (0)", "int", "1\n0"),
        ("bool", "(1), (0), (null)", "text", "true\nfalse\nnull"),
        ("float", "(3.0), (-2.0)", "int", "3\n-2"),
        ("float", "(1.256), (-0.1)", "decimal(2)", "126\n-10"),
        ("float", "(0.1), (1e300)", "text", "0.1\n1e300"),
        ("decimal(2)", "(150), (-5)", "text", "1.50\n-0.05"),
        ("decimal(2)", "(150)", "decimal(4)", "15000"),
        ("decimal(2)", "(150), (149), (-150), (-149), (-50), (49)", "int", "2\n1\n-2\n-1\n-1\n0"),
        ("decimal(3)", "(1255), (-1255), (1254)", "decimal(2)", "126\n-126\n125"),
        ("decimal(2)", "(150)", "float", "1.5"),
        ("date", "(-1)", "datetime", "-86400000000"),
        ("date", "(0)", "text", "1970-01-01"),
        ("datetime", "(86399999999), (-1), (-86400000000), (0)", "date", "0\n-1\n-1\n0"),
        ("datetime", "(1)", "text", "1970-01-01T00:00:00.000001Z"),
        ("duration", "(90000000)", "text", "1m30s"),
        ("json", "('[1]')", "text", "[1]"),
        ("uuid", "(x'000102030405060708090a0b0c0d0e0f')", "text", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    ] {
        let folder = filled(&text(from), values);
        folder.become_this(&items(&text(to)));
        assert_eq!(folder.text("SELECT x FROM items ORDER BY id"), expected, "{from} to {to}");
    }
}

#[test]
fn what_loses_is_said_to_lose() {
    let ty = |text: &str| text.parse::<ColumnType>().expect("a type");
    for (from, to, how) in [
        ("text", "int", Some(Conversion::Checked)),
        ("int", "text", Some(Conversion::Exact)),
        ("int", "float", Some(Conversion::Checked)),
        ("datetime", "date", Some(Conversion::Lossy)),
        ("date", "datetime", Some(Conversion::Exact)),
        ("bool", "int", Some(Conversion::Exact)),
        ("int", "bool", Some(Conversion::Checked)),
        ("decimal(4)", "decimal(2)", Some(Conversion::Lossy)),
        ("decimal(2)", "decimal(4)", Some(Conversion::Checked)),
        ("bool", "date", None),
        ("int", "datetime", None),
        ("json", "int", None),
    ] {
        assert_eq!(conversion(ty(from), ty(to)), how, "{from} to {to}");
    }
    assert!("decimal(19)".parse::<ColumnType>().is_err());
    assert_eq!(ty("decimal(18)"), ColumnType(Kind::Decimal(18)));
}

#[test]
fn what_cannot_be_done_is_refused_with_examples() {
    for (from, values, to, message) in [
        (
            "type = \"text\"",
            "('1'), ('many'), ('1.5'), (null), ('a'), ('b')",
            "type = \"int\"",
            "~ items.x from text to int\n  `items.x` cannot become int, in 4 cases: such as `many` (id 2), \
             `1.5` (id 3), `a` (id 5)\n  hint: change these values first, or add a field of another name\n  \
             nothing was changed",
        ),
        (
            "type = \"int\"",
            "(9007199254740993)",
            "type = \"float\"",
            "`items.x` cannot become float, in 1 case: `9007199254740993` (id 1)",
        ),
        (
            "type = \"float\"",
            "(1.5)",
            "type = \"int\"",
            "`items.x` cannot become int, in 1 case: `1.5` (id 1)",
        ),
        (
            "type = \"int\"",
            "(2), (1)",
            "type = \"bool\"",
            "`items.x` cannot become bool, in 1 case: `2` (id 1)",
        ),
        (
            "type = \"decimal(0)\"",
            "(9223372036854775807)",
            "type = \"decimal(2)\"",
            "cannot become decimal(2), in 1 case: `9223372036854775807` (id 1)",
        ),
        (
            "type = \"text\"",
            "('a'), (null), (null)",
            "type = \"text\", required = true",
            "`items.x` becomes required and has no value, in 2 cases: id 2, id 3\n  hint: fill them in first, or \
             give `x` a default",
        ),
        (
            "type = \"text\"",
            "('draft'), ('gone')",
            "type = \"text\", of = [\"draft\"]",
            "`items.x` is none of its choices, in 1 case: `gone` (id 2)",
        ),
        (
            "type = \"int\"",
            "(1), (9)",
            "type = \"int\", to = \"items\"",
            "`items.x` is the id of no record of `items`, in 1 case: `9` (id 2)",
        ),
    ] {
        let folder = filled(from, values);
        let before = contents(&folder.database());
        let refused = folder.migrator().dev_to(&items(to), |_| true).expect_err(to).to_string();
        assert!(refused.contains(message), "{refused}\n\nshould say\n\n{message}");
        assert_eq!(contents(&folder.database()), before);
        assert!(folder.migrator().is_behind_of(&items(from)).expect("history").is_none());
    }
}

#[test]
fn a_required_field_needs_a_value_for_records_that_are_there() {
    let folder = filled("type = \"text\"", "('a'), ('b')");
    let text = "[items.fields]\nx = { type = \"text\" }\ny = { type = \"int\", required = true }\n";
    let refused = folder.migrator().dev_to(&wanted(text), |_| true).expect_err("no default").to_string();
    let message =
        "`items.y` is required and would have no value, in 2 cases: id 1, id 2\n  hint: give `y` a default";
    assert!(refused.contains(message), "{refused}");
    folder.become_this(&wanted(&format!("{text}[_known.defaults]\n\"items.y\" = 5")));
    assert_eq!(folder.text("SELECT id, x, y FROM items"), "1|a|5\n2|b|5");
}

#[test]
fn equal_values_keep_a_unique_key_from_being_added() {
    let folder = Folder::new();
    let text = "[items]\nfields.a = { type = \"text\" }\nfields.b = { type = \"date\" }\n";
    folder.become_this(&wanted(text));
    folder.run(
        "INSERT INTO items (created_at, updated_at, _version, a, b)
         VALUES (1, 1, 1, 'x', 1), (1, 1, 1, 'x', 1), (1, 1, 1, 'x', 2), (1, 1, 1, null, 2), (1, 1, 1, null, 2)",
    );
    let refused = |keys: &str| {
        let wanted = wanted(&format!("{text}uniques = [[{keys}]]"));
        folder.migrator().dev_to(&wanted, |_| true).expect_err("duplicates").to_string()
    };
    let one = refused("\"a\"");
    assert!(
        one.contains("values of `items` (a) occur more than once, in 1 case: `x` (id 1 and 2 and 3)"),
        "{one}"
    );
    let both = refused("\"a\", \"b\"");
    assert!(
        both.contains("values of `items` (a, b) occur more than once, in 1 case: `x, 1` (id 1 and 2)"),
        "{both}"
    );
}

#[test]
fn a_conversion_that_makes_values_equal_is_refused_by_the_unique_key() {
    let folder = Folder::new();
    folder.become_this(&wanted("[items]\nfields.x = { type = \"decimal(2)\" }\nuniques = [[\"x\"]]"));
    folder
        .run("INSERT INTO items (created_at, updated_at, _version, x) VALUES (1, 1, 1, 101), (1, 1, 1, 102)");
    let fewer = wanted("[items]\nfields.x = { type = \"decimal(1)\" }\nuniques = [[\"x\"]]");
    let refused = folder.migrator().dev_to(&fewer, |_| true).expect_err("duplicates").to_string();
    assert!(
        refused.contains("values of `items` (x) occur more than once, in 1 case: `1.0` (id 1 and 2)"),
        "{refused}"
    );
}

#[test]
fn a_rebuild_keeps_children_and_what_was_made_by_hand() {
    let folder = Folder::new();
    let text = |x: &str| {
        format!(
            "[parents.fields]\nx = {{ type = \"{x}\" }}\nself_ref = {{ type = \"int\", to = \"parents\" }}\n\
             [children.fields]\nparent = {{ type = \"int\", to = \"parents\", required = true }}\n\
             [parents.links]\nfriends = \"parents\"\n"
        )
    };
    folder.become_this(&wanted(&text("text")));
    folder.run(
        "INSERT INTO parents (id, created_at, updated_at, _version, x, self_ref)
           VALUES (1, 1, 1, 1, '7', null), (2, 1, 1, 1, '8', 1), (9, 1, 1, 1, '9', null);
         INSERT INTO children (created_at, updated_at, _version, parent) VALUES (1, 1, 1, 2), (1, 1, 1, 2);
         INSERT INTO parents__friends VALUES (1, 2);
         DELETE FROM parents WHERE id = 9;
         CREATE INDEX by_hand ON parents (x) WHERE x > '5';
         CREATE TABLE seen (id);
         CREATE TRIGGER seen_parents AFTER INSERT ON parents BEGIN INSERT INTO seen VALUES (new.id); END;",
    );
    folder.become_this(&wanted(&text("int")));
    assert_eq!(folder.text("SELECT id, x, self_ref FROM parents"), "1|7|null\n2|8|1");
    assert_eq!(folder.text("SELECT parent FROM children"), "2\n2");
    assert_eq!(folder.text("SELECT * FROM parents__friends"), "1|2");
    folder.run("INSERT INTO parents (created_at, updated_at, _version) VALUES (1, 1, 1)");
    assert_eq!(folder.text("SELECT max(id) FROM parents"), "10", "the id of a deleted record comes back");
    assert_eq!(folder.text("SELECT id FROM seen"), "10", "the trigger is still there");
    assert_eq!(folder.text("SELECT count(*) FROM sqlite_schema WHERE name = 'by_hand'"), "1");
    let renamed = text("float").replace("parents", "elders") + "[_known]\ntables.elders = \"parents\"\n";
    folder.become_this(&wanted(&renamed));
    let by_hand = "SELECT count(*) FROM sqlite_schema WHERE name IN ('by_hand', 'seen_parents') AND tbl_name = 'elders'";
    assert_eq!(folder.text(by_hand), "2", "they follow a table that is renamed and then rebuilt");
    let orphan = folder.database().execute("DELETE FROM elders WHERE id = 2", []);
    assert!(orphan.is_err(), "the reference is still there");
}

#[test]
fn a_reference_to_nothing_is_found_before_the_commit() {
    let folder = Folder::new();
    let text = "[a]\n[b.fields]\na = { type = \"int\", to = \"a\" }\n";
    folder.become_this(&wanted(text));
    folder.run(
        "PRAGMA foreign_keys = OFF; INSERT INTO b (created_at, updated_at, _version, a) VALUES (1, 1, 1, 404)",
    );
    let refused = folder.migrator().dev_to(&wanted(&format!("{text}c = {{ type = \"int\" }}")), |_| true);
    let refused = refused.expect_err("an orphan").to_string();
    assert!(refused.contains("`b` would refer to records of `a` that are not there, in 1 case"), "{refused}");
}

#[test]
fn consent_is_asked_for_each_plan() {
    let folder = filled("type = \"text\"", "('a')");
    let mut migrator = folder.migrator();
    migrator.write_new_for(&items("type = \"text\""), "first").expect("a file");
    migrator.write_new_for(&wanted("[items]"), "second").expect("a file");
    let refused = migrator.apply(Consent::Refuse).expect_err("it loses data").to_string();
    assert!(refused.contains("- items.x, with its values   ! loses data"), "{refused}");
    let mut shown = String::new();
    let mut ask = |plan: &purlin_store::migrate::MigrationPlan| {
        shown = plan.to_string();
        true
    };
    assert_eq!(migrator.apply(Consent::Ask(&mut ask)).expect("consent"), ["0002_second"]);
    assert_eq!(shown, "- items.x, with its values   ! loses data\n");
}
