//! The second room: which of the things that this server does a path asks for.
//!
//! Paths of the server itself come first, then the API's, then accounts, then (in `app`) a site's own
//! axum routes, then files of `public/`, then pages. Methods are looked at by whoever answers, who knows what to
//! allow.

pub mod path;
pub mod table;

use purlin_engine::Engine;
use purlin_engine::pages::Matched;
use purlin_schema::value::parse_uuid;
use purlin_schema::{Id, Model, ModelId, Site};

pub use table::{Kind, RouteInfo};

/// What a path asks for.
pub(crate) enum Target {
    /// Whether the process lives.
    Alive,
    /// Whether it can do its work.
    Ready,
    /// The stream that tells a page under `dev` to load itself again.
    Live,
    /// The API.
    Api(ApiTarget),
    /// Sign-in, sign-up, sign-out.
    Account(Account),
    /// Whatever else: an axum route, a file or a page.
    Other,
}

/// What a path below the API's asks for.
pub(crate) enum ApiTarget {
    Collection(ModelId),
    Record(ModelId, Id),
    Login,
    Logout,
    Me,
    Nothing,
}

/// An account page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Login,
    SignUp,
    Logout,
}

/// Paths that mean the same on every site.
pub(crate) const ALIVE: &str = "/healthz";
pub(crate) const READY: &str = "/readyz";
pub(crate) const LIVE: &str = "/_purlin/live";
pub(crate) const LOGIN: &str = "/login";
pub(crate) const SIGN_UP: &str = "/signup";
pub(crate) const LOGOUT: &str = "/logout";

/// What a decoded path asks for.
pub(crate) fn resolve(site: &Site, dev: bool, path: &str) -> Target {
    match path {
        ALIVE => Target::Alive,
        READY => Target::Ready,
        LIVE if dev => Target::Live,
        LOGIN => Target::Account(Account::Login),
        SIGN_UP => Target::Account(Account::SignUp),
        LOGOUT => Target::Account(Account::Logout),
        _ => match below(path, &site.settings.api.path) {
            Some(rest) => Target::Api(resolve_api(site, rest)),
            None => Target::Other,
        },
    }
}

/// Whether a path, decoded or not, is the API's: its errors are JSON.
pub(crate) fn is_api(site: &Site, path: &str) -> bool {
    below(path, &site.settings.api.path).is_some()
}

/// What follows a prefix and a slash; empty for the prefix itself.
fn below<'path>(path: &'path str, prefix: &str) -> Option<&'path str> {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn resolve_api(site: &Site, rest: &str) -> ApiTarget {
    match rest {
        "auth/login" => return ApiTarget::Login,
        "auth/logout" => return ApiTarget::Logout,
        "auth/me" => return ApiTarget::Me,
        _ => {}
    }
    let (name, id) = match rest.split_once('/') {
        Some((name, id)) => (name, Some(id)),
        None => (rest, None),
    };
    let Some(model) = site.models.named(name).filter(|model| is_open(model)) else {
        return ApiTarget::Nothing;
    };
    match id {
        None => ApiTarget::Collection(model.id),
        Some(id) => parse_id(model, id).map_or(ApiTarget::Nothing, |id| ApiTarget::Record(model.id, id)),
    }
}

/// Whether a model has an API.
pub(crate) fn is_open(model: &Model) -> bool {
    model.api && model.access.declared && !model.internal
}

/// An id as it is written in a path: digits without ornament, or a hyphenated UUID.
fn parse_id(model: &Model, text: &str) -> Option<Id> {
    if model.uuid_ids {
        return parse_uuid(text).map(Id::Uuid);
    }
    let canonical =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok().map(Id::Int) } else { None }
}

/// The page of a path; or, where only the path without its last slash has one, that path.
pub(crate) enum PageFound {
    Page(Matched),
    WithoutSlash,
    Nothing,
}

pub(crate) fn find_page(engine: &Engine, path: &str) -> PageFound {
    if let Some(matched) = engine.route(path) {
        return PageFound::Page(matched);
    }
    match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() && engine.route(shorter).is_some() => PageFound::WithoutSlash,
        _ => PageFound::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_slash() {
        assert_eq!(below("/api/posts", "/api"), Some("posts"));
        assert_eq!(below("/api", "/api"), Some(""));
        assert_eq!(below("/api/", "/api/"), Some(""));
        assert_eq!(below("/apis", "/api"), None);
        assert_eq!(below("/a", "/api"), None);
    }
}
