//! What a template is rendered with.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use purlin_schema::{Id, ModelId, Row, RowSet, Shape, Value};

/// How a control for a datetime shows one, in the site's time zone.
pub const CONTROL_TIME: &str = "%Y-%m-%dT%H:%M";

/// Everything that a template can see.
pub struct View {
    /// What the page's queries found, by name.
    pub data: Vec<(String, Data)>,
    /// Who asks.
    pub user: Option<Record>,
    /// The route's parameters.
    pub params: Vec<(String, Value)>,
    /// The page's declared query values; those not given are null.
    pub query: Vec<(String, Value)>,
    /// The path asked for, as it was sent, without the query.
    pub path: String,
    /// The query string as it was sent, for the links of pagination.
    pub query_string: String,
    /// The page's forms by name.
    pub forms: Vec<(String, FormView)>,
    /// Messages to show once.
    pub flash: Vec<Flash>,
    /// Set when the template looks at `flash`: the messages were shown.
    pub flash_shown: Arc<AtomicBool>,
    /// Further values for Purlin's own pages (sign-in, errors): `error.status`, `next` …
    pub extra: Vec<(String, serde_json::Value)>,
    /// The current time, in microseconds UTC.
    pub now: i64,
    /// Answers `can("update", post)`.
    pub oracle: Arc<dyn Oracle>,
}

/// A record and what it has.
#[derive(Clone)]
pub struct Record {
    /// What it has.
    pub shape: Arc<Shape>,
    /// The record.
    pub row: Arc<Row>,
}

/// What one query of a page found.
#[derive(Clone)]
pub enum Data {
    /// A record.
    One(Record),
    /// A list; with its page where it has pages.
    Many(Arc<RowSet>, Option<Paging>),
}

/// Where in a list of pages this one is.
#[derive(Clone, Debug)]
pub struct Paging {
    /// From 1.
    pub page: u64,
    /// Records a page.
    pub per_page: u32,
    /// The parameter that names it: `page`, or `posts.page` where a page has several lists.
    pub parameter: String,
}

/// A form as the page shows it.
#[derive(Clone, Default)]
pub struct FormView {
    /// The model it writes.
    pub model: Option<ModelId>,
    /// The record it changes.
    pub record: Option<Record>,
    /// Its fields in order.
    pub fields: Vec<FieldView>,
    /// What is wrong with it as a whole.
    pub messages: Vec<String>,
}

/// A field of a form.
#[derive(Clone, Default)]
pub struct FieldView {
    /// Its name in the form.
    pub name: String,
    /// What stands in it: the old input after an error, else the record's value, else its default.
    pub value: Vec<String>,
    /// What may be chosen, where it is a ref: id and label.
    pub options: Vec<(String, String)>,
    /// What is wrong with it, to be read after its label: `is required`.
    pub messages: Vec<String>,
    /// What is wrong with it in words of the site's own, which need no label before them.
    pub sentences: Vec<String>,
    /// Whether this form needs it, also where the model would not: the password of a sign-up.
    pub required: bool,
}

impl FieldView {
    /// Whether something is wrong with it.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        !self.messages.is_empty() || !self.sentences.is_empty()
    }
}

/// A message to show once.
#[derive(Clone, Debug)]
pub struct Flash {
    /// `notice` or `error`.
    pub kind: String,
    /// The sentence.
    pub text: String,
}

/// Who knows whether the asker may do something.
pub trait Oracle: Send + Sync {
    /// Whether the asker may `create`, `update` or `delete` this record (of a create: any of the model).
    ///
    /// # Errors
    /// Where it cannot be said from what the page loaded; the text says what to include.
    fn can(&self, action: &str, model: ModelId, record: Option<&Record>) -> Result<bool, String>;

    /// Whether the asker has a role, his own or by inclusion.
    fn has_role(&self, role: &str) -> bool;

    /// Whether the asker has a permission.
    fn has_permission(&self, permission: &str) -> bool;
}

/// Nobody may do anything.
pub struct NoOracle;

impl Oracle for NoOracle {
    fn can(&self, _action: &str, _model: ModelId, _record: Option<&Record>) -> Result<bool, String> {
        Ok(false)
    }

    fn has_role(&self, _role: &str) -> bool {
        false
    }

    fn has_permission(&self, _permission: &str) -> bool {
        false
    }
}

/// The id of a record, which is its first value.
#[must_use]
pub fn id_of(record: &Record) -> Option<Id> {
    record.row.values.first().and_then(Value::as_id)
}
