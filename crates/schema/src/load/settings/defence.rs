//! The sections that guard a site.

use super::Layered;
use super::read::{addresses, limits};
use crate::settings::LimitSettings;

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
}
