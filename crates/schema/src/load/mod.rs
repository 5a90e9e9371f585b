//! Loading a site's folder: every file read once, every mistake noted, and at the end either a [`Site`] or all of them.
//!
//! ```text
//! site.toml, .env, variables, flags ──settings──▶ Settings
//! models/*.toml ──fields, relations──▶ Models without expressions ──rules──▶ Models
//! pages/** ──front_matter, templates──▶ queries, forms ──▶ Pages
//! mail/* ──mails──▶ templates of mails
//! seeds/* ──seeds──▶ rows, read when they are asked for
//! ```
//!
//! Names are resolved before any expression is checked, so an expression in one file may speak of what another
//! declares; a mistake in one place never hides another.

mod dotenv;
mod fields;
mod forms;
mod free;
mod front_matter;
mod mails;
mod models;
mod names;
mod origin;
mod own;
mod pages;
mod queries;
mod relations;
mod report;
mod routes;
mod rules;
mod schemas;
pub mod seeds;
mod settings;
mod templates;
mod toml;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostics::{Diagnostics, did_you_mean};
use crate::site::Site;
use report::{File, Reports};

/// For whom a site is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `purlin dev`: `[env.development]` overrides.
    #[default]
    Development,
    /// `purlin serve`: `[env.production]` overrides.
    Production,
}

/// What lies over `site.toml`. `.env` is read from the folder; the rest is given here, so that loading depends on
/// nothing but its arguments and the folder.
#[derive(Clone, Default)]
pub struct Layers {
    /// Which `[env.…]` table overrides.
    pub mode: Mode,
    /// The process's environment.
    pub environment: BTreeMap<String, String>,
    /// What the command line says, by the settings' names: `server.listen`.
    pub flags: IndexMap<String, String>,
    /// What `purlin secrets` keeps.
    pub secrets: Secrets,
}

/// What `{ secret = "name" }` stands for.
#[derive(Clone, Default)]
pub enum Secrets {
    /// The site has none.
    #[default]
    None,
    /// They are open: by name.
    Open(BTreeMap<String, String>),
    /// They cannot be opened, and why.
    Locked(String),
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An environment is full of secrets.
        f.debug_struct("Layers").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Site {
    /// Loads a site's folder; warnings come beside it.
    ///
    /// # Errors
    /// Every mistake in the folder's files.
    pub fn load(root: &Path, layers: &Layers) -> Result<(Site, Diagnostics), Diagnostics> {
        let reports = Reports::default();
        let site = read(root, layers, &reports);
        let diagnostics = reports.finish();
        match site {
            Some(site) if !diagnostics.has_errors() => Ok((site, diagnostics)),
            _ => Err(diagnostics),
        }
    }
}

fn read(root: &Path, layers: &Layers, reports: &Reports) -> Option<Site> {
    if !root.is_dir() {
        File::new(root, reports)
            .error_in("no-site", "there is no such folder")
            .hint("`purlin new DIR` makes a site");
        return None;
    }
    if !["site.toml", "models", "pages"].iter().any(|part| root.join(part).exists()) {
        File::new(root, reports)
            .error_in("no-site", "this folder is not a site: it has no `site.toml`, `models` or `pages`")
            .hint("`purlin new DIR` makes one");
        return None;
    }
    warn_of_slips(root, reports);
    let (settings, [signup_fields, claims]) = settings::load(root, layers, reports);
    let models = models::load(root, &settings, reports)?;
    check_origins(&settings, &models, reports);
    let accounts = &settings.accounts;
    let named = accounts.signup_fields.as_deref().unwrap_or_default();
    check_fields(("accounts.signup_fields", named), &signup_fields, &models, reports);
    check_fields(("accounts.jwt.claims", &accounts.jwt.claims), &claims, &models, reports);
    let loaded = pages::load(root, &settings, &models, reports);
    Some(Site {
        root: root.to_owned(),
        settings,
        models: Arc::new(models),
        pages: loaded.pages,
        templates: loaded.templates,
        mails: mails::load(root, reports),
    })
}

/// What a site's folder may hold at its top. Anything else may lie there too.
const PARTS: &[&str] = &[
    "site.toml",
    "secrets.toml",
    "models",
    "pages",
    "routes",
    "server",
    "mail",
    "public",
    "migrations",
    "schemas",
    "seeds",
    "locales",
    "data",
];

/// A folder `page` or `model` would be left aside without a word.
fn warn_of_slips(root: &Path, reports: &Reports) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let missing = PARTS.iter().copied().filter(|part| !root.join(part).exists());
        if !PARTS.contains(&name.as_str())
            && let Some(part) = did_you_mean(&name, missing)
        {
            File::new(Path::new(&name), reports)
                .warn_in("unknown-part", format!("`{name}` is no part of a site"))
                .hint(format!("did you mean `{part}`?"));
        }
    }
}

/// Models that are not managed stand in a database that is named.
fn check_origins(settings: &crate::settings::Settings, models: &crate::model::Models, reports: &Reports) {
    if settings.database.existing.is_some() {
        return;
    }
    if let Some(model) = models.iter().find(|model| model.origin.is_some()) {
        let path = std::path::PathBuf::from(format!("models/{}.toml", model.name));
        File::new(&path, reports)
            .error_in("no-database", "the model is not managed, and no database is named that it stands in")
            .hint(
                "name it in `site.toml`: `[database] existing = \"sqlite:../shop.db\"`, or on a server its schema or \
                 database, `existing = \"public\"`",
            );
    }
}

/// Settings that name fields of `users`. What stands in a statement for others is nothing that is hidden.
fn check_fields(
    (setting, given): (&str, &[String]),
    written: &settings::Place,
    models: &crate::model::Models,
    reports: &Reports,
) {
    let users = models.users();
    let file = File::new(&written.path, reports);
    let leaves = setting == "accounts.jwt.claims";
    let fits = |field: &&crate::model::Field| {
        !(field.is_system() || field.computed.is_some() || (leaves && (field.hidden || !field.has_column())))
    };
    for (at, name) in given.iter().enumerate() {
        if users.field_named(name).filter(fits).is_none() {
            let names: Vec<&str> =
                users.fields.iter().filter(fits).map(|field| field.name.as_str()).collect();
            let message = format!("`{setting}` names `{name}`, which is no field of `users`");
            match written.spans.get(at).or(written.spans.first()) {
                Some(span) => file.error("unknown-field", span, message),
                None => file.error_in("unknown-field", message),
            }
            .among(name, names.iter().copied());
        }
    }
}
