//! A folder of Markdown files, each a row: its front matter (TOML between `+++`, YAML between `---`), then its text.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{LONGEST_ROW, Place, Raw, RawRow, Sink, Stopped, cells_of};

/// Folders within folders that are looked into.
const DEEPEST: usize = 16;

/// The Markdown files of a folder and of those in it, in the order of their paths; or the one file.
pub(super) fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if path.is_dir() {
        walk(path, 0, &mut files)?;
        files.sort();
    } else {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
    }
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() && depth < DEEPEST {
            walk(&path, depth + 1, files)?;
        } else if kind.is_file()
            && path.extension().is_some_and(|ending| ending == "md" || ending == "markdown")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Reads file by file; one that cannot be read is refused, and the next one looked at.
pub(super) fn read(root: &Path, files: &[PathBuf], sink: &mut Sink) -> Result<(), Stopped> {
    for file in files {
        let told: Arc<Path> = file.strip_prefix(root).unwrap_or(file).into();
        let place = |line| Place { file: Some(told.clone()), line };
        match std::fs::metadata(file).and_then(|data| match data.len() {
            0..=LONGEST => std::fs::read(file),
            _ => Err(io::Error::other("it is too long for a row")),
        }) {
            Ok(bytes) => {
                sink.passed(bytes.len());
                one(bytes, place, Some(file), sink)?;
            }
            Err(error) => sink.refuse(place(1), format!("cannot be read: {error}"))?,
        }
    }
    Ok(())
}

const LONGEST: u64 = LONGEST_ROW as u64;

/// Reads one text, which has no name.
pub(super) fn read_one(from: &mut impl Read, sink: &mut Sink) -> Result<(), Stopped> {
    let mut bytes = Vec::new();
    let place = |line| Place { file: None, line };
    match from.take(LONGEST).read_to_end(&mut bytes) {
        Ok(_) => one(bytes, place, None, sink),
        Err(error) => sink.broken(place(1), format!("cannot be read: {error}")),
    }
}

fn one(
    bytes: Vec<u8>,
    place: impl Fn(usize) -> Place,
    file: Option<&Path>,
    sink: &mut Sink,
) -> Result<(), Stopped> {
    let size_bytes = bytes.len();
    let Ok(text) = String::from_utf8(bytes) else { return sink.refuse(place(1), "is not UTF-8") };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut cells, body) = match split(text) {
        None => (Vec::new(), text),
        Some((matter, body)) => match matter.parse() {
            Ok(map) => (cells_of(map), body),
            Err((line, message)) => return sink.refuse(place(line), message),
        },
    };
    cells.push(("body".into(), Raw::Body(body.to_owned())));
    if let Some(stem) = file.and_then(stem) {
        cells.push(("slug".into(), Raw::Stem(stem)));
    }
    sink.row(RawRow { place: place(1), cells, size_bytes })
}

/// A front matter, which begins on the second line.
enum Matter<'text> {
    Toml(&'text str),
    Yaml(&'text str),
}

/// The front matter and what follows it, where the text begins with one.
fn split(text: &str) -> Option<(Matter<'_>, &str)> {
    let (first, rest) = text.split_once('\n')?;
    let fence = first.trim_end();
    if fence != "+++" && fence != "---" {
        return None;
    }
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == fence {
            let (matter, body) = (&rest[..at], &rest[at + line.len()..]);
            // A blank line between the two is no part of the text.
            let body = body.strip_prefix("\r\n").or_else(|| body.strip_prefix('\n')).unwrap_or(body);
            let matter = if fence == "+++" { Matter::Toml(matter) } else { Matter::Yaml(matter) };
            return Some((matter, body));
        }
        at += line.len();
    }
    None
}

impl Matter<'_> {
    /// Its names and values, or the line of what is wrong and what that is.
    fn parse(&self) -> Result<Map<String, Value>, (usize, String)> {
        match self {
            Matter::Toml(text) => match toml::from_str::<toml::Table>(text) {
                Ok(table) => Ok(table.into_iter().map(|(name, value)| (name, of_toml(value))).collect()),
                Err(error) => {
                    let at = error.span().map_or(0, |span| span.start);
                    let line = 2 + text[..at.min(text.len())].matches('\n').count();
                    Err((line, format!("has a front matter that is not TOML: {}", error.message())))
                }
            },
            Matter::Yaml(text) if text.trim().is_empty() => Ok(Map::new()),
            Matter::Yaml(text) => serde_saphyr::from_str::<Map<String, Value>>(text).map_err(|error| {
                let line = error.location().map_or(2, |at| 1 + usize::try_from(at.line()).unwrap_or(1));
                let message = error.to_string();
                let message = message.lines().next().unwrap_or_default();
                (line, format!("has a front matter that is not YAML: {message}"))
            }),
        }
    }
}

/// Times become the texts that JSON has for them.
fn of_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(truth) => Value::from(truth),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(of_toml).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(name, value)| (name, of_toml(value))).collect())
        }
    }
}

/// `2014-09-15-Rust-1.0.md` is `Rust-1.0`, and `hello/index.md` is `hello`.
fn stem(file: &Path) -> Option<String> {
    let mut stem = file.file_stem()?.to_str()?;
    if matches!(stem, "index" | "_index") {
        stem = file.parent()?.file_name()?.to_str()?;
    }
    let is_date = |head: &str| {
        head.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 | 10 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    };
    let dated = stem.get(..11).is_some_and(is_date) && stem.len() > 11;
    Some(if dated { stem[11..].to_owned() } else { stem.to_owned() })
}
