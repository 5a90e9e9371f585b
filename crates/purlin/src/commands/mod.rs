//! The commands, one file each. Each has its arguments with the help that people read, and a `run`.
//!
//! Every command takes the site's folder as its argument and defaults to the current one. What was asked
//! for goes to standard output, the rest to standard error; the exit code is 0, 1 for what is wrong with
//! the site, or 2 for a mistaken command line.

mod add;
mod audit;
mod check;
mod dev;
mod export;
mod group;
mod import;
mod inspect;
pub(crate) mod migrate;
mod move_site;
mod new;
mod query;
mod routes;
mod secrets;
pub(crate) mod seed;
mod serve;
mod token;
mod user;
mod version;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use purlin_engine::Engine;

use crate::error::{CommandError, Outcome};
use crate::{memory, site};

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::New(arguments) => new::run(&arguments),
        Command::Add(arguments) => add::run(&arguments),
        Command::Dev(arguments) => dev::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Routes(arguments) => routes::run(&arguments),
        Command::Secrets(arguments) => secrets::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Seed(arguments) => seed::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::Move(arguments) => move_site::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::User(arguments) => user::run(&arguments),
        Command::Group(arguments) => group::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Version(arguments) => version::run(&arguments),
    };
    crate::lines::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell();
            ExitCode::FAILURE
        }
    }
}

/// The whole backend of a dynamic website in one binary.
///
/// A site is a folder: models in TOML, pages in Jinja, static files.
/// `purlin dev` serves it while you work on it, `purlin serve` runs it in production.
#[derive(Parser)]
#[command(verbatim_doc_comment)]
#[command(name = "purlin", version, max_term_width = 100, styles = STYLES, subcommand_required = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "\
Start here:
  purlin new my-site && purlin dev my-site

`purlin COMMAND --help` says more about a command, with examples.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::Arguments),
    Add(add::Arguments),
    Dev(dev::Arguments),
    Serve(serve::Arguments),
    Check(check::Arguments),
    Routes(routes::Arguments),
    Secrets(secrets::Arguments),
    Migrate(migrate::Arguments),
    Seed(seed::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
    Query(query::Arguments),
    Move(move_site::Arguments),
    Inspect(inspect::Arguments),
    User(user::Arguments),
    Token(token::Arguments),
    Group(group::Arguments),
    Audit(audit::Arguments),
    Version(version::Arguments),
}

/// The site's folder, which every command takes.
#[derive(Args, Clone)]
struct SiteFolder {
    /// The site's folder
    #[arg(value_name = "SITE", default_value = ".")]
    site: PathBuf,
}

impl SiteFolder {
    /// The site's engine, for a command that reads or writes its data.
    fn engine(&self) -> Outcome<Engine> {
        site::engine_for_command(&self.site, &as_argument(&self.site))
    }
}

/// Settings on the command line, which win over `site.toml`, `.env` and the environment.
#[derive(Args, Clone, Default)]
struct Overrides {
    /// Address and port to listen on, instead of the setting server.listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Override a setting by its path; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    settings: Vec<(String, String)>,
}

impl Overrides {
    fn flags(&self) -> indexmap::IndexMap<String, String> {
        let listen = self.listen.iter().map(|listen| ("server.listen".to_owned(), listen.clone()));
        self.settings.iter().cloned().chain(listen).collect()
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, as in `database.url=sqlite:data/test.db`".to_owned()),
    }
}

/// A model of the site by its name.
fn model_named(engine: &Engine, name: &str) -> Outcome<purlin_schema::ModelId> {
    let models = &engine.site().models;
    match models.named(name).filter(|model| !model.internal) {
        Some(model) => Ok(model.id),
        None => {
            let all = models.iter().filter(|model| !model.internal).map(|model| model.name.as_str());
            let all = all.collect::<Vec<_>>().join(", ");
            Err(CommandError::new(format_args!("there is no model `{name}`"))
                .hint(format_args!("there are {all}")))
        }
    }
}

/// The argument that names this site in a command to suggest: nothing for the current folder.
pub(crate) fn as_argument(site: &Path) -> String {
    if site == Path::new(".") { String::new() } else { format!(" {}", quoted(&site.to_string_lossy())) }
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,~".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A runtime for commands that do one thing after the other.
fn small_runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(format_args!("the runtime cannot start: {error}")))
}

/// A runtime for servers: a thread for each core, and two at least, so that one long request stops nobody.
fn server_runtime() -> Outcome<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(2))
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(format_args!("the runtime cannot start: {error}")))?;
    runtime.spawn(memory::give_back());
    Ok(runtime)
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty(), "{} says nothing about itself", command.get_name());
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.contains("purlin "), "{} shows no example", command.get_name());
        }
    }

    #[test]
    fn suggested_commands_can_be_pasted() {
        assert_eq!(as_argument(Path::new(".")), "");
        assert_eq!(as_argument(Path::new("examples/blog")), " examples/blog");
        assert_eq!(as_argument(Path::new("my site")), " 'my site'");
    }
}
