//! Forms: what a page shows of them, and what posting one does.

use std::collections::HashSet;
use std::sync::Arc;

use purlin_pages::view::{Data, FieldView, FormView, Record};
use purlin_schema::expr::{self, Evaluated};
use purlin_schema::model::{RelationBy, Source};
use purlin_schema::page::{Form, FormAction, Page, TextPart, TextTemplate};
use purlin_schema::record::Related;
use purlin_schema::{Field, FieldId, Id, Model, ModelId, Row, Shape, Value};

use super::{FormAnswer, Loaded, Matched, PageRequest};
use crate::inputs::Ask;
use crate::proposal::Mode;
use crate::records::{Fields, Limits};
use crate::{Engine, Failure, FieldMessage};

/// A form that was posted with mistakes.
pub(crate) struct Mistaken<'post> {
    /// The form.
    pub(crate) name: &'post str,
    /// What was posted.
    pub(crate) pairs: &'post [(String, String)],
    /// What is wrong.
    pub(crate) messages: Vec<FieldMessage>,
}

impl Engine {
    /// Performs a page's form; `pairs` are what was posted, `_form` among them where the page has several.
    ///
    /// # Errors
    /// As [`Engine::page`]; mistakes in the input are no error but [`FormAnswer::Again`].
    pub async fn submit(
        &self,
        matched: &Matched,
        request: PageRequest<'_>,
        pairs: &[(String, String)],
    ) -> Result<FormAnswer, Failure> {
        let (template, page) = self.page_at(matched.page)?;
        let (name, form) = posted_form(page, pairs)?;
        let mut loaded = self.load(matched, page, &request).await?;
        let outcome = self.perform(form, &request, &mut loaded, pairs).await;
        let messages = match outcome {
            Ok(()) => return self.done(form, &request, &loaded),
            Err(Failure::Invalid(messages)) => messages,
            Err(Failure::Conflict(message)) => vec![FieldMessage::new("", "conflict", message)],
            Err(failure) => return Err(failure),
        };
        let mistaken = Mistaken { name, pairs, messages };
        let forms = self.form_views(page, &loaded, request.actor, Some(&mistaken));
        let answer = self.render(template, page.content_type, 422, &request, loaded, forms, Vec::new())?;
        Ok(FormAnswer::Again(answer))
    }

    /// What expressions see beside the page's own data.
    fn ask_with<'ask>(
        &self,
        actor: &'ask crate::Actor,
        loaded: &'ask Loaded,
        records: &'ask [(String, Record)],
    ) -> Ask<'ask> {
        Ask {
            now: loaded.now,
            params: &loaded.params,
            query: &loaded.query,
            data: records,
            ..self.ask(actor)
        }
    }

    /// Does what the form does; afterwards the data holds the record as it is then.
    async fn perform(
        &self,
        form: &Form,
        request: &PageRequest<'_>,
        loaded: &mut Loaded,
        pairs: &[(String, String)],
    ) -> Result<(), Failure> {
        let records = loaded.records();
        let ask = self.ask_with(request.actor, loaded, &records);
        let limits = Limits { allowed: Some(&form.fields), set: &form.set, ..Limits::default() };
        let shown = match &form.action {
            FormAction::Update(name) => {
                records.iter().find(|(known, _)| known == name).map(|(_, shown)| shown)
            }
            _ => None,
        };
        let pairs = self.as_instants(&self.model(form.model), shown, pairs);
        let fields = Fields::Form(&pairs);
        let (name, id) = match &form.action {
            FormAction::Create => ("new", self.create_limited(&ask, form.model, fields, limits).await?.id),
            FormAction::Update(name) => {
                let id = id_in(&records, name)?;
                let shown = shown_lists(&self.model(form.model), form, &records, name);
                let limits = Limits { shown: &shown, ..limits };
                self.change(&ask, form.model, id, None, fields, Mode::Patch, limits).await?;
                (name.as_str(), id)
            }
            FormAction::Delete(name) => {
                return self.delete(request.actor, form.model, id_in(&records, name)?, None).await;
            }
        };
        self.refresh(name, form.model, id, loaded).await
    }

    /// Puts the record as it is now into the data, for `then` and `say`.
    async fn refresh(&self, name: &str, model: ModelId, id: Id, loaded: &mut Loaded) -> Result<(), Failure> {
        let model = self.model(model);
        let prepared = self.prepare(&crate::expressions::whole_record(&model))?;
        let found = self.find(&crate::Actor::Owner, &prepared, id).await?.ok_or(Failure::NotFound)?;
        let record = Data::One(Record { shape: found.shape, row: found.row });
        match loaded.data.iter_mut().find(|(known, _)| known == name) {
            Some((_, data)) => *data = record,
            None => loaded.data.push((name.to_owned(), record)),
        }
        Ok(())
    }

    fn done(&self, form: &Form, request: &PageRequest<'_>, loaded: &Loaded) -> Result<FormAnswer, Failure> {
        let records = loaded.records();
        let ask = self.ask_with(request.actor, loaded, &records);
        let to = match &form.then {
            Some(template) => local(&text_of(template, &ask, encode_segment)?),
            None => request.path.to_owned(),
        };
        let say = form.say.as_ref().map(|template| text_of(template, &ask, ToOwned::to_owned)).transpose()?;
        Ok(FormAnswer::Done { to, say })
    }

    /// The page's forms as its template sees them.
    pub(crate) fn form_views(
        &self,
        page: &Page,
        loaded: &Loaded,
        actor: &crate::Actor,
        mistaken: Option<&Mistaken<'_>>,
    ) -> Vec<(String, FormView)> {
        let view = |(name, form): (&String, &Form)| {
            let mistaken = mistaken.filter(|mistaken| mistaken.name == name);
            (name.clone(), self.form_view(name, form, loaded, actor, mistaken))
        };
        page.forms.iter().map(view).collect()
    }

    fn form_view(
        &self,
        name: &str,
        form: &Form,
        loaded: &Loaded,
        actor: &crate::Actor,
        mistaken: Option<&Mistaken<'_>>,
    ) -> FormView {
        let model = self.model(form.model);
        let record = match &form.action {
            FormAction::Create => None,
            FormAction::Update(of) | FormAction::Delete(of) => {
                loaded.data.iter().find_map(|(known, data)| match data {
                    Data::One(record) if known == of => Some(record.clone()),
                    _ => None,
                })
            }
        };
        let permissions = self.access().of(form.model, crate::access::Who::of(actor));
        let ask = Ask { now: loaded.now, ..self.ask(actor) };
        let fields: Vec<FieldView> = form
            .fields
            .iter()
            .filter(|field| permissions.fields[usize::from(field.0)].write_offered(&ask))
            .map(|field| {
                let field = model.field(*field);
                let offered =
                    loaded.options.iter().find(|options| options.form == name && options.field == field.id);
                let offered = offered.map(|offered| offered.choices.clone()).unwrap_or_default();
                FieldView {
                    name: field.name.clone(),
                    value: control_values(&model, field, record.as_ref(), mistaken),
                    options: self.with_linked(offered, &model, field, record.as_ref()),
                    messages: messages_of(mistaken, &field.name),
                    sentences: sentences_of(mistaken, &field.name),
                    required: false,
                }
            })
            .collect();
        let shown: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let messages = other_messages(mistaken, &model, &shown);
        FormView { model: Some(form.model), record, fields, messages }
    }

    /// What a list of refs may hold, and what it holds now although the others are too many to offer it: a form that
    /// did not show it would take it out.
    fn with_linked(
        &self,
        mut offered: Vec<(String, String)>,
        model: &Model,
        field: &Field,
        record: Option<&Record>,
    ) -> Vec<(String, String)> {
        let Some((rows, shape)) = record.and_then(|record| linked_rows(model, field.id, record)) else {
            return offered;
        };
        let label = self.model(shape.model).label;
        let known: HashSet<String> = offered.iter().map(|(id, _)| id.clone()).collect();
        let text = |row, field| shape.value(row, field).map(Value::to_text).unwrap_or_default();
        let linked = rows.iter().map(|row| (text(row, FieldId::ID), text(row, label)));
        offered.extend(linked.filter(|(id, _)| !known.contains(id)));
        offered
    }
}

/// What stands in a control: the old input after an error, else the record's value, else the default.
pub(crate) fn control_values(
    model: &Model,
    field: &Field,
    record: Option<&Record>,
    mistaken: Option<&Mistaken<'_>>,
) -> Vec<String> {
    if field.ty.name() == "password" {
        return Vec::new();
    }
    if let Some(mistaken) = mistaken {
        let of_field = |(name, _): &&(String, String)| *name == field.name;
        return mistaken.pairs.iter().filter(of_field).map(|(_, text)| text.clone()).collect();
    }
    match record {
        Some(record) if field.is_many() => {
            linked(model, field.id, record).iter().map(Value::to_text).collect()
        }
        Some(record) => match record.shape.value(&record.row, field.id) {
            Some(value) if !matches!(value, Value::Null | Value::Withheld) => vec![value.to_text()],
            _ => Vec::new(),
        },
        None => match &field.default {
            Some(Source::Literal(value)) if !value.is_null() => vec![value.to_text()],
            Some(Source::Ids(ids)) => ids.iter().map(Value::to_text).collect(),
            _ => Vec::new(),
        },
    }
}

/// What a form shows of the lists of refs that it changes.
fn shown_lists(
    model: &Model,
    form: &Form,
    records: &[(String, Record)],
    name: &str,
) -> Vec<(FieldId, Vec<Id>)> {
    let Some((_, record)) = records.iter().find(|(known, _)| known == name) else { return Vec::new() };
    let lists = form.fields.iter().filter(|field| model.field(**field).is_many());
    lists
        .map(|field| {
            let ids = linked(model, *field, record).into_iter().filter_map(|id| id.as_id());
            (*field, ids.collect())
        })
        .collect()
}

/// The ids that a record's list of refs holds, as far as it was loaded.
fn linked(model: &Model, field: FieldId, record: &Record) -> Vec<Value> {
    let Some((rows, shape)) = linked_rows(model, field, record) else { return Vec::new() };
    rows.iter().filter_map(|row| shape.value(row, FieldId::ID)).cloned().collect()
}

fn linked_rows<'record>(
    model: &Model,
    field: FieldId,
    record: &'record Record,
) -> Option<(&'record [Arc<Row>], &'record Shape)> {
    let relation = model.relations.iter().find(|relation| relation.by == RelationBy::Refs(field))?;
    match record.shape.related(&record.row, relation.id)? {
        (Related::Many(rows), shape) => Some((rows, shape)),
        _ => None,
    }
}

pub(crate) fn messages_of(mistaken: Option<&Mistaken<'_>>, field: &str) -> Vec<String> {
    let messages = mistaken.map(|mistaken| mistaken.messages.as_slice()).unwrap_or_default();
    let of_field = |message: &&FieldMessage| message.base() == field && !is_sentence(message);
    messages.iter().filter(of_field).map(told).collect()
}

/// With the path in a document where that is what is wrong.
fn told(message: &FieldMessage) -> String {
    match message.field[message.base().len()..].trim_start_matches('.') {
        "" => message.message.clone(),
        path => format!("at {path}: {}", message.message),
    }
}

/// What is wrong with a field in words of the site's own.
pub(crate) fn sentences_of(mistaken: Option<&Mistaken<'_>>, field: &str) -> Vec<String> {
    let messages = mistaken.map(|mistaken| mistaken.messages.as_slice()).unwrap_or_default();
    let of_field = |message: &&FieldMessage| message.base() == field && is_sentence(message);
    messages.iter().filter(of_field).map(|message| message.message.clone()).collect()
}

/// Whether the site's owner wrote the message: of a check, or of a key over several fields.
fn is_sentence(message: &FieldMessage) -> bool {
    message.code == "check" || (message.code == "unique" && message.message != "is already taken")
}

/// What is wrong with the record as a whole, or with fields that the form does not show.
pub(crate) fn other_messages(mistaken: Option<&Mistaken<'_>>, model: &Model, shown: &[&str]) -> Vec<String> {
    let messages = mistaken.map(|mistaken| mistaken.messages.as_slice()).unwrap_or_default();
    messages
        .iter()
        .filter(|message| !shown.contains(&message.base()))
        .map(|message| match model.field_named(message.base()) {
            _ if is_sentence(message) => message.message.clone(),
            Some(field) => format!("{} {}", field.label, told(message)),
            None if message.field.is_empty() => message.message.clone(),
            None => format!("{} {}", message.field, message.message),
        })
        .collect()
}

fn posted_form<'page>(
    page: &'page Page,
    pairs: &[(String, String)],
) -> Result<(&'page str, &'page Form), Failure> {
    let named = pairs.iter().find(|(name, _)| name == "_form").map(|(_, form)| form.as_str());
    let found = match named {
        Some(name) => page.forms.get_key_value(name),
        None if page.forms.len() == 1 => page.forms.first(),
        None => None,
    };
    let (name, form) = found.ok_or_else(|| Failure::BadRequest {
        code: "unknown_form",
        parameter: Some("_form".to_owned()),
        message: "this page has no such form".to_owned(),
    })?;
    Ok((name, form))
}

fn id_in(records: &[(String, Record)], name: &str) -> Result<Id, Failure> {
    let record = records.iter().find(|(known, _)| known == name).map(|(_, record)| record);
    record.and_then(purlin_pages::view::id_of).ok_or(Failure::NotFound)
}

fn text_of(template: &TextTemplate, ask: &Ask<'_>, encode: fn(&str) -> String) -> Result<String, Failure> {
    let mut text = String::new();
    for part in &template.parts {
        match part {
            TextPart::Literal(literal) => text.push_str(literal),
            TextPart::Expr(expr) => match expr::eval(expr, ask) {
                Evaluated::Value(Value::Null) | Evaluated::Error => {}
                Evaluated::Value(value) => text.push_str(&encode(&value.to_text())),
                Evaluated::Unavailable => {
                    return Err(Failure::Internal("a form's text names what the page has not".to_owned()));
                }
            },
        }
    }
    Ok(text)
}

/// A path of this site: where its first piece came out empty, two slashes would name another host.
fn local(path: &str) -> String {
    format!("/{}", path.trim_start_matches(['/', '\\']))
}

/// A value as one segment of a path or one value of a query.
fn encode_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'.' if text.bytes().any(|byte| byte != b'.') => encoded.push('.'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{encode_segment, local};

    #[test]
    fn attack_14_no_empty_piece_makes_a_path_lead_elsewhere() {
        for (text, path) in
            [("/", "/"), ("//evil.net", "/evil.net"), ("///\\a", "/a"), ("/a//b", "/a//b"), ("", "/")]
        {
            assert_eq!(local(text), path);
        }
    }

    #[test]
    fn a_value_stays_within_its_segment() {
        assert_eq!(encode_segment("a/b?c#d e\u{e9}"), "a%2Fb%3Fc%23d%20e%C3%A9");
        assert_eq!(encode_segment("v1.2"), "v1.2");
        assert_eq!(encode_segment(".."), "%2E%2E");
    }
}
