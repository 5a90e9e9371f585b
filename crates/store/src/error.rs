//! What can go wrong between the store and its database.

use purlin_schema::expr::Expr;

use crate::mutation::Refusal;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A mutation was refused; nothing was written.
    #[error("mutation {at} was refused: {refusals:?}")]
    Refused {
        /// Which of the commit's mutations, the first of them.
        at: usize,
        /// Why.
        refusals: Vec<Refusal>,
    },
    /// A read took longer than `database.read_timeout`.
    #[error("the read took longer than {0:?}")]
    TimedOut(std::time::Duration),
    /// Too much is waiting already.
    #[error("the database has too much to do")]
    Busy,
    /// A query without a limit, or what it includes, has more rows than the store hands out at once.
    #[error("more than {0} rows")]
    TooManyRows(usize),
    /// The disk is full, the file read-only, or the database gone: nothing was written.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A rule of the database's own was broken: nothing was written.
    #[error("the database refuses it: {}", .0.message)]
    Violated(Box<Violation>),
    /// Others changed the same at the same time, again and again: nothing was written.
    #[error("others change the same at the same time: {0}")]
    Conflict(String),
    /// The connection was lost while the database committed: whether it did is not known.
    #[error("the database was lost while it committed: whether it did is not known")]
    Unknown,
    /// The settings name no database that can be opened; the message says what to do.
    #[error("{0}")]
    Open(String),
    /// Anything else that the database says.
    #[error("the database failed: {0}")]
    Database(String),
}

/// A rule of the database's own that a write would break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What kind of rule.
    pub rule: Rule,
    /// The column that it is about, where the database names one.
    pub column: Option<String>,
    /// The key or constraint, where the database names one.
    pub constraint: Option<String>,
    /// The table whose rule it is, where the database names one.
    pub table: Option<String>,
    /// The database's own words, which may hold values: for the log alone.
    pub message: String,
}

/// What kind of rule a write would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Another row has the key.
    Unique,
    /// It refers to a row that is not there, or is referred to.
    Reference,
    /// A value must be there.
    Required,
    /// A condition of the table's.
    Check,
    /// A text is longer than its column.
    TooLong,
    /// The row, or what an index keeps of it, is larger than the database takes.
    TooLarge,
    /// The column's type has no such value.
    Unfit,
    /// A trigger refuses it.
    Trigger,
    /// The database alone gives the column its value.
    Computed,
}

impl Violation {
    /// A violation of which nothing more is known.
    pub(crate) fn of(rule: Rule, message: impl Into<String>) -> Violation {
        Violation { rule, column: None, constraint: None, table: None, message: message.into() }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Error {
        Error::Violated(Box::new(violation))
    }
}

/// An expression that cannot become SQL.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// What cannot be done.
    pub message: String,
    /// Where in the expression's text.
    pub span: std::ops::Range<usize>,
}

impl CompileError {
    /// An expression that cannot become SQL, and why.
    #[must_use]
    pub fn new(expr: &Expr, message: impl Into<String>) -> CompileError {
        CompileError { message: message.into(), span: expr.span.clone() }
    }
}
