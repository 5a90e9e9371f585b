//! Texts as they were last approved: `tests/it/golden/<name>.txt`. `UPDATE=1 cargo test` approves what is there now.

use std::path::Path;

/// Compares a text with the approved one.
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/golden/{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder is made");
        std::fs::write(&path, text).expect("the text is written");
        return;
    }
    let approved = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        approved == text,
        "{name} differs; UPDATE=1 approves it\n--- approved\n{approved}\n--- now\n{text}"
    );
}
