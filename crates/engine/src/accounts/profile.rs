//! The page of one's own account: a form for those of one's own fields that one may write.

use purlin_pages::view::{FieldView, FormView, Record};
use purlin_schema::{Field, FieldId};
use serde_json::json;

use crate::access::Who;
use crate::pages::{Mistaken, PageAnswer, PageRequest};
use crate::proposal::Mode;
use crate::records::{Fields, Limits};
use crate::{Actor, Engine, Failure};

const FORM: &str = "profile";

impl Engine {
    /// One's own account as a page; where a form was posted, it is taken, and nothing is given when that was done.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor.
    pub async fn account_page(
        &self,
        request: &PageRequest<'_>,
        mut extra: Vec<(String, serde_json::Value)>,
        posted: Option<&[(String, String)]>,
    ) -> Result<Option<PageAnswer>, Failure> {
        let user = request.actor.user().ok_or(Failure::Unauthenticated)?.clone();
        let fields = self.own_fields(request.actor);
        let mut mistaken = None;
        if let Some(pairs) = posted {
            let limits = Limits { allowed: Some(&fields), ..Limits::default() };
            let users = self.inner.accounts.users;
            let ask = self.ask(request.actor);
            let shown = Record { shape: user.shape.clone(), row: user.row.clone() };
            let instants = self.as_instants(&self.model(users), Some(&shown), pairs);
            let fields = Fields::Form(&instants);
            match self.change(&ask, users, user.id, None, fields, Mode::Patch, limits).await {
                Ok(_) => return Ok(None),
                Err(Failure::Invalid(messages)) => mistaken = Some(Mistaken { name: FORM, pairs, messages }),
                Err(failure) => return Err(failure),
            }
        }
        extra.push((FORM.to_owned(), json!(!fields.is_empty())));
        let users = self.model(self.inner.accounts.users);
        let record = Record { shape: user.shape.clone(), row: user.row.clone() };
        let view = |field: &FieldId| {
            let field = users.field(*field);
            FieldView {
                name: field.name.clone(),
                value: crate::pages::control_values(&users, field, Some(&record), mistaken.as_ref()),
                options: Vec::new(),
                messages: crate::pages::messages_of(mistaken.as_ref(), &field.name),
                sentences: crate::pages::sentences_of(mistaken.as_ref(), &field.name),
                required: false,
            }
        };
        let views = fields.iter().map(view).collect();
        let shown: Vec<&str> = fields.iter().map(|field| users.field(*field).name.as_str()).collect();
        let messages = crate::pages::other_messages(mistaken.as_ref(), &users, &shown);
        let form = FormView { model: Some(users.id), record: Some(record.clone()), fields: views, messages };
        let status = if mistaken.is_some() { 422 } else { 200 };
        let forms = vec![(FORM.to_owned(), form)];
        self.system_form("account/index.html", request, extra, forms, status).await.map(Some)
    }

    /// The fields of one's own that a form can show and its user may write; what signs one in has pages of its own.
    fn own_fields(&self, actor: &Actor) -> Vec<FieldId> {
        let accounts = &self.inner.accounts;
        let users = self.model(accounts.users);
        let permissions = self.access().of(users.id, Who::of(actor));
        if permissions.update.is_never() {
            return Vec::new();
        }
        let apart = [accounts.email, accounts.password, accounts.role, accounts.suspended];
        let ask = self.ask(actor);
        let fits = |field: &&Field| {
            !field.is_system()
                && !field.hidden
                && field.computed.is_none()
                && field.from.is_none()
                && field.reference.is_none()
                && !matches!(field.ty.name(), "json" | "password")
                && !apart.contains(&field.id)
                && permissions.fields[usize::from(field.id.0)].write_offered(&ask)
        };
        users.fields.iter().filter(fits).map(|field| field.id).collect()
    }
}
