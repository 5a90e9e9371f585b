//! The API's three routes: a record, a list with authors, a create.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::backend::{Backend, Cells, Fault};
use crate::{Shared, answer, json, time};

const PER_PAGE: usize = 20;
const PER_PAGE_MAX: usize = 100;
const TITLE_MAX: usize = 200;

/// How many suffixes are tried before a slug is given up.
pub(crate) const SLUG_TRIES: u32 = 1000;

/// `GET /api/posts/{id}`
pub(crate) async fn one<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Response<Body> {
    match shared.backend.one(id).await {
        Ok(Some((version, body))) => answer::json(&headers, Some(version), body),
        Ok(None) => answer::problem(StatusCode::NOT_FOUND, "there is no such record"),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// `GET /api/posts?status=…&sort=-published_at&include=author&per_page=…&cursor=…`
pub(crate) async fn list<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = match Asked::parse(query.as_deref().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(detail) => return answer::problem(StatusCode::BAD_REQUEST, detail),
    };
    match shared.backend.list(&asked).await {
        Ok(body) => answer::json(&headers, None, body),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// `POST /api/posts`, with a Bearer token.
pub(crate) async fn create<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let author = match signed_in(&shared.backend, &headers).await {
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
    match shared.backend.create(post).await {
        Ok(written) => answer_created(&written),
        Err(_) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the database failed"),
    }
}

/// A post that was checked and wants to be written.
pub(crate) struct NewPost {
    pub(crate) title: String,
    pub(crate) slug: String,
    pub(crate) body: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) author: i64,
    pub(crate) published_at: Option<i64>,
}

/// The post as it was written.
pub(crate) struct Written {
    pub(crate) post: NewPost,
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) created_at: i64,
}

/// What a list was asked for.
pub(crate) struct Asked<'a> {
    pub(crate) status: &'a str,
    per_page: usize,
    /// The last row of the page before: its `published_at` and id.
    pub(crate) after: Option<(i64, i64)>,
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

    /// One row more than wanted tells whether there is a next page.
    pub(crate) fn limit(&self) -> i64 {
        i64::try_from(self.per_page + 1).unwrap_or(i64::MAX)
    }
}

/// The JSON of a list, row by row.
pub(crate) struct ListBody {
    body: Vec<u8>,
    per_page: usize,
    count: usize,
    last: (Option<i64>, i64),
    more: bool,
}

impl ListBody {
    pub(crate) fn new(asked: &Asked<'_>) -> ListBody {
        let mut body = Vec::with_capacity(2304 * asked.per_page);
        body.extend_from_slice(b"{\"items\":[");
        ListBody { body, per_page: asked.per_page, count: 0, last: (None, 0), more: false }
    }

    /// Takes a row; whether it wants a further one.
    pub(crate) fn take(&mut self, row: &impl Cells) -> Result<bool, Fault> {
        if self.count == self.per_page {
            self.more = true;
            return Ok(false);
        }
        if self.count > 0 {
            self.body.push(b',');
        }
        json::write_post_with_author(&mut self.body, row)?;
        self.last = (row.time(5)?, row.int(0)?);
        self.count += 1;
        Ok(true)
    }

    pub(crate) fn end(self) -> Vec<u8> {
        let ListBody { mut body, last, more, .. } = self;
        body.extend_from_slice(b"],\"next\":");
        match (more, last) {
            (true, (Some(at), id)) => body.extend_from_slice(format!("\"{at}.{id}\"}}").as_bytes()),
            _ => body.extend_from_slice(b"null}"),
        }
        body
    }
}

/// The user whom the Bearer token belongs to. Tokens are stored hashed, so that a stolen database signs nobody in.
async fn signed_in(backend: &impl Backend, headers: &HeaderMap) -> Result<Option<i64>, Fault> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match token {
        Some(token) => backend.author(&Sha256::digest(token)).await,
        None => Ok(None),
    }
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
