//! A site that runs in this process, on a database of its own.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use purlin_engine::accounts::Cost;
use purlin_engine::mail::{Letter, Outbox};
use purlin_engine::seed::SeedError;
use purlin_engine::{Engine, Options};
use purlin_schema::Site;
use purlin_schema::load::Layers;
use purlin_server::{App, Assets, Config};
use purlin_store::Store;
use purlin_store::migrate::{Consent, Migrator};
use purlin_store::testing::{Fresh, Testing, Watcher};
use tempfile::TempDir;

use crate::Client;

/// Noon of the first of November 2026: the time at which every test begins.
pub const BEGINNING: i64 = 1_793_534_400_000_000;

thread_local! {
    // Of the thread, as a test's runtime is: tests beside it have times of their own.
    static CLOCK: Cell<i64> = const { Cell::new(BEGINNING) };
}

/// A site that runs in this process. Its folder and database go when it goes.
pub struct Running {
    /// What answers.
    pub app: App,
    /// What is behind it.
    pub engine: Engine,
    store: Store,
    /// What the store did.
    watcher: Watcher,
    /// What was shown on the terminal instead of being mailed.
    letters: Arc<Mutex<Vec<Letter>>>,
    folder: TempDir,
    /// The database on a server, where it is one of the test's own.
    _fresh: Option<Fresh>,
    /// What the site says itself where absent.
    url: Option<String>,
}

impl Running {
    /// Copies a site's folder, makes its database, seeds it where it has seeds, and opens it.
    ///
    /// # Panics
    /// With the drawn mistakes where the site has any: a test's site is right, or its test is about that.
    pub async fn of(folder: &Path) -> Running {
        match Running::try_of(folder).await {
            Ok(running) => running,
            Err(mistakes) => panic!("{}: {mistakes}", folder.display()),
        }
    }

    /// As [`Running::of`], from files written down in the test.
    ///
    /// # Panics
    /// As [`Running::of`].
    pub async fn from_files(files: &[(&str, &str)]) -> Running {
        Running::of(written(files).path()).await
    }

    /// As [`Running::of`].
    ///
    /// # Errors
    /// With what is wrong with the site, as it is drawn.
    pub async fn try_of(folder: &Path) -> Result<Running, String> {
        Running::opened(folder, "", Fresh::new(), None).await
    }

    /// As [`Running::of`], with more at the end of its `site.toml`.
    ///
    /// # Panics
    /// As [`Running::of`].
    pub async fn with_settings(folder: &Path, more: &str) -> Running {
        match Running::opened(folder, more, Fresh::new(), None).await {
            Ok(running) => running,
            Err(mistakes) => panic!("{}: {mistakes}", folder.display()),
        }
    }

    /// From files written down in the test, on the database that a URL leads to.
    ///
    /// # Panics
    /// As [`Running::of`].
    pub async fn at(url: String, fresh: Option<Fresh>, files: &[(&str, &str)]) -> Running {
        let folder = written(files);
        let opened = Running::opened(folder.path(), "", fresh, Some(url)).await;
        opened.unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    /// `url` is another way to the database than its own.
    async fn opened(
        folder: &Path,
        more: &str,
        fresh: Option<Fresh>,
        url: Option<String>,
    ) -> Result<Running, String> {
        CLOCK.set(BEGINNING);
        // What a server logs goes where a test's output goes; `RUST_LOG=purlin=debug` says more.
        let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let copy = tempfile::tempdir().map_err(|error| error.to_string())?;
        copy_folder(folder, copy.path()).map_err(|error| error.to_string())?;
        let root = copy.path().to_owned();
        if !more.is_empty() {
            let file = root.join("site.toml");
            let settings = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            fs::write(file, settings + more).map_err(|error| error.to_string())?;
        }
        // Nothing in a site says which database it is on.
        let url = url.or_else(|| Some(fresh.as_ref()?.url.clone()));
        let letters = Arc::<Mutex<Vec<Letter>>>::default();
        let watcher = Watcher::default();
        let (engine, store, assets) = open(&root, url.as_deref(), letters.clone(), watcher.clone())?;
        engine.load_seeds(|_, _| {}).await.map_err(|error| drawn(&error))?;
        let source = Arc::new(ArcSwap::from_pointee(engine.clone()));
        let app = App::new(source, Config { assets, live: None, router: None });
        drop(watcher.take());
        Ok(Running { app, engine, store, watcher, letters, folder: copy, _fresh: fresh, url })
    }

    /// Another engine on the same database, with nothing in common but the clock: as another process would be.
    ///
    /// # Panics
    /// Where the site cannot be opened again.
    #[must_use]
    pub fn another(&self) -> Engine {
        let (folder, letters) = (self.folder.path(), self.letters.clone());
        open(folder, self.url.as_deref(), letters, Watcher::default()).expect("it was open before").0
    }

    /// Sends what is due, and gives what came of it on the terminal since the last time.
    ///
    /// # Panics
    /// Where the database fails.
    pub async fn mails(&self) -> Vec<Letter> {
        while self.engine.send_due().await.expect("the outbox is read") > 0 {}
        std::mem::take(&mut *self.letters.lock().expect("nobody panics"))
    }

    /// Every read and commit since the last time, in words that are the same on every database.
    #[must_use]
    pub fn queries(&self) -> Vec<String> {
        self.watcher.take()
    }

    /// What stands before the embedded database's writer, to hold it up; `None` on a server.
    #[must_use]
    pub fn writer(&self) -> Option<Testing<'_>> {
        self.url.is_none().then(|| self.store.testing())
    }

    /// The site's folder.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Somebody with a browser who has not been here before.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.app.clone())
    }
}

/// Lets time pass for the sites of this thread; where a site opens, it is [`BEGINNING`] again.
pub fn pass(micros: i64) {
    CLOCK.set(CLOCK.get() + micros);
}

fn open(
    root: &Path,
    url: Option<&str>,
    letters: Arc<Mutex<Vec<Letter>>>,
    watcher: Watcher,
) -> Result<(Engine, Store, Arc<Assets>), String> {
    let url = url.map(|url| ("database.url".to_owned(), url.to_owned()));
    let layers = Layers { flags: url.into_iter().collect(), ..Layers::default() };
    let (site, _warnings) = Site::load(root, &layers).map_err(|mistakes| mistakes.draw(false))?;
    let site = Arc::new(site);
    migrate(&site)?;
    let store = Store::open(&site.root, &site.settings.database, site.models.clone())
        .map_err(|error| error.to_string())?
        .watched(watcher);
    let assets = Assets::open(&root.join("public"), false).map_err(|error| error.to_string())?;
    let options = Options {
        dev: false,
        secret: [7; 32].into(),
        password_cost: Cost::CHEAP,
        outbox: Outbox::showing(move |letter| letters.lock().expect("nobody panics").push(letter.clone())),
        clock: || CLOCK.get(),
        assets: assets.clone(),
    };
    let engine = Engine::open(site, store.clone(), options).map_err(|mistakes| mistakes.draw(false))?;
    Ok((engine, store, assets))
}

fn written(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn migrate(site: &Site) -> Result<(), String> {
    let failed = |error: purlin_store::migrate::MigrateError| error.to_string();
    let mut migrator = Migrator::open(&site.settings.database.url, &site.root).map_err(failed)?;
    migrator.apply(Consent::Grant).map_err(failed)?;
    migrator.dev(&site.models, |_| true).map_err(failed)?;
    Ok(())
}

fn drawn(error: &SeedError) -> String {
    match error {
        SeedError::Files(mistakes) => mistakes.draw(false),
        error => error.to_string(),
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() && entry.file_name() == "data" => {}
            kind if kind.is_dir() => copy_folder(&entry.path(), &target)?,
            _ => {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}
