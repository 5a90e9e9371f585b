//! From a folder to an engine: load, look at the database, open.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;
use purlin_engine::accounts::Cost;
use purlin_engine::{Assets, Engine, Keys, Options};
use purlin_schema::load::{Layers, Mode};
use purlin_schema::{Diagnostics, Site};
use purlin_store::Store;
use purlin_store::migrate::{MigrateError, Migrator};

use crate::error::{CommandError, Outcome};
use crate::{secret, terminal, vault};

/// What lies over `site.toml`: this process's environment, and the command line; and the site's secrets.
pub(crate) fn layers(root: &Path, mode: Mode, flags: IndexMap<String, String>) -> Layers {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let environment: BTreeMap<String, String> =
        std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
    Layers { mode, environment, flags, secrets: vault::of_site(root) }
}

/// Loads a site's folder and tells what is worth knowing.
pub(crate) fn load(root: &Path, mode: Mode) -> Outcome<Arc<Site>> {
    load_with(root, &layers(root, mode, IndexMap::new()))
}

/// As [`load`], with these layers.
pub(crate) fn load_with(root: &Path, layers: &Layers) -> Outcome<Arc<Site>> {
    let (site, warnings) = Site::load(root, layers)?;
    warn(&warnings);
    Ok(Arc::new(site))
}

/// Tells warnings on standard error.
pub(crate) fn warn(warnings: &Diagnostics) {
    let pen = terminal::err();
    pen.write(&warnings.draw(pen.colour()));
}

/// Opens the database for migrations; makes it where there is none.
pub(crate) fn migrator(site: &Site) -> Outcome<Migrator> {
    Ok(Migrator::open(&site.settings.database.url, &site.root)?)
}

/// The same under `dev`: a server is asked to make the database where there is none, and nobody waits for large tables.
pub(crate) fn migrator_for_dev(site: &Site) -> Outcome<Migrator> {
    Ok(Migrator::open_or_create(&site.settings.database.url, &site.root)?.allow_long_locks())
}

/// Refuses where the database does not fit the models; `folder` is how the command line named the site.
pub(crate) fn refuse_if_behind(site: &Site, folder: &str) -> Outcome {
    let Some(behind) = migrator(site)?.is_behind(&site.models)? else { return Ok(()) };
    let mut message = "the database is behind the site's models; nothing was started".to_owned();
    let listed = |title: &str, list: &[String]| {
        let first_lines = list.iter().filter_map(|text| text.lines().next());
        let lines: String = first_lines.map(|line| format!("\n    {}", line.trim_end())).collect();
        format!("\n  {title}:{lines}")
    };
    if !behind.pending.is_empty() {
        message.push_str(&listed("migrations that were not applied", &behind.pending));
    }
    if !behind.unwritten.is_empty() {
        message.push_str(&listed("changes of the models that no migration has", &behind.unwritten));
    }
    let hint = match (behind.unwritten.is_empty(), behind.pending.is_empty()) {
        (true, _) => format!("run `purlin migrate apply{folder}`"),
        (false, _) => format!(
            "run `purlin migrate new{folder} --name NAME`, look at the file that it writes, then `purlin migrate apply{folder}`"
        ),
    };
    Err(CommandError::new(message).hint(hint))
}

/// Opens the database.
pub(crate) fn open_store(site: &Site) -> Outcome<Store> {
    Store::open(&site.root, &site.settings.database, site.models.clone()).map_err(CommandError::new)
}

/// Compiles a site whose database fits it. Commands that show no page need no static files.
pub(crate) fn open_engine(
    site: &Arc<Site>,
    store: Store,
    dev: bool,
    assets: Arc<dyn Assets>,
) -> Outcome<Engine> {
    let secret = secret::of_site(site, now())?;
    Ok(Engine::open(site.clone(), store, options(dev, secret, assets))?)
}

/// An engine for a command that works on the database of a site: as the owner, and only where it fits.
pub(crate) fn engine_for_command(root: &Path, folder: &str) -> Outcome<Engine> {
    purlin_engine::audit::this_is_a_command();
    let site = load(root, Mode::Development)?;
    refuse_if_behind(&site, folder)?;
    let store = open_store(&site)?;
    open_engine(&site, store, false, Arc::new(AnyAsset))
}

/// How engines are opened outside tests.
pub(crate) fn options(dev: bool, secret: Keys, assets: Arc<dyn Assets>) -> Options {
    let outbox = crate::mail::outbox();
    Options { dev, secret, password_cost: Cost::STANDARD, clock: now, assets, outbox }
}

/// Microseconds since 1970 by the machine's clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Every file, where no page is shown that could miss one.
pub(crate) struct AnyAsset;

impl Assets for AnyAsset {
    fn url(&self, name: &str) -> Option<String> {
        Some(format!("/{name}"))
    }
}

impl From<MigrateError> for CommandError {
    fn from(error: MigrateError) -> CommandError {
        CommandError::new(error)
    }
}
