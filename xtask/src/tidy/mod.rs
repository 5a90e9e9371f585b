//! `cargo xtask tidy`: rules of the house that a machine can hold.
//!
//! Each rule is a file with one function over the [`Tree`]; all that is wrong is told at once. The lists of
//! exceptions only shrink.

mod dependencies;
mod sources;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, say};

/// The files that git knows or would, with their texts.
struct Tree {
    files: Vec<(PathBuf, String)>,
}

/// A rule: gives what is wrong.
type Rule = fn(&Tree) -> Outcome<Vec<String>>;

const RULES: &[(&str, Rule)] = &[
    ("dependencies point downwards", dependencies::direction),
    ("requests leave by one way", dependencies::outgoing),
    ("every dependency has its reason", dependencies::reasons),
    ("sources say why they exist and stay readable", sources::shape),
    ("nothing is left to do in the code", sources::left_over),
    ("texts end as texts do", text::ends),
];

/// Checks every rule.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask tidy".into());
    }
    let tree = Tree::read()?;
    let mut wrong = 0;
    for (name, rule) in RULES {
        for complaint in rule(&tree)? {
            say(&format!("tidy: {name}: {complaint}"));
            wrong += 1;
        }
    }
    if wrong > 0 {
        return Err(format!("{wrong} places are not tidy").into());
    }
    say(&format!("── tidy: {} rules over {} files", RULES.len(), tree.files.len()));
    Ok(())
}

impl Tree {
    fn read() -> Outcome<Tree> {
        let listed =
            Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output()?;
        let mut files = Vec::new();
        for name in String::from_utf8(listed.stdout)?.lines() {
            // A file that is no text (an icon) has no lines to look at; one that was deleted is not there.
            if let Ok(text) = fs::read_to_string(name) {
                files.push((PathBuf::from(name), text));
            }
        }
        if files.is_empty() {
            return Err("git lists no files here".into());
        }
        Ok(Tree { files })
    }

    fn rust(&self) -> impl Iterator<Item = (&Path, &str)> {
        let is_rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
        self.files
            .iter()
            .filter(move |(path, _)| is_rust(path))
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }
}
