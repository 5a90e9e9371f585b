//! SQLite, by rusqlite: reads on the runtime's own thread, one writer with group commit.

mod db;
mod fill;
mod writer;

use std::sync::LazyLock;

use minijinja::Value;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::api::{Asked, ListBody, NewPost, Written};
use crate::backend::{Backend, Cells, Fault};
use crate::markdown::Rendered;
use crate::{json, pages, time};

pub(crate) use fill::{fill, make};

/// A file.
pub(crate) struct Sqlite {
    writer: writer::Writer,
}

impl Sqlite {
    /// Opens a file that [`make`] wrote.
    pub(crate) fn open(file: &str) -> Result<Sqlite, Fault> {
        db::set_file(file);
        Ok(Sqlite { writer: writer::Writer::start(db::open()?) })
    }
}

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

const AUTHOR: &str = "SELECT u.id FROM sessions s CROSS JOIN users u ON u.id = s.user WHERE s.hash = ?1 \
    AND s.expires_at > ?2 AND u.role IN ('author', 'editor')";

const NEWEST: &str = "SELECT p.slug, p.title, p.published_at, u.name, \
    (SELECT count(*) FROM comments c WHERE c.post = p.id AND c.status = 'approved') \
    FROM posts p CROSS JOIN users u ON u.id = p.author WHERE p.status = 'published' \
    ORDER BY p.published_at DESC, p.id DESC LIMIT 20";

const POST: &str = "SELECT p.id, p._version, p.title, p.published_at, u.name, p.body \
    FROM posts p CROSS JOIN users u ON u.id = p.author WHERE p.slug = ?1 AND p.status = 'published'";

const COMMENTS: &str = "SELECT c.body, c.created_at, u.name \
    FROM comments c CROSS JOIN users u ON u.id = c.author WHERE c.post = ?1 AND c.status = 'approved' \
    ORDER BY c.created_at, c.id LIMIT 50";

impl Backend for Sqlite {
    async fn one(&self, id: i64) -> Result<Option<(i64, Vec<u8>)>, Fault> {
        db::read(|connection| {
            let mut statement = connection.prepare_cached(&ONE)?;
            let mut rows = statement.query([id])?;
            rows.next()?.map(json::record).transpose()
        })
    }

    async fn list(&self, asked: &Asked<'_>) -> Result<Vec<u8>, Fault> {
        db::read(|connection| read_list(connection, asked))
    }

    async fn author(&self, hash: &[u8]) -> Result<Option<i64>, Fault> {
        db::read(|connection| {
            let mut statement = connection.prepare_cached(AUTHOR)?;
            Ok(statement.query_row((hash, time::now()), |row| row.get(0)).optional()?)
        })
    }

    async fn create(&self, post: NewPost) -> Result<Written, Fault> {
        Ok(self.writer.create(post).await?)
    }

    async fn newest(&self) -> Result<Vec<Value>, Fault> {
        db::read(|connection| all(connection.prepare_cached(NEWEST)?.query([])?, |row| pages::summary(row)))
    }

    async fn post(&self, rendered: &Rendered, slug: &str) -> Result<Option<[Value; 2]>, Fault> {
        db::snapshot(|connection| {
            let mut statement = connection.prepare_cached(POST)?;
            let mut rows = statement.query([slug])?;
            let found = rows.next()?.map(|row| pages::post_value(row, rendered)).transpose()?;
            let Some((id, post)) = found else { return Ok(None) };
            let comments = all(connection.prepare_cached(COMMENTS)?.query([id])?, |row| pages::comment(row))?;
            Ok(Some([post, comments.into()]))
        })
    }
}

fn all(
    mut rows: rusqlite::Rows<'_>,
    value: impl Fn(&Row<'_>) -> Result<Value, Fault>,
) -> Result<Vec<Value>, Fault> {
    let mut values = Vec::with_capacity(20);
    while let Some(row) = rows.next()? {
        values.push(value(row)?);
    }
    Ok(values)
}

fn read_list(connection: &Connection, asked: &Asked<'_>) -> Result<Vec<u8>, Fault> {
    let sql = if asked.after.is_some() { &LATER_PAGE } else { &FIRST_PAGE };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = match asked.after {
        Some((at, id)) => statement.query((asked.status, asked.limit(), at, id))?,
        None => statement.query((asked.status, asked.limit()))?,
    };
    let mut body = ListBody::new(asked);
    while let Some(row) = rows.next()? {
        if !body.take(row)? {
            break;
        }
    }
    Ok(body.end())
}

impl Cells for Row<'_> {
    fn int(&self, at: usize) -> Result<i64, Fault> {
        Ok(self.get(at)?)
    }

    fn time(&self, at: usize) -> Result<Option<i64>, Fault> {
        Ok(self.get(at)?)
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, Fault> {
        Ok(self.get_ref(at)?.as_bytes_or_null()?)
    }
}
