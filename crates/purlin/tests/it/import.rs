//! `purlin import`: what it makes of files, what it refuses, how it goes on.

use serde_json::{Value, json};

use crate::site::{Run, Site};

const POSTS: &str = r#"
[model]
label = "title"
[fields]
title = { type = "text", required = true, max = 40 }
slug = { type = "slug", from = "title", unique = true }
body = { type = "markdown" }
views = { type = "int", min = 0 }
published_at = { type = "datetime" }
authors = { type = "refs", to = "authors", inverse = "posts" }
team = { type = "ref", to = "teams" }
[access]
read = 'true'
"#;
const AUTHORS: &str = "[fields]\nname = { type = \"text\", required = true, unique = true, max = 20 }\n[access]\nread = 'true'\n";
const TEAMS: &str = "[fields]\nname = { type = \"text\" }\n[access]\nread = 'true'\n";

fn site() -> Site {
    let site = Site::of(&[
        ("models/posts.toml", POSTS),
        ("models/authors.toml", AUTHORS),
        ("models/teams.toml", TEAMS),
    ]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site
}

/// Posts with their authors' names and their team's, in the order of their slugs.
fn posts(site: &Site) -> Vec<Value> {
    let server = site.start("serve");
    let items = server.get("/api/posts?include=authors,team&sort=slug&per_page=100").json()["items"].take();
    let Value::Array(items) = items else { panic!("a list") };
    items
}

fn names(post: &Value) -> Vec<&str> {
    post["authors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().expect("a name"))
        .collect()
}

fn refused(site: &Site, arguments: &[&str]) -> Run {
    let run = site.run(arguments);
    assert_eq!(run.code, 1, "{}", run.err);
    run
}

#[test]
fn every_format_brings_the_same_rows() {
    let csv = "title,slug,body,views,published_at,authors,team\n\
        One,one,\"a \"\"b\"\", c\n\nd\n\",3,2014-09-15,Ada|Bo,Core\n\
        Two,two,,,,,\n";
    let one = json!({ "title": "One", "slug": "one", "body": "a \"b\", c\n\nd\n", "views": 3,
        "published_at": "2014-09-15T00:00:00Z", "authors": ["Ada", "Bo"], "team": "Core" });
    let two = json!({ "title": "Two", "slug": "two" });
    let yaml = "---\ntitle: One\nviews: 3\npublished_at: 2014-09-15\nauthors: [Ada, Bo]\nteam: Core\n---\n\na \"b\", c\n\nd\n";
    let toml = "+++\ntitle = \"Two\"\n+++\n";
    let mut all = Vec::new();
    for (file, text) in [
        ("rows.csv", csv.to_owned()),
        ("rows.ndjson", format!("{one}\n\n{two}\n")),
        ("rows.json", format!("[\n  {one},\n  {two}\n]\n")),
        ("rows", String::new()),
    ] {
        let site = site();
        if file == "rows" {
            site.write("rows/2014-09-15-one.md", yaml);
            site.write("rows/deep/two/index.md", toml);
        } else {
            site.write(file, &text);
        }
        let run = site.done(&["import", "posts", file, "--link", "authors.name", "--link", "team.name"]);
        assert!(run.err.contains("2 rows into posts: 2 created, 2 new authors, 1 new teams"), "{}", run.err);
        let rows = posts(&site);
        assert_eq!(names(&rows[0]), ["Ada", "Bo"], "{file}");
        let told =
            |row: &Value| ["title", "slug", "body", "views", "published_at"].map(|name| row[name].clone());
        all.push((told(&rows[0]), rows[0]["team"]["name"].clone(), told(&rows[1]), rows[1]["team"].clone()));
    }
    assert_eq!(all[0].0[3], 3);
    assert_eq!(all[0].0[4], "2014-09-15T00:00:00.000000Z");
    assert_eq!((&all[0].1, &all[0].3), (&json!("Core"), &Value::Null));
    // The text of a Markdown file is there even where it is empty.
    all[3].2[2] = Value::Null;
    all.iter().for_each(|one| assert_eq!(one, &all[0]));
}

#[test]
fn a_refused_row_is_told_with_its_line_and_the_others_are_written() {
    let site = site();
    site.write(
        "rows.ndjson",
        "{\"title\":\"One\"}\n{\"title\":\"\"}\n{\"titel\":\"Three\"}\nnonsense\n{\"title\":\"Five\",\"slug\":\"five\"}\n\
         {\"title\":\"Six\",\"id\":1}\n{\"title\":\"Seven\",\"views\":-1,\"team\":\"Core\"}\n{\"title\":\"Eight\",\"team\":9}\n\
         {\"title\":\"Nine\",\"authors\":[\"a name that is longer than any author's name may be\"]}\n{\"title\":\"Ten\"}\n",
    );
    let arguments = ["import", "posts", "rows.ndjson", "--link", "authors.name", "--report", "report.ndjson"];
    let tried = refused(&site, &[&arguments[..], &["--dry-run"]].concat());
    assert!(tried.err.contains("10 rows for posts: 3 created, 7 refused"), "{}", tried.err);
    assert!(posts(&site).is_empty(), "a dry run writes nothing");
    let run = refused(&site, &arguments);
    assert!(run.err.contains("10 rows into posts: 3 created, 7 refused"), "{}", run.err);
    assert!(run.err.contains("line 2: `title` is required"), "{}", run.err);
    let report = site.read("report.ndjson");
    let report: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut told: Vec<(u64, &str, &str)> = report
        .iter()
        .map(|row| {
            let error = &row["errors"][0];
            let text = |name: &str| error[name].as_str().expect("a text");
            (row["line"].as_u64().expect("a line"), text("field"), text("code"))
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (2, "title", "required"),
            (3, "titel", "unknown_field"),
            (4, "", "syntax"),
            (6, "id", "unique"),
            (7, "views", "too_small"),
            (8, "team", "not_found"),
            (9, "authors", "too_long"),
        ]
    );
    let titles: Vec<Value> = posts(&site).iter().map(|post| post["title"].clone()).collect();
    assert_eq!(titles, ["Five", "One", "Ten"].map(Value::from));
}

#[test]
fn passwords_can_come_as_the_hashes_of_another_system() {
    let site = site();
    // `correct horse`, by Django.
    let hash = "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=";
    let rows =
        format!("email,password\nada@example.com,{hash}\nbo@example.com,\ncem@example.com,correct horse\n");
    site.write("users.csv", &rows);
    let run = refused(&site, &["import", "users", "users.csv", "--password-hashes"]);
    assert!(run.err.contains("`password` is no hash of a kind that is known"), "{}", run.err);
    assert!(run.err.contains("2 created, 1 refused"), "{}", run.err);
    let server = site.start("serve");
    let login = |email: &str, password: &str| {
        server.post("/api/auth/login", &json!({"email": email, "password": password})).status
    };
    assert_eq!(login("ada@example.com", "wrong horse"), 401);
    for _ in 0..2 {
        assert_eq!(login("ada@example.com", "correct horse"), 200);
    }
    assert_eq!(login("bo@example.com", ""), 401);
}

#[test]
fn one_transaction_is_there_whole_or_not_at_all() {
    let site = site();
    site.write("rows.csv", "title,slug,authors\nOne,one,Ada\nTwo,two,Ada\nThree,one,Bo\nFour,four,\n");
    let run = refused(
        &site,
        &["import", "posts", "rows.csv", "--link", "authors.name", "--key", "slug", "--atomic"],
    );
    assert!(run.err.contains("line 4: `slug` another row has this key"), "{}", run.err);
    assert!(run.err.contains("nothing was written"), "{}", run.err);
    let server = site.start("serve");
    for model in ["posts", "authors"] {
        assert_eq!(server.get(&format!("/api/{model}?total=true")).json()["total"], 0, "{model}");
    }
    drop(server);
    site.write("rows.csv", "title,slug,authors\nOne,one,Ada\nTwo,two,Ada|Bo\n");
    site.done(&["import", "posts", "rows.csv", "--link", "authors.name", "--atomic"]);
    assert_eq!(names(&posts(&site)[1]), ["Ada", "Bo"]);
}

#[test]
fn a_row_with_a_known_key_changes_its_record() {
    let site = site();
    site.write("rows.csv", "title,slug,views,authors\nOne,one,1,Ada\nTwo,two,2,Bo\n");
    let arguments = ["import", "posts", "rows.csv", "--link", "authors.name", "--key", "slug"];
    site.done(&arguments);
    let first = posts(&site);
    // Of the record that is there, only what the file has changes; a key that comes twice changes what its first row made.
    site.write("rows.csv", "slug,title,authors\none,Uno,Ada|Cy\nthree,Three,\nthree,Tres,Bo\n");
    let run = site.done(&arguments);
    assert!(run.err.contains("1 created, 2 updated, 1 new authors"), "{}", run.err);
    let rows = posts(&site);
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[0]["id"], &rows[0]["views"], &rows[0]["title"]),
        (&first[0]["id"], &json!(1), &json!("Uno"))
    );
    assert_eq!((names(&rows[0]), names(&rows[1])), (vec!["Ada", "Cy"], vec!["Bo"]));
    assert_eq!(rows[1]["title"], "Tres");
    let unkeyed = refused(&site, &["import", "posts", "rows.csv", "--key", "views"]);
    assert!(unkeyed.err.contains("no unique key"), "{}", unkeyed.err);
}

#[test]
fn a_name_that_several_records_have_is_refused() {
    let site = site();
    site.write("teams.json", "[{\"name\":\"Core\"},{\"name\":\"Core\"}]");
    site.done(&["import", "teams", "teams.json"]);
    site.write("rows.ndjson", "{\"title\":\"One\",\"team\":\"Core\"}\n");
    let run = refused(&site, &["import", "posts", "rows.ndjson", "--link", "team.name"]);
    assert!(run.err.contains("names several records of teams: those with name \"Core\""), "{}", run.err);
}

#[test]
fn a_file_that_breaks_off_says_where_and_names_in_a_header_must_be_fields() {
    let site = site();
    site.write("rows.json", "[{\"title\":\"One\"},\n{\"title\":\n");
    let run = refused(&site, &["import", "posts", "rows.json"]);
    assert!(run.err.contains("rows.json, line 3: is not JSON: EOF"), "{}", run.err);
    assert_eq!(posts(&site).len(), 1, "what came before is written");
    site.write("rows.csv", "title,colour\nOne,red\n");
    let run = refused(&site, &["import", "posts", "rows.csv"]);
    assert!(run.err.contains("`colour` is not a field of posts: --skip"), "{}", run.err);
    let run = site.done(&["import", "posts", "rows.csv", "--skip", "colour"]);
    assert!(run.err.contains("1 created"), "{}", run.err);
    let unknown = refused(&site, &["import", "post", "rows.csv"]);
    assert!(unknown.err.contains("there are"), "{}", unknown.err);
}

#[test]
#[expect(clippy::print_stderr, reason = "what was left out is worth knowing")]
fn the_newsroom_takes_the_real_posts_as_files_and_again_without_a_change() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = std::env::var_os("PURLIN_TEST_DATA").map(std::path::PathBuf::from);
    let data = said.unwrap_or_else(|| here.join("../../../shared/data")).join("rust-blog/posts.ndjson");
    let Ok(text) = std::fs::read_to_string(&data) else {
        return eprintln!("left out: there are no real posts at ../shared/data (or PURLIN_TEST_DATA)");
    };
    let site = Site::of(&[]);
    for model in ["posts", "authors", "teams"] {
        let file = here.join(format!("../../examples/newsroom/models/{model}.toml"));
        let model_text = std::fs::read_to_string(file).expect("a model of the example");
        site.write(&format!("models/{model}.toml"), &model_text);
    }
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (number, row) in rows.iter().enumerate() {
        let mut matter = row.clone();
        let body = matter.as_object_mut().and_then(|map| map.shift_remove("body")).expect("a body");
        // JSON is YAML, on one line or many.
        let file = format!("---\n{matter}\n---\n\n{}", body.as_str().expect("a text"));
        site.write(&format!("raw/{number:04}.md"), &file);
    }
    let arguments = [
        "import",
        "posts",
        "raw",
        "--key",
        "section,published_at,slug",
        "--link",
        "authors.name",
        "--link",
        "team.name",
    ];
    let run = site.done(&arguments);
    assert!(run.err.contains("750 created, 167 new authors"), "{}", run.err);
    let before = site.done(&["export", "posts", "--fields", "id,slug,body,updated_at,authors,team"]).out;
    let run = site.done(&arguments);
    assert!(run.err.contains("750 updated") && !run.err.contains("new"), "{}", run.err);
    let after = site.done(&["export", "posts", "--fields", "id,slug,body,updated_at,authors,team"]).out;
    assert!(after == before, "an import of the same changes nothing");
    let bodies = before.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["body"].take());
    assert!(bodies.zip(&rows).all(|(body, row)| body == row["body"]), "a text was changed on its way");
}
