//! `purlin move`: a whole site from one database to another.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use purlin_schema::Site;
use purlin_schema::load::Mode;
use purlin_schema::settings::DatabaseSettings;
use purlin_store::Store;
use purlin_store::copy::{Copied, Stage};
use purlin_store::migrate::Migrator;

use super::{SiteFolder, as_argument, small_runtime};
use crate::error::{CommandError, Outcome};
use crate::{site, terminal};

/// Copy a whole site's data from its database into another, empty one
///
/// Every record goes over as it stands: ids and the counters of ids, versions, times, relations, password
/// hashes, sessions. Then both databases are read and compared. The old one stays as it is: set `database.url`
/// to the new one when you are satisfied. Stop the site before; what is written meanwhile would be missed,
/// and the comparison says so. A move that was interrupted is run again by the same command.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin move --to sqlite:data/new.db
  purlin move examples/blog --to postgres://blog:secret@localhost/blog")]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteFolder,
    /// The other database, as `database.url` has it
    #[arg(long, value_name = "URL")]
    to: String,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let site = site::load(&arguments.site.site, Mode::Production)?;
    site::refuse_if_behind(&site, &as_argument(&arguments.site.site))?;
    let from = site::open_store(&site)?;
    let begun = Begun::of(&site, &arguments.to);
    let runtime = small_runtime()?;
    let to = target(&site, &arguments.to, &begun)?;
    if !begun.is_there() && !runtime.block_on(to.is_empty()).map_err(CommandError::new)? {
        return Err(not_empty());
    }
    begun.note()?;
    let began = Instant::now();
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{spinner} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let mut shown = (String::new(), 0);
    let copying = from.copy_into(&to, |stage| {
        let (what, model, rows) = match stage {
            Stage::Written(model, rows) => ("copying", model, rows),
            Stage::Compared(model, rows) => ("comparing", model, rows),
        };
        let title = format!("{what} {model}");
        shown = if shown.0 == title { (title, shown.1 + rows) } else { (title, rows) };
        bar.set_message(format!("{}, {} records", shown.0, HumanCount(shown.1)));
        bar.tick();
    });
    let copied = runtime.block_on(copying);
    bar.finish_and_clear();
    let copied = copied.map_err(|error| {
        CommandError::new(error).hint("the old database is as it was; the same command goes over it again")
    })?;
    begun.forget()?;
    tell(&copied, &arguments.to, began);
    Ok(())
}

/// The other database with the site's tables. One that has anything in it already is left alone, unless an earlier
/// move into it was interrupted.
fn target(site: &Site, url: &str, begun: &Begun) -> Outcome<Store> {
    if url == site.settings.database.url {
        return Err(CommandError::new("that is the database that the site has already"));
    }
    let mut migrator = Migrator::open_or_create(url, &site.root)?;
    let status = migrator.status()?;
    let is_new = status.only_here.is_empty()
        && status.unfinished.is_empty()
        && status.migrations.iter().all(|one| one.state == purlin_store::migrate::MigrationState::Pending);
    let fits = !is_new && migrator.is_behind(&site.models).is_ok_and(|behind| behind.is_none());
    if !is_new && !fits && !begun.is_there() {
        return Err(not_empty());
    }
    // Nothing is lost by what the migrations once destroyed: there is nothing yet.
    migrator.dev(&site.models, |_| true)?;
    let settings =
        DatabaseSettings { url: url.to_owned(), replicas: Vec::new(), ..site.settings.database.clone() };
    Store::open(&site.root, &settings, site.models.clone()).map_err(CommandError::new)
}

fn not_empty() -> CommandError {
    CommandError::new("that database is not empty; nothing was written")
        .hint("name a new one, so that nothing of it can be lost")
}

fn tell(copied: &[Copied], url: &str, began: Instant) {
    let pen = terminal::err();
    let rows: u64 = copied.iter().map(|one| one.rows).sum();
    let lines: Vec<Vec<String>> = copied
        .iter()
        .filter(|one| one.rows > 0)
        .map(|one| {
            let digest: String = one.digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            vec![format!("  {}", one.model), HumanCount(one.rows).to_string(), digest]
        })
        .collect();
    terminal::table(&lines).into_iter().for_each(|line| pen.line(line));
    let time = pen.dim(format_args!("in {:.1} s", began.elapsed().as_secs_f64()));
    pen.line(format_args!(
        "{} {} records, and both databases hold the same {time}",
        pen.good("Copied"),
        HumanCount(rows)
    ));
    pen.line(format_args!("Set {} to serve it from there: {url}", pen.bold("database.url")));
}

/// That a move was begun: a file beside the data, so that the same command may write into what is not empty any more.
struct Begun {
    path: PathBuf,
}

impl Begun {
    fn of(site: &Site, url: &str) -> Begun {
        // The name tells the target and not its password.
        let hash = url.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Begun { path: site.root.join("data").join(format!("move-{hash:016x}")) }
    }

    fn is_there(&self) -> bool {
        self.path.exists()
    }

    fn note(&self) -> Outcome {
        std::fs::create_dir_all(self.path.parent().unwrap_or(&self.path))
            .and_then(|()| std::fs::write(&self.path, "a move into another database was begun\n"))
            .map_err(|error| self.failed(&error))
    }

    fn forget(&self) -> Outcome {
        std::fs::remove_file(&self.path).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> CommandError {
        CommandError::new(format_args!("{} cannot be written: {error}", self.path.display()))
    }
}
