//! `user.is("editor")` and `user.can("posts.publish")`: the roles and permissions of who asks. False for a visitor.

use minijinja::{Environment, Error, ErrorKind, State, Value};

use crate::text::suggest;
use crate::value::record::model_of;
use crate::value::refusal;
use crate::value::root::Root;
use crate::view::id_of;

/// What may be called on `user`.
pub(crate) const METHODS: [&str; 2] = ["is", "can"];

/// Makes the two methods known.
pub(super) fn install(env: &mut Environment<'static>) {
    env.set_unknown_method_callback(|state, value, method, args| {
        if METHODS.contains(&method) && (value.is_none() || model_of(value).is_some()) {
            return answer(state, value, method, args).map(Value::from);
        }
        Err(Error::from(ErrorKind::UnknownMethod))
    });
}

fn answer(state: &State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<bool, Error> {
    let root = Root::of(state)?;
    let [name] = args else { return Err(refusal(format!("`user.{method}` takes one name"))) };
    let name = name.as_str().ok_or_else(|| refusal(format!("`user.{method}` takes the name as a text")))?;
    let site = &root.shared.site;
    if let Some((what, hint)) = unknown(site, method, name) {
        return Err(refusal(format!("there is no {what} `{name}`; {hint}")));
    }
    let Some((model, record)) = model_of(value) else { return Ok(false) };
    let asker = root.view.user.as_ref().and_then(id_of);
    if model != site.models.users().id || asker.is_none() || id_of(&record) != asker {
        return Err(refusal(format!(
            "`{method}` is known of who asks alone: write `user.{method}(\"{name}\")`"
        )));
    }
    Ok(match method {
        "is" => root.view.oracle.has_role(name),
        _ => root.view.oracle.has_permission(name),
    })
}

/// What a name is not, and what may be written instead.
pub(crate) fn unknown(
    site: &purlin_schema::Site,
    method: &str,
    name: &str,
) -> Option<(&'static str, String)> {
    let roles = site.models.roles();
    let (what, names): (_, Vec<&str>) = match method {
        "is" => ("role", roles.names().collect()),
        _ => ("permission", roles.permissions().collect()),
    };
    if names.contains(&name) {
        return None;
    }
    Some((what, suggest::hint(name, names)))
}
