//! Which fields a page's queries read.
//!
//! A page that shows twenty titles does not read twenty texts. What its templates can ask for is known when the site
//! loads, and so is what its later queries take from its earlier ones; the rest is left in the database. A page with
//! forms reads its records whole, since these are filled in and written back.

use std::collections::BTreeSet;

use purlin_pages::Templates;
use purlin_schema::page::Page;
use purlin_schema::query::{Query, Select, Selected};
use purlin_schema::{Expr, FieldId, Input, Models};

use crate::access::readable;

/// What is needed of a page's records.
pub(super) struct Needed<'page> {
    /// Names that the templates can ask for.
    names: &'page BTreeSet<String>,
    /// What later queries take, with the name of the query that finds it.
    taken: Vec<(String, FieldId)>,
}

impl<'page> Needed<'page> {
    /// Of a page; nothing where all of every record is.
    pub(super) fn of(page: &Page, templates: &'page Templates) -> Option<Needed<'page>> {
        let names = templates.names(&page.template).filter(|_| page.forms.is_empty())?;
        let mut taken = Vec::new();
        let mut take = |expr: &Expr| {
            taken.extend(expr.inputs().into_iter().filter_map(|(input, _)| match input {
                Input::Data(name, field) => Some((name, field)),
                _ => None,
            }));
        };
        page.require.iter().for_each(&mut take);
        page.data.values().for_each(|declared| expressions(&declared.query, &mut take));
        Some(Needed { names, taken })
    }

    /// The query that a page calls by a name, with the fields that are needed.
    pub(super) fn narrow(&self, models: &Models, name: &str, query: &mut Query) {
        let taken: Vec<FieldId> =
            self.taken.iter().filter(|(from, _)| from == name).map(|(_, field)| *field).collect();
        self.choose(models, &taken, query);
    }

    fn choose(&self, models: &Models, taken: &[FieldId], query: &mut Query) {
        let model = models.get(query.model);
        if matches!(query.select, Select::All) {
            let free = model.free.filter(|_| self.names.iter().any(|name| model.free_field(name).is_some()));
            let needed = |field: &FieldId| {
                *field == FieldId::ID
                    || free == Some(*field)
                    || taken.contains(field)
                    || self.names.contains(&model.field(*field).name)
            };
            let fields = readable(model).filter(needed);
            query.select = Select::Fields(fields.map(|field| Selected { field, guard: None }).collect());
        }
        for include in &mut query.include {
            self.choose(models, &[], &mut include.query);
        }
    }
}

/// Every expression of a query.
fn expressions(query: &Query, each: &mut impl FnMut(&Expr)) {
    query.filter.iter().for_each(&mut *each);
    query.optional.iter().for_each(|optional| each(&optional.filter));
    query.count.iter().filter_map(|count| count.filter.as_ref()).for_each(&mut *each);
    query.include.iter().for_each(|include| expressions(&include.query, each));
}
