//! Actions: everything that may happen to a site's data, with the rules under which it may.
//!
//! Pages, forms, the API and commands call these actions and nothing else, so there is no second way in. An
//! action *prepares* (input is parsed and validated, access rules and checks are attached), *commits* (the
//! store evaluates all of it inside one transaction) and *releases* its effects. Reading compiles access
//! rules into the query itself: what one may not read is not found.
//!
//! - [`Engine`]: a site, its database and its templates, compiled; replaced whole when the site changes.
//! - [`actor`]: who asks. [`access`]: what he may.
//! - [`records`]: get, create, update, replace, delete; [`listing`]: lists as the API asks for them.
//! - [`audit`]: who did what.
//! - [`mail`]: mails, written with what causes them and sent by a task.
//! - [`seed`]: many records at once. [`import`]: those of a file. [`export`]: the way back. [`pages`]: pages and their forms. [`accounts`]: passwords, sign-up, sign-in, sessions.

pub mod access;
pub mod accounts;
pub mod actor;
pub mod audit;
mod cache;
mod checks;
pub mod export;
mod expressions;
pub mod failure;
pub mod import;
pub mod inputs;
pub mod listing;
pub mod mail;
mod natural;
pub mod pages;
mod proposal;
pub mod records;
mod seal;
pub mod seed;
mod upsert;
mod written;

pub use access::Access;
pub use actor::Actor;
pub use failure::{Failure, FieldMessage};
pub use seal::Keys;
pub use upsert::Upserted;
pub use written::Written;

pub use purlin_pages::Assets;
pub use purlin_pages::defaults as default_pages;
pub use purlin_pages::view::Flash;

use std::sync::{Arc, OnceLock};

use purlin_pages::Templates;
use purlin_schema::query::Query;
use purlin_schema::{Diagnostic, Diagnostics, Model, ModelId, Site};
use purlin_store::{CompileError, Prepared, Store};

use crate::access::Who;
use crate::cache::Cache;
use crate::inputs::Ask;

/// A site, its database and its templates, compiled. Cheap to clone; immutable.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    site: Arc<Site>,
    store: Store,
    templates: Templates,
    access: Access,
    checks: checks::Checks,
    pages: pages::Pages,
    inlines: pages::Inlines,
    accounts: accounts::Accounts,
    notes: audit::Notes,
    mail_room: mail::MailRoom,
    sealer: seal::Sealer,
    /// Queries for one record, with nothing chosen: by the model's number and who asks.
    plain_records: Vec<[OnceLock<Arc<Prepared>>; Who::COUNT]>,
    /// Queries for one record, by what was chosen.
    records: Cache<Prepared>,
    lists: Cache<listing::PreparedList>,
    zone: inputs::Zone,
    options: Options,
}

/// What an engine is opened with besides the site.
#[derive(Clone)]
pub struct Options {
    /// Whether mistakes are shown in pages and files are read again.
    pub dev: bool,
    /// What cursors and flash cookies are signed with.
    pub secret: Keys,
    /// The cost of hashing a password; tests use a cheap one.
    pub password_cost: accounts::Cost,
    /// The time, in microseconds UTC.
    pub clock: fn() -> i64,
    /// Fingerprinted URLs of static files.
    pub assets: Arc<dyn Assets>,
    /// What all engines of the process share about mail.
    pub outbox: mail::Outbox,
}

impl Engine {
    /// Compiles everything of a site that can be known before a request: rules, pages' plans, templates.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn open(site: Arc<Site>, store: Store, options: Options) -> Result<Engine, Diagnostics> {
        let templates = Templates::load(site.clone(), options.assets.clone())?;
        let mut mistakes = Diagnostics::default();
        let access = match Access::compile(&site.models, &store) {
            Ok(access) => access,
            Err((model, error)) => {
                mistakes.push(in_model(site.models.get(model), &error));
                return Err(mistakes);
            }
        };
        let checks = checks::Checks::compile(&site.models, &store, &mut mistakes);
        let pages = pages::Pages::compile(&site, &store, &access, &templates, &mut mistakes);
        let accounts = accounts::Accounts::compile(&site, &store, &options).map_err(|error| {
            with(&mistakes, Diagnostic::error("cannot-compile", "site.toml", 0..0, error.message))
        })?;
        let notes = audit::Notes::compile(&site).map_err(|error| {
            with(&mistakes, Diagnostic::error("cannot-compile", "site.toml", 0..0, error.message))
        })?;
        let mail_room = match mail::MailRoom::compile(&site, &store, &options) {
            Ok(room) => room,
            Err(more) => {
                for mistake in more.list {
                    mistakes.push(mistake);
                }
                return Err(mistakes);
            }
        };
        if mistakes.has_errors() {
            return Err(mistakes);
        }
        let inlines = pages::Inlines::of(&templates);
        let sealer = seal::Sealer::new(options.secret.clone());
        let zone = inputs::Zone::named(&site.settings.site.timezone);
        let plain_records = site.models.iter().map(|_| Default::default()).collect();
        Ok(Engine {
            inner: Arc::new(Inner {
                site,
                store,
                templates,
                access,
                checks,
                pages,
                inlines,
                accounts,
                notes,
                mail_room,
                sealer,
                plain_records,
                records: Cache::default(),
                lists: Cache::default(),
                zone,
                options,
            }),
        })
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.inner.site
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// What may be done by whom.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.inner.access
    }

    /// Whether mistakes are shown to whoever asks.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.inner.options.dev
    }

    /// Signs a text so that [`Engine::unseal`] recognises it: flash cookies, `next` parameters, cursors.
    #[must_use]
    pub fn seal(&self, purpose: &str, text: &[u8]) -> String {
        self.inner.sealer.seal(purpose, text)
    }

    /// The text that was signed for this purpose, where the signature is right.
    #[must_use]
    pub fn unseal(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        self.inner.sealer.unseal(purpose, sealed)
    }

    /// The time of a request that begins now, in microseconds UTC.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.inner.options.clock)()
    }

    pub(crate) fn model(&self, model: ModelId) -> Arc<Model> {
        self.inner.site.models.get(model).clone()
    }

    /// The roots of an expression for a request of this actor that begins now.
    pub(crate) fn ask<'actor>(&self, actor: &'actor Actor) -> Ask<'actor> {
        let now = self.now();
        let today = self.inner.zone.day_of(now);
        Ask { now, today, actor, params: &[], query: &[], form: &[], data: &[] }
    }

    pub(crate) fn prepare(&self, query: &Query) -> Result<Arc<Prepared>, Failure> {
        self.inner.store.prepare(query).map_err(|error| Failure::BadRequest {
            code: "bad_query",
            parameter: None,
            message: error.message,
        })
    }
}

fn in_model(model: &Model, error: &CompileError) -> Diagnostic {
    let file = format!("models/{}.toml", model.name);
    Diagnostic::error(
        "cannot-compile",
        file,
        0..0,
        format!("a rule of {} cannot be compiled: {}", model.name, error.message),
    )
}

fn with(mistakes: &Diagnostics, another: Diagnostic) -> Diagnostics {
    let mut all = mistakes.clone();
    all.push(another);
    all
}
