//! `purlin inspect`: a site over a database that others made.
//!
//! The database is only read: its tables become models that are not managed, with a list and a page each for
//! administrators. Purlin's own tables (accounts, sessions) are kept apart, in the site's own database.

mod home;
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
  purlin inspect postgres://ann@localhost/shop --into shop
  purlin inspect mysql://ann:secret@db.example.org/shop --into shop
  purlin dev shop                              see it; sign in with the demo account that it prints

Nothing is changed in that database. Whether the site may write there later is up to its access rules.")]
pub(super) struct Arguments {
    /// The database: `sqlite:` and a file, or the URL of a server's; `?schema=sales` for another schema of PostgreSQL's
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
        return Err(CommandError::new("the database has no tables to read"));
    }
    let (planned, mut notes) = models::plan(&found);
    notes.extend(found.notes);

    let home = home::of(&arguments.database, found.schema.as_deref())?;
    write(&folder.join("site.toml"), settings(folder, &home)?.as_bytes())?;
    if let Some(url) = &home.url {
        write_secret(&folder.join(".env"), &format!("DATABASE_URL={}\n", names::quoted(url)))?;
    }
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

fn settings(folder: &Path, home: &home::Home) -> Outcome<String> {
    let into = std::path::absolute(folder).map_err(CommandError::new)?;
    let name = into.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!(
        "[site]\nname = {}\n\n[database]\n{}existing = {}\n\n[accounts]\nsignup = false\n",
        names::quoted(&names::human(&name)),
        home.comment,
        names::quoted(&home.existing)
    ))
}

/// Writes a file that others on the machine may not read: there may be a password in it.
fn write_secret(path: &Path, text: &str) -> Outcome {
    write(path, b"")?;
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(|error| {
        CommandError::new(format_args!("{} cannot be made private: {error}", path.display()))
    })?;
    std::fs::write(path, text)
        .map_err(|error| CommandError::new(format_args!("{} cannot be written: {error}", path.display())))
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
