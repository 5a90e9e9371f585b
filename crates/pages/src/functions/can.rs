//! `can("update", post)`: whether who asks may do something, so that a page shows only what works.

use std::sync::Arc;

use minijinja::{Environment, Error, State, Value};

use super::{Function, Links};
use crate::text::suggest;
use crate::value::record::model_of;
use crate::value::root::Root;
use crate::value::{Shared, refusal};

/// What may be asked about.
pub(crate) const ACTIONS: [&str; 3] = [CREATE, "update", "delete"];

/// What may be asked about before there is a record.
pub(crate) const CREATE: &str = "create";

pub(super) const FUNCTION: Function =
    Function { name: "can", about: "Whether who asks may create, update or delete a record.", add };

fn add(env: &mut Environment<'static>, _: &Arc<Shared>, _: &Arc<Links>) {
    env.add_function("can", |state: &State, action: &str, what: &Value| -> Result<bool, Error> {
        let root = Root::of(state)?;
        if !ACTIONS.contains(&action) {
            return Err(refusal(format!(
                "`{action}` is nothing that one can ask about; {}",
                suggest::hint(action, ACTIONS)
            )));
        }
        let (model, record) = match model_of(what) {
            Some((model, record)) => (model, Some(record)),
            None => (named(&root, action, what)?, None),
        };
        root.view.oracle.can(action, model, record.as_ref()).map_err(refusal)
    });
}

/// The model that is named where there is no record yet: `can("create", "posts")`.
fn named(root: &Root, action: &str, what: &Value) -> Result<purlin_schema::ModelId, Error> {
    if action != CREATE {
        return Err(refusal(format!("can(\"{action}\", …) needs a record of the page")));
    }
    let name = what.as_str().ok_or_else(|| refusal("can(\"create\", …) needs the name of a model"))?;
    let models = &root.shared.site.models;
    models.named(name).map(|model| model.id).ok_or_else(|| {
        let names: Vec<&str> =
            models.iter().filter(|model| !model.internal).map(|model| model.name.as_str()).collect();
        refusal(format!("there is no model `{name}`; {}", suggest::hint(name, names)))
    })
}
