//! Where rows come from: files that are read piece by piece, on a thread of their own.
//!
//! A reader pushes rows, each with its place; the import takes them in chunks over a channel that holds few, so that
//! a file of gigabytes is never in memory and reading goes on while rows are written.

mod csv;
mod json;
mod lines;
mod markdown;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

/// Rows that are handed over at once.
const ROWS_A_CHUNK: usize = 256;
/// Bytes after which a chunk is handed over.
const BYTES_A_CHUNK: usize = 1 << 20;
/// Chunks that wait.
const CHUNKS: usize = 4;
/// A row of more bytes is refused: it is no row, but a file of another kind.
pub(super) const LONGEST_ROW: usize = 64 << 20;

/// How rows are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line.
    Ndjson,
    /// A JSON array of objects.
    Json,
    /// Comma-separated values (RFC 4180), the first line of which names the columns.
    Csv,
    /// A folder of Markdown files, each a row: its front matter, and its text.
    Markdown,
}

impl Format {
    /// The format of a path, by its ending; a folder has Markdown in it.
    #[must_use]
    pub fn of(path: &Path) -> Option<Format> {
        if path.is_dir() {
            return Some(Format::Markdown);
        }
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "ndjson" | "jsonl" => Format::Ndjson,
            "json" => Format::Json,
            "csv" => Format::Csv,
            "md" | "markdown" => Format::Markdown,
            _ => return None,
        })
    }
}

/// Where a row begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, where there are several.
    pub file: Option<Arc<Path>>,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.file {
            Some(file) => write!(out, "{}:{}", file.display(), self.line),
            None => write!(out, "line {}", self.line),
        }
    }
}

/// A row as its file has it.
#[derive(Debug)]
pub(super) struct RawRow {
    pub(super) place: Place,
    pub(super) cells: Vec<(Arc<str>, Raw)>,
    pub(super) size_bytes: usize,
}

/// What a row says of a name.
#[derive(Debug)]
pub(super) enum Raw {
    /// As JSON has it.
    Json(serde_json::Value),
    /// A cell of CSV. One that is empty and quoted is an empty text, one that is not quoted is nothing.
    Cell { text: String, quoted: bool },
    /// The text below a front matter.
    Body(String),
    /// The name of a Markdown file, without its ending and the date before it.
    Stem(String),
}

/// What a reader finds.
#[derive(Debug)]
pub(super) enum Found {
    /// A row.
    Row(RawRow),
    /// Something that is no row, after which reading goes on.
    Refused(Place, String),
    /// Something after which nothing can be read.
    Broken(Place, String),
}

/// A file, or a folder of them, that is read.
pub struct Source {
    pub(super) format: Format,
    pub(super) chunks: mpsc::Receiver<Vec<Found>>,
    /// Bytes that were read.
    read: Arc<AtomicU64>,
    /// Bytes that there are, where that is known.
    size_bytes: Option<u64>,
}

impl Source {
    /// Begins to read a file, or a folder of Markdown files.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &Path, format: Format) -> io::Result<Source> {
        if format == Format::Markdown {
            let files = markdown::list(path)?;
            let size =
                files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|data| data.len()).sum();
            let root = if path.is_dir() { path.to_owned() } else { PathBuf::new() };
            return Source::start(format, Some(size), move |sink| markdown::read(&root, &files, sink));
        }
        let file = File::open(path)?;
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
        Source::of(file, format, size)
    }

    /// Begins to read rows from anywhere.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn of(
        from: impl Read + Send + 'static,
        format: Format,
        size_bytes: Option<u64>,
    ) -> io::Result<Source> {
        Source::start(format, size_bytes, move |sink| {
            let counted = Counted { from, read: sink.read.clone() };
            let mut from = BufReader::with_capacity(1 << 16, counted);
            match format {
                Format::Ndjson => lines::read(&mut from, sink),
                Format::Json => json::read(from, sink),
                Format::Csv => csv::read(&mut from, sink),
                Format::Markdown => markdown::read_one(&mut from, sink),
            }
        })
    }

    fn start(
        format: Format,
        size_bytes: Option<u64>,
        work: impl FnOnce(&mut Sink) -> Result<(), Stopped> + Send + 'static,
    ) -> io::Result<Source> {
        let (chunks, taken) = mpsc::channel(CHUNKS);
        let read = Arc::new(AtomicU64::new(0));
        let mut sink = Sink { chunks, waiting: Vec::new(), bytes: 0, read: read.clone() };
        std::thread::Builder::new().name("purlin-import".to_owned()).spawn(move || {
            // Nobody takes rows any more: the import has ended.
            let _ = work(&mut sink).and_then(|()| sink.flush());
        })?;
        Ok(Source { format, chunks: taken, read, size_bytes })
    }

    /// How many bytes were read, of how many.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.size_bytes)
    }
}

/// Nobody takes rows any more.
#[derive(Debug)]
pub(super) struct Stopped;

/// Where readers put what they find.
pub(super) struct Sink {
    chunks: mpsc::Sender<Vec<Found>>,
    waiting: Vec<Found>,
    bytes: usize,
    read: Arc<AtomicU64>,
}

impl Sink {
    fn row(&mut self, row: RawRow) -> Result<(), Stopped> {
        self.bytes += row.size_bytes;
        self.push(Found::Row(row))
    }

    fn refuse(&mut self, place: Place, message: impl Into<String>) -> Result<(), Stopped> {
        self.push(Found::Refused(place, message.into()))
    }

    fn broken(&mut self, place: Place, message: impl Into<String>) -> Result<(), Stopped> {
        self.push(Found::Broken(place, message.into()))
    }

    fn push(&mut self, found: Found) -> Result<(), Stopped> {
        self.waiting.push(found);
        if self.waiting.len() >= ROWS_A_CHUNK || self.bytes >= BYTES_A_CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        self.bytes = 0;
        self.chunks.blocking_send(std::mem::take(&mut self.waiting)).map_err(|_| Stopped)
    }

    /// Notes that a whole file was read.
    fn passed(&self, bytes: usize) {
        self.read.fetch_add(u64::try_from(bytes).unwrap_or_default(), Ordering::Relaxed);
    }
}

/// Counts what is read.
struct Counted<R> {
    from: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.from.read(into)?;
        self.read.fetch_add(u64::try_from(bytes).unwrap_or_default(), Ordering::Relaxed);
        Ok(bytes)
    }
}

/// A place in the one file.
fn line(line: usize) -> Place {
    Place { file: None, line }
}

/// The cells of a JSON object.
fn cells_of(map: serde_json::Map<String, serde_json::Value>) -> Vec<(Arc<str>, Raw)> {
    map.into_iter().map(|(name, json)| (name.into(), Raw::Json(json))).collect()
}

/// What the parser says, without the place that it would say it of.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    format!("is not JSON: {}", text.split(" at line ").next().unwrap_or_default())
}
