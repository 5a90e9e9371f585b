//! What a site is once it is loaded.

use std::collections::BTreeMap;

use purlin_schema::expr::ExprKind;
use purlin_schema::load::{Layers, Mode};
use purlin_schema::model::{OnDelete, RelationBy, Rule, Source};
use purlin_schema::page::Segment;
use purlin_schema::query::Limit;
use purlin_schema::settings::Forwarded;
use purlin_schema::{FieldId, Kind, Site, Value};

use crate::folder::Folder;

fn load_with(files: &[(&str, &str)], layers: &Layers) -> Site {
    let folder = Folder::new(files);
    match Site::load(folder.path(), layers) {
        Ok((site, _)) => site,
        Err(diagnostics) => panic!("{}", diagnostics.draw(false)),
    }
}

fn load(files: &[(&str, &str)]) -> Site {
    load_with(files, &Layers::default())
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const SITE: (&str, &str) = (
    "site.toml",
    r#"
[site]
name = "A"
motto = "of our own"
founded = 1999
[server]
timeout = "5s"
[database]
url = { env = "DB" }
[accounts]
roles = ["author"]
[env.production.site]
name = "B"
[env.production.server]
max_body = "1 MB"
"#,
);

#[test]
fn the_last_layer_wins() {
    let dotenv = (".env", "export DB='sqlite:data/one.db'\nPURLIN_SITE_NAME=C # a comment\n");
    let plain = load(&[SITE, (".env", "DB=\"sqlite:data/one.db\"")]);
    assert_eq!(plain.settings.site.name, "A");
    assert_eq!(plain.settings.database.url, "sqlite:data/one.db");
    assert_eq!(plain.settings.site.extra["motto"], Value::from("of our own"));
    assert_eq!(plain.settings.site.extra["founded"], Value::Int(1999));
    assert_eq!(plain.settings.server.max_body_bytes, 10 << 20);

    let production = Layers { mode: Mode::Production, ..Layers::default() };
    let site = load_with(&[SITE, (".env", "DB=sqlite:x")], &production);
    assert_eq!((site.settings.site.name.as_str(), site.settings.server.max_body_bytes), ("B", 1 << 20));
    assert_eq!(load_with(&[SITE, dotenv], &production).settings.site.name, "C");

    let environment = environment(&[
        ("PURLIN_SITE_NAME", "D"),
        ("DB", "sqlite:y"),
        ("HOME", "/"),
        ("PURLIN_SITE_MOTTO", "new"),
    ]);
    let mut layers = Layers { environment, ..production };
    let site = load_with(&[SITE, dotenv], &layers);
    assert_eq!((site.settings.site.name.as_str(), site.settings.database.url.as_str()), ("D", "sqlite:y"));
    assert_eq!(site.settings.site.extra["motto"], Value::from("new"));
    layers.flags.insert("site.name".to_owned(), "E".to_owned());
    assert_eq!(load_with(&[SITE, dotenv], &layers).settings.site.name, "E");
}

#[test]
fn hosts_set_a_port_and_a_database() {
    let listen = |pairs: &[(&str, &str)], mode| {
        let layers = Layers { mode, environment: environment(pairs), ..Layers::default() };
        load_with(&[("site.toml", "")], &layers).settings.server.listen.to_string()
    };
    assert_eq!(listen(&[], Mode::Production), "127.0.0.1:8080");
    assert_eq!(listen(&[("PORT", "9000")], Mode::Production), "0.0.0.0:9000");
    assert_eq!(listen(&[("PORT", "9000")], Mode::Development), "127.0.0.1:9000");
    let both = [("PORT", "9000"), ("PURLIN_SERVER_LISTEN", "10.0.0.1:1")];
    assert_eq!(listen(&both, Mode::Production), "10.0.0.1:1");

    let site = load(&[("site.toml", "[server]\nlisten = \"0.0.0.0:1\""), (".env", "PORT=9001\n")]);
    assert_eq!(site.settings.server.listen.to_string(), "0.0.0.0:9001");

    let url = |pairs: &[(&str, &str)]| {
        let layers = Layers { environment: environment(pairs), ..Layers::default() };
        load_with(&[("site.toml", "")], &layers).settings.database.url
    };
    assert_eq!(url(&[]), "sqlite:data/site.db");
    assert_eq!(url(&[("DATABASE_URL", "sqlite:a")]), "sqlite:a");
    assert_eq!(url(&[("DATABASE_URL", "sqlite:a"), ("PURLIN_DATABASE_URL", "sqlite:b")]), "sqlite:b");
}

#[test]
fn proxies_are_named_by_address_or_word() {
    let toml = "[server]\ntrusted_proxies = [\"192.0.2.7\", \"private\"]\nforwarded = \"forwarded\"\n";
    let server = load(&[("site.toml", toml)]).settings.server;
    let trusts = |address: &str| {
        let address = address.parse().expect("an address");
        server.trusted_proxies.iter().any(|network| network.contains(address))
    };
    for address in ["192.0.2.7", "10.9.9.9", "172.31.0.1", "fd12::1", "::ffff:192.168.0.1"] {
        assert!(trusts(address), "{address}");
    }
    for address in ["192.0.2.8", "127.0.0.1", "172.32.0.1", "2001:db8::1"] {
        assert!(!trusts(address), "{address}");
    }
    assert_eq!(server.forwarded, Forwarded::Standard);
    let variable = environment(&[("PURLIN_SERVER_TRUSTED_PROXIES", "loopback, 10.0.0.0/8")]);
    let layers = Layers { environment: variable, ..Layers::default() };
    let server = load_with(&[("site.toml", "")], &layers).settings.server;
    assert_eq!((server.trusted_proxies.len(), server.forwarded), (3, Forwarded::Usual));
}

#[test]
fn users_are_there_without_a_file() {
    let site = load(&[("site.toml", "[accounts]\nroles = [\"author\"]")]);
    let users = site.models.users();
    let [email, password, role] =
        ["email", "password", "role"].map(|name| users.field_named(name).expect("it is there"));
    assert!(email.required && matches!(email.read, Rule::When(_)) && matches!(email.write, Rule::Everybody));
    assert!(password.hidden);
    assert_eq!(role.choices, ["user", "admin", "author"]);
    assert!(matches!(role.write, Rule::Administrators));
    assert!(matches!(users.access.read, Rule::When(_)) && matches!(users.access.update, Rule::When(_)));
    assert!(matches!(users.access.create, Rule::Administrators) && users.access.declared);
    assert_eq!(users.uniques.len(), 1);

    let sessions = site.models.named("_sessions").expect("they are kept by migrations");
    assert!(sessions.internal && !sessions.api && !sessions.access.declared);
    let user = sessions.field_named("user").expect("a session is somebody's");
    let reference = user.reference.as_ref().expect("it is a ref");
    assert_eq!((reference.to, reference.on_delete), (users.id, OnDelete::Cascade));
    assert!(users.relations.is_empty(), "nobody reaches sessions through users");
}

#[test]
fn a_site_opens_users_and_adds_to_them() {
    let file = r#"
[model]
id = "uuid"
[fields]
name = { type = "text" }
email = { read = 'true' }
[access]
read = 'true'
"#;
    let site = load(&[
        ("models/users.toml", file),
        ("models/posts.toml", "[fields]\nby = { type = \"ref\", to = \"users\" }\n"),
    ]);
    let users = site.models.users();
    assert_eq!(users.field(FieldId::ID).kind, Kind::Uuid);
    assert!(matches!(users.access.read, Rule::Everybody) && matches!(users.access.update, Rule::When(_)));
    assert!(matches!(users.field_named("email").expect("it is there").read, Rule::Everybody));
    assert_eq!(users.field(users.label).name, "name");
    let posts = site.models.named("posts").expect("it is there");
    let by = posts.field_named("by").expect("it is there");
    assert_eq!(by.kind, Kind::Uuid);
    let inverse = users.relation_named("posts").expect("an inverse is named by its model");
    assert_eq!((inverse.to, inverse.by), (posts.id, RelationBy::Inverse(by.id)));
    assert_eq!(
        site.models.named("_sessions").and_then(|model| model.field_named("user")).map(|field| field.kind),
        Some(Kind::Uuid)
    );
}

#[test]
fn pages_are_put_together_from_their_layouts() {
    let site = load(&[
        (
            "models/posts.toml",
            "[fields]\ntitle = { type = \"text\" }\nslug = { type = \"slug\", from = \"title\" }\nat = { type = \"datetime\" }\n",
        ),
        (
            "pages/_layout.html",
            "+++\n[page]\nrequire = 'user != null'\n[data.recent]\nfrom = \"posts\"\nlimit = 3\n+++\n<body>",
        ),
        (
            "pages/[year]/[slug].html",
            r#"+++
[page]
require = 'user.role == "admin"'
[query]
tag = "text"
[data.others]
from = "posts"
filter = 'id != data.post.id && at.getFullYear() == params.year'
per_page = 5
[data.post]
from = "posts"
filter = 'slug == params.slug'
one = true
[form.new]
create = "posts"
fields = ["title"]
set = { at = "= now", slug = "= data.post.slug" }
then = "/{data.new.at.getFullYear()}/{data.new.slug}?{{x}}"
+++
{% extends "_layout.html" %}
"#,
        ),
        ("pages/404.html", "{% extends \"_layout.html\" %}"),
        ("pages/feed.xml", "+++\n[data.posts]\nfrom = \"posts\"\n+++\n<?xml?>"),
    ]);
    let page = &site.pages["[year]/[slug].html"];
    assert_eq!(page.data.keys().collect::<Vec<_>>(), ["recent", "post", "others"]);
    assert_eq!(page.data["others"].query.limit, Limit::Page(5));
    assert_eq!(
        page.params.iter().map(|(name, kind)| (name.as_str(), *kind)).collect::<Vec<_>>(),
        [("year", Kind::Int), ("slug", Kind::Text)]
    );
    assert_eq!(page.query["tag"], Kind::Text);
    assert!(
        matches!(page.require.as_ref().map(|require| &require.kind), Some(ExprKind::And(all)) if all.len() == 2)
    );
    let form = &page.forms["new"];
    assert_eq!((form.fields.len(), form.set.len()), (1, 2));
    assert_eq!(form.then.as_ref().map(|then| then.parts.len()), Some(5));
    let route = page.route.as_ref().expect("it has a URL");
    assert_eq!(route.segments, [Segment::Param("year".to_owned()), Segment::Param("slug".to_owned())]);
    assert_eq!(site.pages["feed.xml"].content_type, "application/xml; charset=utf-8");

    let missing = &site.pages["404.html"];
    assert!(missing.route.is_none() && missing.require.is_none() && missing.data.contains_key("recent"));
    let layout = &site.templates["_layout.html"];
    assert!(layout.data.contains_key("recent"));
    assert_eq!(layout.source, format!("{{#{}-#}}\n<body>", "\n".repeat(6)));
    assert!(!site.pages.contains_key("_layout.html"));
}

#[test]
fn what_is_not_text_is_refused() {
    let folder = Folder::new(&[("site.toml", "")]);
    std::fs::create_dir_all(folder.path().join("pages")).expect("a folder is made");
    std::fs::write(folder.path().join("pages/index.html"), [0xff, 0xfe]).expect("a file is written");
    let diagnostics = Site::load(folder.path(), &Layers::default()).expect_err("it is no text");
    crate::golden::compare("not_utf8", &diagnostics.draw(false));
}

#[test]
fn times_and_numbers_of_toml_are_read_as_they_are() {
    let site = load(&[(
        "models/things.toml",
        r#"
[fields]
a = { type = "datetime", default = 2026-03-01T10:00:00 }
b = { type = "datetime", default = 2026-03-01T10:00:00+02:00 }
c = { type = "date", default = 2026-03-01, min = 2020-01-01 }
d = { type = "int", big = true, default = 9223372036854775807 }
e = { type = "decimal", scale = 2, default = 1.5, max = "10" }
f = { type = "duration", default = "1h30m" }
g = { type = "float", default = 1 }
h = { type = "json", default = { a = [1, true] } }
"#,
    )]);
    let things = site.models.named("things").expect("it is there");
    let defaults: Vec<String> = things
        .fields
        .iter()
        .filter_map(|field| match &field.default {
            Some(Source::Literal(value)) => Some(value.to_text()),
            _ => None,
        })
        .collect();
    let expected = [
        "2026-03-01T10:00:00.000000Z",
        "2026-03-01T08:00:00.000000Z",
        "2026-03-01",
        "9223372036854775807",
        "1.50",
        "1h30m",
        "1.0",
        "{\"a\":[1,true]}",
    ];
    assert_eq!(defaults, expected);
}

#[test]
fn more_than_a_model_may_have_is_told() {
    let mut fields = "[fields]\nodd = { type = \"float\", default = inf }\n".to_owned();
    for number in 0..600 {
        fields.push_str(&format!("f{number} = {{ type = \"text\" }}\n"));
    }
    // A key that goes this deep must not overflow the stack either.
    let deep = format!("x{} = 1\n", ".a".repeat(50_000));
    let folder = Folder::new(&[("models/many.toml", fields.as_str()), ("models/deep.toml", deep.as_str())]);
    let mut diagnostics = Site::load(folder.path(), &Layers::default()).expect_err("it is too much");
    diagnostics.list.retain(|one| one.file.ends_with("many.toml"));
    crate::golden::compare("too_many", &diagnostics.draw(false));
}
