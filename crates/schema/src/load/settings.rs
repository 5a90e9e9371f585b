//! Settings in layers: `site.toml`, its `[env.…]`, `.env`, the environment, flags; the last wins.
//!
//! One table names every setting with what it takes. Each layer gives texts or TOML values by name; the last
//! value of each name is then read once, and a mistake is told where that value was written.

mod defence;
mod federated;
mod names;
mod read;
mod roles;
mod secrets;

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::dotenv::{self, Line};
use super::report::{File, Reports};
use super::toml::{self, Data, Entry, Node, View};
use super::{Layers, Mode};
use crate::diagnostics::did_you_mean;
use crate::model::{AuditLog, AuditSettings};
use crate::settings::{
    AccountSettings, ApiSettings, DatabaseSettings, DeploySettings, MailSettings, MailWay, PasswordSettings,
    ServerSettings, Settings, SignUp, SiteSettings,
};
use crate::value::Value;
pub(super) use names::SERVERS_OWN;
use names::{NAMES, NOT_SETTINGS, OPEN, SECTIONS, variable_of};
use read::{Raw, addresses};

/// Reads `site.toml` and `.env`, lays the other layers over them, and gives the settings; what is wrong falls
/// back to the default only after it was noted as an error. Beside them, where `accounts.signup_fields` and
/// `accounts.jwt.claims` were written, which are looked at when the models are known.
pub(super) fn load(root: &Path, layers: &Layers, reports: &Reports) -> (Settings, [Place; 2]) {
    let path = Path::new("site.toml");
    let text = if root.join(path).exists() { toml::read(root, path, reports) } else { None };
    let file = File::new(path, reports);
    if let Some(text) = &text {
        reports.source(path, &secrets::covered(text).into());
    }
    let document = text.as_deref().map(|text| toml::parse(file, text, 0..text.len()));
    let dotenv_path = Path::new(".env");
    let dotenv_text =
        if root.join(dotenv_path).is_file() { toml::read(root, dotenv_path, reports) } else { None };
    let dotenv_text = dotenv_text.unwrap_or_default();
    let dotenv = dotenv::read(File::new(dotenv_path, reports), &dotenv_text);
    reports.source(dotenv_path, &dotenv::without_values(&dotenv_text, &dotenv));

    let tables = roles::Tables::default();
    let mut all = Layered { values: IndexMap::new(), tables, root, reports, layers, dotenv: &dotenv };
    if let Some(document) = &document {
        all.site_toml(View::of(file, document, "`site.toml`"));
    }
    all.variables();
    all.flags();
    (all.settings(), ["accounts.signup_fields", "accounts.jwt.claims"].map(|name| all.place(name)))
}

/// Where a setting's value was written: a file of the site, or what stands in a file's place.
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// Each text of a list, or the one text that they all stand in.
    pub(super) spans: Vec<Range<usize>>,
}

/// Where a setting's value comes from.
#[derive(Clone, Debug)]
enum Given<'a> {
    Toml(File<'a>, &'a Node),
    DotEnv(Line),
    Variable(String, String),
    Flag(String, String),
}

struct Layered<'a> {
    values: IndexMap<String, Given<'a>>,
    /// `[roles]` and `[groups]`, which are of `site.toml` alone.
    tables: roles::Tables<'a>,
    root: &'a Path,
    reports: &'a Reports,
    layers: &'a Layers,
    dotenv: &'a BTreeMap<String, Line>,
}

impl<'a> Layered<'a> {
    fn site_toml(&mut self, view: View<'a>) {
        view.known(&[SECTIONS, &["roles", "groups"]].concat());
        self.tables = roles::Tables {
            roles: view.table("roles", "`[roles]`"),
            groups: view.table("groups", "`[groups]`"),
        };
        for section in SECTIONS.iter().filter(|section| **section != "env") {
            if let Some(table) = view.table(section, "a section of settings") {
                self.section(section, table);
            }
        }
        let Some(env) = view.table("env", "`[env]`") else { return };
        env.known(&["development", "production"]);
        for (name, mode) in [("development", Mode::Development), ("production", Mode::Production)] {
            let Some(overrides) = env.table(name, "`[env]`") else { continue };
            overrides.known(&SECTIONS[..SECTIONS.len() - 1]);
            if self.layers.mode == mode {
                self.sections(overrides);
            } else {
                self.other_mode(overrides);
            }
        }
    }

    fn sections(&mut self, view: View<'a>) {
        for section in SECTIONS.iter().filter(|section| **section != "env") {
            if let Some(table) = view.table(section, "a section of settings") {
                self.section(section, table);
            }
        }
    }

    /// The other mode's settings are read too, so that a slip in them does not wait for production. Its secrets need
    /// not be set here.
    fn other_mode(&self, overrides: View<'a>) {
        let (layers, dotenv) = (Layers::default(), BTreeMap::new());
        let mut other = Layered {
            values: IndexMap::new(),
            tables: roles::Tables::default(),
            root: self.root,
            reports: self.reports,
            layers: &layers,
            dotenv: &dotenv,
        };
        other.sections(overrides);
        other.values.retain(|_, given| match given {
            Given::Toml(_, Node { data: Data::Table(table), .. }) => !secrets::is_reference(table),
            _ => true,
        });
        // Only for the mistakes that it notes.
        other.settings();
    }

    fn place(&self, name: &str) -> Place {
        let at = |path: &Path, spans| Place { path: path.to_owned(), spans };
        match self.values.get(name) {
            None => at(Path::new("site.toml"), Vec::new()),
            Some(Given::Toml(file, Node { data: Data::List(items), .. })) => {
                at(file.path, items.iter().map(|item| item.span.clone()).collect())
            }
            Some(Given::Toml(file, node)) => at(file.path, vec![node.span.clone()]),
            Some(Given::DotEnv(line)) => at(Path::new(".env"), vec![line.span.clone()]),
            Some(Given::Variable(..)) => at(Path::new("environment"), Vec::new()),
            Some(Given::Flag(..)) => at(Path::new("flags"), Vec::new()),
        }
    }

    fn section(&mut self, section: &str, view: View<'a>) {
        if section == federated::PROVIDERS {
            return self.provider_tables(view);
        }
        let below = NAMES.iter().filter_map(|name| name.strip_prefix(section)?.strip_prefix('.'));
        let names: Vec<&str> = below.filter(|name| !name.contains('.')).collect();
        let tables = names::tables_of(section);
        let is_open = OPEN.contains(&section);
        if section != "site" && !is_open {
            let what = format!("`[{section}]`");
            let keys: Vec<&str> = names.iter().chain(&tables).copied().collect();
            View { what: &what, ..view }.known(&keys);
        }
        for table in tables {
            if let Some(table_view) = view.table(table, "a section of settings") {
                self.section(&format!("{section}.{table}"), table_view);
            }
        }
        for Entry { key, key_span, value } in &view.table.entries {
            let own = section == "site" && !names.contains(&key.as_str());
            if own && matches!(value.data, Data::List(_) | Data::Time(_)) {
                view.file
                    .error(
                        "wrong-type",
                        &value.span,
                        format!("`{key}` must be text, a number, true or false"),
                    )
                    .hint("further keys of `[site]` are for templates: `{{ site.key }}`");
                continue;
            }
            // A key of one's own that looks like a slip of the pen would be silently without effect.
            if own && let Some(meant) = did_you_mean(key, names.iter().copied()) {
                view.file
                    .warn("unknown-key", key_span, format!("`{key}` is a key of your own in `[site]`"))
                    .hint(format!("did you mean `{meant}`?"));
            }
            if own || is_open || names.contains(&key.as_str()) {
                self.values.insert(format!("{section}.{key}"), Given::Toml(view.file, value));
            }
        }
    }

    fn variables(&mut self) {
        let dotenv = self.dotenv.clone();
        for (name, line) in dotenv {
            let file = File::new(Path::new(".env"), self.reports);
            match self.setting_of(&name) {
                Variable::Setting(setting) => {
                    self.values.insert(setting, Given::DotEnv(line));
                }
                Variable::Unknown(hint) => {
                    let message = format!("there is no setting for the variable `{name}`");
                    file.error("unknown-variable", &line.key_span, message).maybe_hint(hint);
                }
                Variable::Foreign => {}
            }
        }
        let environment = self.layers.environment.clone();
        for (name, value) in environment {
            match self.setting_of(&name) {
                Variable::Setting(setting) => {
                    self.values.insert(setting, Given::Variable(name, value));
                }
                Variable::Unknown(hint) => {
                    let message = format!("there is no setting for the variable `{name}`");
                    File::new(Path::new("environment"), self.reports)
                        .error_in("unknown-variable", message)
                        .maybe_hint(hint);
                }
                Variable::Foreign => {}
            }
        }
    }

    fn flags(&mut self) {
        for (name, value) in &self.layers.flags {
            if self.is_setting(name) {
                self.values.insert(name.clone(), Given::Flag(name.clone(), value.clone()));
            } else {
                File::new(Path::new("flags"), self.reports)
                    .error_in("unknown-setting", format!("there is no setting `{name}`"))
                    .maybe_hint(did_you_mean(name, NAMES.iter().copied()).map(meant));
            }
        }
    }

    fn is_setting(&self, name: &str) -> bool {
        let in_open = |table: &&str| name.strip_prefix(*table).is_some_and(|key| key.starts_with('.'));
        NAMES.contains(&name) || self.values.contains_key(name) || OPEN.iter().any(in_open)
    }

    /// Which setting a variable is. `PURLIN_DATABASE_URL` is stronger than `DATABASE_URL`.
    fn setting_of(&self, variable: &str) -> Variable {
        if variable == "DATABASE_URL" {
            let stronger = |names: bool| names && self.layers.environment.contains_key("PURLIN_DATABASE_URL");
            let named = stronger(self.layers.environment.contains_key(variable))
                || (!self.layers.environment.contains_key(variable)
                    && self.dotenv.contains_key("PURLIN_DATABASE_URL"));
            return if named { Variable::Foreign } else { Variable::Setting("database.url".to_owned()) };
        }
        let Some(path) = variable.strip_prefix("PURLIN_") else { return Variable::Foreign };
        if NOT_SETTINGS.contains(&path) || path.starts_with("TEST_") {
            return Variable::Foreign;
        }
        if let Some(name) = NAMES.iter().find(|name| variable_of(name) == variable) {
            return Variable::Setting((*name).to_owned());
        }
        if let Some(setting) = self.provider_setting(variable) {
            return Variable::Setting(setting);
        }
        let name = path.to_ascii_lowercase().replacen('_', ".", 1);
        if self.is_setting(&name) {
            return Variable::Setting(name);
        }
        let all: Vec<String> = NAMES.iter().map(|name| variable_of(name)).collect();
        Variable::Unknown(did_you_mean(variable, all.iter().map(String::as_str)).map(meant))
    }

    fn settings(&self) -> Settings {
        let folder = self.root.canonicalize().ok();
        let folder = folder.as_deref().unwrap_or(self.root).file_name();
        let folder = folder.map_or_else(|| "site".to_owned(), |name| name.to_string_lossy().into_owned());
        let minute = Duration::from_secs(60);
        let url = self.read("site.url", read::site_url);
        let listen = self.listen();
        let mail = self.mail(url.as_deref(), listen);
        let mut listed = self.read("accounts.roles", read::roles).unwrap_or_default();
        let roles = self.roles(&listed);
        listed.extend(roles::names(&self.tables));
        let second_factor = self.second_factor(&listed);
        let mut seen = HashSet::new();
        listed.retain(|role| seen.insert(role.clone()));
        Settings {
            site: SiteSettings {
                name: self.read("site.name", read::text).unwrap_or(folder),
                url: url.clone(),
                description: self.read("site.description", read::text).unwrap_or_default(),
                timezone: self.read("site.timezone", read::time_zone).unwrap_or_else(|| "UTC".to_owned()),
                language: self.read("site.language", read::language).unwrap_or_else(|| "en".to_owned()),
                extra: self.extra(),
            },
            server: ServerSettings {
                listen,
                hosts: self.read("server.hosts", read::hosts).unwrap_or_default(),
                max_body_bytes: self.read("server.max_body", read::bytes).unwrap_or(10 << 20),
                timeout: self.read("server.timeout", read::span).unwrap_or(minute / 2),
                max_connections: self
                    .read("server.max_connections", |raw| read::count(raw, 1, 1 << 20))
                    .unwrap_or(4096),
                trusted_proxies: self.read("server.trusted_proxies", addresses::networks).unwrap_or_default(),
                signing_key: self.read("server.signing_key", read::signing_key),
                signing_keys_old: self
                    .read("server.signing_keys_old", read::signing_keys)
                    .unwrap_or_default(),
                forwarded: self.read("server.forwarded", addresses::forwarded).unwrap_or_default(),
            },
            database: self.database(),
            accounts: AccountSettings {
                roles: listed,
                signup: self.read("accounts.signup", read::sign_up).unwrap_or(SignUp::Open),
                signup_fields: self.read("accounts.signup_fields", read::list),
                verify: self.verify(&mail),
                deletion: self.read("accounts.deletion", read::truth).unwrap_or(true),
                session_days: self
                    .read("accounts.session_days", |raw| read::count(raw, 1, 3650))
                    .unwrap_or(30),
                fresh: self.read("accounts.fresh", read::span).unwrap_or(minute * 60),
                acting: self.read("accounts.acting", read::truth).unwrap_or(true),
                tokens: self.read("accounts.tokens", read::truth).unwrap_or(true),
                password_ends_tokens: self.read("accounts.password_ends_tokens", read::truth).unwrap_or(true),
                providers: self.providers(url.is_some()),
                jwt: self.jwt(url.is_some()),
                mail_sign_in: self.mail_sign_in(&mail),
                second_factor,
                passwords: self.passwords(),
            },
            api: ApiSettings {
                path: self.read("api.path", read::api_path).unwrap_or_else(|| "/api".to_owned()),
                max_per_page: self.read("api.max_per_page", |raw| read::count(raw, 1, 10_000)).unwrap_or(100),
            },
            mail,
            limits: self.limits(),
            cors: self.cors(),
            security: self.security(),
            csp: self.csp(),
            outgoing: self.outgoing(),
            deploy: DeploySettings {
                backup: self.read("deploy.backup", read::text),
                accept: self.read("deploy.accept", read::list).unwrap_or_default(),
            },
            audit: AuditSettings {
                log: self.read("audit.log", read::audit_log).unwrap_or(AuditLog::Security),
                kept: self.read("audit.keep", read::kept).unwrap_or(Some(minute * 60 * 24 * 365)),
            },
            roles: Arc::new(roles),
        }
    }

    fn database(&self) -> DatabaseSettings {
        let url = self.read("database.url", read::database_url);
        let usual = DatabaseSettings::of(url.unwrap_or_else(|| "sqlite:data/site.db".to_owned()));
        DatabaseSettings {
            read_timeout: self.read("database.read_timeout", read::span).unwrap_or(usual.read_timeout),
            write_timeout: self.read("database.write_timeout", read::span).unwrap_or(usual.write_timeout),
            pool: self.read("database.pool", |raw| read::count(raw, 1, 10_000)).unwrap_or(usual.pool),
            pool_timeout: self.read("database.pool_timeout", read::span).unwrap_or(usual.pool_timeout),
            statement_cache: self
                .read("database.statement_cache", read::truth)
                .unwrap_or(usual.statement_cache),
            replicas: self
                .read("database.replicas", |raw| read::replicas(raw, &usual.url))
                .unwrap_or_default(),
            replica_lag: self.read("database.replica_lag", read::span).unwrap_or(usual.replica_lag),
            existing: self.read("database.existing", |raw| read::existing(raw, &usual.url)),
            ..usual
        }
    }

    /// Links in mails are made of what the owner wrote, never of a request.
    fn mail(&self, url: Option<&str>, listen: SocketAddr) -> MailSettings {
        let dev = self.layers.mode == Mode::Development;
        let way = self.read("mail.url", read::mail_way);
        let way = way.unwrap_or(if dev { MailWay::Terminal } else { MailWay::None });
        let from = self.read("mail.from", read::mail_from);
        if !dev && way != MailWay::None {
            if url.is_none() {
                self.complain("mail.url", "needs `site.url` beside it, which the links in mails begin with");
            }
            if from.is_none() && !self.values.contains_key("mail.from") {
                self.complain(
                    "mail.url",
                    "needs `mail.from` beside it, as in from = \"Blog <hello@example.com>\"",
                );
            }
        }
        let host =
            if listen.ip().is_unspecified() { "localhost".to_owned() } else { listen.ip().to_string() };
        let here = match listen {
            SocketAddr::V6(_) if host.contains(':') => format!("http://[{host}]:{}", listen.port()),
            _ => format!("http://{host}:{}", listen.port()),
        };
        MailSettings {
            from,
            way,
            user: self.read("mail.user", read::text),
            password: self.read("mail.password", read::text),
            ca: self.read("mail.ca", read::text),
            links: url.map_or(here, str::to_owned),
        }
    }

    /// The roles that must have a second factor are roles that there are.
    fn second_factor(&self, own: &[String]) -> Vec<String> {
        let roles = self.read("accounts.second_factor", read::list).unwrap_or_default();
        let known = |role: &String| role == "user" || role == "admin" || own.contains(role);
        if let Some(unknown) = roles.iter().find(|role| !known(role)) {
            let message = format!("names `{unknown}`, which is no role of the site");
            self.complain("accounts.second_factor", &message);
        }
        roles
    }

    /// What argon2id takes can be raised above what OWASP recommends, not lowered.
    fn passwords(&self) -> PasswordSettings {
        let usual = PasswordSettings::default();
        PasswordSettings {
            min: self.read("accounts.passwords.min", |raw| read::count(raw, 8, 128)),
            strength: self
                .read("accounts.passwords.strength", |raw| read::count(raw, 0, 4))
                .unwrap_or(usual.strength),
            memory_kib: self.read("accounts.passwords.memory", read::hash_memory),
            passes: self.read("accounts.passwords.passes", |raw| read::count(raw, 2, 32)),
            pepper: self.read("accounts.passwords.pepper", read::signing_key),
            old_peppers: self.read("accounts.passwords.old_peppers", read::signing_keys).unwrap_or_default(),
        }
    }

    fn mail_sign_in(&self, mail: &MailSettings) -> bool {
        let asked = self.read("accounts.mail_sign_in", read::truth).unwrap_or(false);
        if asked && !mail.is_on() {
            self.complain("accounts.mail_sign_in", "needs a way to send mail: set `mail.url`");
        }
        asked
    }

    fn verify(&self, mail: &MailSettings) -> bool {
        let asked = self.read("accounts.verify", read::truth);
        if asked == Some(true) && !mail.is_on() {
            self.complain("accounts.verify", "needs a way to send mail: set `mail.url`");
        }
        asked.unwrap_or(mail.is_on())
    }

    /// `PORT` is what a host sets: it changes the port alone, and under `serve` all of the machine's addresses are
    /// listened on unless an address was chosen.
    fn listen(&self) -> SocketAddr {
        let chosen = self.read("server.listen", read::listen);
        let named = matches!(
            self.values.get("server.listen"),
            Some(Given::Variable(..) | Given::Flag(..) | Given::DotEnv(..))
        );
        let port = self.layers.environment.get("PORT");
        let port = port.or_else(|| self.dotenv.get("PORT").map(|line| &line.value)).filter(|_| !named);
        let port = port.and_then(|port| {
            let number = port.trim().parse::<u16>().ok();
            if number.is_none() {
                File::new(Path::new("environment"), self.reports)
                    .error_in("bad-setting", format!("`PORT` is not a port: `{port}`"))
                    .hint("a port is a number from 0 to 65535");
            }
            number
        });
        let everywhere = port.is_some() && self.layers.mode == Mode::Production;
        let address = if everywhere { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        let mut listen = chosen.unwrap_or(SocketAddr::new(IpAddr::V4(address), 8080));
        if let Some(port) = port {
            listen.set_port(port);
        }
        listen
    }

    fn extra(&self) -> IndexMap<String, Value> {
        let own = self.values.iter().filter(|(name, _)| !NAMES.contains(&name.as_str()));
        own.filter_map(|(name, given)| {
            let key = name.strip_prefix("site.")?;
            let value = match given {
                Given::Toml(_, Node { data: Data::Bool(truth), .. }) => Value::Bool(*truth),
                Given::Toml(_, Node { data: Data::Int(number), .. }) => Value::Int(*number),
                Given::Toml(_, Node { data: Data::Float(number), .. }) => Value::Float(*number),
                _ => Value::from(self.read(name, read::text)?),
            };
            Some((key.to_owned(), value))
        })
        .collect()
    }

    /// The setting's value, if any layer gives it and it is right.
    fn read<T>(&self, name: &str, read: impl FnOnce(&Raw) -> Result<T, String>) -> Option<T> {
        let given = self.values.get(name)?;
        let raw = self.raw(given)?;
        let message = match read(&raw) {
            Ok(value) => return Some(value),
            Err(message) => message,
        };
        self.complain(name, &message);
        None
    }

    /// Notes what is wrong with a setting where it was given.
    fn complain(&self, name: &str, message: &str) {
        let Some(given) = self.values.get(name) else { return };
        match given {
            Given::Toml(file, node) => {
                file.error("bad-setting", &node.span, format!("`{name}` {message}"));
            }
            Given::DotEnv(line) => {
                let file = File::new(Path::new(".env"), self.reports);
                file.error("bad-setting", &line.span, format!("`{}` {message}", variable_of(name)));
            }
            Given::Variable(variable, _) => {
                let file = File::new(Path::new("environment"), self.reports);
                file.error_in("bad-setting", format!("`{variable}` {message}"));
            }
            Given::Flag(flag, _) => {
                let file = File::new(Path::new("flags"), self.reports);
                file.error_in("bad-setting", format!("`{flag}` {message}"));
            }
        }
    }

    fn raw(&self, given: &Given<'_>) -> Option<Raw> {
        let (file, node) = match given {
            Given::Toml(file, node) => (file, node),
            Given::DotEnv(Line { value, .. }) | Given::Variable(_, value) | Given::Flag(_, value) => {
                return Some(Raw::Outside(value.clone()));
            }
        };
        Some(match &node.data {
            Data::Text(text) => Raw::Text(text.value.clone()),
            Data::Int(number) => Raw::Int(*number),
            Data::Bool(truth) => Raw::Bool(*truth),
            Data::List(items) => {
                let texts: Option<Vec<String>> =
                    items.iter().map(|item| item.as_text().map(|text| text.value.clone())).collect();
                texts.map_or(Raw::Other, Raw::List)
            }
            Data::Table(table) => Raw::Outside(self.referred(*file, node, table)?),
            Data::Float(_) | Data::Time(_) => Raw::Other,
        })
    }
}

enum Variable {
    Setting(String),
    Unknown(Option<String>),
    Foreign,
}

fn meant(name: &str) -> String {
    format!("did you mean `{name}`?")
}
