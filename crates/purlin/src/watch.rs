//! Which of a site's files changed, gathered until it is quiet: an editor writes a file in several steps, and
//! `git checkout` many files at once.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use crate::error::{CommandError, Outcome};

/// What is watched below a site's folder; `data/` changes with every write and is not.
const FOLDERS: &[&str] = &["models", "pages", "public", "migrations", "mail", "locales", "routes", "server"];
/// So long nothing may happen before the changes are told.
const QUIET: Duration = Duration::from_millis(60);
/// Changes that never end are told after so long.
const LONGEST: Duration = Duration::from_secs(1);

/// Watches a site's folder.
pub(crate) struct Watch {
    root: PathBuf,
    watcher: RecommendedWatcher,
    events: UnboundedReceiver<PathBuf>,
    watched: HashSet<&'static str>,
}

impl Watch {
    /// Begins to watch.
    pub(crate) fn start(root: &Path) -> Outcome<Watch> {
        let cannot = |error: &dyn std::fmt::Display| {
            CommandError::new(format_args!("{} cannot be watched: {error}", root.display()))
        };
        let root = root.canonicalize().map_err(|error| cannot(&error))?;
        let (sender, events) = unbounded_channel();
        let told = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            // Reading a file is an event too, and must not lead to reading it again.
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths {
                let _ = sender.send(path);
            }
        };
        let mut watcher = notify::recommended_watcher(told).map_err(|error| cannot(&error))?;
        watcher.watch(&root, RecursiveMode::NonRecursive).map_err(|error| cannot(&error))?;
        let mut watch = Watch { root, watcher, events, watched: HashSet::new() };
        watch.follow();
        Ok(watch)
    }

    /// Waits for changes and gives the files, relative to the site; `None` when there is nothing to wait for any more.
    pub(crate) async fn changed(&mut self) -> Option<Vec<PathBuf>> {
        loop {
            let first = self.events.recv().await?;
            let last = Instant::now() + LONGEST;
            let mut changed: BTreeSet<PathBuf> = self.relevant(&first).into_iter().collect();
            while let Ok(Some(path)) = timeout_at(last.min(Instant::now() + QUIET), self.events.recv()).await
            {
                changed.extend(self.relevant(&path));
            }
            self.follow();
            if !changed.is_empty() {
                return Some(changed.into_iter().collect());
            }
        }
    }

    /// Watches the folders that are there and not watched yet.
    fn follow(&mut self) {
        for folder in FOLDERS {
            let path = self.root.join(folder);
            if !path.is_dir() {
                self.watched.remove(folder);
            } else if !self.watched.contains(folder)
                && self.watcher.watch(&path, RecursiveMode::Recursive).is_ok()
            {
                self.watched.insert(folder);
            }
        }
    }

    fn relevant(&self, path: &Path) -> Option<PathBuf> {
        let path = path.strip_prefix(&self.root).ok()?;
        is_relevant(path).then(|| path.to_owned())
    }
}

fn is_relevant(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    let Some(first) = parts.next() else { return false };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_setting = path.components().count() == 1 && (name == "site.toml" || name == ".env");
    // What editors leave beside the file that they write: `.post.html.swp`, `post.html~`, `#post.html#`, `4913`.
    let is_left_over = name.starts_with('.')
        || name.starts_with('#')
        || name.ends_with('~')
        || name.ends_with(".swp")
        || name.ends_with(".tmp")
        || name.ends_with(".part")
        || name == "4913";
    is_setting || (FOLDERS.contains(&&*first) && !is_left_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sites_own_files_count() {
        let relevant = |path: &str| is_relevant(Path::new(path));
        for path in [
            "site.toml",
            ".env",
            "pages/posts/[slug].html",
            "models/posts.toml",
            "public/style.css",
            "models",
        ] {
            assert!(relevant(path), "{path}");
        }
        for path in [
            "data/site.db-wal",
            "data",
            "",
            "pages/.index.html.swp",
            "pages/index.html~",
            "README.md",
            "pages/4913",
        ] {
            assert!(!relevant(path), "{path}");
        }
    }

    #[tokio::test]
    async fn changes_are_gathered_and_new_folders_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut watch = Watch::start(folder.path()).expect("it is watched");
        std::fs::create_dir(folder.path().join("pages")).expect("a folder");
        assert_eq!(watch.changed().await, Some(vec![PathBuf::from("pages")]));
        std::fs::write(folder.path().join("pages/a.html"), "a").expect("a file");
        std::fs::write(folder.path().join("pages/b.html"), "b").expect("a file");
        let changed = watch.changed().await.expect("something changed");
        assert!(changed.contains(&PathBuf::from("pages/a.html")), "{changed:?}");
        assert!(changed.contains(&PathBuf::from("pages/b.html")), "{changed:?}");
    }
}
