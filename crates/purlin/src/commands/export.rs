//! `purlin export`: records become the rows of a file.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use indicatif::{HumanCount, ProgressBar};
use purlin_engine::Engine;
use purlin_engine::export::{ExportError, Options, Target};
use purlin_engine::import::Format;
use purlin_schema::ModelId;

use super::import::{FormatName, link};
use super::user::told;
use super::{SiteFolder, model_named, small_runtime};
use crate::error::{CommandError, Outcome};
use crate::terminal;

/// Export records as NDJSON, JSON, CSV, or a folder of Markdown files
///
/// `purlin import` of what this writes gives the same records. Ids and times come along; passwords, hidden
/// and computed fields stay. Refs are ids unless --link names them by a field of the other model. Records are
/// read page by page: what is written meanwhile may be among them or not.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin export posts > posts.ndjson
  purlin export posts --output posts.csv --link authors.name --filter 'status == \"published\"'
  purlin export posts --output posts/ --format markdown")]
pub(super) struct Arguments {
    /// Whose records
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    site: SiteFolder,
    /// A file, or a folder for Markdown files; standard output where absent
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The format, where the file's ending does not tell
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Which records, in CEL
    #[arg(long, value_name = "CEL")]
    filter: Option<String>,
    /// Which fields
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    fields: Vec<String>,
    /// Name a ref's records by a field of theirs
    #[arg(long, value_name = "FIELD.KEY", value_parser = link)]
    link: Vec<(String, String)>,
    /// The field for the text of Markdown files, where there are several
    #[arg(long, value_name = "FIELD")]
    body: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let engine = arguments.site.engine()?;
    let model = model_named(&engine, &arguments.model)?;
    let options = Options {
        filter: arguments.filter.clone(),
        fields: arguments.fields.clone(),
        links: arguments.link.clone(),
        body: arguments.body.clone(),
    };
    let named = arguments.format.map(FormatName::format);
    let guessed = arguments.output.as_deref().and_then(Format::of);
    let format = match (named.or(guessed), &arguments.output) {
        (Some(format), _) => format,
        (None, None) => Format::Ndjson,
        (None, Some(output)) => {
            return Err(CommandError::new(format_args!("the format of {} is not known", output.display()))
                .hint("say it: --format ndjson, json, csv or markdown"));
        }
    };
    let began = Instant::now();
    let written = write(&engine, model, &options, arguments.output.as_deref(), format)?;
    let pen = terminal::err();
    if let Some(output) = &arguments.output {
        let time = pen.dim(format_args!("in {:.1} s", began.elapsed().as_secs_f64()));
        let rows = HumanCount(written);
        pen.line(format_args!(
            "{} {rows} {} to {} {time}",
            pen.good("Exported"),
            arguments.model,
            output.display()
        ));
    }
    Ok(())
}

fn write(
    engine: &Engine,
    model: ModelId,
    options: &Options,
    output: Option<&Path>,
    format: Format,
) -> Outcome<u64> {
    let run = |target: Target<'_>| {
        let bar = if io::stderr().is_terminal() && output.is_some() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        let progress = |rows| {
            bar.set_message(format!("{} rows", HumanCount(rows)));
            bar.tick();
        };
        let result =
            small_runtime().map(|runtime| runtime.block_on(engine.export(model, options, target, progress)));
        bar.finish_and_clear();
        result
    };
    let exported = match (output, format) {
        (None, Format::Markdown) => {
            return Err(CommandError::new("Markdown files need a folder").hint("name it: --output posts/"));
        }
        (None, format) => run(Target::Stream(&mut terminal::stream(), format))?,
        (Some(folder), Format::Markdown) => {
            if std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()) {
                return Err(CommandError::new(format_args!("{} is not empty", folder.display())));
            }
            run(Target::Folder(folder))?
        }
        (Some(file), format) => return to_file(file, |out| run(Target::Stream(out, format))),
    };
    match exported {
        // Whoever reads has gone away (`purlin export posts | head`).
        Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        result => result.map_err(export_error),
    }
}

/// Writes a file beside its place, and puts it there when it is whole.
fn to_file(
    file: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Outcome<Result<u64, ExportError>>,
) -> Outcome<u64> {
    let failed =
        |error: io::Error| CommandError::new(format_args!("{} cannot be written: {error}", file.display()));
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let mut out = BufWriter::with_capacity(1 << 16, File::create(&beside).map_err(failed)?);
    let written = match write(&mut out)? {
        Ok(written) => written,
        Err(error) => {
            // What is not whole helps nobody.
            let _ = std::fs::remove_file(&beside);
            return Err(export_error(error));
        }
    };
    std::fs::rename(&beside, file).map_err(failed)?;
    Ok(written)
}

fn export_error(error: ExportError) -> CommandError {
    match error {
        ExportError::Failed(failure) => told(&failure),
        error => CommandError::new(error),
    }
}
