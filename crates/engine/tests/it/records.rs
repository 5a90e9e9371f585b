//! Writing records: validation, rules, references, versions.

use purlin_engine::{Actor, Failure};
use purlin_schema::Value;
use serde_json::json;

use crate::support::{Fixture, codes};

#[tokio::test]
async fn a_record_is_made_with_its_defaults() {
    let site = Fixture::new().await;
    let ada = site.user("ada", "author").await;
    let post = site.create(&ada, "posts", &json!({"title": "Hello World", "rating": 4})).await.unwrap();
    assert_eq!(site.value(&post, "slug"), Some(Value::from("hello-world")));
    assert_eq!(site.value(&post, "status"), Some(Value::from("draft")));
    assert_eq!(site.value(&post, "author"), Some(Value::from(ada.user().unwrap().id)));
    assert_eq!(site.value(&post, "featured"), Some(Value::Bool(false)));
    assert_eq!(site.value(&post, "secret_note"), None, "what is hidden is not there");
    let again = site.create(&ada, "posts", &json!({"title": "Hello, world!"})).await.unwrap();
    assert_eq!(site.value(&again, "slug"), Some(Value::from("hello-world-2")));
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let site = Fixture::new().await;
    let ada = site.user("ada", "author").await;
    let wrong = json!({"title": "", "rating": 9, "status": "secret", "author": 1, "id": 5, "nonsense": 1, "created_at": "x"});
    let failure = site.create(&ada, "posts", &wrong).await.err().unwrap();
    let mut codes = codes(&failure);
    codes.sort();
    assert_eq!(
        codes,
        [
            "author: read_only",
            "created_at: read_only",
            "id: read_only",
            "nonsense: unknown_field",
            "rating: too_large",
            "status: choice",
            "title: required"
        ]
    );
}

#[tokio::test]
async fn rules_decide_who_creates_updates_and_deletes() {
    let site = Fixture::new().await;
    let (ada, bob) = (site.user("ada", "author").await, site.user("bob", "author").await);
    let (eve, reader) = (site.user("eve", "editor").await, site.user("rae", "user").await);
    let title = json!({"title": "One"});
    assert!(matches!(site.create(&Actor::Visitor, "posts", &title).await, Err(Failure::Unauthenticated)));
    assert!(matches!(site.create(&reader, "posts", &title).await, Err(Failure::Forbidden)));
    assert!(
        matches!(site.create(&reader, "posts", &json!({})).await, Err(Failure::Forbidden)),
        "before what is wrong"
    );
    let post = site.create(&ada, "posts", &title).await.unwrap();
    let change = json!({"title": "Two"});
    assert!(
        matches!(site.update(&bob, "posts", post.id, &change).await, Err(Failure::NotFound)),
        "a draft is his alone"
    );
    assert!(matches!(site.update(&eve, "posts", post.id, &change).await, Err(Failure::NotFound)));
    let publish = json!({"status": "published", "published_at": "2026-01-01T00:00:00Z"});
    site.update(&ada, "posts", post.id, &publish).await.unwrap();
    assert!(matches!(site.update(&bob, "posts", post.id, &change).await, Err(Failure::Forbidden)));
    assert!(matches!(
        site.update(&bob, "posts", post.id, &json!({"rating": 99})).await,
        Err(Failure::Forbidden)
    ));
    assert!(matches!(
        site.update(&Actor::Visitor, "posts", post.id, &change).await,
        Err(Failure::Unauthenticated)
    ));
    let changed = site.update(&eve, "posts", post.id, &change).await.unwrap();
    assert_eq!(site.value(&changed, "title"), Some(Value::from("Two")));
    assert_eq!(site.value(&changed, "slug"), Some(Value::from("one")), "a slug stays");
    let posts = site.model("posts");
    assert!(matches!(site.engine.delete(&ada, posts, post.id, None).await, Err(Failure::Forbidden)));
    site.engine.delete(&eve, posts, post.id, None).await.unwrap();
    assert!(matches!(site.engine.delete(&eve, posts, post.id, None).await, Err(Failure::NotFound)));
}

#[tokio::test]
async fn a_field_has_rules_of_its_own() {
    let site = Fixture::new().await;
    let (ada, eve) = (site.user("ada", "author").await, site.user("eve", "editor").await);
    let featured = json!({"title": "One", "featured": true, "status": "published", "published_at": "2026-01-01T00:00:00Z"});
    let failure = site.create(&ada, "posts", &featured).await.err().unwrap();
    assert_eq!(codes(&failure), ["featured: read_only"]);
    let mut plain = featured.clone();
    plain["featured"] = json!(false);
    plain["private_note"] = json!("mine");
    let post = site.create(&ada, "posts", &plain).await.unwrap();
    assert_eq!(site.value(&post, "private_note"), Some(Value::from("mine")));
    let by_eve = site.update(&eve, "posts", post.id, &json!({"featured": true})).await.unwrap();
    assert_eq!(site.value(&by_eve, "featured"), Some(Value::Bool(true)));
    assert_eq!(site.value(&by_eve, "private_note"), Some(Value::Withheld), "the note is the author's alone");
    let kept =
        site.update(&ada, "posts", post.id, &json!({"title": "Other", "featured": true})).await.unwrap();
    assert_eq!(site.value(&kept, "featured"), Some(Value::Bool(true)), "what does not change is not written");
}

#[tokio::test]
async fn checks_uniques_and_references_name_their_fields() {
    let site = Fixture::new().await;
    let (ada, eve) = (site.user("ada", "author").await, site.user("eve", "editor").await);
    let undated = json!({"title": "One", "status": "published"});
    assert_eq!(codes(&site.create(&ada, "posts", &undated).await.err().unwrap()), ["published_at: check"]);
    let tag = site.create(&eve, "tags", &json!({"name": "rust"})).await.unwrap();
    assert_eq!(
        codes(&site.create(&eve, "tags", &json!({"name": "rust"})).await.err().unwrap()),
        ["name: unique"]
    );
    let tag_id = match tag.id {
        purlin_schema::Id::Int(id) => id,
        purlin_schema::Id::Uuid(_) => unreachable!(),
    };
    let failure =
        site.create(&ada, "posts", &json!({"title": "One", "tags": [tag_id, 999]})).await.err().unwrap();
    assert_eq!(codes(&failure), ["tags: not_found"]);
    site.create(&ada, "posts", &json!({"title": "One", "tags": [tag_id]})).await.unwrap();
    assert_eq!(
        site.list(&ada, "posts", &[("filter", "tags.exists(t, t.name == 'rust')")]).await.unwrap(),
        ["One"]
    );
}

#[tokio::test]
async fn a_reference_to_what_one_may_not_read_is_a_reference_to_nothing() {
    let site = Fixture::new().await;
    let (ada, root) = (site.user("ada", "author").await, site.user("root", "admin").await);
    let draft = site.create(&ada, "posts", &json!({"title": "Draft"})).await.unwrap();
    let purlin_schema::Id::Int(id) = draft.id else { unreachable!() };
    site.create(&root, "notes", &json!({"text": "x", "post": id})).await.unwrap();
    let there_is_none =
        site.create(&root, "notes", &json!({"text": "x", "post": 99_999})).await.err().unwrap();
    assert_eq!(codes(&there_is_none), ["post: not_found"]);
}

#[tokio::test]
async fn versions_keep_two_writers_apart() {
    let site = Fixture::new().await;
    let ada = site.user("ada", "author").await;
    let post = site.create(&ada, "posts", &json!({"title": "One"})).await.unwrap();
    let posts = site.model("posts");
    let fields = json!({"title": "Two"});
    let fields = purlin_engine::records::Fields::Json(fields.as_object().unwrap());
    let changed = site.engine.update(&ada, posts, post.id, Some(post.version), fields).await.unwrap();
    assert_eq!(changed.version, post.version + 1);
    let late = site.engine.update(&ada, posts, post.id, Some(post.version), fields).await;
    assert!(matches!(late, Err(Failure::VersionMismatch)));
    let late =
        site.engine.delete(&site.user("eve", "editor").await, posts, post.id, Some(post.version)).await;
    assert!(matches!(late, Err(Failure::NotFound)), "a draft is not there for her, whatever its version");
}

#[tokio::test]
async fn replacing_resets_what_is_absent_and_keeps_what_one_may_not_write() {
    let site = Fixture::new().await;
    let ada = site.user("ada", "author").await;
    let post =
        site.create(&ada, "posts", &json!({"title": "One", "rating": 3, "body": "text"})).await.unwrap();
    let fields = json!({"title": "Two"});
    let fields = purlin_engine::records::Fields::Json(fields.as_object().unwrap());
    let replaced = site.engine.replace(&ada, site.model("posts"), post.id, None, fields).await.unwrap();
    assert_eq!(site.value(&replaced, "title"), Some(Value::from("Two")));
    assert_eq!(site.value(&replaced, "rating"), Some(Value::Null));
    assert_eq!(site.value(&replaced, "body"), Some(Value::Null));
    assert_eq!(site.value(&replaced, "author"), site.value(&post, "author"));
}

#[tokio::test]
async fn attack_05_leaving_a_field_out_or_null_does_not_write_it_either() {
    let site = Fixture::new().await;
    let (ada, eve) = (site.user("ada", "author").await, site.user("eve", "editor").await);
    let failure = site.create(&ada, "posts", &json!({"title": "One", "featured": null})).await.err().unwrap();
    assert_eq!(codes(&failure), ["featured: read_only"], "its default is not null");
    let fields = json!({"title": "One", "rating": null, "status": "published", "published_at": "2026-01-01T00:00:00Z"});
    let post = site.create(&ada, "posts", &fields).await.unwrap();
    site.update(&eve, "posts", post.id, &json!({"featured": true})).await.unwrap();
    let fields = purlin_engine::records::Fields::Json(fields.as_object().unwrap());
    let posts = site.model("posts");
    let replaced = site.engine.replace(&ada, posts, post.id, None, fields).await.unwrap();
    assert_eq!(
        site.value(&replaced, "featured"),
        Some(Value::Bool(true)),
        "PUT leaves what one may not write"
    );
    let replaced = site.engine.replace(&eve, posts, post.id, None, fields).await.unwrap();
    assert_eq!(site.value(&replaced, "featured"), Some(Value::Bool(false)));
}

#[tokio::test]
async fn a_replacement_leaves_what_the_stored_record_keeps_from_its_writer() {
    let tasks = r#"
        [fields]
        title  = { type = "text", required = true }
        locked = { type = "bool", default = false }
        price  = { type = "int", write = "!locked" }
        people = { type = "refs", to = "users", write = "!locked" }
        [access]
        read   = "true"
        create = "true"
        update = "true"
    "#;
    let site = Fixture::of(&[("models/tasks.toml", tasks)]).await;
    let root = Actor::Owner;
    let user =
        site.create(&root, "users", &json!({"email": "a@b.de", "password": "correct horse"})).await.unwrap();
    let purlin_schema::Id::Int(user) = user.id else { unreachable!() };
    let visitor = Actor::Visitor;
    let tasks = site.model("tasks");
    for (locked, price) in [(true, Value::Int(7)), (false, Value::Null)] {
        let task = json!({"title": "a", "locked": locked, "price": 7, "people": [user]});
        let task = site.create(&root, "tasks", &task).await.unwrap();
        let fields = json!({"title": "b", "locked": locked});
        let fields = purlin_engine::records::Fields::Json(fields.as_object().unwrap());
        let replaced = site.engine.replace(&visitor, tasks, task.id, None, fields).await.unwrap();
        assert_eq!(site.value(&replaced, "title"), Some(Value::from("b")));
        assert_eq!(site.value(&replaced, "price"), Some(price));
        let filter = format!("people.exists(p, p.id == {user}) && locked == {locked}");
        assert_eq!(
            site.list(&root, "tasks", &[("filter", &filter)]).await.unwrap().len(),
            usize::from(locked)
        );
    }
}

#[tokio::test]
async fn a_check_in_memory_is_prepared_again_when_others_were_faster() {
    let notes = "[fields]\ntext = { type = \"text\" }\nnumber = { type = \"int\" }\n[access]\nread = \"true\"\nupdate = \"true\"\n\
                 [[check]]\nrule = 'text.matches(\"^[a-z]*$\")'\nfield = \"text\"\nmessage = \"letters\"\n";
    let site = Fixture::of(&[("models/notes.toml", notes)]).await;
    let note = site.create(&Actor::Owner, "notes", &json!({"text": "a"})).await.unwrap();
    let visitor = Actor::Visitor;
    let (first, second) = (json!({"number": 1}), json!({"text": "b"}));
    let both = tokio::join!(
        site.update(&visitor, "notes", note.id, &first),
        site.update(&visitor, "notes", note.id, &second)
    );
    assert!(both.0.is_ok() && both.1.is_ok());
}
