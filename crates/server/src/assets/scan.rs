//! Which files of `public/` are served, under which URL and as what.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use sha2::{Digest, Sha256};

/// A file that is served.
pub(super) struct File {
    /// Its decoded URL path: `/css/style.css`.
    pub(super) url: String,
    pub(super) path: PathBuf,
    pub(super) size_bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

/// Every file below a folder that may be served, in order of their URLs. Links that lead out of the folder
/// are not followed.
pub(super) fn files(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    if root.is_dir() {
        let root = root.canonicalize()?;
        walk(&root, &root, "", 0, &mut files)?;
    }
    files.sort_by(|a, b| a.url.cmp(&b.url));
    Ok(files)
}

fn walk(root: &Path, folder: &Path, prefix: &str, depth: usize, files: &mut Vec<File>) -> io::Result<()> {
    if depth > 32 {
        tracing::warn!(folder = %folder.display(), "too deep: not served");
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            tracing::warn!(file = %entry.path().display(), "the name is not UTF-8: not served");
            continue;
        };
        let url = format!("{prefix}/{name}");
        if !is_servable(&url) {
            continue;
        }
        // A link may dangle or lead out.
        let Ok(path) = entry.path().canonicalize() else { continue };
        if !path.starts_with(root) {
            tracing::warn!(file = %entry.path().display(), "leads out of public/: not served");
            continue;
        }
        let data = path.metadata()?;
        if data.is_dir() {
            walk(root, &path, &url, depth + 1, files)?;
        } else if data.is_file() {
            files.push(File { url, path, size_bytes: data.len(), modified: data.modified().ok() });
        }
    }
    Ok(())
}

/// Whether a decoded path could be that of a served file: no dotfile but `.well-known` (RFC 8615), nothing
/// that a file system takes for something else.
pub(super) fn is_servable(url: &str) -> bool {
    url.strip_prefix('/').is_some_and(|path| {
        path.split('/').enumerate().all(|(at, part)| {
            !part.is_empty()
                && (!part.starts_with('.') || (at == 0 && part == ".well-known"))
                && !part.contains(['\\', ':', '\0'])
        })
    })
}

/// The first 12 hexadecimal digits of a content's SHA-256.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(12);
    for byte in &Sha256::digest(bytes)[..6] {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The same for a file that is too big to read at the start: of its size and time.
pub(super) fn stamp(size_bytes: u64, modified: Option<SystemTime>) -> String {
    let nanos =
        modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos());
    fingerprint(format!("{size_bytes} {nanos}").as_bytes())
}

/// `/css/style.css` → `/css/style.1f2e3d4c5b6a.css`
pub(super) fn fingerprinted(url: &str, fingerprint: &str) -> String {
    let name_at = url.rfind('/').map_or(0, |at| at + 1);
    match url[name_at..].rfind('.') {
        Some(dot) if dot > 0 => {
            let (stem, extension) = url.split_at(name_at + dot);
            format!("{stem}.{fingerprint}{extension}")
        }
        _ => format!("{url}.{fingerprint}"),
    }
}

/// The content type of a file by its name.
pub(super) fn content_type(url: &str) -> HeaderValue {
    let extension = url.rsplit_once('.').map_or("", |(_, extension)| extension);
    let guess = match extension.to_ascii_lowercase().as_str() {
        "js" | "mjs" => "text/javascript; charset=utf-8".to_owned(),
        "webmanifest" => "application/manifest+json".to_owned(),
        "ico" => "image/x-icon".to_owned(),
        "map" => "application/json".to_owned(),
        _ => {
            let guess = mime_guess::from_path(url).first_or_octet_stream();
            match guess.essence_str() {
                text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
                other => other.to_owned(),
            }
        }
    };
    HeaderValue::try_from(guess).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// Whether compressing such a file can pay.
pub(super) fn is_compressible(content_type: &HeaderValue) -> bool {
    let Ok(ty) = content_type.to_str() else { return false };
    let ty = ty.split(';').next().unwrap_or(ty);
    ty.starts_with("text/")
        || ty.ends_with("json")
        || ty.ends_with("xml")
        || matches!(
            ty,
            "application/wasm" | "image/x-icon" | "font/ttf" | "font/otf" | "application/javascript"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_stand_before_the_extension() {
        assert_eq!(fingerprinted("/css/style.css", "ab"), "/css/style.ab.css");
        assert_eq!(fingerprinted("/a.b/LICENSE", "ab"), "/a.b/LICENSE.ab");
        assert_eq!(fingerprinted("/x.tar.gz", "ab"), "/x.tar.ab.gz");
    }

    #[test]
    fn attack_18_dotfiles_are_never_served() {
        for url in ["/.git/config", "/a/.env", "/.env", "/a\\b", "/C:", "//a", "/a/.well-known/x", "a", "/.."]
        {
            assert!(!is_servable(url), "{url}");
        }
        assert!(is_servable("/.well-known/security.txt"));
        assert!(is_servable("/a/b.css"));
    }

    #[test]
    fn types_have_charsets() {
        assert_eq!(content_type("/a.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("/a.CSS"), "text/css; charset=utf-8");
        assert_eq!(content_type("/a.svg"), "image/svg+xml");
        assert_eq!(content_type("/a.png"), "image/png");
        assert_eq!(content_type("/a"), "application/octet-stream");
    }
}
