//! Times in forms: what a control shows and what it sends is a wall clock of the site's time zone.

use std::borrow::Cow;

use purlin_pages::view::Record;
use purlin_schema::value::parse_datetime;
use purlin_schema::{Kind, Model, Value};

use crate::Engine;

impl Engine {
    /// What was posted, with wall clocks as instants; `record` is what the form showed.
    ///
    /// A time that stands as it was shown is left out: a control shows no seconds, so that whoever changes something
    /// else would cut them off.
    pub(crate) fn as_instants<'post>(
        &self,
        model: &Model,
        record: Option<&Record>,
        pairs: &'post [(String, String)],
    ) -> Cow<'post, [(String, String)]> {
        let zone = &self.inner.zone;
        let time_of = |name: &str| model.field_named(name).filter(|field| field.kind == Kind::Datetime);
        if !pairs.iter().any(|(name, _)| time_of(name).is_some()) {
            return Cow::Borrowed(pairs);
        }
        let instant = |(name, text): &(String, String)| {
            let Some(field) = time_of(name) else { return Some((name.clone(), text.clone())) };
            let shown = match record.and_then(|record| record.shape.value(&record.row, field.id)) {
                Some(Value::Datetime(at)) => zone.wall_clock(*at),
                _ => None,
            };
            if shown.as_deref() == Some(text.trim()) {
                return None;
            }
            let local = parse_datetime(text).is_none().then(|| zone.instant_of(text)).flatten();
            Some((name.clone(), local.map_or_else(|| text.clone(), |at| Value::Datetime(at).to_text())))
        };
        pairs.iter().filter_map(instant).collect::<Vec<_>>().into()
    }
}
