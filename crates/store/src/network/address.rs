//! What people are told when a database server cannot be reached: a sentence that says what to do.

use super::tls;

/// Where a server is, for messages; without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// `PostgreSQL`.
    pub(crate) kind: &'static str,
    /// `db.example.org:5432`.
    pub(crate) place: String,
    pub(crate) user: String,
    pub(crate) database: String,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// Somebody has to mend the settings or the server; trying again is of no use.
    Wrong(String),
    /// The server is starting or full: it may have time soon.
    Away(String),
    /// Nobody answers there.
    Silent(String),
}

impl Unreachable {
    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        match self {
            Unreachable::Wrong(message) | Unreachable::Away(message) | Unreachable::Silent(message) => {
                message
            }
        }
    }
}

impl Address {
    /// Nothing that speaks there.
    pub(crate) fn no_answer(&self, error: &std::io::Error) -> Unreachable {
        use std::io::ErrorKind;
        let Address { kind, place, .. } = self;
        Unreachable::Silent(match error.kind() {
            ErrorKind::ConnectionRefused => {
                format!(
                    "nothing listens at {place}: start {kind} there, or mend the host and port in database.url"
                )
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                format!("{kind} at {place} does not answer: is the host right, and is a firewall in between?")
            }
            ErrorKind::NotFound => format!("there is no socket at {place}: is {kind} started?"),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                format!("{place} hung up: is it {kind} that listens there?")
            }
            _ => format!("{kind} at {place} cannot be reached: {error}"),
        })
    }

    /// It took too long.
    pub(crate) fn slow(&self) -> Unreachable {
        self.no_answer(&std::io::ErrorKind::TimedOut.into())
    }

    /// The user or the password is not taken.
    pub(crate) fn refused(&self, said: &str) -> Unreachable {
        let Address { kind, place, user, .. } = self;
        Unreachable::Wrong(format!(
            "{kind} at {place} does not let {user} in: check the user and the password in database.url (it says: {said})"
        ))
    }

    /// The user is not taken, and what of him the server does not say.
    pub(crate) fn refused_unsaid(&self, said: &str) -> Unreachable {
        let Address { kind, place, user, .. } = self;
        Unreachable::Wrong(format!(
            "{kind} at {place} does not let {user} in: check the user and the password in database.url, and whether the server \
             asks for TLS or a certificate (sslmode=, sslcert=) (it says: {said})"
        ))
    }

    /// The user may not use the database.
    pub(crate) fn forbidden(&self, said: &str) -> Unreachable {
        let Address { place, user, database, .. } = self;
        Unreachable::Wrong(format!(
            "{user} may not use the database {database} at {place}: grant it to him (it says: {said})"
        ))
    }

    /// There is no such database; `make` is how one makes it.
    pub(crate) fn no_database(&self, make: &str) -> Unreachable {
        let Address { place, database, .. } = self;
        Unreachable::Wrong(format!(
            "there is no database {database} at {place}: make it with `{make}`, or mend its name in database.url"
        ))
    }

    /// TLS did not come about.
    pub(crate) fn no_tls(&self, error: &rustls::Error) -> Unreachable {
        let Address { kind, place, .. } = self;
        Unreachable::Wrong(format!("no TLS with {kind} at {place}: {}", tls::meaning(error)))
    }

    /// The server takes nobody in the clear.
    pub(crate) fn wants_tls(&self, said: &str) -> Unreachable {
        let Address { kind, place, .. } = self;
        Unreachable::Wrong(format!(
            "{kind} at {place} wants TLS: write sslmode=verify-full in database.url (it says: {said})"
        ))
    }

    /// The server knows us by a certificate alone.
    pub(crate) fn wants_certificate(&self, said: &str) -> Unreachable {
        let Address { kind, place, user, .. } = self;
        Unreachable::Wrong(format!(
            "{kind} at {place} lets {user} in with a certificate alone: name its file and that of its key with sslcert= \
             and sslkey= (it says: {said})"
        ))
    }

    /// The server cannot do TLS and the URL asks for it.
    pub(crate) fn tls_unknown(&self) -> Unreachable {
        let Address { kind, place, .. } = self;
        Unreachable::Wrong(format!(
            "{kind} at {place} does not speak TLS: switch it on there, or write sslmode=disable where the way is safe"
        ))
    }

    /// It is older than what Purlin can use.
    pub(crate) fn too_old(&self, version: &str, least: &str) -> Unreachable {
        let Address { place, .. } = self;
        Unreachable::Wrong(format!("{place} is {version}: Purlin needs {least} or later"))
    }

    /// It has no room for another connection.
    pub(crate) fn full(&self, said: &str) -> Unreachable {
        let Address { kind, place, .. } = self;
        Unreachable::Away(format!(
            "{kind} at {place} has no connection left: lower database.pool, or raise its limit (it says: {said})"
        ))
    }

    /// It says something else.
    pub(crate) fn says(&self, said: &str) -> Unreachable {
        let Address { kind, place, .. } = self;
        Unreachable::Wrong(format!("{kind} at {place} refuses: {said}"))
    }

    /// It is starting or stopping.
    pub(crate) fn not_ready(&self, said: &str) -> Unreachable {
        let Address { kind, place, .. } = self;
        Unreachable::Away(format!("{kind} at {place} is not ready: {said}"))
    }
}
