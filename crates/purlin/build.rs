//! Puts the sites that `purlin new` starts from into the binary: a table of paths and bytes for each.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What of a site's folder belongs to the site, as against its database.
const PARTS: &[&str] =
    &["README.md", "site.toml", "models", "pages", "public", "seeds", "migrations", "mail"];

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where"));
    let mut table = String::new();
    for (name, folder) in [("BLANK", "templates/blank"), ("BLOG", "../../examples/blog")] {
        writeln!(table, "pub(super) static {name}: &[super::File] = &[").expect("a string grows");
        let root = here.join(folder);
        for part in PARTS {
            add(&root, &root.join(part), &mut table);
        }
        table.push_str("];\n");
    }
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where")).join("templates.rs");
    fs::write(target, table).expect("the table is written");
    println!("cargo:rerun-if-changed=build.rs");
}

fn add(root: &Path, path: &Path, table: &mut String) {
    if !path.exists() {
        return;
    }
    println!("cargo:rerun-if-changed={}", path.display());
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder can be read");
        let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
        entries.sort();
        for entry in entries {
            add(root, &entry, table);
        }
        return;
    }
    let name = path.strip_prefix(root).expect("it is below the root").to_string_lossy().replace('\\', "/");
    writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("a string grows");
}
