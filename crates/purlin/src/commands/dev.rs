//! `purlin dev`.

use clap::Args;

use super::{Overrides, SiteFolder, server_runtime};
use crate::error::Outcome;
use crate::{Purlin, logging};

/// Serve a site while you work on it
///
/// Makes the database, brings it to the models, and fills it from `seeds/` when it is empty. What you
/// change is live at once: open pages load themselves again, and mistakes are shown there and here
/// while the last good version stays. What would lose data is asked about first.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin dev                             the site in this folder
  purlin dev examples/blog
  purlin dev --listen 127.0.0.1:3000")]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteFolder,
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::start();
    let purlin = Purlin { flags: arguments.overrides.flags(), ..Purlin::site(&arguments.site.site) };
    let runtime = server_runtime()?;
    let result = runtime.block_on(purlin.dev());
    // A question that nobody answers must not keep the process.
    runtime.shutdown_background();
    result
}
