//! A small site in a folder of its own, and somebody who asks it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use purlin_engine::accounts::Cost;
use purlin_engine::records::Fields;
use purlin_engine::{Actor, Engine, Options};
use purlin_schema::load::Layers;
use purlin_server::{App, Assets, Config, RequestBody};
use purlin_store::Store;
use purlin_store::migrate::Migrator;
use serde_json::{Value, json};

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A site and its server.
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) engine: Engine,
    _folder: tempfile::TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

const FILES: &[(&str, &str)] = &[
    (
        "site.toml",
        r#"
        [site]
        name = "Test"
        [server]
        max_body = 20000
        timeout = "2s"
        [accounts]
        roles = ["author"]
        "#,
    ),
    (
        "models/posts.toml",
        r#"
        [fields]
        title  = { type = "text", required = true, max = 100 }
        slug   = { type = "slug", from = "title", unique = true }
        body   = { type = "text" }
        status = { type = "choice", of = ["draft", "published"], default = "draft" }
        secret = { type = "text", hidden = true }
        link   = { type = "url" }
        notes  = { type = "text", read = 'author == user' }
        score  = { type = "int", write = false, default = 1 }
        price  = { type = "decimal", scale = 2 }
        author = { type = "ref", to = "users", default = "= user", write = false }
        [access]
        read   = 'status == "published" || author == user'
        create = 'user.role == "author"'
        update = 'author == user'
        delete = 'author == user'
        "#,
    ),
    ("models/notes.toml", "[fields]\ntext = { type = \"text\" }\n"),
    (
        "models/closed.toml",
        "[model]\napi = false\n[fields]\ntext = { type = \"text\" }\n[access]\nread = 'true'\n",
    ),
    (
        "models/wishes.toml",
        "[fields]\ntext = { type = \"text\", required = true }\n[access]\nread = 'true'\ncreate = 'true'\n",
    ),
    (
        "pages/index.html",
        "<!doctype html><title>Home</title><body><p>Home of {{ site.name }}</p>\
         {% for message in flash %}<b>{{ message.text }}</b>{% endfor %}</body>",
    ),
    (
        "pages/404.html",
        "<!doctype html><title>Lost</title>{% if error is defined %}<p>Lost: {{ error.status }} {{ error.detail }}</p>{% endif %}",
    ),
    ("pages/fails.html", "<p>{{ 1 // 0 }}</p>"),
    (
        "pages/posts/[slug].html",
        "+++\n[data.post]\nfrom = \"posts\"\nfilter = 'slug == params.slug'\none = true\n+++\n\
         <h1 title=\"{{ post.title }}\">{{ post.title }}</h1><p>{{ post.body }}</p>",
    ),
    (
        "pages/wish.html",
        "+++\n[form.wish]\ncreate = \"wishes\"\nfields = [\"text\"]\nthen = \"/\"\nsay = \"Wished.\"\n+++\n{{ form(\"wish\") }}",
    ),
    ("pages/members.html", "+++\n[page]\nrequire = 'user != null'\n+++\n<p>Members</p>"),
    ("pages/authors.html", "+++\n[page]\nrequire = 'user.role == \"author\"'\n+++\n<p>Authors</p>"),
    ("public/style.css", "body { color: black }\n"),
    ("public/.git/config", "secret"),
];

impl Site {
    /// The site, with two authors and a plain user.
    pub(crate) async fn new() -> Site {
        Site::with(Config::default(), &[]).await
    }

    /// The site, with some files replaced.
    pub(crate) async fn with(mut config: Config, files: &[(&str, &str)]) -> Site {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in FILES.iter().chain(files) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (site, _) = purlin_schema::Site::load(folder.path(), &Layers::default())
            .unwrap_or_else(|mistakes| panic!("{:#?}", mistakes.list));
        let database = &site.settings.database;
        Migrator::open(&database.url, folder.path()).unwrap().dev(&site.models, |_| false).unwrap();
        let store = Store::open(folder.path(), database, site.models.clone()).unwrap();
        let assets = Assets::open(&folder.path().join("public"), false).unwrap();
        config.assets = assets.clone();
        let options = Options {
            dev: false,
            secret: [7; 32].into(),
            password_cost: Cost::CHEAP,
            clock: now,
            assets,
            outbox: Default::default(),
        };
        let engine = Engine::open(Arc::new(site), store, options)
            .unwrap_or_else(|mistakes| panic!("{:#?}", mistakes.list));
        let app = App::new(Arc::new(ArcSwap::from_pointee(engine.clone())), config);
        let site = Site { app, engine, _folder: folder };
        site.user("ann@example.org", "author").await;
        site.user("bob@example.org", "author").await;
        site.user("cem@example.org", "user").await;
        site
    }

    pub(crate) async fn user(&self, email: &str, role: &str) {
        let users = self.engine.site().models.users().id;
        let fields = json!({ "email": email, "password": PASSWORD, "role": role });
        self.engine
            .create(&Actor::Owner, users, Fields::Json(fields.as_object().unwrap()))
            .await
            .unwrap_or_else(|failure| panic!("{failure:?}"));
    }

    /// Changes an account as the owner does.
    pub(crate) async fn set_user(&self, email: &str, fields: Value) {
        let users = self.engine.site().models.users().id;
        let found = self.engine.list(&Actor::Owner, users, &[("email".to_owned(), email.to_owned())]).await;
        let id = found.unwrap().set.rows[0].values[0].as_id().unwrap();
        let fields = Fields::Json(fields.as_object().unwrap());
        self.engine.update(&Actor::Owner, users, id, None, fields).await.unwrap();
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<RequestBody>) -> Reply {
        let (parts, body) = self.app.handle(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Asks with a method, a path and headers.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost:8080");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_empty() { RequestBody::empty() } else { RequestBody::from(body.to_owned()) };
        self.send(request.body(body).unwrap()).await
    }

    /// GET as a visitor.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    /// A request with JSON and a token.
    pub(crate) async fn json(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> Reply {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        self.ask(method, path, &headers, &body.to_string()).await
    }

    /// GET with a token.
    pub(crate) async fn get_as(&self, path: &str, token: &str) -> Reply {
        self.ask("GET", path, &[("authorization", &format!("Bearer {token}"))], "").await
    }

    /// A token of a user.
    pub(crate) async fn token(&self, email: &str) -> String {
        let login = json!({ "email": email, "password": PASSWORD });
        let reply = self.json("POST", "/api/auth/login", None, login).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.value()["token"].as_str().unwrap().to_owned()
    }
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's text, empty where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a cookie that the answer sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers.get_all("set-cookie").iter().find_map(|value| {
            let (key, rest) = value.to_str().unwrap().split_once('=')?;
            (key == name).then(|| rest.split(';').next().unwrap())
        })
    }

    /// Checks that this is a problem of this status and code.
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.value();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        for name in ["type", "title", "detail"] {
            assert!(problem[name].is_string(), "{problem}");
        }
    }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}
