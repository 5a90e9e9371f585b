//! Connections to MySQL and MariaDB.
//!
//! A session is set up so that it is as near to the standard, and to other databases, as can be: names are quoted by
//! `"`, `||` joins texts, a backslash is a letter like any other, nothing is cut or rounded to fit, times are UTC, and
//! texts compare by code point, with the blanks at their ends.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts, TlsError};

use crate::network::address::{Address, Unreachable};
use crate::network::tls;
use crate::network::url::{self, ServerUrl, TlsMode};
use crate::sql::dialect::Flavour;

/// What the driver reads of a URL.
const OPTIONS: &[&str] = &["socket", "tcp_keepalive", "compression", "enable_cleartext_plugin"];

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 512;

const MODES: &str = "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
                     ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_UNSIGNED_SUBTRACTION";

/// A server, as a URL names it.
#[derive(Clone)]
pub(crate) struct Target {
    opts: Opts,
    tls: TlsMode,
    pub(crate) address: Address,
}

impl Target {
    /// Reads a URL; connects to nothing yet.
    ///
    /// # Errors
    /// Where it is wrong, or a certificate's file cannot be read: a sentence that says what to do.
    pub(crate) fn parse(text: &str) -> Result<Target, String> {
        let text = match text.strip_prefix("mariadb:") {
            Some(rest) => format!("mysql:{rest}"),
            None => text.to_owned(),
        };
        let url = url::parse(&text, OPTIONS)?;
        let write = "write mysql://USER:PASSWORD@HOST:3306/DATABASE";
        if url.schema.is_some() {
            return Err(
                "database.url: schema=… is PostgreSQL's; on MySQL name the database in the URL's path"
                    .to_owned(),
            );
        }
        // The driver's own message could hold a part of the password.
        let parsed = Opts::from_url(&url.rest).map_err(|_| {
            format!("database.url is no URL of MySQL or MariaDB: {write}, with %40 for an @, %2F for a / and %3F for a ? in the password")
        })?;
        let Some(user) = parsed.user().map(str::to_owned) else {
            return Err(format!("database.url names no user: {write}"));
        };
        let Some(database) = parsed.db_name().map(str::to_owned) else {
            return Err(format!("database.url names no database: {write}"));
        };
        let place = match parsed.socket() {
            Some(socket) => socket.to_owned(),
            None => format!("{}:{}", parsed.ip_or_hostname(), parsed.tcp_port()),
        };
        let ssl = match (url.tls, parsed.socket()) {
            (TlsMode::Disable, _) | (_, Some(_)) => None,
            _ => Some(ssl_opts(&url).map_err(|why| format!("database.url: {why}"))?),
        };
        let opts = OptsBuilder::from_opts(parsed)
            .prefer_socket(false)
            .stmt_cache_size(STATEMENTS)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .ssl_opts(ssl)
            // How many rows a condition found, not how many were other than before.
            .client_found_rows(true);
        let address = Address { kind: "MySQL", place, user, database };
        Ok(Target { opts: opts.into(), tls: url.tls, address })
    }

    /// The same, with no statement kept prepared.
    pub(crate) fn without_statements(&self) -> Target {
        let opts = OptsBuilder::from_opts(self.opts.clone()).stmt_cache_size(0);
        Target { opts: opts.into(), ..self.clone() }
    }

    /// The same server and user, in no database.
    pub(crate) fn without_database(&self) -> Target {
        let opts = OptsBuilder::from_opts(self.opts.clone()).db_name(None::<String>);
        Target { opts: opts.into(), ..self.clone() }
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// With a sentence that says what to do, without the password.
    pub(crate) async fn connect(&self) -> Result<(Conn, Flavour), Unreachable> {
        let made = tokio::time::timeout(CONNECT_TIMEOUT, self.open()).await;
        made.unwrap_or_else(|_| Err(self.address.slow()))
    }

    async fn open(&self) -> Result<(Conn, Flavour), Unreachable> {
        let unreachable = |error: Error| unreachable(&self.address, &error);
        let mut connection = match Conn::new(self.opts.clone()).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if self.tls == TlsMode::Prefer => {
                Conn::new(OptsBuilder::from_opts(self.opts.clone()).ssl_opts(None)).await
            }
            other => other,
        }
        .map_err(unreachable)?;
        let version: Option<String> =
            connection.query_first("SELECT VERSION()").await.map_err(unreachable)?;
        let flavour = self.flavour(&version.unwrap_or_default())?;
        let setup = format!(
            "SET NAMES utf8mb4 COLLATE {}, SESSION sql_mode = '{MODES}', SESSION time_zone = '+00:00'",
            flavour.collation()
        );
        connection.query_drop(setup).await.map_err(unreachable)?;
        Ok((connection, flavour))
    }

    fn flavour(&self, version: &str) -> Result<Flavour, Unreachable> {
        let flavour = if version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::Mysql };
        // Some report MariaDB's version behind an old one of MySQL: 5.5.5-10.11.6-MariaDB.
        let number = version.strip_prefix("5.5.5-").unwrap_or(version);
        let mut parts =
            number.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        let found: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
        // MySQL's rows have aliases since 8.0.19, MariaDB compares documents since 10.7.
        let (name, least, text) = match flavour {
            Flavour::Mysql => ("MySQL", [8, 0, 19], "MySQL 8.0.19"),
            Flavour::MariaDb => ("MariaDB", [10, 7, 0], "MariaDB 10.7"),
        };
        if found < least {
            return Err(self.address.too_old(&format!("{name} {number}"), text));
        }
        Ok(flavour)
    }
}

/// What the driver is told of TLS. It checks names and authorities together or not at all.
fn ssl_opts(url: &ServerUrl) -> Result<SslOpts, String> {
    let mut ssl = SslOpts::default();
    match url.tls {
        TlsMode::VerifyFull => {
            let roots = tls::authorities(url.authorities.as_deref())?;
            let roots = roots.iter().map(|root| root.as_ref().to_vec().into());
            ssl = ssl.with_disable_built_in_roots(true).with_root_certs(roots.collect());
        }
        TlsMode::VerifyCa => {
            return Err("MySQL's VERIFY_CA is not to be had: write ssl-mode=VERIFY_IDENTITY, which checks the host's name too".to_owned());
        }
        _ => ssl = ssl.with_danger_accept_invalid_certs(true),
    }
    if let Some((certificate, key)) = &url.identity {
        let identity = mysql_async::ClientIdentity::new(certificate.clone().into(), key.clone().into());
        ssl = ssl.with_client_identity(Some(identity));
    }
    Ok(ssl)
}

/// What a failed connection means. The numbers are those of MySQL's reference of error messages.
fn unreachable(address: &Address, error: &Error) -> Unreachable {
    match error {
        Error::Server(said) => match said.code {
            1045 | 1698 => address.refused_unsaid(&said.message),
            1044 => address.forbidden(&said.message),
            1049 => address.no_database(&format!("mysql -e 'CREATE DATABASE {}'", address.database)),
            3159 => address.wants_tls(&said.message),
            1040 | 1203 => address.full(&said.message),
            1053 | 1077 | 1129 => address.not_ready(&said.message),
            _ => address.says(&said.message),
        },
        Error::Io(IoError::Io(error)) => {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(tls) => address.no_tls(tls),
                None => address.no_answer(error),
            }
        }
        Error::Io(IoError::Tls(TlsError::Tls(error))) => address.no_tls(error),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => address.tls_unknown(),
        Error::Driver(DriverError::ConnectionClosed) => {
            address.no_answer(&std::io::ErrorKind::UnexpectedEof.into())
        }
        other => address.says(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_url_says_what_to_write_and_never_the_password() {
        for (url, said) in [
            ("mysql://ann:se/cret@h:x/d", "write mysql://USER:PASSWORD@HOST:3306/DATABASE"),
            ("mysql://h/d", "names no user"),
            ("mariadb://ann:secret@h", "names no database"),
            ("mysql://ann:secret@h/d?ssl-mode=VERIFY_CA", "VERIFY_IDENTITY"),
        ] {
            let message = Target::parse(url).map(|_| ()).unwrap_err();
            assert!(message.contains(said) && !message.contains("cret"), "{url}: {message}");
        }
    }

    #[test]
    fn versions_are_told_apart() {
        let target = Target::parse("mysql://ann@h/d").unwrap();
        assert_eq!(target.flavour("8.0.36"), Ok(Flavour::Mysql));
        assert_eq!(target.flavour("10.11.19-MariaDB-0+deb12u1"), Ok(Flavour::MariaDb));
        assert_eq!(target.flavour("5.5.5-10.7.4-MariaDB"), Ok(Flavour::MariaDb));
        assert_eq!(target.flavour("8.4.0"), Ok(Flavour::Mysql));
        assert_eq!(target.flavour("11.4.2-MariaDB"), Ok(Flavour::MariaDb));
        for (old, told) in [
            ("5.7.44", "MySQL 5.7.44"),
            ("8.0.18", "MySQL 8.0.18"),
            ("10.6.18-MariaDB", "MariaDB 10.6.18"),
            ("5.5.5-10.5.1-MariaDB", "MariaDB 10.5.1"),
        ] {
            let message = target.flavour(old).unwrap_err();
            assert!(
                message.message().contains(told) && message.message().contains("or later"),
                "{message:?}"
            );
        }
    }
}
