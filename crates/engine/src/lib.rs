//! Actions: everything that may happen to a site's data, with the rules under which it may.
//!
//! Pages, forms, the API and commands call these actions and nothing else, so there is no second way in. An
//! action *prepares* (input is parsed and validated, access rules and checks are attached), *commits* (the
//! store evaluates all of it inside one transaction) and *releases* its effects. Reading compiles access
//! rules into the query itself: what one may not read is not found.
//!
//! - [`Engine`]: a site, its database and its templates, compiled; replaced whole when the site changes.
//! - [`actor`]: who asks. [`access`]: what he may.
//! - [`records`]: list, get, create, update, replace, delete. [`pages`]: pages and their forms.
//! - [`accounts`]: passwords, sign-up, sign-in, sessions.

pub mod accounts;
pub mod actor;
pub mod failure;
pub mod pages;
pub mod records;

pub use actor::Actor;
pub use failure::{Failure, FieldMessage};

use std::sync::Arc;

pub use purlin_pages::view::Flash;
pub use purlin_pages::{Assets, RenderError};
use purlin_schema::{Diagnostics, Site};
use purlin_store::Store;

/// A site, its database and its templates, compiled. Cheap to clone; immutable.
#[derive(Clone)]
pub struct Engine {
    _inner: Arc<()>,
}

/// What an engine is opened with besides the site.
pub struct Options {
    /// Whether mistakes are shown in pages and files are read again.
    pub dev: bool,
    /// What cursors and flash cookies are signed with.
    pub secret: [u8; 32],
    /// The cost of hashing a password; tests use a cheap one.
    pub password_cost: accounts::Cost,
    /// The time, in microseconds UTC.
    pub clock: fn() -> i64,
    /// Fingerprinted URLs of static files.
    pub assets: Arc<dyn Assets>,
}

impl Engine {
    /// Compiles everything of a site that can be known before a request: rules, pages' plans, templates.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn open(_site: Arc<Site>, _store: Store, _options: Options) -> Result<Engine, Diagnostics> {
        unimplemented!()
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        unimplemented!()
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        unimplemented!()
    }

    /// Renders one of Purlin's own pages (`login.html`, `signup.html`, `404.html` …), which a site may override;
    /// with the data that the layouts above it declare.
    ///
    /// # Errors
    /// Where the template cannot be rendered.
    pub async fn system_page(
        &self,
        _name: &str,
        _request: &pages::PageRequest<'_>,
        _extra: Vec<(String, serde_json::Value)>,
    ) -> Result<String, Failure> {
        unimplemented!()
    }

    /// Signs a text so that [`Engine::unseal`] recognises it: flash cookies, `next` parameters, cursors.
    #[must_use]
    pub fn seal(&self, _purpose: &str, _text: &[u8]) -> String {
        unimplemented!()
    }

    /// The text that was signed for this purpose, where the signature is right.
    #[must_use]
    pub fn unseal(&self, _purpose: &str, _sealed: &str) -> Option<Vec<u8>> {
        unimplemented!()
    }
}

fn _flash(_: Flash) {}
