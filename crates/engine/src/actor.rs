//! Who asks.

use std::sync::Arc;

use crate::accounts::Scopes;
use purlin_schema::roles::{ADMIN, Granted};
use purlin_schema::{FieldId, Id, Row, Shape, Value};

/// Who asks.
#[derive(Clone, Default)]
pub enum Actor {
    /// Nobody who is signed in.
    #[default]
    Visitor,
    /// A signed-in user.
    User(Arc<User>),
    /// The owner of the site at the command line: every rule holds, checks and validation stay.
    Owner,
}

/// A signed-in user, as loaded for this request.
pub struct User {
    /// His id.
    pub id: Id,
    /// His role.
    pub role: Box<str>,
    /// What his role and his groups stand for.
    pub granted: Arc<Granted>,
    /// What `row` has: every column but the password.
    pub shape: Arc<Shape>,
    /// His record.
    pub row: Arc<Row>,
    /// The session or token by which he is signed in.
    pub session: Option<Id>,
    /// When he last showed who he is, in microseconds UTC.
    pub proved_at: Option<i64>,
    /// The administrator who acts as him.
    pub acting: Option<Id>,
    /// What he may do at most, where he came with a personal access token.
    pub scopes: Option<Scopes>,
}

impl Actor {
    /// Whether every rule holds for him.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        match self {
            Actor::Visitor => false,
            Actor::User(user) => Actor::is_admin_role(&user.role),
            Actor::Owner => true,
        }
    }

    /// Whether it is the role for which every rule holds.
    #[must_use]
    pub fn is_admin_role(role: &str) -> bool {
        role == ADMIN
    }

    /// The user, where there is one.
    #[must_use]
    pub fn user(&self) -> Option<&Arc<User>> {
        match self {
            Actor::User(user) => Some(user),
            _ => None,
        }
    }
}

impl User {
    /// The value of a field of `users`.
    #[must_use]
    pub fn value(&self, field: FieldId) -> Option<&Value> {
        self.shape.value(&self.row, field)
    }
}
