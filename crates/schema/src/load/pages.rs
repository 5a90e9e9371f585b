//! Pages put together: a template's own front matter with that of the layouts above it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::queries::Declared;
use super::report::{File, Reports};
use super::templates::{self, TemplateFile};
use super::toml::{Entry, Text, View};
use super::{forms, names, queries, routes, rules, walk};
use crate::expr::{Comparison, Expect, Expr, ExprKind, Input, Scope, Type};
use crate::model::{FieldId, ModelId, Models};
use crate::page::{DataQuery, Form, Page, Route, Template};
use crate::query::Limit;
use crate::settings::Settings;
use crate::types;
use crate::value::Kind;

/// All pages and templates of a site, by name.
pub(super) struct Loaded {
    pub(super) pages: IndexMap<String, Page>,
    pub(super) templates: IndexMap<String, Template>,
}

/// Types that a value of the query string can have.
const QUERY_TYPES: &[&str] = &["text", "int", "float", "bool", "date", "datetime", "duration", "uuid"];

/// What a template calls something else, so no query may be called so.
const TAKEN: &[&str] = &[
    "user",
    "visitor",
    "params",
    "query",
    "site",
    "page",
    "form",
    "forms",
    "flash",
    "request",
    "data",
    "now",
    "today",
    "new",
    "old",
    "this",
    "loop",
    "self",
    "super",
    "caller",
    "errors",
    "url",
    "can",
    "asset",
    "csp_nonce",
    "field",
    "form_open",
    "form_close",
    "true",
    "false",
    "none",
    "range",
    "dict",
    "namespace",
    "debug",
    "cycler",
    "joiner",
];

/// Reads everything below `pages/`.
pub(super) fn load(root: &Path, settings: &Settings, models: &Models, reports: &Reports) -> Loaded {
    let files = templates::read_all(root, reports);
    let mut places = Vec::new();
    for template in files.values() {
        let file = File::new(&template.path, reports);
        places.push(routes::place(file, &template.name, &settings.api.path));
    }
    let routed: Vec<(&Path, &Route)> = files.values().zip(&places).filter_map(routed).collect();
    routes::refuse_conflicts(&routed, reports);
    let extended: HashSet<&str> =
        files.values().flat_map(|file| &file.extends).map(|(name, _)| name.as_str()).collect();

    let mut loaded = Loaded { pages: IndexMap::new(), templates: IndexMap::new() };
    for (template, place) in files.values().zip(places) {
        let chain = templates::chain(&files, template, reports);
        // A layout is checked with each page that extends it, whose parameters it may use; alone only what it can
        // do without them counts, for Purlin's own pages.
        let silent = Reports::default();
        let with_pages = extended.contains(template.name.as_str());
        let own = if matches!(place, routes::Place::Part) && with_pages { &silent } else { reports };
        let front = Front::read(&chain, &place, models, own);
        loaded.templates.insert(
            template.name.clone(),
            Template {
                name: template.name.clone(),
                file: template.path.clone(),
                source: template.source.clone(),
                data: front.data.clone(),
            },
        );
        if matches!(place, routes::Place::Part) && !with_pages && template.name != "_layout.html" {
            warn_unused(template, reports);
        }
        let route = match place {
            routes::Place::Routed(route) => Some(route),
            routes::Place::Error => None,
            routes::Place::Part | routes::Place::Wrong => continue,
        };
        let page = Page {
            template: template.name.clone(),
            file: template.path.clone(),
            content_type: routes::content_type(&template.name).unwrap_or("text/html; charset=utf-8"),
            // Telling what went wrong is never refused itself.
            require: front.require.filter(|_| route.is_some()),
            query: front.query,
            choices: front.choices,
            params: front.params,
            data: front.data,
            forms: front.forms,
            route,
        };
        loaded.pages.insert(template.name.clone(), page);
    }
    loaded
}

/// Front matter of what nothing extends does nothing: what is included has none.
fn warn_unused(template: &TemplateFile, reports: &Reports) {
    let Some(document) = &template.front_matter else { return };
    if let Some(first) = document.table.entries.first() {
        File::new(&template.path, reports)
            .warn(
                "unused-front-matter",
                &first.key_span,
                "nothing extends this template, so its front matter does nothing",
            )
            .hint("what is included has no queries or forms of its own: declare them in the page");
    }
}

fn routed<'a>((template, place): (&'a TemplateFile, &'a routes::Place)) -> Option<(&'a Path, &'a Route)> {
    match place {
        routes::Place::Routed(route) => Some((&template.path, route)),
        _ => None,
    }
}

/// What the expressions of one page may speak of, and what is learned from checking them.
pub(super) struct Context<'p> {
    pub(super) models: &'p Models,
    params: Vec<String>,
    pub(super) query: IndexMap<String, Kind>,
    /// Queries that find one record.
    pub(super) data: IndexMap<String, ModelId>,
    /// The others.
    pub(super) lists: Vec<String>,
    reports: &'p Reports,
    uses: RefCell<Vec<ParamUse>>,
}

/// Where a parameter of the path is used, and as what.
struct ParamUse {
    name: String,
    kind: Kind,
    file: PathBuf,
    span: Range<usize>,
}

impl Context<'_> {
    /// What an expression about no model's record may speak of.
    pub(super) fn scope(&self) -> Scope<'_> {
        let scope = Scope::of(self.models).params(&self.params).data(&self.data);
        if self.query.is_empty() { scope } else { scope.query(&self.query) }
    }

    /// What a filter of a model may speak of.
    pub(super) fn scope_of(&self, model: ModelId) -> Scope<'_> {
        self.scope().this(model).defines(&self.models.get(model).defines)
    }

    /// Checks an expression and remembers as what it takes the path's parameters.
    pub(super) fn check(
        &self,
        file: File<'_>,
        text: &Text,
        scope: &Scope<'_>,
        expect: Expect,
    ) -> Option<Expr> {
        let expr = rules::check_hinting(file, text, scope, expect, |mistake| {
            let name = text.value.get(mistake.span.clone())?;
            let list = self.lists.iter().find(|list| *list == name)?;
            text.value[..mistake.span.start].ends_with("data.").then(|| {
                format!("`{list}` finds many records; only a query with `one = true` can be spoken of")
            })
        })?;
        for (input, part) in walk::inputs(&expr) {
            if let (Input::Param(name), Some(kind)) = (input, walk::kind_of(&part.ty, self.models)) {
                let use_ = ParamUse {
                    name: name.clone(),
                    kind,
                    file: file.path.to_owned(),
                    span: text.place(&part.span),
                };
                self.uses.borrow_mut().push(use_);
            }
        }
        Some(expr)
    }

    /// A model by its name in a file; notes an unknown one.
    pub(super) fn model(&self, view: View<'_>, name: &Text) -> Option<ModelId> {
        let found = self.models.named(&name.value).filter(|model| !model.internal);
        if found.is_none() {
            let all = self.models.iter().filter(|model| !model.internal);
            let all: Vec<&str> = all.map(|model| model.name.as_str()).collect();
            let message = format!("there is no model `{}`", name.value);
            view.file.error("unknown-model", &name.span, message).among(&name.value, all.iter().copied());
        }
        found.map(|model| model.id)
    }

    /// A field of a model by its name in a file; notes an unknown one.
    pub(super) fn field(&self, view: View<'_>, model: ModelId, name: &Text) -> Option<FieldId> {
        super::models::field_named(self.models.get(model), view, name)
    }

    /// The type of each parameter: what it is compared with, text where with nothing. Notes two types for one.
    fn param_kinds(&self) -> IndexMap<String, Kind> {
        let uses = self.uses.borrow();
        let kind = |name: &String| {
            let mut of_name = uses.iter().filter(|used| used.name == *name);
            let first = of_name.next()?;
            if let Some(other) = of_name.find(|other| other.kind != first.kind) {
                let message = format!(
                    "`params.{name}` is taken for {} here, and for {} elsewhere",
                    other.kind.described(),
                    first.kind.described()
                );
                File::new(&other.file, self.reports).error("type-conflict", &other.span, message).hint(
                    "a parameter has one type: compare it with one type of field, or give the path two",
                );
            }
            Some(first.kind)
        };
        self.params.iter().map(|name| (name.clone(), kind(name).unwrap_or(Kind::Text))).collect()
    }
}

/// The front matter of a template and of all above it, checked.
struct Front {
    require: Option<Expr>,
    query: IndexMap<String, Kind>,
    choices: IndexMap<String, Vec<String>>,
    params: IndexMap<String, Kind>,
    data: IndexMap<String, DataQuery>,
    forms: IndexMap<String, Form>,
}

impl Front {
    fn read(chain: &[&TemplateFile], place: &routes::Place, models: &Models, reports: &Reports) -> Front {
        // The farthest layout comes first: a page adds to what is there.
        let views: Vec<View<'_>> = chain
            .iter()
            .rev()
            .filter_map(|template| {
                let document = template.front_matter.as_ref()?;
                Some(View::of(File::new(&template.path, reports), document, "front matter"))
            })
            .collect();
        for view in &views {
            view.known(&["page", "query", "data", "form"]);
        }
        let params = match place {
            routes::Place::Routed(route) => routes::parameters(route),
            _ => Vec::new(),
        };
        let mut context = Context {
            models,
            params,
            query: query_types(&views),
            data: IndexMap::new(),
            lists: Vec::new(),
            reports,
            uses: RefCell::default(),
        };
        let require = require(&context, &views);
        let declared = declarations(&mut context, &views);
        let data = data(&context, &declared);
        let forms = if matches!(place, routes::Place::Error) {
            refuse_forms(&views);
            IndexMap::new()
        } else {
            forms(&context, &views)
        };
        refuse_taken_names(&context, &data, &views);
        let params = context.param_kinds();
        let choices = choices(models, &data);
        Front { require, query: context.query, choices, params, data, forms }
    }
}

/// The words that a value of the query string may be, where all that it is compared with are `choice` fields.
fn choices(models: &Models, data: &IndexMap<String, DataQuery>) -> IndexMap<String, Vec<String>> {
    let mut compared: IndexMap<String, Vec<String>> = IndexMap::new();
    let mut otherwise: Vec<String> = Vec::new();
    let filters = data.values().flat_map(|data| {
        let optional = data.query.optional.iter().map(|optional| &optional.filter);
        data.query.filter.iter().chain(optional)
    });
    for filter in filters {
        let mut uses = 0;
        walk::each(filter, &mut |part| match &part.kind {
            ExprKind::Compare(Comparison::Equal, left, right) => {
                for (field, input) in [(left, right), (right, left)] {
                    if let (ExprKind::Field(path), ExprKind::Input(Input::Query(name))) =
                        (&field.kind, &input.kind)
                        && let choices = &models.get(path.end).field(path.field).choices
                        && !choices.is_empty()
                    {
                        compared.entry(name.clone()).or_default().extend(choices.iter().cloned());
                        uses += 1;
                    }
                }
            }
            ExprKind::Input(Input::Query(name)) => {
                // Each comparison shows its input again, as one of its parts.
                if uses == 0 {
                    otherwise.push(name.clone());
                } else {
                    uses -= 1;
                }
            }
            _ => {}
        });
    }
    compared.retain(|name, choices| {
        let mut seen = HashSet::new();
        choices.retain(|choice| seen.insert(choice.clone()));
        !otherwise.contains(name)
    });
    compared
}

/// `[query]`: names and types.
fn query_types(views: &[View<'_>]) -> IndexMap<String, Kind> {
    let mut all = IndexMap::new();
    for (view, entry) in entries(views, "query", "`[query]`") {
        if !names::check_name(view.file, entry, "a value of the query string") {
            continue;
        }
        let Some(text) = view.text(&entry.key) else { continue };
        let Some(ty) = types::named(&text.value).filter(|ty| QUERY_TYPES.contains(&ty.name())) else {
            let message = format!("a value of the query string cannot be of type `{}`", text.value);
            view.file
                .error("unknown-type", &text.span, message)
                .among(&text.value, QUERY_TYPES.iter().copied());
            continue;
        };
        match all.insert(entry.key.clone(), ty.kind()) {
            Some(before) if before != ty.kind() => {
                let message = format!("`{}` has another type in a layout that this page extends", entry.key);
                view.file.error("name-clash", &entry.key_span, message);
            }
            _ => {}
        }
    }
    all
}

/// `[page] require`: the page's and its layouts', all of which must hold.
fn require(context: &Context<'_>, views: &[View<'_>]) -> Option<Expr> {
    let mut all = Vec::new();
    for view in views {
        let Some(table) = view.table("page", "`[page]`") else { continue };
        table.known(&["require"]);
        let Some(text) = table.text("require") else { continue };
        // Who may see a page is decided before its queries run.
        let none = IndexMap::new();
        let scope = context.scope().data(&none);
        all.extend(context.check(table.file, text, &scope, Expect::Condition));
    }
    if all.len() < 2 {
        return all.pop();
    }
    let span = all[0].span.clone();
    Some(Expr { kind: ExprKind::And(all), ty: Type::Value(Kind::Bool), span })
}

/// Every `[data.…]`, before its expressions are looked at.
fn declarations<'a>(context: &mut Context<'_>, views: &[View<'a>]) -> IndexMap<String, Declared<'a>> {
    let mut all: IndexMap<String, Declared<'a>> = IndexMap::new();
    for (view, entry) in entries(views, "data", "`[data]`") {
        if !names::check_name(view.file, entry, "a query") {
            continue;
        }
        if TAKEN.contains(&entry.key.as_str()) {
            let message =
                format!("a query cannot be called `{}`: templates have that name already", entry.key);
            view.file.error("reserved-name", &entry.key_span, message).hint("give it another name");
            continue;
        }
        let Some(declared) = queries::declare(context, view, entry) else { continue };
        if declared.one {
            context.data.insert(entry.key.clone(), declared.model);
        } else {
            context.lists.push(entry.key.clone());
        }
        if let Some(before) = all.insert(entry.key.clone(), declared) {
            clash(view, entry, before.view, "query");
        }
    }
    all
}

/// The queries, checked, in an order in which each needs only earlier ones; notes circles.
fn data(context: &Context<'_>, declared: &IndexMap<String, Declared<'_>>) -> IndexMap<String, DataQuery> {
    let mut checked: IndexMap<&String, (DataQuery, Vec<String>)> =
        declared.iter().map(|(name, one)| (name, queries::read(context, one))).collect();
    let mut ordered = IndexMap::new();
    while !checked.is_empty() {
        let ready =
            checked.iter().position(|(_, (_, uses))| uses.iter().all(|used| ordered.contains_key(used)));
        if let Some((name, (query, _))) = ready.and_then(|at| checked.shift_remove_index(at)) {
            ordered.insert(name.clone(), query);
            continue;
        }
        let circle = circle(&checked);
        if let Some(one) = circle.first().and_then(|name| declared.get(name)) {
            let names: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
            let message = match names.as_slice() {
                [one] => format!("the query {one} needs itself"),
                _ => format!("these queries need each other: {}", names.join(", ")),
            };
            let file = one.view.file;
            file.error("circle", &one.entry.key_span, message).hint("a query can use what does not use it");
        }
        for name in circle {
            if let Some((name, (query, _))) = checked.shift_remove_entry(&name) {
                ordered.insert(name.clone(), query);
            }
        }
    }
    ordered
}

/// Queries that wait for each other, among some of which each waits for another.
fn circle(waiting: &IndexMap<&String, (DataQuery, Vec<String>)>) -> Vec<String> {
    let mut path: Vec<&String> = waiting.keys().take(1).copied().collect();
    while let Some(last) = path.last() {
        let next =
            waiting.get(*last).and_then(|(_, uses)| uses.iter().find(|used| waiting.contains_key(used)));
        let Some(next) = next else { break };
        if let Some(from) = path.iter().position(|name| *name == next) {
            path.drain(..from);
            break;
        }
        path.push(next);
    }
    path.into_iter().cloned().collect()
}

fn forms(context: &Context<'_>, views: &[View<'_>]) -> IndexMap<String, Form> {
    let mut all = IndexMap::new();
    let mut from: IndexMap<String, View<'_>> = IndexMap::new();
    for (view, entry) in entries(views, "form", "`[form]`") {
        if !names::check_name(view.file, entry, "a form") {
            continue;
        }
        if let Some(before) = from.insert(entry.key.clone(), view) {
            clash(view, entry, before, "form");
        }
        if let Some(form) = forms::read(context, view, entry) {
            all.insert(entry.key.clone(), form);
        }
    }
    all
}

/// An error page has no URL to post to.
fn refuse_forms(views: &[View<'_>]) {
    if let Some(view) = views.last()
        && let Some(entry) = view.table.get("form")
    {
        view.file
            .error("contradiction", &entry.key_span, "an error page cannot have forms")
            .hint("link to a page that has one");
    }
}

/// `?page=` and `?sort=` belong to lists that have pages and orders to choose from; a page that reads them itself
/// reads them as what they are.
fn refuse_taken_names(context: &Context<'_>, data: &IndexMap<String, DataQuery>, views: &[View<'_>]) {
    let pages = data.values().any(|one| matches!(one.query.limit, Limit::Page(_)));
    let sorts = data.values().any(|one| !one.sorts.is_empty());
    let owned =
        [("page", pages, Kind::Int, "`per_page`", "int"), ("sort", sorts, Kind::Text, "`sorts`", "text")];
    for (name, taken, kind, by, ty) in owned {
        if !taken || context.query.get(name).is_none_or(|declared| *declared == kind) {
            continue;
        }
        for (view, entry) in entries(views, "query", "`[query]`") {
            if entry.key == name {
                let message = format!("`?{name}=` is read by a query with {by}, as `{ty}`");
                view.file.error("name-clash", &entry.key_span, message).hint("give yours another name");
            }
        }
    }
}

fn clash(view: View<'_>, entry: &Entry, before: View<'_>, what: &str) {
    let other = before.file.path.display();
    let message = format!("there is a {what} `{}` already, in `{other}`, which this page extends", entry.key);
    view.file.error("name-clash", &entry.key_span, message).hint("give one of them another name");
}

/// All entries of a table that each front matter may have.
fn entries<'a>(views: &[View<'a>], key: &str, what: &'a str) -> Vec<(View<'a>, &'a Entry)> {
    let tables = views.iter().filter_map(|view| view.table(key, what));
    tables.flat_map(|table| table.table.entries.iter().map(move |entry| (table, entry))).collect()
}
