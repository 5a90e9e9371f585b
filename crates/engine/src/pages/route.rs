//! The router of pages: paths to pages, literal parts before parameters, parameters before rests.

use std::collections::HashMap;

use purlin_schema::Site;
use purlin_schema::page::Segment;

/// A page that a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Which page: its position in `site.pages`.
    pub page: usize,
    /// The route's parameters, decoded.
    pub params: Vec<(String, String)>,
}

/// A tree of path segments.
#[derive(Default)]
pub(crate) struct Router {
    root: Node,
    /// The names of each page's parameters, in the order of its route.
    names: Vec<Vec<String>>,
}

#[derive(Default)]
struct Node {
    page: Option<usize>,
    literal: HashMap<String, Node>,
    param: Option<Box<Node>>,
    rest: Option<usize>,
}

impl Router {
    pub(crate) fn of(site: &Site) -> Router {
        let mut router = Router::default();
        for (at, page) in site.pages.values().enumerate() {
            let segments = page.route.as_ref().map(|route| route.segments.as_slice()).unwrap_or_default();
            router.names.push(segments.iter().filter_map(parameter).collect());
            if page.route.is_some() {
                router.add(at, segments);
            }
        }
        router
    }

    fn add(&mut self, page: usize, segments: &[Segment]) {
        let mut node = &mut self.root;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literal.entry(text.clone()).or_default(),
                Segment::Param(_) => node.param.get_or_insert_default(),
                Segment::Rest(_) => {
                    node.rest = Some(page);
                    return;
                }
            };
        }
        node.page = Some(page);
    }

    /// The page of a decoded path, with the values of its parameters in the order of the route; a path ends without a slash.
    pub(crate) fn find(&self, path: &str) -> Option<Matched> {
        let path = path.strip_prefix('/')?;
        let parts: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let mut values = Vec::new();
        let page = self.root.walk(&parts, &mut values)?;
        let params = self.names[page].iter().cloned().zip(values).collect();
        Some(Matched { page, params })
    }
}

fn parameter(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Literal(_) => None,
        Segment::Param(name) | Segment::Rest(name) => Some(name.clone()),
    }
}

impl Node {
    /// Tries literals first; the depth of a route is bounded by the folder's, so going back is cheap.
    fn walk(&self, parts: &[&str], values: &mut Vec<String>) -> Option<usize> {
        let Some((first, others)) = parts.split_first() else { return self.page };
        if let Some(page) = self.literal.get(*first).and_then(|node| node.walk(others, values)) {
            return Some(page);
        }
        if let Some(node) = &self.param {
            values.push((*first).to_owned());
            if let Some(page) = node.walk(others, values) {
                return Some(page);
            }
            values.pop();
        }
        let page = self.rest?;
        values.push(parts.join("/"));
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    fn router() -> Router {
        let mut router = Router { root: Node::default(), names: vec![vec![]; 6] };
        router.add(0, &[]);
        router.add(1, &[literal("posts")]);
        router.add(2, &[literal("posts"), Segment::Param("slug".to_owned())]);
        router.add(3, &[literal("posts"), literal("new")]);
        router.add(4, &[literal("docs"), Segment::Rest("path".to_owned())]);
        router.add(5, &[Segment::Param("section".to_owned()), literal("feed.xml")]);
        for (page, names) in [(2, vec!["slug"]), (4, vec!["path"]), (5, vec!["section"])] {
            router.names[page] = names.into_iter().map(str::to_owned).collect();
        }
        router
    }

    fn found(path: &str) -> Option<(usize, Vec<String>)> {
        router()
            .find(path)
            .map(|matched| (matched.page, matched.params.into_iter().map(|(_, value)| value).collect()))
    }

    #[test]
    fn literals_come_before_parameters_and_parameters_before_rests() {
        assert_eq!(found("/"), Some((0, vec![])));
        assert_eq!(found("/posts"), Some((1, vec![])));
        assert_eq!(found("/posts/new"), Some((3, vec![])));
        assert_eq!(found("/posts/old"), Some((2, vec!["old".to_owned()])));
        assert_eq!(found("/posts/feed.xml"), Some((2, vec!["feed.xml".to_owned()])));
        assert_eq!(found("/docs/a/b"), Some((4, vec!["a/b".to_owned()])));
        assert_eq!(found("/docs/feed.xml"), Some((4, vec!["feed.xml".to_owned()])));
        assert_eq!(found("/news/feed.xml"), Some((5, vec!["news".to_owned()])));
    }

    #[test]
    fn what_no_page_has_is_not_found() {
        for path in ["", "/docs", "/posts/", "/posts//new", "//posts", "/news/other", "/posts/a/b"] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
