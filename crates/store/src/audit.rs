//! The audit log: who wrote what, kept in the same transaction as the write.
//!
//! Whoever writes on somebody's behalf says so around it, by [`authored`]; every mutation that is made within carries it
//! along, whichever way it comes about. When all mutations of a commit are performed, what they changed becomes rows of
//! `_audit`, cascades and set-nulls included, so that nothing is written without its entry and no entry is without its
//! write. Rows of `_audit` are never changed, and deleted only when the site's own span is over.

use std::sync::{Arc, OnceLock};

use purlin_schema::model::AuditLog;
use purlin_schema::{FieldId, Id, Model, ModelId, Models};

/// The model of the log.
pub const MODEL: &str = "_audit";

/// Purlin's own models whose records coming and going are events.
pub(crate) const OWN: &[&str] = &["_sessions", "_members"];

tokio::task_local! {
    static AUTHOR: Arc<Author>;
}

/// By what a process writes that answers no requests.
static PROCESS: OnceLock<Arc<Author>> = OnceLock::new();

/// On whose behalf something is written, and whence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The user.
    pub user: Option<Id>,
    /// The administrator who acts as that user.
    pub acting: Option<Id>,
    /// The session or token.
    pub session: Option<Id>,
    /// By what: `cookie`, `token`, `api` (a personal access token), `none`, `command`.
    pub way: &'static str,
    /// The address that the request came from.
    pub address: String,
    /// The request.
    pub request: String,
}

/// Runs something whose writes are somebody's.
pub async fn authored<T>(author: Author, work: impl Future<Output = T>) -> T {
    AUTHOR.scope(Arc::new(author), work).await
}

/// From now on what this process writes by itself is a command's.
pub fn this_is_a_command() {
    let author = Author { way: "command", ..Author::default() };
    let _ = PROCESS.set(Arc::new(author));
}

/// On whose behalf is written here.
#[must_use]
pub fn current() -> Option<Arc<Author>> {
    AUTHOR.try_with(Clone::clone).ok().or_else(|| PROCESS.get().cloned())
}

/// The log as the writer knows it.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) model: ModelId,
    pub(crate) log: AuditLog,
    /// For how long rows stay, in microseconds; forever where there is none.
    pub(crate) kept_micros: Option<i64>,
    pub(crate) fields: Fields,
    pub(crate) users: ModelId,
}

#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) event: FieldId,
    pub(crate) model: FieldId,
    pub(crate) record: FieldId,
    pub(crate) user: FieldId,
    pub(crate) acting: FieldId,
    pub(crate) way: FieldId,
    pub(crate) address: FieldId,
    pub(crate) request: FieldId,
    pub(crate) changes: FieldId,
}

impl Audit {
    /// The log of a site; none of models that were put together without it.
    pub(crate) fn of(models: &Models) -> Option<Audit> {
        let model: &Model = models.named(MODEL)?;
        let field = |name: &str| model.field_named(name).map(|field| field.id);
        let settings = models.audit();
        Some(Audit {
            model: model.id,
            log: settings.log,
            kept_micros: settings.kept.and_then(|kept| i64::try_from(kept.as_micros()).ok()),
            fields: Fields {
                event: field("event")?,
                model: field("model")?,
                record: field("record")?,
                user: field("user")?,
                acting: field("acting")?,
                way: field("way")?,
                address: field("address")?,
                request: field("request")?,
                changes: field("changes")?,
            },
            users: models.named("users")?.id,
        })
    }
}
