//! `purlin inspect`: a site over a database with the customs of others.

use std::fs;

use purlin_schema::settings::DatabaseSettings;
use purlin_schema::{Site as Loaded, load::Layers};
use purlin_store::Store;
use purlin_store::testing::Fresh;

use crate::site::{Server, Site, golden};

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
        ("/shipment/{id_value == \"S-2\"}", &["S-2", "2021-03-05"]),
        ("/parcel/1", &["9007199254740993", "&lt;b&gt;&#123;&#123;x}}", ">S-1</a>"]),
        ("/shipment/{id_value == \"S-1\"}", &["/parcel/1"]),
        ("/album_titles/1", &["AC/DC"]),
        ("/track", &["3 records"]),
    ] {
        let answer = server.get(&addressed(&server, path));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        for part in parts {
            assert!(answer.body.contains(part), "{path}: no {part:?} in\n{}", answer.body);
        }
    }
    let found = server.get("/api/users_table?filter=country.code%20%3D%3D%20%22DE%22&fields=login");
    assert_eq!(found.json()["items"], serde_json::json!([{"id": 1, "login": "ada"}]), "{}", found.body);
    assert!(!server.get("/api/employee").body.contains("password"), "a secret is told");
    let demo = serde_json::json!({"email": "admin@example.com", "password": "look around here"});
    assert_eq!(server.post("/api/auth/login", &demo).status, 200, "the account that is promised");
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
        ("mongodb://localhost/shop", "no URL of a database"),
        ("postgres://nobody@127.0.0.1:1/shop", "127.0.0.1:1"),
        ("mysql://nobody:secret@127.0.0.1:1/shop", "127.0.0.1:1"),
    ] {
        let run = site.run(&["inspect", url, "--into", "shop"]);
        assert!(
            run.code == 1 && run.err.contains(said) && !run.err.contains("secret"),
            "{url}: {}{}",
            run.out,
            run.err
        );
        assert!(!site.path().join("shop").exists());
    }
}

const POSTGRES: &str = include_str!("golden/servers/postgres.sql");
const MYSQL: &str = include_str!("golden/servers/mysql.sql");

/// What each table of a server's database holds, as one number or digest each.
fn digests(database: &Fresh) -> Vec<Vec<Option<String>>> {
    if database.is_postgres() {
        return database.rows(
            "SELECT c.relname, md5(query_to_xml(format('SELECT t::text FROM public.%I t ORDER BY 1', c.relname), true, true, '')::text) \
             FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'm') ORDER BY 1",
        );
    }
    let tables = database.rows(
        "SELECT GROUP_CONCAT(CONCAT('`', TABLE_NAME, '`')) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = database() AND TABLE_TYPE = 'BASE TABLE'",
    );
    let tables = tables[0][0].clone().expect("tables");
    database.rows(&format!("CHECKSUM TABLE {tables} EXTENDED"))
}

/// A path in which a filter stands for the id of the record that it finds.
fn addressed(server: &Server, path: &str) -> String {
    let Some((model, filter)) =
        path.split_once("/{").and_then(|(model, rest)| Some((model, rest.strip_suffix('}')?)))
    else {
        return path.to_owned();
    };
    let filter = filter.replace(' ', "%20").replace('"', "%22").replace('&', "%26");
    let found = server.get(&format!("/api{model}?filter={filter}&fields=id")).json();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{path}: {found}");
    format!("{model}/{}", found["items"][0]["id"])
}

/// The pages of a site over a server's database, and what each must show.
type Shown = &'static [(&'static str, &'static [&'static str])];

const ON_POSTGRES: Shown = &[
    ("/", &["/auth_user", "/odd_table"]),
    ("/auth_user/1", &["ada@example.com", "2020-02-29", "21:59:59", "/auth_group/2"]),
    ("/categories/2", &["Leaf 🎵", "/categories/1"]),
    (
        "/products/1",
        &[
            "Lamp &lt;b&gt;",
            "19.90",
            "12.50",
            "4.25",
            "1234567890123456789012345678901234567890",
            "live",
            "08:30:00",
            "10.0.0.1",
            "23.68",
            "9007199254740993",
        ],
    ),
    ("/stock/{amount == 12}", &["12", "/warehouses/a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "/products/1"]),
    ("/warehouses/a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", &["North"]),
    ("/orders/1", &["it&#39;s sent", "/auth_user/1"]),
    ("/odd_table/{key_col == \"A\"}", &["A", "2"]),
    ("/live_products/1", &["19.90"]),
    ("/schema_migrations", &["2 records", "20230101"]),
];

const ON_MYSQL: Shown = &[
    ("/", &["/wp_posts", "/gig_list"]),
    ("/wp_posts/1", &["Hello 🎵 &lt;b&gt;world&lt;/b&gt;", "2024-02-29", "publish"]),
    ("/wp_posts/2", &["Draft"]),
    ("/wp_posts/3", &["publish"]),
    ("/wp_options/2", &["café"]),
    ("/wp_term_relationships/{object_id == 1 && term_taxonomy_id == 2}", &["<dd>2</dd>"]),
    (
        "/artist/1",
        &[
            "Björk",
            "solo&#39;ist",
            "a,b",
            "1977",
            "12.50",
            "08:30:00",
            "One Little",
            "1965-11-21",
            "/genre/2",
        ],
    ),
    ("/artist/2", &["9007199254740993", "/artist/1"]),
    ("/country/{code == \"DE\"}", &["Germany"]),
    ("/gig_list/7", &["first", "/artist/1"]),
    ("/published", &["3 records"]),
];

#[test]
fn a_site_over_a_servers_database_shows_it_and_changes_nothing() {
    for database in Fresh::on_servers() {
        let (sql, name, pages) = match database.is_postgres() {
            true => (POSTGRES, "postgres", ON_POSTGRES),
            false => (MYSQL, "mysql", ON_MYSQL),
        };
        database.run_within(sql);
        let before = digests(&database);
        let site = Site::empty();
        let mut told = site.done(&["inspect", &database.url, "--into", "."]).out;
        let mut models: Vec<_> =
            fs::read_dir(site.path().join("models")).expect("models").flatten().collect();
        models.sort_by_key(fs::DirEntry::path);
        let own = database.url.rsplit_once('/').map_or("", |(_, name)| name);
        let settings = site.read("site.toml").replace(own, "DATABASE");
        let database_alone = settings.split_once("[database]").map_or("", |(_, rest)| rest);
        told.push_str(&format!("\n# site.toml\n[database]{database_alone}"));
        for model in &models {
            let name = format!("models/{}", model.file_name().to_string_lossy());
            told.push_str(&format!("\n# {name}\n{}", site.read(&name)));
            site.edit(&name, "'user.role == \"admin\"'", "'true'");
        }
        golden(&format!("servers/{name}.txt"), &told);

        site.edit("pages/_layout.html", "'user.role == \"admin\"'", "'true'");
        let server = site.start("dev");
        for (path, parts) in pages {
            let answer = server.get(&addressed(&server, path));
            assert_eq!(answer.status, 200, "{name} {path}: {}", answer.body);
            for part in *parts {
                assert!(answer.body.contains(part), "{name} {path}: no {part:?} in\n{}", answer.body);
            }
        }
        let found = |query: &str| server.get(&format!("/api/{query}")).json();
        if database.is_postgres() {
            let items = &found(
                "products?filter=price%20%3E%2010%20%26%26%20category.name.startsWith(%22Leaf%22)&fields=name",
            )["items"];
            assert_eq!(items, &serde_json::json!([{"id": 1, "name": "Lamp <b>"}]));
            assert_eq!(found("auth_user?filter=username%20%3D%3D%20%22%C3%84lva%22&total=true")["total"], 1);
            assert!(!server.get("/api/auth_user").body.contains("pbkdf2"), "a secret is told");
        } else {
            // Zero dates are null, for filters too; text compares exactly, whatever the column's collation.
            assert_eq!(found("wp_posts?filter=post_date%20%3D%3D%20null&total=true")["total"], 2);
            assert_eq!(found("wp_users?filter=user_login%20%3D%3D%20%22%C3%84RLA%22&total=true")["total"], 0);
            assert_eq!(found("wp_users?filter=user_login%20%3D%3D%20%22%C3%84rla%22&total=true")["total"], 1);
            assert_eq!(found("wp_posts?filter=menu_order%20-%20id%20%3C%200&total=true")["total"], 3);
        }
        drop(server);
        assert_eq!(digests(&database), before, "{name}: the database was changed");
    }
}
