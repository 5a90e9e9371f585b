//! From a site's files to the picture: the loader's models, and what they ask of the database.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use purlin_schema::Models;
use purlin_schema::Site;
use purlin_schema::load::Layers;
use purlin_store::migrate::{DevOutcome, Snapshot, Wanted};

use super::actual::{actual, expected};
use super::support::{Folder, picture};

fn load(folder: &Folder, files: &[(&str, &str)]) -> Arc<Models> {
    for (name, text) in files {
        let path = folder.root().join("models").join(format!("{name}.toml"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    match Site::load(folder.root(), &Layers::default()) {
        Ok((site, _)) => site.models,
        Err(mistakes) => panic!("{:#?}", mistakes.list),
    }
}

#[test]
fn models_ask_for_tables() {
    let folder = Folder::new();
    let models = load(
        &folder,
        &[
            (
                "posts",
                r#"
                [fields]
                title = { type = "text", required = true }
                slug = { type = "slug", from = "title", unique = true }
                body = { type = "markdown" }
                price = { type = "decimal", scale = 2, default = "1.50" }
                status = { type = "choice", of = ["draft", "published"], default = "draft", was = "state" }
                author = { type = "ref", to = "users", required = true, default = "= user" }
                editor = { type = "ref", to = "users", inverse = "edited" }
                topic = { type = "ref", to = "topics" }
                tags = { type = "refs", to = "topics", inverse = "tagged" }
                at = { type = "datetime", default = "= now", index = true }
                [[unique]]
                fields = ["author", "title"]
                [[index]]
                fields = ["status", "created_at"]
                "#,
            ),
            ("topics", "[model]\nid = \"uuid\"\nwas = \"themes\"\n[fields]\nname = { type = \"text\" }"),
        ],
    );
    let mut wanted = Wanted::of(&models);
    let posts = wanted.snapshot.tables.remove("posts").expect("posts");
    let written = picture(
        r#"
        [posts]
        fields.title = { type = "text", required = true }
        fields.slug = { type = "text" }
        fields.body = { type = "text" }
        fields.price = { type = "decimal(2)" }
        fields.status = { type = "text", of = ["draft", "published"] }
        fields.author = { type = "int", to = "users", required = true }
        fields.editor = { type = "int", to = "users" }
        fields.topic = { type = "uuid", to = "topics" }
        fields.at = { type = "datetime" }
        links.tags = "topics"
        uniques = [["slug"], ["author", "title"]]
        indexes = [["editor"], ["topic"], ["at"], ["status", "created_at"]]
        "#,
    );
    assert_eq!(posts, written.tables["posts"]);
    let defaults: BTreeSet<_> = wanted
        .defaults
        .iter()
        .filter(|((table, _), _)| table == "posts")
        .map(|((_, field), default)| format!("{field} {default}"))
        .collect();
    assert_eq!(
        defaults,
        BTreeSet::from(["at \"= now\"", "price \"1.50\"", "status \"draft\""].map(str::to_owned))
    );
    assert_eq!(wanted.fields_were[&("posts".to_owned(), "status".to_owned())], "state");
    assert_eq!(wanted.tables_were["topics"], "themes");
    assert!(wanted.snapshot.tables.contains_key("users") && wanted.snapshot.tables.contains_key("_sessions"));
}

#[test]
fn dev_follows_the_models() {
    let folder = Folder::new();
    let first =
        load(&folder, &[("posts", "[fields]\ntitle = { type = \"text\" }\nviews = { type = \"text\" }")]);
    folder.migrator().dev(&first, |_| panic!("nothing is lost")).expect("it follows");
    assert_eq!(actual(&folder.database()), expected(&Snapshot::of(&first)));
    folder
        .run("INSERT INTO posts (created_at, updated_at, _version, title, views) VALUES (1, 1, 1, 'a', '7')");
    let second = load(
        &folder,
        &[(
            "posts",
            "[fields]\nheadline = { type = \"text\", was = \"title\" }\nviews = { type = \"int\" }\n\
             at = { type = \"datetime\", required = true, default = \"= now\" }",
        )],
    );
    let mut migrator = folder.migrator();
    assert!(migrator.is_behind(&second).expect("history").is_some());
    migrator.dev(&second, |_| panic!("nothing is lost")).expect("it follows");
    assert!(migrator.is_behind(&second).expect("history").is_none());
    assert_eq!(migrator.dev(&second, |_| false).expect("again"), DevOutcome::UpToDate);
    assert_eq!(folder.text("SELECT headline, views, at > 1600000000000000 FROM posts"), "a|7|1");
    let plan = migrator.plan(&second).expect("a plan").to_string();
    assert!(plan.contains("+ table posts\n    at datetime, required\n"), "{plan}");
}

#[test]
fn the_example_migrates() {
    let blog = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog");
    let (site, _) =
        Site::load(&blog, &Layers::default()).unwrap_or_else(|mistakes| panic!("{:#?}", mistakes.list));
    let folder = Folder::new();
    folder.migrator().dev(&site.models, |_| false).expect("it follows");
    assert_eq!(actual(&folder.database()), expected(&Snapshot::of(&site.models)));
}
