//! Lists and records as the API asks for them: parameters become a query, once for each form of question.
//!
//! Values that a caller compares fields with (`?status=published`) are inputs of the prepared query, so that
//! every value uses the same statement; a `filter` is part of the question. What an asker sends reaches another
//! model only through that model's own read rule, and never a field that he may not read.

use std::sync::Arc;

use purlin_schema::expr::{self, Expect, ExprKind, Path, Reading, Scope, Type};
use purlin_schema::query::{Include, Limit, Query, Select, Selected, SortKey};
use purlin_schema::types::MAX_DOCUMENT_DEPTH;
use purlin_schema::{Expr, Field, FieldId, Input, Kind, Model, ModelId, Value};
use purlin_store::{Plan, Prepared, Step, StepArgs, Window};
use sha2::{Digest, Sha256};

use crate::access::{Who, and};
use crate::accounts::{Verb, looked_at};
use crate::cache::Weighed;
use crate::inputs::Ask;
use crate::records::Listing;
use crate::{Actor, Engine, Failure, expressions};

const MOST_INCLUDES: usize = 20;
const DEEPEST_INCLUDE: usize = 4;
const MOST_SORT_KEYS: usize = 8;
const DEFAULT_PER_PAGE: u32 = 20;
const LAST_PAGE: u64 = 10_000;

/// A list's query, prepared, with what its cursors hold.
pub(crate) struct PreparedList {
    prepared: Arc<Prepared>,
    /// The kinds of the values of a cursor.
    key: Vec<Kind>,
    /// The models that the filter and the order look at besides.
    looks_at: Vec<ModelId>,
}

impl Weighed for PreparedList {
    fn size_bytes(&self) -> usize {
        self.prepared.size_bytes()
    }
}

/// The parameters of a list, by name.
#[derive(Default)]
struct Parameters<'text> {
    filter: Option<&'text str>,
    sort: Option<&'text str>,
    include: Option<&'text str>,
    fields: Option<&'text str>,
    per_page: Option<u32>,
    page: Option<u64>,
    cursor: Option<&'text str>,
    total: bool,
    equal: Vec<(String, Value)>,
    free: Vec<FreeValue<'text>>,
}

/// A free field, or a place within it, and what it is compared with: a text, and the number or truth that the text is
/// written like.
struct FreeValue<'text> {
    name: &'text str,
    other: Option<Value>,
}

impl FreeValue<'_> {
    /// The name of the input that holds the text's other meaning: no parameter can have it.
    fn other_input(&self) -> String {
        format!("\0{}", self.name)
    }

    /// The kind of it.
    fn other_kind(&self) -> Option<Kind> {
        Some(match self.other.as_ref()? {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            _ => Kind::Float,
        })
    }
}

impl Engine {
    /// `GET /api/{model}` with the pairs of its query string, percent-decoded. Unknown ones are refused.
    ///
    /// # Errors
    /// [`Failure::BadRequest`] for parameters.
    pub async fn list(
        &self,
        actor: &Actor,
        model: ModelId,
        parameters: &[(String, String)],
    ) -> Result<Listing, Failure> {
        let who = Who::of(actor);
        let model = self.model(model);
        let asked = self.parameters(&model, who, parameters, true)?;
        let question = question(&model, &asked);
        let text = format!("{who:?} {question}");
        let list = self.inner.lists.get_or(&text, || self.prepare_list(&model, who, &asked).map(Arc::new))?;
        self.shape_in_scope(actor, &list.prepared.shape)?;
        list.looks_at.iter().try_for_each(|model| self.in_scope(actor, *model, Verb::Read))?;
        let bound_to = || fingerprint(&model, &asked);
        let window = match (asked.cursor, asked.page) {
            (Some(cursor), _) => Window::After(self.open_cursor(cursor, &bound_to(), &list.key)?),
            (None, Some(page)) if page > 1 => {
                Window::Offset((page - 1) * u64::from(asked.per_page.unwrap_or(DEFAULT_PER_PAGE)))
            }
            _ => Window::First,
        };
        let args = [StepArgs { window, per_page: Some(asked.per_page.unwrap_or(DEFAULT_PER_PAGE)) }];
        let ask = Ask { query: &asked.equal, ..self.ask(actor) };
        let step = Step { name: "list".to_owned(), query: list.prepared.clone(), must_exist: false };
        let plan = Plan { steps: vec![step] };
        let ask = purlin_store::Ask { inputs: &ask, steps: &args };
        let mut answer = self.store().read(&plan, ask).await.map_err(crate::records::asked)?;
        let set =
            answer.sets.pop().ok_or_else(|| Failure::Internal("a list without an answer".to_owned()))?;
        let next = set.more.then(|| self.cursor(&bound_to(), &set.last_key));
        Ok(Listing { set, next })
    }

    /// The prepared query for one record with these `include` and `fields`.
    pub(crate) fn prepared_record(
        &self,
        who: Who,
        model: ModelId,
        parameters: &[(String, String)],
    ) -> Result<Arc<Prepared>, Failure> {
        let model = self.model(model);
        if parameters.is_empty() {
            // What most ask for is found by two numbers.
            let plain = &self.inner.plain_records[usize::from(model.id.0)][who as usize];
            if let Some(prepared) = plain.get() {
                return Ok(prepared.clone());
            }
            let prepared = self.prepare_record(&model, who, &Parameters::default())?;
            return Ok(plain.get_or_init(|| prepared).clone());
        }
        let asked = self.parameters(&model, who, parameters, false)?;
        let text = format!("{who:?} {}", question(&model, &asked));
        self.inner.records.get_or(&text, || self.prepare_record(&model, who, &asked))
    }

    fn prepare_record(
        &self,
        model: &Model,
        who: Who,
        asked: &Parameters<'_>,
    ) -> Result<Arc<Prepared>, Failure> {
        let mut query = Query::of(model.id);
        query.limit = Limit::One;
        query.filter = Some(expressions::id_is(model, Input::Param("id".to_owned())));
        self.choose(model, who, asked, &mut query)?;
        self.prepare(&self.access().guard(&query, who))
    }

    fn parameters<'text>(
        &self,
        model: &Model,
        who: Who,
        pairs: &'text [(String, String)],
        list: bool,
    ) -> Result<Parameters<'text>, Failure> {
        let mut asked = Parameters::default();
        for (at, (name, text)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(known, _)| known == name) {
                return Err(wrong("repeated_parameter", name, "is given twice"));
            }
            match name.as_str() {
                "include" => asked.include = Some(text),
                "fields" => asked.fields = Some(text),
                "filter" if list => asked.filter = Some(text),
                "sort" if list => asked.sort = Some(text),
                "cursor" if list => asked.cursor = Some(text),
                "total" if list => asked.total = truth(name, text)?,
                "per_page" if list => {
                    let most = self.site().settings.api.max_per_page;
                    asked.per_page = Some(whole(name, text, u64::from(most))?.try_into().unwrap_or(most));
                }
                "page" if list => asked.page = Some(whole(name, text, LAST_PAGE)?),
                _ if list && free_path(model, name).is_some() => {
                    let free = FreeValue { name, other: written_like(text) };
                    asked.equal.push((name.clone(), Value::from(text.as_str())));
                    asked.equal.extend(free.other.clone().map(|other| (free.other_input(), other)));
                    asked.free.push(free);
                }
                _ if list => {
                    let field = self.plain_field(model, who, name)?;
                    let value = field
                        .ty
                        .from_text(field, text)
                        .map_err(|problem| wrong("bad_value", name, &problem.message))?;
                    if let Some(choices) = no_choice(field, &value) {
                        return Err(wrong("bad_value", name, &choices));
                    }
                    asked.equal.push((name.clone(), value));
                }
                _ => return Err(unknown_parameter(name)),
            }
        }
        if asked.cursor.is_some() && asked.page.is_some() {
            return Err(wrong("bad_value", "page", "cannot be given together with cursor"));
        }
        asked.equal.sort_by(|left, right| left.0.cmp(&right.0));
        asked.free.sort_by_key(|free| free.name);
        Ok(asked)
    }

    fn prepare_list(&self, model: &Model, who: Who, asked: &Parameters<'_>) -> Result<PreparedList, Failure> {
        let mut query = Query::of(model.id);
        query.limit = Limit::Page(self.site().settings.api.max_per_page);
        query.total = asked.total;
        if let Some(text) = asked.filter {
            query.filter = Some(self.filter(model, who, text)?);
        }
        for free in &asked.free {
            let Some((field, path)) = free_path(model, free.name) else { continue };
            let is = |input, kind| expressions::place_is(model, field, &path, Input::Query(input), kind);
            let mut either = vec![is(free.name.to_owned(), Kind::Text)];
            either.extend(free.other_kind().map(|kind| is(free.other_input(), kind)));
            let kind = ExprKind::Or(either);
            let either = Expr { kind, ty: Type::Value(Kind::Bool), span: 0..0 };
            query.filter = and(query.filter.take(), Some(either));
        }
        let declared = |name: &str| !name.starts_with('\0') && free_path(model, name).is_none();
        for (name, _) in asked.equal.iter().filter(|(name, _)| declared(name)) {
            let field = self.plain_field(model, who, name)?;
            let equal = expressions::field_is(model, field, Input::Query(name.clone()));
            query.filter = and(query.filter.take(), Some(equal));
        }
        if let Some(sort) = asked.sort {
            query.sort = self.sort(model, who, sort)?;
        }
        self.choose(model, who, asked, &mut query)?;
        let mut key: Vec<Kind> = query.sort.iter().flat_map(|key| self.kinds_of(key)).collect();
        let by_id = |key: &SortKey| key.path.field == FieldId::ID && key.path.hops.is_empty();
        if !query.sort.iter().any(by_id) {
            key.push(model.field(FieldId::ID).kind);
        }
        let looks_at = looked_at(&self.site().models, &query);
        let prepared = self.prepare(&self.access().guard(&query, who))?;
        Ok(PreparedList { prepared, key, looks_at })
    }

    fn choose(
        &self,
        model: &Model,
        who: Who,
        asked: &Parameters<'_>,
        query: &mut Query,
    ) -> Result<(), Failure> {
        if let Some(names) = asked.fields {
            let mut chosen: Vec<Selected> = Vec::new();
            let mut free = Vec::new();
            for name in names.split(',') {
                if let Some(field) = model.free_field(name) {
                    free.push(name.to_owned());
                    if chosen.iter().all(|known| known.field != field) {
                        chosen.push(Selected { field, guard: None });
                    }
                    continue;
                }
                let field = self.field(model, who, "fields", name)?;
                chosen.push(Selected { field: field.id, guard: None });
            }
            (query.select, query.free) = (Select::Fields(chosen), Some(free));
        }
        for (at, path) in asked.include.into_iter().flat_map(|paths| paths.split(',')).enumerate() {
            if at >= MOST_INCLUDES || path.split('.').count() > DEEPEST_INCLUDE {
                return Err(wrong("bad_include", "include", "asks for too much at once"));
            }
            self.include(model, who, path, query)?;
        }
        Ok(())
    }

    fn include(&self, model: &Model, who: Who, path: &str, query: &mut Query) -> Result<(), Failure> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let relation = model.relation_named(name).filter(|relation| {
            let to = self.access().of(relation.to, who);
            let own = match relation.by {
                purlin_schema::model::RelationBy::Ref(field)
                | purlin_schema::model::RelationBy::Refs(field) => {
                    !self.access().of(model.id, who).fields[usize::from(field.0)].read.is_never()
                }
                purlin_schema::model::RelationBy::Inverse(field)
                | purlin_schema::model::RelationBy::InverseRefs(field) => {
                    !to.fields[usize::from(field.0)].read.is_never()
                }
            };
            own && !to.read.is_never() && !self.model(relation.to).internal
        });
        let Some(relation) = relation else {
            let message = format!("{} has no relation {name:?} that can be included", model.name);
            return Err(bad("bad_include", "include", &message));
        };
        let at = match query.include.iter().position(|include| include.relation == relation.id) {
            Some(at) => at,
            None => {
                query.include.push(Include { relation: relation.id, query: Query::of(relation.to) });
                query.include.len() - 1
            }
        };
        match rest {
            Some(rest) => self.include(&self.model(relation.to), who, rest, &mut query.include[at].query),
            None => Ok(()),
        }
    }

    /// A filter that somebody asks for, checked against what he may know.
    pub(crate) fn filter(&self, model: &Model, who: Who, text: &str) -> Result<Expr, Failure> {
        let scope = Scope::of(self.access().known(who)).this(model.id);
        let mistaken = |mistake: &expr::Mistake| bad("bad_filter", "filter", &mistake.draw(text));
        let checked =
            expr::check(text, &scope, Expect::Condition).map_err(|mistakes| match mistakes.first() {
                Some(first) => mistaken(first),
                None => wrong("bad_filter", "filter", "cannot be understood"),
            })?;
        self.reading(who, |reading| expr::restrict(checked, reading)).map_err(|mistake| mistaken(&mistake))
    }

    /// What a kind of asker may read, as restrictions on what he sends need it.
    fn reading<T>(&self, who: Who, with: impl FnOnce(&Reading<'_>) -> T) -> T {
        let records = |model: ModelId| self.access().of(model, who).read.as_rule();
        let field = |model: ModelId, field: FieldId| {
            self.access().of(model, who).fields[usize::from(field.0)].read.as_rule()
        };
        with(&Reading { models: &self.site().models, records: &records, field: &field })
    }

    fn sort(&self, model: &Model, who: Who, text: &str) -> Result<Vec<SortKey>, Failure> {
        let mut keys: Vec<SortKey> = Vec::new();
        for name in text.split(',') {
            let (descending, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
            let key = self.sort_key(model, who, name, descending)?;
            let twice = |known: &SortKey| known.path == key.path && known.steps == key.steps;
            if keys.len() >= MOST_SORT_KEYS || keys.iter().any(twice) {
                return Err(wrong("bad_sort", "sort", "has too many keys, or one twice"));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn sort_key(&self, model: &Model, who: Who, text: &str, descending: bool) -> Result<SortKey, Failure> {
        if text.contains('[') {
            return self.sort_into(model, who, text, descending);
        }
        let mut path =
            Path { scope: 0, model: model.id, hops: Vec::new(), end: model.id, field: FieldId::ID };
        let mut names = text.split('.').peekable();
        while let Some(name) = names.next() {
            let at = self.model(path.end);
            if let Some(free) = at.free_field(name) {
                path.field = free;
                let steps: Vec<_> =
                    std::iter::once(name).chain(names).map(|key| expr::Step::Key(key.into())).collect();
                if steps.len() > MAX_DOCUMENT_DEPTH {
                    return Err(wrong("bad_sort", "sort", "goes deeper than documents do"));
                }
                self.sortable(who, &path, text)?;
                return Ok(SortKey { path, steps, descending });
            }
            let field = self.field(&at, who, "sort", name)?;
            if names.peek().is_none() {
                path.field = field.id;
                break;
            }
            if field.kind == Kind::Json {
                return self.sort_into(model, who, text, descending);
            }
            let Some(reference) = field.reference.as_ref() else {
                return Err(bad("bad_sort", "sort", &format!("{name} leads nowhere")));
            };
            path.hops.push(field.id);
            path.end = reference.to;
        }
        if !self.model(path.end).field(path.field).ty.is_key() {
            return Err(bad("bad_sort", "sort", &format!("{text} cannot be sorted by")));
        }
        self.sortable(who, &path, text)?;
        Ok(SortKey::by(path, descending))
    }

    /// A place in a document, written as in any expression.
    fn sort_into(&self, model: &Model, who: Who, text: &str, descending: bool) -> Result<SortKey, Failure> {
        let scope = Scope::of(self.access().known(who)).this(model.id);
        let wrong = |message: &str| bad("bad_sort", "sort", message);
        let expr = expr::check(text, &scope, Expect::Anything)
            .map_err(|mistakes| wrong(&mistakes.first().map(|one| one.draw(text)).unwrap_or_default()))?;
        let key =
            SortKey::of(expr, descending).ok_or_else(|| wrong(&format!("{text} cannot be sorted by")))?;
        self.sortable(who, &key.path, text)?;
        Ok(key)
    }

    fn sortable(&self, who: Who, path: &Path, text: &str) -> Result<(), Failure> {
        self.reading(who, |reading| expr::restrict_sort(path, 0..text.len(), reading))
            .map_err(|mistake| bad("bad_sort", "sort", &mistake.message))
    }

    fn always_readable(&self, model: ModelId, who: Who, field: &Field) -> bool {
        self.access().of(model, who).fields[usize::from(field.id.0)].read.is_always()
    }

    /// A field that the asker may read of some record at least.
    fn field<'model>(
        &self,
        model: &'model Model,
        who: Who,
        parameter: &str,
        name: &str,
    ) -> Result<&'model Field, Failure> {
        let known = model.field_named(name).filter(|field| {
            let readable = !self.access().of(model.id, who).fields[usize::from(field.id.0)].read.is_never();
            field.id != FieldId::VERSION && !field.is_many() && readable
        });
        known.ok_or_else(|| {
            bad(
                "unknown_field",
                parameter,
                &format!("{} has no field {name:?} that can be asked for", model.name),
            )
        })
    }

    /// A field that can be compared with a value by `?field=value`: the asker may read it of every record.
    fn plain_field<'model>(
        &self,
        model: &'model Model,
        who: Who,
        name: &str,
    ) -> Result<&'model Field, Failure> {
        match self.field(model, who, name, name) {
            Ok(field) if self.always_readable(model.id, who, field) && field.kind != Kind::Json => Ok(field),
            _ => Err(unknown_parameter(name)),
        }
    }

    /// The kinds of the values that a cursor holds for a key.
    fn kinds_of(&self, key: &SortKey) -> Vec<Kind> {
        match key.steps.is_empty() {
            true => vec![self.model(key.path.end).field(key.path.field).kind],
            false => SortKey::OF_JSON.to_vec(),
        }
    }

    fn cursor(&self, bound_to: &[u8], key: &[Value]) -> String {
        let texts: Vec<Option<String>> =
            key.iter().map(|value| (!value.is_null()).then(|| value.to_text())).collect();
        let mut text = bound_to.to_vec();
        text.extend_from_slice(serde_json::json!(texts).to_string().as_bytes());
        self.seal("cursor", &text)
    }

    fn open_cursor(&self, cursor: &str, bound_to: &[u8], key: &[Kind]) -> Result<Vec<Value>, Failure> {
        let refused =
            || wrong("bad_cursor", "cursor", "is not a cursor of this list with this filter and sort");
        let text = self.unseal("cursor", cursor).ok_or_else(refused)?;
        let texts = text.strip_prefix(bound_to).ok_or_else(refused)?;
        let texts: Vec<Option<String>> = serde_json::from_slice(texts).map_err(|_| refused())?;
        if texts.len() != key.len() {
            return Err(refused());
        }
        let value = |(text, kind): (Option<String>, &Kind)| match text {
            Some(text) => kind.parse(&text).ok_or_else(refused),
            None => Ok(Value::Null),
        };
        texts.into_iter().zip(key).map(value).collect()
    }
}

/// The question in one canonical text: what makes two requests use the same statement.
fn question(model: &Model, asked: &Parameters<'_>) -> String {
    let names: Vec<&str> = asked.equal.iter().map(|(name, _)| name.as_str()).collect();
    let kinds: Vec<Option<Kind>> = asked.free.iter().map(FreeValue::other_kind).collect();
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?} {}",
        model.name, asked.filter, asked.sort, asked.include, asked.fields, names, kinds, asked.total
    )
}

/// What a cursor is bound to: the model, the filter, the sort and the values compared with.
fn fingerprint(model: &Model, asked: &Parameters<'_>) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(format!("{} {:?} {:?}", model.name, asked.filter, asked.sort).as_bytes());
    for (name, value) in &asked.equal {
        hash.update(format!("\0{name}\0{value:?}").as_bytes());
    }
    hash.finalize()[..16].to_vec()
}

/// The field and the names of `colour` or `size.width`, where that is a free field or a place in one.
fn free_path<'text>(model: &Model, text: &'text str) -> Option<(FieldId, Vec<&'text str>)> {
    let names: Vec<&str> = text.split('.').take(MAX_DOCUMENT_DEPTH + 1).collect();
    let free = model.free_field(names[0])?;
    (names.len() <= MAX_DOCUMENT_DEPTH).then_some((free, names))
}

/// The number or truth that a text is written like in JSON: who asks for `?size=3` does not say what 3 is.
fn written_like(text: &str) -> Option<Value> {
    match serde_json::from_str(text).ok()? {
        serde_json::Value::Bool(truth) => Some(Value::Bool(truth)),
        serde_json::Value::Number(number) => {
            let whole = number.as_i64().map(Value::Int);
            whole.or_else(|| number.as_f64().map(Value::Float))
        }
        _ => None,
    }
}

fn bad(code: &'static str, parameter: &str, message: &str) -> Failure {
    Failure::BadRequest { code, parameter: Some(parameter.to_owned()), message: message.to_owned() }
}

/// What is wrong with a parameter, as the end of a sentence that begins with its name.
fn wrong(code: &'static str, parameter: &str, what: &str) -> Failure {
    bad(code, parameter, &format!("`{parameter}` {what}"))
}

/// A comparison with a word that is none of the field's would find nothing, whatever is stored.
fn no_choice(field: &Field, value: &Value) -> Option<String> {
    let text = value.as_text().filter(|_| !field.choices.is_empty())?;
    let known = text.is_empty() || field.choices.iter().any(|choice| choice == text);
    (!known).then(|| format!("must be one of {}", field.choices.join(", ")))
}

fn unknown_parameter(name: &str) -> Failure {
    wrong("unknown_parameter", name, "is not a parameter of this request, nor a field that can be compared")
}

fn truth(name: &str, text: &str) -> Result<bool, Failure> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong("bad_value", name, "must be true or false")),
    }
}

fn whole(name: &str, text: &str, most: u64) -> Result<u64, Failure> {
    match text.parse::<u64>() {
        Ok(number) if (1..=most).contains(&number) && !text.starts_with('+') => Ok(number),
        _ => Err(wrong("bad_value", name, &format!("must be a whole number from 1 to {most}"))),
    }
}
