//! Static files: `public/`, served as it is.
//!
//! The folder is read once, at the start. Small files stay in memory with their compressed forms, big ones
//! are read from disk in pieces. A request is looked up by its decoded path among the files that were found,
//! so no spelling of a path leads anywhere else. Each file also has a fingerprinted URL
//! (`/style.1f2e3d4c5b6a.css`), which `asset("style.css")` gives and which browsers keep for good.

pub mod encoding;
pub mod range;
mod scan;
mod stream;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use http::header::{self, HeaderMap};
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::body::Bytes;
use purlin_engine::default_pages;

use crate::answer::{Problem, etag};
use crate::body::Body;
use encoding::{Accepted, Encoding};
use range::Wanted;

/// Files up to this size are kept in memory.
const MEMORY_FILE_BYTES: u64 = 256 * 1024;
/// And so much of them together.
const MEMORY_BYTES: u64 = 24 * 1024 * 1024;
/// Below this, compression does not pay.
const COMPRESS_FROM_BYTES: usize = 512;

/// The static files of a site.
pub struct Assets {
    root: PathBuf,
    dev: bool,
    builtin: Vec<Builtin>,
    table: ArcSwap<Table>,
}

/// A file that Purlin brings along.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Builtin {
    /// `/_purlin/purlin.css`
    pub(crate) path: &'static str,
    /// Its content.
    pub(crate) text: &'static str,
}

#[derive(Default)]
struct Table {
    by_path: HashMap<String, Entry>,
}

/// A file under one of its two URLs.
#[derive(Clone)]
pub struct Entry {
    asset: Arc<Asset>,
    /// Whether it was asked for by its fingerprint.
    immutable: bool,
}

/// One file.
struct Asset {
    content: Content,
    content_type: HeaderValue,
    /// Tags of the identity, gzip and brotli.
    tags: [HeaderValue; 3],
    /// Its other URL.
    fingerprinted: String,
    modified: Option<SystemTime>,
    packed: OnceLock<Packed>,
}

enum Content {
    Memory(Bytes),
    Disk { path: PathBuf, size_bytes: u64 },
}

#[derive(Default)]
struct Packed {
    gzip: Option<Bytes>,
    brotli: Option<Bytes>,
}

impl Assets {
    /// Reads a `public/` folder; a folder that is not there is an empty one. Compression follows in the
    /// background; until it is done, files are served as they are. Under `dev`, files are looked at again
    /// whenever they are asked for.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn open(root: &Path, dev: bool) -> std::io::Result<Arc<Assets>> {
        let mut builtin = vec![Builtin { path: default_pages::CSS_PATH, text: default_pages::CSS }];
        if dev {
            builtin.push(crate::dev::SCRIPT);
        }
        let table = Table::read(root, &builtin)?;
        let assets =
            Arc::new(Assets { root: root.to_owned(), dev, builtin, table: ArcSwap::from_pointee(table) });
        if !dev {
            let table = assets.table.load_full();
            // Where no thread can be had, files stay as they are.
            let _ = std::thread::Builder::new().name("purlin-compress".into()).spawn(move || table.pack());
        }
        Ok(assets)
    }

    /// No files at all.
    #[must_use]
    pub fn none() -> Arc<Assets> {
        let table = ArcSwap::from_pointee(Table::default());
        Arc::new(Assets { root: PathBuf::new(), dev: false, builtin: Vec::new(), table })
    }

    /// Reads the folder again.
    ///
    /// # Errors
    /// Where a file cannot be read; what was read before stays.
    pub fn reload(&self) -> std::io::Result<()> {
        self.table.store(Arc::new(Table::read(&self.root, &self.builtin)?));
        Ok(())
    }

    /// Every path that is served, in order; fingerprinted ones are left out.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let table = self.table.load();
        let mut paths: Vec<String> = table
            .by_path
            .iter()
            .filter(|(_, entry)| !entry.immutable)
            .map(|(path, _)| path.clone())
            .collect();
        paths.sort_unstable();
        paths
    }

    /// The file at a decoded path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Entry> {
        if self.dev {
            self.refresh(path);
        }
        self.table.load().by_path.get(path).cloned()
    }

    /// Under `dev`: whether a file appeared, changed or went, and reads the folder again if so.
    fn refresh(&self, path: &str) {
        let table = self.table.load();
        let known = table.by_path.get(path);
        if known.is_some_and(|entry| entry.immutable) || !scan::is_servable(path) {
            return;
        }
        let on_disk = std::fs::metadata(self.root.join(&path[1..])).ok().filter(std::fs::Metadata::is_file);
        let modified = on_disk.and_then(|data| data.modified().ok());
        if modified != known.and_then(|entry| entry.asset.modified)
            && let Err(error) = self.reload()
        {
            tracing::warn!("public/ cannot be read: {error}");
        }
    }

    /// Blocks until everything is compressed: for tests.
    pub fn pack(&self) {
        self.table.load().pack();
    }
}

impl purlin_engine::Assets for Assets {
    fn url(&self, name: &str) -> Option<String> {
        let path = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        Some(self.find(&path)?.asset.fingerprinted.clone())
    }
}

impl Table {
    fn read(root: &Path, builtin: &[Builtin]) -> std::io::Result<Table> {
        let mut table = Table::default();
        let mut memory_bytes = 0;
        for file in scan::files(root)? {
            let keep = file.size_bytes <= MEMORY_FILE_BYTES && memory_bytes + file.size_bytes <= MEMORY_BYTES;
            let modified = file.modified;
            let (content, fingerprint) = if keep {
                let bytes = Bytes::from(std::fs::read(&file.path)?);
                memory_bytes += bytes.len() as u64;
                let fingerprint = scan::fingerprint(&bytes);
                (Content::Memory(bytes), fingerprint)
            } else {
                let fingerprint = scan::stamp(file.size_bytes, modified);
                (Content::Disk { path: file.path, size_bytes: file.size_bytes }, fingerprint)
            };
            table.add(file.url, content, &fingerprint, modified);
        }
        for file in builtin {
            let bytes = Bytes::from_static(file.text.as_bytes());
            let fingerprint = scan::fingerprint(&bytes);
            table.add(file.path.to_owned(), Content::Memory(bytes), &fingerprint, None);
        }
        Ok(table)
    }

    fn add(&mut self, url: String, content: Content, fingerprint: &str, modified: Option<SystemTime>) {
        let fingerprinted = scan::fingerprinted(&url, fingerprint);
        let tag = |suffix: &str| {
            HeaderValue::try_from(format!("\"{fingerprint}{suffix}\"")).expect("hexadecimal digits in quotes")
        };
        let asset = Arc::new(Asset {
            content,
            content_type: scan::content_type(&url),
            tags: [tag(""), tag("-gzip"), tag("-br")],
            fingerprinted: crate::route::path::encoded(&fingerprinted),
            modified,
            packed: OnceLock::new(),
        });
        // A file that happens to have such a name keeps it.
        self.by_path.entry(fingerprinted).or_insert(Entry { asset: asset.clone(), immutable: true });
        self.by_path.insert(url, Entry { asset, immutable: false });
    }

    fn pack(&self) {
        for entry in self.by_path.values() {
            if let Content::Memory(bytes) = &entry.asset.content
                && scan::is_compressible(&entry.asset.content_type)
                && bytes.len() >= COMPRESS_FROM_BYTES
            {
                entry.asset.packed.get_or_init(|| Packed::of(bytes));
            }
        }
    }
}

impl Packed {
    fn of(bytes: &[u8]) -> Packed {
        let pays = |packed: Vec<u8>| (packed.len() < bytes.len() / 20 * 19).then(|| Bytes::from(packed));
        let gzip = || {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).ok()
        };
        let brotli = || {
            // Quality 9 would take 33 MB for its tables, whatever the size; 6 packs a few per cent less.
            let window = usize::BITS - bytes.len().leading_zeros();
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: 6,
                lgwin: i32::try_from(window.clamp(10, 22)).unwrap_or(22),
                size_hint: bytes.len(),
                ..Default::default()
            };
            let mut packed = Vec::new();
            brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters).ok().map(|_| packed)
        };
        Packed { gzip: gzip().and_then(pays), brotli: brotli().and_then(pays) }
    }
}

impl Entry {
    /// Answers a request for this file.
    ///
    /// # Errors
    /// 405 for other methods than GET and HEAD, 416, 404 where the file has gone.
    pub async fn answer(&self, method: &Method, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Problem::method_not_allowed("GET, HEAD"));
        }
        let asset = &*self.asset;
        let range =
            headers.get(header::RANGE).filter(|_| method == Method::GET && asset.range_holds(headers));
        let (encoding, packed) = match range {
            Some(_) => (Encoding::Identity, None),
            None => asset.encoding_for(headers),
        };
        let tag = &asset.tags[encoding as usize];
        if etag::is_known(headers, tag) {
            return Ok(self.dressed(StatusCode::NOT_MODIFIED, encoding, tag, Body::empty()));
        }
        if let Some(bytes) = packed {
            return Ok(self.dressed(StatusCode::OK, encoding, tag, Body::from(bytes)));
        }
        let size_bytes = asset.size_bytes();
        match range::wanted(range.and_then(|range| range.to_str().ok()), size_bytes) {
            Wanted::Whole => {
                let body = asset.content.read(0..size_bytes).await?;
                Ok(self.dressed(StatusCode::OK, encoding, tag, body))
            }
            Wanted::Part(part) => {
                let shown = format!("bytes {}-{}/{size_bytes}", part.start, part.end - 1);
                let body = asset.content.read(part).await?;
                let mut response = self.dressed(StatusCode::PARTIAL_CONTENT, encoding, tag, body);
                insert(&mut response, header::CONTENT_RANGE, &shown);
                Ok(response)
            }
            Wanted::Unsatisfiable => {
                let mut response =
                    self.dressed(StatusCode::RANGE_NOT_SATISFIABLE, encoding, tag, Body::empty());
                insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{size_bytes}"));
                Ok(response)
            }
        }
    }

    fn dressed(
        &self,
        status: StatusCode,
        encoding: Encoding,
        tag: &HeaderValue,
        body: Body,
    ) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.asset.content_type.clone());
        headers.insert(header::ETAG, tag.clone());
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(if self.immutable {
                "public, max-age=31536000, immutable"
            } else {
                "public, no-cache"
            }),
        );
        if scan::is_compressible(&self.asset.content_type) {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if let Some(name) = encoding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }
}

fn insert(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

impl Asset {
    fn size_bytes(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Disk { size_bytes, .. } => *size_bytes,
        }
    }

    /// The best encoding that is there and accepted.
    fn encoding_for(&self, headers: &HeaderMap) -> (Encoding, Option<Bytes>) {
        if let Some(packed) = self.packed.get() {
            for encoding in Accepted::of(headers).in_order().into_iter().flatten() {
                let bytes = if encoding == Encoding::Brotli { &packed.brotli } else { &packed.gzip };
                if let Some(bytes) = bytes {
                    return (encoding, Some(bytes.clone()));
                }
            }
        }
        (Encoding::Identity, None)
    }

    /// `If-Range`: a part is of use only to who has the rest of the same file.
    fn range_holds(&self, headers: &HeaderMap) -> bool {
        headers.get(header::IF_RANGE).is_none_or(|tag| *tag == self.tags[0])
    }
}

#[cfg(test)]
mod tests;
