//! The sections that guard a site.

use std::time::Duration;

use super::Layered;
use super::read::{self, addresses, limits, security};
use crate::settings::{CorsSettings, CspSettings, LimitSettings, Policies, SecuritySettings};

/// What a list of sites that browsers ship with asks for.
const PRELOAD: Duration = Duration::from_secs(365 * 86_400);

impl Layered<'_> {
    pub(super) fn limits(&self) -> LimitSettings {
        let usual = LimitSettings::default();
        let names = self.values.keys().filter_map(|name| Some((name, name.strip_prefix("limits.routes.")?)));
        let routes = names.filter_map(|(name, route)| self.read(name, |raw| limits::route(route, raw)));
        let rate = |name, usual| self.read(name, limits::rate).unwrap_or(usual);
        LimitSettings {
            routes: routes.collect(),
            exempt: self.read("limits.exempt", addresses::networks).unwrap_or_default(),
            wrong_passwords: rate("limits.wrong_passwords", usual.wrong_passwords),
            wrong_passwords_address: rate("limits.wrong_passwords_address", usual.wrong_passwords_address),
            wrong_passwords_account: rate("limits.wrong_passwords_account", usual.wrong_passwords_account),
        }
    }

    pub(super) fn cors(&self) -> CorsSettings {
        let mut origins = self.read("cors.origins", security::origins).unwrap_or_default();
        let everybody = origins.iter().any(|origin| origin == "*");
        let credentials = self.read("cors.credentials", read::truth).unwrap_or(false);
        if everybody && credentials {
            self.complain(
                "cors.credentials",
                "cannot be true where `cors.origins` has \"*\": name the origins",
            );
        }
        origins.retain(|origin| origin != "*");
        let max_age = self.read("cors.max_age", read::span).unwrap_or(Duration::from_secs(7200));
        CorsSettings { origins, everybody, credentials, max_age }
    }

    pub(super) fn security(&self) -> SecuritySettings {
        let usual = SecuritySettings::default();
        let all = self.policies("security", &Policies::default());
        let hsts = self.read("security.hsts", security::hsts).unwrap_or(usual.hsts);
        let hsts_subdomains = self.read("security.hsts_subdomains", read::truth).unwrap_or(false);
        let hsts_preload = self.read("security.hsts_preload", read::truth).unwrap_or(false);
        if hsts_preload && (!hsts_subdomains || hsts.is_none_or(|hsts| hsts < PRELOAD)) {
            self.complain(
                "security.hsts_preload",
                "needs `hsts_subdomains = true` and an `hsts` of 365d at least",
            );
        }
        let mut permissions = usual.permissions;
        for name in self.values.keys() {
            let Some(feature) = name.strip_prefix("security.permissions.") else { continue };
            if !security::is_feature(feature) {
                self.complain(name, "is no feature; one is called as browsers call it, as in `geolocation`");
            } else if let Some(who) = self.read(name, security::permission) {
                permissions.retain(|(known, _)| known != feature);
                permissions.push((feature.to_owned(), who));
            }
        }
        SecuritySettings {
            hsts,
            hsts_subdomains,
            hsts_preload,
            permissions,
            pages: self.policies("security.pages", &all),
            api: self.policies("security.api", &all),
            files: self.policies("security.files", &all),
        }
    }

    fn policies(&self, section: &str, usual: &Policies) -> Policies {
        const OPENER: &[&str] =
            &["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"];
        const EMBEDDER: &[&str] = &["off", "require-corp", "credentialless"];
        const RESOURCE: &[&str] = &["same-origin", "same-site", "cross-origin"];
        let name = |key: &str| format!("{section}.{key}");
        let word = |key, words: &[&str]| self.read(&name(key), |raw| security::one_of(words, raw));
        Policies {
            frames: self.read(&name("frames"), security::frames).unwrap_or_else(|| usual.frames.clone()),
            referrer: self
                .read(&name("referrer"), security::referrer)
                .unwrap_or_else(|| usual.referrer.clone()),
            opener: word("opener", OPENER).unwrap_or_else(|| usual.opener.clone()),
            embedder: match word("embedder", EMBEDDER) {
                Some(embedder) => Some(embedder).filter(|embedder| embedder != "off"),
                None => usual.embedder.clone(),
            },
            resource: word("resource", RESOURCE).unwrap_or_else(|| usual.resource.clone()),
        }
    }

    pub(super) fn csp(&self) -> CspSettings {
        let given = CspSettings::DIRECTIVES.iter().filter_map(|(name, directive)| {
            let sources = self.read(&format!("csp.{name}"), |raw| security::sources(name, raw))?;
            Some((*directive, sources))
        });
        CspSettings {
            sources: given.collect(),
            trusted_types: self.read("csp.trusted_types", security::trusted_types).flatten(),
            reports: self.read("csp.reports", read::truth).unwrap_or(true),
        }
    }
}
