//! Proposals: what a caller wants written, parsed and validated field by field.
//!
//! All that is wrong is told at once. What the asker may never write is refused by name; what depends on
//! the record is left to the writer as a guard. Nothing here touches the database.

use std::collections::HashSet;

use purlin_schema::model::Source;
use purlin_schema::types::Problem;
use purlin_schema::{Field, FieldId, Id, Kind, Model, Value};
use purlin_schema::{expr, free};

use purlin_store::Guard;

use crate::access::{Access, Permissions, Verdict, Who};
use crate::inputs::Ask;
use crate::records::{Fields, Given};
use crate::{Actor, FieldMessage};

/// What writing is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A new record: what is absent gets its default.
    Create,
    /// Only what is given changes.
    Patch,
    /// As [`Mode::Patch`], and an object that is given for a document is merged into the one that is stored.
    Merge,
    /// What is absent and may be written gets its default or null.
    Replace,
}

/// A parsed and validated input.
#[derive(Default)]
pub(crate) struct Proposal {
    pub(crate) values: Vec<(FieldId, Value)>,
    pub(crate) merges: Vec<(FieldId, serde_json::Value)>,
    pub(crate) links: Vec<(FieldId, Vec<Id>)>,
    pub(crate) messages: Vec<FieldMessage>,
    given: HashSet<FieldId>,
    /// What the asker himself gave, as against defaults and what a form sets.
    asked: Vec<FieldId>,
    /// What a replacement resets because it was not given.
    reset: Vec<FieldId>,
}

/// By which rules an input is read.
pub(crate) struct Reader<'ask> {
    pub(crate) model: &'ask Model,
    pub(crate) permissions: &'ask Permissions,
    pub(crate) actor: &'ask Actor,
    /// The only fields that are taken; all that may be written where absent.
    pub(crate) allowed: Option<&'ask [FieldId]>,
    /// What is needed although the model does without.
    pub(crate) also_required: Option<FieldId>,
    pub(crate) mode: Mode,
    pub(crate) ask: &'ask Ask<'ask>,
}

impl FieldMessage {
    /// What is wrong with a field's value, or at a path in the document that it is: `meta.colour`.
    pub(crate) fn of(field: &Field, problem: Problem) -> FieldMessage {
        let at = match field.name == free::COLUMN {
            // Free fields are named as they are given.
            true => problem.at.trim_start_matches('.').to_owned(),
            false => format!("{}{}", field.name, problem.at),
        };
        FieldMessage::new(&at, problem.code, problem.message)
    }

    /// The field that it is about, without a path in it.
    pub(crate) fn base(&self) -> &str {
        self.field.split(['.', '[']).next().unwrap_or_default()
    }

    pub(crate) fn new(field: &str, code: &str, message: impl Into<String>) -> FieldMessage {
        FieldMessage { field: field.to_owned(), code: code.to_owned(), message: message.into() }
    }
}

impl Proposal {
    /// The proposed value of a field, where it is set.
    pub(crate) fn value(&self, field: FieldId) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// Every field that is to be written.
    fn fields(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.values.iter().map(|(field, _)| *field).chain(self.links.iter().map(|(field, _)| *field))
    }

    /// Takes the id out, where the owner decided it already.
    pub(crate) fn take_id(&mut self) -> Option<Id> {
        let at = self.values.iter().position(|(field, _)| *field == FieldId::ID)?;
        self.values.remove(at).1.as_id()
    }

    fn complain(&mut self, field: &str, code: &str, message: impl Into<String>) {
        self.messages.push(FieldMessage::new(field, code, message));
    }

    fn set(&mut self, field: FieldId, value: Value) {
        self.given.insert(field);
        match self.values.iter_mut().find(|(known, _)| *known == field) {
            Some((_, old)) => *old = value,
            None => self.values.push((field, value)),
        }
    }

    fn link(&mut self, field: FieldId, ids: Vec<Id>) {
        self.given.insert(field);
        self.links.retain(|(known, _)| *known != field);
        self.links.push((field, ids));
    }
}

impl Reader<'_> {
    /// Reads an input, then sets what a page's form sets besides, then defaults, then validates.
    pub(crate) fn read(&self, fields: &Fields<'_>, set: &[(FieldId, Source)]) -> Proposal {
        let mut proposal = Proposal::default();
        match fields {
            Fields::Json(object) => self.read_json(object, &mut proposal),
            Fields::Form(pairs) => self.read_form(pairs, &mut proposal),
            Fields::Values(values) => self.read_values(values, &mut proposal),
        }
        proposal.asked =
            proposal.given.iter().copied().filter(|field| !self.is_default(*field, &proposal)).collect();
        // In the order of the model, so that messages about them always come in one.
        proposal.asked.sort_unstable_by_key(|field| field.0);
        self.sanitise(&mut proposal);
        for (field, source) in set {
            self.apply(self.model.field(*field), source, &mut proposal);
        }
        let known = proposal.given.clone();
        self.complete(&mut proposal);
        if self.mode == Mode::Replace {
            proposal.reset = proposal.fields().filter(|field| !known.contains(field)).collect();
        }
        self.validate(&mut proposal);
        proposal
    }

    fn read_json(&self, object: &serde_json::Map<String, serde_json::Value>, proposal: &mut Proposal) {
        let mut free = serde_json::Map::new();
        for (name, json) in object {
            if self.takes_free(name) {
                free.insert(name.clone(), json.clone());
                continue;
            }
            let Some(field) = self.writable(name, proposal) else { continue };
            if field.is_many() {
                match ids_from_json(field, json) {
                    Ok(ids) => proposal.link(field.id, ids),
                    Err(message) => proposal.complain(name, "wrong_type", message),
                }
                continue;
            }
            if json.is_null() {
                proposal.set(field.id, Value::Null);
                continue;
            }
            match field.ty.from_json(field, json) {
                Ok(_) if self.mode == Mode::Merge && field.kind == Kind::Json && json.is_object() => {
                    proposal.given.insert(field.id);
                    proposal.merges.push((field.id, json.clone()));
                }
                Ok(value) => proposal.set(field.id, value),
                Err(problem) => self.refuse(field, problem, proposal),
            }
        }
        self.read_free(free, proposal);
    }

    /// Whether a name is that of a free field, or would be one if it were a better name. A form has none: it takes what
    /// its page names.
    fn takes_free(&self, name: &str) -> bool {
        let known = self.model.field_named(name).is_some() || self.model.relation_named(name).is_some();
        self.model.free.is_some() && self.allowed.is_none() && !known
    }

    /// What is not declared: a document of its own, of which a change changes what it names.
    fn read_free(&self, free: serde_json::Map<String, serde_json::Value>, proposal: &mut Proposal) {
        let Some(id) = self.model.free.filter(|_| !free.is_empty()) else { return };
        let before = proposal.messages.len();
        for name in free.keys() {
            if let Some(problem) = free::fault(name) {
                proposal.complain(&shortened(name), problem.code, problem.message);
            } else if self.model.free_field(name).is_none() {
                proposal.complain(name, "bad_name", "is no free field: the model declares it");
            }
        }
        if proposal.messages.len() > before {
            return;
        }
        let (field, json) = (self.model.field(id), serde_json::Value::Object(free));
        match field.ty.from_json(field, &json) {
            Ok(_) if self.mode != Mode::Create && self.mode != Mode::Replace => {
                proposal.given.insert(id);
                proposal.merges.push((id, json));
            }
            Ok(value) => proposal.set(id, value),
            Err(problem) => {
                // One that is at fault by itself is named.
                let alone = |name: &&String| {
                    let alone = serde_json::json!({ name.as_str(): json[name.as_str()] });
                    field.ty.from_json(field, &alone).is_err()
                };
                let guilty = json.as_object().and_then(|map| map.keys().find(alone));
                let name = guilty.map(|name| shortened(name)).unwrap_or_default();
                proposal.complain(&name, problem.code, problem.message);
            }
        }
    }

    fn read_form(&self, pairs: &[(String, String)], proposal: &mut Proposal) {
        for (name, text) in pairs {
            if name == "_form" {
                continue;
            }
            let Some(field) = self.writable(name, proposal) else { continue };
            if field.is_many() {
                let Some(id) = id_from_text(field, text) else {
                    if !text.is_empty() {
                        proposal.complain(name, "not_found", "there is no such record");
                    }
                    continue;
                };
                let mut ids = proposal
                    .links
                    .iter()
                    .find(|(known, _)| *known == field.id)
                    .map(|(_, ids)| ids.clone())
                    .unwrap_or_default();
                ids.push(id);
                proposal.link(field.id, ids);
                continue;
            }
            let is_password = field.ty.name() == "password";
            if is_password && text.is_empty() && self.mode != Mode::Create {
                continue;
            }
            match field.ty.from_text(field, text) {
                Ok(value) => proposal.set(field.id, value),
                Err(problem) => self.refuse(field, problem, proposal),
            }
        }
        self.absent_controls(proposal);
    }

    fn read_values(&self, values: &[(FieldId, Given)], proposal: &mut Proposal) {
        for (id, given) in values {
            if let (true, Given::Value(Value::Json(json))) = (self.model.free == Some(*id), given) {
                self.read_free(json.as_object().cloned().unwrap_or_default(), proposal);
                continue;
            }
            let Some(field) = self.writable(&self.model.field(*id).name, proposal) else { continue };
            match given {
                Given::Value(value) => proposal.set(field.id, value.clone()),
                Given::Ids(ids) => proposal.link(field.id, ids.clone()),
            }
        }
    }

    /// A browser sends nothing for a box that is not ticked and for a list of which nothing is chosen.
    fn absent_controls(&self, proposal: &mut Proposal) {
        for id in self.allowed.unwrap_or_default() {
            let field = self.model.field(*id);
            // Nor does it show a control for what its user may not write.
            let shown = self.permissions.fields[usize::from(id.0)].write_offered(self.ask);
            if proposal.given.contains(id) || self.never_written(field) || !shown {
                continue;
            }
            if field.is_many() {
                proposal.link(*id, Vec::new());
            } else if field.kind == Kind::Bool {
                proposal.set(*id, Value::Bool(false));
            }
        }
    }

    /// The field of this name, where it may be written; else says why not.
    fn writable(&self, name: &str, proposal: &mut Proposal) -> Option<&Field> {
        let known = self.model.field_named(name).filter(|field| field.id != FieldId::VERSION);
        if known.is_none() && self.model.free.is_some() && self.model.relation_named(name).is_some() {
            proposal.complain(name, "unknown_field", "is what refers to this record, and is written there");
            return None;
        }
        let allowed = |field: &&Field| self.allowed.is_none_or(|allowed| allowed.contains(&field.id));
        let Some(field) = known.filter(allowed) else {
            let what = if self.allowed.is_some() { "is not a field of this form" } else { "is not a field" };
            proposal.complain(name, "unknown_field", what);
            return None;
        };
        if self.never_written(field) {
            // To whom no record shows it, it has no name: nobody learns from a refusal what there is.
            let is_known = !self.permissions.fields[usize::from(field.id.0)].read.is_never();
            let (code, what) =
                if is_known { ("read_only", "may not be set") } else { ("unknown_field", "is not a field") };
            proposal.complain(name, code, what);
            return None;
        }
        Some(field)
    }

    fn never_written(&self, field: &Field) -> bool {
        if field.computed.is_some() || field.id == FieldId::VERSION {
            return true;
        }
        if matches!(self.actor, Actor::Owner) {
            return false;
        }
        // What nobody reads nobody writes unseen, unless a page of the site offers it. (A password is both.)
        let offered = self.allowed.is_some_and(|allowed| allowed.contains(&field.id));
        if field.hidden && field.ty.name() != "password" && !offered {
            return true;
        }
        field.is_system() || self.permissions.fields[usize::from(field.id.0)].write.is_never()
    }

    fn refuse(&self, field: &Field, problem: Problem, proposal: &mut Proposal) {
        proposal.given.insert(field.id);
        proposal.messages.push(FieldMessage::of(field, problem));
    }

    /// HTML is stored as it will be shown, so that whoever reads it by API is as safe as a page's reader.
    fn sanitise(&self, proposal: &mut Proposal) {
        for (field, value) in &mut proposal.values {
            if self.model.field(*field).ty.name() == "html"
                && let Some(html) = value.as_text()
            {
                *value = Value::from(purlin_pages::sanitise(html).as_str());
            }
        }
    }

    fn complete(&self, proposal: &mut Proposal) {
        if matches!(self.mode, Mode::Patch | Mode::Merge) {
            return;
        }
        for field in &self.model.fields {
            if field.is_system() || field.computed.is_some() || proposal.given.contains(&field.id) {
                continue;
            }
            let absent_stays = self.never_written(field)
                || field.hidden
                || field.ty.name() == "password"
                || !self.permissions.fields[usize::from(field.id.0)].write_offered(self.ask);
            if self.mode == Mode::Replace && absent_stays {
                continue;
            }
            match &field.default {
                Some(default) => self.apply(field, default, proposal),
                None if self.mode == Mode::Replace && field.is_many() => proposal.link(field.id, Vec::new()),
                None if self.mode == Mode::Replace && field.from.is_none() => {
                    proposal.values.push((field.id, Value::Null));
                }
                None => {}
            }
        }
    }

    fn apply(&self, field: &Field, source: &Source, proposal: &mut Proposal) {
        match source {
            Source::Literal(value) => proposal.set(field.id, value.clone()),
            Source::Ids(ids) => proposal.link(field.id, ids.iter().filter_map(Value::as_id).collect()),
            // A visitor has no `user`: the field stays empty, and `required` says so where it matters.
            Source::Expr(expr) => {
                proposal.set(field.id, expr::eval(expr, self.ask).value().unwrap_or_default());
            }
        }
    }

    fn validate(&self, proposal: &mut Proposal) {
        let mut messages = Vec::new();
        let complained: HashSet<String> =
            proposal.messages.iter().map(|message| message.field.clone()).collect();
        for field in &self.model.fields {
            if field.is_system() || field.computed.is_some() || complained.contains(&field.name) {
                continue;
            }
            // Nobody need have free fields: that there is a place for them is our own concern.
            let required =
                field.required && self.model.free != Some(field.id) || self.also_required == Some(field.id);
            match proposal.value(field.id) {
                Some(value) if empty(value) && required && !self.derived(field, proposal) => {
                    messages.push(FieldMessage::new(&field.name, "required", "is required"));
                }
                Some(value) if !value.is_null() => {
                    let problems = field.ty.problems(field, value).into_iter();
                    messages.extend(problems.map(|problem| FieldMessage::of(field, problem)));
                }
                None if required
                    && self.mode == Mode::Create
                    && !field.is_many()
                    && !self.derived(field, proposal) =>
                {
                    messages.push(FieldMessage::new(&field.name, "required", "is required"));
                }
                _ => {}
            }
            if field.is_many() && field.required && self.lacks_links(field, proposal) {
                messages.push(FieldMessage::new(&field.name, "required", "is required"));
            }
        }
        proposal.messages.extend(messages);
    }

    /// Whether a new record would have this value anyway, so that giving it is no writing.
    fn is_default(&self, field: FieldId, proposal: &Proposal) -> bool {
        if self.mode != Mode::Create {
            return false;
        }
        match (&self.model.field(field).default, proposal.value(field)) {
            (Some(Source::Literal(default)), Some(value)) => default == value,
            (None, Some(value)) => value.is_null(),
            (None, None) => self.lacks_links(self.model.field(field), proposal),
            (Some(_), _) => false,
        }
    }

    fn lacks_links(&self, field: &Field, proposal: &Proposal) -> bool {
        match proposal.links.iter().find(|(known, _)| *known == field.id) {
            Some((_, ids)) => ids.is_empty(),
            None => self.mode == Mode::Create,
        }
    }

    /// Whether the store makes the value: a slug from another field that has one.
    fn derived(&self, field: &Field, proposal: &Proposal) -> bool {
        field.from.is_some_and(|from| {
            self.mode != Mode::Create || proposal.value(from).is_some_and(|value| !empty(value))
        })
    }
}

/// A name as a message tells it: nobody needs to read all of one that is too long.
fn shortened(name: &str) -> String {
    let mut short: String = name.chars().take(80).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

fn empty(value: &Value) -> bool {
    value.is_null() || value.as_text().is_some_and(str::is_empty)
}

fn id_from_text(field: &Field, text: &str) -> Option<Id> {
    field.kind.parse(text)?.as_id()
}

fn ids_from_json(field: &Field, json: &serde_json::Value) -> Result<Vec<Id>, String> {
    if json.is_null() {
        return Ok(Vec::new());
    }
    let list = json.as_array().ok_or("must be a list of ids")?;
    let mut ids = Vec::with_capacity(list.len());
    let mut seen = HashSet::with_capacity(list.len());
    for item in list {
        let id = field.ty.from_json(field, item).ok().and_then(|value| value.as_id());
        let id = id.ok_or("must be a list of ids")?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

impl Proposal {
    /// Guards about the fields that the asker himself gave: rules about writing them, and that what a ref names is there
    /// for him.
    pub(crate) fn guards(
        &self,
        model: &Model,
        permissions: &Permissions,
        access: &Access,
        who: Who,
    ) -> Vec<Guard> {
        let mut guards = Vec::new();
        for field in &self.asked {
            if let Some(condition) = &permissions.fields[usize::from(field.0)].write_condition {
                guards.push(Guard::FieldWrite(*field, condition.clone()));
            }
        }
        for field in &self.reset {
            if let Some(condition) = &permissions.fields[usize::from(field.0)].write_condition {
                guards.push(Guard::Kept(*field, condition.clone()));
            }
        }
        for field in self.fields() {
            let Some(reference) = &model.field(field).reference else { continue };
            let target = access.of(reference.to, who);
            let readable = match (&target.read, self.asked.contains(&field)) {
                (Verdict::When(_), true) => target.conditions.read.clone(),
                (Verdict::Never, true) => access.never(reference.to),
                _ => None,
            };
            guards.push(Guard::Referred(field, readable));
        }
        guards
    }
}
