//! `purlin check`: every mistake of a site, before anybody else finds it.

mod deploy;

use std::sync::Arc;

use clap::Args;
use purlin_engine::{Assets, Engine};
use purlin_schema::load::Mode;
use purlin_schema::{Diagnostics, Site};
use purlin_store::Store;
use purlin_store::migrate::Migrator;

use super::{SiteFolder, as_argument};
use crate::error::{CommandError, Outcome, counted};
use crate::serve::open_assets;
use crate::{site, terminal};

/// Find every mistake in a site's files
///
/// Settings, models, rules, pages, queries, forms and templates are checked as `dev` and `serve` check
/// them, without touching the site's database. The exit code is 1 where there are errors, and with
/// `--deploy` where something is unsafe.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin check
  purlin check examples/blog --json      for editors: file, line, column, message, hint
  purlin check /srv/blog --deploy        what to know before the site goes out")]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteFolder,
    /// Print the mistakes as a JSON array
    #[arg(long)]
    json: bool,
    /// Check with the production settings, and list what is unsafe there, each finding with its name
    #[arg(long)]
    deploy: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mode = if arguments.deploy { Mode::Production } else { Mode::Development };
    let layers = site::layers(&arguments.site.site, mode, indexmap::IndexMap::new());
    let (site, found) = match Site::load(&arguments.site.site, &layers) {
        Ok((site, warnings)) => (Some(Arc::new(site)), warnings),
        Err(mistakes) => (None, mistakes),
    };
    let found = match &site {
        Some(site) => with_compiled(site, found)?,
        None => found,
    };
    let listed = found.to_json();
    let goes_on = arguments.deploy && site.is_some() && !found.has_errors();
    if arguments.json && !goes_on {
        let json = serde_json::to_string_pretty(&listed).map_err(CommandError::new)?;
        terminal::out().line(json);
    } else if !arguments.json {
        let pen = terminal::err();
        pen.write(&found.draw(pen.colour()));
    }
    match site {
        Some(site) if !found.has_errors() => {
            if !arguments.json {
                tell_success(&site, &found);
            }
            match goes_on {
                true => deploy::run(&site, &arguments.site.site, &listed, arguments.json),
                false => Ok(()),
            }
        }
        _ => {
            if !arguments.json {
                let pen = terminal::err();
                pen.line(pen.bad(counted(found.errors(), "error")));
            }
            Err(CommandError::Told)
        }
    }
}

/// Compiles a site against an empty database of its models that is thrown away.
pub(super) fn compile(site: &Arc<Site>, assets: Arc<dyn Assets>) -> Outcome<Engine> {
    let folder = tempfile::tempdir()
        .map_err(|error| CommandError::new(format_args!("no temporary folder can be made: {error}")))?;
    let database = purlin_schema::settings::DatabaseSettings {
        url: "sqlite:check.db".to_owned(),
        ..site.settings.database.clone()
    };
    Migrator::open(&database.url, folder.path())?.dev(&site.models, |_| true)?;
    let store = Store::open(folder.path(), &database, site.models.clone()).map_err(CommandError::new)?;
    Ok(Engine::open(site.clone(), store, site::options(true, [0; 32].into(), assets))?)
}

/// What was found, and what compiling templates and queries finds besides.
fn with_compiled(site: &Arc<Site>, mut found: Diagnostics) -> Outcome<Diagnostics> {
    let assets = open_assets(&site.root, false)?;
    match compile(site, assets) {
        Ok(_) => {}
        Err(CommandError::Site(mistakes)) => found.extend(*mistakes),
        Err(error) => return Err(error),
    }
    Ok(found)
}

fn tell_success(site: &Site, found: &Diagnostics) {
    let pen = terminal::out();
    let models = site.models.iter().filter(|model| !model.internal).count();
    let routed = site.pages.values().filter(|page| page.route.is_some()).count();
    let warnings = match found.list.len() {
        0 => String::new(),
        count => format!(", {}", counted(count, "warning")),
    };
    pen.line(format_args!(
        "{} {}, {}{warnings}",
        pen.good("OK"),
        counted(models, "model"),
        counted(routed, "page")
    ));
}
