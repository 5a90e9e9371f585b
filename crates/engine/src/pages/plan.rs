//! Plans: a page's queries with the rules of each kind of asker, compiled when the site loads.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use purlin_pages::Templates;
use purlin_schema::model::RelationBy;
use purlin_schema::page::{DataQuery, Form, FormAction, Page};
use purlin_schema::query::{Include, Limit, Query, Select, Selected, SortKey, Test};
use purlin_schema::{Diagnostic, Diagnostics, Expr, FieldId, Input, ModelId, Models, RowSet, Site};
use purlin_store::{Plan, Prepared, Step, Store};

use super::needed::Needed;
use super::route::Router;
use crate::access::{Access, Verdict, Who};
use crate::expressions;

/// The layout whose data Purlin's own pages have.
const LAYOUT: &str = "_layout.html";
/// Records that a form offers for a ref; a site with more wants another control.
const MOST_OPTIONS: u32 = 500;

/// Every page of a site, compiled.
pub(crate) struct Pages {
    pub(crate) router: Router,
    pages: Vec<[PagePlan; 3]>,
    by_name: HashMap<String, usize>,
    layout: Option<[PagePlan; 3]>,
}

/// A page's queries for one kind of asker.
#[derive(Default)]
pub(crate) struct PagePlan {
    /// The queries; those for the options of forms follow the page's own.
    pub(crate) plan: Plan,
    /// What the page's own queries are.
    pub(crate) steps: Vec<StepInfo>,
    /// What the others are for.
    pub(crate) options: Vec<OptionsOf>,
    /// Finds the asker where the page's `require` holds, which looks further than at his own record.
    pub(crate) require: Option<Plan>,
    paged: usize,
}

/// One of a page's queries.
pub(crate) struct StepInfo {
    pub(crate) name: String,
    /// Whether it finds one record.
    pub(crate) one: bool,
    /// How many records its pages have, where it has pages.
    pub(crate) per_page: Option<u32>,
    /// The query parameter that names its page.
    pub(crate) parameter: String,
    /// The same in other orders, by name.
    pub(crate) sorts: HashMap<String, Arc<Prepared>>,
}

/// A form's ref, whose options a query finds.
pub(crate) struct OptionsOf {
    form: String,
    field: FieldId,
    label: FieldId,
    /// Whether this is only what the record refers to now, which the others may be too many to hold.
    current: bool,
}

/// What may be chosen for a form's ref.
pub(crate) struct Options {
    pub(crate) form: String,
    pub(crate) field: FieldId,
    /// Id and label of each.
    pub(crate) choices: Vec<(String, String)>,
}

struct Compiler<'site> {
    models: &'site Models,
    store: &'site Store,
    access: &'site Access,
    who: Who,
}

impl Pages {
    /// Compiles the pages of a site; what cannot become SQL is told with its page.
    pub(crate) fn compile(
        site: &Site,
        store: &Store,
        access: &Access,
        templates: &Templates,
        mistakes: &mut Diagnostics,
    ) -> Pages {
        let compiler = |who| Compiler { models: &site.models, store, access, who };
        let mut pages = Vec::with_capacity(site.pages.len());
        let mut by_name = HashMap::new();
        for (name, page) in &site.pages {
            by_name.insert(name.clone(), pages.len());
            pages.push(Who::ALL.map(|who| {
                compiler(who).page(page, templates).unwrap_or_else(|message| {
                    mistakes.push(Diagnostic::error("cannot-compile", page.file.clone(), 0..0, message));
                    PagePlan::default()
                })
            }));
        }
        let layout = site.templates.get(LAYOUT).map(|layout| {
            Who::ALL.map(|who| {
                let compiler = compiler(who);
                let mut data = layout.data.clone();
                for declared in data.values_mut() {
                    compiler.with_verdicts(templates, LAYOUT, &mut declared.query);
                }
                compiler.data(&data, &IndexMap::new()).unwrap_or_else(|message| {
                    mistakes.push(Diagnostic::error("cannot-compile", layout.file.clone(), 0..0, message));
                    PagePlan::default()
                })
            })
        });
        Pages { router: Router::of(site), pages, by_name, layout }
    }

    /// The plan of a page.
    pub(crate) fn plan(&self, page: usize, who: Who) -> &PagePlan {
        &self.pages[page][who as usize]
    }

    /// The plan of one of Purlin's own pages: the site's page of this name, or what the site's layout declares.
    pub(crate) fn system_plan(&self, name: &str, who: Who) -> Option<&PagePlan> {
        match self.by_name.get(name) {
            Some(page) => Some(self.plan(*page, who)),
            None => self.layout.as_ref().map(|plans| &plans[who as usize]),
        }
    }
}

impl PagePlan {
    /// The query parameter that names a list's page: `page`, or `posts.page` where a page has several lists.
    pub(crate) fn parameter_of(&self, step: &StepInfo) -> String {
        debug_assert!(self.paged > 0, "asked of a list without pages");
        step.parameter.clone()
    }
}

impl OptionsOf {
    /// Adds what a query found to what may be chosen.
    pub(crate) fn add_to(&self, all: &mut Vec<Options>, set: &RowSet) {
        let found = self.choices_of(set);
        match all.last_mut().filter(|_| self.current) {
            Some(options) => {
                let new = |(id, _): &(String, String)| options.choices.iter().all(|(known, _)| known != id);
                let new: Vec<_> = found.choices.into_iter().filter(new).collect();
                options.choices.extend(new);
            }
            None => all.push(found),
        }
    }

    fn choices_of(&self, set: &RowSet) -> Options {
        let text =
            |row, field| set.shape.value(row, field).map(purlin_schema::Value::to_text).unwrap_or_default();
        let choices = set.rows.iter().map(|row| (text(row, FieldId::ID), text(row, self.label))).collect();
        Options { form: self.form.clone(), field: self.field, choices }
    }
}

impl Compiler<'_> {
    fn page(&self, page: &Page, templates: &Templates) -> Result<PagePlan, String> {
        let require = match &page.require {
            Some(require) if require.goes_beyond() && self.who != Who::Visitor => {
                Some(self.require(require)?)
            }
            _ => None,
        };
        let mut data = page.data.clone();
        if let Some(needed) = Needed::of(page, templates) {
            for (name, declared) in &mut data {
                needed.narrow(self.models, name, &mut declared.query);
            }
        }
        for declared in data.values_mut() {
            self.with_verdicts(templates, &page.template, &mut declared.query);
        }
        Ok(PagePlan { require, ..self.data(&data, &page.forms)? })
    }

    /// What a template asks about by `can` can be told of each record: a rule that looks at the record's own fields has
    /// these, the answer of any other comes along with the record.
    fn with_verdicts(&self, templates: &Templates, template: &str, query: &mut Query) {
        let permissions = self.access.of(query.model, self.who);
        for action in templates.actions(template) {
            let Some(Verdict::When(rule)) = permissions.on_record(action) else { continue };
            let holds = expressions::old_is_stored(rule, self.models.get(query.model));
            let fields: Vec<FieldId> = holds.needs().paths.iter().map(|path| path.field).collect();
            let is_seen = |field: &FieldId| permissions.fields[usize::from(field.0)].read.is_always();
            if holds.is_field_local() && fields.iter().all(is_seen) {
                fields.into_iter().for_each(|field| with_field(query, field));
            } else {
                query.tests.push(Test { name: action.to_owned(), holds });
            }
        }
        for include in &mut query.include {
            self.with_verdicts(templates, template, &mut include.query);
        }
    }

    fn require(&self, require: &Expr) -> Result<Plan, String> {
        let users = self.models.users();
        let mut query = Query::of(users.id);
        query.limit = Limit::One;
        query.select = Select::Fields(Vec::new());
        let asker = expressions::id_is(users, Input::User(FieldId::ID));
        // The condition is about nobody's record: its walks all begin at `user`.
        query.filter = Some(Expr::all(vec![asker, require.clone()]));
        let query = self.store.prepare(&query).map_err(|error| error.message)?;
        Ok(Plan { steps: vec![Step { name: "require".to_owned(), query, must_exist: true }] })
    }

    fn data(
        &self,
        data: &IndexMap<String, DataQuery>,
        forms: &IndexMap<String, Form>,
    ) -> Result<PagePlan, String> {
        let paged = data.values().filter(|query| matches!(query.query.limit, Limit::Page(_))).count();
        let mut compiled = PagePlan { paged, ..PagePlan::default() };
        for (name, declared) in data {
            let declared = &self.with_lists_of_forms(name, declared, forms);
            let query = self.prepare(declared, &declared.query.sort)?;
            let mut sorts = HashMap::new();
            for (sort, keys) in &declared.sorts {
                sorts.insert(sort.clone(), self.prepare(declared, keys)?);
            }
            let one = declared.query.limit == Limit::One;
            let per_page = match declared.query.limit {
                Limit::Page(per_page) => Some(per_page),
                _ => None,
            };
            let parameter = if compiled.paged == 1 { "page".to_owned() } else { format!("{name}.page") };
            compiled.plan.steps.push(Step { name: name.clone(), query, must_exist: one });
            compiled.steps.push(StepInfo { name: name.clone(), one, per_page, parameter, sorts });
        }
        for (name, form) in forms {
            self.options(name, form, &mut compiled)?;
        }
        Ok(compiled)
    }

    fn prepare(&self, declared: &DataQuery, sort: &[SortKey]) -> Result<Arc<Prepared>, String> {
        let sorted = Query { sort: sort.to_vec(), ..declared.query.clone() };
        let ruled = if declared.rules {
            self.access.guard(&sorted, self.who)
        } else {
            self.access.unguarded(&sorted)
        };
        self.store.prepare(&ruled).map_err(|error| error.message)
    }

    /// A form that changes a record shows which records its lists of refs hold, so they come along.
    fn with_lists_of_forms(
        &self,
        name: &str,
        declared: &DataQuery,
        forms: &IndexMap<String, Form>,
    ) -> DataQuery {
        let mut declared = declared.clone();
        let model = self.models.get(declared.query.model);
        for form in forms.values().filter(|form| form.action == FormAction::Update(name.to_owned())) {
            for field in form.fields.iter().filter(|field| model.field(**field).is_many()) {
                let by = RelationBy::Refs(*field);
                let Some(relation) = model.relations.iter().find(|relation| relation.by == by) else {
                    continue;
                };
                let includes = &mut declared.query.include;
                match includes.iter_mut().find(|include| include.relation == relation.id) {
                    // The form names what it shows.
                    Some(include) => with_field(&mut include.query, self.models.get(relation.to).label),
                    None => includes.push(Include { relation: relation.id, query: Query::of(relation.to) }),
                }
            }
        }
        declared
    }

    fn options(&self, name: &str, form: &Form, compiled: &mut PagePlan) -> Result<(), String> {
        let model = self.models.get(form.model);
        for field in &form.fields {
            let Some(reference) = &model.field(*field).reference else { continue };
            let query = self.access.guard(&self.options_query(reference.to), self.who);
            let query = self.store.prepare(&query).map_err(|error| error.message)?;
            let label = self.models.get(reference.to).label;
            compiled.plan.steps.push(Step { name: format!("{name}.{field:?}"), query, must_exist: false });
            let options = OptionsOf { form: name.to_owned(), field: *field, label, current: false };
            compiled.options.push(options);
            if let (FormAction::Update(record), false) = (&form.action, reference.many) {
                let mut query = self.options_query(reference.to);
                let input = Input::Data(record.clone(), *field);
                query.filter = Some(expressions::id_is(self.models.get(reference.to), input));
                query.limit = Limit::One;
                let query = self.access.guard(&query, self.who);
                let query = self.store.prepare(&query).map_err(|error| error.message)?;
                let step = Step { name: format!("{name}.{field:?}.current"), query, must_exist: false };
                compiled.plan.steps.push(step);
                let current = OptionsOf { form: name.to_owned(), field: *field, label, current: true };
                compiled.options.push(current);
            }
        }
        Ok(())
    }

    fn options_query(&self, model: ModelId) -> Query {
        let label = self.models.get(model).label;
        let mut query = Query::of(model);
        query.limit = Limit::AtMost(MOST_OPTIONS);
        query.select = Select::Fields(vec![Selected { field: label, guard: None }]);
        let path = purlin_schema::expr::Path { scope: 0, model, hops: Vec::new(), end: model, field: label };
        query.sort = vec![SortKey::by(path, false)];
        query
    }
}

/// Adds a field to those that a query names.
fn with_field(query: &mut Query, field: FieldId) {
    if let Select::Fields(selected) = &mut query.select
        && !selected.iter().any(|known| known.field == field)
    {
        selected.push(Selected { field, guard: None });
    }
}
