//! `purlin inspect`: a site over a database that others made.
//!
//! The database is only read, now and by the site: its tables become models that are not managed, with a list and a
//! page each for administrators. Purlin's own tables (accounts, sessions) are kept apart, in the site's own database.

mod models;
mod names;
mod pages;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{CommandError, Outcome, counted};
use crate::{site, terminal};

use super::new::{refuse_what_is_there, write};

/// Make a site from a database that is there
#[derive(Args)]
#[command(after_help = "\
Examples:
  purlin inspect sqlite:shop.db --into shop    a site that shows what shop.db holds
  purlin dev shop                              see it; sign in with the demo account that it prints

Nothing is changed in the database, neither now nor by the site.")]
pub(super) struct Arguments {
    /// The database: `sqlite:` and a file
    #[arg(value_name = "DATABASE_URL")]
    database: String,
    /// The folder to make; it must not exist yet, or be empty
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

const STYLE: &str = include_str!("inspect/style.css");

const IGNORED: &str = "/data/\n/.env\n";

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let folder = &arguments.into;
    refuse_what_is_there(folder)?;
    let found =
        purlin_store::inspect::inspect(Path::new("."), &arguments.database).map_err(CommandError::new)?;
    if found.tables.is_empty() {
        return Err(CommandError::new(format_args!("{} has no tables to read", arguments.database)));
    }
    let (planned, mut notes) = models::plan(&found);
    notes.extend(found.notes);

    write(&folder.join("site.toml"), settings(arguments)?.as_bytes())?;
    write(&folder.join(".gitignore"), IGNORED.as_bytes())?;
    write(&folder.join("public/style.css"), STYLE.as_bytes())?;
    write(&folder.join("seeds/users.toml"), DEMO_ACCOUNT.as_bytes())?;
    for model in &planned {
        let path = folder.join("models").join(format!("{}.toml", model.name));
        write(&path, models::toml(model).as_bytes())?;
    }
    for (path, text) in pages::all(&planned) {
        write(&folder.join("pages").join(path), text.as_bytes())?;
    }
    // What was written is a site, or this says where it is not.
    site::load(folder, purlin_schema::load::Mode::Development)?;
    tell(arguments, planned.len(), &notes);
    Ok(())
}

const DEMO_ACCOUNT: &str = "\
# For `purlin dev`: who may see the pages. `purlin user create` makes accounts elsewhere.
[[users]]
email    = \"admin@example.com\"
password = \"look around here\"
role     = \"admin\"
";

fn settings(arguments: &Arguments) -> Outcome<String> {
    let file = arguments.database.strip_prefix("sqlite:").unwrap_or(&arguments.database);
    let file = file.strip_prefix("//").unwrap_or(file);
    // The site stands elsewhere, so that a path relative to here would lead nowhere.
    let file = std::path::absolute(file).map_err(CommandError::new)?;
    let into = std::path::absolute(&arguments.into).map_err(CommandError::new)?;
    let name = into.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!(
        "[site]\nname = {}\n\n[database]\n# Read, never written: the models with `managed = false` stand in it.\n\
         existing = {}\n\n[accounts]\nsignup = false\n",
        names::quoted(&names::human(&name)),
        names::quoted(&format!("sqlite:{}", file.display()))
    ))
}

fn tell(arguments: &Arguments, models: usize, notes: &[String]) {
    let pen = terminal::out();
    let folder = &arguments.into;
    pen.line(format_args!(
        "{} a site with {} in {}",
        pen.good("Made"),
        counted(models, "model"),
        pen.bold(folder.display())
    ));
    if !notes.is_empty() {
        pen.line("");
        pen.line("Worth knowing:");
        for note in notes {
            pen.line(format_args!("  - {note}"));
        }
    }
    pen.line("");
    pen.line("Next:");
    let command = format!("purlin dev{}", super::as_argument(folder));
    pen.line(format_args!(
        "  {}   see it; the account that it prints may read everything",
        pen.bold(command)
    ));
}
