//! What is wrong with a site, and exactly how it is told: a case a file, in `tests/it/refusals/`.
//!
//! ```text
//! @ env PURLIN_SERVER_LISTEN=nowhere      layers, if any: `env`, `flag`, `mode production`, `secret`, `locked`
//! == models/posts.toml                    the site's files
//! …
//! == expected                             what is drawn; `UPDATE=1 cargo test` writes it
//! …
//! ```

use std::fmt::Write as _;
use std::path::Path;

use purlin_schema::Site;
use purlin_schema::load::{Layers, Mode, Secrets};

use crate::folder::Folder;

#[test]
fn every_refusal_is_told_as_approved() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/refusals");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("there are cases").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut wrong = String::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a case is text");
        let case = Case::parse(&text);
        let drawn = case.load();
        if std::env::var_os("UPDATE").is_some() {
            let (before, _) = text.split_once("== expected\n").unwrap_or((&text, ""));
            std::fs::write(&path, format!("{before}== expected\n{drawn}")).expect("the case is written");
        } else if drawn != case.expected {
            let _ = write!(wrong, "--- {}\n{drawn}", path.display());
        }
    }
    assert!(wrong.is_empty(), "these differ; UPDATE=1 approves them\n{wrong}");
}

/// A code that no case shows is a message that nobody has read.
#[test]
fn every_code_of_the_loader_has_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    collect(&root.join("src/load"), &mut sources);
    let mut shown = String::new();
    collect(&root.join("tests/it/refusals"), &mut shown);
    collect(&root.join("tests/it/golden"), &mut shown);
    let pattern =
        regex::Regex::new(r#"(?:error|error_in|warn|warn_in)\(\s*"([a-z0-9-]+)""#).expect("it is a pattern");
    let mut missing: Vec<&str> = pattern
        .captures_iter(&sources)
        .filter_map(|found| found.get(1))
        .map(|code| code.as_str())
        .filter(|code| !shown.contains(&format!("[{code}]")))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    // What a test cannot bring about as every user of a machine.
    missing.retain(|code| *code != "unreadable");
    assert!(missing.is_empty(), "no case shows {missing:?}");
}

struct Case<'a> {
    layers: Layers,
    files: Vec<(&'a str, &'a str)>,
    expected: &'a str,
}

impl<'a> Case<'a> {
    fn parse(text: &'a str) -> Case<'a> {
        let mut case = Case { layers: Layers::default(), files: Vec::new(), expected: "" };
        let (head, parts) = text.split_once("== ").expect("a case has files");
        for line in head.lines().filter_map(|line| line.strip_prefix("@ ")) {
            let (kind, rest) = line.split_once(' ').expect("a layer has a kind");
            let pair = || {
                let (name, value) = rest.split_once('=').expect("a layer is a name and a value");
                (name.to_owned(), value.to_owned())
            };
            match kind {
                "env" => drop(case.layers.environment.insert(pair().0, pair().1)),
                "flag" => drop(case.layers.flags.insert(pair().0, pair().1)),
                "secret" => {
                    let mut secrets = match std::mem::take(&mut case.layers.secrets) {
                        Secrets::Open(secrets) => secrets,
                        _ => Default::default(),
                    };
                    secrets.insert(pair().0, pair().1);
                    case.layers.secrets = Secrets::Open(secrets);
                }
                "locked" => case.layers.secrets = Secrets::Locked(rest.to_owned()),
                "mode" if rest == "production" => case.layers.mode = Mode::Production,
                other => panic!("there is no layer `{other} {rest}`"),
            }
        }
        for part in format!("\n{parts}").leak().split("\n== ") {
            let part = part.trim_start_matches('\n');
            let (name, body) = part.split_once('\n').unwrap_or((part, ""));
            match name {
                "expected" => case.expected = body,
                "" => {}
                name => case.files.push((name, body)),
            }
        }
        case
    }

    fn load(&self) -> String {
        let folder = Folder::new(&self.files);
        let diagnostics = match Site::load(folder.path(), &self.layers) {
            Ok((_, warnings)) => {
                return format!("loads\n{}", warnings.draw(false));
            }
            Err(diagnostics) => diagnostics,
        };
        let here = folder.path().to_string_lossy().into_owned();
        diagnostics.draw(false).replace(&here, "SITE")
    }
}

fn collect(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), into);
        } else {
            into.push_str(&std::fs::read_to_string(entry.path()).unwrap_or_default());
        }
    }
}
