//! The names that a template begins with: the page's data, `user`, `params`, `query`, `page`, `site`, `forms`, `flash`, `now`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};
use purlin_schema::{Site, Value as Held};

use super::list::{Here, ListValue};
use super::record::RecordValue;
use super::time::Instant;
use super::{Shared, convert, document, refusal, refused};
use crate::functions::{NONCE, forms};
use crate::text::suggest;
use crate::view::{Data, View};

/// The name under which functions find the root.
const SELF: &str = "_purlin";

/// Names that every template has, whatever its page declares.
pub(crate) const NAMES: [&str; 9] =
    ["user", "params", "query", "page", "site", "forms", "flash", "now", SELF];

/// All that one rendering sees.
pub(crate) struct Root {
    pub(crate) shared: Arc<Shared>,
    pub(crate) view: View,
    pub(crate) template: String,
    pub(crate) here: Arc<Here>,
}

impl Root {
    pub(crate) fn new(shared: Arc<Shared>, template: &str, view: View) -> Root {
        let here = Here {
            path: format!("/{}", view.path.trim_start_matches(['/', '\\'])),
            query: view.query_string.clone(),
        };
        Root { shared, view, template: template.to_owned(), here: Arc::new(here) }
    }

    /// The root of the rendering that a function is called in.
    pub(crate) fn of(state: &State<'_, '_>) -> Result<Arc<Root>, Error> {
        state
            .lookup(SELF)
            .and_then(|value| value.downcast_object::<Root>())
            .ok_or_else(|| refusal("this works only while a page is rendered"))
    }

    fn data(self: &Arc<Self>, data: &Data) -> Value {
        match data {
            Data::One(record) => RecordValue::value(&self.shared, &record.shape, &record.row),
            Data::Many(found, paging) => Value::from_object(ListValue {
                shared: self.shared.clone(),
                found: found.clone(),
                paging: paging.clone(),
                here: self.here.clone(),
            }),
        }
    }

    fn page(&self) -> Value {
        let local = if self.here.query.is_empty() {
            self.here.path.clone()
        } else {
            format!("{}?{}", self.here.path, self.here.query)
        };
        let origin = self.shared.site.settings.site.url.as_deref().unwrap_or_default();
        named(
            "page",
            [
                ("path", Value::from(self.here.path.as_str())),
                ("url", Value::from(format!("{}{local}", origin.trim_end_matches('/')))),
            ],
        )
    }

    fn flash(&self) -> Value {
        self.view.flash_shown.store(true, Ordering::Relaxed);
        self.view
            .flash
            .iter()
            .map(|flash| {
                named(
                    "a message",
                    [("kind", Value::from(flash.kind.as_str())), ("text", Value::from(flash.text.as_str()))],
                )
            })
            .collect()
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<the page>")
    }
}

impl Object for Root {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        if let Some((_, data)) = self.view.data.iter().find(|(known, _)| known == name) {
            return Some(self.data(data));
        }
        Some(match name {
            "user" => match &self.view.user {
                Some(user) => RecordValue::value(&self.shared, &user.shape, &user.row),
                None => Value::from(()),
            },
            "site" => self.shared.site_value.clone(),
            "page" => self.page(),
            "params" => named("params", self.view.params.iter().map(plain)),
            "query" => named("query", self.view.query.iter().map(plain)),
            "forms" => {
                named("forms", self.view.forms.iter().map(|(name, form)| (name.as_str(), forms::value(form))))
            }
            "flash" => self.flash(),
            "now" => Value::from_object(Instant(self.view.now)),
            SELF => Value::from_dyn_object(self.clone()),
            // The function of this name reads it.
            NONCE => return None,
            _ => {
                let (_, extra) = self.view.extra.iter().find(|(known, _)| known == name)?;
                document::from_json(extra)
            }
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

fn plain((name, held): &(String, Held)) -> (&str, Value) {
    (name.as_str(), convert::plain(held))
}

/// What templates see as `site`.
pub(crate) fn site_value(site: &Site) -> Value {
    let settings = &site.settings.site;
    let extra = settings.extra.iter().map(|(name, held)| (name.as_str(), convert::plain(held)));
    named(
        "site",
        [
            ("name", Value::from(settings.name.as_str())),
            ("url", Value::from(settings.url.as_deref().unwrap_or_default().trim_end_matches('/'))),
            ("description", Value::from(settings.description.as_str())),
            ("language", Value::from(settings.language.as_str())),
            ("timezone", Value::from(settings.timezone.as_str())),
        ]
        .into_iter()
        .chain(extra),
    )
}

/// Some values by name; another name is an error that says which there are.
pub(crate) fn named<'name>(
    title: &'static str,
    values: impl IntoIterator<Item = (&'name str, Value)>,
) -> Value {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Value::from_object(Named { title, values })
}

struct Named {
    title: &'static str,
    values: Vec<(String, Value)>,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.title)
    }
}

impl Object for Named {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let found = self.values.iter().find(|(known, _)| known == name);
        Some(found.map(|(_, value)| value.clone()).unwrap_or_else(|| {
            let names: Vec<&str> = self.values.iter().map(|(known, _)| known.as_str()).collect();
            refused(format!("`{}` has no `{name}`; {}", self.title, suggest::hint(name, names)))
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.iter().map(|(name, _)| Value::from(name.as_str())).collect())
    }
}
