//! `[accounts.providers.NAME]`, `[accounts.jwt]` and `[outgoing]`: whom a site speaks with, and whom it believes.

use std::time::Duration;

use super::read::{self, Raw};
use super::{Given, Layered};
use crate::diagnostics::did_you_mean;
use crate::load::Mode;
use crate::load::toml::{Entry, View};
use crate::settings::{
    Allowed, JwtSettings, OAuth, OutgoingSettings, PRESETS, PROVIDER_KEYS, Place, Proof, Protocol, Provider,
    Secret,
};

/// The section of providers.
pub(super) const PROVIDERS: &str = "accounts.providers";

impl<'a> Layered<'a> {
    /// Takes the tables of providers apart: each key is a setting of its own.
    pub(super) fn provider_tables(&mut self, view: View<'a>) {
        for Entry { key, key_span, value } in &view.table.entries {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if key.is_empty() || key.len() > 40 || !key.chars().all(fits) {
                view.file.error("bad-name", key_span, format!("`{key}` cannot name a provider")).hint(
                    "small letters, digits, `-` and `_` make a name; it stands in the provider's addresses",
                );
                continue;
            }
            let Some(table) = view.table(key, "a provider") else { continue };
            table.known(PROVIDER_KEYS);
            let name = format!("{PROVIDERS}.{key}");
            self.values.insert(name.clone(), Given::Toml(view.file, value));
            for entry in
                table.table.entries.iter().filter(|entry| PROVIDER_KEYS.contains(&entry.key.as_str()))
            {
                self.values.insert(format!("{name}.{}", entry.key), Given::Toml(view.file, &entry.value));
            }
        }
    }

    /// The setting of a provider that a variable stands for: of one that `site.toml` names.
    pub(super) fn provider_setting(&self, variable: &str) -> Option<String> {
        let providers = self.provider_names();
        let mut settings = providers
            .iter()
            .flat_map(|name| PROVIDER_KEYS.iter().map(move |key| format!("{PROVIDERS}.{name}.{key}")));
        settings.find(|setting| super::variable_of(setting).replace('-', "_") == variable)
    }

    fn provider_names(&self) -> Vec<String> {
        let below = |name: &String| name.strip_prefix(PROVIDERS)?.strip_prefix('.').map(str::to_owned);
        self.values.keys().filter_map(below).filter(|name| !name.contains('.')).collect()
    }

    pub(super) fn providers(&self, has_url: bool) -> Vec<Provider> {
        let names = self.provider_names();
        if let Some(first) = names.first().filter(|_| !has_url && self.layers.mode == Mode::Production) {
            self.complain(
                &format!("{PROVIDERS}.{first}"),
                "needs `site.url`: providers send people back there",
            );
        }
        names.iter().filter_map(|name| self.provider(name)).collect()
    }

    fn provider(&self, name: &str) -> Option<Provider> {
        let whole = format!("{PROVIDERS}.{name}");
        let setting = |key: &str| format!("{whole}.{key}");
        let wanted = self.read(&setting("preset"), read::text);
        let preset = PRESETS.iter().find(|(known, _)| *known == wanted.as_deref().unwrap_or(name));
        if let (Some(wanted), None) = (&wanted, preset) {
            let names = PRESETS.iter().map(|(name, _)| *name);
            let all: Vec<&str> = names.clone().collect();
            let hint = did_you_mean(wanted, names).map_or_else(
                || format!("there are {}", all.join(", ")),
                |name| format!("did you mean `{name}`?"),
            );
            self.complain(&setting("preset"), &format!("is no provider that Purlin knows; {hint}"));
            return None;
        }
        let usual = |key: &str| {
            let (_, keys) = preset?;
            keys.iter().find(|(known, _)| *known == key).map(|(_, value)| (*value).to_owned())
        };
        let given = |key: &str| self.values.contains_key(&setting(key));
        let text = |key: &str| self.read(&setting(key), filled).or_else(|| usual(key));
        let url = |key: &str| self.read(&setting(key), secure_url).or_else(|| usual(key));
        let truth = |key: &str| {
            self.read(&setting(key), read::truth).unwrap_or_else(|| usual(key).as_deref() == Some("true"))
        };
        let protocol = self.protocol(&whole, preset.map(|(name, _)| *name), &usual, &given, &text, &url)?;
        let client_id = text("client_id");
        if client_id.is_none() && !given("client_id") {
            self.complain(&whole, "needs `client_id`, by which the provider knows the site");
        }
        let scopes =
            self.read(&setting("scopes"), words).or_else(|| words(&Raw::Outside(usual("scopes")?)).ok());
        let mut scopes = scopes.unwrap_or_default();
        if matches!(protocol, Protocol::OpenId { .. }) && !scopes.iter().any(|scope| scope == "openid") {
            // Without it the answer is no identity (OpenID Connect Core §3.1.2.1).
            scopes.insert(0, "openid".to_owned());
            if scopes.len() == 1 {
                scopes.push("email".to_owned());
            }
        }
        Some(Provider {
            name: name.to_owned(),
            label: text("label").unwrap_or_else(|| name.to_owned()),
            client_id: client_id?,
            proof: self.proof(&whole, preset.is_some_and(|(known, _)| *known == "apple"))?,
            scopes,
            protocol,
            form_post: truth("form_post"),
            basic: {
                let read =
                    self.read(&setting("token_auth"), |raw| read::security::one_of(&["basic", "form"], raw));
                read.or_else(|| usual("token_auth")).map(|way| way == "basic")
            },
            trust_email: truth("trust_email"),
        })
    }

    fn protocol(
        &self,
        whole: &str,
        preset: Option<&str>,
        usual: &dyn Fn(&str) -> Option<String>,
        given: &dyn Fn(&str) -> bool,
        text: &dyn Fn(&str) -> Option<String>,
        url: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Protocol> {
        const PLAIN: [&str; 3] = ["authorize_url", "token_url", "user_url"];
        let own_plain = PLAIN.iter().any(|key| given(key));
        if given("issuer") && own_plain {
            self.complain(
                &format!("{whole}.issuer"),
                "cannot stand beside `authorize_url`, `token_url` or `user_url`: \
                 by OpenID Connect they are discovered",
            );
            return None;
        }
        if given("issuer") || (usual("issuer").is_some() && !own_plain) {
            return url("issuer").map(|issuer| Protocol::OpenId { issuer });
        }
        let subject = text("subject").unwrap_or_else(|| "sub".to_owned());
        let [Some(authorize_url), Some(token_url), Some(user_url)] = PLAIN.map(url) else {
            if !own_plain {
                self.complain(
                    whole,
                    "needs `issuer` (OpenID Connect), or `authorize_url`, `token_url` and `user_url` (OAuth 2), or a \
                     `preset` such as \"google\"",
                );
            } else if let Some(missing) = PLAIN.iter().find(|key| !given(key) && usual(key).is_none()) {
                self.complain(whole, &format!("needs `{missing}` too"));
            }
            return None;
        };
        let authority = match preset {
            // Its addresses have versions that come and go; those whom it knows stay.
            Some(preset) if !own_plain => format!("preset:{preset}"),
            _ => user_url.clone(),
        };
        Some(Protocol::OAuth(Box::new(OAuth {
            authority,
            authorize_url,
            token_url,
            user_url,
            emails_url: url("emails_url"),
            subject,
            email: text("email"),
            email_verified: text("email_verified"),
            fullname: text("fullname"),
        })))
    }

    fn proof(&self, whole: &str, is_apple: bool) -> Option<Proof> {
        let setting = |key: &str| format!("{whole}.{key}");
        let secret = |key: &str| self.read(&setting(key), filled).map(Secret::new);
        if self.values.contains_key(&setting("client_secret")) {
            return secret("client_secret").map(Proof::Secret);
        }
        let keys = ["team_id", "key_id", "private_key"];
        if is_apple || keys.iter().any(|key| self.values.contains_key(&setting(key))) {
            if let Some(missing) = keys.iter().find(|key| !self.values.contains_key(&setting(key))) {
                self.complain(
                    whole,
                    &format!("needs `{missing}`: Apple takes a signed statement for a secret"),
                );
                return None;
            }
            let text = |key: &str| self.read(&setting(key), filled);
            let (team_id, key_id) = (text("team_id")?, text("key_id")?);
            return Some(Proof::Signed { team_id, key_id, private_key: secret("private_key")? });
        }
        Some(Proof::None)
    }

    pub(super) fn jwt(&self, has_url: bool) -> JwtSettings {
        let audience = self.read("accounts.jwt.audience", words_of_list).unwrap_or_default();
        if !audience.is_empty() && !has_url && self.layers.mode == Mode::Production {
            self.complain("accounts.jwt.audience", "needs `site.url`, which says who issues the statement");
        }
        let lifetime = self.read("accounts.jwt.lifetime", |raw| {
            let span = read::span(raw)?;
            let most = Duration::from_secs(86_400);
            if span > most {
                return Err("cannot be longer than a day: nothing ends a statement that was made".to_owned());
            }
            if span < Duration::from_secs(1) { Err("must be a second at least".to_owned()) } else { Ok(span) }
        });
        JwtSettings {
            audience,
            lifetime: lifetime.unwrap_or(Duration::from_secs(600)),
            claims: self.read("accounts.jwt.claims", read::list).unwrap_or_default(),
        }
    }

    pub(super) fn outgoing(&self) -> OutgoingSettings {
        OutgoingSettings { allow: self.read("outgoing.allow", allowed).unwrap_or_default() }
    }
}

/// Text that says something.
fn filled(raw: &Raw) -> Result<String, String> {
    let text = read::text(raw)?;
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

/// A list of words, or a text of them.
fn words(raw: &Raw) -> Result<Vec<String>, String> {
    let texts = match raw {
        Raw::List(texts) => texts.clone(),
        raw => read::text(raw)
            .map_err(|_| "must be a list of words".to_owned())?
            .split([' ', ','])
            .map(str::to_owned)
            .collect(),
    };
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    // What a scope is made of (RFC 6749 §3.3).
    let fits =
        |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if texts.iter().all(fits) { Ok(texts) } else { Err("must be a list of words".to_owned()) }
}

/// A text, or a list of some.
fn words_of_list(raw: &Raw) -> Result<Vec<String>, String> {
    let texts = match raw {
        Raw::Text(text) => vec![text.clone()],
        raw => read::list(raw)?,
    };
    if texts.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
        return Err("must be a text such as \"https://api.example.com\", or a list of them".to_owned());
    }
    Ok(texts)
}

/// An address over https; over plain http on this machine alone.
fn secure_url(raw: &Raw) -> Result<String, String> {
    let wrong = || {
        "must be an address such as \"https://id.example.com\"; plain http is for this machine alone"
            .to_owned()
    };
    let text = read::text(raw).map_err(|_| wrong())?;
    let here = ["127.0.0.1", "localhost", "[::1]"];
    let is_here = |rest: &str| {
        let ends = |rest: &str| rest.is_empty() || rest.starts_with([':', '/']);
        here.iter().any(|name| rest.strip_prefix(name).is_some_and(ends))
    };
    let host = match text.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if is_here(rest) => rest,
        _ => return Err(wrong()),
    };
    let authority = host.split(['/', '?']).next().unwrap_or_default();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['#', '\\']);
    if plain && !authority.contains('@') && read::is_host(authority) { Ok(text) } else { Err(wrong()) }
}

/// Hosts (`idp.intern`), addresses (`127.0.0.1:8000`, `[::1]:8000`) and networks (`10.1.0.0/16`).
fn allowed(raw: &Raw) -> Result<Vec<Allowed>, String> {
    let one = |text: &String| {
        let wrong = || {
            format!(
                "has `{text}`; there are hosts (\"id.intern\"), addresses and networks (\"10.1.0.0/16\"), each perhaps \
                 with a port (\"127.0.0.1:8000\")"
            )
        };
        if let Ok(network) = text.parse() {
            return Ok(Allowed { place: Place::Network(network), port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, Some(port.parse().map_err(|_| wrong())?)),
            _ => (text.as_str(), None),
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let place = match bare.parse() {
            Ok(network) => Place::Network(network),
            Err(_) if read::is_host(name) && !name.starts_with('[') => Place::Name(name.to_lowercase()),
            Err(_) => return Err(wrong()),
        };
        Ok(Allowed { place, port })
    };
    read::list(raw)?.iter().map(one).collect()
}
