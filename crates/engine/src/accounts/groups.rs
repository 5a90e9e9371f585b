//! Groups: which users are in which, and what they have of it.
//!
//! Which groups there are and which roles they carry is said in `site.toml`; who is in them is kept in the database and
//! read with the session at every request, so that whoever is taken out of a group has lost its roles with the next.

use std::sync::Arc;

use purlin_schema::query::{Limit, Query};
use purlin_schema::roles::{Granted, Roles};
use purlin_schema::{FieldId, Id, Input, ModelId, RowSet, Site, Value};
use purlin_store::mutation::Action;
use purlin_store::{CompileError, Prepared, Step, Store};

use super::{field, missing};
use crate::expressions::{field_is, whole_records};
use crate::{Actor, Engine, Failure, FieldMessage};

/// Groups of one user at most.
const MOST: u32 = 200;

pub(crate) struct Groups {
    model: ModelId,
    user: FieldId,
    group: FieldId,
    key: FieldId,
    /// The memberships of the user `Param("user")`; none where the site has no groups.
    of_user: Option<Arc<Prepared>>,
    /// The memberships of the user whose session was found before.
    of_session: Option<Arc<Prepared>>,
    /// The members of the group `Param("group")`.
    of_group: Arc<Prepared>,
}

impl Groups {
    pub(super) fn compile(site: &Site, session_user: FieldId, store: &Store) -> Result<Groups, CompileError> {
        let model = site.models.named("_members").ok_or_else(|| missing("_members"))?;
        let (user, group) = (field(model, "user")?, field(model, "group")?);
        let memberships = |of: FieldId, input: Input| -> Query {
            whole_records(model, field_is(model, model.field(of), input), Limit::AtMost(MOST))
        };
        let has_groups = !site.settings.roles.groups().is_empty();
        let prepared =
            |input: Input| has_groups.then(|| store.prepare(&memberships(user, input))).transpose();
        let everybody = Query { limit: Limit::All, ..memberships(group, Input::Param("group".to_owned())) };
        Ok(Groups {
            model: model.id,
            user,
            group,
            key: field(model, "key")?,
            of_user: prepared(Input::Param("user".to_owned()))?,
            of_session: prepared(Input::Data("session".to_owned(), session_user))?,
            of_group: store.prepare(&everybody)?,
        })
    }

    /// What is read after the session.
    pub(super) fn step(&self) -> Option<Step> {
        let query = self.of_session.clone()?;
        Some(Step { name: "groups".to_owned(), query, must_exist: false })
    }

    /// What a user has by his role and by the memberships that were read.
    pub(super) fn granted(&self, roles: &Roles, role: &str, members: Option<&RowSet>) -> Arc<Granted> {
        match members {
            Some(members) if !members.rows.is_empty() => {
                let group = |row| members.shape.value(row, self.group).and_then(Value::as_text);
                roles.of_member(role, members.rows.iter().filter_map(|row| group(row)))
            }
            _ => roles.of(role).clone(),
        }
    }
}

impl Engine {
    /// What a user has, looked up now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn granted_to(&self, user: Id, role: &str) -> Result<Arc<Granted>, Failure> {
        let groups = &self.inner.accounts.groups;
        let members = match &groups.of_user {
            Some(query) => Some(self.rows(query, &[("user".to_owned(), Value::from(user))]).await?),
            None => None,
        };
        Ok(groups.granted(&self.site().settings.roles, role, members.as_ref()))
    }

    /// Puts a user into a group; that he is in it already is no error.
    ///
    /// # Errors
    /// [`Failure::Invalid`] where there is no such group or user.
    pub async fn join_group(&self, user: Id, group: &str) -> Result<(), Failure> {
        self.known_group(group)?;
        let groups = &self.inner.accounts.groups;
        if self.member(user, group).await?.is_some() {
            return Ok(());
        }
        let values = vec![
            (groups.user, Value::from(user)),
            (groups.group, Value::from(group)),
            (groups.key, Value::from(format!("{group}:{}", Value::from(user).to_text()))),
        ];
        let action = Action::Create { id: None, values, links: Vec::new() };
        let guards = vec![purlin_store::Guard::Referred(groups.user, None)];
        let ask = self.ask(&Actor::Owner);
        self.commit_one(&ask, groups.model, action, guards, None).await.map(|_| ())
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where he is not in it.
    pub async fn leave_group(&self, user: Id, group: &str) -> Result<(), Failure> {
        self.known_group(group)?;
        let id = self.member(user, group).await?.ok_or(Failure::NotFound)?;
        let action = Action::Delete { id, if_version: None };
        let ask = self.ask(&Actor::Owner);
        self.commit_one(&ask, self.inner.accounts.groups.model, action, Vec::new(), None).await.map(|_| ())
    }

    /// Who is in a group.
    ///
    /// # Errors
    /// [`Failure::Invalid`] where there is no such group.
    pub async fn group_members(&self, group: &str) -> Result<Vec<Id>, Failure> {
        self.known_group(group)?;
        let groups = &self.inner.accounts.groups;
        let members = self.rows(&groups.of_group, &[("group".to_owned(), Value::from(group))]).await?;
        let user = |row| members.shape.value(row, groups.user).and_then(Value::as_id);
        Ok(members.rows.iter().filter_map(|row| user(row)).collect())
    }

    fn known_group(&self, group: &str) -> Result<(), Failure> {
        let groups = self.site().settings.roles.groups();
        if groups.contains_key(group) {
            return Ok(());
        }
        let names: Vec<&str> = groups.keys().map(String::as_str).collect();
        let message = match names.as_slice() {
            [] => "is unknown: `[groups]` in site.toml declares none".to_owned(),
            names => format!("is none of {}", names.join(", ")),
        };
        Err(Failure::Invalid(vec![FieldMessage::new("group", "unknown", message)]))
    }

    async fn member(&self, user: Id, group: &str) -> Result<Option<Id>, Failure> {
        let groups = &self.inner.accounts.groups;
        let members = self.rows(&groups.of_group, &[("group".to_owned(), Value::from(group))]).await?;
        let whose = |row| members.shape.value(row, groups.user).and_then(Value::as_id);
        let found = members.rows.iter().find(|row| whose(row) == Some(user));
        Ok(found.and_then(|row| members.shape.value(row, FieldId::ID)).and_then(Value::as_id))
    }
}
