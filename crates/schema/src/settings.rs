//! Settings: `site.toml`, then `.env`, then the environment, then flags; the last wins.
//!
//! The path of a setting in capitals is its variable: `server.listen` is `PURLIN_SERVER_LISTEN`.
//! `DATABASE_URL`, `REDIS_URL` and `PORT` are honoured as hosts set them.

mod jwt;
mod limits;
mod network;
mod outgoing;
mod providers;
mod secret;
mod security;

pub use jwt::JwtSettings;
pub use limits::{LimitBy, LimitSettings, PathPart, Rate, RouteLimit};
pub use network::{Network, NotANetwork};
pub use outgoing::{Allowed, OutgoingSettings, Place};
pub use providers::{OAuth, PRESETS, PROVIDER_KEYS, Proof, Protocol, Provider};
pub use secret::{Secret, without_password};
pub use security::{CorsSettings, CspSettings, Frames, Policies, SecuritySettings};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::model::AuditSettings;
use crate::roles::Roles;
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
    /// `[mail]`.
    pub mail: MailSettings,
    /// `[limits]`.
    pub limits: LimitSettings,
    /// `[cors]`.
    pub cors: CorsSettings,
    /// `[security]`.
    pub security: SecuritySettings,
    /// `[csp]`.
    pub csp: CspSettings,
    /// `[outgoing]`.
    pub outgoing: OutgoingSettings,
    /// `[deploy]`.
    pub deploy: DeploySettings,
    /// `[audit]`.
    pub audit: AuditSettings,
    /// `[roles]` and `[groups]`.
    pub roles: Arc<Roles>,
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
    /// `trusted_proxies`: whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<Network>,
    /// `forwarded`: how they give it.
    pub forwarded: Forwarded,
    /// `signing_key`: what cursors and messages are signed with; where it is not given, the site's folder keeps one.
    pub signing_key: Option<Secret>,
    /// `signing_keys_old`: those that were used before, and are still believed.
    pub signing_keys_old: Vec<Secret>,
}

/// How a proxy says for whom it asks. Only one way is believed: what a proxy does not write itself it hands on as a
/// stranger wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`.
    #[default]
    Usual,
    /// `Forwarded` (RFC 7239).
    Standard,
}

/// `[database]`.
#[derive(Clone)]
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
    /// `replica_lag`: how old what is read there may be at most.
    pub replica_lag: Duration,
    /// `existing`: where the models stand that are not managed, which others made and keep: beside an embedded database
    /// a file, `sqlite:../shop.db`; on a server a schema (PostgreSQL) or a database (MySQL) there, by its name.
    pub existing: Option<String>,
}

impl std::fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URLs may hold passwords.
        f.debug_struct("DatabaseSettings").field("url", &without_password(&self.url)).finish_non_exhaustive()
    }
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
            replica_lag: Duration::from_secs(10),
            existing: None,
        }
    }
}

/// `[accounts]`.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// `roles` and those of `[roles]`: besides `user` and `admin`.
    pub roles: Vec<String>,
    /// `signup`: which strangers may make accounts.
    pub signup: SignUp,
    /// `signup_fields`: fields of `users` that sign-up takes besides `email` and `password`; by default those
    /// that are required, have no default and may be written.
    pub signup_fields: Option<Vec<String>>,
    /// `verify`: whether an account is made only when the link in a mail to its address was followed; so where mail
    /// can be sent, unless the site says otherwise.
    pub verify: bool,
    /// `deletion`: whether one may delete one's own account.
    pub deletion: bool,
    /// `session_days`: how long an unused session lives.
    pub session_days: u32,
    /// `tokens`: whether one may make personal access tokens for the API.
    pub tokens: bool,
    /// `fresh`: for how long after somebody showed who he is what is dangerous does not ask again.
    pub fresh: Duration,
    /// `acting`: whether administrators may act as other users.
    pub acting: bool,
    /// `password_ends_tokens`: whether a new password ends one's personal access tokens, as it ends sessions.
    pub password_ends_tokens: bool,
    /// `providers`: by whose word one may sign in.
    pub providers: Vec<Provider>,
    /// `jwt`: statements for those who verify them elsewhere.
    pub jwt: JwtSettings,
    /// `mail_sign_in`: whether one may sign in by a link or a code in a mail.
    pub mail_sign_in: bool,
    /// `second_factor`: the roles that must have one.
    pub second_factor: Vec<String>,
    /// `[accounts.passwords]`.
    pub passwords: PasswordSettings,
}

/// `[accounts.passwords]`.
#[derive(Clone, Debug)]
pub struct PasswordSettings {
    /// `min`: the least number of characters; 8 where nothing is said.
    pub min: Option<u32>,
    /// `strength`: how hard a password must be to guess for whoever chooses one, by `zxcvbn`: 0 (anything) to 4.
    pub strength: u8,
    /// `memory`: what argon2id takes; where nothing is said, what OWASP recommends.
    pub memory_kib: Option<u32>,
    /// `passes`: how often argon2id goes over it; likewise.
    pub passes: Option<u32>,
    /// `pepper`: what is hashed along with every password and is not in the database.
    pub pepper: Option<Secret>,
    /// `old_peppers`: those before it, by which hashes are still recognised.
    pub old_peppers: Vec<Secret>,
}

impl Default for PasswordSettings {
    fn default() -> PasswordSettings {
        PasswordSettings {
            min: None,
            strength: 2,
            memory_kib: None,
            passes: None,
            pepper: None,
            old_peppers: Vec::new(),
        }
    }
}

/// `[deploy]`: what `purlin check --deploy` takes for granted.
#[derive(Clone, Debug, Default)]
pub struct DeploySettings {
    /// `backup`: how the site is backed up, in the owner's words.
    pub backup: Option<String>,
    /// `accept`: findings that are meant to be so: `PUR-S012`, `PUR-S009:models/messages.toml`.
    pub accept: Vec<String>,
}

/// Who may sign up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// `"open"`: everybody.
    Open,
    /// `"closed"`: nobody; the owner makes accounts.
    Closed,
    /// `"invited"`: whoever is invited.
    Invited,
    /// `["example.com"]`: whoever has an address there.
    Domains(Vec<String>),
}

impl AccountSettings {
    /// The provider of this name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }
}

impl SignUp {
    /// Whether anybody may.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self, SignUp::Closed | SignUp::Invited)
    }

    /// Whether the owner of this address may; in small letters.
    #[must_use]
    pub fn takes(&self, address: &str) -> bool {
        match self {
            SignUp::Open => true,
            SignUp::Closed | SignUp::Invited => false,
            SignUp::Domains(domains) => address
                .rsplit_once('@')
                .is_some_and(|(_, domain)| domains.iter().any(|known| known == domain)),
        }
    }
}

/// `[mail]`.
#[derive(Clone)]
pub struct MailSettings {
    /// `from`: `The Blog <hello@example.com>`, or the address alone.
    pub from: Option<String>,
    /// `url`: by what mail leaves; the terminal under `dev` and nothing under `serve` where that is not said.
    pub way: MailWay,
    /// `user`: for the server; also in the URL.
    pub user: Option<String>,
    /// `password`: for the server; also in the URL, percent-encoded.
    pub password: Option<String>,
    /// `ca`: a file of authorities, in PEM, that the server's certificate may be of besides those that the system trusts.
    pub ca: Option<String>,
    /// What links in mails begin with: `site.url`, and under `dev` where there is none the address listened on.
    pub links: String,
}

/// By what mail leaves.
#[derive(Clone, PartialEq, Eq)]
pub enum MailWay {
    /// `none`: no mail is sent, and what needs it is not offered.
    None,
    /// `terminal`: shown on the terminal of the server.
    Terminal,
    /// `folder:data/mail`: a file each, relative to the site.
    Folder(String),
    /// `sendmail:/usr/sbin/sendmail`: by a command.
    Sendmail(String),
    /// `smtps://mail.example.com`, `smtp://mail.example.com:587`: by a server.
    Smtp(String),
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("MailSettings").field("from", &self.from).finish_non_exhaustive()
    }
}

impl MailSettings {
    /// Whether mail can be sent.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.way != MailWay::None
    }
}

/// `[api]`.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// `path`: where it is; `/api`.
    pub path: String,
    /// `max_per_page`: the greatest page that one may ask for.
    pub max_per_page: u32,
}
