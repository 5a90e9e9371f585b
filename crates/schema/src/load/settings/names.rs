//! What settings are called: in `site.toml`, and as variables.

/// Variables that begin as settings do and are the process's: how much is logged, what opens the secrets.
pub(super) const NOT_SETTINGS: &[&str] = &["LOG", "SECRETS_KEY", "SECRETS_KEY_FILE"];

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
    "server.signing_key",
    "server.signing_keys_old",
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
    "accounts.fresh",
    "accounts.acting",
    "accounts.tokens",
    "accounts.password_ends_tokens",
    "accounts.jwt.audience",
    "accounts.jwt.lifetime",
    "accounts.jwt.claims",
    "accounts.mail_sign_in",
    "accounts.second_factor",
    "accounts.passwords.min",
    "accounts.passwords.strength",
    "accounts.passwords.memory",
    "accounts.passwords.passes",
    "accounts.passwords.pepper",
    "accounts.passwords.old_peppers",
    "api.path",
    "api.max_per_page",
    "mail.from",
    "mail.url",
    "mail.user",
    "mail.password",
    "mail.ca",
    "limits.exempt",
    "limits.wrong_passwords",
    "limits.wrong_passwords_address",
    "limits.wrong_passwords_account",
    "cors.origins",
    "cors.credentials",
    "cors.max_age",
    "security.hsts",
    "security.hsts_subdomains",
    "security.hsts_preload",
    "security.frames",
    "security.referrer",
    "security.opener",
    "security.embedder",
    "security.resource",
    "security.pages.frames",
    "security.pages.referrer",
    "security.pages.opener",
    "security.pages.embedder",
    "security.pages.resource",
    "security.api.frames",
    "security.api.referrer",
    "security.api.opener",
    "security.api.embedder",
    "security.api.resource",
    "security.files.frames",
    "security.files.referrer",
    "security.files.opener",
    "security.files.embedder",
    "security.files.resource",
    "csp.script",
    "csp.style",
    "csp.img",
    "csp.font",
    "csp.connect",
    "csp.media",
    "csp.frame",
    "csp.worker",
    "csp.form",
    "csp.trusted_types",
    "csp.reports",
    "outgoing.allow",
    "audit.log",
    "audit.keep",
    "deploy.backup",
    "deploy.accept",
];

pub(super) const SECTIONS: &[&str] = &[
    "site", "server", "database", "accounts", "api", "mail", "limits", "cors", "security", "csp", "outgoing",
    "audit", "deploy", "env",
];

/// Paths of a page or the API that the server keeps for itself.
pub(in crate::load) const SERVERS_OWN: &[&str] = &["admin", "_purlin", "healthz", "readyz"];

/// The variable of a setting: `PURLIN_SERVER_LISTEN`.
pub(super) fn variable_of(setting: &str) -> String {
    format!("PURLIN_{}", setting.replace('.', "_").to_ascii_uppercase())
}

/// Tables whose keys are the owner's.
pub(super) const OPEN: &[&str] = &["limits.routes", "security.permissions", "accounts.providers"];

/// The tables within a section: `pages` in `[security]`.
pub(super) fn tables_of(section: &str) -> Vec<&'static str> {
    let below = |name: &&'static str| name.strip_prefix(section)?.strip_prefix('.');
    let named =
        NAMES.iter().filter_map(below).filter_map(|rest| rest.split_once('.')).map(|(table, _)| table);
    let mut tables: Vec<&'static str> = named.chain(OPEN.iter().filter_map(below)).collect();
    tables.dedup();
    tables
}
