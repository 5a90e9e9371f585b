//! `purlin inspect`: a site over a database with the customs of others.

use std::fs;

use purlin_schema::settings::DatabaseSettings;
use purlin_schema::{Site as Loaded, load::Layers};
use purlin_store::Store;

use crate::site::{Site, golden};

const SQL: &str = include_str!("golden/inspect.sql");

/// A database that is not Purlin's: mixed names, keys of several columns and of text, a view, a trigger, bytes.
fn shop(folder: &std::path::Path) {
    let site = Site::of(&[]);
    let (loaded, _) = Loaded::load(site.path(), &Layers::default()).expect("an empty site");
    let store =
        Store::open(folder, &DatabaseSettings::of("sqlite:made.db"), loaded.models).expect("a database");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(store.testing().run(SQL)).expect("the tables");
    // The store keeps its own file open for a while; a copy is nobody's.
    let copy = format!("VACUUM INTO '{}'", folder.join("shop.db").display());
    runtime.block_on(store.testing().run(&copy)).expect("a copy");
}

#[test]
fn a_site_over_a_database_shows_it_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    shop(folder.path());
    let database = folder.path().join("shop.db");
    let before = fs::read(&database).expect("the database");

    let site = Site::empty();
    let run = site.done(&["inspect", &format!("sqlite:{}", database.display()), "--into", "."]);
    let mut told = run.out;
    let mut models: Vec<_> = fs::read_dir(site.path().join("models")).expect("models").flatten().collect();
    models.sort_by_key(fs::DirEntry::path);
    for model in &models {
        let name = format!("models/{}", model.file_name().to_string_lossy());
        told.push_str(&format!("\n# {name}\n{}", site.read(&name)));
    }
    golden("inspect.txt", &told);

    let server = site.start("dev");
    assert_eq!(server.get("/track").status, 303, "only administrators see what there is");
    drop(server);

    for model in &models {
        let name = format!("models/{}", model.file_name().to_string_lossy());
        site.edit(&name, "'user.role == \"admin\"'", "'true'");
    }
    site.edit("pages/_layout.html", "'user.role == \"admin\"'", "'true'");
    let server = site.start("dev");
    for (path, parts) in [
        ("/", &["/order_details"][..]),
        ("/artist/4", &["Björk 🎵 &lt;script&gt;", "Homogenic"]),
        ("/track/1", &["0.99", "343.719", "For Those About To Rock", "/playlist/1"]),
        ("/playlist/1", &["/track/1", "/track/2"]),
        ("/employee/2", &["Adams", "1958-12-08", "2002-05-01"]),
        ("/users_table/1", &["/country/1", "12.50", "2020-02-29"]),
        ("/order_details/2", &["9.80"]),
        ("/shipment/2", &["S-2", "2021-03-05"]),
        ("/parcel/1", &["9007199254740993", "&lt;b&gt;&#123;&#123;x}}"]),
        ("/album_titles/1", &["AC/DC"]),
        ("/track", &["3 records"]),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        for part in parts {
            assert!(answer.body.contains(part), "{path}: no {part:?} in\n{}", answer.body);
        }
    }
    let found = server.get("/api/users_table?filter=country.code%20%3D%3D%20%22DE%22&fields=login");
    assert_eq!(found.json()["items"], serde_json::json!([{"id": 1, "login": "ada"}]), "{}", found.body);
    assert!(!server.get("/api/employee").body.contains("password"), "a secret is told");
    let written = server.post("/api/artist", &serde_json::json!({"name": "Nobody"}));
    assert!(matches!(written.status, 401 | 403), "{}", written.body);
    drop(server);

    assert!(fs::read(&database).expect("the database") == before, "the database was changed");
}

#[test]
fn what_is_no_database_is_told() {
    let site = Site::empty();
    site.write("notes.txt", "no database at all, but long enough to be read as the head of one, perhaps");
    for (url, said) in [
        ("sqlite:nothing.db", "there is no file"),
        ("sqlite:notes.txt", "cannot be read"),
        ("postgres://localhost/shop", "only SQLite files can"),
    ] {
        let run = site.run(&["inspect", url, "--into", "shop"]);
        assert!(run.code == 1 && run.err.contains(said), "{url}: {}{}", run.out, run.err);
        assert!(!site.path().join("shop").exists());
    }
}
