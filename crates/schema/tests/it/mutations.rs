//! No file, however broken, makes the loader panic: it loads, or it says what is wrong.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use purlin_schema::Site;
use purlin_schema::load::{Layers, seeds};

use crate::folder::Folder;

/// What is put into a file, whose parts each mean something somewhere.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "'''",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "{#",
    "#}",
    "=",
    "= ",
    ".",
    ",",
    "-",
    "\\",
    "\\u12",
    "\n",
    "\r",
    "\0",
    "+++\n",
    "é",
    "\u{feff}",
    "1e999",
    "99999999999999999999",
    "true",
    "null",
    "this",
    "data.",
    "params.",
    "query.",
    "user",
    "(",
    ")",
    "&&",
    "||",
    "!",
    "..",
    "[fields]\n",
    "[data.x]\n",
    "one = true\n",
    "{% extends \"",
    " ",
];

#[test]
fn the_loader_never_panics_on_mutated_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog");
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for part in ["site.toml", "models", "pages", "seeds"] {
        collect(&root, Path::new(part), &mut files);
    }
    // The long ones say nothing that the short ones do not, and cost time.
    files.retain(|(_, text)| text.len() < 8_000);
    assert!(files.len() > 15, "the example is there");
    let folder = Folder::new(&[]);
    for (path, text) in &files {
        write(folder.path(), path, text.as_bytes());
    }
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..60, 0..PIECES.len());
    let strategy = (any::<prop::sample::Index>(), prop::collection::vec(change, 1..4));
    // A longer run: `PROPTEST_CASES=5000 cargo test -p purlin-schema`.
    let usual = Config::default();
    let cases = if usual.cases == 256 { 64 } else { usual.cases };
    let config = Config { cases, failure_persistence: None, ..usual };
    let outcome = TestRunner::new(config).run(&strategy, |(which, changes)| {
        let (path, text) = &files[which.index(files.len())];
        let mut mutated = text.clone();
        for (at, end, cut, piece) in &changes {
            let from = boundary(&mutated, at.index(mutated.len() + 1));
            let length = if cut % 3 == 0 { end.index(mutated.len() + 1) } else { cut / 3 };
            let to = boundary(&mutated, (from + length).min(mutated.len()));
            mutated.replace_range(from..to, PIECES[*piece]);
        }
        write(folder.path(), path, mutated.as_bytes());
        match Site::load(folder.path(), &Layers::default()) {
            Ok((site, warnings)) => {
                let _ = warnings.draw(false);
                for file in seeds::list(folder.path(), &site.models).into_iter().flatten() {
                    for row in file.rows(&site.models).into_iter().flatten().take(20) {
                        let _ = row.map_err(|diagnostics| diagnostics.draw(true));
                    }
                }
            }
            Err(diagnostics) => {
                prop_assert!(diagnostics.has_errors());
                let _ = (diagnostics.draw(true), diagnostics.to_json());
            }
        }
        write(folder.path(), path, text.as_bytes());
        Ok(())
    });
    outcome.expect("no mutation makes it panic");
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn write(root: &Path, path: &Path, bytes: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder is made");
    std::fs::write(path, bytes).expect("a file is written");
}

fn collect(root: &Path, below: &Path, files: &mut Vec<(PathBuf, String)>) {
    let path = root.join(below);
    if path.is_dir() {
        let mut names: Vec<_> = std::fs::read_dir(&path).expect("it is a folder").flatten().collect();
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names {
            collect(root, &below.join(entry.file_name()), files);
        }
    } else if let Ok(text) = std::fs::read_to_string(&path) {
        files.push((below.to_owned(), text));
    }
}
