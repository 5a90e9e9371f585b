//! From a file's path below `pages/` to its URL.

use std::path::Path;

use indexmap::IndexMap;

use super::names::is_name;
use super::report::{File, Reports};
use super::settings::SERVERS_OWN;
use crate::page::{Route, Segment};

/// What a template file is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It has a URL.
    Routed(Route),
    /// The server shows it by itself: `404.html`.
    Error,
    /// Pages extend or include it.
    Part,
    /// Its path is wrong, and that was noted.
    Wrong,
}

/// Pages for errors, at the top of `pages/`.
const ERRORS: &[&str] = &["403.html", "404.html", "500.html"];

/// Types of pages by their extension.
const TYPES: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("xml", "application/xml; charset=utf-8"),
    ("rss", "application/rss+xml; charset=utf-8"),
    ("atom", "application/atom+xml; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("geojson", "application/geo+json"),
    ("webmanifest", "application/manifest+json"),
    ("csv", "text/csv; charset=utf-8"),
    ("ics", "text/calendar; charset=utf-8"),
    ("vcf", "text/vcard; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
];

/// The content type of a page's answers; none for what is no text that a page can be.
pub(super) fn content_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    TYPES.iter().find(|(known, _)| *known == extension).map(|(_, ty)| *ty)
}

/// What a template is for, by its name; notes a path that can be no URL.
pub(super) fn place(file: File<'_>, name: &str, api_path: &str) -> Place {
    if name.split('/').any(|part| part.starts_with('_')) {
        return Place::Part;
    }
    if ERRORS.contains(&name) {
        return Place::Error;
    }
    let path = match name.strip_suffix(".html") {
        Some("index") => "",
        Some(path) => path.strip_suffix("/index").unwrap_or(path),
        None => name,
    };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut segments = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        match segment(part, at + 1 == parts.len()) {
            Ok(segment) if segments.iter().any(|other| same_parameter(other, &segment)) => {
                file.error_in("bad-route", format!("the path has two parameters of one name: `{part}`"))
                    .hint("give one of them another name");
                return Place::Wrong;
            }
            Ok(segment) => segments.push(segment),
            Err((message, hint)) => {
                file.error_in("bad-route", message).hint(hint);
                return Place::Wrong;
            }
        }
    }
    let route = Route { segments };
    match servers_own(&route, api_path) {
        Some(own) => {
            file.error_in(
                "reserved-route",
                format!("`{route}` cannot be a page: `{own}` is the server's own"),
            )
            .hint("give the page another path");
            Place::Wrong
        }
        None => Place::Routed(route),
    }
}

/// Notes routes that match the same paths.
pub(super) fn refuse_conflicts(routes: &[(&Path, &Route)], reports: &Reports) {
    let mut seen: IndexMap<Vec<Segment>, &Path> = IndexMap::new();
    for (path, route) in routes {
        let shape = route.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Segment::Literal(text.clone()),
            Segment::Param(_) => Segment::Param(String::new()),
            Segment::Rest(_) => Segment::Rest(String::new()),
        });
        let shape: Vec<Segment> = shape.collect();
        match seen.get(&shape) {
            Some(other) => {
                let message = format!("`{route}` is the URL of two files: this and `{}`", other.display());
                File::new(path, reports)
                    .error_in("route-conflict", message)
                    .hint("rename or remove one of them");
            }
            None => {
                seen.insert(shape, path);
            }
        }
    }
}

/// The names of a route's parameters.
pub(super) fn parameters(route: &Route) -> Vec<String> {
    let names = route.segments.iter().filter_map(|segment| match segment {
        Segment::Param(name) | Segment::Rest(name) => Some(name.clone()),
        Segment::Literal(_) => None,
    });
    names.collect()
}

fn segment(part: &str, last: bool) -> Result<Segment, (String, String)> {
    let wrong = |message: String, hint: &str| Err((message, hint.to_owned()));
    if let Some(inner) = part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let (name, rest) = match inner.strip_prefix("...") {
            Some(name) => (name, true),
            None => (inner, false),
        };
        if !is_name(name) {
            return wrong(
                format!("`{name}` cannot be the name of a parameter"),
                "a name begins with a small letter and goes on with small letters, digits and `_`",
            );
        }
        if rest && !last {
            return wrong(
                format!("`{part}` takes the rest of a path, so nothing can follow it"),
                "write `[name]` for one part",
            );
        }
        let name = name.to_owned();
        return Ok(if rest { Segment::Rest(name) } else { Segment::Param(name) });
    }
    if part.contains(['[', ']']) {
        return wrong(
            format!("`{part}` is a parameter and something else"),
            "a parameter is a whole part of the path: a folder `[name]`, or a page `[name].html`",
        );
    }
    if let Some(c) = part.chars().find(|c| c.is_control() || c.is_whitespace() || "?#%\\\"<>".contains(*c)) {
        return wrong(format!("`{}` cannot stand in a URL as it is", c.escape_default()), "rename the file");
    }
    Ok(Segment::Literal(part.to_owned()))
}

fn same_parameter(one: &Segment, other: &Segment) -> bool {
    let name = |segment: &Segment| match segment {
        Segment::Param(name) | Segment::Rest(name) => Some(name.clone()),
        Segment::Literal(_) => None,
    };
    name(one).is_some_and(|one| Some(one) == name(other))
}

fn servers_own(route: &Route, api_path: &str) -> Option<String> {
    let Segment::Literal(first) = route.segments.first()? else { return None };
    if SERVERS_OWN.contains(&first.as_str()) {
        return Some(format!("/{first}"));
    }
    let api: Vec<&str> = api_path.split('/').filter(|part| !part.is_empty()).collect();
    let below = api
        .iter()
        .enumerate()
        .all(|(at, part)| matches!(route.segments.get(at), Some(Segment::Literal(text)) if text == part));
    below.then(|| api_path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> String {
        let reports = Reports::default();
        match place(File::new(Path::new("pages/x"), &reports), name, "/api") {
            Place::Routed(route) => route.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn paths_become_routes() {
        for (name, route) in [
            ("index.html", "/"),
            ("about.html", "/about"),
            ("posts/index.html", "/posts"),
            ("posts/[slug].html", "/posts/[slug]"),
            ("docs/[...rest].html", "/docs/[...rest]"),
            ("feed.xml", "/feed.xml"),
            ("posts/index.json", "/posts/index.json"),
            ("_layout.html", "Part"),
            ("_parts/card.html", "Part"),
            ("404.html", "Error"),
            ("posts/404.html", "/posts/404"),
            ("[a]/[a].html", "Wrong"),
            ("[...a]/b.html", "Wrong"),
            ("a-[b].html", "Wrong"),
            ("[A].html", "Wrong"),
            ("[slug].json", "Wrong"),
            ("admin/x.html", "Wrong"),
            ("api/x.html", "Wrong"),
            ("apis/x.html", "/apis/x"),
            ("a b.html", "Wrong"),
        ] {
            assert_eq!(of(name), route, "{name}");
        }
    }
}
