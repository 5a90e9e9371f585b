//! A site on a fresh database, and who acts on it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use purlin_engine::accounts::{Arrival, Carrier, Cost};
use purlin_engine::records::{Fields, Found};
use purlin_engine::{Actor, Assets, Engine, Failure, Options};
use purlin_schema::load::Layers;
use purlin_schema::query::{Query, Select, Selected};
use purlin_schema::{Id, ModelId, Site, Value};
use purlin_store::migrate::Migrator;
use purlin_store::{Plan, Step, Store};
use serde_json::json;
use tempfile::TempDir;

/// Noon of the first of November 2026.
pub(crate) const NOW: i64 = 1_793_534_400_000_000;

pub(crate) struct Fixture {
    pub(crate) engine: Engine,
    _folder: TempDir,
}

struct AnyAsset;

impl Assets for AnyAsset {
    fn url(&self, name: &str) -> Option<String> {
        Some(format!("/{name}"))
    }
}

const SITE: &str = r#"
[site]
name = "Test"
[accounts]
roles = ["author", "editor"]
"#;

const USERS: &str = r#"
[fields]
name = { type = "text", required = true, max = 80 }
[access]
read = "true"
update = "this == user"
"#;

const POSTS: &str = r#"
[model]
label = "title"
[fields]
title        = { type = "text", required = true, max = 200 }
slug         = { type = "slug", from = "title", unique = true }
body         = { type = "markdown" }
status       = { type = "choice", of = ["draft", "published"], default = "draft" }
author       = { type = "ref", to = "users", required = true, default = "= user", write = false, inverse = "posts", on_delete = "cascade" }
tags         = { type = "refs", to = "tags" }
featured     = { type = "bool", default = false, write = 'user.role == "editor"' }
rating       = { type = "int", min = 1, max = 5 }
secret_note  = { type = "text", hidden = true }
private_note = { type = "text", read = "author == user" }
published_at = { type = "datetime", index = true }
[access]
read   = 'status == "published" || author == user'
create = 'user.role in ["author", "editor"]'
update = 'author == user || user.role == "editor"'
delete = 'user.role == "editor"'
[[check]]
rule    = 'status != "published" || published_at != null'
field   = "published_at"
message = "a published post needs a date"
"#;

const TAGS: &str = r#"
[fields]
name = { type = "text", required = true, unique = true }
[access]
read = "true"
create = 'user.role == "editor"'
"#;

const NOTES: &str = r#"
[fields]
text = { type = "text" }
post = { type = "ref", to = "posts" }
"#;

const POST_PAGE: &str = r#"+++
[data.post]
from = "posts"
filter = "slug == params.slug"
include = ["author", "tags"]
one = true
[form.edit]
update = "data.post"
fields = ["title", "rating", "tags"]
then = "/posts/{data.post.slug}"
say = "Saved {data.post.title}."
+++
<h1>{{ post.title }}</h1><p>{{ post.author.name }}</p>{% for tag in post.tags %}<b>{{ tag.name }}</b>{% endfor %}
{% if can("update", post) %}<i>may edit</i>{% endif %}
{{ form("edit") }}
"#;

const INDEX: &str = r#"+++
[data.posts]
from = "posts"
filter = 'status == "published"'
sort = "-published_at"
include = ["author"]
count = { labels = "true" }
per_page = 2
total = true
[query]
rating = "int"
[data.posts.where]
rating = "rating == query.rating"
+++
{% for post in posts %}[{{ post.title }} by {{ post.author.name }}]{% endfor %} page {{ posts.page }} of {{ posts.pages }}
"#;

impl Fixture {
    pub(crate) async fn new() -> Fixture {
        Fixture::with(&[]).await
    }

    /// The same with further files.
    pub(crate) async fn with(more: &[(&str, &str)]) -> Fixture {
        let index = INDEX.replace("count = { labels = \"true\" }\n", "");
        let mut files = vec![
            ("site.toml", SITE),
            ("models/users.toml", USERS),
            ("models/posts.toml", POSTS),
            ("models/tags.toml", TAGS),
            ("models/notes.toml", NOTES),
            ("pages/index.html", &index),
            ("pages/posts/[slug].html", POST_PAGE),
        ];
        files.extend(more);
        Fixture::of(&files).await
    }

    pub(crate) async fn of(files: &[(&str, &str)]) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = folder.path().to_owned();
        Fixture::open(&root, folder)
    }

    /// A site that is there, on a database elsewhere.
    pub(crate) fn of_folder(root: &Path) -> Fixture {
        Fixture::open(root, tempfile::tempdir().unwrap())
    }

    fn open(root: &Path, folder: TempDir) -> Fixture {
        let database = format!("sqlite:{}", folder.path().join("site.db").display());
        let flags = [("database.url".to_owned(), database)].into_iter().collect();
        let layers = Layers { flags, ..Layers::default() };
        let (site, _) = Site::load(root, &layers).unwrap_or_else(|found| panic!("{}", found.draw(false)));
        let site = Arc::new(site);
        let mut migrator = Migrator::open(&site.settings.database.url, &site.root).unwrap();
        migrator.dev(&site.models, |_| true).unwrap();
        let store = Store::open(&site.root, &site.settings.database, site.models.clone()).unwrap();
        let options = Options {
            dev: false,
            secret: [7; 32].into(),
            password_cost: Cost::CHEAP,
            outbox: Default::default(),
            clock: || NOW,
            assets: Arc::new(AnyAsset),
        };
        let engine =
            Engine::open(site, store, options).unwrap_or_else(|found| panic!("{}", found.draw(false)));
        Fixture { engine, _folder: folder }
    }

    pub(crate) fn model(&self, name: &str) -> ModelId {
        self.engine.site().models.named(name).unwrap().id
    }

    /// Makes a user of a role and signs him in.
    pub(crate) async fn user(&self, name: &str, role: &str) -> Actor {
        let email = format!("{name}@example.com");
        let fields = json!({"email": email, "password": "correct horse battery", "name": name, "role": role});
        self.create(&Actor::Owner, "users", &fields).await.unwrap();
        let signed_in = self
            .engine
            .sign_in(&email, "correct horse battery", from("127.0.0.1"))
            .await
            .unwrap()
            .whole()
            .expect("no second factor is owed");
        self.engine.resume(&signed_in.token).await.unwrap().unwrap()
    }

    pub(crate) async fn create(
        &self,
        actor: &Actor,
        model: &str,
        fields: &serde_json::Value,
    ) -> Result<Found, Failure> {
        self.engine.create(actor, self.model(model), Fields::Json(fields.as_object().unwrap())).await
    }

    pub(crate) async fn update(
        &self,
        actor: &Actor,
        model: &str,
        id: Id,
        fields: &serde_json::Value,
    ) -> Result<Found, Failure> {
        self.engine
            .update(actor, self.model(model), id, None, Fields::Json(fields.as_object().unwrap()))
            .await
    }

    pub(crate) async fn list(
        &self,
        actor: &Actor,
        model: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<String>, Failure> {
        let pairs: Vec<(String, String)> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let listing = self.engine.list(actor, self.model(model), &pairs).await?;
        let model = self.engine.site().models.get(listing.set.shape.model).clone();
        let label = model.label;
        Ok(listing
            .set
            .rows
            .iter()
            .map(|row| listing.set.shape.value(row, label).unwrap().to_text())
            .collect())
    }

    /// What the database keeps of somebody's password.
    pub(crate) async fn hash_of(&self, email: &str) -> String {
        let users = self.engine.site().models.users().clone();
        let fields = ["email", "password"].map(|name| users.field_named(name).unwrap().id);
        let mut query = Query::of(users.id);
        let selected = fields.map(|field| Selected { field, guard: None });
        query.select = Select::Fields(selected.to_vec());
        let store = self.engine.store();
        let step =
            Step { name: "users".to_owned(), query: store.prepare(&query).unwrap(), must_exist: false };
        let actor = Actor::Owner;
        let inputs = purlin_engine::inputs::Ask {
            now: NOW,
            today: 0,
            actor: &actor,
            params: &[],
            query: &[],
            form: &[],
            data: &[],
        };
        let asked = purlin_store::Ask { inputs: &inputs, steps: &[] };
        let answer = store.read(&Plan { steps: vec![step] }, asked).await.unwrap();
        let set = &answer.sets[0];
        let text = |row, field| set.shape.value(row, field).and_then(Value::as_text).unwrap_or_default();
        let row = set.rows.iter().find(|row| text(row, fields[0]) == email).expect("an account");
        text(row, fields[1]).to_owned()
    }

    pub(crate) fn value(&self, found: &Found, field: &str) -> Option<Value> {
        let model = self.engine.site().models.get(found.shape.model).clone();
        found.shape.value(&found.row, model.field_named(field).unwrap().id).cloned()
    }
}

/// Somebody who comes from this address.
pub(crate) fn from(address: &str) -> Arrival<'_> {
    Arrival { address, user_agent: "test", carrier: Carrier::Token }
}

/// What is wrong, as `field: code` each.
pub(crate) fn codes(failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Invalid(messages) => {
            messages.iter().map(|message| format!("{}: {}", message.field, message.code)).collect()
        }
        other => vec![other.to_string()],
    }
}
