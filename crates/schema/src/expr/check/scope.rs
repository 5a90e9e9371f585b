//! What an expression may speak of, what is wanted of it, and what can be wrong with it.

use std::ops::Range;
use std::sync::LazyLock;

use indexmap::IndexMap;

use crate::model::{ModelId, Models};
use crate::value::Kind;

static NO_RECORDS: LazyLock<IndexMap<String, ModelId>> = LazyLock::new(IndexMap::new);
static NO_NAMES: LazyLock<IndexMap<String, String>> = LazyLock::new(IndexMap::new);

/// What an expression may speak of. `user`, `now` and `today` are everywhere.
///
/// ```
/// # use purlin_schema::{Models, ModelId, expr::Scope};
/// # fn example(models: &Models, posts: ModelId, params: &[String]) {
/// let rule = Scope::of(models).this(posts).old();
/// let filter = Scope::of(models).this(posts).params(params);
/// # let _ = (rule, filter);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scope<'site> {
    /// The site's models.
    pub models: &'site Models,
    /// The model whose record `this` is, and whose fields are named plainly.
    pub this: Option<ModelId>,
    /// Whether there is an `old`: the record as stored, in a rule about an update.
    pub old: bool,
    /// The model whose fields a posted form has.
    pub form: Option<ModelId>,
    /// The parameters of the page's path.
    pub params: Option<&'site [String]>,
    /// The values of the query string, as `[query]` declares them.
    pub query: Option<&'site IndexMap<String, Kind>>,
    /// The records that earlier queries of the page find.
    pub data: &'site IndexMap<String, ModelId>,
    /// `[define]` names of `this`.
    pub defines: &'site IndexMap<String, String>,
}

impl<'site> Scope<'site> {
    /// With `user`, `now` and `today` only.
    #[must_use]
    pub fn of(models: &'site Models) -> Self {
        Scope {
            models,
            this: None,
            old: false,
            form: None,
            params: None,
            query: None,
            data: &NO_RECORDS,
            defines: &NO_NAMES,
        }
    }

    /// With the fields of a record.
    #[must_use]
    pub fn this(self, model: ModelId) -> Self {
        Scope { this: Some(model), ..self }
    }

    /// With the record as stored.
    #[must_use]
    pub fn old(self) -> Self {
        Scope { old: true, ..self }
    }

    /// With a posted form.
    #[must_use]
    pub fn form(self, model: ModelId) -> Self {
        Scope { form: Some(model), ..self }
    }

    /// With the parameters of a path.
    #[must_use]
    pub fn params(self, params: &'site [String]) -> Self {
        Scope { params: Some(params), ..self }
    }

    /// With the values of a query string.
    #[must_use]
    pub fn query(self, query: &'site IndexMap<String, Kind>) -> Self {
        Scope { query: Some(query), ..self }
    }

    /// With the records of a page.
    #[must_use]
    pub fn data(self, data: &'site IndexMap<String, ModelId>) -> Self {
        Scope { data, ..self }
    }

    /// With the `[define]` names of `this`.
    #[must_use]
    pub fn defines(self, defines: &'site IndexMap<String, String>) -> Self {
        Scope { defines, ..self }
    }
}

/// What is wanted of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// True or false: a rule, a filter, a check.
    Condition,
    /// A value of a kind: a default, a computed field.
    Value(Kind),
    /// A record of a model, or its id.
    Ref(ModelId),
    /// A list of records of a model; the only such expression is a form's field.
    Refs(ModelId),
    /// Whatever it gives.
    Anything,
}

/// Something wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// A stable name: `unknown-field`.
    pub code: &'static str,
    /// Where in the expression's text, in bytes.
    pub span: Range<usize>,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Mistake {
    pub(in crate::expr) fn new(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Mistake { code, span, message: message.into(), hint: None }
    }

    pub(in crate::expr) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The mistake drawn under its line of the expression, for where there is no file to point into.
    #[must_use]
    pub fn draw(&self, text: &str) -> String {
        let start = floor(text, self.span.start);
        let end = floor(text, self.span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line: String = text[line_start..line_end].chars().map(printable).collect();
        let before = text[line_start..start].chars().count();
        let carets = text[start..end.min(line_end)].chars().count().max(1);
        let mut drawn = format!("{}\n  {line}\n  {}{}", self.message, " ".repeat(before), "^".repeat(carets));
        if let Some(hint) = &self.hint {
            drawn.push_str("\n  help: ");
            drawn.push_str(hint);
        }
        drawn
    }
}

fn printable(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
