//! Pages: a route's queries in one snapshot, its template, and its forms.

mod clock;
mod form;
mod inline;
mod needed;
mod oracle;
mod plan;
mod route;

pub(crate) use form::{Mistaken, control_values, messages_of, other_messages, sentences_of};
pub use inline::Inline;
pub(crate) use inline::Inlines;
pub(crate) use plan::Pages;
pub use route::Matched;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use purlin_pages::view::{Data, Flash, FormView, Paging, Record, View};
use purlin_schema::expr::{self, Evaluated};
use purlin_schema::model::Rule;
use purlin_schema::page::Page;
use purlin_schema::{Expr, Kind, Value};
use purlin_store::{Plan, StepArgs, Window};

use crate::access::Who;
use crate::inputs::Ask;
use crate::records::{failed, not_allowed};
use crate::{Actor, Engine, Failure};
use plan::PagePlan;

const LAST_PAGE: u64 = 100_000;

/// A request for a page.
#[derive(Clone)]
pub struct PageRequest<'request> {
    /// Who asks.
    pub actor: &'request Actor,
    /// The path as it was sent, percent-encoded.
    pub path: &'request str,
    /// The raw query string.
    pub query_string: &'request str,
    /// The pairs of the query string, percent-decoded.
    pub query: &'request [(String, String)],
    /// Messages to show once.
    pub flash: Vec<Flash>,
}

/// A rendered page.
pub struct PageAnswer {
    /// The status: 200, or 422 for a form with mistakes.
    pub status: u16,
    /// The text.
    pub body: String,
    /// Its type.
    pub content_type: &'static str,
    /// Whether the template showed the flash messages.
    pub flash_shown: bool,
    /// The nonce that the page used, where it called `csp_nonce()`.
    pub nonce: Option<String>,
    /// The inline scripts and styles of its templates that are the same at each request, where there are any.
    pub inline: Option<Arc<Inline>>,
    /// What the site's author should know of this answer; only under `dev`.
    pub notes: Vec<String>,
}

/// What posting a form led to.
pub enum FormAnswer {
    /// It was done: go there (a local path) and say that.
    Done {
        /// The path, percent-encoded.
        to: String,
        /// What to say there.
        say: Option<String>,
    },
    /// It was refused: the page again with messages, status 422.
    Again(PageAnswer),
}

/// What a page's request came to before its template is rendered.
pub(crate) struct Loaded {
    pub(crate) now: i64,
    pub(crate) params: Vec<(String, Value)>,
    pub(crate) query: Vec<(String, Value)>,
    pub(crate) data: Vec<(String, Data)>,
    /// What may be chosen in forms' refs: form, field, and id and label of each.
    pub(crate) options: Vec<plan::Options>,
}

impl Loaded {
    /// The records among the data, as expressions see them.
    pub(crate) fn records(&self) -> Vec<(String, Record)> {
        let one = |(name, data): &(String, Data)| match data {
            Data::One(record) => Some((name.clone(), record.clone())),
            Data::Many(..) => None,
        };
        self.data.iter().filter_map(one).collect()
    }
}

impl Engine {
    /// The page that a decoded path leads to.
    #[must_use]
    pub fn route(&self, path: &str) -> Option<Matched> {
        self.inner.pages.router.find(path)
    }

    /// Renders a page.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unauthenticated`] and [`Failure::Forbidden`] by `require`, [`Failure::BadRequest`].
    pub async fn page(&self, matched: &Matched, request: PageRequest<'_>) -> Result<PageAnswer, Failure> {
        let (name, page) = self.page_at(matched.page)?;
        let loaded = self.load(matched, page, &request).await?;
        let forms = self.form_views(page, &loaded, request.actor, None);
        self.render(name, page.content_type, 200, &request, loaded, forms, Vec::new())
    }

    /// Renders one of Purlin's own pages (`login.html`, `signup.html`, `404.html` …), which a site may override,
    /// with the data that the layouts above it declare.
    ///
    /// # Errors
    /// Where the data cannot be had or the template cannot be rendered.
    pub async fn system_page(
        &self,
        name: &str,
        request: &PageRequest<'_>,
        extra: Vec<(String, serde_json::Value)>,
    ) -> Result<PageAnswer, Failure> {
        self.system_form(name, request, extra, Vec::new(), 200).await
    }

    pub(crate) async fn system_form(
        &self,
        name: &str,
        request: &PageRequest<'_>,
        extra: Vec<(String, serde_json::Value)>,
        mut forms: Vec<(String, FormView)>,
        status: u16,
    ) -> Result<PageAnswer, Failure> {
        let ask = self.ask(request.actor);
        let plan = self.inner.pages.system_plan(name, Who::of(request.actor));
        let (data, options) = match plan {
            // Purlin's own pages are shown whatever the address has behind its `?`.
            Some(plan) => self.run(plan, &ask, &PageRequest { query: &[], ..request.clone() }).await?,
            None => (Vec::new(), Vec::new()),
        };
        let loaded = Loaded { now: ask.now, params: Vec::new(), query: Vec::new(), data, options };
        if let Some(page) = self.site().pages.get(name) {
            forms.extend(self.form_views(page, &loaded, request.actor, None));
        }
        self.render(name, "text/html; charset=utf-8", status, request, loaded, forms, extra)
    }

    fn page_at(&self, at: usize) -> Result<(&str, &Page), Failure> {
        let (name, page) = self.site().pages.get_index(at).ok_or(Failure::NotFound)?;
        Ok((name, page))
    }

    /// Everything of a request but its rendering: parameters parsed, `require` decided, queries run.
    pub(crate) async fn load(
        &self,
        matched: &Matched,
        page: &Page,
        request: &PageRequest<'_>,
    ) -> Result<Loaded, Failure> {
        let params = typed_params(page, matched)?;
        let query = typed_query(page, request.query)?;
        let ask = Ask { params: &params, query: &query, ..self.ask(request.actor) };
        let plan = self.inner.pages.plan(matched.page, Who::of(request.actor));
        if let Some(require) = &page.require
            && !self.admits(require, plan, &ask).await?
        {
            return Err(not_allowed(request.actor));
        }
        let (data, options) = self.run(plan, &ask, request).await?;
        let now = ask.now;
        Ok(Loaded { now, params, query, data, options })
    }

    /// Whether a page's `require` holds; what it asks beyond the asker's own record, the store knows.
    async fn admits(&self, require: &Expr, page: &PagePlan, ask: &Ask<'_>) -> Result<bool, Failure> {
        match (expr::eval(require, ask), &page.require) {
            (Evaluated::Unavailable, Some(plan)) => {
                let answer = self.store().read(plan, purlin_store::Ask { inputs: ask, steps: &[] }).await;
                Ok(answer.map_err(failed)?.missing.is_none())
            }
            (decided, _) => Ok(decided.holds()),
        }
    }

    async fn run(
        &self,
        page: &PagePlan,
        ask: &Ask<'_>,
        request: &PageRequest<'_>,
    ) -> Result<(Vec<(String, Data)>, Vec<plan::Options>), Failure> {
        if page.plan.steps.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut args = Vec::new();
        let mut chosen: Option<Plan> = None;
        if let Some(refused) = given(request.query, "sort").and_then(|sort| unknown_sort(page, sort)) {
            return Err(refused);
        }
        for (at, step) in page.steps.iter().enumerate() {
            args.push(StepArgs { window: window(step, page, request.query)?, per_page: None });
            if let Some(sort) = given(request.query, "sort")
                && let Some(prepared) = step.sorts.get(sort)
            {
                chosen.get_or_insert_with(|| page.plan.clone()).steps[at].query = prepared.clone();
            }
        }
        let plan = chosen.as_ref().unwrap_or(&page.plan);
        let ask = purlin_store::Ask { inputs: ask, steps: &args };
        let answer = self.store().read(plan, ask).await.map_err(failed)?;
        if answer.missing.is_some() {
            return Err(Failure::NotFound);
        }
        let mut data = Vec::with_capacity(page.steps.len());
        let mut sets = answer.sets.into_iter();
        for (step, args) in page.steps.iter().zip(&args) {
            let Some(set) = sets.next() else { break };
            data.push((step.name.clone(), found(step, args, set)?));
        }
        let mut options = Vec::new();
        for (of, set) in page.options.iter().zip(sets) {
            of.add_to(&mut options, &set);
        }
        Ok((data, options))
    }

    /// Why lists are empty, where it is that nobody was given leave to read them.
    fn notes(&self, data: &[(String, Data)], actor: &Actor) -> Vec<String> {
        let mut notes = Vec::new();
        for (name, found) in data {
            let Data::Many(set, _) = found else { continue };
            let model = self.model(set.shape.model);
            let closed = matches!(model.access.read, Rule::Administrators);
            if set.rows.is_empty() && closed && Who::of(actor) != Who::Admin {
                notes.push(format!(
                    "`{name}` is empty because only administrators may read {0}: give models/{0}.toml a `read` rule under [access]",
                    model.name
                ));
            }
        }
        notes
    }

    #[expect(clippy::too_many_arguments, reason = "a page is made of all of these, once")]
    pub(crate) fn render(
        &self,
        template: &str,
        content_type: &'static str,
        status: u16,
        request: &PageRequest<'_>,
        loaded: Loaded,
        forms: Vec<(String, FormView)>,
        mut extra: Vec<(String, serde_json::Value)>,
    ) -> Result<PageAnswer, Failure> {
        let nonce = self.inner.templates.uses_nonce(template).then(fresh_nonce).transpose()?;
        if let Some(nonce) = &nonce {
            extra.push(("csp_nonce".to_owned(), nonce.clone().into()));
        }
        let flash_shown = Arc::new(AtomicBool::new(false));
        let notes = if self.is_dev() { self.notes(&loaded.data, request.actor) } else { Vec::new() };
        let user =
            request.actor.user().map(|user| Record { shape: user.shape.clone(), row: user.row.clone() });
        let view = View {
            data: loaded.data,
            user,
            params: loaded.params,
            query: loaded.query,
            path: request.path.to_owned(),
            query_string: request.query_string.to_owned(),
            forms,
            flash: request.flash.clone(),
            flash_shown: flash_shown.clone(),
            extra,
            now: loaded.now,
            oracle: Arc::new(oracle::RuleOracle {
                engine: self.clone(),
                actor: request.actor.clone(),
                now: loaded.now,
            }),
        };
        let body = self
            .inner
            .templates
            .render(template, view)
            .map_err(|error| Failure::Template(Box::new(error)))?;
        let flash_shown = flash_shown.load(Ordering::Relaxed) && !request.flash.is_empty();
        let inline = self.inner.inlines.get(template);
        Ok(PageAnswer { status, body, content_type, flash_shown, nonce, inline, notes })
    }
}

fn typed_params(page: &Page, matched: &Matched) -> Result<Vec<(String, Value)>, Failure> {
    let typed = |(name, text): &(String, String)| {
        let kind = page.params.get(name).copied().unwrap_or(Kind::Text);
        let value = if text.contains('\0') { None } else { kind.parse(text) };
        Ok((name.clone(), value.ok_or(Failure::NotFound)?))
    };
    matched.params.iter().map(typed).collect()
}

fn typed_query(page: &Page, pairs: &[(String, String)]) -> Result<Vec<(String, Value)>, Failure> {
    let typed = |(name, kind): (&String, &Kind)| {
        let value = match given(pairs, name) {
            None => Value::Null,
            Some(text) => {
                let value = if text.contains('\0') { None } else { kind.parse(text) };
                let value =
                    value.ok_or_else(|| bad_value(name, &format!("must be {}", expr::kind_name(*kind))))?;
                if let Some(choices) = page.choices.get(name)
                    && !choices.iter().any(|choice| choice == text)
                {
                    return Err(bad_value(name, &format!("must be one of {}", choices.join(", "))));
                }
                value
            }
        };
        Ok((name.clone(), value))
    };
    page.query.iter().map(typed).collect()
}

/// A value of the query string that does not do, and what would.
fn bad_value(name: &str, what: &str) -> Failure {
    Failure::BadRequest {
        code: "bad_value",
        parameter: Some(name.to_owned()),
        message: format!("`{name}` {what}"),
    }
}

/// An order that the page does not declare. Where it declares none, `?sort=` is as any other name that it does not
/// read: links from elsewhere bring such along.
fn unknown_sort(page: &PagePlan, sort: &str) -> Option<Failure> {
    let mut declared: Vec<&str> =
        page.steps.iter().flat_map(|step| step.sorts.keys()).map(String::as_str).collect();
    declared.sort_unstable();
    declared.dedup();
    let wrong = !declared.is_empty() && !declared.contains(&sort);
    wrong.then(|| bad_value("sort", &format!("must be one of {}", declared.join(", "))))
}

/// The first value of a query parameter, where it is not empty.
fn given<'pairs>(pairs: &'pairs [(String, String)], name: &str) -> Option<&'pairs str> {
    pairs.iter().find(|(known, text)| known == name && !text.is_empty()).map(|(_, text)| text.as_str())
}

fn window(step: &plan::StepInfo, page: &PagePlan, pairs: &[(String, String)]) -> Result<Window, Failure> {
    let Some(per_page) = step.per_page else { return Ok(Window::First) };
    let Some(text) = given(pairs, &page.parameter_of(step)) else { return Ok(Window::First) };
    let parameter = page.parameter_of(step);
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || text.bytes().all(|byte| byte == b'0') {
        return Err(bad_value(&parameter, "must be a whole number from 1 on"));
    }
    let number = text.parse::<u64>().ok().filter(|number| *number <= LAST_PAGE).ok_or(Failure::NotFound)?;
    if number == 1 {
        return Ok(Window::First);
    }
    Ok(Window::Offset((number - 1) * u64::from(per_page)))
}

/// What a step found, as a template sees it. A page beyond the last does not exist.
fn found(step: &plan::StepInfo, args: &StepArgs, set: purlin_schema::RowSet) -> Result<Data, Failure> {
    if step.one {
        let row = set.rows.into_iter().next().ok_or(Failure::NotFound)?;
        return Ok(Data::One(Record { shape: set.shape, row }));
    }
    let Some(per_page) = step.per_page else { return Ok(Data::Many(Arc::new(set), None)) };
    let skipped = match args.window {
        Window::Offset(skipped) => skipped,
        _ => 0,
    };
    if set.rows.is_empty() && skipped > 0 {
        return Err(Failure::NotFound);
    }
    let page = skipped / u64::from(per_page.max(1)) + 1;
    let paging = Paging { page, per_page, parameter: step.parameter.clone() };
    Ok(Data::Many(Arc::new(set), Some(paging)))
}

/// What lets one inline script of one answer run.
fn fresh_nonce() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
