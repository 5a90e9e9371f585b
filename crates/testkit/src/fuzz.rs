//! What the target `loader` in `fuzz/` does with bytes, and the ordinary suite with its seeds. (The expression's is in
//! the schema, beside the expression.)

use std::fs;
use std::path::{Component, Path};

use purlin_schema::Site;
use purlin_schema::load::{Layers, seeds};

/// Before the name of each file in an input of [`loader`].
const FILE: &str = "=== ";
/// The most files of an input: what many small ones could show, few show too.
const MOST_FILES: usize = 20;

/// Loads bytes as a site: lines `=== name` part the files. It loads or says what is wrong, with every mistake drawn
/// at its place, and does not panic; what it accepts, it accepts again.
///
/// # Panics
/// Where it refuses without a word, or says another thing the second time, which is what fuzzing looks for.
pub fn loader(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    write(&String::from_utf8_lossy(data), folder.path());
    let load = || match Site::load(folder.path(), &Layers::default()) {
        Ok((site, warnings)) => {
            let list = seeds::list(&site.root, &site.models);
            for file in list.into_iter().flatten() {
                if let Ok(rows) = file.rows(&site.models) {
                    rows.take(1_000).for_each(drop);
                }
            }
            warnings.draw(false)
        }
        Err(mistakes) => {
            let drawn = mistakes.draw(false);
            assert!(mistakes.has_errors() && !drawn.is_empty(), "refused without a word");
            drawn
        }
    };
    assert_eq!(load(), load());
}

/// Writes the files of an input; a name that leads elsewhere is passed over.
fn write(text: &str, root: &Path) {
    let mut files: Vec<(&str, String)> = vec![("site.toml", String::new())];
    for line in text.split_inclusive('\n') {
        match line.strip_prefix(FILE) {
            Some(name) if files.len() < MOST_FILES => files.push((name.trim(), String::new())),
            _ => files.last_mut().expect("the first is there").1.push_str(line),
        }
    }
    for (name, text) in files {
        let path = Path::new(name);
        let is_inside =
            path.components().all(|part| matches!(part, Component::Normal(_))) && !name.contains('\0');
        if name.is_empty() || !is_inside {
            continue;
        }
        let path = root.join(path);
        // A name may be a folder's as well, or too long for one: then that file is not there.
        let _ = path.parent().map(fs::create_dir_all);
        let _ = fs::write(path, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_the_loader_end() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/loader");
        let mut seeds = 0;
        for entry in fs::read_dir(folder).expect("there are seeds").flatten() {
            let data = fs::read(entry.path()).expect("a seed");
            loader(&data);
            // And cut off where a writer might have been interrupted.
            for part in 1..8 {
                loader(&data[..data.len() * part / 8]);
            }
            seeds += 1;
        }
        assert!(seeds >= 5, "{seeds} seeds");
    }
}
