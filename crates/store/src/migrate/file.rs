//! Migration files: `migrations/0002_subtitles.toml`, made by `purlin migrate new`, reviewed, committed.
//!
//! What a file means is its list of operations, and the checksum is over those alone: a comment or a blank
//! line may be added to an applied file, a change of its meaning may not.
//!
//! ```toml
//! [[operation]]
//! op = "add_field"
//! table = "posts"
//! field = "subtitle"
//! column = { type = "text" }
//! ```

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::error::MigrateError;
use super::operation::Operation;
use super::snapshot::Snapshot;

/// The folder in a site.
const FOLDER: &str = "migrations";

/// One migration file.
#[derive(Clone, Debug, PartialEq)]
pub struct MigrationFile {
    /// Its number; files apply in this order.
    pub number: u32,
    /// Its name without the number: `subtitles`.
    pub name: String,
    /// The file, relative to the site.
    pub path: PathBuf,
    /// What it does.
    pub operations: Vec<Operation>,
    /// SHA-256 of the operations, in hexadecimal.
    pub checksum: String,
    /// The line on which each operation begins.
    lines: Vec<usize>,
}

/// A file as TOML has it; the operations keep their places for messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    operation: Vec<toml::Spanned<toml::Table>>,
}

impl MigrationFile {
    /// A new migration, not yet written.
    ///
    /// # Errors
    /// Where the name makes no file name.
    pub fn new(number: u32, name: &str, operations: Vec<Operation>) -> Result<MigrationFile, MigrateError> {
        let name = name.trim().replace(' ', "_").to_lowercase();
        let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 100 || !name.chars().all(is_fit) {
            return Err(MigrateError::Name(name));
        }
        let path = Path::new(FOLDER).join(format!("{number:04}_{name}.toml"));
        let checksum = checksum(&operations);
        Ok(MigrationFile { number, name, path, operations, checksum, lines: Vec::new() })
    }

    /// Number and name: `0002_subtitles`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{:04}_{}", self.number, self.name)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Where it is no TOML, or holds something else than operations.
    pub fn parse(number: u32, name: &str, path: &Path, text: &str) -> Result<MigrationFile, MigrateError> {
        let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let wrong = |line: Option<usize>, message: &str| MigrateError::File {
            file: path.to_owned(),
            line,
            message: message.trim().replace('\n', "; "),
        };
        let document: Document = toml::from_str(text)
            .map_err(|error| wrong(error.span().map(|span| line_of(span.start)), error.message()))?;
        let mut operations = Vec::new();
        let mut lines = Vec::new();
        for table in document.operation {
            let line = line_of(table.span().start);
            let operation = Operation::deserialize(table.into_inner())
                .map_err(|error: toml::de::Error| wrong(Some(line), error.message()))?;
            operations.push(operation);
            lines.push(line);
        }
        let checksum = checksum(&operations);
        Ok(MigrationFile {
            number,
            name: name.to_owned(),
            path: path.to_owned(),
            operations,
            checksum,
            lines,
        })
    }

    /// The file's text.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = format!(
            "# Migration {:04}, made by `purlin migrate new`. Review it, commit it, and leave it as it is once it was\n\
             # applied anywhere.\n",
            self.number
        );
        for operation in &self.operations {
            text.push_str("\n[[operation]]\n");
            if let Ok(Json::Object(keys)) = serde_json::to_value(operation) {
                for (key, value) in keys {
                    write_key(&mut text, &key, &value);
                }
            }
        }
        text
    }

    /// Writes the file: it is there whole or not at all.
    ///
    /// # Errors
    /// Where the folder cannot be written, or the file is there already.
    pub fn write(&self, root: &Path) -> Result<(), MigrateError> {
        let path = root.join(&self.path);
        let io = |source| MigrateError::Io { path: path.clone(), source };
        fs::create_dir_all(root.join(FOLDER)).map_err(io)?;
        if path.exists() {
            return Err(io(std::io::ErrorKind::AlreadyExists.into()));
        }
        let part = path.with_extension(format!("toml.{}.part", std::process::id()));
        let mut file = fs::File::create(&part).map_err(io)?;
        file.write_all(self.to_toml().as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&part, &path).map_err(io)
    }

    /// Performs its operations on a picture.
    ///
    /// # Errors
    /// Where one does not fit, with its line.
    pub fn replay(&self, on: &mut Snapshot) -> Result<(), MigrateError> {
        let wrong = |position: usize, message: String| MigrateError::File {
            file: self.path.clone(),
            line: self.lines.get(position).copied(),
            message,
        };
        for (position, operation) in self.operations.iter().enumerate() {
            operation.replay(on).map_err(|message| wrong(position, message))?;
        }
        match on.problem() {
            Some(problem) => Err(wrong(self.operations.len().saturating_sub(1), problem)),
            None => Ok(()),
        }
    }
}

/// Every migration file of a site, in the order of their numbers.
///
/// # Errors
/// Where one cannot be read, or two have one number.
pub fn read_all(root: &Path) -> Result<Vec<MigrationFile>, MigrateError> {
    let folder = root.join(FOLDER);
    let io = |path: &Path, source| MigrateError::Io { path: path.to_owned(), source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(&folder, error)),
    };
    let mut files: Vec<MigrationFile> = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| io(&folder, error))?.path();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(stem) = file_name.strip_suffix(".toml").filter(|stem| !stem.starts_with('.')) else {
            continue;
        };
        let relative = Path::new(FOLDER).join(&file_name);
        let named = stem.split_once('_').and_then(|(number, name)| Some((number.parse().ok()?, name)));
        let (number, name) = named.ok_or_else(|| MigrateError::File {
            file: relative.clone(),
            line: None,
            message: "a migration is called `0001_name.toml`".to_owned(),
        })?;
        let text = fs::read_to_string(&path).map_err(|error| io(&path, error))?;
        files.push(MigrationFile::parse(number, name, &relative, &text)?);
    }
    files.sort_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
    if let Some(pair) = files.windows(2).find(|pair| pair[0].number == pair[1].number) {
        let next = files.last().map_or(1, |last| last.number + 1);
        return Err(MigrateError::File {
            file: pair[1].path.clone(),
            line: None,
            message: format!(
                "{} has the same number; rename the one that is not applied anywhere to `{next:04}_…`",
                pair[0].path.display()
            ),
        });
    }
    Ok(files)
}

/// The picture after all these files.
///
/// # Errors
/// Where an operation does not fit, with file and line.
pub fn replay_all<'files>(
    files: impl IntoIterator<Item = &'files MigrationFile>,
) -> Result<Snapshot, MigrateError> {
    let mut snapshot = Snapshot::default();
    for file in files {
        file.replay(&mut snapshot)?;
    }
    Ok(snapshot)
}

/// SHA-256 over what the operations mean, in hexadecimal.
fn checksum(operations: &[Operation]) -> String {
    let canonical = serde_json::to_string(operations).unwrap_or_default();
    Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One key of an operation; each of the `fields` of a table gets a line.
fn write_key(text: &mut String, key: &str, value: &Json) {
    let result = match value {
        Json::Object(inner) if key == "fields" => inner
            .iter()
            .try_for_each(|(name, value)| writeln!(text, "{key}.{} = {}", toml_key(name), toml_value(value))),
        value => writeln!(text, "{key} = {}", toml_value(value)),
    };
    result.expect("writing to a string never fails");
}

fn toml_key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { toml_value(&Json::from(key)) }
}

/// A value on one line.
fn toml_value(value: &Json) -> String {
    match value {
        Json::String(text) => toml::Value::String(text.clone()).to_string(),
        Json::Number(number) => number.to_string(),
        Json::Bool(truth) => truth.to_string(),
        Json::Null => "\"\"".to_owned(),
        Json::Array(list) => format!("[{}]", list.iter().map(toml_value).collect::<Vec<_>>().join(", ")),
        Json::Object(inner) => {
            let pairs: Vec<_> = inner
                .iter()
                .map(|(key, value)| format!("{} = {}", toml_key(key), toml_value(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
