//! Pages: routes and what their front matter declares.
//!
//! A page's queries are known when the site loads. They are listed in an order in which each can use what
//! those before it found, together with what the layouts above the page declare.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::expr::Expr;
use crate::model::{FieldId, ModelId, Source};
use crate::query::{Query, SortKey};
use crate::value::Kind;

/// One page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its template's name, which is its path below `pages/`: `posts/[slug].html`.
    pub template: String,
    /// The file, relative to the site.
    pub file: PathBuf,
    /// Its URL; `None` for pages that the server shows by itself: `404.html`, `403.html`, `500.html` at the top of
    /// `pages/`. (A `login.html` or `signup.html` there has its route and replaces Purlin's own.)
    pub route: Option<Route>,
    /// The content type of its answers: `text/html; charset=utf-8`.
    pub content_type: &'static str,
    /// Who may see it.
    pub require: Option<Expr>,
    /// What it reads of the query string, with types.
    pub query: IndexMap<String, Kind>,
    /// What those of them may be that are compared with nothing but `choice` fields.
    pub choices: IndexMap<String, Vec<String>>,
    /// Types of the route's parameters: what they are compared with, text where with nothing.
    pub params: IndexMap<String, Kind>,
    /// Its queries by name, in an order in which each only needs earlier ones.
    pub data: IndexMap<String, DataQuery>,
    /// Its forms by name.
    pub forms: IndexMap<String, Form>,
}

/// A template that is no page: a layout, a partial, an error page, with what its front matter declares
/// merged into the pages that extend it.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its name: `_layout.html`.
    pub name: String,
    /// The file, relative to the site.
    pub file: PathBuf,
    /// The whole text with the front matter replaced by a comment of as many lines, so that lines agree.
    pub source: String,
    /// The queries that it and the layouts above it declare, in an order in which each only needs earlier ones: what
    /// Purlin's own pages need when they extend the site's `_layout.html`.
    pub data: IndexMap<String, DataQuery>,
}

/// A URL with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its parts between slashes; none for `/`.
    pub segments: Vec<Segment>,
}

/// One part of a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Written out.
    Literal(String),
    /// `[name]`: one part.
    Param(String),
    /// `[...name]`: all parts to the end, at least one.
    Rest(String),
}

/// A query of a page.
#[derive(Clone, Debug)]
pub struct DataQuery {
    /// The question, without access rules.
    pub query: Query,
    /// Orders that a visitor may choose by `?sort=name`; the first is not the default, `query.sort` is.
    pub sorts: IndexMap<String, Vec<SortKey>>,
    /// Whether access rules apply (`rules = false` lifts them).
    pub rules: bool,
}

/// A form of a page.
#[derive(Clone, Debug)]
pub struct Form {
    /// What posting it does.
    pub action: FormAction,
    /// The model it writes.
    pub model: ModelId,
    /// What it takes; nothing else is.
    pub fields: Vec<FieldId>,
    /// What it sets besides.
    pub set: Vec<(FieldId, Source)>,
    /// Where it goes afterwards; the page itself where absent. `data.new` is the record it made.
    pub then: Option<TextTemplate>,
    /// What it says afterwards.
    pub say: Option<TextTemplate>,
}

/// What posting a form does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormAction {
    /// Creates a record.
    Create,
    /// Updates the record that the page's query of this name found.
    Update(String),
    /// Deletes it.
    Delete(String),
}

/// Text with expressions in braces: `/posts/{data.post.slug}`.
#[derive(Clone, Debug)]
pub struct TextTemplate {
    /// Its parts in order.
    pub parts: Vec<TextPart>,
}

/// A part of a text with expressions.
#[derive(Clone, Debug)]
pub enum TextPart {
    /// As written.
    Literal(String),
    /// What an expression gives; percent-encoded where the text is a URL.
    Expr(Expr),
}

impl std::fmt::Display for Route {
    /// Writes `/posts/[slug]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Param(name) => write!(f, "/[{name}]")?,
                Segment::Rest(name) => write!(f, "/[...{name}]")?,
            }
        }
        Ok(())
    }
}
