//! 3, 25: keys and documents that mean something to a parser, a path or a database. They are data, on every database.

use purlin_testkit::{Client, Running};
use serde_json::{Value, json};

use super::encoded;

/// Keys that end a path, a quote or a text somewhere, or that some language takes for its own.
const KEYS: [&str; 28] = [
    "a')) or 1=1--",
    "a\" or \"1\"=\"1",
    "`a`",
    "a.b",
    "a.b[0].c",
    "$",
    "$.a",
    "$[0]",
    "*",
    "**",
    "[*]",
    "?(@.a)",
    "strict $",
    "\\",
    "\\\"",
    "\\u0041",
    "\\\\'; drop table things; --",
    "%",
    "_",
    "{{7*7}}",
    "__proto__",
    "constructor",
    "\u{1}\u{1f}\u{7f}",
    "\n\r\t",
    "\u{202e}rtl",
    "e\u{301}",
    "🦀",
    "",
];

async fn site() -> Running {
    let model = "[fields]\nname = { type = \"text\", required = true }\nmeta = { type = \"json\" }\n\
                 [access]\nread = \"true\"\ncreate = \"true\"\nupdate = \"true\"\n";
    Running::from_files(&[("site.toml", ""), ("models/things.toml", model)]).await
}

/// The names of the things that a question finds.
async fn found(client: &mut Client, question: &str) -> Value {
    let reply = client.get(&format!("/api/things?fields=name&{question}")).await;
    assert_eq!(reply.status, 200, "{question}: {}", reply.text());
    let reply = reply.json();
    let items = reply["items"].as_array().expect("a list");
    items.iter().map(|item| item["name"].clone()).collect()
}

#[tokio::test]
async fn attack_3_every_key_of_a_document_is_data() {
    let running = site().await;
    let mut client = running.client();
    let other = json!({ "name": "other", "meta": { "a": "here", "b": { "c": "here" } } });
    assert_eq!(client.json("POST", "/api/things", &other).await.status, 201);
    for (at, key) in KEYS.iter().enumerate() {
        let name = format!("thing {at}");
        let meta = json!({ "deep": { *key: ["x", at] }, *key: "here" });
        let made = client.json("POST", "/api/things", &json!({ "name": name, "meta": meta })).await;
        assert_eq!(made.status, 201, "{key:?}: {}", made.text());
        let place = made.header("location").to_owned();
        assert_eq!(client.get(&place).await.json()["meta"], meta, "{key:?}");

        let path = format!("meta[{}]", Value::from(*key));
        let deep = format!("meta.deep[{}]", Value::from(*key));
        for filter in [
            format!("{path} == \"here\""),
            format!("{deep}[0] == \"x\" && {path} != null"),
            format!("has({path})"),
            format!("has(meta.deep) && {} in meta.deep", Value::from(*key)),
            format!("string({deep}[1]) == \"{at}\" && {deep}[1] >= {at}"),
        ] {
            let names = found(&mut client, &format!("filter={}", encoded(&filter))).await;
            assert_eq!(names, json!([name]), "{key:?}: {filter}");
        }

        // A patch takes the key away and nothing else.
        let patch = json!({ "meta": { *key: null, "deep": { *key: "there" } } });
        assert_eq!(client.json("PATCH", &place, &patch).await.status, 200, "{key:?}");
        assert_eq!(client.get(&place).await.json()["meta"], json!({ "deep": { *key: "there" } }), "{key:?}");
    }
    let all = found(&mut client, "sort=-id&per_page=100").await;
    assert_eq!(all.as_array().map(Vec::len), Some(KEYS.len() + 1));
    assert_eq!(found(&mut client, "filter=meta.a+%3D%3D+%22here%22").await, json!(["other"]));
}

#[tokio::test]
async fn attack_25_documents_have_their_limits() {
    let running = site().await;
    let mut client = running.client();
    let ty = [("content-type", "application/json")];
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    for (document, told) in [
        (nested(32), "deeper than 31"),
        (nested(100_000), ""),
        (format!("[{}1]", "1,".repeat(10_000)), "more than 10000 values"),
        (format!("\"{}\"", "x".repeat((1 << 20) + 1)), ""),
        (format!("{{\"{}\":1}}", "k".repeat(1025)), "a key that is longer than 1024 bytes"),
        (r#"{"a\u0000b":1}"#.to_owned(), "NUL"),
        (r#"{"a":"\u0000"}"#.to_owned(), "NUL"),
        (r#"{"a":"\ud800"}"#.to_owned(), ""),
        (r#"{"a":1e400}"#.to_owned(), ""),
        (r#"{"a":NaN}"#.to_owned(), ""),
        (r#"{"a":1,"a":2}"#.to_owned(), "twice"),
    ] {
        let body = format!("{{\"name\":\"x\",\"meta\":{document}}}");
        let reply = client.send("POST", "/api/things", &ty, &body).await;
        assert!(matches!(reply.status.as_u16(), 400 | 413 | 422), "{document:.40}: {}", reply.status);
        assert!(reply.text().contains(told), "{document:.40}: {}", reply.text());
    }
    for (document, kept) in [
        (nested(31), nested(31)),
        (r#"{"a":18446744073709551615,"b":-9223372036854775808}"#.to_owned(), String::new()),
        (r#"{"a":18446744073709551616}"#.to_owned(), r#"{"a":18446744073709552000.0}"#.to_owned()),
        (r#"{"a":-0.0,"b":1e300,"c":5e-324}"#.to_owned(), r#"{"a":0.0,"b":1e300,"c":5e-324}"#.to_owned()),
        (format!("{{\"{}\":1}}", "k".repeat(1024)), String::new()),
        (r#"{"b":1,"a":{"d":1,"c":2}}"#.to_owned(), r#"{"a":{"c":2,"d":1},"b":1}"#.to_owned()),
    ] {
        let body = format!("{{\"name\":\"x\",\"meta\":{document}}}");
        let reply = client.send("POST", "/api/things", &ty, &body).await;
        assert_eq!(reply.status, 201, "{document:.40}: {}", reply.text());
        let kept: Value =
            serde_json::from_str(if kept.is_empty() { &document } else { &kept }).expect("JSON");
        assert_eq!(client.get(reply.header("location")).await.json()["meta"], kept, "{document:.40}");
    }
}
