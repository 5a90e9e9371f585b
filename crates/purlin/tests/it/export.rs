//! `purlin export` and `purlin query`: what leaves comes back the same.

use std::path::Path;

use serde_json::{Value, json};

use crate::site::Site;

const THINGS: &str = r#"
[model]
label = "name"
[fields]
name = { type = "text" }
note = { type = "markdown" }
kind = { type = "choice", of = ["odd", "even"], default = "odd" }
small = { type = "int" }
large = { type = "int", big = true }
rate = { type = "float" }
price = { type = "decimal", scale = 2 }
ready = { type = "bool", default = true }
day = { type = "date" }
at = { type = "datetime" }
long = { type = "duration" }
meta = { type = "json" }
token = { type = "uuid" }
page = { type = "html" }
secret = { type = "text", hidden = true }
parent = { type = "ref", to = "things", inverse = "parts" }
tags = { type = "refs", to = "tags" }
[access]
read = 'true'
"#;
const TAGS: &str =
    "[fields]\nname = { type = \"text\", unique = true, required = true }\n[access]\nread = 'true'\n";

fn site() -> Site {
    let site = Site::of(&[("models/things.toml", THINGS), ("models/tags.toml", TAGS)]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site
}

/// Texts that break what is not careful.
const ODD: &[&str] = &[
    "",
    " ",
    "plain",
    "a,b;\"c\"\t|",
    "\"",
    "\"\"",
    "line\nline\r\nline\r",
    "\n",
    "---\ntitle: no\n---\n\n",
    "null",
    "true",
    "07",
    "[1]",
    "{}",
    "😀👩‍👩‍👧",
    "שלום עולם \u{202e}abc",
    "\u{feff}bom\u{7f}\u{85}\u{2028}\u{ffff}",
    "\\N \\u0041 # not a comment: x",
    "é vs e\u{301}",
];

fn rows() -> Vec<Value> {
    let rows = ODD.iter().enumerate().map(|(at, text)| {
        let sign = if at % 2 == 0 { 1 } else { -1 };
        json!({
            "name": text, "note": text, "kind": if at % 3 == 0 { Value::Null } else { "even".into() },
            "small": sign * 9_007_199_254_740_991_i64, "large": if at % 2 == 0 { i64::MAX.to_string() } else { i64::MIN.to_string() },
            "rate": 0.1 + f64::from(u8::try_from(at).expect("few")) * 1e-7, "price": format!("{}.{:02}", sign * 92_233_720_368_547, at),
            "ready": if at % 3 == 0 { Value::Null } else { (at % 2 == 0).into() },
            "day": "0001-01-01", "at": "2026-11-22T16:00:00.000001Z", "long": "1h30m", "page": text.replace(['<', '&'], ""),
            "meta": { "text": text, "list": [1, 2.5, null] }, "token": "01890a5d-ac96-774b-bcce-b302099a8057",
            "parent": if at > 0 { json!(at) } else { Value::Null },
            "tags": if at % 2 == 0 { json!(["a|b", "c"]) } else { json!([]) },
        })
    });
    let nothing =
        ["name", "note", "kind", "small", "large", "rate", "price", "ready", "day", "at", "meta", "tags"];
    let nothing: serde_json::Map<String, Value> =
        nothing.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    rows.chain([Value::Object(nothing)]).collect()
}

fn written(site: &Site, path: &str) -> String {
    std::fs::read_to_string(site.path().join(path)).expect("a file that was exported")
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let first = site();
    let lines: String = rows().iter().map(|row| format!("{row}\n")).collect();
    first.write("rows.ndjson", &lines);
    first.done(&["import", "things", "rows.ndjson", "--link", "tags.name"]);
    first.done(&["export", "things", "--output", "things.ndjson"]);
    first.done(&["export", "tags", "--output", "tags.csv"]);
    let whole = written(&first, "things.ndjson");
    assert_eq!(whole.lines().count(), ODD.len() + 1);
    assert!(!whole.contains("secret"), "what is hidden stays");
    for (output, format, link) in [
        ("out.ndjson", "ndjson", false),
        ("out.json", "json", false),
        ("out.csv", "csv", false),
        ("out", "markdown", false),
        ("linked.csv", "csv", true),
        ("linked", "markdown", true),
    ] {
        let by_name: &[&str] = if link { &["--link", "tags.name"] } else { &[] };
        let arguments = ["export", "things", "--output", output, "--format", format];
        first.done(&[&arguments[..], by_name].concat());
        let second = site();
        let from = |name: &str| first.path().join(name).to_string_lossy().into_owned();
        second.done(&["import", "tags", &from("tags.csv")]);
        let arguments = ["import", "things", &from(output), "--format", format];
        // Markdown files come in the order of their names, and a record after those that it refers to.
        if format == "markdown" {
            let no_parents = [&arguments[..], by_name, &["--key", "id", "--skip", "parent"]].concat();
            second.done(&no_parents);
        }
        second.done(&[&arguments[..], by_name, &["--key", "id"]].concat());
        second.done(&["export", "things", "--output", "again.ndjson"]);
        let (before, after) = (untimed(&whole), untimed(&written(&second, "again.ndjson")));
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after, "{output}");
        }
        assert_eq!(before.len(), after.len());
    }
}

/// Rows without the times of the import itself, and with their tags' in order.
fn untimed(text: &str) -> Vec<Value> {
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).expect("JSON");
        row.as_object_mut().expect("an object").shift_remove("updated_at");
        row
    };
    text.lines().map(row).collect()
}

#[test]
fn nul_is_refused_and_nothing_of_it_is_stored() {
    let site = site();
    site.write("rows.ndjson", "{\"name\":\"a\\u0000b\"}\n{\"meta\":{\"a\":\"\\u0000\"}}\n");
    let run = site.run(&["import", "things", "rows.ndjson"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("line 1: `name` contains a NUL"), "{}", run.err);
    assert!(site.done(&["export", "things"]).out.is_empty());
}

#[test]
fn an_export_can_be_chosen_from_and_leaves_no_part_of_a_file() {
    let site = site();
    site.write("rows.ndjson", "{\"name\":\"One\",\"small\":1}\n{\"name\":\"Two\",\"small\":2}\n");
    site.done(&["import", "things", "rows.ndjson"]);
    let run = site.done(&[
        "export",
        "things",
        "--format",
        "csv",
        "--fields",
        "name,small",
        "--filter",
        "small > 1",
    ]);
    assert_eq!(run.out, "name,small\nTwo,2\n");
    assert_eq!(site.done(&["export", "tags", "--format", "json"]).out, "[]\n");
    let run = site.run(&["export", "things", "--output", "out.csv", "--filter", "smal > 1"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(!Path::new(&site.path().join("out.csv")).exists() && !site.path().join("out.csv.part").exists());
    let run = site.run(&["export", "things", "--fields", "secret"]);
    assert!(run.err.contains("no field `secret` to export"), "{}", run.err);
}

#[test]
fn a_query_is_ndjson_where_no_terminal_is() {
    let site = site();
    site.write(
        "rows.ndjson",
        "{\"name\":\"One\",\"small\":1,\"tags\":[\"a\"]}\n{\"name\":\"Two\",\"small\":2}\n",
    );
    site.done(&["import", "things", "rows.ndjson", "--link", "tags.name"]);
    let arguments = ["query", "things", "--sort", "-small", "--fields", "name,small", "--include", "tags"];
    let rows: Vec<Value> =
        site.done(&arguments).out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows[0]["name"], "Two");
    assert_eq!(rows[1]["tags"][0]["name"], "a");
    assert_eq!(site.done(&[&arguments[..], &["--limit", "1"]].concat()).out.lines().count(), 1);
    let run = site.run(&["query", "things", "--filter", "name = 1"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("=="), "{}", run.err);
}

/// Numbers that look random and are the same each time: xorshift64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn text(&mut self) -> String {
        let pieces = [
            "a",
            " ",
            ",",
            "\"",
            "\n",
            "\r\n",
            "\t",
            ";",
            "|",
            "é",
            "\u{301}",
            "👩‍👧",
            "\u{feff}",
            "0",
            "null",
            "[",
            "{",
            "\\",
            "'",
            "#",
            "-",
            ": ",
            "---",
            "+++",
            "=",
        ];
        (0..self.below(7)).map(|_| pieces[usize::try_from(self.below(25)).expect("few")]).collect()
    }

    fn float(&mut self) -> f64 {
        let float = f64::from_bits(self.next());
        if float.is_finite() { float } else { 0.1 }
    }

    fn or_nothing(&mut self, value: Value) -> Value {
        if self.below(4) == 0 { Value::Null } else { value }
    }

    fn row(&mut self) -> Value {
        let fields: Vec<(&str, Value)> = vec![
            ("name", self.text().into()),
            ("note", self.text().into()),
            (
                "small",
                (i64::try_from(self.below(1 << 54)).expect("it fits") - (1 << 53))
                    .clamp(-9_007_199_254_740_991, 9_007_199_254_740_991)
                    .into(),
            ),
            ("large", self.next().cast_signed().to_string().into()),
            ("rate", self.float().into()),
            ("price", format!("{}.{:02}", self.below(1 << 40), self.below(100)).into()),
            ("ready", (self.below(2) == 0).into()),
            ("day", format!("{:04}-0{}-1{}", 1 + self.below(9998), 1 + self.below(9), self.below(10)).into()),
            ("at", format!("20{:02}-02-03T04:05:06.{:06}Z", self.below(100), self.below(1_000_000)).into()),
            ("meta", json!({ self.text(): [self.float(), self.text(), self.next().cast_signed(), null] })),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), self.or_nothing(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

#[test]
fn random_rows_leave_and_come_back_the_same() {
    let first = site();
    let mut dice = Dice(0x5eed_cafe);
    let lines: String = (0..400).map(|_| format!("{}\n", dice.row())).collect();
    first.write("rows.ndjson", &lines);
    first.done(&["import", "things", "rows.ndjson"]);
    let whole = first.done(&["export", "things"]).out;
    assert_eq!(whole.lines().count(), 400);
    for (given, kept) in lines.lines().zip(whole.lines()) {
        let (given, kept): (Value, Value) =
            (serde_json::from_str(given).expect("JSON"), serde_json::from_str(kept).expect("JSON"));
        for name in ["name", "small", "large", "rate", "meta"] {
            assert_eq!(given[name], kept[name], "{name}");
        }
    }
    for (output, format) in [("out.ndjson", "ndjson"), ("out.json", "json"), ("out.csv", "csv")] {
        first.done(&["export", "things", "--output", output, "--format", format]);
        let second = site();
        second.done(&["import", "things", &first.path().join(output).to_string_lossy(), "--format", format]);
        let again = second.done(&["export", "things"]).out;
        for (at, (was, is)) in whole.lines().zip(again.lines()).enumerate() {
            assert_eq!(was, is, "{format}, row {at}");
        }
        assert_eq!(whole.lines().count(), again.lines().count(), "{format}");
    }
}

#[test]
fn rows_of_a_single_column_are_not_lost_where_it_is_empty() {
    let first = site();
    first.write(
        "rows.ndjson",
        "{\"name\":\"a\"}\n{\"name\":null}\n{\"name\":\"\"}\n{\"name\":\"b\"}\n{\"name\":null}\n",
    );
    first.done(&["import", "things", "rows.ndjson"]);
    for format in ["ndjson", "json", "csv"] {
        let out = format!("out.{format}");
        first.done(&["export", "things", "--fields", "name", "--output", &out]);
        let text = written(&first, &out);
        let second = site();
        second.done(&["import", "things", &first.path().join(&out).to_string_lossy(), "--skip", "id"]);
        let names: Vec<Value> = second
            .done(&["export", "things"])
            .out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["name"].take())
            .collect();
        assert_eq!(
            names,
            [json!("a"), Value::Null, json!(""), json!("b"), Value::Null],
            "{format}: {text:?}"
        );
    }
}
