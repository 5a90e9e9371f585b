//! Site folders that last as long as a test.

use std::path::Path;

/// A folder with files in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Folder {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder is made");
            std::fs::write(path, text).expect("a file is written");
        }
        Folder(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}
