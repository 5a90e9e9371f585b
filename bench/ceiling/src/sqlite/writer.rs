//! The one writer: a thread that commits what is waiting in one transaction.
//!
//! With `synchronous=FULL` a commit waits for the disk, so a commit a request would bound the server to the disk's
//! flushes. Each request has a savepoint of its own within the group's transaction, and hears of its fate,
//! refusals too, only after the commit.

use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::api::{NewPost, SLUG_TRIES, Written};
use crate::time;

/// A group is cut off here, so that the first in it does not wait for ever.
const GROUP_MAX: usize = 256;

/// What the database chose.
struct Chosen {
    id: i64,
    slug: String,
    created_at: i64,
}

struct Job {
    post: NewPost,
    reply: oneshot::Sender<Result<Written, rusqlite::Error>>,
}

/// A handle to the writing thread.
pub(super) struct Writer {
    jobs: Sender<Job>,
}

impl Writer {
    /// Starts the thread, which ends when the handle is dropped.
    pub(super) fn start(connection: Connection) -> Writer {
        let (jobs, waiting) = channel();
        std::thread::spawn(move || run(&connection, &waiting));
        Writer { jobs }
    }

    /// Writes a post, and returns when it is on the disk.
    pub(super) async fn create(&self, post: NewPost) -> Result<Written, rusqlite::Error> {
        let (reply, outcome) = oneshot::channel();
        // A writer that is gone drops the reply, which is the answer.
        let _ = self.jobs.send(Job { post, reply });
        outcome.await.unwrap_or(Err(rusqlite::Error::InvalidQuery))
    }
}

fn run(connection: &Connection, waiting: &Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while let Ok(first) = waiting.recv() {
        group.push(first);
        group.extend(waiting.try_iter().take(GROUP_MAX - 1));
        let outcomes = match commit(connection, &group) {
            Ok(outcomes) => outcomes,
            // The whole transaction was lost: each gets one of its own, so that only the culprit suffers.
            Err(_) => {
                let alone =
                    |job| commit(connection, std::slice::from_ref(job)).and_then(|mut one| one.remove(0));
                group.iter().map(alone).collect()
            }
        };
        for (Job { post, reply }, outcome) in group.drain(..).zip(outcomes) {
            let written = |Chosen { id, slug, created_at }| Written { post, id, slug, created_at };
            // Whoever asked may have left; the write stands.
            let _ = reply.send(outcome.map(written));
        }
    }
}

/// Writes a group in one transaction. The inner results are the requests' own; the outer is the transaction's.
fn commit(
    connection: &Connection,
    group: &[Job],
) -> Result<Vec<Result<Chosen, rusqlite::Error>>, rusqlite::Error> {
    let say = |sql| connection.prepare_cached(sql)?.execute([]);
    let rolled_back = |error| {
        if !connection.is_autocommit() {
            // Where even this fails the next BEGIN will say so.
            let _ = say("ROLLBACK");
        }
        error
    };
    say("BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(group.len());
    for job in group {
        say("SAVEPOINT request").map_err(rolled_back)?;
        let outcome = insert(connection, &job.post);
        if connection.is_autocommit() {
            return Err(outcome.err().unwrap_or(rusqlite::Error::InvalidQuery));
        }
        if outcome.is_err() {
            say("ROLLBACK TO request").map_err(rolled_back)?;
        }
        say("RELEASE request").map_err(rolled_back)?;
        outcomes.push(outcome);
    }
    say("COMMIT").map_err(rolled_back)?;
    Ok(outcomes)
}

/// Inserts a post; a slug that is taken gets `-2`, `-3`…
fn insert(connection: &Connection, post: &NewPost) -> Result<Chosen, rusqlite::Error> {
    const SQL: &str = "INSERT INTO posts (title, slug, body, status, author, published_at, created_at, updated_at, \
        _version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1) ON CONFLICT (slug) DO NOTHING";
    let mut statement = connection.prepare_cached(SQL)?;
    let created_at = time::now();
    let mut slug = post.slug.clone();
    for suffix in 2..SLUG_TRIES {
        let NewPost { title, body, status, author, published_at, .. } = post;
        if statement.execute(params![title, slug, body, status, author, published_at, created_at])? == 1 {
            return Ok(Chosen { id: connection.last_insert_rowid(), slug, created_at });
        }
        slug = format!("{}-{suffix}", post.slug);
    }
    Err(rusqlite::Error::StatementChangedRows(0))
}
