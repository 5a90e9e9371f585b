//! `purlin dev`: what changes is live, what is wrong is shown, what was good stays.

use purlin_testkit::http::Events;
use serde_json::json;

use crate::site::Site;

fn notes() -> Site {
    Site::of(&[
        (
            "models/notes.toml",
            "[fields]\ntitle = { type = \"text\" }\n[access]\nread = 'true'\ncreate = 'true'\n",
        ),
        ("pages/index.html", "<!doctype html>\n<body><h1>Before</h1></body>\n"),
    ])
}

#[test]
fn a_changed_template_is_live_and_open_pages_hear_of_it() {
    let site = notes();
    let mut server = site.start("dev");
    assert!(server.get("/").body.contains("<h1>Before</h1>"));
    assert!(server.get("/").body.contains("/_purlin/live.js"));
    let mut events = Events::open(server.address, "/_purlin/live").expect("a stream");
    let before = events.wait().expect("an event");
    site.edit("pages/index.html", "Before", "After");
    assert_ne!(events.wait().expect("an event"), before);
    server.wait_for("reloaded pages/index.html");
    assert!(server.get("/").body.contains("<h1>After</h1>"));
    site.write("pages/other.html", "<p>New page</p>\n");
    server.wait_for("reloaded pages/other.html");
    assert!(server.get("/other").body.contains("New page"));
}

#[test]
fn a_changed_model_migrates_and_is_live() {
    let site = notes();
    let mut server = site.start("dev");
    assert_eq!(server.post("/api/notes", &json!({"title": "Kept"})).status, 201);
    site.edit(
        "models/notes.toml",
        "\n[access]",
        "\nbody = { type = \"text\", default = \"empty\" }\n[access]",
    );
    server.wait_for("+ notes.body");
    server.wait_for("reloaded models/notes.toml");
    let made = server.post("/api/notes", &json!({"title": "Second", "body": "Text"}));
    assert_eq!((made.status, made.json()["body"].as_str()), (201, Some("Text")), "{}", made.body);
    assert_eq!(server.get("/api/notes/1").json()["title"], "Kept");
}

#[test]
fn a_mistake_is_shown_with_its_caret_and_the_last_good_version_stays() {
    let site = notes();
    let mut server = site.start("dev");
    assert_eq!(server.post("/api/notes", &json!({"title": "Kept"})).status, 201);
    site.edit("models/notes.toml", "read = 'true'", "read = 'titel == \"x\"'");
    server.wait_for("models/notes.toml:4");
    server.wait_for("^^^^^");
    server.wait_for("last good version");
    let page = server.get("/");
    assert_eq!(page.status, 500);
    assert!(page.body.contains("models/notes.toml:4") && page.body.contains("^^^^^"), "{}", page.body);
    assert!(page.body.contains("/_purlin/live.js"), "the page must come back by itself");
    assert_eq!(server.get("/api/notes/1").json()["title"], "Kept");
    site.edit("models/notes.toml", "titel", "title");
    server.wait_for("reloaded");
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn what_loses_data_is_not_done_without_a_terminal() {
    let site = notes();
    let mut server = site.start("dev");
    assert_eq!(server.post("/api/notes", &json!({"title": "Kept"})).status, 201);
    site.edit("models/notes.toml", "title =", "name =");
    server.wait_for("lose data");
    server.wait_for("- notes.title");
    assert_eq!(server.get("/api/notes/1").json()["title"], "Kept");
    site.edit("models/notes.toml", "type = \"text\"", "type = \"text\", was = \"title\"");
    server.wait_for("reloaded");
    assert_eq!(server.get("/api/notes/1").json()["name"], "Kept");
    drop(server);

    site.edit("models/notes.toml", "name = { type = \"text\", was = \"title\" }", "");
    let run = site.run(&["dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("nothing was changed"), "{}", run.err);
}

#[test]
fn a_site_that_begins_with_a_mistake_is_served_once_it_is_mended() {
    let site = notes();
    site.edit("models/notes.toml", "text", "txt");
    let mut server = site.spawn("dev");
    server.wait_for("^^^^^");
    server.wait_for("Waiting for a change");
    site.edit("models/notes.toml", "txt", "text");
    server.wait_until_it_listens();
    assert!(server.get("/").body.contains("Before"));
    assert_eq!(server.stop(), 0);
}
