//! Every route of a site as data: what `purlin routes` prints, and what tests go through so that none is
//! forgotten.

use purlin_schema::model::{Model, Rule};
use purlin_schema::{Site, page::Page};

use super::{ALIVE, Account, Auth, KEYS, LIVE, MAIL, READY, REPORTS, WITH};

/// What answers a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The server itself.
    Server,
    /// Accounts.
    Account,
    /// The API.
    Api,
    /// A page.
    Page,
    /// A file of `public/`.
    Asset,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    /// The methods that it takes; where GET is among them, HEAD and OPTIONS are too.
    pub methods: &'static [&'static str],
    /// Its path, with parameters as `[name]`.
    pub path: String,
    /// What answers it.
    pub kind: Kind,
    /// Who may: in words.
    pub guard: String,
    /// Where it comes from: a model, a template, a file.
    pub from: String,
}

/// Every route of a site.
pub(crate) fn routes(site: &Site, assets: &[String], dev: bool) -> Vec<RouteInfo> {
    let mut table = Table(Vec::new());
    table.add(&["GET"], ALIVE, Kind::Server, "everybody", "");
    table.add(&["GET"], READY, Kind::Server, "everybody", "");
    if site.settings.csp.reports {
        table.add(&["POST"], REPORTS, Kind::Server, "everybody", "");
    }
    if site.settings.accounts.jwt.is_on() {
        table.add(&["GET"], KEYS, Kind::Server, "everybody", "");
    }
    if dev {
        table.add(&["GET"], LIVE, Kind::Server, "everybody", "");
        table.add(&["GET"], MAIL, Kind::Server, "everybody", "");
    }
    for (path, account, template) in Account::ALL {
        let methods: &[&str] = match account {
            Account::Logout => &["POST"],
            Account::Export => &["GET"],
            _ => &["GET", "POST"],
        };
        if account.is_on(site) {
            table.add(methods, path, Kind::Account, who_may(path.starts_with("/account")), template);
        }
    }
    for provider in &site.settings.accounts.providers {
        let begin = format!("{WITH}/{}", provider.name);
        let methods: &[&str] = if provider.form_post { &["GET", "POST"] } else { &["GET"] };
        table.add(&["POST"], &begin, Kind::Account, "everybody", "");
        table.add(methods, &format!("{begin}/callback"), Kind::Account, "everybody", "");
    }
    let api = site.settings.api.path.trim_end_matches('/');
    for (path, auth, methods) in Auth::ALL {
        if auth.is_on(site) {
            table.add(methods, &format!("{api}/{path}"), Kind::Api, who_may(auth.is_own()), "");
        }
    }
    table.add(&["DELETE"], &format!("{api}/auth/sessions/[id]"), Kind::Api, who_may(true), "");
    if site.settings.accounts.tokens {
        table.add(&["DELETE"], &format!("{api}/auth/tokens/[id]"), Kind::Api, who_may(true), "");
    }
    if Auth::Invitations.is_on(site) {
        table.add(&["DELETE"], &format!("{api}/auth/invitations/[id]"), Kind::Api, who_may(true), "");
    }
    for model in site.models.iter().filter(|model| model.has_api()) {
        let guard = guard_of(model);
        table.add(&["GET", "POST"], &format!("{api}/{}", model.name), Kind::Api, &guard, &model.name);
        let record = format!("{api}/{}/[id]", model.name);
        table.add(&["GET", "PUT", "PATCH", "DELETE"], &record, Kind::Api, &guard, &model.name);
    }
    for page in site.pages.values() {
        // A `login.html` or `signup.html` of a site stands in for Purlin's own and has no route of its own.
        // And a file is looked for before a page.
        let own = |path: &str| {
            Account::ALL.iter().any(|(known, account, _)| {
                *known == path && (*account != Account::Home || account.is_on(site))
            })
        };
        let taken = |path: String| own(&path) || assets.contains(&path);
        if let Some(route) = page.route.as_ref().filter(|route| !taken(route.to_string())) {
            let methods: &[&str] = if page.forms.is_empty() { &["GET"] } else { &["GET", "POST"] };
            table.add(methods, &route.to_string(), Kind::Page, guard_of_page(page), &page.template);
        }
    }
    for path in assets {
        table.add(&["GET"], path, Kind::Asset, "everybody", &format!("public{path}"));
    }
    table.0
}

fn who_may(is_own: bool) -> &'static str {
    if is_own { "who is signed in" } else { "everybody" }
}

struct Table(Vec<RouteInfo>);

impl Table {
    fn add(&mut self, methods: &'static [&'static str], path: &str, kind: Kind, guard: &str, from: &str) {
        let (path, guard, from) = (path.to_owned(), guard.to_owned(), from.to_owned());
        self.0.push(RouteInfo { methods, path, kind, guard, from });
    }
}

fn guard_of(model: &Model) -> String {
    let access = &model.access;
    let mut words = String::new();
    for (action, rule) in [
        ("read", &access.read),
        ("create", &access.create),
        ("update", &access.update),
        ("delete", &access.delete),
    ] {
        let who = match rule {
            Rule::Administrators => "admin",
            Rule::Nobody => "nobody",
            Rule::Everybody => "everybody",
            Rule::When(_) => "rule",
        };
        if !words.is_empty() {
            words.push_str(", ");
        }
        words.push_str(action);
        words.push_str(": ");
        words.push_str(who);
    }
    words
}

fn guard_of_page(page: &Page) -> &'static str {
    if page.require.is_some() { "require" } else { "everybody" }
}
