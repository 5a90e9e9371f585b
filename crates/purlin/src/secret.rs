//! The site's own secret: what cursors and flash messages are signed with, in `data/secret.key`.
//!
//! It is made at the first start and kept: a new one at each start would end every cursor and message that
//! is under way. Only the owner of the process may read it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{CommandError, Outcome};
use crate::terminal;

/// Where it is, below the site's folder.
const FILE: &str = "data/secret.key";

/// Bytes of the secret.
const LENGTH: usize = 32;

/// Reads the secret of a site, or makes one.
pub(crate) fn of_site(root: &Path) -> Outcome<[u8; LENGTH]> {
    let path = root.join(FILE);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    make(&path).map_err(|error| {
        CommandError::new(format_args!("{} cannot be written: {error}", path.display()))
            .hint("the folder `data/` of a site must be writable for Purlin")
    })?;
    read(&path)?.ok_or_else(|| CommandError::new(format_args!("{} is gone again", path.display())))
}

fn read(path: &Path) -> Outcome<Option<[u8; LENGTH]>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CommandError::new(format_args!("{} cannot be read: {error}", path.display())));
        }
    };
    warn_if_others_read(path);
    let found = bytes.len();
    let secret = bytes.try_into().map_err(|_| {
        CommandError::new(format_args!("{} has {found} bytes instead of {LENGTH}", path.display()))
            .hint("delete the file: a new one is made at the next start")
    })?;
    Ok(Some(secret))
}

/// Written beside its place and then linked there, so that it is there whole or not at all, and two processes
/// that start together agree on one.
fn make(path: &Path) -> std::io::Result<()> {
    let mut secret = [0; LENGTH];
    getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = path.with_extension(format!("key.{}.part", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    let linked = match fs::hard_link(&part, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no links.
        Err(_) => return fs::rename(&part, path),
        Ok(()) => Ok(()),
    };
    fs::remove_file(&part)?;
    linked
}

#[cfg(unix)]
fn warn_if_others_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        let pen = terminal::err();
        let path = path.display();
        pen.line(format_args!("{} others can read {path}; run `chmod 600 {path}`", pen.warn("warning:")));
    }
}

#[cfg(not(unix))]
fn warn_if_others_read(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = of_site(folder.path()).expect("it is made");
        assert_ne!(first, [0; LENGTH]);
        assert_eq!(of_site(folder.path()).expect("it is read"), first);
        assert_eq!(fs::read_dir(folder.path().join("data")).expect("a folder").count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(FILE)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("data")).expect("a folder");
        fs::write(folder.path().join(FILE), b"short").expect("a file");
        let error = of_site(folder.path()).expect_err("it is refused").to_string();
        assert!(error.contains("5 bytes instead of 32"), "{error}");
    }
}
