//! `purlin new` and `purlin add`: what they write works.

use serde_json::json;

use crate::site::{Site, command};

#[test]
fn a_new_site_with_a_model_answers_on_every_page() {
    let site = Site::new("blank");
    let add = site.done(&[
        "add",
        "notes",
        "title:text!",
        "body:markdown",
        "author:ref(users)",
        "status:choice(draft,published)",
        "due:date",
        "link:url",
    ]);
    assert!(add.out.contains("models/notes.toml"), "{}", add.out);
    site.done(&["check"]);
    site.write("seeds/users.toml", "[[users]]\nemail = \"ada@example.com\"\npassword = \"correct horse\"\n");
    let seeds = "[[notes]]\ntitle = \"First note\"\nbody = \"Some *words*\"\nstatus = \"published\"\ndue = 2026-03-01\nlink = \"https://example.com/\"\nauthor = { email = \"ada@example.com\" }\n";
    site.write("seeds/notes.toml", seeds);

    let mut server = site.start("dev");
    server.wait_for("ada@example.com  correct horse");
    assert!(server.get("/notes").body.contains("First note"));
    let note = server.get("/notes/first-note");
    assert!(note.body.contains("<em>words</em>") && note.body.contains("1 March 2026"), "{}", note.body);
    assert_eq!(server.get("/notes/new").status, 303);
    assert_eq!(server.get("/notes/none").status, 404);

    let login =
        server.post("/api/auth/login", &json!({"email": "ada@example.com", "password": "correct horse"}));
    let cookie =
        login.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let send = |method: &str, path: &str, body: &str| {
        let headers = [("cookie", cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        purlin_testkit::http::request(server.address, method, path, &headers, body).expect("an answer")
    };
    assert!(send("GET", "/notes/new", "").body.contains("name=\"title\""));
    assert!(send("GET", "/notes", "").body.contains("New note"));
    let made = send("POST", "/notes/new", "_form=new&title=Second&body=Text&status=draft&due=&link=");
    assert_eq!((made.status, made.header("location")), (303, Some("/notes/second")), "{}", made.body);
    assert_eq!(server.get("/notes/second").status, 404, "a draft is its author's");
    assert!(send("GET", "/notes/second", "").body.contains("Edit"));
    let changed =
        send("POST", "/notes/second/edit", "_form=edit&title=Second&body=Other&status=published&due=&link=");
    assert_eq!(changed.status, 303, "{}", changed.body);
    assert!(server.get("/notes/second").body.contains("Other"));
    assert_eq!(send("POST", "/notes/second/edit", "_form=remove").status, 303);
    assert_eq!(server.get("/notes/second").status, 404);
}

#[test]
fn every_type_gets_pages_that_pass() {
    let site = Site::new("blank");
    site.done(&["add", "places", "name:text!"]);
    site.done(&[
        "add",
        "events",
        "name:text!",
        "about:markdown",
        "extra:html",
        "starts:datetime!",
        "day:date",
        "long:duration",
        "price:decimal(2)",
        "seats:int",
        "score:float",
        "open:bool",
        "link:url",
        "mail:email",
        "state:choice(a,b)",
        "data:json",
        "code:uuid",
        "place:ref(places)",
        "others:refs(places)",
        "parent:ref(events)",
    ]);
    site.done(&["add", "messages", "body:text"]);
    site.done(&["add", "news", "count:int"]);
    site.done(&["check"]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site.done(&["seed", "--scale", "2"]);
    let server = site.start("serve");
    let event =
        server.get("/api/events?per_page=1").json()["items"][0]["slug"].as_str().expect("a slug").to_owned();
    for path in
        ["/places", "/events", &format!("/events/{event}"), "/messages", "/messages/1", "/news", "/news/1"]
    {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
}

#[test]
fn a_site_with_a_layout_of_its_own_keeps_it() {
    let site =
        Site::of(&[("pages/_layout.html", "<!doctype html><main>{% block main %}{% endblock %}</main>\n")]);
    site.done(&["add", "notes", "title:text!"]);
    assert!(site.read("pages/notes.html").contains("{% block main %}"));
    let bare = Site::of(&[]);
    bare.write("models/things.toml", "[fields]\nname = { type = \"text\" }\n");
    bare.done(&["add", "notes", "title:text!"]);
    assert!(bare.read("pages/_layout.html").contains("block content"));
    bare.done(&["check"]);
}

#[test]
fn mistakes_write_nothing() {
    let site = Site::new("blank");
    for (arguments, told) in [
        (["add", "notes", "title:txt"], "did you mean `text`"),
        (["add", "notes", "author:ref(user)"], "did you mean `users`"),
        (["add", "notes", "author:ref"], "say which model"),
        (["add", "notes", "status:choice"], "say which"),
        (["add", "notes", "id:int"], "cannot be a field's name"),
        (["add", "Notes", "title"], "cannot be a model's name"),
        (["add", "users", "title"], "already"),
    ] {
        let run = site.run(&arguments);
        assert_eq!(run.code, 1, "{arguments:?}");
        assert!(run.err.contains(told), "{told}: {}", run.err);
    }
    assert!(!site.path().join("models").exists());
    let run = command(&["new", "."], site.path(), "");
    assert!(run.code == 1 && run.err.contains("is not empty"), "{}", run.err);
}
