//! Writing to tables that others made: what is written through Purlin stands there as plain SQL has it, and nothing else
//! of the table is another.

use std::path::PathBuf;

use purlin_schema::expr::{Expect, Scope, check};
use purlin_schema::query::Query;
use purlin_store::testing::{Fresh, Known, rows_of_file, run_in_file};
use serde_json::{Value, json};

use crate::site::{Server, Site};

/// A database that others made, with a site over it that lets everybody write.
struct Beside {
    database: Database,
    site: Site,
}

enum Database {
    File(tempfile::TempDir),
    Server(Fresh),
}

fn place(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("shop.db")
}

type Rows = Vec<Vec<Option<String>>>;

impl Database {
    fn file(sql: &str) -> Database {
        let folder = tempfile::tempdir().expect("a folder");
        run_in_file(&place(&folder), sql);
        Database::File(folder)
    }

    fn url(&self) -> String {
        match self {
            Database::File(folder) => format!("sqlite:{}", place(folder).display()),
            Database::Server(fresh) => fresh.url.clone(),
        }
    }

    /// What plain SQL says.
    fn rows(&self, sql: &str) -> Rows {
        match self {
            Database::File(folder) => rows_of_file(&place(folder), sql),
            Database::Server(fresh) => fresh.rows(sql),
        }
    }

    /// The only row, with `-` for a null.
    fn row(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}");
        let texts: Vec<&str> = rows[0].iter().map(|text| text.as_deref().unwrap_or("-")).collect();
        texts.join("|")
    }

    fn run(&self, sql: &str) {
        match self {
            Database::File(folder) => run_in_file(&place(folder), sql),
            Database::Server(fresh) => fresh.run_within(sql),
        }
    }
}

impl Beside {
    fn of(database: Database) -> Beside {
        let site = Site::empty();
        site.done(&["inspect", &database.url(), "--into", "."]);
        for model in std::fs::read_dir(site.path().join("models")).expect("models").flatten() {
            let name = format!("models/{}", model.file_name().to_string_lossy());
            let mine = "# create, update and delete: nobody, until a rule for each says who";
            let text = site.read(&name).replace("'user.role == \"admin\"'", "'true'");
            site.write(&name, &text.replace(mine, "create = 'true'\nupdate = 'true'\ndelete = 'true'"));
        }
        site.edit("pages/_layout.html", "'user.role == \"admin\"'", "'true'");
        Beside { database, site }
    }
}

/// Makes a record; its path and what was answered.
fn made(server: &Server, model: &str, fields: &Value) -> (String, Value) {
    let answer = server.post(&format!("/api/{model}"), fields);
    assert_eq!(answer.status, 201, "{model} {fields}: {}", answer.body);
    let path = answer.header("location").expect("a place").to_owned();
    let read = server.get(&path);
    assert_eq!(read.json(), answer.json(), "what was answered is what is there");
    assert_eq!(read.header("etag"), answer.header("etag"), "{path}");
    (path, answer.json())
}

/// Asks for something that is refused, by this field and code; nothing is written.
fn refused(beside: &Beside, server: &Server, asked: (&str, &str, &Value), field: &str, code: &str) {
    let (method, path, json) = asked;
    let table = |database: &Database| database.rows(&everything(database));
    let before = table(&beside.database);
    let answer = server.send(method, path, json, None);
    assert_eq!(answer.status, 422, "{method} {path} {json}: {}", answer.body);
    let errors = &answer.json()["errors"];
    assert_eq!(errors.as_array().map(Vec::len), Some(1), "{path} {json}: {errors}");
    assert_eq!(
        (&errors[0]["field"], &errors[0]["code"]),
        (&json!(field), &json!(code)),
        "{path} {json}: {errors}"
    );
    assert_eq!(table(&beside.database), before, "{method} {path} {json} wrote something");
}

/// Counts and digests of all tables, as one statement.
fn everything(database: &Database) -> String {
    match database {
        Database::File(folder) => {
            let tables = rows_of_file(&place(folder), "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
            let counts: Vec<String> = tables
                .into_iter()
                .filter_map(|row| row.into_iter().next().flatten())
                .map(|table| format!("SELECT '{table}', count(*) FROM \"{table}\""))
                .collect();
            counts.join(" UNION ALL ")
        }
        Database::Server(fresh) if fresh.is_postgres() => {
            "SELECT c.relname, md5(query_to_xml(format('SELECT t::text FROM public.%I t ORDER BY 1', c.relname), true, true, '')::text) \
             FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1"
                .to_owned()
        }
        Database::Server(fresh) => {
            let tables = fresh.rows(
                "SELECT GROUP_CONCAT(CONCAT('`', TABLE_NAME, '`')) FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = database() AND TABLE_TYPE = 'BASE TABLE'",
            );
            format!("CHECKSUM TABLE {} EXTENDED", tables[0][0].as_deref().expect("tables"))
        }
    }
}

/// What others did to a record meanwhile, and what nobody did, is told apart.
fn versions(beside: &Beside, server: &Server, path: &str, patch: &Value, sql: &str) {
    let tag = || server.get(path).header("etag").expect("a tag").to_owned();
    let (first, nothing) = (tag(), json!(null));
    beside.database.run(sql);
    let with = |tag: &str, method: &str, json: &Value| {
        server.send(method, path, json, Some(("if-match", tag))).status
    };
    assert_eq!(with(&first, "PATCH", patch), 412, "{path}: another one was faster");
    assert_eq!(with(&first, "DELETE", &nothing), 412, "{path}");
    let second = tag();
    assert_eq!(with(&second, "PATCH", patch), 200, "{path}");
    assert_eq!(with(&second, "PATCH", patch), 412, "{path}: that version is over");
    let third = tag();
    assert_eq!(server.send("PATCH", path, patch, None).status, 200, "{path}");
    assert_eq!(tag(), third, "{path}: what changes nothing is the same version");
}

const POSTGRES: &str = include_str!("golden/servers/postgres.sql");
const MYSQL: &str = include_str!("golden/servers/mysql.sql");
const SQLITE: &str = include_str!("golden/inspect.sql");

#[test]
fn what_is_written_to_a_schema_of_postgresql_stands_there_as_sql_has_it() {
    let Some(fresh) = Fresh::postgres() else { return };
    fresh.run_within(POSTGRES);
    let beside = Beside::of(Database::Server(fresh));
    let (database, site) = (&beside.database, &beside.site);
    // A password hash is written where a page or the file says so; the database's own limits, where the file has none.
    site.edit("models/auth_user.toml", ", hidden = true", "");
    site.edit("models/auth_group.toml", "max = 150, ", "");
    let server = site.start("dev");

    let all = json!({"name": "Söfa 🎵", "price": "10.50", "discount": "5.00", "weight": 2.5, "ratio": 0.5, "meta": {"a": 1},
        "raw": [1, 2], "available": "[2024-01-01,2024-02-01)", "lead_time": "26h", "opens": "09:15:00", "ip": "10.1.2.3",
        "select": 5, "made_on": "2024-02-29", "views": "9007199254740993", "category": 2, "rating": "4.75",
        "huge": "12345678901234567890123"});
    let (path, answer) = made(&server, "products", &all);
    // What was not given has the database's defaults.
    assert_eq!(
        (&answer["status"], &answer["tags"], &answer["price_gross"]),
        (&json!("draft"), &json!([]), &json!("12.50"))
    );
    let row = "SELECT \"Name\", price, discount, weight, ratio, rating, huge, status, tags, meta, raw, photo, category_id, available, \
               lead_time, opens, ip, \"select\", price_gross, made_on, views FROM products WHERE id = 3";
    assert_eq!(
        database.row(row),
        "Söfa 🎵|10.50|5.00|2.5|0.5|4.75|12345678901234567890123|draft|{}|{\"a\": 1}|[1, 2]|-|2|[2024-01-01,2024-02-01)|26:00:00|\
         09:15:00|10.1.2.3|5|12.50|2024-02-29|9007199254740993"
    );
    // The times that others keep, too, are kept.
    let times = "SELECT created_at > now() at time zone 'UTC' - interval '1 minute', created_at = updated_at FROM products WHERE id = 3";
    assert_eq!(database.row(times), "t|t");
    assert_eq!(
        server.send("PATCH", &path, &json!({"name": "Sofa", "meta": {"b": null, "c": 2}}), None).status,
        200
    );
    assert_eq!(database.row("SELECT \"Name\", meta FROM products WHERE id = 3"), "Sofa|{\"a\": 1, \"c\": 2}");
    assert_eq!(database.row("SELECT updated_at > created_at FROM products WHERE id = 3"), "t");
    versions(
        &beside,
        &server,
        &path,
        &json!({"made_on": "2024-03-01"}),
        "UPDATE products SET weight = 9 WHERE id = 3",
    );
    assert_eq!(server.send("DELETE", &path, &Value::Null, None).status, 204);
    assert_eq!(database.row("SELECT count(*) FROM products"), "2");

    // Refs, lists of refs, enums, UUIDs, keys of several columns and of text.
    let (group, _) = made(&server, "auth_group", &json!({"name": "New", "auth_user": [1, 2]}));
    assert_eq!(server.send("PATCH", &group, &json!({"auth_user": [2]}), None).status, 200);
    assert_eq!(
        database.row("SELECT string_agg(user_id::text, ',') FROM auth_user_groups WHERE group_id = 3"),
        "2"
    );
    let warehouse = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    let (order, _) = made(
        &server,
        "orders",
        &json!({"customer": 2, "state": "paid", "product_id": 1, "warehouse_id": warehouse}),
    );
    assert_eq!(database.row("SELECT customer, state, product_id FROM orders WHERE id = 2"), "2|paid|1");
    made(&server, "warehouses", &json!({"name": "South"}));
    let (stock, _) = made(&server, "stock", &json!({"warehouse": warehouse, "product": 2, "amount": 4}));
    assert_eq!(server.send("PATCH", &stock, &json!({"amount": 7}), None).status, 200);
    assert_eq!(
        database.row("SELECT string_agg(product_id || ':' || amount, ',' ORDER BY product_id) FROM stock"),
        "1:12,2:7"
    );
    let (odd, _) = made(&server, "odd_table", &json!({"key_col": "ö {0} 'q", "n100": 5}));
    versions(
        &beside,
        &server,
        &odd,
        &json!({"n100": 6}),
        "UPDATE \"Odd Table\" SET \"100%\" = 9 WHERE \"100%\" = 5",
    );
    made(
        &server,
        "auth_user",
        &json!({"password": "x", "is_superuser": false, "username": "eve", "email": "e@example.com"}),
    );
    assert_eq!(database.row("SELECT first_name, is_active FROM auth_user WHERE username = 'eve'"), "|t");

    for (asked, field, code) in [
        (("POST", "/api/auth_group", json!({"name": "Editors"})), "name", "unique"),
        (("POST", "/api/auth_group", json!({"name": "x".repeat(151)})), "name", "too_long"),
        (("POST", "/api/odd_table", json!({"key_col": "A"})), "key_col", "unique"),
        (
            ("POST", "/api/stock", json!({"warehouse": warehouse, "product": 1, "amount": 1})),
            "warehouse",
            "unique",
        ),
        (("PATCH", &*stock, json!({"product": 1})), "product", "read_only"),
        (("PATCH", &*stock, json!({"amount": -1})), "amount", "check"),
        (("POST", "/api/orders", json!({"customer": 99})), "customer", "not_found"),
        (("PATCH", &*order, json!({"product_id": 9})), "warehouse_id", "not_found"),
        (("PATCH", &*order, json!({"state": "lost"})), "state", "choice"),
        (("PATCH", "/api/products/1", json!({"discount": "101.00"})), "", "check"),
        (("PATCH", "/api/products/1", json!({"select": 40_000})), "select", "out_of_range"),
        (("PATCH", "/api/products/1", json!({"ip": "here"})), "ip", "out_of_range"),
        (("PATCH", "/api/products/1", json!({"opens": "25:00:99"})), "opens", "out_of_range"),
        (("PATCH", "/api/products/1", json!({"status": null})), "status", "required"),
        (("PATCH", "/api/products/1", json!({"price_gross": "1.00"})), "price_gross", "read_only"),
        (("PATCH", "/api/products/1", json!({"tags": []})), "tags", "read_only"),
    ] {
        let (method, path, json) = asked;
        refused(&beside, &server, (method, path, &json), field, code);
    }
    // Foreign keys that are checked at once and at the end of a transaction, and one of a table that is no model.
    for (path, by) in [
        ("/api/categories/1", "categories"),
        ("/api/auth_group/1", "auth_user"),
        ("/api/auth_user/1", "orders"),
    ] {
        let answer = server.send("DELETE", path, &Value::Null, None);
        assert_eq!(answer.status, 409, "{path}: {}", answer.body);
        assert_eq!(answer.json()["detail"], format!("records of {by} refer to it"));
    }
    // What the database cascades is the database's own.
    database.run(
        "ALTER TABLE auth_user_groups DROP CONSTRAINT auth_user_groups_group_id_fkey; \
         ALTER TABLE auth_user_groups ADD FOREIGN KEY (group_id) REFERENCES auth_group (id) ON DELETE CASCADE",
    );
    assert_eq!(server.send("DELETE", "/api/auth_group/1", &Value::Null, None).status, 204);
    assert_eq!(database.row("SELECT count(*) FROM auth_user_groups WHERE group_id = 1"), "0");
    assert_eq!(server.post("/api/live_products", &json!({"name": "x"})).status, 401, "a view is only read");
}

#[test]
fn what_is_written_to_a_database_of_mysql_stands_there_as_sql_has_it() {
    let Some(fresh) = Fresh::mysql() else { return };
    fresh.run_within(MYSQL);
    let beside = Beside::of(Database::Server(fresh));
    let (database, site) = (&beside.database, &beside.site);
    site.edit("models/genre.toml", "max = 40, ", "");
    let server = site.start("dev");

    let all = json!({"name": "Múm 🎵", "flags": "a", "active": false, "stars": 4, "on_air": true, "founded": 1997, "fee": "3.50",
        "ratio": 0.25, "weight": 1.5, "opens": "07:05:00", "meta": {"a": [1]}, "born": "1997-02-28",
        "seen": "2024-02-29T12:30:15Z", "state": "out", "mentor": 1, "genre": [1, 2], "plays": "18446744073709551614"});
    let (path, answer) = made(&server, "artist", &all);
    assert_eq!(
        (&answer["kind"], &answer["doubled"], &answer["plays"]),
        (&json!("band"), &json!(8), &all["plays"])
    );
    let row = "SELECT name, kind, flags, mentor, active, stars, hex(on_air), founded, plays, fee, ratio, weight, opens, meta, photo, \
               born, seen, state, doubled FROM artist WHERE id = 3";
    assert_eq!(
        database.row(row),
        "Múm 🎵|band|a|1|0|4|1|1997|18446744073709551614|3.50|0.25|1.5|07:05:00|{\"a\":[1]}|-|1997-02-28|2024-02-29 12:30:15|out|8"
    );
    assert_eq!(server.send("PATCH", &path, &json!({"state": null, "genre": [2]}), None).status, 200);
    assert_eq!(database.row("SELECT group_concat(genre_id), (SELECT state FROM artist WHERE id = 3) FROM artist_genre WHERE artist_id = 3"), "2|-");
    versions(&beside, &server, &path, &json!({"stars": 5}), "UPDATE artist SET weight = 2 WHERE id = 3");
    assert_eq!(server.send("PATCH", &path, &json!({"genre": []}), None).status, 200);
    assert_eq!(server.send("DELETE", &path, &Value::Null, None).status, 204);

    // Texts that must be there and are empty; a date that is zero stays what it is; a charset of one byte a letter.
    let (post, _) =
        made(&server, "wp_posts", &json!({"post_title": "Neu 🎵", "post_date": "2026-11-01T10:00:00Z"}));
    assert_eq!(
        database.row("SELECT post_author, post_date, post_content, post_title, post_excerpt, post_status FROM wp_posts WHERE ID = 4"),
        "0|2026-11-01 10:00:00||Neu 🎵||publish"
    );
    assert_eq!(server.send("PATCH", &post, &json!({"post_title": null}), None).status, 200);
    assert_eq!(server.send("PATCH", "/api/wp_posts/2", &json!({"post_title": "Draft!"}), None).status, 200);
    let posts = "SELECT group_concat(concat(ID, post_title, CAST(post_date AS CHAR)) ORDER BY ID) FROM wp_posts WHERE ID IN (2, 4)";
    assert_eq!(database.row(posts), "2Draft!0000-00-00 00:00:00,42026-11-01 10:00:00");
    made(&server, "wp_options", &json!({"option_name": "naïve", "option_value": "é"}));
    assert_eq!(
        database
            .row("SELECT hex(option_name), hex(option_value), autoload FROM wp_options WHERE option_id = 3"),
        "6E61EF7665|E9|yes"
    );
    // Keys of several columns and of text, odd names.
    let (term, _) = made(&server, "wp_term_relationships", &json!({"object_id": 9, "term_taxonomy_id": 4}));
    assert_eq!(server.send("PATCH", &term, &json!({"term_order": 3}), None).status, 200);
    assert_eq!(
        database.row("SELECT object_id, term_taxonomy_id FROM wp_term_relationships WHERE term_order = 3"),
        "9|4"
    );
    assert_eq!(server.send("DELETE", &term, &Value::Null, None).status, 204);
    assert_eq!(database.row("SELECT count(*) FROM wp_term_relationships"), "3");
    made(&server, "gig_list", &json!({"artist": 2, "order": "second"}));
    assert_eq!(database.row("SELECT `artist-id`, `order` FROM `Gig List` WHERE `Gig Id` = 8"), "2|second");
    made(&server, "country", &json!({"code": "FR", "name": "France"}));

    for (asked, field, code) in [
        (("PATCH", "/api/artist/2", json!({"fee": "-1.00"})), "fee", "out_of_range"),
        (("PATCH", "/api/artist/2", json!({"plays": "many"})), "plays", "out_of_range"),
        (("PATCH", "/api/artist/2", json!({"opens": "nine"})), "opens", "out_of_range"),
        (("PATCH", "/api/artist/2", json!({"flags": "z"})), "flags", "out_of_range"),
        (("PATCH", "/api/artist/2", json!({"stars": 300})), "stars", "out_of_range"),
        (("PATCH", "/api/artist/2", json!({"kind": null})), "kind", "required"),
        (("PATCH", "/api/artist/2", json!({"mentor": 99})), "mentor", "not_found"),
        (("PATCH", "/api/artist/2", json!({"doubled": 1})), "doubled", "read_only"),
        (("POST", "/api/genre", json!({"name": "pop"})), "name", "unique"),
        (("POST", "/api/genre", json!({"name": "x".repeat(41)})), "name", "too_long"),
        (("POST", "/api/country", json!({"code": "is", "name": "x"})), "code", "unique"),
        (
            ("POST", "/api/wp_options", json!({"option_name": "SITEURL", "option_value": "x"})),
            "option_name",
            "unique",
        ),
        (
            ("POST", "/api/wp_options", json!({"option_name": "🎵", "option_value": "x"})),
            "option_name",
            "out_of_range",
        ),
        (("POST", "/api/wp_users", json!({"user_login": "bob"})), "user_registered", "required"),
    ] {
        let (method, path, json) = asked;
        refused(&beside, &server, (method, path, &json), field, code);
    }
    for (path, by) in [("/api/genre/1", "artist"), ("/api/artist/2", "gig_list")] {
        let answer = server.send("DELETE", path, &Value::Null, None);
        assert_eq!(
            (answer.status, &answer.json()["detail"]),
            (409, &json!(format!("records of {by} refer to it"))),
            "{path}"
        );
    }
}

#[test]
fn what_is_written_to_a_file_of_others_stands_there_as_sql_has_it() {
    let more = "CREATE TABLE note (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES note (id) DEFERRABLE INITIALLY DEFERRED, \
                name TEXT COLLATE NOCASE UNIQUE, sent_at TEXT, n INTEGER CHECK (n > 0)); CREATE INDEX note_at ON note (sent_at); \
                INSERT INTO note VALUES (1, NULL, 'One', '2024-01-01T00:00:00.000Z', 1), (2, 1, 'two', NULL, NULL); \
                CREATE TABLE loose (a, b);";
    let beside = Beside::of(Database::file(&format!("{SQLITE}{more}")));
    let (database, site) = (&beside.database, &beside.site);
    let server = site.start("dev");

    let (track, answer) = made(
        &server,
        "track",
        &json!({"name": "Jóga 🎵", "milliseconds": 1500, "unit_price": "1.10", "explicit": true, "album": 1, "playlist": [1, 8]}),
    );
    assert_eq!(answer["seconds"], json!(1.5));
    let row = "SELECT Name, AlbumId, Milliseconds, Bytes, UnitPrice, typeof(UnitPrice), Explicit, typeof(Explicit) FROM Track WHERE TrackId = 4";
    assert_eq!(database.row(row), "Jóga 🎵|1|1500|-|1.1|real|1|integer");
    assert_eq!(
        server.send("PATCH", &track, &json!({"unit_price": "2.00", "playlist": [8]}), None).status,
        200
    );
    assert_eq!(database.row("SELECT UnitPrice, (SELECT group_concat(PlaylistId) FROM PlaylistTrack WHERE TrackId = 4) FROM Track WHERE TrackId = 4"), "2|8");
    versions(
        &beside,
        &server,
        &track,
        &json!({"name": "J"}),
        "UPDATE Track SET Milliseconds = 3 WHERE TrackId = 4",
    );

    // Times are written as those that are there, to the microsecond.
    made(
        &server,
        "employee",
        &json!({"last_name": "X", "birth_date": "2001-02-03T04:05:06.123456Z", "hired": "2020-02-29", "reports_to": 1}),
    );
    assert_eq!(
        database.row("SELECT BirthDate, hired, ReportsTo FROM Employee WHERE EmployeeId = 3"),
        "2001-02-03 04:05:06.123456|2020-02-29|1"
    );
    let (note, _) =
        made(&server, "note", &json!({"name": "three", "sent_at": "2024-02-29T23:59:59Z", "parent": 2}));
    assert_eq!(database.row("SELECT sent_at, parent FROM note WHERE id = 3"), "2024-02-29T23:59:59.000Z|2");

    // Refs by another key than the id, keys of several columns and of text, odd names.
    made(&server, "users_table", &json!({"login": "cyd", "country": 2, "balance": "3.25"}));
    assert_eq!(
        database
            .row("SELECT \"country-code\", balance, created_at IS NOT NULL FROM users WHERE login = 'cyd'"),
        "IS|3.25|1"
    );
    assert_eq!(server.send("PATCH", "/api/order_details/1", &json!({"quantity": 13}), None).status, 200);
    assert_eq!(database.row("SELECT group_concat(Quantity ORDER BY rowid) FROM \"Order Details\""), "13,10");
    let (shipment, answer) = made(
        &server,
        "shipment",
        &json!({"id_value": "S-9", "sent_on": "2024-02-29", "note": "007", "order_id": 10248, "product_id": 42}),
    );
    made(&server, "parcel", &json!({"shipment": answer["id"], "big": "9007199254740993", "b_x": "{0}"}));
    assert_eq!(
        database.row("SELECT shipment, big, \"<b>{{x}}\" FROM parcel WHERE id = 3"),
        "S-9|9007199254740993|{0}"
    );
    assert_eq!(
        database.row("SELECT sent_on, note, typeof(note) FROM shipment WHERE id = 'S-9'"),
        "2024-02-29|007|text"
    );
    made(&server, "loose", &json!({"a": "x"}));

    for (asked, field, code) in [
        (("POST", "/api/users_table", json!({"login": "ada"})), "login", "unique"),
        (("POST", "/api/users_table", json!({"login": "x", "country": 77})), "country", "not_found"),
        (("POST", "/api/note", json!({"name": "ONE"})), "name", "unique"),
        (("PATCH", &*note, json!({"n": 0})), "n", "check"),
        (("PATCH", &*note, json!({"parent": 77})), "parent", "not_found"),
        (("POST", "/api/shipment", json!({"id_value": "S-1"})), "id_value", "unique"),
        (
            ("POST", "/api/shipment", json!({"id_value": "S-8", "order_id": 10248, "product_id": 99})),
            "",
            "not_found",
        ),
        (("PATCH", &*shipment, json!({"id_value": "S-8"})), "id_value", "read_only"),
        (("PATCH", "/api/album/1", json!({"title": null})), "title", "required"),
        // A trigger says no.
        (("DELETE", "/api/track/3", Value::Null), "", "check"),
    ] {
        let (method, path, json) = asked;
        refused(&beside, &server, (method, path, &json), field, code);
    }
    for (path, said) in [
        ("/api/artist/1", "records of album refer to it"),
        ("/api/country/1", "records of users_table refer to it"),
        (&*shipment, "records of parcel refer to it"),
        // It is only found out when the transaction ends.
        ("/api/note/1", "other records refer to it"),
    ] {
        let answer = server.send("DELETE", path, &Value::Null, None);
        assert_eq!((answer.status, &answer.json()["detail"]), (409, &json!(said)), "{path}: {}", answer.body);
    }
    assert_eq!(server.send("DELETE", &note, &Value::Null, None).status, 204);
    assert_eq!(database.row("SELECT count(*) FROM note"), "2");

    // Text compares by letters here, whatever the column's collation.
    let found = server.get("/api/note?filter=name%20%3D%3D%20%22one%22&total=true").json();
    assert_eq!(found["total"], 0, "{found}");
}

const FORMS: &str = r#"+++
[data.row]
from   = "note"
filter = 'id == params.id'
one    = true
[form.save]
update = "data.row"
fields = ["name"]
then   = "/edit/{data.row.id}"
[form.remove]
delete = "data.row"
then   = "/"
[form.add]
create = "note"
fields = ["name"]
set    = { parent = "= data.row" }
then   = "/edit/{data.row.id}"
+++
{% extends "_layout.html" %}
{% block content %}{{ form("save") }}{{ form("remove") }}{{ form("add") }}{% endblock %}
"#;

#[test]
fn forms_write_to_tables_of_others_by_the_rules_of_both() {
    let sql = "CREATE TABLE note (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES note (id) ON DELETE CASCADE, name TEXT NOT NULL \
               DEFAULT '' UNIQUE); INSERT INTO note VALUES (1, NULL, 'One'), (2, 1, 'Two');";
    let beside = Beside::of(Database::file(sql));
    let (database, site) = (&beside.database, &beside.site);
    site.write("pages/edit/[id].html", FORMS);
    site.edit("models/note.toml", "delete = 'true'", "delete = 'name != \"Two\"'");
    let server = site.start("dev");
    assert_eq!(server.post_form("/edit/1", "_form=save&name=Uno").status, 303);
    assert_eq!(server.post_form("/edit/1", "_form=add&name=Three").status, 303);
    assert_eq!(
        database.row("SELECT group_concat(id || name || ifnull(parent, ''), ',') FROM note"),
        "1Uno,2Two1,3Three1"
    );
    let taken = server.post_form("/edit/1", "_form=add&name=Two");
    assert!(taken.status == 422 && taken.body.contains("is already taken"), "{}", taken.body);
    assert_eq!(server.post_form("/edit/1", "_form=save&name=").status, 303, "what takes no null is empty");
    assert_eq!(database.row("SELECT name FROM note WHERE id = 1"), "");
    let away = server.post_form("/edit/2", "_form=remove");
    assert!(away.header("location").is_some_and(|to| to.starts_with("/login")), "a rule says no: {away:?}");
    assert_eq!(database.row("SELECT count(*) FROM note"), "3");
    // The database takes along what it cascades.
    assert_eq!(server.post_form("/edit/1", "_form=remove").status, 303);
    assert_eq!(database.row("SELECT count(*) FROM note"), "0");
}

#[test]
fn what_cannot_be_found_again_is_only_read_and_nobody_writes_who_was_not_named() {
    let sql =
        "CREATE TABLE note (id INTEGER PRIMARY KEY, name TEXT); CREATE VIEW notes AS SELECT * FROM note;";
    let beside = Beside::of(Database::file(sql));
    let site = &beside.site;
    site.edit("models/notes.toml", "[access]", "[access]\ncreate = 'true'");
    let run = site.run(&["check"]);
    assert!(run.code != 0 && run.err.contains("only read: it is a view or has no key"), "{}", run.err);
    site.edit("models/notes.toml", "create = 'true'", "");
    site.edit("models/note.toml", "create = 'true'", "");
    site.done(&["migrate", "new", "--name", "own"]);
    site.done(&["migrate", "apply"]);
    site.write("seeds/note.toml", "[[note]]\nname = \"x\"\n");
    let run = site.run(&["seed"]);
    assert!(run.code != 0 && run.err.contains("seeds are not written to tables of others"), "{}", run.err);
    std::fs::remove_file(site.path().join("seeds/note.toml")).expect("the file");
    site.done(&["seed", "--scale", "2"]);
    assert_eq!(beside.database.row("SELECT count(*) FROM note"), "0", "what others keep is not filled");
    let server = site.start("dev");
    assert_eq!(server.post("/api/note", &json!({"name": "x"})).status, 401, "no rule says who makes one");
}

/// Both a text's own letters and its column's index tell which records have it.
#[test]
fn a_text_of_others_is_found_by_its_index() {
    for fresh in Fresh::on_servers() {
        let (sql, many, model, filter, index) = if fresh.is_postgres() {
            let many = "INSERT INTO auth_user (password, is_superuser, username, first_name, email) SELECT 'x', false, 'u' || n, '', '' \
                        FROM generate_series(1, 20000) n; ANALYZE auth_user";
            (POSTGRES, many, "auth_user", "username == \"u77\"", "auth_user_username")
        } else {
            let many = "SET SESSION sql_mode = ''; INSERT INTO wp_users (user_login) SELECT concat('u', seq) FROM seq_1_to_20000; \
                        ANALYZE TABLE wp_users";
            (MYSQL, many, "wp_users", "user_login == \"u77\"", "user_login_key")
        };
        fresh.run_within(sql);
        fresh.run_within(many);
        let beside = Beside::of(Database::Server(fresh));
        let (loaded, _) =
            purlin_schema::Site::load(beside.site.path(), &purlin_schema::load::Layers::default())
                .unwrap_or_else(|mistakes| panic!("{}", mistakes.draw(false)));
        let of = loaded.models.named(model).expect("the model").id;
        let known = match &beside.database {
            Database::Server(fresh) if fresh.is_postgres() => Known::Postgres,
            _ => Known::MariaDb,
        };
        for filter in [filter.to_owned(), filter.replace(" == ", " in [").replace("77\"", "77\", \"u78\"]")] {
            let scope = Scope::of(&loaded.models).this(of);
            let filter = check(&filter, &scope, Expect::Condition).expect("a condition");
            let query = Query { filter: Some(filter), ..Query::of(of) };
            let sql = known.filled(&loaded.models, &query, &NoInputs, &[], None).expect("SQL").remove(0);
            let plan = beside.database.rows(&format!("EXPLAIN {sql}"));
            let told: Vec<&str> = plan.iter().flatten().flatten().map(String::as_str).collect();
            assert!(told.iter().any(|line| line.contains(index)), "{sql}\n{}", told.join("\n"));
            assert_eq!(beside.database.rows(&sql).len(), if sql.contains("u78") { 2 } else { 1 }, "{sql}");
        }
    }
}

struct NoInputs;

impl purlin_schema::Inputs for NoInputs {
    fn input(&self, _: &purlin_schema::Input) -> Option<purlin_schema::Value> {
        None
    }
}
