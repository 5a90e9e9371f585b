//! Fields that nobody declared, in and out of a model of documents.

use serde_json::{Value, json};

use crate::site::Site;

const THINGS: &str = "[model]\nkind = \"documents\"\n[fields]\nname = { type = \"text\", unique = true }\n\
                      text = { type = \"markdown\" }\n[access]\nread = 'true'\n";

fn site() -> Site {
    let site = Site::of(&[("models/things.toml", THINGS)]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site
}

fn rows() -> Vec<Value> {
    vec![
        json!({ "name": "a", "text": "# A\n", "colour": "red", "size": { "width": 3, "tags": ["x", null, true] }, "nothing": null }),
        json!({ "name": "b", "colour": 7, "two words": "yes: no # maybe", "größe": -0.5, "a\"b": "\\", "😀": [], "true": {} }),
        json!({ "name": "c", "empty": "", "zero": "007", "null": "null", "on": false, "day": "2026-03-01", "- x": "" }),
        json!({ "name": "d" }),
    ]
}

/// Every record as an export shows it, as JSON.
fn exported(site: &Site) -> Vec<Value> {
    let out = site.done(&["export", "things"]).out;
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn what_is_exported_is_imported_with_all_that_nobody_declared() {
    let first = site();
    let mut rows = rows();
    // A name cannot begin with a hyphen; that row is refused, and the others are not.
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    first.write("rows.ndjson", &lines);
    let run = first.run(&["import", "things", "rows.ndjson"]);
    assert!(run.code == 1 && run.err.contains("line 3: `- x` begins with a hyphen"), "{}", run.err);
    rows[2].as_object_mut().expect("a row").remove("- x");
    first.write("row.ndjson", &rows[2].to_string());
    first.done(&["import", "things", "row.ndjson"]);
    let known = exported(&first);
    for row in &rows {
        let found = known.iter().find(|record| record["name"] == row["name"]).expect("it is there");
        let object = row.as_object().expect("a row");
        assert!(object.iter().all(|(name, value)| &found[name] == value), "{found} has not all of {row}");
    }
    for (file, format) in
        [("all.ndjson", "ndjson"), ("all.json", "json"), ("all.csv", "csv"), ("all", "markdown")]
    {
        let second = site();
        let path = second.path().join(file);
        first.done(&["export", "things", "--format", format, "--output", path.to_str().expect("a path")]);
        second.done(&["import", "things", file]);
        let mut again = exported(&second);
        if format == "markdown" {
            // The text of a file is there even where it is empty, and files come in the order of their names.
            again.iter_mut().for_each(|row| {
                if row["text"] == "" {
                    row["text"] = Value::Null;
                }
            });
        }
        assert_eq!(again, known, "{format}");
    }
}

#[test]
fn a_site_that_grows_has_what_is_declared() {
    let site = site();
    site.write("seeds/things.toml", "[[things]]\nname = \"a\"\ncolour = \"red\"\nat = 2026-03-01\n");
    site.done(&["seed"]);
    site.done(&["seed", "--scale", "20"]);
    let known = exported(&site);
    assert_eq!((&known[0]["colour"], &known[0]["at"]), (&json!("red"), &json!("2026-03-01")));
    assert!(known.len() > 20 && known[1..].iter().all(|row| row.get("colour").is_none()), "{}", known.len());
}

#[test]
fn a_table_says_what_it_says_and_a_row_with_a_known_key_changes_what_it_names() {
    let site = site();
    site.write("rows.csv", "name,colour,size,on,code\na,red,3,true,007\nb,,1.5,false,\n");
    site.done(&["import", "things", "rows.csv", "--map", "code=number"]);
    let known = exported(&site);
    assert_eq!(
        known
            .iter()
            .map(|row| (&row["colour"], &row["size"], &row["on"], &row["number"]))
            .collect::<Vec<_>>(),
        [
            (&json!("red"), &json!(3), &json!(true), &json!("007")),
            (&Value::Null, &json!(1.5), &json!(false), &Value::Null)
        ]
    );
    assert!(known[1].get("colour").is_none() && known[0].get("code").is_none(), "{known:?}");
    site.write("more.ndjson", "{\"name\":\"a\",\"colour\":null,\"size\":{\"deep\":1}}\n{\"name\":\"b\",\"size\":{\"deep\":2},\"_x\":1}\n");
    let run = site.run(&["import", "things", "more.ndjson", "--key", "name"]);
    assert!(run.err.contains("line 2: `_x`"), "{}", run.err);
    let known = exported(&site);
    assert_eq!(known[0]["size"], json!({ "deep": 1 }));
    assert!(known[0].get("colour").is_none() && known[0]["number"] == "007", "{}", known[0]);
    let chosen = site.done(&["export", "things", "--fields", "name,on,size", "--filter", "on"]).out;
    assert_eq!(chosen, "{\"name\":\"a\",\"on\":true,\"size\":{\"deep\":1}}\n");
    let queried = site.done(&["query", "things", "--fields", "name,size", "--sort", "-size", "--json"]).out;
    assert_eq!(queried.lines().next(), Some("{\"id\":2,\"name\":\"b\",\"size\":1.5}"), "{queried}");
    let wrong = site.run(&["export", "things", "--fields", "name,_free"]);
    assert!(wrong.code == 1 && wrong.err.contains("has no field `_free`"), "{}", wrong.err);
}
