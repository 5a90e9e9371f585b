//! `purlin new`: a site to start from.
//!
//! The files are in the binary (see `build.rs`), so a new site needs no network and fits the version that
//! made it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::error::{CommandError, Outcome};
use crate::terminal;

/// Make a new site
#[derive(Args)]
#[command(after_help = "\
Examples:
  purlin new my-site                     one page, a stylesheet, accounts
  purlin new my-blog --template blog     the example blog, to make your own")]
pub(super) struct Arguments {
    /// The folder to make; it must not exist yet, or be empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What to start from
    #[arg(long, value_enum, default_value_t = Template::Blank)]
    template: Template,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    /// A layout, a page and a stylesheet
    Blank,
    /// A blog with posts, tags, comments, accounts and demo content
    Blog,
}

/// A file of a template: its path in the site and its bytes.
type File = (&'static str, &'static [u8]);

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/templates.rs"));
}

/// What every new site's `.gitignore` says.
const IGNORED: &str = "# The database, uploads and the site's secret.\n/data/\n# Settings of this machine, passwords among them.\n/.env\n";

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let folder = &arguments.folder;
    refuse_what_is_there(folder)?;
    let files = match arguments.template {
        Template::Blank => embedded::BLANK,
        Template::Blog => embedded::BLOG,
    };
    for (path, bytes) in files {
        write(&folder.join(path), &adapted(path, bytes, folder))?;
    }
    write(&folder.join(".gitignore"), IGNORED.as_bytes())?;
    say_what_to_do(arguments);
    Ok(())
}

/// A layout and its stylesheet for `purlin add` in a site that has none.
pub(super) fn layout_files() -> impl Iterator<Item = &'static File> {
    let wanted = ["pages/_layout.html", "public/favicon.svg", "public/style.css"];
    embedded::BLANK.iter().filter(move |(path, _)| wanted.contains(path))
}

pub(super) fn refuse_what_is_there(folder: &Path) -> Outcome {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(CommandError::new(format_args!("{} is not empty", folder.display()))
                .hint("name a folder that does not exist yet")),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CommandError::new(format_args!("{}: {error}", folder.display()))),
    }
}

/// The example speaks of itself by its place in Purlin's repository; a new site by its own name.
fn adapted(path: &str, bytes: &[u8], folder: &Path) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) if path == "site.toml" || path == "README.md" => {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let name = if name.is_empty() { "site".into() } else { name };
            let title = name.replace(['-', '_'], " ").replace(['"', '\\'], "");
            let mut title = title.chars();
            let title: String = title.next().into_iter().flat_map(char::to_uppercase).chain(title).collect();
            text.replace(" examples/blog", "").replace("{{NAME}}", &title).into_bytes()
        }
        _ => bytes.to_vec(),
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let make = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)
    };
    make().map_err(|error| CommandError::new(format_args!("{} cannot be written: {error}", path.display())))
}

fn say_what_to_do(arguments: &Arguments) {
    let pen = terminal::out();
    let folder = &arguments.folder;
    let site = super::as_argument(folder);
    let what = match arguments.template {
        Template::Blank => "a new site",
        Template::Blog => "a blog",
    };
    pen.line(format_args!("{} {what} in {}", pen.good("Made"), pen.bold(folder.display())));
    pen.line("");
    pen.line("Next:");
    pen.line(format_args!(
        "  {}   see it in a browser, change it, watch it change",
        pen.bold(format_args!("purlin dev{site}"))
    ));
    if arguments.template == Template::Blank {
        let command = format!(
            "purlin add notes title:text! body:markdown --site{}",
            if site.is_empty() { " ." } else { &site }
        );
        pen.line(format_args!("  {}", pen.bold(command)));
        pen.line("      a model with pages to list, show, write and edit");
    }
    pen.line("");
    pen.line(format_args!(
        "The settings are in {}, the models in {}, the pages in {}.",
        folder.join("site.toml").display(),
        folder.join("models").display(),
        folder.join("pages").display()
    ));
}
