//! Connections to PostgreSQL.

use std::error::Error as _;
use std::str::FromStr;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::network::address::{Address, Unreachable};
use crate::network::tls;
use crate::network::url::{self, TlsMode};

/// What the driver reads of a URL.
const OPTIONS: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "sslnegotiation",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// How long a connection may take to be made, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long what was sent may go untaken by the server's system before the connection is dead, where the URL does not say.
const UNTAKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// The oldest version that is used, as `SHOW server_version` begins.
const LEAST: u32 = 13;

/// A server, as a URL names it.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    pub(crate) address: Address,
    /// `schema=`: where the site's own tables stand.
    pub(crate) schema: Option<String>,
}

impl Target {
    /// Reads a URL; connects to nothing yet.
    ///
    /// # Errors
    /// Where it is wrong, or a certificate's file cannot be read: a sentence that says what to do.
    pub(crate) fn parse(text: &str) -> Result<Target, String> {
        let url = url::parse(text, OPTIONS)?;
        // The driver's own message could hold a part of the password.
        let wrong = || {
            "database.url is no URL of PostgreSQL: write postgres://USER:PASSWORD@HOST:5432/DATABASE, with %40 for \
             an @, %2F for a / and %3F for a ? in the password"
                .to_owned()
        };
        let mut config = Config::from_str(&url.rest).map_err(|_| wrong())?;
        // What follows an unescaped `@` is taken for the host: then it would be shown.
        let astray = |host: &Host| matches!(host, Host::Tcp(name) if name.contains(['@', '/']));
        let database = config.get_dbname().unwrap_or_default();
        if config.get_hosts().iter().any(astray) || database.contains(['@', '/']) {
            return Err(wrong());
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(
                "database.url names no host: write postgres://USER:PASSWORD@HOST:5432/DATABASE".to_owned()
            );
        }
        let user = match config.get_user() {
            Some(user) => user.to_owned(),
            None => return Err("database.url names no user: write postgres://USER@HOST/DATABASE".to_owned()),
        };
        if config.get_application_name().is_none() {
            config.application_name("purlin");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        // The system's two hours are longer than most who drop idle connections wait.
        if config.get_keepalives_idle() == Duration::from_secs(7_200) {
            config.keepalives_idle(Duration::from_secs(60));
            config.keepalives_interval(Duration::from_secs(10)).keepalives_retries(3);
        }
        // And the quarter of an hour for which it sends again what nobody takes is longer than any request's time.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNTAKEN_TIMEOUT);
        }
        config.ssl_mode(match url.tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        if let Some(schema) = &url.schema {
            let others = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
            config.options(format!("{others}-c search_path={schema}"));
        }
        let tls = match url.tls {
            TlsMode::Disable => None,
            _ => {
                Some(MakeRustlsConnect::new(tls::config(&url).map_err(|why| format!("database.url: {why}"))?))
            }
        };
        let address = Address {
            kind: "PostgreSQL",
            place: place(&config),
            database: config.get_dbname().unwrap_or(&user).to_owned(),
            user,
        };
        Ok(Target { config, tls, address, schema: url.schema })
    }

    /// The same server and user, with another database.
    pub(crate) fn with_database(&self, name: &str) -> Target {
        let mut other = self.clone();
        other.config.dbname(name);
        other.address.database = name.to_owned();
        other
    }

    /// Makes a connection; its other half runs as a task of the current runtime until the client goes.
    ///
    /// # Errors
    /// With a sentence that says what to do, without the password.
    pub(crate) async fn connect(&self) -> Result<Client, Unreachable> {
        Ok(self.dial().await?.0)
    }

    /// As [`connect`](Self::connect), with the handle by which the other half is ended at once: by itself it waits for the
    /// answers that are still to come, of a server that may have fallen silent.
    pub(crate) async fn dial(&self) -> Result<(Client, AbortHandle), Unreachable> {
        let limit = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        // The driver's own time-out covers the TCP handshake alone.
        let made =
            tokio::time::timeout(limit, self.open()).await.unwrap_or_else(|_| Err(self.address.slow()));
        let (client, half, version) = made?;
        let major = version.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
        if major.parse::<u32>().is_ok_and(|major| major < LEAST) {
            let version = format!("PostgreSQL {version}");
            return Err(self.address.too_old(&version, &format!("PostgreSQL {LEAST}")));
        }
        Ok((client, half))
    }

    /// Asks the server to stop what a connection is at.
    pub(crate) async fn cancel(&self, token: CancelToken) {
        let cancel = async {
            match &self.tls {
                Some(tls) => token.cancel_query(tls.clone()).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        if let Ok(Err(error)) = tokio::time::timeout(CONNECT_TIMEOUT, cancel).await {
            tracing::debug!(error = %causes(&error), "a statement could not be cancelled");
        }
    }

    async fn open(&self) -> Result<(Client, AbortHandle, String), Unreachable> {
        macro_rules! run {
            ($tls:expr) => {{
                let (client, connection) =
                    self.config.connect($tls).await.map_err(|error| unreachable(&self.address, &error))?;
                let version = connection.parameter("server_version").unwrap_or_default().to_owned();
                let half = tokio::spawn(async move {
                    // Whoever waits for an answer is told; this is for the log.
                    if let Err(error) = connection.await {
                        tracing::debug!(error = %causes(&error), "a connection to PostgreSQL ended");
                    }
                });
                (client, half.abort_handle(), version)
            }};
        }
        let (client, half, version) = match &self.tls {
            Some(tls) => run!(tls.clone()),
            None => run!(NoTls),
        };
        // What a plain text reader makes of times must not depend on the server's place. Poolers keep track of it.
        client
            .batch_execute("SET TIME ZONE 'UTC'")
            .await
            .map_err(|error| unreachable(&self.address, &error))?;
        Ok((client, half, version))
    }
}

/// The hosts with their ports.
fn place(config: &Config) -> String {
    let (hosts, ports) = (config.get_hosts(), config.get_ports());
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let named = hosts.iter().enumerate().map(|(at, host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(at)),
        #[cfg(unix)]
        Host::Unix(folder) => format!("{}/.s.PGSQL.{}", folder.display(), port(at)),
    });
    let mut places: Vec<String> = named.collect();
    if places.is_empty() {
        let addresses = config.get_hostaddrs().iter().enumerate();
        places = addresses.map(|(at, address)| format!("{address}:{}", port(at))).collect();
    }
    places.join(",")
}

/// What a failed connection means.
fn unreachable(address: &Address, error: &tokio_postgres::Error) -> Unreachable {
    if let Some(said) = error.as_db_error() {
        let (code, message) = (said.code(), said.message());
        return match *code {
            SqlState::INVALID_PASSWORD => address.refused(message),
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                if message.contains("no encryption") {
                    return address.wants_tls(message);
                }
                if message.contains("valid client certificate") {
                    return address.wants_certificate(message);
                }
                address.refused(message)
            }
            // As poolers say it.
            _ if message.contains("unsupported startup parameter") => Unreachable::Wrong(format!(
                "the pooler at {} does not take options of a session ({message}): take options= and schema= out of \
                 database.url, and say them to the server (`ALTER ROLE {} SET search_path = …`)",
                address.place, address.user
            )),
            SqlState::INVALID_CATALOG_NAME => {
                let host = address.place.rsplit_once(':').map_or(address.place.as_str(), |(host, _)| host);
                address.no_database(&format!("createdb -h {host} -U {} {}", address.user, address.database))
            }
            SqlState::INSUFFICIENT_PRIVILEGE => address.forbidden(message),
            SqlState::TOO_MANY_CONNECTIONS => address.full(message),
            SqlState::CANNOT_CONNECT_NOW | SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => {
                address.not_ready(message)
            }
            _ => address.says(message),
        };
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return address.no_tls(tls);
            }
            return address.no_answer(io);
        }
        cause = inner.source();
    }
    let said = causes(error);
    match said.as_str() {
        said if said.contains("does not support TLS") => address.tls_unknown(),
        said if said.contains("password missing") => {
            address.refused("a password is needed and database.url has none")
        }
        said if error.is_closed()
            || said.contains("unexpected message")
            || said.contains("parsing response") =>
        {
            Unreachable::Wrong(format!(
                "{} does not speak as PostgreSQL does: mend the host and port in database.url ({said})",
                address.place
            ))
        }
        said => address.says(said),
    }
}

/// An error with its causes in one line.
pub(crate) fn causes(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_url_says_what_to_write_and_never_the_password() {
        for (url, said) in [
            ("postgres://ann:se:cr@et/x@h:y/d", "write postgres://USER:PASSWORD@HOST:5432/DATABASE"),
            ("postgres://ann:secret@", "names no host"),
            ("postgres://h/d", "names no user"),
            ("postgres://ann:secret@h/d?sslrootcert=/nowhere.pem", "sslrootcert=/nowhere.pem cannot be read"),
            ("postgres://ann:secret@h/d?shcema=x", "the parameter shcema is unknown"),
        ] {
            let message = Target::parse(url).map(|_| ()).unwrap_err();
            assert!(message.contains(said), "{url}: {message}");
            assert!(!message.contains("secret") && !message.contains("cr@et"), "{message}");
        }
    }

    #[test]
    fn an_address_is_what_people_know_it_by() {
        let target = Target::parse("postgresql://ann:x@db.example.org/shop").unwrap();
        assert_eq!(target.address.place, "db.example.org:5432");
        assert_eq!((target.address.user.as_str(), target.address.database.as_str()), ("ann", "shop"));
        let target = Target::parse("postgres://ann@%2Fvar%2Frun%2Fpostgresql/shop").unwrap();
        assert_eq!(target.address.place, "/var/run/postgresql/.s.PGSQL.5432");
    }
}
