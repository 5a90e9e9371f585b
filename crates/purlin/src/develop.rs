//! `purlin dev`: a site that follows its files.
//!
//! What changes is loaded as a whole, beside what is served; only when it is whole, and the database fits it,
//! does it take the other's place. A mistake leaves the last good version where it is and is shown on the
//! terminal and in the browser.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use purlin_engine::{Engine, Keys};
use purlin_schema::Site;
use purlin_schema::load::{Layers, Mode};
use purlin_server::dev::Live;
use purlin_server::{App, Assets, Config};
use purlin_store::Store;
use purlin_store::migrate::DevOutcome;

use crate::error::{CommandError, Outcome, counted};
use crate::serve::{listen, open_assets, told_to_stop};
use crate::watch::Watch;
use crate::{Purlin, commands, mail, secret, site, terminal, vault};

/// Changes of the database that are told one by one.
const MOST_CHANGES: usize = 12;

/// Serves while files change, until the process is told to stop.
pub(crate) async fn run(purlin: Purlin) -> Outcome {
    let layers = site::layers(&purlin.folder, Mode::Development, purlin.flags);
    // Watched before it is read, so that no change falls between.
    let mut watch = Watch::start(&purlin.folder).ok();
    let Some(session) = first_whole(&purlin.folder, &layers, &mut watch).await? else { return Ok(()) };
    let session = Arc::new(session);
    let settings = session.engine.load().site().settings.server.clone();
    let listener = listen(settings.listen).await?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    welcome(&session, address).await;
    let app = App::new(
        session.engine.clone(),
        Config { assets: session.assets.clone(), live: Some(session.live.clone()), router: purlin.router },
    );
    let sending = mail::send(session.engine.clone());
    let following = follow(session, watch);
    tokio::select! {
        result = purlin_server::serve(app, listener, settings.max_connections, told_to_stop()) => {
            result.map_err(CommandError::new)
        }
        never = following => match never {},
        never = sending => match never {},
    }
}

/// What is served, and how the next version of it is made.
struct Session {
    folder: PathBuf,
    layers: Layers,
    secret: Keys,
    store: Store,
    assets: Arc<Assets>,
    engine: Arc<ArcSwap<Engine>>,
    live: Arc<Live>,
}

/// Loads the site, again after each change until it has no mistakes; `None` where somebody stops us before that.
async fn first_whole(folder: &Path, layers: &Layers, watch: &mut Option<Watch>) -> Outcome<Option<Session>> {
    loop {
        let (folder, layers) = (folder.to_owned(), layers.clone());
        let error = match blocking(move || Session::start(folder, layers)).await {
            Ok(session) => {
                session.seed_if_empty().await?;
                return Ok(Some(session));
            }
            Err(error) => error,
        };
        let (CommandError::Site(mistakes), Some(watch)) = (&error, watch.as_mut()) else { return Err(error) };
        if mistakes.list.iter().any(|mistake| mistake.code == "no-site") {
            return Err(error);
        }
        error.tell();
        let pen = terminal::err();
        pen.line(pen.dim("Waiting for a change …"));
        tokio::select! {
            changed = watch.changed() => if changed.is_none() { return Err(CommandError::Told) },
            () = told_to_stop() => return Ok(None),
        }
    }
}

impl Session {
    fn start(folder: PathBuf, layers: Layers) -> Outcome<Session> {
        let site = site::load_with(&folder, &layers)?;
        migrate(&site)?;
        let assets = open_assets(&site.root, true)?;
        let store = site::open_store(&site)?;
        let secret = secret::of_site(&site, site::now())?;
        let engine = Engine::open(site, store.clone(), site::options(true, secret.clone(), assets.clone()))?;
        let engine = Arc::new(ArcSwap::from_pointee(engine));
        Ok(Session { folder, layers, secret, store, assets, engine, live: Arc::new(Live::new()) })
    }

    /// Loads the site anew and puts it in the place of what is served.
    /// How long a person was waited for on the way comes back.
    fn reload(&self) -> Outcome<Duration> {
        // Secrets may have changed as every other file.
        let layers = Layers { secrets: vault::of_site(&self.folder), ..self.layers.clone() };
        let site = site::load_with(&self.folder, &layers)?;
        self.assets
            .reload()
            .map_err(|error| CommandError::new(format_args!("public/ cannot be read: {error}")))?;
        let store = self.store.with_models(site.models.clone());
        let options = site::options(true, self.secret.clone(), self.assets.clone());
        // Compiled before the database is touched, so that a mistake in a template leaves it as the version that goes on
        // being served needs it.
        let engine = Engine::open(site.clone(), store, options)?;
        let waited = migrate(&site)?;
        let before = self.engine.load().site().settings.clone();
        if before.server.listen != site.settings.server.listen
            || before.database.url != site.settings.database.url
        {
            let pen = terminal::err();
            pen.line(format_args!(
                "{} another address or database counts after a restart",
                pen.warn("note:")
            ));
        }
        self.engine.store(Arc::new(engine));
        Ok(waited)
    }

    async fn seed_if_empty(&self) -> Outcome {
        let engine = self.engine.load_full();
        if !engine.is_empty().await.map_err(CommandError::new)? {
            return Ok(());
        }
        commands::seed::load_seeds(&engine).await
    }
}

/// Loads the site whenever its files change.
async fn follow(session: Arc<Session>, watch: Option<Watch>) -> std::convert::Infallible {
    let pen = terminal::err();
    let Some(mut watch) = watch else {
        pen.line(format_args!(
            "{} the folder cannot be watched; restart after a change",
            pen.warn("warning:")
        ));
        return std::future::pending().await;
    };
    while let Some(changed) = watch.changed().await {
        let began = Instant::now();
        let reloading = session.clone();
        match blocking(move || reloading.reload()).await {
            Ok(waited) => {
                session.live.changed();
                let time = began.elapsed().saturating_sub(waited).as_millis();
                pen.line(format_args!(
                    "{} {} {}",
                    pen.good("reloaded"),
                    named(&changed),
                    pen.dim(format_args!("in {time} ms"))
                ));
            }
            Err(error) => {
                session.live.broken(error.to_string());
                pen.line("");
                error.tell();
                pen.line(pen.dim("The last good version is kept until this is mended."));
            }
        }
    }
    std::future::pending().await
}

/// Brings the database to the models: at once where nothing is lost, else after asking; how long the answer took.
fn migrate(site: &Site) -> Outcome<Duration> {
    let pen = terminal::err();
    let mut migrator = site::migrator_for_dev(site)?;
    let mut waited = Duration::ZERO;
    let outcome = migrator.dev(&site.models, |plan| {
        let asked = Instant::now();
        let agreed = terminal::can_ask() && commands::migrate::consents(plan);
        waited += asked.elapsed();
        agreed
    })?;
    match outcome {
        DevOutcome::UpToDate => {}
        DevOutcome::Applied(operations) => {
            let names: Vec<String> =
                operations.iter().map(|operation| first_line(&operation.to_string())).collect();
            pen.line(format_args!("{} {}", pen.good("migrated"), counted(names.len(), "change")));
            // Of a whole site's tables the first tell enough; where one more fits, it is shown.
            let shown = if names.len() > MOST_CHANGES + 1 { MOST_CHANGES } else { names.len() };
            for name in &names[..shown] {
                pen.line(format_args!("  {}", pen.dim(name)));
            }
            if names.len() > shown {
                pen.line(format_args!("  {}", pen.dim(format_args!("… and {} more", names.len() - shown))));
            }
        }
        DevOutcome::Declined(plan) => {
            let plan = plan.to_string();
            return Err(CommandError::new(format_args!(
                "the database must change in ways that lose data, and nobody agreed; nothing was changed\n\n{}",
                plan.trim_end()
            ))
            .hint("run `purlin dev` on a terminal and agree, or take the change back"));
        }
    }
    Ok(waited)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What a person needs first: where it is, and as whom to sign in.
async fn welcome(session: &Session, address: std::net::SocketAddr) {
    let pen = terminal::out();
    let engine = session.engine.load_full();
    pen.line("");
    pen.line(format_args!("  {}", pen.bold(&engine.site().settings.site.name)));
    pen.line(format_args!("  {}", pen.link(format_args!("http://{}", reachable(address)))));
    let accounts = commands::seed::demo_accounts(&engine).await;
    if !accounts.is_empty() {
        pen.line("");
        pen.line(format_args!(
            "  {}",
            pen.dim("Sign in with a demo account (from seeds/, for development alone):")
        ));
        for line in terminal::table(&accounts) {
            pen.line(format_args!("  {line}"));
        }
    }
    pen.line("");
    pen.line(format_args!("  {}", pen.dim("Changes are live at once. Press Ctrl-C to stop.")));
    pen.line("");
}

/// The address as a browser on this machine reaches it.
fn reachable(address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// `pages/index.html`, or `pages/index.html and 3 more`.
fn named(changed: &[PathBuf]) -> String {
    match changed {
        [] => String::new(),
        [one] => one.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
    }
}

/// Does what may wait for a disk or a person without holding up requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(CommandError::new(format_args!("loading the site failed: {error}"))),
    }
}
