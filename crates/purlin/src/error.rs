//! Why a command stopped, and how that is told.

use std::fmt::Display;

use purlin_schema::Diagnostics;

use crate::terminal;

/// Why a command stopped.
#[derive(Debug)]
pub enum CommandError {
    /// Mistakes in the site's files, drawn with their lines.
    Site(Box<Diagnostics>),
    /// Anything else, in a sentence, with what to do about it.
    Said {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It has been told already; only the exit code is missing.
    Told,
}

/// What a command ends with.
pub(crate) type Outcome<T = ()> = Result<T, CommandError>;

impl CommandError {
    /// An error in a sentence.
    pub fn new(message: impl Display) -> CommandError {
        CommandError::Said { message: message.to_string(), hint: None }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Display) -> CommandError {
        match self {
            CommandError::Said { message, .. } => {
                CommandError::Said { message, hint: Some(hint.to_string()) }
            }
            other => other,
        }
    }

    /// Tells it on standard error.
    pub(crate) fn tell(&self) {
        let pen = terminal::err();
        match self {
            CommandError::Site(diagnostics) => {
                pen.write(&diagnostics.draw(pen.colour()));
                pen.line(pen.bad(counted(diagnostics.errors(), "error")));
            }
            CommandError::Said { message, hint } => {
                pen.line(format_args!("{} {message}", pen.bad("error:")));
                if let Some(hint) = hint {
                    pen.line(format_args!("{} {hint}", pen.bold(" hint:")));
                }
            }
            CommandError::Told => {}
        }
    }
}

impl Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CommandError::Site(diagnostics) => f.write_str(diagnostics.draw(false).trim_end()),
            CommandError::Said { message, hint: None } => f.write_str(message),
            CommandError::Said { message, hint: Some(hint) } => write!(f, "{message}\nhint: {hint}"),
            CommandError::Told => f.write_str("the command failed"),
        }
    }
}

impl std::error::Error for CommandError {}

impl From<Diagnostics> for CommandError {
    fn from(diagnostics: Diagnostics) -> CommandError {
        CommandError::Site(Box::new(diagnostics))
    }
}

/// `1 error`, `3 errors`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}
