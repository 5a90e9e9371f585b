//! Lists of records: what a query found, with its page, and what a relation holds.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use purlin_schema::record::Related;
use purlin_schema::{Row, RowSet, Shape};

use super::record::RecordValue;
use super::{Shared, refused};
use crate::text::suggest;
use crate::view::Paging;

/// What a query of the page found.
pub(crate) struct ListValue {
    pub(crate) shared: Arc<Shared>,
    pub(crate) found: Arc<RowSet>,
    pub(crate) paging: Option<Paging>,
    pub(crate) here: Arc<Here>,
}

/// Where the reader is, for links to other pages of a list.
pub(crate) struct Here {
    /// The path, beginning with exactly one slash.
    pub(crate) path: String,
    /// The query string as it was sent.
    pub(crate) query: String,
}

/// What a list knows besides its records.
const ATTRIBUTES: [&str; 8] =
    ["page", "pages", "has_next", "has_prev", "next_url", "prev_url", "total", "more"];

impl Here {
    /// The URL of this page with one parameter of its query replaced, or dropped.
    pub(crate) fn with(&self, parameter: &str, value: Option<u64>) -> String {
        let is_it = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            let name = name.replace('+', " ");
            percent_encoding::percent_decode_str(&name).decode_utf8_lossy() == parameter
        };
        let mut pairs: Vec<String> = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty() && !is_it(pair))
            .map(str::to_owned)
            .collect();
        if let Some(value) = value {
            pairs.push(format!("{}={value}", crate::text::escape::percent(parameter)));
        }
        if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, pairs.join("&")) }
    }
}

impl ListValue {
    fn attribute(&self, name: &str) -> Value {
        let found = &self.found;
        match name {
            "more" => return Value::from(found.more),
            "total" => {
                return match found.total {
                    Some(total) => Value::from(total),
                    None => refused("how many there are in all was not asked for; add total = true"),
                };
            }
            _ => {}
        }
        let Some(paging) = &self.paging else {
            return refused(if ATTRIBUTES.contains(&name) {
                format!("this list has no pages, so no `{name}`; add per_page = 20 to its query")
            } else {
                format!("a list has no `{name}`; {}", suggest::hint(name, ATTRIBUTES))
            });
        };
        let url = |page: u64| Value::from(self.here.with(&paging.parameter, (page > 1).then_some(page)));
        match name {
            "page" => Value::from(paging.page),
            "pages" => match found.total {
                Some(total) => Value::from(total.div_ceil(u64::from(paging.per_page.max(1))).max(1)),
                None => refused("how many pages there are was not asked for; add total = true"),
            },
            "has_next" => Value::from(found.more),
            "has_prev" => Value::from(paging.page > 1),
            "next_url" if found.more => url(paging.page.saturating_add(1)),
            "prev_url" if paging.page > 1 => url(paging.page - 1),
            "next_url" | "prev_url" => Value::from(()),
            _ => refused(format!("a list has no `{name}`; {}", suggest::hint(name, ATTRIBUTES))),
        }
    }
}

impl fmt::Debug for ListValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<list of {} records>", self.found.rows.len())
    }
}

impl Object for ListValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(name) => Some(self.attribute(name)),
            None => {
                let row = self.found.rows.get(key.as_usize()?)?;
                Some(RecordValue::value(&self.shared, &self.found.shape, row))
            }
        }
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        Some(self.attribute(name))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.found.rows.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a relation of one record holds.
pub(crate) struct RelatedList {
    pub(crate) shared: Arc<Shared>,
    /// What the related rows have.
    pub(crate) shape: Arc<Shape>,
    /// The record that they are related to.
    pub(crate) row: Arc<Row>,
    /// Which of its relations.
    pub(crate) at: usize,
}

impl RelatedList {
    fn rows(&self) -> &[Arc<Row>] {
        match self.row.related.get(self.at) {
            Some(Related::Many(rows)) => rows,
            _ => &[],
        }
    }
}

impl fmt::Debug for RelatedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<list of {} records>", self.rows().len())
    }
}

impl Object for RelatedList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("total") => Some(refused(
                "a relation has no `total`; write |length for those that are here, or add a count",
            )),
            Some(name) => {
                Some(refused(format!("a list has no `{name}`; it holds records: {{% for … in … %}}")))
            }
            None => Some(RecordValue::value(&self.shared, &self.shape, self.rows().get(key.as_usize()?)?)),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.rows().len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whether a value is one of these lists.
pub(crate) fn is_of_records(value: &Value) -> bool {
    value.downcast_object_ref::<ListValue>().is_some() || value.downcast_object_ref::<RelatedList>().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_another_page_keeps_the_rest_of_the_query() {
        let here = Here { path: "/posts".into(), query: "tag=a%26b&page=2&q=x+y".into() };
        assert_eq!(here.with("page", Some(3)), "/posts?tag=a%26b&q=x+y&page=3");
        assert_eq!(here.with("page", None), "/posts?tag=a%26b&q=x+y");
        let here = Here { path: "/".into(), query: "posts%2Epage=4".into() };
        assert_eq!(here.with("posts.page", None), "/");
    }
}
