//! What an action can end in besides success. Outside messages only; what caused an inside failure is logged by
//! whoever handles it.

/// Why an action did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such thing, or the asker may not know of it: 404.
    #[error("not found")]
    NotFound,
    /// A visitor may not; one who is signed in perhaps: 401, or a page's way to sign-in.
    #[error("sign in first")]
    Unauthenticated,
    /// The asker may not: 403.
    #[error("not allowed")]
    Forbidden,
    /// The asker may, and must first show once more who he is: 403, or a page's way there.
    #[error("show first who you are")]
    Stale,
    /// The asker may, but not by the token that he came with, which lacks this scope: 403.
    #[error("the token lacks the scope {0}")]
    OutOfScope(String),
    /// The input is wrong, field by field: 422.
    #[error("the input is wrong")]
    Invalid(Vec<FieldMessage>),
    /// A parameter is wrong or unknown: 400.
    #[error("{message}")]
    BadRequest {
        /// A stable code: `unknown_parameter`, `bad_filter` …
        code: &'static str,
        /// The parameter, where there is one.
        parameter: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// `If-Match` names another version: 412.
    #[error("the record has changed meanwhile")]
    VersionMismatch,
    /// The record cannot be deleted while others refer to it: 409.
    #[error("{0}")]
    Conflict(String),
    /// Too many tries: 429, with seconds to wait.
    #[error("too many attempts")]
    TooMany(u32),
    /// Too much to do, or the database cannot be reached or written: 503.
    #[error("not available now: {0}")]
    Unavailable(String),
    /// The database was lost while it committed, and nobody knows whether it did: 500, which nobody tries again unseen.
    #[error("the database was lost while it saved: look whether it did before you try again")]
    Unknown,
    /// A template failed: 500, shown under `dev`.
    #[error("{0}")]
    Template(Box<purlin_pages::RenderError>),
    /// Anything else: 500.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// What is wrong, in one line, each message with its field.
    pub(crate) fn told(&self) -> String {
        match self {
            Failure::Invalid(messages) => {
                let told = messages.iter().map(|message| match message.field.as_str() {
                    "" => message.message.clone(),
                    field => format!("`{field}` {}", message.message),
                });
                told.collect::<Vec<_>>().join("; ")
            }
            failure => failure.to_string(),
        }
    }
}

/// What is wrong with one field, or (where it has no name) with the whole record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMessage {
    /// The field's name, empty for the whole record.
    pub field: String,
    /// A stable code: `required`, `too_long`, `unique`, `not_found`, `unknown_field`, `read_only` …
    pub code: String,
    /// What a person is told.
    pub message: String,
}
