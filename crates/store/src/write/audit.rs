//! What a commit changed, as rows of the audit log.

use purlin_schema::model::AuditLog;
use purlin_schema::value::write_json;
use purlin_schema::{Field, FieldId, Id, Model, Value};
use serde_json::{Map, Value as Json, json};

use super::session::Session;
use super::{Failure, Values, Write};
use crate::audit::{Audit, Author};
use crate::mutation::{Action, Change, Mutation, Refusal};

/// What stands for a value that is nobody's to read.
const MASK: &str = "•••";
/// Bytes of one value that are kept.
const LONGEST: usize = 8 << 10;

/// Purlin's own models whose records coming and going are events: made, gone.
const EVENTS: &[(&str, &str, &str)] = &[
    ("_members", "group_joined", "group_left"),
    ("_factors", "second_step_on", "second_step_off"),
    ("_identities", "identity_linked", "identity_unlinked"),
];

/// A row to be written.
struct Entry {
    event: &'static str,
    model: String,
    record: Option<Id>,
    /// Whom it is about, where nobody is known to have done it: who signs in.
    user: Option<Id>,
    changes: Map<String, Json>,
}

impl<S: Session> Write<'_, S> {
    /// Refuses what would change the log: rows are made, and deleted when the span is over for which they are kept.
    pub(super) async fn spare_the_log(&self, mutation: &Mutation) -> Result<(), Failure> {
        let Some(audit) = self.catalog.audit.as_ref().filter(|audit| audit.model == mutation.model) else {
            return Ok(());
        };
        match &mutation.action {
            Action::Create { .. } | Action::Copy { .. } => Ok(()),
            Action::Update { .. } => Err(Refusal::Forbidden.into()),
            Action::Delete { id, .. } => {
                let Some(row) = self.load(mutation.model, *id).await? else { return Ok(()) };
                let made = match row.get(usize::from(FieldId::CREATED_AT.0)) {
                    Some(Value::Datetime(made)) => *made,
                    _ => return Err(Refusal::Forbidden.into()),
                };
                match audit.kept_micros {
                    Some(kept) if made < mutation.now - kept => Ok(()),
                    _ => Err(Refusal::Forbidden.into()),
                }
            }
        }
    }

    /// Whether a new record of a model may have to be written down.
    pub(super) fn may_log(&self, model: &Model) -> bool {
        self.catalog.audit.as_ref().is_some_and(|audit| match audit.log {
            AuditLog::Off => false,
            AuditLog::All => true,
            _ => model.internal || model.id == audit.users,
        })
    }

    /// Writes down what was changed.
    pub(super) async fn audit(&mut self, mutations: &[Mutation]) -> Result<(), Failure> {
        let Some(audit) = self.catalog.audit.as_ref().filter(|audit| audit.log != AuditLog::Off) else {
            return Ok(());
        };
        let Some(first) = mutations.first() else { return Ok(()) };
        // A copy is the same database in another place, its log included.
        if matches!(first.action, Action::Copy { .. }) {
            return Ok(());
        }
        let author = mutations.iter().find_map(|mutation| mutation.author.as_deref());
        let entries: Vec<Entry> =
            self.changes.iter().filter_map(|change| self.entry(audit, author, change)).collect();
        for entry in entries {
            let values = row(audit, author, entry);
            let action = Action::Create { id: None, values, links: Vec::new() };
            let mutation = Mutation::new(audit.model, action, first.now);
            self.one(&mutation, &mutation.action).await?;
        }
        Ok(())
    }

    fn entry(&self, audit: &Audit, author: Option<&Author>, change: &Change) -> Option<Entry> {
        let everything = audit.log == AuditLog::All;
        match change {
            Change::Record { model, id, old, new } => {
                let of = self.model(*model);
                if of.internal && !crate::audit::OWN.contains(&of.name.as_str()) {
                    return None;
                }
                if of.internal {
                    return own(of, author, *id, old.as_ref(), new.as_ref());
                }
                let changes = differences(of, old.as_ref(), new.as_ref());
                let event = if *model == audit.users {
                    account_event(of, old.as_ref(), new.as_ref(), &changes)
                } else {
                    None
                };
                let event = event.or(everything.then_some(match (old, new) {
                    (None, _) => "create",
                    (_, None) => "delete",
                    _ => "update",
                }))?;
                let made_or_gone = old.is_none() || new.is_none();
                (made_or_gone || !changes.is_empty()).then(|| Entry {
                    event,
                    model: of.name.clone(),
                    record: Some(*id),
                    user: None,
                    changes,
                })
            }
            Change::Link { model, field, source, target, added } => {
                let of = self.model(*model);
                if of.internal || !everything {
                    return None;
                }
                let target = Json::from(Value::from(*target).to_text());
                let pair = if *added { json!([null, target]) } else { json!([target, null]) };
                let changes = [(of.field(*field).name.clone(), pair)].into_iter().collect();
                let event = if *added { "link" } else { "unlink" };
                Some(Entry { event, model: of.name.clone(), record: Some(*source), user: None, changes })
            }
        }
    }
}

/// What happened to an account, where it is more than a change of what it says of somebody.
fn account_event(
    users: &Model,
    old: Option<&Values>,
    new: Option<&Values>,
    changes: &Map<String, Json>,
) -> Option<&'static str> {
    match (old, new) {
        (None, _) => Some("account_made"),
        (_, None) => Some("account_deleted"),
        _ if changes.is_empty() => None,
        _ => {
            let changed = |name: &str| users.field_named(name).is_some() && changes.contains_key(name);
            [
                ("role", "role_changed"),
                ("password", "password_changed"),
                ("email", "email_changed"),
                ("suspended", "suspension_changed"),
                ("suspended_at", "suspension_changed"),
            ]
            .into_iter()
            .find(|(field, _)| changed(field))
            .map(|(_, event)| event)
        }
    }
}

/// Sessions, tokens and memberships, said of the user whose they are.
fn own(
    model: &Model,
    author: Option<&Author>,
    id: Id,
    old: Option<&Values>,
    new: Option<&Values>,
) -> Option<Entry> {
    let values = match (old, new) {
        (None, Some(values)) | (Some(values), None) => values,
        // That a session was used is no event.
        _ => return None,
    };
    let is_new = old.is_none();
    let value = |name: &str| Some(&values[usize::from(model.field_named(name)?.id.0)]);
    let text = |name: &str| value(name).and_then(Value::as_text);
    let user = value("user").and_then(Value::as_id);
    let pair = |text: &str| if is_new { json!([null, text]) } else { json!([text, null]) };
    let said = |names: &[&str]| -> Map<String, Json> {
        names.iter().filter_map(|name| Some(((*name).to_owned(), pair(text(name)?)))).collect()
    };
    let (event, changes) = match model.name.as_str() {
        "_sessions" => {
            let is_token = text("kind") == Some("api");
            // What ran out is swept up by nobody.
            if !is_new && author.is_none() {
                return None;
            }
            let event = match (is_token, is_new) {
                (true, true) => "token_made",
                (true, false) => "token_ended",
                (false, true) => "sign_in",
                (false, false) if author.is_some_and(|author| author.session == Some(id)) => "sign_out",
                (false, false) => "session_ended",
            };
            (event, said(&["kind", "name", "scopes"]))
        }
        // That an address was shown to be its user's stands among identities, and is none.
        "_identities" if text("provider") == Some("@") => return None,
        name => {
            let (_, made, gone) = EVENTS.iter().find(|(known, _, _)| *known == name)?;
            (if is_new { *made } else { *gone }, said(&["group", "name", "kind", "provider"]))
        }
    };
    let (model, record) = match event {
        "group_joined" | "group_left" => ("users".to_owned(), user),
        _ => (model.name.clone(), Some(id)),
    };
    Some(Entry { event, model, record, user, changes })
}

/// What is different in a record, each with what it was and what it is.
fn differences(model: &Model, old: Option<&Values>, new: Option<&Values>) -> Map<String, Json> {
    let at = |values: Option<&Values>, field: &Field| {
        values.map_or(Value::Null, |values| values[usize::from(field.id.0)].clone())
    };
    let mut changes = Map::new();
    for field in model.fields.iter().filter(|field| field.has_column() && !field.is_system()) {
        let (before, after) = (at(old, field), at(new, field));
        if before != after {
            changes.insert(field.name.clone(), json!([shown(field, &before), shown(field, &after)]));
        }
    }
    changes
}

/// A value as the log keeps it: what is hidden is masked, what is long is cut.
fn shown(field: &Field, value: &Value) -> Json {
    if matches!(value, Value::Null) {
        return Json::Null;
    }
    if field.hidden || field.ty.name() == "password" {
        return MASK.into();
    }
    let mut bytes = Vec::new();
    write_json(value, field.big, &mut bytes);
    if bytes.len() <= LONGEST {
        return serde_json::from_slice(&bytes).unwrap_or(Json::Null);
    }
    let text = value.to_text();
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}… ({} bytes)", &text[..end], text.len()).into()
}

fn row(audit: &Audit, author: Option<&Author>, entry: Entry) -> Vec<(FieldId, Value)> {
    let fields = &audit.fields;
    let id = |id: Option<Id>| id.map_or(Value::Null, |id| Value::from(Value::from(id).to_text()));
    let nobody = Author { way: "task", ..Author::default() };
    let author = author.unwrap_or(&nobody);
    let text = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
    vec![
        (fields.event, Value::from(entry.event)),
        (fields.model, Value::from(entry.model)),
        (fields.record, id(entry.record)),
        (fields.user, id(author.user.or(entry.user))),
        (fields.acting, id(author.acting)),
        (fields.way, text(author.way)),
        (fields.address, text(&author.address)),
        (fields.request, text(&author.request)),
        (fields.changes, Value::from(Json::Object(entry.changes).to_string())),
    ]
}
