//! `purlin move`: the copy is the same, the original untouched.

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
