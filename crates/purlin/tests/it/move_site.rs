//! `purlin move`: the copy is the same, the original untouched.

use purlin_store::testing::Fresh;
use serde_json::{Value, json};

use crate::site::Site;

const NEW: &str = "sqlite:data/new.db";

/// A site with everything that is easily lost: circles, lists, hashes, hidden fields, versions, gaps in ids.
fn site() -> Site {
    let site = Site::of(&[
        (
            "models/nodes.toml",
            "[fields]\nname = { type = \"text\", unique = true }\nparent = { type = \"ref\", to = \"nodes\", inverse = \"parts\" }\nnear = { type = \"refs\", to = \"nodes\", inverse = \"nearby\" }\nsecret = { type = \"text\", hidden = true }\nbest = { type = \"ref\", to = \"leaves\", inverse = \"best_of\" }\nmeta = { type = \"json\" }\nprice = { type = \"decimal\", scale = 2 }\n[access]\nread = 'true'\ncreate = 'true'\nupdate = 'true'\ndelete = 'true'\n",
        ),
        (
            "models/leaves.toml",
            "[model]\nid = \"uuid\"\n[fields]\nnode = { type = \"ref\", to = \"nodes\", required = true, inverse = \"leaves\" }\n[access]\nread = 'true'\n",
        ),
        (
            "rows.ndjson",
            "{\"id\":1,\"name\":\"a\",\"parent\":3,\"meta\":{\"b\":1,\"a\":[null]},\"price\":\"1.10\"}\n{\"id\":2,\"name\":\"b\",\"near\":[2,3],\"secret\":\"s\"}\n{\"id\":3,\"name\":\"c\",\"parent\":1}\n",
        ),
        ("leaves.ndjson", "{\"node\":1}\n{\"node\":2}\n"),
    ]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    // Refs to rows further down come with the second run.
    let names: String = (1..=3).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    site.write("ids.ndjson", &names);
    site.done(&["import", "nodes", "ids.ndjson"]);
    site.done(&["import", "nodes", "rows.ndjson", "--key", "id"]);
    site.done(&["import", "leaves", "leaves.ndjson"]);
    site.run_with(
        &["user", "create", ".", "--email", "ada@example.com", "--role", "admin", "--password-stdin"],
        "correct horse battery\n",
    );
    site
}

fn nodes(server: &crate::site::Server) -> Value {
    server.get("/api/nodes?include=near,parent,leaves&sort=id").json()["items"].take()
}

#[test]
fn a_copy_has_everything_and_the_original_stays() {
    let site = site();
    let server = site.start("serve");
    // The greatest id is gone, and must not come again.
    let made = server.post("/api/nodes", &json!({ "name": "gone" })).json();
    assert_eq!(made["id"], 4);
    let gone = purlin_testkit::http::request(server.address, "DELETE", "/api/nodes/4", &[], "");
    assert_eq!(gone.expect("an answer").status, 204);
    let before = nodes(&server);
    drop(server);
    let old = site.done(&["export", "nodes"]).out;

    let run = site.done(&["move", "--to", NEW]);
    assert!(run.err.contains("both databases hold the same"), "{}", run.err);
    assert_eq!(site.done(&["export", "nodes"]).out, old, "the original is as it was");
    let again = site.run(&["move", "--to", NEW]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("not empty"), "{}", again.err);

    site.write("site.toml", &format!("[database]\nurl = \"{NEW}\"\n"));
    let server = site.start("serve");
    assert_eq!(nodes(&server), before);
    assert_eq!(
        server.post("/api/nodes", &json!({ "name": "new" })).json()["id"],
        5,
        "ids are not used again"
    );
    let login = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    assert_eq!(server.post("/api/auth/login", &login).status, 200, "hashes come along");
}

#[test]
fn a_database_that_is_in_use_is_refused() {
    let site = site();
    let same = site.run(&["move", "--to", "sqlite:data/site.db"]);
    assert_eq!(same.code, 1);
    assert!(same.err.contains("has already"), "{}", same.err);
    let other = Site::new("blog");
    other.done(&["migrate", "new", "--name", "first"]);
    other.done(&["migrate", "apply"]);
    other.done(&["seed"]);
    let url = format!("sqlite:{}", other.path().join("data/site.db").display());
    let before = other.done(&["export", "posts"]).out;
    let run = site.run(&["move", "--to", &url]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("not empty"), "{}", run.err);
    assert_eq!(other.done(&["export", "posts"]).out, before);
}

/// Documents, and values that one database or another might bend.
const SHEETS: &str = "[model]\nkind = \"documents\"\nindex = [\"colour\"]\n[fields]\nname = { type = \"text\" }\nrate = { type = \"float\" }\nlarge = { type = \"int\", big = true }\nprice = { type = \"decimal\", scale = 4 }\nat = { type = \"datetime\" }\nday = { type = \"date\" }\nlong = { type = \"duration\" }\nready = { type = \"bool\" }\nmeta = { type = \"json\" }\n[access]\nread = 'true'\n";

fn sheets() -> String {
    let rows = [
        json!({ "name": "emoji 👩‍👩‍👧 עברית e\u{301}", "rate": 0.1, "large": "9223372036854775807", "price": "92233720368547.5807",
            "at": "2026-11-22T16:00:00.000001Z", "day": "0001-01-01", "long": "1h30m", "ready": true,
            "meta": { "b": [1, 2.5, null, "\u{1f600}"], "a": { "deep": { "z": 1, "a": [true] } } } }),
        json!({ "name": "A", "rate": -1.797_693_134_862_315_7e308, "large": "-9223372036854775808", "price": "-0.0001",
            "at": "1969-12-31T23:59:59.999999Z", "day": "9999-12-30", "long": "-1us", "ready": false, "meta": [9_007_199_254_740_993_u64] }),
        json!({ "name": "a ", "colour": "red", "odd name\"": { "b": null, "a": [1.5, "\u{1f600}"] }, "nothing": null }),
        json!({ "name": "", "rate": 5e-324, "meta": null }),
        json!({ "name": "a" }),
    ];
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// The lines of the table that a move prints: model, records, digest.
fn digests(told: &str) -> Vec<&str> {
    told.lines().filter(|line| line.starts_with("  ")).map(str::trim).collect()
}

#[test]
fn a_site_goes_round_all_databases_and_comes_back_the_same() {
    let site = site();
    site.write("models/sheets.toml", SHEETS);
    site.done(&["migrate", "new", "--name", "sheets"]);
    site.done(&["migrate", "apply"]);
    site.write("sheets.ndjson", &sheets());
    site.done(&["import", "sheets", "sheets.ndjson"]);
    let exported = |site: &Site| {
        ["nodes", "leaves", "sheets", "users"].map(|model| site.done(&["export", model]).out).join("")
    };
    let all = exported(&site);
    assert!(all.contains("9223372036854775807") && all.contains("000001Z") && all.contains("👩‍👩‍👧"), "{all}");
    let servers = Fresh::on_servers();
    let mut urls: Vec<&str> = servers.iter().map(|server| server.url.as_str()).collect();
    urls.push("sqlite:data/back.db");
    let mut first: Option<String> = None;
    for url in urls {
        let told = site.done(&["move", "--to", url]).err;
        assert_eq!(exported(&site), all, "the one that was moved from is as it was");
        let found = digests(&told);
        assert!(found.iter().any(|line| line.starts_with("sheets")), "{told}");
        let found = found.join("\n");
        assert_eq!(first.get_or_insert(found.clone()), &found, "{url}");
        site.write("site.toml", &format!("[database]\nurl = {}\n", json!(url)));
        assert_eq!(exported(&site), all, "{url}");
    }
}

#[test]
fn a_copy_that_is_not_the_same_is_told() {
    for server in Fresh::on_servers() {
        let site = site();
        let before = site.done(&["export", "nodes"]).out;
        site.done(&["move", "--to", &server.url]);
        // A second go, as after an interruption, into a database that bends what it is given.
        let hash = server.url.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        let begun = format!("data/move-{hash:016x}");
        let (spoil, mend) = match server.is_postgres() {
            true => (
                "CREATE FUNCTION bend() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.price := NEW.price + 0.01; RETURN NEW; END $$; \
                 CREATE TRIGGER bend BEFORE INSERT OR UPDATE ON nodes FOR EACH ROW EXECUTE FUNCTION bend()",
                "DROP TRIGGER bend ON nodes",
            ),
            false => (
                "CREATE TRIGGER bend BEFORE UPDATE ON nodes FOR EACH ROW SET NEW.price = NEW.price + 0.01",
                "DROP TRIGGER bend",
            ),
        };
        server.run_within(spoil);
        site.write(&begun, "");
        let run = site.run(&["move", "--to", &server.url]);
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.err.contains("nodes differs: 3 records here, 3 there"), "{}", run.err);
        server.run_within(mend);
        let run = site.done(&["move", "--to", &server.url]);
        assert!(run.err.contains("both databases hold the same"), "{}", run.err);
        assert_eq!(site.done(&["export", "nodes"]).out, before, "the original is as it was");
    }
}
