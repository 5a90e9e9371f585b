//! The two pages, from the same templates as Purlin's: bench/site/pages, less their front matter.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use minijinja::value::Object;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use rusqlite::{OptionalExtension, Row};

use crate::markdown::Rendered;
use crate::{Shared, answer, db, time};

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

fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// `GET /`
pub(crate) async fn index(State(shared): State<Arc<Shared>>) -> Response<Body> {
    const SQL: &str = "SELECT p.slug, p.title, p.published_at, u.name, \
        (SELECT count(*) FROM comments c WHERE c.post = p.id AND c.status = 'approved') \
        FROM posts p CROSS JOIN users u ON u.id = p.author WHERE p.status = 'published' \
        ORDER BY p.published_at DESC, p.id DESC LIMIT 20";
    let posts = db::read(|connection| {
        let mut statement = connection.prepare_cached(SQL)?;
        let posts = statement.query_map([], |row| {
            let values = [
                text(row, 0)?.into(),
                text(row, 1)?.into(),
                row.get::<_, i64>(2)?.into(),
                author(text(row, 3)?),
                record(&["comments"], [row.get::<_, i64>(4)?.into()]),
            ];
            Ok(record(&["slug", "title", "published_at", "author", "counts"], values))
        })?;
        posts.collect::<rusqlite::Result<Vec<Value>>>()
    });
    match posts {
        Ok(posts) => shared.templates.answer("index.html", record(&["posts"], [posts.into()])),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// `GET /posts/{slug}`
pub(crate) async fn post(State(shared): State<Arc<Shared>>, Path(slug): Path<String>) -> Response<Body> {
    let rendered = &shared.templates.rendered;
    let found = db::snapshot(|connection| {
        let Some((id, post)) = read_post(connection, rendered, &slug)? else { return Ok(None) };
        Ok(Some(record(&["post", "comments"], [post, read_comments(connection, id)?])))
    });
    match found {
        Ok(Some(context)) => shared.templates.answer("post.html", context),
        Ok(None) => answer::problem(StatusCode::NOT_FOUND, "there is no such post"),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

fn read_post(
    connection: &rusqlite::Connection,
    rendered: &Rendered,
    slug: &str,
) -> rusqlite::Result<Option<(i64, Value)>> {
    const SQL: &str = "SELECT p.id, p._version, p.title, p.published_at, u.name, p.body \
        FROM posts p CROSS JOIN users u ON u.id = p.author WHERE p.slug = ?1 AND p.status = 'published'";
    connection
        .prepare_cached(SQL)?
        .query_row([slug], |row| {
            let id = row.get(0)?;
            let body = rendered.get(id, row.get(1)?, row.get_ref(5)?.as_str_or_null()?.unwrap_or_default());
            let values = [text(row, 2)?.into(), row.get::<_, i64>(3)?.into(), author(text(row, 4)?), body];
            Ok((id, record(&["title", "published_at", "author", "body"], values)))
        })
        .optional()
}

fn read_comments(connection: &rusqlite::Connection, post: i64) -> rusqlite::Result<Value> {
    const SQL: &str = "SELECT c.body, c.created_at, u.name \
        FROM comments c CROSS JOIN users u ON u.id = c.author WHERE c.post = ?1 AND c.status = 'approved' \
        ORDER BY c.created_at, c.id LIMIT 50";
    let mut statement = connection.prepare_cached(SQL)?;
    let comments = statement.query_map([post], |row| {
        let values = [text(row, 0)?.into(), row.get::<_, i64>(1)?.into(), author(text(row, 2)?)];
        Ok(record(&["body", "created_at", "author"], values))
    })?;
    Ok(comments.collect::<rusqlite::Result<Vec<Value>>>()?.into())
}
