//! Purlin: the whole backend of a dynamic website in one binary, and here as a library.
//!
//! A site is a folder of models in TOML, pages in Jinja and static files. The `purlin` binary serves it; whoever
//! writes Rust serves it from a program of his own and adds routes with plain [`axum`]:
//!
//! ```no_run
//! use axum::routing::get;
//! use purlin::{Purlin, axum};
//!
//! # async fn run() -> Result<(), purlin::Error> {
//! let routes = axum::Router::new().route("/hello", get(|| async { "Hello from Rust" }));
//! Purlin::site("examples/blog").router(routes).serve().await
//! # }
//! ```
//!
//! The routes come before the site's files and pages, and after Purlin's own paths (`/api`, `/login`).
//!
//! - [`Purlin`]: a site to be served.
//! - [`commands`]: the command line, each command a file.

pub mod commands;
mod develop;
mod error;
mod lines;
mod logging;
mod mail;
mod memory;
mod secret;
mod serve;
mod site;
mod terminal;
mod vault;
mod watch;

pub use axum;
pub use error::CommandError as Error;

use std::path::PathBuf;

use indexmap::IndexMap;

/// A site to be served.
#[derive(Debug, Default)]
pub struct Purlin {
    pub(crate) folder: PathBuf,
    pub(crate) flags: IndexMap<String, String>,
    pub(crate) router: Option<axum::Router>,
}

impl Purlin {
    /// The site in this folder.
    pub fn site(folder: impl Into<PathBuf>) -> Purlin {
        Purlin { folder: folder.into(), ..Purlin::default() }
    }

    /// Overrides a setting by its path (`server.listen`); this wins over `site.toml`, `.env` and the environment.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Purlin {
        self.flags.insert(key.into(), value.into());
        self
    }

    /// Adds a site's own axum routes.
    #[must_use]
    pub fn router(mut self, router: axum::Router) -> Purlin {
        self.router = Some(match self.router.take() {
            Some(routes) => routes.merge(router),
            None => router,
        });
        self
    }

    /// Serves the site with its production settings until the process is told to stop (SIGTERM, SIGINT), as
    /// `purlin serve` does.
    ///
    /// # Errors
    /// Where the site has mistakes, its database is behind its models, or the address is taken.
    pub async fn serve(self) -> Result<(), Error> {
        serve::run(self, None).await
    }

    /// As [`serve`](Self::serve), on a listener that is there already, instead of the setting `server.listen`: where a
    /// supervisor hands one over, and in tests.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub async fn serve_on(self, listener: tokio::net::TcpListener) -> Result<(), Error> {
        serve::run(self, Some(listener)).await
    }

    /// Serves the site while it is worked on, as `purlin dev` does: the database follows the models, and changes
    /// are live at once.
    ///
    /// # Errors
    /// Where the folder is no site, a migration is refused, or the address is taken.
    pub async fn dev(self) -> Result<(), Error> {
        develop::run(self).await
    }
}
