//! Settings: `site.toml`, then `.env`, then the environment, then flags; the last wins.
//!
//! The path of a setting in capitals is its variable: `server.listen` is `PURLIN_SERVER_LISTEN`.
//! `DATABASE_URL`, `REDIS_URL` and `PORT` are honoured as hosts set them.

use std::net::SocketAddr;
use std::time::Duration;

use indexmap::IndexMap;

use crate::value::Value;

/// All settings of a site.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[site]`: what templates see as `site`.
    pub site: SiteSettings,
    /// `[server]`.
    pub server: ServerSettings,
    /// `[database]`.
    pub database: DatabaseSettings,
    /// `[accounts]`.
    pub accounts: AccountSettings,
    /// `[api]`.
    pub api: ApiSettings,
}

/// `[site]`.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    /// `name`: what the site is called; the folder's name where absent.
    pub name: String,
    /// `url`: where it is reached from outside, without a slash at the end.
    pub url: Option<String>,
    /// `description`.
    pub description: String,
    /// `timezone`: an IANA name; `UTC` where absent.
    pub timezone: String,
    /// `language`: a BCP 47 tag; `en` where absent.
    pub language: String,
    /// Further keys, of the owner's own: text, numbers, true or false; templates see them as `site.key`.
    pub extra: IndexMap<String, Value>,
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// `listen`.
    pub listen: SocketAddr,
    /// `hosts`: further names that requests may be for.
    pub hosts: Vec<String>,
    /// `max_body`: bytes of a request's body.
    pub max_body_bytes: usize,
    /// `timeout`: for a request to be answered.
    pub timeout: Duration,
    /// `max_connections`.
    pub max_connections: usize,
}

/// `[database]`.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `url`: `sqlite:data/site.db`, relative to the site; `postgres://user:password@host/name`; `mysql://…`.
    pub url: String,
    /// `read_timeout`: for the queries of one request.
    pub read_timeout: Duration,
    /// `write_timeout`: for what one request writes on a database server, waiting for others' locks included.
    pub write_timeout: Duration,
    /// `pool`: connections to a database server at most, and to each replica.
    pub pool: usize,
    /// `pool_timeout`: how long a request waits for one of them.
    pub pool_timeout: Duration,
    /// `statement_cache`: whether a connection keeps statements prepared; not behind a pooler in transaction mode.
    pub statement_cache: bool,
    /// `replicas`: URLs of servers that follow the database; what may be a moment old is read there.
    pub replicas: Vec<String>,
}

impl DatabaseSettings {
    /// A database with everything else as it is where nothing is said.
    #[must_use]
    pub fn of(url: impl Into<String>) -> DatabaseSettings {
        DatabaseSettings {
            url: url.into(),
            read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            pool: 10,
            pool_timeout: Duration::from_secs(5),
            statement_cache: true,
            replicas: Vec::new(),
        }
    }
}

/// `[accounts]`.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// `roles`: besides `user` and `admin`.
    pub roles: Vec<String>,
    /// `signup`: whether strangers may make accounts.
    pub signup: bool,
    /// `signup_fields`: fields of `users` that sign-up takes besides `email` and `password`; by default those
    /// that are required, have no default and may be written.
    pub signup_fields: Option<Vec<String>>,
    /// `session_days`: how long an unused session lives.
    pub session_days: u32,
}

/// `[api]`.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// `path`: where it is; `/api`.
    pub path: String,
    /// `max_per_page`: the greatest page that one may ask for.
    pub max_per_page: u32,
}
