//! The audit log, as actions use it: what they note besides what they write, and on whose behalf they write.

use purlin_schema::model::AuditLog;
use purlin_schema::{Id, Site, Value};
use purlin_store::audit::MODEL;
pub use purlin_store::audit::{Author, authored, this_is_a_command};
use purlin_store::mutation::Action;
use purlin_store::{CompileError, Mutation};

use crate::accounts::field;
use crate::{Actor, Engine};

/// The log's model and what a note sets.
pub(crate) struct Notes {
    model: purlin_schema::ModelId,
    event: purlin_schema::FieldId,
    of: purlin_schema::FieldId,
    user: purlin_schema::FieldId,
    acting: purlin_schema::FieldId,
    way: purlin_schema::FieldId,
    address: purlin_schema::FieldId,
    request: purlin_schema::FieldId,
    changes: purlin_schema::FieldId,
}

impl Notes {
    pub(crate) fn compile(site: &Site) -> Result<Notes, CompileError> {
        let none = || CompileError { message: format!("the log needs {MODEL}"), span: 0..0 };
        let model = site.models.named(MODEL).ok_or_else(none)?;
        Ok(Notes {
            model: model.id,
            event: field(model, "event")?,
            of: field(model, "model")?,
            user: field(model, "user")?,
            acting: field(model, "acting")?,
            way: field(model, "way")?,
            address: field(model, "address")?,
            request: field(model, "request")?,
            changes: field(model, "changes")?,
        })
    }
}

impl Engine {
    /// Whether anything is logged.
    #[must_use]
    pub fn is_audited(&self) -> bool {
        self.site().settings.audit.log != AuditLog::Off
    }

    /// Notes what happened and wrote nothing: a password that was wrong. That it cannot be noted is told to whoever runs
    /// the server and is no reason to refuse.
    pub(crate) async fn note_event(&self, event: &str, user: Option<Id>, changes: serde_json::Value) {
        if !self.is_audited() {
            return;
        }
        let notes = &self.inner.notes;
        let author = purlin_store::audit::current();
        let author = author.as_deref();
        let id = |id: Option<Id>| id.map_or(Value::Null, |id| Value::from(Value::from(id).to_text()));
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map_or(Value::Null, Value::from);
        let values = vec![
            (notes.event, Value::from(event)),
            (notes.of, Value::from("users")),
            (notes.user, id(user.or(author.and_then(|author| author.user)))),
            (notes.acting, id(author.and_then(|author| author.acting))),
            (notes.way, text(author.map(|author| author.way))),
            (notes.address, text(author.map(|author| author.address.as_str()))),
            (notes.request, text(author.map(|author| author.request.as_str()))),
            (notes.changes, Value::from(changes.to_string())),
        ];
        let action = Action::Create { id: None, values, links: Vec::new() };
        if let Err(error) = self.store().commit(vec![Mutation::new(notes.model, action, self.now())]).await {
            tracing::error!(%error, event, "an event was not written to the audit log");
        }
    }
}

/// Somebody who asks, as the log knows him.
#[must_use]
pub fn author_of(actor: &Actor, way: &'static str, address: String, request: String) -> Author {
    let user = actor.user();
    Author {
        user: user.map(|user| user.id),
        acting: user.and_then(|user| user.acting),
        session: user.and_then(|user| user.session),
        way: match user {
            None => "none",
            Some(user) if user.scopes.is_some() => "api",
            Some(_) => way,
        },
        address,
        request,
    }
}
