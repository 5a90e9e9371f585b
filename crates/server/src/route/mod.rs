//! The second room: which of the things that this server does a path asks for.
//!
//! Paths of the server itself come first, then the API's, then accounts, then (in `app`) a site's own
//! axum routes, then files of `public/`, then pages. Methods are looked at by whoever answers, who knows what to
//! allow.

pub mod path;
pub mod table;

use purlin_engine::Engine;
use purlin_engine::pages::Matched;
use purlin_schema::settings::SignUp;
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
    /// What browsers report of a page's policy.
    Reports,
    /// The public keys of what the site states about people.
    Keys,
    /// The API.
    Api(ApiTarget),
    /// What was mailed, under `dev`.
    Mail(Option<(Id, bool)>),
    /// Sign-in, sign-up, sign-out, one's own account.
    Account(Account),
    /// Whatever else: an axum route, a file or a page.
    Other,
}

/// What a path below the API's asks for.
pub(crate) enum ApiTarget {
    Collection(ModelId),
    Record(ModelId, Id),
    Auth(Auth),
    Nothing,
}

/// What a path below `/api/auth/` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    Login,
    Logout,
    Me,
    SignUp,
    Verify,
    Reset,
    ConfirmReset,
    Password,
    Email,
    ConfirmEmail,
    Sessions,
    Session(Id),
    Tokens,
    Token(Id),
    AskByMail,
    ByMail,
    SecondStep,
    Second,
    App,
    ConfirmApp,
    RemoveApp,
    RecoveryCodes,
    Jwt,
    Confirm,
    Act,
    Invitations,
    Invitation(Id),
    AcceptInvitation,
    Export,
}

impl Auth {
    /// The paths that are there, with what they take.
    pub(crate) const ALL: &[(&str, Auth, &[&str])] = &[
        ("auth/login", Auth::Login, &["POST"]),
        ("auth/logout", Auth::Logout, &["POST"]),
        ("auth/me", Auth::Me, &["GET", "DELETE"]),
        ("auth/signup", Auth::SignUp, &["POST"]),
        ("auth/verify", Auth::Verify, &["POST"]),
        ("auth/reset", Auth::Reset, &["POST"]),
        ("auth/reset/confirm", Auth::ConfirmReset, &["POST"]),
        ("auth/password", Auth::Password, &["POST"]),
        ("auth/email", Auth::Email, &["POST"]),
        ("auth/email/confirm", Auth::ConfirmEmail, &["POST"]),
        ("auth/sessions", Auth::Sessions, &["GET", "DELETE"]),
        ("auth/tokens", Auth::Tokens, &["GET", "POST"]),
        ("auth/mail", Auth::AskByMail, &["POST"]),
        ("auth/mail/confirm", Auth::ByMail, &["POST"]),
        ("auth/login/second", Auth::SecondStep, &["POST"]),
        ("auth/second", Auth::Second, &["GET"]),
        ("auth/second/app", Auth::App, &["POST"]),
        ("auth/second/app/confirm", Auth::ConfirmApp, &["POST"]),
        ("auth/second/app/remove", Auth::RemoveApp, &["POST"]),
        ("auth/second/recovery-codes", Auth::RecoveryCodes, &["POST"]),
        ("auth/jwt", Auth::Jwt, &["POST"]),
        ("auth/confirm", Auth::Confirm, &["POST"]),
        ("auth/act", Auth::Act, &["POST", "DELETE"]),
        ("auth/invitations", Auth::Invitations, &["GET", "POST"]),
        ("auth/invitations/accept", Auth::AcceptInvitation, &["POST"]),
        ("auth/export", Auth::Export, &["GET"]),
    ];

    /// Whether a site has it.
    pub(crate) fn is_on(self, site: &Site) -> bool {
        let settings = &site.settings;
        match self {
            Auth::SignUp => settings.accounts.signup.is_open(),
            Auth::Verify => settings.accounts.signup.is_open() && settings.accounts.verify,
            Auth::Reset | Auth::ConfirmReset | Auth::ConfirmEmail => settings.mail.is_on(),
            Auth::AskByMail | Auth::ByMail => settings.accounts.mail_sign_in,
            Auth::Tokens | Auth::Token(_) => settings.accounts.tokens,
            Auth::Jwt => settings.accounts.jwt.is_on(),
            Auth::Act => settings.accounts.acting,
            Auth::Invitations | Auth::Invitation(_) | Auth::AcceptInvitation => {
                settings.accounts.signup != SignUp::Closed
            }
            _ => true,
        }
    }

    /// Whether only somebody who is signed in has it.
    pub(crate) fn is_own(self) -> bool {
        matches!(
            self,
            Auth::Me
                | Auth::Password
                | Auth::Email
                | Auth::Sessions
                | Auth::Session(_)
                | Auth::Tokens
                | Auth::Token(_)
                | Auth::Second
                | Auth::App
                | Auth::ConfirmApp
                | Auth::RemoveApp
                | Auth::RecoveryCodes
                | Auth::Jwt
                | Auth::Confirm
                | Auth::Act
                | Auth::Invitations
                | Auth::Invitation(_)
                | Auth::Export
        )
    }

    /// Whether it is about second factors.
    pub(crate) fn is_second(self) -> bool {
        matches!(
            self,
            Auth::SecondStep
                | Auth::Second
                | Auth::App
                | Auth::ConfirmApp
                | Auth::RemoveApp
                | Auth::RecoveryCodes
        )
    }
}

/// An account page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Login,
    SignUp,
    Logout,
    Verify,
    Reset,
    Home,
    Password,
    Email,
    Sessions,
    Tokens,
    Second,
    SecondStep,
    MailSignIn,
    Identities,
    /// The form that leads to the provider of this place in the settings.
    With(usize),
    /// Where it sends people back.
    Back(usize),
    /// What a provider does not say of whoever signs up by it.
    Finish,
    Delete,
    Confirm,
    Act,
    Invitations,
    Invitation,
    Export,
}

impl Account {
    /// Their paths, with the templates that show them.
    pub(crate) const ALL: &[(&str, Account, &str)] = &[
        (LOGIN, Account::Login, "login.html"),
        ("/login/mail", Account::MailSignIn, "login_mail.html"),
        (SECOND_STEP, Account::SecondStep, "second.html"),
        (SIGN_UP, Account::SignUp, "signup.html"),
        (LOGOUT, Account::Logout, ""),
        ("/verify", Account::Verify, "verify.html"),
        ("/reset", Account::Reset, "reset.html"),
        (HOME, Account::Home, "account/index.html"),
        ("/account/password", Account::Password, "account/password.html"),
        ("/account/email", Account::Email, "account/email.html"),
        ("/account/sessions", Account::Sessions, "account/sessions.html"),
        ("/account/tokens", Account::Tokens, "account/tokens.html"),
        ("/account/second", Account::Second, "account/second.html"),
        ("/account/identities", Account::Identities, "account/identities.html"),
        (WITH, Account::Finish, "account/finish.html"),
        ("/account/delete", Account::Delete, "account/delete.html"),
        ("/account/confirm", Account::Confirm, "account/confirm.html"),
        ("/account/act", Account::Act, "account/act.html"),
        ("/account/invitations", Account::Invitations, "account/invitations.html"),
        ("/invitation", Account::Invitation, "invitation.html"),
        ("/account/export", Account::Export, ""),
    ];

    /// Whether a site has it. (`/account` may be a page of its own.)
    pub(crate) fn is_on(self, site: &Site) -> bool {
        let settings = &site.settings;
        match self {
            Account::SignUp => settings.accounts.signup.is_open(),
            Account::Verify => settings.accounts.signup.is_open() && settings.accounts.verify,
            Account::Reset => settings.mail.is_on(),
            Account::MailSignIn => settings.accounts.mail_sign_in,
            Account::Tokens => settings.accounts.tokens,
            Account::Identities => !settings.accounts.providers.is_empty(),
            Account::Finish => settings.accounts.signup.is_open() && !settings.accounts.providers.is_empty(),
            Account::Delete => settings.accounts.deletion,
            Account::Act => settings.accounts.acting,
            Account::Invitations | Account::Invitation => settings.accounts.signup != SignUp::Closed,
            Account::Home => !site.pages.contains_key("account.html"),
            _ => true,
        }
    }

    /// Its path.
    pub(crate) fn path(self) -> &'static str {
        Account::ALL.iter().find(|(_, account, _)| *account == self).map_or(HOME, |(path, ..)| path)
    }

    /// The template that shows it.
    pub(crate) fn template(self) -> &'static str {
        Account::ALL.iter().find(|(_, account, _)| *account == self).map_or("", |(.., template)| template)
    }

    fn at(site: &Site, path: &str) -> Option<Account> {
        if let Some(rest) = path.strip_prefix(WITH).and_then(|rest| rest.strip_prefix('/')) {
            let (name, is_back) = rest.strip_suffix("/callback").map_or((rest, false), |name| (name, true));
            let at = site.settings.accounts.providers.iter().position(|provider| provider.name == name)?;
            return Some(if is_back { Account::Back(at) } else { Account::With(at) });
        }
        Account::ALL.iter().find(|(known, ..)| *known == path).map(|(_, account, _)| *account)
    }
}

/// Paths that mean the same on every site.
pub(crate) const ALIVE: &str = "/healthz";
pub(crate) const READY: &str = "/readyz";
pub(crate) const LIVE: &str = "/_purlin/live";
pub(crate) const LOGIN: &str = "/login";
/// Where the second step of a sign-in is.
pub(crate) const SECOND_STEP: &str = "/login/second";
/// Below it are the providers by whose word one signs in.
pub(crate) const WITH: &str = "/login/with";
pub(crate) const SIGN_UP: &str = "/signup";
pub(crate) const LOGOUT: &str = "/logout";
pub(crate) const HOME: &str = "/account";
/// Where browsers report what a page's policy refused.
pub(crate) const REPORTS: &str = "/_purlin/reports";
/// Where whoever verifies the site's statements finds its keys (RFC 8615).
pub(crate) const KEYS: &str = "/.well-known/jwks.json";
pub(crate) const MAIL: &str = "/_purlin/mail";

/// What a decoded path asks for.
pub(crate) fn resolve(site: &Site, dev: bool, path: &str) -> Target {
    match path {
        ALIVE => Target::Alive,
        READY => Target::Ready,
        LIVE if dev => Target::Live,
        MAIL if dev => Target::Mail(None),
        KEYS if site.settings.accounts.jwt.is_on() => Target::Keys,
        REPORTS if site.settings.csp.reports => Target::Reports,
        _ => match below(path, &site.settings.api.path) {
            Some(rest) => Target::Api(resolve_api(site, rest)),
            None => resolve_other(site, dev, path),
        },
    }
}

fn resolve_other(site: &Site, dev: bool, path: &str) -> Target {
    if let Some(account) = Account::at(site, path)
        // Pages that a site has switched off are nobody's, but for the one that may be its own.
        && (account != Account::Home || account.is_on(site))
    {
        return Target::Account(account);
    }
    if dev && let Some(rest) = below(path, MAIL) {
        let (id, is_raw) = rest.strip_suffix("/html").map_or((rest, false), |id| (id, true));
        if let Some(id) = int_id(id) {
            return Target::Mail(Some((id, is_raw)));
        }
    }
    Target::Other
}

/// Whether a provider posts its answer here from its own page.
pub(crate) fn is_form_post(site: &Site, path: &str) -> bool {
    let name = path.strip_prefix(WITH).and_then(|rest| rest.strip_prefix('/')?.strip_suffix("/callback"));
    name.and_then(|name| site.settings.accounts.provider(name)).is_some_and(|provider| provider.form_post)
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
    if let Some(auth) = resolve_auth(rest) {
        return if auth.is_on(site) { ApiTarget::Auth(auth) } else { ApiTarget::Nothing };
    }
    let (name, id) = match rest.split_once('/') {
        Some((name, id)) => (name, Some(id)),
        None => (rest, None),
    };
    let Some(model) = site.models.named(name).filter(|model| model.has_api()) else {
        return ApiTarget::Nothing;
    };
    match id {
        None => ApiTarget::Collection(model.id),
        Some(id) => parse_id(model, id).map_or(ApiTarget::Nothing, |id| ApiTarget::Record(model.id, id)),
    }
}

fn resolve_auth(rest: &str) -> Option<Auth> {
    if !rest.starts_with("auth/") {
        return None;
    }
    if let Some(id) = rest.strip_prefix("auth/sessions/") {
        return int_id(id).map(Auth::Session);
    }
    if let Some(id) = rest.strip_prefix("auth/tokens/") {
        return int_id(id).map(Auth::Token);
    }
    if let Some(id) = rest.strip_prefix("auth/invitations/").and_then(int_id) {
        return Some(Auth::Invitation(id));
    }
    Auth::ALL.iter().find(|(known, ..)| *known == rest).map(|(_, auth, _)| *auth)
}

/// An id as it is written in a path: digits without ornament, or a hyphenated UUID.
fn parse_id(model: &Model, text: &str) -> Option<Id> {
    if model.uuid_ids {
        return parse_uuid(text).map(Id::Uuid);
    }
    int_id(text)
}

fn int_id(text: &str) -> Option<Id> {
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
