//! `[data.…]` of a page: queries, each checked against what the ones before it find.

use indexmap::IndexMap;

use super::pages::Context;
use super::toml::{Data, Entry, Node, Text, View};
use crate::expr::{Expect, Expr, Input, Path, Scope, Step};
use crate::model::{ModelId, Relation};
use crate::page::DataQuery;
use crate::query::{Count, Include, Limit, Optional, Query, Select, Selected, SortKey};
use crate::value::Kind;

const KEYS: &[&str] = &[
    "from", "filter", "where", "sort", "sorts", "include", "count", "per_page", "limit", "one", "rules",
    "fields", "total",
];

const INCLUDE_KEYS: &[&str] = &["filter", "sort", "limit", "fields", "include", "count"];

/// Includes in includes end here.
const DEEPEST: usize = 6;

/// A query as a file declares it.
#[derive(Clone, Copy)]
pub(super) struct Declared<'a> {
    pub(super) entry: &'a Entry,
    pub(super) view: View<'a>,
    pub(super) model: ModelId,
    /// Whether it finds one record, which other expressions may speak of.
    pub(super) one: bool,
}

/// Reads what a query is about, before any expression is checked; notes an unknown model.
pub(super) fn declare<'a>(context: &Context<'_>, view: View<'a>, entry: &'a Entry) -> Option<Declared<'a>> {
    let table = view.table(&entry.key, "a query (`[data.…]`)")?;
    table.known(KEYS);
    let Some(from) = table.text("from") else {
        if table.node("from").is_none() {
            table.missing("from", "from = \"posts\"");
        }
        return None;
    };
    let model = context.model(table, from)?;
    Some(Declared { entry, view: table, model, one: table.bool("one").unwrap_or(false) })
}

/// Checks a declared query, and says which other queries of the page it uses.
pub(super) fn read(context: &Context<'_>, declared: &Declared<'_>) -> (DataQuery, Vec<String>) {
    let view = declared.view;
    let mut reader = Reader { context, uses: Vec::new() };
    let scope = context.scope_of(declared.model);
    let mut query = Query::of(declared.model);
    query.filter = reader.condition(view, "filter", &scope);
    query.optional = reader.optional(view, &scope);
    query.sort = reader.sort(view, "sort", declared.model);
    (query.select, query.free) = reader.fields(view, declared.model);
    query.include =
        view.node("include").map_or_else(Vec::new, |node| reader.includes(view, node, declared.model, 0));
    query.count = reader.counts(view, declared.model);
    query.limit = limit(view, declared.one);
    query.total = view.bool("total").unwrap_or(false);
    if let Some(node) = view.node("total").filter(|_| query.total && declared.one) {
        view.file.error("contradiction", &node.span, "`total` means nothing with `one = true`");
    }
    let sorts = reader.sorts(view, declared.model);
    let rules = view.bool("rules").unwrap_or(true);
    (DataQuery { query, sorts, rules }, reader.uses)
}

struct Reader<'c, 'p> {
    context: &'c Context<'p>,
    uses: Vec<String>,
}

impl Reader<'_, '_> {
    fn check(&mut self, view: View<'_>, text: &Text, scope: &Scope<'_>, expect: Expect) -> Option<Expr> {
        let expr = self.context.check(view.file, text, scope, expect)?;
        for (input, _) in super::walk::inputs(&expr) {
            if let Input::Data(name, _) = input {
                self.uses.push(name.clone());
            }
        }
        Some(expr)
    }

    fn condition(&mut self, view: View<'_>, key: &str, scope: &Scope<'_>) -> Option<Expr> {
        let text = view.text(key)?;
        self.check(view, text, scope, Expect::Condition)
    }

    /// `[data.x.where]`: each applies when its value is given.
    fn optional(&mut self, view: View<'_>, scope: &Scope<'_>) -> Vec<Optional> {
        let Some(table) = view.table("where", "`where`") else { return Vec::new() };
        let mut list = Vec::new();
        for entry in &table.table.entries {
            let Some(text) = table.text(&entry.key) else { continue };
            if !self.context.query.contains_key(&entry.key) {
                let message = format!("`[query]` does not declare `{}`", entry.key);
                let noted = table.file.error("unknown-query", &entry.key_span, message);
                noted.hint(format!("add `{} = \"text\"` to `[query]`", entry.key));
                continue;
            }
            if let Some(filter) = self.check(table, text, scope, Expect::Condition) {
                list.push(Optional { given: Input::Query(entry.key.clone()), filter });
            }
        }
        list
    }

    fn sort(&self, view: View<'_>, key: &str, model: ModelId) -> Vec<SortKey> {
        let texts = view.texts(key).unwrap_or_default();
        texts.into_iter().filter_map(|text| self.sort_key(view, text, model)).collect()
    }

    fn sorts(&self, view: View<'_>, model: ModelId) -> IndexMap<String, Vec<SortKey>> {
        let Some(table) = view.table("sorts", "`sorts`") else { return IndexMap::new() };
        let entries = table.table.entries.iter();
        entries.map(|entry| (entry.key.clone(), self.sort(table, &entry.key, model))).collect()
    }

    /// `-author.name`: refs, then a field.
    fn sort_key(&self, view: View<'_>, text: &Text, from: ModelId) -> Option<SortKey> {
        let descending = text.value.starts_with('-');
        let mut start = usize::from(descending);
        if text.value.contains('[') {
            return self.sort_into(view, &text.part(start..text.value.len()), from, descending);
        }
        let mut hops = Vec::new();
        let mut end = from;
        let parts: Vec<&str> = text.value[start..].split('.').collect();
        for (at, part) in parts.iter().enumerate() {
            let name = text.part(start..start + part.len());
            start += part.len() + 1;
            if let Some(field) = self.context.models.get(end).free_field(part) {
                let path = Path { scope: 0, model: from, hops, end, field };
                let steps = parts[at..].iter().map(|key| Step::Key((*key).into())).collect();
                return Some(SortKey { path, steps, descending });
            }
            let field = self.context.field(view, end, &name)?;
            let field = self.context.models.get(end).field(field);
            let last = at + 1 == parts.len();
            if field.kind == Kind::Json && !last && !field.hidden {
                return self.sort_into(
                    view,
                    &text.part(usize::from(descending)..text.value.len()),
                    from,
                    descending,
                );
            }
            if field.hidden || (last && (field.is_many() || !field.ty.is_key())) {
                let message = format!("`{}` cannot be sorted by", field.name);
                view.file.error("bad-sort", &name.span, message).hint(
                    match (field.hidden, field.is_many()) {
                        (true, _) => "a hidden field leaves in no way",
                        (_, true) => "sort by a field, or by one through a ref",
                        _ => "long texts and JSON have no order worth asking for",
                    },
                );
                return None;
            }
            if last {
                let path = Path { scope: 0, model: from, hops, end, field: field.id };
                return Some(SortKey::by(path, descending));
            }
            match field.reference.as_ref().filter(|reference| !reference.many) {
                Some(reference) => {
                    hops.push(field.id);
                    end = reference.to;
                }
                None => {
                    let message = format!("`{}` is not a ref, so nothing is behind it", field.name);
                    view.file.error("bad-sort", &name.span, message);
                    return None;
                }
            }
        }
        None
    }

    /// A place in a document: `-meta.size.width`.
    fn sort_into(&self, view: View<'_>, text: &Text, from: ModelId, descending: bool) -> Option<SortKey> {
        let scope = self.context.scope_of(from);
        let expr = self.context.check(view.file, text, &scope, Expect::Anything)?;
        let key = SortKey::of(expr, descending);
        if key.is_none() {
            view.file
                .error("bad-sort", &text.span, "this is no place in a document")
                .hint("write a path: `meta.size.width`, `meta.tags[0]`");
        }
        key
    }

    /// Which fields, and which of the free ones.
    fn fields(&self, view: View<'_>, model: ModelId) -> (Select, Option<Vec<String>>) {
        if view.node("fields").is_none() {
            return (Select::All, None);
        }
        let mut chosen: Vec<Selected> = Vec::new();
        let mut names = Vec::new();
        for text in view.texts("fields").unwrap_or_default() {
            if let Some(free) = self.context.models.get(model).free_field(&text.value) {
                names.push(text.value.clone());
                if chosen.iter().all(|known| known.field != free) {
                    chosen.push(Selected { field: free, guard: None });
                }
                continue;
            }
            let Some(id) = self.context.field(view, model, text) else { continue };
            let field = self.context.models.get(model).field(id);
            if field.hidden {
                let message = format!("`{}` is hidden and leaves in no way", field.name);
                view.file.error("hidden-field", &text.span, message);
            } else if field.is_many() {
                view.file
                    .error("bad-field", &text.span, format!("`{}` is a list", field.name))
                    .hint("name it in `include`");
            } else {
                chosen.push(Selected { field: id, guard: None });
            }
        }
        (Select::Fields(chosen), Some(names))
    }

    /// `include`: paths, or a table by relation.
    fn includes(&mut self, view: View<'_>, node: &Node, model: ModelId, depth: usize) -> Vec<Include> {
        let mut list = Vec::new();
        match &node.data {
            Data::Text(text) => self.include_path(view, text, model, &mut list),
            Data::List(items) => {
                for item in items {
                    match item.as_text() {
                        Some(text) => self.include_path(view, text, model, &mut list),
                        None => drop(view.wrong::<()>("include", item, "a list of relations")),
                    }
                }
            }
            Data::Table(table) => {
                for entry in &table.entries {
                    let name = Text::at(&entry.key, &entry.key_span);
                    let Some(relation) = self.relation(view, model, &name) else { continue };
                    let (id, to) = (relation.id, relation.to);
                    let many = relation.is_many();
                    let query = match &entry.value.data {
                        Data::Bool(true) => Query::of(to),
                        Data::Table(inner) => {
                            let inner = View {
                                file: view.file,
                                table: inner,
                                span: &entry.value.span,
                                what: "an include",
                            };
                            self.include_table(inner, to, many, depth)
                        }
                        _ => {
                            view.wrong::<()>(&entry.key, &entry.value, "`true` or a table");
                            continue;
                        }
                    };
                    list.push(Include { relation: id, query });
                }
            }
            _ => drop(view.wrong::<()>("include", node, "a list of relations, or a table")),
        }
        list
    }

    fn include_path(&self, view: View<'_>, text: &Text, model: ModelId, list: &mut Vec<Include>) {
        let mut start = 0;
        let mut at = model;
        let mut list = list;
        for part in text.value.split('.') {
            let name = text.part(start..start + part.len());
            start += part.len() + 1;
            let Some(relation) = self.relation(view, at, &name) else { return };
            let here = match list.iter().position(|include| include.relation == relation.id) {
                Some(here) => here,
                None => {
                    list.push(Include { relation: relation.id, query: Query::of(relation.to) });
                    list.len() - 1
                }
            };
            at = relation.to;
            list = &mut list[here].query.include;
        }
    }

    fn include_table(&mut self, view: View<'_>, to: ModelId, many: bool, depth: usize) -> Query {
        view.known(INCLUDE_KEYS);
        let scope = self.context.scope_of(to);
        let mut query = Query::of(to);
        query.filter = self.condition(view, "filter", &scope);
        query.sort = self.sort(view, "sort", to);
        (query.select, query.free) = self.fields(view, to);
        query.count = self.counts(view, to);
        if let Some(most) = view.int("limit", 1..=10_000) {
            query.limit = Limit::AtMost(u32::try_from(most).unwrap_or(1));
        }
        for key in ["filter", "sort", "limit"] {
            if let Some(entry) = view.table.get(key).filter(|_| !many) {
                let message = format!("`{key}` means nothing here: a ref has one record");
                view.file.error("contradiction", &entry.key_span, message);
            }
        }
        if let Some(node) = view.node("include") {
            if depth >= DEEPEST {
                view.file.error("too-deep", &node.span, format!("includes go at most {DEEPEST} deep"));
            } else {
                query.include = self.includes(view, node, to, depth + 1);
            }
        }
        query
    }

    /// `count`: names of relations, or a table with a condition for each.
    fn counts(&mut self, view: View<'_>, model: ModelId) -> Vec<Count> {
        let Some(node) = view.node("count") else { return Vec::new() };
        let mut list = Vec::new();
        let Data::Table(table) = &node.data else {
            for text in view.texts("count").unwrap_or_default() {
                if let Some(relation) = self.counted(view, model, text) {
                    list.push(Count { name: relation.name.clone(), relation: relation.id, filter: None });
                }
            }
            return list;
        };
        for entry in &table.entries {
            let name = Text::at(&entry.key, &entry.key_span);
            let Some(relation) = self.counted(view, model, &name) else { continue };
            let (id, to) = (relation.id, relation.to);
            let filter = match &entry.value.data {
                Data::Bool(true) => None,
                Data::Text(text) => {
                    let scope = self.context.scope_of(to);
                    let Some(filter) = self.check(view, text, &scope, Expect::Condition) else { continue };
                    Some(filter)
                }
                _ => {
                    view.wrong::<()>(&entry.key, &entry.value, "`true` or a condition");
                    continue;
                }
            };
            list.push(Count { name: entry.key.clone(), relation: id, filter });
        }
        list
    }

    fn counted(&self, view: View<'_>, model: ModelId, name: &Text) -> Option<&Relation> {
        let relation = self.relation(view, model, name)?;
        if relation.is_many() {
            return Some(relation);
        }
        let message = format!("`{}` is one record, so there is nothing to count", name.value);
        view.file.error("bad-count", &name.span, message);
        None
    }

    fn relation(&self, view: View<'_>, model: ModelId, name: &Text) -> Option<&Relation> {
        let model = self.context.models.get(model);
        if let Some(relation) = model.relation_named(&name.value) {
            return Some(relation);
        }
        let names: Vec<&str> = model.relations.iter().map(|relation| relation.name.as_str()).collect();
        let message = format!("`{}` has no relation `{}`", model.name, name.value);
        let noted = view.file.error("unknown-relation", &name.span, message);
        if model.field_named(&name.value).is_some() {
            noted.hint("a field comes along by itself; `include` is for relations");
        } else {
            noted.among(&name.value, names.iter().copied());
        }
        None
    }
}

fn limit(view: View<'_>, one: bool) -> Limit {
    let chosen: Vec<&str> =
        ["one", "limit", "per_page"].into_iter().filter(|key| view.node(key).is_some()).collect();
    if let [first, second, ..] = chosen.as_slice()
        && let Some(entry) = view.table.get(second)
        && (one || *first != "one")
    {
        let message = format!("`{second}` cannot stand beside `{first}`");
        view.file
            .error("contradiction", &entry.key_span, message)
            .hint("a query takes one of `one`, `limit` and `per_page`");
    }
    if one {
        return Limit::One;
    }
    let number = |key| view.int(key, 1..=10_000).and_then(|number| u32::try_from(number).ok());
    match (number("per_page"), number("limit")) {
        (Some(size), _) => Limit::Page(size),
        (None, Some(most)) => Limit::AtMost(most),
        (None, None) => Limit::All,
    }
}
