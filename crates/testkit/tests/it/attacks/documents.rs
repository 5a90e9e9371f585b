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

/// A model that keeps what nobody declared, beside what somebody did and not everybody may see.
async fn free_site() -> Running {
    let model = "[model]\nkind = \"documents\"\n[fields]\nname = { type = \"text\", required = true, max = 20 }\n\
                 secret = { type = \"text\", hidden = true }\nprice = { type = \"int\", read = \"user != null\" }\n\
                 owner = { type = \"ref\", to = \"users\", inverse = \"things\", write = false }\n\
                 [access]\nread = \"true\"\ncreate = \"true\"\nupdate = \"true\"\n";
    Running::from_files(&[("site.toml", ""), ("models/things.toml", model)]).await
}

/// The codes of what is wrong, by field.
fn codes(reply: &Value) -> Vec<(String, String)> {
    let errors = reply["errors"].as_array().cloned().unwrap_or_default();
    let text = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_owned();
    errors.iter().map(|error| (text(error, "field"), text(error, "code"))).collect()
}

#[tokio::test]
async fn attack_3_a_free_field_has_a_name_that_is_nothing_else() {
    let running = free_site().await;
    let mut client = running.client();
    // Those that could be taken for something else are refused, wherever they come from, and nothing is written.
    let long = "x".repeat(201);
    for name in [
        "",
        " ",
        " a",
        "a ",
        "a.b",
        "a,b",
        "a[0]",
        "]",
        "-a",
        "_",
        "_free",
        "_version",
        "__proto__",
        "counts",
        "a\u{0}b",
        "\n",
        "\u{7f}",
        "\u{85}",
        "a\u{a0}",
        &long,
    ] {
        for (method, path) in [("POST", "/api/things"), ("PUT", "/api/things/1"), ("PATCH", "/api/things/1")]
        {
            let mut body = json!({ "name": "x" });
            body[name] = json!({ "polluted": true });
            let reply = client.json(method, path, &body).await;
            let status = if method == "POST" { 422 } else { 404 };
            assert_eq!(reply.status, status, "{method} {name:?}: {}", reply.text());
        }
        for question in ["fields=", "sort=", "sort=-"] {
            let reply = client.get(&format!("/api/things?{question}{}", encoded(name))).await;
            // `-a` after a hyphen, and a list of two, are well-formed questions.
            assert!(matches!(reply.status.as_u16(), 400 | 200), "{question}{name:?}: {}", reply.text());
            assert!(!reply.text().contains("SQL"), "{}", reply.text());
        }
    }
    assert_eq!(found(&mut client, "").await, json!([]), "nothing was written");
    // What is declared is what it is declared to be, also for whoever may not see it.
    let shadows = json!({ "name": "x", "id": 9, "created_at": "2020-01-01T00:00:00Z", "updated_at": null, "secret": "s",
                          "owner": 1, "Secret": "is another name" });
    let reply = client.json("POST", "/api/things", &shadows).await;
    assert_eq!(reply.status, 422, "{}", reply.text());
    let refused: Vec<String> = codes(&reply.json()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(refused, ["id", "created_at", "updated_at", "secret", "owner"]);
    let made =
        client.json("POST", "/api/things", &json!({ "name": "x", "price": 7, "secre\u{301}t": "s" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let place = made.header("location").to_owned();
    assert!(!client.get(&place).await.text().contains("price"), "it is not to be seen");
    for question in [
        "price=7",
        "filter=price%20==%207",
        "filter=this%5B%22price%22%5D%20==%207",
        "sort=price",
        "fields=price",
        "secret=s",
        "filter=has(this.secret)",
        "_free=1",
        "filter=_free%20!=%20null",
        "sort=_free.name",
        "fields=_version",
    ] {
        let reply = client.get(&format!("/api/things?{question}")).await;
        assert_eq!(reply.status, 400, "{question}: {}", reply.text());
    }
    // Those that only look odd are names like any other.
    for (at, name) in [
        "constructor",
        "toString",
        "a')) or 1=1--",
        "\"",
        "`",
        "\\",
        "$",
        "%",
        "{{7*7}}",
        "<script>",
        "\u{202e}rtl",
        "e\u{301}",
        "🦀",
        "filter",
        "fields",
    ]
    .iter()
    .enumerate()
    {
        let mut body = json!({ "name": format!("odd {at}") });
        body[*name] = json!("here");
        let made = client.json("POST", "/api/things", &body).await;
        assert_eq!(made.status, 201, "{name:?}: {}", made.text());
        assert_eq!(made.json()[*name], "here", "{name:?}");
        let filter = format!("this[{}] == \"here\"", Value::from(*name));
        assert_eq!(
            found(&mut client, &format!("filter={}", encoded(&filter))).await,
            json!([format!("odd {at}")]),
            "{name:?}"
        );
        let reply = client.get(&format!("/api/things?sort=-{}&per_page=1&fields=name", encoded(name))).await;
        assert_eq!(reply.json()["items"][0]["name"], format!("odd {at}"), "{name:?}: {}", reply.text());
        if !matches!(*name, "filter" | "fields") {
            let question = format!("{}=here", encoded(name));
            assert_eq!(found(&mut client, &question).await, json!([format!("odd {at}")]), "{name:?}");
        }
    }
}

#[tokio::test]
async fn attack_25_free_fields_have_the_limits_of_a_document() {
    let running = free_site().await;
    let mut client = running.client();
    let made = client.json("POST", "/api/things", &json!({ "name": "x", "a": 1 })).await;
    let place = made.header("location").to_owned();
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let many = |count: usize| Value::Array(vec![json!(1); count]);
    for (field, value, code) in [
        ("deep", deep(31), "too_deep"),
        ("many", many(10_001), "too_long"),
        ("key", json!({ "k".repeat(1025): 1 }), "too_long"),
        ("nul", json!({ "a": ["b\u{0}"] }), "nul"),
    ] {
        for method in ["POST", "PUT", "PATCH"] {
            let path = if method == "POST" { "/api/things" } else { place.as_str() };
            let mut body = json!({ "name": "x" });
            body[field] = value.clone();
            let reply = client.json(method, path, &body).await;
            assert_eq!(reply.status, 422, "{method} {field}: {}", reply.text());
            let codes = codes(&reply.json());
            assert_eq!(codes, [(field.to_owned(), code.to_owned())], "{method} {field}");
        }
    }
    // A document grows to its limit by patches, each within what a request may have, and no further.
    let mut grown = 0;
    let refused = loop {
        let mut patch = json!({});
        patch[format!("part {grown}")] = json!("x".repeat(200_000));
        let reply = client.json("PATCH", &place, &patch).await;
        match reply.status.as_u16() {
            200 => grown += 1,
            422 => break reply,
            status => panic!("{status}: {}", reply.text()),
        }
        assert!(grown < 7, "there is no limit");
    };
    assert_eq!((grown, codes(&refused.json())[0].1.as_str()), (5, "too_long"));
    let record = client.get(&place).await.json();
    assert!(record["part 4"].is_string() && record.get("part 5").is_none() && record["a"] == 1);
}
