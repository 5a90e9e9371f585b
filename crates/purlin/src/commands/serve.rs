//! `purlin serve`.

use clap::Args;

use super::{Overrides, SiteFolder, server_runtime};
use crate::error::Outcome;
use crate::{Purlin, logging};

/// Serve a site in production
///
/// With the settings of `[env.production]`. The database must be up to date: `purlin migrate apply`
/// brings it there. The log goes to standard error, as JSON unless that is a terminal; the variable
/// PURLIN_LOG says how much of it (`warn`, `info`, `debug`).
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin serve /srv/blog
  purlin serve /srv/blog --listen 0.0.0.0:8080
  PURLIN_DATABASE_URL=sqlite:/var/lib/blog.db purlin serve /srv/blog")]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteFolder,
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::start();
    let purlin = Purlin { flags: arguments.overrides.flags(), ..Purlin::site(&arguments.site.site) };
    server_runtime()?.block_on(purlin.serve())
}
