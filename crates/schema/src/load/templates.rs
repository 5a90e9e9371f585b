//! The files below `pages/`: what each holds, and which it extends.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use indexmap::IndexMap;
use regex::Regex;

use super::front_matter;
use super::report::{File, Reports, slashed};
use super::routes;
use super::toml::{self, Document};

/// A template file, with its front matter parsed.
#[derive(Debug)]
pub(super) struct TemplateFile {
    /// Its path below `pages/`.
    pub(super) name: String,
    /// Relative to the site.
    pub(super) path: PathBuf,
    pub(super) front_matter: Option<Document>,
    pub(super) source: String,
    /// The templates that it extends, and where it says so.
    pub(super) extends: Vec<(String, Range<usize>)>,
}

/// Folders deeper than this are a mistake, or a link in a circle.
const DEEPEST: usize = 16;

/// Reads every template below `pages/`, by name.
pub(super) fn read_all(root: &Path, reports: &Reports) -> IndexMap<String, TemplateFile> {
    let mut names = Vec::new();
    if root.join("pages").is_dir() {
        list(&root.join("pages"), Path::new(""), 0, reports, &mut names);
    }
    names.sort();
    let mut templates = IndexMap::new();
    for name in names {
        let path = PathBuf::from(format!("pages/{name}"));
        let file = File::new(&path, reports);
        if routes::content_type(&name).is_none() {
            file.error_in(
                "not-a-page",
                "this is not a page: its type is not one of text that a template can give",
            )
            .hint("files that are served as they are belong into `public/`");
            continue;
        }
        let Some(text) = toml::read(root, &path, reports) else { continue };
        let split = front_matter::split(file, &text);
        let front_matter = split.toml.map(|part| toml::parse(file, &text, part));
        let shift = text.len() - text.trim_start_matches('\u{feff}').len();
        let extends = find_extends(&text[shift..])
            .into_iter()
            .map(|(name, span)| (name, span.start + shift..span.end + shift))
            .collect();
        templates
            .insert(name.clone(), TemplateFile { name, path, front_matter, source: split.template, extends });
    }
    templates
}

/// A template and all that it extends, itself first; notes what is not there and circles.
pub(super) fn chain<'t>(
    templates: &'t IndexMap<String, TemplateFile>,
    of: &'t TemplateFile,
    reports: &Reports,
) -> Vec<&'t TemplateFile> {
    let mut chain = vec![of];
    let mut at = 0;
    while at < chain.len() {
        let template = chain[at];
        at += 1;
        for (name, span) in &template.extends {
            let file = File::new(&template.path, reports);
            match templates.get(name) {
                Some(layout) if chain.iter().any(|other| other.name == layout.name) => {
                    if layout.name == template.name || extends(templates, layout, &template.name) {
                        file.error(
                            "circle",
                            span,
                            format!("`{name}` comes back to this template by what it extends"),
                        );
                    }
                }
                Some(layout) => chain.push(layout),
                // Purlin brings templates of its own under this name.
                None if name.starts_with("_purlin") => {}
                None => {
                    let message = format!("there is no template `{name}` in `pages/`");
                    let names: Vec<&str> = templates.keys().map(String::as_str).collect();
                    file.error("unknown-template", span, message).among(name, names.iter().copied());
                }
            }
        }
    }
    chain
}

/// Whether a template extends another, however far up.
fn extends(templates: &IndexMap<String, TemplateFile>, from: &TemplateFile, to: &str) -> bool {
    let mut open = vec![from];
    let mut seen: Vec<&str> = Vec::new();
    while let Some(template) = open.pop() {
        for (name, _) in &template.extends {
            if name == to {
                return true;
            }
            if !seen.contains(&name.as_str()) {
                seen.push(name);
                open.extend(templates.get(name));
            }
        }
    }
    false
}

/// `{% extends "name" %}`, outside of comments. The template's own parser has the last word; this only needs to
/// find what it would.
fn find_extends(text: &str) -> Vec<(String, Range<usize>)> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?s)\{#.*?#\}|\{%[-+]?\s*extends\s+(?:"([^"]*)"|'([^']*)')"#)
            .expect("the pattern is written here")
    });
    let tags = TAG.captures_iter(text).filter_map(|tag| tag.get(1).or_else(|| tag.get(2)));
    tags.map(|name| (name.as_str().to_owned(), name.range())).collect()
}

fn list(folder: &Path, below: &Path, depth: usize, reports: &Reports, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(text) = name.to_str() else {
            File::new(&Path::new("pages").join(below), reports).error_in(
                "bad-route",
                format!("the name of a file is not UTF-8: {}", name.to_string_lossy()),
            );
            continue;
        };
        // Editors and systems leave these behind: `.DS_Store`, `.page.html.swp`, `page.html~`.
        if text.starts_with('.') || text.ends_with('~') {
            continue;
        }
        let inner = below.join(text);
        if entry.path().is_dir() {
            if depth < DEEPEST {
                list(&entry.path(), &inner, depth + 1, reports, names);
            }
        } else {
            names.push(slashed(&inner).to_string_lossy().into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::find_extends;

    #[test]
    fn extends_are_found_where_they_count() {
        let names = |text: &str| find_extends(text).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(r#"{% extends "_layout.html" %}"#), ["_layout.html"]);
        assert_eq!(names("{%- extends '_a.html' -%}"), ["_a.html"]);
        assert_eq!(names(r#"{# {% extends "_x.html" %} #}{%extends "_y.html"%}"#), ["_y.html"]);
        assert!(names("{% extends layout %} extends \"x\"").is_empty());
    }
}
