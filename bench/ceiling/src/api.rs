//! The API's three routes: a record, a list with authors, a create.

use std::sync::{Arc, LazyLock};

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use rusqlite::OptionalExtension;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::writer::{NewPost, Written};
use crate::{Shared, answer, db, json, time};

static ONE: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM posts p WHERE p.id = ?1", json::POST_COLUMNS));

// CROSS JOIN keeps the order that the index on published_at gives.
static FIRST_PAGE: LazyLock<String> = LazyLock::new(|| list_sql(""));
static LATER_PAGE: LazyLock<String> = LazyLock::new(|| {
    // The bound on the first key stands alone, or SQLite would scan from the start.
    list_sql("AND p.published_at <= ?3 AND (p.published_at < ?3 OR p.id < ?4)")
});

fn list_sql(after: &str) -> String {
    format!(
        "SELECT {} FROM posts p CROSS JOIN users u ON u.id = p.author WHERE p.status = ?1 {after} \
         ORDER BY p.published_at DESC, p.id DESC LIMIT ?2",
        json::POST_AND_AUTHOR_COLUMNS
    )
}

const PER_PAGE: usize = 20;
const PER_PAGE_MAX: usize = 100;
const TITLE_MAX: usize = 200;

/// `GET /api/posts/{id}`
pub(crate) async fn one(Path(id): Path<i64>, headers: HeaderMap) -> Response<Body> {
    let found = db::read(|connection| {
        connection
            .prepare_cached(&ONE)?
            .query_row([id], |row| {
                let mut body = Vec::with_capacity(2048);
                json::write_post(&mut body, row)?;
                Ok((row.get::<_, i64>(json::VERSION)?, body))
            })
            .optional()
    });
    match found {
        Ok(Some((version, body))) => answer::json(&headers, Some(version), body),
        Ok(None) => answer::problem(StatusCode::NOT_FOUND, "there is no such record"),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// `GET /api/posts?status=…&sort=-published_at&include=author&per_page=…&cursor=…`
pub(crate) async fn list(RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let asked = match Asked::parse(query.as_deref().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(detail) => return answer::problem(StatusCode::BAD_REQUEST, detail),
    };
    match db::read(|connection| read_list(connection, &asked)) {
        Ok(body) => answer::json(&headers, None, body),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// `POST /api/posts`, with a Bearer token.
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let author = match signed_in(&headers) {
        Ok(Some(author)) => author,
        Ok(None) => return answer::problem(StatusCode::UNAUTHORIZED, "sign in first"),
        Err(_) => return answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    };
    let post = match serde_json::from_slice::<Input>(&body) {
        Ok(input) => input.check(author),
        Err(_) => return answer::problem(StatusCode::BAD_REQUEST, "this is no post"),
    };
    let post = match post {
        Ok(post) => post,
        Err(detail) => return answer::problem(StatusCode::UNPROCESSABLE_ENTITY, detail),
    };
    match shared.writer.create(post).await {
        Ok(written) => answer_created(&written),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// What a list was asked for.
struct Asked<'a> {
    status: &'a str,
    per_page: usize,
    /// The last row of the page before: its `published_at` and id.
    after: Option<(i64, i64)>,
}

impl<'a> Asked<'a> {
    /// Takes the parameters that this server knows and refuses others, as Purlin does.
    fn parse(query: &'a str) -> Result<Asked<'a>, &'static str> {
        let mut asked = Asked { status: "published", per_page: PER_PAGE, after: None };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').ok_or("a parameter has no value")? {
                ("status", status) if matches!(status, "draft" | "published") => asked.status = status,
                ("sort", "-published_at") | ("include", "author") => {}
                ("per_page", number) => {
                    let number = number.parse().ok().filter(|n| (1..=PER_PAGE_MAX).contains(n));
                    asked.per_page = number.ok_or("per_page is no number from 1 to 100")?;
                }
                ("cursor", cursor) => {
                    let (at, id) = cursor.split_once('.').ok_or("this is no cursor")?;
                    let after = at.parse().ok().zip(id.parse().ok());
                    asked.after = Some(after.ok_or("this is no cursor")?);
                }
                _ => return Err("a parameter is unknown"),
            }
        }
        Ok(asked)
    }
}

fn read_list(connection: &rusqlite::Connection, asked: &Asked<'_>) -> rusqlite::Result<Vec<u8>> {
    let sql = if asked.after.is_some() { &LATER_PAGE } else { &FIRST_PAGE };
    let mut statement = connection.prepare_cached(sql)?;
    // One row more than wanted tells whether there is a next page.
    let limit = i64::try_from(asked.per_page + 1).unwrap_or(i64::MAX);
    let mut rows = match asked.after {
        Some((at, id)) => statement.query((asked.status, limit, at, id))?,
        None => statement.query((asked.status, limit))?,
    };
    let mut body = Vec::with_capacity(2304 * asked.per_page);
    body.extend_from_slice(b"{\"items\":[");
    let mut count = 0;
    let mut last: (Option<i64>, i64) = (None, 0);
    let mut more = false;
    while let Some(row) = rows.next()? {
        if count == asked.per_page {
            more = true;
            break;
        }
        if count > 0 {
            body.push(b',');
        }
        json::write_post_with_author(&mut body, row)?;
        last = (row.get(5)?, row.get(0)?);
        count += 1;
    }
    body.extend_from_slice(b"],\"next\":");
    match (more, last) {
        (true, (Some(at), id)) => body.extend_from_slice(format!("\"{at}.{id}\"}}").as_bytes()),
        _ => body.extend_from_slice(b"null}"),
    }
    Ok(body)
}

/// The user whom the Bearer token belongs to. Tokens are stored hashed, so that a stolen database signs nobody in.
fn signed_in(headers: &HeaderMap) -> rusqlite::Result<Option<i64>> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let Some(token) = token else { return Ok(None) };
    let hash = Sha256::digest(token);
    db::read(|connection| {
        connection
            .prepare_cached(
                "SELECT u.id FROM sessions s CROSS JOIN users u ON u.id = s.user WHERE s.hash = ?1 \
                 AND s.expires_at > ?2 AND u.role IN ('author', 'editor')",
            )?
            .query_row((&hash[..], time::now()), |row| row.get(0))
            .optional()
    })
}

/// A post as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    title: String,
    slug: Option<String>,
    body: Option<String>,
    status: Option<String>,
    published_at: Option<String>,
}

impl Input {
    fn check(self, author: i64) -> Result<NewPost, &'static str> {
        if self.title.is_empty() || self.title.chars().count() > TITLE_MAX {
            return Err("a title has 1 to 200 characters");
        }
        let slug = slug(self.slug.as_deref().unwrap_or(&self.title));
        if slug.is_empty() {
            return Err("a slug has a letter or a digit");
        }
        let status = match self.status.as_deref() {
            None | Some("draft") => "draft",
            Some("published") => "published",
            Some(_) => return Err("a status is draft or published"),
        };
        let published_at = match self.published_at.as_deref() {
            None => None,
            Some(text) => Some(time::parse_rfc3339(text).ok_or("published_at is no RFC 3339 time in UTC")?),
        };
        Ok(NewPost { title: self.title, slug, body: self.body, status, author, published_at })
    }
}

/// Lower-case letters and digits of ASCII, with single hyphens between the words.
fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn answer_created(written: &Written) -> Response<Body> {
    let Written { post, id, slug, created_at } = written;
    let mut body = Vec::with_capacity(512 + post.body.as_ref().map_or(0, String::len));
    body.extend_from_slice(b"{\"id\":");
    json::write_int(&mut body, *id);
    let texts = [("title", Some(&*post.title)), ("slug", Some(slug)), ("body", post.body.as_deref())];
    for (name, text) in texts.into_iter().chain([("status", Some(post.status))]) {
        write_name(&mut body, name);
        match text {
            Some(text) => json::write_text(&mut body, text.as_bytes()),
            None => body.extend_from_slice(b"null"),
        }
    }
    write_name(&mut body, "author");
    json::write_int(&mut body, post.author);
    for (name, at) in [("published_at", post.published_at), ("created_at", Some(*created_at))] {
        write_name(&mut body, name);
        match at {
            Some(at) => json::write_time(&mut body, at),
            None => body.extend_from_slice(b"null"),
        }
    }
    write_name(&mut body, "updated_at");
    json::write_time(&mut body, *created_at);
    body.push(b'}');
    let location = HeaderValue::from_str(&format!("/api/posts/{id}"));
    answer::created(1, location.unwrap_or(HeaderValue::from_static("/api/posts")), body)
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}
