//! Models of documents: what goes in comes out, a patch does what RFC 7396 says, and what is found and in which order is
//! what a simple interpreter in memory finds: random documents, on each database.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use purlin_store::testing::Fresh;
use purlin_testkit::{Client, Running};
use serde_json::{Value as Json, json};

const MODEL: &str = "[model]\nkind = \"documents\"\nindex = [\"colour\", \"size.a\", \"constructor\"]\n\
                     [fields]\nworld = { type = \"int\", index = true }\n\
                     [access]\nread = 'true'\ncreate = 'true'\nupdate = 'true'\n";

/// Names that mean something to somebody, and some that do not.
const NAMES: [&str; 16] = [
    "colour",
    "size",
    "größe",
    "two words",
    "hash-tag",
    "constructor",
    "user",
    "null",
    "in",
    "$",
    "%",
    "a'b",
    "a\"b",
    "\\",
    "😀",
    "1",
];
const INNER: [&str; 4] = ["a", "b", "", "a.b"];
const TEXTS: [&str; 12] = ["", "red", "blue", "7", "7.5", "true", "null", "é", "Z", "a", "😀", "'; --"];
const NUMBERS: [f64; 7] = [0.0, 1.0, -1.0, 7.0, 7.5, -0.25, 1e300];

/// Worlds that are tried on each database.
const WORLDS: u32 = 24;

type Document = BTreeMap<&'static str, Json>;

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        1 => Just(Json::Null),
        2 => any::<bool>().prop_map(Json::from),
        3 => select(NUMBERS.to_vec()).prop_map(number),
        5 => select(TEXTS.to_vec()).prop_map(Json::from),
    ]
}

/// As a whole number where it is one, as people write it.
#[expect(clippy::cast_possible_truncation, reason = "it is small")]
fn number(float: f64) -> Json {
    if float.fract() == 0.0 && float.abs() < 1e9 { json!(float as i64) } else { json!(float) }
}

fn value() -> impl Strategy<Value = Json> {
    leaf().prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Json::from),
            btree_map(select(INNER.to_vec()), inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

fn document() -> impl Strategy<Value = Document> {
    btree_map(select(NAMES.to_vec()), value(), 0..6)
}

/// A question: which field, perhaps which one within, and what with.
fn probe() -> impl Strategy<Value = (Vec<&'static str>, Json)> {
    let path = (select(NAMES.to_vec()), proptest::option::weighted(0.3, select(vec!["a", "b"])));
    (path.prop_map(|(name, inner)| std::iter::once(name).chain(inner).collect()), leaf())
}

#[test]
fn what_goes_in_comes_out_and_is_found_as_in_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let files = [("site.toml", ""), ("models/things.toml", MODEL)];
    let mut sites = vec![runtime.block_on(Running::from_files(&files))];
    for fresh in Fresh::on_servers() {
        sites.push(runtime.block_on(Running::at(fresh.url.clone(), Some(fresh), &files)));
    }
    let world = std::cell::Cell::new(0);
    let strategy = (vec((document(), document()), 1..7), vec(probe(), 6));
    let config = ProptestConfig { cases: WORLDS, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&strategy, |(documents, probes)| {
        for (at, site) in sites.iter().enumerate() {
            world.set(world.get() + 1);
            let tried = Tried { client: site.client(), world: world.get(), on: at };
            runtime.block_on(tried.all(&documents, &probes));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

struct Tried {
    client: Client,
    /// The number that this world's records have.
    world: u32,
    /// Which database, for messages.
    on: usize,
}

impl Tried {
    async fn all(mut self, documents: &[(Document, Document)], probes: &[(Vec<&'static str>, Json)]) {
        let mut known: Vec<(i64, Json)> = Vec::new();
        for (document, patch) in documents {
            known.push(self.written(document, patch).await);
        }
        for (path, value) in probes {
            self.questions(&known, path, value).await;
            self.order(&known, path, false).await;
            self.order(&known, path, true).await;
        }
    }

    /// Makes a record and changes it; its id, and what must be in it.
    async fn written(&mut self, document: &Document, patch: &Document) -> (i64, Json) {
        let mut body = json!(document);
        body["world"] = json!(self.world);
        let made = self.client.json("POST", "/api/things", &body).await;
        assert_eq!(made.status, 201, "{body}: {}", made.text());
        let id = made.json()["id"].as_i64().expect("an id");
        alike(&free(&made.json()), &json!(document));
        let path = format!("/api/things/{id}");
        alike(&free(&self.client.get(&path).await.json()), &json!(document));
        let mut expected = json!(document);
        merge(&mut expected, &json!(patch));
        let headers = [("content-type", "application/merge-patch+json")];
        let changed = self.client.send("PATCH", &path, &headers, &json!(patch).to_string()).await;
        assert_eq!(changed.status, 200, "{patch:?}: {}", changed.text());
        alike(&free(&changed.json()), &expected);
        alike(&free(&self.client.get(&path).await.json()), &expected);
        (id, expected)
    }

    async fn questions(&mut self, known: &[(i64, Json)], path: &[&str], value: &Json) {
        let cel = path.iter().fold("this".to_owned(), |cel, key| format!("{cel}[{}]", Json::from(*key)));
        let equal = |found: &Json| {
            compare(found, value) == Some(Ordering::Equal) || found.is_null() && value.is_null()
        };
        let greater = |found: &Json| compare(found, value) == Some(Ordering::Greater);
        self.filter(known, path, &format!("{cel} == {value}"), |found| found.is_some_and(equal)).await;
        self.filter(known, path, &format!("{cel} != {value}"), |found| {
            found.is_some_and(|found| !equal(found))
        })
        .await;
        self.filter(known, path, &format!("has({cel})"), |found| found.is_some()).await;
        if value.is_number() || value.is_string() {
            self.filter(known, path, &format!("{cel} > {value}"), |found| found.is_some_and(greater)).await;
        }
        // A parameter is a text, and the number or truth that it is written like.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let other =
            serde_json::from_str::<Json>(&text).ok().filter(|json| json.is_number() || json.is_boolean());
        let given = |found: &Json| {
            found.as_str() == Some(&text)
                || other.as_ref().is_some_and(|other| compare(found, other) == Some(Ordering::Equal))
        };
        let query = vec![(path.join("."), text.clone())];
        let found = self.found(query).await;
        let wanted = chosen(known, path, |found| found.is_some_and(given));
        assert_eq!(found, wanted, "on {}: ?{}={text} of {known:?}", self.on, path.join("."));
    }

    async fn filter(
        &mut self,
        known: &[(i64, Json)],
        path: &[&str],
        cel: &str,
        holds: impl Fn(Option<&Json>) -> bool,
    ) {
        let found = self.found(vec![("filter".to_owned(), cel.to_owned())]).await;
        assert_eq!(found, chosen(known, path, holds), "on {}: {cel} of {known:?}", self.on);
    }

    async fn order(&mut self, known: &[(i64, Json)], path: &[&str], descending: bool) {
        let key = format!("{}{}", if descending { "-" } else { "" }, path.join("."));
        let found = self.found(vec![("sort".to_owned(), format!("{key},id"))]).await;
        let mut sorted: Vec<&(i64, Json)> = known.iter().collect();
        sorted.sort_by(|(left_id, left), (right_id, right)| {
            let order = rank(at(left, path)).partial_cmp(&rank(at(right, path))).expect("no NaN");
            (if descending { order.reverse() } else { order }).then(left_id.cmp(right_id))
        });
        let wanted: Vec<i64> = sorted.iter().map(|(id, _)| *id).collect();
        assert_eq!(found, wanted, "on {}: {key} of {known:?}", self.on);
    }

    /// The ids of this world's records that a question finds, page by page.
    async fn found(&mut self, query: Vec<(String, String)>) -> Vec<i64> {
        let mut ids = Vec::new();
        let mut cursor = None::<String>;
        loop {
            let mut url = form_urlencoded::Serializer::new("/api/things?per_page=3&fields=id&".to_owned());
            url.append_pair("world", &self.world.to_string());
            url.extend_pairs(&query);
            url.extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
            let reply = self.client.get(&url.finish()).await;
            assert_eq!(reply.status, 200, "{query:?}: {}", reply.text());
            let list = reply.json();
            let items = list["items"].as_array().expect("items");
            ids.extend(items.iter().map(|item| item["id"].as_i64().expect("an id")));
            match list["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return ids,
            }
        }
    }
}

fn chosen(known: &[(i64, Json)], path: &[&str], holds: impl Fn(Option<&Json>) -> bool) -> Vec<i64> {
    known.iter().filter(|(_, document)| holds(at(document, path))).map(|(id, _)| *id).collect()
}

/// What stands at a path, if anything does.
fn at<'document>(document: &'document Json, path: &[&str]) -> Option<&'document Json> {
    path.iter().try_fold(document, |json, key| json.as_object()?.get(*key))
}

/// How two values compare that do.
fn compare(left: &Json, right: &Json) -> Option<Ordering> {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Json::String(left), Json::String(right)) => Some(left.cmp(right)),
        (Json::Bool(left), Json::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// What is neither number nor text comes first, then numbers, truths among them, then texts.
fn rank(found: Option<&Json>) -> (u8, f64, &str) {
    match found {
        Some(Json::Bool(truth)) => (1, f64::from(u8::from(*truth)), ""),
        Some(Json::Number(number)) => (1, number.as_f64().unwrap_or_default(), ""),
        Some(Json::String(text)) => (2, 0.0, text),
        _ => (0, 0.0, ""),
    }
}

/// RFC 7396, as it is written there.
fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, change) in changes {
        let object = target.as_object_mut().expect("an object");
        match change {
            Json::Null => drop(object.remove(key)),
            change => merge(object.entry(key.clone()).or_insert(Json::Null), change),
        }
    }
}

/// A record's free fields.
fn free(record: &Json) -> Json {
    let mut record = record.clone();
    for declared in ["id", "created_at", "updated_at", "world"] {
        record.as_object_mut().expect("a record").remove(declared).expect("it is there");
    }
    record
}

/// Whether two documents are the same, whether or not a whole number is written with a fraction.
fn alike(found: &Json, expected: &Json) {
    fn same(left: &Json, right: &Json) -> bool {
        match (left, right) {
            (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
            (Json::Array(left), Json::Array(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
            }
            (Json::Object(left), Json::Object(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| same(left, right)))
            }
            _ => left == right,
        }
    }
    assert!(same(found, expected), "{found} is not {expected}");
}
