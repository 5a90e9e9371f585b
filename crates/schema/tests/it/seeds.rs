//! Seeds in every format say the same.

use std::path::Path;

use purlin_schema::load::seeds::{SeedRow, SeedValue};
use purlin_schema::load::{Layers, seeds};
use purlin_schema::{Site, Value};

use crate::folder::Folder;

const MODELS: &[(&str, &str)] = &[
    ("site.toml", ""),
    (
        "models/posts.toml",
        r#"
[fields]
title = { type = "text", required = true }
price = { type = "decimal", scale = 2 }
out = { type = "datetime" }
huge = { type = "int", big = true }
author = { type = "ref", to = "users" }
tags = { type = "refs", to = "tags" }
"#,
    ),
    ("models/tags.toml", "[fields]\nname = { type = \"text\", unique = true }\n"),
];

fn load(files: &[(&str, &str)]) -> (Folder, Site) {
    let folder = Folder::new(MODELS.iter().chain(files));
    let site = match Site::load(folder.path(), &Layers::default()) {
        Ok((site, _)) => site,
        Err(diagnostics) => panic!("{}", diagnostics.draw(false)),
    };
    (folder, site)
}

fn rows(files: &[(&str, &str)]) -> Vec<SeedRow> {
    let (folder, site) = load(files);
    let list = seeds::list(folder.path(), &site.models).expect("the files are seeds");
    let file = &list[0];
    let rows = file.rows(&site.models).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.draw(false)));
    rows.map(|row| row.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.draw(false)))).collect()
}

#[test]
fn every_format_gives_the_same_rows() {
    let toml = rows(&[(
        "seeds/posts.toml",
        r#"
[[posts]]
title = "One, \"two\""
price = "1.50"
out = 2026-03-01T10:00:00Z
huge = 9007199254740993
author = { email = "Ada@example.com" }
tags = [{ name = "a" }, "b"]
[[posts]]
title = "Bare"
author = 7
"#,
    )]);
    let json = rows(&[(
        "seeds/posts.json",
        r#"[ {"title": "One, \"two\"", "price": "1.50", "out": "2026-03-01T10:00:00Z", "huge": 9007199254740993,
  "author": {"email": "ada@example.com"}, "tags": ["a", {"name": "b"}]},
 {"title": "Bare", "author": 7} ]"#,
    )]);
    let ndjson = rows(&[(
        "seeds/posts.ndjson",
        "{\"title\": \"One, \\\"two\\\"\", \"price\": 1.5, \"out\": \"2026-03-01T11:00:00+01:00\", \"huge\": \"9007199254740993\", \"author\": \"ada@example.com\", \"tags\": [\"a\", \"b\"]}\n\n{\"title\": \"Bare\", \"author\": 7}\n",
    )]);
    let values = |rows: &[SeedRow]| rows.iter().map(|row| row.values.clone()).collect::<Vec<_>>();
    assert_eq!(values(&toml), values(&json));
    assert_eq!(values(&toml), values(&ndjson));
    assert_eq!(toml.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 9]);
    assert_eq!(json.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(ndjson.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3]);

    let csv = rows(&[(
        "seeds/posts.csv",
        "title,price,out,huge,author.email,tags\r\n\"One, \"\"two\"\"\",1.5,2026-03-01T10:00,9007199254740993,ada@example.com,a|b\r\n",
    )]);
    assert_eq!(csv[0].values, toml[0].values);
    assert_eq!(csv[0].line, 2);
    let (_, site) = load(&[]);
    let posts = site.models.named("posts").expect("there are posts");
    let author = posts.field_named("author").expect("posts have authors").id;
    let of = |row: &SeedRow| row.values.iter().find(|(id, _)| *id == author).map(|(_, value)| value.clone());
    assert_eq!(of(&toml[1]), Some(SeedValue::Value(Value::Int(7))));
}

#[test]
fn a_bad_row_is_told_and_the_next_is_read() {
    let (folder, site) = load(&[(
        "seeds/posts.ndjson",
        "{\"titel\": \"x\", \"price\": \"1.505\"}\n{\"title\": }\n[1]\n{\"title\": \"good\"}\n",
    )]);
    let list = seeds::list(folder.path(), &site.models).expect("the files are seeds");
    let rows = list[0].rows(&site.models).expect("the file opens");
    let mut told = String::new();
    let mut good = 0;
    for row in rows {
        match row {
            Ok(row) => {
                good += 1;
                assert_eq!(row.line, 4);
            }
            Err(diagnostics) => told.push_str(&diagnostics.draw(false)),
        }
    }
    assert_eq!(good, 1);
    crate::golden::compare("seeds_rows", &told);
}

#[test]
fn files_come_in_the_order_of_their_refs() {
    let (folder, site) = load(&[("seeds/posts.toml", ""), ("seeds/tags.toml", ""), ("seeds/users.toml", "")]);
    let list = seeds::list(folder.path(), &site.models).expect("the files are seeds");
    let names: Vec<&Path> = list.iter().map(|file| file.file.as_path()).collect();
    assert_eq!(names.last(), Some(&Path::new("seeds/posts.toml")));
}

#[test]
fn seeds_of_nothing_are_refused() {
    let (folder, site) = load(&[("seeds/post.toml", ""), ("seeds/posts.yaml", "")]);
    let diagnostics = seeds::list(folder.path(), &site.models).expect_err("neither can be read");
    crate::golden::compare("seeds_files", &diagnostics.draw(false));
}

#[test]
fn the_seeds_of_the_example_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog");
    let (site, _) = Site::load(&root, &Layers::default()).expect("the example loads");
    let mut count = 0;
    for file in seeds::list(&root, &site.models).expect("its seeds are files of rows") {
        for row in file.rows(&site.models).expect("each opens") {
            row.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.draw(false)));
            count += 1;
        }
    }
    assert!(count > 50, "{count} rows");
}

#[test]
fn broken_files_are_told_as_approved() {
    let mut told = String::new();
    for (name, text) in [
        ("seeds/posts.csv", "title,authr.email\nx,y\n"),
        ("seeds/posts.csv", ""),
        ("seeds/posts.csv", "title,author\n\"x\"y,z\n"),
        ("seeds/posts.csv", "title,author\nx\n\"unclosed,z\n"),
        ("seeds/posts.csv", "title,price\nx,1.505\n"),
        ("seeds/posts.json", "{\"title\": \"x\"}"),
        ("seeds/posts.json", "[{\"title\": \"x\"} {\"title\": \"y\"}]"),
        ("seeds/posts.json", "[{\"title\": \"x\"}] more"),
        ("seeds/posts.json", "[{\"title\": \"x\"},"),
        ("seeds/posts.json", "[{\"title\": \"x\", \"title\": \"x\"}, 7]"),
        ("seeds/posts.toml", "[[post]]\n"),
        ("seeds/posts.toml", "[posts]\ntitle = \"x\"\n"),
        ("seeds/posts.toml", "[[posts]]\ntitle = 7\n_version = 1\nauthor = { nmae = \"x\" }\ntags = 7\n"),
        ("seeds/posts.toml", "[[posts]]\nauthor = { email = 7 }\ntags = [true, {}]\n"),
    ] {
        let (folder, site) = load(&[(name, text)]);
        let list = seeds::list(folder.path(), &site.models).expect("the name is right");
        told.push_str(&format!("== {name}\n{text}\n--\n"));
        match list[0].rows(&site.models) {
            Ok(rows) => {
                for row in rows {
                    match row {
                        Ok(row) => told.push_str(&format!("a row of line {}\n\n", row.line)),
                        Err(diagnostics) => told.push_str(&diagnostics.draw(false)),
                    }
                }
            }
            Err(diagnostics) => told.push_str(&diagnostics.draw(false)),
        }
    }
    crate::golden::compare("seeds_broken", &told);
}

/// 750 real posts, 6.5 MB: every row is read, and no value of it is lost.
#[test]
fn real_posts_are_read_row_by_row() {
    // Beside the project, or beside the folder that its checkouts share.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../../..", "../../../.."];
    let places = places.map(|above| root.join(above).join("shared/data/rust-blog/posts.ndjson"));
    let Some(text) = places.iter().find_map(|path| std::fs::read_to_string(path).ok()) else {
        skipped("the 750 real posts of ../shared/data are not here");
        return;
    };
    let models = r#"
[fields]
slug = { type = "slug" }
section = { type = "choice", of = ["main", "inside"] }
published_at = { type = "datetime" }
title = { type = "text" }
description = { type = "text" }
authors = { type = "refs", to = "people" }
team = { type = "ref", to = "teams" }
release = { type = "bool" }
body = { type = "markdown" }
"#;
    let named = "[fields]\nname = { type = \"text\", unique = true }\n";
    let folder = Folder::new(&[
        ("models/posts.toml", models),
        ("models/people.toml", named),
        ("models/teams.toml", named),
        ("seeds/posts.ndjson", &text),
    ]);
    let (site, _) = Site::load(folder.path(), &Layers::default())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.draw(false)));
    let posts = site.models.named("posts").expect("there are posts");
    let body = posts.field_named("body").expect("posts have bodies").id;
    let list = seeds::list(folder.path(), &site.models).expect("the file is seeds");
    let mut bytes = 0;
    let mut count = 0;
    for row in list[0].rows(&site.models).expect("it opens") {
        let row = row.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.draw(false)));
        count += 1;
        assert_eq!(
            (row.line, row.values.len()),
            (count, posts.fields.iter().filter(|field| field.declared).count())
        );
        let of_body = row.values.iter().find(|(id, _)| *id == body).map(|(_, value)| value);
        match of_body {
            Some(SeedValue::Value(Value::Text(text))) => bytes += text.len(),
            other => panic!("row {count} has no body: {other:?}"),
        }
    }
    assert_eq!(count, 750);
    assert!(bytes > 5_000_000, "{bytes} bytes of text");
}

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
