//! `purlin migrate`: how a database follows the models.

use clap::{Args, Subcommand};
use purlin_schema::load::Mode;
use purlin_store::migrate::{Consent, MigrationPlan, MigrationState, Migrator, NewMigration, Progress};

use super::{SiteFolder, as_argument};
use crate::error::{CommandError, Outcome, counted};
use crate::{site, terminal};

/// Write, apply and look at migrations
///
/// A migration is a file in `migrations/` that says how the database follows a change of the models.
/// `new` writes it, you review and commit it, and `apply` brings a database to it. Under `purlin dev`
/// the database follows by itself.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  purlin migrate plan                      what a new migration would do
  purlin migrate new --name subtitles      write migrations/0002_subtitles.toml
  purlin migrate apply /srv/blog           bring that site's database up to date")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what the models ask for that no migration says yet
    Plan {
        #[command(flatten)]
        site: SiteFolder,
        /// Show the statements too
        #[arg(long)]
        sql: bool,
    },
    /// Write a migration file for that
    New {
        #[command(flatten)]
        site: SiteFolder,
        /// What the migration is about; it becomes part of the file's name
        #[arg(long)]
        name: String,
    },
    /// Apply the migrations that this database does not have yet
    Apply {
        #[command(flatten)]
        site: SiteFolder,
        /// Agree to what loses data, without being asked
        #[arg(long)]
        allow_data_loss: bool,
        /// Let those who use a large table wait while it is written anew
        #[arg(long)]
        allow_long_locks: bool,
    },
    /// List the migrations and whether this database has them
    Status {
        #[command(flatten)]
        site: SiteFolder,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Plan { site, sql } => plan(site, *sql),
        Command::New { site, name } => new(site, name),
        Command::Apply { site, allow_data_loss, allow_long_locks } => {
            apply(site, *allow_data_loss, *allow_long_locks)
        }
        Command::Status { site } => status(site),
    }
}

fn plan(folder: &SiteFolder, sql: bool) -> Outcome {
    let site = site::load(&folder.site, Mode::Development)?;
    let mut migrator = site::migrator(&site)?;
    let plan = migrator.plan(&site.models)?;
    let pen = terminal::out();
    if plan.is_empty() {
        pen.line("The migrations say all that the models ask for.");
        return say_locks(&mut migrator, &site);
    }
    pen.write(&plan.to_string());
    if sql {
        pen.line("");
        pen.write(&plan.sql(migrator.flavour()).map_err(CommandError::new)?);
    }
    say_locks(&mut migrator, &site)?;
    let next = format!("purlin migrate new{} --name NAME", as_argument(&folder.site));
    terminal::err().line(format_args!("\n`{next}` writes this into a migration."));
    Ok(())
}

/// Whom the change would keep waiting on this database, and for how long.
fn say_locks(migrator: &mut Migrator, site: &purlin_schema::Site) -> Outcome {
    let locks = migrator.locks(&site.models)?;
    if locks.is_empty() {
        return Ok(());
    }
    let pen = terminal::out();
    pen.line("");
    pen.line(pen.bold("On this database:"));
    locks.iter().for_each(|held| pen.line(format_args!("  {held}")));
    Ok(())
}

fn new(folder: &SiteFolder, name: &str) -> Outcome {
    let site = site::load(&folder.site, Mode::Development)?;
    let made = site::migrator(&site)?.write_new(&site.models, name)?;
    let pen = terminal::out();
    match made {
        NewMigration::Nothing => {
            pen.line("Nothing to write: the migrations say all that the models ask for.");
        }
        NewMigration::Written { path, plan, applied_here } => {
            pen.line(format_args!("{} {}", pen.good("Wrote"), pen.bold(folder.site.join(path).display())));
            pen.line("");
            pen.write(&plan.to_string());
            pen.line("");
            if applied_here {
                pen.line("This database is there already. Review the file and commit it.");
            } else {
                let apply = format!("purlin migrate apply{}", as_argument(&folder.site));
                pen.line(format_args!(
                    "Review the file and commit it; {} brings a database to it.",
                    pen.bold(apply)
                ));
            }
        }
    }
    Ok(())
}

fn apply(folder: &SiteFolder, allow_data_loss: bool, allow_long_locks: bool) -> Outcome {
    let site = site::load(&folder.site, Mode::Production)?;
    let mut migrator = site::migrator(&site)?.on_progress(show);
    if allow_long_locks {
        migrator = migrator.allow_long_locks();
    }
    let mut ask = |plan: &MigrationPlan| consents(plan);
    let consent = match (allow_data_loss, terminal::can_ask()) {
        (true, _) => Consent::Grant,
        (false, true) => Consent::Ask(&mut ask),
        (false, false) => Consent::Refuse,
    };
    let applied = match migrator.apply(consent) {
        Err(purlin_store::migrate::MigrateError::NeedsConsent(plan)) => {
            return Err(needs_consent(&plan, folder));
        }
        result => result?,
    };
    let pen = terminal::out();
    match applied.len() {
        0 => pen.line("Nothing to apply: the database has every migration."),
        count => pen.line(format_args!("{} {}", pen.good("Applied"), counted(count, "migration"))),
    }
    say_unwritten(&migrator, &site, folder)
}

fn say_unwritten(migrator: &Migrator, site: &purlin_schema::Site, folder: &SiteFolder) -> Outcome {
    if migrator.plan(&site.models)?.is_empty() {
        return Ok(());
    }
    let pen = terminal::err();
    let new = format!("purlin migrate new{} --name NAME", as_argument(&folder.site));
    pen.line(format_args!(
        "{} the models ask for more than the migrations say; run `{new}`",
        pen.warn("warning:")
    ));
    Ok(())
}

fn status(folder: &SiteFolder) -> Outcome {
    let site = site::load(&folder.site, Mode::Development)?;
    let migrator = site::migrator(&site)?;
    let status = migrator.status()?;
    let pen = terminal::out();
    if status.migrations.is_empty() {
        pen.line("There are no migrations.");
    }
    let rows: Vec<Vec<String>> = status
        .migrations
        .iter()
        .map(|migration| vec![migration.label.clone(), state(&migration.state)])
        .collect();
    terminal::table(&rows).into_iter().for_each(|line| pen.line(line));
    let lists = [
        ("Changed here by `purlin dev`, and in no migration:", status.only_here),
        ("Asked for by the models, and in no migration:", lines(&migrator.plan(&site.models)?)),
    ];
    let of_database = [
        ("Begun and not finished; `purlin migrate apply` goes on:", status.unfinished),
        ("Changed by hand, so that the tables are not what was applied:", status.drift),
    ];
    // Under `dev` the database is where the models are, and one list says it all.
    let lists = if lists[0].1 == lists[1].1 { &lists[1..] } else { &lists[..] };
    for (title, list) in lists.iter().chain(&of_database).filter(|(_, list)| !list.is_empty()) {
        pen.line("");
        pen.line(pen.bold(title));
        list.iter().for_each(|line| pen.line(format_args!("  {}", first_line(line))));
    }
    Ok(())
}

fn lines(plan: &MigrationPlan) -> Vec<String> {
    plan.operations.iter().map(ToString::to_string).collect()
}

/// Enough to recognise an operation by; `plan` shows them whole.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end()
}

fn state(state: &MigrationState) -> String {
    match state {
        MigrationState::Applied(at) => format!("applied {}", purlin_schema::value::format_datetime(*at)),
        MigrationState::Pending => "pending".to_owned(),
        MigrationState::Changed => "applied, and the file was changed since".to_owned(),
        MigrationState::Missing => "applied, and the file is missing".to_owned(),
    }
}

/// Shows what loses data and asks.
pub(crate) fn consents(plan: &MigrationPlan) -> bool {
    let pen = terminal::err();
    pen.line(pen.warn("This loses data:"));
    pen.write(&plan.to_string());
    terminal::confirm("Go on?")
}

fn needs_consent(plan: &MigrationPlan, folder: &SiteFolder) -> CommandError {
    let site = as_argument(&folder.site);
    CommandError::new(format_args!("this loses data; nothing was changed\n\n{}", plan.to_string().trim_end()))
        .hint(format_args!(
            "run it on a terminal and agree, or `purlin migrate apply{site} --allow-data-loss`"
        ))
}

/// Shows what a migration does, as it does it.
pub(super) fn show(progress: &Progress) {
    let pen = terminal::err();
    match progress {
        Progress::Waiting => pen.line(pen.dim("waiting for another process that migrates this database …")),
        Progress::InUse { table } => {
            pen.line(pen.dim(format_args!("  `{table}` is in use by others; trying again …")));
        }
        Progress::Begins { name, operations } => {
            pen.line(format_args!("{} {}", pen.bold(name), pen.dim(counted(*operations, "operation"))));
        }
        Progress::Operation { text, .. } => pen.line(format_args!("  {}", text.trim_end())),
        Progress::Applied { .. } => {}
    }
}
