//! 1–4: what an asker sends becomes neither SQL nor a look at what he may not read.

use super::{encoded, everybody, lists, open, secret, somebody};

const NOT_NAMES: &[&str] = &[
    "id\"--",
    "id) or 1=1--",
    "id;drop table posts",
    "`id`",
    "[id]",
    "\"id\"",
    "id\0",
    "id\u{1b}[31m",
    "rowid",
    "_version",
    "_rowid_",
    "sqlite_master",
    "1",
    "*",
    "count(*)",
    "id collate nocase",
    "ïd",
    "",
];

#[tokio::test]
async fn attack_01_no_name_of_a_request_reaches_sql() {
    for site in ["journal", "library"] {
        let running = open(site).await;
        let mut client = running.client();
        for (_, path) in lists(&running) {
            let before = client.get(&format!("{path}?total=true")).await.body;
            for name in NOT_NAMES {
                let name = encoded(name);
                for asked in [
                    format!("sort={name}"),
                    format!("sort=id,-{name}"),
                    format!("fields={name}"),
                    format!("fields=id,{name}"),
                    format!("include={name}"),
                    format!("include={name}.{name}"),
                    format!("filter={name}"),
                    format!("filter={name}%3D%3D1"),
                    format!("{name}=1"),
                    format!("cursor={name}"),
                ] {
                    // That one is one says nothing of anybody.
                    if asked == "filter=1%3D%3D1" {
                        continue;
                    }
                    let reply = client.get(&format!("{path}?{asked}")).await;
                    assert_eq!(reply.status, 400, "{path}?{asked}: {}", reply.text());
                }
            }
            assert_eq!(client.get(&format!("{path}?total=true")).await.body, before);
        }
    }
}

#[tokio::test]
async fn attack_02_no_query_builder_shows_through() {
    let running = open("library").await;
    let mut client = running.client();
    for (_, path) in lists(&running) {
        for asked in [
            "_connector=OR",
            "_negated=1",
            "id__gt=0",
            "id[gt]=0",
            "id[$ne]=0",
            "where[id]=1",
            "id=1&id=2",
            "filter[id]=1",
            "$filter=id",
            "id=1%20or%201%3D1",
            "or=(id.eq.1)",
            "__proto__=1",
            "filter={\"id\":{\"$gt\":0}}",
            "limit=1",
            "offset=1",
            "select=*",
            "order=id",
        ] {
            let asked = asked.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
            let reply = client.get(&format!("{path}?{asked}")).await;
            assert_eq!(reply.status, 400, "{path}?{asked}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn attack_03_texts_of_a_filter_are_data() {
    let running = open("library").await;
    let mut client = running.client();
    for text in ["a')) or 1=1--", "' or ''='", "\\' or 1=1", "%' or '%'='", "${jndi}", "a\\u0000b", "\\x27"] {
        for filter in [
            format!("title == '{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            format!("title.contains({text:?})"),
            format!("title.startsWith({text:?})"),
            format!("title in [{text:?}]"),
            format!("author.name == {text:?}"),
            format!("tags.exists(t, t.name == {text:?})"),
        ] {
            let reply = client.get(&format!("/api/books?fields=id&filter={}", encoded(&filter))).await;
            let refused = reply.status == 400 && reply.json()["code"] == "bad_filter";
            let found_nothing = reply.status == 200 && reply.json()["items"] == serde_json::json!([]);
            assert!(refused || found_nothing, "{filter}: {} {}", reply.status, reply.text());
        }
        let reply = client.get(&format!("/api/books?title={}", encoded(text))).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["items"]), (200, &serde_json::json!([])), "{text}");
    }
}

#[tokio::test]
async fn attack_04_what_is_hidden_cannot_be_asked_about() {
    let running = open("journal").await;
    let site = running.engine.site().clone();
    let mut tried = 0;
    for (who, mut client) in everybody(&running).await {
        for (model, path) in lists(&running) {
            let model = site.models.named(&model).expect("a model").clone();
            let mut names: Vec<String> = secret(&model).map(|field| field.name.clone()).collect();
            // And through every ref.
            for field in &model.fields {
                if let Some(reference) = field.reference.as_ref().filter(|_| !field.is_many()) {
                    let to = site.models.get(reference.to);
                    names.extend(secret(to).map(|hidden| format!("{}.{}", field.name, hidden.name)));
                }
            }
            for name in names {
                for asked in [
                    format!("filter={}", encoded(&format!("{name} != null"))),
                    format!("filter={}", encoded(&format!("{name} == '' || true"))),
                    format!("filter={}", encoded(&format!("has(this.{name})"))),
                    format!("filter={}", encoded(&format!("size({name}) > 0"))),
                    format!("sort={name}"),
                    format!("sort=-{name}"),
                    format!("fields={name}"),
                    format!("include={name}"),
                    format!("{name}=x"),
                ] {
                    let reply = client.get(&format!("{path}?{asked}")).await;
                    assert_eq!(reply.status, 400, "{who} {path}?{asked}: {}", reply.text());
                    tried += 1;
                }
            }
        }
        // An internal model is nobody's.
        for path in
            ["/api/_sessions", "/api/users?include=_sessions", "/api/users?filter=_sessions.size()%3E0"]
        {
            let reply = client.get(path).await;
            assert!(matches!(reply.status.as_u16(), 400 | 404), "{who} {path}: {}", reply.status);
        }
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn attack_04_nothing_leaves_that_is_nobodys() {
    let running = open("journal").await;
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes() {
            let reply = client.get(&super::concrete(&route)).await;
            let text = reply.text();
            for never in ["argon2", "token_hash", "_version", "\"source\"", "the key is under the mat"] {
                assert!(!text.contains(never), "{who} {}: {never}", route.path);
            }
            // Addresses are their owner's and the administrators'.
            for other in
                super::PEOPLE.iter().filter(|other| !other.is_empty() && **other != who && who != "max")
            {
                assert!(!text.contains(&format!("{other}@example.org")), "{who} {}: {other}", route.path);
            }
        }
    }
}

#[tokio::test]
async fn attack_04_a_draft_and_nothing_are_alike() {
    let running = open("journal").await;
    let mut bob = somebody(&running, "bob").await;
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
        let ty = [("content-type", "application/json")];
        let mut draft = bob.send(method, "/api/posts/3", &ty, "{\"title\":\"x\"}").await;
        let mut nothing = bob.send(method, "/api/posts/99", &ty, "{\"title\":\"x\"}").await;
        for reply in [&mut draft, &mut nothing] {
            reply.headers.remove("x-request-id");
            reply.body = masked(&reply.text()).into_bytes();
        }
        assert_eq!(
            (draft.status, &draft.headers, draft.text()),
            (nothing.status, &nothing.headers, nothing.text()),
            "{method}"
        );
    }
}

/// Without the request's id.
fn masked(text: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<serde_json::Value>(text) else { return text.to_owned() };
    if let Some(object) = json.as_object_mut() {
        object.remove("request_id");
    }
    json.to_string()
}
