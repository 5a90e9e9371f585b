//! `csp_nonce()`: what lets one inline script run. A page that uses it is made anew for each request.

use std::sync::Arc;

use minijinja::{Environment, Error, State};

use super::{Function, Links};
use crate::value::root::Root;
use crate::value::{Shared, refusal};

/// The name under which the nonce stands in `View::extra`.
pub(crate) const NONCE: &str = "csp_nonce";

pub(super) const FUNCTION: Function = Function {
    name: NONCE,
    about: "The nonce of this answer, for the attribute nonce of an inline script.",
    add,
};

fn add(env: &mut Environment<'static>, _: &Arc<Shared>, _: &Arc<Links>) {
    env.add_function(NONCE, |state: &State| -> Result<String, Error> {
        let root = Root::of(state)?;
        let nonce =
            root.view.extra.iter().find(|(name, _)| name == NONCE).and_then(|(_, value)| value.as_str());
        let nonce = nonce.filter(|nonce| {
            nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
        });
        nonce.map(str::to_owned).ok_or_else(|| refusal("there is no nonce for this page"))
    });
}
