//! The two pages, from the same templates as Purlin's: bench/site/pages, less their front matter.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use minijinja::value::Object;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::backend::{Backend, Cells, Fault};
use crate::markdown::Rendered;
use crate::{Shared, answer, time};

/// What stands for itself in a part of an address.
const PART: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const SOURCES: [(&str, &str); 3] = [
    ("_layout.html", include_str!("../../site/pages/_layout.html")),
    ("index.html", include_str!("../../site/pages/index.html")),
    ("post.html", include_str!("../../site/pages/posts/[slug].html")),
];

/// The templates and what they print that is dear to make.
pub(crate) struct Templates {
    environment: Environment<'static>,
    rendered: Rendered,
}

impl Templates {
    pub(crate) fn load() -> Result<Templates, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("date", date);
        environment.add_filter("url", url);
        for (name, source) in SOURCES {
            environment.add_template(name, without_front_matter(source))?;
        }
        Ok(Templates { environment, rendered: Rendered::default() })
    }

    fn answer(&self, name: &str, context: Value) -> Response<Body> {
        match self.environment.get_template(name).and_then(|template| template.render(context)) {
            Ok(html) => answer::html(html),
            Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the template failed"),
        }
    }
}

fn without_front_matter(source: &'static str) -> &'static str {
    let rest = source.strip_prefix("+++\n").and_then(|rest| rest.split_once("\n+++\n"));
    rest.map_or(source, |(_, template)| template)
}

/// The one format that the templates use.
fn date(micros: i64, format: &str) -> Result<Value, Error> {
    match format {
        "%Y-%m-%d" => Ok(time::date(micros)),
        _ => Err(Error::new(ErrorKind::InvalidOperation, "this format is not known here")),
    }
}

/// A value as one part of an address.
fn url(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, PART).to_string()
}

/// A record as templates see it: values beside shared names, looked up when they are asked for.
#[derive(Debug)]
struct Record<const N: usize> {
    names: &'static [&'static str; N],
    values: [Value; N],
}

impl<const N: usize> Object for Record<N> {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let at = self.names.iter().position(|name| *name == key)?;
        Some(self.values[at].clone())
    }
}

fn record<const N: usize>(names: &'static [&'static str; N], values: [Value; N]) -> Value {
    Value::from_object(Record { names, values })
}

fn author(name: &str) -> Value {
    record(&["name"], [name.into()])
}

/// A post of the index page: slug, title, date, author's name, number of comments.
pub(crate) fn summary(row: &impl Cells) -> Result<Value, Fault> {
    let values = [
        row.text(0)?.into(),
        row.text(1)?.into(),
        row.time(2)?.into(),
        author(row.text(3)?),
        record(&["comments"], [row.int(4)?.into()]),
    ];
    Ok(record(&["slug", "title", "published_at", "author", "counts"], values))
}

/// A post with its id: id, version, title, date, author's name, body.
pub(crate) fn post_value(row: &impl Cells, rendered: &Rendered) -> Result<(i64, Value), Fault> {
    let id = row.int(0)?;
    let body = rendered.get(id, row.int(1)?, row.text(5)?);
    let values = [row.text(2)?.into(), row.time(3)?.into(), author(row.text(4)?), body];
    Ok((id, record(&["title", "published_at", "author", "body"], values)))
}

/// A comment: body, date, author's name.
pub(crate) fn comment(row: &impl Cells) -> Result<Value, Fault> {
    let values = [row.text(0)?.into(), row.time(1)?.into(), author(row.text(2)?)];
    Ok(record(&["body", "created_at", "author"], values))
}

/// `GET /`
pub(crate) async fn index<B: Backend>(State(shared): State<Arc<Shared<B>>>) -> Response<Body> {
    match shared.backend.newest().await {
        Ok(posts) => shared.templates.answer("index.html", record(&["posts"], [posts.into()])),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// `GET /posts/{slug}`
pub(crate) async fn post<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    Path(slug): Path<String>,
) -> Response<Body> {
    match shared.backend.post(&shared.templates.rendered, &slug).await {
        Ok(Some(found)) => shared.templates.answer("post.html", record(&["post", "comments"], found)),
        Ok(None) => answer::problem(StatusCode::NOT_FOUND, "there is no such post"),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}
