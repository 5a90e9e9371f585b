//! 7–9: what somebody stored or sent is shown, and runs nowhere.

use purlin_server::Kind;
use purlin_testkit::dom::Document;
use serde_json::{Value, json};

use super::{concrete, encoded, everybody, forms, lists, open, somebody};

const EVIL: &[&str] = &[
    "\"><svg onload=alert(1)>",
    "'><img src=x onerror=alert(1)>",
    "</title></textarea></script><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "{{ 777 * 777 }}${777*777}",
    "javascript:alert(1)",
    "]]><script>alert(1)</script>",
    "<a href=\"java\tscript:alert(1)\" onclick=x()>a</a>",
    "[a](javascript:alert(1)) ![a](data:text/html,x) <javascript:alert(1)>",
    "<iframe srcdoc='<script>1</script>'></iframe><base href=//evil.example>",
    "<form action=javascript:x><button formaction=javascript:x>a</button></form>",
    "<style>*{background:url(//evil.example)}</style><link rel=stylesheet href=//evil.example>",
    "\u{202e}\u{feff}<\u{0131}mg>",
];

#[track_caller]
fn assert_inert(what: &str, html: &str) {
    let document = Document::of(html);
    assert_eq!(document.active(), Vec::<String>::new(), "{what}: {html}");
    let foreign = |element: &purlin_testkit::dom::Element| {
        matches!(element.name.as_str(), "style" | "svg" | "math" | "input" | "button" | "form")
            && element
                .attributes
                .iter()
                .any(|(name, value)| name != "value" && value.contains("evil.example"))
    };
    assert!(!document.elements.iter().any(foreign), "{what}: {html}");
    let loads = |(name, value): &(String, String)| name != "value" && value.contains("//evil.example");
    for element in &document.elements {
        let plain_link = element.name == "a";
        assert!(plain_link || !element.attributes.iter().any(loads), "{what}: <{}>", element.name);
    }
    assert!(!document.text.contains("603729"), "{what}: a template in a value was run");
}

#[tokio::test]
async fn attack_07_08_what_is_stored_is_inert_on_every_page() {
    for evil in EVIL {
        let running = open("journal").await;
        let mut admin = somebody(&running, "max").await;
        let short: String = evil.chars().take(30).collect();
        for (path, fields) in [
            ("/api/posts/1", json!({ "title": evil.chars().take(60).collect::<String>(), "body": evil })),
            ("/api/topics/1", json!({ "name": short })),
            ("/api/comments/1", json!({ "body": evil })),
            ("/api/users/1", json!({ "name": short })),
            ("/api/users/4", json!({ "name": format!("{short}.") })),
        ] {
            let reply = admin.json("PATCH", path, &fields).await;
            assert_eq!(reply.status, 200, "{path} {evil}: {}", reply.text());
        }
        for (who, mut client) in everybody(&running).await {
            for route in running.app.routes().iter().filter(|route| route.kind != Kind::Asset) {
                let reply = client.get(&concrete(route)).await;
                let ty = reply.header("content-type").to_owned();
                let what = format!("{who} {} {evil}", route.path);
                if ty.starts_with("text/html") {
                    assert_inert(&what, &reply.text());
                } else if ty.contains("xml") {
                    purlin_testkit::dom::xml_text(&reply.text())
                        .unwrap_or_else(|error| panic!("{what}: {error}: {}", reply.text()));
                } else if ty.contains("json") {
                    let _: Value = reply.json();
                }
            }
        }
    }
}

#[tokio::test]
async fn attack_07_what_a_form_gives_back_is_inert() {
    let running = open("journal").await;
    let schema = running.engine.site().clone();
    let mut tried = 0;
    for (who, mut client) in everybody(&running).await {
        for (path, name, form) in forms(&schema) {
            let model = schema.models.get(form.model);
            for evil in EVIL {
                let mut pairs = vec![("_form", name), (evil, evil)];
                pairs.extend(form.fields.iter().map(|field| (model.field(*field).name.as_str(), *evil)));
                // A name that is no field keeps anything from being written.
                let reply = client.post(&path, &pairs).await;
                if reply.status == 303 {
                    continue;
                }
                assert_inert(&format!("{who} {path} {name} {evil}"), &reply.text());
                tried += 1;
            }
        }
        for path in ["/login", "/signup"] {
            for evil in EVIL {
                let pairs =
                    [("email", *evil), ("password", evil), ("name", evil), ("next", evil), (evil, evil)];
                assert_inert(&format!("{who} {path} {evil}"), &client.post(path, &pairs).await.text());
                let asked = format!("{path}?next={}&{}=1", encoded(evil), encoded(evil));
                assert_inert(&format!("{who} {asked}"), &client.get(&asked).await.text());
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn attack_08_no_address_that_runs_is_stored() {
    let running = open("library").await;
    let mut client = running.client();
    for link in [
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        " javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>1</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "http:evil",
        "https://",
        "https://a b",
        "blob:https://a",
    ] {
        let reply = client.json("PATCH", "/api/books/1", &json!({ "homepage": link })).await;
        assert_eq!(reply.status, 422, "{link}: {}", reply.text());
    }
}

#[tokio::test]
async fn attack_09_errors_are_inert_and_tell_nothing() {
    let running = open("journal").await;
    let root = running.root().to_string_lossy().into_owned();
    for (who, mut client) in everybody(&running).await {
        for evil in EVIL {
            let part = encoded(evil).replace('+', "%20");
            let mut asked: Vec<(&str, String)> = vec![
                ("GET", format!("/{part}")),
                ("GET", format!("/posts/{part}")),
                ("GET", format!("/archive/{part}")),
                ("GET", format!("/api/{part}")),
                ("GET", format!("/api/posts/{part}")),
                ("GET", "/broken".to_owned()),
            ];
            for route in running.app.routes() {
                asked.push(("GET", format!("{}?{part}={part}&page={part}&sort={part}", concrete(&route))));
                asked.push(("PURGE", concrete(&route)));
            }
            for (_, path) in lists(&running) {
                for name in ["filter", "sort", "fields", "include", "cursor", "per_page"] {
                    asked.push(("GET", format!("{path}?{name}={part}")));
                }
            }
            for (method, path) in asked {
                let reply = client.send(method, &path, &[], "").await;
                let text = reply.text();
                let what = format!("{who} {method} {path}");
                if reply.header("content-type").starts_with("text/html") {
                    assert_inert(&what, &text);
                }
                for inside in
                    [root.as_str(), "panicked", "SELECT ", "rusqlite", "minijinja", ".rs:", "/root/"]
                {
                    assert!(!text.contains(inside), "{what}: {inside}");
                }
            }
        }
    }
}
