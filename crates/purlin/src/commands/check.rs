//! `purlin check`: every mistake of a site, before anybody else finds it.

use std::path::Path;
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
/// them, without touching the site's database. The exit code is 1 where there are errors.
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
    /// Check with the production settings, and list what deserves a look before the site goes out
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
    if arguments.json {
        let json = serde_json::to_string_pretty(&found.to_json()).map_err(CommandError::new)?;
        terminal::out().line(json);
    } else {
        let pen = terminal::err();
        pen.write(&found.draw(pen.colour()));
    }
    match site {
        Some(site) if !found.has_errors() => {
            if !arguments.json {
                tell_success(&site, &found);
            }
            if arguments.deploy { deploy(&site, &arguments.site.site) } else { Ok(()) }
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

/// What is no mistake and still deserves a look before strangers come.
fn deploy(site: &Arc<Site>, folder: &Path) -> Outcome {
    let argument = as_argument(folder);
    let mut notes = Vec::new();
    for page in site.pages.values() {
        for (name, data) in page.data.iter().filter(|(_, data)| !data.rules) {
            let model = &site.models.get(data.query.model).name;
            notes.push(format!(
                "{}: `data.{name}` reads {model} without access rules (`rules = false`)",
                page.file.display()
            ));
        }
    }
    let settings = &site.settings;
    if settings.site.url.is_none() {
        let refused = match settings.server.hosts.is_empty() {
            true => ", so requests for any name but this machine's own are refused, and",
            false => ", so",
        };
        notes.push(format!("site.toml: `site.url` is not set{refused} cookies are not `Secure`"));
    }
    let plan = purlin_store::migrate::replay_all(&purlin_store::migrate::read_all(&site.root)?)
        .map(|snapshot| purlin_store::migrate::Wanted::of(&site.models).snapshot != snapshot)?;
    if plan {
        notes.push(format!("migrations/: the models ask for more than the migrations say; run `purlin migrate new{argument} --name NAME`"));
    }
    let pen = terminal::out();
    if notes.is_empty() {
        pen.line("Nothing that needs a look before the site goes out.");
    }
    for note in notes {
        pen.line(format_args!("{} {note}", pen.warn("look:")));
    }
    Ok(())
}
