//! The models that Purlin itself brings: `users`, which a site adds to, and those whose names begin with `_`.

use super::toml::Text;
use crate::model::{Field, OnDelete, Rule, Source};
use crate::settings::AccountSettings;
use crate::types;
use crate::value::Value;

/// A field with what it refers to by name.
pub(super) struct OwnField {
    pub(super) field: Field,
    pub(super) unique: bool,
    pub(super) index: bool,
    /// The model and what deleting it does.
    pub(super) to: Option<(&'static str, OnDelete)>,
    /// Who may read it, where it is not everybody who may read the record.
    pub(super) read: Option<&'static str>,
}

/// Whoever has an account may read and change it.
pub(super) const OWN_ACCOUNT: &str = "this == user";

/// The fields that `users` has in every site.
pub(super) fn users(accounts: &AccountSettings) -> Vec<OwnField> {
    let email = Field { required: true, max: Some(Value::Int(254)), ..field("email", "email") };
    let mut password = Field { hidden: true, ..field("password", "password") };
    if let Some(least) = accounts.passwords.min {
        password.min = Some(Value::Int(least.into()));
    }
    let roles = ["user", "admin"].into_iter().map(str::to_owned).chain(accounts.roles.iter().cloned());
    let role = Field {
        required: true,
        choices: roles.collect(),
        default: Some(Source::Literal(Value::from("user"))),
        write: Rule::Administrators,
        ..field("role", "choice")
    };
    // Whoever is suspended is nobody until that is lifted.
    let suspended = Field {
        required: true,
        default: Some(Source::Literal(Value::Bool(false))),
        read: Rule::Administrators,
        write: Rule::Administrators,
        ..field("suspended", "bool")
    };
    vec![
        OwnField { unique: true, read: Some(OWN_ACCOUNT), ..own(email) },
        own(password),
        own(role),
        own(suspended),
    ]
}

/// Purlin's own models, by name.
pub(super) fn internal() -> Vec<(&'static str, Vec<OwnField>)> {
    let required = |name, ty| Field { required: true, ..field(name, ty) };
    let kinds = ["cookie", "token", "api"].map(str::to_owned).to_vec();
    let kind = Field { choices: kinds, ..required("kind", "choice") };
    let sessions = vec![
        OwnField { unique: true, ..own(Field { hidden: true, ..required("token_hash", "text") }) },
        OwnField { to: Some(("users", OnDelete::Cascade)), ..own(required("user", "ref")) },
        own(kind),
        own(required("seen_at", "datetime")),
        OwnField { index: true, ..own(required("expires_at", "datetime")) },
        own(field("user_agent", "text")),
        // When its owner last showed who he is, and as whom he acts.
        own(field("proved_at", "datetime")),
        OwnField { to: Some(("users", OnDelete::SetNull)), ..own(field("acts_as", "ref")) },
        // Of a personal access token: what its owner calls it, and what it may do.
        own(field("name", "text")),
        own(Field { max: None, ..field("scopes", "text") }),
    ];
    let tokens = vec![
        OwnField { unique: true, ..own(Field { hidden: true, ..required("token_hash", "text") }) },
        own(required("purpose", "text")),
        // Nobody's where it was asked for an address without an account: it opens nothing.
        OwnField { to: Some(("users", OnDelete::Cascade)), ..own(field("user", "ref")) },
        own(required("address", "text")),
        own(Field { hidden: true, ..field("data", "text") }),
        OwnField { index: true, ..own(required("expires_at", "datetime")) },
    ];
    let members = vec![
        OwnField { to: Some(("users", OnDelete::Cascade)), ..own(required("user", "ref")) },
        OwnField { index: true, ..own(required("group", "text")) },
        // Both together, since nobody is in a group twice.
        OwnField { unique: true, ..own(required("key", "text")) },
    ];
    let identities = vec![
        // A hash of who says so and of whom: an identity is one user's.
        OwnField { unique: true, ..own(Field { hidden: true, ..required("key", "text") }) },
        OwnField { to: Some(("users", OnDelete::Cascade)), ..own(required("user", "ref")) },
        own(required("provider", "text")),
        own(field("account", "text")),
        own(field("seen_at", "datetime")),
    ];
    vec![
        ("_sessions", sessions),
        ("_tokens", tokens),
        ("_identities", identities),
        ("_mails", mails()),
        ("_members", members),
        ("_factors", factors()),
        ("_recovery_codes", recovery_codes()),
        ("_audit", audit()),
    ]
}

/// The audit log. It refers to nothing, so that what it says outlives what it speaks of.
fn audit() -> Vec<OwnField> {
    let required = |name| Field { required: true, ..field(name, "text") };
    let long = |name| own(Field { max: None, ..field(name, "text") });
    vec![
        OwnField { index: true, ..own(required("event")) },
        own(required("model")),
        OwnField { index: true, ..own(field("record", "text")) },
        OwnField { index: true, ..own(field("user", "text")) },
        own(field("acting", "text")),
        own(field("way", "text")),
        own(field("address", "text")),
        own(field("request", "text")),
        long("changes"),
    ]
}

/// Second factors.
fn factors() -> Vec<OwnField> {
    let required = |name, ty| Field { required: true, ..field(name, ty) };
    vec![
        OwnField { to: Some(("users", OnDelete::Cascade)), ..own(required("user", "ref")) },
        own(Field { choices: vec!["app".to_owned()], ..required("kind", "choice") }),
        // What there is once: the app of an account.
        OwnField { unique: true, ..own(Field { hidden: true, ..required("key", "text") }) },
        own(Field { hidden: true, ..required("secret", "text") }),
        // It only rises: the last step of which a code was taken.
        own(required("counter", "int")),
        own(required("wrong", "int")),
        own(required("wrong_since", "datetime")),
        own(field("used_at", "datetime")),
    ]
}

/// What signs in once where a factor is lost.
fn recovery_codes() -> Vec<OwnField> {
    let required = |name, ty| Field { required: true, ..field(name, ty) };
    vec![
        OwnField { to: Some(("users", OnDelete::Cascade)), ..own(required("user", "ref")) },
        OwnField { unique: true, ..own(Field { hidden: true, ..required("code_hash", "text") }) },
    ]
}

/// The outbox.
fn mails() -> Vec<OwnField> {
    let required = |name, ty| Field { required: true, ..field(name, ty) };
    let states = ["waiting", "sent", "dead", "void"].map(str::to_owned).to_vec();
    let hidden = |name| own(Field { hidden: true, ..field(name, "text") });
    vec![
        own(Field { choices: states, ..required("state", "choice") }),
        own(required("template", "text")),
        OwnField { index: true, ..own(required("recipient", "text")) },
        own(required("subject", "text")),
        // Links in them open accounts: gone as soon as they are sent.
        hidden("text"),
        hidden("html"),
        own(required("message_id", "text")),
        own(required("attempts", "int")),
        OwnField { index: true, ..own(required("due_at", "datetime")) },
        own(required("expires_at", "datetime")),
        own(field("sent_at", "datetime")),
        own(field("error", "text")),
    ]
}

/// A text of ours that is checked like a site's.
pub(super) fn rule_text(rule: &str) -> Text {
    Text::ours(rule)
}

fn own(field: Field) -> OwnField {
    OwnField { field, unique: false, index: false, to: None, read: None }
}

fn field(name: &str, ty: &str) -> Field {
    let ty = types::named(ty).unwrap_or(types::TYPES[0]);
    let (min, max) = ty.default_limits();
    Field { min, max, ..Field::plain(name, ty) }
}
