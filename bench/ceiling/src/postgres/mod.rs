//! PostgreSQL, by tokio-postgres: statements prepared once a connection, and what belongs together in one flight.
//!
//! A request has its connection for itself while it reads. To let all requests share a few connections saves system calls
//! where many ask at once, but then whoever asks behind a slow question waits for its answer.

mod codec;
mod fill;
mod pool;

use std::pin::pin;

use futures_util::TryStreamExt;
use minijinja::Value;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, RowStream, Statement};

use crate::api::{Asked, ListBody, NewPost, SLUG_TRIES, Written};
use crate::backend::{Backend, Fault};
use crate::markdown::Rendered;
use crate::{json, pages, time};
use codec::Instant;
use pool::{Connection, Pool};

pub(crate) use fill::{drop_database, empty, fill, make};

/// A database on a server.
pub(crate) struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects to a database that [`make`] wrote.
    pub(crate) async fn open(url: &str) -> Result<Postgres, Fault> {
        Ok(Postgres { pool: Pool::new(url).await? })
    }
}

/// The statements, prepared.
struct Statements {
    one: Statement,
    first_page: Statement,
    later_page: Statement,
    author: Statement,
    insert: Statement,
    newest: Statement,
    post: Statement,
    comments: Statement,
}

impl Statements {
    async fn prepare(client: &tokio_postgres::Client) -> Result<Statements, tokio_postgres::Error> {
        let list = |after: &str| {
            format!(
                "SELECT {} FROM posts p JOIN users u ON u.id = p.author WHERE p.status = $1 {after} \
                 ORDER BY p.published_at DESC NULLS LAST, p.id DESC LIMIT $2",
                json::POST_AND_AUTHOR_COLUMNS
            )
        };
        let one = format!("SELECT {} FROM posts p WHERE p.id = $1", json::POST_COLUMNS);
        let prepare = async |sql: &str| client.prepare(sql).await;
        Ok(Statements {
            one: prepare(&one).await?,
            first_page: prepare(&list("")).await?,
            later_page: prepare(&list("AND (p.published_at, p.id) < ($3, $4)")).await?,
            author: prepare(AUTHOR).await?,
            insert: prepare(INSERT).await?,
            newest: prepare(NEWEST).await?,
            post: prepare(POST).await?,
            comments: prepare(COMMENTS).await?,
        })
    }
}

const AUTHOR: &str = "SELECT u.id FROM sessions s JOIN users u ON u.id = s.\"user\" WHERE s.hash = $1 \
    AND s.expires_at > $2 AND u.role IN ('author', 'editor')";

const INSERT: &str = "INSERT INTO posts (title, slug, body, status, author, published_at, created_at, updated_at, \
    _version) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1) ON CONFLICT (slug) DO NOTHING RETURNING id";

const NEWEST: &str = "SELECT p.slug, p.title, p.published_at, u.name, \
    (SELECT count(*) FROM comments c WHERE c.post = p.id AND c.status = 'approved') \
    FROM posts p JOIN users u ON u.id = p.author WHERE p.status = 'published' \
    ORDER BY p.published_at DESC NULLS LAST, p.id DESC LIMIT 20";

const POST: &str = "SELECT p.id, p._version, p.title, p.published_at, u.name, p.body \
    FROM posts p JOIN users u ON u.id = p.author WHERE p.slug = $1 AND p.status = 'published'";

/// Of the post with a slug: so it can be asked beside the post.
const COMMENTS: &str = "SELECT c.body, c.created_at, u.name \
    FROM posts p JOIN comments c ON c.post = p.id JOIN users u ON u.id = c.author \
    WHERE p.slug = $1 AND p.status = 'published' AND c.status = 'approved' \
    ORDER BY c.created_at, c.id LIMIT 50";

type Param<'run> = &'run (dyn ToSql + Sync);

/// Asks; the rows come.
async fn ask(
    connection: &Connection,
    statement: &Statement,
    params: &[Param<'_>],
) -> Result<RowStream, tokio_postgres::Error> {
    connection.client.query_raw(statement, params.iter().copied()).await
}

/// The rows of an answer, each as it comes.
async fn all<T>(rows: RowStream, mut value: impl FnMut(&Row) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let mut rows = pin!(rows);
    let mut values = Vec::with_capacity(20);
    while let Some(row) = rows.try_next().await? {
        values.push(value(&row)?);
    }
    Ok(values)
}

impl Backend for Postgres {
    async fn one(&self, id: i64) -> Result<Option<(i64, Vec<u8>)>, Fault> {
        let connection = self.pool.lend().await?;
        let found = all(ask(&connection, &connection.statements.one, &[&id]).await?, json::record).await?;
        Ok(found.into_iter().next())
    }

    async fn list(&self, asked: &Asked<'_>) -> Result<Vec<u8>, Fault> {
        let connection = self.pool.lend().await?;
        let Statements { first_page, later_page, .. } = &connection.statements;
        let limit = asked.limit();
        let rows = match asked.after {
            None => ask(&connection, first_page, &[&asked.status, &limit]).await?,
            Some((at, id)) => {
                let params: [Param<'_>; 4] = [&asked.status, &limit, &Instant(at), &id];
                ask(&connection, later_page, &params).await?
            }
        };
        let (mut rows, mut body) = (pin!(rows), ListBody::new(asked));
        while let Some(row) = rows.try_next().await? {
            body.take(&row)?;
        }
        Ok(body.end())
    }

    async fn author(&self, hash: &[u8]) -> Result<Option<i64>, Fault> {
        let connection = self.pool.lend().await?;
        let params: [Param<'_>; 2] = [&hash, &Instant(time::now())];
        let found =
            all(ask(&connection, &connection.statements.author, &params).await?, |row| Ok(row.try_get(0)?));
        Ok(found.await?.into_iter().next())
    }

    async fn create(&self, post: NewPost) -> Result<Written, Fault> {
        let connection = self.pool.lend().await?;
        let created_at = time::now();
        let mut slug = post.slug.clone();
        for suffix in 2..SLUG_TRIES {
            let NewPost { title, body, status, author, published_at, .. } = &post;
            let published_at = published_at.map(Instant);
            let params: [Param<'_>; 7] =
                [title, &slug, body, status, author, &published_at, &Instant(created_at)];
            let rows = ask(&connection, &connection.statements.insert, &params).await?;
            let ids: Vec<i64> = all(rows, |row| Ok(row.try_get(0)?)).await?;
            if let Some(id) = ids.into_iter().next() {
                return Ok(Written { post, id, slug, created_at });
            }
            slug = format!("{}-{suffix}", post.slug);
        }
        Err("every slug is taken".into())
    }

    async fn newest(&self) -> Result<Vec<Value>, Fault> {
        let connection = self.pool.lend().await?;
        all(ask(&connection, &connection.statements.newest, &[]).await?, pages::summary).await
    }

    /// Sends the transaction whole: one flight.
    async fn post(&self, rendered: &Rendered, slug: &str) -> Result<Option<[Value; 2]>, Fault> {
        let connection = self.pool.lend().await?;
        let Statements { post, comments, .. } = &connection.statements;
        let begin = connection.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let params: [Param<'_>; 1] = [&slug];
        let post = async {
            let found =
                all(ask(&connection, post, &params).await?, |row| pages::post_value(row, rendered)).await?;
            Ok::<_, Fault>(found.into_iter().next())
        };
        let comments = async { all(ask(&connection, comments, &params).await?, pages::comment).await };
        let commit = connection.client.batch_execute("COMMIT");
        // Polled in order, each sends what it has to send.
        let done = async { tokio::join!(biased; begin, post, comments, commit) };
        let (begun, post, comments, committed) = done.await;
        begun?;
        committed?;
        let comments = comments?;
        Ok(post?.map(|(_, post)| [post, comments.into()]))
    }
}
