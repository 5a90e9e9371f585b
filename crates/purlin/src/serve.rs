//! Production: a site that is checked before the first request and reads no file twice.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use purlin_schema::load::Mode;
use purlin_server::{App, Assets, Config};
use tokio::net::TcpListener;

use crate::error::{CommandError, Outcome};
use crate::{Purlin, commands, mail, site, terminal};

/// Serves until the process is told to stop, then finishes what is under way.
pub(crate) async fn run(purlin: Purlin, listener: Option<TcpListener>) -> Outcome {
    let layers = site::layers(&purlin.folder, Mode::Production, purlin.flags);
    let site = site::load_with(&purlin.folder, &layers)?;
    site::refuse_if_behind(&site, &commands::as_argument(&purlin.folder))?;
    let assets = open_assets(&site.root, false)?;
    let store = site::open_store(&site)?;
    let engine = site::open_engine(&site, store, false, assets.clone())?;
    let listener = match listener {
        Some(listener) => listener,
        None => listen(site.settings.server.listen).await?,
    };
    let address = listener.local_addr().unwrap_or(site.settings.server.listen);
    let engine = Arc::new(ArcSwap::from_pointee(engine));
    let app = App::new(engine.clone(), Config { assets, live: None, router: purlin.router });
    tracing::info!(%address, site = %site.settings.site.name, "serving");
    let serving = purlin_server::serve(app, listener, site.settings.server.max_connections, told_to_stop());
    tokio::select! {
        result = serving => result.map_err(CommandError::new)?,
        never = mail::send(engine) => match never {},
    }
    tracing::info!("stopped");
    Ok(())
}

/// The static files of a site.
pub(crate) fn open_assets(root: &Path, dev: bool) -> Outcome<Arc<Assets>> {
    let public = root.join("public");
    Assets::open(&public, dev)
        .map_err(|error| CommandError::new(format_args!("{} cannot be read: {error}", public.display())))
}

/// Takes the address.
pub(crate) async fn listen(address: SocketAddr) -> Outcome<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let told = CommandError::new(format_args!("cannot listen on {address}: {error}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                let other = SocketAddr::new(address.ip(), address.port().wrapping_add(1).max(1024));
                told.hint(format_args!("something else listens there; try `--listen {other}`"))
            }
            std::io::ErrorKind::PermissionDenied => {
                told.hint("ports below 1024 need a privilege; try `--listen 0.0.0.0:8080` behind a proxy")
            }
            _ => told,
        }
    })
}

/// Ready when the process is told to stop: SIGINT (Ctrl-C) or SIGTERM.
pub(crate) async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    tokio::select! {
        // The terminal has written ^C where the next line would begin.
        _ = interrupt => terminal::err().end_of_line(),
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
