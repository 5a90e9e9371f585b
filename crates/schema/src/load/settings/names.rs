//! What settings are called: in `site.toml`, and as variables.

/// Variables that begin as settings do and are the process's: how much is logged.
pub(super) const NOT_SETTINGS: &[&str] = &["LOG"];

/// Every setting that has a name of its own. (`[site]` may hold further ones.)
pub(super) const NAMES: &[&str] = &[
    "site.name",
    "site.url",
    "site.description",
    "site.timezone",
    "site.language",
    "server.listen",
    "server.hosts",
    "server.max_body",
    "server.timeout",
    "server.max_connections",
    "server.trusted_proxies",
    "server.forwarded",
    "database.url",
    "database.read_timeout",
    "database.write_timeout",
    "database.pool",
    "database.pool_timeout",
    "database.statement_cache",
    "database.replicas",
    "database.replica_lag",
    "database.existing",
    "accounts.roles",
    "accounts.signup",
    "accounts.signup_fields",
    "accounts.verify",
    "accounts.deletion",
    "accounts.session_days",
    "api.path",
    "api.max_per_page",
    "mail.from",
    "mail.url",
    "mail.user",
    "mail.password",
];

pub(super) const SECTIONS: &[&str] = &["site", "server", "database", "accounts", "api", "mail", "env"];

/// Paths of a page or the API that the server keeps for itself.
pub(in crate::load) const SERVERS_OWN: &[&str] = &["admin", "_purlin", "healthz", "readyz"];

/// The variable of a setting: `PURLIN_SERVER_LISTEN`.
pub(super) fn variable_of(setting: &str) -> String {
    format!("PURLIN_{}", setting.replace('.', "_").to_ascii_uppercase())
}
