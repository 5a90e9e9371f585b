//! Small sites in a folder, and views of rows as a query would give them.

use std::path::Path;
use std::sync::Arc;

use purlin_pages::view::{Data, NoOracle, Record, View};
use purlin_pages::{Assets, Templates};
use purlin_schema::load::Layers;
use purlin_schema::record::{Related, ShapeRelation};
use purlin_schema::{Diagnostics, FieldId, Model, Row, RowSet, Shape, Site, Value};

/// Models that most tests share.
pub(crate) const MODELS: &[(&str, &str)] = &[
    ("site.toml", "[site]\nname = \"Test\"\nurl = \"https://test.example\"\ntimezone = \"Europe/Berlin\"\n"),
    (
        "models/posts.toml",
        r#"
[fields]
title  = { type = "text", required = true, max = 200 }
slug   = { type = "slug", from = "title", unique = true }
body   = { type = "markdown" }
html   = { type = "html" }
status = { type = "choice", of = ["draft", "published"], default = "draft" }
price  = { type = "decimal", scale = 2 }
at     = { type = "datetime" }
day    = { type = "date" }
link   = { type = "url" }
data   = { type = "json" }
secret = { type = "text", hidden = true }
featured = { type = "bool", default = false }
author = { type = "ref", to = "users", inverse = "posts" }
tags   = { type = "refs", to = "tags" }
[access]
read = true
create = true
update = true
"#,
    ),
    ("models/tags.toml", "[fields]\nname = { type = \"text\", required = true }\n[access]\nread = true\n"),
    ("models/users.toml", "[fields]\nname = { type = \"text\", required = true }\n[access]\nread = true\n"),
];

/// Writes a site's files.
pub(crate) fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }
}

/// A site of the shared models and these files.
pub(crate) fn load_site(files: &[(&str, &str)]) -> Arc<Site> {
    let folder = tempfile::tempdir().expect("there is room");
    write(folder.path(), MODELS);
    write(folder.path(), files);
    match Site::load(folder.path(), &Layers::default()) {
        Ok((site, _)) => Arc::new(site),
        Err(found) => panic!("{:#?}", found.list),
    }
}

/// Static files, of which two are there.
pub(crate) struct Files;

impl Assets for Files {
    fn url(&self, name: &str) -> Option<String> {
        ["style.css", "logo.svg"].contains(&name).then(|| format!("/{name}?v=1"))
    }

    fn names(&self) -> Vec<String> {
        vec!["style.css".into(), "logo.svg".into()]
    }
}

/// The templates of a site of these files.
pub(crate) fn load(files: &[(&str, &str)]) -> Result<Templates, Diagnostics> {
    Templates::load(load_site(files), Arc::new(Files))
}

/// The view of a visitor.
pub(crate) fn view(data: Vec<(&str, Data)>) -> View {
    View {
        data: data.into_iter().map(|(name, data)| (name.to_owned(), data)).collect(),
        user: None,
        params: Vec::new(),
        query: Vec::new(),
        path: "/".into(),
        query_string: String::new(),
        forms: Vec::new(),
        flash: Vec::new(),
        flash_shown: Arc::default(),
        extra: Vec::new(),
        now: 1_700_000_000_000_000,
        oracle: Arc::new(NoOracle),
    }
}

/// A shape of these fields, counts and included relations of a model.
pub(crate) fn shape(
    model: &Model,
    fields: &[&str],
    counts: &[&str],
    include: Vec<(&str, Arc<Shape>)>,
) -> Arc<Shape> {
    let ids: Vec<FieldId> = fields
        .iter()
        .map(|name| model.field_named(name).unwrap_or_else(|| panic!("no field {name}")).id)
        .collect();
    let mut position = vec![None; model.fields.len()];
    for (at, id) in ids.iter().enumerate() {
        position[usize::from(id.0)] = Some(u16::try_from(at).expect("few fields"));
    }
    let relations = include
        .into_iter()
        .map(|(name, shape)| {
            let relation = model.relation_named(name).unwrap_or_else(|| panic!("no relation {name}"));
            ShapeRelation { relation: relation.id, many: relation.is_many(), shape }
        })
        .collect();
    Arc::new(Shape {
        model: model.id,
        fields: ids,
        position,
        free: None,
        tests: Vec::new(),
        counts: counts.iter().map(|name| (*name).to_owned()).collect(),
        relations,
    })
}

/// A row.
pub(crate) fn row(values: Vec<Value>, related: Vec<Related>) -> Arc<Row> {
    Arc::new(Row { values: values.into(), related: related.into() })
}

/// A record.
pub(crate) fn one(shape: &Arc<Shape>, row: &Arc<Row>) -> Data {
    Data::One(Record { shape: shape.clone(), row: row.clone() })
}

/// A list without pages.
pub(crate) fn list(shape: &Arc<Shape>, rows: Vec<Arc<Row>>) -> RowSet {
    RowSet { shape: shape.clone(), rows, total: None, more: false, last_key: Vec::new() }
}

/// What a page of a site with the shared models shows of a post; `template` is its whole text.
pub(crate) fn show(template: &str, data: Data) -> Result<String, String> {
    let page = format!("+++\n[data.post]\nfrom = \"posts\"\none = true\n+++\n{template}");
    let templates = load(&[("pages/index.html", &page)]).map_err(|found| {
        found.list.iter().map(|mistake| mistake.message.clone()).collect::<Vec<_>>().join("; ")
    })?;
    let out = templates.render("index.html", view(vec![("post", data)]));
    out.map(|text| text.trim().to_owned()).map_err(|error| match error.hint {
        Some(hint) => format!("{}; {hint}", error.message),
        None => error.message,
    })
}

/// A post with these fields besides its id, which is 7.
pub(crate) fn post(fields: &[(&str, Value)]) -> Data {
    let site = load_site(&[]);
    let model = site.models.named("posts").expect("it is declared");
    let names: Vec<&str> = std::iter::once("id").chain(fields.iter().map(|(name, _)| *name)).collect();
    let values =
        std::iter::once(Value::Int(7)).chain(fields.iter().map(|(_, value)| value.clone())).collect();
    one(&shape(model, &names, &[], Vec::new()), &row(values, Vec::new()))
}
