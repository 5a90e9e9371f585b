//! The site's own secret: what cursors and flash messages are signed with.
//!
//! `server.signing_key` gives it where several machines share a site. Else it is in `data/secret.key`: made at the first
//! start and kept, for a new one at each start would end every cursor and message that is under way. Only the owner
//! of the process may read it. A key that another took the place of is believed for a time, in `data/secret.old`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purlin_engine::Keys;
use purlin_schema::Site;
use purlin_schema::settings::Secret;
use sha2::{Digest, Sha256};

use crate::error::{CommandError, Outcome};
use crate::terminal;

/// Where it is, below the site's folder.
pub(crate) const FILE: &str = "data/secret.key";
/// Those that were used before: a line each, with the second until which it is believed.
const OLD_FILE: &str = "data/secret.old";

/// Bytes of the secret.
const LENGTH: usize = 32;
const DAY_SECONDS: i64 = 86_400;

/// Reads the keys of a site, or makes one.
pub(crate) fn of_site(site: &Site, now: i64) -> Outcome<Keys> {
    let server = &site.settings.server;
    let current = match &server.signing_key {
        Some(given) => of_text(given),
        None => kept(&site.root)?,
    };
    let mut old: Vec<[u8; LENGTH]> = server.signing_keys_old.iter().map(of_text).collect();
    old.extend(
        before(&site.root)?.into_iter().filter(|(until, _)| *until > now / 1_000_000).map(|(_, key)| key),
    );
    Ok(Keys { current, old })
}

/// Puts a new key in the place of the one in the site's folder, which is believed for so many days more.
pub(crate) fn rotate(root: &Path, now: i64, days: u32) -> Outcome {
    let current = read(&root.join(FILE))?.ok_or_else(|| {
        CommandError::new("the site has no signing key yet; the first start makes one")
            .hint("where `server.signing_key` is set, put its value into `server.signing_keys_old` and another into its place")
    })?;
    let now = now / 1_000_000;
    let mut old = before(root)?;
    old.retain(|(until, _)| *until > now);
    old.push((now + i64::from(days) * DAY_SECONDS, current));
    let lines: String =
        old.iter().map(|(until, key)| format!("{until} {}\n", URL_SAFE_NO_PAD.encode(key))).collect();
    // In this order: where the process dies in between, one key is there twice and none is lost.
    write_for_owner(&root.join(OLD_FILE), lines.as_bytes())?;
    write_for_owner(&root.join(FILE), &random().map_err(CommandError::new)?)
}

/// A key of a text of any length.
fn of_text(text: &Secret) -> [u8; LENGTH] {
    Sha256::digest(text.reveal().as_bytes()).into()
}

fn before(root: &Path) -> Outcome<Vec<(i64, [u8; LENGTH])>> {
    let Some(bytes) = read_if_there(&root.join(OLD_FILE))? else { return Ok(Vec::new()) };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let one = |line: &str| {
        let (until, key) = line.split_once(' ')?;
        Some((until.parse().ok()?, URL_SAFE_NO_PAD.decode(key).ok()?.try_into().ok()?))
    };
    let damaged = || {
        CommandError::new(format_args!("{OLD_FILE} is damaged"))
            .hint("delete the file: what the old keys signed is then believed no more")
    };
    text.lines().map(|line| one(line).ok_or_else(damaged)).collect()
}

fn kept(root: &Path) -> Outcome<[u8; LENGTH]> {
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
    let Some(bytes) = read_if_there(path)? else { return Ok(None) };
    warn_if_others_read(path);
    let found = bytes.len();
    let secret = bytes.try_into().map_err(|_| {
        CommandError::new(format_args!("{} has {found} bytes instead of {LENGTH}", path.display()))
            .hint("delete the file: a new one is made at the next start")
    })?;
    Ok(Some(secret))
}

/// What a file holds, where it is there.
pub(crate) fn read_if_there(path: &Path) -> Outcome<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::new(format_args!("{} cannot be read: {error}", path.display()))),
    }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_for_owner(path: &Path, bytes: &[u8]) -> Outcome {
    write(path, bytes, 0o600)
}

/// Writes a file that holds no secret as it stands there, whole or not at all.
pub(crate) fn write_for_all(path: &Path, bytes: &[u8]) -> Outcome {
    write(path, bytes, 0o644)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    let written = || -> std::io::Result<()> {
        let part = part_beside(path, bytes, mode)?;
        fs::rename(part, path)
    };
    written()
        .map_err(|error| CommandError::new(format_args!("{} cannot be written: {error}", path.display())))
}

/// Written beside its place and then linked there, so that it is there whole or not at all, and two processes
/// that start together agree on one.
fn make(path: &Path) -> std::io::Result<()> {
    let part = part_beside(path, &random()?, 0o600)?;
    let linked = match fs::hard_link(&part, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no links.
        Err(_) => return fs::rename(&part, path),
        Ok(()) => Ok(()),
    };
    fs::remove_file(&part)?;
    linked
}

fn random() -> std::io::Result<[u8; LENGTH]> {
    let mut secret = [0; LENGTH];
    getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
    Ok(secret)
}

/// A file beside a path, for whom it is from the moment it is there.
fn part_beside(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<std::path::PathBuf> {
    if let Some(folder) = path.parent() {
        purlin_store::private_folder(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(part)
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
    use purlin_schema::load::Layers;

    use super::*;

    const NOW: i64 = 1_793_534_400_000_000;

    fn site(root: &Path, toml: &str) -> Site {
        fs::write(root.join("site.toml"), toml).expect("a file");
        match Site::load(root, &Layers::default()) {
            Ok((site, _)) => site,
            Err(mistakes) => panic!("{}", mistakes.draw(false)),
        }
    }

    #[cfg(unix)]
    fn assert_private(path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }

    #[cfg(not(unix))]
    fn assert_private(_: &Path) {}

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = site(folder.path(), "");
        let first = of_site(&site, NOW).expect("it is made");
        assert_ne!(first.current, [0; LENGTH]);
        let again = of_site(&site, NOW).expect("it is read");
        assert_eq!((again.current, again.old.len()), (first.current, 0));
        assert_eq!(fs::read_dir(folder.path().join("data")).expect("a folder").count(), 1);
        assert_private(&folder.path().join(FILE));
    }

    #[test]
    fn an_old_one_is_believed_for_its_time() {
        const DAY: i64 = DAY_SECONDS * 1_000_000;
        let folder = tempfile::tempdir().expect("a folder");
        let site = site(folder.path(), "");
        assert!(rotate(folder.path(), NOW, 30).is_err(), "there is none yet");
        let first = of_site(&site, NOW).expect("it is made").current;
        rotate(folder.path(), NOW, 30).expect("it is rotated");
        let second = of_site(&site, NOW).expect("it is read");
        assert_ne!(second.current, first);
        assert_eq!(second.old, [first]);
        rotate(folder.path(), NOW + 20 * DAY, 30).expect("it is rotated");
        let third = of_site(&site, NOW + 29 * DAY).expect("it is read");
        assert_eq!(third.old, [first, second.current]);
        assert_eq!(of_site(&site, NOW + 31 * DAY).expect("it is read").old, [second.current]);
        assert!(of_site(&site, NOW + 51 * DAY).expect("it is read").old.is_empty());
        assert_private(&folder.path().join(FILE));
        assert_private(&folder.path().join(OLD_FILE));
        assert_eq!(fs::read_dir(folder.path().join("data")).expect("a folder").count(), 2);
    }

    #[test]
    fn a_site_says_which_where_several_machines_share_it() {
        let toml = "[server]\nsigning_key = \"0123456789012345678901234567890123\"\n\
                    signing_keys_old = [\"abcdefghijklmnopqrstuvwxyzabcdefgh\"]\n";
        let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let keys =
            [&one, &two].map(|folder| of_site(&site(folder.path(), toml), NOW).expect("they are there"));
        assert_eq!((keys[0].current, &keys[0].old), (keys[1].current, &keys[1].old));
        assert_eq!(keys[0].old.len(), 1);
        assert!(!one.path().join(FILE).exists(), "none is made that nobody uses");
    }

    #[test]
    fn a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = site(folder.path(), "");
        fs::create_dir_all(folder.path().join("data")).expect("a folder");
        fs::write(folder.path().join(FILE), b"short").expect("a file");
        let error = of_site(&site, NOW).err().expect("it is refused").to_string();
        assert!(error.contains("5 bytes instead of 32"), "{error}");
        fs::remove_file(folder.path().join(FILE)).expect("it is there");
        fs::write(folder.path().join(OLD_FILE), b"17 hunter2").expect("a file");
        let error = of_site(&site, NOW).err().expect("it is refused").to_string();
        assert!(error.contains("damaged") && !error.contains("hunter2"), "{error}");
    }
}
