//! `purlin import`: rows of a file become records.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use purlin_engine::Engine;
use purlin_engine::import::{Format, ImportError, Journal, Options, Refused, Source, Summary, Watcher};

use super::user::told;
use super::{SiteFolder, as_argument, model_named, small_runtime};
use crate::error::{CommandError, Outcome, counted};
use crate::{site, terminal};

/// Refused rows that are shown on the terminal; the report has all.
const MOST_SHOWN: u64 = 10;

/// Import rows from NDJSON, JSON, CSV, or a folder of Markdown files
///
/// Every row is validated as a form is: types, limits, checks and unique keys. A row that is refused is told
/// of with its line, and the others are written. The format follows the file's ending; `-` reads standard
/// input. Of CSV the first line names the columns; `""` is an empty text, an empty cell is nothing, and
/// `|` stands between the items of a list. Of Markdown, the front matter (TOML between +++, YAML between ---)
/// has the fields, the text below it goes into the markdown field, and the file's name becomes the slug.
///
/// Refs are ids, or the other record's label; `--link authors.name` names them by a field and makes the
/// records that are not there. A name that several records have refuses the row.
///
/// Rows are written in batches of up to 1,000, each a transaction. A run that was stopped, even by kill -9, goes on
/// with --resume: how far it got is noted in the site's data/imports before and after each batch. With --key,
/// running it again from the start is safe too.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin import posts posts.csv
  purlin import posts posts.ndjson --key slug --link authors.name --link team.name
  purlin import posts _posts/ --map date=published_at --map author=authors --link authors.name --skip layout
  purlin import users users.csv --dry-run --report refused.ndjson")]
pub(super) struct Arguments {
    /// Whose records the rows become
    #[arg(value_name = "MODEL")]
    model: String,
    /// A file, a folder of Markdown files, or `-`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    site: SiteFolder,
    /// The format, where the file's ending does not tell
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// A unique key: a row whose key a record has changes that record
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    key: Vec<String>,
    /// Name a ref's records by a field of theirs, and make those that are not there
    #[arg(long, value_name = "FIELD.KEY", value_parser = link)]
    link: Vec<(String, String)>,
    /// What a name of the file is in the model
    #[arg(long, value_name = "NAME=FIELD", value_parser = mapped)]
    map: Vec<(String, String)>,
    /// Leave a name of the file out
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    skip: Vec<String>,
    /// The field for the text of Markdown files, where there are several
    #[arg(long, value_name = "FIELD")]
    body: Option<String>,
    /// All rows in one transaction or, where one is refused, none; they stand in memory until then
    #[arg(long)]
    atomic: bool,
    /// Take passwords as the hashes that another system kept: argon2, bcrypt, PBKDF2 or scrypt
    #[arg(long)]
    password_hashes: bool,
    /// Tell what would be refused, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write every refused row's line and messages to a file, as NDJSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Go on where a run that was stopped got to
    #[arg(long, conflicts_with_all = ["atomic", "dry_run"])]
    resume: bool,
    /// Begin anew although a run was stopped
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
}

/// How rows are written down, on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum FormatName {
    Ndjson,
    Json,
    Csv,
    Markdown,
}

impl FormatName {
    pub(super) fn format(self) -> Format {
        match self {
            FormatName::Ndjson => Format::Ndjson,
            FormatName::Json => Format::Json,
            FormatName::Csv => Format::Csv,
            FormatName::Markdown => Format::Markdown,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let folder = as_argument(&arguments.site.site);
    let engine = site::engine_for_command(&arguments.site.site, &folder)?;
    let model = model_named(&engine, &arguments.model)?;
    let format = format_of(arguments)?;
    let options = Options {
        key: arguments.key.clone(),
        links: arguments.link.clone(),
        rename: arguments.map.clone(),
        skip: arguments.skip.clone(),
        body: arguments.body.clone(),
        atomic: arguments.atomic,
        dry_run: arguments.dry_run,
        password_hashes: arguments.password_hashes,
    };
    let journal = journal(arguments, &engine)?;
    if let Some(journal) = journal.as_ref().filter(|journal| journal.is_finished()) {
        let done = HumanCount(journal.done());
        let told = format_args!("Nothing is left to do: all {done} rows of this file were imported");
        terminal::err().line(format_args!("{told}; without --resume they are imported once more"));
        return Ok(());
    }
    let report = arguments.report.as_deref().map(Report::create).transpose()?;
    let source = open(&arguments.file, format)?;
    let mut console = Console::new(report, arguments.dry_run);
    let began = Instant::now();
    let imported = small_runtime()?.block_on(engine.import(model, source, &options, journal, &mut console));
    console.bar.finish_and_clear();
    console.save_report()?;
    let summary = imported.map_err(|error| import_error(error, arguments))?;
    tell(&summary, arguments, &console, began.elapsed());
    if summary.refused > 0 { Err(CommandError::Told) } else { Ok(()) }
}

fn format_of(arguments: &Arguments) -> Outcome<Format> {
    let named = arguments.format.map(FormatName::format);
    named.or_else(|| Format::of(&arguments.file)).ok_or_else(|| {
        CommandError::new(format_args!("the format of {} is not known", arguments.file.display()))
            .hint("say it: --format ndjson, json, csv or markdown")
    })
}

fn open(file: &Path, format: Format) -> Outcome<Source> {
    let opened = match file == Path::new("-") {
        true => Source::of(std::io::stdin(), format, None),
        false => Source::open(file, format),
    };
    opened.map_err(|error| CommandError::new(format_args!("{} cannot be read: {error}", file.display())))
}

/// The journal of this import; none for what leaves nothing half done.
fn journal(arguments: &Arguments, engine: &Engine) -> Outcome<Option<Journal>> {
    if arguments.atomic || arguments.dry_run || arguments.file == Path::new("-") {
        return match arguments.resume {
            true => Err(CommandError::new("what comes from standard input cannot be resumed")),
            false => Ok(None),
        };
    }
    let file = std::fs::canonicalize(&arguments.file).unwrap_or_else(|_| arguments.file.clone());
    let what = format!("{} {} {:?}", arguments.model, file.display(), arguments.key);
    let mut journal = Journal::open(&engine.site().root, &what).map_err(CommandError::new)?;
    // Without --resume what came to its end is no obstacle: it is imported once more.
    let once_more = journal.is_finished() && !arguments.resume;
    if once_more || (journal.is_unfinished() && arguments.restart) {
        journal.discard().map_err(CommandError::new)?;
    } else if journal.is_unfinished() && !arguments.resume {
        let done = HumanCount(journal.done());
        let message = format_args!("an import of this file was stopped after {done} rows");
        return Err(CommandError::new(message).hint("go on with --resume, or begin anew with --restart"));
    }
    Ok(Some(journal))
}

fn import_error(error: ImportError, arguments: &Arguments) -> CommandError {
    match error {
        ImportError::Failed(failure) => told(&failure),
        ImportError::Options(message) => CommandError::new(message),
        error => {
            let shown = CommandError::new(format_args!("{}, {error}", arguments.file.display()));
            match arguments.atomic || arguments.dry_run {
                true => shown.hint("nothing was written"),
                false => {
                    shown.hint("the rows before it were written; --restart --key … imports the mended file")
                }
            }
        }
    }
}

fn tell(summary: &Summary, arguments: &Arguments, console: &Console, time: Duration) {
    let pen = terminal::err();
    if summary.refused > console.shown {
        let more = summary.refused - console.shown;
        let hint = if arguments.report.is_some() { "" } else { "; --report FILE writes all of them" };
        pen.line(pen.dim(format_args!("  … and {} more{hint}", HumanCount(more))));
    }
    let seconds = time.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a speed for people")]
    let speed = summary.rows as f64 / seconds.max(0.001);
    let time = pen.dim(format_args!("in {seconds:.1} s, {speed:.0} rows a second"));
    let parts = [("created", summary.created), ("updated", summary.updated), ("refused", summary.refused)];
    let parts = parts.iter().filter(|(_, count)| *count > 0);
    let mut parts: Vec<String> =
        parts.map(|(what, count)| format!("{} {what}", HumanCount(*count))).collect();
    parts.extend(summary.linked.iter().map(|(model, count)| format!("{} new {model}", HumanCount(*count))));
    let rows = HumanCount(summary.rows);
    let model = &arguments.model;
    let done = if summary.refused > 0 { pen.warn("Imported") } else { pen.good("Imported") };
    let what = parts.join(", ");
    if arguments.dry_run {
        pen.line(format_args!(
            "{} {rows} rows for {model}: {what} {time}; nothing was written",
            pen.good("Tried")
        ));
    } else if summary.nothing_written {
        let refused = counted(usize::try_from(summary.refused).unwrap_or(usize::MAX), "row");
        pen.line(format_args!(
            "{} {refused} of {rows} refused; nothing was written",
            pen.bad("Not imported:")
        ));
    } else {
        pen.line(format_args!("{done} {rows} rows into {model}: {what} {time}"));
    }
}

/// What is shown while it goes on.
struct Console {
    bar: ProgressBar,
    report: Option<Report>,
    shown: u64,
    dry_run: bool,
}

impl Console {
    fn new(report: Option<Report>, dry_run: bool) -> Console {
        let bar =
            if std::io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
        Console { bar, report, shown: 0, dry_run }
    }

    fn save_report(&mut self) -> Outcome {
        self.report.take().map_or(Ok(()), Report::save)
    }
}

impl Watcher for Console {
    fn refused(&mut self, refused: &Refused) {
        if let Some(report) = &mut self.report {
            report.add(refused);
        }
        if self.shown < MOST_SHOWN {
            self.shown += 1;
            let pen = terminal::err();
            self.bar.suspend(|| pen.line(format_args!("{} {refused}", pen.bad("refused"))));
        }
    }

    fn written(&mut self, summary: &Summary, source: &Source) {
        let (read, size) = source.progress();
        let template = match size {
            Some(_) => "{bar:32} {msg}, {bytes} of {total_bytes}, {eta} left",
            None => "{spinner} {msg}, {bytes}",
        };
        if let (Some(size), None) = (size, self.bar.length()) {
            self.bar.set_length(size);
        }
        self.bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let what = if self.dry_run { "tried" } else { "written" };
        self.bar.set_message(format!("{} rows {what}", HumanCount(summary.created + summary.updated)));
        self.bar.set_position(read);
    }
}

/// Refused rows, an object a line.
struct Report {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Report {
    fn create(path: &Path) -> Outcome<Report> {
        let file = File::create(path).map_err(|error| {
            CommandError::new(format_args!("the report {} cannot be written: {error}", path.display()))
        })?;
        Ok(Report { path: path.to_owned(), file: BufWriter::new(file), failed: None })
    }

    fn add(&mut self, refused: &Refused) {
        let errors: Vec<_> = refused
            .messages
            .iter()
            .map(|message| {
                serde_json::json!({ "field": message.field, "code": message.code, "message": message.message })
            })
            .collect();
        let mut line = serde_json::json!({ "line": refused.place.line, "errors": errors });
        if let Some(file) = &refused.place.file {
            line["file"] = file.display().to_string().into();
        }
        if let Err(error) = writeln!(self.file, "{line}") {
            self.failed.get_or_insert(error);
        }
    }

    fn save(mut self) -> Outcome {
        let flushed = self.file.flush();
        match self.failed.map_or(flushed, Err) {
            Ok(()) => Ok(()),
            Err(error) => Err(CommandError::new(format_args!(
                "the report {} was not written: {error}",
                self.path.display()
            ))),
        }
    }
}

/// `authors.name`
pub(super) fn link(text: &str) -> Result<(String, String), String> {
    match text.split_once('.') {
        Some((field, key)) if !field.is_empty() && !key.is_empty() => Ok((field.to_owned(), key.to_owned())),
        _ => Err("write FIELD.KEY, as in `authors.name`".to_owned()),
    }
}

fn mapped(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, field)) if !name.is_empty() && !field.is_empty() => {
            Ok((name.to_owned(), field.to_owned()))
        }
        _ => Err("write NAME=FIELD, as in `date=published_at`".to_owned()),
    }
}
