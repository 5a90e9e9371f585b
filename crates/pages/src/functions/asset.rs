//! `asset("style.css")`: the URL of a static file, which changes with its content and so may be kept for ever.

use std::sync::Arc;

use minijinja::{Environment, Error};

use super::{Function, Links};
use crate::text::suggest;
use crate::value::{Shared, refusal};

pub(super) const FUNCTION: Function =
    Function { name: "asset", about: "The fingerprinted URL of a file in public/.", add };

fn add(env: &mut Environment<'static>, _: &Arc<Shared>, links: &Arc<Links>) {
    let links = links.clone();
    env.add_function("asset", move |name: &str| -> Result<String, Error> {
        links.asset(name).ok_or_else(|| refusal(links.no_asset(name)))
    });
}

impl Links {
    /// The URL of a static file.
    pub(crate) fn asset(&self, name: &str) -> Option<String> {
        self.assets.url(name.trim_start_matches('/'))
    }

    /// What is wrong with the name of a file that is not there.
    pub(crate) fn no_asset(&self, name: &str) -> String {
        let mut message = format!("there is no file `public/{}`", name.trim_start_matches('/'));
        let names = self.assets.names();
        if let Some(near) = suggest::nearest(name, names.iter().map(|name| name.trim_start_matches('/'))) {
            message.push_str(&format!("; did you mean `{near}`?"));
        }
        message
    }
}
