//! The templates of mails: HTML, and beside it the text where the author writes that himself.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::front_matter;
use super::report::{File, Reports};
use super::toml;
use crate::page::Template;

/// Reads every template in `mail/`, by name.
pub(super) fn load(root: &Path, reports: &Reports) -> IndexMap<String, Template> {
    let Ok(entries) = std::fs::read_dir(root.join("mail")) else { return IndexMap::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    // Editors and systems leave these behind: `.DS_Store`, `.reset.html.swp`, `reset.html~`.
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with('.') && !name.ends_with('~')).collect();
    names.sort();
    let mut mails = IndexMap::new();
    for name in names {
        let path = PathBuf::from(format!("mail/{name}"));
        let file = File::new(&path, reports);
        if !name.ends_with(".html") && !name.ends_with(".txt") {
            file.error_in("not-a-mail", "this is not the template of a mail: it is neither HTML nor text")
                .hint("write mail/reset.html, and beside it mail/reset.txt where the text is to be another");
            continue;
        }
        let Some(text) = toml::read(root, &path, reports) else { continue };
        let split = front_matter::split(file, &text);
        if let Some(span) = split.toml {
            file.error("front-matter", &span, "the template of a mail has no front matter")
                .hint("its subject is its title: {% block title %}Your password{% endblock %}");
            continue;
        }
        let template =
            Template { name: name.clone(), file: path, source: split.template, data: IndexMap::new() };
        mails.insert(name, template);
    }
    mails
}
